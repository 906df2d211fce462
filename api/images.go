package api

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"enishi"
)

// imagePath is where pictures of messages are read, by anybody who knows the name: the hash of the picture.
const imagePath = "/i/"

// imageTypes are media types by extension.
var imageTypes = map[string]string{"jpg": "image/jpeg", "png": "image/png", "gif": "image/gif", "webp": "image/webp"}

// imageRow is a picture that messages may show.
type imageRow struct {
	ID     enishi.ID `json:"id"`
	URL    string    `json:"url" doc:"What a message names. It stays for ever."`
	Name   string    `json:"name" doc:"Of the file that was uploaded."`
	Type   string    `json:"type" enum:"jpg,png,gif,webp" doc:"LINE shows jpg and png only."`
	Width  int       `json:"width" doc:"Pixels."`
	Height int       `json:"height"`
	Size   int       `json:"size" doc:"Bytes. LINE takes previews up to 1 MB."`
	At     time.Time `json:"at"`
	By     string    `json:"by"`
}

type imageInput struct {
	Body struct {
		Name string `json:"name,omitempty" maxLength:"200" doc:"Of the file, for people to find it again."`
		Data []byte `json:"data" doc:"The file in base64, at most 2 MB: PNG, JPEG, GIF or WebP. Where and when it was taken is not kept."`
	}
}

type imageOutput struct{ Body imageRow }

// uploadImage keeps a picture. The same picture again is the same one.
func (a *API) uploadImage(ctx context.Context, in *imageInput) (*imageOutput, error) {
	p, err := readPicture(in.Body.Data)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(p.data)
	row := imageRow{ID: enishi.ID(sum[:16]), Name: strings.TrimSpace(in.Body.Name), Type: p.format, Width: p.width, Height: p.height, Size: len(p.data), At: a.cfg.Now().UTC().Truncate(time.Millisecond), By: callOf(ctx).caller.name}
	row.URL = a.imageURL(&row)
	err = a.cfg.DB.Insert(ctx, "images", []string{"id", "at", "name", "type", "width", "height", "size", "actor", "data"}, 1, []enishi.ID{row.ID}, []time.Time{row.At}, []string{row.Name}, []string{row.Type},
		[]uint32{uint32(row.Width)}, []uint32{uint32(row.Height)}, []uint32{uint32(row.Size)}, []string{row.By}, []string{string(p.data)})
	if err != nil {
		return nil, fmt.Errorf("keep an image: %w", err)
	}
	return &imageOutput{row}, nil
}

func (a *API) imageURL(row *imageRow) string {
	return a.cfg.Renderer.Address(imagePath + row.ID.String() + "." + row.Type)
}

func (a *API) listImages(ctx context.Context, _ *struct{}) (*listOutput[imageRow], error) {
	out := listOf([]imageRow{})
	err := a.each(ctx, "SELECT id, at, name, type, width, height, size, actor FROM images FINAL ORDER BY at DESC, id LIMIT 200", nil, func(rows driver.Rows) error {
		var r imageRow
		var id string
		var width, height, size uint32
		if err := rows.Scan(&id, &r.At, &r.Name, &r.Type, &width, &height, &size, &r.By); err != nil {
			return err
		}
		r.ID, r.At, r.Width, r.Height, r.Size = idOf(id), r.At.UTC(), int(width), int(height), int(size)
		r.URL = a.imageURL(&r)
		out.Body.Items = append(out.Body.Items, r)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list images: %w", err)
	}
	return out, nil
}

// serveImage shows a picture to whoever has its address. It never changes, so it may be kept for ever.
func (a *API) serveImage(w http.ResponseWriter, r *http.Request) {
	name, format, _ := strings.Cut(r.PathValue("file"), ".")
	id, err := enishi.ParseID(name)
	if err != nil || imageTypes[format] == "" {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	tag := `"` + id.String() + `"`
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	var data string
	err = a.one(r.Context(), "SELECT data FROM images WHERE id = "+idLiteral(id)+" AND type = {type:String} LIMIT 1", []any{named("type", format)}, &data)
	switch {
	case err == errNoRow:
		http.NotFound(w, r)
		return
	case err != nil:
		a.log.Warn("image", "err", err)
		h.Set("Retry-After", "5")
		http.Error(w, "try again", http.StatusServiceUnavailable)
		return
	}
	h.Set("Content-Type", imageTypes[format])
	h.Set("Content-Length", strconv.Itoa(len(data)))
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("ETag", tag)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin") // mail programs on the web show it
	_, _ = w.Write([]byte(data))                          // the only error is a reader who has gone
}
