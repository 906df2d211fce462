package channels

import (
	"context"
	"net/http"

	"enishi"
	"enishi/internal/stream"
)

// What a device tells of a notification, as e= of its report, and the fact that it is. Who closed it has seen it.
var noticedEvents = map[string]struct{ typ, reason string }{
	"shown":   {"message.delivered", ""},
	"clicked": {"message.clicked", ""},
	"closed":  {"message.opened", "closed"},
}

// noticed takes the report of a service worker or an app. It comes from the shop's pages, which are another origin. Each fact
// counts once: of five devices that show a message, the first.
func (l *Links) noticed(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	if r.Method == http.MethodOptions {
		h.Set("Access-Control-Allow-Methods", "POST")
		h.Set("Access-Control-Max-Age", "86400")
		w.WriteHeader(http.StatusNoContent)
		return
	}
	t, err := l.cfg.Renderer.signer.verify(r.PathValue("token"), tokenNotice)
	what, ok := noticedEvents[r.URL.Query().Get("e")]
	if err != nil || !ok {
		http.NotFound(w, r)
		return
	}
	e := t.event(what.typ, l.clock(), what.reason)
	e.Result.Reason = what.reason
	if err := l.append(r.Context(), e); err != nil {
		l.log.Warn("what became of a notification is not stored", "send_id", t.Send, "err", err)
		h.Set("Retry-After", "30")
		http.Error(w, "try again", http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// DeviceGone takes note that one of several devices of a person will never get a notification again: nothing more is sent to its
// token (subject). It says nothing of a message, which the other devices may have. Told again it counts once.
func (l *Links) DeviceGone(ctx context.Context, profile, subject enishi.ID, destination string) error {
	e := enishi.Event{ID: enishi.NewID("device gone", subject.String()), Type: "message.bounced", Profile: profile, Subject: subject, At: l.clock(),
		Result: &enishi.MessageResult{Channel: "push", Destination: destination, Reason: hardBounce}}
	ctx, cancel := context.WithTimeout(ctx, appendTimeout)
	defer cancel()
	return l.cfg.Append(ctx, []stream.Record{eventRecord(&e, l.cfg.Partitions, e.At)})
}
