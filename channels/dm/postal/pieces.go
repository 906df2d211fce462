package postal

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"enishi"
	"enishi/internal/clickhouse"
)

// States of a piece.
const (
	PieceCollected = "collected" // waits for the cut-off
	PieceReady     = "ready"     // will be printed, unless something happens until the export
	PieceRejected  = "rejected"  // the address cannot be used; mended, it is ready
	PieceLeftOut   = "left_out"  // need not, or may not, be sent
	PieceExported  = "exported"  // stands in the files
	PieceMoved     = "moved"     // stands in another batch
)

// Piece is one piece of post.
type Piece struct {
	Batch           string
	SendID          enishi.ID
	Version         uint64
	State           string
	Reason          string // of rejected and left out
	Problems        []Problem
	Profile         enishi.ID
	Subject         enishi.ID
	Round           int
	Account         string
	Destination     string
	Purpose         string
	Journey         string
	Definition      int64 // version of the journey
	Node            string
	RunID           enishi.ID
	Template        string
	TemplateVersion int64
	Language        string
	Variant         string
	DecidedAt       time.Time
	Cutoff          time.Time
	UpdatedAt       time.Time
	Address         *enishi.Address // as it will be printed; nil: not looked up, or none
	Key             uint64          // of the delivery point
	Household       string
	Rank            int64 // who of a household gets the piece: the highest
	PostalCode      string
	Prefecture      string
	Barcode         string // customer barcode as text; empty: none
	Code            string // of this piece, for people and machines
	Content         json.RawMessage
	Cost            enishi.Amount
	Sequence        int // in the files, from 1
	Seed            bool
}

// Problem is what is wrong with an address, or worth a look.
type Problem struct {
	Code     string `json:"code"`
	Field    string `json:"field,omitempty"`
	Severity string `json:"severity"` // error, warning
	Text     Text   `json:"text"`
	Fix      Text   `json:"fix"`
	Suggest  string `json:"suggest,omitempty"`
}

// Pieces is the table postal_pieces.
type Pieces struct{ DB *clickhouse.DB }

var pieceColumns = []string{"batch", "send_id", "version", "state", "reason", "problems", "profile_id", "subject", "round", "account", "destination", "purpose", "journey", "definition", "node", "run_id",
	"template", "template_version", "language", "variant", "decided_at", "cutoff_at", "updated_at", "address", "address_key", "household", "rank", "postal_code", "prefecture", "barcode", "code", "content", "cost", "sequence", "seed"}

// Insert stores rows; of one piece that with the highest version counts.
func (p Pieces) Insert(ctx context.Context, list []Piece) error {
	n := len(list)
	texts := func(of func(*Piece) string) []string {
		out := make([]string, n)
		for i := range list {
			out[i] = of(&list[i])
		}
		return out
	}
	ids := func(of func(*Piece) enishi.ID) []enishi.ID {
		out := make([]enishi.ID, n)
		for i := range list {
			out[i] = of(&list[i])
		}
		return out
	}
	var (
		version, key                    = make([]uint64, n), make([]uint64, n)
		round, sequence                 = make([]uint32, n), make([]uint32, n)
		definition, tversion, rank      = make([]int64, n), make([]int64, n), make([]int64, n)
		decided, cutoff, updated, costs = make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n)
		seed                            = make([]uint8, n)
		address, problems               = make([]string, n), make([]string, n)
	)
	for i := range list {
		x := &list[i]
		version[i], key[i], round[i], sequence[i] = x.Version, x.Key, uint32(x.Round), uint32(x.Sequence)
		definition[i], tversion[i], rank[i], costs[i] = x.Definition, x.TemplateVersion, x.Rank, int64(x.Cost)
		decided[i], cutoff[i], updated[i] = x.DecidedAt.UnixMilli(), x.Cutoff.UnixMilli(), x.UpdatedAt.UnixMilli()
		if x.Seed {
			seed[i] = 1
		}
		if x.Address != nil {
			b, err := json.Marshal(x.Address)
			if err != nil {
				return fmt.Errorf("encode the address of a piece: %w", err)
			}
			address[i] = string(b)
		}
		if len(x.Problems) > 0 {
			b, err := json.Marshal(x.Problems)
			if err != nil {
				return fmt.Errorf("encode the problems of a piece: %w", err)
			}
			problems[i] = string(b)
		}
	}
	return p.DB.Insert(ctx, "postal_pieces", pieceColumns, n,
		texts(func(x *Piece) string { return x.Batch }), ids(func(x *Piece) enishi.ID { return x.SendID }), version, texts(func(x *Piece) string { return x.State }), texts(func(x *Piece) string { return x.Reason }), problems,
		ids(func(x *Piece) enishi.ID { return x.Profile }), ids(func(x *Piece) enishi.ID { return x.Subject }), round, texts(func(x *Piece) string { return x.Account }), texts(func(x *Piece) string { return x.Destination }),
		texts(func(x *Piece) string { return x.Purpose }), texts(func(x *Piece) string { return x.Journey }), definition, texts(func(x *Piece) string { return x.Node }), ids(func(x *Piece) enishi.ID { return x.RunID }),
		texts(func(x *Piece) string { return x.Template }), tversion, texts(func(x *Piece) string { return x.Language }), texts(func(x *Piece) string { return x.Variant }), decided, cutoff, updated,
		address, key, texts(func(x *Piece) string { return x.Household }), rank, texts(func(x *Piece) string { return x.PostalCode }), texts(func(x *Piece) string { return x.Prefecture }), texts(func(x *Piece) string { return x.Barcode }),
		texts(func(x *Piece) string { return x.Code }), texts(func(x *Piece) string { return string(x.Content) }), costs, sequence, seed)
}

// Page reads pieces of a batch by send id, those after one, at most n. where is a condition on columns without values of
// anybody's; args bind what it names.
func (p Pieces) Page(ctx context.Context, batch string, after enishi.ID, n int, where string, args ...any) ([]Piece, error) {
	if where != "" {
		where = " AND (" + where + ")"
	}
	return p.read(ctx, "batch = {batch:String} AND send_id > toFixedString(unhex({after:String}), 16) AND state != 'moved'"+where+" ORDER BY send_id LIMIT "+strconv.Itoa(n),
		append(args, ch.Named("batch", batch), ch.Named("after", after.String()))...)
}

// Each calls do for all pieces of a batch that fit, a page at a time, in the order of their send ids.
func (p Pieces) Each(ctx context.Context, batch, where string, do func(page []Piece) error) error {
	const size = 2000
	var after enishi.ID
	for {
		page, err := p.Page(ctx, batch, after, size, where)
		if err != nil {
			return err
		}
		if len(page) > 0 {
			after = page[len(page)-1].SendID
			if err := do(page); err != nil {
				return err
			}
		}
		if len(page) < size {
			return nil
		}
	}
}

// One is a piece of a batch by its send id; false when it has none.
func (p Pieces) One(ctx context.Context, batch string, send enishi.ID) (Piece, bool, error) {
	list, err := p.read(ctx, "batch = {batch:String} AND send_id = toFixedString(unhex({id:String}), 16) AND state != 'moved'", ch.Named("batch", batch), ch.Named("id", send.String()))
	if err != nil || len(list) == 0 {
		return Piece{}, false, err
	}
	return list[0], true, nil
}

// ByCode finds the pieces of codes.
func (p Pieces) ByCode(ctx context.Context, codes []string) (map[string]Piece, error) {
	list, err := p.read(ctx, "code IN {codes:Array(String)} AND code != '' AND state != 'moved'", ch.Named("codes", codes))
	out := make(map[string]Piece, len(list))
	for i := range list {
		out[list[i].Code] = list[i]
	}
	return out, err
}

// ByProfile are the pieces of a person's ids, newest first.
func (p Pieces) ByProfile(ctx context.Context, ids []enishi.ID) ([]Piece, error) {
	return p.read(ctx, "(profile_id IN "+idSet(ids)+" OR subject IN "+idSet(ids)+") AND state != 'moved' ORDER BY decided_at DESC, send_id LIMIT 500")
}

func (p Pieces) read(ctx context.Context, where string, args ...any) ([]Piece, error) {
	rows, err := p.DB.Query(ctx, "SELECT "+strings.Join(pieceColumns, ", ")+" FROM postal_pieces FINAL WHERE "+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read pieces: %w", err)
	}
	defer rows.Close()
	var out []Piece
	for rows.Next() {
		x, err := scanPiece(rows)
		if err != nil {
			return nil, fmt.Errorf("read pieces: %w", err)
		}
		out = append(out, x)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read pieces: %w", err)
	}
	return out, nil
}

func scanPiece(rows driver.Rows) (x Piece, err error) {
	var send, profile, subject, run, problems, address, content string
	var round, sequence uint32
	var cost int64
	var seed uint8
	err = rows.Scan(&x.Batch, &send, &x.Version, &x.State, &x.Reason, &problems, &profile, &subject, &round, &x.Account, &x.Destination, &x.Purpose, &x.Journey, &x.Definition, &x.Node, &run,
		&x.Template, &x.TemplateVersion, &x.Language, &x.Variant, &x.DecidedAt, &x.Cutoff, &x.UpdatedAt, &address, &x.Key, &x.Household, &x.Rank, &x.PostalCode, &x.Prefecture, &x.Barcode, &x.Code, &content, &cost, &sequence, &seed)
	if err != nil {
		return x, err
	}
	copy(x.SendID[:], send)
	copy(x.Profile[:], profile)
	copy(x.Subject[:], subject)
	copy(x.RunID[:], run)
	x.Round, x.Sequence, x.Cost, x.Seed, x.Content = int(round), int(sequence), enishi.Amount(cost), seed == 1, json.RawMessage(content)
	x.DecidedAt, x.Cutoff, x.UpdatedAt = x.DecidedAt.UTC(), x.Cutoff.UTC(), x.UpdatedAt.UTC()
	if address != "" {
		x.Address = &enishi.Address{}
		if err := json.Unmarshal([]byte(address), x.Address); err != nil {
			return x, err
		}
	}
	if problems != "" {
		err = json.Unmarshal([]byte(problems), &x.Problems)
	}
	return x, err
}

// Head is a batch as its pieces tell it.
type Head struct {
	Batch, Account, Template string
	Cutoff                   time.Time
	Pieces                   int            // without seeds
	States                   map[string]int // pieces by state
}

// Heads are the batches of pieces that fit a condition.
func (p Pieces) Heads(ctx context.Context, where string, args ...any) ([]Head, error) {
	rows, err := p.DB.Query(ctx, `SELECT toString(batch), any(toString(account)), any(toString(template)), max(cutoff_at), sum(n), mapFromArrays(groupArray(state), groupArray(n)) FROM (
		SELECT batch, toString(state) AS state, any(account) AS account, any(template) AS template, max(cutoff_at) AS cutoff_at, count() AS n FROM postal_pieces FINAL WHERE state != 'moved' AND seed = 0 AND (`+where+`) GROUP BY batch, state)
		GROUP BY batch ORDER BY max(cutoff_at) DESC, batch LIMIT 1000`, args...)
	if err != nil {
		return nil, fmt.Errorf("read batches of pieces: %w", err)
	}
	defer rows.Close()
	var out []Head
	for rows.Next() {
		h := Head{States: map[string]int{}}
		var n uint64
		var states map[string]uint64
		if err := rows.Scan(&h.Batch, &h.Account, &h.Template, &h.Cutoff, &n, &states); err != nil {
			return nil, fmt.Errorf("read batches of pieces: %w", err)
		}
		h.Pieces, h.Cutoff = int(n), h.Cutoff.UTC()
		for state, k := range states {
			h.States[state] = int(k)
		}
		out = append(out, h)
	}
	return out, rows.Err()
}

// Elsewhere tells which of these sends stand in another batch too: a setting was changed between two tries of a hand-over.
func (p Pieces) Elsewhere(ctx context.Context, batch string, sends []enishi.ID) (map[enishi.ID]string, error) {
	rows, err := p.DB.Query(ctx, `SELECT send_id, min(toString(batch)) FROM postal_pieces FINAL WHERE send_id IN `+idSet(sends)+` AND batch != {batch:String} AND state NOT IN ('moved', 'left_out') GROUP BY send_id`, ch.Named("batch", batch))
	if err != nil {
		return nil, fmt.Errorf("read where pieces stand: %w", err)
	}
	defer rows.Close()
	out := map[enishi.ID]string{}
	for rows.Next() {
		var id, other string
		if err := rows.Scan(&id, &other); err != nil {
			return nil, fmt.Errorf("read where pieces stand: %w", err)
		}
		out[enishi.ID([]byte(id))] = other
	}
	return out, rows.Err()
}

// blank are the columns that go when the person is erased.
var blank = map[string]string{"profile_id": "toFixedString('', 16)", "subject": "toFixedString('', 16)", "run_id": "toFixedString('', 16)", "address": "''", "address_key": "0", "household": "''", "postal_code": "''",
	"prefecture": "''", "barcode": "''", "content": "''", "problems": "''", "version": "version + 1", "rank": "0",
	"state": "if(state IN ('collected', 'ready', 'rejected'), 'left_out', state)", "reason": "if(state IN ('collected', 'ready', 'rejected', 'left_out'), 'erased', reason)"}

// EraseStatements delete the personal columns of pieces that were decided until an instant. in is a set of ids and until an instant,
// both as SQL. What a piece cost, and that there was one, stays; a batch that is not printed yet leaves it out.
func EraseStatements(in, until string) []string {
	columns := make([]string, len(pieceColumns))
	for i, c := range pieceColumns {
		if columns[i] = c; blank[c] != "" {
			columns[i] = blank[c]
		}
	}
	whose := "(profile_id IN " + in + " OR subject IN " + in + ") AND decided_at <= " + until + " AND seed = 0"
	return []string{
		"INSERT INTO postal_pieces (" + strings.Join(pieceColumns, ", ") + ") SELECT " + strings.Join(columns, ", ") + " FROM postal_pieces FINAL WHERE " + whose,
		"DELETE FROM postal_pieces WHERE " + whose,
		"DELETE FROM postal_quality WHERE profile_id IN " + in,
	}
}

// Erase does the same for people that preparing found erased: their rows may have been written after the erasure.
func (p Pieces) Erase(ctx context.Context, ids []enishi.ID, until time.Time) error {
	if len(ids) == 0 {
		return nil
	}
	for _, q := range EraseStatements(idSet(ids), fmt.Sprintf("fromUnixTimestamp64Milli(toInt64(%d))", until.UnixMilli())) {
		if err := p.DB.Exec(ctx, q); err != nil {
			return fmt.Errorf("erase pieces: %w", err)
		}
	}
	return nil
}

// idSet writes ids as a set for IN: hexadecimal digits only, so nothing can leave the literal.
func idSet(ids []enishi.ID) string {
	var b strings.Builder
	for _, id := range ids {
		b.WriteString(id.String())
	}
	return fmt.Sprintf("(SELECT CAST(substring(unhex('%s'), number * 16 + 1, 16) AS FixedString(16)) FROM numbers(%d))", b.String(), len(ids))
}
