package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"text/tabwriter"
	"time"
)

type streamCommand struct {
	List   streamListCommand   `cmd:"" help:"Show the streams of changes to other systems."`
	Status streamStatusCommand `cmd:"" help:"Show how one stands, and why nothing leaves."`
	Pause  streamPauseCommand  `cmd:"" help:"Let one stand still; nothing is lost."`
	Resume streamResumeCommand `cmd:"" help:"Let one go on where it stood."`
	Replay streamReplayCommand `cmd:"" help:"Send changes from an instant on again, with the ids that they had."`
	Test   streamTestCommand   `cmd:"" help:"Send a made-up change. Exit code 1 when it was not taken."`
	Key    streamKeyCommand    `cmd:"" help:"Print the keys by which the receiver checks the signature, the newest first."`
}

// shownStream is what the commands show of a stream.
type shownStream struct {
	Name, State              string
	Title                    struct{ JA, EN string }
	Waiting, Lag, Sent, Dead int64
	LeftOut                  int64     `json:"left_out"`
	SentAt                   time.Time `json:"sent_at"`
	Stream                   struct{ To, URL string }
	Problem                  *struct {
		Code        string
		Text        struct{ JA, EN string }
		Since, Next time.Time
	}
}

func (x *shownStream) to() string {
	if x.Stream.URL != "" {
		return x.Stream.URL
	}
	return "topic changes"
}

func streamPath(name, act string) string { return "/streams/" + url.PathEscape(name) + act }

type streamListCommand struct{ client }

// Run lists the streams.
func (c *streamListCommand) Run(ctx context.Context, s streams) error {
	var list struct{ Items []shownStream }
	if err := c.in(s).call(ctx, "GET", "/streams", nil, &list); err != nil {
		return err
	}
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "name\tstate\tto\twaiting\tlag\tsent\trefused")
	for i := range list.Items {
		x := &list.Items[i]
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%d\t%d\n", x.Name, x.State, x.to(), x.Waiting, time.Duration(x.Lag)*time.Second, x.Sent, x.Dead)
	}
	return w.Flush()
}

type streamStatusCommand struct {
	client
	Name string `arg:"" help:"Name of the stream."`
}

// Run shows one stream.
func (c *streamStatusCommand) Run(ctx context.Context, s streams) error {
	var x shownStream
	if err := c.in(s).call(ctx, "GET", streamPath(c.Name, ""), nil, &x); err != nil {
		return err
	}
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "state\t%s\nto\t%s\nwaiting\t%d\nlag\t%s\nsent\t%d\nleft out\t%d\nrefused\t%d\n", x.State, x.to(), x.Waiting, time.Duration(x.Lag)*time.Second, x.Sent, x.LeftOut, x.Dead)
	if !x.SentAt.IsZero() {
		fmt.Fprintf(w, "last\t%s\n", x.SentAt.Format(time.RFC3339))
	}
	if p := x.Problem; p != nil {
		text := p.Text.EN
		if s.japanese() {
			text = p.Text.JA
		}
		fmt.Fprintf(w, "since\t%s\nnext try\t%s\nproblem\t%s\n", p.Since.Format(time.RFC3339), p.Next.Format(time.RFC3339), text)
	}
	return w.Flush()
}

type streamPauseCommand struct {
	client
	Name   string `arg:"" help:"Name of the stream."`
	Reason string `help:"Why; kept with the version." placeholder:"TEXT"`
}

// Run pauses a stream.
func (c *streamPauseCommand) Run(ctx context.Context, s streams) error {
	return c.in(s).call(ctx, "POST", streamPath(c.Name, "/pause"), map[string]any{"reason": c.Reason}, nil)
}

type streamResumeCommand struct {
	client
	Name   string `arg:"" help:"Name of the stream."`
	Reason string `help:"Why; kept with the version." placeholder:"TEXT"`
}

// Run resumes a stream.
func (c *streamResumeCommand) Run(ctx context.Context, s streams) error {
	return c.in(s).call(ctx, "POST", streamPath(c.Name, "/resume"), map[string]any{"reason": c.Reason}, nil)
}

type streamReplayCommand struct {
	client
	Name   string `arg:"" help:"Name of the stream."`
	From   string `required:"" help:"Changes recorded from then on: 2006-01-02 (UTC) or 2006-01-02T15:04:05+09:00." placeholder:"INSTANT"`
	Reason string `help:"Why; kept with the version." placeholder:"TEXT"`
}

// Run replays a stream.
func (c *streamReplayCommand) Run(ctx context.Context, s streams) error {
	from, err := time.Parse(time.RFC3339, c.From)
	if err != nil {
		if from, err = time.Parse(time.DateOnly, c.From); err != nil {
			return errors.New("--from is a day such as 2026-11-01 or an instant such as 2026-11-01T09:00:00+09:00")
		}
	}
	return c.in(s).call(ctx, "POST", streamPath(c.Name, "/replay"), map[string]any{"from": from.UTC(), "reason": c.Reason}, nil)
}

type streamTestCommand struct {
	client
	Name string `arg:"" help:"Name of the stream."`
}

// Run sends a test.
func (c *streamTestCommand) Run(ctx context.Context, s streams) error {
	var x struct {
		Taken bool
		Code  string
		Text  struct{ JA, EN string }
		MS    int64
	}
	if err := c.in(s).call(ctx, "POST", streamPath(c.Name, "/test"), nil, &x); err != nil {
		return err
	}
	switch {
	case x.Taken:
		_, err := fmt.Fprintf(s.out, "taken %s within %d ms\n", x.Code, x.MS)
		return err
	case s.japanese():
		return errors.New(x.Text.JA)
	}
	return errors.New(x.Text.EN)
}

type streamKeyCommand struct {
	client
	Name string `arg:"" help:"Name of the stream."`
}

// Run prints the keys.
func (c *streamKeyCommand) Run(ctx context.Context, s streams) error {
	var x struct{ Keys []string }
	if err := c.in(s).call(ctx, "GET", streamPath(c.Name, "/keys"), nil, &x); err != nil {
		return err
	}
	for _, k := range x.Keys {
		fmt.Fprintln(s.out, k)
	}
	return nil
}
