package segments

import (
	"testing"

	"pgregory.net/rapid"

	"enishi"
	"enishi/profiles"
)

// The short ways of this package answer as the view's own methods do.
func TestPersonEqualsView(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := profiles.New(enishi.NewID("identifier", "customer", "a"))
		for n := range 15 {
			p.Apply(drawEvent(t, n, "a", made), made)
			v := p.View()
			for channel, kind := range map[string]enishi.Kind{"email": enishi.Email, "line": enishi.LINEUser, "phone": enishi.Phone} {
				if _, ok := v.Address(channel); ok != hasAddress(v, kind) {
					t.Fatalf("address of %s: %v", channel, ok)
				}
			}
			for _, ch := range Channels() {
				if state, _ := v.Consent(ch, profiles.Marketing); (state == profiles.In) != consents(v, ch) {
					t.Fatalf("consent.%s: %s", ch, state)
				}
			}
			if _, until, held := v.Held(made); held != compiled(t, "held").Match(v, made) {
				t.Fatalf("held until %v: %v", until, held)
			}
		}
	})
}
