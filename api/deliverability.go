package api

import (
	"context"
	"fmt"
	"slices"
	"time"

	"enishi"
	"enishi/analytics"
)

// deliverabilityMark is a threshold that was crossed, and what to do.
type deliverabilityMark struct {
	Code     string `json:"code" enum:"complaints_limit,complaints_aim,hard_bounces"`
	Severity string `json:"severity" enum:"warning,error"`
	Text     Text   `json:"text" doc:"What it means and what to do."`
}

type deliverabilityRow struct {
	analytics.DeliverabilityGroup
	Label Text                 `json:"label"`
	Marks []deliverabilityMark `json:"marks" doc:"Thresholds that are crossed, the worst first."`
}

type deliverabilityThresholds struct {
	ComplaintsAim   float64 `json:"complaints_aim" doc:"Share of accepted mail from which on complaints are a warning."`
	ComplaintsLimit float64 `json:"complaints_limit" doc:"From here on receivers refuse mail."`
	HardBounces     float64 `json:"hard_bounces" doc:"Share of tried mail to addresses that do not exist."`
	Enough          int64   `json:"enough" doc:"Of fewer mails nothing is marked."`
}

type deliverabilityInput struct {
	RangeQuery
	Sender string `query:"sender" maxLength:"40" doc:"Account of a mail sender; all unless said."`
}

type deliverabilityOutput struct {
	Body struct {
		Total           deliverabilityRow        `json:"total"`
		Groups          []deliverabilityRow      `json:"groups" doc:"By group of receiving domains; those with mail."`
		Senders         []string                 `json:"senders" doc:"Accounts that mail may leave by."`
		Thresholds      deliverabilityThresholds `json:"thresholds"`
		CompleteThrough time.Time                `json:"complete_through"`
	}
}

// getDeliverability says what receiving systems made of our mail.
func (a *API) getDeliverability(ctx context.Context, in *deliverabilityInput) (*deliverabilityOutput, error) {
	through, err := a.through(ctx)
	if err != nil {
		return nil, err
	}
	r, err := a.cfg.Reports.Deliverability(ctx, in.of(a.now()), in.Sender)
	if err != nil {
		return nil, err
	}
	out := &deliverabilityOutput{}
	out.Body.Total, out.Body.Groups, out.Body.Senders, out.Body.CompleteThrough = deliverabilityOf(&r.Total), []deliverabilityRow{}, a.mailAccounts(), through
	for i := range r.Groups {
		out.Body.Groups = append(out.Body.Groups, deliverabilityOf(&r.Groups[i]))
	}
	out.Body.Thresholds = deliverabilityThresholds{analytics.ComplaintsAim, analytics.ComplaintsLimit, analytics.HardLimit, analytics.EnoughMails}
	return out, nil
}

func deliverabilityOf(g *analytics.DeliverabilityGroup) deliverabilityRow {
	row := deliverabilityRow{DeliverabilityGroup: *g, Label: word("mail_group", g.Name), Marks: []deliverabilityMark{}}
	if g.Name == "" {
		row.Label = word("mail_group", "all")
	}
	for _, code := range g.Marks {
		row.Marks = append(row.Marks, deliverabilityMark{Code: code, Severity: markSeverity(code), Text: word("deliverability", code)})
	}
	return row
}

func markSeverity(code string) string {
	if code == analytics.MarkComplaintsLimit {
		return "error"
	}
	return "warning"
}

// mailAccounts are the accounts that mail may leave by, as the settings have them.
func (a *API) mailAccounts() []string {
	out := []string{}
	for _, purpose := range [...]string{"marketing", "transactional"} {
		account, _ := a.journeySettings().Destination("email", purpose, "")
		if !slices.Contains(out, account) {
			out = append(out, account)
		}
	}
	return out
}

// Alerts of thresholds: over the last week, looked at every quarter of an hour, each told once in a calendar week.
const (
	deliverabilityKind  = "deliverability"
	deliverabilityEvery = 15 * time.Minute
	deliverabilitySpan  = 7 * 24 * time.Hour
)

// checkDeliverability raises an alert for each threshold that a group of receiving domains has crossed; for all mail together
// where no single group has.
func (a *API) checkDeliverability(ctx context.Context) error {
	now := a.now().UTC()
	r, err := a.cfg.Reports.Deliverability(ctx, analytics.Range{From: now.Add(-deliverabilitySpan), To: now}, "")
	if err != nil {
		return err
	}
	told := map[string]bool{}
	tell := func(g *analytics.DeliverabilityGroup) error {
		for _, code := range g.Marks {
			if g.Name == "" && told[code] {
				continue
			}
			told[code] = true
			x := a.deliverabilityAlert(g, code, now)
			var known uint64
			if err := a.one(ctx, "SELECT count() FROM alerts WHERE id = "+idLiteral(x.ID), nil, &known); err != nil {
				return fmt.Errorf("read alerts: %w", err)
			}
			if known > 0 { // also one that somebody has closed
				continue
			}
			if err := a.storeAlert(ctx, x); err != nil {
				return err
			}
		}
		return nil
	}
	for i := range r.Groups {
		if err := tell(&r.Groups[i]); err != nil {
			return err
		}
	}
	return tell(&r.Total)
}

func (a *API) deliverabilityAlert(g *analytics.DeliverabilityGroup, code string, now time.Time) enishi.Alert {
	year, week := now.In(a.zone()).ISOWeek()
	row := deliverabilityOf(g)
	what, n, of, share := Text{"迷惑メール報告", "complaints"}, g.Complained, g.Accepted, g.ComplaintShare
	if code == analytics.MarkHard {
		what, n, of, share = Text{"存在しない宛先", "addresses that do not exist"}, g.Hard, g.Tried, g.HardShare
	}
	do := word("deliverability", code)
	return enishi.Alert{ID: enishi.NewID("alert", deliverabilityKind, g.Name, code, fmt.Sprint(year), fmt.Sprint(week)), Kind: deliverabilityKind, Severity: markSeverity(code), At: now,
		Text:   fmt.Sprintf("Mail to %s: %d %s of %d mails within 7 days (%.2f %%). %s", row.Label.EN, n, what.EN, of, *share*100, do.EN),
		TextJA: fmt.Sprintf("%s宛てのメール: 直近 7 日間の %d 通のうち、%sが %d 件（%.2f %%）あります。%s", row.Label.JA, of, what.JA, n, *share*100, do.JA)}
}
