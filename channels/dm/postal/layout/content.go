// Package layout draws the printed pieces of direct mail: it reads a postal template's content, checks it, and makes one list
// of marks on paper per face, from which the print-ready PDF and the proof pictures (SVG) both come. So a proof is what is printed.
//
// All lengths are millimetres from the upper left corner of the trimmed sheet; sizes of type are points.
package layout

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"enishi"
	"enishi/channels/dm/postal/barcode"
	"enishi/channels/dm/postal/product"
)

// Content is what a postal template prints. The shortest that makes a whole postcard is a headline, a text and a sender: what
// is not given is laid out by [Content.Faces] of the size.
type Content struct {
	Product   string  `json:"product,omitempty"`   // of product.Catalogue; the cheapest allowed for the size when absent
	Size      string  `json:"size,omitempty"`      // one of Sizes; hagaki when absent
	Direction string  `json:"direction,omitempty"` // vertical or horizontal: of the address and of blocks that say nothing; vertical when absent
	Font      string  `json:"font,omitempty"`      // gothic or mincho, of blocks that say nothing; gothic when absent
	Colour    string  `json:"colour,omitempty"`    // #rrggbb of headline and rules; black when absent
	Mark      string  `json:"mark,omitempty"`      // betsuno (料金別納), konou (料金後納), stamp (a frame for the stamp) or none; konou when absent
	Office    string  `json:"office,omitempty"`    // post office of the mark: 渋谷局
	Sender    *Sender `json:"sender,omitempty"`    // who sends it, and where returned mail goes; the account's when absent
	IsLetter  *bool   `json:"letter,omitempty"`    // declares the content 信書, or that it is none; found out from the text when absent
	Grams     int     `json:"grams,omitempty"`     // weight of a piece, for the postage

	Headline string  `json:"headline,omitempty"` // of the back made by itself
	Text     string  `json:"text,omitempty"`
	Image    string  `json:"image,omitempty"` // address of a JPEG or PNG
	URL      string  `json:"url,omitempty"`   // where the piece's QR leads at last; the QR itself carries the piece's own address
	Coupon   *Coupon `json:"coupon,omitempty"`

	Faces []Face `json:"faces,omitempty"` // the layout, when it is drawn by hand; address, and back or inside
}

// Sender is who a piece comes from.
type Sender struct {
	Name       string `json:"name"`
	PostalCode string `json:"postal_code"`
	Address    string `json:"address"`
	Phone      string `json:"phone,omitempty"`
	ReturnTo   string `json:"return_to,omitempty"` // another address for returned mail
}

// Coupon is an offer printed on the back; its code is the piece's own unless Code is given.
type Coupon struct {
	Title string `json:"title"` // 10%OFF
	Terms string `json:"terms,omitempty"`
	Code  string `json:"code,omitempty"` // a code that all share
}

// Face is one printed side.
type Face struct {
	Name       string  `json:"name"`                 // address, back, inside
	Background string  `json:"background,omitempty"` // address of a JPEG or PNG that fills the sheet and its bleed
	Blocks     []Block `json:"blocks"`
}

// Block is one thing on a face.
type Block struct {
	Kind      string  `json:"kind"` // one of Kinds
	X         float64 `json:"x"`
	Y         float64 `json:"y"`
	W         float64 `json:"w"`
	H         float64 `json:"h"`
	Text      string  `json:"text,omitempty"`      // of text; of qr and code what they say instead of the piece's own
	Image     string  `json:"image,omitempty"`     // of image
	Size      float64 `json:"size,omitempty"`      // points; 10 when absent. Of address: the greatest, it shrinks to fit; of barcode: 8 to 11.5
	Font      string  `json:"font,omitempty"`      // gothic, mincho
	Align     string  `json:"align,omitempty"`     // start, centre, end: along the line
	Direction string  `json:"direction,omitempty"` // vertical, horizontal
	Colour    string  `json:"colour,omitempty"`    // #rrggbb
	Fill      string  `json:"fill,omitempty"`      // #rrggbb behind the block
	Line      float64 `json:"line,omitempty"`      // line height in em; 1.6 when absent. Of rule: its thickness in mm
}

// Sheet is the paper of a size.
type Sheet struct {
	Name  string
	Title product.Text
	Faces map[string][2]float64 // width and height of each face
}

// Sizes are the sheets that can be laid out.
func Sizes() []Sheet {
	face := func(w, h float64, more ...any) map[string][2]float64 {
		m := map[string][2]float64{"address": {w, h}, "back": {w, h}}
		if len(more) == 2 {
			m["inside"] = [2]float64{more[0].(float64), more[1].(float64)}
		}
		return m
	}
	return []Sheet{
		{"hagaki", product.Text{JA: "はがき(100×148 mm)", EN: "Postcard (100 × 148 mm)"}, face(100, 148)},
		{"crimped", product.Text{JA: "圧着はがき V 折り(100×148 mm、内面 200×148 mm)", EN: "Crimped postcard, V fold (100 × 148 mm, inside 200 × 148 mm)"}, face(100, 148, 200.0, 148.0)},
		{"ofuku", product.Text{JA: "往復はがき(200×148 mm)", EN: "Reply-paid postcard (200 × 148 mm)"}, face(200, 148)},
		{"dl", product.Text{JA: "封筒 洋長 3(235×120 mm)", EN: "Envelope (235 × 120 mm)"}, face(235, 120)},
		{"a4", product.Text{JA: "A4(210×297 mm)", EN: "A4 (210 × 297 mm)"}, face(210, 297)},
		{"a4_folded", product.Text{JA: "A4 三つ折り・窓付き封筒", EN: "A4 folded in three, window envelope"}, face(210, 297)},
	}
}

// Kinds are the blocks there are.
func Kinds() []string {
	return []string{"text", "image", "qr", "code", "barcode", "address", "sender", "mark", "rule", "coupon"}
}

const (
	minText    = 6.0  // points: smaller is not read
	minQR      = 12.0 // mm: 0.33 mm a module at the length of a piece's address
	minBarcode = 63.84
	maxBlocks  = 200
)

// Parse reads a content strictly: an unknown member is an error.
func Parse(raw []byte) (*Content, error) {
	var c Content
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		field := ""
		var kind *json.UnmarshalTypeError
		if errors.As(err, &kind) {
			field = kind.Field
		}
		text := strings.TrimPrefix(err.Error(), "json: ")
		return nil, enishi.FieldError(field, text, "内容の形が正しくありません: "+text)
	}
	return &c, nil
}

// size is the content's sheet; nil when there is none of the name.
func (c *Content) sheet() *Sheet {
	name := c.Size
	if name == "" {
		name = "hagaki"
	}
	for _, s := range Sizes() {
		if s.Name == name {
			return &s
		}
	}
	return nil
}

// CheckJSON reads and checks a content; filled tells that its Liquid is filled in. It is what the templates' check calls. A template
// need not name a sender: the account that prints it may.
func CheckJSON(raw []byte, filled bool) error {
	c, err := Parse(raw)
	if err != nil {
		return err
	}
	if c.Sender == nil {
		c.Sender = &Sender{Name: "-", Address: "-"}
	}
	return c.Check(filled)
}

// Check says what cannot be printed, with the field: a block outside of the sheet, type below 6 pt, no address or sender, a
// QR too small to be read. Values that still hold Liquid pass.
func (c *Content) Check(filled bool) error {
	s := c.sheet()
	if s == nil {
		return choice("size", c.Size, names(Sizes(), func(s Sheet) string { return s.Name }))
	}
	for _, f := range []struct {
		field, value string
		allowed      []string
	}{{"direction", c.Direction, []string{"vertical", "horizontal"}}, {"font", c.Font, []string{"gothic", "mincho"}}, {"mark", c.Mark, []string{"betsuno", "konou", "stamp", "none"}}} {
		if f.value != "" && !in(f.value, f.allowed) {
			return choice(f.field, f.value, f.allowed)
		}
	}
	if err := colour("colour", c.Colour); err != nil {
		return err
	}
	if c.Product != "" {
		p, ok := product.Default().Product(c.Product)
		if ok && !in(s.Name, p.Sheets) {
			return enishi.FieldError("product", p.Title.EN+" does not take the size "+s.Name+": use one of "+strings.Join(p.Sheets, ", "), p.Title.JA+"では "+s.Name+" を送れません。大きさは "+strings.Join(p.Sheets, "、")+" です")
		}
	}
	if err := c.checkSender(); err != nil {
		return err
	}
	if c.Grams < 0 {
		return enishi.FieldError("grams", "is not below 0", "0 以上にしてください")
	}
	if c.Coupon != nil && strings.TrimSpace(c.Coupon.Title) == "" {
		return enishi.FieldError("coupon.title", "a coupon needs a title", "クーポンの見出しがありません")
	}
	if len(c.Faces) == 0 {
		if strings.TrimSpace(c.Headline+c.Text+c.Image) == "" {
			return enishi.FieldError("text", "nothing to print: give headline, text or image, or faces", "印刷する内容がありません。headline、text、image のどれか、または faces を書いてください")
		}
		return nil
	}
	addressed, total := false, 0
	seen := map[string]bool{}
	for i := range c.Faces {
		f := &c.Faces[i]
		at := fmt.Sprintf("faces[%d]", i)
		size, ok := s.Faces[f.Name]
		if !ok {
			return choice(at+".name", f.Name, faceNames(s))
		}
		if seen[f.Name] {
			return enishi.FieldError(at+".name", "the face is there twice", "同じ面が 2 つあります")
		}
		seen[f.Name] = true
		if total += len(f.Blocks); total > maxBlocks {
			return enishi.FieldError(at+".blocks", fmt.Sprintf("more than %d blocks", maxBlocks), fmt.Sprintf("ブロックは %d 個までです", maxBlocks))
		}
		for k := range f.Blocks {
			b := &f.Blocks[k]
			if err := c.checkBlock(fmt.Sprintf("%s.blocks[%d]", at, k), b, size); err != nil {
				return err
			}
			addressed = addressed || b.Kind == "address"
			if b.Kind == "barcode" {
				if err := checkClear(fmt.Sprintf("%s.blocks[%d]", at, k), f.Blocks, k, s.Name, size); err != nil {
					return err
				}
			}
		}
	}
	if !addressed {
		return enishi.FieldError("faces", "no block of kind address: nobody would get it", "宛名(kind: address)のブロックがありません。届け先が印刷されません")
	}
	return nil
}

func (c *Content) checkSender() error {
	switch s := c.Sender; {
	case s == nil:
		return enishi.FieldError("sender", "who sends it is missing: name, postal_code and address, where returned mail comes to", "差出人がありません。name、postal_code、address を書いてください(返送先になります)")
	case strings.TrimSpace(s.Name) == "":
		return enishi.FieldError("sender.name", "the sender's name is missing", "差出人の名前がありません")
	case strings.TrimSpace(s.Address) == "" && strings.TrimSpace(s.ReturnTo) == "":
		return enishi.FieldError("sender.address", "an address for returned mail is missing", "差出人の住所(返送先)がありません")
	}
	return nil
}

func (c *Content) checkBlock(at string, b *Block, size [2]float64) error {
	if !in(b.Kind, Kinds()) {
		return choice(at+".kind", b.Kind, Kinds())
	}
	slack := 0.0
	if b.Kind == "image" || b.Kind == "rule" || b.Kind == "text" && b.Fill != "" {
		slack = 5 // may run into the bleed
	}
	switch {
	case b.W <= 0 || b.H <= 0 && b.Kind != "barcode":
		return enishi.FieldError(at+".w", "a block needs a width and a height in mm", "ブロックの幅と高さ(mm)を書いてください")
	case b.X < -slack || b.X+b.W > size[0]+slack+1e-6:
		return enishi.FieldError(at+".x", fmt.Sprintf("outside of the sheet: %g to %g mm of %g mm", b.X, b.X+b.W, size[0]), fmt.Sprintf("用紙の外に出ています(横 %g〜%g mm、用紙の幅 %g mm)", b.X, b.X+b.W, size[0]))
	case b.Y < -slack || b.Y+b.H > size[1]+slack+1e-6:
		return enishi.FieldError(at+".y", fmt.Sprintf("outside of the sheet: %g to %g mm of %g mm", b.Y, b.Y+b.H, size[1]), fmt.Sprintf("用紙の外に出ています(縦 %g〜%g mm、用紙の高さ %g mm)", b.Y, b.Y+b.H, size[1]))
	case b.Size != 0 && b.Size < minText:
		return enishi.FieldError(at+".size", fmt.Sprintf("type of %g pt is too small to be read: 6 pt at least", b.Size), fmt.Sprintf("文字が小さすぎます(%g pt)。6 pt 以上にしてください", b.Size))
	case b.Size > 200:
		return enishi.FieldError(at+".size", "type is 200 pt at most", "文字は 200 pt までです")
	case b.Kind == "qr" && min(b.W, b.H) < minQR:
		return enishi.FieldError(at+".w", "a QR below 12 mm is not read by every phone", "QR コードは 12 mm 以上にしてください(小さいと読めない端末があります)")
	case b.Kind == "barcode" && b.W < minBarcode:
		return enishi.FieldError(at+".w", "the customer barcode needs 63.9 mm at least (8 pt)", "カスタマバーコードには 63.9 mm 以上の幅が要ります(8 pt)")
	case b.Kind == "barcode" && b.Size != 0 && (b.Size < 8 || b.Size > 11.5):
		return enishi.FieldError(at+".size", "the customer barcode is 8 to 11.5 pt", "カスタマバーコードは 8〜11.5 pt です")
	case b.Kind == "image" && b.Image == "":
		return enishi.FieldError(at+".image", "the address of a JPEG or PNG is missing", "画像(JPEG・PNG)の URL がありません")
	case b.Kind == "text" && b.Text == "":
		return enishi.FieldError(at+".text", "a text block needs a text", "本文がありません")
	case b.Kind == "coupon" && c.Coupon == nil:
		return enishi.FieldError("coupon", "a block prints the coupon, and there is none", "クーポンのブロックがありますが、coupon がありません")
	case b.Line < 0 || b.Line > 10:
		return enishi.FieldError(at+".line", "is 0 to 10", "0〜10 にしてください")
	}
	for _, f := range []struct {
		field, value string
		allowed      []string
	}{{"direction", b.Direction, []string{"vertical", "horizontal"}}, {"font", b.Font, []string{"gothic", "mincho"}}, {"align", b.Align, []string{"start", "centre", "end"}}} {
		if f.value != "" && !in(f.value, f.allowed) {
			return choice(at+"."+f.field, f.value, f.allowed)
		}
	}
	if err := colour(at+".colour", b.Colour); err != nil {
		return err
	}
	return colour(at+".fill", b.Fill)
}

// checkClear wants the blank around a customer barcode: 2 mm on every side, and 10 mm from the edges of what is mailed as it is
// (バーコードマニュアル「印字位置」). A sheet that goes into an envelope has edges of its own.
func checkClear(at string, blocks []Block, k int, sheet string, size [2]float64) error {
	b := &blocks[k]
	point := barcodePoint(b)
	w, h := barcode.Size(point)
	x, y := b.X+(b.W-w)/2, b.Y
	if edge := 10 - 1e-6; !strings.HasPrefix(sheet, "a4") && (x < edge || y < edge || x+w > size[0]-edge || y+h > size[1]-edge) {
		return enishi.FieldError(at+".x", fmt.Sprintf("the customer barcode (%.1f x %.1f mm) stands nearer than 10 mm to the edge", w, h), fmt.Sprintf("カスタマバーコード(%.1f×%.1f mm)は用紙の端から 10 mm 以上離してください", w, h))
	}
	for i := range blocks {
		o := &blocks[i]
		if i != k && o.Kind != "image" && o.X < x+w+2-1e-6 && o.X+o.W > x-2+1e-6 && o.Y < y+h+2-1e-6 && o.Y+o.H > y-2+1e-6 {
			return enishi.FieldError(at+".y", fmt.Sprintf("blocks[%d] (%s) stands within 2 mm of the customer barcode", i, o.Kind), fmt.Sprintf("blocks[%d](%s)がカスタマバーコードに近すぎます。周りを 2 mm 以上空けてください", i, o.Kind))
		}
	}
	return nil
}

// barcodePoint is the size at which a block's barcode is drawn: what it says, or the greatest up to 10 pt that its width takes.
func barcodePoint(b *Block) float64 {
	point := b.Size
	if point == 0 {
		point = 10
	}
	if w, _ := barcode.Size(point); w > b.W {
		point = max(barcode.MinPoint, b.W/w*point)
	}
	return point
}

// Letter finds what makes the pieces letters (信書), in a content as it is written; a declaration in the template goes before.
func (c *Content) Letter() (letter bool, found []product.Finding) {
	texts := [][2]string{{"headline", c.Headline}, {"text", c.Text}}
	if c.Coupon != nil {
		texts = append(texts, [2]string{"coupon.title", c.Coupon.Title}, [2]string{"coupon.terms", c.Coupon.Terms})
	}
	for i := range c.Faces {
		for k := range c.Faces[i].Blocks {
			if b := &c.Faces[i].Blocks[k]; b.Kind == "text" {
				texts = append(texts, [2]string{fmt.Sprintf("faces[%d].blocks[%d].text", i, k), b.Text})
			}
		}
	}
	for _, t := range texts {
		found = append(found, product.Letter(t[0], t[1])...)
	}
	if c.IsLetter != nil {
		return *c.IsLetter, found
	}
	return len(found) > 0, found
}

func choice(field, got string, allowed []string) error {
	all := strings.Join(allowed, ", ")
	return enishi.FieldError(field, fmt.Sprintf("%q is none of %s", got, all), fmt.Sprintf("「%s」は使えません。%s のどれかにしてください", got, all))
}

func colour(field, s string) error {
	if s == "" || strings.Contains(s, "{{") || strings.Contains(s, "{%") {
		return nil
	}
	if _, ok := rgb(s); !ok {
		return enishi.FieldError(field, "a colour is #rrggbb", "色は #rrggbb の形で書いてください")
	}
	return nil
}

// rgb reads #rrggbb.
func rgb(s string) (c [3]byte, ok bool) {
	if len(s) != 7 || s[0] != '#' {
		return c, false
	}
	for i := range c {
		for _, x := range []byte(s[1+2*i : 3+2*i]) {
			v := strings.IndexByte("0123456789abcdef", x|0x20)
			if x >= '0' && x <= '9' {
				v = int(x - '0')
			}
			if v < 0 {
				return c, false
			}
			c[i] = c[i]<<4 | byte(v)
		}
	}
	return c, true
}

func in(s string, all []string) bool {
	for _, x := range all {
		if x == s {
			return true
		}
	}
	return false
}

func names[T any](all []T, name func(T) string) []string {
	out := make([]string, len(all))
	for i := range all {
		out[i] = name(all[i])
	}
	return out
}

func faceNames(s *Sheet) []string {
	all := []string{"address", "back"}
	if _, ok := s.Faces["inside"]; ok {
		all = append(all, "inside")
	}
	return all
}
