package segments

import (
	"fmt"
	"testing"
	"time"

	"github.com/expr-lang/expr/vm"

	"enishi"
	"enishi/profiles"
)

// japanese is an instant of Japan's clock.
func japanese(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.ParseInLocation("2006-01-02 15:04:05.000", text, time.FixedZone("", 9*3600))
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func born(text string) *profiles.View {
	return &profiles.View{ID: id("born", len(text)), Profile: &profiles.Profile{}, Traits: map[string]enishi.Value{"birthday": enishi.TextValue(text)}}
}

// When ages and birthdays begin and end, to the millisecond.
func TestBirthdays(t *testing.T) {
	t.Parallel()
	f := func(birth, expression, now string, in bool, until string) {
		t.Helper()
		s, v, at := compiled(t, expression), born(birth), japanese(t, now)
		if got := s.Match(v, at); got != in {
			t.Errorf("%s of %q at %s: %v", expression, birth, now, got)
		}
		want := time.Time{}
		if until != "" {
			want = japanese(t, until+" 00:00:00.000")
		}
		if got := s.NextChange(v, at); !got.Equal(want) {
			t.Errorf("%s of %q at %s changes at %v, want %v", expression, birth, now, got.In(tokyo), want)
		}
	}
	f("1990-11-21", "age >= 36", "2026-11-20 23:59:59.999", false, "2026-11-21")
	f("1990-11-21", "age >= 36", "2026-11-21 00:00:00.000", true, "2027-11-21")
	f("2008-02-29", "age >= 18", "2026-02-28 23:59:59.999", false, "2026-03-01")
	f("2008-02-29", "age >= 18", "2026-03-01 00:00:00.000", true, "2027-03-01")
	f("2008-02-29", "age >= 20", "2028-02-28 23:59:59.999", false, "2028-02-29")
	f("2030-01-01", "age >= 0", "2026-11-21 00:00:00.000", false, "2030-01-01")
	f("--11-21", "age >= 0", "2026-11-21 00:00:00.000", false, "")
	f("1990-11", "present(age)", "2026-11-21 00:00:00.000", false, "")

	f("--11-20", `birthday_within("7d")`, "2026-11-12 23:59:59.999", false, "2026-11-13")
	f("--11-20", `birthday_within("7d")`, "2026-11-13 00:00:00.000", true, "2026-11-21")
	f("--11-20", `birthday_within("7d")`, "2026-11-20 23:59:59.999", true, "2026-11-21")
	f("--11-20", `birthday_within("7d")`, "2026-11-21 00:00:00.000", false, "2027-11-13")
	f("1990-11-20", `birthday_within("0d")`, "2026-11-19 23:59:59.999", false, "2026-11-20")
	f("1990-01-03", `birthday_within("7d")`, "2026-12-27 00:00:00.000", true, "2027-01-04")
	f("--02-29", `birthday_within("0d")`, "2026-02-28 12:00:00.000", false, "2026-03-01")
	f("--02-29", `birthday_within("0d")`, "2028-02-29 12:00:00.000", true, "2028-03-01")
	f("--02-29", `birthday_within("7d")`, "2026-02-21 23:59:59.999", false, "2026-02-22")
	f("--04", `birthday_within("7d")`, "2026-03-31 23:59:59.999", false, "2026-04-01")
	f("04", `birthday_within("0d")`, "2026-04-30 23:59:59.999", true, "2026-05-01")
	f("1991-02-29", `birthday_within("180d")`, "2026-02-28 12:00:00.000", false, "")
	f("", `birthday_within("180d")`, "2026-02-28 12:00:00.000", false, "")
}

// Every way to write a birthday, on the days on which something may go wrong: Match, the oracle and SQL agree.
func TestBirthdaysEqual(t *testing.T) {
	t.Parallel()
	var people []*profiles.View
	texts := append([]string{"1990-12-31", "1990-01-01", "1990-01-15", "1990-02-28", "1990-03-01", "--03-01", "--12-31", "--02-28", "12/31", "2027-02-28"}, births...)
	for i, text := range texts {
		v := born(text)
		v.ID = id("born", i)
		people = append(people, v)
	}
	expressions := []string{"birthday_month in [2, 4, 11]", "present(birthday_month)", "present(age)", "missing(age) && birthday_month > 0"}
	for _, w := range withins {
		expressions = append(expressions, fmt.Sprintf("birthday_within(%q)", w))
	}
	for _, age := range []int{0, 15, 18, 20, 35, 36, 37} {
		expressions = append(expressions, fmt.Sprintf("age >= %d", age))
	}
	var segs []*Segment
	var programs []*vm.Program
	for _, e := range expressions {
		segs = append(segs, compiled(t, e))
		programs = append(programs, must(oracle(e))(t))
	}
	db := openDB(t, "birthdays")
	insertPeople(t, db, people)
	for _, day := range []string{"2026-02-27", "2026-02-28", "2026-03-01", "2026-03-02", "2028-02-28", "2028-02-29", "2028-03-01", "2026-12-20", "2026-12-31", "2027-01-01", "2026-09-02", "2026-11-19", "2026-11-20"} {
		for _, at := range []time.Time{japanese(t, day+" 00:00:00.000"), japanese(t, day+" 23:59:59.999")} {
			query, args := matrix(segs, at)
			got := readMatrix(t, db, query, args)
			for i, v := range people {
				for k, s := range segs {
					in := s.Match(v, at)
					if sql := got[text16(v.ID)][k] == 1; sql != in {
						t.Errorf("%s of %q at %v: Match %v, SQL %v", expressions[k], texts[i], at, in, sql)
					}
					if want, err := vm.Run(programs[k], environment(v, at)); err != nil || want != in {
						t.Errorf("%s of %q at %v: Match %v, VM %v (%v)", expressions[k], texts[i], at, in, want, err)
					}
				}
			}
		}
	}
}

func TestCalendar(t *testing.T) {
	t.Parallel()
	f := func(name, now, want string) {
		t.Helper()
		c, ok := calendarOf(name)
		c.zone = tokyo
		if got := c.at(japanese(t, now).UnixMilli()); !ok || got != japanese(t, want+" 00:00:00.000").UnixMilli() {
			t.Errorf("%s at %s is %v", name, now, time.UnixMilli(got).In(tokyo))
		}
	}
	f("today", "2026-11-20 00:00:00.000", "2026-11-20")
	f("today", "2026-11-20 23:59:59.999", "2026-11-20")
	f("this_week", "2026-11-22 23:59:59.999", "2026-11-16") // a Sunday
	f("this_week", "2026-11-23 00:00:00.000", "2026-11-23")
	f("this_week", "1969-12-31 00:00:00.000", "1969-12-29")
	f("this_month", "2026-11-30 23:59:59.999", "2026-11-01")
	f("last_month", "2026-01-31 12:00:00.000", "2025-12-01")
	f("this_year", "2026-01-01 00:00:00.000", "2026-01-01")
	f("fiscal_year", "2026-03-31 23:59:59.999", "2025-04-01")
	f("fiscal_year", "2026-04-01 00:00:00.000", "2026-04-01")

	v := &profiles.View{Profile: &profiles.Profile{}, LastOrderAt: japanese(t, "2026-11-10 12:00:00.000")}
	g := func(expression string, in bool, until string) {
		t.Helper()
		want := time.Time{}
		if until != "" {
			want = japanese(t, until+" 00:00:00.000")
		}
		s := compiled(t, expression)
		if got := s.NextChange(v, made); s.Match(v, made) != in || !got.Equal(want) {
			t.Errorf("%s: %v, changes at %v, want %v", expression, !in, got.In(tokyo), want)
		}
	}
	g(`last_order_at >= this_month()`, true, "2026-12-01")
	g(`last_order_at >= last_month()`, true, "2027-01-01")
	g(`last_order_at < this_month()`, false, "2026-12-01")
	g(`last_order_at >= today()`, false, "")
	g(`last_order_at < today()`, true, "")
	g(`last_order_at >= fiscal_year()`, true, "2027-04-01")
	v.LastOrderAt = japanese(t, "2026-12-01 00:00:00.000") // ahead of the clock
	g(`last_order_at > this_month()`, true, "2026-12-01")
	g(`last_order_at >= this_month()`, true, "2027-01-01")
	g(`last_order_at == this_month()`, false, "2026-12-01")
	g(`last_order_at <= this_month()`, false, "2026-12-01")
}

func TestRegions(t *testing.T) {
	t.Parallel()
	full := 0
	for _, r := range regions() {
		full += len(r) - 1
	}
	of := regionsByPrefecture()
	if full != 47 || len(of) != 47+46 { // 北海道 has one name
		t.Errorf("%d prefectures, %d names", full, len(of))
	}
	for name, want := range map[string]string{"東京都": "関東", "東京": "関東", "京都": "近畿", "京都府": "近畿", "沖縄": "九州", "北海道": "北海道", "三重県": "近畿", "北海": "", "": ""} {
		if of[name] != want {
			t.Errorf("%s is in %q", name, of[name])
		}
	}
}
