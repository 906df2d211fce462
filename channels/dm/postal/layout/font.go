package layout

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/image/font"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"

	"enishi"
)

// Fonts are the typefaces of print: IPAex Gothic and IPAex Mincho (Debian: fonts-ipaexfont), TrueType so that a PDF can carry
// the part of them that it uses. They are read once and may be used by many at a time.
type Fonts struct{ gothic, mincho *face }

// face is one typeface.
type face struct {
	name string
	data []byte
	font *sfnt.Font
	upem float64

	mu     sync.Mutex
	buf    sfnt.Buffer
	glyphs map[rune]glyph
}

// glyph is what is known of a character's picture.
type glyph struct {
	index   sfnt.GlyphIndex // 0: the typeface has none
	advance float64         // em
	path    string          // outline as SVG in em, y down; made when asked for
	drawn   bool
}

// fontDirs are where Debian puts the typefaces.
var fontDirs = []string{"/usr/share/fonts/opentype/ipaexfont-gothic", "/usr/share/fonts/opentype/ipaexfont-mincho", "/usr/share/fonts/truetype/ipaexfont", "/usr/share/fonts"}

// OpenFonts reads ipaexg.ttf and ipaexm.ttf of a folder, or of Debian's places when dir is empty. The error says how to get them.
func OpenFonts(dir string) (*Fonts, error) {
	dirs := fontDirs
	if dir != "" {
		dirs = []string{dir}
	}
	gothic, err := openFace("gothic", "ipaexg.ttf", dirs)
	if err != nil {
		return nil, err
	}
	mincho, err := openFace("mincho", "ipaexm.ttf", dirs)
	if err != nil {
		return nil, err
	}
	return &Fonts{gothic, mincho}, nil
}

func openFace(name, file string, dirs []string) (*face, error) {
	for _, dir := range dirs {
		data, err := os.ReadFile(filepath.Join(dir, file))
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read the typeface: %w", err)
		}
		f, err := sfnt.Parse(data)
		if err != nil {
			return nil, fmt.Errorf("read the typeface %s: %w", filepath.Join(dir, file), err)
		}
		return &face{name: name, data: data, font: f, upem: float64(f.UnitsPerEm()), glyphs: map[rune]glyph{}}, nil
	}
	where := strings.Join(dirs, ", ")
	return nil, &enishi.Error{Code: enishi.Unavailable, Field: "postal.fonts", Msg: "the typeface " + file + " is not in " + where + ": install Debian's fonts-ipaexfont, or name its folder in postal.fonts",
		MsgJA: "書体 " + file + " がありません(" + where + ")。fonts-ipaexfont を入れるか、設定 postal.fonts にフォルダーを書いてください"}
}

func (f *Fonts) of(name string) *face {
	if name == "mincho" {
		return f.mincho
	}
	return f.gothic
}

// glyph looks a character up; ok is false when the typeface has no picture of it.
func (f *face) glyph(r rune) (advance float64, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	g := f.load(r)
	return g.advance, g.index != 0 && r <= 0xFFFF
}

func (f *face) load(r rune) glyph {
	if g, ok := f.glyphs[r]; ok {
		return g
	}
	var g glyph
	if i, err := f.font.GlyphIndex(&f.buf, r); err == nil && i != 0 {
		if a, err := f.font.GlyphAdvance(&f.buf, i, fixed.I(int(f.upem)), font.HintingNone); err == nil {
			g = glyph{index: i, advance: float64(a) / 64 / f.upem}
		}
	}
	f.glyphs[r] = g
	return g
}

// width is the length of a text in em.
func (f *face) width(s string) (w float64) {
	for _, r := range s {
		a, _ := f.glyph(r)
		w += a
	}
	return w
}

// outline is the picture of a character as an SVG path, in thousandths of an em from its origin on the baseline.
func (f *face) outline(r rune) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	g := f.load(r)
	if g.drawn || g.index == 0 {
		return g.path
	}
	segments, err := f.font.LoadGlyph(&f.buf, g.index, fixed.I(1000), nil)
	if err == nil {
		var b strings.Builder
		for _, s := range segments {
			p := func(i int) (float64, float64) { return float64(s.Args[i].X) / 64, float64(s.Args[i].Y) / 64 }
			x, y := p(0)
			switch s.Op {
			case sfnt.SegmentOpMoveTo:
				if b.Len() > 0 {
					b.WriteByte('Z')
				}
				fmt.Fprintf(&b, "M%.0f %.0f", x, y)
			case sfnt.SegmentOpLineTo:
				fmt.Fprintf(&b, "L%.0f %.0f", x, y)
			case sfnt.SegmentOpQuadTo:
				x2, y2 := p(1)
				fmt.Fprintf(&b, "Q%.0f %.0f %.0f %.0f", x, y, x2, y2)
			case sfnt.SegmentOpCubeTo:
				x2, y2 := p(1)
				x3, y3 := p(2)
				fmt.Fprintf(&b, "C%.0f %.0f %.0f %.0f %.0f %.0f", x, y, x2, y2, x3, y3)
			}
		}
		if b.Len() > 0 {
			b.WriteByte('Z')
		}
		g.path = b.String()
	}
	g.drawn = true
	f.glyphs[r] = g
	return g.path
}
