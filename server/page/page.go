// Package page is the page that a server shows to whoever opens its address: the live market, or a replay.
// What is embedded here is built from web/ by make web and committed, so that a server needs Go alone. It loads
// nothing from elsewhere, and its policy lets the browser load nothing from elsewhere either.
package page

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"mime"
	"net/http"
	"path"
	"time"
)

//go:embed index.html style.css *.js
var files embed.FS

// policy allows the page's own files and its stream. 'self' does not cover ws: in every browser. No text becomes
// markup or a program, not by the chart library either.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' ws: wss:; " +
	"img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
	"require-trusted-types-for 'script'; trusted-types 'none'"

// file is one file of the page as it is sent.
type file struct {
	body      []byte
	mediaType string
	tag       string // of its content: a new build is seen at once, an old one is not sent again
}

// Handler serves the page at "/" and its files beside it; anything else is not found.
func Handler() http.Handler {
	served := load()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, ok := served[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "the page is only read", http.StatusMethodNotAllowed)
			return
		}
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("Content-Type", f.mediaType)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-cache")
		h.Set("ETag", f.tag)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.body))
	})
}

// load reads the embedded files by the path under which each is served.
func load() map[string]file {
	served := map[string]file{}
	entries, err := files.ReadDir(".")
	if err != nil {
		panic(err) // the files are part of the binary
	}
	for _, e := range entries {
		body, err := files.ReadFile(e.Name())
		if err != nil {
			panic(err)
		}
		sum := sha256.Sum256(body)
		served["/"+e.Name()] = file{
			body:      body,
			mediaType: mime.TypeByExtension(path.Ext(e.Name())),
			tag:       `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`,
		}
	}
	served["/"] = served["/index.html"]
	return served
}
