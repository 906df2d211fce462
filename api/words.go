package api

import (
	"strconv"
	"strings"
	"time"

	"enishi"
)

// Text is a text in both languages.
type Text struct {
	JA string `json:"ja"`
	EN string `json:"en"`
}

// textInput is a text as a caller writes it: one language is enough.
type textInput struct {
	JA string `json:"ja,omitempty" maxLength:"500"`
	EN string `json:"en,omitempty" maxLength:"500"`
}

// in is the text in one language.
func (t Text) in(language string) string {
	if language == "en" {
		return t.EN
	}
	return t.JA
}

func (t Text) isZero() bool { return t.JA == "" && t.EN == "" }

// complete fills a missing language from the other one.
func (t Text) complete() Text {
	if t.JA == "" {
		t.JA = t.EN
	}
	if t.EN == "" {
		t.EN = t.JA
	}
	return t
}

// word is what people read for a code. A code that is not in the table shows its family's general word.
func word(family, code string) Text {
	if t, ok := words[family+"."+code]; ok {
		return t
	}
	if t, ok := words[family+"."]; ok {
		return t
	}
	return words["."]
}

// typeLabel is the name of an event type on screen.
func typeLabel(name string) Text {
	if t, ok := words["type."+name]; ok { // what only the fold writes
		return t
	}
	info, ok := enishi.LookupType(name)
	if !ok {
		return words["type."]
	}
	if custom, ok := strings.CutPrefix(name, "custom."); ok {
		return Text{custom, custom} // the shop's own word
	}
	return Text{info.JA, typeNames[name]}.complete()
}

// traitLabel is the name of an attribute on screen; one of the shop's own is its own word.
func traitLabel(name string) Text {
	if t, ok := words["trait."+name]; ok {
		return t
	}
	return Text{name, name}
}

// dayText is a day as people write it, with the year when it is not now's.
func dayText(t, now time.Time, zone *time.Location) Text {
	t, now = t.In(zone), now.In(zone)
	if t.Year() == now.Year() {
		return Text{t.Format("1/2"), t.Format("2 Jan")}
	}
	return Text{t.Format("2006/1/2"), t.Format("2 Jan 2006")}
}

// timeText is an instant as people write it.
func timeText(t, now time.Time, zone *time.Location) Text {
	d := dayText(t, now, zone)
	clock := t.In(zone).Format("15:04")
	return Text{d.JA + " " + clock, d.EN + " " + clock}
}

// moneyText is an amount as people read it: ¥12,345.
func moneyText(m enishi.Amount, currency string) string {
	whole, frac, _ := strings.Cut(m.String(), ".")
	sign := ""
	if rest, ok := strings.CutPrefix(whole, "-"); ok {
		sign, whole = "-", rest
	}
	whole = commas(whole)
	if currency != "" && currency != "JPY" && frac != "" {
		whole += "." + (frac + "0")[:2]
	}
	switch currency {
	case "", "JPY":
		return sign + "¥" + whole
	case "USD":
		return sign + "$" + whole
	case "EUR":
		return sign + "€" + whole
	}
	return sign + whole + " " + currency
}

// commas parts the digits of a whole number: 12,345.
func commas(digits string) string {
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// grouped is a number of people as people read it.
func grouped(n int64) string { return commas(strconv.FormatInt(n, 10)) }

// joined joins texts, leaving out the empty ones.
func joined(parts ...Text) Text {
	var ja, en []string
	for _, p := range parts {
		if p.JA != "" {
			ja = append(ja, p.JA)
		}
		if p.EN != "" {
			en = append(en, p.EN)
		}
	}
	return Text{strings.Join(ja, "・"), strings.Join(en, ", ")}
}

// plain is a text that is the same in both languages: a name, a number.
func plain(s string) Text { return Text{s, s} }
