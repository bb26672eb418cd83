package flags

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/urfave/cli/v2"
)

// toy is a program whose only command prints the settings it was given.
func toy(out, errs *bytes.Buffer) *cli.App {
	return &cli.App{
		Name: "toy", Usage: "a program", Writer: out, ErrWriter: errs,
		Commands: []*cli.Command{
			{
				Name: "show", Usage: "show the settings", ArgsUsage: "WHAT…",
				Flags: append([]cli.Flag{
					Config(),
					&cli.StringFlag{Name: "name", Value: "nobody", Usage: "a `NAME`"},
					&cli.IntFlag{Name: "count", Value: 1},
					&cli.Uint64Flag{Name: "seed", Value: 2},
					&cli.Float64Flag{Name: "rate", Value: 0.5},
					&cli.BoolFlag{Name: "fast"},
					&cli.DurationFlag{Name: "drain-wait", Value: time.Second},
					&cli.GenericFlag{Name: "size", Value: Bytes(64 << 10)},
					&cli.StringSliceFlag{Name: "words", Value: cli.NewStringSlice("a", "b")},
				}, Kafka()...),
				Action: func(c *cli.Context) error {
					_, err := fmt.Fprintf(c.App.Writer, "%s %d %d %v %v %v %d %s %q\n", c.String("name"), c.Int("count"), c.Uint64("seed"), c.Float64("rate"),
						c.Bool("fast"), c.Duration("drain-wait"), SizeOf(c, "size"), strings.Join(List(c, "words"), "+"), c.Args().Slice())
					return err
				},
			},
			{Name: "fail", Action: func(*cli.Context) error { return errors.New("it broke\nin two") }},
			{Name: "other", Flags: []cli.Flag{Config(), &cli.IntFlag{Name: "elsewhere"}}, Action: NoArguments},
			{Name: "cluster", Flags: append([]cli.Flag{Config()}, Kafka()...), Action: func(c *cli.Context) error {
				k, err := Cluster(c)
				if err == nil {
					fmt.Fprintf(c.App.Writer, "%s %s %s\n", strings.Join(k.Brokers, "+"), k.Security.User, k.Security.Password)
				}
				return err
			}},
		},
	}
}

// run runs the toy and returns its code and what it printed.
func run(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	code = Run(t.Context(), toy(&o, &e), append([]string{"toy"}, args...))
	return code, o.String(), e.String()
}

// file writes a file of settings and returns its name.
func file(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "toy.yaml")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestSettings(t *testing.T) {
	whole := `
name: "of the file"
count: 2
seed: 3
rate: 1.5
fast: true
drain-wait: 3s
size: 4KiB
words: [x, y]
elsewhere: 7 # another command's
`
	tests := []struct {
		name string
		file string
		env  map[string]string
		args []string
		want string
	}{
		{"defaults", "", nil, nil, `nobody 1 2 0.5 false 1s 65536 a+b []`},
		{"file", whole, nil, nil, `of the file 2 3 1.5 true 3s 4096 x+y []`},
		{"variables over the file", whole, map[string]string{"TAPEDECK_NAME": "env", "TAPEDECK_DRAIN_WAIT": "4s", "TAPEDECK_WORDS": "v w,u", "TAPEDECK_SIZE": "8", "TAPEDECK_FAST": "false"}, nil,
			`env 2 3 1.5 false 4s 8 v+w+u []`},
		{"flags over the variables", whole, map[string]string{"TAPEDECK_NAME": "env", "TAPEDECK_WORDS": "v", "TAPEDECK_COUNT": "5"},
			[]string{"--name", "flag", "--words=l,m", "--words", "n", "--size", "1MiB"}, `flag 5 3 1.5 true 3s 1048576 l+m+n []`},
		{"flags after arguments", "", nil, []string{"one", "--name", "flag", "two", "--fast", "three"}, `flag 1 2 0.5 true 1s 65536 a+b ["one" "two" "three"]`},
		{"two dashes", "", nil, []string{"--count=3", "--", "--name", "-x"}, `nobody 3 2 0.5 false 1s 65536 a+b ["--name" "-x"]`},
		{"a lone dash", "", nil, []string{"-", "--count", "3"}, `nobody 3 2 0.5 false 1s 65536 a+b ["-"]`},
		{"an empty file", "\n# nothing\n", nil, nil, `nobody 1 2 0.5 false 1s 65536 a+b []`},
		{"one value for a list", "words: z\ncount: 0x10", nil, nil, `nobody 16 2 0.5 false 1s 65536 z []`},
		{"plain words", "name: yes and no\nsize: 100", nil, nil, `yes and no 1 2 0.5 false 1s 100 a+b []`},
		{"whole numbers for fractions", "rate: 2", nil, nil, `nobody 1 2 2 false 1s 65536 a+b []`},
		{"a long text", "name: |\n  first\n", nil, nil, `first 1 2 0.5 false 1s 65536 a+b []`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			args := append([]string{"show"}, tt.args...)
			if tt.file != "" {
				args = append([]string{"show", "--config", file(t, tt.file)}, tt.args...)
			}
			for k, v := range tt.env {
				t.Setenv(k, v)
			}
			code, out, errs := run(t, args...)
			if code != OK || strings.TrimSpace(out) != tt.want || errs != "" {
				t.Errorf("code %d, printed %q and %q, want %q", code, out, errs, tt.want)
			}
		})
	}
}

// A file may also be named by its variable.
func TestFileByVariable(t *testing.T) {
	t.Setenv("TAPEDECK_CONFIG", file(t, "count: 9"))
	if _, out, errs := run(t, "show"); !strings.HasPrefix(out, "nobody 9 ") {
		t.Errorf("printed %q and %q", out, errs)
	}
}

func TestMistakes(t *testing.T) {
	tests := []struct {
		name string
		env  string // a variable and its value
		args []string
		code int
		want string // the line that is printed, after the program's name
	}{
		{"unknown command", "", []string{"shwo"}, WrongFlags, "there is no command shwo: did you mean show?"},
		{"unlike any command", "", []string{"zzzzzzz"}, WrongFlags, "there is no command zzzzzzz: there are show fail other cluster help"},
		{"help of an unknown command", "", []string{"help", "shwo"}, WrongFlags, "No help topic for 'shwo'"},
		{"unknown flag of the program", "", []string{"--shwo"}, WrongFlags, "there is no flag --shwo: see toy --help"},
		{"unknown flag", "", []string{"show", "--cuont", "3"}, WrongFlags, "there is no flag --cuont: did you mean --count?"},
		{"unlike any flag", "", []string{"show", "--zzzzzzz"}, WrongFlags, "there is no flag --zzzzzzz: see toy show --help"},
		{"no value", "", []string{"show", "x", "--count"}, WrongFlags, "--count needs a value: a whole number"},
		{"number", "", []string{"show", "--count", "many"}, WrongFlags, `--count: "many" is not a whole number`},
		{"negative", "", []string{"show", "--seed", "-1"}, WrongFlags, `--seed: "-1" is not a whole number from 0 up`},
		{"fraction", "", []string{"show", "--rate", "x"}, WrongFlags, `--rate: "x" is not a number`},
		{"time without a unit", "", []string{"show", "--drain-wait", "15"}, WrongFlags, `--drain-wait: "15" is not a time with its unit, as in 500ms, 15m or 2h`},
		{"truth", "", []string{"show", "--fast=maybe"}, WrongFlags, `--fast: "maybe" is not true or false`},
		{"size", "", []string{"show", "--size", "9XB"}, WrongFlags, `--size: "9XB" is not a number of bytes, as in 65536 or 64KiB`},
		{"negative size", "", []string{"show", "--size", "-1"}, WrongFlags, `--size: "-1" is not a number of bytes, as in 65536 or 64KiB`},
		{"huge size", "", []string{"show", "--size", "9999999999999GiB"}, WrongFlags, `--size: "9999999999999GiB" is not a number of bytes, as in 65536 or 64KiB`},
		{"variable", "TAPEDECK_DRAIN_WAIT=x y", []string{"show"}, WrongFlags, `TAPEDECK_DRAIN_WAIT: "x y" is not a time with its unit, as in 500ms, 15m or 2h`},
		{"variable of a size", "TAPEDECK_SIZE=x", []string{"show"}, WrongFlags, `TAPEDECK_SIZE: "x" is not a number of bytes, as in 65536 or 64KiB`},
		{"variable of a truth", "TAPEDECK_FAST=x", []string{"show"}, WrongFlags, `TAPEDECK_FAST: "x" is not true or false`},
		{"arguments", "", []string{"other", "x"}, WrongFlags, `other takes no arguments, but got "x": see toy other --help`},
		{"failure", "", []string{"fail"}, Failed, "it broke; in two"},
		{"no broker", "", []string{"cluster"}, WrongFlags, "a Kafka broker is missing: give it with --brokers, in TAPEDECK_BROKERS, or as brokers in the --config file"},
		{"no port", "", []string{"cluster", "--brokers", "a:b:c"}, WrongFlags, `--brokers: "a:b:c" is not HOST:PORT`},
		{"mechanism", "", []string{"cluster", "--brokers", "k", "--sasl", "gssapi", "--sasl-user", "u"}, WrongFlags, `SASL mechanism "gssapi" is not known: use plain, scram-sha-256 or scram-sha-512`},
		{"no authority", "", []string{"cluster", "--brokers", "k", "--kafka-tls", "--kafka-ca", "/nowhere/ca.pem"}, WrongConfig, `the CA's certificates: open /nowhere/ca.pem: no such file or directory`},
		{"no password", "", []string{"cluster", "--brokers", "k", "--sasl-password-file", "/nowhere/p"}, WrongConfig, `--sasl-password-file: open /nowhere/p: no such file or directory`},
		{"no file", "", []string{"show", "--config", "/nowhere/toy.yaml"}, WrongConfig, "--config: open /nowhere/toy.yaml: no such file or directory"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if name, value, ok := strings.Cut(tt.env, "="); ok {
				t.Setenv(name, value)
			}
			code, out, errs := run(t, tt.args...)
			if want := "toy: " + tt.want + "\n"; code != tt.code || errs != want || out != "" {
				t.Errorf("code %d, want %d; printed %q and %q, want %q", code, tt.code, out, errs, want)
			}
		})
	}
}

func TestMistakesInTheFile(t *testing.T) {
	tests := []struct{ name, file, want string }{
		{"unknown", "count: 2\ncuont: 3\n", "2:1: there is no setting cuont: did you mean count?"},
		{"the file's own flag", "config: other.yaml", "1:1: there is no setting config"},
		{"twice", "count: 2\ncount: 3", `2:1: not YAML: mapping key "count" already defined`},
		{"text for a number", "# of things\ncount: many\n", `2:1: count: "many" is not a whole number`},
		{"fraction for a number", "count: 1.5", `1:1: count: "1.5" is not a whole number`},
		{"number for a text", "name: 12", "1:7: name must be a text, in quotes if need be"},
		{"truth for a text", "name: true", "1:7: name must be a text, in quotes if need be"},
		{"text for a truth", "fast: \"true\"", "1:7: fast must be true or false"},
		{"number for a truth", "fast: 1", "1:7: fast must be true or false"},
		{"list for a number", "count: [1]", "1:8: count must be a whole number"},
		{"mapping for a number", "count:\n  a: 1", "2:4: count must be a whole number"},
		{"mapping in a list", "words: [{a: 1}]", "1:9: words must be a text"},
		{"nothing", "fast:\ncount: 2", "1:1: fast has no value: give it one, or leave the line out"},
		{"no unit", "drain-wait: 15", `1:1: drain-wait: "15" is not a time with its unit, as in 500ms, 15m or 2h`},
		{"size", "size: big", `1:1: size: "big" is not a number of bytes, as in 65536 or 64KiB`},
		{"no mapping", "- count\n", "1:1: not a list of settings: each line is a flag's name and its value, as in warmup: 15m"},
		{"only text", "count", "1:1: not a list of settings"},
		{"anchor", "count: &a 2", "1:8: count must be a whole number"},
		{"tag", "count: !!int 2", "1:8: count must be a whole number"},
		{"two documents", "count: 1\n---\ncount: 2", "3:6: a second document: a file of settings has one"},
		{"a mapping's key", "mappings:\n  desk:\n    fromat: json\n", "3:5: a mapping has no key fromat: did you mean format?"},
		{"a mapping's word", "mappings:\n  desk:\n    format: yaml\n", "3:13: format cannot be yaml: there are json csv"},
		{"a mapping's name", "mappings:\n  binance:\n    format: json\n    venue: DESK\n    symbol: s\n    messages:\n      - trade: {price: p, size: q}\n",
			"2:3: binance is a venue's format: give the mapping another name"},
		{"no mappings", "mappings:\n", "1:11: mappings must be a block of keys and values"},
		{"broken", "count: 1\nwords: [a\n", "2:8: not YAML: sequence end token ']' not found"},
		{"tab", "count: 1\n\twords: a\n", "not YAML: "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			name := file(t, tt.file)
			code, out, errs := run(t, "show", "--config", name)
			if want := "toy: " + name + ":"; code != WrongConfig || !strings.HasPrefix(errs, want) || !strings.Contains(errs, tt.want) || out != "" || strings.Count(errs, "\n") != 1 {
				t.Errorf("code %d, printed %q and %q, want %q", code, out, errs, want+tt.want)
			}
		})
	}
}

// What the command line overrides is of the right kind all the same.
func TestOverriddenSettingsAreChecked(t *testing.T) {
	if code, _, errs := run(t, "show", "--count", "1", "--config", file(t, "count: [2]")); code != WrongConfig {
		t.Errorf("code %d, printed %q", code, errs)
	}
}

func TestCluster(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("hunter 2\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs := run(t, "cluster", "--brokers", "a:1,b", "--brokers", "[::1]:9", "--sasl", "plain", "--sasl-user", "me", "--sasl-password-file", secret)
	if want := "a:1+b:9092+[::1]:9 me hunter 2\n"; code != OK || out != want {
		t.Errorf("code %d, printed %q and %q, want %q", code, out, errs, want)
	}
	code, _, errs = run(t, "cluster", "--brokers", "a:1", "--sasl", "plain", "--sasl-user", "me", "--sasl-password", "x", "--sasl-password-file", secret)
	if code != WrongFlags || !strings.Contains(errs, "both given") {
		t.Errorf("code %d, printed %q", code, errs)
	}
}

// A password shows nowhere: not in help, which tells defaults, nor in what is said about mistakes.
func TestSecretsAreNotPrinted(t *testing.T) {
	t.Setenv("TAPEDECK_SASL_PASSWORD", "hunter2")
	for _, args := range [][]string{
		{"show", "--help"}, {"help", "cluster"}, {"cluster"}, {"cluster", "--nonsense"},
		{"cluster", "--brokers", "k:1"}, {"cluster", "--config", file(t, "sasl-password: [hunter2]\nbrokers: k:1")},
		{"cluster", "--config", file(t, "sasl-password: {a: hunter2}\nbrokers: k:1")},
	} {
		if _, out, errs := run(t, args...); strings.Contains(out+errs, "hunter2") {
			t.Errorf("%q prints %q and %q", args, out, errs)
		}
	}
}

func TestHelp(t *testing.T) {
	code, out, _ := run(t)
	if code != OK || !strings.Contains(out, "\n  show           show the settings\n") {
		t.Errorf("code %d, printed %q", code, out)
	}
	for _, args := range [][]string{{"show", "--help"}, {"help", "show"}, {"show", "-h"}, {"show", "x", "--help"}, {"show", "--count", "3", "x", "-h"}} {
		code, out, _ := run(t, args...)
		for _, want := range []string{
			"Usage: toy show [FLAGS] WHAT…\n", "\n  --name NAME                 a NAME (nobody)\n", "\n  --drain-wait                (1s)\n", "\nKafka:\n",
		} {
			if code != OK || !strings.Contains(out, want) {
				t.Errorf("%q: code %d, printed %s without %q", args, code, out, want)
			}
		}
	}
}

func TestEveryFlagIsAVariable(t *testing.T) {
	app := toy(new(bytes.Buffer), new(bytes.Buffer))
	prepare(app, nil)
	seen := 0
	for _, cmd := range app.Commands {
		for _, f := range cmd.Flags {
			seen++
			if env := f.(cli.DocGenerationFlag).GetEnvVars(); len(env) != 1 || env[0] != Env(f.Names()[0]) {
				t.Errorf("--%s has the variables %q", f.Names()[0], env)
			}
		}
	}
	if seen == 0 {
		t.Error("no flags were looked at")
	}
}

func TestCompletion(t *testing.T) {
	for _, tt := range []struct{ args, want string }{
		{"--generate-bash-completion", "show\nfail\nother\ncluster\n"},
		{"show --generate-bash-completion", ""},
		{"other --e --generate-bash-completion", "--config\n--elsewhere\n--help\n"},
		{"other --config --generate-bash-completion", "--config\n--elsewhere\n--help\n"},
	} {
		if code, out, errs := run(t, strings.Fields(tt.args)...); code != OK || !strings.HasPrefix(out, tt.want) || (tt.want == "" && out != "") {
			t.Errorf("%s: code %d, printed %q and %q, want %q", tt.args, code, out, errs, tt.want)
		}
	}
}

// The end of the context is the action's to see.
func TestRunHandsTheContextOn(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	app := &cli.App{Name: "toy", Commands: []*cli.Command{{Name: "wait", Action: func(c *cli.Context) error { return c.Context.Err() }}}}
	var errs bytes.Buffer
	app.ErrWriter = &errs
	if code := Run(ctx, app, []string{"toy", "wait"}); code != Failed || errs.String() != "toy: context canceled\n" {
		t.Errorf("code %d, printed %q", code, errs.String())
	}
}

func TestNearest(t *testing.T) {
	known := []string{"brokers", "warmup", "feed", "only", "sasl-user"}
	for word, want := range map[string]string{
		"broker": "brokers", "borkers": "brokers", "wramup": "warmup", "fed": "feed", "feeds": "feed", "sasl_user": "sasl-user",
		"zzz": "", "": "", "kafka": "", "onlyx": "only",
	} {
		if got := Nearest(word, known); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", word, got, want)
		}
	}
	if got := DidYouMean("zzz", "--", known[:2]); got != "there are --brokers --warmup" {
		t.Errorf("got %q", got)
	}
}

func TestSize(t *testing.T) {
	for text, want := range map[string]string{"0": "0", "1": "1", "1024": "1KiB", "1536": "1536", "1B": "1", "3MiB": "3MiB", "2GiB": "2GiB", "2 KiB": "2KiB"} {
		var s Size
		if err := s.Set(text); err != nil || s.String() != want {
			t.Errorf("%q is %s (%v), want %s", text, &s, err, want)
		}
	}
}

func FuzzFile(f *testing.F) {
	f.Add("count: 2\nwords: [a, b]\n")
	f.Add("a: &x [1]\nb: *x\n<<: {c: 1}\n")
	f.Add("? [a]\n: |\n  b\n--- \n...")
	f.Fuzz(func(t *testing.T, text string) {
		list, err := parse("x.yaml", []byte(text))
		if err != nil {
			return
		}
		cmd := toy(new(bytes.Buffer), new(bytes.Buffer)).Commands[0]
		for _, s := range list {
			for _, flag := range cmd.Flags {
				if values, err := s.values(flag); err == nil && len(values) == 0 && s.value.String() != "[]" {
					t.Errorf("%s: neither values nor an error", s.name)
				}
			}
		}
	})
}
