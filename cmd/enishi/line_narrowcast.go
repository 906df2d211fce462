package main

import (
	"context"
	"fmt"
	"net/url"
	"text/tabwriter"
	"time"
)

type narrowcastCommand struct {
	Send   narrowcastSendCommand   `cmd:"" help:"Send a template to an audience that is ready and at most a day old. LINE cannot take back what it has accepted."`
	List   narrowcastListCommand   `cmd:"" help:"List them, the newest first."`
	Cancel narrowcastCancelCommand `cmd:"" help:"Take one back that LINE does not have yet."`
}

// narrowcast is one as the server tells it.
type narrowcast struct {
	ID, State, Title    string
	AudiencePeople      int64 `json:"audience_people"`
	AudienceAge         int64 `json:"audience_age_seconds"`
	Sent, Seen, Clicked *int64
	CreatedAt           time.Time `json:"created_at"`
	CountedAt           time.Time `json:"counted_at"`
	StateLabel          bothWords `json:"state_label"`
	Why, Stop, Figures  bothWords
}

type bothWords struct{ JA, EN string }

func (b bothWords) in(language string) string {
	if language == "ja" {
		return b.JA
	}
	return b.EN
}

type narrowcastSendCommand struct {
	client
	Account  string `help:"The account." default:"default" placeholder:"NAME"`
	Audience int64  `help:"Id of the audience at LINE." xor:"audience" required:"" placeholder:"ID"`
	Kept     string `help:"Instead: name of an audience that is kept at LINE (enishi audience list)." xor:"audience" required:"" placeholder:"NAME"`
	Template string `help:"A LINE template for advertising, the same words for everybody." required:"" placeholder:"NAME"`
	Title    string `help:"For lists." required:"" placeholder:"TEXT"`
	Limit    int    `help:"At most so many people, whom LINE chooses at random; 0: everybody." placeholder:"N"`
}

// Run asks for it, and prints its id and what a stop can still do.
func (c *narrowcastSendCommand) Run(ctx context.Context, s streams) error {
	server := c.in(s)
	var made narrowcast
	body := map[string]any{"account": c.Account, "audience": c.Audience, "template": c.Template, "title": c.Title, "limit": c.Limit}
	if c.Kept != "" {
		delete(body, "audience")
		body["kept"] = c.Kept
	}
	err := server.call(ctx, "POST", "/line/narrowcasts", body, &made)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(s.err, "audience of %d people, made %s ago\n%s\n", made.AudiencePeople, time.Duration(made.AudienceAge)*time.Second, made.Stop.in(server.language)); err != nil {
		return err
	}
	_, err = fmt.Fprintln(s.out, made.ID)
	return err
}

type narrowcastListCommand struct {
	client
	Account string `help:"Of one account." placeholder:"NAME"`
}

// Run prints a line for each.
func (c *narrowcastListCommand) Run(ctx context.Context, s streams) error {
	server := c.in(s)
	var all struct{ Items []narrowcast }
	if err := server.call(ctx, "GET", "/line/narrowcasts?account="+url.QueryEscape(c.Account), nil, &all); err != nil {
		return err
	}
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "id\tcreated\tstate\tpeople\tsent\tseen\tclicked\ttitle\twhy")
	for i := range all.Items {
		n := &all.Items[i]
		asked := !n.CountedAt.IsZero()
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%s\t%s\t%s\t%s\n", n.ID, n.CreatedAt.Local().Format("2006-01-02 15:04"), n.State, n.AudiencePeople, countText(n.Sent, false), countText(n.Seen, asked), countText(n.Clicked, asked), n.Title, n.Why.in(server.language))
	}
	return w.Flush()
}

// countText is a number of people; few says that LINE was asked and does not tell fewer than 20.
func countText(n *int64, few bool) string {
	switch {
	case n != nil:
		return fmt.Sprint(*n)
	case few:
		return "<20"
	}
	return "-"
}

type narrowcastCancelCommand struct {
	client
	ID     string `arg:"" help:"As send and list print it."`
	Reason string `help:"For the log." placeholder:"TEXT"`
}

// Run takes it back, and prints how it stands.
func (c *narrowcastCancelCommand) Run(ctx context.Context, s streams) error {
	server := c.in(s)
	var now narrowcast
	if err := server.call(ctx, "POST", "/line/narrowcasts/"+url.PathEscape(c.ID)+"/cancel", map[string]any{"reason": c.Reason}, &now); err != nil {
		return err
	}
	_, err := fmt.Fprintf(s.out, "%s\n%s\n", now.StateLabel.in(server.language), now.Stop.in(server.language))
	return err
}
