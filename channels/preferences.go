package channels

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"time"

	"enishi"
	"enishi/internal/stream"
)

// Topic is something that people may want to read of or not: an entry of the setting "topics". The permission for it has the
// purpose marketing:ID; without one, that for marketing holds.
type Topic struct {
	ID    string `json:"id"`
	Title struct {
		JA string `json:"ja"`
		EN string `json:"en"`
	} `json:"title"`
}

const maxTopics = 30

var topicPattern = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)

// ParseTopics reads the setting "topics": {"topics": [{"id": "news", "title": {"ja": "新商品", "en": "New products"}}]}.
func ParseTopics(body []byte) ([]Topic, error) {
	var x struct {
		Topics []Topic `json:"topics"`
	}
	if err := json.Unmarshal(body, &x); err != nil {
		return nil, enishi.FieldError("topics", `topics are written as {"topics": [{"id": "news", "title": {"ja": "…", "en": "…"}}]}`,
			`配信テーマは {"topics": [{"id": "news", "title": {"ja": "…", "en": "…"}}]} の形で書いてください。`)
	}
	if len(x.Topics) > maxTopics {
		return nil, enishi.FieldError("topics", "there are more than 30 topics", "配信テーマは 30 件までです。")
	}
	seen := map[string]bool{}
	for i, t := range x.Topics {
		path := "topics[" + strconv.Itoa(i) + "]"
		switch {
		case !topicPattern.MatchString(t.ID) || seen[t.ID]:
			return nil, enishi.FieldError(path+".id", "an id is there once, has small letters, digits and _ and begins with a letter", "ID は英小文字で始め、英小文字・数字・_ だけで、重複しないようにしてください。")
		case t.Title.JA == "" || t.Title.EN == "":
			return nil, enishi.FieldError(path+".title", "write the title in ja and en", "タイトルを日本語（ja）と英語（en）で書いてください。")
		}
		seen[t.ID] = true
	}
	return x.Topics, nil
}

// Chosen is what is known of a person's wishes.
type Chosen struct {
	Consents  map[string]string // "email.marketing:news" -> in, out
	Frequency string            // weekly, monthly; empty: as usual
}

// pausedFor is how long "not for a while" is.
const pausedFor = 30 * 24 * time.Hour

// pauseReason is the reason of the hold by which a person rests from us.
const pauseReason = "preferences"

// stoppable are the channels that "stop everything" stops.
var stoppable = [...]string{"email", "line", "sms", "push", "postal", "social"}

// topics are those of the setting, which was checked when it was saved.
func (l *Links) topics() []Topic {
	d, ok := l.cfg.Renderer.cfg.Definitions.Current("setting", "topics")
	if !ok || d.Deleted {
		return nil
	}
	list, err := ParseTopics(d.Body)
	if err != nil {
		l.log.Error("setting topics is not understood", "err", err)
	}
	return list
}

func (l *Links) preferences(w http.ResponseWriter, r *http.Request) {
	t, err := l.cfg.Renderer.signer.verify(r.PathValue("token"), tokenUnsubscribe)
	if err != nil {
		l.page(w, r, http.StatusNotFound, t, pageGone)
		return
	}
	var known Chosen
	if l.cfg.Chosen != nil {
		if known, err = l.cfg.Chosen(r.Context(), t.Profile); err != nil {
			l.log.Error("preferences are not known", "err", err)
			l.page(w, r, http.StatusServiceUnavailable, t, pageLater)
			return
		}
	}
	l.preferencePage(w, r, t, known)
}

func (l *Links) savePreferences(w http.ResponseWriter, r *http.Request) {
	t, err := l.cfg.Renderer.signer.verify(r.PathValue("token"), tokenUnsubscribe)
	if err != nil {
		l.page(w, r, http.StatusNotFound, t, pageGone)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 16<<10)
	if err := r.ParseForm(); err != nil {
		var long *http.MaxBytesError
		status := http.StatusBadRequest
		if errors.As(err, &long) {
			status = http.StatusRequestEntityTooLarge
		}
		l.page(w, r, status, t, pageLater)
		return
	}
	events := l.chosen(t, r)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), appendTimeout)
	defer cancel()
	recs := make([]stream.Record, len(events))
	for i := range events {
		recs[i] = eventRecord(&events[i], l.cfg.Partitions, events[i].At)
	}
	if len(recs) > 0 {
		err = l.cfg.Append(ctx, recs)
	}
	if err != nil {
		l.log.Error("preferences are not stored", "send_id", t.Send, "err", err)
		w.Header().Set("Retry-After", "30")
		l.page(w, r, http.StatusServiceUnavailable, t, pageLater)
		return
	}
	l.page(w, r, http.StatusOK, t, pageSaved)
}

// chosen are the facts that a filled-in form tells: permissions with their evidence, how often, a rest.
func (l *Links) chosen(t *token, r *http.Request) []enishi.Event {
	if t.Purpose == TestPurpose {
		return nil
	}
	form, now := r.PostForm, l.clock()
	ip := l.cfg.ClientIP(r)
	var consents []enishi.ConsentChange
	note := func(channel, purpose, state, words string) {
		consents = append(consents, enishi.ConsentChange{Channel: channel, Purpose: purpose, State: state, Method: "preferences", Text: words, IP: ip})
	}
	lang := l.language(t, r)
	words := preferenceTexts[lang]
	shown := formVersion(lang, l.topics())
	said := func(what string) string { return what + " [" + shown + "]" }
	if form.Get("all") != "" {
		for _, channel := range stoppable {
			note(channel, marketing, "out", said(words.All))
		}
	} else {
		for _, topic := range l.topics() {
			if !slices.Contains(form["shown"], topic.ID) {
				continue // was not on the form that the person saw
			}
			title, state := topic.Title.JA, "out"
			if lang == "en" {
				title = topic.Title.EN
			}
			if slices.Contains(form["topic"], topic.ID) {
				state = "in"
			}
			note("email", marketing+":"+topic.ID, state, said(title))
		}
		if form.Get("line") != "" {
			note("line", marketing, "in", said(words.Line))
			note("email", marketing, "out", said(words.Line))
		}
		for _, x := range [...][2]string{{"sms", words.SMS}, {"push", words.Push}, {"postal", words.Postal}} {
			if form.Get(x[0]) != "" {
				note(x[0], marketing, "out", said(x[1]))
			}
		}
	}
	return l.choiceEvents(t, r, form, now, consents)
}

func (l *Links) choiceEvents(t *token, r *http.Request, form url.Values, now time.Time, consents []enishi.ConsentChange) []enishi.Event {
	// The same form within a minute is the same wish.
	sum := sha256.Sum256([]byte(form.Encode()))
	parts := []string{t.Send.String(), hex.EncodeToString(sum[:8]), strconv.FormatInt(now.Unix()/60, 10)}
	event := func(typ string) enishi.Event {
		return enishi.Event{Version: enishi.EventVersion, ID: enishi.NewID("preferences", append([]string{typ}, parts...)...), Type: typ, Source: "preferences",
			Profile: t.Profile, Subject: t.Subject, At: now, Context: &enishi.Context{UserAgent: clip(r.UserAgent(), 300)}}
	}
	var out []enishi.Event
	if len(consents) > 0 {
		e := event("consent.changed")
		e.Consent = consents
		out = append(out, e)
	}
	if f := form.Get("frequency"); f == "usual" || f == "weekly" || f == "monthly" {
		e := event("person.identified")
		e.Person = &enishi.Person{Traits: map[string]enishi.Value{enishi.FrequencyTrait: enishi.TextValue(f)}}
		out = append(out, e)
	}
	if form.Get("pause") != "" {
		e := event("hold.placed")
		e.Hold = &enishi.Hold{Reason: pauseReason, Until: now.Add(pausedFor), Actor: "person"}
		out = append(out, e)
	}
	return out
}

// formVersion names the words that the person saw: evidence of what was agreed to.
func formVersion(lang string, topics []Topic) string {
	text, err := json.Marshal([]any{preferenceTexts[lang], topics})
	if err != nil {
		return "" // texts are always JSON
	}
	sum := sha256.Sum256(text)
	return "form:" + hex.EncodeToString(sum[:6])
}
