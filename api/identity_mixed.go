package api

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"enishi"
)

// mixed is a person who may be several people: what [profiles.Profile.Mixed] found.
type mixed struct {
	sign string
	id   enishi.ID
	name string
	seen time.Time
}

// mixedNames are the findings by sign.
var mixedNames = map[string]string{"names": "several_names", "birthdays": "several_birthdays", "prefectures": "several_prefectures", "browsers": "many_browsers"}

// mixedRead bounds what is read: those that an operator let stand are left out of it afterwards.
const mixedRead = 500

// askMixed reads people who may be several, those who did something last first.
func (a *API) askMixed(ctx context.Context) ([]mixed, error) {
	var out []mixed
	err := a.each(ctx, fmt.Sprintf("SELECT arrayJoin(mixed), profile_id, family_name, given_name, last_seen_at FROM people FINAL WHERE notEmpty(mixed) ORDER BY last_seen_at DESC, profile_id LIMIT %d", mixedRead), nil, func(rows driver.Rows) error {
		var m mixed
		var id, family, given string
		if err := rows.Scan(&m.sign, &id, &family, &given, &m.seen); err != nil {
			return err
		}
		m.id, m.name, m.seen = idOf(id), fullName(family, given), known(m.seen)
		out = append(out, m)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read who may be several people: %w", err)
	}
	return out, nil
}

// mixedFindings are findings about people who may be several, and whether there are more.
func (a *API) mixedFindings(ctx context.Context) (rows []findingRow, more bool, err error) {
	all, err := a.mixedMemo.get(ctx, isFresh(ctx), 5*time.Second, a.askMixed)
	if err != nil {
		return nil, false, err
	}
	graph := a.cfg.Ingester.Graph()
	for i := range all {
		m := &all[i]
		name, ok := mixedNames[m.sign]
		if !ok || graph.Fine(m.id, name) {
			continue
		}
		if len(rows) == findingsShown {
			return rows, true, nil
		}
		rows = append(rows, findingRow{Name: name, ID: m.id, Kind: enishi.Anonymous.String(), Count: 1, At: m.seen, People: []personRef{{m.id, m.name}}})
	}
	return rows, len(all) == mixedRead, nil
}
