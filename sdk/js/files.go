// Package js hands out the browser SDK, which `make sdk` builds into dist and which is compiled into the program.
//
//	GET /sdk.js                     what a shop's pages load; always this program's version
//	GET /sdk/pixel.js               the same for Shopify's customer events
//	POST /sdk/id                    a browser's id, to be kept in a cookie that the server sets
//	GET /sdk/js/sdk.HASH.js         /sdk.js under a name that changes with its content: for pages that give its integrity
package js

import (
	"bytes"
	"crypto/sha512"
	"embed"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"time"
)

//go:embed all:dist
var dist embed.FS

// File is one script.
type File struct {
	Text      []byte
	Integrity string // for the attribute integrity: "sha384-..."
	Pinned    string // its path under a name of its content: /sdk/js/sdk.0f1e2d3c4b5a6978.js
}

func open(name string) File {
	text, err := dist.ReadFile("dist/" + name + ".js")
	if err != nil {
		return File{} // not built
	}
	sum := sha512.Sum384(text)
	return File{Text: text, Integrity: "sha384-" + base64.StdEncoding.EncodeToString(sum[:]), Pinned: "/sdk/js/" + name + "." + hex.EncodeToString(sum[:8]) + ".js"}
}

// Script is /sdk.js; its Text is empty where the program was built without it.
func Script() File { return open("sdk") }

// Handler answers the paths of the package's comment.
func Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /sdk/id", keepID)
	for path, f := range map[string]File{"/sdk.js": open("sdk"), "/sdk/pixel.js": open("pixel")} {
		mux.HandleFunc("GET "+path, f.serve("public, max-age=3600"))
		if f.Pinned != "" {
			mux.HandleFunc("GET "+f.Pinned, f.serve("public, max-age=31536000, immutable"))
		}
	}
	return mux
}

func (f File) serve(keep string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		if f.Text == nil {
			h.Set("Cache-Control", "no-store")
			http.Error(w, "the browser SDK is not built: run make sdk and build again", http.StatusNotFound)
			return
		}
		h.Set("Content-Type", "text/javascript; charset=utf-8")
		h.Set("Cache-Control", keep)
		h.Set("ETag", `"`+f.Integrity+`"`)
		h.Set("Access-Control-Allow-Origin", "*") // integrity is checked on scripts that were asked for with CORS only
		h.Set("Cross-Origin-Resource-Policy", "cross-origin")
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.Text))
	}
}
