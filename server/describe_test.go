package server

import (
	"encoding/json"
	"io/fs"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	description "tapedeck/server/describe"
)

// described is what openapi.yaml says, as far as it is held against the server.
type described struct {
	Paths      map[string]map[string]json.RawMessage
	Components struct{ Responses map[string]answered }
}

// answered is one answer of an operation.
type answered struct {
	Ref     string `json:"$ref"`
	Content map[string]struct {
		Schema struct {
			Ref string `json:"$ref"`
		}
	}
}

var openAPI = func() (d described) {
	text, err := fs.ReadFile(description.Files, "openapi.yaml")
	if err == nil {
		text, err = yaml.YAMLToJSON(text)
	}
	if err == nil {
		err = json.Unmarshal(text, &d)
	}
	if err != nil {
		panic(err)
	}
	return d
}()

// answers are those of GET at an address; nil if it is not described.
func (d *described) answers(at string) (found map[string]answered) {
	for template, item := range d.Paths {
		pattern := regexp.MustCompile(`\\\{\w+\\\}`).ReplaceAllString(regexp.QuoteMeta(template), ".+")
		if !regexp.MustCompile("^" + pattern + "$").MatchString(at) {
			continue
		}
		var get struct{ Responses map[string]answered }
		if json.Unmarshal(item["get"], &get) != nil {
			return nil
		}
		found = get.Responses
	}
	return found
}

// check holds an answer against the description: its status, its media type and its body.
func (d *described) check(t testing.TB, at string, status int, h http.Header, body string) {
	t.Helper()
	all := d.answers(at)
	if all == nil {
		return
	}
	a, ok := all[strconv.Itoa(status)]
	if !ok {
		t.Errorf("%s: %d is not described", at, status)
		return
	}
	if a.Ref != "" {
		a = d.Components.Responses[path.Base(a.Ref)]
	}
	if a.Content == nil {
		return
	}
	kind, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	content, ok := a.Content[kind]
	switch {
	case !ok:
		t.Errorf("%s: %d with a %q is not described", at, status, kind)
	case kind == "application/x-ndjson":
		for line := range strings.Lines(body) {
			if err := schemas.Message([]byte(line)); err != nil {
				t.Errorf("%s: %v", at, err)
			}
		}
	case kind == "application/json":
		if err := schemas.Check(path.Base(content.Schema.Ref), []byte(body)); err != nil {
			t.Errorf("%s: %d: %v", at, status, err)
		}
	}
}

// Each route is described, and each path that is described is a route.
func TestEveryRouteIsDescribed(t *testing.T) {
	n := run(t, newTape(1), func(c *Config) { c.PProf, c.Page = true, http.NotFoundHandler() })
	profiles := regexp.MustCompile(`^/debug/pprof/.*`)
	var routes []string
	for _, r := range append(n.clientRoutes(), n.adminRoutes()...) {
		_, at, ok := strings.Cut(r.pattern, " ")
		if !ok {
			at = r.pattern
		}
		at = profiles.ReplaceAllString(strings.ReplaceAll(at, "...}", "}"), "/debug/pprof/{profile}")
		if !slices.Contains(routes, at) {
			routes = append(routes, at)
		}
		if openAPI.Paths[at]["get"] == nil {
			t.Errorf("openapi.yaml does not describe %s", r.pattern)
		}
	}
	for at, item := range openAPI.Paths {
		if !slices.Contains(routes, at) {
			t.Errorf("openapi.yaml describes %s, which is no route", at)
		}
		for method := range item {
			if method != "get" && method != "servers" {
				t.Errorf("openapi.yaml describes %s of %s: all is GET", method, at)
			}
		}
	}
}

// The descriptions are served, and what they refer to is found beside them.
func TestDescriptionsAreServed(t *testing.T) {
	n := run(t, newTape(1))
	for at, kind := range map[string]string{
		"/asyncapi.yaml": "application/yaml", "/openapi.yaml": "application/yaml", "/schemas/message.json": "application/schema+json", "/schemas/types.json": "application/schema+json",
	} {
		status, body, h := get(t, n, at)
		if status != http.StatusOK || h.Get("Content-Type") != kind || len(body) < 100 {
			t.Errorf("%s: %d %s, %d bytes", at, status, h.Get("Content-Type"), len(body))
		}
	}
	for _, at := range []string{"/schemas/none.json", "/schemas/..%2fasyncapi.yaml", "/schemas/"} {
		if status, _, _ := get(t, n, at); status != http.StatusNotFound {
			t.Errorf("%s: %d", at, status)
		}
	}
}
