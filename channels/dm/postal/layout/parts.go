package layout

import (
	"strings"

	"enishi"
)

// part draws a text in a box of its own, with the block's place in its errors.
func (d *pen) part(b *Block, s string, x, y, w, h, most, least float64, change func(*Block)) error {
	if strings.TrimSpace(s) == "" {
		return nil
	}
	p := Block{Kind: b.Kind, X: x, Y: y, W: w, H: h, Font: b.Font, Colour: b.Colour, Direction: b.Direction, Line: 1.4}
	if change != nil {
		change(&p)
	}
	return d.text(&p, s, most, least)
}

// red is the colour of the frames of a postal code: vermilion, in which there is neither black nor cyan.
const red = "#ff4b1e"

// address draws the postal code and who gets the piece. Vertically: the frames at the upper right of the block, the address from
// the right, the name in the middle, numbers in kanji.
func (d *pen) address(b *Block) error {
	a := &d.p.Address
	if orText(b.Direction, d.c.direction("address")) != "vertical" {
		return d.addressAcross(b)
	}
	font := orText(b.Font, "mincho")
	d.zipFrames(b)
	top := b.Y + 8 + 5
	h := b.Y + b.H - top
	size := or(b.Size, 14)
	mincho := func(p *Block) { p.Font, p.Direction = font, "vertical" }
	x := b.X + b.W
	column := func(s string, width, offset, most float64) error {
		x -= width
		return d.part(b, s, x, top+offset, width, h-offset, most, 7, func(p *Block) { mincho(p); p.Line = 1.2 })
	}
	if err := column(kanji(a.Prefecture+a.Line1), em(size)*1.25, 0, size); err != nil {
		return err
	}
	if a.Line2 != "" {
		if err := column(kanji(a.Line2), em(size)*1.1, em(size)*2, size-1); err != nil {
			return err
		}
	}
	x -= 2
	if a.Company != "" {
		who := a.Company
		if a.Name == "" {
			return d.addressee(b, who, top, h, font)
		}
		if err := column(who, em(size)*1.1, em(size), size-1); err != nil {
			return err
		}
	}
	if under := strings.TrimSpace(a.Department + " " + a.JobTitle); under != "" {
		if err := column(under, em(size)*0.9, em(size)*2, size-3); err != nil {
			return err
		}
	}
	if a.Name == "" && a.Company == "" {
		return enishi.FieldError(d.at, "nobody to send it to: the address has no name", "宛名がありません")
	}
	return d.addressee(b, a.Name, top, h, font)
}

// addressee draws the name and the honorific in the middle of the block.
func (d *pen) addressee(b *Block, name string, top, h float64, font string) error {
	a := &d.p.Address
	size := or(b.Size, 14) * 1.6
	w := em(size) * 1.3
	full := strings.ReplaceAll(name, " ", "　") + "　" + a.Honorific
	return d.part(b, full, b.X+b.W*0.34-w/2, top+8, w, h-8, size, 9, func(p *Block) { p.Font, p.Direction = font, "vertical" })
}

// zipFrames draws the seven frames as they stand on a postcard (郵便番号枠の仕様: each 5.7 x 8 mm between its lines, which are 0.4 to
// 0.6 mm of the first three and 0.2 to 0.4 mm of the others, the hyphen 4 mm below their upper edge), the digits within.
func (d *pen) zipFrames(b *Block) {
	x := b.X + b.W - 47.7
	f := d.fonts.of("gothic")
	size := 15.0
	e := em(size)
	for i := range 7 {
		line := 0.3
		if i < 3 {
			line = 0.5
		}
		d.put(op{shape: shapeRect, x: x - line/2, y: b.Y - line/2, w: 5.7 + line, h: 8 + line, colour: d.ink(red), stroke: line})
		if i < len(d.p.Address.PostalCode) {
			digit := d.p.Address.PostalCode[i : i+1]
			d.put(op{x: x + (5.7-f.width(digit)*e)/2, y: b.Y + 4 + middle*e - 0.3, text: digit, face: f, size: size})
		}
		switch {
		case i < 2:
			x += 7
		case i == 2:
			d.put(op{shape: shapeRect, x: x + 5.7 + 0.6, y: b.Y + 3.75, w: 0.8, h: 0.5, colour: d.ink(red)})
			x += 7.6
		default:
			x += 6.8
		}
	}
}

// addressAcross is the address in horizontal lines.
func (d *pen) addressAcross(b *Block) error {
	a := &d.p.Address
	size := or(b.Size, 11)
	font := orText(b.Font, "gothic")
	across := func(p *Block) { p.Font, p.Direction = font, "horizontal" }
	y := b.Y
	line := func(s string, most float64, rows int) error {
		if strings.TrimSpace(s) == "" {
			return nil
		}
		rows = min(rows, len(d.fonts.of(font).lines(s, b.W/em(most), false)))
		h := em(most) * (1 + float64(rows-1)*1.4)
		if y+h > b.Y+b.H+1e-6 {
			return enishi.FieldError(d.at, "the address does not fit: make the block higher", "宛名が枠に収まりません。枠を高くしてください")
		}
		err := d.part(b, s, b.X, y, b.W, h, most, 7, across)
		y += h + em(most)*0.4
		return err
	}
	name := strings.TrimSpace(a.Name)
	company := a.Company
	if name == "" {
		name, company = company, ""
	}
	if name == "" {
		return enishi.FieldError(d.at, "nobody to send it to: the address has no name", "宛名がありません")
	}
	for _, x := range []struct {
		text string
		size float64
		rows int
	}{{"〒" + a.Zip(), size, 1}, {a.Prefecture + a.Line1, size, 2}, {a.Line2, size, 1}, {company, size, 1}, {strings.TrimSpace(a.Department + " " + a.JobTitle), size - 1, 1}, {name + " " + a.Honorific, size * 1.35, 1}} {
		if err := line(x.text, x.size, x.rows); err != nil {
			return err
		}
	}
	return nil
}

// sender draws who sends it and where returned mail goes.
func (d *pen) sender(b *Block) error {
	s := d.c.Sender
	if s == nil {
		return enishi.FieldError("sender", "the block prints the sender, and there is none", "差出人がありません")
	}
	size := or(b.Size, 8)
	vertical := orText(b.Direction, d.c.direction("sender")) == "vertical"
	place := "〒" + zipText(s.PostalCode) + " " + s.Address
	if vertical {
		place = zipText(s.PostalCode) + "　" + s.Address
		if strings.TrimSpace(s.PostalCode) == "" {
			place = s.Address
		}
		place = kanji(place)
	}
	lines := []string{place, s.Name}
	if s.Phone != "" {
		phone := "TEL " + s.Phone
		if vertical {
			phone = "電話　" + kanji(s.Phone)
		}
		lines = append(lines, phone)
	}
	if s.ReturnTo != "" {
		back := "返還先　" + s.ReturnTo
		if vertical {
			back = kanji(back)
		}
		lines = append(lines, back)
	}
	return d.part(b, strings.Join(lines, "\n"), b.X, b.Y, b.W, b.H, size, minText, func(p *Block) {
		p.Font, p.Line = orText(b.Font, "mincho"), 1.35
		if vertical {
			p.Direction = "vertical"
		} else {
			p.Direction = "horizontal"
		}
	})
}

func zipText(s string) string {
	s = strings.TrimPrefix(strings.TrimSpace(s), "〒")
	if len(s) == 7 && !strings.Contains(s, "-") {
		return s[:3] + "-" + s[3:]
	}
	return s
}

// mark draws 料金別納 or 料金後納 (a circle of 20 to 30 mm with the post office above), or the frame for a stamp.
func (d *pen) mark(b *Block) error {
	side := min(b.W, b.H)
	x, y := b.X, b.Y
	across := func(p *Block) { p.Direction, p.Align, p.Font = "horizontal", "centre", "gothic" }
	switch d.c.Mark {
	case "none":
		return nil
	case "stamp":
		d.put(op{shape: shapeRect, x: x, y: y, w: side * 0.82, h: side, stroke: 0.25, colour: d.ink(red)})
		return d.part(b, "切手", x, y+side*0.4, side*0.82, side*0.3, 9, minText, across)
	}
	word := "料金後納"
	if d.c.Mark == "betsuno" {
		word = "料金別納"
	}
	d.put(op{shape: shapeEllipse, x: x, y: y, w: side, h: side, stroke: 0.35})
	d.put(op{shape: shapeRect, x: x + side*0.06, y: y + side*0.36, w: side * 0.88, h: 0.3})
	if err := d.part(b, d.c.Office, x+side*0.16, y+side*0.15, side*0.68, side*0.18, 8, minText, across); err != nil {
		return err
	}
	if err := d.part(b, word, x+side*0.1, y+side*0.42, side*0.8, side*0.22, 10, minText, across); err != nil {
		return err
	}
	return d.part(b, "郵便", x+side*0.2, y+side*0.66, side*0.6, side*0.2, 10, minText, across)
}

// coupon draws the offer in its frame, with the code that a till reads.
func (d *pen) coupon(b *Block) error {
	c := d.c.Coupon
	if c == nil {
		return enishi.FieldError("coupon", "the block prints the coupon, and there is none", "クーポンがありません")
	}
	d.put(op{shape: shapeRect, x: b.X, y: b.Y, w: b.W, h: b.H, stroke: 0.5, colour: d.ink(d.c.Colour)})
	across := func(p *Block) { p.Direction, p.Align, p.Line = "horizontal", "centre", 1.3 }
	in := 2.0
	colour := d.c.Colour
	if err := d.part(b, c.Title, b.X+in, b.Y+b.H*0.1, b.W-2*in, b.H*0.36, or(b.Size, 18), 8, func(p *Block) { across(p); p.Colour = colour }); err != nil {
		return err
	}
	if err := d.part(b, c.Terms, b.X+in, b.Y+b.H*0.5, b.W-2*in, b.H*0.26, 7.5, minText, across); err != nil {
		return err
	}
	return d.part(b, orText(c.Code, d.p.Code), b.X+in, b.Y+b.H*0.79, b.W-2*in, b.H*0.17, 9, minText, across)
}
