package page

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const library = "/lightweight-charts.js"

// all that the page may weigh, in bytes as they are embedded: a library too many is seen here.
const heaviest = 320 << 10

func get(path, tag string) *http.Response {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	if tag != "" {
		r.Header.Set("If-None-Match", tag)
	}
	w := httptest.NewRecorder()
	Handler().ServeHTTP(w, r)
	return w.Result()
}

func TestServesItsFiles(t *testing.T) {
	kinds := map[string]string{
		"/": "text/html; charset=utf-8", "/index.html": "text/html; charset=utf-8",
		"/style.css": "text/css; charset=utf-8", "/app.js": "text/javascript; charset=utf-8",
		"/lightweight-charts.js": "text/javascript; charset=utf-8",
	}
	for path, kind := range kinds {
		res := get(path, "")
		if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != kind {
			t.Errorf("%s: %d %q, want 200 %q", path, res.StatusCode, res.Header.Get("Content-Type"), kind)
		}
		if res.Header.Get("Content-Security-Policy") != policy || res.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: sent without its protection: %v", path, res.Header)
		}
		if again := get(path, res.Header.Get("ETag")); again.StatusCode != http.StatusNotModified {
			t.Errorf("%s: asked again with its tag: %d, want 304", path, again.StatusCode)
		}
	}
}

func TestServesNothingElse(t *testing.T) {
	for _, path := range []string{"/page.go", "/package.json", "/src/app.ts", "/..", "/v1"} {
		if res := get(path, ""); res.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d, want 404", path, res.StatusCode)
		}
	}
	w := httptest.NewRecorder()
	Handler().ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", nil))
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d, want 405", w.Code)
	}
}

// What comes from a feed must never become markup, and the policy forbids what stands in the markup
// itself, so neither may be written. The chart library has parts that the page does not use: the policy alone
// holds it, and its notice must be there, as must the link to whom it is from.
func TestKeepsItsPolicy(t *testing.T) {
	forbidden := map[string]*regexp.Regexp{
		".js":   regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function|https?://`),
		".html": regexp.MustCompile(`(?i)<style|\sstyle=|\son[a-z]+=|<script[^>]*>[^<]|https?://`),
		".css":  regexp.MustCompile(`@import|https?://`),
	}
	allowed := strings.NewReplacer(
		"http://www.w3.org/2000/svg", "", // the name of a drawing's language: nothing is loaded from there
		`href="https://www.tradingview.com/"`, "",
	)
	kinds := map[string]bool{}
	served := load()
	if !strings.Contains(string(served["/index.html"].body), `href="https://www.tradingview.com/"`) {
		t.Error("the page has no link to the makers of its chart")
	}
	if !strings.HasPrefix(string(served[library].body), "/*! TradingView Lightweight Charts") {
		t.Error("the chart library has lost its notice")
	}
	for path, f := range served {
		if path == library {
			continue
		}
		for kind, bad := range forbidden {
			if !strings.HasSuffix(path, kind) {
				continue
			}
			kinds[kind] = true
			text := allowed.Replace(string(f.body))
			if at := bad.FindStringIndex(text); at != nil {
				t.Errorf("%s: %q", path, text[at[0]:at[1]])
			}
		}
	}
	if len(kinds) != len(forbidden) {
		t.Errorf("looked at %v only", kinds)
	}
}

// Every module and file that the page names is served.
func TestNamesOnlyWhatIsServed(t *testing.T) {
	served := load()
	var named []string
	reference := regexp.MustCompile(`(?:from ?['"]\.|(?:href|src)="(?:\./)?)/?([a-z-]+\.(?:js|css))`)
	for _, f := range served {
		for _, m := range reference.FindAllSubmatch(f.body, -1) {
			named = append(named, string(m[1]))
			if _, ok := served["/"+string(m[1])]; !ok {
				t.Errorf("%s is named but not served", m[1])
			}
		}
	}
	for _, must := range []string{"app.js", "style.css", "lightweight-charts.js"} {
		if !slices.Contains(named, must) {
			t.Errorf("%s is not named by the page", must)
		}
	}
}

func TestIsLight(t *testing.T) {
	all := 0
	for path, f := range load() {
		if path != "/" { // the same as index.html
			all += len(f.body)
		}
	}
	if all > heaviest {
		t.Errorf("the page weighs %d bytes, more than %d", all, heaviest)
	}
}
