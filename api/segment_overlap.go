package api

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"enishi"
	"enishi/segments"
)

type overlapInput struct {
	Body struct {
		Sets []overlapSet `json:"sets" minItems:"2" maxItems:"6"`
		At   time.Time    `json:"at,omitzero" required:"false" doc:"The instant to judge at; the workspace's clock unless said."`
	}
}

// overlapSet is one of the segments that are held against each other.
type overlapSet struct {
	Expression string `json:"expression,omitempty" maxLength:"20000" doc:"Instead of name."`
	Name       string `json:"name,omitempty" maxLength:"64" doc:"A saved segment, instead of expression."`
}

type overlapOutput struct{ Body overlapPage }

// overlapPage is who is in which of several segments. Everybody is in exactly one combination, or in none of the sets.
type overlapPage struct {
	Sets            []overlapSize `json:"sets" doc:"In the order in which they were given."`
	Combinations    []combination `json:"combinations" doc:"Those that have people, the largest first."`
	None            int64         `json:"none" doc:"In none of the sets."`
	Base            int64         `json:"base" doc:"All people."`
	At              time.Time     `json:"at"`
	CompleteThrough time.Time     `json:"complete_through"`
}

type overlapSize struct {
	Name  string `json:"name,omitempty"`
	Title Text   `json:"title" doc:"Empty of an expression."`
	Count int64  `json:"count"`
}

type combination struct {
	In         []int  `json:"in" doc:"Places in sets: in these and in no other of them."`
	Count      int64  `json:"count"`
	Expression string `json:"expression" doc:"Finds exactly these people."`
}

func (a *API) overlapSegments(ctx context.Context, in *overlapInput) (*overlapOutput, error) {
	b := &in.Body
	segs := make([]*segments.Segment, len(b.Sets))
	out := &overlapOutput{overlapPage{Sets: make([]overlapSize, len(b.Sets)), Combinations: []combination{}, At: b.At}}
	page := &out.Body
	for i, set := range b.Sets {
		s, at, err := a.target(&SegmentTarget{Expression: set.Expression, Name: set.Name, At: b.At})
		if err != nil {
			return nil, err
		}
		if slices.Contains(b.Sets[:i], set) {
			return nil, enishi.FieldError("body.sets["+strconv.Itoa(i)+"]", "stands twice", "同じセグメントが 2 回指定されています。")
		}
		segs[i], page.At = s, at.UTC()
		page.Sets[i] = overlapSize{Name: set.Name}
		if set.Name != "" {
			page.Sets[i].Title = a.titles.segment(set.Name)
		}
	}
	var err error
	if page.CompleteThrough, err = a.through(ctx); err != nil { // before the count: it has at least this
		return nil, err
	}
	query, args := segments.SQLOverlap(segs, page.At)
	err = a.bounded(ctx, func(ctx context.Context) error {
		return a.each(ctx, query, args, func(rows driver.Rows) error {
			var mask, n uint64
			err := rows.Scan(&mask, &n)
			page.add(b.Sets, mask, int64(n))
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("count the overlap: %w", err)
	}
	slices.SortFunc(page.Combinations, func(x, y combination) int {
		return cmp.Or(cmp.Compare(y.Count, x.Count), slices.Compare(x.In, y.In))
	})
	return out, nil
}

// add counts the people of a combination.
func (p *overlapPage) add(sets []overlapSet, mask uint64, n int64) {
	p.Base += n
	if mask == 0 {
		p.None = n
		return
	}
	c := combination{Count: n}
	var is, not []string
	for i, set := range sets {
		x := "(" + set.Expression + ")"
		if set.Name != "" {
			x = "in_segment(" + strconv.Quote(set.Name) + ")"
		}
		if mask>>i&1 == 1 {
			p.Sets[i].Count += n
			c.In, is = append(c.In, i), append(is, x)
		} else {
			not = append(not, "!"+x)
		}
	}
	c.Expression = strings.Join(append(is, not...), " && ")
	p.Combinations = append(p.Combinations, c)
}
