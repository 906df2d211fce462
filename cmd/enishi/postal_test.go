package main

import (
	"strings"
	"testing"
)

func TestPostalBarcode(t *testing.T) {
	t.Parallel()
	for _, f := range [...]struct{ zip, address, want string }{
		{"263-0023", "千葉市稲毛区緑町3丁目30-8　郵便ビル403号", "3-30-8-403\nSTART 2 6 3 0 0 2 3 3 - 3 0 - 8 - 4 0 3 CC4 CC4 CC4 5 STOP\n5\n"},
		{"〒2730102", "3-20-5B604", "3-20-5B604\nSTART 2 7 3 0 1 0 2 3 - 2 0 - 5 CC1 1 6 0 4 CC4 CC4 0 STOP\n0\n"},
	} {
		if code, out, errs := runIn("C", "postal", "barcode", f.zip, f.address); code != 0 || out != f.want {
			t.Errorf("%s: exit %d: %s%s", f.address, code, out, errs)
		}
	}
	if code, out, _ := runIn("C", "postal", "barcode", "--svg", "1000013", "1-3-2-503"); code != 0 || !strings.HasPrefix(out, "<svg") {
		t.Errorf("svg: exit %d: %s", code, out)
	}
	for zip, want := range map[string]string{"1500000": "whole city", "150": "not 7 digits"} {
		if code, _, errs := runIn("C", "postal", "barcode", zip, "1-2"); code != 1 || !strings.Contains(errs, want) {
			t.Errorf("%s: exit %d: %s", zip, code, errs)
		}
	}
}
