package files

import (
	"bufio"
	"errors"
	"io"
	"strings"

	"enishi"
)

// Bounds of a row.
const (
	maxRowBytes = 1 << 20
	maxRowLines = 1000
	maxCells    = 2000
)

// rows splits a text into rows. Memory is bounded by maxRowBytes.
type rows struct {
	r       *bufio.Reader
	comma   byte
	line    int      // of the last line that was read
	pending []string // lines to read again, after a quote that was not closed
	first   int      // number of the first of them
}

// rowError is a row that cannot be read; the next one can.
type rowError struct {
	line  int
	text  string
	cause *enishi.Error
}

func (e *rowError) Error() string { return e.cause.Error() }

// readLine gives a line with its end.
func (s *rows) readLine() (string, error) {
	if len(s.pending) > 0 {
		text := s.pending[0]
		s.pending = s.pending[1:]
		s.line++
		return text, nil
	}
	var b []byte
	for {
		part, err := s.r.ReadSlice('\n')
		if len(b)+len(part) <= maxRowBytes {
			b = append(b, part...)
		} else if len(b) <= maxRowBytes {
			b = append(b, make([]byte, maxRowBytes+1-len(b))...) // too long: the rest of the line is read over
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil && !errors.Is(err, io.EOF):
			return "", err
		case err != nil && len(b) == 0:
			return "", io.EOF
		}
		s.line++
		return string(b), nil
	}
}

// next reads a row; line is that of its first line.
func (s *rows) next(into []string) (line int, cells []string, err error) {
	text, err := s.readLine()
	if err != nil {
		return s.line, nil, err
	}
	line = s.line
	if len(text) > maxRowBytes {
		return line, nil, &rowError{line, "", enishi.FieldError("", "the line is longer than a megabyte", "1 行が 1 MB を超えています")}
	}
	lines := []string(nil)
	size := len(text)
	for {
		cells, open := split(into[:0], text, s.comma)
		if !open {
			if len(cells) > maxCells {
				return line, nil, &rowError{line, "", enishi.FieldError("", "the row has more than 2,000 cells", "1 行のセルが 2,000 個を超えています")}
			}
			return line, cells, nil
		}
		if lines == nil {
			lines = append(lines, text)
		}
		more, err := s.readLine()
		if err != nil && !errors.Is(err, io.EOF) {
			return line, nil, err
		}
		size += len(more)
		if err != nil || len(lines) >= maxRowLines || size > maxRowBytes {
			if err == nil {
				lines = append(lines, more)
			}
			s.pending = append(lines[1:len(lines):len(lines)], s.pending...)
			s.line = line
			return line, nil, &rowError{line, strings.TrimRight(lines[0], "\r\n"), enishi.FieldError("", `a quote (") is not closed in this line: close it, or write it twice ("")`, `引用符（"）が閉じていません。閉じるか、"" と 2 つ書いてください`)}
		}
		lines = append(lines, more)
		text += more
	}
}

// split takes a row apart; open: a quote is not closed. A quote within a cell that does not begin with one is a letter.
func split(into []string, text string, comma byte) (cells []string, open bool) {
	text = strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")
	for {
		if !strings.HasPrefix(text, `"`) {
			i := strings.IndexByte(text, comma)
			if i < 0 {
				return append(into, text), false
			}
			into, text = append(into, text[:i]), text[i+1:]
			continue
		}
		var b strings.Builder
		text = text[1:]
		for {
			i := strings.IndexByte(text, '"')
			if i < 0 {
				return append(into, b.String()+text), true
			}
			b.WriteString(text[:i])
			text = text[i+1:]
			if !strings.HasPrefix(text, `"`) {
				break
			}
			b.WriteByte('"')
			text = text[1:]
		}
		i := strings.IndexByte(text, comma)
		if i < 0 {
			return append(into, b.String()+text), false
		}
		b.WriteString(text[:i]) // what stands behind the closing quote
		into, text = append(into, b.String()), text[i+1:]
	}
}

// AppendRow writes a row as Excel reads it.
func AppendRow(dst []byte, cells []string, comma byte) []byte {
	for i, c := range cells {
		if i > 0 {
			dst = append(dst, comma)
		}
		if c == "" || !strings.ContainsAny(c, "\"\r\n"+string(rune(comma))) && c[0] != ' ' && c[len(c)-1] != ' ' {
			dst = append(dst, c...)
			continue
		}
		dst = append(dst, '"')
		dst = append(dst, strings.ReplaceAll(c, `"`, `""`)...)
		dst = append(dst, '"')
	}
	return append(dst, '\r', '\n')
}
