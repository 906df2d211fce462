package postal

import (
	"slices"
	"time"

	"enishi"
	"enishi/channels/dm/postal/barcode"
	"enishi/internal/address"
)

// Person is what decides whether somebody gets a piece, as the fold has it now.
type Person struct {
	ID        enishi.ID
	Erased    bool
	Address   *enishi.Address // where post goes; nil: there is none
	Returned  string          // why the only address that is known cannot be used: what came back says so
	Name      string
	Family    string // family name, of the household
	OptedOut  bool   // of advertising by post
	Held      string // why nothing is to be sent now; empty: nothing stands against it
	Deceased  bool
	Mourning  bool // 喪中
	LTV       enishi.Amount
	LastOrder time.Time
	Orders    []time.Time          // placed and valid, without those that a subscription makes
	Goals     map[enishi.ID]bool   // runs of journeys that reached their goal
	Pieces    map[enishi.ID]Mailed // pieces that left, by send id
}

// Mailed is a piece that a person got.
type Mailed struct{ At time.Time }

// Reasons why a piece is left out or rejected.
const (
	LeftErased    = "erased"
	LeftOptedOut  = "opted_out"
	LeftHold      = "hold"
	LeftReturned  = "returned"
	LeftDeceased  = "deceased"
	LeftMourning  = "mourning"
	LeftRecent    = "recent_mailed"
	LeftHousehold = "household"
	LeftBudget    = "budget"
	LeftBought    = "bought"
	LeftGoal      = "goal"
	LeftDuplicate = "duplicate"
	LeftByHand    = "by_hand"
	LeftMoved     = "moved"      // the address is another one than was approved
	LeftNoAddress = "no_address" // of rejected, as address:CODE is
	LeftContent   = "content"    // of rejected: it cannot be printed as it is
)

// Reason is why this person gets no piece at now, "" when nothing stands against it. What is about the address is not asked.
func (p *Person) Reason(x *Piece, set *Account, now time.Time) string {
	switch {
	case p == nil || p.Erased:
		return LeftErased
	case p.Deceased:
		return LeftDeceased
	case set.NewYear && p.Mourning:
		return LeftMourning
	}
	if x.Purpose == "transactional" {
		return ""
	}
	switch {
	case p.OptedOut:
		return LeftOptedOut
	case p.Held != "":
		return LeftHold
	case p.Goals[x.RunID]:
		return LeftGoal
	}
	for _, at := range p.Orders {
		if at.After(x.DecidedAt) && !set.KeepBuyers {
			return LeftBought
		}
	}
	if set.Recent.Pieces > 0 {
		n, since := 0, now.AddDate(0, 0, -set.Recent.Days)
		for id, m := range p.Pieces {
			if id != x.SendID && m.At.After(since) {
				n++
			}
		}
		if n >= set.Recent.Pieces {
			return LeftRecent
		}
	}
	return ""
}

// BarcodeText is the customer barcode of an address as text; empty: it has none.
func BarcodeText(n *address.Normal) string {
	symbols, _, ok, err := barcode.OfAddress(n, false)
	if !ok || err != nil {
		return ""
	}
	return symbols.Text()
}

// rank orders the people of a household.
func (p *Person) rank(x *Piece, prefer string) int64 {
	switch prefer {
	case "latest":
		return p.LastOrder.UnixMilli()
	case "first":
		return -x.DecidedAt.UnixMilli()
	}
	return int64(p.LTV)
}

// look puts the person's address on a piece and says what is wrong with it.
func (x *Piece) look(p *Person, t *address.Table) {
	x.Address, x.Key, x.Household, x.PostalCode, x.Prefecture, x.Barcode, x.Problems = nil, 0, "", "", "", "", nil
	if p.Address == nil {
		x.State, x.Reason = PieceRejected, LeftNoAddress
		if p.Returned != "" {
			x.State, x.Reason = PieceLeftOut, LeftReturned
			return
		}
		x.Problems = []Problem{{Code: LeftNoAddress, Severity: address.SeverityError,
			Text: Text{"住所の登録がありません。", "No address is known."}, Fix: Text{"住所を登録してください。", "Add an address."}}}
		return
	}
	n := address.Normalise(*p.Address, t)
	a := n.Address()
	x.Address, x.Key, x.PostalCode, x.Prefecture = &a, n.Key(), n.PostalCode, n.Prefecture
	x.Household = address.Household(n, p.Family)
	office := slices.ContainsFunc(t.Lookup(n.PostalCode), func(p address.Place) bool { return p.Office != "" })
	if symbols, _, ok, err := barcode.OfAddress(&n, office); ok && err == nil {
		x.Barcode = symbols.Text()
	}
	for i := range n.Problems {
		q := &n.Problems[i]
		x.Problems = append(x.Problems, Problem{q.Code, q.Field, q.Severity, Text(q.Text), Text(q.Fix), q.Suggest})
	}
	for i := range n.Problems {
		if q := &n.Problems[i]; q.Severity == address.SeverityError {
			x.State, x.Reason = PieceRejected, "address:"+q.Code
			return
		}
	}
}
