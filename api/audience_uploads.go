package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"enishi"
	"enishi/segments/audiences"
)

// audienceUploadKind is the kind of definition by which somebody says that they uploaded an audience's files; its name is the audience's, its versions are the record.
const audienceUploadKind = "audience_upload"

type audienceUploadBody struct {
	WrittenAt time.Time `json:"written_at"`
}

// audienceUpload is what somebody has to upload by hand, and did.
type audienceUpload struct {
	Files     string        `json:"files" doc:"The folder or file of the newest list."`
	WrittenAt time.Time     `json:"written_at,omitzero" doc:"When it was written; absent: it was not yet."`
	Due       bool          `json:"due" doc:"Nobody has said yet that the newest files were uploaded."`
	Left      int           `json:"left" doc:"People who were taken out of the files since those that were uploaded last: until newer ones are, the platform has them."`
	Uploads   []uploadedRow `json:"uploads" doc:"The newest first, 20 at most."`

	leftBy enishi.ID // the newest call that took somebody out
}

type uploadedRow struct {
	At        time.Time `json:"at"`
	Actor     string    `json:"actor"`
	WrittenAt time.Time `json:"written_at" doc:"Of the files."`
}

// audienceUpload tells how an audience's files stand; nil while there are none.
func (a *API) audienceUpload(ctx context.Context, name string, s *audiences.Standing) (*audienceUpload, error) {
	if s == nil || s.Remote == "" {
		return nil, nil
	}
	u := &audienceUpload{Files: s.Remote, Uploads: []uploadedRow{}}
	var made time.Time // an audience of the same name that was deleted is none of ours
	for _, d := range a.cfg.Definitions.History(audiences.Kind, name) {
		switch {
		case d.Deleted:
			made = time.Time{}
		case made.IsZero():
			made = d.At
		}
	}
	var uploaded time.Time
	for _, d := range slices.Backward(a.cfg.Definitions.History(audienceUploadKind, name)) {
		var b audienceUploadBody
		if err := json.Unmarshal(d.Body, &b); err != nil {
			return nil, fmt.Errorf("read an upload of %s: %w", name, err)
		}
		if d.At.Before(made) || len(u.Uploads) == 20 {
			break
		}
		if b.WrittenAt.After(uploaded) {
			uploaded = b.WrittenAt
		}
		u.Uploads = append(u.Uploads, uploadedRow{d.At.UTC(), d.Actor, b.WrittenAt.UTC()})
	}
	var left uint64
	var by string
	err := a.one(ctx, `SELECT max(updated_at), sumIf(people, op = 'remove' AND updated_at > fromUnixTimestamp64Milli({uploaded:Int64})), argMaxIf(id, updated_at, op = 'remove') FROM audience_batches FINAL
		WHERE audience = {name:String} AND state = 'done' AND at >= fromUnixTimestamp64Milli({made:Int64})`, []any{named("name", name), millis("uploaded", uploaded), millis("made", made)}, &u.WrittenAt, &left, &by)
	if err != nil && !errors.Is(err, errNoRow) {
		return nil, fmt.Errorf("read what %s has to upload: %w", name, err)
	}
	u.WrittenAt, u.Left, u.leftBy = known(u.WrittenAt), int(left), idOf(by)
	u.Due = u.WrittenAt.After(uploaded)
	return u, nil
}

// byHandRow adds to an audience what somebody has to upload.
func (a *API) byHandRow(ctx context.Context, row *AudienceRow, s *audiences.Standing) (err error) {
	if dest := a.destination(row.Body.Destination); dest == nil || !dest.Platform.Facts().ByHand {
		return nil
	}
	if row.Upload, err = a.audienceUpload(ctx, row.Name, s); err != nil {
		return err
	}
	if row.State == "done" && row.Upload != nil && row.Upload.Due {
		row.State, row.StateLabel = "upload", Text{"アップロード待ち", "to be uploaded"}
	}
	return nil
}

type audienceUploadedInput struct {
	NamePath
	Body *struct {
		WrittenAt time.Time `json:"written_at,omitzero" required:"false" doc:"Which files: when they were written, as the audience's upload tells; the newest unless said."`
	}
}

// audienceUploaded records that somebody uploaded an audience's files by hand; what alerts them of it ends.
func (a *API) audienceUploaded(ctx context.Context, in *audienceUploadedInput) (*writtenOutput, error) {
	_, def, err := a.audienceNamed(in.Name)
	if err != nil {
		return nil, err
	}
	dest := a.destination(def.Destination)
	if dest == nil || !dest.Platform.Facts().ByHand {
		return nil, refusal(enishi.Conflict, "nothing of this audience is uploaded by hand", "このオーディエンスには、手動でアップロードするファイルはありません。")
	}
	s, err := a.audienceTables().Standing(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	u, err := a.audienceUpload(ctx, in.Name, s)
	if err != nil {
		return nil, err
	}
	if u == nil || u.WrittenAt.IsZero() {
		return nil, refusal(enishi.Conflict, "its files were not written yet", "ファイルはまだ書き出されていません。")
	}
	written := u.WrittenAt
	if in.Body != nil && !in.Body.WrittenAt.IsZero() {
		if written = in.Body.WrittenAt.UTC(); written.After(u.WrittenAt) {
			return nil, enishi.FieldError("body.written_at", "no files were written then; the newest are of "+u.WrittenAt.Format(time.RFC3339Nano), "その日時に書き出されたファイルはありません。最新は "+timeText(u.WrittenAt, a.now(), a.zone()).JA+" のファイルです。")
		}
	}
	body, err := json.Marshal(audienceUploadBody{written})
	if err != nil {
		return nil, err
	}
	w, err := a.save(ctx, enishi.Definition{Kind: audienceUploadKind, Name: in.Name, Expect: -1, Body: body})
	return &writtenOutput{w}, err
}
