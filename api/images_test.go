package api

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"net/http"
	"strings"
	"testing"
)

// photo is a JPEG of 3 x 2 pixels with EXIF that says how to turn it, and a place.
func photo(t *testing.T, turn uint16) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewRGBA(image.Rect(0, 0, 3, 2)), nil); err != nil {
		t.Fatal(err)
	}
	exif := append(turned(turn), "GPS 35.6717 139.7650"...)
	binary.BigEndian.PutUint16(exif[2:], uint16(len(exif)-2))
	return append(append(append([]byte{}, b.Bytes()[:2]...), exif...), b.Bytes()[2:]...)
}

// TestReadPicture: what a file is, how large, and what must not be left in it.
func TestReadPicture(t *testing.T) {
	t.Parallel()
	drawing := image.NewRGBA(image.Rect(0, 0, 5, 4))
	var pngs, gifs bytes.Buffer
	if err := png.Encode(&pngs, drawing); err != nil {
		t.Fatal(err)
	}
	if err := gif.Encode(&gifs, drawing, nil); err != nil {
		t.Fatal(err)
	}
	text := []byte("\x00\x00\x00\x0ctEXtGPS 35.6717 xCRC")
	tagged := append(append(append([]byte{}, pngs.Bytes()[:33]...), text...), pngs.Bytes()[33:]...)
	webp := []byte("RIFF\x00\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x08\x00\x00\x00\x06\x00\x00\x07\x00\x00EXIF\x04\x00\x00\x00GPS ")
	f := func(data []byte, want string, width, height int) {
		t.Helper()
		p, err := readPicture(data)
		if err != nil || p.format != want || p.width != width || p.height != height {
			t.Fatalf("%s: %+v, %v", want, p, err)
		}
		if bytes.Contains(p.data, []byte("GPS")) {
			t.Errorf("%s keeps the place", want)
		}
		if again, err := readPicture(p.data); err != nil || !bytes.Equal(again.data, p.data) {
			t.Errorf("%s is not the same a second time: %v", want, err)
		}
	}
	f(photo(t, 6), "jpg", 3, 2)
	f(tagged, "png", 5, 4)
	f(gifs.Bytes(), "gif", 5, 4)
	f(webp, "webp", 7, 8)
	for turn := range uint16(9) {
		p, err := readPicture(photo(t, turn))
		if err != nil {
			t.Fatal(err)
		}
		got := uint16(0)
		if i := bytes.Index(p.data, []byte("Exif")); i >= 0 {
			got = orientation(p.data[i:])
		}
		if want := turn; got != want && !(want <= 1 && got == 0) {
			t.Errorf("the picture is to be turned by %d, not %d", got, want)
		}
	}
	refused := func(data []byte, want string) {
		t.Helper()
		if _, err := readPicture(data); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	refused([]byte("<svg xmlns='http://www.w3.org/2000/svg'/>"), "no PNG")
	refused([]byte("GIF89a"), "damaged")
	refused(pngs.Bytes()[:60], "damaged")
	refused(photo(t, 1)[:30], "damaged")
	refused(make([]byte, maxImage+1), "2 MB")
	wide := bytes.Clone(gifs.Bytes())
	binary.LittleEndian.PutUint16(wide[6:], 9000)
	refused(wide, "8,192")
}

func FuzzReadPicture(f *testing.F) {
	f.Add([]byte("\xff\xd8\xff\xe1\x00\x08Exif\x00\x00"))
	f.Add([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR"))
	f.Add([]byte("RIFF\x00\x00\x00\x00WEBPVP8 \x0a\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if p, err := readPicture(data); err == nil && len(p.data) > len(data)+64 {
			t.Errorf("%d bytes became %d", len(data), len(p.data))
		}
	})
}

// TestImages: an uploaded picture is read by anybody by its address, for ever, and by nobody who does not know it.
func TestImages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	body := map[string]any{"name": "店頭.jpg", "data": base64.StdEncoding.EncodeToString(photo(t, 6))}
	a := into[imageRow](w.call(post, "/images", body))
	if b := into[imageRow](w.call(post, "/images", body)); b.ID != a.ID || b.URL != a.URL {
		t.Errorf("the same picture is %s and %s", a.URL, b.URL)
	}
	if l := into[list[imageRow]](w.call(get, "/images", nil)); len(l.Items) != 1 || l.Items[0].URL != a.URL || l.Items[0].Width != 3 || l.Items[0].Name != "店頭.jpg" {
		t.Errorf("the list is %+v", l.Items)
	}
	w.call(post, "/images", map[string]any{"data": base64.StdEncoding.EncodeToString([]byte("<svg/>"))}).want(422)
	token, _ := w.key("admin", "viewer")
	w.as(token).call(post, "/images", body).want(403)
	path := a.URL[strings.Index(a.URL, imagePath):]
	ask := func(path, tag string) (*http.Response, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), get, w.server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("If-None-Match", tag)
		answer, err := w.server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer, string(text)
	}
	answer, text := ask(path, "")
	if c, format, err := image.DecodeConfig(strings.NewReader(text)); err != nil || format != "jpeg" || c.Width != 3 {
		t.Errorf("the picture is a %s: %v", format, err)
	}
	if h := answer.Header; h.Get("Content-Type") != "image/jpeg" || !strings.Contains(h.Get("Cache-Control"), "immutable") || h.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("headers: %v", h)
	}
	if answer, text = ask(path, answer.Header.Get("ETag")); answer.StatusCode != http.StatusNotModified || text != "" {
		t.Errorf("asked again: %s", answer.Status)
	}
	for _, path := range []string{"/i/" + strings.Repeat("0", 32) + ".jpg", strings.Replace(path, ".jpg", ".png", 1), "/i/x", strings.Replace(path, ".jpg", ".svg", 1)} {
		if answer, _ := ask(path, ""); answer.StatusCode != http.StatusNotFound {
			t.Errorf("%s answers %s", path, answer.Status)
		}
	}
}
