package line

import (
	"fmt"
	"testing"

	"enishi"
	linesim "enishi/internal/sim/line"
)

// TestFollowers: all pages of LINE's list are read, each friend once; a list that breaks off is no list.
func TestFollowers(t *testing.T) {
	t.Parallel()
	f := newFixture(t, linesim.Config{}, nil) // one friend
	for i := range 2*followersPage + 1 {
		if err := f.sim.Befriend(f.sim.UserID(fmt.Sprint(i)), ""); err != nil {
			t.Fatal(err)
		}
	}
	seen, pages := map[string]bool{}, 0
	each := func(ids []string) error {
		pages++
		for _, id := range ids {
			seen[id] = true
		}
		return nil
	}
	if err := f.Followers(t.Context(), each); err != nil || len(seen) != 2*followersPage+2 || pages != 3 {
		t.Errorf("%d friends on %d pages: %v", len(seen), pages, err)
	}
	for status, code := range map[int]enishi.Code{403: enishi.Conflict, 401: enishi.Conflict, 429: enishi.Unavailable, 500: enishi.Unavailable} {
		f.sim.Inject(linesim.Fault{Endpoint: "followers", Status: status})
		if err := f.Followers(t.Context(), each); enishi.ErrorCode(err) != code {
			t.Errorf("%d: %v", status, err)
		}
	}
}
