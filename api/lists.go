package api

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"enishi"
	"enishi/segments"
)

// listBody is the body of a definition of kind list. Who is on it is a fact of each person.
type listBody struct {
	Title       Text   `json:"title"`
	Description Text   `json:"description,omitzero"`
	Owner       string `json:"owner,omitempty"`
	Folder      string `json:"folder,omitempty"`
}

// staticRow is a static list.
type staticRow struct {
	Name        string    `json:"name"`
	Title       Text      `json:"title"`
	Description Text      `json:"description"`
	Owner       string    `json:"owner"`
	Folder      string    `json:"folder"`
	Members     int64     `json:"members"`
	Version     int64     `json:"version"`
	UpdatedAt   time.Time `json:"updated_at"`
	UsedIn      []string  `json:"used_in" doc:"Names of segments and journeys."`
}

func (a *API) staticRows(ctx context.Context, defs []enishi.Definition) ([]staticRow, error) {
	members := map[string]int64{}
	err := a.each(ctx, "SELECT list, count() FROM (SELECT arrayJoin(lists) AS list FROM people FINAL) GROUP BY list", nil, func(rows driver.Rows) error {
		var name string
		var n uint64
		err := rows.Scan(&name, &n)
		members[name] = int64(n)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("count lists: %w", err)
	}
	out := []staticRow{}
	for i := range defs {
		d := &defs[i]
		var b listBody
		if err := json.Unmarshal(d.Body, &b); err != nil {
			return nil, fmt.Errorf("read list %s: %w", d.Name, err)
		}
		row := staticRow{d.Name, b.Title.complete(), b.Description.complete(), b.Owner, b.Folder, members[d.Name], d.Version, d.At, a.takerNames(segments.KindList, d.Name)}
		out = append(out, row)
	}
	return out, nil
}

func (a *API) listLists(ctx context.Context, _ *struct{}) (*listOutput[staticRow], error) {
	rows, err := a.staticRows(ctx, a.cfg.Definitions.List(segments.KindList))
	if err != nil {
		return nil, err
	}
	return listOf(rows), nil
}

type staticOutput struct{ Body staticRow }

func (a *API) getList(ctx context.Context, in *NamePath) (*staticOutput, error) {
	d, ok := a.cfg.Definitions.Current(segments.KindList, in.Name)
	if !ok {
		return nil, notFound("list", "リスト")
	}
	rows, err := a.staticRows(ctx, []enishi.Definition{d})
	if err != nil {
		return nil, err
	}
	return &staticOutput{rows[0]}, nil
}

type staticInput struct {
	NamePath
	Body struct {
		Title       textInput `json:"title"`
		Description textInput `json:"description,omitzero" required:"false"`
		Owner       string    `json:"owner,omitempty" maxLength:"100" doc:"Who answers for it: whoever saves it unless said."`
		Folder      string    `json:"folder,omitempty" maxLength:"64"`
		Expect      int64     `json:"expect" doc:"The version this replaces; 0 for a new one."`
		Reason      string    `json:"reason,omitempty" maxLength:"500"`
	}
}

func (a *API) saveList(ctx context.Context, in *staticInput) (*writtenOutput, error) {
	b := &in.Body
	w, err := a.putList(ctx, in.Name, listBody{Text(b.Title), Text(b.Description), b.Owner, b.Folder}, b.Expect, b.Reason)
	return &writtenOutput{w}, err
}

// putList saves a list. Who saves it owns it unless it says who does.
func (a *API) putList(ctx context.Context, name string, l listBody, expect int64, reason string) (Written, error) {
	if err := errors.Join(checkName(name), checkTitle(l.Title)); err != nil {
		return Written{}, err
	}
	l.Owner, l.Folder = cmp.Or(strings.TrimSpace(l.Owner), callOf(ctx).caller.name), strings.TrimSpace(l.Folder)
	body, err := json.Marshal(l)
	if err != nil {
		return Written{}, err
	}
	return a.save(ctx, enishi.Definition{Kind: segments.KindList, Name: name, Expect: expect, Body: body, Reason: reason})
}

// deleteList deletes an empty list: the people of one that was deleted would be back with the next of its name.
func (a *API) deleteList(ctx context.Context, in *deleteInput) (*writtenOutput, error) {
	row, err := a.getList(ctx, &in.NamePath)
	if err != nil {
		return nil, err
	}
	if err := a.checkUntaken(segments.KindList, in.Name); err != nil {
		return nil, err
	}
	if n := row.Body.Members; n > 0 {
		return nil, refusal(enishi.Conflict, fmt.Sprintf("%d people are on it: take them off first", n), fmt.Sprintf("%d 人が入っています。先に全員を外してから削除してください。", n))
	}
	w, err := a.save(ctx, enishi.Definition{Kind: segments.KindList, Name: in.Name, Expect: in.Expect, Deleted: true, Reason: in.Reason})
	return &writtenOutput{w}, err
}
