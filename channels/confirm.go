package channels

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"time"

	"enishi"
	"enishi/internal/stream"
)

// Double opt-in: who types a mail address into a form asks for mail (consent.requested); the journey double_opt_in sends that
// address a link; who opens it and presses the button gives the permission. Until then there is none.

// confirmFor is how long a link confirms.
const confirmFor = 7 * 24 * time.Hour

// MethodConfirmed is the method of permissions that were confirmed by the owner of the address.
const MethodConfirmed = "double_opt_in"

// confirmation reads the token of a link; nil: the answer is written.
func (l *Links) confirmation(w http.ResponseWriter, r *http.Request) *token {
	t, err := l.cfg.Renderer.signer.verify(r.PathValue("token"), tokenConfirm)
	if err != nil || l.cfg.Now().Sub(t.At) > confirmFor {
		l.page(w, r, http.StatusNotFound, t, pageGone)
		return nil
	}
	return t
}

// askConfirm changes nothing: scanners follow links.
func (l *Links) askConfirm(w http.ResponseWriter, r *http.Request) {
	if t := l.confirmation(w, r); t != nil {
		l.page(w, r, http.StatusOK, t, pageConfirm)
	}
}

// confirm notes the permission with its evidence: when, from where, by which program, the words of the page and their version.
// A link gives it once: pressed again after the person stopped, it does not bring it back.
func (l *Links) confirm(w http.ResponseWriter, r *http.Request) {
	t := l.confirmation(w, r)
	if t == nil {
		return
	}
	lang := l.language(t, r)
	words := pageTexts[lang][pageConfirm]
	sum := sha256.Sum256([]byte(words.Title + words.Text + words.Button))
	e := enishi.Event{Version: enishi.EventVersion, ID: enishi.NewID("confirmed", t.Send.String()), Type: "consent.changed", Source: "confirmation", Profile: t.Profile, Subject: t.Subject, At: l.clock(),
		Context: &enishi.Context{UserAgent: clip(r.UserAgent(), 300)},
		Consent: []enishi.ConsentChange{{Channel: "email", Purpose: marketing, State: "in", Method: MethodConfirmed, IP: l.cfg.ClientIP(r),
			Text: words.Text + " [" + words.Button + "] [form:" + hex.EncodeToString(sum[:6]) + "]"}}}
	if t.Purpose != TestPurpose {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), appendTimeout)
		defer cancel()
		if err := l.cfg.Append(ctx, []stream.Record{eventRecord(&e, l.cfg.Partitions, e.At)}); err != nil {
			l.log.Error("confirmation is not stored", "send_id", t.Send, "err", err)
			w.Header().Set("Retry-After", "30")
			l.page(w, r, http.StatusServiceUnavailable, t, pageLater)
			return
		}
	}
	l.page(w, r, http.StatusOK, t, pageConfirmed)
}
