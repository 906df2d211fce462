package pipeline

import (
	"context"
	"encoding/hex"
	"fmt"

	"enishi"
)

// Unsent is a message that a person took back on LINE: what they wrote must not stay readable (LINE's guidelines on the event
// unsend).
type Unsent struct {
	Subject enishi.ID
	Message string // LINE's id of the message
}

// unsentOf names the message that an event takes back.
func unsentOf(e *enishi.Event) (Unsent, bool) {
	id := e.Properties["message_id"].Text
	return Unsent{e.Subject, id}, e.Type == "line.message_unsent" && id != ""
}

// redact takes out of an event what the person wrote, and tells whether the event is that message. What it says of
// permissions stays, without the words: that somebody stopped advertising holds although the message is gone.
func (u *Unsent) redact(e *enishi.Event) bool {
	if e.Properties["message_id"].Text != u.Message {
		return false
	}
	for _, name := range []string{"text", "postback"} {
		delete(e.Properties, name)
	}
	for i := range e.Consent {
		e.Consent[i].Text = ""
	}
	e.Properties["unsent"] = enishi.BoolValue(true)
	return true
}

// unsend rewrites the raw rows of messages that were taken back. It may be repeated.
func (s *Store) unsend(ctx context.Context, list []Unsent) error {
	for i := range list {
		if err := s.unsendOne(ctx, &list[i]); err != nil {
			return fmt.Errorf("take back a message on LINE: %w", err)
		}
	}
	return nil
}

func (s *Store) unsendOne(ctx context.Context, u *Unsent) error {
	rows, err := s.DB.Query(ctx, "SELECT event_id, record FROM events WHERE subject IN "+idList([]enishi.ID{u.Subject})+" AND type = 'line.message_received' AND record != ''")
	if err != nil {
		return err
	}
	defer rows.Close()
	type redacted struct{ id, record string }
	var found []redacted
	for rows.Next() {
		var id, record string
		if err := rows.Scan(&id, &record); err != nil {
			return err
		}
		var e enishi.Event
		if enishi.DecodeEvent(&e, []byte(record)) == nil && u.redact(&e) {
			found = append(found, redacted{hex.EncodeToString([]byte(id)), hex.EncodeToString(enishi.EncodeEvent(nil, &e))})
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for _, x := range found {
		if err := s.DB.Exec(ctx, "ALTER TABLE events UPDATE record = unhex('"+x.record+"') WHERE subject IN "+idList([]enishi.ID{u.Subject})+" AND event_id = toFixedString(unhex('"+x.id+"'), 16) SETTINGS mutations_sync = 1"); err != nil {
			return err
		}
	}
	return nil
}
