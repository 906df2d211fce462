package channels

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"maps"
	"strings"
	"time"

	fastjson "github.com/goccy/go-json"

	"enishi"
	"enishi/channels/lint"
)

// filling is one message being made.
type filling struct {
	*Renderer
	brand   kit
	missing *missing
	choice  int // alternative
	m       *enishi.Message
	c       *compiled
	lang    string
	vars    map[string]any
	links   map[string]any
	track   bool
	at      time.Time
	unsub   string
	view    string
	purpose string
}

func (r *Renderer) fill(t *template, m *enishi.Message, how how) (*Rendered, error) {
	if t.channel != enishi.ParentChannel(m.Channel) && m.Channel != "" {
		return nil, fmt.Errorf("template %s is for %s, the message for %s", m.Template, t.channel, m.Channel)
	}
	f := &filling{Renderer: r, m: m, track: how.track, at: r.cfg.Now(), purpose: m.Purpose}
	if t.purpose == marketing || m.Purpose == TestPurpose { // whatever the journey says, the text is an advertisement
		f.purpose = t.purpose
	}
	set := r.settings()
	f.c, f.lang = t.variant(m.Language, append(set.Languages[:len(set.Languages):len(set.Languages)], r.cfg.Language))
	f.brand = r.brandVars(f.lang)
	f.missing = &missing{rule: cmp.Or(t.missing, set.Missing, missingRefuse), language: f.lang, defaults: t.defaults}
	if how.blanks && f.missing.rule == missingRefuse {
		f.missing.rule = missingBlank
	}
	if f.choice = how.choice; f.choice < 0 && len(m.Variant) == 1 {
		f.choice = int(m.Variant[0]) - 'a'
	}
	if f.choice < 0 || f.choice >= f.c.alternatives {
		f.choice = f.c.choice(m.Template, m.Profile)
	}
	if err := f.variables(); err != nil {
		return nil, err
	}
	out := &Rendered{Refuse: f.unsub, Alternatives: f.c.alternatives, SendID: m.SendID, Round: m.Round, Profile: m.Profile, Account: m.Account, Purpose: f.purpose, Language: f.lang,
		Journey: m.Journey, Template: m.Template, To: m.To}
	if f.c.alternatives > 1 {
		out.Variant = string(rune('a' + f.choice))
	}
	err := error(nil)
	if hasContent(t.channel) {
		err = f.content(t.channel, out)
	} else if t.channel == "line" {
		if m.Journey != "" && m.Purpose != TestPurpose {
			out.Unit = UnitName(m.Journey, m.Template, out.Variant, m.DecidedAt)
		}
		err = f.line(out)
	} else {
		err = f.mail(out)
	}
	out.Missing = f.missing.seen
	return out, err
}

func (f *filling) variables() error {
	f.vars = map[string]any{}
	if f.m.Variables != "" {
		if err := fastjson.Unmarshal([]byte(f.m.Variables), &f.vars); err != nil {
			return fmt.Errorf("variables of the message: %w", err)
		}
	}
	if err := f.fillProducts(); err != nil {
		return err
	}
	f.vars["brand"] = map[string]any(f.brand)
	f.vars[missingName] = f.missing
	if _, ok := f.vars["language"]; !ok {
		f.vars["language"] = f.lang
	}
	f.links = map[string]any{}
	if given, ok := f.vars["links"].(map[string]any); ok {
		f.links = given
	}
	if f.links["shop"] == nil && f.brand.text("url") != "" {
		f.links["shop"] = f.brand.text("url")
	}
	for name, link := range f.links {
		if s, ok := link.(string); ok {
			f.links[name] = f.tag(s)
		}
	}
	f.unsub = f.url("u", f.token(tokenUnsubscribe))
	f.view = f.url("v", f.token(tokenView))
	f.links["unsubscribe"], f.links["view"], f.links["preferences"] = f.unsub, f.view, f.url("p", f.token(tokenUnsubscribe))
	if f.purpose == transactional {
		f.links["confirm"] = f.url("k", f.token(tokenConfirm))
	}
	if f.cfg.Chat != nil {
		ref := f.signer.sign(f.token(tokenChat))
		for _, platform := range chatPlatforms {
			if to := f.cfg.Chat(platform, ref); to != "" {
				f.links[platform] = to
			}
		}
	}
	f.vars["links"] = f.links
	return nil
}

// token is a token of the message; its page speaks the language of the text.
func (f *filling) token(kind byte) *token {
	t := tokenOf(kind, f.m, f.at)
	t.Language = f.lang
	return t
}

func (f *filling) url(kind string, t *token) string {
	return f.signer.address(f.cfg.BaseURL+"/"+kind+"/", t)
}

// clickURL is the tracked form of an address, with the message's parameters; our own pages are left alone.
func (f *filling) clickURL(to string) string {
	to = f.tag(to)
	if !f.track || strings.HasPrefix(to, f.cfg.BaseURL+"/") {
		return to
	}
	t := f.token(tokenClick)
	t.URL = to
	return f.url("c", t)
}

func (f *filling) mail(out *Rendered) (err error) {
	render := func(p *part) string {
		if p == nil || err != nil {
			return ""
		}
		var s string
		s, err = p.render(f.vars, f.cfg.Now)
		s = f.missing.once(s)
		switch {
		case f.vars[noEmoji] != true:
			return s
		case p == f.c.html:
			return withoutEmojiHTML(s)
		}
		return lint.WithoutEmoji(s)
	}
	subject, err := f.headline(f.m.Headline)
	if err != nil {
		return err
	}
	if subject == nil {
		subject = alternative(f.c.subject, f.choice)
	}
	out.Subject = oneLine(strings.TrimSpace(render(subject)))
	out.Preheader = oneLine(strings.TrimSpace(render(alternative(f.c.preheader, f.choice))))
	out.FromName = oneLine(strings.TrimSpace(render(alternative(f.c.fromName, f.choice))))
	doc, text := render(f.c.html), render(f.c.text)
	if err != nil {
		return err
	}
	if out.Subject == "" {
		return errors.New("the subject is empty")
	}
	if f.m.Purpose == TestPurpose {
		out.Subject = testMark + " " + out.Subject
	}
	if out.FromName == "" {
		out.FromName = oneLine(f.brand.text("name"))
	}
	if doc != "" {
		if text == "" {
			linked := doc
			if f.m.Tags != "" {
				if linked, err = finish(doc, "", "", f.tag); err != nil {
					return fmt.Errorf("%s: %w", f.c.html.name, err)
				}
			}
			text = textOf(linked)
		}
		if out.HTML, err = f.document(doc, out.Preheader); err != nil {
			return err
		}
	}
	out.Text = text
	if f.purpose == marketing {
		out.Unsubscribe = f.unsub
		if !strings.Contains(text, f.unsub) { // owed by law: never without
			out.Text = strings.TrimRight(text, "\n") + "\n\n" + f.footer(false)
		}
	}
	out.Bounce = f.signer.bounce(f.m.SendID, f.m.Profile)
	return nil
}

// document finishes the HTML of a mail: footer, preheader, tracked links, pixel.
func (f *filling) document(doc, preheader string) (string, error) {
	var top, end string
	if preheader != "" {
		top = `<div style="display:none;max-height:0;overflow:hidden;mso-hide:all">` + html.EscapeString(preheader) + `</div>`
	}
	if f.purpose == marketing && !strings.Contains(doc, f.unsub) {
		end = f.footer(true)
	}
	if f.track {
		end += `<img src="` + f.url("o", f.token(tokenOpen)) + `.gif" width="1" height="1" alt="" style="border:0;width:1px;height:1px">`
	}
	doc, err := finish(doc, top, end, f.clickURL)
	switch {
	case err != nil:
		return "", fmt.Errorf("%s: %w", f.c.html.name, err)
	case len(doc) > maxRenderOutput:
		return "", errTooLong
	}
	return doc, nil
}

// footer is what an advertisement owes when its template does not say it: who sends it, and how to stop it.
func (f *filling) footer(markup bool) string {
	words := "配信を停止する"
	if f.lang != "ja" {
		words = "Unsubscribe"
	}
	var lines []string
	for _, k := range [...]string{"name", "address", "contact"} {
		if s := f.brand.text(k); s != "" {
			lines = append(lines, s)
		}
	}
	if !markup {
		return "--\n" + strings.Join(append(lines, words+": "+f.unsub), "\n") + "\n"
	}
	for i := range lines {
		lines[i] = html.EscapeString(lines[i])
	}
	return `<p style="margin:24px 12px;font-size:12px;color:#6b6b6b">` + strings.Join(append(lines, `<a href="`+f.unsub+`">`+words+`</a>`), "<br>") + `</p>`
}

// shortLinks: a text shows its links as they are: short ones, whose address the ledger knows.
func (f *filling) shortLinks() {
	if !f.track {
		return
	}
	tracked := maps.Clone(f.links)
	for name, v := range tracked {
		if s, ok := v.(string); ok && webURL(s) && !strings.HasPrefix(s, f.cfg.BaseURL+"/") {
			tracked[name] = f.url("c", &token{Kind: tokenLink, Send: f.m.SendID, URL: name})
		}
	}
	f.vars["links"] = tracked
}

func (f *filling) line(out *Rendered) error {
	f.shortLinks()
	list, err := f.c.fillLine(f.vars, f.cfg.Now)
	if err != nil {
		return err
	}
	if f.vars[noEmoji] == true {
		withoutEmojiLINE(list)
	}
	if f.m.Purpose == TestPurpose {
		list = markTest(list)
	}
	for _, m := range list {
		if err := f.lineLinks(m); err != nil {
			return err
		}
	}
	if out.Messages, err = json.Marshal(list); err != nil {
		return fmt.Errorf("write LINE messages: %w", err)
	}
	out.Messages = []byte(f.missing.once(string(out.Messages)))
	if len(out.Messages) > maxRenderOutput {
		return errTooLong
	}
	return nil
}

// lineLinks tracks the addresses of actions within a message object.
func (f *filling) lineLinks(v any) error {
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			if err := f.lineLinks(x); err != nil {
				return err
			}
		}
	case map[string]any:
		for k, x := range v {
			s, isText := x.(string)
			switch {
			case isText && (k == "uri" || k == "linkUri"):
				if !safeURL(s) {
					return fmt.Errorf("the address %q may not stand in a message", clip(s, 60))
				}
				if t := f.clickURL(s); webURL(s) && len(t) <= maxLineURI {
					v[k] = t
				}
			case !isText:
				if err := f.lineLinks(x); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
