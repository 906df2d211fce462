package api

import (
	"bytes"
	"encoding/binary"
	"image"
	_ "image/gif" // DecodeConfig knows the formats that are imported
	_ "image/jpeg"
	_ "image/png"
	"slices"

	"enishi"
)

// Bounds of a picture. Mail with larger ones loads slowly on phones; LINE refuses previews over 1 MB.
const (
	maxImage     = 2 << 20 // bytes
	maxImageSide = 8192    // pixels; what is wider is a bomb, not a picture
)

// picture is an uploaded picture as it is kept.
type picture struct {
	format        string // jpg, png, gif, webp
	width, height int
	data          []byte // without what tells where and by whom it was taken
}

// readPicture tells what a file is by its bytes, whatever it is called, and takes out what is nobody's business: the place, the time and the
// camera. SVG is refused: it can run scripts, and mail programs do not show it.
func readPicture(data []byte) (*picture, error) {
	if len(data) > maxImage {
		return nil, enishi.FieldError("body.data", "is larger than 2 MB: make the picture smaller", "画像が 2 MB を超えています。小さくしてください。")
	}
	p := &picture{}
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xd8\xff")):
		p.format, p.data = "jpg", stripJPEG(data)
	case bytes.HasPrefix(data, []byte("\x89PNG\r\n\x1a\n")):
		p.format, p.data = "png", stripPNG(data)
	case bytes.HasPrefix(data, []byte("GIF8")):
		p.format, p.data = "gif", data
	case len(data) > 12 && string(data[:4]) == "RIFF" && string(data[8:12]) == "WEBP":
		p.format = "webp"
		p.data, p.width, p.height = stripWebP(data)
	default:
		return nil, enishi.FieldError("body.data", "is no PNG, JPEG, GIF or WebP picture", "PNG、JPEG、GIF、WebP の画像を選んでください。")
	}
	if p.format != "webp" && p.data != nil {
		if c, _, err := image.DecodeConfig(bytes.NewReader(p.data)); err == nil {
			p.width, p.height = c.Width, c.Height
		}
	}
	switch {
	case p.data == nil || p.width < 1 || p.height < 1:
		return nil, enishi.FieldError("body.data", "is a picture that is damaged", "画像が壊れていて読めません。")
	case p.width > maxImageSide || p.height > maxImageSide:
		return nil, enishi.FieldError("body.data", "is more than 8,192 pixels wide or high", "画像の縦横は 8,192 px までです。")
	}
	return p, nil
}

// stripJPEG takes out the segments of applications (EXIF, XMP, IPTC) and comments, but the colour profile; how the camera was held stays, so
// that the picture does not lie on its side. Nil: the file is damaged.
func stripJPEG(data []byte) []byte {
	out := append(make([]byte, 0, len(data)), data[:2]...)
	for i := 2; ; {
		for i+1 < len(data) && data[i] == 0xff && data[i+1] == 0xff {
			i++ // padding
		}
		if i+4 > len(data) || data[i] != 0xff {
			return nil
		}
		marker, n := data[i+1], int(binary.BigEndian.Uint16(data[i+2:]))
		if marker == 0xda { // what follows is the picture itself
			return append(out, data[i:]...)
		}
		if n < 2 || i+2+n > len(data) {
			return nil
		}
		segment := data[i : i+2+n]
		i += 2 + n
		switch {
		case marker == 0xe1:
			if turn := orientation(segment[4:]); turn > 1 {
				out = append(out, turned(turn)...)
			}
		case marker == 0xe2 && bytes.HasPrefix(segment[4:], []byte("ICC_PROFILE\x00")), marker == 0xe0, marker == 0xee: // colours
			out = append(out, segment...)
		case marker >= 0xe0 && marker <= 0xef, marker == 0xfe:
		default:
			out = append(out, segment...)
		}
	}
}

// orientation is the tag 0x0112 of an EXIF segment; 0: there is none.
func orientation(exif []byte) uint16 {
	if len(exif) < 14 || string(exif[:6]) != "Exif\x00\x00" {
		return 0
	}
	tiff := exif[6:]
	var order binary.ByteOrder = binary.BigEndian
	if tiff[0] == 'I' {
		order = binary.LittleEndian
	}
	at := int(order.Uint32(tiff[4:]))
	if at < 8 || at+2 > len(tiff) {
		return 0
	}
	for n, i := int(order.Uint16(tiff[at:])), at+2; n > 0 && i+12 <= len(tiff); n, i = n-1, i+12 {
		if order.Uint16(tiff[i:]) == 0x0112 {
			if v := order.Uint16(tiff[i+8:]); v <= 8 {
				return v
			}
		}
	}
	return 0
}

// turned is an EXIF segment that says nothing but how to turn the picture.
func turned(orientation uint16) []byte {
	b := []byte("\xff\xe1\x00\x22Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00")
	binary.BigEndian.PutUint16(b[28:], orientation)
	return b
}

// stripPNG keeps the chunks that draw the picture, animations included. Nil: the file is damaged.
func stripPNG(data []byte) []byte {
	keep := []string{"IHDR", "PLTE", "IDAT", "IEND", "tRNS", "gAMA", "cHRM", "sRGB", "iCCP", "sBIT", "bKGD", "pHYs", "acTL", "fcTL", "fdAT"}
	out := append(make([]byte, 0, len(data)), data[:8]...)
	for i := 8; i+12 <= len(data); {
		n := int(binary.BigEndian.Uint32(data[i:]))
		if n > len(data) || i+12+n > len(data) {
			return nil
		}
		name := string(data[i+4 : i+8])
		if slices.Contains(keep, name) {
			out = append(out, data[i:i+12+n]...)
		}
		i += 12 + n
		if name == "IEND" {
			return out
		}
	}
	return nil
}

// stripWebP takes the chunks EXIF and XMP out and reads the size. Nil: the file is damaged.
func stripWebP(data []byte) (out []byte, width, height int) {
	out = append(make([]byte, 0, len(data)), data[:12]...)
	for i := 12; i+8 <= len(data); {
		n := int(binary.LittleEndian.Uint32(data[i+4:]))
		if n > len(data) || i+8+n > len(data) {
			return nil, 0, 0
		}
		name, body := string(data[i:i+4]), data[i+8:i+8+n]
		end := min(i+8+n+n%2, len(data))
		chunk := slices.Clone(data[i:end])
		i = end
		switch {
		case name == "EXIF" || name == "XMP ":
			continue
		case name == "VP8X" && n >= 10:
			chunk[8] &^= 0x08 | 0x04 // there are none any more
			width, height = 1+int(body[4])+int(body[5])<<8+int(body[6])<<16, 1+int(body[7])+int(body[8])<<8+int(body[9])<<16
		case name == "VP8 " && n >= 10 && width == 0:
			width, height = int(binary.LittleEndian.Uint16(body[6:])&0x3fff), int(binary.LittleEndian.Uint16(body[8:])&0x3fff)
		case name == "VP8L" && n >= 5 && width == 0:
			bits := binary.LittleEndian.Uint32(body[1:])
			width, height = 1+int(bits&0x3fff), 1+int(bits>>14&0x3fff)
		}
		out = append(out, chunk...)
	}
	binary.LittleEndian.PutUint32(out[4:], uint32(len(out)-8))
	return out, width, height
}
