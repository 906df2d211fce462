package profiles

import (
	"testing"
	"time"

	"enishi"
)

func TestLandline(t *testing.T) {
	for raw, want := range map[string]bool{"090-1234-5678": false, "+81 90-1234-5678": false, "０８０−１２３４−５６７８": false, "070 1234 5678": false, "06012345678": false, "03-1234-5678": true, "+81312345678": true,
		"0800-123-4567": true, "0120-123-456": true, "050-1234-5678": true, "+14155550123": false, "": false} {
		if landline(raw) != want {
			t.Errorf("%s: %t", raw, !want)
		}
	}
}

func TestDevices(t *testing.T) {
	then := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	p := &Profile{}
	for i, token := range []string{"a", "b", "c", "d", "e", "f", "g"} {
		p.Subjects = append(p.Subjects, Subject{ID: enishi.NewID(token), Kind: enishi.PushToken, Value: token, LastSeen: then.AddDate(0, 0, i)})
	}
	off := func(i int, method string) {
		p.Subjects[i].Consents = []Consent{{Channel: "push", Purpose: Marketing, Out: method != "", Method: method, At: then.AddDate(0, 0, 9)}}
	}
	f := func(want, state, reason string) {
		t.Helper()
		v := &View{Profile: p}
		got, _ := v.AddressOf("push", "")
		if got.Value != want {
			t.Errorf("%q, want %q", got.Value, want)
		}
		if s, _ := v.Consent("push", ""); s != state {
			t.Errorf("permission %s, want %s", s, state)
		}
		if r, _ := v.Suppressed("push"); r != reason {
			t.Errorf("suppressed %q, want %q", r, reason)
		}
	}
	f("g\nf\ne\nd\nc", Unknown, "")
	off(1, "")
	f("b\ng\nf\ne\nd", In, "") // who agreed goes first
	off(6, MethodRevoked)
	f("b\nf\ne\nd\nc", In, "") // one device alone is out
	p.Subjects[5].Lifetime.Bounced = then.AddDate(0, 0, 8)
	f("b\ne\nd\nc\na", In, "")
	off(1, MethodRevoked)
	for i := range p.Subjects {
		off(i, MethodRevoked)
	}
	f("g", Out, "revoked")
	off(2, "preferences")
	off(3, "")
	f("d\nc", Out, "") // refused in words: on no device
}
