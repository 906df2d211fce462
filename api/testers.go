package api

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"enishi"
	"enishi/channels"
	"enishi/ingest"
	"enishi/internal/stream"
	"enishi/journeys"
	"enishi/profiles"
)

// testersName is the setting that names who gets tests.
const testersName = "testers"

// testers are the lists of people of the shop who get tests, by name: ids of profiles or of customers. A definition is
// kept for ever, so it holds no addresses: these are the people's own.
type testers struct {
	Lists map[string][]string `json:"lists"`
}

const (
	maxTesters    = 20
	defaultList   = "default"
	maxDraft      = 700 << 10 // bytes: a draft travels with its message, and a record has room for 1 MB
	testSendBy    = 10 * time.Minute
	testPriority  = 20 // before everything else: somebody waits at the screen
	maxTesterName = 100
)

func parseTesters(body []byte) (testers, error) {
	var t testers
	dec := json.NewDecoder(strings.NewReader(string(body)))
	dec.DisallowUnknownFields()
	if dec.Decode(&t) != nil {
		return t, enishi.FieldError("body.body", `testers are written as {"lists": {"default": ["CUSTOMER ID", "PROFILE ID"]}}`, `{"lists": {"default": ["会員ID", "顧客ID"]}} の形で書いてください。`)
	}
	for name, list := range t.Lists {
		at := "body.body.lists." + name
		if err := checkName(name); err != nil {
			return t, err
		}
		if len(list) == 0 || len(list) > maxTesters {
			return t, enishi.FieldError(at, "a list has 1 to 20 testers", "1 つのリストには 1〜20 人を指定してください。")
		}
		for _, who := range list {
			switch {
			case strings.Contains(who, "@"):
				return t, enishi.FieldError(at, "write the tester's customer id or profile id, not an address: definitions are kept for ever", "アドレスではなく、会員 ID か顧客 ID を書いてください（設定の履歴は消えずに残ります）。")
			case strings.TrimSpace(who) == "" || len(who) > maxTesterName:
				return t, enishi.FieldError(at, "a tester is a customer id or a profile id", "会員 ID か顧客 ID を書いてください。")
			}
		}
	}
	return t, nil
}

type testTemplateInput struct {
	NamePath
	Body struct {
		List       string          `json:"list,omitempty" maxLength:"64" doc:"A list of the setting testers; default unless said."`
		Profile    string          `json:"profile,omitempty" maxLength:"36" doc:"As whom: whose data to fill in; a made-up person unless said."`
		Language   string          `json:"language,omitempty" enum:",ja,en" doc:"ja unless said."`
		Definition json.RawMessage `json:"definition,omitempty" doc:"What is being edited; the saved version unless said."`
		Choice     *int            `json:"choice,omitempty" minimum:"0" maximum:"9" doc:"Which of the texts that are compared, from 0; the person's own unless said."`
	}
}

type testOutput struct{ Body testPage }

// testPage is a test on its way. What becomes of each message is in the ledger: GET /deliveries?send=ID.
type testPage struct {
	List      string        `json:"list"`
	Sends     []testSend    `json:"sends"`
	LeftOut   []testLeftOut `json:"left_out"`
	Variant   string        `json:"variant" doc:"Of the texts that are compared: a, b, ...; empty: there is one."`
	Missing   []string      `json:"missing" doc:"Variables that were asked for and have no value."`
	Sampled   []string      `json:"sampled" doc:"Parts that are made up: cart, coupon, order, shipment."`
	Unchecked Text          `json:"unchecked" doc:"Why LINE did not check the message before; empty: it did, or it is a mail."`
}

type testSend struct {
	SendID  enishi.ID `json:"send_id"`
	Tester  string    `json:"tester" doc:"As the list has it."`
	Profile enishi.ID `json:"profile"`
	Name    string    `json:"name"`
	Channel string    `json:"channel"`
}

type testLeftOut struct {
	Tester string `json:"tester"`
	Reason Text   `json:"reason"`
}

// testTemplate hands a template to the sender, once for each tester of a list.
func (a *API) testTemplate(ctx context.Context, in *testTemplateInput) (*testOutput, error) {
	list := cmp.Or(in.Body.List, defaultList)
	who, err := a.testersOf(list)
	if err != nil {
		return nil, err
	}
	if len(in.Body.Definition) > maxDraft {
		return nil, enishi.FieldError("body.definition", "is larger than 700 KB: save it, and send the test of the saved version", "700 KB を超えています。保存してから、保存した版のテストを送ってください。")
	}
	preview := &previewTemplateInput{NamePath: in.NamePath}
	preview.Body.Profile, preview.Body.Language, preview.Body.Definition, preview.Body.Choice = in.Body.Profile, in.Body.Language, in.Body.Definition, in.Body.Choice
	s, err := a.show(ctx, preview, channels.TestPurpose)
	if err != nil {
		return nil, err
	}
	out := &testOutput{testPage{List: list, Sends: []testSend{}, LeftOut: []testLeftOut{}, Variant: s.rendered.Variant, Missing: append([]string{}, s.rendered.Missing...), Sampled: sampled(s.body, s.view)}}
	if out.Body.Unchecked, err = a.refusedTest(ctx, preview); err != nil {
		return nil, err
	}
	var recs []stream.Record
	for _, tester := range who {
		v, err := a.tester(ctx, tester)
		if enishi.ErrorCode(err) == enishi.NotFound {
			out.Body.LeftOut = append(out.Body.LeftOut, testLeftOut{tester, Text{"この ID の顧客が見つかりません", "nobody has this id"}})
			continue
		}
		if err != nil {
			return nil, err
		}
		m, why := a.testMessage(ctx, s, v)
		if !why.isZero() {
			out.Body.LeftOut = append(out.Body.LeftOut, testLeftOut{tester, why})
			continue
		}
		family, given, _, _ := v.Name()
		out.Body.Sends = append(out.Body.Sends, testSend{m.SendID, tester, v.Profile.ID, fullName(family, given), m.Channel})
		recs = append(recs, stream.Record{Topic: enishi.TopicMessages, Partition: -1, Time: m.DecidedAt, Key: []byte(m.Destination), Value: enishi.EncodeMessage(nil, m)})
	}
	if len(recs) == 0 {
		return out, nil
	}
	if err := a.cfg.Stream.Append(ctx, recs); err != nil {
		return nil, fmt.Errorf("append test: %w", err)
	}
	c := callOf(ctx)
	a.log.Info("test sent", "template", in.Name, "list", list, "messages", len(recs), "actor", c.caller.name, "request_id", c.request)
	return out, nil
}

// refusedTest asks LINE whether it would take the test; its error names what it would not. When LINE cannot be asked the
// test goes on its way all the same, and unchecked says so.
func (a *API) refusedTest(ctx context.Context, in *previewTemplateInput) (unchecked Text, err error) {
	s, err := a.show(ctx, in, "") // without the mark of a test, which would move the places
	if err != nil {
		return Text{}, err
	}
	account := a.lineAccount(s.rendered.Account)
	if s.message.Channel != "line" || account == nil {
		return Text{}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, preflightTime)
	defer cancel()
	found, err := account.Channel.Validate(ctx, "push", s.rendered.Messages)
	if err != nil {
		a.log.Warn("LINE did not check a test", "template", s.message.Template, "err", err)
		return Text{"LINE に接続できないため、LINE 側の事前チェックはしていません。", "LINE could not be asked, so it has not checked this message."}, nil
	}
	problems := make([]error, len(found))
	for i, o := range found {
		text := o.Words()
		problems[i] = enishi.FieldError("body.definition.variants."+s.rendered.Language+"."+o.Place, text.EN, text.JA)
	}
	return Text{}, errors.Join(problems...)
}

// testersOf are the ids of a list.
func (a *API) testersOf(list string) ([]string, error) {
	var set testers
	if d, ok := a.cfg.Definitions.Current("setting", testersName); ok {
		var err error
		if set, err = parseTesters(d.Body); err != nil {
			return nil, err
		}
	}
	who := set.Lists[list]
	if len(who) == 0 {
		return nil, refusal(enishi.NotFound, "there is no list of testers "+list+": add it to the setting testers", "テスト送信先のリスト「"+list+"」がありません。設定の「テスト送信先」に追加してください。")
	}
	return who, nil
}

// tester finds a tester by the id of a profile or of a customer.
func (a *API) tester(ctx context.Context, text string) (*profiles.View, error) {
	if _, err := enishi.ParseID(text); err == nil {
		p, _, err := a.load(ctx, text)
		if err == nil {
			return p.View(), nil
		}
		if enishi.ErrorCode(err) != enishi.NotFound {
			return nil, err
		}
	}
	value, err := ingest.Normalise(enishi.Customer, text)
	if err != nil || value == "" {
		return nil, notFound("person", "顧客")
	}
	id := a.cfg.Hasher.Hash(enishi.Identifier{Kind: enishi.Customer, Value: value})
	p, _, err := a.load(ctx, id.String())
	if err != nil {
		return nil, err
	}
	return p.View(), nil
}

// testMessage is the message of a test to somebody, or why there is none. Consent is not asked for: testers are the shop's
// own people, whom an approver has named.
func (a *API) testMessage(ctx context.Context, s *filledIn, v *profiles.View) (*enishi.Message, Text) {
	m := s.message
	account, _ := a.journeySettings().Destination(m.Channel, s.rendered.Purpose, "")
	to, ok := v.AddressOf(m.Channel, account)
	if !ok || to.Value == "" {
		return nil, word("reach", "no_address."+m.Channel)
	}
	if why, suppressed := v.SuppressedOf(m.Channel, account); suppressed {
		return nil, word("reason", why)
	}
	m.SendID = enishi.NewID("test", callOf(ctx).request.String(), to.ID.String())
	m.Round, m.Profile, m.Subject, m.To, m.Priority = 1, v.Profile.ID, to.ID, to.Value, testPriority
	m.Account, m.Destination = a.journeySettings().Destination(m.Channel, s.rendered.Purpose, to.Value)
	m.Variant = s.rendered.Variant // that of the person shown, not the tester's own
	if s.version == 0 {
		m.Content = string(s.body)
	}
	m.DecidedAt = a.now().Truncate(time.Millisecond)
	m.NotAfter = m.DecidedAt.Add(testSendBy)
	return &m, Text{}
}

// journeySettings are the settings that the fold sends by.
func (a *API) journeySettings() *journeys.Settings {
	if d, ok := a.cfg.Definitions.Current("setting", "journeys"); ok {
		if s, err := journeys.ParseSettings(d.Body); err == nil {
			return s
		}
	}
	return journeys.DefaultSettings()
}
