package api

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"enishi"
	"enishi/ingest"
)

// mistypedRow is a domain of mail addresses that is a slip of the finger away from one that many have.
type mistypedRow struct {
	Domain string      `json:"domain"`
	Meant  string      `json:"meant" doc:"The domain that was probably meant."`
	Count  int         `json:"count" doc:"People with such an address."`
	People []personRef `json:"people" doc:"The first of them."`
	Others int         `json:"others" doc:"People who are not in the list."`
}

const mistypedShown = 50

// mailDomains are the domains of people's addresses, each with some of its people. What looks mistyped is rare, so all domains are
// looked at and not the commonest.
const mailDomains = `SELECT substring(email, position(email, '@') + 1) AS domain, count(), arrayStringConcat(groupArraySorted(5)(profile_id))
	FROM people FINAL WHERE position(email, '@') > 0 GROUP BY domain`

func (a *API) listMistyped(ctx context.Context, _ *struct{}) (out *listOutput[mistypedRow], err error) {
	err = a.bounded(ctx, func(ctx context.Context) error {
		out, err = a.mistyped(ctx)
		return err
	})
	return out, err
}

func (a *API) mistyped(ctx context.Context) (*listOutput[mistypedRow], error) {
	rows, some := []mistypedRow{}, []enishi.ID(nil)
	ids := map[string][]enishi.ID{}
	err := a.each(ctx, mailDomains, nil, func(r driver.Rows) error {
		var domain, people string
		var count uint64
		if err := r.Scan(&domain, &count, &people); err != nil {
			return err
		}
		meant, wrong := ingest.EmailHint("a@" + domain)
		if !wrong {
			return nil
		}
		rows = append(rows, mistypedRow{Domain: domain, Meant: meant[len("a@"):], Count: int(count), People: []personRef{}})
		for i := 0; i+16 <= len(people); i += 16 {
			ids[domain] = append(ids[domain], idOf(people[i:i+16]))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read mail domains: %w", err)
	}
	slices.SortFunc(rows, func(x, y mistypedRow) int {
		return cmp.Or(cmp.Compare(y.Count, x.Count), cmp.Compare(x.Domain, y.Domain))
	})
	total := int64(len(rows))
	rows = rows[:min(len(rows), mistypedShown)]
	for _, row := range rows {
		some = append(some, ids[row.Domain]...)
	}
	names, err := a.names(ctx, some)
	if err != nil {
		return nil, err
	}
	for i := range rows {
		row := &rows[i]
		for _, id := range ids[row.Domain] {
			row.People = append(row.People, personRef{id, names[id]})
		}
		row.Others = max(0, row.Count-len(row.People))
	}
	out := listOf(rows)
	out.Body.Total = &total
	return out, nil
}
