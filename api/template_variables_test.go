package api

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"enishi"
)

// TestTemplatesReference compares the page of variables with the code; -update writes it.
func TestTemplatesReference(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(`# Variables of templates

A template is Liquid: ` + "`{{ customer.salutation }}`" + `. What a variable without a value gives is the template's ` + "`missing`" + `: ` + "`refuse`" + ` (the message is
not sent; the default), ` + "`blank`" + `, or ` + "`default`" + ` (the template's own text; for names お客様 or Customer).

Lists are gone through: ` + "`{% for line in order.lines %}{{ line.name }}{% endfor %}`" + `. An amount is text such as ¥12,345; ` + "`NAME_value`" + ` is its
plain number. Values are those of the moment at which the message was decided; the sender adds its links and the brand kit when it sends.
Only available, stock and price_now of products and lines are those of the moment at which the message leaves, by the topic catalogue:
{% if product.available %}{{ product.price_now }}{% else %}...{% endif %}. A product that the catalogue does not know is available.
In advertising, what is sold out drops out of the cart, and its prices and sum are those of that moment; a message whose cart has nothing
left is not sent (sold_out).

The setting journeys names segments whose members get no emoji: {"no_emoji": ["SEGMENT"]}. Their messages have no_emoji = true, so that a
template can say it in words ({% if no_emoji %}...{% endif %}), and what it gives leaves without its emoji: subject, preheader, sender, HTML
(not the addresses in it) and text of a mail, texts, titles and labels of LINE messages, LINE's own emoji among them. A LINE text of
nothing but emoji stays, because LINE takes none that is empty. Signs such as ★ ♪ © stay, and so does the number of a keycap.

This page is made from the code (` + "`go test ./api -run TemplatesReference -update`" + `); the console has it as ` + "`GET /api/v1/templates/variables`" + `.

| Variable | Kind | 内容 | What it is | Example |
|---|---|---|---|---|
`)
	for _, v := range templateVariables() {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", v.Name, v.Kind, v.Label.JA, v.Label.EN, v.Example)
	}
	const file = "../docs/templates.md"
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != b.String() {
		t.Errorf("%s is not what the code has: run go test ./api -run TemplatesReference -update (%v)", file, err)
	}
}

// TestSamplesAreVariables: a preview makes up nothing that a message would not have, and shows a person's own.
func TestSamplesAreVariables(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	known := []string{}
	for _, v := range into[list[templateVariable]](w.call(get, "/templates/variables", nil)).Items {
		known = append(known, v.Name)
	}
	for part, fields := range w.api.sampleVariables(nil, "ja") {
		fields, ok := fields.(map[string]any)
		if !ok || part == "links" || part == "keys" {
			continue
		}
		for name := range fields {
			if !slices.Contains(known, part+"."+name) {
				t.Errorf("%s.%s is made up and no variable", part, name)
			}
		}
	}
	definition := map[string]any{"channel": "email", "purpose": "transactional", "variants": map[string]any{"ja": map[string]any{"subject": "{{ customer.full_name_kana }} {{ customer.points }} {{ coupon.code }}", "text": "a"}}}
	p := into[renderedPage](w.call(post, "/templates/t/preview", map[string]any{"definition": definition, "profile": w.id(enishi.Customer, "C10001")}))
	if p.Subject != "サトウ ハナコ 120 SAMPLE500" || !slices.Contains(p.Sampled, "coupon") {
		t.Errorf("%q, made up %v", p.Subject, p.Sampled)
	}
}

// TestVariableValues: the values of the list are those of the person it is asked for, what that one has not is marked as made up,
// and nobody's is all made up.
func TestVariableValues(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	of := func(query string) map[string]templateVariable {
		t.Helper()
		out := map[string]templateVariable{}
		for _, v := range into[list[templateVariable]](w.call(get, "/templates/variables?"+query, nil)).Items {
			if _, twice := out[v.Name]; twice {
				t.Errorf("%s is listed twice", v.Name)
			}
			out[v.Name] = v
		}
		return out
	}
	f := func(list map[string]templateVariable, name, value string, madeUp bool) {
		t.Helper()
		if v := list[name]; v.Value != value || v.MadeUp != madeUp {
			t.Errorf("%s is %q, made up %v; want %q, %v", name, v.Value, v.MadeUp, value, madeUp)
		}
	}
	hers := of("language=ja&profile=" + w.id(enishi.Customer, "C10001"))
	f(hers, "customer.full_name_kana", "サトウ ハナコ", false)
	f(hers, "customer.points", "120", false)
	f(hers, "coupon.code", "SAMPLE500", true)
	f(hers, "brand.name", "縁コスメ", false)
	f(hers, "brand.tone", "", false)
	f(hers, "links.unsubscribe", "", false)
	f(hers, "no_emoji", "false", false)
	f(hers, "properties", "", false)
	nobody := of("language=en")
	f(nobody, "customer.given_name", "Hanako", true)
	f(nobody, "order.lines", "2", true)
	f(nobody, "order.lines[].name", "Moisture lotion 150 mL", true)
	f(nobody, "links.cart", "https://shop.example/cart", false)
	f(nobody, "brand.name", "縁コスメ", false)
	w.call("GET", "/templates/variables?profile="+enishi.NewID("nobody").String(), nil).want(404)
}
