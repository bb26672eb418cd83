// Package schematest holds what servers say against the schemas of server/describe. It is for tests.
package schematest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"io/fs"
	"path"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"tapedeck/server/describe"
)

// Set is all schemas, compiled. Their objects have no field that is not described: what is published lets new ones pass, as clients
// have to, but this server must not say what it has not described. It may be used from several goroutines.
type Set struct {
	byName map[string]*jsonschema.Schema
	seed   maphash.Seed

	mu   sync.Mutex
	seen map[shape]int // how many messages of a shape came
}

// Load compiles the schemas.
func Load() (*Set, error) {
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	names, err := fs.Glob(describe.Files, "schemas/*.json")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		text, err := fs.ReadFile(describe.Files, name)
		if err != nil {
			return nil, err
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if err := c.AddResource(at(path.Base(name)), closed(doc)); err != nil {
			return nil, err
		}
	}
	s := &Set{byName: map[string]*jsonschema.Schema{}, seed: maphash.MakeSeed(), seen: map[shape]int{}}
	for _, name := range names {
		name = path.Base(name)
		if s.byName[name], err = c.Compile(at(name)); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func at(name string) string { return "tapedeck:///schemas/" + name }

// closed lets objects of a schema have no other fields than those it names.
func closed(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for _, part := range v {
			closed(part)
		}
		if _, named := v["properties"]; named && v["type"] == "object" {
			v["additionalProperties"] = false
		}
	case []any:
		for _, part := range v {
			closed(part)
		}
	}
	return v
}

// Check holds a JSON text against a schema, as in "rooms.json".
func (s *Set) Check(name string, text []byte) error {
	schema := s.byName[name]
	if schema == nil {
		return fmt.Errorf("there is no schema %s", name)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err == nil {
		err = schema.Validate(v)
	}
	if err != nil {
		return fmt.Errorf("against %s: %w: %.600s", name, err, text)
	}
	return nil
}

// everyOf is how many messages of a shape are passed over between two that are checked, once many have been.
const (
	manyOf  = 200
	everyOf = 32
)

// Message holds a message of the server against the schema of its kind. The first ones of each shape (kind, channel and which fields
// there are) are all checked, later ones now and then: with the race detector a check takes longer than what it checks.
func (s *Set) Message(text []byte) error {
	shape := s.shapeOf(text)
	s.mu.Lock()
	n := s.seen[shape]
	s.seen[shape]++
	s.mu.Unlock()
	if n > manyOf && n%everyOf != 0 {
		return nil
	}
	var head struct {
		T string `json:"t"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return err
	}
	return s.Check(head.T+".json", text)
}

// shape is a message's kind and channel, and which keys and nulls it has, as a set of 64.
type shape struct {
	kind, channel string
	keys          uint64
}

// after returns what follows a text up to an end.
func after(text []byte, begin string, end byte) string {
	_, rest, _ := bytes.Cut(text, []byte(begin))
	return string(rest[:max(bytes.IndexByte(rest, end), 0)])
}

func (s *Set) shapeOf(text []byte) shape {
	out := shape{kind: after(text, `"t":"`, '"'), channel: after(text, `"room":"`, ':')}
	for rest := text; ; {
		i := bytes.Index(rest, []byte(`":`))
		if i < 0 {
			return out
		}
		begin := bytes.LastIndexByte(rest[:i], '"') + 1
		key := rest[begin : i+2]
		if i+2 < len(rest) && rest[i+2] == 'n' { // null
			key = rest[begin : i+3]
		}
		out.keys |= 1 << (maphash.Bytes(s.seed, key) & 63)
		rest = rest[i+2:]
	}
}

// Must is Load for the start of a test run.
func Must() *Set {
	s, err := Load()
	if err != nil {
		panic(err)
	}
	return s
}
