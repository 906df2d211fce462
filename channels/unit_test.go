package channels

import (
	"regexp"
	"testing"
	"time"
)

func TestUnitName(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 30, 14, 59, 0, 0, time.UTC) // 23:59 in Japan
	got := UnitName("spring", "news", "a", at)
	if !regexp.MustCompile(`^[a-zA-Z0-9_]{1,30}$`).MatchString(got) || got[:7] != "202611_" {
		t.Errorf("%q", got)
	}
	seen := map[string]bool{got: true}
	for _, other := range []string{UnitName("spring", "news", "b", at), UnitName("spring", "new", "sa", at), UnitName("s", "news", "a", at), UnitName("spring", "news", "a", at.Add(time.Minute))} {
		if seen[other] {
			t.Errorf("%q stands for two things", other)
		}
		seen[other] = true
	}
	if UnitName("spring", "news", "a", at.AddDate(0, 0, -20)) != got {
		t.Error("one month has two names")
	}
}
