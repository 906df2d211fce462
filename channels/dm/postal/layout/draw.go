package layout

import (
	"fmt"
	"math"
	"strings"

	"rsc.io/qr"

	"enishi"
	"enishi/channels/dm/postal/barcode"
	"enishi/internal/address"
)

// Piece is one piece to be printed.
type Piece struct {
	Name    string         // how an error names it: the piece's code, or its number
	Content *Content       // filled in
	Address address.Normal // who gets it
	Office  bool           // the postal code is an office's own (大口事業所)
	Barcode string         // its symbols, as barcode.Symbols.Text writes them; made of the address when empty
	Code    string         // as people read it
	URL     string         // of the QR
}

// mark kinds of the drawing list.
type shape byte

const (
	shapeText shape = iota
	shapeRect
	shapeEllipse
	shapePicture
)

// op is one mark on the paper, in millimetres from the upper left corner of the trimmed sheet.
type op struct {
	shape      shape
	x, y, w, h float64
	colour     [3]byte
	stroke     float64 // of the outline; 0: filled
	text       string  // set along the baseline that begins at x, y
	face       *face
	size       float64 // points
	squeeze    float64 // horizontal scale of the text; 0 counts as 1
	turned     bool    // the text runs downwards
	mirrored   bool    // and is mirrored at its baseline
	picture    string  // address of the picture
	cover      bool    // fills the box and is cut, instead of fitting into it
}

// page is a drawn face.
type page struct {
	w, h float64
	ops  []op
}

// pen draws one face.
type pen struct {
	fonts *Fonts
	c     *Content
	p     *Piece
	page  *page
	at    string // of the block, for errors
}

// draw makes the marks of one face of a piece. A text that does not fit, and a character without a picture, are errors that
// name the block and the piece.
func draw(fonts *Fonts, p *Piece, name string) (*page, error) {
	s := p.Content.sheet()
	if s == nil {
		return nil, choice("size", p.Content.Size, names(Sizes(), func(s Sheet) string { return s.Name }))
	}
	d := &pen{fonts: fonts, c: p.Content, p: p}
	faces := p.Content.Faces
	if len(faces) == 0 {
		if p.Content.Sender == nil {
			return nil, named(p, p.Content.checkSender())
		}
		faces = p.Content.made()
	}
	for i := range faces {
		f := &faces[i]
		if f.Name != name {
			continue
		}
		size := s.Faces[f.Name]
		d.page = &page{w: size[0], h: size[1], ops: make([]op, 0, 64)}
		if f.Background != "" {
			d.put(op{shape: shapePicture, x: -3, y: -3, w: size[0] + 6, h: size[1] + 6, picture: f.Background, cover: true})
		}
		for k := range f.Blocks {
			d.at = fmt.Sprintf("faces[%d].blocks[%d]", i, k)
			if err := d.block(&f.Blocks[k]); err != nil {
				return nil, named(p, err)
			}
		}
		return d.page, nil
	}
	return nil, nil
}

// Fit tells whether every face of a piece can be drawn: what a batch asks before it is approved. Pictures are not fetched.
func Fit(fonts *Fonts, p *Piece) error {
	s := p.Content.sheet()
	if s == nil {
		return choice("size", p.Content.Size, names(Sizes(), func(s Sheet) string { return s.Name }))
	}
	for _, name := range faceNames(s) {
		if _, err := draw(fonts, p, name); err != nil {
			return err
		}
	}
	return nil
}

// named adds which piece an error is of.
func named(p *Piece, err error) error {
	e, ok := err.(*enishi.Error)
	if !ok || p.Name == "" {
		return err
	}
	c := *e
	c.Msg, c.MsgJA = "piece "+p.Name+": "+c.Msg, "ピース "+p.Name+": "+c.MsgJA
	return &c
}

func (d *pen) put(o op) { d.page.ops = append(d.page.ops, o) }

func (d *pen) ink(s string) [3]byte {
	c, _ := rgb(s)
	return c
}

func (d *pen) block(b *Block) error {
	if b.Fill != "" && b.Kind != "qr" {
		d.put(op{shape: shapeRect, x: b.X, y: b.Y, w: b.W, h: b.H, colour: d.ink(b.Fill)})
	}
	switch b.Kind {
	case "text":
		return d.text(b, b.Text, or(b.Size, 10), or(b.Size, 10))
	case "image":
		d.put(op{shape: shapePicture, x: b.X, y: b.Y, w: b.W, h: b.H, picture: b.Image})
	case "rule":
		d.rule(b)
	case "qr":
		return d.qr(b)
	case "code":
		return d.text(b, orText(b.Text, d.p.Code), or(b.Size, 8), minText)
	case "barcode":
		return d.barcode(b)
	case "address":
		return d.address(b)
	case "sender":
		return d.sender(b)
	case "mark":
		return d.mark(b)
	case "coupon":
		return d.coupon(b)
	}
	return nil
}

func or(v, other float64) float64 {
	if v == 0 {
		return other
	}
	return v
}

func orText(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// text sets a text into a block, at the greatest size between most and least points that fits.
func (d *pen) text(b *Block, s string, most, least float64) error {
	f := d.fonts.of(orText(b.Font, d.c.Font))
	s = strings.ReplaceAll(strings.ReplaceAll(strings.TrimRight(s, "\n "), "\r", ""), "\t", " ")
	for _, r := range s {
		if _, ok := f.glyph(r); !ok && r != '\n' {
			return enishi.FieldError(d.at, fmt.Sprintf("the typeface has no picture of %c (U+%04X): write another character", r, r), fmt.Sprintf("書体に「%c」(U+%04X)がありません。別の字にしてください", r, r))
		}
	}
	vertical := orText(b.Direction, d.c.direction(b.Kind)) == "vertical"
	along, across := b.W, b.H
	if vertical {
		along, across = b.H, b.W
	}
	height := or(b.Line, 1.6)
	for size := most; ; size = max(size-0.5, least) {
		e := em(size)
		lines := f.lines(s, along/e, vertical)
		need := (float64(len(lines)-1)*height + 1) * e
		fits := need <= across+1e-6
		for _, l := range lines {
			fits = fits && length(l)*e <= along+1e-6
		}
		if fits {
			d.set(b, f, lines, size, height, vertical)
			return nil
		}
		if size <= least {
			return enishi.FieldError(d.at, fmt.Sprintf("the text does not fit into %g x %g mm at %g pt: shorten it, or make the block greater", b.W, b.H, size),
				fmt.Sprintf("文章が枠(%g×%g mm)に %g pt で収まりません。短くするか、枠を広げてください", b.W, b.H, size))
		}
	}
}

// direction is what a block without one takes: the content's is for the address side; texts run horizontally.
func (c *Content) direction(kind string) string {
	if kind == "address" || kind == "sender" || c.Direction != "" && kind != "coupon" && kind != "code" && kind != "mark" {
		return orText(c.Direction, "vertical")
	}
	return "horizontal"
}

func (d *pen) set(b *Block, f *face, lines [][]unit, size, height float64, vertical bool) {
	e := em(size)
	colour := d.ink(b.Colour)
	along := b.W
	if vertical {
		along = b.H
	}
	for i, line := range lines {
		at := 0.0
		switch b.Align {
		case "centre":
			at = (along - length(line)*e) / 2
		case "end":
			at = along - length(line)*e
		}
		if vertical {
			d.column(f, line, b.X+b.W-e/2-float64(i)*height*e, b.Y+at, size, colour)
			continue
		}
		var s strings.Builder
		for _, u := range line {
			s.WriteString(u.text)
		}
		if s.Len() > 0 {
			d.put(op{x: b.X + at, y: b.Y + (float64(i)*height+ascent)*e, text: s.String(), face: f, size: size, colour: colour})
		}
	}
}

// column sets a vertical line whose middle is at x.
func (d *pen) column(f *face, line []unit, x, y, size float64, colour [3]byte) {
	e := em(size)
	for _, u := range line {
		o := op{text: u.text, face: f, size: size, colour: colour, x: x - f.width(u.text)*e/2, y: y + ascent*e}
		switch u.set {
		case turned:
			o.turned, o.x, o.y = true, x-middle*e, y
		case mirrored:
			o.turned, o.mirrored, o.x, o.y = true, true, x+middle*e, y
		case raised:
			o.x, o.y = o.x+0.6*e, o.y-0.6*e
		case nudged:
			o.x, o.y = o.x+0.1*e, o.y-0.1*e
		case across:
			if w := f.width(u.text); w > 1 {
				o.squeeze = 1 / w
				o.x = x - e/2
			}
		}
		if strings.TrimSpace(u.text) != "" {
			d.put(o)
		}
		y += u.advance * e
	}
}

func (d *pen) rule(b *Block) {
	if b.Line > 0 { // an outline
		d.put(op{shape: shapeRect, x: b.X, y: b.Y, w: b.W, h: b.H, colour: d.ink(b.Colour), stroke: b.Line})
		return
	}
	if b.Fill == "" {
		d.put(op{shape: shapeRect, x: b.X, y: b.Y, w: b.W, h: b.H, colour: d.ink(orText(b.Colour, d.c.Colour))})
	}
}

// qr draws the code on white, with its quiet zone of four modules within the block.
func (d *pen) qr(b *Block) error {
	text := orText(b.Text, d.p.URL)
	if text == "" {
		return enishi.FieldError(d.at+".text", "the QR has nothing to say: the piece has no address of its own", "QR コードの内容がありません")
	}
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return enishi.FieldError(d.at+".text", "too long for a QR", "QR コードには長すぎます")
	}
	side := min(b.W, b.H)
	module := side / float64(code.Size+8)
	if module < 0.25 {
		return enishi.FieldError(d.at+".w", fmt.Sprintf("modules of %.2f mm are not read: make it %.0f mm, or the address shorter", module, math.Ceil(0.25*float64(code.Size+8))), fmt.Sprintf("QR コードのセルが %.2f mm と細かすぎます。%.0f mm 以上にするか、URL を短くしてください", module, math.Ceil(0.25*float64(code.Size+8))))
	}
	x0, y0 := b.X+(b.W-side)/2, b.Y+(b.H-side)/2
	d.put(op{shape: shapeRect, x: x0, y: y0, w: side, h: side, colour: [3]byte{255, 255, 255}})
	for y := range code.Size {
		for x := 0; x < code.Size; {
			end := x
			for end < code.Size && code.Black(end, y) {
				end++
			}
			if end > x {
				d.put(op{shape: shapeRect, x: x0 + float64(x+4)*module, y: y0 + float64(y+4)*module, w: float64(end-x) * module, h: module})
			}
			x = max(end, x+1)
		}
	}
	return nil
}

// barcode draws the customer barcode, when the address has one.
func (d *pen) barcode(b *Block) error {
	symbols, _, ok, err := barcode.OfAddress(&d.p.Address, d.p.Office)
	if d.p.Barcode != "" {
		symbols, err = barcode.Parse(d.p.Barcode)
		ok = true
	}
	if err != nil || !ok {
		return err
	}
	point := barcodePoint(b)
	w, _ := barcode.Size(point)
	for _, r := range symbols.Rects(point) {
		d.put(op{shape: shapeRect, x: b.X + (b.W-w)/2 + r.X, y: b.Y + r.Y, w: r.W, h: r.H})
	}
	return nil
}
