package api

import (
	"context"

	"enishi"
	"enishi/channels/email"
)

// senderItem is one line of what a sender owes before receivers trust it.
type senderItem struct {
	Key     string   `json:"key" doc:"from_alignment, return_path, spf, dkim, dmarc, bounce_mx, bimi."`
	Label   Text     `json:"label"`
	State   string   `json:"state" enum:"ok,missing,wrong,confirm,optional,unknown" doc:"confirm: it is there, whether it is right only a person can tell; unknown: it could not be looked up."`
	Text    Text     `json:"text"`
	Name    string   `json:"name" doc:"DNS name of the record; empty: no record."`
	Type    string   `json:"type"`
	Value   string   `json:"value" doc:"The record to set."`
	Found   []string `json:"found"`
	Problem string   `json:"problem,omitempty" doc:"Why it could not be looked up."`
}

type senderOutput struct {
	Body struct {
		Name  string       `json:"name"`
		From  string       `json:"from"`
		Ready bool         `json:"ready" doc:"Nothing is missing, wrong or unknown."`
		Items []senderItem `json:"items"`
	}
}

// getSenderChecklist looks up what the DNS says of a mail account.
func (a *API) getSenderChecklist(ctx context.Context, in *NamePath) (*senderOutput, error) {
	if err := checkName(in.Name); err != nil {
		return nil, err
	}
	var sender *email.Channel
	if a.cfg.MailSender != nil {
		sender = a.cfg.MailSender(in.Name)
	}
	if sender == nil {
		return nil, notFound("mail sender", "メールの差出人")
	}
	out := &senderOutput{}
	from := sender.From()
	out.Body.Name, out.Body.From, out.Body.Ready, out.Body.Items = in.Name, from.Address, true, []senderItem{}
	for _, x := range sender.Checklist(ctx, a.cfg.Lookup) {
		found := x.Found
		if found == nil {
			found = []string{}
		}
		out.Body.Items = append(out.Body.Items, senderItem{Key: x.Key, Label: word("checklist", x.Key), State: x.State, Text: Text{JA: x.TextJA, EN: x.Text},
			Name: x.Name, Type: x.Type, Value: x.Value, Found: found, Problem: x.Problem})
		if x.State != email.ItemOK && x.State != email.ItemConfirm && x.State != email.ItemOptional {
			out.Body.Ready = false
		}
	}
	return out, nil
}

type mailInput struct {
	Body struct {
		From string `json:"from,omitempty" maxLength:"320" doc:"Envelope sender; empty for <>."`
		To   string `json:"to" minLength:"3" maxLength:"320" doc:"Envelope recipient."`
		Raw  []byte `json:"raw" minLength:"1" doc:"The mail as it came, base64."`
	}
}

type mailOutput struct {
	Body struct {
		Kind string `json:"kind" doc:"bounce hard, bounce soft, bounce block, complaint, opt_out, reply, auto, delayed, or refused: it is a dead letter."`
	}
}

// takeMail takes in what a mail server pipes.
func (a *API) takeMail(ctx context.Context, in *mailInput) (*mailOutput, error) {
	if a.cfg.TakeMail == nil {
		return nil, refusal(enishi.Conflict, "this server takes no mail in", "このサーバーはメールを受信しません。")
	}
	if len(in.Body.Raw) > email.MaxInbound {
		return nil, enishi.FieldError("body.raw", "is longer than 1 MiB", "1 MiB を超えています。")
	}
	out := &mailOutput{}
	var err error
	out.Body.Kind, err = a.cfg.TakeMail(ctx, in.Body.From, in.Body.To, in.Body.Raw)
	return out, err
}
