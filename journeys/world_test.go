package journeys

import (
	"strings"
	"testing"

	"enishi"
	"enishi/profiles"
	"enishi/segments"
)

// newWorld is a world that tries timers too early and whose errors end the test.
func newWorld(t testing.TB) *world {
	w := newWorldOf(readJourney, testTemplates, segments.Library{})
	w.early = true
	w.failed = func(err error) {
		t.Helper()
		t.Fatal(err)
	}
	return w
}

// galleryBody is the body of a ready-made definition.
func galleryBody(t testing.TB, kind, name string) []byte {
	t.Helper()
	for _, item := range Gallery() {
		if item.Kind == kind && item.Name == name {
			return item.Body
		}
	}
	t.Fatalf("the gallery has no %s %s", kind, name)
	return nil
}

func mustCompile(t testing.TB, name string, version int64, body []byte) *Journey {
	t.Helper()
	j, err := Compile(name, version, body, segments.Library{})
	if err != nil {
		t.Fatalf("compile %s: %v", name, err)
	}
	j.Live = true
	return j
}

// testTemplates knows each template by its name: NAME_mail, NAME_line, NAME_sms.
func testTemplates(name string) (int64, string, bool) {
	if strings.HasSuffix(name, "_mail") {
		return 7, "email", true
	}
	for _, channel := range enishi.MessageChannels() {
		if strings.HasSuffix(name, "_"+channel) {
			return 7, channel, true
		}
	}
	return 0, "", false
}

func decode(t testing.TB, id enishi.ID, state string) *profiles.Profile {
	p, err := profiles.Decode(id, state)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// printed is the fingerprint of a world that can be written.
func printed(t testing.TB, w *world) string {
	t.Helper()
	s, err := w.fingerprint()
	if err != nil {
		t.Fatal(err)
	}
	return s
}
