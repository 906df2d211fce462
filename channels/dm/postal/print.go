package postal

import (
	"context"
	"crypto/sha256"
	"encoding/csv"
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
)

// code is what people and machines know a piece by.
func (o *Office) code(x *Piece) string { return string(code.New(o.cfg.Key, x.SendID)) }

// fit looks whether a piece can be drawn.
func (o *Office) fit(ctx context.Context, b *Batch, x *Piece, set *Account) {}

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
	now, before := o.now(), b.Files
	b.Files = nil
	f, err := o.makeFile(ctx, b, b.Name+".csv", FileCSV, func(w io.Writer) (int, error) { return o.writeCSV(ctx, b, w) })
	if err != nil {
		return err
	}
	for i := range before {
		if before[i].Name == f.Name && before[i].SHA256 != f.SHA256 {
			return &enishi.Error{Code: enishi.Invalid, Msg: "the file " + f.Name + " came out otherwise than before: somebody was erased meanwhile", MsgJA: "ファイル " + f.Name + " の内容が前回と異なります（消去された人がいます）。"}
		}
	}
	b.Files = append(b.Files, *f)
	manifest, err := o.makeFile(ctx, b, b.Name+".json", FileManifest, func(w io.Writer) (int, error) { return f.Pieces, o.writeManifest(b, w) })
	if err != nil {
		return err
	}
	b.Files = append(b.Files, *manifest)
	if err := o.fault("printed"); err != nil {
		return err
	}
	b.State, b.Step, b.Claim, b.Tries, b.Problem = Exported, "", "", 0, Text{}
	if b.ExportedAt.IsZero() {
		b.ExportedAt = now
	}
	return o.save(ctx, b, "exported")
}

func (o *Office) writeManifest(b *Batch, w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(map[string]any{"batch": b.Name, "files": b.Files})
}

func (o *Office) writeCSV(ctx context.Context, b *Batch, w io.Writer) (int, error) {
	out, n := csv.NewWriter(w), 0
	err := o.Pieces.Each(ctx, b.Name, printed, func(page []Piece) error {
		for i := range page {
			x := &page[i]
			n++
			if err := out.Write([]string{strconv.Itoa(x.Sequence), x.Code, x.PostalCode, x.Address.Prefecture, x.Address.City, x.Address.Address1, x.Address.Address2, x.Address.Name}); err != nil {
				return err
			}
		}
		return nil
	})
	out.Flush()
	return n, errors.Join(err, out.Error())
}

// printed are the pieces that stand in files: who was erased since does not any more.
const printed = "state = 'exported' AND address != ''"

// makeFile writes a file whole and tells what it is.
func (o *Office) makeFile(ctx context.Context, b *Batch, name, kind string, write func(io.Writer) (pieces int, err error)) (*File, error) {
	f := &File{Name: name, Kind: kind, At: o.now()}
	sum := &counted{hash: sha256.New()}
	err := writeWhole(o.path(b.Name, name), func(w io.Writer) (err error) {
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
func (o *Office) Proof(ctx context.Context, b *Batch, x *Piece) ([]Face, error) { return nil, nil }

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
	if err := o.remake(ctx, &again); err != nil {
		return nil, err
	}
	return o.openWhole(o.path(b.Name, name), f)
}

func (o *Office) remake(ctx context.Context, b *Batch) error {
	f, err := o.makeFile(ctx, b, b.Name+".csv", FileCSV, func(w io.Writer) (int, error) { return o.writeCSV(ctx, b, w) })
	if err != nil {
		return err
	}
	b.Files = append(b.Files, *f)
	return nil
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
