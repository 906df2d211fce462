package segments

import (
	"time"

	"enishi"
	"enishi/profiles"
)

// Kind is the type of a field or of a part of an expression.
type Kind uint8

// Kinds. Untyped is a trait whose type is given by what it is compared with.
const (
	Untyped Kind = iota
	Bool
	Whole   // int64
	Money   // int64 of 1/10,000 unit
	Decimal // float64
	Text
	Instant // milliseconds since 1970; 0 is missing
	Texts   // list of texts
)

// String is the kind as a marketer would say it.
func (k Kind) String() string { return kindNames[k][0] }

// JA is String in Japanese.
func (k Kind) JA() string { return kindNames[k][1] }

var kindNames = [...][2]string{Untyped: {"a trait", "属性"}, Bool: {"true or false", "真偽値"}, Whole: {"a whole number", "整数"},
	Money: {"an amount", "金額"}, Decimal: {"a number", "数値"}, Text: {"text", "文字列"}, Instant: {"a time", "日時"}, Texts: {"a list of texts", "文字列のリスト"}}

// Field is a scalar of a person or a field of a collection's elements.
type Field struct {
	Name   string
	Kind   Kind
	EN, JA string          // label
	Inputs profiles.Change // what can change it; of an element field: see [Collection]

	column  string // of the fact table; the name when empty
	whole   func(v *profiles.View, i int) int64
	text    func(v *profiles.View, i int) string
	texts   func(v *profiles.View) []string
	derived string // an expression that stands for it
	op      op     // how the clock, a trait or a ranking makes it; such a number can be missing
	ranking string // that makes it
}

// Collection is a list that belongs to a person.
type Collection struct {
	Name   string
	EN, JA string
	Inputs profiles.Change
	Max    int           // how many elements are kept at most
	Window time.Duration // how far back they are kept; 0: as long as Max allows
	Fields []*Field

	table  string
	length func(v *profiles.View) int
	sorted string // instant by which the view has them in order, oldest first
	ties   string // columns that order elements of one instant, as the view does
	keyed  bool   // that instant is part of the table's sorting key
	only   string // predicate that all elements of the collection fulfil; the table and the view hold others too
}

// field finds a field by name; nil when there is none.
func (c *Collection) field(name string) *Field {
	for _, f := range c.Fields {
		if f.Name == name {
			return f
		}
	}
	return nil
}

// Fields are the scalars, in the order in which a reference shows them.
func Fields() []*Field { return scalars() }

// Collections are the lists, in the order in which a reference shows them.
func Collections() []*Collection { return collections() }

// Channels are the channels that consent.NAME knows.
func Channels() []string {
	return []string{"email", "line", "sms", "push", "postal", "social", "ads"}
}

func ms(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func bit(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// Constructors of table lines: of a scalar the index is not used.

func flagField(name, en, ja string, get func(v *profiles.View, i int) bool) *Field {
	return &Field{Name: name, Kind: Bool, EN: en, JA: ja, whole: func(v *profiles.View, i int) int64 { return bit(get(v, i)) }}
}

func wholeField(name, en, ja string, get func(v *profiles.View, i int) int64) *Field {
	return &Field{Name: name, Kind: Whole, EN: en, JA: ja, whole: get}
}

func moneyField(name, en, ja string, get func(v *profiles.View, i int) enishi.Amount) *Field {
	return &Field{Name: name, Kind: Money, EN: en, JA: ja, whole: func(v *profiles.View, i int) int64 { return int64(get(v, i)) }}
}

func timeField(name, en, ja string, get func(v *profiles.View, i int) time.Time) *Field {
	return &Field{Name: name, Kind: Instant, EN: en, JA: ja, whole: func(v *profiles.View, i int) int64 { return ms(get(v, i)) }}
}

func textField(name, en, ja string, get func(v *profiles.View, i int) string) *Field {
	return &Field{Name: name, Kind: Text, EN: en, JA: ja, text: get}
}

func inputs(c profiles.Change, fs ...*Field) []*Field {
	for _, f := range fs {
		f.Inputs = c
	}
	return fs
}
