package files

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func write(t testing.TB, content []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// all reads a file: "line: cell|cell", with ! for a row that cannot be read.
func all(t testing.TB, content []byte, o Options) (Shape, []string) {
	t.Helper()
	r, err := Open(write(t, content), o)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var out []string
	for {
		row, err := r.Next()
		if errors.Is(err, io.EOF) {
			return r.Shape, out
		}
		if err != nil {
			t.Fatal(err)
		}
		mark := ""
		if row.Err != nil {
			mark = "!"
		}
		out = append(out, fmt.Sprintf("%s%d: %s%s", mark, row.Line, strings.Join(row.Cells, "|"), row.JSON))
	}
}

func zipped(t *testing.T, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		w, err := z.Create(files[i])
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(w, files[i+1])
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

const sample = "会員番号,氏名,都道府県\n1,髙橋 花子,東京都\n2,佐藤ﾀﾛｳ,京都府\n"

func TestRecognises(t *testing.T) {
	t.Parallel()
	var gz bytes.Buffer
	w := gzip.NewWriter(&gz)
	_, _ = w.Write(Encode(nil, sample, CP932))
	_ = w.Close()
	rows := []string{"2: 1|髙橋 花子|東京都", "3: 2|佐藤ﾀﾛｳ|京都府"}
	ascii := "a,b\n" + strings.Repeat("1,2\n", 50_000) // the first letter beyond ASCII comes late
	for name, x := range map[string]struct {
		content   []byte
		encoding  string
		delimiter string
	}{
		"utf-8":       {[]byte(sample), UTF8, ","},
		"bom":         {[]byte("\xef\xbb\xbf" + sample), UTF8, ","},
		"cp932":       {Encode(nil, sample, CP932), CP932, ","},
		"cp932 crlf":  {Encode(nil, strings.ReplaceAll(sample, "\n", "\r\n")+"\x1a", CP932), CP932, ","},
		"euc-jp":      {Encode(nil, strings.NewReplacer("髙", "高", "ﾀﾛｳ", "太郎").Replace(sample), EUCJP), EUCJP, ","},
		"gzip":        {gz.Bytes(), CP932, ","},
		"zip":         {zipped(t, "data/orders.csv", sample, "__MACOSX/x", "no"), UTF8, ","},
		"tabs":        {[]byte(strings.ReplaceAll(sample, ",", "\t")), UTF8, "\t"},
		"semicolons":  {[]byte(strings.ReplaceAll(sample, ",", ";")), UTF8, ";"},
		"titles":      {[]byte("受注データ\n出力日:,2026/11/22\n\n" + sample), UTF8, ","},
		"late letter": {append([]byte(ascii), Encode(nil, "東京,3\n", CP932)...), CP932, ","},
	} {
		t.Run(name, func(t *testing.T) {
			shape, got := all(t, x.content, Options{})
			if shape.Encoding != x.encoding || shape.Delimiter != x.delimiter {
				t.Errorf("%+v", shape)
			}
			switch name {
			case "titles":
				if shape.HeaderLine != 4 || len(got) != 2 || got[0] != "5: 1|髙橋 花子|東京都" {
					t.Errorf("%+v %v", shape, got)
				}
			case "late letter":
				if got[len(got)-1] != "50002: 東京|3" {
					t.Error(got[len(got)-1])
				}
			case "euc-jp":
				if got[0] != "2: 1|高橋 花子|東京都" {
					t.Error(got)
				}
			default:
				if diff := cmp.Diff(rows, got); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

func TestRows(t *testing.T) {
	t.Parallel()
	_, got := all(t, []byte("a,b,c\n1,\"two\nlines\",\"say \"\"hi\"\"\"\n,,\n2,5\" pipe,x\n3,\"open,x\n4,y,z\n5,\"q\"uote,w\n6,last,row"), Options{})
	want := []string{"2: 1|two\nlines|say \"hi\"", "5: 2|5\" pipe|x", "!6: 3,\"open,x", "7: 4|y|z", "8: 5|quote|w", "9: 6|last|row"}
	// the quote of line 6 is closed by that of line 8 at the earliest: what it would swallow is not sensible, but legal
	if got[2] != want[2] {
		want = []string{want[0], want[1], "6: 3|open,x\n4,y,z\n5,quote\"|w", want[5]}
		if len(got) != 4 {
			t.Errorf("%q", got)
		}
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A quote that is never closed spoils its own line only, and memory stays bounded.
func TestOpenQuote(t *testing.T) {
	t.Parallel()
	_, got := all(t, []byte("a,b\n1,\"open\n"+strings.Repeat("2,x\n", 5000)), Options{})
	if len(got) != 5001 || !strings.HasPrefix(got[0], "!2: ") || got[1] != "3: 2|x" || got[5000] != "5002: 2|x" {
		t.Errorf("%d rows, %q", len(got), got[:3])
	}
}

func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	name := write(t, nil)
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(f, "a,b\n1,2\n")
	for range 64 { // one line of 64 MB
		_, _ = f.Write(bytes.Repeat([]byte("x"), 1<<20))
	}
	_, _ = io.WriteString(f, "\n3,4\n")
	_ = f.Close()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r, err := Open(name, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var got []string
	for {
		row, err := r.Next()
		if err != nil {
			break
		}
		got = append(got, fmt.Sprint(row.Line, row.Err != nil))
	}
	runtime.ReadMemStats(&after)
	if diff := cmp.Diff([]string{"2 false", "3 true", "4 false"}, got); diff != "" {
		t.Error(diff)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 40<<20 {
		t.Errorf("allocated %d MB", used>>20)
	}
}

func TestNDJSON(t *testing.T) {
	t.Parallel()
	shape, got := all(t, []byte("{\"a\":1}\n\n{broken\n{\"a\":\"日本\"}"), Options{})
	if diff := cmp.Diff([]string{`1: {"a":1}`, `!3: {broken`, `4: {"a":"日本"}`}, got); diff != "" || shape.Format != NDJSON {
		t.Error(diff, shape)
	}
}

func TestRefuses(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		content []byte
		o       Options
		says    string
	}{
		"empty":    {nil, Options{}, "empty"},
		"blank":    {[]byte("\n \n"), Options{}, "empty"},
		"binary":   {[]byte("\x89PNG\x00\x00"), Options{}, "no text"},
		"two":      {zipped(t, "a.csv", "a", "b.csv", "b"), Options{}, "several"},
		"excel":    {zipped(t, "[Content_Types].xml", "x", "xl/workbook.xml", "x"), Options{}, "xcel"},
		"gzip":     {[]byte{0x1f, 0x8b, 1, 2, 3}, Options{}, "whole"},
		"encoding": {[]byte("a,b"), Options{Encoding: "latin"}, "cp932"},
		"header":   {[]byte("a,b\n1,2"), Options{Header: 9}, "header"},
	} {
		r, err := Open(write(t, x.content), x.o)
		if err == nil {
			r.Close()
		}
		if err == nil || !strings.Contains(err.Error(), x.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Whatever a file is, reading it ends, lines go up, and rows that are written again are read the same.
func FuzzFiles(f *testing.F) {
	f.Add([]byte(sample))
	f.Add(Encode(nil, sample, CP932))
	f.Add([]byte("a,b\n1,\"open\n2,x\n\"\"\""))
	f.Add([]byte("{\"a\":1}\n{"))
	f.Add([]byte("\xff\xfea\x00,\x00"))
	f.Fuzz(func(t *testing.T, content []byte) {
		r, err := Open(write(t, content), Options{})
		if err != nil {
			return
		}
		defer r.Close()
		last := 0
		for {
			row, err := r.Next()
			if err != nil {
				return
			}
			if row.Line <= last {
				t.Fatalf("line %d after %d", row.Line, last)
			}
			last = row.Line
			if row.Err != nil || r.Shape.Format == NDJSON {
				continue
			}
			again := AppendRow(nil, row.Cells, r.rows.comma)
			cells, open := split(nil, string(again), r.rows.comma)
			if open || !cmp.Equal(cells, row.Cells) {
				t.Fatalf("%q is read as %q", row.Cells, cells)
			}
		}
	})
}
