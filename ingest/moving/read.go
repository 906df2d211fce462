package moving

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"unicode/utf8"

	"golang.org/x/text/encoding/japanese"

	"enishi"
	"enishi/ingest/mapping"
)

// sniff is how much of a file is looked at to tell its encoding and separator.
const sniff = 64 << 10

// reader reads the rows of a CSV: UTF-8 with or without a byte order mark, or CP932, separated by commas, semicolons or tabs.
type reader struct {
	raw    io.Reader
	csv    *csv.Reader
	header []string
}

func newReader(in io.Reader) (*reader, error) {
	b := bufio.NewReaderSize(in, sniff)
	start, err := b.Peek(sniff)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if len(bytes.TrimSpace(start)) == 0 {
		return nil, enishi.FieldError("file", "is empty", "空のファイルです")
	}
	var text io.Reader = b
	if bytes.HasPrefix(start, []byte("\xef\xbb\xbf")) {
		_, _ = b.Discard(3) // was peeked
	} else if !validStart(start) {
		text = japanese.ShiftJIS.NewDecoder().Reader(b)
	}
	r := &reader{raw: b, csv: csv.NewReader(text)}
	r.csv.FieldsPerRecord, r.csv.LazyQuotes, r.csv.ReuseRecord = -1, true, true
	line, _, _ := bytes.Cut(start, []byte("\n"))
	for _, c := range []byte{';', '\t'} {
		if bytes.Count(line, []byte{c}) > bytes.Count(line, []byte{','}) {
			r.csv.Comma = rune(c)
		}
	}
	cells, err := r.csv.Read()
	if err != nil {
		return nil, err
	}
	r.header = mapping.Header(cells)
	return r, nil
}

// validStart tells UTF-8, of which the last letter may be cut.
func validStart(b []byte) bool {
	for range utf8.UTFMax {
		if utf8.Valid(b) {
			return true
		}
		if len(b) < sniff-utf8.UTFMax {
			return false
		}
		b = b[:len(b)-1]
	}
	return false
}

// next is the next row with its line in the file. The row is good until the next call. Lines without anything are left out.
func (r *reader) next() (line int, row []string, err error) {
	for {
		row, err = r.csv.Read()
		if err != nil {
			return 0, nil, err
		}
		line, _ = r.csv.FieldPos(0)
		for _, c := range row {
			if c != "" {
				return line, row, nil
			}
		}
	}
}
