// Package describe holds what machines read about the server: asyncapi.yaml for the socket, openapi.yaml for HTTP, and a JSON
// Schema (2020-12) for each message, command and answer. Tests hold all of them against the code, and every message that a
// test's client gets against the schemas.
package describe

import (
	"embed"
	"io/fs"
	"net/http"
	"path"
)

// Files holds asyncapi.yaml, openapi.yaml and schemas/NAME.json. The two refer to the schemas by these paths, so that whoever
// serves Files at the root of a host has links that lead somewhere.
//
//go:embed asyncapi.yaml openapi.yaml schemas/*.json
var Files embed.FS

// kinds are media types by a file's ending.
var kinds = map[string]string{".yaml": "application/yaml", ".json": "application/schema+json"}

// Serve answers with the file that the address names.
func Serve(w http.ResponseWriter, r *http.Request) {
	text, err := fs.ReadFile(Files, r.URL.Path[1:])
	if err != nil {
		http.Error(w, "there is no such file: /asyncapi.yaml and /openapi.yaml name the schemas", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", kinds[path.Ext(r.URL.Path)])
	w.Header().Set("Cache-Control", "max-age=300")
	_, _ = w.Write(text)
}
