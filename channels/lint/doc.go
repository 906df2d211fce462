// Package lint checks a message before it is sent, in words that a marketer understands.
//
// It is pure: what the reader gets and the source that it was made from go in, findings come out. It judges by what a
// message says, not by its class: an order mail that carries an offer owes what an advertisement owes (特定電子メール法 4 条).
// Words that 薬機法 and 景品表示法 forbid or want proof for are lists that a shop can change: see [List].
//
// A finding of severity error stops a journey from going live and a broadcast from being sent, until it is mended or
// somebody takes the responsibility by name and reason. The checks find what can be found in a text; they are no legal
// advice, and whether a claim is true is beyond them.
package lint

// Severity of a finding.
const (
	Error   = "error"   // stops the message
	Warning = "warning" // is shown
)

// Text is a sentence in both languages.
type Text struct {
	JA string `json:"ja"`
	EN string `json:"en"`
}

// Finding is something to look at before sending.
type Finding struct {
	Code     string `json:"code"`     // e.g. duty.address, words.yakkiho, link.relative
	Severity string `json:"severity"` // error, warning
	Part     string `json:"part"`     // as in the template: variants.ja.html; empty: the message as a whole
	Line     int    `json:"line"`     // of the part's source, from 1; 0: not known
	Block    string `json:"block"`    // id of the editor's block that has it; may be empty
	Excerpt  string `json:"excerpt"`  // what it is about, as it is written
	Text     Text   `json:"text"`     // what is wrong
	Fix      Text   `json:"fix"`      // what to do
}

// Message is what one kind of reader gets, and what it was made from.
type Message struct {
	Channel  string // email, line, sms, push, social, postal
	Purpose  string // marketing, transactional
	Language string // ja, en, ...

	Rendered Content // as a reader gets it
	Source   Content // as it is written, with its Liquid; the same fields
	Subjects []string
	Blocks   []byte // JSON array of the editor's blocks; may be nil

	Sender      Sender
	Unsubscribe string // address under which this reader refuses; empty: there is none
	Avoid       []string
}

// Content is the parts of a message.
type Content struct {
	Subject, Preheader, HTML, Text string
	Messages                       []byte // LINE: JSON array of message objects
	Content                        []byte // other channels: a JSON object
}

// Sender is who sends, as the brand kit says it.
type Sender struct{ Name, Address, Contact string }

// Rules are what can be chosen.
type Rules struct {
	Lists   []List
	Charset string // iso-2022-jp: readers who cannot see emoji; empty: utf-8
}

// Check lists all findings: errors first, then by part, line and code.
func Check(m *Message, r *Rules) []Finding {
	c := &checker{m: m, r: r, seen: map[string]bool{}}
	switch m.Channel {
	case "email":
		c.mail()
	case "line":
		c.line()
	case "sms", "push":
		c.short()
	}
	c.words()
	return c.sorted()
}
