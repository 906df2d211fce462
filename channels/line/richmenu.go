package line

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
)

// MaxMenuUsers is how many people one call may link a rich menu to.
const MaxMenuUsers = 500

// CreateRichMenu makes a rich menu with its picture and gives its id. body is a rich menu object of LINE's; media is image/png
// or image/jpeg. Nobody sees it before it is linked. LINE makes 100 an hour.
func (c *Channel) CreateRichMenu(ctx context.Context, body json.RawMessage, media string, image []byte) (string, error) {
	var made struct {
		ID string `json:"richMenuId"`
	}
	if _, err := c.request(ctx, call{method: http.MethodPost, path: "/v2/bot/richmenu", body: body}, &made); err != nil {
		return "", err
	}
	_, err := c.request(ctx, call{method: http.MethodPost, path: "/v2/bot/richmenu/" + url.PathEscape(made.ID) + "/content", media: media, raw: image, data: true}, nil)
	if err != nil { // without a picture it is of no use, and counts
		if derr := c.DeleteRichMenu(ctx, made.ID); derr != nil {
			c.cfg.Log.Warn("a rich menu without a picture is left at LINE", "rich_menu", made.ID, "err", derr)
		}
		return "", err
	}
	return made.ID, nil
}

// DeleteRichMenu deletes a rich menu; who had it has the default one. LINE deletes 100 an hour.
func (c *Channel) DeleteRichMenu(ctx context.Context, id string) error {
	_, err := c.request(ctx, call{method: http.MethodDelete, path: "/v2/bot/richmenu/" + url.PathEscape(id)}, nil)
	return err
}

// LinkRichMenu gives a menu to up to [MaxMenuUsers] people. Whom LINE does not know is left out without a word.
func (c *Channel) LinkRichMenu(ctx context.Context, id string, users []string) error {
	_, err := c.request(ctx, call{method: http.MethodPost, path: "/v2/bot/richmenu/bulk/link", body: map[string]any{"richMenuId": id, "userIds": users}}, nil)
	return err
}

// UnlinkRichMenu takes their menu from up to [MaxMenuUsers] people, who have the default one then.
func (c *Channel) UnlinkRichMenu(ctx context.Context, users []string) error {
	_, err := c.request(ctx, call{method: http.MethodPost, path: "/v2/bot/richmenu/bulk/unlink", body: map[string]any{"userIds": users}}, nil)
	return err
}

// DefaultRichMenu gives a menu to everybody who has none of their own; an empty id takes it away.
func (c *Channel) DefaultRichMenu(ctx context.Context, id string) error {
	x := call{method: http.MethodDelete, path: "/v2/bot/user/all/richmenu"}
	if id != "" {
		x = call{method: http.MethodPost, path: "/v2/bot/user/all/richmenu/" + url.PathEscape(id)}
	}
	_, err := c.request(ctx, x, nil)
	return err
}

// ReplaceRichMenu gives a menu to everybody who has another one, at once however many they are. LINE does this 3 times an hour.
func (c *Channel) ReplaceRichMenu(ctx context.Context, from, to string) error {
	_, err := c.request(ctx, call{method: http.MethodPost, path: "/v2/bot/richmenu/batch", body: map[string]any{"operations": []any{map[string]string{"type": "link", "from": from, "to": to}}}}, nil)
	return err
}
