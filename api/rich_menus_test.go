package api

import (
	"bytes"
	"encoding/base64"
	"image"
	"image/png"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"enishi"
	"enishi/channels/line"
	linesim "enishi/internal/sim/line"
)

func pngOf(t *testing.T, width, height int) string {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, width, height))); err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(b.Bytes())
}

// TestRichMenus: who enters a segment sees its menu, who leaves it the default one; of several the first by priority; a new
// version takes the place of the old, which is deleted; what LINE does not take is told and changes nothing.
func TestRichMenus(t *testing.T) {
	t.Parallel()
	sim := linesim.New(linesim.Config{})
	_, with := withLINE(t, sim)
	w := newWorld(t, with)
	now := time.Now().UTC()
	users := map[string]string{"a": sim.UserID("a"), "b": sim.UserID("b"), "c": sim.UserID("c")}
	person := func(name, prefecture, gender string) enishi.Event {
		return enishi.Event{Type: "line.followed", At: now.Add(-time.Minute), Properties: map[string]enishi.Value{"account": enishi.TextValue("default")},
			Person: &enishi.Person{LineUserID: users[name], Traits: map[string]enishi.Value{"prefecture": enishi.TextValue(prefecture), "gender": enishi.TextValue(gender)}}}
	}
	w.play([]enishi.Event{person("a", "東京都", "x"), person("b", "東京都", "y"), person("c", "大阪府", "y")})
	w.segment("tokyo", `traits.prefecture == "東京都"`)
	w.segment("some", `traits.gender == "x"`)
	picture := into[imageRow](w.call(post, "/images", map[string]any{"name": "menu.png", "data": pngOf(t, 800, 540)})).ID.String()
	square := into[imageRow](w.call(post, "/images", map[string]any{"name": "square.png", "data": pngOf(t, 800, 800)})).ID.String()
	menu := func(segment string, priority int, width int) map[string]any {
		return map[string]any{"expect": -1, "definition": map[string]any{"title": map[string]any{"ja": "メニュー"}, "segment": segment, "priority": priority, "image": picture, "bar": "メニュー",
			"areas": []any{map[string]any{"x": 0, "y": 0, "width": width, "height": 540, "action": map[string]any{"type": "uri", "label": "見る", "uri": "https://shop.example/"}}}}}
	}
	wrong := menu("tokyo", 0, 801)
	w.call(put, "/rich-menus/wrong", wrong).want(422)
	wrong = menu("tokyo", 0, 800)
	wrong["definition"].(map[string]any)["image"] = square
	if got := w.call(put, "/rich-menus/wrong", wrong).want(422); !strings.Contains(got.text, "1.45") {
		t.Errorf("%s", got.text)
	}
	w.call(put, "/rich-menus/wrong", menu("nobody", 0, 800)).want(422)
	w.write(put, "/rich-menus/all", menu("", 0, 800))
	w.write(put, "/rich-menus/tokyo", menu("tokyo", 1, 800))
	w.write(put, "/rich-menus/some", menu("some", 2, 800))
	look := func(want string) {
		t.Helper()
		now = now.Add(time.Minute)
		if err := w.api.keepRichMenus(t.Context(), now); err != nil {
			t.Fatal(err)
		}
		if got := sim.RichMenu(users["a"]) + " " + sim.RichMenu(users["b"]) + " " + sim.RichMenu(users["c"]); got != want {
			t.Errorf("they see %s, want %s", got, want)
		}
	}
	look("some tokyo all")
	calls := sim.Counts().Calls
	look("some tokyo all")
	if again := sim.Counts().Calls; again["richmenu/create 200"] != calls["richmenu/create 200"] || again["richmenu/link 202"] != calls["richmenu/link 202"] {
		t.Errorf("what stands is done again: %v, then %v", calls, again)
	}
	rows := into[list[menuRow]](w.call(get, "/rich-menus", nil)).Items
	if len(rows) != 3 || !rows[1].Made || rows[1].People != 1 || rows[2].Name != "tokyo" || rows[2].People != 1 {
		t.Errorf("%+v", rows)
	}
	w.call(erase, "/segments/some", nil).want(409)

	// A new version, and one that LINE refuses.
	w.write(put, "/rich-menus/tokyo", menu("tokyo", 3, 799))
	look("tokyo tokyo all")
	if n := sim.Counts().Calls["richmenu/delete 200"]; n != 1 {
		t.Errorf("%d deleted", n)
	}
	bad := menu("tokyo", 3, 700)
	bad["definition"].(map[string]any)["areas"].([]any)[0].(map[string]any)["action"] = map[string]any{"type": "uri", "label": "見る", "uri": "ftp://x"}
	w.write(put, "/rich-menus/tokyo", bad)
	look("tokyo tokyo all")
	if rows := into[list[menuRow]](w.call(get, "/rich-menus", nil)).Items; rows[2].Made || rows[2].Problem == "" {
		t.Errorf("%+v", rows[2])
	}
	// One that is gone: its people have the next.
	w.call(erase, "/rich-menus/tokyo", nil).want(200)
	look("some all all")
	w.call(erase, "/rich-menus/some", nil).want(200)
	w.call(erase, "/rich-menus/all", nil).want(200)
	look("  ")
}

// TestRichMenusOfTwoAccounts: an account that LINE refuses is told with who waits, and holds up no other.
func TestRichMenusOfTwoAccounts(t *testing.T) {
	t.Parallel()
	sims := map[string]*linesim.Server{line.DefaultAccount: linesim.New(linesim.Config{}), "shop2": linesim.New(linesim.Config{})}
	secrets := map[string]line.Secret{}
	for name, sim := range sims {
		server := httptest.NewServer(sim)
		t.Cleanup(server.Close)
		secrets[name] = line.Secret{Token: "token", Channel: "secret", Endpoint: server.URL}
	}
	accounts, err := line.NewAccounts(line.AccountsConfig{Secrets: secrets})
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, func(c *Config) { c.LINE = accounts })
	now := time.Now().UTC()
	var friends []enishi.Event
	for name, sim := range sims {
		friends = append(friends, enishi.Event{Type: "line.followed", At: now.Add(-time.Minute), Properties: map[string]enishi.Value{"account": enishi.TextValue(name)},
			Person: &enishi.Person{LineUserID: sim.UserID("friend of " + name), Traits: map[string]enishi.Value{"prefecture": enishi.TextValue("東京都")}}})
	}
	w.play(friends)
	w.segment("tokyo", `traits.prefecture == "東京都"`)
	picture := into[imageRow](w.call(post, "/images", map[string]any{"name": "menu.png", "data": pngOf(t, 800, 540)})).ID.String()
	for name := range sims {
		w.write(put, "/rich-menus/of_"+name, map[string]any{"expect": -1, "definition": map[string]any{"title": map[string]any{"ja": "メニュー"}, "segment": "tokyo", "account": name, "image": picture, "bar": "メニュー",
			"areas": []any{map[string]any{"x": 0, "y": 0, "width": 800, "height": 540, "action": map[string]any{"type": "uri", "uri": "https://shop.example/"}}}}})
	}
	rows := func() []menuRow { return into[list[menuRow]](w.call(get, "/rich-menus", nil)).Items }
	sims[line.DefaultAccount].Inject(linesim.Fault{Endpoint: "richmenu/link", Times: 1, Status: 401, Message: "Authentication failed"})
	if err := w.api.keepRichMenus(t.Context(), now); err == nil {
		t.Error("a refused account is no error")
	}
	l := rows()
	if len(l) != 2 || !l[0].Made || l[0].People != 0 || l[0].Waiting != 1 || l[0].Stuck.JA != "Authentication failed" {
		t.Errorf("the refused account: %+v", l)
	}
	if l[1].Account != "shop2" || l[1].People != 1 || l[1].Waiting != 0 || l[1].Stuck.EN != "" {
		t.Errorf("the other account: %+v", l[1])
	}
	if err := w.api.keepRichMenus(t.Context(), now.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if l := rows(); l[0].People != 1 || l[0].Waiting != 0 || l[0].Stuck.JA != "" {
		t.Errorf("after it was taken again: %+v", l[0])
	}
}
