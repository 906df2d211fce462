package api

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"enishi"
)

// noteRow is a note of the staff about a person as it stands.
type noteRow struct {
	ID       string    `json:"id"`
	Text     string    `json:"text"`
	Actor    string    `json:"actor" doc:"Who wrote the text as it stands."`
	At       time.Time `json:"at" doc:"When it was first written."`
	EditedAt time.Time `json:"edited_at,omitzero"`

	subject enishi.ID // under which it stands
}

func (a *API) listNotes(ctx context.Context, in *PersonPath) (*listOutput[noteRow], error) {
	p, _, err := a.load(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	notes, err := a.notes(ctx, subjects(p))
	return listOf(notes), err
}

// notes are those that stand, newest first. The newest word about a note counts.
func (a *API) notes(ctx context.Context, ids []enishi.ID) ([]noteRow, error) {
	byID, gone := map[string]*noteRow{}, map[string]bool{}
	err := a.each(ctx, "SELECT "+eventColumns+" FROM events FINAL WHERE subject IN "+idList(ids)+" AND type IN ('note.written', 'note.removed') ORDER BY at, event_id", nil, func(rows driver.Rows) error {
		row, err := scanEvent(rows)
		var e enishi.Event
		if err != nil || enishi.DecodeEvent(&e, []byte(row.record)) != nil || e.Note == nil {
			return err
		}
		n := byID[e.Note.NoteID]
		switch {
		case row.typ == "note.removed":
			gone[e.Note.NoteID] = true
		case n == nil:
			byID[e.Note.NoteID] = &noteRow{ID: e.Note.NoteID, Text: e.Note.Text, Actor: e.Note.Actor, At: row.at, subject: row.subject}
		default:
			n.Text, n.Actor, n.EditedAt = e.Note.Text, cmp.Or(e.Note.Actor, n.Actor), row.at
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read notes: %w", err)
	}
	out := []noteRow{}
	for id, n := range byID {
		if !gone[id] {
			out = append(out, *n)
		}
	}
	slices.SortFunc(out, func(x, y noteRow) int { return cmp.Or(y.At.Compare(x.At), strings.Compare(x.ID, y.ID)) })
	return out, nil
}

type noteInput struct {
	PersonPath
	Body struct {
		Text     string `json:"text" minLength:"1" maxLength:"3000"`
		Replaces string `json:"replaces,omitempty" maxLength:"200" doc:"The id of the note whose text this is now."`
	}
}

func (a *API) writeNote(ctx context.Context, in *noteInput) (*writtenOutput, error) {
	p, _, err := a.load(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	text := strings.TrimSpace(in.Body.Text)
	if text == "" {
		return nil, enishi.FieldError("body.text", "is empty", "メモを入力してください。")
	}
	c := callOf(ctx)
	n, subject := &enishi.Note{NoteID: enishi.NewID("note", c.request.String()).String(), Text: text, Actor: c.caller.name}, mainSubject(p)
	if in.Body.Replaces != "" {
		old, err := a.note(ctx, subjects(p), in.Body.Replaces)
		if err != nil {
			return nil, err
		}
		n.NoteID, subject = old.ID, old.subject
	}
	w, err := a.append(ctx, enishi.Event{Type: "note.written", Profile: p.ID, Subject: subject, Note: n})
	return &writtenOutput{w}, err
}

// note is one that stands.
func (a *API) note(ctx context.Context, ids []enishi.ID, id string) (noteRow, error) {
	notes, err := a.notes(ctx, ids)
	if err != nil {
		return noteRow{}, err
	}
	i := slices.IndexFunc(notes, func(n noteRow) bool { return n.ID == id })
	if i < 0 {
		return noteRow{}, notFound("note", "メモ")
	}
	return notes[i], nil
}

type removeNoteInput struct {
	PersonPath
	Note   string `path:"note" maxLength:"200"`
	Reason string `query:"reason" minLength:"1" maxLength:"200" required:"true" doc:"Why it goes: it stays in the log."`
}

func (a *API) removeNote(ctx context.Context, in *removeNoteInput) (*writtenOutput, error) {
	p, _, err := a.load(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	n, err := a.note(ctx, subjects(p), in.Note)
	if err != nil {
		return nil, err
	}
	w, err := a.append(ctx, enishi.Event{Type: "note.removed", Profile: p.ID, Subject: n.subject, Note: &enishi.Note{NoteID: n.ID, Actor: callOf(ctx).caller.name, Reason: strings.TrimSpace(in.Reason)}})
	return &writtenOutput{w}, err
}
