package meta

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"enishi"
	"enishi/ingest"
	"enishi/ingest/hooks"
)

// DefaultVersion is the version of the Graph API that the questions here are written for.
const DefaultVersion = "v23.0"

// Patience is how long after a lead was filled in Meta is asked to come again for it. It ends long before Meta gives an address
// up, so that one outage does not end the webhooks of the page.
const Patience = 30 * time.Minute

// Bounds of a call.
const (
	atOnce   = 8    // leads that are fetched side by side
	maxKept  = 2000 // leads that are remembered until their call is done
	keptFor  = Patience
	maxWords = 2000 // bytes of the words of a form that a permission keeps as evidence
)

// Config is what Leads need.
type Config struct {
	Name     string          // of the source
	Token    string          // of a page, or of a system user who may read the leads of all pages
	Secret   string          // of the token's app: calls prove that it is known; empty: they do not
	Version  string          // default DefaultVersion
	Endpoint string          // default https://graph.facebook.com
	Map      hooks.Translate // makes events of the document of a lead
	Alert    func(a enishi.Alert)
	HTTP     *http.Client
	Now      func() time.Time
}

// Leads makes events of webhooks that tell leads. It is safe for concurrent use.
type Leads struct {
	cfg Config

	mu    sync.Mutex
	forms map[string]seenForm
	kept  map[string]keptLead // of calls that are not done
}

type keptLead struct {
	raw []byte // the document
	at  time.Time
}

// New checks cfg.
func New(cfg Config) (*Leads, error) {
	if cfg.Name == "" || cfg.Token == "" || cfg.Map == nil || cfg.Alert == nil {
		return nil, errors.New("meta: Name, Token, Map and Alert are required")
	}
	cfg.Version, cfg.Endpoint = cmp.Or(cfg.Version, DefaultVersion), strings.TrimSuffix(cmp.Or(cfg.Endpoint, "https://graph.facebook.com"), "/")
	if cfg.HTTP == nil {
		cfg.HTTP = &http.Client{Timeout: 10 * time.Second}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Leads{cfg: cfg, forms: map[string]seenForm{}, kept: map[string]keptLead{}}, nil
}

// told is a lead of a webhook.
type told struct {
	ID     text  `json:"leadgen_id"`
	Page   text  `json:"page_id"`
	Form   text  `json:"form_id"`
	Ad     text  `json:"ad_id"`
	At     int64 `json:"created_time"` // s
	AtPage string
}

// tellings are the leads of a webhook; others are the fields of changes that tell something else.
func tellings(d *hooks.Delivery) (found []told, others []string, err error) {
	var body struct {
		Entry []struct {
			ID      text `json:"id"`
			Changes []struct {
				Field string          `json:"field"`
				Value json.RawMessage `json:"value"`
			} `json:"changes"`
			Messaging []json.RawMessage `json:"messaging"`
		} `json:"entry"`
	}
	if err := json.Unmarshal(d.Body, &body); err != nil {
		return nil, nil, ingest.Refuse(ingest.CodeJSON, "", "is not what Meta sends: "+err.Error(), "Meta の Webhook の本文として読み取れません: "+err.Error())
	}
	for i, e := range body.Entry {
		if len(e.Messaging) > 0 {
			others = append(others, "messages")
		}
		for j, c := range e.Changes {
			if c.Field != "leadgen" {
				others = append(others, c.Field)
				continue
			}
			t := told{AtPage: string(e.ID)}
			if err := json.Unmarshal(c.Value, &t); err != nil || t.ID == "" {
				return nil, nil, ingest.Refuse(ingest.CodeMissing, fmt.Sprintf("entry[%d].changes[%d].value.leadgen_id", i, j), "is missing: the lead has no number", "リードの番号がありません")
			}
			found = append(found, t)
		}
	}
	return found, others, nil
}

// testOfAddress is the lead that the button Test of the app's dashboard tells: there is none.
const testOfAddress = "444444444444"

// Translate makes events of a webhook.
func (l *Leads) Translate(ctx context.Context, d *hooks.Delivery) (hooks.Taken, error) {
	found, others, err := tellings(d)
	if err != nil {
		return hooks.Taken{}, err
	}
	if len(found) == 0 {
		return left("tells no lead ("+strings.Join(others, ", ")+"): subscribe the page to leadgen only", "リードの通知ではありません（"+strings.Join(others, "、")+"）。ページの購読は leadgen だけにしてください"), nil
	}
	if len(found) == 1 && found[0].ID == testOfAddress {
		return left("Meta's test: the address works", "Meta のテスト送信です。URL は正しく動いています"), nil
	}
	documents, wrong := make([][]byte, len(found)), make([]error, len(found))
	var g errgroup.Group
	g.SetLimit(atOnce)
	for i := range found {
		g.Go(func() error {
			documents[i], wrong[i] = l.document(ctx, &found[i])
			return nil
		})
	}
	_ = g.Wait() // each has its own error
	for i, err := range wrong {
		var f *failure
		if errors.As(err, &f) && f.passes && d.At.Sub(time.Unix(found[i].At, 0)) < Patience {
			return hooks.Taken{}, fmt.Errorf("fetch lead %s: %w", found[i].ID, err)
		}
	}
	out, tests := hooks.Taken{}, 0
	for i := range found {
		if wrong[i] != nil {
			refusal, err := l.refusal(&found[i], wrong[i])
			if err != nil {
				return out, err
			}
			if out.Refused == nil {
				out.Refused = refusal
			}
			continue
		}
		if documents[i] == nil {
			tests++
			continue
		}
		if err := l.take(ctx, d, &found[i], documents[i], &out); err != nil {
			return out, err
		}
	}
	l.forget(found)
	if tests == len(found) {
		return left("a test lead of Meta", "Meta のテスト用リードです"), nil
	}
	return out, nil
}

func left(en, ja string) hooks.Taken { return hooks.Taken{Left: en, LeftJA: ja} }

// take adds the events that the mapping makes of a lead.
func (l *Leads) take(ctx context.Context, d *hooks.Delivery, t *told, document []byte, out *hooks.Taken) error {
	one := *d
	one.Body = document
	made, err := l.cfg.Map(ctx, &one)
	var refusal *ingest.Refusal
	if err != nil && !errors.As(err, &refusal) {
		return err
	}
	if refusal == nil {
		refusal = made.Refused
	}
	if refusal != nil && out.Refused == nil {
		out.Refused = refusal
	}
	if made.Left != "" && out.Left == "" && len(out.JSON) == 0 {
		out.Left, out.LeftJA = made.Left, made.LeftJA
	}
	if out.Document == nil {
		out.Document = document
	}
	for i, raw := range made.JSON {
		var event map[string]json.RawMessage
		if err := json.Unmarshal(raw, &event); err != nil {
			return fmt.Errorf("read event of lead %s: %w", t.ID, err)
		}
		if len(event["id"]) == 0 {
			event["id"] = json.RawMessage(strconv.Quote("meta:" + l.cfg.Name + ":" + string(t.ID) + ":" + strconv.Itoa(i)))
		}
		if raw, err = json.Marshal(event); err != nil {
			return fmt.Errorf("write event of lead %s: %w", t.ID, err)
		}
		out.JSON, out.Left, out.LeftJA = append(out.JSON, raw), "", ""
	}
	return nil
}

// document fetches a lead and its form; nil is a lead of Meta's tool for tests.
func (l *Leads) document(ctx context.Context, t *told) ([]byte, error) {
	l.mu.Lock()
	kept, ok := l.kept[string(t.ID)]
	l.mu.Unlock()
	if ok {
		return kept.raw, nil
	}
	x, err := l.fetch(ctx, string(t.ID))
	if err != nil {
		return nil, err
	}
	x.FormID = cmp.Or(x.FormID, t.Form)
	x.AdID = cmp.Or(x.AdID, t.Ad)
	if x.isTest() {
		return nil, nil
	}
	var f form
	if x.FormID != "" {
		f, err = l.formOf(ctx, string(x.FormID))
		var why *failure
		if errors.As(err, &why) && (why.passes || len(x.Disclaimers) > 0) { // a permission needs the words that it was given to
			return nil, fmt.Errorf("its form %s: %w", x.FormID, err)
		}
	}
	at, err := time.Parse("2006-01-02T15:04:05-0700", x.CreatedTime)
	if err != nil {
		at = time.Unix(t.At, 0)
	}
	raw, err := marshal(documentOf(&x, &f, cmp.Or(string(t.Page), t.AtPage), at))
	if err != nil {
		return nil, fmt.Errorf("write lead %s: %w", t.ID, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.cfg.Now()
	for id, k := range l.kept {
		if now.Sub(k.at) > keptFor {
			delete(l.kept, id)
		}
	}
	if len(l.kept) < maxKept {
		l.kept[string(t.ID)] = keptLead{raw, now}
	}
	return raw, nil
}

// forget drops what was remembered of a call that is done.
func (l *Leads) forget(found []told) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, t := range found {
		delete(l.kept, string(t.ID))
	}
}

// refusal says why a lead cannot be fetched, and what to do. What is no word of Meta is an error.
func (l *Leads) refusal(t *told, err error) (*ingest.Refusal, error) {
	var f *failure
	if !errors.As(err, &f) {
		return nil, err
	}
	id, at := string(t.ID), "sources."+l.cfg.Name+".token"
	what, whatJA := "it was tried for half an hour: take this again when Meta answers", "30 分間試しましたが取得できませんでした。Meta が復旧したら、再取り込みしてください"
	switch {
	case f.code == 190 || f.code == 102:
		what, whatJA = "Meta does not take the token: put a new one at "+at+" of the configuration, then take this again", "Meta がトークンを受け付けません。設定の "+at+" を新しいトークンに替えてから、再取り込みしてください"
		l.cfg.Alert(enishi.Alert{ID: enishi.NewID("alert", "meta_leads", l.cfg.Name, l.cfg.Now().UTC().Format(time.DateOnly)), Kind: "source", Severity: "error", At: l.cfg.Now().UTC(),
			Text:   "Meta does not take the token of the source " + l.cfg.Name + ": leads wait among the dead letters. Put a new token at " + at + " of the configuration, then take them again; Meta keeps leads for 90 days.",
			TextJA: "データソース「" + l.cfg.Name + "」のトークンを Meta が受け付けないため、リードが「取り込めなかったデータ」に残っています。設定の " + at + " を新しいトークンに替えてから、再取り込みしてください（Meta がリードを保存するのは 90 日間です）。"})
	case f.denied():
		what, whatJA = "the token may not read it: it needs leads_retrieval and pages_manage_ads, and access to the page's leads, then take this again", "トークンに権限がありません。leads_retrieval と pages_manage_ads の権限と、ページのリードへのアクセスを付けてから、再取り込みしてください"
	case f.unproven():
		secret := strings.TrimSuffix(at, "token") + "secret"
		what, whatJA = "the token was made for another app than the one whose secret stands at "+secret+" of the configuration: put a token of that app at "+at+", then take this again",
			"設定の "+secret+" とは別のアプリで発行されたトークンです。同じアプリで発行したトークンを "+at+" に設定してから、再取り込みしてください"
	case f.code == 100:
		what, whatJA = "there is no such lead (Meta keeps them for 90 days), or the token is of another page", "このリードはありません（Meta の保存期間は 90 日です）。または、別のページのトークンです"
	case !f.passes:
		what, whatJA = "look into it, then take this again", "原因を確認してから、再取り込みしてください"
	}
	return ingest.Refuse(ingest.CodeValue, "leadgen_id", "the lead "+id+" cannot be fetched ("+err.Error()+"): "+what, "リード "+id+" を取得できません（"+err.Error()+"）。"+whatJA), nil
}

// marshal writes JSON as people read it.
func marshal(x any) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	err := enc.Encode(x)
	return bytes.TrimSpace(out.Bytes()), err
}
