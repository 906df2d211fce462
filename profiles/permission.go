package profiles

import (
	"strings"

	"enishi"
)

// Permission is what one event says about a permission, with the evidence for it: 特定電子メール法 3 条 2 項 asks for when and
// how, 特定商取引法 for a record of it until 3 years after the last advertisement.
type Permission struct {
	Channel string
	Purpose string
	State   string // in, out; asked: somebody asked for it, nothing is given
	Account string // of LINE, when it is about one account alone
	Method  string // how: form:NAME, double_opt_in, line_follow, complaint, unsubscribe_link, staff, import ...
	Text    string // the words shown, with their version
	IP      string
	Source  string
	Actor   string // the member of the staff who recorded it
}

// Permissions are what an event says about permissions, whether or not something newer is known. The customer of a marketplace
// gives none: it is the marketplace's.
func Permissions(e *enishi.Event) []Permission {
	var out []Permission
	foreign := e.Channel == "marketplace" || e.Order != nil && e.Order.Marketplace != ""
	requested := e.Type == "consent.requested"
	for i := range e.Consent {
		c := &e.Consent[i]
		state := c.State
		switch {
		case requested:
			state = "asked" // whatever it claims: whoever types an address into a form need not own it
		case state != "out" && (state != "in" || foreign):
			continue
		}
		out = append(out, Permission{Channel: c.Channel, Purpose: purposeOf(c.Purpose), State: state, Method: c.Method, Text: c.Text, IP: c.IP, Source: e.Source, Actor: c.Actor})
	}
	family, name, _ := strings.Cut(e.Type, ".")
	switch {
	case family == "message" && e.Result != nil && name == "complained":
		out = append(out, Permission{Channel: e.Result.Channel, Purpose: Marketing, State: "out", Method: methodComplaint, Source: e.Source})
	case family == "message" && e.Result != nil && name == "unsubscribed":
		out = append(out, Permission{Channel: e.Result.Channel, Purpose: Marketing, State: "out", Method: methodUnsubscribe, Source: e.Source})
	case family == "line" && (name == "followed" || name == "unfollowed"):
		x := Permission{Channel: "line", Purpose: Marketing, State: "in", Account: e.Properties["account"].Text, Method: MethodFollow, Source: e.Source}
		switch {
		case name == "unfollowed":
			x.State, x.Method = "out", MethodUnfollow
		case e.Properties["sync"].Any() == true:
			x.Method = MethodSync
		}
		out = append(out, x)
	}
	return out
}

func purposeOf(purpose string) string {
	if purpose == "" {
		return Marketing
	}
	return purpose
}
