package journeys

import (
	"strings"
	"time"

	"enishi"
	"enishi/profiles"
)

// known yields what the person's state remembers of events of some types, as events that carry what conditions look at.
// Milestones of orders, parcels and returns are remembered for good, visits within their bounds; types that leave no
// such trace (points, coupons, consents) are not found. It stops when yield returns false.
func known(p *profiles.Profile, types []string, yield func(*enishi.Event) bool) {
	for _, t := range types {
		family, name, _ := strings.Cut(t, ".")
		for i := range p.Subjects {
			if !recallFamily(&p.Subjects[i], t, family, name, yield) {
				return
			}
		}
	}
}

func recallFamily(s *profiles.Subject, typ, family, name string, yield func(*enishi.Event) bool) bool {
	switch family {
	case "order":
		for i := range s.Orders {
			o := &s.Orders[i]
			if m := findMark(o.Marks, name); m != nil && !yield(&enishi.Event{ID: m.Event, Type: typ, At: m.At, Channel: o.Channel, Source: o.Source, Order: &o.Order}) {
				return false
			}
		}
	case "shipment":
		for i := range s.Shipments {
			x := &s.Shipments[i]
			if m := findMark(x.Marks, name); m != nil && !yield(&enishi.Event{ID: m.Event, Type: typ, At: m.At, Shipment: &x.Shipment}) {
				return false
			}
		}
	case "return":
		for i := range s.Returns {
			x := &s.Returns[i]
			if m := findMark(x.Marks, name); m != nil && !yield(&enishi.Event{ID: m.Event, Type: typ, At: m.At, Return: &x.Return}) {
				return false
			}
		}
	case "store":
		return recallStore(s, typ, yield)
	case "message":
		return recallMessages(s, typ, name, yield)
	case "review", "survey", "contact", "user", "line":
		return recallOthers(s, typ, yield)
	default:
		for i := range s.Visits {
			v := &s.Visits[i]
			if v.Type == typ && !yield(visitEvent(v)) {
				return false
			}
		}
	}
	return true
}

func findMark(marks []profiles.Mark, name string) *profiles.Mark {
	for i := range marks {
		if marks[i].Type == name {
			return &marks[i]
		}
	}
	return nil
}

func visitEvent(v *profiles.Visit) *enishi.Event {
	e := &enishi.Event{ID: v.Event, Type: v.Type, At: v.At, Context: &enishi.Context{Path: v.Path, UTMSource: v.Source, UTMCampaign: v.Campaign},
		Web: &enishi.Web{CartID: v.CartID, Query: v.Query, Category: v.Category, Value: v.Value}}
	if v.ProductID != "" {
		e.Web.Product = &enishi.Product{ProductID: v.ProductID, Category: v.Category, Brand: v.Brand}
	}
	return e
}

// recallStore finds visits; a purchase at the till is remembered as the visit and, with its order, under the order's id.
func recallStore(s *profiles.Subject, typ string, yield func(*enishi.Event) bool) bool {
	for i := range s.Stores {
		v := &s.Stores[i]
		if v.Type != typ {
			continue
		}
		e := &enishi.Event{ID: v.Event, Type: typ, At: v.At, Store: &enishi.StoreVisit{StoreID: v.StoreID}}
		for k := range s.Orders {
			if m := findMark(s.Orders[k].Marks, "placed"); m != nil && m.Event == v.Event {
				e.Order = &s.Orders[k].Order
			}
		}
		if !yield(e) {
			return false
		}
	}
	return true
}

func recallMessages(s *profiles.Subject, typ, name string, yield func(*enishi.Event) bool) bool {
	for i := range s.Messages {
		m := &s.Messages[i]
		at := map[string]time.Time{"sent": m.SentAt, "delivered": m.DeliveredAt, "opened": m.OpenedAt, "clicked": m.ClickedAt}[name]
		if m.End == name {
			at = m.EndedAt
		}
		if at.IsZero() {
			continue
		}
		e := &enishi.Event{Type: typ, At: at, Result: &enishi.MessageResult{SendID: m.SendID, Round: m.Round, Channel: m.Channel, Journey: m.Journey,
			Node: m.Node, Template: m.Template, Purpose: m.Purpose, Reason: m.Reason, RunID: m.RunID}}
		if !yield(e) {
			return false
		}
	}
	return true
}

func recallOthers(s *profiles.Subject, typ string, yield func(*enishi.Event) bool) bool {
	one := func(at time.Time, e enishi.Event) bool {
		e.Type, e.At = typ, at
		return at.IsZero() || yield(&e)
	}
	switch typ {
	case "review.written":
		for i := range s.Reviews {
			if !one(s.Reviews[i].At, enishi.Event{ID: s.Reviews[i].Event, Review: &s.Reviews[i].Review}) {
				return false
			}
		}
	case "survey.answered":
		for i := range s.Surveys {
			x := &s.Surveys[i]
			if !one(x.At, enishi.Event{ID: x.Event, Survey: &enishi.Survey{SurveyID: x.SurveyID, Kind: x.Kind, Score: x.Score}}) {
				return false
			}
		}
	case "contact.opened", "contact.solved":
		for i := range s.Contacts {
			x := &s.Contacts[i]
			at := x.OpenedAt
			if typ == "contact.solved" {
				at = x.SolvedAt
			}
			if !one(at, enishi.Event{Contact: &enishi.Contact{ContactID: x.ContactID, Channel: x.Channel, Topic: x.Topic, OrderID: x.OrderID, Complaint: x.Complaint}}) {
				return false
			}
		}
	case "user.signed_up":
		return one(s.Lifetime.SignedUpAt, enishi.Event{})
	case "line.followed":
		return one(s.Lifetime.LineFollowed, enishi.Event{})
	case "line.unfollowed":
		return one(s.Lifetime.LineUnfollowed, enishi.Event{})
	}
	return true
}
