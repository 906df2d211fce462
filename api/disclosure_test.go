package api

import (
	"archive/zip"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"enishi"
)

// TestDisclosure: a person gets everything that is kept of them, the post and to whom its addresses went included, to read, as CSV and as JSON;
// nothing of anybody else; who asked is recorded.
func TestDisclosure(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	w.play(scenario(time.Now().UTC()))
	id := w.id(enishi.Customer, "C10001")
	path := "/people/" + id
	exec := func(query string) {
		t.Helper()
		if err := w.cfg.DB.Exec(t.Context(), query); err != nil {
			t.Fatal(err)
		}
	}
	for i, who := range []string{id, w.id(enishi.Customer, "C10002")} {
		exec(fmt.Sprintf(`INSERT INTO postal_pieces (batch, send_id, version, state, profile_id, subject, purpose, updated_at, address, code) VALUES ('spring%[2]d', unhex('%[1]s'), 1, 'exported', unhex('%[1]s'), unhex('%[1]s'), 'marketing', now64(3), '{"name":"=佐藤 花子","postal_code":"1000001","prefecture":"東京都","city":"番地%[2]d"}', 'CODE%[2]d')`, who, i))
		exec(fmt.Sprintf(`INSERT INTO postal_provisions (id, at, batch, recipient, way, items) VALUES (unhex('%[1]s'), now64(3), 'spring%[2]d', '印刷会社%[2]d', 'sftp', ['name','address'])`, who, i))
		exec(fmt.Sprintf(`INSERT INTO disclosures (profile_id, batch, at, audience, destination, platform, recipient, country, basis, purpose, op, told) VALUES (unhex('%[1]s'), unhex('%[1]s'), now64(3), 'buyers%[2]d', 'google', 'google', 'Google LLC %[2]d', 'US', 'consent', 'ads.marketing', 'add', [concat('E', unhex('%[3]s')), concat('P', unhex('%[3]s'))])`, who, i, strings.Repeat("ab", 32)))
		exec(fmt.Sprintf(`INSERT INTO decisions (subject, send_id, profile_id, at, version, journey, channel, purpose, sent, reason) VALUES (unhex('%[1]s'), unhex('%[1]s'), unhex('%[1]s'), now64(3), 1, 'welcome%[2]d', 'email', 'marketing', 0, 'consent')`, who, i))
	}
	exec("INSERT INTO postal_returns (code, returned_at, taken_at) VALUES ('CODE0', '2026-01-05 00:00:00', now64(3))")

	a := w.call("GET", path+"/export?reason=ご請求", nil).want(200)
	var d disclosure
	if err := json.Unmarshal([]byte(a.text), &d); err != nil {
		t.Fatal(err)
	}
	if len(d.Pieces) != 1 || d.Pieces[0].Address.City != "番地0" || d.Pieces[0].Back.IsZero() || len(d.Provisions) != 1 || d.Provisions[0].Recipient != "印刷会社0" || len(d.Decisions) != 1 || len(d.Events) < 3 || len(d.Consents) == 0 || len(d.Merges) == 0 {
		t.Errorf("%d pieces, %d provisions, %d decisions, %d events, %d consents, %d merges", len(d.Pieces), len(d.Provisions), len(d.Decisions), len(d.Events), len(d.Consents), len(d.Merges))
	}
	for _, other := range []string{"suzuki", "C10002", "番地1", "印刷会社1", "welcome1", "Google LLC 1", "buyers1"} {
		if strings.Contains(a.text, other) {
			t.Errorf("it has %s of somebody else", other)
		}
	}
	if len(d.Platforms) != 1 || d.Platforms[0].Recipient != "Google LLC 0" || strings.Join(d.Platforms[0].Items, " ") != "email phone" || strings.Contains(a.text, "abab") {
		t.Errorf("to platforms: %+v", d.Platforms)
	}
	for _, m := range d.Merges {
		if m.A.Person.String() != id || m.B.Person.String() != id {
			t.Errorf("a link with somebody else: %+v", m)
		}
	}
	page := w.call("GET", path+"/export?format=html", nil, "Accept-Language", "ja").want(200)
	for _, text := range []string{"お客様の個人データの開示", "佐藤 花子", "印刷会社0", "住所", "Google LLC 0", "本人の同意（第三者提供）", "メールアドレス（ハッシュ）、電話番号（ハッシュ）", "お送りしたメッセージ", "同じお客様としてまとめた記録"} {
		if !strings.Contains(page.text, text) {
			t.Errorf("the page lacks %s", text)
		}
	}
	if strings.Contains(page.text, "<script") || !strings.Contains(page.header.Get("Content-Type"), "text/html") || !strings.Contains(page.header.Get("Content-Disposition"), "attachment") {
		t.Errorf("%v", page.header)
	}
	packed := w.call("GET", path+"/export?format=zip", nil, "Accept-Language", "en").want(200)
	z, err := zip.NewReader(strings.NewReader(packed.text), int64(len(packed.text)))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files[f.Name] = string(b)
	}
	if !strings.Contains(files["index.html"], "Disclosure of personal data") || !json.Valid([]byte(files["data.json"])) || len(files) != 13 {
		t.Errorf("%d files", len(files))
	}
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(files["postal_pieces.csv"], "\ufeff"))).ReadAll()
	if err != nil || len(rows) != 2 || !strings.Contains(rows[1][3], "番地0") {
		t.Errorf("%q %v", rows, err)
	}
	if rows, err = csv.NewReader(strings.NewReader(strings.TrimPrefix(files["events.csv"], "\ufeff"))).ReadAll(); err != nil || len(rows) != len(d.Events)+1 {
		t.Errorf("%d rows of %d events, %v", len(rows), len(d.Events), err)
	}
	recorded := into[list[exportRow]](w.call("GET", "/exports", nil)).Items
	if len(recorded) != 3 || recorded[2].Person.String() != id || recorded[2].Reason != "ご請求" || recorded[2].Count != 1 {
		t.Errorf("%+v", recorded)
	}
	w.call("GET", "/people/"+id+"/export?format=pdf", nil).want(422)
}
