package line

import (
	"fmt"
	"strings"

	"rsc.io/qr"
)

// quietZone is how many modules stay white around a QR code (ISO/IEC 18004).
const quietZone = 4

// QR draws a text as a QR code that still reads when 15 % of it are damaged: as SVG, for print, and as PNG.
func QR(text string) (svg, png []byte, err error) {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return nil, nil, fmt.Errorf("draw QR code: %w", err)
	}
	n := code.Size + 2*quietZone
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h%dv%dH0z"/><path d="`, n, n, 8*n, 8*n, n, n)
	for y := range code.Size {
		for x := 0; x < code.Size; x++ {
			from := x
			for x < code.Size && code.Black(x, y) {
				x++
			}
			if x > from {
				fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", from+quietZone, y+quietZone, x-from, x-from)
			}
		}
	}
	b.WriteString(`"/></svg>`)
	return []byte(b.String()), code.PNG(), nil
}
