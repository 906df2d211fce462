package profiles

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"enishi"
)

// TestMixed: what tells that several people came together in one, and what a single person may well have.
func TestMixed(t *testing.T) {
	t.Parallel()
	type told map[string]string
	f := func(name string, tell []told, want ...string) {
		t.Helper()
		p := New(enishi.ID{1})
		for i, traits := range tell {
			e := event(i, "user.signed_up", start.Add(time.Duration(i)*time.Hour), someone{customer: fmt.Sprint("m", i)})
			e.Person.Traits = map[string]enishi.Value{}
			for k, v := range traits {
				e.Person.Traits[k] = enishi.TextValue(v)
			}
			p.Apply(read(t, e), clock)
		}
		if got := p.Mixed(); !slices.Equal(got, want) && len(got)+len(want) > 0 {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	f("one", []told{{"family_name": "山田", "given_name": "花子"}})
	f("one name in two spellings", []told{{"family_name": "山田", "given_name": "花子"}, {"name": "山田　花子 様"}, {"family_name": "山田"}, {"name": "Hanako Yamada"}})
	f("two names", []told{{"family_name": "山田", "given_name": "花子"}, {"name": "佐藤 一郎"}}, MixedNames)
	f("two in Latin letters", []told{{"name": "Hanako Yamada"}, {"name": "Ichiro Sato"}}, MixedNames)
	f("two birthdays", []told{{"birthday": "1990-01-02"}, {"birthday": "1990-01-02"}, {"birthday": "1961-05-05"}}, MixedBirthdays)
	f("who moved", []told{{"prefecture": "東京都"}, {"prefecture": "大阪府"}})
	f("three prefectures", []told{{"prefecture": "東京都"}, {"prefecture": "大阪府"}, {"prefecture": "福岡県"}}, MixedPrefectures)

	browsers := func(n int, apart time.Duration) []string {
		p := New(enishi.ID{1})
		for i := range n {
			p.Apply(read(t, event(i, "page.viewed", start.Add(time.Duration(i)*apart), someone{anonymous: fmt.Sprint("b", i)})), clock)
		}
		return p.Mixed()
	}
	if got := browsers(6, time.Hour); !slices.Equal(got, []string{MixedBrowsers}) {
		t.Errorf("six browsers in five hours: %v", got)
	}
	if got := append(browsers(5, time.Hour), browsers(20, 10*time.Hour)...); len(got) > 0 {
		t.Errorf("five in a day, or many in long: %v", got)
	}
}
