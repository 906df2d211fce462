package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"enishi"
	"enishi/channels/line"
)

const (
	menuBatch   = 5_000  // who had an older version: more than these go over to the new one by one call, of which LINE takes 3 an hour
	mostChanges = 50_000 // people of one look
)

// wantedMenu is a definition that is on.
type wantedMenu struct {
	menuKey
	*line.Menu
	version int64
	rich    string // LINE's id; empty: there is none yet
}

// wantedMenus are the menus of an account that are on, the first choice first, each with what LINE has of it.
func (a *API) wantedMenus(account string, made map[menuKey]madeMenu) []wantedMenu {
	var wanted []wantedMenu
	for _, d := range a.cfg.Definitions.List(line.KindRichMenu) {
		if m, err := line.ParseMenu(d.Body); err == nil && !m.Off && accountOf(m) == account {
			k := menuKey{account, d.Name}
			wanted = append(wanted, wantedMenu{k, m, d.Version, made[k].rich})
		}
	}
	slices.SortFunc(wanted, func(x, y wantedMenu) int {
		return cmp.Or(cmp.Compare(y.Priority, x.Priority), cmp.Compare(x.menu, y.menu))
	})
	return wanted
}

// keepRichMenus does for each account what [API.keepMenus] says. An account that LINE refuses holds up no other; what LINE said
// stands with its default menu until it goes on.
func (a *API) keepRichMenus(ctx context.Context, now time.Time) error {
	made, err := a.madeMenus(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, account := range a.cfg.LINE.Names() {
		err := a.keepMenus(ctx, account, made, now)
		errs = append(errs, err)
		key, said := menuKey{account, ""}, saidOfMenus(err)
		if x := made[key]; x.problem != said && ctx.Err() == nil {
			x.problem = said
			errs = append(errs, a.noteMenu(ctx, key, x, now))
		}
	}
	return errors.Join(errs...)
}

// menusUnanswered stands for what LINE says when it says nothing.
const menusUnanswered = "no answer"

// saidOfMenus is why an account's menus wait: LINE's own words, or that it says nothing. What is wrong on our side is for the log.
func saidOfMenus(err error) string {
	var r *line.Refusal
	var e *enishi.Error
	switch {
	case errors.As(err, &r):
		return r.Error()
	case errors.As(err, &e) && e.Code == enishi.Unavailable:
		return menusUnanswered
	}
	return ""
}

// keepMenus makes the menus of new versions at LINE, gives each person the one that his segments say, and deletes what nobody
// is to see any more. Each step is noted after LINE has taken it, so that what breaks off is done again: a menu that was made and
// not noted stays at LINE unused.
func (a *API) keepMenus(ctx context.Context, account string, made map[menuKey]madeMenu, now time.Time) error {
	wanted := a.wantedMenus(account, made)
	old, err := a.makeMenus(ctx, account, wanted, made, now)
	if err != nil {
		return err
	}
	mine := slices.DeleteFunc(slices.Clone(wanted), func(w wantedMenu) bool { return w.rich == "" })
	if err := a.defaultMenu(ctx, account, mine, made, now); err != nil {
		return err
	}
	if err := a.linkMenus(ctx, account, mine, now); err != nil {
		return err
	}
	return a.deleteMenus(ctx, account, made, wanted, old, now)
}

// makeMenus makes at LINE what it has not yet, and gives LINE's ids of the older versions.
func (a *API) makeMenus(ctx context.Context, account string, wanted []wantedMenu, made map[menuKey]madeMenu, now time.Time) (old []string, err error) {
	o, _ := a.cfg.LINE.Get(account)
	for i := range wanted {
		w := &wanted[i]
		x := made[w.menuKey]
		if x.definition == w.version {
			continue
		}
		was := x.rich
		if x, err = a.makeMenu(ctx, o, w.menu, w.version, w.Menu, was); err != nil {
			return nil, err
		}
		if was != "" && x.rich != was {
			if err := a.replaceMenu(ctx, o, was, x.rich, now); err != nil {
				return nil, err
			}
			old = append(old, was)
		}
		if err := a.noteMenu(ctx, w.menuKey, x, now); err != nil {
			return nil, err
		}
		w.rich = x.rich
	}
	return old, nil
}

// makeMenu makes a version at LINE. What LINE will never take is a problem of the menu, which keeps the version before.
func (a *API) makeMenu(ctx context.Context, o *line.Official, name string, version int64, m *line.Menu, was string) (madeMenu, error) {
	p, err := a.menuPicture(ctx, m)
	if err != nil {
		var e *enishi.Error
		if errors.As(err, &e) {
			return madeMenu{version, was, e.Msg}, nil
		}
		return madeMenu{}, err
	}
	body, err := m.Body(name, p.width, p.height)
	if err != nil {
		return madeMenu{}, err
	}
	id, err := o.Channel.CreateRichMenu(ctx, body, imageTypes[p.format], p.data)
	var r *line.Refusal
	if errors.As(err, &r) && r.Status/100 == 4 && r.Status != http.StatusTooManyRequests && r.Status != http.StatusUnauthorized {
		return madeMenu{version, was, r.Error()}, nil
	}
	if err != nil {
		return madeMenu{}, fmt.Errorf("make rich menu %s: %w", name, err)
	}
	return madeMenu{version, id, ""}, nil
}

// replaceMenu lets very many people go over to a new version by one call. Of fewer, and when LINE takes no more of these calls
// for now, each is given it.
func (a *API) replaceMenu(ctx context.Context, o *line.Official, was, id string, now time.Time) error {
	n, err := a.count(ctx, "SELECT count() FROM line_menu_links FINAL WHERE account = {account:String} AND rich_menu = {menu:String}", named("account", o.Name), named("menu", was))
	if err != nil || n < menuBatch {
		return err
	}
	var r *line.Refusal
	if err := o.Channel.ReplaceRichMenu(ctx, was, id); errors.As(err, &r) && r.Status == http.StatusTooManyRequests {
		return nil
	} else if err != nil {
		return fmt.Errorf("replace a rich menu: %w", err)
	}
	err = a.cfg.DB.Exec(ctx, "INSERT INTO line_menu_links SELECT account, line_user, {next:String}, fromUnixTimestamp64Milli({now:Int64}, 'UTC') FROM line_menu_links FINAL WHERE account = {account:String} AND rich_menu = {menu:String}",
		named("account", o.Name), named("menu", was), named("next", id), millis("now", now))
	if err != nil {
		return fmt.Errorf("note who has a rich menu: %w", err)
	}
	return nil
}

// defaultMenu sets what everybody sees who has no menu of his own.
func (a *API) defaultMenu(ctx context.Context, account string, mine []wantedMenu, made map[menuKey]madeMenu, now time.Time) error {
	rich, key := "", menuKey{account, ""}
	if i := slices.IndexFunc(mine, func(w wantedMenu) bool { return w.Segment == "" }); i >= 0 {
		rich = mine[i].rich
	}
	if made[key].rich == rich {
		return nil
	}
	o, _ := a.cfg.LINE.Get(account)
	if err := o.Channel.DefaultRichMenu(ctx, rich); err != nil {
		return fmt.Errorf("set the default rich menu: %w", err)
	}
	made[key] = madeMenu{rich: rich}
	return a.noteMenu(ctx, key, made[key], now)
}

// menuChanges is SQL of who is to see another rich menu than he has: line_user, want, has; empty: none.
func menuChanges(account string, mine []wantedMenu) string {
	choices := menuChoices(mine)
	if choices == "" {
		return "SELECT line_user, '' AS want, rich_menu AS has FROM line_menu_links FINAL WHERE account = {account:String} AND rich_menu != ''"
	}
	return `SELECT line_user, w.want AS want, l.has AS has FROM (
SELECT line_user, argMin(choice.1, choice.2) AS want FROM (SELECT profile_id, ` + choices + ` AS choice FROM memberships FINAL) AS m
INNER JOIN (SELECT profile_id, line_user FROM people FINAL WHERE line_user != '' AND ` + friendSQL(account) + `) AS p USING (profile_id) WHERE choice.1 != '' GROUP BY line_user) AS w
FULL OUTER JOIN (SELECT line_user, toString(rich_menu) AS has FROM line_menu_links FINAL WHERE account = {account:String} AND rich_menu != '') AS l USING (line_user) WHERE w.want != l.has`
}

// linkMenus gives people the menus that their segments say, and takes away what none says any more.
func (a *API) linkMenus(ctx context.Context, account string, mine []wantedMenu, now time.Time) error {
	change := map[string][]string{} // by the menu to have
	err := a.each(ctx, fmt.Sprintf("%s LIMIT %d", menuChanges(account, mine), mostChanges), []any{named("account", account)}, func(rows driver.Rows) error {
		var user, want, has string
		err := rows.Scan(&user, &want, &has)
		change[want] = append(change[want], user)
		return err
	})
	if err != nil {
		return fmt.Errorf("find who is to see another rich menu: %w", err)
	}
	o, _ := a.cfg.LINE.Get(account)
	for rich, users := range change {
		for part := range slices.Chunk(users, line.MaxMenuUsers) {
			if rich == "" {
				err = o.Channel.UnlinkRichMenu(ctx, part)
			} else {
				err = o.Channel.LinkRichMenu(ctx, rich, part)
			}
			if err != nil {
				return fmt.Errorf("give people their rich menus: %w", err)
			}
			accounts, menus, at := make([]string, len(part)), make([]string, len(part)), make([]time.Time, len(part))
			for i := range part {
				accounts[i], menus[i], at[i] = account, rich, now
			}
			if err := a.cfg.DB.Insert(ctx, "line_menu_links", []string{"account", "line_user", "rich_menu", "at"}, len(part), accounts, part, menus, at); err != nil {
				return err
			}
		}
	}
	return nil
}

// menuChoices is SQL that gives the menu of a membership and its place in the order; empty: no menu is for a segment.
func menuChoices(mine []wantedMenu) string {
	out := ""
	for i, w := range mine {
		if w.Segment != "" {
			out += fmt.Sprintf("segment = %s, (%s, %d), ", quoteAll([]string{w.Segment}), quoteAll([]string{w.rich}), i)
		}
	}
	if out == "" {
		return ""
	}
	return "multiIf(" + out + "('', 0))"
}

// deleteMenus deletes at LINE what nobody is to see any more: older versions, and menus that are off or gone.
func (a *API) deleteMenus(ctx context.Context, account string, made map[menuKey]madeMenu, wanted []wantedMenu, old []string, now time.Time) error {
	for k, x := range made {
		if k.account != account || k.menu == "" || x.rich == "" || slices.ContainsFunc(wanted, func(w wantedMenu) bool { return w.menuKey == k }) {
			continue
		}
		if err := a.deleteMenu(ctx, account, x.rich); err != nil {
			return err
		}
		if err := a.noteMenu(ctx, k, madeMenu{}, now); err != nil {
			return err
		}
	}
	for _, id := range old {
		if err := a.deleteMenu(ctx, account, id); err != nil {
			a.log.Warn("an older rich menu is left at LINE", "account", account, "rich_menu", id, "err", err)
		}
	}
	return nil
}

// deleteMenu deletes a menu at LINE. One that is not there any more is deleted.
func (a *API) deleteMenu(ctx context.Context, account, id string) error {
	o, ok := a.cfg.LINE.Get(account)
	if !ok {
		return nil
	}
	var r *line.Refusal
	if err := o.Channel.DeleteRichMenu(ctx, id); err != nil && !(errors.As(err, &r) && r.Status == http.StatusNotFound) {
		return fmt.Errorf("delete a rich menu: %w", err)
	}
	return nil
}
