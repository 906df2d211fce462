package journeys

import (
	"embed"
	"encoding/json"
	"io/fs"
	"path"
	"slices"
	"strings"
)

//go:embed gallery/*.json gallery/templates/*.json
var gallery embed.FS

// GalleryItem is a ready-made definition: Kind is journey or template, Body the definition's body.
type GalleryItem struct {
	Kind, Name string
	Body       []byte
}

// Gallery lists the ready-made journeys with these names, all when there are none, and the templates that they name: templates first,
// each by name. In this order they can be published.
func Gallery(names ...string) []GalleryItem {
	var journeys, templates []GalleryItem
	used := map[string]bool{}
	for _, item := range galleryFiles("gallery", "journey") {
		if len(names) > 0 && !slices.Contains(names, item.Name) {
			continue
		}
		journeys = append(journeys, item)
		if len(names) == 0 {
			continue // all templates are wanted
		}
		var d Definition
		if json.Unmarshal(item.Body, &d) != nil {
			continue // the files are compiled in, and tested
		}
		for _, n := range d.Nodes {
			used[n.Template] = true
			for _, name := range n.Templates {
				used[name] = true
			}
		}
	}
	for _, item := range galleryFiles("gallery/templates", "template") {
		if len(names) == 0 || used[item.Name] {
			templates = append(templates, item)
		}
	}
	return append(templates, journeys...)
}

func galleryFiles(dir, kind string) []GalleryItem {
	entries, err := fs.ReadDir(gallery, dir)
	if err != nil {
		return nil // the folder is compiled in
	}
	var out []GalleryItem
	for _, e := range entries {
		if e.IsDir() {
			continue
		}
		if body, err := gallery.ReadFile(path.Join(dir, e.Name())); err == nil {
			out = append(out, GalleryItem{Kind: kind, Name: strings.TrimSuffix(e.Name(), ".json"), Body: body})
		}
	}
	return out
}

// GalleryGroup is a heading of the gallery with its journeys, in the order in which they are shown.
type GalleryGroup struct {
	ID       string
	Title    Text
	Journeys []string
}

// GalleryGroups are the headings. Each ready-made journey is below one of them.
func GalleryGroups() []GalleryGroup {
	return []GalleryGroup{
		{"welcome", Text{"はじめまして", "Welcome"}, []string{"welcome", "line_welcome", "double_opt_in"}},
		{"cart", Text{"カート・閲覧", "Cart and browsing"}, []string{"cart_abandonment", "checkout_abandonment", "browse_abandonment", "back_in_stock", "price_drop", "low_stock", "coupon_notice"}},
		{"purchase", Text{"購入のあと", "After a purchase"}, []string{"order_confirmation", "payment_reminder", "aftercare", "review_request", "second_purchase", "replenishment", "cross_sell", "preorder_progress", "substitute_offer"}},
		{"delivery", Text{"お届け・受け取り", "Delivery and pickup"}, []string{"delivery_notice", "delivery_today", "delay_notice", "pickup_ready"}},
		{"service", Text{"返品・お客様の声", "Returns and service"}, []string{"return_status", "store_return_done", "csat", "nps", "apology_points"}},
		{"loyalty", Text{"ポイント・ロイヤルティ", "Points and loyalty"}, []string{"loyalty_thanks", "birthday", "vip_welcome", "points_reminder", "referral_thanks", "story_thanks"}},
		{"subscription", Text{"定期購入", "Subscriptions"}, []string{"subscription_welcome", "subscription_upcoming", "subscription_payment", "card_expiring", "subscription_skipped", "subscription_paused", "subscription_winback"}},
		{"winback", Text{"掘り起こし", "Win-back"}, []string{"winback", "winback_post", "surprise_points", "app_uninstalled"}},
		{"store", Text{"店舗・イベント・お便り", "Stores, events and news"}, []string{"store_followup", "event_invitation", "event_thanks", "newsletter", "new_arrivals"}},
	}
}
