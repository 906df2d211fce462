package segments

import (
	"slices"
	"strings"
	"time"

	"enishi"
	"enishi/profiles"
)

// consentStates are the permissions by channel and purpose: in if some subject gave it and none withdrew it. An account that
// was blocked is out by itself alone.
func consentStates(v *profiles.View) map[string]string {
	states := map[string]string{}
	for _, s := range v.Profile.Subjects {
		for _, c := range s.Consents {
			key := c.Channel + "." + c.Purpose
			switch blocked := c.Method == profiles.MethodUnfollow; {
			case c.Out && !blocked:
				states[key] = "out"
			case !c.Out && states[key] != "out":
				states[key] = "in"
			case blocked && states[key] == "":
				states[key] = "blocked"
			}
		}
	}
	for key, state := range states {
		if state == "blocked" {
			states[key] = "out"
		}
	}
	return states
}

// person reads what stands in the subjects.
func person(env map[string]any, v *profiles.View) {
	consent, states := map[string]bool{}, consentStates(v)
	for _, ch := range Channels() {
		consent[ch] = states[ch+".marketing"] == "in"
	}
	env["consent"] = consent
	env["has_email"], env["has_line"], env["has_phone"], env["line_friend"], env["suppressed_email"] = false, false, false, false, false
	bounced, well := false, false
	for _, s := range v.Profile.Subjects {
		switch s.Kind {
		case enishi.Email:
			if s.Value == "" {
				continue // known by what came from elsewhere, and not by its address
			}
			env["has_email"] = true
			bounced, well = bounced || !s.Lifetime.Bounced.IsZero(), well || s.Lifetime.Bounced.IsZero()
		case enishi.Phone:
			env["has_phone"] = true
		case enishi.LINEUser:
			env["has_line"] = true
		}
		if s.Lifetime.LineFollowed.After(s.Lifetime.LineUnfollowed) {
			env["line_friend"] = true
		}
	}
	env["suppressed_email"] = bounced && !well // one that can be written to is written to
	reach(env, v, states)
}

// end is the last instant of a column.
var end = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)

// reach is by which channels marketing reaches the person, from what stands in the subjects. Of social it is a condition about the
// clock: now is put in by the expression itself.
func reach(env map[string]any, v *profiles.View, states map[string]string) {
	in := func(ch string) bool { return states[ch+".marketing"] == "in" }
	sms, line := false, false
	var acted, window, until time.Time
	later := func(t *time.Time, x time.Time) {
		if x.After(*t) {
			*t = x
		}
	}
	for _, s := range v.Profile.Subjects {
		sms = sms || s.Kind == enishi.Phone && s.Value != ""
		line = line || s.Kind == enishi.LINEUser && s.Value != "" && s.Lifetime.LineFollowed.After(s.Lifetime.LineUnfollowed)
		if s.Value == "" {
			for _, c := range s.Chats {
				later(&acted, c.ActedAt)
				later(&window, c.OpenTo)
			}
			continue
		}
		for _, c := range s.Chats {
			later(&acted, c.ActedAt)
			later(&window, c.OpenTo)
			if !c.GoneAt.IsZero() && !c.ActedAt.After(c.GoneAt) || states["social.marketing"] == "out" {
				continue
			}
			later(&until, c.OpenTo)
			for _, p := range c.Permits {
				switch {
				case !p.At.After(p.StoppedAt):
				case p.ExpiresAt.IsZero():
					later(&until, end)
				default:
					later(&until, p.ExpiresAt)
				}
			}
		}
	}
	has := func(name string) bool { return strings.TrimSpace(v.Traits[name].String()) != "" }
	postal := (has("address1") || has("city")) && (has("postal_code") || has("prefecture"))
	for _, o := range v.Orders { // here no order names who gets it: what is no gift went to themselves
		if to := o.ShipTo; to != nil && !to.IsGift && (to.Address1 != "" || to.City != "") && (to.PostalCode != "" || to.Prefecture != "") {
			postal = true
		}
	}
	env["reachable"] = map[string]any{"email": env["has_email"].(bool) && !env["suppressed_email"].(bool) && in("email"), "line": line && in("line"), "sms": sms && in("sms"), "push": false,
		"postal": postal && states["postal.marketing"] != "out"}
	env["social"] = map[string]any{"reach_until": until, "window_until": window, "last_action_at": acted}
	for base, member := range language().members {
		for _, name := range member {
			env[base+"."+name] = env[base].(map[string]any)[name]
		}
	}
}

// listed are the types of events that lists are about.
var listed = map[string][]string{"views": {"product.viewed"}, "searches": {"search.performed"}, "carts": {"cart.item_added", "cart.updated"}, "wishlist": {"wishlist.added"}}

// lists shows every field of every list by its getter: the fields are checked by their rows in the SQL tests, and against
// the names in the view here.
func lists(env map[string]any, v *profiles.View, now time.Time) {
	for _, l := range Collections() {
		all := []any{}
		for i := range l.length(v) {
			e := map[string]any{}
			for _, f := range l.Fields {
				switch f.Kind {
				case Text:
					e[f.Name] = f.text(v, i)
				case Bool:
					e[f.Name] = f.whole(v, i) != 0
				case Whole:
					e[f.Name] = wholeNum(f.whole(v, i))
				case Money:
					e[f.Name] = num{kind: 'm', i: f.whole(v, i)}
				case Instant:
					e[f.Name] = time.Time{}
					if ms := f.whole(v, i); ms != 0 {
						e[f.Name] = time.UnixMilli(ms).UTC()
					}
				}
			}
			if at, ok := e["at"].(time.Time); ok && l.table == "visits" && !at.After(now.Add(-180*24*time.Hour)) {
				continue
			}
			if types := listed[l.Name]; types != nil && !slices.Contains(types, e["type"].(string)) {
				continue
			}
			all = append(all, e)
		}
		env["list_"+l.Name] = all
	}
}
