package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/url"
	"regexp"
	"strings"
	"time"

	"enishi/api"
)

type debugCommand struct {
	client
	Code string        `arg:"" optional:"" help:"Code that the browser has: 8-64 letters and digits. Without one a code is made."`
	Shop string        `help:"Address of the shop: the link that opens it with the code is printed." placeholder:"URL"`
	Raw  bool          `help:"Show each call as it came, too."`
	JSON bool          `help:"Print the calls as JSON, one a line." name:"json"`
	For  time.Duration `help:"How long to look." default:"1h"`

	Calls int `help:"End after so many calls; 0: do not." default:"0"`
}

// debugCall is what the command shows of a call.
type debugCall struct {
	Number                 int
	At                     time.Time
	Type, Raw, Field, Name string
	Label, Reason, Summary api.Text
	Accepted, Folded       bool
	Followed               []struct {
		Type           string
		Label, Summary api.Text
	}
}

var debugCode = regexp.MustCompile(`^[A-Za-z0-9]{8,64}$`)

const (
	debugPoll = time.Second
	// debugWait is how long a call is held back until it is known what became of it.
	debugWait = 15 * time.Second
)

// Run shows what a browser with the code sends, as the page "my browser now" of the console does, until it is interrupted.
func (c *debugCommand) Run(ctx context.Context, s streams) error {
	if c.Code == "" {
		const letters = "abcdefghijkmnpqrstuvwxyz23456789"
		for range 8 {
			c.Code += string(letters[rand.IntN(len(letters))])
		}
	}
	if !debugCode.MatchString(c.Code) {
		return fmt.Errorf("the code %q is not 8-64 letters and digits", c.Code)
	}
	open := "open a page of the shop with ?enishi_debug=" + c.Code + " in its address"
	if c.Shop != "" {
		u, err := url.Parse(c.Shop)
		if err != nil || u.Host == "" {
			return fmt.Errorf("--shop: %q is no address such as https://shop.example/", c.Shop)
		}
		q := u.Query()
		q.Set("enishi_debug", c.Code)
		u.RawQuery = q.Encode()
		open = "open " + u.String()
	}
	ctx, cancel := context.WithTimeout(ctx, c.For)
	defer cancel()
	server, above, shown, seen := c.in(s), 0, 0, map[int]time.Time{}
	for first := true; ; first = false {
		var list struct{ Items []json.RawMessage }
		err := server.call(ctx, "GET", fmt.Sprintf("/sources/debug/%s?above=%d", c.Code, above), nil, &list)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		}
		if first { // asking has begun the keeping
			fmt.Fprintln(s.err, open)
		}
		for _, raw := range list.Items {
			var x debugCall
			if err := json.Unmarshal(raw, &x); err != nil {
				return fmt.Errorf("read a call: %w", err)
			}
			if seen[x.Number].IsZero() {
				seen[x.Number] = time.Now()
			}
			if x.Accepted && !x.Folded && time.Since(seen[x.Number]) < debugWait {
				break // the order stays
			}
			above = x.Number
			delete(seen, x.Number)
			if c.JSON {
				fmt.Fprintf(s.out, "%s\n", raw)
			} else {
				c.show(s.out, &x, s.japanese())
			}
			if shown++; shown == c.Calls {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(debugPoll):
		}
	}
}

func (c *debugCommand) show(out io.Writer, x *debugCall, japanese bool) {
	pick := func(t api.Text) string {
		if japanese {
			return t.JA
		}
		return t.EN
	}
	state, what := "accepted", pick(x.Summary)
	switch {
	case !x.Accepted:
		state, what = "refused", strings.TrimSpace(x.Field+" "+pick(x.Reason))
	case !x.Folded:
		what = "not folded yet"
	}
	fmt.Fprintf(out, "%s  %-8s  %s", x.At.Local().Format(time.TimeOnly), state, pick(x.Label))
	for _, more := range []string{x.Name, what} {
		if more != "" {
			fmt.Fprintf(out, "  %s", more)
		}
	}
	fmt.Fprintln(out)
	for _, f := range x.Followed {
		fmt.Fprintf(out, "          -> %s %s\n", pick(f.Label), pick(f.Summary))
	}
	if c.Raw {
		fmt.Fprintln(out, x.Raw)
	}
}
