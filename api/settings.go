package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"enishi"
	"enishi/channels"
	"enishi/channels/dm/postal"
	"enishi/channels/line"
	"enishi/ingest/catalogue"
	"enishi/ingest/mapping"
	"enishi/ingest/pulls"
	"enishi/internal/exports"
	"enishi/internal/outflow"
	"enishi/internal/pipeline"
	"enishi/internal/stream"
	"enishi/journeys"
	"enishi/segments"
	"enishi/segments/audiences"
)

func partitionOf(topic string, n int) stream.Partition {
	return stream.Partition{Topic: topic, Partition: n}
}

// setting reads a setting's body; false when there is none, or it does not fit.
func (a *API) setting(name string, into any) bool {
	d, ok := a.cfg.Definitions.Current("setting", name)
	return ok && json.Unmarshal(d.Body, into) == nil
}

type settingOutput struct{ Body settingPage }

// settingPage is a setting with its versions.
type settingPage struct {
	Name    string          `json:"name"`
	Version int64           `json:"version" doc:"0 while it was never saved."`
	Body    json.RawMessage `json:"body"`
	History []VersionRow    `json:"history"`
}

func (a *API) getSetting(ctx context.Context, in *NamePath) (*settingOutput, error) {
	if err := checkName(in.Name); err != nil {
		return nil, err
	}
	out := &settingOutput{settingPage{Name: in.Name, Body: json.RawMessage("{}"), History: a.versions("setting", in.Name)}}
	if d, ok := a.cfg.Definitions.Current("setting", in.Name); ok {
		out.Body.Version, out.Body.Body = d.Version, d.Body
	}
	return out, nil
}

type settingInput struct {
	NamePath
	Body struct {
		Body   json.RawMessage `json:"body"`
		Expect int64           `json:"expect" doc:"The version this replaces; 0 for the first."`
		Reason string          `json:"reason,omitempty" maxLength:"500"`
	}
}

func (a *API) saveSetting(ctx context.Context, in *settingInput) (*writtenOutput, error) {
	if err := checkName(in.Name); err != nil {
		return nil, err
	}
	w, err := a.putSetting(ctx, in.Name, in.Body.Body, in.Body.Expect, in.Body.Reason)
	return &writtenOutput{w}, err
}

// putSetting checks what is known of a setting and saves it. Settings reach customers, so they need an approver.
func (a *API) putSetting(ctx context.Context, name string, body json.RawMessage, expect int64, reason string) (Written, error) {
	if !callOf(ctx).caller.role.includes(approver) {
		return Written{}, refusal(enishi.Denied, "to change settings needs the role approver", "設定の変更には「承認者」の権限が必要です。")
	}
	var text bytes.Buffer
	if err := json.Indent(&text, body, "", "  "); err != nil || members(body) == nil {
		return Written{}, enishi.FieldError("body.body", "is no JSON object", "JSON オブジェクトにしてください。")
	}
	switch name {
	case "journeys":
		set, err := journeys.ParseSettings(text.Bytes())
		if err != nil {
			return Written{}, err
		}
		for i, name := range set.NoEmoji {
			if _, ok := a.cfg.Definitions.Current(segments.KindSegment, name); !ok {
				return Written{}, enishi.FieldError(fmt.Sprintf("no_emoji[%d]", i), "there is no segment "+name, "「"+name+"」というセグメントはありません。")
			}
		}
	case "segments":
		if _, err := parseJumpSetting(body); err != nil {
			return Written{}, err
		}
	case "brand":
		if err := channels.CheckBrand(text.Bytes()); err != nil {
			return Written{}, err
		}
	case catalogue.SettingName:
		if _, err := catalogue.ParseSettings(body); err != nil {
			return Written{}, err
		}
	case "templates":
		if _, err := channels.ParseSettings(text.Bytes()); err != nil {
			return Written{}, err
		}
	case pipeline.SweepingName:
		if json.Unmarshal(body, &pipeline.Sweeping{}) != nil {
			return Written{}, enishi.FieldError("body.body", "sweeps are written as {\"paused\": [ID], \"cancelled\": [ID], \"again\": {\"SEGMENT\": NUMBER}}", "再計算の設定は {\"paused\": [ID], \"cancelled\": [ID], \"again\": {\"セグメント\": 回数}} の形で書いてください。")
		}
	case "costs":
		if _, err := parseCosts(body); err != nil {
			return Written{}, err
		}
	case testersName:
		if _, err := parseTesters(body); err != nil {
			return Written{}, err
		}
	case channels.SendingName:
		if _, err := channels.ParseSending(body); err != nil {
			return Written{}, err
		}
	case line.SourcesName:
		if _, err := line.ParseSources(body); err != nil {
			return Written{}, err
		}
	case line.SettingName:
		if _, err := line.ParseSettings(body); err != nil {
			return Written{}, err
		}
	case channels.DeliveryName:
		if _, err := channels.ParseDelivery(body); err != nil {
			return Written{}, err
		}
	case line.ReplySettingName:
		if _, err := line.ParseReplySettings(text.Bytes()); err != nil {
			return Written{}, err
		}
	case "topics":
		if _, err := channels.ParseTopics(body); err != nil {
			return Written{}, err
		}
	case transmissionName:
		if _, err := parseTransmission(body); err != nil {
			return Written{}, err
		}
	case postal.SettingName:
		if _, err := postal.ParseSettings(body); err != nil {
			return Written{}, err
		}
	case SourceAlarmsName:
		if _, err := parseSourceAlarms(body); err != nil {
			return Written{}, err
		}
	case lifecycleName:
		if _, _, err := a.stagesOf(body); err != nil {
			return Written{}, err
		}
	case traitsName:
		if _, err := parseTraits(body); err != nil {
			return Written{}, err
		}
	case "stores":
		var names map[string]string
		if json.Unmarshal(body, &names) != nil {
			return Written{}, enishi.FieldError("body.body", "stores are written as {\"ID\": \"NAME\"}", "店舗は {\"店舗ID\": \"店舗名\"} の形で書いてください。")
		}
	}
	return a.save(ctx, enishi.Definition{Kind: "setting", Name: name, Expect: expect, Body: compact(body), Reason: reason})
}

type definitionInput struct {
	Kind string `path:"kind" enum:"segment,list,ranking,journey,template,block,store,words,reply,richmenu,mapping,filepull,bulk_export,audience,setting,stream"`
	NamePath
	Body struct {
		Body   json.RawMessage `json:"body" doc:"The definition as a file has it; a journey's state included."`
		Expect int64           `json:"expect" doc:"The version this replaces; 0 for a new one, -1 for whatever it is."`
		Reason string          `json:"reason,omitempty" maxLength:"500"`
	}
}

func (a *API) saveDefinition(ctx context.Context, in *definitionInput) (*writtenOutput, error) {
	if err := checkNameOf(in.Kind, in.Name); err != nil {
		return nil, err
	}
	b := &in.Body
	var text bytes.Buffer
	if err := json.Indent(&text, b.Body, "", "  "); err != nil || members(b.Body) == nil {
		return nil, enishi.FieldError("body.body", "is no JSON object", "JSON オブジェクトにしてください。")
	}
	var w Written
	var err error
	switch in.Kind {
	case "setting":
		w, err = a.putSetting(ctx, in.Name, b.Body, b.Expect, b.Reason)
	case "journey":
		status := headOf(&enishi.Definition{Body: b.Body}).State
		w, err = a.putJourney(ctx, in.Name, withoutState(text.Bytes()), status, b.Expect, b.Reason)
	case "template":
		w, err = a.putTemplate(ctx, in.Name, b.Body, b.Expect, b.Reason)
	case segments.KindList:
		var l listBody
		dec := json.NewDecoder(&text)
		dec.DisallowUnknownFields()
		if e := dec.Decode(&l); e != nil {
			return nil, enishi.FieldError("body.body", "is no list: "+e.Error(), "リストの定義として読めません: "+e.Error())
		}
		w, err = a.putList(ctx, in.Name, l, b.Expect, b.Reason)
	case segments.KindStore:
		w, err = a.putStore(ctx, in.Name, b.Body, b.Expect, b.Reason)
	case "words":
		w, err = a.putWords(ctx, in.Name, b.Body, b.Expect, b.Reason)
	case line.KindRichMenu:
		w, err = a.putRichMenu(ctx, in.Name, b.Body, b.Expect, b.Reason)
	case line.KindReply:
		w, err = a.putReply(ctx, in.Name, b.Body, b.Expect, b.Reason)
	case audiences.Kind:
		w, err = a.putAudience(ctx, in.Name, b.Body, b.Expect, b.Reason)
	case exports.PlanKind:
		w, err = a.putExportPlan(ctx, in.Name, b.Body, b.Expect, b.Reason)
	case pulls.Kind:
		w, err = a.putFilePull(ctx, in.Name, b.Body, b.Expect, b.Reason)
	case outflow.Kind:
		w, err = a.putStream(ctx, in.Name, b.Body, b.Expect, b.Reason)
	case "block":
		w, err = a.putBlock(ctx, in.Name, b.Body, b.Expect, b.Reason)
	default:
		switch in.Kind {
		case "ranking":
			err = a.checkRanking(in.Name, text.Bytes())
		case mapping.Kind:
			err = a.checkMapping(b.Body)
		default:
			err = a.checkSegment(in.Name, text.Bytes())
		}
		if err == nil {
			w, err = a.save(ctx, enishi.Definition{Kind: in.Kind, Name: in.Name, Expect: b.Expect, Body: compact(b.Body), Reason: b.Reason})
		}
	}
	return &writtenOutput{w}, err
}

type definitionsInput struct {
	Kind string `query:"kind" enum:"segment,list,ranking,cuts,journey,template,block,store,words,reply,richmenu,mapping,filepull,bulk_export,audience,setting,stream,key" required:"true"`
	Name string `query:"name" maxLength:"128" required:"false" doc:"All versions of this one; unless said the newest version of each."`
}

func (a *API) listDefinitions(ctx context.Context, in *definitionsInput) (*listOutput[VersionRow], error) {
	if in.Kind == "key" && !callOf(ctx).caller.role.includes(admin) {
		return nil, refusal(enishi.Denied, "the history of keys needs the role admin", "キーの履歴を見るには「管理者」の権限が必要です。")
	}
	if in.Name == "" {
		out := listOf([]VersionRow{})
		for _, d := range a.cfg.Definitions.List(in.Kind) {
			row := versionRowOf(&d)
			row.Name = d.Name
			out.Body.Items = append(out.Body.Items, row)
		}
		return out, nil
	}
	return listOf(a.versions(in.Kind, in.Name)), nil
}

type definitionVersionInput struct {
	Kind string `path:"kind" enum:"segment,list,ranking,journey,template,block,store,words,reply,richmenu,mapping,filepull,bulk_export,audience,setting,stream"`
	NamePath
	Version int64 `query:"version" minimum:"1" required:"false" doc:"As GET /definitions lists them; the newest unless said."`
}

type definitionVersionOutput struct {
	ETag string `header:"ETag" doc:"The version: what a save has to expect."`
	Body definitionVersion
}

// definitionVersion is a version with what it said.
type definitionVersion struct {
	VersionRow
	Body json.RawMessage `json:"body" doc:"Null: it is the version that deleted it."`
}

func (a *API) getDefinition(ctx context.Context, in *definitionVersionInput) (*definitionVersionOutput, error) {
	d, ok := a.cfg.Definitions.Current(in.Kind, in.Name)
	if in.Version > 0 {
		d, ok = a.cfg.Definitions.Version(in.Kind, in.Name, in.Version)
	}
	if !ok {
		return nil, notFound("version", "版")
	}
	return &definitionVersionOutput{etag(d.Version), definitionVersion{versionRowOf(&d), d.Body}}, nil
}

type alertRow struct {
	ID       enishi.ID `json:"id"`
	Kind     string    `json:"kind"`
	Severity string    `json:"severity" enum:"info,warning,error"`
	Text     string    `json:"text"`
	TextJA   string    `json:"text_ja"`
	At       time.Time `json:"at"`
	Href     string    `json:"href,omitempty" doc:"The page of the console that it is about."`
}

type alertInput struct {
	IDPath
	Body *struct {
		Reason string `json:"reason,omitempty" maxLength:"500"`
	}
}

// closeAlert writes the row again, closed.
func (a *API) closeAlert(ctx context.Context, in *alertInput) (*writtenOutput, error) {
	id, err := enishi.ParseID(in.ID)
	if err != nil {
		return nil, notFound("alert", "お知らせ")
	}
	if slices.ContainsFunc(a.cfg.Troubles(), func(x enishi.Alert) bool { return x.ID == id }) {
		return nil, refusal(enishi.Conflict, "the cause is still there: the alert goes away with it", "原因がまだ解消していません。解消するとこのお知らせは自動で消えます。")
	}
	open, err := a.alerts(ctx, "id = "+idLiteral(id))
	if err != nil {
		return nil, err
	}
	c := callOf(ctx)
	if len(open) == 0 {
		return nil, notFound("open alert", "未対応のお知らせ")
	}
	x, now := open[0], a.cfg.Now().UTC()
	err = a.cfg.DB.Insert(ctx, "alerts", []string{"id", "at", "version", "kind", "severity", "text", "text_ja", "closed_at"}, 1,
		[]enishi.ID{x.ID}, []time.Time{x.At}, []uint64{max(uint64(now.UnixMilli()), x.version+1)}, []string{x.Kind}, []string{x.Severity}, []string{x.Text}, []string{x.TextJA}, []time.Time{now})
	if err != nil {
		return nil, fmt.Errorf("close alert: %w", err)
	}
	a.log.Info("alert closed", "id", x.ID, "kind", x.Kind, "actor", c.caller.name, "request_id", c.request)
	a.homeMemo.forget()
	return &writtenOutput{Written{RequestID: c.request}}, nil
}
