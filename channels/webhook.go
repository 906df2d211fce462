package channels

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	fastjson "github.com/goccy/go-json"

	"enishi"
)

// WebhookChannel is the channel of calls of other systems. Their destination is webhook:HOST, so that each host has a queue, a
// rate and a breaker of its own.
const WebhookChannel = "webhook"

// Request is a call of another system.
type Request struct {
	URL     string            `json:"url"`
	Method  string            `json:"method,omitempty"`  // POST, PUT; empty: POST
	Headers map[string]string `json:"headers,omitempty"` // ${NAME} in a value stands for a secret of the configuration
	Body    string            `json:"body,omitempty"`    // Liquid that makes JSON; once rendered the JSON; empty: who and what the call is about
}

// CheckWebhook tells what is wrong with the Liquid of a webhook's body: it must make JSON, also for a person of whom nothing
// is known.
func CheckWebhook(body string) error {
	if body == "" {
		return nil
	}
	engine := newEngine()
	p, err := (&library{engine: engine}).compilePart("body", body, &jsonPlace{})
	if err != nil {
		return err
	}
	out, err := p.render(map[string]any{missingName: &missing{rule: missingBlank, language: "ja"}}, time.Now)
	if err != nil {
		return enishi.FieldError("body", "cannot be made, mend what is named: "+err.Error(), "本文を作れません。次のところを直してください: "+err.Error())
	}
	if !json.Valid([]byte(out)) {
		return enishi.FieldError("body", "makes no JSON: write {\"name\": {{ customer.full_name }}}, without quotes around the variable, or with: \"{{ customer.full_name }}\"",
			"JSON になりません。{\"name\": {{ customer.full_name }}} のように書いてください（変数は引用符なしでも \"{{ customer.full_name }}\" でもかまいません）")
	}
	return nil
}

// webhook makes a call: its template came with the message.
func (r *Renderer) webhook(m *enishi.Message) (*Rendered, error) {
	out := &Rendered{SendID: m.SendID, Round: m.Round, Profile: m.Profile, Account: m.Account, Purpose: m.Purpose, Journey: m.Journey, To: m.To, Request: &Request{}}
	if err := json.Unmarshal([]byte(m.Content), out.Request); err != nil {
		return nil, fmt.Errorf("read the webhook: %w", err)
	}
	vars := map[string]any{}
	if m.Variables != "" {
		if err := fastjson.Unmarshal([]byte(m.Variables), &vars); err != nil {
			return nil, fmt.Errorf("variables of the webhook: %w", err)
		}
	}
	if out.Request.Body == "" {
		body, err := json.Marshal(map[string]any{"type": "journey.webhook", "timestamp": m.DecidedAt.UTC(), "data": map[string]any{
			"journey": m.Journey, "node": m.Node, "run_id": m.RunID, "profile": m.Profile, "person": map[string]any{"customer_id": textIn(vars, "person", "customer_id")}, "keys": vars["keys"]}})
		out.Request.Body = string(body)
		return out, err
	}
	p, err := (&library{engine: r.engine}).compilePart("body", out.Request.Body, &jsonPlace{})
	if err != nil {
		return nil, err
	}
	vars[missingName] = &missing{rule: missingBlank, language: m.Language}
	made, err := p.render(vars, r.cfg.Now)
	if err != nil {
		return nil, err
	}
	if made = strings.TrimSpace(made); !json.Valid([]byte(made)) {
		return nil, fmt.Errorf("the body of the webhook is no JSON")
	}
	out.Request.Body = made
	return out, nil
}

// textIn is a value within maps; "" when there is none.
func textIn(in map[string]any, path ...string) string {
	for _, name := range path[:len(path)-1] {
		in, _ = in[name].(map[string]any)
	}
	s, _ := in[path[len(path)-1]].(string)
	return s
}

// webhookEvent is the type of the event that tells how a round of a call ended.
func webhookEvent(state string) string {
	switch state {
	case stateSent:
		return "webhook.answered"
	case stateDeferred:
		return "webhook.deferred"
	}
	return "webhook.failed"
}
