package barcode

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"enishi"
	"enishi/internal/address"
)

// TestManual holds the sixteen examples of the manual (p. 25): the whole address goes in.
func TestManual(t *testing.T) {
	t.Parallel()
	for _, f := range [...][4]string{
		{"2630023", "千葉市稲毛区緑町3丁目30-8　郵便ビル403号", "3-30-8-403", "5"},
		{"0140113", "秋田県大仙市堀見内　南田茂木　添60-1", "60-1", "CC8"},
		{"1100016", "東京都台東区台東5-6-3　ABCビル10F", "5-6-3-10", "9"},
		{"0600906", "北海道札幌市東区北六条東4丁目　郵便センター6号館", "4-6", "9"},
		{"0650006", "北海道札幌市東区北六条東8丁目　郵便センター10号館", "8-10", "9"},
		{"4070033", "山梨県韮崎市龍岡町下條南割　韮崎400", "400", "-"},
		{"2730102", "千葉県鎌ケ谷市右京塚　東3丁目-20-5　郵便・A&bコーポB604号", "3-20-5B604", "0"},
		{"1980036", "東京都青梅市河辺町十一丁目六番地一号　郵便タワー601", "11-6-1-601", "CC8"},
		{"0270203", "岩手県宮古市大字津軽石第二十一地割大淵川480", "21-480", "CC5"},
		{"5900016", "大阪府堺市堺区中田出井町四丁六番十九号", "4-6-19", "CC2"},
		{"0800831", "北海道帯広市稲田町南七線　西28", "7-28", "CC7"},
		{"3170055", "茨城県日立市宮田町6丁目7-14　ABCビル2F", "6-7-14-2", "CC1"},
		{"6500046", "神戸市中央区港島中町9丁目7-6　郵便シティA棟1F1号", "9-7-6A1-1", "5"},
		{"6230011", "京都府綾部市青野町綾部6-7　LプラザB106", "6-7LB106", "4"},
		{"0640804", "札幌市中央区南四条西29丁目1524-23　第2郵便ハウス501", "29-1524-23-2-501", "3"},
		{"9100067", "福井県福井市新田塚3丁目80-25　J1ビル2-B", "3-80-25J1-2B", "9"},
		{"1000013", "東京都千代田区霞が関1丁目3番2号 郵便プラザ503室", "1-3-2-503", "9"},
	} {
		digits := Digits(f[1])
		s, err := Of(f[0], digits)
		if err != nil || digits != f[2] || s.Check() != f[3] {
			t.Errorf("%s: %q %s %v, want %q %s", f[1], digits, s.Check(), err, f[2], f[3])
		}
		// the same by the way of a normal address
		n := address.Normalise(enishi.Address{PostalCode: f[0], Address1: f[1]}, nil)
		s2, digits, ok, err := OfAddress(&n, false)
		if err != nil || !ok || s2 != s {
			t.Errorf("%s, normalised: %q %v %v (%+v)", f[1], digits, ok, err, n)
		}
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	s, err := Of("9100067", "3-80-25J1-2B")
	want := "START 9 1 0 0 0 6 7 3 - 8 0 - 2 5 CC1 9 1 - 2 CC1 9 STOP" // the letter's second symbol is cut, its control code kept
	if err != nil || s.Text() != want {
		t.Errorf("%q %v", s.Text(), err)
	}
	s, _ = Of("2730102", "3-20-5B604")
	if want := "START 2 7 3 0 1 0 2 3 - 2 0 - 5 CC1 1 6 0 4 CC4 CC4 0 STOP"; s.Text() != want {
		t.Errorf("%q", s.Text())
	}
	if got, err := Parse(want); err != nil || got.Text() != want {
		t.Errorf("parsed: %q %v", got.Text(), err)
	}
	for _, bad := range []string{"", strings.Replace(want, " 9 STOP", " 8 STOP", 1), strings.Replace(want, "CC1", "CC9", 1), strings.Replace(want, "START ", "", 1)} {
		if _, err := Parse(bad); err == nil {
			t.Errorf("%q passes", bad)
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"三番町5-1": "5-1", "麻布十番5-28-19": "5-28-19", "麻布十番一丁目5-2": "1-5-2", "港区麻布十番二丁目三番4号": "2-3-4", "太子堂十番5号": "10-5", "北3条西4丁目1-1": "4-1-1", "八丁堀2-3": "2-3", "1-2-3": "1-2-3", "": "", "番地なし": "", "１丁目２番３号Ａ棟": "1-2-3A",
		"三の丸1の2": "1-2", "3-1 5F": "3-1-5", "A-1": "A1", "1/2": "12", "二百三十番地": "230"} {
		if got := Digits(in); got != want {
			t.Errorf("Digits(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestEveryLetter(t *testing.T) {
	t.Parallel()
	for c := 'A'; c <= 'Z'; c++ {
		s, err := Of("1500001", string(c))
		if err != nil || s[7] != CC1+Symbol((c-'A')/10) || s[8] != Symbol((c-'A')%10) || s[9] != CC4 {
			t.Errorf("%c = %s %v", c, s.Text(), err)
		}
	}
	for in, field := range map[[2]string]string{{"150", "1"}: "zip", {"150000x", "1"}: "zip", {"1500001", "１"}: "address", {"1500001", "a"}: "address"} {
		if _, err := Of(in[0], in[1]); err == nil || !strings.HasPrefix(err.Error(), field+":") {
			t.Errorf("%v: %v", in, err)
		}
	}
}

func TestNoBarcode(t *testing.T) {
	t.Parallel()
	a := enishi.Address{PostalCode: "1500000", Prefecture: "東京都", City: "渋谷区", Address1: "神宮前1-2-3"}
	n := address.Normalise(a, nil)
	if _, _, ok, err := OfAddress(&n, false); ok || err != nil {
		t.Error("a code of a whole city has a barcode")
	}
	a.PostalCode, a.Address1 = "1508799", "渋谷郵便局私書箱第12号"
	n = address.Normalise(a, nil)
	if _, digits, ok, _ := OfAddress(&n, false); !ok || digits != "12" {
		t.Errorf("box: %q %v", digits, ok)
	}
	a.Address1 = "神宮前1-2-3"
	n = address.Normalise(a, nil)
	if s, digits, ok, _ := OfAddress(&n, true); !ok || digits != "" || s[7] != CC4 {
		t.Errorf("an office's own code: %q %s", digits, s.Text())
	}
}

func TestOfficeByTheTable(t *testing.T) {
	t.Parallel()
	table, err := address.Of(func(yield func(address.Place) bool) {
		yield(address.Place{Zip: "1008799", Prefecture: "東京都", City: "千代田区", Town: "霞が関", Office: "縁商店", Block: "1丁目2-3"})
	})
	if err != nil {
		t.Fatal(err)
	}
	n := address.Normalise(enishi.Address{Company: "縁商店", PostalCode: "1008799", Prefecture: "東京都", City: "千代田区", Address1: "霞が関1-2-3"}, table)
	if s, digits, ok, err := OfAddress(&n, false); !ok || err != nil || digits != "" || s[7] != CC4 || !n.OK() {
		t.Errorf("%q %s %v %+v", digits, s.Text(), err, n)
	}
}

func TestBars(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		zip := rapid.StringMatching(`[0-9]{7}`).Draw(t, "zip")
		digits := rapid.StringMatching(`[0-9A-Z-]{0,18}`).Draw(t, "digits")
		s, err := Of(zip, digits)
		if err != nil {
			t.Fatal(err)
		}
		sum := 0
		for _, x := range s {
			sum += int(x)
		}
		if sum%19 != 0 {
			t.Fatalf("%s: the sum is %d", s.Text(), sum)
		}
		bars := s.Bars()
		got, err := DecodeBars(bars[:])
		if err != nil || got != s || got.Text() != s.Text() {
			t.Fatalf("%s read back: %s %v", s.Text(), got.Text(), err)
		}
		if p, err := Parse(s.Text()); err != nil || p != s {
			t.Fatal(err)
		}
		// every single bar that is drawn wrong is found
		i := rapid.IntRange(0, Count-1).Draw(t, "bar")
		wrong := rapid.SampledFrom([]Bar{Long, Upper, Lower, Timing}).Draw(t, "as")
		if wrong == bars[i] {
			return
		}
		bars[i] = wrong
		if x, err := DecodeBars(bars[:]); err == nil {
			t.Fatalf("bar %d as %c is read as %s", i, wrong, x.Text())
		}
	})
}

func TestDrawn(t *testing.T) {
	t.Parallel()
	s, _ := Of("1000013", "1-3-2-503")
	for _, point := range []float64{MinPoint, 10, MaxPoint} {
		w, h := Size(point)
		rects := s.Rects(point)
		last := rects[Count-1]
		if len(rects) != Count || last.X+last.W > w+1e-9 || rects[0].H > h+1e-9 {
			t.Errorf("%v pt: %+v beyond %v x %v", point, last, w, h)
		}
		for i, r := range rects {
			if k := point / 10; r.W < 0.5*k || r.H < 1.05*k || i > 0 && r.X-rects[i-1].X < 0.95*k {
				t.Errorf("%v pt, bar %d: %+v", point, i, r)
			}
		}
		if svg := s.SVG(point); strings.Count(svg, "M") != Count || !strings.HasSuffix(svg, "</svg>") {
			t.Errorf("svg: %s", svg)
		}
	}
	if w, h := Size(10); w != 79.8 || h != 3.6 {
		t.Errorf("10 pt is %v x %v mm", w, h)
	}
}

func FuzzDigits(f *testing.F) {
	f.Add("1丁目2番3号 A&b 10F")
	f.Fuzz(func(t *testing.T, s string) {
		d := Digits(s)
		if _, err := Of("1500001", d); err != nil {
			t.Fatalf("%q: %v", d, err)
		}
	})
}
