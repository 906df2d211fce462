package layout

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
	"pgregory.net/rapid"

	"enishi"
	"enishi/channels/dm/postal/barcode"
	"enishi/internal/address"
)

var opened = sync.OnceValues(func() (*Fonts, error) { return OpenFonts("") })

func fonts(t testing.TB) *Fonts {
	t.Helper()
	f, err := opened()
	if err != nil {
		t.Skipf("the typefaces of print are not installed: %v", err)
	}
	return f
}

const pieceURL = "https://shop.example/d/ABCDEFGHJKLM"

func piece(t testing.TB, content string, change ...func(*enishi.Address)) *Piece {
	t.Helper()
	c, err := Parse([]byte(content))
	if err == nil {
		err = c.Check(true)
	}
	if err != nil {
		t.Fatal(err)
	}
	a := enishi.Address{Name: "佐藤 花子", PostalCode: "150-0001", Prefecture: "東京都", City: "渋谷区", Address1: "神宮前3-30-8", Address2: "コーポ・グリーンヒルズ403"}
	for _, f := range change {
		f(&a)
	}
	return &Piece{Name: "ABCD-EFGH-JKLM", Content: c, Address: address.Normalise(a, nil), Code: "ABCD-EFGH-JKLM", URL: pieceURL}
}

func of(pieces ...*Piece) iter.Seq2[*Piece, error] {
	return func(yield func(*Piece, error) bool) {
		for _, p := range pieces {
			if !yield(p, nil) {
				return
			}
		}
	}
}

const sender = `"sender":{"name":"縁商店","postal_code":"150-0001","address":"東京都渋谷区神宮前1-2-3 縁ビル2F","phone":"03-1234-5678"},"office":"渋谷局"`

const sale = `{"headline":"冬のありがとうセール","text":"1月15日(金)まで、全品20%引きです。「お正月の装い」をお楽しみください。","coupon":{"title":"10%OFF","terms":"2027年1月31日まで"},` + sender

// TestEverySize draws what is made by itself, of every size and both directions, and looks that nothing leaves the paper.
func TestEverySize(t *testing.T) {
	t.Parallel()
	f := fonts(t)
	company := func(a *enishi.Address) {
		a.Name, a.Company, a.Department, a.JobTitle = "髙橋 ひろし", "縁日本株式会社", "営業本部第二営業部", "部長"
		a.City, a.Address1, a.Address2 = "港区", "六本木三丁目2番1号", "住友不動産六本木グランドタワー32F"
	}
	for _, s := range Sizes() {
		for _, direction := range []string{"vertical", "horizontal"} {
			for k, change := range []func(*enishi.Address){func(*enishi.Address) {}, company} {
				p := piece(t, sale+`,"size":"`+s.Name+`","direction":"`+direction+`"}`, change)
				if err := Fit(f, p); err != nil {
					t.Errorf("%s %s %d: %v", s.Name, direction, k, err)
				}
				addressed := false
				for _, name := range []string{"address", "inside", "back"} {
					pg, err := draw(f, p, name)
					if err != nil {
						t.Fatalf("%s %s %d: %v", s.Name, direction, k, err)
					}
					if pg == nil {
						continue
					}
					for _, o := range pg.ops {
						if w, h := box(&o); o.shape == shapeText && (o.x < 0 || o.y < 0 || o.x+w > pg.w+0.01 || o.y+h > pg.h+0.01) {
							t.Errorf("%s %s %s: %q at %.1f, %.1f leaves the paper", s.Name, direction, name, o.text, o.x, o.y)
						}
						addressed = addressed || o.shape == shapeText && strings.Contains(o.text, string([]rune(p.Address.Name)[0]))
					}
				}
				if !addressed {
					t.Errorf("%s %s: no name on it", s.Name, direction)
				}
			}
		}
	}
}

func box(o *op) (w, h float64) {
	l := o.face.width(o.text) * em(o.size) * or(o.squeeze, 1)
	if o.turned {
		return 0, l
	}
	return l, 0
}

// paint makes a picture of the rectangles of a page, at dots a millimetre.
func paint(pg *page, dots float64) *image.Gray {
	m := image.NewGray(image.Rect(0, 0, int(pg.w*dots), int(pg.h*dots)))
	for i := range m.Pix {
		m.Pix[i] = 255
	}
	for _, o := range pg.ops {
		if o.shape != shapeRect || o.stroke > 0 {
			continue
		}
		for y := int(o.y * dots); y < int((o.y+o.h)*dots); y++ {
			for x := int(o.x * dots); x < int((o.x+o.w)*dots); x++ {
				m.Set(x, y, color.Gray{Y: o.colour[0]})
			}
		}
	}
	return m
}

func readQR(m image.Image) (string, error) {
	b, err := gozxing.NewBinaryBitmapFromImage(m)
	if err != nil {
		return "", err
	}
	r, err := qrcode.NewQRCodeReader().Decode(b, map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_TRY_HARDER: true})
	if err != nil {
		return "", err
	}
	return r.GetText(), nil
}

// readBars reads the customer barcode out of a picture, along its middle and its upper and lower thirds.
func readBars(m image.Image, y0, h int) (barcode.Symbols, error) {
	dark := func(x, y int) bool { r, _, _, _ := m.At(x, y).RGBA(); return r < 0x8000 }
	var bars []barcode.Bar
	for x := m.Bounds().Min.X; x < m.Bounds().Max.X; x++ {
		if !dark(x, y0+h/2) || x > 0 && dark(x-1, y0+h/2) {
			continue
		}
		end := x
		for dark(end, y0+h/2) {
			end++
		}
		mid := (x + end) / 2
		up, down := dark(mid, y0+h/8), dark(mid, y0+h-h/8)
		switch {
		case up && down:
			bars = append(bars, barcode.Long)
		case up:
			bars = append(bars, barcode.Upper)
		case down:
			bars = append(bars, barcode.Lower)
		default:
			bars = append(bars, barcode.Timing)
		}
	}
	return barcode.DecodeBars(bars)
}

func TestCodesAreReadFromTheDrawing(t *testing.T) {
	t.Parallel()
	f := fonts(t)
	p := piece(t, sale+`}`)
	back, err := draw(f, p, "back")
	if err != nil {
		t.Fatal(err)
	}
	if text, err := readQR(paint(back, 20)); err != nil || text != pieceURL {
		t.Errorf("the QR says %q: %v", text, err)
	}
	front, err := draw(f, p, "address")
	if err != nil {
		t.Fatal(err)
	}
	s, err := readBars(paint(front, 20), 134*20, 72)
	if err != nil || s.Check() != "2" && !strings.HasPrefix(s.Text(), "START 1 5 0 0 0 0 1 3 - 3 0 - 8 - 4 0 3 CC4") {
		t.Errorf("the bars say %s: %v", s.Text(), err)
	}
}

// TestCodesAreReadFromThePaper renders the PDF by another program and reads the codes from its picture.
func TestCodesAreReadFromThePaper(t *testing.T) {
	t.Parallel()
	tool, err := exec.LookPath("pdftoppm")
	if err != nil {
		t.Skip("pdftoppm (poppler-utils) is not installed")
	}
	var b bytes.Buffer
	sum, err := PDF(&b, fonts(t), of(piece(t, sale+`}`)), Options{})
	if err != nil || sum != (Summary{1, 2}) {
		t.Fatalf("%+v %v", sum, err)
	}
	dir := t.TempDir()
	name := filepath.Join(dir, "a.pdf")
	if err := os.WriteFile(name, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(tool, "-r", "300", "-gray", "-png", name, filepath.Join(dir, "p")).CombinedOutput(); err != nil || len(out) > 0 {
		t.Fatalf("%s%v", out, err)
	}
	page := func(n int) image.Image {
		r, err := os.Open(filepath.Join(dir, fmt.Sprintf("p-%d.png", n)))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		m, err := png.Decode(r)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	dots := 300 / 25.4
	if m := page(1); m.Bounds().Dx() != 1181 && m.Bounds().Dx() != 1182 {
		t.Errorf("the paper is %v", m.Bounds())
	} else if s, err := readBars(m, int(134*dots), int(3.6*dots)); err != nil || !strings.HasPrefix(s.Text(), "START 1 5 0 0 0 0 1 3 - 3 0 - 8 - 4 0 3 CC4") {
		t.Errorf("the printed bars say %s: %v", s.Text(), err)
	}
	if text, err := readQR(page(2)); err != nil || text != pieceURL {
		t.Errorf("the printed QR says %q: %v", text, err)
	}
}

func TestPDFBytes(t *testing.T) {
	t.Parallel()
	f := fonts(t)
	o := Options{Bleed: 3, CropMarks: true, Date: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC), Title: "冬のセール"}
	var one, two, three, four bytes.Buffer
	for _, b := range []*bytes.Buffer{&one, &two, &three, &four} {
		if sum, err := PDF(b, f, of(piece(t, sale+`}`), piece(t, sale+`}`, func(a *enishi.Address) { a.Name = "鈴木 一郎" })), o); err != nil || sum.Pieces != 2 || sum.Pages != 4 {
			t.Fatalf("%+v %v", sum, err)
		}
	}
	if !bytes.Equal(one.Bytes(), two.Bytes()) || !bytes.Equal(one.Bytes(), three.Bytes()) || !bytes.Equal(one.Bytes(), four.Bytes()) {
		t.Error("the same pieces make other bytes")
	}
	for _, want := range []string{"/FontFile2", "/TrimBox", "/BleedBox", "/Count 4", "%%EOF"} {
		if !bytes.Contains(one.Bytes(), []byte(want)) {
			t.Errorf("no %s in it", want)
		}
	}
	if one.Len() > 400_000 {
		t.Errorf("%d bytes: the typefaces are not cut to what is used", one.Len())
	}
}

func TestFilesAreSplit(t *testing.T) {
	t.Parallel()
	f := fonts(t)
	var sizes []int
	pieces := []*Piece{piece(t, sale+`}`), piece(t, sale+`}`), piece(t, sale+`}`)}
	sum, err := Files(func(n int) (io.WriteCloser, error) { return &counted{&sizes, 0}, nil }, f, of(pieces...), Options{PerFile: 2, Face: "back"})
	if err != nil || sum != (Summary{3, 3}) || len(sizes) != 2 || sizes[0] == 0 {
		t.Errorf("%+v %v %v", sum, sizes, err)
	}
}

type counted struct {
	all *[]int
	n   int
}

func (c *counted) Write(p []byte) (int, error) { c.n += len(p); return len(p), nil }
func (c *counted) Close() error                { *c.all = append(*c.all, c.n); return nil }

func TestWhatCannotBePrinted(t *testing.T) {
	t.Parallel()
	f := fonts(t)
	for want, p := range map[string]*Piece{
		"does not fit":                  piece(t, `{"text":"`+strings.Repeat("長い文章です。", 200)+`",`+sender+`}`),
		"no picture of 🌸 (U+1F338)":     piece(t, `{"text":"花🌸",`+sender+`}`),
		"no picture of 𠮷 (U+20BB7)":     piece(t, sale+`}`, func(a *enishi.Address) { a.Name = "𠮷田" }),
		"neither JPEG nor PNG":          piece(t, `{"text":"a","image":"data:image/gif;base64,R0lGODlhAQABAAAAACw=",`+sender+`}`),
		"pictures are not fetched here": piece(t, `{"text":"a","image":"https://shop.example/a.png",`+sender+`}`),
		"the address has no name":       piece(t, sale+`}`, func(a *enishi.Address) { a.Name = "" }),
		"modules of 0.2":                piece(t, `{`+sender+`,"faces":[{"name":"address","blocks":[{"kind":"address","x":26,"y":12,"w":66,"h":112},{"kind":"qr","x":1,"y":1,"w":12,"h":12,"text":"https://shop.example/`+strings.Repeat("x", 150)+`"}]}]}`),
	} {
		var b bytes.Buffer
		_, err := PDF(&b, f, of(p), Options{})
		var e *enishi.Error
		if fit := Fit(f, p); (fit == nil) != (p.Content.Image != "") {
			t.Errorf("%s: fits: %v", want, fit)
		}
		if !errors.As(err, &e) || !strings.Contains(e.Msg, want) || e.MsgJA == "" || b.Len() > 0 {
			t.Errorf("%v, want %q", err, want)
		} else if !strings.Contains(e.Msg, "piece ABCD-EFGH-JKLM") {
			t.Errorf("%v does not name the piece", err)
		}
	}
	if _, err := OpenFonts(t.TempDir()); enishi.ErrorCode(err) != enishi.Unavailable || !strings.Contains(err.Error(), "fonts-ipaexfont") {
		t.Errorf("no typefaces: %v", err)
	}
}

func TestSVGIsTheSameDrawing(t *testing.T) {
	t.Parallel()
	f := fonts(t)
	p := piece(t, sale+`}`)
	var b strings.Builder
	if ok, err := SVG(&b, f, p, "address", nil); !ok || err != nil {
		t.Fatal(ok, err)
	}
	pg, _ := draw(f, p, "address")
	texts := 0
	for _, o := range pg.ops {
		if o.shape == shapeText {
			texts++
		}
	}
	if got := strings.Count(b.String(), "<g "); got != texts || strings.Contains(b.String(), "http://shop") || !strings.Contains(b.String(), `viewBox="0 0 100 148"`) {
		t.Errorf("%d texts, %d drawn", got, texts)
	}
	if ok, err := SVG(io.Discard, f, p, "inside", nil); ok || err != nil {
		t.Errorf("a postcard has an inside: %v %v", ok, err)
	}
}

func TestVerticalSetting(t *testing.T) {
	t.Parallel()
	g := fonts(t).gothic
	want := []struct {
		text string
		set  setting
	}{{"第", upright}, {"24", across}, {"回", upright}, {"コ", upright}, {"ー", mirrored}, {"ト", upright}, {"、", raised}, {"ょ", nudged}, {"「", turned}, {"500", turned}, {"円", upright}, {"」", turned}, {"3", upright}, {"倍", upright}}
	units := g.units("第24回コート、ょ「500円」3倍", true)
	if len(units) != len(want) {
		t.Fatalf("%+v", units)
	}
	for i, w := range want {
		if units[i].text != w.text || units[i].set != w.set {
			t.Errorf("%d: %+v, want %+v", i, units[i], w)
		}
	}
	for in, out := range map[string]string{"神宮前3-30-8": "神宮前三－三〇－八", "ビル32F": "ビル三二階", "B604": "B604", "コーポ403": "コーポ四〇三"} {
		if got := kanji(in); got != out {
			t.Errorf("kanji(%q) = %q, want %q", in, got, out)
		}
	}
}

// TestLines breaks texts: nothing is lost, no line is too long, none begins or ends with what may not stand there.
func TestLines(t *testing.T) {
	t.Parallel()
	g := fonts(t).gothic
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringOfN(rapid.SampledFrom([]rune("縁商店のセール、。「」（）ーっゃabcXYZ09 .\nお得")), 0, 80, -1).Draw(t, "text")
		most := rapid.Float64Range(4, 30).Draw(t, "width")
		vertical := rapid.Bool().Draw(t, "vertical")
		var got strings.Builder
		lines := g.lines(s, most, vertical)
		for i, l := range lines {
			for _, u := range l {
				got.WriteString(u.text)
			}
			if length(l) > most+1e-6 && len(l) > 1 {
				t.Fatalf("line %d of %q is %.2f em of %.2f", i, s, length(l), most)
			}
		}
		bare := func(s string) string {
			return strings.Map(func(r rune) rune {
				if r == ' ' || r == '\n' {
					return -1
				}
				return r
			}, s)
		}
		if bare(got.String()) != bare(s) {
			t.Fatalf("%q became %q", s, got.String())
		}
	})
	for i, l := range g.lines("ああああ、いいいい「うううう」えええええ", 4, false) {
		if i > 0 && strings.ContainsAny(l[0].text, noHead) || strings.ContainsAny(l[len(l)-1].text, noTail) {
			t.Errorf("line %d: %+v", i, l)
		}
	}
}

func BenchmarkPDF(b *testing.B) {
	f := fonts(b)
	p := piece(b, sale+`}`)
	n := 0
	for b.Loop() {
		pieces := make([]*Piece, 500)
		for i := range pieces {
			pieces[i] = p
		}
		if _, err := PDF(io.Discard, f, of(pieces...), Options{}); err != nil {
			b.Fatal(err)
		}
		n += 500
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "pieces/s")
}

// FuzzContent draws whatever passes the check: it may not fit, but nothing panics.
func FuzzContent(f *testing.F) {
	f.Add([]byte(sale+`}`), "東京都渋谷区神宮前1-2-3", "佐藤")
	f.Add([]byte(`{`+sender+`,"size":"crimped","text":"{% %}\u0000","image":"data:image/png;base64,AAAA"}`), "", "A B")
	f.Add([]byte(byHand(`{"kind":"text","x":1,"y":1,"w":9,"h":9,"text":"あ ー","direction":"vertical","line":0.1}`)), "x", "")
	f.Fuzz(func(t *testing.T, content []byte, line, name string) {
		c, err := Parse(content)
		if err != nil || c.Check(true) != nil {
			return
		}
		fonts, err := opened()
		if err != nil {
			t.Skip(err)
		}
		_ = Fit(fonts, &Piece{Content: c, Address: address.Normalise(enishi.Address{Address1: line, Name: name, PostalCode: "1500001"}, nil), URL: pieceURL, Code: line})
	})
}
