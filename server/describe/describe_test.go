package describe_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"tapedeck/server/describe"
	"tapedeck/server/describe/schematest"
	"tapedeck/wire"
)

var schemas = schematest.Must()

// document reads one of the two descriptions as JSON does.
func document(t *testing.T, name string) map[string]any {
	t.Helper()
	text, err := fs.ReadFile(describe.Files, name)
	if err != nil {
		t.Fatal(err)
	}
	text, err = yaml.YAMLToJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return v.(map[string]any)
}

// at goes down in a document.
func at(t *testing.T, v any, keys ...string) any {
	t.Helper()
	for _, k := range keys {
		m, ok := v.(map[string]any)
		if !ok || m[k] == nil {
			t.Fatalf("there is no %s in %s", k, strings.Join(keys, "."))
		}
		v = m[k]
	}
	return v
}

// Both descriptions are what their standards' own schemas ask for.
func TestDescriptionsAreValid(t *testing.T) {
	for name, meta := range map[string]string{"asyncapi.yaml": "asyncapi-3.0.0.json.gz", "openapi.yaml": "openapi-3.1.json.gz"} {
		schema := published(t, meta)
		doc := document(t, name)
		if err := schema.Validate(doc); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		doc["info"] = "nothing that it may be"
		if schema.Validate(doc) == nil {
			t.Errorf("%s: anything passes", name)
		}
	}
}

// published reads a meta-schema.
func published(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	packed, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(packed)
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(name, doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile(name)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// Each reference in the descriptions leads somewhere, and each schema is named by one of them or by another schema.
func TestReferencesLeadSomewhere(t *testing.T) {
	named := map[string]bool{}
	for _, name := range []string{"asyncapi.yaml", "openapi.yaml"} {
		doc := document(t, name)
		for _, ref := range references(doc) {
			if inside, ok := strings.CutPrefix(ref, "#/"); ok {
				at(t, doc, strings.Split(strings.ReplaceAll(inside, "~1", "/"), "/")...)
				continue
			}
			if _, err := fs.Stat(describe.Files, ref); err != nil {
				t.Errorf("%s: %s leads nowhere", name, ref)
			}
			named[path.Base(ref)] = true
		}
	}
	files, err := fs.Glob(describe.Files, "schemas/*.json")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d schemas: %v", len(files), err)
	}
	for _, name := range files {
		text, err := fs.ReadFile(describe.Files, name)
		if err != nil {
			t.Fatal(err)
		}
		var doc any
		if err := json.Unmarshal(text, &doc); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, ref := range references(doc) {
			file, _, _ := strings.Cut(ref, "#")
			named[file] = true
		}
	}
	for _, name := range files {
		if !named[path.Base(name)] {
			t.Errorf("nothing refers to %s", name)
		}
	}
}

func references(v any) (list []string) {
	switch v := v.(type) {
	case map[string]any:
		for k, part := range v {
			if ref, ok := part.(string); ok && k == "$ref" {
				list = append(list, ref)
			}
			list = append(list, references(part)...)
		}
	case []any:
		for _, part := range v {
			list = append(list, references(part)...)
		}
	}
	return list
}

// The close codes and the encodings of the description are those of the code.
func TestCodesAndEncodingsAreOurs(t *testing.T) {
	doc := document(t, "asyncapi.yaml")
	var codes, want []string
	for _, c := range at(t, doc, "info", "x-close-codes").([]any) {
		codes = append(codes, fmt.Sprint(at(t, c, "code"), at(t, c, "reason"), at(t, c, "reconnect")))
	}
	for _, c := range wire.Closes {
		want = append(want, fmt.Sprint(c.Code, c.Reason, c.Reconnect))
	}
	if fmt.Sprintf("%q", codes) != fmt.Sprintf("%q", want) {
		t.Errorf("close codes %q, want %q", codes, want)
	}
	var names []string
	for i, e := range at(t, doc, "info", "x-encodings").([]any) {
		names = append(names, at(t, e, "subprotocol").(string))
		if binary := at(t, e, "frame") == "binary"; binary != wire.Encodings[i].Binary() {
			t.Errorf("%s: binary %v", names[i], binary)
		}
	}
	for i, e := range wire.Encodings {
		if i >= len(names) || names[i] != e.Name() {
			t.Errorf("encodings %q, want %s at %d", names, e.Name(), i)
		}
	}
}

// The golden messages, which show every message there is, are as described; a field that is not described is found.
func TestGoldenMessagesAreAsDescribed(t *testing.T) {
	files, err := filepath.Glob("../../wire/testdata/*.golden")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d golden files: %v", len(files), err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		line, _, _ := bytes.Cut(text, []byte("\n"))
		if err := schemas.Check("frame.json", line); err != nil {
			t.Errorf("%s: %v", filepath.Base(name), err)
		}
		var messages []json.RawMessage
		if err := json.Unmarshal(line, &messages); err != nil {
			t.Fatal(err)
		}
		for _, m := range messages {
			if err := schemas.Message(m); err != nil {
				t.Errorf("%s: %v", filepath.Base(name), err)
			}
			if schemas.Check("frame.json", fmt.Appendf(nil, `[%s,"undescribed":1}]`, m[:len(m)-1])) == nil {
				t.Errorf("%s: a field that is not described passes", filepath.Base(name))
			}
		}
	}
}

// What is wrong in a message is found.
func TestSchemasHaveTeeth(t *testing.T) {
	for _, bad := range []string{
		`{"t":"snapshot","room":"book:V:S","epoch":"e","seq":1,"d":{"bids":[["1"]],"asks":[]}}`,
		`{"t":"snapshot","room":"book:V:S","epoch":"e","seq":1,"d":{"bids":[["1","1","1"]],"asks":[]}}`,
		`{"t":"snapshot","room":"book:V:S","epoch":"e","seq":1,"d":[]}`,
		`{"t":"snapshot","room":"trades:V:S@20","epoch":"e","seq":1,"d":[]}`,
		`{"t":"snapshot","room":"news:V:S","epoch":"e","seq":1,"d":[]}`,
		`{"t":"snapshot","room":"quotes:V:S","epoch":"e","seq":1,"d":{"bid":null}}`,
		`{"t":"snapshot","room":"quotes:V:S","epoch":"e","seq":1,"d":{"bid":1.5}}`,
		`{"t":"snapshot","room":"quotes:V:S","epoch":"e","seq":1,"d":{"bid":"1e3"}}`,
		`{"t":"snapshot","room":"quotes:V:S","epoch":"e","seq":1,"d":{"bid":".5"}}`,
		`{"t":"snapshot","room":"quotes:V:S","epoch":"e","seq":1,"partial":false,"d":{}}`,
		`{"t":"snapshot","room":"quotes:V:S","epoch":"e","seq":9007199254740992,"d":{}}`,
		`{"t":"snapshot","room":"candles:V:S@1m","epoch":"e","seq":1,"d":[{"start":0,"o":"1","h":"1","l":"1","c":"1","v":"1","n":1,"final":true}]}`,
		`{"t":"update","room":"trades:V:S","prev":1,"seq":2,"n":1,"d":[]}`,
		`{"t":"update","room":"trades:V:S","prev":1,"seq":2,"n":0,"d":[{"id":"1","px":"1","qty":"1","side":"buy"}]}`,
		`{"t":"update","room":"trades:V:S","prev":1,"seq":2,"n":1,"d":[{"id":"1","px":"1","qty":"1","side":"up"}]}`,
		`{"t":"update","room":"quotes:V:S","prev":1,"seq":2,"n":1,"d":{"bid":"1","bidQty":"1"}}`,
		`{"t":"update","room":"ticker:V:S","prev":1,"seq":2,"n":1,"d":{}}`,
		`{"t":"gap","room":"trades:V:S","epoch":"e","from":1,"to":2,"reason":"bad luck"}`,
		`{"t":"status","room":"trades:V:S","state":"playing"}`,
		`{"t":"status","state":"stale"}`,
		`{"t":"status","state":"end","entries":1}`,
		`{"t":"ok","op":"subscribe","rooms":[{"room":"trades:V:S","interval":"0"}]}`,
		`{"t":"error","code":"oh","message":"no","retry":false}`,
		`{"t":"error","code":"internal","message":"","retry":false}`,
		`{"t":"greeting"}`,
	} {
		if schemas.Message([]byte(bad)) == nil {
			t.Errorf("passes: %s", bad)
		}
	}
}

// commands are good and bad; the schemas and the reader of commands agree on each.
var commands = []struct {
	text string
	good bool
}{
	{`{"op":"ping"}`, true},
	{`{"op":"ping","id":"36 characters and not a single one more"}`, false},
	{`{"op":"ping","id":9007199254740991}`, true},
	{`{"op":"ping","id":9007199254740992}`, false},
	{`{"op":"ping","id":1.5}`, false},
	{`{"op":"ping","id":[]}`, false},
	{`[{"op":"ping"},{"op":"list","id":""}]`, true},
	{`[]`, false},
	{`"ping"`, false},
	{`{"id":1}`, false},
	{`{"op":1}`, false},
	{`{"op":"subscribe","rooms":"trades:V:S"}`, false},
	{`{"op":"subscribe","rooms":[1]}`, false},
	{`{"op":"subscribe","rooms":[{"since":{"epoch":"e","seq":1}}]}`, false},
	{`{"op":"subscribe","rooms":[{"room":"trades:V:S","since":{"epoch":"e"}}]}`, false},
	{`{"op":"subscribe","rooms":[{"room":"trades:V:S","since":{"epoch":"e","seq":-1}}]}`, false},
	{`{"op":"subscribe","rooms":[{"room":"trades:V:S","last":"10"}]}`, false},
	{`{"op":"subscribe","rooms":["trades:V:S"],"interval":100}`, false},
	{`{"op":"subscribe","rooms":["trades:V:S"],"strict":"yes"}`, false},
	{`{"op":"unsubscribe","rooms":["trades:V:*"]}`, true},
	{`{"op":"speed","speed":[]}`, false},
	{`{"op":"seek","to":true}`, false},
	{`{"op":"step","records":-1}`, false},
	{`{"op":"step","records":1}`, true},
}

func TestCommandsAreAsDescribed(t *testing.T) {
	for _, c := range commands {
		_, err := wire.JSON.Commands([]byte(c.text))
		if bad := schemas.Check("commands.json", []byte(c.text)); (bad == nil) != c.good || (err == nil) != c.good {
			t.Errorf("%s\nthe schema says %v\nthe reader says %v", c.text, bad, err)
		}
	}
}

// Each command's schema has examples, which are as it says and which the server can read.
func TestExamplesOfCommands(t *testing.T) {
	ops := at(t, schema(t, "command.json"), "properties", "op", "enum").([]any)
	if len(ops) < 9 {
		t.Fatalf("ops: %v", ops)
	}
	for _, op := range ops {
		examples := at(t, schema(t, op.(string)+".json"), "examples").([]any)
		for _, example := range examples {
			text, err := json.Marshal(example)
			if err != nil {
				t.Fatal(err)
			}
			if err := schemas.Check("commands.json", text); err != nil {
				t.Error(err)
			}
			if c, err := wire.JSON.Commands(text); err != nil || c[0].Op != op {
				t.Errorf("%s: read as %v, %v", text, c, err)
			}
		}
	}
	async := at(t, document(t, "asyncapi.yaml"), "components", "messages").(map[string]any)
	for _, op := range ops {
		if async[op.(string)] == nil {
			t.Errorf("asyncapi.yaml has no %s", op)
		}
	}
}

func schema(t *testing.T, name string) map[string]any {
	t.Helper()
	text, err := fs.ReadFile(describe.Files, "schemas/"+name)
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

// The codes of errors and the reasons of gaps are the code's.
func TestWordsAreOurs(t *testing.T) {
	for _, tt := range []struct {
		file, field string
		want        []string
	}{
		{"error.json", "code", []string{
			string(wire.BadRequest), string(wire.UnknownOp), string(wire.TooLarge), string(wire.RateLimited), string(wire.Unauthenticated),
			string(wire.TokenExpired), string(wire.Forbidden), string(wire.UnknownRoom), string(wire.NotSubscribed), string(wire.RoomLimit),
			string(wire.SourceDown), string(wire.RangeUnavailable), string(wire.ReplayLimit), string(wire.Overloaded), string(wire.Internal),
		}},
		{"gap.json", "reason", []string{string(wire.GapSource), string(wire.GapRetention), string(wire.GapSlow), string(wire.GapArchive), string(wire.GapEpoch)}},
	} {
		var words []string
		for _, w := range at(t, schema(t, tt.file), "properties", tt.field, "enum").([]any) {
			words = append(words, w.(string))
		}
		if !slices.Equal(words, tt.want) {
			t.Errorf("%s: %q, want %q", tt.file, words, tt.want)
		}
	}
}
