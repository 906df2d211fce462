package house

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"crypto/aes"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"golang.org/x/text/encoding/japanese"
	"pgregory.net/rapid"

	"enishi"
	"enishi/internal/address"
)

func piece(n int) *Record {
	a := address.Normalise(enishi.Address{Name: "佐藤 花子", PostalCode: "1500001", Prefecture: "東京都", City: "渋谷区", Address1: "神宮前1-2-3", Address2: "コーポ桜501", Company: "縁商店"}, nil)
	return &Record{Seq: n, CustomerID: fmt.Sprint("C", n), Address: a, Barcode: "START 1 STOP", URL: "https://shop.example/d/ABCDEFGHJKLM", Code: "ABCD-EFGH-JKLM", Coupon: "FUYU", Variant: "a", Comment: "表\"裏", Content: map[string]string{"greeting": "いつも\nどうも"}}
}

func file(t testing.TB, p Profile, pieces ...*Record) ([]byte, Manifest) {
	t.Helper()
	var b bytes.Buffer
	w, err := NewWriter(&b, p)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range pieces {
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes(), w.Manifest()
}

func TestCSV(t *testing.T) {
	t.Parallel()
	b, m := file(t, Profile{}, piece(1), piece(2))
	sum := sha256.Sum256(b)
	if m.SHA256 != hex.EncodeToString(sum[:]) || m.Rows != 2 || m.Bytes != int64(len(b)) || m.Encoding != "cp932" || !m.Header {
		t.Errorf("manifest %+v", m)
	}
	text, err := japanese.ShiftJIS.NewDecoder().Bytes(b)
	if err != nil || bytes.HasPrefix(b, []byte("\xef\xbb\xbf")) || !bytes.HasSuffix(b, []byte("\"\r\n")) {
		t.Fatal(err)
	}
	want := `"2","C2","150-0001","東京都","渋谷区神宮前1-2-3","コーポ桜 501","縁商店","","","佐藤 花子","様","START 1 STOP","https://shop.example/d/ABCDEFGHJKLM","ABCD-EFGH-JKLM","FUYU","a","表""裏"` + "\r\n"
	if lines := strings.SplitAfter(string(text), "\r\n"); len(lines) != 4 || lines[2] != want || !strings.HasPrefix(lines[0], `"連番","顧客管理番号","郵便番号"`) {
		t.Errorf("%s", text)
	}
	again, _ := file(t, Profile{}, piece(1), piece(2))
	if !bytes.Equal(b, again) {
		t.Error("the same pieces make other bytes")
	}
	b, m = file(t, Profile{Encoding: "utf8", BOM: true, NoHeader: true, Columns: []Column{{Field: "content.greeting"}, {Field: "address"}, {Value: "固定"}}}, piece(1))
	if want := "\xef\xbb\xbf\"いつも どうも\",\"東京都渋谷区神宮前1-2-3 コーポ桜 501\",\"固定\"\r\n"; string(b) != want || m.Header {
		t.Errorf("%q", b)
	}
}

func TestFixed(t *testing.T) {
	t.Parallel()
	p := Profile{Format: "fixed", Columns: []Column{{Field: "seq", Width: 6, Pad: "zero"}, {Field: "name", Width: 12}, {Field: "customer_id", Width: 4, Pad: "start"}, {Field: "line1", Width: 7, Over: "cut"}}}
	b, m := file(t, p, piece(7))
	text, _ := japanese.ShiftJIS.NewDecoder().Bytes(b)
	if want := "000007佐藤 花子     C7渋谷区 \r\n"; string(text) != want || len(b) != 6+12+4+7+2 || m.Cut != 1 {
		t.Errorf("%q (%d bytes) %+v", text, len(b), m)
	}
}

func TestRefusedRowsAreNotWritten(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	w, err := NewWriter(&b, Profile{NoHeader: true, Extended: "refuse", Columns: []Column{{Name: "氏名", Field: "name", Width: 10}}})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"𠮷田": "U+20BB7", "髙橋": "extension", "長い名前の人": "12 bytes", "\xff": "no text"} {
		r := piece(1)
		r.Address.Name = name
		err := w.Write(r)
		var e *enishi.Error
		if !errors.As(err, &e) || !strings.Contains(e.Msg, want) || e.Field != "rows[1].name" || e.MsgJA == "" || b.Len() > 0 {
			t.Errorf("%s: %v, %d bytes", name, err, b.Len())
		}
	}
	if err := w.Write(piece(1)); err != nil || w.Manifest().Rows != 1 {
		t.Error(err)
	}
	p := Profile{NoHeader: true, Extended: "replace", Outside: "replace", Columns: []Column{{Name: "氏名", Field: "name"}}}
	r := piece(1)
	r.Address.Name = "𠮷髙Café①🌸"
	out, m := file(t, p, r)
	text, _ := japanese.ShiftJIS.NewDecoder().Bytes(out)
	if string(text) != "\"吉高Cafe1\"\r\n" || m.Replaced != 5 {
		t.Errorf("%s %+v", text, m)
	}
	if err := (&Profile{}).CheckRecord(r); err == nil {
		t.Error("a piece that cannot be written passes")
	}
	if err := p.CheckRecord(r); err != nil {
		t.Error(err)
	}
}

func TestProfileCheck(t *testing.T) {
	t.Parallel()
	for want, p := range map[string]Profile{"encoding": {Encoding: "euc"}, "format": {Format: "xls"}, "bom": {BOM: true}, "columns[0].field": {Columns: []Column{{Name: "a", Field: "age"}}}, "columns[0].width": {Format: "fixed", Columns: []Column{{Field: "name"}}},
		"columns[1].name": {Columns: []Column{{Name: "a", Field: "name"}, {Name: "a", Field: "kana"}}}, "columns[0].over": {Columns: []Column{{Name: "a", Over: "x"}}}, "columns[0].value": {Columns: []Column{{Name: "a", Field: "name", Value: "x"}}}, "outside": {Outside: "drop"}} {
		if _, err := NewWriter(io.Discard, p); err == nil || !strings.HasPrefix(err.Error(), want+": ") {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// TestRoundTrip reads back what was written, of every text that CP932 can hold.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	var all []rune
	for r := rune(' '); r < 0xFFFF; r++ {
		if b, fit := address.AppendCP932(nil, r); fit != address.FitNone {
			if s, _ := address.DecodeCP932(b); s == string(r) && r != 0x7F {
				all = append(all, r)
			}
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		texts := rapid.SliceOfN(rapid.StringOfN(rapid.SampledFrom(all), 0, 12, -1), 3, 3).Draw(t, "texts")
		var b bytes.Buffer
		w, err := NewWriter(&b, Profile{NoHeader: true, Columns: []Column{{Field: "name"}, {Field: "comment"}, {Field: "content.x"}}})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Write(&Record{Address: address.Normal{Name: texts[0]}, Comment: texts[1], Content: map[string]string{"x": texts[2]}}); err != nil {
			t.Fatal(err)
		}
		plain, err := address.DecodeCP932(b.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(strings.NewReader(plain)).ReadAll()
		if err != nil || len(rows) != 1 || rows[0][0] != texts[0] || rows[0][1] != texts[1] || rows[0][2] != texts[2] {
			t.Fatalf("%q read as %q: %v", texts, rows, err)
		}
	})
}

func TestSealedZip(t *testing.T) {
	t.Parallel()
	text := bytes.Repeat([]byte("郵便番号,氏名\r\n"), 5000)
	var b bytes.Buffer
	s := Seal{Kind: "zip", Password: "correct horse"}
	w, err := s.To(&b, "batch.csv", time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(text); i += 777 {
		if _, err := w.Write(text[i:min(i+777, len(text))]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(b.Bytes(), []byte("氏名")) {
		t.Fatal("the text stands in the file")
	}
	got, err := open(b.Bytes(), "correct horse")
	if err != nil || !bytes.Equal(got, text) {
		t.Fatalf("%d bytes: %v", len(got), err)
	}
	if _, err := open(b.Bytes(), "wrong password"); err == nil {
		t.Error("opened by a wrong password")
	}
	damaged := bytes.Clone(b.Bytes())
	damaged[200] ^= 1
	if _, err := open(damaged, "correct horse"); err == nil {
		t.Error("a damaged file is opened")
	}
}

// open reads a file of AE-2 by the standard library's zip and its own arithmetic of the cipher.
func open(b []byte, password string) ([]byte, error) {
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return nil, err
	}
	f := z.File[0]
	if f.Method != 99 || f.CRC32 != 0 || f.Flags&1 == 0 || !bytes.Contains(f.Extra, []byte{0x01, 0x99, 7, 0, 2, 0, 'A', 'E', 3, 8, 0}) {
		return nil, fmt.Errorf("header %+v", f.FileHeader)
	}
	r, err := f.OpenRaw()
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	keys, _ := pbkdf2.Key(sha1.New, password, raw[:16], 1000, 66)
	if !bytes.Equal(keys[64:], raw[16:18]) {
		return nil, errors.New("wrong password")
	}
	body, mac := raw[18:len(raw)-10], raw[len(raw)-10:]
	h := hmac.New(sha1.New, keys[32:64])
	h.Write(body)
	if !hmac.Equal(h.Sum(nil)[:10], mac) {
		return nil, errors.New("damaged")
	}
	c, _ := aes.NewCipher(keys[:32])
	var in, key [16]byte
	for i := range body {
		if i%16 == 0 {
			for k := range in {
				if in[k]++; in[k] != 0 {
					break
				}
			}
			c.Encrypt(key[:], in[:])
		}
		body[i] ^= key[i%16]
	}
	plain, err := io.ReadAll(flate.NewReader(bytes.NewReader(body)))
	if err == nil && uint64(len(plain)) != f.UncompressedSize64 {
		err = errors.New("size")
	}
	return plain, err
}

func TestSealedAge(t *testing.T) {
	t.Parallel()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	s := Seal{Kind: "age", Recipients: []string{id.Recipient().String()}}
	w, err := s.To(&b, "batch.csv", time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(w, "secret")
	w.Close()
	r, err := age.Decrypt(&b, id)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || string(got) != "secret" || s.Extension() != ".age" {
		t.Errorf("%q %v", got, err)
	}
	for want, s := range map[string]Seal{"password": {Kind: "zip", Password: "short"}, "kind": {Kind: "rar"}, "recipients[0]": {Kind: "age", Recipients: []string{"ssh-rsa"}}} {
		if _, err := s.To(io.Discard, "x", time.Time{}); err == nil || !strings.HasPrefix(err.Error(), want+": ") {
			t.Errorf("%s: %v", want, err)
		}
	}
	plain := Seal{}
	b.Reset()
	w, _ = plain.To(&b, "x", time.Time{})
	io.WriteString(w, "a")
	if w.Close() != nil || b.String() != "a" {
		t.Error("an open file is not as it was written")
	}
}

func BenchmarkWrite(b *testing.B) {
	w, err := NewWriter(io.Discard, Profile{})
	if err != nil {
		b.Fatal(err)
	}
	r := piece(1)
	b.ReportAllocs()
	for b.Loop() {
		if err := w.Write(r); err != nil {
			b.Fatal(err)
		}
	}
}
