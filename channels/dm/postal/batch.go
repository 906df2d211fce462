package postal

import (
	"encoding/json"
	"slices"
	"time"

	"enishi"
	"enishi/internal/definitions"
)

// Kind is the kind of definitions that are batches.
const Kind = "postal_batch"

// States of a batch.
const (
	Collecting = "collecting" // pieces come in; there is no definition yet
	Closed     = "closed"     // cut off: addresses are looked up and checked
	InReview   = "in_review"  // waits for approval
	Approved   = "approved"   // goes when the hold is over
	Exporting  = "exporting"  // pieces are judged a last time, then files are made
	Exported   = "exported"   // files are there
	Delivered  = "delivered"  // the print house has them
	Cancelled  = "cancelled"
)

// Steps of exporting.
const (
	stepJudge = "judge" // who may not get a piece any more
	stepPrint = "print" // files are made of what is left
)

// Batch is the body of its definition. It has no personal value.
type Batch struct {
	Account  string    `json:"account"`
	Template string    `json:"template"`
	Cutoff   time.Time `json:"cutoff"`
	State    string    `json:"state"`
	Step     string    `json:"step,omitempty"`  // of exporting
	Claim    string    `json:"claim,omitempty"` // of closed and exporting: who works at it
	Tries    int       `json:"tries,omitempty"` // of the work, in a row
	Problem  Text      `json:"problem,omitzero"`

	Product   string    `json:"product,omitempty"` // as chosen when it was prepared
	Letter    bool      `json:"letter,omitempty"`  // the content is 信書
	Refused   Text      `json:"refused,omitzero"`  // why the product may not carry the content; it cannot be approved
	Tally     *Tally    `json:"tally,omitempty"`
	HoldUntil time.Time `json:"hold_until,omitzero"`

	ApprovedBy string    `json:"approved_by,omitempty"`
	ApprovedAt time.Time `json:"approved_at,omitzero"`
	ClosedAt   time.Time `json:"closed_at,omitzero"`
	JudgedAt   time.Time `json:"judged_at,omitzero"`
	ExportedAt time.Time `json:"exported_at,omitzero"`
	Files      []File    `json:"files,omitempty"`
	Told       bool      `json:"told,omitempty"`    // the pieces' results stand on the log
	Repeats    int       `json:"repeats,omitempty"` // how often it was exported again
	Erased     int       `json:"erased,omitempty"`  // people in the files who were erased since: the print house is to delete them
	Gone       int       `json:"gone,omitempty"`    // all who were erased after they were exported

	DeliveredAt time.Time `json:"delivered_at,omitzero"`
	DeliverTry  time.Time `json:"deliver_try,omitzero"` // the last one, when it failed
	DeliverHow  Text      `json:"deliver_problem,omitzero"`

	Name    string            `json:"-"`
	Version int64             `json:"-"`
	record  enishi.Definition // as read
}

// Text is a text in both languages.
type Text struct {
	JA string `json:"ja"`
	EN string `json:"en"`
}

// Tally counts the pieces of a batch.
type Tally struct {
	Pieces   int            `json:"pieces"` // all that were collected, without seeds
	Ready    int            `json:"ready"`  // to be printed, seeds included
	Seeds    int            `json:"seeds"`
	Rejected int            `json:"rejected"` // the address cannot be used
	LeftOut  int            `json:"left_out"` // may not, or need not, get a piece
	Reasons  map[string]int `json:"reasons,omitempty"`
	Warnings int            `json:"warnings"` // ready, with something to look at
	Cost     enishi.Amount  `json:"cost"`     // of those that are ready
	PerPiece enishi.Amount  `json:"per_piece"`
}

// File is what was made of a batch.
type File struct {
	Name      string    `json:"name"`
	Kind      string    `json:"kind"` // csv, pdf, manifest
	Pieces    int       `json:"pieces"`
	Size      int64     `json:"size"`
	SHA256    string    `json:"sha256"` // in hexadecimal; of an encrypted delivery that of the file within
	Encrypted string    `json:"encrypted,omitempty"`
	At        time.Time `json:"at"`
}

// ParseBatch reads a definition.
func ParseBatch(d *enishi.Definition) (*Batch, error) {
	b := &Batch{}
	if err := json.Unmarshal(d.Body, b); err != nil {
		return nil, err
	}
	b.Name, b.Version, b.record = d.Name, d.Version, *d
	if b.Tally == nil {
		b.Tally = &Tally{}
	}
	return b, nil
}

// Current is a batch as it stands; false while it collects, or when there is none.
func Current(log *definitions.Log, name string) (*Batch, bool) {
	d, ok := log.Current(Kind, name)
	if !ok {
		return nil, false
	}
	b, err := ParseBatch(&d)
	return b, err == nil
}

// Encode is the body of its definition.
func (b *Batch) Encode() json.RawMessage {
	body, err := json.Marshal(b)
	if err != nil {
		panic(err) // plain values only
	}
	return body
}

// Moves of a batch that people make.
const (
	MoveClose   = "close"   // before its cut-off
	MovePrepare = "prepare" // once more: addresses were mended, or pieces came late
	MoveApprove = "approve"
	MoveReopen  = "reopen" // take the approval back
	MoveExport  = "export"
	MoveCancel  = "cancel"
)

// Move changes b as a person asks, or says why not. by is who, at when; hold is the account's.
func (b *Batch) Move(move, by string, at time.Time, hold time.Duration) error {
	from := map[string][]string{
		MoveClose:   {Collecting},
		MovePrepare: {InReview},
		MoveApprove: {InReview},
		MoveReopen:  {Approved},
		MoveExport:  {Approved, Exported, Delivered},
		MoveCancel:  {Collecting, InReview, Approved},
	}[move]
	if !slices.Contains(from, b.State) {
		return &enishi.Error{Code: enishi.Conflict, Msg: "the batch is " + stateWords[b.State].EN + ": " + refusals[move].EN, MsgJA: "この発送単位は「" + stateWords[b.State].JA + "」です。" + refusals[move].JA}
	}
	switch move {
	case MoveClose, MovePrepare:
		b.State, b.ClosedAt = Closed, at
	case MoveApprove:
		if b.Tally.Ready-b.Tally.Seeds <= 0 {
			return &enishi.Error{Code: enishi.Conflict, Msg: "no piece of the batch can be printed: mend addresses and prepare it again, or cancel it", MsgJA: "印刷できる宛先がありません。住所を直して準備し直すか、取り消してください。"}
		}
		if b.Refused != (Text{}) {
			return &enishi.Error{Code: enishi.Conflict, Msg: b.Refused.EN, MsgJA: b.Refused.JA}
		}
		b.State, b.ApprovedBy, b.ApprovedAt, b.HoldUntil = Approved, by, at, at.Add(hold)
	case MoveReopen:
		b.State, b.ApprovedBy, b.ApprovedAt, b.HoldUntil = InReview, "", time.Time{}, time.Time{}
	case MoveExport:
		if b.State != Approved {
			return b.repeat()
		}
		if at.Before(b.HoldUntil) {
			until := b.HoldUntil.UTC().Format(time.RFC3339)
			return &enishi.Error{Code: enishi.Conflict, Msg: "the batch is held until " + until + ": export it then", MsgJA: "保留中です。" + until + " 以降に書き出してください。"}
		}
		b.State, b.Step = Exporting, stepJudge
	case MoveCancel:
		b.State = Cancelled
	}
	b.Claim, b.Tries, b.Problem = "", 0, Text{}
	return nil
}

// repeat is an export of what was exported: the same pieces, so the same files.
func (b *Batch) repeat() error {
	if b.Erased > 0 {
		b.Files = nil // without the people who are gone they are others
	}
	b.State, b.Step, b.Repeats, b.Erased = Exporting, stepPrint, b.Repeats+1, 0
	b.Claim, b.Tries, b.Problem = "", 0, Text{}
	return nil
}

// Busy tells whether the batch is being worked at.
func (b *Batch) Busy() bool { return b.State == Closed || b.State == Exporting }

// Final tells whether pieces have left, or never will.
func (b *Batch) Final() bool {
	return b.State == Exported || b.State == Delivered || b.State == Cancelled
}

var stateWords = map[string]Text{
	Collecting: {"収集中", "collecting"}, Closed: {"締切済み（準備中）", "closed and being prepared"}, InReview: {"承認待ち", "in review"}, Approved: {"承認済み", "approved"},
	Exporting: {"書き出し中", "being exported"}, Exported: {"書き出し済み", "exported"}, Delivered: {"納品済み", "delivered"}, Cancelled: {"取り消し済み", "cancelled"},
}

// StateText is a state in words.
func StateText(state string) Text { return stateWords[state] }

var refusals = map[string]Text{
	MoveClose:   {"締め切れるのは収集中のときだけです。", "only a collecting one can be closed"},
	MovePrepare: {"準備し直せるのは承認待ちのときだけです。承認済みのときは、先に承認を取り消してください。", "only one in review can be prepared again: take the approval back first"},
	MoveApprove: {"承認できるのは承認待ちのときだけです。", "only one in review can be approved"},
	MoveReopen:  {"承認を取り消せるのは承認済みで書き出す前だけです。", "only an approved one that is not exported yet can be reopened"},
	MoveExport:  {"書き出せるのは承認済みのときだけです。", "only an approved one can be exported"},
	MoveCancel:  {"取り消せるのは書き出す前だけです。印刷会社へは電話などで連絡してください。", "only one that is not exported yet can be cancelled: call the print house"},
}
