package line

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"enishi"
	"enishi/channels"
	"enishi/internal/definitions"
	linesim "enishi/internal/sim/line"
)

// openAPI checks calls against the official files of line/line-openapi. They are not part of the product and stand beside
// the repository.
type openAPI struct {
	routers []routers.Router
	schemas openapi3.Schemas
}

// lineFiles is the folder of the files; "" when they are not at hand.
func lineFiles() string {
	dir := os.Getenv("ENISHI_LINE_OPENAPI")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data", "line-openapi")
	}
	if _, err := os.Stat(dir); err != nil {
		return ""
	}
	return dir
}

func loadOpenAPI(t *testing.T) *openAPI {
	t.Helper()
	dir := lineFiles()
	if dir == "" {
		t.Skip("LINE's OpenAPI files are not beside the repository")
	}
	o := &openAPI{schemas: openapi3.Schemas{}}
	for _, name := range []string{"messaging-api.yml", "manage-audience.yml", "insight.yml"} {
		doc, err := openapi3.NewLoader().LoadFromFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		maps.Copy(o.schemas, doc.Components.Schemas)
		doc.Servers = nil // any host
		for _, p := range doc.Paths.Map() {
			p.Servers = nil
		}
		r, err := legacy.NewRouter(doc)
		if err != nil {
			t.Fatal(err)
		}
		o.routers = append(o.routers, r)
	}
	return o
}

// check says what is wrong with a request; the route of it is for check of its answer.
func (o *openAPI) check(r *http.Request, body []byte) (*openapi3filter.RequestValidationInput, error) {
	for _, router := range o.routers {
		route, params, err := router.FindRoute(r)
		if err != nil {
			continue
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		in := &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route,
			Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc}}
		media := ""
		if route.Operation.RequestBody != nil {
			media = strings.Split(r.Header.Get("Content-Type"), ";")[0]
		}
		if media == "image/png" || media == "image/jpeg" || media == "multipart/form-data" {
			in.Options.ExcludeRequestBody = true // kin-openapi knows no images
		}
		if err := openapi3filter.ValidateRequest(r.Context(), in); err != nil {
			return in, err
		}
		if media != "application/json" {
			return in, nil
		}
		var v any
		if err := json.Unmarshal(body, &v); err != nil {
			return in, err
		}
		return in, o.deep(route.Operation.RequestBody.Value.Content["application/json"].Schema.Value, v, "")
	}
	return nil, fmt.Errorf("%s %s is not in LINE's API", r.Method, r.URL.Path)
}

// deep goes where the files' own schemas do not: a discriminator there stands on a base without oneOf, so a validator looks
// at the base alone. Each object is held to the schema of its type, and must have no field that the type does not name.
func (o *openAPI) deep(s *openapi3.Schema, v any, at string) error {
	switch v := v.(type) {
	case []any:
		if s.Items == nil {
			return nil
		}
		for i, x := range v {
			if err := o.deep(s.Items.Value, x, fmt.Sprintf("%s[%d]", at, i)); err != nil {
				return err
			}
		}
	case map[string]any:
		if s.Discriminator != nil {
			kind, _ := v[s.Discriminator.PropertyName].(string)
			ref, known := s.Discriminator.Mapping[kind]
			if !known {
				return fmt.Errorf("%s: there is no type %q", at, kind)
			}
			s = o.schemas[strings.TrimPrefix(ref.Ref, "#/components/schemas/")].Value
			if err := s.VisitJSON(v); err != nil {
				return fmt.Errorf("%s (%s): %w", at, kind, err)
			}
		}
		fields := properties(s)
		for _, k := range slices.Sorted(maps.Keys(v)) {
			f := fields[k]
			switch {
			case f != nil:
				if err := o.deep(f.Value, v[k], at+"."+k); err != nil {
					return err
				}
			case s.AdditionalProperties.Schema != nil:
				if err := o.deep(s.AdditionalProperties.Schema.Value, v[k], at+"."+k); err != nil {
					return err
				}
			case len(fields) > 0:
				return fmt.Errorf("%s: the type has no field %s", at, k)
			}
		}
	}
	return nil
}

// properties are the fields of a schema and of those that it extends.
func properties(s *openapi3.Schema) openapi3.Schemas {
	out := maps.Clone(s.Properties)
	if out == nil {
		out = openapi3.Schemas{}
	}
	for _, part := range s.AllOf {
		maps.Copy(out, properties(part.Value))
	}
	return out
}

// over stands before a simulated LINE: what is not in its API, or is answered in a form of our own, fails the test.
func (o *openAPI) over(t *testing.T, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
			return
		}
		in, err := o.check(r, body)
		if err != nil {
			t.Errorf("%s %s: %v\n%s", r.Method, r.URL, err, body)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		rec := httptest.NewRecorder()
		next.ServeHTTP(rec, r)
		if in != nil && rec.Code < 300 {
			out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: rec.Code, Header: rec.Header(), Options: in.Options}
			out.SetBodyBytes(rec.Body.Bytes())
			if err := openapi3filter.ValidateResponse(r.Context(), out); err != nil {
				t.Errorf("answer to %s %s: %v\n%s", r.Method, r.URL, err, rec.Body)
			}
		}
		maps.Copy(w.Header(), rec.Header())
		w.WriteHeader(rec.Code)
		_, _ = w.Write(rec.Body.Bytes())
	})
}

// newStrict is an account on a simulated channel whose every call is held against LINE's files.
func newStrict(t *testing.T, cfg linesim.Config) *fixture {
	t.Helper()
	o := loadOpenAPI(t)
	f := newFixture(t, cfg, nil)
	f.http.Config.Handler = o.over(t, f.sim)
	return f
}

// bodies are one message of every type that a template can have.
func bodies() map[string]string {
	const action = `{"type":"uri","label":"見る","uri":"https://shop.example/a?b=1&c=2"}`
	bubble := `{"type":"bubble","size":"mega","hero":{"type":"image","url":"https://shop.example/a.jpg","size":"full","aspectRatio":"20:13","aspectMode":"cover","action":` + action + `},
"body":{"type":"box","layout":"vertical","spacing":"md","paddingAll":"16px","contents":[{"type":"text","text":"化粧水","weight":"bold","size":"lg","wrap":true},
{"type":"text","contents":[{"type":"span","text":"¥3,300","color":"#9c3d44"},{"type":"span","text":"（税込）","size":"xs"}]},
{"type":"box","layout":"baseline","contents":[{"type":"icon","url":"https://shop.example/i.png"},{"type":"text","text":"4.0","flex":0}]},{"type":"separator","margin":"md"}]},
"footer":{"type":"box","layout":"horizontal","contents":[{"type":"button","style":"primary","action":` + action + `}]}}`
	return map[string]string{
		"text":           `{"type":"text","text":"こんにちは <&> $","emojis":[{"index":10,"productId":"5ac1bfd5040ab15980c9b435","emojiId":"001"}]}`,
		"textV2":         `{"type":"textV2","text":"{smile} ようこそ","substitution":{"smile":{"type":"emoji","productId":"5ac1bfd5040ab15980c9b435","emojiId":"002"}}}`,
		"sticker":        `{"type":"sticker","packageId":"446","stickerId":"1988"}`,
		"image":          `{"type":"image","originalContentUrl":"https://shop.example/a.jpg","previewImageUrl":"https://shop.example/b.jpg"}`,
		"video":          `{"type":"video","originalContentUrl":"https://shop.example/a.mp4","previewImageUrl":"https://shop.example/b.jpg","trackingId":"spring-1"}`,
		"audio":          `{"type":"audio","originalContentUrl":"https://shop.example/a.m4a","duration":60000}`,
		"location":       `{"type":"location","title":"銀座店","address":"東京都中央区銀座1-1-1","latitude":35.67,"longitude":139.76}`,
		"imagemap":       `{"type":"imagemap","baseUrl":"https://shop.example/map","altText":"春の新作","baseSize":{"width":1040,"height":1040},"actions":[{"type":"uri","linkUri":"https://shop.example/","area":{"x":0,"y":0,"width":520,"height":1040}},{"type":"message","text":"店舗","area":{"x":520,"y":0,"width":520,"height":1040}}]}`,
		"buttons":        `{"type":"template","altText":"お知らせ","template":{"type":"buttons","thumbnailImageUrl":"https://shop.example/a.jpg","imageAspectRatio":"rectangle","imageSize":"cover","title":"春","text":"新作です","defaultAction":` + action + `,"actions":[` + action + `,{"type":"postback","label":"あとで","data":"later=1","displayText":"あとで"}]}}`,
		"confirm":        `{"type":"template","altText":"確認","template":{"type":"confirm","text":"届きましたか","actions":[{"type":"message","label":"はい","text":"はい"},{"type":"message","label":"いいえ","text":"いいえ"}]}}`,
		"carousel":       `{"type":"template","altText":"おすすめ","template":{"type":"carousel","columns":[{"thumbnailImageUrl":"https://shop.example/a.jpg","title":"化粧水","text":"¥3,300","actions":[` + action + `]},{"thumbnailImageUrl":"https://shop.example/b.jpg","title":"乳液","text":"¥4,400","actions":[` + action + `]}]}}`,
		"image carousel": `{"type":"template","altText":"おすすめ","template":{"type":"image_carousel","columns":[{"imageUrl":"https://shop.example/a.jpg","action":` + action + `}]}}`,
		"flex bubble":    `{"type":"flex","altText":"化粧水","contents":` + bubble + `}`,
		"flex carousel":  `{"type":"flex","altText":"おすすめ","contents":{"type":"carousel","contents":[` + bubble + `,` + bubble + `]}}`,
		"coupon":         `{"type":"coupon","couponId":"01KCOUPON","deliveryTag":"spring_2026"}`,
		"quick reply":    `{"type":"text","text":"どちらですか","sender":{"name":"縁コスメ","iconUrl":"https://shop.example/i.png"},"quickReply":{"items":[{"type":"action","imageUrl":"https://shop.example/i.png","action":{"type":"message","label":"店舗","text":"店舗"}},{"type":"action","action":{"type":"datetimepicker","label":"日時","data":"when","mode":"datetime"}},{"type":"action","action":{"type":"location","label":"場所"}}]}}`,
	}
}

// TestOpenAPIBodies sends every type of message in every way, and the templates that come with the product, by LINE's own
// files and the simulator's stricter checks.
func TestOpenAPIBodies(t *testing.T) {
	t.Parallel()
	f := newStrict(t, linesim.Config{})
	ways := map[string]func(m *channels.Rendered) error{
		"push": func(m *channels.Rendered) error { _, err := f.Send(t.Context(), m); return err },
		"multicast": func(m *channels.Rendered) error {
			_, err := f.SendGroup(t.Context(), m, []channels.Recipient{{To: f.to}, {To: f.sim.UserID("jiro")}})
			return err
		},
	}
	n := 0
	for name, body := range bodies() {
		for way, send := range ways {
			for _, unit := range []string{"", "spring_2026_11"} { // none must not become null
				n++
				m := f.message(n, "")
				m.Messages, m.Unit = []byte("["+body+"]"), unit
				if err := send(m); err != nil {
					t.Errorf("%s by %s: %v", name, way, err)
				}
			}
			if found, err := f.Validate(t.Context(), way, json.RawMessage("["+body+"]")); err != nil || len(found) > 0 {
				t.Errorf("%s validated for %s: %v %v", name, way, found, err)
			}
		}
	}
	for _, m := range galleryMessages(t) {
		n++
		m.To, m.Key = f.to, f.message(n, "").Key
		if err := ways["push"](m); err != nil {
			t.Errorf("%s in %s: %v", m.Template, m.Language, err)
		}
	}
	if got := f.sim.ReceivedCount(f.to); got != n {
		t.Errorf("%d of %d received", got, n)
	}
}

// galleryMessages are the LINE templates that come with the product, filled in.
func galleryMessages(t *testing.T) (out []*channels.Rendered) {
	t.Helper()
	files, err := filepath.Glob("../../journeys/gallery/templates/*_line.json")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d templates: %v", len(files), err)
	}
	log := definitions.NewLog()
	r, err := channels.NewRenderer(channels.RendererConfig{Definitions: log, BaseURL: "https://cdp.shop.example", Key: make([]byte, 32), Brand: map[string]any{"name": "縁コスメ"}})
	if err != nil {
		t.Fatal(err)
	}
	for i, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		record, err := json.Marshal(enishi.Definition{Kind: "template", Name: name, Body: body, RequestID: enishi.NewID(name)})
		if err != nil {
			t.Fatal(err)
		}
		log.Fold(int64(i), record)
		for _, language := range []string{"ja", "en"} {
			m, err := r.Render(t.Context(), &enishi.Message{SendID: enishi.NewID(name), Template: name, Channel: "line", Purpose: "marketing", Language: language, Variables: `{"customer":{"salutation":"佐藤 花子 様","full_name":"佐藤 花子","points":120},
"order":{"order_id":"A-1","total":"¥5,000","lines":[{"name":"化粧水 <A>","quantity":1,"price":"¥2,500"}]},"shipment":{"number":1,"of":2,"carrier_name":"ヤマト運輸","tracking":"444413758703","estimated_on":"11月3日(火)"},
"cart":{"value":"¥3,000","items":4,"lines":[{"name":"乳液","quantity":2,"price":"¥1,500"}]},"product":{"name":"美容液"},
"links":{"cart":"https://shop.example/cart/C","review":"https://shop.example/r?o=A-1","shop":"https://shop.example/","tracking":"https://track.example/1","howto":"https://shop.example/how","mypage":"https://shop.example/me"}}`})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			out = append(out, m)
		}
	}
	return out
}

// TestOpenAPINotices feeds the check what LINE's files by themselves let pass.
func TestOpenAPINotices(t *testing.T) {
	t.Parallel()
	o := loadOpenAPI(t)
	f := func(want, body string) {
		t.Helper()
		r := httptest.NewRequest("POST", "/v2/bot/message/push", nil)
		r.Header.Set("Content-Type", "application/json")
		_, err := o.check(r, []byte(body))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n%v, want %s", body, err, want)
		}
	}
	f("text", `{"to":"U","messages":[{"type":"text"}]}`)
	f("no type", `{"to":"U","messages":[{"type":"letter"}]}`)
	f("no field colour", `{"to":"U","messages":[{"type":"text","text":"a","colour":"red"}]}`)
	f("contents", `{"to":"U","messages":[{"type":"flex","altText":"a"}]}`)
	f("no field hue", `{"to":"U","messages":[{"type":"flex","altText":"a","contents":{"type":"bubble","body":{"type":"box","layout":"vertical","contents":[{"type":"text","text":"a","hue":1}]}}}]}`)
	f("customAggregationUnits", `{"to":"U","messages":[{"type":"text","text":"a"}],"customAggregationUnits":null}`)
}
