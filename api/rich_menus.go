package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"enishi"
	"enishi/channels/line"
)

// menuRow is a rich menu with what it is at LINE.
type menuRow struct {
	Name       string          `json:"name"`
	Title      Text            `json:"title"`
	Segment    string          `json:"segment" doc:"Whose people see it; empty: everybody who has no other."`
	Account    string          `json:"account"`
	Priority   int             `json:"priority"`
	Off        bool            `json:"off"`
	Made       bool            `json:"made" doc:"LINE has this version."`
	People     int64           `json:"people" doc:"Who were given it; of the default one nobody is counted."`
	Waiting    int64           `json:"waiting" doc:"Who are still to be given it."`
	Problem    string          `json:"problem" doc:"Why LINE did not take it, in its own words; empty: it did, or is not asked yet."`
	Stuck      Text            `json:"stuck" doc:"Why the menus of its account wait, in LINE's own words; empty: they do not. It is tried again three times a minute."`
	Version    int64           `json:"version"`
	UpdatedAt  time.Time       `json:"updated_at"`
	Definition json.RawMessage `json:"definition"`
}

func (a *API) listRichMenus(ctx context.Context, _ *struct{}) (*listOutput[menuRow], error) {
	made, err := a.madeMenus(ctx)
	if err != nil {
		return nil, err
	}
	people := map[string]int64{}
	err = a.each(ctx, "SELECT toString(rich_menu), count() FROM line_menu_links FINAL WHERE rich_menu != '' GROUP BY rich_menu", nil, func(rows driver.Rows) error {
		var id string
		var n uint64
		err := rows.Scan(&id, &n)
		people[id] = int64(n)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("count who has a rich menu: %w", err)
	}
	waiting, err := a.menusWaiting(ctx, made)
	if err != nil {
		return nil, err
	}
	out := listOf([]menuRow{})
	for _, d := range a.cfg.Definitions.List(line.KindRichMenu) {
		m, err := line.ParseMenu(d.Body)
		if err != nil {
			continue // a foreign writer's
		}
		x := made[menuKey{accountOf(m), d.Name}]
		out.Body.Items = append(out.Body.Items, menuRow{d.Name, definitionTitle(&d), m.Segment, accountOf(m), m.Priority, m.Off, x.definition == d.Version && x.problem == "" && x.rich != "",
			people[x.rich], waiting[x.rich], x.problem, stuckText(made[menuKey{accountOf(m), ""}].problem), d.Version, d.At, d.Body})
	}
	return out, nil
}

func stuckText(said string) Text {
	if said == menusUnanswered {
		return Text{"LINE に接続できません。", "LINE does not answer."}
	}
	return Text{said, said}
}

// menusWaiting counts who are still to be given a menu, by LINE's id of it.
func (a *API) menusWaiting(ctx context.Context, made map[menuKey]madeMenu) (map[string]int64, error) {
	out := map[string]int64{}
	if a.cfg.LINE == nil {
		return out, nil
	}
	for _, account := range a.cfg.LINE.Names() {
		mine := slices.DeleteFunc(a.wantedMenus(account, made), func(w wantedMenu) bool { return w.rich == "" || w.Segment == "" })
		if len(mine) == 0 {
			continue
		}
		err := a.each(ctx, "SELECT want, count() FROM ("+menuChanges(account, mine)+") WHERE want != '' GROUP BY want", []any{named("account", account)}, func(rows driver.Rows) error {
			var id string
			var n uint64
			err := rows.Scan(&id, &n)
			out[id] = int64(n)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("count who is to see another rich menu: %w", err)
		}
	}
	return out, nil
}

func accountOf(m *line.Menu) string {
	if m.Account == "" {
		return line.DefaultAccount
	}
	return m.Account
}

func (a *API) saveRichMenu(ctx context.Context, in *templateInput) (*writtenOutput, error) {
	if err := checkName(in.Name); err != nil {
		return nil, err
	}
	w, err := a.putRichMenu(ctx, in.Name, in.Body.Definition, in.Body.Expect, in.Body.Reason)
	return &writtenOutput{w}, err
}

// putRichMenu saves a menu. It reaches people at once, so it needs an approver.
func (a *API) putRichMenu(ctx context.Context, name string, body json.RawMessage, expect int64, reason string) (Written, error) {
	if !callOf(ctx).caller.role.includes(approver) {
		return Written{}, refusal(enishi.Denied, "to change rich menus needs the role approver", "リッチメニューの変更には「承認者」の権限が必要です。")
	}
	var text bytes.Buffer
	if err := json.Indent(&text, body, "", "  "); err != nil {
		return Written{}, enishi.FieldError("body.definition", "is no JSON", "JSON にしてください。")
	}
	m, err := line.ParseMenu(text.Bytes())
	if err != nil {
		return Written{}, err
	}
	if _, ok := a.cfg.Definitions.Current("segment", m.Segment); m.Segment != "" && !ok {
		return Written{}, enishi.FieldError("body.definition.segment", "there is no segment "+m.Segment, "セグメント「"+m.Segment+"」がありません。")
	}
	p, err := a.menuPicture(ctx, m)
	if err != nil {
		return Written{}, err
	}
	if err := m.Fits(p.format, p.width, p.height, len(p.data)); err != nil {
		return Written{}, err
	}
	return a.save(ctx, enishi.Definition{Kind: line.KindRichMenu, Name: name, Expect: expect, Body: compact(body), Reason: reason})
}

func (a *API) deleteRichMenu(ctx context.Context, in *deleteInput) (*writtenOutput, error) {
	if _, ok := a.cfg.Definitions.Current(line.KindRichMenu, in.Name); !ok {
		return nil, notFound("rich menu", "リッチメニュー")
	}
	w, err := a.save(ctx, enishi.Definition{Kind: line.KindRichMenu, Name: in.Name, Expect: in.Expect, Deleted: true, Reason: in.Reason})
	return &writtenOutput{w}, err
}

// menusOf are the rich menus of a segment.
func (a *API) menusOf(segment string) []string {
	out := []string{}
	for _, d := range a.cfg.Definitions.List(line.KindRichMenu) {
		if m, err := line.ParseMenu(d.Body); err == nil && m.Segment == segment {
			out = append(out, d.Name)
		}
	}
	return out
}

// menuPicture reads the picture of a menu.
func (a *API) menuPicture(ctx context.Context, m *line.Menu) (p picture, err error) {
	id, err := enishi.ParseID(m.Image)
	if err != nil {
		return p, notFound("picture", "画像")
	}
	var data string
	var width, height uint32
	err = a.one(ctx, "SELECT data, type, width, height FROM images FINAL WHERE id = "+idLiteral(id)+" LIMIT 1", nil, &data, &p.format, &width, &height)
	if errors.Is(err, errNoRow) {
		return p, enishi.FieldError("body.definition.image", "there is no picture of this id: upload it first", "この ID の画像がありません。先にアップロードしてください。")
	}
	p.data, p.width, p.height = []byte(data), int(width), int(height)
	return p, err
}

// menuKey names a menu at LINE; without a menu it is the account's default one.
type menuKey struct{ account, menu string }

type madeMenu struct {
	definition int64
	rich       string // LINE's id
	problem    string
}

func (a *API) madeMenus(ctx context.Context) (map[menuKey]madeMenu, error) {
	out := map[menuKey]madeMenu{}
	err := a.each(ctx, "SELECT toString(account), menu, definition, rich_menu, problem FROM line_menus FINAL", nil, func(rows driver.Rows) error {
		var k menuKey
		var m madeMenu
		err := rows.Scan(&k.account, &k.menu, &m.definition, &m.rich, &m.problem)
		out[k] = m
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read rich menus: %w", err)
	}
	return out, nil
}

func (a *API) noteMenu(ctx context.Context, k menuKey, m madeMenu, now time.Time) error {
	return a.cfg.DB.Insert(ctx, "line_menus", []string{"account", "menu", "definition", "rich_menu", "problem", "at"}, 1,
		[]string{k.account}, []string{k.menu}, []int64{m.definition}, []string{m.rich}, []string{m.problem}, []time.Time{now})
}

// menusLook is how often it is looked who is to see another menu.
const menusLook = 20 * time.Second
