package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"text/tabwriter"
	"time"
)

// consentsCommand shows the evidence that the law asks for when somebody complains.
type consentsCommand struct {
	client
	Person string `arg:"" help:"Profile id, customer id, e-mail address or phone number; also of somebody who was erased."`
	JSON   bool   `help:"Print the answer as JSON." name:"json"`
}

// Run prints a line for every word, the newest first.
func (c *consentsCommand) Run(ctx context.Context, s streams) error {
	var raw json.RawMessage
	if err := c.in(s).call(ctx, "GET", "/consents?"+url.Values{"q": {c.Person}}.Encode(), nil, &raw); err != nil {
		return err
	}
	if c.JSON {
		_, err := fmt.Fprintln(s.out, string(raw))
		return err
	}
	var found struct {
		Items []struct {
			At                                                                time.Time
			Channel, Purpose, State, Account, Method, Text, IP, Source, Actor string
		}
	}
	if err := json.Unmarshal(raw, &found); err != nil {
		return fmt.Errorf("read permissions: %w", err)
	}
	if len(found.Items) == 0 {
		_, err := fmt.Fprintf(s.out, "nothing is on record about %s\n", c.Person)
		return err
	}
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "AT\tCHANNEL\tPURPOSE\tSTATE\tMETHOD\tSOURCE\tBY\tIP\tTEXT")
	for _, x := range found.Items {
		channel := x.Channel
		if x.Account != "" {
			channel += ":" + x.Account
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", x.At.UTC().Format(time.RFC3339), channel, x.Purpose, x.State, cmp.Or(x.Method, "-"), cmp.Or(x.Source, "-"), cmp.Or(x.Actor, "-"), cmp.Or(x.IP, "-"), cmp.Or(x.Text, "-"))
	}
	return w.Flush()
}
