package api

import (
	"context"
	"fmt"
	"slices"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"enishi"
	"enishi/ingest"
)

// duplicateRow is two people who may be one. Nothing joins them by itself.
type duplicateRow struct {
	Why    []Text      `json:"why"`
	People []personRow `json:"people" doc:"Two."`
}

const duplicatesShown = 50

// likelySame finds people with one name and one birthday, address or phone. A name is its letters in any order (姓 名, 名 姓), in kanji
// or kana as search folds them; more than ten of one name and birthday are no finding but a test's or a form's value.
const likelySame = `SELECT why, arrayStringConcat(arraySort(groupUniqArray(11)(profile_id))) AS ids, any(k) FROM (
	SELECT profile_id, arrayJoin(arrayFilter(x -> lengthUTF8(x) > 1, splitByChar(' ', search))) AS written, arrayStringConcat(arraySort(extractAll(written, '.'))) AS letters,
		arrayJoin(arrayFilter(x -> x.2 != '', [('birthday', if(length(birthday) = 10, birthday, '')), ('address', household), ('phone', replaceRegexpOne(replaceRegexpAll(phone, '[^0-9]', ''), '^81', '0'))])) AS same, same.1 AS why, letters || '|' || same.2 AS k
	FROM people FINAL WHERE search != '' AND (birthday != '' OR household != '' OR phone != ''))
	GROUP BY why, k HAVING uniqExact(profile_id) BETWEEN 2 AND 10 ORDER BY max(profile_id), why LIMIT 500`

func (a *API) listDuplicates(ctx context.Context, _ *struct{}) (out *listOutput[duplicateRow], err error) {
	err = a.bounded(ctx, func(ctx context.Context) error {
		out, err = a.duplicates(ctx)
		return err
	})
	return out, err
}

func (a *API) duplicates(ctx context.Context) (*listOutput[duplicateRow], error) {
	graph := a.cfg.Ingester.Graph()
	type pair [2]enishi.ID
	whys := map[pair][]string{}
	var pairs []pair
	err := a.each(ctx, likelySame, nil, func(rows driver.Rows) error {
		var why, ids, key string
		if err := rows.Scan(&why, &ids, &key); err != nil {
			return err
		}
		for i := 16; i+16 <= len(ids); i += 16 {
			p := pair{idOf(ids[:16]), idOf(ids[i : i+16])}
			if graph.Apart(p[0], p[1]) {
				continue
			}
			if whys[p] == nil {
				pairs = append(pairs, p)
			}
			if !slices.Contains(whys[p], why) {
				whys[p] = append(whys[p], why)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look for people who may be one: %w", err)
	}
	total := int64(len(pairs))
	pairs = pairs[:min(len(pairs), duplicatesShown)]
	var ids []enishi.ID
	for _, p := range pairs {
		ids = append(ids, p[0], p[1])
	}
	people, err := a.personRows(ctx, ids)
	if err != nil {
		return nil, err
	}
	rows := []duplicateRow{}
	for _, p := range pairs {
		row := duplicateRow{}
		for _, id := range p {
			if i := slices.IndexFunc(people, func(x personRow) bool { return x.ID == id }); i >= 0 {
				row.People = append(row.People, people[i])
			}
		}
		for _, why := range whys[p] {
			row.Why = append(row.Why, word("duplicate", why))
		}
		if len(row.People) == 2 {
			rows = append(rows, row)
		}
	}
	out := listOf(rows)
	out.Body.Total = &total
	return out, nil
}

// householdRow is somebody who shares an address or a phone with a person: a household, not the same person.
type householdRow struct {
	ID   enishi.ID `json:"id"`
	Name string    `json:"name"`
	Kana string    `json:"kana"`
	Via  []Text    `json:"via"`
}

const householdShown = 20

func (a *API) getHousehold(ctx context.Context, in *PersonPath) (*listOutput[householdRow], error) {
	p, _, err := a.load(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	via := map[enishi.ID][]string{}
	for _, id := range a.phoneSharers(p.ID) {
		via[id] = append(via[id], "phone")
	}
	err = a.each(ctx, fmt.Sprintf("SELECT profile_id FROM people FINAL WHERE household != '' AND profile_id != %[1]s AND household IN (SELECT household FROM people FINAL WHERE profile_id = %[1]s) ORDER BY profile_id LIMIT %[2]d", idLiteral(p.ID), householdShown), nil, func(rows driver.Rows) error {
		var id string
		err := rows.Scan(&id)
		via[idOf(id)] = append(via[idOf(id)], "address")
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read household: %w", err)
	}
	var ids []enishi.ID
	for id := range via {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, enishi.ID.Compare)
	people, err := a.personRows(ctx, ids[:min(len(ids), householdShown)])
	if err != nil {
		return nil, err
	}
	rows := []householdRow{}
	for _, x := range people {
		row := householdRow{ID: x.ID, Name: x.Name, Kana: x.Kana}
		for _, v := range via[x.ID] {
			row.Via = append(row.Via, word("household", v))
		}
		rows = append(rows, row)
	}
	return listOf(rows), nil
}

// phoneSharers are the people who came with a phone of somebody, by the links that were refused for it.
func (a *API) phoneSharers(profile enishi.ID) (out []enishi.ID) {
	graph := a.cfg.Ingester.Graph()
	add := func(id enishi.ID) {
		if id = graph.Resolve(id); id != profile && !slices.Contains(out, id) && len(out) < householdShown {
			out = append(out, id)
		}
	}
	refused := func(l *ingest.LinkState) (phone enishi.ID, ok bool) {
		switch {
		case l.State != "household":
			return phone, false
		case l.AKind == enishi.Phone:
			return l.A, true
		}
		return l.B, l.BKind == enishi.Phone
	}
	for _, l := range graph.Component(profile).Links {
		phone, ok := refused(&l)
		if !ok {
			continue
		}
		add(l.A)
		add(l.B)
		for _, m := range graph.Component(phone).Links {
			if other, ok := refused(&m); ok && other == phone {
				add(m.A)
				add(m.B)
			}
		}
	}
	return out
}
