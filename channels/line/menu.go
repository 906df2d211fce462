package line

import (
	"encoding/json"
	"fmt"
	"strings"

	"enishi"
)

// KindRichMenu is the kind of definition of a rich menu.
const KindRichMenu = "richmenu"

// Menu is a rich menu for the people of a segment, or for everybody who has none of their own. Of several that a person could
// have, the one with the highest priority is shown, then the first by name.
type Menu struct {
	Title struct {
		JA string `json:"ja,omitempty"`
		EN string `json:"en,omitempty"`
	} `json:"title"`
	Segment  string     `json:"segment,omitempty"` // empty: everybody else
	Account  string     `json:"account,omitempty"` // empty: the default one
	Priority int        `json:"priority,omitempty"`
	Image    string     `json:"image"`          // id of an uploaded picture, PNG or JPEG; its size is the menu's
	Bar      string     `json:"bar"`            // text of the bar that opens it
	Open     bool       `json:"open,omitempty"` // it is open when the chat is opened
	Areas    []MenuArea `json:"areas"`
	Off      bool       `json:"off,omitempty"`
}

// MenuArea is what can be tapped, in pixels of the picture.
type MenuArea struct {
	X      int             `json:"x"`
	Y      int             `json:"y"`
	Width  int             `json:"width"`
	Height int             `json:"height"`
	Action json.RawMessage `json:"action"` // an action object of LINE's
}

// Limits of rich menus.
const (
	maxMenuAreas = 20
	maxMenuBar   = 14
	maxMenuImage = 1 << 20
	minMenuWidth = 800
	maxMenuWidth = 2500
	minMenuTall  = 250
	minMenuRatio = 1.45 // of width to height
)

// ParseMenu reads the body of a definition. Its errors name the field.
func ParseMenu(body []byte) (*Menu, error) {
	m := &Menu{}
	if err := strictly(body, m); err != nil {
		return nil, enishi.FieldError("", "a rich menu is written as {\"title\": {\"ja\": TEXT}, \"image\": ID, \"bar\": \"メニュー\", \"areas\": [{\"x\": 0, \"y\": 0, \"width\": 1250, \"height\": 843, \"action\": {...}}]}: "+err.Error(),
			"リッチメニューは {\"title\": {\"ja\": 名前}, \"image\": 画像ID, \"bar\": \"メニュー\", \"areas\": [{\"x\": 0, \"y\": 0, \"width\": 1250, \"height\": 843, \"action\": {...}}]} の形で書いてください。")
	}
	switch {
	case strings.TrimSpace(m.Title.JA+m.Title.EN) == "":
		return nil, enishi.FieldError("title", "a rich menu needs a title", "名前を入力してください。")
	case m.Account != "" && !accountPattern.MatchString(m.Account):
		return nil, enishi.FieldError("account", "is the name of an official account", "LINE アカウントの名前を指定してください。")
	case m.Bar == "" || len([]rune(m.Bar)) > maxMenuBar:
		return nil, enishi.FieldError("bar", "the text of the bar has 1 to 14 characters", "メニューバーの文字は 1〜14 文字にしてください。")
	case len(m.Areas) == 0 || len(m.Areas) > maxMenuAreas:
		return nil, enishi.FieldError("areas", "a rich menu has 1 to 20 areas", "タップできる領域は 1〜20 個にしてください。")
	}
	if _, err := enishi.ParseID(m.Image); err != nil {
		return nil, enishi.FieldError("image", "is the id of an uploaded picture", "アップロードした画像の ID を指定してください。")
	}
	for i, x := range m.Areas {
		at := fmt.Sprintf("areas[%d]", i)
		var action struct {
			Type string `json:"type"`
		}
		if json.Unmarshal(x.Action, &action) != nil || action.Type == "" {
			return nil, enishi.FieldError(at+".action", "an area needs an action with a type", "タップしたときの動作（type）を指定してください。")
		}
		if x.X < 0 || x.Y < 0 || x.Width < 1 || x.Height < 1 {
			return nil, enishi.FieldError(at, "an area begins within the picture and has a width and a height", "領域の位置と大きさを正しく指定してください。")
		}
	}
	return m, nil
}

// Fits tells whether a picture can be the menu's: its size in pixels and bytes, and areas within it.
func (m *Menu) Fits(format string, width, height, size int) error {
	switch {
	case format != "png" && format != "jpg":
		return enishi.FieldError("image", "LINE takes PNG and JPEG", "リッチメニューの画像は PNG か JPEG にしてください。")
	case size > maxMenuImage:
		return enishi.FieldError("image", "the picture is larger than 1 MB", "画像が 1 MB を超えています。")
	case width < minMenuWidth || width > maxMenuWidth || height < minMenuTall || float64(width)/float64(height) < minMenuRatio:
		return enishi.FieldError("image", fmt.Sprintf("the picture has %d x %d pixels; LINE takes a width of 800 to 2,500, a height of 250 and more, and 1.45 times as much width as height", width, height),
			fmt.Sprintf("画像の大きさは %d×%d です。幅 800〜2,500 px、高さ 250 px 以上で、幅が高さの 1.45 倍以上の画像にしてください。", width, height))
	}
	for i, x := range m.Areas {
		if x.X+x.Width > width || x.Y+x.Height > height {
			return enishi.FieldError(fmt.Sprintf("areas[%d]", i), "the area goes beyond the picture", "領域が画像からはみ出しています。")
		}
	}
	return nil
}

// Body is the menu as LINE takes it.
func (m *Menu) Body(name string, width, height int) (json.RawMessage, error) {
	areas := make([]any, len(m.Areas))
	for i, x := range m.Areas {
		areas[i] = map[string]any{"bounds": map[string]int{"x": x.X, "y": x.Y, "width": x.Width, "height": x.Height}, "action": x.Action}
	}
	return json.Marshal(map[string]any{"size": map[string]int{"width": width, "height": height}, "selected": m.Open, "name": name, "chatBarText": m.Bar, "areas": areas})
}
