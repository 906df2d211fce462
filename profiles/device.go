package profiles

import (
	"cmp"
	"slices"
	"strings"

	"enishi"
)

// maxDevices is how many devices of a person get a notification: those seen last.
const maxDevices = 5

// devices is the address of notifications: the tokens of the devices that can be reached, a line each, the one seen last first.
// Its id is that of the first. When none can be reached it is the one seen last.
func (v *View) devices(account string) (Subject, bool) {
	first := v.address("push", account)
	if first == nil {
		return Subject{}, false
	}
	out := *first
	if first.suppressed(account) != "" {
		return out, true
	}
	var all []*Subject
	for i := range v.Profile.Subjects {
		s := &v.Profile.Subjects[i]
		if s.Kind == enishi.PushToken && s.Value != "" && s != first && s.suppressed(account) == "" {
			all = append(all, s)
		}
	}
	slices.SortFunc(all, func(a, b *Subject) int {
		return cmp.Or(b.LastSeen.Compare(a.LastSeen), a.ID.Compare(b.ID))
	})
	values := []string{first.Value}
	for _, s := range all[:min(len(all), maxDevices-1)] {
		values = append(values, s.Value)
	}
	out.Value = strings.Join(values, "\n")
	return out, true
}

// landline tells a Japanese number that takes no SMS, however it is written: 060, 070, 080 and 090 do, but for 0800. What is
// abroad, or no number, is not judged here.
func landline(raw string) bool {
	plus := false
	digits := make([]byte, 0, 16)
	for _, r := range raw {
		switch {
		case r >= '0' && r <= '9':
			digits = append(digits, byte(r))
		case r >= '０' && r <= '９':
			digits = append(digits, byte(r-'０'+'0'))
		case r == '+' || r == '＋':
			plus = true
		}
	}
	national := string(digits)
	if plus {
		rest, japan := strings.CutPrefix(national, "81")
		if !japan {
			return false
		}
		national = "0" + strings.TrimPrefix(rest, "0")
	}
	if !strings.HasPrefix(national, "0") {
		return false
	}
	return len(national) != 11 || national[1] < '6' || national[2] != '0' || strings.HasPrefix(national, "0800")
}
