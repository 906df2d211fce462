package layout

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	_ "image/jpeg" // the two forms of pictures that can be printed
	_ "image/png"
	"net/http"
	"strings"
	"sync"

	"enishi"
)

// Pictures gives the bytes of the pictures that templates name, each asked for once.
type Pictures struct {
	Fetch func(address string) ([]byte, error) // of an address that is no data: URL; nil refuses them

	mu  sync.Mutex
	all map[string]*picture
}

type picture struct {
	data []byte
	kind string // JPEG or PNG
	w, h float64
	err  error
}

const (
	maxPicture = 20 << 20
	maxPixels  = 100e6
)

func (p *Pictures) get(address string) (*picture, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if x, ok := p.all[address]; ok {
		return x, x.err
	}
	if p.all == nil {
		p.all = map[string]*picture{}
	}
	x := &picture{}
	x.err = x.load(address, p.Fetch)
	p.all[address] = x
	return x, x.err
}

func (x *picture) load(address string, fetch func(string) ([]byte, error)) (err error) {
	shown := address
	if len(shown) > 80 {
		shown = shown[:80] + "…"
	}
	bad := func(en, ja string) error {
		return enishi.FieldError("image", shown+": "+en, shown+": "+ja)
	}
	switch {
	case strings.HasPrefix(address, "data:"):
		_, body, ok := strings.Cut(address, ";base64,")
		if !ok {
			return bad("a data URL is base64", "data URL は base64 にしてください")
		}
		if x.data, err = base64.StdEncoding.DecodeString(body); err != nil {
			return bad("the base64 is damaged", "base64 が壊れています")
		}
	case fetch == nil:
		return bad("pictures are not fetched here: put it in as a data URL", "ここでは画像を取得できません。data URL にしてください")
	default:
		if x.data, err = fetch(address); err != nil {
			return fmt.Errorf("fetch the picture %s: %w", shown, err)
		}
	}
	if len(x.data) > maxPicture {
		return bad("the picture is greater than 20 MB", "画像が 20 MB を超えています")
	}
	c, kind, err := image.DecodeConfig(bytes.NewReader(x.data))
	if err != nil || c.Width < 1 || c.Height < 1 || kind != "jpeg" && kind != "png" {
		return bad("neither JPEG nor PNG: "+http.DetectContentType(x.data), "JPEG でも PNG でもありません")
	}
	if float64(c.Width)*float64(c.Height) > maxPixels {
		return bad("more than 100 million pixels", "画素が 1 億を超えています")
	}
	x.kind, x.w, x.h = strings.ToUpper(kind), float64(c.Width), float64(c.Height)
	return nil
}

// place is where a picture of this form goes within a box: fitting into it, or covering it.
func (x *picture) place(o *op) (px, py, w, h float64) {
	k := min(o.w/x.w, o.h/x.h)
	if o.cover {
		k = max(o.w/x.w, o.h/x.h)
	}
	w, h = x.w*k, x.h*k
	return o.x + (o.w-w)/2, o.y + (o.h-h)/2, w, h
}
