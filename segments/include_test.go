package segments

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"enishi"
	"enishi/profiles"
)

func TestInSegmentFailure(t *testing.T) {
	t.Parallel()
	texts := map[string]string{"a": `in_segment("b")`, "b": `ltv > 1 && in_segment("a")`, "self": `in_segment("self")`, "broken": `lvt > 5`, "wide": strings.Repeat("ltv>1&&", 800) + "true",
		"wider": strings.Repeat(`in_segment("wide")&&`, 3) + "true", "vip": `count(orders) > 2`}
	for n := range 20 {
		texts[fmt.Sprint("row", n)] = fmt.Sprintf(`in_segment("row%d")`, n+1)
	}
	texts["row20"] = "ltv > 1"
	others := Library{Segment: func(name string) (string, bool) { s, ok := texts[name]; return s, ok }}
	f := func(name, expression, place, english, japanese string) {
		t.Helper()
		_, err := others.Compile(name, 1, fmt.Appendf(nil, `{"expression": %q}`, expression))
		var e *enishi.Error
		if !errors.As(err, &e) || fmt.Sprintf("%d:%d", e.Line, e.Col) != place || e.Field != "expression" || !strings.Contains(e.Msg, english) || !strings.Contains(e.MsgJA, japanese) {
			t.Errorf("%s: %#v", expression, err)
		}
	}
	f("x", `ltv > 1 && in_segment("vpi")`, "1:23", `there is no segment "vpi"`, "「vpi」というセグメントはありません")
	f("x", `in_segment("x")`, "1:12", "x → x", "自分自身を含んで")
	f("a", `in_segment("b")`, "1:12", "a → b → a", "a → b → a")
	f("x", `in_segment("a")`, "1:12", "a → b → a", "a → b → a")
	f("x", `in_segment("broken")`, "1:12", "the segment broken cannot be used: lvt is not known", "「broken」は使えません: 「lvt」")
	f("x", `in_segment("wider")`, "1:12", "more than 3000 parts", "多すぎます")
	f("x", `in_segment("row0")`, "1:12", "more than 10 segments", "10 段")
	f("x", `in_segment(vip)`, "1:1", `in_segment("vip")`, "文字列を渡して")
	f("x", `any(orders, in_segment("vip"))`, "1:13", "inside the condition of a list", "リストの条件の中には書けません")
	f("x", `in_segment("vip") == 5`, "1:19", "cannot be compared", "比較できません")
	if _, err := others.Compile("row10", 1, []byte(`{"expression": "in_segment(\"row11\") && !in_segment(\"row12\")"}`)); err != nil {
		t.Error(err)
	}
}

// Another segment's condition counts as a part of the own one: for its inputs, its next change and its reasons.
func TestInSegment(t *testing.T) {
	t.Parallel()
	s, err := library.Compile("x", 1, []byte(`{"expression": "in_segment(\"both\") && ltv >= 1"}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Took(KindSegment); !slices.Equal(got, []string{"both", "recent", "vip"}) {
		t.Errorf("uses %v", got)
	}
	want := orderInputs | profiles.ChangedVisits | profiles.ChangedTraits
	if s.Depends() != want || !s.Timed() {
		t.Errorf("depends on %b, want %b; timed %v", s.Depends(), want, s.Timed())
	}
	v := &profiles.View{Profile: &profiles.Profile{}, LTV: 100 * enishi.Unit, Orders: []profiles.OrderView{{Order: &enishi.Order{}, PlacedAt: made.Add(-29 * 24 * time.Hour), Valid: true}}}
	if !s.Match(v, made) || !s.NextChange(v, made).Equal(made.Add(24*time.Hour)) {
		t.Errorf("Match %v until %v", s.Match(v, made), s.NextChange(v, made))
	}
	reasons := s.Explain(v, made)
	if len(reasons) != 2 || reasons[0].Expression != `in_segment("both")` || !reasons[0].Match {
		t.Errorf("%+v", reasons)
	}
	if got := segment(t, "y", 1, "ltv > 1").Took(KindSegment); len(got) != 0 {
		t.Errorf("uses %v", got)
	}
}
