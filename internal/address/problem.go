package address

import (
	"fmt"

	"enishi"
)

// Text is a text in both languages.
type Text struct {
	JA string `json:"ja"`
	EN string `json:"en"`
}

// Problem is what is wrong with an address, and how to put it right.
type Problem struct {
	Code     string `json:"code"`     // one of Codes
	Field    string `json:"field"`    // of enishi.Address, by its JSON name
	Severity string `json:"severity"` // error: nothing can be printed; warning: it can, and somebody should look
	Text     Text   `json:"text"`
	Fix      Text   `json:"fix"`
	Suggest  string `json:"suggest,omitempty"` // the value that would be right, when there is one
}

// Severities.
const (
	SeverityError   = "error"
	SeverityWarning = "warning"
)

// CodeText is the title of a kind of problem, for lists that count them.
type CodeText struct {
	Code     string
	Severity string
	Title    Text
}

// Codes are the kinds of problem in the order of their weight.
func Codes() []CodeText {
	return []CodeText{
		{"foreign", SeverityError, Text{"海外の住所", "Foreign address"}},
		{"zip.missing", SeverityError, Text{"郵便番号なし", "No postal code"}},
		{"zip.form", SeverityError, Text{"郵便番号が 7 桁でない", "Postal code is not 7 digits"}},
		{"zip.unknown", SeverityError, Text{"存在しない郵便番号", "Unknown postal code"}},
		{"zip.disagrees", SeverityError, Text{"郵便番号と住所の不一致", "Postal code and address disagree"}},
		{"prefecture.missing", SeverityError, Text{"都道府県なし", "No prefecture"}},
		{"prefecture.unknown", SeverityError, Text{"都道府県名の誤り", "Unknown prefecture"}},
		{"city.missing", SeverityError, Text{"市区町村なし", "No city"}},
		{"number.missing", SeverityError, Text{"番地なし", "No house number"}},
		{"name.missing", SeverityError, Text{"宛名なし", "No name"}},
		{"romaji", SeverityError, Text{"ローマ字の住所", "Address in Latin letters"}},
		{"emoji", SeverityError, Text{"絵文字", "Emoji"}},
		{"encoding.cp932", SeverityError, Text{"印刷データにできない文字(外字)", "Characters outside CP932"}},
		{"encoding.ext", SeverityWarning, Text{"NEC/IBM 拡張文字", "NEC/IBM extended characters"}},
		{"too_long", SeverityWarning, Text{"長すぎる宛名・住所", "Too long"}},
		{"honorific.double", SeverityWarning, Text{"敬称の重複", "Two honorifics"}},
	}
}

func severityOf(code string) string {
	for _, c := range Codes() {
		if c.Code == code {
			return c.Severity
		}
	}
	return SeverityError
}

func (n *Normal) problem(code, field string, text, fix Text, suggest string) {
	n.Problems = append(n.Problems, Problem{Code: code, Field: field, Severity: severityOf(code), Text: text, Fix: fix, Suggest: suggest})
}

// Err is the first problem that forbids printing, as an error with both languages; nil when the address can be printed.
func (n *Normal) Err() error {
	for i := range n.Problems {
		if p := &n.Problems[i]; p.Severity == SeverityError {
			return enishi.FieldError(p.Field, p.Text.EN+": "+p.Fix.EN, p.Text.JA+"。"+p.Fix.JA)
		}
	}
	return nil
}

// OK tells whether the address can be printed: it may have warnings.
func (n *Normal) OK() bool {
	for i := range n.Problems {
		if n.Problems[i].Severity == SeverityError {
			return false
		}
	}
	return true
}

func tableError(file string, line int, msg, msgJA string) error {
	where, whereJA := "", ""
	if file != "" {
		where, whereJA = file+": ", file+": "
	}
	if line > 0 {
		where += fmt.Sprintf("line %d: ", line)
		whereJA += fmt.Sprintf("%d 行目: ", line)
	}
	return &enishi.Error{Code: enishi.Invalid, Field: "zip_table", Msg: where + msg, MsgJA: whereJA + msgJA}
}
