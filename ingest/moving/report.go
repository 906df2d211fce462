package moving

import (
	"encoding/csv"
	"io"
	"slices"
	"strconv"
	"strings"

	"enishi/ingest/mapping"
)

// Report is what came and what did not. It holds no personal value.
type Report struct {
	Phase      string         `json:"phase"`      // "", suppressions, rest, done
	Files      []FileReport   `json:"files"`      // in the order of the plan
	People     int            `json:"people"`     // different strongest identifiers
	Suppressed int            `json:"suppressed"` // addresses that refuse, over all channels
	Overruled  int            `json:"overruled"`  // permissions that were not taken, as the address refuses elsewhere
	Consents   []ConsentCount `json:"consents"`
}

// ConsentCount is how many addresses of a channel allow or refuse marketing.
type ConsentCount struct {
	Channel string `json:"channel"`
	In      int    `json:"in"`
	Out     int    `json:"out"`
}

// FileReport is the part of one file.
type FileReport struct {
	Name      string         `json:"name"`
	Preset    string         `json:"preset"` // "": not taken
	Title     mapping.Title  `json:"title"`
	Of        int            `json:"of"` // rows in the file
	Rows      int            `json:"rows"`
	Taken     int            `json:"taken"`
	Refused   int            `json:"refused"`
	Events    int            `json:"events"`
	Overruled int            `json:"overruled"`
	Consents  []ConsentCount `json:"consents"`
	Reasons   []Reason       `json:"reasons"`
	Kept      []string       `json:"kept"`
	Left      []string       `json:"left"`
	Problem   *Problem       `json:"problem"`
}

// Reason is why rows were refused.
type Reason struct {
	Problem
	Field string `json:"field"`
	Count int    `json:"count"`
	First []int  `json:"first"` // lines, at most ten

	lines []int
}

// maxReasons bounds the different reasons of a file; what comes after them is counted with the last.
const maxReasons = 50

func newReport(p *Plan) *Report {
	r := &Report{Consents: []ConsentCount{}}
	for i := range p.Files {
		x := &p.Files[i]
		r.Files = append(r.Files, FileReport{Name: x.Name, Preset: x.Preset, Title: x.Title, Of: x.Rows, Consents: []ConsentCount{}, Reasons: []Reason{}, Kept: x.Kept, Left: x.Left, Problem: x.Problem})
	}
	return r
}

func (r *FileReport) refuse(lines []int, why Problem, field string) {
	i := slices.IndexFunc(r.Reasons, func(x Reason) bool { return x.Field == field && kindOf(x.EN) == kindOf(why.EN) })
	if i < 0 {
		if i = len(r.Reasons); i == maxReasons {
			i--
		} else {
			r.Reasons = append(r.Reasons, Reason{Problem: why, Field: field, First: []int{}})
		}
	}
	x := &r.Reasons[i]
	x.Count += len(lines)
	for _, line := range lines {
		if len(x.First) < 10 {
			x.First = append(x.First, line)
		}
		if len(x.lines) < maxRefused {
			x.lines = append(x.lines, line)
		}
	}
}

// kindOf is a reason without the value that it quotes.
func kindOf(s string) string {
	if _, rest, ok := strings.Cut(s, `" `); ok && strings.HasPrefix(s, `"`) {
		return rest
	}
	return s
}

func (r *FileReport) consent(channel, state string) { r.Consents = count(r.Consents, channel, state) }
func (r *Report) consent(channel, state string)     { r.Consents = count(r.Consents, channel, state) }

func count(list []ConsentCount, channel, state string) []ConsentCount {
	i, ok := slices.BinarySearchFunc(list, channel, func(c ConsentCount, name string) int { return strings.Compare(c.Channel, name) })
	if !ok {
		list = slices.Insert(list, i, ConsentCount{Channel: channel})
	}
	if state == "in" {
		list[i].In++
	} else {
		list[i].Out++
	}
	return list
}

// CSV writes the report for people to keep, one line for each file.
func (r *Report) CSV(w io.Writer, ja bool) error {
	out := csv.NewWriter(w)
	head := []string{"file", "what", "rows", "taken", "refused", "events", "permissions email", "refusals email", "permissions sms", "refusals sms", "permissions overruled", "columns kept as traits", "columns not taken", "reasons"}
	if ja {
		head = []string{"ファイル", "種類", "行", "取込", "要確認", "イベント", "メール許可", "メール停止", "SMS許可", "SMS停止", "停止を優先した許可", "属性として残した列", "取り込まない列", "理由"}
	}
	_ = out.Write(head) // Flush tells
	for i := range r.Files {
		f := &r.Files[i]
		title := f.Title.EN
		if ja {
			title = f.Title.JA
		}
		var reasons []string
		if f.Problem != nil {
			reasons = append(reasons, f.Problem.in(ja))
		}
		for _, x := range f.Reasons {
			reasons = append(reasons, x.in(ja)+" ×"+strconv.Itoa(x.Count))
		}
		row := []string{f.Name, title, strconv.Itoa(f.Of), strconv.Itoa(f.Taken), strconv.Itoa(f.Refused), strconv.Itoa(f.Events)}
		for _, channel := range []string{"email", "sms"} {
			c := ConsentCount{}
			if at := slices.IndexFunc(f.Consents, func(c ConsentCount) bool { return c.Channel == channel }); at >= 0 {
				c = f.Consents[at]
			}
			row = append(row, strconv.Itoa(c.In), strconv.Itoa(c.Out))
		}
		_ = out.Write(append(row, strconv.Itoa(f.Overruled), strings.Join(f.Kept, " / "), strings.Join(f.Left, " / "), strings.Join(reasons, " / "))) // Flush tells
	}
	out.Flush()
	return out.Error()
}

func (p Problem) in(ja bool) string {
	if ja {
		return p.JA
	}
	return p.EN
}

func writeRow(w io.Writer, cells []string) {
	out := csv.NewWriter(w)
	_ = out.Write(cells) // to memory
	out.Flush()
}
