package profiles

import (
	"slices"
	"strings"
	"time"

	"enishi"
)

// What [Profile.Mixed] finds: signs that a profile is several people.
const (
	MixedNames       = "names"
	MixedBirthdays   = "birthdays"
	MixedPrefectures = "prefectures"
	MixedBrowsers    = "browsers"
)

// Bounds of [Profile.Mixed]. People move, so two prefectures are no sign; a person has a phone, a computer and the browsers inside of
// a few apps, and rarely more than that are new within a day.
const (
	mixedPrefectures = 3
	mixedBrowsers    = 6
	mixedWithin      = 24 * time.Hour
)

// Mixed lists signs that identifiers of several people came together in p: they tell different names, different birthdays or many
// prefectures, or many browsers came within a day. In the order of the constants; nothing when p has one identifier.
func (p *Profile) Mixed() []string {
	out := []string{}
	if len(p.Subjects) < 2 {
		return out
	}
	if p.names() > 1 {
		out = append(out, MixedNames)
	}
	if p.values("birthday") > 1 {
		out = append(out, MixedBirthdays)
	}
	if p.values("prefecture") >= mixedPrefectures {
		out = append(out, MixedPrefectures)
	}
	var browsers []time.Time
	for i := range p.Subjects {
		if s := &p.Subjects[i]; s.Kind == enishi.Anonymous {
			browsers = append(browsers, s.FirstSeen)
		}
	}
	slices.SortFunc(browsers, time.Time.Compare)
	for i := mixedBrowsers - 1; i < len(browsers); i++ {
		if browsers[i].Sub(browsers[i-mixedBrowsers+1]) <= mixedWithin {
			return append(out, MixedBrowsers)
		}
	}
	return out
}

// told is the text of a trait as a subject has it.
func (s *Subject) told(name string) string {
	for i := range s.Traits {
		if s.Traits[i].Name == name {
			return strings.TrimSpace(s.Traits[i].Value.String())
		}
	}
	return ""
}

// values counts the values that subjects have of a trait.
func (p *Profile) values(name string) int {
	var seen []string
	for i := range p.Subjects {
		if v := Fold(p.Subjects[i].told(name)); v != "" && !slices.Contains(seen, v) {
			seen = append(seen, v)
		}
	}
	return len(seen)
}

// names counts the names that subjects have. A part of a name is no other name, and neither is one in Latin letters beside one that is not.
func (p *Profile) names() int {
	var seen []string
	for i := range p.Subjects {
		s := &p.Subjects[i]
		name := s.told("family_name") + s.told("given_name")
		if name == "" {
			name = s.told("name")
		}
		name = strings.Join(strings.Fields(FoldName(name)), "")
		same := func(other string) bool {
			return strings.Contains(other, name) || strings.Contains(name, other) || latin(name) != latin(other)
		}
		if name != "" && !slices.ContainsFunc(seen, same) {
			seen = append(seen, name)
		}
	}
	return len(seen)
}

func latin(s string) bool { return strings.IndexFunc(s, func(r rune) bool { return r > 0x24f }) < 0 }
