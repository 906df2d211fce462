// Package sample has a field of every kind that the generator knows, and a state-like struct for the benchmark.
package sample

import (
	"time"

	"enishi/internal/wire/testdata/money"
)

//go:generate go run enishi/internal/wire/gen -types Every,Item,Base,New,Old,State,Order,Line,Visit -out wire_gen.go

// Named types over every basic one.
type (
	ID     [16]byte
	Short  [4]byte
	Name   string
	Flag   bool
	Status uint8
	Delta  int32
	Score  float64
	Raw    []byte
	Names  []Name
	Attrs  map[Name]string
	Alias  = Name
)

// Every has a field of every kind.
type Every struct {
	Bool       bool          `wire:"1"`
	Int        int           `wire:"2"`
	Int8       int8          `wire:"3"`
	Int16      int16         `wire:"4"`
	Int32      int32         `wire:"5"`
	Int64      int64         `wire:"6"`
	Uint       uint          `wire:"7"`
	Uint8      uint8         `wire:"8"`
	Uint16     uint16        `wire:"9"`
	Uint32     uint32        `wire:"10"`
	Uint64     uint64        `wire:"11"`
	Float      float64       `wire:"12"`
	String     string        `wire:"13"`
	Bytes      []byte        `wire:"14"`
	Key        [16]byte      `wire:"15"`
	Four       [4]byte       `wire:"16"`
	Time       time.Time     `wire:"17"`
	Duration   time.Duration `wire:"18"`
	ID         ID            `wire:"19"`
	Short      Short         `wire:"20"`
	Name       Name          `wire:"21"`
	Flag       Flag          `wire:"22"`
	Status     Status        `wire:"23"`
	Delta      Delta         `wire:"24"`
	Score      Score         `wire:"25"`
	Raw        Raw           `wire:"26"`
	Alias      Alias         `wire:"27"`
	Hash       uint64        `wire:"28,fixed"`
	SignedHash int64         `wire:"29,fixed"`

	Item    Item         `wire:"30"`
	ItemPtr *Item        `wire:"31"`
	Price   money.Price  `wire:"32"`
	Pair    money.Pair   `wire:"33"`
	PairPtr *money.Pair  `wire:"34"`
	PricePt *money.Price `wire:"35"`

	Maybe     *bool      `wire:"36"`
	MaybeInt  *int64     `wire:"37"`
	MaybeTime *time.Time `wire:"38"`
	MaybeID   *ID        `wire:"39"`
	MaybeFour *[4]byte   `wire:"40"`
	MaybeText *Name      `wire:"41"`

	Items     []Item          `wire:"42"`
	ItemPtrs  []*Item         `wire:"43"`
	Prices    []money.Price   `wire:"44"`
	Pairs     []*money.Pair   `wire:"45"`
	Strings   []string        `wire:"46"`
	Names     Names           `wire:"47"`
	Blobs     [][]byte        `wire:"48"`
	Bools     []bool          `wire:"49"`
	Ints      []int           `wire:"50"`
	Int8s     []int8          `wire:"51"`
	Uint64s   []uint64        `wire:"52"`
	Statuses  []Status        `wire:"53"`
	Floats    []float64       `wire:"54"`
	Hashes    []uint64        `wire:"55,fixed"`
	IDs       []ID            `wire:"56"`
	Shorts    []Short         `wire:"57"`
	Times     []time.Time     `wire:"58"`
	Durations []time.Duration `wire:"59"`
	Grid      [][]int         `wire:"60"`

	Texts     map[string]string        `wire:"61"`
	Attrs     Attrs                    `wire:"62"`
	Counts    map[string]int           `wire:"63"`
	Scores    map[string]float64       `wire:"64"`
	ByName    map[Name]Item            `wire:"65"`
	PtrByName map[string]*Item         `wire:"66"`
	PriceBy   map[string]money.Price   `wire:"67"`
	Seen      map[string]time.Time     `wire:"68"`
	IDBy      map[string]ID            `wire:"69"`
	ListBy    map[string][]string      `wire:"70"`
	Deep      map[string]map[string]ID `wire:"71"`
	Flags     map[string]bool          `wire:"72"`
	HashBy    map[string]uint64        `wire:"73,fixed"`
	Matrix    []map[string][]Item      `wire:"74"`

	Base   `wire:"75"`
	hidden string `wire:"2100"`

	_       struct{} `wire:"76"`
	Cache   any      // not encoded
	Derived func()   `json:"-"`
}

// Item is nested; its last number needs a tag of three bytes.
type Item struct {
	Text string `wire:"1"`
	N    int    `wire:"2"`
	Last int    `wire:"30000"`
}

// Base is embedded.
type Base struct {
	Inside string `wire:"1"`
}

// Old and New are the same message before and after fields of every payload were added.
type (
	Old struct {
		A string `wire:"1"`
		Z int64  `wire:"90"`
	}
	New struct {
		A string            `wire:"1"`
		B int64             `wire:"2"`
		C uint64            `wire:"3,fixed"`
		D []Item            `wire:"4"`
		E ID                `wire:"5"`
		F bool              `wire:"6"`
		G map[string]string `wire:"16"`
		Z int64             `wire:"90"`
	}
)

// State is like a profile's: what the benchmark encodes.
type State struct {
	ID      ID                `wire:"1"`
	Applied int64             `wire:"2"`
	Traits  map[string]string `wire:"3"`
	Orders  []Order           `wire:"4"`
	Visits  []Visit           `wire:"5"`
}

// Order is an order of a State.
type Order struct {
	Key    string    `wire:"1"`
	Placed time.Time `wire:"2"`
	Total  int64     `wire:"3"`
	Status Status    `wire:"4"`
	Lines  []Line    `wire:"5"`
}

// Line is a line of an Order.
type Line struct {
	SKU   string `wire:"1"`
	Qty   int32  `wire:"2"`
	Price int64  `wire:"3"`
}

// Visit is a page seen.
type Visit struct {
	At   time.Time `wire:"1"`
	Page string    `wire:"2"`
	Kind Status    `wire:"3"`
}
