package postal

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"enishi"
)

var tokyo = time.FixedZone("JST", 9*60*60)

func TestCutoff(t *testing.T) {
	t.Parallel()
	f := func(s Schedule, at, want string) {
		t.Helper()
		if s.At == "" {
			s.At = "18:00"
		}
		from, err := time.ParseInLocation("2006-01-02 15:04", at, tokyo)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Cutoff(from, tokyo).In(tokyo).Format("2006-01-02 15:04"); got != want {
			t.Errorf("%+v after %s: %s, want %s", s, at, got, want)
		}
	}
	f(Schedule{Every: EveryDay}, "2026-11-22 17:59", "2026-11-22 18:00")
	f(Schedule{Every: EveryDay}, "2026-11-22 18:00", "2026-11-23 18:00")
	f(Schedule{Every: EveryWeek, Days: []string{"mon", "thu"}}, "2026-11-23 18:00", "2026-11-26 18:00")
	f(Schedule{Every: EveryMonth, Days: []string{"31"}}, "2027-02-01 00:00", "2027-02-28 18:00")
	f(Schedule{Every: EveryMonth, Days: []string{"1", "15"}, At: "09:30"}, "2026-12-15 09:30", "2027-01-01 09:30")
	f(Schedule{Every: EveryManual}, "2026-12-15 09:30", "2027-01-01 00:00")
	name := BatchName("default", "card", (&Schedule{Every: EveryDay, At: "18:00"}).Cutoff(time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC), tokyo), tokyo)
	if name != "default-card-20261122" {
		t.Error(name)
	}
}

func TestSettingsFailure(t *testing.T) {
	t.Parallel()
	f := func(body, field string) {
		t.Helper()
		_, err := ParseSettings([]byte(body))
		var e *enishi.Error
		if !errors.As(err, &e) || e.Field != field || e.MsgJA == "" {
			t.Errorf("%s: %v", body, err)
		}
	}
	f(`{"accounts": {"default": {"shedule": {}}}}`, "body.body")
	f(`{"accounts": {"A": {}}}`, "accounts.A")
	f(`{"accounts": {"a": {"schedule": {"every": "week"}}}}`, "accounts.a.schedule.days")
	f(`{"accounts": {"a": {"schedule": {"every": "month", "days": ["0"]}}}}`, "accounts.a.schedule.days")
	f(`{"accounts": {"a": {"schedule": {"at": "24:00"}}}}`, "accounts.a.schedule.at")
	f(`{"accounts": {"a": {"recent": {"pieces": 1}}}}`, "accounts.a.recent")
	f(`{"accounts": {"a": {"delivery": {"kind": "sftp"}}}}`, "accounts.a.delivery.target")
	f(`{"accounts": {"a": {"house": "nobody"}}}`, "house")
}

func TestParseReturns(t *testing.T) {
	t.Parallel()
	f := func(text string, want ...string) {
		t.Helper()
		list, err := ParseReturns(strings.NewReader(text), tokyo)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			return
		}
		got := []string{}
		for _, x := range list {
			line := x.Text + " " + x.Reason
			if !x.At.IsZero() {
				line += " " + x.At.Format(time.RFC3339)
			}
			got = append(got, line)
		}
		if strings.Join(got, "|") != strings.Join(want, "|") {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	f("ABCD\n\nEFGH\r\n", "ABCD unknown_address", "EFGH unknown_address")
	f("\ufeffコード,返戻日,理由\nABCD,2026/11/22,転居先不明\n", "ABCD moved 2026-11-21T15:00:00Z")
	f("ABCD,受取拒絶\nEFGH,expired,2026-11-01", "ABCD refused", "EFGH expired 2026-10-31T15:00:00Z")
	for _, bad := range []string{"ABCD,lost\n", "ABCD,moved,22 Nov\n"} {
		if _, err := ParseReturns(strings.NewReader(bad), tokyo); err == nil || !strings.Contains(err.Error(), "line 1") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// TestReason: what stands against a piece.
func TestReason(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	run, other := enishi.NewID("run"), enishi.NewID("other")
	f := func(p Person, set Account, purpose, want string) {
		t.Helper()
		x := Piece{SendID: enishi.NewID("send"), RunID: run, Purpose: purpose, DecidedAt: now.Add(-time.Hour)}
		if got := p.Reason(&x, &set, now); got != want {
			t.Errorf("%+v: %q, want %q", p, got, want)
		}
	}
	f(Person{}, Account{}, "marketing", "")
	f(Person{Erased: true}, Account{}, "transactional", LeftErased)
	f(Person{Deceased: true}, Account{}, "marketing", LeftDeceased)
	f(Person{Mourning: true}, Account{}, "marketing", "")
	f(Person{Mourning: true}, Account{NewYear: true}, "marketing", LeftMourning)
	f(Person{OptedOut: true}, Account{}, "marketing", LeftOptedOut)
	f(Person{OptedOut: true}, Account{}, "transactional", "")
	f(Person{Held: "complaint"}, Account{}, "marketing", LeftHold)
	f(Person{Goals: map[enishi.ID]bool{run: true}}, Account{}, "marketing", LeftGoal)
	f(Person{Goals: map[enishi.ID]bool{other: true}}, Account{}, "marketing", "")
	f(Person{Orders: []time.Time{now.Add(-2 * time.Hour)}}, Account{}, "marketing", "")
	f(Person{Orders: []time.Time{now.Add(-time.Minute)}}, Account{}, "marketing", LeftBought)
	f(Person{Orders: []time.Time{now.Add(-time.Minute)}}, Account{KeepBuyers: true}, "marketing", "")
	capped := Account{Recent: Recent{Pieces: 1, Days: 30}}
	f(Person{Pieces: map[enishi.ID]Mailed{other: {now.AddDate(0, 0, -29)}}}, capped, "marketing", LeftRecent)
	f(Person{Pieces: map[enishi.ID]Mailed{other: {now.AddDate(0, 0, -31)}}}, capped, "marketing", "")
	f(Person{Pieces: map[enishi.ID]Mailed{enishi.NewID("send"): {now}}}, capped, "marketing", "")
}

func TestWholeOrAbsent(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "deep", "a.csv")
	broken := errors.New("broken")
	if err := WriteWhole(name, func(w io.Writer) error { _, _ = io.WriteString(w, "half"); return broken }); !errors.Is(err, broken) {
		t.Fatal(err)
	}
	if list, _ := os.ReadDir(filepath.Dir(name)); len(list) != 0 {
		t.Fatalf("left behind: %v", list)
	}
	for range 2 {
		if err := WriteWhole(name, func(w io.Writer) error { _, err := io.WriteString(w, "whole"); return err }); err != nil {
			t.Fatal(err)
		}
	}
	if b, _ := os.ReadFile(name); string(b) != "whole" {
		t.Errorf("%q", b)
	}
}
