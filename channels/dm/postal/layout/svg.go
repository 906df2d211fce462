package layout

import (
	"encoding/base64"
	"fmt"
	"html"
	"io"
	"sort"
	"strings"
)

// SVG writes a face of a piece as a picture of the same marks as the PDF, its letters as outlines: it looks alike wherever it is
// shown, and asks for nothing of the network. ok is false when the piece has no such face.
func SVG(w io.Writer, fonts *Fonts, p *Piece, face string, pictures *Pictures) (ok bool, err error) {
	pg, err := draw(fonts, p, face)
	if err != nil || pg == nil {
		return false, err
	}
	if pictures == nil {
		pictures = &Pictures{}
	}
	var body strings.Builder
	used := map[string]string{}
	for i := range pg.ops {
		o := &pg.ops[i]
		ink := fmt.Sprintf("#%02x%02x%02x", o.colour[0], o.colour[1], o.colour[2])
		switch o.shape {
		case shapeText:
			svgText(&body, o, ink, used)
		case shapeRect, shapeEllipse:
			paint := `fill="` + ink + `"`
			if o.stroke > 0 {
				paint = fmt.Sprintf(`fill="none" stroke="%s" stroke-width="%.2f"`, ink, o.stroke)
			}
			if o.shape == shapeRect {
				fmt.Fprintf(&body, `<rect x="%.3f" y="%.3f" width="%.3f" height="%.3f" %s/>`, o.x, o.y, o.w, o.h, paint)
			} else {
				fmt.Fprintf(&body, `<ellipse cx="%.3f" cy="%.3f" rx="%.3f" ry="%.3f" %s/>`, o.x+o.w/2, o.y+o.h/2, o.w/2, o.h/2, paint)
			}
		case shapePicture:
			x, err := pictures.get(o.picture)
			if err != nil {
				return false, named(p, err)
			}
			fit := "meet"
			if o.cover {
				fit = "slice"
			}
			fmt.Fprintf(&body, `<image x="%.3f" y="%.3f" width="%.3f" height="%.3f" preserveAspectRatio="xMidYMid %s" href="data:image/%s;base64,%s"/>`, o.x, o.y, o.w, o.h, fit, strings.ToLower(x.kind), base64.StdEncoding.EncodeToString(x.data))
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%gmm" height="%gmm" viewBox="0 0 %g %g"><title>%s</title><defs>`, pg.w, pg.h, pg.w, pg.h, html.EscapeString(face))
	ids := make([]string, 0, len(used))
	for id := range used {
		ids = append(ids, id)
	}
	sort.Strings(ids)
	for _, id := range ids {
		fmt.Fprintf(&b, `<path id="%s" d="%s"/>`, id, used[id])
	}
	fmt.Fprintf(&b, `</defs><rect width="%g" height="%g" fill="#ffffff"/>`, pg.w, pg.h)
	b.WriteString(body.String())
	b.WriteString(`</svg>`)
	_, err = io.WriteString(w, b.String())
	return true, err
}

// svgText places the outlines of a text's letters.
func svgText(b *strings.Builder, o *op, ink string, used map[string]string) {
	e := em(o.size)
	k := e / 1000
	squeeze := or(o.squeeze, 1)
	turn, up := "", k
	if o.turned {
		turn = " rotate(90)"
	}
	if o.mirrored {
		up = -k
	}
	fmt.Fprintf(b, `<g fill="%s" transform="translate(%.3f %.3f)%s scale(%.6f %.6f)">`, ink, o.x, o.y, turn, k*squeeze, up)
	at := 0.0
	for _, r := range o.text {
		advance, _ := o.face.glyph(r)
		if path := o.face.outline(r); path != "" {
			id := fmt.Sprintf("%c%x", o.face.name[0], r)
			used[id] = path
			fmt.Fprintf(b, `<use href="#%s" x="%.0f"/>`, id, at)
		}
		at += advance * 1000
	}
	b.WriteString(`</g>`)
}
