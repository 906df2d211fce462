package journeys

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/osteele/liquid"

	"enishi"
)

// galleryTemplate is a template file, as the sender reads it.
type galleryTemplate struct {
	Name     string `json:"name"`
	Channel  string `json:"channel"`
	Purpose  string `json:"purpose"`
	Title    Text   `json:"title"`
	Variants map[string]struct {
		Subject   string           `json:"subject,omitempty"`
		Preheader string           `json:"preheader,omitempty"`
		HTML      string           `json:"html,omitempty"`
		Text      string           `json:"text,omitempty"`
		Messages  []map[string]any `json:"messages,omitempty"`
		Content   map[string]any   `json:"content,omitempty"`
	} `json:"variants"`
}

func readTemplate(t *testing.T, item GalleryItem) galleryTemplate {
	t.Helper()
	var x galleryTemplate
	dec := json.NewDecoder(bytes.NewReader(item.Body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&x); err != nil {
		t.Fatalf("%s: %v", item.Name, err)
	}
	if x.Name != item.Name || x.Title.JA == "" || x.Title.EN == "" {
		t.Errorf("%s: name or title", item.Name)
	}
	return x
}

// texts are all Liquid sources of a variant by what they are.
func (x *galleryTemplate) texts(lang string) map[string]string {
	v := x.Variants[lang]
	if x.Channel == "line" {
		out := map[string]string{}
		for i, m := range v.Messages {
			out["message "+itoa(i)], _ = m["text"].(string)
		}
		return out
	}
	if v.Content != nil {
		out := map[string]string{}
		for _, k := range []string{"headline", "text", "title", "body"} {
			if s, ok := v.Content[k].(string); ok {
				out["content "+k] = s
			}
		}
		return out
	}
	return map[string]string{"subject": v.Subject, "preheader": v.Preheader, "html": v.HTML, "text": v.Text}
}

// TestTemplatesRender: every template renders in both languages, with the variables that the engine gives and with nearly
// none; nothing is left unfilled and a marketing mail has the five displays that 特定電子メール法 asks for.
func TestTemplatesRender(t *testing.T) {
	full := fullVariables(t)
	leftover := regexp.MustCompile(`\{\{|\{%|<no value>|nil`)
	for _, item := range Gallery() {
		if item.Kind != "template" {
			continue
		}
		x := readTemplate(t, item)
		for _, lang := range []string{"ja", "en"} {
			for kind, src := range x.texts(lang) {
				if src == "" {
					t.Errorf("%s %s: no %s", x.Name, lang, kind)
				}
				for _, vars := range []map[string]any{full[lang], sparse(lang)} {
					got := render(t, x.Name, src, vars)
					if strings.TrimSpace(got) == "" || leftover.MatchString(got) {
						t.Errorf("%s %s %s: %s", x.Name, lang, kind, got)
					}
					if kind == "html" || kind == "text" {
						displays(t, &x, lang, got)
					}
					if x.Channel == "line" && len([]rune(got)) > 1000 {
						t.Errorf("%s: too long for a bubble", x.Name)
					}
				}
			}
		}
	}
	for lang, want := range map[string]string{"ja": "佐藤 花子 様", "en": "Hanako Sato"} {
		if lang == "en" {
			want = "花子 佐藤"
		}
		x := readTemplate(t, GalleryItem{Name: "review_mail", Body: galleryBody(t, "template", "review_mail")})
		if got := render(t, "review_mail", x.Variants[lang].HTML, full[lang]); !strings.Contains(got, want) || !strings.Contains(got, "化粧水 &lt;M&gt;") || !strings.Contains(got, "¥3,300") {
			t.Errorf("review_mail %s lacks the name, the product or the price: %s", lang, got)
		}
	}
}

func render(t *testing.T, name, src string, vars map[string]any) string {
	t.Helper()
	out, err := liquid.NewEngine().ParseAndRenderString(src, vars)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return out
}

func displays(t *testing.T, x *galleryTemplate, lang, got string) {
	t.Helper()
	for _, want := range []string{"BRAND", "ADDRESS", "CONTACT"} {
		if !strings.Contains(got, want) {
			t.Errorf("%s %s lacks %s", x.Name, lang, want)
		}
	}
	if has := strings.Contains(got, "https://unsubscribe.test"); has != (x.Purpose == marketing) {
		t.Errorf("%s %s: unsubscribe link: %v", x.Name, lang, has)
	}
}

// sparse is the least that a message can have.
func sparse(lang string) map[string]any {
	return sender(map[string]any{"language": lang, "customer": map[string]any{"salutation": salutation("", lang), "points": 0.0}})
}

// sender adds what the sender does.
func sender(vars map[string]any) map[string]any {
	vars["brand"] = map[string]any{"name": "BRAND", "address": "ADDRESS", "contact": "CONTACT"}
	links, _ := vars["links"].(map[string]any)
	if links == nil {
		links = map[string]any{}
	}
	links["unsubscribe"], links["confirm"] = "https://unsubscribe.test", "https://confirm.test"
	vars["links"] = links
	return vars
}

// fullVariables are those of a message about an order of two parcels, as the engine writes them, plus a cart.
func fullVariables(t *testing.T) map[string]map[string]any {
	out := map[string]map[string]any{}
	for _, lang := range []string{"ja", "en"} {
		w := newWorld(t)
		w.now = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
		w.settings, _ = ParseSettings([]byte(`{"links":{"shop":"https://shop.test/","review":"https://shop.test/r/{order_id}"}}`))
		w.publish("delivery_notice", "cart_abandonment")
		w.person("p", &enishi.Person{CustomerID: "c", Email: "p@a.test"})
		w.event("p", &enishi.Event{Type: "person.identified", Consent: []enishi.ConsentChange{{Channel: "email", State: "in"}},
			Person: &enishi.Person{Traits: map[string]enishi.Value{"family_name": enishi.TextValue("佐藤"), "given_name": enishi.TextValue("花子"), "language": enishi.TextValue(lang)}}})
		lines := []enishi.Line{{ProductID: "p1", Name: "化粧水 <M>", Variant: "150mL", Price: 3300 * enishi.Unit, Quantity: 2}, {ProductID: "p2", Name: "乳液", Price: 4400 * enishi.Unit}}
		w.event("p", &enishi.Event{Type: "order.placed", Order: &enishi.Order{OrderID: "o1", Total: 11000 * enishi.Unit, Lines: lines}})
		w.event("p", &enishi.Event{Type: "shipment.shipped", Shipment: &enishi.Shipment{ShipmentID: "s1", OrderID: "o1", Number: 1, Of: 2, Carrier: "yamato", Tracking: "1234"}})
		w.pass(w.now.Add(time.Minute))
		w.event("p", &enishi.Event{Type: "cart.updated", Web: &enishi.Web{CartID: "k", Value: 11000 * enishi.Unit, Lines: lines, URL: "https://shop.test/cart"}})
		w.pass(w.now.Add(2 * time.Hour))
		var vars, cart map[string]any
		for _, m := range w.sent("p", "") {
			if m.Language != lang {
				t.Errorf("language %s", m.Language)
			}
			into := &vars
			if m.Template == "cart_mail" {
				into = &cart
			}
			if err := json.Unmarshal([]byte(m.Variables), into); err != nil {
				t.Fatal(err)
			}
		}
		if vars == nil || cart == nil {
			t.Fatalf("messages: %v", messageNames(w.sent("p", "")))
		}
		vars["cart"] = cart["cart"]
		out[lang] = sender(vars)
	}
	return out
}
