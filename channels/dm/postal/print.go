package postal

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"

	"enishi"
	"enishi/channels/dm/postal/code"
	"enishi/channels/dm/postal/house"
	"enishi/channels/dm/postal/layout"
	"enishi/internal/address"
)

// code is what people and machines know a piece by.
func (o *Office) code(x *Piece) string { return string(code.New(o.cfg.Key, x.SendID)) }

// fit looks whether a piece can be written and drawn as the print house wants it. One that cannot is rejected with what is wrong.
func (o *Office) fit(ctx context.Context, b *Batch, x *Piece, set *Account) {
	err := o.fits(x, set)
	if err == nil {
		return
	}
	var known *enishi.Error
	text := Text{"印刷データを作れません。", "It cannot be printed."}
	if errors.As(err, &known) {
		text = Text{known.MsgJA, known.Msg}
	}
	x.State, x.Reason = PieceRejected, LeftContent
	x.Problems = append(x.Problems, Problem{Code: LeftContent, Severity: address.SeverityError, Text: text, Fix: Text{"宛名・住所を直すか、テンプレートを直してください。", "Mend the address or the template."}})
}

func (o *Office) fits(x *Piece, set *Account) error {
	profile, err := o.Settings().HouseOf(set.House)
	if err != nil {
		return err
	}
	r := o.record(x)
	if err := profile.CheckRecord(&r); err != nil {
		return err
	}
	p, err := o.drawing(x, set)
	if err != nil || !set.Deliver.PDF {
		return err
	}
	fonts, err := o.openFonts()
	if err != nil {
		return err
	}
	return layout.Fit(fonts, p)
}

// Kinds of files.
const (
	FileCSV      = "csv"
	FilePDF      = "pdf"
	FileManifest = "manifest"
)

// print makes the files of a batch. Their names and bytes follow from the rows alone.
func (o *Office) print(ctx context.Context, b *Batch) error {
	if err := o.fault("print"); err != nil {
		return err
	}
	before := b.Files
	b.Files = nil
	if err := o.makeFiles(ctx, b); err != nil {
		return err
	}
	for _, old := range before {
		for _, f := range b.Files {
			if f.Name == old.Name && f.SHA256 != old.SHA256 {
				return &enishi.Error{Code: enishi.Invalid, Msg: "the file " + f.Name + " came out otherwise than before: somebody was erased meanwhile, or a setting of the print house was changed", MsgJA: "ファイル " + f.Name + " の内容が前回と異なります（消去された人がいるか、印刷会社の設定が変わりました）。"}
			}
		}
	}
	if err := o.fault("printed"); err != nil {
		return err
	}
	b.State, b.Step, b.Claim, b.Tries, b.Problem = Exported, "", "", 0, Text{}
	if b.ExportedAt.IsZero() {
		b.ExportedAt = o.now()
	}
	return o.save(ctx, b, "exported")
}

// makeFiles writes CSV, PDF when the account wants it, and the manifest last.
func (o *Office) makeFiles(ctx context.Context, b *Batch) error {
	set := o.account(b.Account)
	var manifest house.Manifest
	f, err := o.makeFile(ctx, b, b.Name+".csv", FileCSV, func(w io.Writer) (n int, err error) {
		manifest, err = o.writeCSV(ctx, b, set, w)
		return manifest.Rows, err
	})
	if err != nil {
		return err
	}
	b.Files = append(b.Files, *f)
	if set.Deliver.PDF {
		if err := o.makePDF(ctx, b, set); err != nil {
			return err
		}
	}
	manifest.File, manifest.Batch, manifest.Product, manifest.CreatedBy, manifest.CreatedAt = f.Name, b.Name, b.Product, b.ApprovedBy, b.JudgedAt
	type sum struct {
		File   string `json:"file"`
		Pieces int    `json:"pieces"`
		Bytes  int64  `json:"bytes"`
		SHA256 string `json:"sha256"`
	}
	more := []sum{}
	for _, x := range b.Files[1:] {
		more = append(more, sum{x.Name, x.Pieces, x.Size, x.SHA256})
	}
	f, err = o.makeFile(ctx, b, b.Name+".json", FileManifest, func(w io.Writer) (int, error) {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return manifest.Rows, enc.Encode(struct {
			house.Manifest
			More []sum `json:"pdf"`
		}{manifest, more})
	})
	if err != nil {
		return err
	}
	b.Files = append(b.Files, *f)
	return nil
}

// record is a piece as the print house's file has it.
func (o *Office) record(x *Piece) house.Record {
	n := address.Normalise(*x.Address, nil)
	r := house.Record{Seq: x.Sequence, CustomerID: code.Code(x.Code).String(), Address: n, Barcode: x.Barcode, URL: o.URL(x), Code: code.Code(x.Code).String(), Variant: x.Variant, Content: map[string]string{}}
	var c map[string]any
	if json.Unmarshal(x.Content, &c) == nil {
		for k, v := range c {
			if text, ok := v.(string); ok {
				r.Content[k] = text
			}
		}
		if coupon, ok := c["coupon"].(map[string]any); ok {
			if r.Coupon, ok = coupon["code"].(string); !ok || r.Coupon == "" {
				r.Coupon = r.Code
			}
		}
	}
	return r
}

// URL is where the QR code of a piece leads.
func (o *Office) URL(x *Piece) string { return o.cfg.Base + "/d/" + x.Code }

func (o *Office) writeCSV(ctx context.Context, b *Batch, set *Account, w io.Writer) (house.Manifest, error) {
	profile, err := o.Settings().HouseOf(set.House)
	if err != nil {
		return house.Manifest{}, err
	}
	out, err := house.NewWriter(w, *profile)
	if err != nil {
		return house.Manifest{}, err
	}
	err = o.Pieces.Each(ctx, b.Name, printed, func(page []Piece) error {
		for i := range page {
			r := o.record(&page[i])
			if err := out.Write(&r); err != nil {
				return err
			}
		}
		return o.fault("writing")
	})
	return out.Manifest(), err
}

const piecesPerPDF = 2000

// makePDF draws the pieces, so many to a file.
func (o *Office) makePDF(ctx context.Context, b *Batch, set *Account) error {
	fonts, err := o.openFonts()
	if err != nil {
		return err
	}
	pictures := o.pictures(ctx)
	var after enishi.ID
	for n := 1; ; n++ {
		page, err := o.Pieces.Page(ctx, b.Name, after, piecesPerPDF, printed)
		if err != nil || len(page) == 0 {
			return err
		}
		after = page[len(page)-1].SendID
		f, err := o.makeFile(ctx, b, fmt.Sprintf("%s-%03d.pdf", b.Name, n), FilePDF, func(w io.Writer) (int, error) {
			sum, err := layout.PDF(w, fonts, func(yield func(*layout.Piece, error) bool) {
				for i := range page {
					p, err := o.drawing(&page[i], set)
					if !yield(p, err) || err != nil {
						return
					}
				}
			}, layout.Options{Bleed: 3, CropMarks: true, Date: b.JudgedAt, Title: b.Name, Pictures: pictures})
			return sum.Pieces, err
		})
		if err != nil {
			return err
		}
		b.Files = append(b.Files, *f)
		if len(page) < piecesPerPDF {
			return nil
		}
	}
}

// drawing is a piece as it is drawn. What the template does not say of the sender, the account says.
func (o *Office) drawing(x *Piece, set *Account) (*layout.Piece, error) {
	c, err := layout.Parse(x.Content)
	if err != nil {
		return nil, err
	}
	if s := set.Sender; c.Sender == nil && s.Name != "" {
		c.Sender = &layout.Sender{Name: s.Name, PostalCode: s.PostalCode, Address: s.Address, Phone: s.Phone, ReturnTo: s.ReturnTo}
	}
	if c.Mark == "" {
		c.Mark = set.Sender.Mark
	}
	if c.Office == "" {
		c.Office = set.Sender.Office
	}
	if err := c.Check(true); err != nil {
		return nil, err
	}
	a := x.Address
	if a == nil {
		a = &enishi.Address{}
	}
	return &layout.Piece{Name: code.Code(x.Code).String(), Content: c, Barcode: x.Barcode, Address: address.Normalise(*a, nil), Code: code.Code(x.Code).String(), URL: o.URL(x)}, nil
}

// openFonts reads the typefaces once.
func (o *Office) openFonts() (*layout.Fonts, error) {
	o.fontsOnce.Lock()
	defer o.fontsOnce.Unlock()
	if o.fonts != nil {
		return o.fonts, nil
	}
	f, err := layout.OpenFonts(o.cfg.Fonts)
	if err == nil {
		o.fonts = f
	}
	return f, err
}

func (o *Office) pictures(ctx context.Context) *layout.Pictures {
	if o.cfg.Image == nil {
		return &layout.Pictures{}
	}
	return &layout.Pictures{Fetch: func(name string) ([]byte, error) { return o.cfg.Image(ctx, name) }}
}

// printed are the pieces that stand in files: who was erased since does not any more.
const printed = "state = 'exported' AND address != ''"

// makeFile writes a file whole and tells what it is.
func (o *Office) makeFile(ctx context.Context, b *Batch, name, kind string, write func(io.Writer) (pieces int, err error)) (*File, error) {
	f := &File{Name: name, Kind: kind, At: o.now()}
	sum := &counted{hash: sha256.New()}
	err := WriteWhole(o.path(b.Name, name), func(w io.Writer) (err error) {
		sum.w = w
		f.Pieces, err = write(sum)
		return errors.Join(err, o.fault("writing"))
	})
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", name, err)
	}
	f.Size, f.SHA256 = sum.n, hex.EncodeToString(sum.hash.Sum(nil))
	return f, nil
}

// counted hashes and counts what is written.
type counted struct {
	w    io.Writer
	hash hash.Hash
	n    int64
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	c.hash.Write(p[:n])
	return n, err
}

func (o *Office) path(batch, name string) string { return filepath.Join(o.cfg.Dir, batch, name) }

func (o *Office) forgetFiles(batch string) error {
	return os.RemoveAll(filepath.Join(o.cfg.Dir, filepath.Base(batch)))
}

// Read opens a file of a batch and tells what it is.
func (o *Office) Read(ctx context.Context, b *Batch, name string) (io.ReadCloser, *File, error) {
	r, err := o.Open(ctx, b, name)
	if err != nil {
		return nil, nil, err
	}
	for i := range b.Files {
		if b.Files[i].Name == name {
			return r, &b.Files[i], nil
		}
	}
	return nil, nil, errors.Join(errors.New("the file is not in the batch"), r.Close())
}

// Face is one side of a piece, drawn.
type Face struct {
	Name          string
	Width, Height float64 // mm
	SVG           string
}

// Proof draws a piece. A named error says why it cannot be printed.
func (o *Office) Proof(ctx context.Context, b *Batch, x *Piece) ([]Face, error) {
	fonts, err := o.openFonts()
	if err != nil {
		return nil, err
	}
	p, err := o.drawing(x, o.account(b.Account))
	if err != nil {
		return nil, err
	}
	size := p.Content.Size
	if size == "" {
		size = "hagaki"
	}
	var out []Face
	for _, sheet := range layout.Sizes() {
		if sheet.Name != size {
			continue
		}
		for _, name := range []string{"address", "back", "inside"} {
			var w bytes.Buffer
			ok, err := layout.SVG(&w, fonts, p, name, o.pictures(ctx))
			if err != nil {
				return out, err
			}
			if ok {
				out = append(out, Face{name, sheet.Faces[name][0], sheet.Faces[name][1], w.String()})
			}
		}
	}
	return out, nil
}

// Sample is a piece of content for a made-up person, or for an address.
func (o *Office) Sample(account string, content []byte, a *enishi.Address) *Piece {
	if a == nil {
		a = &enishi.Address{Name: "見本 花子", PostalCode: "1500001", Prefecture: "東京都", City: "渋谷区", Address1: "神宮前1-2-3", Address2: "縁マンション405号室"}
	}
	x := &Piece{SendID: seedID("proof", 0), Account: account, Purpose: testPurpose, Content: content, State: PieceReady}
	x.Code = o.code(x)
	x.look(&Person{Address: a}, nil)
	return x
}

// Open reads a file of a batch. Where this machine has none, or another one, it is made again of the rows; it is refused when
// that gives other bytes than were exported, because somebody was erased meanwhile.
func (o *Office) Open(ctx context.Context, b *Batch, name string) (io.ReadCloser, error) {
	var f *File
	for i := range b.Files {
		if b.Files[i].Name == name {
			f = &b.Files[i]
		}
	}
	if f == nil {
		return nil, &enishi.Error{Code: enishi.NotFound, Msg: "the batch has no file " + name, MsgJA: "この発送単位にファイル「" + name + "」はありません。"}
	}
	if b.Erased > 0 {
		return nil, &enishi.Error{Code: enishi.Conflict, Msg: "somebody in this file was erased since: export the batch again for a file without them, and ask the print house to delete the old one",
			MsgJA: "このファイルの宛先に、消去された人がいます。もう一度書き出すと、その人を除いたファイルになります。印刷会社には古いファイルの削除を依頼してください。"}
	}
	if r, err := o.openWhole(o.path(b.Name, name), f); err == nil {
		return r, nil
	}
	again := *b
	again.Files = nil
	if err := o.makeFiles(ctx, &again); err != nil {
		return nil, err
	}
	return o.openWhole(o.path(b.Name, name), f)
}

// openWhole opens a file that has the bytes that it shall have.
func (o *Office) openWhole(name string, f *File) (io.ReadCloser, error) {
	r, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	if hex.EncodeToString(h.Sum(nil)) != f.SHA256 {
		return nil, errors.Join(errors.New("it has other bytes"), r.Close())
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// Provide records that a file was given to somebody (委託).
func (o *Office) Provide(ctx context.Context, b *Batch, f *File, way, actor string) error {
	now := o.now()
	recipient := o.account(b.Account).Deliver.Recipient
	return o.cfg.DB.Insert(ctx, "postal_provisions", []string{"id", "at", "batch", "account", "recipient", "way", "file", "pieces", "size", "sha256", "items", "actor"}, 1,
		[]enishi.ID{enishi.NewID("postal provision", b.Name, f.Name, f.SHA256, way, actor, strconv.FormatInt(now.UnixMilli(), 10))}, []int64{now.UnixMilli()}, []string{b.Name}, []string{b.Account}, []string{recipient}, []string{way},
		[]string{f.Name}, []uint64{uint64(f.Pieces)}, []uint64{uint64(f.Size)}, []string{f.SHA256}, [][]string{items}, []string{actor})
}

// items are the personal values that files have.
var items = []string{"name", "postal_code", "address", "company", "code", "content"}

// Provision is one record.
type Provision struct {
	At                                             time.Time
	Batch, Account, Recipient, Way, File, SHA, Who string
	Pieces, Size                                   int64
	Items                                          []string
}

// Provisions are the records, newest first; of one batch, or of all.
func (o *Office) Provisions(ctx context.Context, batches []string, limit int) ([]Provision, error) {
	rows, err := o.cfg.DB.Query(ctx, `SELECT at, toString(batch), toString(account), recipient, toString(way), file, pieces, size, sha256, items, actor FROM postal_provisions FINAL
		WHERE empty({batches:Array(String)}) OR has({batches:Array(String)}, toString(batch)) ORDER BY at DESC, id LIMIT `+strconv.Itoa(limit), ch.Named("batches", batches))
	if err != nil {
		return nil, fmt.Errorf("read provisions: %w", err)
	}
	defer rows.Close()
	var out []Provision
	for rows.Next() {
		var x Provision
		var pieces, size uint64
		if err := rows.Scan(&x.At, &x.Batch, &x.Account, &x.Recipient, &x.Way, &x.File, &pieces, &size, &x.SHA, &x.Items, &x.Who); err != nil {
			return nil, fmt.Errorf("read provisions: %w", err)
		}
		x.At, x.Pieces, x.Size = x.At.UTC(), int64(pieces), int64(size)
		out = append(out, x)
	}
	return out, rows.Err()
}
