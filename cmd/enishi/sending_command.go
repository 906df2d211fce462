package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

type sendingCommand struct {
	Status sendingStatusCommand `cmd:"" help:"Show what may leave, what is stopped and what waits."`
	Stop   sendingStopCommand   `cmd:"" help:"Stop everything, or what the flags name; says how much that holds."`
	Resume sendingResumeCommand `cmd:"" help:"Lift a stop, or let a destination that is down try again."`
	Cancel sendingCancelCommand `cmd:"" help:"Drop what a stop holds, and what still comes until it is lifted; or what is parked for a destination."`
	Off    sendingOffCommand    `cmd:"" help:"Let nothing leave."`
	On     sendingOnCommand     `cmd:"" help:"Let messages leave again."`
}

// label is a text in two languages.
type label struct{ JA, EN string }

func (l label) in(s streams) string {
	if s.japanese() {
		return l.JA
	}
	return l.EN
}

type heldMessages struct {
	Waiting int64
	InHand  int64 `json:"in_hand"`
}

type sendingStatusCommand struct {
	client
	JSON bool `help:"Print the answer of the API." name:"json"`
}

// Run prints the state, the stops and the destinations.
func (c *sendingStatusCommand) Run(ctx context.Context, s streams) error {
	var raw json.RawMessage
	if err := c.in(s).call(ctx, "GET", "/sending", nil, &raw); err != nil {
		return err
	}
	if c.JSON {
		_, err := fmt.Fprintln(s.out, string(raw))
		return err
	}
	var x struct {
		State    string
		Open     heldMessages
		Incoming int64
		Stops    []struct {
			ID, Value, By, Reason string
			ScopeLabel            label `json:"scope_label"`
			Since                 time.Time
			Cancelled             bool
			Dropped               int64
			heldMessages
		}
		Destinations []struct {
			Destination, Problem string
			StateLabel           label   `json:"state_label"`
			PerSecond            float64 `json:"per_second"`
			Today, Parked        int64
			Limit                float64
			PerDay               int64 `json:"per_day"`
			PerMonth             int64 `json:"per_month"`
			WarmUpDay            int   `json:"warm_up_day"`
			Oldest               time.Time
			heldMessages
		}
	}
	if err := json.Unmarshal(raw, &x); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	fmt.Fprintf(s.out, "sending %s; waiting %d, in hand %d, not in the ledger yet %d\n", x.State, x.Open.Waiting, x.Open.InHand, x.Incoming)
	t := tabwriter.NewWriter(s.out, 0, 4, 2, ' ', 0)
	if len(x.Stops) > 0 {
		fmt.Fprintln(t, "\nSTOP\tWHAT\tWAITING\tIN HAND\tDROPPED\tSINCE\tBY\tREASON")
	}
	for _, r := range x.Stops {
		what := strings.TrimSpace(r.ScopeLabel.in(s) + " " + r.Value)
		if r.Cancelled {
			what += " (cancelled)"
		}
		fmt.Fprintf(t, "%s\t%s\t%d\t%d\t%d\t%s\t%s\t%s\n", r.ID, what, r.Waiting, r.InHand, r.Dropped, r.Since.Format(time.RFC3339), r.By, r.Reason)
	}
	if len(x.Destinations) > 0 {
		fmt.Fprintln(t, "\nDESTINATION\tSTATE\tWAITING\tIN HAND\tPARKED\tPER SECOND\tTODAY\tOLDEST\tPROBLEM")
	}
	for _, r := range x.Destinations {
		oldest := ""
		if !r.Oldest.IsZero() {
			oldest = r.Oldest.Format(time.RFC3339)
		}
		rate := fmt.Sprintf("%.1f", r.PerSecond)
		if r.Limit > 0 {
			rate += fmt.Sprintf("/%.4g", r.Limit)
		}
		today := strconv.FormatInt(r.Today, 10)
		if r.PerDay > 0 || r.WarmUpDay > 0 {
			today += "/" + strconv.FormatInt(r.PerDay, 10)
		}
		if r.WarmUpDay > 0 {
			today += fmt.Sprintf(" (warm-up day %d)", r.WarmUpDay)
		}
		fmt.Fprintf(t, "%s\t%s\t%d\t%d\t%d\t%s\t%s\t%s\t%s\n", r.Destination, r.StateLabel.in(s), r.Waiting, r.InHand, r.Parked, rate, today, oldest, r.Problem)
	}
	return t.Flush()
}

// steerSending asks for a change of what may leave and says what it is about.
func steerSending(ctx context.Context, c *client, s streams, path string, body map[string]any, done string) error {
	var x struct {
		Stop     string
		Held     heldMessages
		Incoming int64
		Warnings []label
	}
	if err := c.call(ctx, "POST", "/sending/"+path, body, &x); err != nil {
		return err
	}
	for _, w := range x.Warnings {
		fmt.Fprintln(s.err, w.in(s))
	}
	if x.Stop != "" {
		done += " " + x.Stop
	}
	_, err := fmt.Fprintf(s.out, "%s: waiting %d, in hand %d, not in the ledger yet %d\n", done, x.Held.Waiting, x.Held.InHand, x.Incoming)
	return err
}

type sendingStopCommand struct {
	client
	Channel     string `help:"Only a channel: email or line." xor:"scope" placeholder:"CHANNEL"`
	Destination string `help:"Only a destination, or all that begin with it up to a colon." xor:"scope" placeholder:"CHANNEL:ACCOUNT[:GROUP]"`
	Journey     string `help:"Only a journey or broadcast." xor:"scope" placeholder:"NAME"`
	Prefecture  string `help:"Only people of a prefecture, such as 東京都." xor:"scope" placeholder:"NAME"`
	Reason      string `help:"Why; kept with the stop." placeholder:"TEXT"`
}

// Run stops and prints how much is held.
func (c *sendingStopCommand) Run(ctx context.Context, s streams) error {
	body := map[string]any{"scope": "all", "reason": c.Reason}
	for scope, value := range map[string]string{"channel": c.Channel, "destination": c.Destination, "journey": c.Journey, "prefecture": c.Prefecture} {
		if value != "" {
			body["scope"], body["value"] = scope, value
		}
	}
	return steerSending(ctx, c.in(s), s, "stop", body, "stopped")
}

type sendingResumeCommand struct {
	client
	Stop        string `arg:"" optional:"" help:"Id of the stop."`
	Destination string `help:"A destination that is to be tried again." placeholder:"CHANNEL:ACCOUNT[:GROUP]"`
	Reason      string `help:"Why." placeholder:"TEXT"`
}

// Run lifts the stop.
func (c *sendingResumeCommand) Run(ctx context.Context, s streams) error {
	return steerSending(ctx, c.in(s), s, "resume", map[string]any{"stop": c.Stop, "destination": c.Destination, "reason": c.Reason}, "resumed")
}

type sendingCancelCommand struct {
	client
	Stop        string `arg:"" optional:"" help:"Id of the stop."`
	Destination string `help:"Instead: drop what is parked for a destination." placeholder:"CHANNEL:ACCOUNT[:GROUP]"`
	Reason      string `help:"Why." placeholder:"TEXT"`
}

// Run drops what is held.
func (c *sendingCancelCommand) Run(ctx context.Context, s streams) error {
	return steerSending(ctx, c.in(s), s, "cancel", map[string]any{"stop": c.Stop, "destination": c.Destination, "reason": c.Reason}, "cancelled")
}

type sendingOffCommand struct {
	client
	Reason string `help:"Why." placeholder:"TEXT"`
}

// Run turns sending off.
func (c *sendingOffCommand) Run(ctx context.Context, s streams) error {
	return steerSending(ctx, c.in(s), s, "off", map[string]any{"reason": c.Reason}, "off")
}

type sendingOnCommand struct {
	client
	Reason string `help:"Why." placeholder:"TEXT"`
}

// Run turns sending on.
func (c *sendingOnCommand) Run(ctx context.Context, s streams) error {
	return steerSending(ctx, c.in(s), s, "on", map[string]any{"reason": c.Reason}, "on")
}

type deliveriesCommand struct {
	client
	State   string `help:"Only those that stand or ended so." enum:",decided,intent,parked,sent,failed,unknown,refused,deferred,dropped" default:"" placeholder:"STATE"`
	Channel string `help:"Only a channel." enum:",email,line,sms,push,social,postal,line_notice" default:"" placeholder:"CHANNEL"`
	Journey string `help:"Only a journey." placeholder:"NAME"`
	Limit   int    `help:"At most so many, newest first; 0: all." default:"100"`
	Format  string `help:"table, csv or json (one object a line)." enum:"table,csv,json" default:"table"`
}

// delivery is one row as the commands print it.
type delivery struct {
	SendID      string `json:"send_id"`
	Round       int
	At          time.Time
	Destination string
	Journey     string
	Template    string
	Profile     string
	State       string
	Attempt     int
	Code        string
	Reason      string
}

var deliveryColumns = [...]string{"at", "send_id", "round", "state", "attempt", "destination", "journey", "template", "profile", "code", "reason"}

func (d *delivery) fields() []string {
	return []string{d.At.Format(time.RFC3339), d.SendID, strconv.Itoa(d.Round), d.State, strconv.Itoa(d.Attempt), d.Destination, d.Journey, d.Template, d.Profile, d.Code, d.Reason}
}

// Run prints rows page by page.
func (c *deliveriesCommand) Run(ctx context.Context, s streams) error {
	if c.Limit < 0 {
		return errors.New("--limit is less than 0")
	}
	print, flush := deliveryPrinter(s.out, c.Format)
	query := url.Values{"state": {c.State}, "channel": {c.Channel}, "journey": {c.Journey}}
	for left := c.Limit; ; {
		page := 500
		if c.Limit > 0 {
			page = min(left, page)
		}
		query.Set("limit", strconv.Itoa(page))
		var x struct {
			Items []json.RawMessage
			Next  string
		}
		if err := c.in(s).call(ctx, "GET", "/deliveries?"+query.Encode(), nil, &x); err != nil {
			return err
		}
		for _, raw := range x.Items {
			if err := print(raw); err != nil {
				return err
			}
		}
		if left -= len(x.Items); x.Next == "" || c.Limit > 0 && left <= 0 {
			return flush()
		}
		query.Set("before", x.Next)
	}
}

// deliveryPrinter writes rows in a format.
func deliveryPrinter(w io.Writer, format string) (print func(json.RawMessage) error, flush func() error) {
	row := func(write func([]string) error) func(json.RawMessage) error {
		return func(raw json.RawMessage) error {
			var d delivery
			if err := json.Unmarshal(raw, &d); err != nil {
				return fmt.Errorf("read answer: %w", err)
			}
			return write(d.fields())
		}
	}
	switch format {
	case "json":
		return func(raw json.RawMessage) error { _, err := fmt.Fprintln(w, string(raw)); return err }, func() error { return nil }
	case "csv":
		out := csv.NewWriter(w)
		_ = out.Write(deliveryColumns[:]) // Flush tells
		return row(func(f []string) error {
			for i := range f {
				f[i] = cellText(f[i])
			}
			return out.Write(f)
		}), func() error { out.Flush(); return out.Error() }
	}
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, strings.ToUpper(strings.Join(deliveryColumns[:], "\t")))
	return row(func(f []string) error { _, err := fmt.Fprintln(t, strings.Join(f, "\t")); return err }), t.Flush
}

// cellText keeps a provider's words from being a formula in a spreadsheet.
func cellText(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}
