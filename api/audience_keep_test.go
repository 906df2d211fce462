package api

import (
	"testing"
	"time"

	"enishi"
	"enishi/segments/audiences"
)

// TestMended: a problem that needs somebody is tried at once when they may have mended it, and not over and over after that: a problem that lasts is one run, which began before the definition was saved.
func TestMended(t *testing.T) {
	at := time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	d := &enishi.Definition{At: at.Add(time.Hour)}
	s := &audiences.Standing{BeganAt: at, RetryAt: at.Add(2 * time.Hour), Problem: &audiences.Problem{Class: audiences.Auth}}
	w := &audienceWork{begun: true, saved: at}
	if !w.mended(d, s, false) {
		t.Error("saved since, and not tried")
	}
	w.saved = d.At
	if w.mended(d, s, false) {
		t.Error("tried once more for one saved definition")
	}
	if !w.mended(d, s, true) || !(&audienceWork{}).mended(d, s, false) {
		t.Error("not tried by an order, or by a new process")
	}
	s.Problem.Class = audiences.Rate
	if w.mended(d, s, true) {
		t.Error("a quota is not mended by an order")
	}
}
