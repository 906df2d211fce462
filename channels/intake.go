package channels

import (
	"context"
	"time"

	"enishi"
	"enishi/internal/stream"
)

// Origin names the message that something which came back is about: by the local part of an envelope sender that we made,
// or by an address under which we asked whether to unsubscribe. ok is false when we made neither.
func (l *Links) Origin(sender, link string) (send, profile enishi.ID, ok bool) {
	if send, profile, err := l.cfg.Renderer.signer.readBounce(sender); err == nil {
		return send, profile, true
	}
	if code, found := l.cfg.Renderer.ownPath(link, "u"); found {
		if t, err := l.cfg.Renderer.signer.verify(code, tokenUnsubscribe); err == nil {
			return t.Send, t.Profile, true
		}
	}
	return send, profile, false
}

// Sent is a message that was sent: from the ledger, or what is known without it when its rows are gone.
func (l *Links) Sent(ctx context.Context, send, profile enishi.ID) (*enishi.Message, error) {
	m, err := l.cfg.Message(ctx, send)
	if enishi.ErrorCode(err) == enishi.NotFound && !profile.IsZero() {
		return &enishi.Message{SendID: send, Profile: profile, Subject: profile, Channel: "email", Round: 1}, nil
	}
	return m, err
}

// refFor is how long the link of a message says who comes by it: later it may have been handed on.
const refFor = 30 * 24 * time.Hour

// Ref is the message whose link to a chat has the ref. ok is false when it is not one of ours, too old, or of a message that is
// not known any more.
func (l *Links) Ref(ctx context.Context, ref string) (m *enishi.Message, ok bool, err error) {
	t, err := l.cfg.Renderer.signer.verify(ref, tokenChat)
	if err != nil || l.cfg.Now().Sub(t.At) > refFor {
		return nil, false, nil
	}
	m, err = l.cfg.Message(ctx, t.Send)
	if enishi.ErrorCode(err) == enishi.NotFound {
		return nil, false, nil
	}
	return m, err == nil, err
}

// Report appends message.NAME: what a receiver tells of a message, with Reason, Code and Machine of r. Told again with the
// same parts it counts once.
func (l *Links) Report(ctx context.Context, m *enishi.Message, typ string, r enishi.MessageResult, parts ...string) error {
	e := tokenOf(0, m, m.DecidedAt).event(typ, l.clock(), parts...)
	e.Result.Destination, e.Result.Reason, e.Result.Code, e.Result.Machine = m.Destination, r.Reason, r.Code, r.Machine
	ctx, cancel := context.WithTimeout(ctx, appendTimeout)
	defer cancel()
	return l.cfg.Append(ctx, []stream.Record{eventRecord(&e, l.cfg.Partitions, e.At)})
}
