package address

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"enishi"
)

// check says what is wrong, the weightiest first.
func (n *Normal) check(a *enishi.Address, t *Table) {
	if n.Foreign {
		n.problem("foreign", "country", Text{"海外の住所です", "an address outside Japan"},
			Text{"日本国内の住所を登録してください。海外へは国際郵便で別に送ってください", "give an address in Japan, or send by international mail outside of this batch"}, "")
		n.checkNames(a)
		return
	}
	n.checkZip(a, t)
	n.checkPlace(a, t)
	n.checkNames(a)
	n.checkCharacters(a)
	n.checkLengths()
}

func (n *Normal) checkZip(a *enishi.Address, t *Table) {
	zip := fold(a.PostalCode)
	if n.PostalCode == "" {
		suggest := t.find(n.Prefecture, n.City, n.Town)
		if _, form := zipDigits(zip); form {
			n.problem("zip.form", "postal_code", Text{"郵便番号が 7 桁の数字ではありません", "the postal code is not 7 digits"},
				Text{"7 桁で書いてください(例: 150-0001)", "write 7 digits (150-0001)"}, suggest)
			return
		}
		n.problem("zip.missing", "postal_code", Text{"郵便番号がありません", "no postal code"}, Text{"7 桁の郵便番号を登録してください", "add the postal code of 7 digits"}, suggest)
		return
	}
	if t == nil {
		return
	}
	places := t.Lookup(n.PostalCode)
	if len(places) == 0 {
		n.problem("zip.unknown", "postal_code", Text{"日本郵便の一覧にない郵便番号です: " + n.Zip(), "no such postal code in Japan Post's list: " + n.Zip()},
			Text{"郵便番号を確かめてください。一覧が古いときは取り込み直してください", "check the code; import Japan Post's list again when it is old"}, t.find(n.Prefecture, n.City, n.Town))
		return
	}
	if n.Prefecture == "" || n.City == "" {
		return
	}
	for i := range places {
		if p := &places[i]; p.Prefecture == n.Prefecture && sameCity(p.City, n.City) {
			return
		}
	}
	p := &places[0]
	field, suggest := "postal_code", t.find(n.Prefecture, n.City, n.Town)
	if suggest == "" {
		if field, suggest = "city", p.City; p.Prefecture != n.Prefecture {
			field, suggest = "prefecture", p.Prefecture
		}
	}
	n.problem("zip.disagrees", field, Text{fmt.Sprintf("郵便番号 %s は%s%sのものです(住所は%s%s)", n.Zip(), p.Prefecture, p.City, n.Prefecture, n.City),
		fmt.Sprintf("postal code %s is of %s%s, the address says %s%s", n.Zip(), p.Prefecture, p.City, n.Prefecture, n.City)},
		Text{"郵便番号か住所のどちらかを直してください", "correct the postal code or the address"}, suggest)
}

// sameCity compares names of municipalities; a shop may leave the county (郡) out.
func sameCity(table, told string) bool {
	x, y := foldPlace(table), foldPlace(told)
	if x == y || strings.HasPrefix(y, x) {
		return true
	}
	_, town, ok := strings.Cut(x, "郡")
	return ok && town != "" && town == y
}

func (n *Normal) checkPlace(a *enishi.Address, t *Table) {
	var of Place
	if places := t.Lookup(n.PostalCode); len(places) > 0 {
		of = places[0]
	}
	latin := !strings.ContainsFunc(n.City+n.raw, func(r rune) bool { return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana) })
	if latin && strings.ContainsFunc(n.City+n.raw, unicode.IsLetter) {
		n.problem("romaji", "address1", Text{"住所がローマ字です", "the address is in Latin letters"}, Text{"漢字で書いてください", "write it in Japanese"}, of.Prefecture+of.City+of.Town)
	}
	if n.Prefecture == "" {
		if told := fold(a.Prefecture); told != "" {
			n.problem("prefecture.unknown", "prefecture", Text{"都道府県名ではありません: " + told, "no prefecture: " + told}, Text{"47 都道府県の名前で書いてください", "write one of the 47 prefectures"}, of.Prefecture)
		} else {
			n.problem("prefecture.missing", "prefecture", Text{"都道府県がありません", "no prefecture"}, Text{"都道府県を登録してください", "add the prefecture"}, of.Prefecture)
		}
	}
	if n.City == "" {
		n.problem("city.missing", "city", Text{"市区町村がありません", "no city"}, Text{"市区町村を登録してください", "add the city"}, of.City)
	}
	if n.Block == "" && n.POBox == "" && !n.AtOffice && of.Office == "" && !unnumbered(n.raw) {
		n.problem("number.missing", "address1", Text{"番地がありません", "no house number"},
			Text{"丁目・番地・号を登録してください。番地のない土地は「番地なし」と書いてください", "add the numbers; write 番地なし when the place has none"}, "")
	}
	if n.POBox == "0" {
		n.problem("number.missing", "address1", Text{"私書箱の番号がありません", "no number of the post-office box"}, Text{"「私書箱 12 号」のように番号を書いてください", "write the number of the box"}, "")
	}
}

// unnumbered tells a place without a number that says so.
func unnumbered(s string) bool {
	for _, word := range [...]string{"番地なし", "番地無", "無番地", "番外地", "番地ナシ"} {
		if strings.Contains(s, word) {
			return true
		}
	}
	return false
}

func (n *Normal) checkNames(*enishi.Address) {
	if n.Name == "" && n.Company == "" {
		n.problem("name.missing", "name", Text{"宛名がありません", "no name"}, Text{"氏名か会社名を登録してください", "add the person's or the company's name"}, "")
	}
}

// part is a text of the address by its field.
type part struct{ field, text string }

func (n *Normal) checkCharacters(a *enishi.Address) {
	for _, p := range [...]part{{"name", a.Name}, {"company", a.Company}, {"department", a.Department}, {"job_title", a.JobTitle}, {"prefecture", a.Prefecture}, {"city", a.City},
		{"address1", a.Address1}, {"address2", a.Address2}, {"honorific", a.Honorific}} {
		if ascii(p.text) {
			continue
		}
		text := fold(p.text)
		var pictures, outside, extended []rune
		var buf [4]byte
		for _, r := range text {
			if r < 0x80 {
				continue
			}
			_, fit := AppendCP932(buf[:0], r)
			switch {
			case fit == FitNone && emoji(r):
				pictures = once(pictures, r)
			case fit == FitNone:
				outside = once(outside, r)
			case fit == FitNECIBM:
				extended = once(extended, r)
			}
		}
		if len(pictures)+len(outside)+len(extended) == 0 {
			continue
		}
		alt, whole := Alternative(text)
		if len(pictures) > 0 {
			n.problem("emoji", p.field, Text{"絵文字は印刷できません: " + quoted(pictures), "emoji cannot be printed: " + quoted(pictures)}, Text{"絵文字を取ってください", "take the emoji away"}, alt)
		}
		if len(outside) > 0 {
			fix := Text{"代わりの文字「" + alt + "」で印刷するか、PDF で入稿してください", "print " + alt + " instead, or deliver a PDF"}
			if !whole {
				fix, alt = Text{"印刷できる文字に直すか、PDF で入稿してください", "write it with other characters, or deliver a PDF"}, ""
			}
			n.problem("encoding.cp932", p.field, Text{"印刷会社の文字コード(CP932)にない文字: " + quoted(outside), "characters outside CP932: " + quoted(outside)}, fix, alt)
		}
		if len(extended) > 0 {
			n.problem("encoding.ext", p.field, Text{"NEC/IBM 拡張文字: " + quoted(extended), "NEC/IBM extended characters: " + quoted(extended)},
				Text{"印刷会社の書体にあるか確かめてください", "ask the print house whether its font has them"}, "")
		}
	}
}

func once(rs []rune, r rune) []rune {
	for _, x := range rs {
		if x == r {
			return rs
		}
	}
	return append(rs, r)
}

func ascii(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

func (n *Normal) checkLengths() {
	for _, p := range [...]struct {
		part
		most int
	}{{part{"address1", n.Line1}, longLine}, {part{"address2", n.Line2}, longLine}, {part{"company", n.Company}, longLine}, {part{"name", n.Name}, longName}} {
		if got := utf8.RuneCountInString(p.text); got > p.most {
			n.problem("too_long", p.field, Text{fmt.Sprintf("%d 文字あります(目安は %d 文字まで)", got, p.most), fmt.Sprintf("%d characters (up to %d print well)", got, p.most)},
				Text{"短くするか、建物名を分けてください", "shorten it, or move the building to its own line"}, "")
		}
	}
}
