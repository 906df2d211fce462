package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
	"golang.org/x/text/encoding/japanese"
)

// printed is a row of the print house's file.
type printed map[string]string

// files reads the CSV and the PDF back.
func (w *winback) files() []printed {
	t := w.t
	raw, err := os.ReadFile(filepath.Join(w.out, w.batch+".csv"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := japanese.ShiftJIS.NewDecoder().Bytes(raw)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := japanese.ShiftJIS.NewEncoder().Bytes(text); err != nil || !bytes.Equal(again, raw) {
		t.Errorf("the file is not CP932: %v", err)
	}
	rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var out []printed
	names := map[string]int{}
	for _, r := range rows[1:] {
		x := printed{}
		for i, head := range rows[0] {
			x[head] = r[i]
		}
		names[x["氏名"]]++
		if x["バーコード文字列"] == "" || x["ピースコード"] == "" || x["クーポンコード"] != x["ピースコード"] || x["郵便番号"] != "154-0004" || !strings.HasPrefix(x["QR"], w.base+"/d/") {
			t.Fatalf("%v", x)
		}
		out = append(out, x)
	}
	if len(out) != last || len(names) != last {
		t.Fatalf("%d rows, %d names, want %d", len(out), len(names), last)
	}
	for i := range postcardPeople {
		a := livesAt(i)
		name := fmt.Sprint(a["family_name"], " ", a["given_name"])
		gets := i >= ordinary || i == household1 || i == household2
		if n := names[name]; (n == 1) != gets && i != household1 && i != household2 {
			t.Errorf("%s gets %d pieces", name, n)
		}
	}
	if names["縁野 花子"]+names["縁野 太郎"] != 1 {
		t.Error("the household gets none or two")
	}
	w.pages(out)
	return out
}

// pages looks at the PDF: two faces a piece, and the code on paper is the one of the row.
func (w *winback) pages(rows []printed) {
	t := w.t
	name := filepath.Join(w.out, w.batch+"-001.pdf")
	raw, err := os.ReadFile(name)
	if err != nil || !bytes.HasPrefix(raw, []byte("%PDF-")) || !bytes.Contains(raw, []byte(fmt.Sprintf("/Count %d", 2*last))) || !bytes.Contains(raw, []byte("/FontFile2")) {
		t.Fatalf("the PDF: %d bytes, %v", len(raw), err)
	}
	tool, err := exec.LookPath("pdftoppm")
	if err != nil {
		t.Log("pdftoppm (poppler-utils) is not installed: the codes on paper are not read")
		return
	}
	for _, n := range []int{1, last} {
		at := filepath.Join(t.TempDir(), "page")
		page := fmt.Sprint(2 * n)
		if out, err := exec.Command(tool, "-r", "300", "-gray", "-png", "-singlefile", "-f", page, "-l", page, name, at).CombinedOutput(); err != nil {
			t.Fatalf("%s%v", out, err)
		}
		f, err := os.Open(at + ".png")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		m, err := png.Decode(f)
		if err != nil {
			t.Fatal(err)
		}
		bits, err := gozxing.NewBinaryBitmapFromImage(m)
		if err != nil {
			t.Fatal(err)
		}
		got, err := qrcode.NewQRCodeReader().Decode(bits, map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_TRY_HARDER: true})
		if err != nil || !strings.HasPrefix(got.GetText(), rows[n-1]["QR"]) {
			t.Errorf("the code of piece %d says %v, want %s: %v", n, got, rows[n-1]["QR"], err)
		}
	}
}
