package api

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"enishi"
	"enishi/channels/dm/postal"
	"enishi/channels/dm/postal/code"
	addresses "enishi/internal/address"
)

// postalPieceRow is a piece in a list.
type postalPieceRow struct {
	SendID      enishi.ID          `json:"send_id"`
	Batch       string             `json:"batch"`
	State       string             `json:"state" enum:"collected,ready,rejected,left_out,exported"`
	StateLabel  Text               `json:"state_label"`
	Reason      string             `json:"reason"`
	ReasonLabel Text               `json:"reason_label"`
	Profile     string             `json:"profile" doc:"Empty: an own address (seed), or somebody who was erased."`
	Name        string             `json:"name" doc:"As printed."`
	Address     *postalAddressText `json:"address,omitempty"`
	Problems    []postalProblem    `json:"problems"`
	Code        string             `json:"code" doc:"As people read it."`
	Barcode     string             `json:"barcode" doc:"Customer barcode as text; empty: none."`
	Journey     string             `json:"journey"`
	Variant     string             `json:"variant"`
	Cost        money              `json:"cost"`
	Sequence    int                `json:"sequence,omitempty" doc:"In the files, from 1."`
	Seed        bool               `json:"seed"`
	DecidedAt   time.Time          `json:"decided_at"`
}

type postalAddressText struct {
	PostalCode string `json:"postal_code" doc:"NNN-NNNN"`
	Prefecture string `json:"prefecture"`
	City       string `json:"city"`
	Address1   string `json:"address1"`
	Address2   string `json:"address2"`
	Company    string `json:"company"`
	Department string `json:"department"`
	JobTitle   string `json:"job_title"`
	Name       string `json:"name"`
	Honorific  string `json:"honorific"`
}

type postalProblem struct {
	Code     string `json:"code"`
	Label    Text   `json:"label"`
	Field    string `json:"field" doc:"Of the address."`
	Severity string `json:"severity" enum:"error,warning"`
	Text     Text   `json:"text"`
	Fix      Text   `json:"fix"`
	Suggest  string `json:"suggest" doc:"The value that would be right; empty: nobody knows."`
}

func addressText(x *enishi.Address) *postalAddressText {
	if x == nil {
		return nil
	}
	zip := x.PostalCode
	if len(zip) == 7 {
		zip = zip[:3] + "-" + zip[3:]
	}
	return &postalAddressText{zip, x.Prefecture, x.City, x.Address1, x.Address2, x.Company, x.Department, x.JobTitle, x.Name, x.Honorific}
}

// postalReason is why a piece is left out or rejected, in words.
func postalReason(reason string) Text {
	if c, ok := postal.ReasonCode(reason); ok {
		return problemLabel(c)
	}
	if reason == "" {
		return Text{}
	}
	return word("postal_reason", reason)
}

func problemLabel(code string) Text {
	for _, c := range addresses.Codes() {
		if c.Code == code {
			return Text(c.Title)
		}
	}
	return word("postal_reason", code)
}

func problemsOf(list []postal.Problem) []postalProblem {
	out := []postalProblem{}
	for _, p := range list {
		out = append(out, postalProblem{p.Code, problemLabel(p.Code), p.Field, p.Severity, Text(p.Text), Text(p.Fix), p.Suggest})
	}
	return out
}

func pieceRow(x *postal.Piece) postalPieceRow {
	r := postalPieceRow{SendID: x.SendID, Batch: x.Batch, State: x.State, StateLabel: word("postal_piece", x.State), Reason: x.Reason, ReasonLabel: postalReason(x.Reason), Address: addressText(x.Address), Problems: problemsOf(x.Problems),
		Code: code.Code(x.Code).String(), Barcode: x.Barcode, Journey: x.Journey, Variant: x.Variant, Cost: yen(x.Cost), Sequence: x.Sequence, Seed: x.Seed, DecidedAt: x.DecidedAt}
	if !x.Profile.IsZero() {
		r.Profile = x.Profile.String()
	}
	if x.Address != nil {
		r.Name = x.Address.Name
	}
	return r
}

type postalPiecesInput struct {
	PostalBatchPath
	State  string `query:"state" enum:",collected,ready,rejected,left_out,exported"`
	Reason string `query:"reason" maxLength:"64"`
	Warned bool   `query:"warned" doc:"Only those with something to look at."`
	Cursor string `query:"cursor" maxLength:"36"`
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"50"`
}

func (a *API) listPostalPieces(ctx context.Context, in *postalPiecesInput) (*listOutput[postalPieceRow], error) {
	o, err := a.office()
	if err != nil {
		return nil, err
	}
	if _, err := o.Batch(ctx, in.ID); err != nil {
		return nil, err
	}
	after, err := cursorID(in.Cursor)
	if err != nil {
		return nil, err
	}
	where := []string{"{state:String} IN ('', toString(state))", "{reason:String} IN ('', toString(reason))"}
	if in.Warned {
		where = append(where, "problems != ''")
	}
	list, err := o.Pieces.Page(ctx, in.ID, after, in.Limit+1, strings.Join(where, " AND "), named("state", in.State), named("reason", in.Reason))
	if err != nil {
		return nil, err
	}
	out := listOf([]postalPieceRow{})
	if len(list) > in.Limit {
		list = list[:in.Limit]
		out.Body.Next = list[in.Limit-1].SendID.String()
	}
	for i := range list {
		out.Body.Items = append(out.Body.Items, pieceRow(&list[i]))
	}
	return out, nil
}

// cursorID reads a cursor that is an id; an empty one is before all.
func cursorID(text string) (id enishi.ID, err error) {
	if text == "" {
		return id, nil
	}
	if id, err = enishi.ParseID(text); err != nil {
		return id, enishi.FieldError("query.cursor", "is not one that a page answered", "前のページの next を指定してください。")
	}
	return id, nil
}

// PostalPiecePath names a piece of a batch.
type PostalPiecePath struct {
	PostalBatchPath
	Send string `path:"send" maxLength:"36"`
}

type postalLeaveInput struct {
	PostalPiecePath
	Body struct {
		Out    bool   `json:"out" doc:"true: this piece is not printed; false: it is judged anew."`
		Reason string `json:"reason,omitempty" maxLength:"500"`
	}
}

type postalPieceOutput struct{ Body postalPieceRow }

// leavePostalPiece takes a piece out of a batch by hand, or back in.
func (a *API) leavePostalPiece(ctx context.Context, in *postalLeaveInput) (*postalPieceOutput, error) {
	o, b, x, err := a.postalPiece(ctx, &in.PostalPiecePath)
	if err != nil {
		return nil, err
	}
	if err := o.LeaveOut(ctx, b, x, in.Body.Out); err != nil {
		return nil, err
	}
	if _, err := a.save(ctx, enishi.Definition{Kind: postal.Kind, Name: b.Name, Expect: b.Version, Body: b.Encode(), Reason: in.Body.Reason}); err != nil {
		return nil, err
	}
	o.Kick()
	return &postalPieceOutput{pieceRow(x)}, nil
}

func (a *API) postalPiece(ctx context.Context, in *PostalPiecePath) (*postal.Office, *postal.Batch, *postal.Piece, error) {
	o, err := a.office()
	if err != nil {
		return nil, nil, nil, err
	}
	b, err := o.Batch(ctx, in.ID)
	if err != nil {
		return nil, nil, nil, err
	}
	send, err := enishi.ParseID(in.Send)
	if err != nil {
		return nil, nil, nil, notFound("piece", "宛先")
	}
	x, ok, err := o.Pieces.One(ctx, b.Name, send)
	if err == nil && !ok {
		err = notFound("piece", "宛先")
	}
	return o, b, &x, err
}

type postalProofOutput struct {
	Body postalProof
}

// postalProof is a piece as it will be printed.
type postalProof struct {
	Piece    *postalPieceRow `json:"piece,omitempty"`
	Faces    []postalFace    `json:"faces"`
	Problems []Text          `json:"problems" doc:"Why it cannot be printed as it is; empty: it can."`
}

type postalFace struct {
	Name   string  `json:"name"`
	Width  float64 `json:"width" doc:"Millimetres."`
	Height float64 `json:"height"`
	SVG    string  `json:"svg"`
}

// getPostalProof draws a piece of a batch.
func (a *API) getPostalProof(ctx context.Context, in *PostalPiecePath) (*postalProofOutput, error) {
	o, b, x, err := a.postalPiece(ctx, in)
	if err != nil {
		return nil, err
	}
	row := pieceRow(x)
	out := &postalProofOutput{postalProof{Piece: &row, Faces: []postalFace{}, Problems: []Text{}}}
	return out, a.draw(ctx, o, b, x, out)
}

func (a *API) draw(ctx context.Context, o *postal.Office, b *postal.Batch, x *postal.Piece, out *postalProofOutput) error {
	faces, err := o.Proof(ctx, b, x)
	var known *enishi.Error
	if errors.As(err, &known) {
		out.Body.Problems = append(out.Body.Problems, Text{known.MsgJA, known.Msg}.complete())
		err = nil
	}
	for _, f := range faces {
		out.Body.Faces = append(out.Body.Faces, postalFace{f.Name, f.Width, f.Height, f.SVG})
	}
	return err
}

type postalTryInput struct {
	Body struct {
		Content json.RawMessage `json:"content" doc:"The layout with its texts filled in, as the preview of a template answers it."`
		Account string          `json:"account,omitempty" maxLength:"32"`
		Address *enishi.Address `json:"address,omitempty" doc:"A made-up one unless said."`
	}
}

// proofPostalContent draws a layout that need not be saved.
func (a *API) proofPostalContent(ctx context.Context, in *postalTryInput) (*postalProofOutput, error) {
	o, err := a.office()
	if err != nil {
		return nil, err
	}
	out := &postalProofOutput{postalProof{Faces: []postalFace{}, Problems: []Text{}}}
	b := &postal.Batch{Name: "proof", Account: in.Body.Account, Tally: &postal.Tally{}}
	return out, a.draw(ctx, o, b, o.Sample(in.Body.Account, []byte(in.Body.Content), in.Body.Address), out)
}

type postalProvisionsInput struct {
	Batch string `query:"batch" maxLength:"80"`
	Limit int    `query:"limit" minimum:"1" maximum:"500" default:"100"`
}

// postalProvisionRow records that personal data was handed to a contractor (委託).
type postalProvisionRow struct {
	At        time.Time `json:"at"`
	Batch     string    `json:"batch"`
	Account   string    `json:"account"`
	Recipient string    `json:"recipient"`
	Way       string    `json:"way" doc:"download, directory:TARGET, sftp:TARGET."`
	WayLabel  Text      `json:"way_label"`
	File      string    `json:"file"`
	Pieces    int64     `json:"pieces"`
	Size      int64     `json:"size"`
	SHA256    string    `json:"sha256"`
	Items     []string  `json:"items"`
	ItemLabel []Text    `json:"item_labels"`
	Actor     string    `json:"actor"`
}

func (a *API) listPostalProvisions(ctx context.Context, in *postalProvisionsInput) (*listOutput[postalProvisionRow], error) {
	o, err := a.office()
	if err != nil {
		return nil, err
	}
	var batches []string
	if in.Batch != "" {
		batches = []string{in.Batch}
	}
	list, err := o.Provisions(ctx, batches, in.Limit)
	if err != nil {
		return nil, err
	}
	out := listOf([]postalProvisionRow{})
	for _, x := range list {
		out.Body.Items = append(out.Body.Items, provisionRow(&x))
	}
	return out, nil
}

func provisionRow(x *postal.Provision) postalProvisionRow {
	way, _, _ := strings.Cut(x.Way, ":")
	r := postalProvisionRow{x.At, x.Batch, x.Account, x.Recipient, x.Way, word("postal_way", way), x.File, x.Pieces, x.Size, x.SHA, x.Items, []Text{}, x.Who}
	for _, item := range x.Items {
		r.ItemLabel = append(r.ItemLabel, word("postal_item", item))
	}
	return r
}

// postalAccountRow is a way of mailing.
type postalAccountRow struct {
	Name     string          `json:"name"`
	Title    string          `json:"title"`
	Next     time.Time       `json:"next_cutoff"`
	Settings json.RawMessage `json:"settings" doc:"As it acts, with what is set when nothing is said."`
}

func (a *API) listPostalAccounts(ctx context.Context, _ *struct{}) (*listOutput[postalAccountRow], error) {
	o, err := a.office()
	if err != nil {
		return nil, err
	}
	set := o.Settings()
	names := sortedKeys(set.Accounts)
	if !slices.Contains(names, postal.DefaultAccount) {
		names = append([]string{postal.DefaultAccount}, names...)
	}
	out := listOf([]postalAccountRow{})
	for _, name := range names {
		x, _ := set.Account(name)
		title := x.Title
		if title == "" {
			title = name
		}
		settings, err := json.Marshal(x)
		if err != nil {
			return nil, err
		}
		out.Body.Items = append(out.Body.Items, postalAccountRow{name, title, x.Schedule.Cutoff(a.now(), a.zone()), settings})
	}
	return out, nil
}

// copyOut gives a slow client time for each part.
func copyOut(w http.ResponseWriter, r io.Reader) error {
	control := http.NewResponseController(w)
	buf := make([]byte, 256<<10)
	for {
		n, err := r.Read(buf)
		if n > 0 {
			_ = control.SetWriteDeadline(time.Now().Add(exportWrite)) // where it is not supported there is none
			if _, err := w.Write(buf[:n]); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
