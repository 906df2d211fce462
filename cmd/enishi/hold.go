package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
)

// holdCommand keeps marketing from one person.
type holdCommand struct {
	client
	Person  string `arg:"" help:"Profile id, customer id, e-mail address or phone number."`
	Reason  string `help:"Why, as people read it: an open complaint, a return, mourning." placeholder:"TEXT"`
	Until   string `help:"Last day, as 2026-12-24; until released unless said." placeholder:"DAY"`
	Release bool   `help:"End the hold instead."`
}

// Run holds or releases, and says whom.
func (c *holdCommand) Run(ctx context.Context, s streams) error {
	api := c.in(s)
	if c.Release && (c.Until != "" || c.Reason != "") {
		return errors.New("--release goes with neither --until nor --reason")
	}
	if !c.Release && c.Reason == "" {
		return errors.New("say why: --reason TEXT")
	}
	id, name, err := api.person(ctx, c.Person)
	if err != nil {
		return err
	}
	path := "/people/" + url.PathEscape(id) + "/hold"
	if c.Release {
		if err := api.call(ctx, "DELETE", path, nil, nil); err != nil {
			return err
		}
		_, err := fmt.Fprintf(s.out, "released %s %s\n", id, name)
		return err
	}
	body := map[string]any{"reason": c.Reason}
	until := "until released"
	if c.Until != "" {
		body["last_day"], until = c.Until, "until the end of "+c.Until
	}
	if err := api.call(ctx, "POST", path, body, nil); err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.out, "holding marketing to %s %s %s\n", id, name, until)
	return err
}

// person finds somebody by a profile id, customer id, e-mail address or phone number. What finds nobody may be the id of somebody who was erased: it is given back.
func (c *client) person(ctx context.Context, text string) (id, name string, err error) {
	var found struct {
		Items []struct{ ID, Name string }
	}
	if err := c.call(ctx, "GET", "/people?"+url.Values{"q": {text}, "limit": {"2"}}.Encode(), nil, &found); err != nil {
		return "", "", err
	}
	switch len(found.Items) {
	case 0:
		return text, text, nil
	case 1:
		return found.Items[0].ID, found.Items[0].Name, nil
	}
	return "", "", fmt.Errorf("several people are found by %q: name one by profile id", text)
}
