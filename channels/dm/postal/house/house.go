// Package house writes the files that print houses read: one row per piece, in the columns, widths and encoding that the house
// asks for, with a manifest of what is in the file, and encrypted for the way.
//
// The bytes depend on the rows and the profile only, so an export that is made again has the same SHA-256. (An encrypted
// container differs each time, by its salt; the manifest's SHA-256 is of the file inside.)
package house

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"enishi"
	"enishi/internal/address"
)

// Profile is what a print house asks for. The zero value of each member is the usual: quoted CSV in CP932 with a header.
type Profile struct {
	Title    string   `json:"title,omitempty"`
	Encoding string   `json:"encoding,omitempty"`  // cp932 or utf8; cp932 when absent
	BOM      bool     `json:"bom,omitempty"`       // of utf8
	Format   string   `json:"format,omitempty"`    // csv (all values quoted) or fixed (every column at its width); csv when absent
	NoHeader bool     `json:"no_header,omitempty"` // fixed never has one
	Extended string   `json:"extended,omitempty"`  // NEC and IBM extensions (髙, ①): allow, replace or refuse; allow when absent
	Outside  string   `json:"outside,omitempty"`   // characters outside of CP932 (𠮷): refuse, or replace by their alternative; refuse when absent
	Columns  []Column `json:"columns,omitempty"`   // DefaultColumns when absent
}

// Column is a column of the file.
type Column struct {
	Name  string `json:"name"`            // the header: 郵便番号
	Field string `json:"field,omitempty"` // one of Fields, or content.NAME: a text that the template gives
	Value string `json:"value,omitempty"` // a fixed text instead
	Width int    `json:"width,omitempty"` // the most bytes; 0: no limit. Of fixed: the width
	Over  string `json:"over,omitempty"`  // what to do with more: refuse, or cut at the end of a character; refuse when absent
	Pad   string `json:"pad,omitempty"`   // of fixed: end (spaces after), start (spaces before), zero (zeros before); end when absent
}

// Fields are what a column may hold.
func Fields() []string {
	return []string{"seq", "customer_id", "postal_code", "zip", "prefecture", "city", "line1", "line2", "address", "company", "department", "job_title", "name", "kana", "honorific", "barcode", "barcode_digits",
		"qr_url", "code", "coupon", "variant", "comment"}
}

// DefaultColumns are the columns of a profile that names none.
func DefaultColumns() []Column {
	return []Column{{Name: "連番", Field: "seq"}, {Name: "顧客管理番号", Field: "customer_id"}, {Name: "郵便番号", Field: "zip"}, {Name: "都道府県", Field: "prefecture"}, {Name: "住所1", Field: "line1"}, {Name: "住所2", Field: "line2"},
		{Name: "会社", Field: "company"}, {Name: "部署", Field: "department"}, {Name: "役職", Field: "job_title"}, {Name: "氏名", Field: "name"}, {Name: "敬称", Field: "honorific"}, {Name: "バーコード文字列", Field: "barcode"},
		{Name: "QR", Field: "qr_url"}, {Name: "ピースコード", Field: "code"}, {Name: "クーポンコード", Field: "coupon"}, {Name: "バリアント", Field: "variant"}, {Name: "差替コメント", Field: "comment"}}
}

// Record is one piece.
type Record struct {
	Seq        int // 1-based
	CustomerID string
	Address    address.Normal
	Barcode    string // the 23 symbols, "" when the address has none
	Digits     string // the address digits of the barcode
	URL        string // of the QR
	Code       string // the piece's code as people read it
	Coupon     string
	Variant    string
	Comment    string
	Content    map[string]string // further texts of the template by name
}

// Check says what is wrong with the profile, with the field.
func (p *Profile) Check() error {
	for _, f := range []struct {
		field, value string
		allowed      []string
	}{{"encoding", p.Encoding, []string{"", "cp932", "utf8"}}, {"format", p.Format, []string{"", "csv", "fixed"}}, {"extended", p.Extended, []string{"", "allow", "replace", "refuse"}}, {"outside", p.Outside, []string{"", "refuse", "replace"}}} {
		if !in(f.value, f.allowed) {
			return choice(f.field, f.value, f.allowed[1:])
		}
	}
	if p.BOM && p.Encoding != "utf8" {
		return enishi.FieldError("bom", "only UTF-8 has a BOM", "BOM は UTF-8 だけに付けられます")
	}
	seen := map[string]bool{}
	for i := range p.columns() {
		c := &p.columns()[i]
		at := fmt.Sprintf("columns[%d]", i)
		if c.Name == "" && !p.NoHeader && p.Format != "fixed" {
			return enishi.FieldError(at+".name", "a column needs a name", "列の名前がありません")
		}
		if seen[c.Name] && c.Name != "" {
			return enishi.FieldError(at+".name", "the column is there twice: "+c.Name, "同じ名前の列が 2 つあります: "+c.Name)
		}
		seen[c.Name] = true
		if c.Field != "" && c.Value != "" {
			return enishi.FieldError(at+".value", "a column has a field or a fixed value, not both", "field と value はどちらか一方にしてください")
		}
		if c.Field != "" && !in(c.Field, Fields()) && !(strings.HasPrefix(c.Field, "content.") && len(c.Field) > len("content.")) {
			return choice(at+".field", c.Field, append(Fields(), "content.NAME"))
		}
		if !in(c.Over, []string{"", "refuse", "cut"}) {
			return choice(at+".over", c.Over, []string{"refuse", "cut"})
		}
		if !in(c.Pad, []string{"", "end", "start", "zero"}) {
			return choice(at+".pad", c.Pad, []string{"end", "start", "zero"})
		}
		if c.Width < 0 || p.Format == "fixed" && c.Width == 0 {
			return enishi.FieldError(at+".width", "a file of fixed length needs the width of every column in bytes", "固定長では、すべての列に幅(バイト数)が要ります")
		}
	}
	return nil
}

func (p *Profile) columns() []Column {
	if len(p.Columns) == 0 {
		return DefaultColumns()
	}
	return p.Columns
}

// Manifest is what goes along with a file, and stays with us: what was handed over, so that both sides can see that it is whole.
type Manifest struct {
	File      string    `json:"file"`
	Batch     string    `json:"batch"`
	Product   string    `json:"product,omitempty"`
	Rows      int       `json:"rows"`
	Bytes     int64     `json:"bytes"`
	SHA256    string    `json:"sha256"` // of the file, lower-case hexadecimal; before any encryption
	Encoding  string    `json:"encoding"`
	Format    string    `json:"format"`
	Header    bool      `json:"header"`
	Columns   []string  `json:"columns"`
	Replaced  int       `json:"replaced,omitempty"` // characters for which an alternative was written
	Cut       int       `json:"cut,omitempty"`      // values that were cut to their width
	CreatedBy string    `json:"created_by,omitempty"`
	CreatedAt time.Time `json:"created_at"`
}

// Writer writes the rows as they come; it keeps one row in memory.
type Writer struct {
	p        Profile
	columns  []Column
	w        io.Writer
	hash     hash.Hash
	row      []byte
	value    []byte
	rows     int
	bytes    int64
	cut      int
	replaced int
	failed   error
}

// NewWriter begins a file. The profile is checked.
func NewWriter(w io.Writer, p Profile) (*Writer, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	x := &Writer{p: p, columns: p.columns(), w: w, hash: sha256.New()}
	if p.BOM {
		x.row = append(x.row, "\xef\xbb\xbf"...)
	}
	if !p.NoHeader && p.Format != "fixed" {
		for i := range x.columns {
			c := Column{Name: x.columns[i].Name}
			if err := x.column(i, &c, c.Name); err != nil {
				return nil, enishi.FieldError(fmt.Sprintf("columns[%d].name", i), "the header cannot be written in CP932", "列名が CP932 で書けません")
			}
		}
		x.row = append(x.row, "\r\n"...)
	}
	return x, x.flush()
}

// Write appends a piece. On an error (a character that the house cannot read, a value wider than its column) nothing of the row
// is written, and the error names row, column and fix; the next piece may follow.
func (x *Writer) Write(r *Record) error {
	if x.failed != nil {
		return x.failed
	}
	x.row = x.row[:0]
	cut, replaced := x.cut, x.replaced
	for i := range x.columns {
		c := &x.columns[i]
		if err := x.column(i, c, r.value(c)); err != nil {
			x.row, x.cut, x.replaced = x.row[:0], cut, replaced
			return err
		}
	}
	x.row = append(x.row, "\r\n"...)
	if err := x.flush(); err != nil {
		return err
	}
	x.rows++
	return nil
}

// CheckRecord tells whether a piece can be written by the profile, without writing it: what a batch asks before it is approved.
func (p *Profile) CheckRecord(r *Record) error {
	x := Writer{p: *p, columns: p.columns()}
	for i := range x.columns {
		if err := x.column(i, &x.columns[i], r.value(&x.columns[i])); err != nil {
			return err
		}
	}
	return nil
}

func (x *Writer) flush() error {
	n, err := x.w.Write(x.row)
	x.hash.Write(x.row[:n])
	x.bytes += int64(n)
	x.row = x.row[:0]
	if err != nil {
		x.failed = fmt.Errorf("write the print house's file: %w", err)
	}
	return x.failed
}

// Manifest is what was written so far; the caller adds file, batch, product, and who made it.
func (x *Writer) Manifest() Manifest {
	m := Manifest{Rows: x.rows, Bytes: x.bytes, SHA256: hex.EncodeToString(x.hash.Sum(nil)), Encoding: orElse(x.p.Encoding, "cp932"), Format: orElse(x.p.Format, "csv"), Cut: x.cut, Replaced: x.replaced}
	m.Header = !x.p.NoHeader && m.Format != "fixed"
	for i := range x.columns {
		m.Columns = append(m.Columns, x.columns[i].Name)
	}
	return m
}

// column appends a value as it stands in the file.
func (x *Writer) column(i int, c *Column, value string) error {
	var err error
	if x.value, err = x.encode(x.value[:0], c, value); err != nil {
		return err
	}
	if c.Width > 0 && len(x.value) > c.Width {
		if c.Over != "cut" {
			return x.problem(c, fmt.Sprintf("%d bytes, the column takes %d: shorten it, or let the column cut", len(x.value), c.Width),
				fmt.Sprintf("%d バイトあります。この列は %d バイトまでです。短くするか、列の設定を over: cut にしてください", len(x.value), c.Width))
		}
		x.value = x.value[:x.safe(x.value, c.Width)]
		x.cut++
	}
	if x.p.Format == "fixed" {
		fill := byte(' ')
		if c.Pad == "zero" {
			fill = '0'
		}
		if c.Pad == "" || c.Pad == "end" {
			x.row = append(x.row, x.value...)
		}
		for n := c.Width - len(x.value); n > 0; n-- {
			x.row = append(x.row, fill)
		}
		if c.Pad == "start" || c.Pad == "zero" {
			x.row = append(x.row, x.value...)
		}
		return nil
	}
	if i > 0 {
		x.row = append(x.row, ',')
	}
	x.row = append(x.row, '"')
	if bytes.IndexByte(x.value, '"') < 0 {
		x.row = append(x.row, x.value...)
	} else {
		for _, b := range x.value { // the second byte of a character is 0x40 or more: never a quote
			if x.row = append(x.row, b); b == '"' {
				x.row = append(x.row, '"')
			}
		}
	}
	x.row = append(x.row, '"')
	return nil
}

// lead tells the first byte of a character of two.
func lead(b byte) bool { return b >= 0x81 && b <= 0x9F || b >= 0xE0 && b <= 0xFC }

// safe is the greatest length up to most that ends with a whole character.
func (x *Writer) safe(b []byte, most int) int {
	if x.p.Encoding == "utf8" {
		for most > 0 && !utf8.RuneStart(b[most]) {
			most--
		}
		return most
	}
	n := 0
	for n < most {
		size := 1
		if lead(b[n]) {
			size = 2
		}
		if n+size > most {
			break
		}
		n += size
	}
	return n
}

// encode appends a value in the file's encoding. Line breaks and tabs become spaces: a row is a line.
func (x *Writer) encode(dst []byte, c *Column, s string) ([]byte, error) {
	utf := x.p.Encoding == "utf8"
	for _, r := range s {
		if r >= ' ' && r < 0x7F {
			dst = append(dst, byte(r))
			continue
		}
		if r < ' ' || r == 0x7F || r == 0x85 || r == 0x2028 || r == 0x2029 {
			r = ' '
		}
		if r == utf8.RuneError {
			return dst, x.problem(c, "holds bytes that are no text", "文字として読めないバイトがあります")
		}
		n := len(dst)
		var fit address.Fit
		dst, fit = address.AppendCP932(dst, r)
		if utf {
			dst = utf8.AppendRune(dst[:n], r)
			continue
		}
		if fit == address.FitNone && x.p.Outside != "replace" {
			return dst, x.problem(c, fmt.Sprintf("%c (U+%04X) is not in CP932: write another character, or let the profile replace it", r, r),
				fmt.Sprintf("「%c」(U+%04X)は CP932 にありません。別の字にするか、プロファイルを outside: replace にしてください", r, r))
		}
		if fit == address.FitNECIBM && x.p.Extended == "refuse" {
			return dst, x.problem(c, fmt.Sprintf("%c (U+%04X) is a NEC or IBM extension, which this house does not print", r, r), fmt.Sprintf("「%c」(U+%04X)は NEC/IBM 拡張文字で、この印刷会社では使えません", r, r))
		}
		if fit == address.FitNone || fit == address.FitNECIBM && x.p.Extended == "replace" {
			alt, ok := plain(r)
			if !ok {
				return dst, x.problem(c, fmt.Sprintf("%c (U+%04X) has no alternative that this house prints", r, r), fmt.Sprintf("「%c」(U+%04X)の代わりに使える字がありません", r, r))
			}
			dst = dst[:n]
			for _, a := range alt {
				dst, _ = address.AppendCP932(dst, a)
			}
			x.replaced++
		}
	}
	return dst, nil
}

func (x *Writer) problem(c *Column, en, ja string) error {
	return enishi.FieldError(fmt.Sprintf("rows[%d].%s", x.rows+1, orElse(orElse(c.Field, c.Name), "value")), c.Name+": "+en, c.Name+": "+ja)
}

// plain is an alternative within JIS X 0208.
func plain(r rune) (string, bool) {
	alt, ok := address.Plain(r)
	return alt, ok
}

// value is what a column holds of the piece.
func (r *Record) value(c *Column) string {
	a := &r.Address
	switch c.Field {
	case "":
		return c.Value
	case "seq":
		return strconv.Itoa(r.Seq)
	case "customer_id":
		return r.CustomerID
	case "postal_code":
		return a.PostalCode
	case "zip":
		return a.Zip()
	case "prefecture":
		return a.Prefecture
	case "city":
		return a.City
	case "line1":
		return a.Line1
	case "line2":
		return a.Line2
	case "address":
		return strings.TrimSpace(a.Prefecture + a.Line1 + " " + a.Line2)
	case "company":
		return a.Company
	case "department":
		return a.Department
	case "job_title":
		return a.JobTitle
	case "name":
		return a.Name
	case "kana":
		return a.Kana
	case "honorific":
		return a.Honorific
	case "barcode":
		return r.Barcode
	case "barcode_digits":
		return r.Digits
	case "qr_url":
		return r.URL
	case "code":
		return r.Code
	case "coupon":
		return r.Coupon
	case "variant":
		return r.Variant
	case "comment":
		return r.Comment
	}
	return r.Content[strings.TrimPrefix(c.Field, "content.")]
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

func in(s string, all []string) bool {
	for _, x := range all {
		if x == s {
			return true
		}
	}
	return false
}

func choice(field, got string, allowed []string) error {
	all := strings.Join(allowed, ", ")
	return enishi.FieldError(field, fmt.Sprintf("%q is none of %s", got, all), fmt.Sprintf("「%s」は使えません。%s のどれかにしてください", got, all))
}
