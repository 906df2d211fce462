package layout

import (
	"bytes"
	"fmt"
	"io"
	"iter"
	"regexp"
	"strconv"
	"time"

	"codeberg.org/go-pdf/fpdf"

	"enishi"
)

// Options of a PDF. The zero value is a proof: the trimmed sheet, every face.
type Options struct {
	Bleed     float64   // mm beyond the trim that backgrounds and bands fill (3 is usual in Japan); 0 to 10
	CropMarks bool      // トンボ around the trim
	Face      string    // one face only: address, back, inside; all in this order when empty
	Date      time.Time // written into the file; the same pieces and date make the same bytes
	Title     string
	PerFile   int       // pieces of a file of Files; 2,000 when 0
	Pictures  *Pictures // none when nil
}

// Summary is what a PDF holds.
type Summary struct {
	Pieces int
	Pages  int
}

const markRoom = 10.0 // mm around the bleed for crop marks

// PDF writes one print-ready file: a page for every face of every piece, in their order, the typefaces embedded by what is used
// of them. A piece that cannot be printed (a text that does not fit, a character without a picture) ends it with an error that
// names the piece; nothing is written then. One file is held in memory until it is whole (about 4 KB a page): for many pieces
// use [Files].
func PDF(w io.Writer, fonts *Fonts, pieces iter.Seq2[*Piece, error], o Options) (Summary, error) {
	b, err := newBook(fonts, &o)
	if err != nil {
		return Summary{}, err
	}
	for p, err := range pieces {
		if err != nil {
			return b.sum, err
		}
		if err := b.add(p); err != nil {
			return b.sum, err
		}
	}
	return b.sum, b.write(w)
}

// Files writes a run of any length as files of o.PerFile pieces each; create opens the n-th, from 1, and the file is closed once it
// is whole. Memory is that of one file.
func Files(create func(n int) (io.WriteCloser, error), fonts *Fonts, pieces iter.Seq2[*Piece, error], o Options) (Summary, error) {
	var sum Summary
	var b *book
	most := o.PerFile
	if most <= 0 {
		most = 2000
	}
	n := 0
	flush := func() error {
		if b == nil {
			return nil
		}
		n++
		f, err := create(n)
		if err != nil {
			return fmt.Errorf("open the file %d of the PDF: %w", n, err)
		}
		err = b.write(f)
		if closed := f.Close(); err == nil && closed != nil {
			err = fmt.Errorf("close the file %d of the PDF: %w", n, closed)
		}
		sum.Pieces += b.sum.Pieces
		sum.Pages += b.sum.Pages
		b = nil
		return err
	}
	for p, err := range pieces {
		if err != nil {
			return sum, err
		}
		if b == nil {
			if b, err = newBook(fonts, &o); err != nil {
				return sum, err
			}
		}
		if err := b.add(p); err != nil {
			return sum, err
		}
		if b.sum.Pieces == most {
			if err := flush(); err != nil {
				return sum, err
			}
		}
	}
	return sum, flush()
}

// book is one PDF that is being made.
type book struct {
	f      *fpdf.Fpdf
	fonts  *Fonts
	o      *Options
	sum    Summary
	images map[string]bool
	face   string
	size   float64
	colour [3]byte
	inked  bool
	path   []byte
}

func newBook(fonts *Fonts, o *Options) (*book, error) {
	if fonts == nil {
		return nil, enishi.Errorf(enishi.Unavailable, "no typefaces")
	}
	if o.Bleed < 0 || o.Bleed > 10 {
		return nil, enishi.FieldError("bleed", "is 0 to 10 mm", "塗り足しは 0〜10 mm にしてください")
	}
	f := fpdf.New("P", "mm", "A4", "")
	f.SetCompression(true)
	f.SetCatalogSort(true)
	f.SetCreationDate(o.Date.UTC())
	f.SetModificationDate(o.Date.UTC())
	f.SetProducer("Enishi", false)
	f.SetTitle(o.Title, true)
	f.SetMargins(0, 0, 0)
	f.SetAutoPageBreak(false, 0)
	f.AddUTF8FontFromBytes("gothic", "", fonts.gothic.data)
	f.AddUTF8FontFromBytes("mincho", "", fonts.mincho.data)
	if err := f.Error(); err != nil {
		return nil, fmt.Errorf("embed the typefaces: %w", err)
	}
	return &book{f: f, fonts: fonts, o: o, images: map[string]bool{}}, nil
}

// add draws the faces of a piece.
func (b *book) add(p *Piece) error {
	if p.Content == nil {
		return enishi.FieldError("content", "a piece without a content", "内容がありません")
	}
	faces := []string{"address", "inside", "back"}
	if b.o.Face != "" {
		faces = []string{b.o.Face}
	}
	drawn := 0
	for _, name := range faces {
		pg, err := draw(b.fonts, p, name)
		if err != nil {
			return err
		}
		if pg == nil {
			continue
		}
		drawn++
		if err := b.page(pg); err != nil {
			return named(p, err)
		}
	}
	if drawn == 0 {
		return named(p, choice("face", b.o.Face, faceNames(p.Content.sheet())))
	}
	b.sum.Pieces++
	return nil
}

// page writes a face.
func (b *book) page(pg *page) error {
	f := b.f
	room := b.o.Bleed
	if b.o.CropMarks {
		room += markRoom
	}
	f.AddPageFormat("P", fpdf.SizeType{Wd: pg.w + 2*room, Ht: pg.h + 2*room})
	b.sum.Pages++
	b.face, b.inked = "", false
	f.SetPageBox("trim", room, room, pg.w, pg.h)
	f.SetPageBox("bleed", room-b.o.Bleed, room-b.o.Bleed, pg.w+2*b.o.Bleed, pg.h+2*b.o.Bleed)
	f.ClipRect(room-b.o.Bleed, room-b.o.Bleed, pg.w+2*b.o.Bleed, pg.h+2*b.o.Bleed, false)
	for i := 0; i < len(pg.ops); {
		if n := fills(pg.ops[i:]); n > 0 {
			b.fill(pg.ops[i:i+n], room, pg.h+2*room)
			i += n
			continue
		}
		if err := b.op(&pg.ops[i], room); err != nil {
			return err
		}
		i++
	}
	f.ClipEnd()
	if b.o.CropMarks {
		b.cropMarks(pg, room)
	}
	return f.Error()
}

// fills is how many of the next marks are filled rectangles of one colour: the modules of a QR, the bars of a code.
func fills(ops []op) (n int) {
	for n < len(ops) && ops[n].shape == shapeRect && ops[n].stroke == 0 && ops[n].colour == ops[0].colour {
		n++
	}
	return n
}

// fill writes filled rectangles as one path, which is an eighth of what the library writes for them one by one.
func (b *book) fill(ops []op, room, height float64) {
	b.f.SetFillColor(int(ops[0].colour[0]), int(ops[0].colour[1]), int(ops[0].colour[2]))
	b.inked = false
	k := b.f.GetConversionRatio()
	path := b.path[:0]
	number := func(v float64) {
		path = strconv.AppendFloat(path, v*k, 'f', 2, 64)
		path = append(path, ' ')
	}
	for i := range ops {
		o := &ops[i]
		number(o.x + room)
		number(height - o.y - room)
		number(o.w)
		number(-o.h)
		path = append(path, "re\n"...)
	}
	path = append(path, 'f')
	b.path = path
	b.f.RawWriteStr(string(path))
}

func (b *book) op(o *op, room float64) error {
	f := b.f
	x, y := o.x+room, o.y+room
	switch o.shape {
	case shapeText:
		if b.face != o.face.name || b.size != o.size {
			f.SetFont(o.face.name, "", o.size)
			b.face, b.size = o.face.name, o.size
		}
		if !b.inked || b.colour != o.colour {
			f.SetTextColor(int(o.colour[0]), int(o.colour[1]), int(o.colour[2]))
			b.colour, b.inked = o.colour, true
		}
		switch {
		case o.turned:
			f.TransformBegin()
			f.TransformRotate(-90, x, y)
			if o.mirrored {
				f.TransformScale(100, -100, x, y)
			}
			f.Text(x, y, o.text)
			f.TransformEnd()
		case o.squeeze != 0:
			f.TransformBegin()
			f.TransformScale(o.squeeze*100, 100, x, y)
			f.Text(x, y, o.text)
			f.TransformEnd()
		default:
			f.Text(x, y, o.text)
		}
	case shapeRect, shapeEllipse:
		style := "F"
		if o.stroke > 0 {
			style = "D"
			f.SetLineWidth(o.stroke)
			f.SetDrawColor(int(o.colour[0]), int(o.colour[1]), int(o.colour[2]))
		} else {
			f.SetFillColor(int(o.colour[0]), int(o.colour[1]), int(o.colour[2]))
			b.inked = false
		}
		if o.shape == shapeRect {
			f.Rect(x, y, o.w, o.h, style)
		} else {
			f.Ellipse(x+o.w/2, y+o.h/2, o.w/2, o.h/2, 0, style)
		}
	case shapePicture:
		return b.picture(o, room)
	}
	return nil
}

func (b *book) picture(o *op, room float64) error {
	pictures := b.o.Pictures
	if pictures == nil {
		pictures = &Pictures{}
		b.o.Pictures = pictures
	}
	p, err := pictures.get(o.picture)
	if err != nil {
		return err
	}
	options := fpdf.ImageOptions{ImageType: p.kind}
	if !b.images[o.picture] {
		b.f.RegisterImageOptionsReader(o.picture, options, bytes.NewReader(p.data))
		if err := b.f.Error(); err != nil {
			return enishi.FieldError("image", "the picture cannot be put into a PDF: "+err.Error(), "この画像は PDF に入れられません")
		}
		b.images[o.picture] = true
	}
	x, y, w, h := p.place(o)
	if o.cover {
		b.f.ClipRect(o.x+room, o.y+room, o.w, o.h, false)
	}
	b.f.ImageOptions(o.picture, x+room, y+room, w, h, false, options, 0, "")
	if o.cover {
		b.f.ClipEnd()
	}
	return b.f.Error()
}

// cropMarks draws the double corner marks (内トンボ・外トンボ) and the centres.
func (b *book) cropMarks(pg *page, room float64) {
	f := b.f
	f.SetLineWidth(0.1)
	f.SetDrawColor(0, 0, 0)
	bleed, far := b.o.Bleed, room-1
	for _, sx := range [...]float64{-1, 1} {
		for _, sy := range [...]float64{-1, 1} {
			x, y := room, room
			if sx > 0 {
				x += pg.w
			}
			if sy > 0 {
				y += pg.h
			}
			for _, off := range [...]float64{0, bleed} {
				f.Line(x+sx*off, y+sy*(bleed+0.5), x+sx*off, y+sy*far)
				f.Line(x+sx*(bleed+0.5), y+sy*off, x+sx*far, y+sy*off)
			}
		}
	}
	cx, cy := room+pg.w/2, room+pg.h/2
	for _, l := range [...][4]float64{{cx, 1, cx, room - bleed - 0.5}, {cx, room + pg.h + bleed + 0.5, cx, 2*room + pg.h - 1}, {1, cy, room - bleed - 0.5, cy}, {room + pg.w + bleed + 0.5, cy, 2*room + pg.w - 1, cy}} {
		f.Line(l[0], l[1], l[2], l[3])
	}
}

// boxes are the two boxes of a page, which the library writes in any order.
var boxes = regexp.MustCompile(`(/BleedBox \[[0-9. ]+\]\n)(/TrimBox \[[0-9. ]+\]\n)`)

func (b *book) write(w io.Writer) error {
	var out bytes.Buffer
	if err := b.f.Output(&out); err != nil {
		return fmt.Errorf("make the PDF: %w", err)
	}
	// in one order, so that the same pieces are the same bytes; no length changes, so every offset still holds
	if _, err := w.Write(boxes.ReplaceAll(out.Bytes(), []byte("$2$1"))); err != nil {
		return fmt.Errorf("write the PDF: %w", err)
	}
	return nil
}
