package mapping_test

import (
	"os"
	"testing"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"tapedeck/feed"
	"tapedeck/feed/mapping"
)

// compile compiles the mappings of a settings file's text.
func compile(text string) ([]*feed.Format, error) {
	tree, err := parser.ParseBytes([]byte(text), 0)
	if err != nil {
		return nil, err
	}
	for it := tree.Docs[0].Body.(ast.MapNode).MapRange(); it.Next(); {
		if it.Key().GetToken().Value == "mappings" {
			return mapping.Formats(it.Value())
		}
	}
	return nil, os.ErrNotExist
}

// must compiles mappings that are right.
func must(t testing.TB, text string) []*feed.Format {
	t.Helper()
	formats, err := compile(text)
	if err != nil {
		t.Fatal(err)
	}
	return formats
}

// example returns a mapping of testdata/mappings.yaml.
func example(t testing.TB, name string) *feed.Format {
	t.Helper()
	text, err := os.ReadFile("testdata/mappings.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range must(t, string(text)) {
		if f.Name == name {
			return f
		}
	}
	t.Fatalf("there is no mapping %s", name)
	return nil
}
