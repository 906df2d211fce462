package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/mail"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"

	"enishi"
	"enishi/channels"
	"enishi/channels/email"
	"enishi/ingest"
)

// bounceDomain is where mail comes back to: in the development inbox a name of its own, so that nothing is left out there.
func (w *workspace) bounceDomain() string {
	if w.cfg.SMTP.Addr == "" && w.cfg.SMTP.Bounce == "" {
		return "bounce.localhost"
	}
	return w.cfg.SMTP.Bounce
}

func (w *workspace) buildIntake() error {
	var err error
	w.intake, err = email.NewIntake(email.IntakeConfig{Links: w.links, Ingest: w.ingest, Alert: w.alert, Clock: w.shopClock, Log: w.log,
		Dead: func(ctx context.Context, raw []byte, why email.Refused) error {
			sum := sha256.Sum256(raw)
			return w.keepDead(ctx, ingest.DeadLetter{ID: enishi.NewID("dead", "mail", hex.EncodeToString(sum[:])), At: w.now().UTC(), Version: 1, State: ingest.DeadWaiting,
				Topic: "mail", Stage: ingest.StageMail, Code: why.Code, Reason: why.Text, ReasonJA: why.TextJA, Raw: raw[:min(len(raw), maxUnreadable)]})
		}})
	return err
}

// openIntake binds the address for mail that comes in: the configured one, or any on loopback beside the development inbox.
func (a *app) openIntake() error {
	addr := a.cfg.MailListen
	if addr == "" && a.cfg.SMTP.Addr == "" {
		addr = "127.0.0.1:0"
	}
	if addr == "" {
		return nil
	}
	var err error
	if a.intake, err = net.Listen("tcp", addr); err != nil {
		return fmt.Errorf("listen for mail: %w", err)
	}
	a.log.Info("takes mail in", "addr", a.intake.Addr().String())
	return nil
}

// serveIntake takes mail in until ctx ends.
func (a *app) serveIntake(ctx context.Context) error {
	if a.intake == nil {
		return nil
	}
	w := a.workspaces[0]
	cfg := email.ListenConfig{Hello: cmp.Or(w.bounceDomain(), "localhost"), Accepts: email.Accepter(w.bounceDomain(), bareAddress(a.cfg.SMTP.From), bareAddress(a.cfg.SMTP.ReplyTo)),
		Take: a.takeMail, Log: a.log}
	if a.cfg.TLSCert != "" {
		cert, err := tls.LoadX509KeyPair(a.cfg.TLSCert, a.cfg.TLSKey)
		if err != nil {
			return fmt.Errorf("read the certificate for mail: %w", err)
		}
		cfg.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	}
	return email.Listen(ctx, a.intake, cfg)
}

// bareAddress is the bare address of a configured one; "" when there is none.
func bareAddress(s string) string {
	parsed, err := mail.ParseAddress(s)
	if err != nil {
		return ""
	}
	return parsed.Address
}

// takeMail gives a mail to the workspace whose message it is about; what nobody knows is a dead letter of the first one.
func (a *app) takeMail(ctx context.Context, from, to string, raw []byte) error {
	owner := a.workspaces[0]
	for _, w := range a.workspaces[1:] {
		mine, err := w.intake.Claims(ctx, from, to, raw)
		if err != nil {
			return err
		}
		if mine {
			owner = w
		}
	}
	_, err := owner.intake.Take(ctx, from, to, raw)
	return err
}

// chosen reads what a person has chosen so far; of somebody who is not known, nothing.
func (w *workspace) chosen(ctx context.Context, profile enishi.ID) (channels.Chosen, error) {
	var out channels.Chosen
	rows, err := w.db.Query(ctx, "SELECT consents, traits[{trait:String}] FROM people FINAL WHERE profile_id = unhex({id:String})",
		clickhouse.Named("trait", enishi.FrequencyTrait), clickhouse.Named("id", w.ingester.Graph().Resolve(profile).String()))
	if err != nil {
		return out, fmt.Errorf("read preferences: %w", err)
	}
	defer rows.Close()
	if rows.Next() {
		if err := rows.Scan(&out.Consents, &out.Frequency); err != nil {
			return out, fmt.Errorf("read preferences: %w", err)
		}
	}
	return out, rows.Err()
}

type bounceCommand struct {
	client
	From string `help:"Envelope sender; empty for <>." placeholder:"ADDRESS"`
	To   string `help:"Envelope recipient: the signed address that the mail came back to." required:"" placeholder:"ADDRESS"`
}

// Help is what stands between the usage and the flags.
func (*bounceCommand) Help() string {
	return "Reads a mail from standard input and hands it to a running server: for the pipe of a mail server. " +
		"In Postfix: enishi unix - n n - 10 pipe flags=Rq user=enishi argv=/usr/local/bin/enishi bounce --from=${sender} --to=${recipient}. " +
		"Ends with 75 (come again) when the server does not answer."
}

// exitTemporary is EX_TEMPFAIL of sysexits.h: a mail server keeps the mail and comes again.
const exitTemporary = 75

// exitError is an error that ends the process with a code of its own.
type exitError struct {
	error
	code int
}

// Unwrap gives the cause.
func (e exitError) Unwrap() error { return e.error }

// Run hands the mail over and prints what it was.
func (c *bounceCommand) Run(ctx context.Context, s streams) error {
	raw, err := io.ReadAll(io.LimitReader(s.in, email.MaxInbound+1))
	if err != nil {
		return exitError{fmt.Errorf("read mail: %w", err), exitTemporary}
	}
	if len(raw) > email.MaxInbound {
		return errors.New("the mail is longer than 1 MiB")
	}
	var answer struct{ Kind string }
	body := map[string]any{"from": strings.Trim(c.From, "<> "), "to": c.To, "raw": raw}
	if err := c.in(s).call(ctx, "POST", "/mail", body, &answer); err != nil {
		return exitError{err, exitTemporary}
	}
	_, err = fmt.Fprintln(s.out, answer.Kind)
	return err
}
