package tapedeck_test

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// module is the name in go.mod.
const module = "tapedeck"

// policy is the architecture: each package, and which of ours it may import. Every arrow points
// down. A package that is not here fails the test. "x/*" stands for every package directly in x.
// Change it in a commit of its own, with the reason.
const policy = `
	.:
	market:
	throttle:
	wire:            market
	wire/mirror:     market
	snapshot:        market
	feed:            market
	feed/feedtest:   feed feed/capture market snapshot
	feed/scan:       feed market
	feed/venue:      feed market feed/venue/*
	feed/venue/*:    feed feed/scan market
	feed/mapping:    feed feed/scan market
	feed/kafka:      feed market
	feed/capture:    feed market
	deploy/clickhouse:
	feed/clickhouse: deploy/clickhouse feed market
	feed/clickhouse/chdb:
	feed/tape:       feed market
	feed/checkpoint: feed market subscriptions wire
	feed/player:     feed market throttle
	subscriptions:   market snapshot throttle wire
	server/page:
	server/describe:
	server/udf:      feed market snapshot subscriptions
	server/describe/schematest: server/describe
	server:          feed feed/checkpoint feed/player market server/describe server/page server/udf snapshot subscriptions throttle wire
	e2e:
	cmd/*:           cmd/* cmd/*/* feed feed/* feed/venue/* market server server/page snapshot subscriptions throttle wire wire/mirror
	cmd/*/*:         cmd/* cmd/*/* feed feed/* feed/venue/* market server server/page snapshot subscriptions throttle wire wire/mirror
`

// passive packages hold state: they do no I/O, start no goroutine and read no clock.
var passive = []string{"market", "wire", "snapshot", "subscriptions", "throttle"}

// active is what a passive package does without.
var active = []string{"context", "log", "log/slog", "net", "net/http", "os", "os/exec", "os/signal", "syscall"}

// clocks are the functions by which a package learns the time by itself or waits for it.
var clocks = []string{"Now", "Since", "Until", "After", "AfterFunc", "Sleep", "Tick", "NewTimer", "NewTicker"}

// homes says which packages may use a module of others. Each has its hazards, which its home knows.
var homes = map[string][]string{
	"github.com/lxzan/gws":                  {"server", "cmd/streamer", "cmd/streamer/*"},
	"github.com/segmentio/kafka-go":         {"feed/kafka", "cmd/streamer", "cmd/streamer/*", "cmd/replay", "cmd/replay/*"},
	"github.com/twmb/franz-go":              {"cmd/streamer/*"},
	"github.com/ClickHouse/clickhouse-go":   {"feed/clickhouse", "cmd/replay"},
	"github.com/ClickHouse/ch-go":           {"feed/clickhouse"},
	"github.com/prometheus/client_golang":   {"server", "cmd/*"},
	"github.com/urfave/cli":                 {"cmd/*", "cmd/*/*"},
	"go.uber.org/goleak":                    {},
	"github.com/goccy/go-yaml":              {"feed/mapping", "cmd/*", "cmd/*/*"},
	"github.com/klauspost/compress":         {"feed/kafka", "feed/capture", "feed/checkpoint", "server", "cmd/*"},
	"golang.org/x/sys":                      {"server", "cmd/*"},
	"golang.org/x/term":                     {"cmd/*", "cmd/*/*"},
	"github.com/schollz/progressbar":        {"cmd/*", "cmd/*/*"},
	"github.com/parquet-go/parquet-go":      {"cmd/*/*"},
	"github.com/santhosh-tekuri/jsonschema": {"server/describe/schematest"}, // and so tests alone
}

// description is what the rules need to know of a package.
type description struct {
	name    string   // below the module; "." for its root
	imports []string // of its code, not of its tests
	acts    []string // go statements and clocks read, each with its place
}

func TestDependencies(t *testing.T) {
	for _, p := range packages(t) {
		for _, fault := range faults(p) {
			t.Error(fault)
		}
	}
}

// faults says how p breaks the rules.
func faults(p description) []string {
	var out []string
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	allowed, known := lookup(p.name)
	if !known {
		say("%s is not in the policy of deps_test.go: say there what it may import", p.name)
	}
	isPassive := slices.Contains(passive, p.name)
	for _, imp := range p.imports {
		if dep, ours := strings.CutPrefix(imp, module+"/"); ours {
			if known && !matches(allowed, dep) {
				say("%s must not import %s", p.name, dep)
			}
			continue
		}
		if isPassive && slices.Contains(active, imp) {
			say("%s is passive: it must not import %s", p.name, imp)
		}
		for mod, users := range homes {
			if (imp == mod || strings.HasPrefix(imp, mod+"/")) && !matches(users, p.name) {
				say("%s must not import %s: it is for %s", p.name, imp, strings.Join(users, ", "))
			}
		}
		if isPassive && strings.Contains(strings.Split(imp, "/")[0], ".") {
			say("%s is passive: it must not import %s, which is not ours", p.name, imp)
		}
	}
	if isPassive {
		for _, act := range p.acts {
			say("%s is passive: %s", p.name, act)
		}
	}
	return out
}

// lookup returns what the policy allows a package: the line of its own name, else of a pattern.
func lookup(name string) (allowed []string, known bool) {
	for line := range strings.Lines(policy) {
		pattern, deps, ok := strings.Cut(strings.TrimSpace(line), ":")
		if !ok || !matches([]string{pattern}, name) {
			continue
		}
		allowed, known = strings.Fields(deps), true
		if pattern == name {
			return allowed, true
		}
	}
	return allowed, known
}

func matches(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		ok, _ := path.Match(pattern, name)
		return ok
	})
}

// packages describes every package of the module.
func packages(t *testing.T) []description {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Dir,GoFiles,Imports", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []description
	for dec := json.NewDecoder(strings.NewReader(string(out))); dec.More(); {
		var p struct {
			ImportPath, Dir  string
			GoFiles, Imports []string
		}
		if err := dec.Decode(&p); err != nil {
			t.Fatal(err)
		}
		d := description{name: ".", imports: p.Imports}
		if name, below := strings.CutPrefix(p.ImportPath, module+"/"); below {
			d.name = name
		}
		for _, file := range p.GoFiles {
			d.acts = append(d.acts, acts(t, filepath.Join(p.Dir, file), nil)...)
		}
		all = append(all, d)
	}
	return all
}

// acts lists the go statements and the clocks read in a file; src, where not nil, is its text.
func acts(t *testing.T, name string, src any) []string {
	t.Helper()
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, name, src, 0)
	if err != nil {
		t.Fatal(err)
	}
	clock := timeName(f)
	var out []string
	ast.Inspect(f, func(n ast.Node) bool {
		place := func() string {
			at := fset.Position(n.Pos())
			return filepath.Base(at.Filename) + ":" + strconv.Itoa(at.Line)
		}
		switch n := n.(type) {
		case *ast.GoStmt:
			out = append(out, place()+" starts a goroutine")
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && x.Name == clock && slices.Contains(clocks, n.Sel.Name) {
				out = append(out, place()+" uses time."+n.Sel.Name)
			}
		}
		return true
	})
	return out
}

// timeName is what a file calls the package time; "" where it does not import it.
func timeName(f *ast.File) string {
	for _, imp := range f.Imports {
		if imp.Path.Value == `"time"` {
			if imp.Name != nil {
				return imp.Name.Name
			}
			return "time"
		}
	}
	return ""
}

// TestPolicyHasTeeth plants violations: a checker that finds none of these would find nothing.
func TestPolicyHasTeeth(t *testing.T) {
	clocked := acts(t, "planted.go", `package planted
		import t "time"
		func f() { go f(); t.Sleep(1); _ = t.Now() }`)
	if len(clocked) != 3 {
		t.Fatalf("found %q in a file with three acts", clocked)
	}
	if quiet := acts(t, "quiet.go", `package quiet
		type clock struct{}
		func (clock) Now() int { return 0 }
		func f(time clock) int { return time.Now() }`); len(quiet) != 0 {
		t.Errorf("found %q in a file that takes its clock as an argument", quiet)
	}
	tests := []struct {
		p    description
		want string // part of the only fault; "" for none
	}{
		{description{name: "market", imports: []string{"strings"}}, ""},
		{description{name: "server", imports: []string{"tapedeck/subscriptions", "github.com/lxzan/gws", "net/http"}}, ""},
		{description{name: "feed/venue", imports: []string{"tapedeck/feed/venue/kraken"}}, ""},
		{description{name: "server", acts: clocked}, ""},
		{description{name: "market", imports: []string{"tapedeck/wire"}}, "must not import wire"},
		{description{name: "snapshot", imports: []string{"tapedeck/subscriptions"}}, "must not import subscriptions"},
		{description{name: "server", imports: []string{"tapedeck/feed/kafka"}}, "must not import feed/kafka"},
		{description{name: "server", imports: []string{"tapedeck/feed/capture"}}, "must not import feed/capture"},
		{description{name: "feed/venue/kraken", imports: []string{"tapedeck/feed/venue/binance"}}, "must not import feed/venue/binance"},
		{description{name: "feed/kafka", imports: []string{"tapedeck/server"}}, "must not import server"},
		{description{name: "throttle", imports: []string{"tapedeck/market"}}, "must not import market"},
		{description{name: "helpers"}, "not in the policy"},
		{description{name: "wire", imports: []string{"net/http"}}, "passive"},
		{description{name: "subscriptions", imports: []string{"log/slog"}}, "passive"},
		{description{name: "snapshot", imports: []string{"example.com/other"}}, "not ours"},
		{description{name: "throttle", acts: clocked[:1]}, "goroutine"},
		{description{name: "snapshot", acts: clocked[2:]}, "time.Now"},
		{description{name: "feed/capture", imports: []string{"github.com/lxzan/gws"}}, "it is for server"},
		{description{name: "server", imports: []string{"github.com/segmentio/kafka-go/protocol"}}, "it is for feed/kafka"},
		{description{name: "feed/kafka", imports: []string{"github.com/twmb/franz-go/pkg/kfake"}}, "it is for cmd/streamer"},
		{description{name: "server", imports: []string{"go.uber.org/goleak"}}, "must not import go.uber.org/goleak"},
	}
	for _, tt := range tests {
		got := faults(tt.p)
		if tt.want == "" && len(got) != 0 {
			t.Errorf("%+v: found %q, but it is allowed", tt.p, got)
		}
		if tt.want != "" && (len(got) != 1 || !strings.Contains(got[0], tt.want)) {
			t.Errorf("%+v: found %q, want one fault with %q", tt.p, got, tt.want)
		}
	}
}

// TestPolicyPointsDown sorts the policy: what it allows must hold no circle.
func TestPolicyPointsDown(t *testing.T) {
	below := map[string][]string{}
	for line := range strings.Lines(policy) {
		if name, deps, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			below[name] = strings.Fields(deps)
		}
	}
	var visit func(name string, above []string)
	visit = func(name string, above []string) {
		if slices.Contains(above, name) {
			t.Fatalf("a circle: %s", strings.Join(append(above, name), " → "))
		}
		for _, dep := range below[name] {
			if !strings.HasPrefix(name, "cmd/") { // the parts of a command may import each other as Go allows
				visit(dep, append(slices.Clone(above), name))
			}
		}
	}
	for name := range below {
		visit(name, nil)
	}
}
