package files

import (
	"archive/zip"
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path"
	"slices"
	"strings"

	"enishi"
)

// Formats.
const (
	CSV    = "csv"
	NDJSON = "ndjson" // a JSON object in each line
)

// maxText bounds what a compressed file unpacks to.
const maxText = 20 << 30

// Options say what is not to be recognised.
type Options struct {
	Encoding  string `json:"encoding,omitempty"`  // one of Encodings
	Delimiter string `json:"delimiter,omitempty"` // one character
	Header    int    `json:"header,omitempty"`    // line of the column names
}

// Shape is how a file is written.
type Shape struct {
	Format     string   `json:"format"`
	Encoding   string   `json:"encoding"`
	Delimiter  string   `json:"delimiter,omitempty"`
	Header     []string `json:"header,omitempty"`
	HeaderLine int      `json:"header_line,omitempty"`
}

// Row is one row of a file. Its cells are good until the next call.
type Row struct {
	Line  int
	Cells []string // csv
	JSON  []byte   // ndjson
	Err   *enishi.Error
}

// Reader reads a file.
type Reader struct {
	Shape Shape

	file   *os.File
	closes []io.Closer
	read   int64 // bytes of the file
	size   int64
	rows   *rows
	ahead  []Row // rows that were looked at for the header
	cells  []string
}

// Open opens a file and recognises how it is written.
func Open(name string, o Options) (*Reader, error) {
	if o.Encoding != "" && !slices.Contains(Encodings(), o.Encoding) {
		return nil, enishi.FieldError("encoding", "is one of "+strings.Join(Encodings(), ", "), "次のいずれかにしてください: "+strings.Join(Encodings(), "、"))
	}
	if len(o.Delimiter) > 1 || o.Delimiter == `"` {
		return nil, enishi.FieldError("delimiter", "is one character, as , or a tab", "カンマやタブなど、1 文字にしてください")
	}
	encoding := o.Encoding
	if encoding == "" {
		var s sniffer
		if err := s.look(name); err != nil {
			return nil, err
		}
		encoding = s.encoding()
	}
	r := &Reader{Shape: Shape{Encoding: encoding}}
	text, err := r.open(name)
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	b := bufio.NewReaderSize(decoder(text, encoding), 64<<10)
	if start, _ := b.Peek(len(bom)); bytes.Equal(start, bom) {
		_, _ = b.Discard(len(bom)) // was peeked
	}
	r.rows = &rows{r: b}
	if err := r.recognise(b, o); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// look feeds the sniffer.
func (s *sniffer) look(name string) error {
	r := &Reader{}
	text, err := r.open(name)
	if err != nil {
		return errors.Join(err, r.Close())
	}
	defer r.Close()
	buf := make([]byte, 64<<10)
	for {
		n, err := text.Read(buf)
		if n > 0 && !s.take(buf[:n]) || errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return unreadable(err)
		}
	}
}

func unreadable(err error) error {
	return &enishi.Error{Code: enishi.Invalid, Field: "file", Msg: "cannot be read: is it whole?", MsgJA: "ファイルを読めません。壊れていないか確認してください", Err: err}
}

// open gives the unpacked bytes of a file.
func (r *Reader) open(name string) (io.Reader, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	r.file = f
	x, err := f.Stat()
	if err != nil {
		return nil, err
	}
	r.size = x.Size()
	magic := make([]byte, 4)
	n, _ := f.ReadAt(magic, 0)
	magic = magic[:n]
	counted := &counter{f, &r.read}
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(counted)
		if err != nil {
			return nil, unreadable(err)
		}
		r.closes = append(r.closes, z)
		return io.LimitReader(z, maxText), nil
	case bytes.HasPrefix(magic, []byte("PK\x03\x04")):
		return r.unzip(f, x.Size())
	}
	return counted, nil
}

// unzip opens the one file of an archive; what macOS puts beside it does not count.
func (r *Reader) unzip(f *os.File, size int64) (io.Reader, error) {
	z, err := zip.NewReader(f, size)
	if err != nil {
		return nil, unreadable(err)
	}
	var only *zip.File
	for _, x := range z.File {
		if strings.HasSuffix(x.Name, "/") || strings.HasPrefix(x.Name, "__MACOSX/") || strings.HasPrefix(path.Base(x.Name), ".") {
			continue
		}
		if only != nil {
			return nil, enishi.FieldError("file", "is a zip with several files: take them out, and import each", "zip に複数のファイルが入っています。取り出して 1 つずつ取り込んでください")
		}
		if strings.HasPrefix(x.Name, "xl/") || strings.HasSuffix(x.Name, "[Content_Types].xml") {
			return nil, excel()
		}
		only = x
	}
	if only == nil {
		return nil, enishi.FieldError("file", "is an empty zip", "zip の中にファイルがありません")
	}
	if only.Name == "[Content_Types].xml" {
		return nil, excel()
	}
	text, err := only.Open()
	if err != nil {
		return nil, unreadable(err)
	}
	r.closes = append(r.closes, text)
	r.size = int64(only.UncompressedSize64)
	return io.LimitReader(&counter{text, &r.read}, maxText), nil
}

func excel() error {
	return enishi.FieldError("file", "is an Excel workbook: save it as CSV (UTF-8) first", "Excel ブックです。Excel で「CSV（UTF-8）」として保存してから取り込んでください")
}

// counter counts the bytes that are read.
type counter struct {
	r io.Reader
	n *int64
}

func (c *counter) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	*c.n += int64(n)
	return n, err
}

// Progress is how much of the file was read, from 0 to 1.
func (r *Reader) Progress() float64 {
	if r.size == 0 {
		return 1
	}
	return min(1, float64(r.read)/float64(r.size))
}

// Close lets the file go.
func (r *Reader) Close() error {
	var err error
	for _, c := range r.closes {
		err = errors.Join(err, c.Close())
	}
	if r.file != nil {
		err = errors.Join(err, r.file.Close())
	}
	r.file, r.closes = nil, nil
	return err
}

// looked is how many rows are looked at for the separator and the header.
const looked = 20

func (r *Reader) recognise(b *bufio.Reader, o Options) error {
	start, err := b.Peek(32 << 10)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
		return unreadable(err)
	}
	trimmed := bytes.TrimSpace(start)
	if len(trimmed) == 0 {
		return enishi.FieldError("file", "is empty", "ファイルが空です")
	}
	if bytes.IndexByte(trimmed, 0) >= 0 {
		return enishi.FieldError("file", "is no text: save it as CSV", "テキストファイルではありません。CSV で保存してください")
	}
	if trimmed[0] == '{' {
		r.Shape.Format = NDJSON
		return nil
	}
	r.Shape.Format = CSV
	r.rows.comma = separator(string(start))
	if o.Delimiter != "" {
		r.rows.comma = o.Delimiter[0]
	}
	r.Shape.Delimiter = string(rune(r.rows.comma))
	for len(r.ahead) < looked || o.Header > 0 && len(r.ahead) < o.Header {
		row, err := r.row()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		row.Cells = slices.Clone(row.Cells)
		r.ahead = append(r.ahead, row)
	}
	at := -1
	if o.Header > 0 {
		at = slices.IndexFunc(r.ahead, func(x Row) bool { return x.Line == o.Header })
	} else {
		at = header(r.ahead)
	}
	if at < 0 || r.ahead[at].Err != nil {
		return enishi.FieldError("header", "is not there: the file needs a row with the names of its columns", "見出し行（列の名前）がありません")
	}
	r.Shape.Header, r.Shape.HeaderLine = r.ahead[at].Cells, r.ahead[at].Line
	r.ahead = r.ahead[at+1:]
	return nil
}

// separator is the one that gives the first rows the most cells, alike.
func separator(start string) byte {
	best, most := byte(','), 0
	for _, c := range []byte{',', '\t', ';', '|'} {
		s := &rows{r: bufio.NewReader(strings.NewReader(start)), comma: c}
		counts := map[int]int{}
		for range looked {
			_, cells, err := s.next(nil)
			var bad *rowError
			if err != nil && !errors.As(err, &bad) {
				break
			}
			counts[len(cells)]++
		}
		for cells, n := range counts {
			if score := (cells - 1) * n * n; score > most {
				best, most = c, score
			}
		}
	}
	return best
}

// header is the first row that is as wide as the widest, so to say: titles above it have a cell or two.
func header(ahead []Row) int {
	widest := 0
	filled := func(x Row) int {
		n := 0
		for _, c := range x.Cells {
			if strings.TrimSpace(c) != "" {
				n++
			}
		}
		return n
	}
	for _, x := range ahead {
		widest = max(widest, filled(x))
	}
	return slices.IndexFunc(ahead, func(x Row) bool { return filled(x) > 0 && filled(x)*10 >= widest*8 })
}

// row reads the next row that has anything in it.
func (r *Reader) row() (Row, error) {
	for {
		if r.Shape.Format == NDJSON {
			text, err := r.rows.readLine()
			if err != nil {
				return Row{}, end(err)
			}
			if text = strings.TrimSpace(strings.TrimRight(text, "\x1a\x00\r\n")); text == "" {
				continue
			}
			row := Row{Line: r.rows.line, JSON: []byte(text)}
			if len(text) > maxRowBytes || !json.Valid(row.JSON) {
				row.Err = enishi.FieldError("", "the line is no JSON", "JSON として読めない行です")
			}
			return row, nil
		}
		line, cells, err := r.rows.next(r.cells)
		var bad *rowError
		if errors.As(err, &bad) {
			return Row{Line: bad.line, Cells: []string{bad.text}, Err: bad.cause}, nil
		}
		if err != nil {
			return Row{}, end(err)
		}
		r.cells = cells
		if slices.ContainsFunc(cells, func(c string) bool { return strings.Trim(c, " \t　\x1a\x00") != "" }) {
			return Row{Line: line, Cells: cells}, nil
		}
	}
}

func end(err error) error {
	if errors.Is(err, io.EOF) {
		return io.EOF
	}
	return unreadable(err)
}

// Next gives the next row below the header, io.EOF after the last. Rows without anything are left out. A row that cannot be
// read has Err; those behind it come.
func (r *Reader) Next() (Row, error) {
	if len(r.ahead) > 0 {
		row := r.ahead[0]
		r.ahead = r.ahead[1:]
		return row, nil
	}
	return r.row()
}
