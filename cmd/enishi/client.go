package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
)

// client is the API of a running server, as the commands use it.
type client struct {
	Addr      string `help:"Address of the server." default:"http://127.0.0.1:8420" env:"ENISHI_ADDR"`
	Token     string `help:"Console token; none is needed on loopback while no key is defined." env:"ENISHI_TOKEN" placeholder:"TOKEN"`
	Workspace string `help:"Name of the workspace, when it is not the first." env:"ENISHI_WORKSPACE" placeholder:"NAME"`

	language string // ja or en, of what the server says; empty: errors in English
}

// in is the client with the language of the environment.
func (c client) in(s streams) *client {
	if c.language = "en"; s.japanese() {
		c.language = "ja"
	}
	return &c
}

// url is the address of an API path.
func (c *client) url(path string) string {
	addr := strings.TrimSuffix(c.Addr, "/")
	if !strings.Contains(addr, "://") {
		addr = "http://" + addr
	}
	if c.Workspace != "" {
		addr += "/w/" + c.Workspace
	}
	return addr + "/api/v1" + path
}

// call sends body (nil: none) and reads the answer into out (nil: not read). A refusal is an error with the server's words.
func (c *client) call(ctx context.Context, method, path string, body, out any) error {
	return c.send(ctx, method, path, body, func(answer *http.Response) error {
		text, err := io.ReadAll(answer.Body)
		if err != nil {
			return fmt.Errorf("read answer: %w", err)
		}
		if out == nil || len(text) == 0 {
			return nil
		}
		if err := json.Unmarshal(text, out); err != nil {
			return fmt.Errorf("read answer: %w", err)
		}
		return nil
	})
}

// send is call for an answer of any form and length.
func (c *client) send(ctx context.Context, method, path string, body any, read func(answer *http.Response) error) error {
	var r io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("encode request: %w", err)
		}
		r = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.url(path), r)
	if err != nil {
		return fmt.Errorf("call %s: %w", path, err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
		if path != "/import/records" { // those are known again by their own ids; keeping an answer for each slice would be dear
			req.Header.Set("Idempotency-Key", uuid.NewString())
		}
	}
	if c.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.Token)
	}
	if c.language != "" {
		req.Header.Set("Accept-Language", c.language)
	}
	answer, err := (&http.Client{Timeout: 10 * time.Minute}).Do(req)
	if err != nil {
		return fmt.Errorf("no server answers at %s (is it running? see --addr): %w", c.Addr, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode >= 400 {
		return c.refusal(answer)
	}
	return read(answer)
}

// refusal is what the server says against a request.
func (c *client) refusal(answer *http.Response) error {
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	var p struct {
		Detail, Title string
		DetailJA      string `json:"detail_ja"`
		Errors        []struct {
			Location, Message string
			MessageJA         string `json:"message_ja"`
		}
	}
	if json.Unmarshal(text, &p) != nil || p.Detail+p.Title == "" {
		return fmt.Errorf("the server answered %s", answer.Status)
	}
	msg := p.Detail
	if c.language == "ja" && p.DetailJA != "" {
		msg = p.DetailJA
	}
	if msg == "" {
		msg = p.Title
	}
	for _, e := range p.Errors {
		if c.language == "ja" && e.MessageJA != "" {
			e.Message = e.MessageJA
		}
		msg += "\n  " + strings.TrimPrefix(e.Location+": "+e.Message, ": ")
	}
	r := &refusedError{status: answer.StatusCode, text: msg}
	for _, e := range p.Errors {
		r.at = append(r.at, strings.TrimPrefix(e.Location, "body.body."))
	}
	return r
}

// refusedError is what a server says against a request, and the places of what is wrong.
type refusedError struct {
	status int
	text   string
	at     []string
}

// Error is what the server says.
func (e *refusedError) Error() string { return e.text }
