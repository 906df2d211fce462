package postal

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"

	"enishi"
	"enishi/channels/dm/postal/code"
)

// Reasons for which a piece comes back, with what the stamp of the post says.
const (
	ReturnUnknown = "unknown_address" // あて所に尋ねあたりません
	ReturnMoved   = "moved"           // 転居先不明
	ReturnRefused = "refused"         // 受取拒絶
	ReturnExpired = "expired"         // 保管期間経過
	ReturnOther   = "other"
)

// ReturnReasons lists them.
func ReturnReasons() []string {
	return []string{ReturnUnknown, ReturnMoved, ReturnRefused, ReturnExpired, ReturnOther}
}

// stamps are words of stamps and lists by what they mean.
var stamps = []struct{ word, reason string }{
	{"転居先不明", ReturnMoved}, {"転居", ReturnMoved}, {"あて所", ReturnUnknown}, {"宛所", ReturnUnknown}, {"あて先", ReturnUnknown}, {"宛先", ReturnUnknown}, {"尋ねあた", ReturnUnknown}, {"尋ね当た", ReturnUnknown},
	{"受取拒", ReturnRefused}, {"受取り拒", ReturnRefused}, {"受け取り拒", ReturnRefused}, {"拒絶", ReturnRefused}, {"拒否", ReturnRefused}, {"保管期間", ReturnExpired}, {"期間経過", ReturnExpired},
}

// ParseReason reads a reason: our own code, or words of a stamp. Empty is unknown_address, the most usual.
func ParseReason(text string) (string, bool) {
	text = strings.TrimSpace(text)
	if text == "" {
		return ReturnUnknown, true
	}
	if slices.Contains(ReturnReasons(), strings.ToLower(text)) {
		return strings.ToLower(text), true
	}
	for _, s := range stamps {
		if strings.Contains(text, s.word) {
			return s.reason, true
		}
	}
	return "", false
}

// ReturnLine is one piece that came back, as somebody told it.
type ReturnLine struct {
	Number int    // of its line, from 1
	Text   string // the code as it was scanned
	Reason string
	At     time.Time // zero: now
}

// MaxReturns bounds one list.
const MaxReturns = 100_000

// ParseReturns reads scanned codes, one per line, or CSV with code, reason and date (2026-11-22), with or without a head.
// Errors name the line.
func ParseReturns(r io.Reader, zone *time.Location) ([]ReturnLine, error) {
	in := csv.NewReader(r)
	in.FieldsPerRecord, in.TrimLeadingSpace, in.LazyQuotes = -1, true, true
	columns := []string{"code", "reason", "date"}
	var out []ReturnLine
	for first := true; ; first = false {
		rec, err := in.Read()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, enishi.FieldError("body", "is no list of codes: "+err.Error(), "コードの一覧として読めません: "+err.Error())
		}
		line, _ := in.FieldPos(0)
		if first {
			rec[0] = strings.TrimPrefix(rec[0], "\ufeff")
			if head, ok := returnHead(rec); ok {
				columns = head
				continue
			}
		}
		x := ReturnLine{Number: line}
		for i, v := range rec {
			if i >= len(columns) {
				break
			}
			v = strings.TrimSpace(v)
			place := fmt.Sprintf("body line %d", line)
			switch columns[i] {
			case "code":
				x.Text = v
			case "reason":
				reason, ok := ParseReason(v)
				if !ok {
					return nil, enishi.FieldError(place, "the reason "+strconv.Quote(v)+" is not known: write "+strings.Join(ReturnReasons(), ", ")+" or the words of the stamp",
						"理由「"+v+"」が分かりません。"+strings.Join(ReturnReasons(), "・")+" か、スタンプの文言（あて所に尋ねあたりません など）で書いてください。")
				}
				x.Reason = reason
			case "date":
				if v == "" {
					continue
				}
				at, err := time.ParseInLocation("2006-01-02", strings.ReplaceAll(v, "/", "-"), zone)
				if err != nil {
					return nil, enishi.FieldError(place, "the date "+strconv.Quote(v)+" is written as 2026-11-22", "日付「"+v+"」は 2026-11-22 のように書いてください。")
				}
				x.At = at.UTC()
			}
		}
		if x.Text == "" {
			continue
		}
		if x.Reason == "" {
			x.Reason = ReturnUnknown
		}
		if out = append(out, x); len(out) > MaxReturns {
			return nil, enishi.FieldError("body", fmt.Sprintf("has more than %d lines: send it in parts", MaxReturns), fmt.Sprintf("%d 行を超えています。分けて送ってください。", MaxReturns))
		}
	}
}

// returnHead reads a head of columns.
func returnHead(rec []string) ([]string, bool) {
	names := map[string]string{"code": "code", "コード": "code", "管理番号": "code", "reason": "reason", "理由": "reason", "返戻理由": "reason", "date": "date", "日付": "date", "返戻日": "date"}
	out, found := make([]string, len(rec)), false
	for i, v := range rec {
		out[i] = names[strings.ToLower(strings.TrimSpace(v))]
		found = found || out[i] == "code"
	}
	return out, found
}

// What became of a line.
const (
	ReturnTaken   = "taken"
	ReturnKnown   = "known"   // it came back before
	ReturnNoCode  = "unknown" // no piece of ours has this code
	ReturnForeign = "foreign" // no code of this shop: another brand's, or mistyped
	ReturnGone    = "erased"  // the person was erased since; there is no address to remember
)

// Returned is a line with what became of it.
type Returned struct {
	Number int
	Text   string
	Code   string
	Reason string
	State  string
	Batch  string
	SendID enishi.ID
}

// Take notes pieces that came back and tells the fold, which sends no more post to those addresses. A code counts once.
func (o *Office) Take(ctx context.Context, lines []ReturnLine, actor string) ([]Returned, error) {
	out := make([]Returned, len(lines))
	var codes []string
	for i, l := range lines {
		out[i] = Returned{Number: l.Number, Text: l.Text, Reason: l.Reason, State: ReturnForeign}
		if c, ok := o.parseCode(l.Text); ok {
			out[i].Code = c
			codes = append(codes, c)
		}
	}
	now := o.now()
	for chunk := range slices.Chunk(codes, 2000) {
		pieces, err := o.Pieces.ByCode(ctx, chunk)
		if err != nil {
			return nil, err
		}
		known, err := o.returned(ctx, chunk)
		if err != nil {
			return nil, err
		}
		asked := map[string]bool{}
		for _, c := range chunk {
			asked[c] = true
		}
		var events []enishi.Event
		var rows []Returned
		var at []time.Time
		for i := range out {
			r := &out[i]
			if r.Code == "" || !asked[r.Code] || r.State != ReturnForeign {
				continue
			}
			x, ok := pieces[r.Code]
			switch {
			case !ok || x.State != PieceExported:
				r.State = ReturnNoCode
				continue
			case known[r.Code]:
				r.State, r.Batch, r.SendID = ReturnKnown, x.Batch, x.SendID
				continue
			}
			known[r.Code] = true
			r.State, r.Batch, r.SendID = ReturnTaken, x.Batch, x.SendID
			when := lines[i].At
			if when.IsZero() || when.After(now) {
				when = now
			}
			if x.Profile.IsZero() {
				r.State = ReturnGone
			} else if !x.Seed {
				events = append(events, returnEvent(&x, r.Reason, when))
			}
			rows, at = append(rows, *r), append(at, when)
		}
		// The log first: what is not noted in the table is taken again, under the same event id.
		if len(events) > 0 {
			if err := o.cfg.Append(ctx, events); err != nil {
				return nil, fmt.Errorf("tell of returned pieces: %w", err)
			}
		}
		if err := o.fault("returned"); err != nil {
			return nil, err
		}
		if err := o.noteReturns(ctx, rows, at, now, actor); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// KeyProperty is the property of postal.returned that names the address: [enishi/internal/address.Key] in hexadecimal.
const KeyProperty = "address_key"

func returnEvent(x *Piece, reason string, at time.Time) enishi.Event {
	return enishi.Event{ID: enishi.NewID("postal returned", x.Code), Type: "postal.returned", Subject: x.Subject, Profile: x.Profile, At: at, Source: "postal",
		Properties: map[string]enishi.Value{KeyProperty: enishi.TextValue(strconv.FormatUint(x.Key, 16))},
		Result: &enishi.MessageResult{SendID: x.SendID, Round: x.Round, Channel: enishi.PostalChannel, Destination: x.Destination, Journey: x.Journey, Node: x.Node, Template: x.Template, Purpose: x.Purpose,
			RunID: x.RunID, Reason: reason, Code: x.Code, ProviderID: x.Batch, Variant: x.Variant}}
}

func (o *Office) returned(ctx context.Context, codes []string) (map[string]bool, error) {
	rows, err := o.cfg.DB.Query(ctx, "SELECT code FROM postal_returns FINAL WHERE code IN {codes:Array(String)}", ch.Named("codes", codes))
	if err != nil {
		return nil, fmt.Errorf("read returned pieces: %w", err)
	}
	defer rows.Close()
	out := map[string]bool{}
	for rows.Next() {
		var code string
		if err := rows.Scan(&code); err != nil {
			return nil, fmt.Errorf("read returned pieces: %w", err)
		}
		out[code] = true
	}
	return out, rows.Err()
}

func (o *Office) noteReturns(ctx context.Context, list []Returned, at []time.Time, now time.Time, actor string) error {
	n := len(list)
	code, batch, reason, who, send := make([]string, n), make([]string, n), make([]string, n), make([]string, n), make([]enishi.ID, n)
	taken := make([]time.Time, n)
	for i := range list {
		code[i], batch[i], reason[i], who[i], send[i], taken[i] = list[i].Code, list[i].Batch, list[i].Reason, actor, list[i].SendID, now
	}
	return o.cfg.DB.Insert(ctx, "postal_returns", []string{"code", "batch", "send_id", "reason", "returned_at", "taken_at", "actor"}, n, code, batch, send, reason, at, taken, who)
}

// ReturnRow is a piece that came back.
type ReturnRow struct {
	Code, Batch, Reason, Actor string
	SendID                     enishi.ID
	ReturnedAt, TakenAt        time.Time
}

// Returns are the pieces that came back, newest first; of one batch, or of all.
func (o *Office) Returns(ctx context.Context, batch string, limit int) ([]ReturnRow, error) {
	rows, err := o.cfg.DB.Query(ctx, `SELECT code, toString(batch), send_id, toString(reason), returned_at, taken_at, actor FROM postal_returns FINAL
		WHERE {batch:String} IN ('', toString(batch)) ORDER BY taken_at DESC, code LIMIT `+strconv.Itoa(limit), ch.Named("batch", batch))
	if err != nil {
		return nil, fmt.Errorf("read returned pieces: %w", err)
	}
	defer rows.Close()
	var out []ReturnRow
	for rows.Next() {
		var x ReturnRow
		var send string
		if err := rows.Scan(&x.Code, &x.Batch, &send, &x.Reason, &x.ReturnedAt, &x.TakenAt, &x.Actor); err != nil {
			return nil, fmt.Errorf("read returned pieces: %w", err)
		}
		copy(x.SendID[:], send)
		x.ReturnedAt, x.TakenAt = x.ReturnedAt.UTC(), x.TakenAt.UTC()
		out = append(out, x)
	}
	return out, rows.Err()
}

// parseCode reads a code as it was scanned or typed; false for what is no code.
func (o *Office) parseCode(text string) (string, bool) {
	c, err := code.Parse(text)
	return string(c), err == nil
}
