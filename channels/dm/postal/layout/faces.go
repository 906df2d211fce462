package layout

// made are the faces of a content that draws none itself.
func (c *Content) made() []Face {
	switch c.Size {
	case "", "hagaki":
		return []Face{{Name: "address", Blocks: c.cardFront()}, {Name: "back", Blocks: c.card(0, "back")}}
	case "crimped":
		inside := append(c.card(0, "left"), c.card(100, "right")...)
		return []Face{{Name: "address", Blocks: c.cardFront()}, {Name: "inside", Blocks: inside}, {Name: "back", Blocks: []Block{
			{Kind: "text", X: 10, Y: 60, W: 80, H: 12, Text: c.Sender.Name, Size: 18, Align: "centre", Direction: "horizontal", Colour: c.Colour},
			{Kind: "text", X: 10, Y: 134, W: 80, H: 5, Text: "端からゆっくりはがしてご覧ください", Size: 8, Align: "centre", Direction: "horizontal"}}}}
	case "ofuku":
		reply := []Block{{Kind: "text", X: 140, Y: 30, W: 20, H: 100, Text: c.Sender.Name + "　行", Size: 20, Direction: "vertical", Font: "mincho"},
			{Kind: "text", X: 172, Y: 26, W: 18, H: 110, Text: kanji(c.Sender.Address), Size: 12, Direction: "vertical", Font: "mincho"}}
		return []Face{{Name: "address", Blocks: c.cardFront()}, {Name: "back", Blocks: append(c.card(0, "back"), reply...)}}
	case "dl":
		return []Face{{Name: "address", Blocks: []Block{{Kind: "mark", X: 207, Y: 6, W: 22, H: 22}, {Kind: "address", X: 80, Y: 38, W: 120, H: 48, Size: 13, Direction: "horizontal"}, {Kind: "barcode", X: 80, Y: 92, W: 80, H: 4},
			{Kind: "sender", X: 12, Y: 96, W: 60, H: 16, Direction: "horizontal"}}}}
	}
	blocks := []Block{{Kind: "address", X: 22, Y: 18, W: 86, H: 42, Size: 11, Direction: "horizontal"}, {Kind: "barcode", X: 22, Y: 62, W: 80, H: 4}, {Kind: "sender", X: 124, Y: 20, W: 70, H: 22, Direction: "horizontal", Font: "gothic"},
		{Kind: "rule", X: 20, Y: 78, W: 170, H: 0.6, Colour: c.Colour}}
	y := 86.0
	if c.Headline != "" {
		blocks = append(blocks, Block{Kind: "text", X: 20, Y: y, W: 170, H: 18, Text: c.Headline, Size: 20, Colour: c.Colour, Direction: "horizontal"})
		y += 22
	}
	if c.Image != "" {
		blocks = append(blocks, Block{Kind: "image", X: 20, Y: y, W: 170, H: 60, Image: c.Image})
		y += 66
	}
	if c.Text != "" {
		blocks = append(blocks, Block{Kind: "text", X: 20, Y: y, W: 170, H: 240 - y, Text: c.Text, Size: 11, Line: 1.8, Direction: "horizontal"})
	}
	if c.Coupon != nil {
		blocks = append(blocks, Block{Kind: "coupon", X: 20, Y: 246, W: 110, H: 34})
	}
	blocks = append(blocks, Block{Kind: "qr", X: 150, Y: 243, W: 32, H: 32}, Block{Kind: "code", X: 140, Y: 277, W: 52, H: 5, Align: "centre", Direction: "horizontal"})
	return []Face{{Name: "address", Blocks: blocks}}
}

// cardFront is the address side of a postcard.
func (c *Content) cardFront() []Block {
	if c.Direction == "horizontal" {
		return []Block{{Kind: "mark", X: 5, Y: 5, W: 22, H: 22}, {Kind: "address", X: 16, Y: 42, W: 76, H: 50}, {Kind: "sender", X: 46, Y: 102, W: 48, H: 24, Direction: "horizontal"}, {Kind: "barcode", X: 10, Y: 134, W: 80, H: 4}}
	}
	return []Block{{Kind: "mark", X: 5, Y: 5, W: 22, H: 22}, {Kind: "address", X: 26, Y: 12, W: 66, H: 112}, {Kind: "sender", X: 6, Y: 62, W: 20, H: 66}, {Kind: "barcode", X: 10, Y: 134, W: 80, H: 4}}
}

// card is the text side of a postcard, or the left (text) or right (offer) half of the inside of a crimped one.
func (c *Content) card(x0 float64, side string) (blocks []Block) {
	colour := orText(c.Colour, "#b5493b")
	y := 14.0
	if side != "right" {
		blocks = append(blocks, Block{Kind: "rule", X: x0 - 3, Y: -3, W: 106, H: 9, Colour: colour})
		if c.Headline != "" {
			blocks = append(blocks, Block{Kind: "text", X: x0 + 8, Y: y, W: 84, H: 19, Text: c.Headline, Size: 20, Line: 1.3, Align: "centre", Direction: "horizontal", Colour: colour})
			y += 22
		}
		if c.Image != "" && side != "left" {
			blocks = append(blocks, Block{Kind: "image", X: x0 + 8, Y: y, W: 84, H: 44, Image: c.Image})
			y += 48
		}
		bottom := 100.0
		if side == "left" {
			bottom = 130
		}
		if c.Text != "" {
			blocks = append(blocks, Block{Kind: "text", X: x0 + 10, Y: y, W: 80, H: bottom - y, Text: c.Text, Size: 10.5, Line: 1.7, Direction: "horizontal"})
		}
	}
	if side == "left" {
		return blocks
	}
	if side == "right" && c.Image != "" {
		blocks = append(blocks, Block{Kind: "image", X: x0 + 8, Y: 14, W: 84, H: 82, Image: c.Image})
	}
	if c.Coupon != nil {
		blocks = append(blocks, Block{Kind: "coupon", X: x0 + 8, Y: 103, W: 56, H: 28})
	}
	return append(blocks, Block{Kind: "qr", X: x0 + 69, Y: 101, W: 24, H: 24}, Block{Kind: "code", X: x0 + 66, Y: 126, W: 30, H: 4, Size: 8, Align: "centre", Direction: "horizontal"},
		Block{Kind: "rule", X: x0 + 8, Y: 135, W: 84, H: 0.3, Colour: colour}, Block{Kind: "text", X: x0 + 8, Y: 137.5, W: 84, H: 6, Text: contact(c.Sender), Size: 7.5, Align: "centre", Direction: "horizontal"})
}

func contact(s *Sender) string {
	if s.Phone != "" {
		return s.Name + "　TEL " + s.Phone
	}
	return s.Name
}
