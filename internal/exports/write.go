package exports

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress"

	"enishi/internal/clickhouse"
)

// Formats and compressions of files.
const (
	Parquet = "parquet"
	CSV     = "csv"
	NDJSON  = "ndjson"

	Gzip = "gzip"
	Zstd = "zstd"
)

// File says how a table is written.
type File struct {
	Format      string `json:"format"`                // Parquet, CSV or NDJSON
	Compression string `json:"compression,omitempty"` // Gzip, Zstd or none; inside of Parquet, where none means Snappy
	BOM         bool   `json:"bom,omitempty"`         // CSV begins with a byte order mark, by which Excel knows UTF-8
	SplitMB     int    `json:"split_mb,omitempty"`    // a file ends after about so many megabytes; 0: never
}

// Suffix is the end of a file's name, with its dot.
func (f *File) Suffix() string {
	s := "." + f.Format
	switch {
	case f.Format == Parquet:
	case f.Compression == Gzip:
		s += ".gz"
	case f.Compression == Zstd:
		s += ".zst"
	}
	return s
}

// groupBytes is a row group of Parquet, about, before compression: what is held of it.
const groupBytes = 32 << 20

// Span are the rows of a table from an instant, included, to another, excluded. A zero one does not bound.
type Span struct{ Since, Until time.Time }

// Written is what became of a file.
type Written struct {
	Rows  int64
	Bytes int64
}

// Write writes a table, or what is in a span of it. Create gives the file of a number from 0 on and is called when there is a row for it, the
// first always; a file is closed when its last byte is written. Tick is called with what was written by then: now and then, and before each further file.
func Write(ctx context.Context, db *clickhouse.DB, t *Table, columns []Column, span Span, f File, create func(n int) (io.WriteCloser, error), tick func(Written)) (Written, error) {
	var args []any
	since, until := !span.Since.IsZero() && t.Time != "", !span.Until.IsZero() && t.Time != ""
	if since {
		args = append(args, named("since", fmt.Sprint(span.Since.UnixMilli())))
	}
	if until {
		args = append(args, named("until", fmt.Sprint(span.Until.UnixMilli())))
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the query
	rows, err := db.Query(ctx, t.query(columns, since, until), args...)
	if err != nil {
		return Written{}, fmt.Errorf("read %s: %w", t.Name, err)
	}
	defer rows.Close()
	var total Written
	r := newRow(columns)
	x, err := open(r, f, create, 0)
	if err != nil {
		return total, err
	}
	number := 0
	for rows.Next() {
		if err := rows.Scan(r.into...); err != nil {
			return total, x.abandon(fmt.Errorf("read %s: %w", t.Name, err))
		}
		if err := r.tidy(); err != nil {
			return total, x.abandon(fmt.Errorf("read %s: %w", t.Name, err))
		}
		if f.SplitMB > 0 && x.bytes() >= int64(f.SplitMB)<<20 {
			if err := x.close(); err != nil {
				return total, err
			}
			total.Bytes += x.count.n
			number++
			tick(total)
			if x, err = open(r, f, create, number); err != nil {
				return total, err
			}
		}
		if err := x.write(); err != nil {
			return total, x.abandon(err)
		}
		if total.Rows++; total.Rows%4096 == 0 {
			tick(Written{total.Rows, total.Bytes + x.count.n})
		}
	}
	if err := rows.Err(); err != nil {
		return total, x.abandon(fmt.Errorf("read %s: %w", t.Name, err))
	}
	if err := ctx.Err(); err != nil {
		return total, x.abandon(err)
	}
	err = x.close()
	total.Bytes += x.count.n
	tick(total)
	return total, err
}

// file is one that is being written.
type file struct {
	r       *row
	dst     io.WriteCloser
	count   *counter
	packed  io.WriteCloser // the compression; nil: none
	buf     *bufio.Writer
	csv     *csv.Writer
	cells   []string
	line    bytes.Buffer
	encode  func(any) error
	heads   [][]byte
	parquet *parquet.GenericWriter[any]
	group   int // bytes of the row group
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// open begins a file.
func open(r *row, f File, create func(int) (io.WriteCloser, error), number int) (*file, error) {
	dst, err := create(number)
	if err != nil {
		return nil, err
	}
	x := &file{r: r, dst: dst, count: &counter{w: dst}}
	x.buf = bufio.NewWriterSize(x.count, 256<<10)
	if f.Format == Parquet {
		codec := compress.Codec(&parquet.Snappy)
		switch f.Compression {
		case Gzip:
			codec = &parquet.Gzip
		case Zstd:
			codec = &parquet.Zstd
		}
		x.parquet = parquet.NewGenericWriter[any](x.buf, parquet.SchemaOf(r.v.Interface()), parquet.Compression(codec), parquet.CreatedBy("enishi", "", ""))
		return x, nil
	}
	var to io.Writer = x.buf
	switch f.Compression {
	case Gzip:
		x.packed = gzip.NewWriter(to)
	case Zstd:
		if x.packed, err = zstd.NewWriter(to, zstd.WithEncoderConcurrency(1)); err != nil {
			return nil, x.abandon(err)
		}
	}
	if x.packed != nil {
		to = x.packed
	}
	if f.Format == NDJSON {
		encoder := json.NewEncoder(&x.line)
		encoder.SetEscapeHTML(false)
		x.encode = func(v any) error {
			err := encoder.Encode(v)
			x.line.Truncate(x.line.Len() - 1) // the line break
			return err
		}
		for i := range r.columns {
			name, err := json.Marshal(r.columns[i].Name)
			if err != nil {
				return nil, x.abandon(err)
			}
			x.heads = append(x.heads, append(append([]byte{"{,"[min(i, 1)]}, name...), ':'))
		}
		x.packedTo(to)
		return x, nil
	}
	if f.BOM {
		if _, err := io.WriteString(to, "\ufeff"); err != nil {
			return nil, x.abandon(err)
		}
	}
	x.csv, x.cells = csv.NewWriter(to), make([]string, len(r.columns)) // without UseCRLF, which changes line breaks within texts
	for i := range r.columns {
		x.cells[i] = r.columns[i].Name
	}
	if err := x.csv.Write(x.cells); err != nil {
		return nil, x.abandon(err)
	}
	return x, nil
}

// packedTo has lines go through the compression, if there is one.
func (x *file) packedTo(w io.Writer) {
	if x.packed == nil {
		x.packed = nopCloser{w}
	}
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// write writes what is in the row.
func (x *file) write() error {
	switch {
	case x.parquet != nil:
		if _, err := x.parquet.Write([]any{x.r.v.Interface()}); err != nil {
			return fmt.Errorf("write Parquet: %w", err)
		}
		if x.group += x.r.size(); x.group >= groupBytes {
			x.group = 0
			if err := x.parquet.Flush(); err != nil {
				return fmt.Errorf("write Parquet: %w", err)
			}
		}
	case x.csv != nil:
		if err := x.r.cells(x.cells); err != nil {
			return err
		}
		return x.csv.Write(x.cells)
	default:
		x.line.Reset()
		if err := x.r.line(&x.line, x.heads, x.encode); err != nil {
			return err
		}
		_, err := x.packed.Write(x.line.Bytes())
		return err
	}
	return nil
}

// bytes is how big the file is by now, about.
func (x *file) bytes() int64 { return x.count.n + int64(x.buf.Buffered()) + int64(x.group)/4 }

func (x *file) close() error {
	var err error
	switch {
	case x.parquet != nil:
		err = x.parquet.Close()
	case x.csv != nil:
		x.csv.Flush()
		err = x.csv.Error()
	}
	if err == nil && x.packed != nil {
		err = x.packed.Close()
	}
	if err == nil {
		err = x.buf.Flush()
	}
	if err != nil {
		return x.abandon(fmt.Errorf("write: %w", err))
	}
	return x.dst.Close()
}

// abandoner is a file that can be told that it will not be whole.
type abandoner interface{ Abandon() }

// abandon gives the file up: it is never there under its name.
func (x *file) abandon(cause error) error {
	if a, ok := x.dst.(abandoner); ok {
		a.Abandon()
	}
	return cause
}

func named(name, value string) any { return driver.Named(name, value) }
