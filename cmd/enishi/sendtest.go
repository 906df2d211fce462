package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

type sendTestCommand struct {
	client
	Template string        `arg:"" help:"Name of the template."`
	To       string        `help:"List of the setting testers." default:"default" placeholder:"LIST"`
	As       string        `help:"Whose data to fill in: a profile id; a made-up person unless said." placeholder:"PERSON"`
	Lang     string        `help:"Language: ja or en." enum:"ja,en" default:"ja"`
	Wait     time.Duration `help:"How long to wait for what becomes of it." default:"30s"`
}

// Run sends the test and says what became of each message. It is an error when one was not sent.
func (c *sendTestCommand) Run(ctx context.Context, s streams) error {
	server := c.in(s)
	var test struct {
		Sends []struct {
			SendID  string `json:"send_id"`
			Tester  string
			Name    string
			Channel string
		}
		LeftOut []struct {
			Tester string
			Reason struct{ JA, EN string }
		} `json:"left_out"`
		Missing []string
	}
	if err := server.call(ctx, "POST", "/templates/"+c.Template+"/test", map[string]any{"list": c.To, "profile": c.As, "language": c.Lang}, &test); err != nil {
		return err
	}
	if len(test.Missing) > 0 {
		fmt.Fprintln(s.err, "no value:", test.Missing)
	}
	failed := len(test.Sends) == 0
	for _, x := range test.LeftOut {
		reason := x.Reason.EN
		if server.language == "ja" {
			reason = x.Reason.JA
		}
		fmt.Fprintf(s.out, "%s: %s\n", x.Tester, reason)
	}
	ctx, cancel := context.WithTimeout(ctx, c.Wait)
	defer cancel()
	for _, x := range test.Sends {
		state, reason, err := server.outcome(ctx, x.SendID)
		if err != nil {
			return err
		}
		failed = failed || state != "sent"
		fmt.Fprintf(s.out, "%s %s (%s): %s %s\n", x.Tester, x.Name, x.Channel, state, reason)
	}
	if failed {
		return errors.New("not everybody got the test")
	}
	return nil
}

// outcome waits until a send has ended, and says how; when ctx ends before, how it stands.
func (c *client) outcome(ctx context.Context, send string) (state, reason string, err error) {
	state = "decided"
	for {
		var page struct {
			Items []struct{ State, Reason string }
		}
		if err := c.call(ctx, "GET", "/deliveries?send="+send, nil, &page); err != nil && ctx.Err() == nil {
			return state, reason, err
		}
		if len(page.Items) > 0 {
			state, reason = page.Items[0].State, page.Items[0].Reason
		}
		if state != "decided" && state != "intent" {
			return state, reason, nil
		}
		select {
		case <-ctx.Done():
			return state, reason, nil
		case <-time.After(200 * time.Millisecond):
		}
	}
}
