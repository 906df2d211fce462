package journeys

import (
	"strings"
	"testing"
	"time"

	"enishi/segments"
)

func TestBroadcastEntry(t *testing.T) {
	t.Parallel()
	body := func(entry, state string) []byte {
		return []byte(`{"title":{"ja":"a","en":"a"},"state":"` + state + `","purpose":"marketing","consent":"opt_in","entry":{` + entry + `},"start":"m",
			"nodes":{"m":{"type":"message","template":"t","next":"x"},"x":{"type":"exit"}}}`)
	}
	for entry, want := range map[string]string{
		`"sweep":true,"reentry":"never"`:                                                  "needs an event, a segment or a date",
		`"sweep":true,"segment":"a","reentry":"always"`:                                   "use never",
		`"sweep":true,"segment":"a","include_people_in":true,"reentry":"never"`:           "leave entered",
		`"sweep":true,"segment":"a","at":"tomorrow","reentry":"never"`:                    "write an instant",
		`"sweep":true,"segment":"a","list":"l","reentry":"never"`:                         "not both",
		`"event":"user.signed_up","list":"l","reentry":"never"`:                           "belong to a broadcast",
		`"segment":"a","exclude":["b"],"reentry":"never"`:                                 "belong to a broadcast",
		`"sweep":true,"event":"user.signed_up","segment":"a","reentry":"never"`:           "not both",
		`"event":"user.signed_up","at":"2026-12-01T00:00:00Z","reentry":"never","key":""`: "belong to a broadcast",
	} {
		if _, err := Compile("b", 1, body(entry, "live"), segments.Library{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", entry, err, want)
		}
	}
	set := func(state string) *Set {
		j, err := Compile("b", 1, body(`"sweep":true,"segment":"a","exclude":["c"],"at":"2026-12-01T10:00:00+09:00","reentry":"never"`, state), segments.Library{})
		if err != nil {
			t.Fatal(err)
		}
		j.Live = true
		return NewSet([]*Journey{j})
	}
	b, ok := set("live").Broadcast("b")
	if !ok || !b.Going || b.Over || strings.Join(b.Segments, " ") != "a c" || !b.At.Equal(time.Date(2026, 12, 1, 1, 0, 0, 0, time.UTC)) {
		t.Errorf("live: %+v", b)
	}
	if b, _ = set("paused").Broadcast("b"); b.Going || b.Over {
		t.Errorf("paused: %+v", b)
	}
	if b, _ = set("archived").Broadcast("b"); b.Going || !b.Over {
		t.Errorf("archived: %+v", b)
	}
}
