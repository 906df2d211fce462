package ingest

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"sync"
)

// body is what was read of a request; its memory is used again after release.
type body struct{ buf *bytes.Buffer }

func (b body) bytes() []byte { return b.buf.Bytes() }

// buffers holds buffers of the size of usual requests.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

const keepBuffer = 256 << 10

func (b body) release() {
	if b.buf.Cap() <= keepBuffer {
		b.buf.Reset()
		buffers.Put(b.buf)
	}
}

var errTooLarge = errors.New("too large")

// readBody reads a body of at most limit bytes, compressed or not.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) (body, *statusError) {
	if !isJSON(r.Header.Get("Content-Type")) {
		return body{}, &statusError{http.StatusUnsupportedMediaType, "send application/json (or text/plain, as sendBeacon does)", "Content-Type は application/json（sendBeacon では text/plain）にしてください"}
	}
	large := &statusError{http.StatusRequestEntityTooLarge, "the body is too large: 1 MB for an event, 10 MB for a batch, gzip at most 20 times smaller",
		"本文が大きすぎます（1 件は 1 MB、一括は 10 MB まで。gzip の圧縮率は 20 倍まで）"}
	if r.ContentLength > limit {
		return body{}, large
	}
	b := body{buffers.Get().(*bytes.Buffer)}
	if n := r.ContentLength; n > 0 && n <= keepBuffer {
		b.buf.Grow(int(n) + bytes.MinRead)
	}
	var src io.Reader = http.MaxBytesReader(w, r.Body, limit)
	switch encoding := strings.ToLower(strings.TrimSpace(r.Header.Get("Content-Encoding"))); encoding {
	case "", "identity":
	case "gzip":
		src = &boundedGzip{raw: src, limit: limit}
	default:
		b.release()
		return body{}, &statusError{http.StatusUnsupportedMediaType, "send it plain or with gzip", "圧縮しないか、gzip で送ってください"}
	}
	_, err := b.buf.ReadFrom(src)
	var over *http.MaxBytesError
	switch {
	case err == nil:
		return b, nil
	case errors.As(err, &over), errors.Is(err, errTooLarge):
		b.release()
		return body{}, large
	}
	b.release()
	return body{}, &statusError{http.StatusBadRequest, "the body cannot be read: " + err.Error(), "本文を読み取れません"}
}

// isJSON says whether a type of content is taken. Browsers send beacons and simple requests as text/plain, RudderStack's client for
// Node.js sends what it repeats as a form (axios-retry loses the type), though it is the JSON of the first try.
func isJSON(contentType string) bool {
	if contentType == "application/json" || contentType == "" {
		return true
	}
	t, _, err := mime.ParseMediaType(contentType)
	return err == nil && (t == "application/json" || t == "text/plain" || t == "application/x-www-form-urlencoded")
}

// boundedGzip unpacks up to limit bytes and refuses what unpacks to more than maxGzipRatio times its size.
type boundedGzip struct {
	raw      io.Reader
	packed   int64
	unpacked int64
	limit    int64
	zip      *gzip.Reader
}

// count reads the packed bytes; it is what the gzip reader reads from.
type countedReader struct{ g *boundedGzip }

func (c countedReader) Read(p []byte) (int, error) {
	n, err := c.g.raw.Read(p)
	c.g.packed += int64(n)
	return n, err
}

// Read unpacks.
func (g *boundedGzip) Read(p []byte) (int, error) {
	if g.zip == nil {
		z, err := gzip.NewReader(countedReader{g})
		if err != nil {
			return 0, err
		}
		g.zip = z
	}
	n, err := g.zip.Read(p)
	g.unpacked += int64(n)
	if g.unpacked > g.limit || g.unpacked > maxGzipRatio*g.packed+gzipAllowance {
		return n, errTooLarge
	}
	return n, err
}
