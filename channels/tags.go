package channels

import (
	"net/url"
	"slices"
	"strings"
)

// tagged adds parameters such as utm_source=mail&utm_medium=email to an address of the web. What the address says stays as it is
// written: its own parameters go before, and one that it has already is not added; what follows # stays at the end.
func tagged(address, tags string) string {
	if tags == "" || !webURL(address) {
		return address
	}
	base, fragment, hasFragment := strings.Cut(address, "#")
	_, query, hasQuery := strings.Cut(base, "?")
	var has []string
	for pair := range strings.SplitSeq(query, "&") {
		name, _, _ := strings.Cut(pair, "=")
		if plain, err := url.QueryUnescape(name); err == nil {
			name = plain
		}
		has = append(has, name)
	}
	sep := "?"
	if hasQuery {
		sep = "&"
		if query == "" || strings.HasSuffix(query, "&") {
			sep = ""
		}
	}
	for pair := range strings.SplitSeq(tags, "&") {
		if name, _, _ := strings.Cut(pair, "="); slices.Contains(has, name) {
			continue
		}
		base += sep + pair
		sep = "&"
	}
	if hasFragment {
		base += "#" + fragment
	}
	return base
}

// tag adds the message's parameters to an address; our own pages are left alone.
func (f *filling) tag(to string) string {
	if strings.HasPrefix(to, f.cfg.BaseURL+"/") {
		return to
	}
	return tagged(to, f.m.Tags)
}

// headline is the compiled subject of a message that brings its own; nil: it does not.
func (r *Renderer) headline(text string) (*part, error) {
	if text == "" {
		return nil, nil
	}
	r.mu.Lock()
	p := r.headlines[text]
	r.mu.Unlock()
	if p != nil {
		return p, nil
	}
	p, err := (&library{engine: r.engine, blocks: r.block}).compilePart("subject", text, &textPlace{escLine})
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.headlines) >= maxCompiled {
		clear(r.headlines)
	}
	r.headlines[text] = p
	return p, nil
}

// CheckHeadline tells whether a text may stand in for a template's subject. Its error is as that of [CheckTemplate].
func CheckHeadline(text string) error {
	_, err := (&library{engine: newEngine()}).compilePart("subject", text, &textPlace{escLine})
	return err
}
