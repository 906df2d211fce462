package api

import (
	"archive/zip"
	"bytes"
	"context"
	_ "embed"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"html/template"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/danielgtaylor/huma/v2"

	"enishi"
	"enishi/ingest"
	"enishi/profiles"
)

type disclosureInput struct {
	PersonPath
	Format string `query:"format" enum:"json,zip,html" default:"json" doc:"zip has the JSON, a table of each kind as CSV for Excel, and a page to read or print; html is that page alone."`
	Reason string `query:"reason" maxLength:"500" doc:"Why; kept with who and whom."`
}

// disclosure is everything that is kept of a person, as they may ask for it (APPI Article 33, 開示). What is of others is left out: of links
// those that joined nobody else.
type disclosure struct {
	At         time.Time            `json:"disclosed_at"`
	Through    time.Time            `json:"complete_through"`
	Profile    map[string]any       `json:"profile"`
	Consents   []permissionItem     `json:"consents"`
	Events     []disclosedEvent     `json:"events"`
	Messages   []disclosedMessage   `json:"messages"`
	Decisions  []disclosedDecision  `json:"decisions"`
	Merges     []mergeRow           `json:"merges"`
	Segments   []disclosedSegment   `json:"segments"`
	Pieces     []disclosedPiece     `json:"postal_pieces"`
	Provisions []disclosedProvision `json:"postal_provisions"`
	Platforms  []disclosureRow      `json:"disclosures"`
}

type disclosedEvent struct {
	At     time.Time      `json:"at"`
	Type   string         `json:"type"`
	Label  Text           `json:"label"`
	Source string         `json:"source"`
	Detail map[string]any `json:"detail"`
}

type disclosedMessage struct {
	At       time.Time       `json:"at"`
	Channel  string          `json:"channel"`
	Purpose  string          `json:"purpose"`
	To       string          `json:"to"`
	Journey  Text            `json:"journey"`
	Template Text            `json:"template"`
	State    string          `json:"state"`
	Used     json.RawMessage `json:"used,omitempty"` // what of the person the text was made with
}

type disclosedDecision struct {
	At      time.Time `json:"at"`
	Journey Text      `json:"journey"`
	Channel string    `json:"channel"`
	Purpose string    `json:"purpose"`
	Sent    bool      `json:"sent"`
	Reason  Text      `json:"reason"`
}

type disclosedSegment struct {
	Name  string    `json:"name"`
	Title Text      `json:"title"`
	Since time.Time `json:"since"`
}

type disclosedPiece struct {
	At      time.Time      `json:"at"`
	Batch   string         `json:"batch"`
	State   Text           `json:"state"`
	Purpose string         `json:"purpose"`
	Journey Text           `json:"journey"`
	Address enishi.Address `json:"address"`
	Code    string         `json:"code,omitempty"`
	Back    time.Time      `json:"came_back_at,omitzero"`
}

type disclosedProvision struct {
	At        time.Time `json:"at"`
	Batch     string    `json:"batch"`
	Recipient string    `json:"recipient"`
	Way       Text      `json:"way"`
	Items     []string  `json:"items"`
}

// exportPerson gives a person's disclosure; who asked for it is recorded first.
func (a *API) exportPerson(ctx context.Context, in *disclosureInput) (*huma.StreamResponse, error) {
	p, _, err := a.load(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	d, err := a.disclose(ctx, p)
	if err != nil {
		return nil, err
	}
	text, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return nil, err
	}
	kind, end := "application/json", ".json"
	sections := a.sections(p, d)
	var page []byte
	if in.Format != "json" {
		if page, err = disclosurePage(d, sections, language(ctx), a.zone()); err != nil {
			return nil, err
		}
	}
	switch in.Format {
	case "html":
		kind, end, text = "text/html; charset=utf-8", ".html", page
	case "zip":
		kind, end = "application/zip", ".zip"
		if text, err = disclosureZip(text, page, sections, language(ctx), d.At); err != nil {
			return nil, err
		}
	}
	c := callOf(ctx)
	body, err := json.Marshal(exportRecord{Person: p.ID, At: d.At, Columns: []string{}, Format: in.Format, Count: 1})
	if err != nil {
		return nil, err
	}
	if _, err := a.save(ctx, enishi.Definition{Kind: exportKind, Name: "export_" + c.request.String(), Expect: -1, Body: body, Reason: in.Reason}); err != nil {
		return nil, err
	}
	a.log.Info("person exported", "profile_id", p.ID, "actor", c.caller.name, "request_id", c.request)
	return &huma.StreamResponse{Body: func(hctx huma.Context) {
		hctx.SetHeader("Content-Type", kind)
		hctx.SetHeader("Content-Disposition", `attachment; filename="`+p.ID.String()+end+`"`)
		hctx.SetHeader("Cache-Control", "no-store")
		_, _ = hctx.BodyWriter().Write(text) // the client is gone: nothing to tell
	}}, nil
}

// disclose gathers what is kept of a person.
func (a *API) disclose(ctx context.Context, p *profiles.Profile) (*disclosure, error) {
	who := idList(subjects(p))
	d := &disclosure{At: a.cfg.Now().UTC().Truncate(time.Millisecond), Profile: profiles.Export(p), Events: []disclosedEvent{}, Messages: []disclosedMessage{}, Decisions: []disclosedDecision{}, Segments: []disclosedSegment{}, Pieces: []disclosedPiece{}, Provisions: []disclosedProvision{}}
	consents, err := a.consentsOf(ctx, subjects(p))
	if err != nil {
		return nil, err
	}
	d.Consents, d.Through = consents.Body.Items, consents.Body.CompleteThrough
	for _, read := range []func(context.Context, *disclosure, string) error{a.disclosedEvents, a.disclosedMessages, a.disclosedDecisions, a.disclosedPost} {
		if err := read(ctx, d, who); err != nil {
			return nil, err
		}
	}
	if d.Platforms, err = a.disclosuresOf(ctx, subjects(p)); err != nil {
		return nil, fmt.Errorf("read disclosures: %w", err)
	}
	for _, m := range a.memberships(p, a.now()) {
		d.Segments = append(d.Segments, disclosedSegment{m.Name, m.Title, m.Since})
	}
	graph := a.cfg.Ingester.Graph()
	var own []ingest.LinkState
	for _, l := range graph.Component(p.ID).Links {
		if graph.Resolve(l.A) == p.ID && graph.Resolve(l.B) == p.ID { // the other end of a refused link is somebody else
			own = append(own, l)
		}
	}
	d.Merges, err = a.mergeRows(ctx, own)
	return d, err
}

func (a *API) disclosedEvents(ctx context.Context, d *disclosure, who string) error {
	t := a.teller()
	err := a.each(ctx, "SELECT "+eventColumns+" FROM events FINAL WHERE subject IN "+who+" ORDER BY at, event_id", nil, func(rows driver.Rows) error {
		e, err := scanEvent(rows)
		if err != nil {
			return err
		}
		x := t.item(&e)
		if person, ok := x.Detail["person"].(map[string]any); ok {
			delete(person, "push_token") // lets its holder send
		}
		d.Events = append(d.Events, disclosedEvent{e.at.UTC(), e.typ, x.Label, e.source, x.Detail})
		return nil
	})
	if err != nil {
		return fmt.Errorf("read events: %w", err)
	}
	return nil
}

func (a *API) disclosedMessages(ctx context.Context, d *disclosure, who string) error {
	err := a.each(ctx, "SELECT updated_at, channel, purpose, journey, template, state, message FROM deliveries FINAL WHERE profile_id IN "+who+" ORDER BY decided_at, send_id, round", nil, func(rows driver.Rows) error {
		var x disclosedMessage
		var journey, name, raw string
		if err := rows.Scan(&x.At, &x.Channel, &x.Purpose, &journey, &name, &x.State, &raw); err != nil {
			return err
		}
		x.At, x.Journey, x.Template = x.At.UTC(), a.titles.journey(journey), a.titles.template(name)
		var m enishi.Message
		if raw != "" && enishi.DecodeMessage(&m, []byte(raw)) == nil {
			if x.To = m.To; x.Channel == "push" {
				x.To = ""
			}
			if json.Valid([]byte(m.Variables)) {
				x.Used = json.RawMessage(m.Variables)
			}
		}
		d.Messages = append(d.Messages, x)
		return nil
	})
	if err != nil {
		return fmt.Errorf("read messages: %w", err)
	}
	return nil
}

func (a *API) disclosedDecisions(ctx context.Context, d *disclosure, who string) error {
	err := a.each(ctx, "SELECT at, journey, channel, purpose, sent, reason FROM decisions FINAL WHERE subject IN "+who+" ORDER BY at, send_id, round", nil, func(rows driver.Rows) error {
		var x disclosedDecision
		var journey, reason string
		var sent uint8
		if err := rows.Scan(&x.At, &journey, &x.Channel, &x.Purpose, &sent, &reason); err != nil {
			return err
		}
		x.At, x.Journey, x.Sent = x.At.UTC(), a.titles.journey(journey), sent == 1
		if reason != "" {
			x.Reason = word("reason", reason)
		}
		d.Decisions = append(d.Decisions, x)
		return nil
	})
	if err != nil {
		return fmt.Errorf("read decisions: %w", err)
	}
	return nil
}

// disclosedPost reads pieces of direct mail, and to whom their addresses were given.
func (a *API) disclosedPost(ctx context.Context, d *disclosure, who string) error {
	var batches []string
	err := a.each(ctx, `SELECT p.updated_at, toString(p.batch), toString(p.state), toString(p.purpose), toString(p.journey), p.address, p.code, r.returned_at
		FROM (SELECT * FROM postal_pieces FINAL WHERE profile_id IN `+who+` OR subject IN `+who+`) AS p LEFT JOIN (SELECT code, returned_at FROM postal_returns FINAL WHERE code != '') AS r ON r.code = p.code
		WHERE p.state != 'moved' ORDER BY p.updated_at, p.send_id`, nil, func(rows driver.Rows) error {
		var x disclosedPiece
		var state, journey, address string
		if err := rows.Scan(&x.At, &x.Batch, &state, &x.Purpose, &journey, &address, &x.Code, &x.Back); err != nil {
			return err
		}
		x.At, x.Back, x.State, x.Journey = x.At.UTC(), known(x.Back), word("postal_piece", state), a.titles.journey(journey)
		if address != "" {
			if err := json.Unmarshal([]byte(address), &x.Address); err != nil {
				return fmt.Errorf("read the address of a piece: %w", err)
			}
		}
		if !slices.Contains(batches, x.Batch) {
			batches = append(batches, x.Batch)
		}
		d.Pieces = append(d.Pieces, x)
		return nil
	})
	if err != nil || len(batches) == 0 {
		return err
	}
	err = a.each(ctx, "SELECT at, toString(batch), recipient, toString(way), items FROM postal_provisions FINAL WHERE has({batches:Array(String)}, toString(batch)) ORDER BY at, id", []any{clickhouse.Named("batches", batches)}, func(rows driver.Rows) error {
		var x disclosedProvision
		var way string
		if err := rows.Scan(&x.At, &x.Batch, &x.Recipient, &way, &x.Items); err != nil {
			return err
		}
		x.At, x.Way = x.At.UTC(), word("postal_way", way)
		d.Provisions = append(d.Provisions, x)
		return nil
	})
	if err != nil {
		return fmt.Errorf("read provisions: %w", err)
	}
	return nil
}

// section is one kind of data as a table: a part of the page, and a file of CSV.
type section struct {
	Name    string
	Title   Text
	Columns []Text
	Rows    [][]any // Text, string, time.Time, bool
}

// sections are the tables of a disclosure, in the order in which a person reads them.
func (a *API) sections(p *profiles.Profile, d *disclosure) []section {
	v := p.View()
	when, channel, purpose := Text{"日時", "When"}, Text{"手段", "Channel"}, Text{"目的", "Purpose"}
	campaign := Text{"シナリオ・配信", "Journey or campaign"}
	person := section{"person", Text{"お客様の情報", "About the person"}, []Text{{"項目", "What"}, {"内容", "Value"}, {"登録・更新日時", "Since"}}, nil}
	if n := nameOf(v); n.Display != "" {
		person.Rows = append(person.Rows, []any{Text{"お名前", "Name"}, n.Display, time.Time{}})
	}
	for _, x := range identifierRows(p) {
		if x.Kind == enishi.PushToken.String() {
			x.Value = "—"
		}
		person.Rows = append(person.Rows, []any{word("identifier", x.Kind), x.Value, x.FirstSeenAt})
	}
	for _, x := range a.traitRows(p, admin, "ja") {
		person.Rows = append(person.Rows, []any{x.Label, x.Value, x.At})
	}
	consents := section{"consents", Text{"同意・配信許可の記録", "Permissions and their evidence"}, []Text{when, channel, purpose, {"状態", "State"}, {"取得の方法", "How"}, {"表示した文面", "Words shown"}, {"IP アドレス", "IP address"}, {"担当者", "Recorded by"}}, nil}
	for _, x := range d.Consents {
		consents.Rows = append(consents.Rows, []any{x.At, word("channel", x.Channel), word("purpose", x.Purpose), word("consent", x.State), x.Method, x.Text, x.IP, x.Actor})
	}
	orders := section{"orders", Text{"ご注文", "Orders"}, []Text{{"注文日時", "Placed"}, {"注文番号", "Order"}, {"状態", "State"}, {"金額", "Total"}, {"通貨", "Currency"}, {"商品", "Products"}}, nil}
	for _, o := range a.orderRows(v, len(v.Orders)) {
		var lines []string
		for _, l := range o.Lines {
			lines = append(lines, fmt.Sprintf("%s × %d", l.Name, l.Quantity))
		}
		orders.Rows = append(orders.Rows, []any{o.PlacedAt, o.OrderID, o.StatusLabel, o.Total.String(), o.Currency, strings.Join(lines, "、")})
	}
	messages := section{"messages", Text{"お送りしたメッセージ", "Messages"}, []Text{when, channel, purpose, {"宛先", "To"}, campaign, {"内容", "Content"}, {"結果", "Result"}}, nil}
	for _, x := range d.Messages {
		messages.Rows = append(messages.Rows, []any{x.At, word("channel", x.Channel), word("purpose", x.Purpose), x.To, x.Journey, x.Template, word("delivery", x.State)})
	}
	decisions := section{"decisions", Text{"送った・送らなかった判断", "Decisions to send or not"}, []Text{when, channel, purpose, campaign, {"判断", "Decision"}, {"理由", "Why"}}, nil}
	for _, x := range d.Decisions {
		what := Text{"送らない", "Not sent"}
		if x.Sent {
			what = Text{"送る", "Sent"}
		}
		decisions.Rows = append(decisions.Rows, []any{x.At, word("channel", x.Channel), word("purpose", x.Purpose), x.Journey, what, x.Reason})
	}
	pieces := section{"postal_pieces", Text{"郵便物", "Direct mail by post"}, []Text{when, campaign, {"状態", "State"}, {"宛先", "Address"}, {"管理番号", "Code"}, {"戻った日時", "Came back"}}, nil}
	for _, x := range d.Pieces {
		at := x.Address
		pieces.Rows = append(pieces.Rows, []any{x.At, x.Journey, x.State, strings.Join(strings.Fields(strings.Join([]string{at.PostalCode, at.Prefecture + at.City + at.Address1, at.Address2, at.Company, at.Department, at.Name}, " ")), " "), x.Code, x.Back})
	}
	provisions := section{"postal_provisions", Text{"委託先への提供（印刷・発送）", "Given to print houses"}, []Text{when, {"提供先", "To whom"}, {"方法", "How"}, {"項目", "What"}}, nil}
	for _, x := range d.Provisions {
		var ja, en []string
		for _, i := range x.Items {
			ja, en = append(ja, word("postal_item", i).JA), append(en, word("postal_item", i).EN)
		}
		provisions.Rows = append(provisions.Rows, []any{x.At, x.Recipient, x.Way, Text{strings.Join(ja, "、"), strings.Join(en, ", ")}})
	}
	platforms := section{"disclosures", Text{"広告媒体などへの提供", "Given to advertising platforms"}, []Text{when, {"提供先", "To whom"}, {"国", "Country"}, {"根拠", "Ground"}, {"許可", "Permission"}, {"項目", "What"}, {"内容", "For"}, {"オーディエンス", "Audience"}}, nil}
	for _, x := range d.Platforms {
		var ja, en []string
		for _, i := range x.Items {
			ja, en = append(ja, word("match_key", i).JA), append(en, word("match_key", i).EN)
		}
		channel, purpose, _ := strings.Cut(x.Purpose, ".")
		permission := Text{word("channel", channel).JA + "・" + word("purpose", purpose).JA, word("channel", channel).EN + ", " + word("purpose", purpose).EN}
		platforms.Rows = append(platforms.Rows, []any{x.At, x.Recipient, x.Country, word("basis", x.Basis), permission, Text{strings.Join(ja, "、"), strings.Join(en, ", ")}, word("disclosure_op", x.Op), x.Title})
	}
	segments := section{"segments", Text{"現在の分類（セグメント）", "Segments now"}, []Text{{"分類", "Segment"}, {"いつから", "Since"}}, nil}
	for _, x := range d.Segments {
		segments.Rows = append(segments.Rows, []any{x.Title, x.Since})
	}
	merges := section{"merges", Text{"同じお客様としてまとめた記録", "How records became one person"}, []Text{when, {"識別子", "Identifier"}, {"識別子", "Identifier"}, {"結果", "Result"}, {"担当者", "By"}, {"理由", "Why"}}, nil}
	for _, x := range d.Merges {
		end := func(e linkEnd) Text {
			w := word("identifier", e.Kind)
			return Text{w.JA + " " + e.Value, w.EN + " " + e.Value}
		}
		merges.Rows = append(merges.Rows, []any{x.At, end(x.A), end(x.B), x.Why, x.By, x.Reason})
	}
	events := section{"events", Text{"行動の記録", "What happened"}, []Text{when, {"内容", "What"}, {"取得元", "Source"}, {"詳細", "Detail"}}, nil}
	for _, x := range d.Events {
		detail, _ := json.Marshal(x.Detail) // of JSON
		events.Rows = append(events.Rows, []any{x.At, x.Label, x.Source, string(detail)})
	}
	return []section{person, consents, orders, messages, pieces, provisions, platforms, decisions, segments, merges, events}
}

// cellText is a cell in a language, its instants by the shop's clock.
func cellText(v any, lang string, zone *time.Location) string {
	switch x := v.(type) {
	case Text:
		return x.in(lang)
	case time.Time:
		if known(x).IsZero() {
			return ""
		}
		return x.In(zone).Format("2006-01-02 15:04:05 -07:00")
	}
	return fmt.Sprint(v)
}

//go:embed disclosure.html
var disclosureHTML string

var disclosureTemplate = template.Must(template.New("disclosure").Parse(disclosureHTML))

// disclosurePage is a page that stands by itself: no script, nothing from elsewhere.
func disclosurePage(d *disclosure, sections []section, lang string, zone *time.Location) ([]byte, error) {
	type table struct {
		Title   string
		Columns []string
		Rows    [][]string
	}
	page := struct {
		Language, Title, About, None string
		Tables                       []table
	}{Language: lang, Title: Text{"お客様の個人データの開示", "Disclosure of personal data"}.in(lang), None: Text{"記録はありません。", "Nothing is kept."}.in(lang)}
	at := cellText(d.At, lang, zone)
	page.About = Text{at + " 時点で保有しているデータです。", "What is kept at " + at + "."}.in(lang)
	for _, s := range sections {
		x := table{Title: s.Title.in(lang)}
		for _, c := range s.Columns {
			x.Columns = append(x.Columns, c.in(lang))
		}
		for _, r := range s.Rows {
			var cells []string
			for _, v := range r {
				cells = append(cells, cellText(v, lang, zone))
			}
			x.Rows = append(x.Rows, cells)
		}
		page.Tables = append(page.Tables, x)
	}
	var b bytes.Buffer
	err := disclosureTemplate.Execute(&b, page)
	return b.Bytes(), err
}

// disclosureZip has the data once for machines (JSON), once for spreadsheets (CSV) and once to read.
func disclosureZip(text, page []byte, sections []section, lang string, at time.Time) ([]byte, error) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	add := func(name string, content []byte) error {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: at})
		if err == nil {
			_, err = w.Write(content)
		}
		return err
	}
	if err := add("index.html", page); err != nil {
		return nil, err
	}
	if err := add("data.json", text); err != nil {
		return nil, err
	}
	for _, s := range sections {
		var c bytes.Buffer
		c.WriteString("\ufeff")
		w := csv.NewWriter(&c)
		w.UseCRLF = true
		var head []string
		for _, x := range s.Columns {
			head = append(head, x.in(lang))
		}
		_ = w.Write(head) // Flush tells
		for _, r := range s.Rows {
			cells := make([]string, len(r))
			for i, v := range r {
				cells[i] = notFormula(cellText(v, lang, time.UTC))
			}
			_ = w.Write(cells)
		}
		w.Flush()
		if err := w.Error(); err != nil {
			return nil, err
		}
		if err := add(s.Name+".csv", c.Bytes()); err != nil {
			return nil, err
		}
	}
	err := z.Close()
	return b.Bytes(), err
}
