package address

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/japanese"
)

// Place is what one postal code says.
type Place struct {
	Zip        string // 7 digits
	Prefecture string
	City       string
	Town       string // "" when the code stands for the whole city
	Block      string // of an office's own code (大口事業所)
	Office     string // the office or the holder of the box, when the code is its own
	POBox      bool   // the code of a box (私書箱)
}

// row is a Place with its texts as places in the table's store.
type row struct {
	zip                              uint32
	prefecture                       uint8 // index + 1
	box                              bool
	city                             uint16
	town, block, office              uint32 // offsets in text
	townSize, blockSize, officeBytes uint16
}

// Table is Japan Post's postal codes. It is immutable; a table of all 125,000 codes takes about 9 MB.
type Table struct {
	rows   []row // by zip
	cities []string
	text   string
	byName []uint32 // rows by nameKey
}

// maxTable bounds a file, unpacked: the greatest of Japan Post's is 18 MB.
const maxTable = 64 << 20

// builder collects rows before they are put in order.
type builder struct {
	rows   []row
	cities map[string]uint16
	names  []string
	texts  map[string]uint32
	text   strings.Builder
}

func newBuilder() *builder {
	b := &builder{cities: map[string]uint16{}, texts: map[string]uint32{}}
	b.put("")
	return b
}

func (b *builder) put(s string) (at uint32, size uint16) {
	at, ok := b.texts[s]
	if !ok {
		at = uint32(b.text.Len())
		b.text.WriteString(s)
		b.texts[s] = at
	}
	return at, uint16(len(s))
}

// add appends a place; its texts are not longer than 64 KB.
func (b *builder) add(p *Place) error {
	if len(p.Zip) != 7 {
		return fmt.Errorf("the postal code %q is not 7 digits", p.Zip)
	}
	n, ok := atoiZip(p.Zip)
	if !ok {
		return fmt.Errorf("the postal code %q is not 7 digits", p.Zip)
	}
	k := 0
	for i := range prefectures {
		if prefectures[i][0] == p.Prefecture {
			k = i + 1
			break
		}
	}
	if k == 0 {
		return fmt.Errorf("%q is no prefecture", p.Prefecture)
	}
	if len(p.City) > 1000 || len(p.Town) > 10000 || len(p.Block) > 1000 || len(p.Office) > 1000 {
		return errors.New("a name is longer than any of Japan Post's")
	}
	city, ok := b.cities[p.City]
	if !ok {
		if len(b.names) == 1<<16-1 {
			return errors.New("more than 65,535 municipalities")
		}
		city = uint16(len(b.names))
		b.names = append(b.names, p.City)
		b.cities[p.City] = city
	}
	r := row{zip: n, prefecture: uint8(k), box: p.POBox, city: city}
	r.town, r.townSize = b.put(p.Town)
	r.block, r.blockSize = b.put(p.Block)
	r.office, r.officeBytes = b.put(p.Office)
	b.rows = append(b.rows, r)
	return nil
}

func (b *builder) table() *Table {
	t := &Table{rows: b.rows, cities: b.names, text: b.text.String()}
	slices.SortStableFunc(t.rows, func(x, y row) int { return int(x.zip) - int(y.zip) })
	t.rows = slices.Clip(slices.Compact(t.rows))
	keys := make([]string, len(t.rows))
	t.byName = make([]uint32, 0, len(t.rows))
	for i := range t.rows {
		if t.rows[i].officeBytes == 0 {
			p := t.place(i)
			keys[i] = nameKey(p.Prefecture, p.City, p.Town)
			t.byName = append(t.byName, uint32(i))
		}
	}
	slices.SortFunc(t.byName, func(x, y uint32) int { return strings.Compare(keys[x], keys[y]) })
	return t
}

func nameKey(prefecture, city, town string) string {
	return prefecture + foldPlace(city) + "\x00" + foldPlace(town)
}

func (t *Table) place(i int) Place {
	r := &t.rows[i]
	cut := func(at uint32, n uint16) string { return t.text[at : at+uint32(n)] }
	return Place{Zip: fmt.Sprintf("%07d", r.zip), Prefecture: prefectures[r.prefecture-1][0], City: t.cities[r.city], Town: cut(r.town, r.townSize),
		Block: cut(r.block, r.blockSize), Office: cut(r.office, r.officeBytes), POBox: r.box}
}

// Len is the number of rows.
func (t *Table) Len() int { return len(t.rows) }

// All goes through the rows by postal code: what a store keeps, and [Of] makes a table of again.
func (t *Table) All() iter.Seq[Place] {
	return func(yield func(Place) bool) {
		for i := range t.rows {
			if !yield(t.place(i)) {
				return
			}
		}
	}
}

// Of makes a table of places, which may come in any order.
func Of(places iter.Seq[Place]) (*Table, error) {
	b := newBuilder()
	for p := range places {
		if err := b.add(&p); err != nil {
			return nil, err
		}
	}
	return b.table(), nil
}

// Lookup gives the places of a postal code of 7 digits; none when Japan Post has no such code.
func (t *Table) Lookup(zip7 string) []Place {
	n, ok := atoiZip(zip7)
	if !ok || t == nil {
		return nil
	}
	i := sort.Search(len(t.rows), func(i int) bool { return t.rows[i].zip >= n })
	var places []Place
	for ; i < len(t.rows) && t.rows[i].zip == n; i++ {
		places = append(places, t.place(i))
	}
	return places
}

// find gives the postal codes of a town, or "" when the names are not exactly one code's.
func (t *Table) find(prefecture, city, town string) string {
	if t == nil {
		return ""
	}
	for _, name := range [...]string{town, ""} {
		key := nameKey(prefecture, city, name)
		i := sort.Search(len(t.byName), func(i int) bool { return t.keyOf(i) >= key })
		zip, n := uint32(0), 0
		for ; i < len(t.byName) && t.keyOf(i) == key; i++ {
			if z := t.rows[t.byName[i]].zip; n == 0 || z != zip {
				zip = z
				n++
			}
		}
		if n == 1 && (name != "" || town == "") {
			return fmt.Sprintf("%07d", zip)
		}
	}
	return ""
}

func (t *Table) keyOf(i int) string {
	p := t.place(int(t.byName[i]))
	return nameKey(p.Prefecture, p.City, p.Town)
}

func atoiZip(s string) (uint32, bool) {
	if len(s) != 7 {
		return 0, false
	}
	n := uint32(0)
	for i := 0; i < 7; i++ {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + uint32(s[i]-'0')
	}
	return n, true
}

// ParseTable reads Japan Post's files of postal codes: utf_ken_all.csv (UTF-8), KEN_ALL.CSV (CP932, half-width kana, long
// towns in several rows) or JIGYOSYO.CSV (offices and boxes, Shift_JIS), as they are or inside the zip they come in; a zip
// may hold several. It recognises which. An error is an enishi.Error that names the file and the line.
func ParseTable(r io.Reader) (*Table, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxTable+1))
	if err != nil {
		return nil, fmt.Errorf("read the postal codes: %w", err)
	}
	if len(raw) > maxTable {
		return nil, tableError("", 0, "the file is greater than 64 MB: it is not Japan Post's", "ファイルが 64 MB を超えています。日本郵便のファイルではありません")
	}
	b := newBuilder()
	if bytes.HasPrefix(raw, []byte("PK\x03\x04")) {
		if err := b.readZip(raw); err != nil {
			return nil, err
		}
	} else if err := b.readCSV("", raw); err != nil {
		return nil, err
	}
	if len(b.rows) == 0 {
		return nil, tableError("", 0, "no postal code in it: give utf_ken_all.csv, KEN_ALL.CSV or JIGYOSYO.CSV of Japan Post", "郵便番号がありません。日本郵便の utf_ken_all.csv、KEN_ALL.CSV、JIGYOSYO.CSV を指定してください")
	}
	return b.table(), nil
}

func (b *builder) readZip(raw []byte) error {
	z, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		return tableError("", 0, "the zip file is damaged: "+err.Error(), "zip ファイルが壊れています")
	}
	left := int64(maxTable)
	for _, f := range z.File {
		if !strings.HasSuffix(strings.ToLower(f.Name), ".csv") {
			continue
		}
		rc, err := f.Open()
		if err != nil {
			return tableError(f.Name, 0, "cannot be unpacked: "+err.Error(), "展開できません")
		}
		part, err := io.ReadAll(io.LimitReader(rc, left+1))
		rc.Close()
		if err != nil {
			return tableError(f.Name, 0, "cannot be unpacked: "+err.Error(), "展開できません")
		}
		if left -= int64(len(part)); left < 0 {
			return tableError(f.Name, 0, "unpacked, the files are greater than 64 MB: they are not Japan Post's", "展開すると 64 MB を超えます。日本郵便のファイルではありません")
		}
		if err := b.readCSV(f.Name, part); err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) readCSV(name string, raw []byte) error {
	raw = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(raw) {
		decoded, err := japanese.ShiftJIS.NewDecoder().Bytes(raw)
		if err != nil {
			return tableError(name, 0, "neither UTF-8 nor Shift_JIS", "文字コードが UTF-8 でも Shift_JIS でもありません")
		}
		raw = decoded
	}
	r := csv.NewReader(bytes.NewReader(raw))
	r.ReuseRecord, r.FieldsPerRecord, r.LazyQuotes = true, -1, true
	var open Place // a town whose text goes on in the next row (KEN_ALL)
	openLine := 0
	for {
		fields, err := r.Read()
		if err == io.EOF {
			break
		}
		line, _ := r.FieldPos(0)
		if err != nil {
			return tableError(name, line, err.Error(), "CSV として読めません")
		}
		var p Place
		switch len(fields) {
		case 15:
			p = Place{Zip: fields[2], Prefecture: fields[6], City: fields[7], Town: fields[8]}
			if openLine > 0 {
				if p.Zip != open.Zip {
					return tableError(name, openLine, "the town's bracket is never closed", "町域名の括弧が閉じていません")
				}
				p.Town = open.Town + p.Town
				openLine = 0
			}
			if strings.Count(p.Town, "（") > strings.Count(p.Town, "）") {
				open, openLine = p, line
				open.Zip, open.Town = strings.Clone(open.Zip), strings.Clone(open.Town)
				continue
			}
			p.Town = townName(p.Prefecture, p.Town)
		case 13:
			p = Place{Office: fold(fields[2]), Prefecture: fields[3], City: fields[4], Town: fields[5], Block: fold(fields[6]), Zip: fields[7], POBox: fields[10] == "1"}
		default:
			return tableError(name, line, fmt.Sprintf("%d columns: utf_ken_all.csv and KEN_ALL.CSV have 15, JIGYOSYO.CSV has 13", len(fields)),
				fmt.Sprintf("列が %d 個あります。utf_ken_all.csv と KEN_ALL.CSV は 15 列、JIGYOSYO.CSV は 13 列です", len(fields)))
		}
		if err := b.add(&p); err != nil {
			return tableError(name, line, err.Error(), "郵便番号(7 桁)か都道府県名が正しくありません")
		}
	}
	if openLine > 0 {
		return tableError(name, openLine, "the town's bracket is never closed", "町域名の括弧が閉じていません")
	}
	return nil
}

// townName takes away what Japan Post says of a town beside its name.
func townName(prefecture, town string) string {
	switch {
	case town == "以下に掲載がない場合", strings.HasSuffix(town, "の次に番地がくる場合"), strings.HasSuffix(town, "の次に番地が来る場合"):
		return ""
	case strings.HasSuffix(town, "一円") && town != "一円":
		return ""
	}
	town, _, _ = strings.Cut(town, "（")
	return fold(town)
}
