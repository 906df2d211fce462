package barcode

import (
	"fmt"
	"strings"

	"enishi"
)

// Bar is one of the four lengths: the long bar (F), its upper two thirds (A), its lower two thirds (D), the timing bar (T).
type Bar byte

// Bars.
const (
	Long   Bar = 'F'
	Upper  Bar = 'A'
	Lower  Bar = 'D'
	Timing Bar = 'T'
)

// Count is the number of bars of a code.
const Count = 67

var bars = [19]string{"FTT", "FFT", "FDA", "DFA", "FAD", "FTF", "DAF", "AFD", "ADF", "TFF", "TFT", "DAT", "DTA", "ADT", "TDA", "ATD", "TAD", "TTF", "FFF"}

const start, stop = "FD", "DF"

// Bars are the code's bars from left to right.
func (s Symbols) Bars() (all [Count]Bar) {
	n := 0
	put := func(some string) {
		for i := range some {
			all[n] = Bar(some[i])
			n++
		}
	}
	put(start)
	for _, x := range s {
		put(bars[x])
	}
	put(stop)
	return all
}

// DecodeBars reads the bars back, and refuses ones that are no code or whose check symbol is wrong.
func DecodeBars(all []Bar) (Symbols, error) {
	var s Symbols
	if len(all) != Count || string(all[:2]) != start || string(all[Count-2:]) != stop {
		return s, enishi.FieldError("bars", "not 67 bars from START to STOP", "START から STOP までの 67 本のバーではありません")
	}
	for i := range s {
		three := string(all[2+3*i : 5+3*i])
		found := false
		for x := range bars {
			if bars[x] == three {
				s[i], found = Symbol(x), true
			}
		}
		if !found {
			return s, enishi.FieldError("bars", "no symbol has the bars "+three, "記号にないバーの並びです: "+three)
		}
	}
	if s[carried] != s.check() {
		return s, enishi.FieldError("bars", "the check symbol is wrong", "チェックデジットが違います")
	}
	return s, nil
}

// Rect is a bar as it is drawn, in millimetres from the code's upper left corner.
type Rect struct{ X, Y, W, H float64 }

// Lengths at 10 point, in millimetres (manual: 長バー 3.6, タイミングバー 1.2, ピッチ 1.2, バー幅 0.6); they grow with the size.
const (
	longBar, timingBar, pitch, width = 3.6, 1.2, 1.2, 0.6
)

// Sizes between which Japan Post reads the code, in points.
const MinPoint, MaxPoint = 8, 11.5

// Rects are the bars at a size in points, which the manual wants between MinPoint and MaxPoint.
func (s Symbols) Rects(point float64) []Rect {
	k := point / 10
	all := make([]Rect, Count)
	for i, b := range s.Bars() {
		r := Rect{X: float64(i) * pitch * k, W: width * k}
		switch b {
		case Long:
			r.Y, r.H = 0, longBar*k
		case Upper:
			r.Y, r.H = 0, (longBar+timingBar)/2*k
		case Lower:
			r.Y, r.H = (longBar-timingBar)/2*k, (longBar+timingBar)/2*k
		case Timing:
			r.Y, r.H = (longBar-timingBar)/2*k, timingBar*k
		}
		all[i] = r
	}
	return all
}

// Size is the width and height of the code at a size in points, in millimetres.
func Size(point float64) (w, h float64) {
	k := point / 10
	return ((Count-1)*pitch + width) * k, longBar * k
}

// SVG is the code as a picture in millimetres.
func (s Symbols) SVG(point float64) string {
	w, h := Size(point)
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%.2fmm" height="%.2fmm" viewBox="0 0 %.2f %.2f"><path d="`, w, h, w, h)
	for _, r := range s.Rects(point) {
		fmt.Fprintf(&b, "M%.3f %.3fh%.3fv%.3fh-%.3fz", r.X, r.Y, r.W, r.H, r.W)
	}
	b.WriteString(`"/></svg>`)
	return b.String()
}
