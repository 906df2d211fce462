package analytics

import (
	"context"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"enishi"
)

// What receivers of mail look at, as shares. Gmail and Yahoo! ask for fewer complaints than [ComplaintsAim] and refuse whom
// more than [ComplaintsLimit] complain about (their sender guidelines of February 2024); a list with more than [HardLimit] of
// dead addresses counts as bought or forgotten.
const (
	ComplaintsAim   = 0.001
	ComplaintsLimit = 0.003
	HardLimit       = 0.01
	// EnoughMails is how many mails a share needs before it says anything: of fewer, one person is too much.
	EnoughMails = 100
)

// Marks of what has crossed a threshold.
const (
	MarkComplaintsLimit = "complaints_limit"
	MarkComplaintsAim   = "complaints_aim"
	MarkHard            = "hard_bounces"
)

// Deliverability is what receiving systems made of our mail.
type Deliverability struct {
	Total           DeliverabilityGroup   `json:"total"`
	Groups          []DeliverabilityGroup `json:"groups"` // those with mail, in the order of enishi.MailGroups
	CompleteThrough time.Time             `json:"complete_through"`
}

// DeliverabilityGroup is one group of receiving domains; of the total the name is empty.
type DeliverabilityGroup struct {
	Name string `json:"name"`
	MailCounts
	HardShare      *float64             `json:"hard_share"`      // of tried; null when none was
	ComplaintShare *float64             `json:"complaint_share"` // of accepted; null when none was
	Few            bool                 `json:"few"`             // too few mails for shares to say anything: nothing is marked
	Marks          []string             `json:"marks"`           // thresholds that are crossed, the worst first
	Days           []DeliverabilityDate `json:"days"`            // those with mail
}

// DeliverabilityDate is one day of the shop.
type DeliverabilityDate struct {
	At time.Time `json:"at"`
	MailCounts
}

// MailCounts counts mails that were handed to the receiving side, tests left out. A mail may count in several columns, but in
// one only of Hard, Soft and Block.
type MailCounts struct {
	Tried         int64 `json:"tried"`
	Accepted      int64 `json:"accepted"`
	Deferred      int64 `json:"deferred"` // put off at least once, whatever became of it
	Hard          int64 `json:"hard"`     // the address does not exist; told at once or later
	Soft          int64 `json:"soft"`     // full, or given up after many tries
	Block         int64 `json:"block"`    // refused because of who sends, or what
	Unknown       int64 `json:"unknown"`  // the connection broke at the end
	Complained    int64 `json:"complained"`
	Unsubscribed  int64 `json:"unsubscribed"`
	Opened        int64 `json:"opened"`         // by a person, as far as can be told; mail programs of carriers load no pictures
	OpenedMachine int64 `json:"opened_machine"` // by a scanner or a prefetch; a mail may have both
	Clicked       int64 `json:"clicked"`        // by a person, as far as can be told
}

func (c *MailCounts) add(x MailCounts) {
	to := c.columns()
	for i, n := range x.columns() {
		*to[i] += *n
	}
}

// columns are the counts in the order of the query.
func (c *MailCounts) columns() [12]*int64 {
	return [...]*int64{&c.Tried, &c.Accepted, &c.Deferred, &c.Hard, &c.Soft, &c.Block, &c.Unknown, &c.Complained, &c.Unsubscribed, &c.Opened, &c.OpenedMachine, &c.Clicked}
}

// Deliverability counts the mails of a range by group of receiving domains; of one sender's account, or of all ("").
func (r *Reports) Deliverability(ctx context.Context, x Range, sender string) (*Deliverability, error) {
	if err := x.Check(); err != nil {
		return nil, err
	}
	out := &Deliverability{Groups: []DeliverabilityGroup{}}
	var err error
	if out.CompleteThrough, err = r.CompleteThrough(ctx); err != nil {
		return nil, err
	}
	zone := r.Location()
	groups := map[string]*DeliverabilityGroup{}
	args := x.args(clickhouse.Named("sender", sender), clickhouse.Named("zone", zone.String()))
	err = r.each(ctx, "deliverability", args, func(rows driver.Rows) error {
		var day time.Time
		var name string
		var n [12]uint64
		into := []any{&day, &name}
		for i := range n {
			into = append(into, &n[i])
		}
		if err := rows.Scan(into...); err != nil {
			return err
		}
		date := DeliverabilityDate{At: startOfDay(day, zone)}
		for i, p := range date.columns() {
			*p = int64(n[i])
		}
		if groups[name] == nil {
			groups[name] = &DeliverabilityGroup{Name: name}
		}
		groups[name].note(date)
		out.Total.note(date)
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, name := range enishi.MailGroups() {
		if g := groups[name]; g != nil {
			g.complete()
			out.Groups = append(out.Groups, *g)
		}
	}
	out.Total.complete()
	return out, nil
}

// note adds a day; days come in order.
func (g *DeliverabilityGroup) note(d DeliverabilityDate) {
	g.add(d.MailCounts)
	if n := len(g.Days); n > 0 && g.Days[n-1].At.Equal(d.At) {
		g.Days[n-1].add(d.MailCounts)
		return
	}
	g.Days = append(g.Days, d)
}

// complete works out the shares and marks what is too much.
func (g *DeliverabilityGroup) complete() {
	share := func(n, of int64) *float64 {
		if of == 0 {
			return nil
		}
		s := float64(n) / float64(of)
		return &s
	}
	g.HardShare, g.ComplaintShare = share(g.Hard, g.Tried), share(g.Complained, g.Accepted)
	g.Few, g.Marks = g.Tried < EnoughMails, []string{}
	if g.Days == nil {
		g.Days = []DeliverabilityDate{}
	}
	if g.Few {
		return
	}
	switch c := g.ComplaintShare; {
	case c == nil:
	case *c >= ComplaintsLimit:
		g.Marks = append(g.Marks, MarkComplaintsLimit)
	case *c >= ComplaintsAim:
		g.Marks = append(g.Marks, MarkComplaintsAim)
	}
	if *g.HardShare >= HardLimit {
		g.Marks = append(g.Marks, MarkHard)
	}
}
