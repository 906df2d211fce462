package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
)

type renderCommand struct {
	client
	Template string `arg:"" help:"Name of the template."`
	Profile  string `help:"Whose data to fill in: an id; a made-up person unless said." placeholder:"ID"`
	Lang     string `help:"Language: ja or en." enum:"ja,en" default:"ja"`
	HTML     bool   `help:"Print the HTML." name:"html" xor:"form"`
	Text     bool   `help:"Print the text part." xor:"form"`
	JSON     bool   `help:"Print all of it as JSON." name:"json" xor:"form"`
}

// Run prints the message as the person would get it.
func (c *renderCommand) Run(ctx context.Context, s streams) error {
	var raw json.RawMessage
	ask := map[string]any{"profile": c.Profile, "language": c.Lang}
	if err := c.in(s).call(ctx, "POST", "/templates/"+c.Template+"/preview", ask, &raw); err != nil {
		return err
	}
	var m struct {
		Subject, Preheader, HTML, Text string
		Missing                        []string
		Messages, Content              json.RawMessage
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	out := ""
	switch {
	case c.JSON:
		out = string(raw)
	case c.HTML:
		out = m.HTML
	case c.Text:
		out = m.Text
	case m.Subject == "":
		out = string(m.Messages)
		if len(m.Content) > len("{}") {
			out = string(m.Content)
		}
	default:
		out = "Subject: " + m.Subject + "\nPreheader: " + m.Preheader + "\n\n" + m.Text
	}
	if len(m.Missing) > 0 {
		fmt.Fprintln(s.err, "no value: "+strings.Join(m.Missing, ", "))
	}
	_, err := fmt.Fprintln(s.out, out)
	return err
}
