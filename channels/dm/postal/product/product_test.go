package product

import (
	"strings"
	"testing"
	"time"

	"enishi"
)

func day(s string) time.Time {
	d, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return d
}

func yen(n int64) enishi.Amount { return enishi.Amount(n) * enishi.Unit }

func TestCatalogue(t *testing.T) {
	t.Parallel()
	c := Default()
	if err := c.check(); err != nil || c.Source == "" || c.AsOf == "" {
		t.Fatal(err)
	}
	for _, f := range []struct {
		product string
		m       Mailing
		price   int64
		total   int64
		with    string
	}{
		{"hagaki", Mailing{Sheet: "hagaki", On: day("2026-11-22")}, 85, 85, ""},
		{"hagaki", Mailing{Sheet: "hagaki", On: day("2024-09-30")}, 63, 63, ""},
		{"hagaki", Mailing{Sheet: "hagaki", On: day("2024-10-01"), Pieces: 1000, Barcode: true}, 85, 82450, "barcode"},
		{"hagaki", Mailing{Sheet: "hagaki", On: day("2024-10-01"), Pieces: 999, Barcode: true}, 85, 84915, ""},
		{"hagaki", Mailing{Sheet: "hagaki", On: day("2026-01-01"), Pieces: 10000, Barcode: true, Approved: []string{"kubun"}}, 85, 790500, "barcode,kubun"},
		{"hagaki", Mailing{Sheet: "hagaki", On: day("2026-01-01"), Pieces: 2000, Barcode: true, Approved: []string{"koukoku"}}, 85, 156400, "koukoku"},
		{"hagaki", Mailing{Sheet: "hagaki", On: day("2026-01-01"), Pieces: 2000, Barcode: true, Approved: []string{"koukoku"}, Individual: true}, 85, 164900, "barcode"},
		{"ofuku_hagaki", Mailing{On: day("2026-01-01"), Pieces: 1000, Barcode: true}, 170, 167450, "barcode_ofuku"},
		{"teikei", Mailing{Sheet: "dl", Grams: 30, On: day("2026-01-01")}, 110, 110, ""},
		{"teikei", Mailing{Sheet: "dl", Grams: 30, On: day("2024-01-01")}, 94, 94, ""},
		{"teikeigai", Mailing{Sheet: "a4", Grams: 60, On: day("2026-01-01")}, 180, 180, ""},
		{"kuroneko_yumail", Mailing{Sheet: "a4", Grams: 60, UnitPrice: yen(70), Pieces: 3}, 70, 210, ""},
	} {
		q, err := c.Check(f.product, f.m)
		if err != nil || q.Refused != nil || q.Price != yen(f.price) || q.Total != yen(f.total) || strings.Join(q.Discounts, ",") != f.with {
			t.Errorf("%s %+v: %+v %v", f.product, f.m, q, err)
		}
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	c := Default()
	for _, f := range []struct {
		product string
		m       Mailing
		want    string
	}{
		{"yumail", Mailing{Sheet: "a4", Letter: true, On: day("2026-01-01")}, "may not carry a letter"},
		{"kuroneko_yumail", Mailing{Sheet: "a4", Letter: true}, "may not carry a letter"},
		{"kuroneko_yumail", Mailing{Sheet: "a4"}, "no contract price"},
		{"hagaki", Mailing{Sheet: "a4", On: day("2026-01-01")}, "does not take the size"},
		{"hagaki", Mailing{Sheet: "hagaki", Grams: 7, On: day("2026-01-01")}, "more than its 6 g"},
		{"hagaki", Mailing{Sheet: "hagaki", Grams: 1, On: day("2026-01-01")}, "less than its 2 g"},
		{"hagaki", Mailing{Sheet: "hagaki", On: day("1990-01-01")}, "no price is known"},
	} {
		q, err := c.Check(f.product, f.m)
		if err != nil || q.Refused == nil || !strings.Contains(q.Refused.EN, f.want) || q.Refused.JA == "" {
			t.Errorf("%s: %+v %v", f.product, q, err)
		}
	}
	if _, err := c.Check("pigeon", Mailing{}); enishi.ErrorCode(err) != enishi.Invalid {
		t.Errorf("an unknown product: %v", err)
	}
}

func TestChooseIsTheCheapestAllowed(t *testing.T) {
	t.Parallel()
	c := Default()
	m := Mailing{Sheet: "a4", Grams: 140, Pieces: 500, On: day("2026-01-01")}
	if all := c.Choose(m); all[0].Product != "yumail" {
		t.Errorf("a flyer goes by %+v", all[0])
	}
	m.Letter = true
	all := c.Choose(m)
	if all[0].Product != "teikeigai" || all[0].Refused != nil {
		t.Errorf("a letter goes by %+v", all[0])
	}
	for _, q := range all[1:] {
		if q.Refused == nil {
			t.Errorf("%s carries a letter of A4", q.Product)
		}
	}
}

func TestOwnEntries(t *testing.T) {
	t.Parallel()
	c, err := Default().With([]byte(`{"as_of":"2027-04-01","products":[{"name":"hagaki","title":{"ja":"はがき","en":"Postcard"},"carrier":"japanpost","letter":true,"barcode":true,"sheets":["hagaki"],"max_grams":6,"marks":["konou"],
		"prices":[{"valid_from":"2027-04-01","up_to_grams":6,"price":"100"}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if q, _ := c.Check("hagaki", Mailing{On: day("2027-04-01")}); q.Price != yen(100) || c.AsOf != "2027-04-01" {
		t.Errorf("%+v", q)
	}
	if q, _ := Default().Check("hagaki", Mailing{On: day("2027-04-01")}); q.Price != yen(85) {
		t.Error("the built-in catalogue was changed")
	}
	for own, field := range map[string]string{`{"products":[{"name":"x","max_grams":5}]}`: "prices", `{"x":1}`: "products", `{"products":[{"name":"x","max_grams":5,"prices":[{"valid_from":"soon","up_to_grams":5,"price":"1"}]}]}`: "valid_from",
		`{"discounts":[{"name":"x","tiers":[{"min_pieces":1,"percent":"101"}]}]}`: "percent", `{"products":[{"name":"","max_grams":5}]}`: "name"} {
		if _, err := Default().With([]byte(own)); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: %v", own, err)
		}
	}
}

func TestLetter(t *testing.T) {
	t.Parallel()
	for source, what := range map[string]string{
		"冬のセールのご案内":                                                "",
		"{{ brand.name }} の {{ links.sale }}":                      "",
		"{{ customer.family_name }}様へ":                             "customer.family_name",
		"{% if customer.points > 100 %}多い{% endif %}":              "customer.points",
		"{% for line in order.lines %}{{ line.name }}{% endfor %}": "order.lines",
		`{{ "customer.name" | upcase }}`:                           "",
		`{{ event.properties["x"] }}`:                              "event.properties",
		"先日はお買い上げありがとうございます":                                       "お買い上げ",
		"お誕生日おめでとうございます":                                           "お誕生日おめでとう",
	} {
		found := Letter("text", source)
		if what == "" && len(found) > 0 || what != "" && (len(found) != 1 || found[0].What != what || found[0].Reason.JA == "" || found[0].Reason.EN == "") {
			t.Errorf("%s: %+v, want %q", source, found, what)
		}
	}
}
