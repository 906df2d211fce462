package pipeline

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"enishi"
	"enishi/journeys"
	"enishi/segments"
)

func (w *world) define(kind, name string, body []byte) {
	w.publishDefinition(enishi.Definition{Kind: kind, Name: name, Body: body})
}

func (w *world) undefine(kind, name string) {
	w.publishDefinition(enishi.Definition{Kind: kind, Name: name, Deleted: true})
}

func (w *world) publishDefinition(d enishi.Definition) {
	d.Expect, d.RequestID = -1, enishi.NewID("request", fmt.Sprint(w.defNext))
	value, err := json.Marshal(d)
	if err != nil {
		panic(err)
	}
	w.defs.Fold(w.defNext, value)
	w.defNext++
}

func (w *world) defineSegment(name, expression string) {
	body, err := json.Marshal(segments.Body{Expression: expression})
	if err != nil {
		panic(err)
	}
	w.define("segment", name, body)
}

// segmentNames are those of expressions.
func segmentNames() []string { return slices.Sorted(maps.Keys(expressions)) }

func (w *world) publishAll() {
	for _, item := range w.gallery {
		w.define(item.Kind, item.Name, item.Body)
	}
	for _, name := range segmentNames() {
		if name == "lapsed" || w.chance(700) {
			w.defineSegment(name, expressions[name][0])
		}
	}
	if w.marketer != nil {
		w.define("setting", "journeys", rules(w.marketer))
		w.define("journey", "echo", echo("", ""))
		w.define("journey", "tours", w.tours("", ""))
	}
}

// choose takes a world's part of the gallery.
func (w *world) choose() {
	rnd := rand.New(rand.NewPCG(w.seed, 0x6A))
	var others []string
	for _, g := range journeys.GalleryGroups() {
		for _, name := range g.Journeys {
			if !slices.Contains(alwaysThere, name) {
				others = append(others, name)
			}
		}
	}
	rnd.Shuffle(len(others), func(i, k int) { others[i], others[k] = others[k], others[i] })
	w.gallery = journeys.Gallery(slices.Concat(alwaysThere, others[:othersThere])...)
}

// publish changes a definition.
func (w *world) publish() {
	if w.chance(300) {
		var js []journeys.GalleryItem
		for _, item := range w.gallery {
			if item.Kind == "journey" {
				js = append(js, item)
			}
		}
		item := js[w.rnd.IntN(len(js))]
		body := item.Body
		if w.chance(300) {
			body = []byte(strings.Replace(string(body), `"purpose"`, `"state": "paused", "purpose"`, 1))
		}
		w.define("journey", item.Name, body)
		return
	}
	names := segmentNames()
	name := names[w.rnd.IntN(len(names))]
	if w.chance(100) {
		w.undefine("segment", name)
		return
	}
	w.defineSegment(name, expressions[name][w.rnd.IntN(len(expressions[name]))])
}

// expressions are what segments may mean; that one is in use at a time is part of the history.
var expressions = map[string][]string{
	"lapsed": {`orders_count >= 1 && last_order_at < ago("3d")`, `orders_count >= 1 && last_order_at < ago("2d")`},
	"buyers": {`orders_count >= 1`, `orders_count >= 2`, `ltv > 7000`},
	"active": {`count(visits, .at > ago("2h")) >= 1`, `any(views, .category == "skincare" && .at > ago("1d"))`},
	"mailed": {`count(messages, .channel == "email") >= 1`, `consent.email`},
	// Those of the gallery's campaigns.
	"mail-reachable":  {`has_email`, `has_email && orders_count >= 1`},
	"repeat-customer": {`orders_count >= 2`, `orders_count >= 1`},
}

// alwaysThere are the journeys that every world has; a few others of the gallery change from seed to seed, so that a seed does
// not take much longer and many seeds try all of them beside each other.
var alwaysThere = []string{"cart_abandonment", "delivery_notice", "double_opt_in", "loyalty_thanks", "review_request", "welcome", "winback"}

const othersThere = 5
