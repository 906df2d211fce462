package line

import (
	"encoding/json"
	"fmt"
	"net/http"
)

type coupon struct {
	id, title string
	closed    bool
}

func (s *Server) createCoupon(c *call) *answer {
	var o object
	if err := json.Unmarshal(c.body, &o); err != nil {
		return unparsable(c.body, err)
	}
	check, root := check{limits: &s.limits}, where{}
	title, _ := check.text(o, root, "title", s.limits.CouponTitle, true)
	check.text(o, root, "description", s.limits.CouponDescription, false)
	from, hasFrom := check.number(o, root, "startTimestamp", 0, 1<<53)
	to, hasTo := check.number(o, root, "endTimestamp", 0, 1<<53)
	if hasFrom && hasTo && to <= from {
		check.add(root.key("endTimestamp"), invalidProperty)
	}
	check.number(o, root, "maxUseCountPerTicket", -1, 1)
	check.required(o, root, "timezone")
	if check.required(o, root, "visibility") {
		check.oneOf(o, root, "visibility", "UNLISTED", "PUBLIC")
	}
	if how, ok := check.child(o, root, "acquisitionCondition"); ok {
		at := root.key("acquisitionCondition")
		check.oneOf(how, at, "type", "normal", "lottery")
		if kind(how) == "lottery" {
			check.number(how, at, "lotteryProbability", 1, 99)
			check.number(how, at, "maxAcquireCount", -1, 999999)
		}
	}
	if len(check.errs) > 0 {
		return bodyErrors(check.errs)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	x := &coupon{id: fmt.Sprintf("01K%X", s.random(11)), title: title}
	s.coupons = append(s.coupons, x)
	return ok(map[string]string{"couponId": x.id})
}

func (s *Server) listCoupons() *answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []map[string]string{}
	for _, x := range s.coupons {
		if !x.closed {
			out = append(out, map[string]string{"couponId": x.id, "title": x.title})
		}
	}
	return ok(map[string]any{"items": out})
}

func (s *Server) closeCoupon(c *call) *answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range s.coupons {
		if x.id == c.userID {
			if x.closed {
				return refuse(http.StatusGone, "The coupon is closed already")
			}
			x.closed = true
			return ok(struct{}{})
		}
	}
	return refuse(http.StatusNotFound, "Not found")
}
