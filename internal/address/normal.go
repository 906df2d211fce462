package address

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"enishi"
)

// Normal is an address as it is printed, with what is wrong with it.
type Normal struct {
	PostalCode string    `json:"postal_code,omitempty"` // 7 digits; "" when missing or malformed
	Prefecture string    `json:"prefecture,omitempty"`  // 東京都
	City       string    `json:"city,omitempty"`        // 渋谷区, 横浜市西区, 足柄下郡箱根町
	Town       string    `json:"town,omitempty"`        // 神宮前
	Block      string    `json:"block,omitempty"`       // the numbers of 丁目, 番地 and 号: 3-30-8
	Building   string    `json:"building,omitempty"`
	Room       string    `json:"room,omitempty"`      // 501, B604, 5F
	CareOf     string    `json:"care_of,omitempty"`   // 佐藤方: with whom the person lives
	POBox      string    `json:"po_box,omitempty"`    // the number of a box (私書箱); the address has no numbers then
	Office     bool      `json:"office,omitempty"`    // the postal code is an office's own (大口事業所), as the table says: it is the whole barcode
	AtOffice   bool      `json:"at_office,omitempty"` // kept at the post office (郵便局留)
	Line1      string    `json:"line1,omitempty"`     // city, town and numbers, as they are printed after the prefecture
	Line2      string    `json:"line2,omitempty"`     // building and room
	Company    string    `json:"company,omitempty"`
	Department string    `json:"department,omitempty"`
	JobTitle   string    `json:"job_title,omitempty"`
	Name       string    `json:"name,omitempty"` // without the honorific
	Kana       string    `json:"kana,omitempty"`
	Honorific  string    `json:"honorific,omitempty"` // 様 of a person, 御中 of a company without one
	Country    string    `json:"country,omitempty"`   // as told, when it is not Japan
	Foreign    bool      `json:"foreign,omitempty"`
	Problems   []Problem `json:"problems,omitempty"`
	raw        string    // the folded address without its prefecture and city, for Key when it has no numbers
}

// Zip is the postal code as it is written: 150-0001.
func (n *Normal) Zip() string {
	if len(n.PostalCode) != 7 {
		return n.PostalCode
	}
	return n.PostalCode[:3] + "-" + n.PostalCode[3:]
}

// Address is the address in the normal writing: to normalise it again changes nothing.
func (n *Normal) Address() enishi.Address {
	return enishi.Address{Name: n.Name, Kana: n.Kana, PostalCode: n.PostalCode, Prefecture: n.Prefecture, City: n.City, Address1: strings.TrimPrefix(n.Line1, n.City),
		Address2: n.Line2, Company: n.Company, Department: n.Department, JobTitle: n.JobTitle, Honorific: n.Honorific, Country: n.Country}
}

// lengths beyond which an address block of a postcard gets too small to read, in characters.
const (
	longLine = 32
	longName = 20
)

// Normalise reads an address as a person or a shop system wrote it. With a table the postal code is checked against it; nil
// leaves those checks out. It never fails: what is wrong is in Problems.
func Normalise(a enishi.Address, t *Table) Normal {
	n := split(&a, t)
	for i, p := range t.Lookup(n.PostalCode) {
		n.Office = p.Office != "" && !p.POBox && (i == 0 || n.Office)
	}
	n.names(&a)
	n.check(&a, t)
	return n
}

// split finds the parts of the address.
func split(a *enishi.Address, t *Table) Normal {
	var n Normal
	pref, city, line1, line2 := fold(a.Prefecture), fold(a.City), fold(a.Address1), fold(a.Address2)
	zip := fold(a.PostalCode)
	if zip == "" {
		zip, line1 = cutZip(line1)
	} else if _, rest := cutZip(line1); rest != line1 {
		line1 = rest
	}
	n.PostalCode, _ = zipDigits(zip)
	n.Country = country(a.Country)
	n.Foreign = n.Country != "" || foreignText(pref+city+line1+line2, zip, pref)
	n.Prefecture = prefectureOf(pref)
	for _, part := range [...]*string{&city, &line1} {
		if p, rest := cutPrefecture(*part); p != "" && (n.Prefecture == "" || n.Prefecture == p) {
			n.Prefecture, *part = p, rest
		}
	}
	if n.Foreign {
		n.City, n.Line1, n.Line2 = city, line1, line2
		n.raw = line1 + " " + line2
		return n
	}
	if city == "" {
		city, line1 = cutKnownCity(n.Prefecture, line1, t, n.PostalCode)
	} else if c, rest := cutKnownCity(n.Prefecture, city, t, n.PostalCode); c != "" && rest != "" && c != city {
		city, line1 = c, strings.TrimSpace(rest+line1)
	}
	city = strings.ReplaceAll(city, " ", "")
	line1 = strings.TrimSpace(strings.TrimPrefix(line1, n.Prefecture))
	if rest, ok := strings.CutPrefix(line1, city); ok && city != "" {
		line1 = strings.TrimSpace(rest)
	}
	n.City = city
	n.lines(line1, line2)
	return n
}

// cutKnownCity takes the city off a text: that of the postal code when the text begins with it, else by the form of the name.
func cutKnownCity(prefecture, s string, t *Table, zip string) (city, rest string) {
	for _, p := range t.Lookup(zip) {
		if rest, ok := strings.CutPrefix(s, p.City); ok && (prefecture == "" || prefecture == p.Prefecture) {
			return p.City, strings.TrimSpace(rest)
		}
	}
	city, rest = cutCity(s)
	return city, strings.TrimSpace(rest)
}

// lines finds town, numbers, building and room.
func (n *Normal) lines(line1, line2 string) {
	n.raw = line1 + " " + line2
	n.Town, n.Line2 = line1, line2
	if box := boxNumber(line1 + " " + line2); box != "" {
		n.POBox = box
		n.join(line1)
		return
	}
	if strings.Contains(n.raw, "局留") || strings.Contains(n.raw, "局止") {
		n.AtOffice = true
		n.join(line1)
		return
	}
	b := parseBlock(line1)
	if len(b.numbers) == 0 && line2 != "" {
		if second := parseBlock(line2); len(second.numbers) > 0 && (second.town == "" || strings.HasSuffix(second.town, "字") || line1 == "") {
			second.town = strings.TrimSpace(line1 + second.town)
			b, line2 = second, ""
		}
	}
	n.Town, n.Block, n.Room = strings.TrimRight(b.town, " -‐−"), b.text(), b.room
	rest := b.rest
	if line2 != "" {
		rest = strings.TrimSpace(rest + " " + line2)
	}
	if i := strings.LastIndex(" "+rest, " ") - 1; strings.HasSuffix(rest, "方") && len(rest)-i > len(" 方") {
		rest, n.CareOf = strings.TrimSpace(rest[:i+1]), rest[i+1:]
	}
	if n.Room == "" {
		n.Building, n.Room = splitRoom(rest)
	} else if rest != "" {
		building, room := splitRoom(rest)
		if room == n.Room {
			n.Building = building
		} else {
			n.Building = strings.Trim(rest, " -‐−、,/")
		}
	}
	n.join(n.Town + n.Block)
}

// join makes the printed lines.
func (n *Normal) join(place string) {
	n.Line1 = n.City + place
	if n.Block != "" || n.Building != "" || n.Room != "" || n.CareOf != "" {
		n.Line2 = strings.TrimSpace(strings.TrimSpace(n.Building+" "+n.Room) + " " + n.CareOf)
	}
}

// boxNumber is the number of a post-office box: 渋谷郵便局私書箱第12号 has 12.
func boxNumber(s string) string {
	_, after, ok := strings.Cut(s, "私書箱")
	if !ok {
		return ""
	}
	rs := []rune(strings.TrimLeft(after, " 第-"))
	for i := range rs {
		if number, end, _ := numberAt(rs, i); end > i && i == 0 {
			return number
		}
		break
	}
	return "0" // a box without its number
}

// names finds who the piece is for. A company and a person have one honorific between them: the person's.
func (n *Normal) names(a *enishi.Address) {
	n.Company, n.Department, n.JobTitle = fold(a.Company), fold(a.Department), fold(a.JobTitle)
	n.Name, n.Kana, n.Honorific = fold(a.Name), fold(a.Kana), fold(a.Honorific)
	name, told := cutHonorific(n.Name)
	company, office := cutHonorific(n.Company)
	if told != "" || office != "" {
		kept := n.Honorific
		if kept == "" {
			if kept = told; n.Name == "" {
				kept = office
			}
		}
		if told != "" && (n.Honorific != "" && n.Honorific != told || office != "") {
			n.problem("honorific.double", "name", Text{"敬称が重なります: " + told, "two honorifics: " + told},
				Text{"氏名から敬称を取り、敬称の欄だけに書いてください(御中と様は併用しません)", "take the honorific off the name and keep it in its own field only (御中 and 様 never stand together)"}, name)
		} else if office != "" && n.Name != "" {
			n.problem("honorific.double", "company", Text{"敬称が重なります: " + office, "two honorifics: " + office},
				Text{"会社名から敬称を取ってください(御中と様は併用しません)", "take the honorific off the company (御中 and 様 never stand together)"}, company)
		}
		n.Name, n.Company, n.Honorific = name, company, kept
	}
	if n.Honorific == "" {
		n.Honorific = "様"
		if n.Name == "" && n.Company != "" {
			n.Honorific = "御中"
		}
	}
	if n.Name != "" && n.Honorific == "御中" {
		n.Honorific = "様"
	}
}

// cutHonorific takes an honorific off the end of a name; 様 and 御中 both when both stand there.
func cutHonorific(s string) (name, honorific string) {
	for again := true; again; {
		again = false
		for _, h := range [...]string{"御中", "様", "さま", "殿", "先生", "樣"} {
			if rest, ok := strings.CutSuffix(s, h); ok && strings.TrimSpace(rest) != "" {
				if (h == "殿" || h == "先生" || h == "さま") && !strings.HasSuffix(rest, " ") && utf8.RuneCountInString(rest) < 3 {
					continue // 鵜殿 is a name
				}
				s, honorific, again = strings.TrimSpace(rest), h, true
			}
		}
	}
	return s, honorific
}

// zipDigits reads a postal code: 〒150-0001, 1500001; form tells one that is there and is none.
func zipDigits(s string) (zip string, form bool) {
	if s == "" {
		return "", false
	}
	digits := make([]byte, 0, 8)
	for _, r := range s {
		switch {
		case digit(r):
			digits = append(digits, byte(r))
		case r == '〒' || r == ' ' || r == 'T' && len(digits) == 0 || r == 'ー' || hyphen(r) || r == '.':
		default:
			return "", true
		}
		if len(digits) > 7 {
			return "", true
		}
	}
	if len(digits) != 7 {
		return "", len(digits) > 0
	}
	return string(digits), false
}

// cutZip takes a postal code off the front of an address.
func cutZip(s string) (zip, rest string) {
	body := strings.TrimLeft(strings.TrimPrefix(s, "〒"), " ")
	marked := len(body) != len(s)
	if len(body) >= 8 && hyphenAt(body[3:]) > 0 {
		h := hyphenAt(body[3:])
		if len(body) >= 7+h {
			if zip := body[:3] + body[3+h:7+h]; allDigits(zip) && (len(body) == 7+h || !digit(rune(body[7+h]))) {
				return zip, strings.TrimSpace(body[7+h:])
			}
		}
	}
	if marked && len(body) >= 7 && allDigits(body[:7]) {
		return body[:7], strings.TrimSpace(body[7:])
	}
	return "", s
}

func hyphenAt(s string) int {
	r, n := utf8.DecodeRuneInString(s)
	if hyphen(r) || r == 'ー' {
		return n
	}
	return 0
}

func allDigits(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// country is "" for Japan, and otherwise the country as told.
func country(s string) string {
	switch s = strings.ToUpper(fold(s)); s {
	case "", "JP", "JPN", "JAPAN", "日本", "日本国", "392":
		return ""
	}
	return s
}

// foreignText tells an address that is not of Japan: no Japanese character, and neither a postal code of 7 digits nor a
// prefecture.
func foreignText(s, zip, prefecture string) bool {
	if s == "" {
		return false
	}
	for _, r := range s {
		if unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana) {
			return false
		}
	}
	z, _ := zipDigits(zip)
	return z == "" && prefectureOf(prefecture) == "" && strings.ContainsFunc(s, unicode.IsLetter)
}

func quoted(rs []rune) string {
	parts := make([]string, len(rs))
	for i, r := range rs {
		parts[i] = fmt.Sprintf("%c (U+%04X)", r, r)
	}
	return strings.Join(parts, ", ")
}
