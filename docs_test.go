package tapedeck_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// texts are the documents for people.
func texts(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md", "deploy/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, found...)
	}
	if len(all) == 0 {
		t.Fatal("there are no documents")
	}
	return all
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A link in a document leads to something.
func TestLinksLeadSomewhere(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#\s]+)(?:#[^)]*)?\)`)
	for _, name := range texts(t) {
		for _, m := range link.FindAllStringSubmatch(read(t, name), -1) {
			if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(name), m[1])); err != nil {
				t.Errorf("%s: the link to %s leads nowhere", name, m[1])
			}
		}
	}
}

// Each row of the life of a tick names a file and what is declared in it.
func TestLifeOfATickIsTrue(t *testing.T) {
	row := regexp.MustCompile("(?m)^\\| `([^`]+)` \\| ((?:`[^`]+` ?)+)\\|")
	rows := row.FindAllStringSubmatch(read(t, "docs/life-of-a-tick.md"), -1)
	if len(rows) < 15 {
		t.Fatalf("found %d rows only", len(rows))
	}
	for _, m := range rows {
		declared := declarations(t, m[1])
		for _, name := range strings.Fields(strings.ReplaceAll(m[2], "`", "")) {
			if !slices.Contains(declared, name) {
				t.Errorf("docs/life-of-a-tick.md: there is no %s in %s", name, m[1])
			}
		}
	}
}

// declarations lists what a file declares at its top: types, functions, variables, and methods as
// Type.Method.
func declarations(t *testing.T, name string) (out []string) {
	t.Helper()
	if filepath.Ext(name) == ".ts" {
		top := regexp.MustCompile(`(?m)^(?:export )?(?:class|function|const) (\w+)`)
		for _, m := range top.FindAllStringSubmatch(read(t, name), -1) {
			out = append(out, m[1])
		}
		return out
	}
	f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
	if err != nil {
		t.Errorf("docs name a file that cannot be read: %v", err)
		return nil
	}
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			out = append(out, receiver(d)+d.Name.Name)
		case *ast.GenDecl:
			for _, s := range d.Specs {
				switch s := s.(type) {
				case *ast.TypeSpec:
					out = append(out, s.Name.Name)
				case *ast.ValueSpec:
					for _, n := range s.Names {
						out = append(out, n.Name)
					}
				}
			}
		}
	}
	return out
}

func receiver(d *ast.FuncDecl) string {
	if d.Recv == nil {
		return ""
	}
	typ := d.Recv.List[0].Type
	if star, ok := typ.(*ast.StarExpr); ok {
		typ = star.X
	}
	if id, ok := typ.(*ast.Ident); ok {
		return id.Name + "."
	}
	return ""
}

// Each promise names the tests that prove it, as `package` `TestName`, and each of them exists.
func TestPromisesAreProven(t *testing.T) {
	promises := regexp.MustCompile(`(?m)^## (\d+)\. `).Split(read(t, "docs/promises.md"), -1)[1:]
	if len(promises) < 6 {
		t.Fatalf("found %d promises only", len(promises))
	}
	proof := regexp.MustCompile("(?m)^- `([^`]+)` `((?:Test|Fuzz|Example)\\w*)`")
	for i, text := range promises {
		proofs := proof.FindAllStringSubmatch(text, -1)
		if len(proofs) == 0 {
			t.Errorf("docs/promises.md: promise %d names no test", i+1)
		}
		for _, m := range proofs {
			if !slices.Contains(testsOf(t, m[1]), m[2]) {
				t.Errorf("docs/promises.md: promise %d is proven by %s in %s, which does not exist", i+1, m[2], m[1])
			}
		}
	}
}

// testsOf lists the top-level functions of a folder's test files.
func testsOf(t *testing.T, dir string) (out []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		out = append(out, declarations(t, name)...)
	}
	return out
}
