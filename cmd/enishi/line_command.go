package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"text/tabwriter"
	"time"
)

type lineCommand struct {
	Accounts lineAccountsCommand `cmd:"" help:"List the official accounts: friends, who is linked, the month's quota."`
	Sync     lineSyncCommand     `cmd:"" help:"Compare the friends with LINE's own list. No journey starts by it."`

	Narrowcast narrowcastCommand `cmd:"" help:"Send one message to an audience at LINE, and see what became of those that were sent."`
}

// lineAccount is an account as the server tells it.
type lineAccount struct {
	Name            string
	Title           struct{ JA, EN string }
	Friends, Linked int64
	Quota           struct {
		Month                  string
		Limit, Used, Remaining int
		State                  string
	}
	Sync struct {
		State               string
		Listed, Added, Gone int
		Problem             struct{ JA, EN string }
	}
}

type lineAccountsCommand struct{ client }

// Run prints a line per account.
func (c *lineAccountsCommand) Run(ctx context.Context, s streams) error {
	all, err := c.in(s).lineAccounts(ctx)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "account\tfriends\tlinked\tused\tlimit\tremaining\tstate")
	for _, a := range all {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%s\n", a.Name, a.Friends, a.Linked, a.Quota.Used, a.Quota.Limit, a.Quota.Remaining, a.Quota.State)
	}
	return w.Flush()
}

func (c *client) lineAccounts(ctx context.Context) ([]lineAccount, error) {
	var all struct{ Items []lineAccount }
	err := c.call(ctx, "GET", "/line/accounts", nil, &all)
	return all.Items, err
}

type lineSyncCommand struct {
	client
	Account string `help:"The account." default:"default" placeholder:"NAME"`
	Force   bool   `help:"Also when LINE lists far fewer friends than are known here."`
}

// Run compares, and prints how far it is until it has ended.
func (c *lineSyncCommand) Run(ctx context.Context, s streams) error {
	server := c.in(s)
	if err := server.call(ctx, "POST", "/line/accounts/"+url.PathEscape(c.Account)+"/sync", map[string]any{"force": c.Force}, nil); err != nil {
		return err
	}
	shown := -1
	for {
		all, err := server.lineAccounts(ctx)
		if err != nil {
			return err
		}
		for _, a := range all {
			if a.Name != c.Account {
				continue
			}
			x := a.Sync
			switch {
			case x.State == "failed" && server.language == "ja":
				return errors.New(x.Problem.JA)
			case x.State == "failed":
				return errors.New(x.Problem.EN)
			case x.State == "done":
				_, err := fmt.Fprintf(s.out, "listed %d, added %d, gone %d\n", x.Listed, x.Added, x.Gone)
				return err
			case x.Listed != shown:
				shown = x.Listed
				fmt.Fprintf(s.err, "listed %d\n", x.Listed)
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(300 * time.Millisecond):
		}
	}
}
