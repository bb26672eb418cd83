package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"tapedeck/cmd/flags"
	"tapedeck/server/describe/schematest"
	"tapedeck/wire/mirror"
)

var update = flag.Bool("update", false, "write docs/cli.md and golden files anew")

// asStreamer, set in its environment, makes the test's own binary the program.
const asStreamer = "STREAMER_ITSELF"

func TestMain(m *testing.M) {
	if os.Getenv(asStreamer) != "" {
		main()
	}
	mirror.Check = schematest.Must().Message
	os.Exit(m.Run())
}

// runs runs a command to its end.
func runs(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	app := newApp()
	app.Writer, app.ErrWriter = &o, &e
	code = flags.Run(t.Context(), app, append([]string{"streamer"}, args...))
	return code, o.String(), e.String()
}

// docs/cli.md is what the program says of itself.
func TestReference(t *testing.T) {
	name := filepath.Join("..", "..", "docs", "cli.md")
	code, text, errs := runs(t, "reference")
	if code != flags.OK || errs != "" {
		t.Fatalf("code %d: %s", code, errs)
	}
	if *update {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	written, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if text != string(written) {
		t.Error("docs/cli.md is not what the commands are: go test ./cmd/streamer -run TestReference -update")
	}
}

// The file that docs/cli.md shows is one that serve would take.
func TestFileOfTheReference(t *testing.T) {
	_, example, ok := strings.Cut(settingsText, "    # tapedeck.yaml\n")
	if !ok {
		t.Fatal("there is no file in it")
	}
	example, _, _ = strings.Cut(example, "\nOne file")
	secret := filepath.Join(t.TempDir(), "kafka")
	name := filepath.Join(t.TempDir(), "tapedeck.yaml")
	text := strings.ReplaceAll(regexp.MustCompile(`(?m)^    `).ReplaceAllString(example, ""), "/run/secrets/kafka", secret)
	for file, content := range map[string]string{secret: "hunter2\n", name: text} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if code, out, errs := runs(t, "check-config", "--offline", "--config", name); code != flags.OK || out != "ok       settings\n" {
		t.Errorf("code %d: %s%s", code, out, errs)
	}
	known := strings.Count(text, ":")
	if known < 10 {
		t.Errorf("only %d settings are shown", known)
	}
}

// What a command says of itself: what it is, and lines to copy that its flags allow.
func TestEveryCommandHasExamples(t *testing.T) {
	app := newApp()
	bare := map[string]bool{"version": true, "reference": true, "help": true}
	for _, cmd := range app.Commands {
		if bare[cmd.Name] {
			continue
		}
		lines := regexp.MustCompile(`(?m)^  (?:source <\()?streamer `+cmd.Name+`(.*)$`).FindAllStringSubmatch(cmd.Description, -1)
		if len(lines) == 0 {
			t.Errorf("%s has no examples", cmd.Name)
		}
		for _, m := range lines {
			for _, f := range regexp.MustCompile(`--([a-z-]+)`).FindAllStringSubmatch(m[1], -1) {
				if !hasFlag(cmd, f[1]) {
					t.Errorf("%s: the example%s has a flag that there is not", cmd.Name, m[1])
				}
			}
		}
	}
}

func hasFlag(cmd *cli.Command, name string) bool {
	for _, f := range cmd.Flags {
		for _, n := range f.Names() {
			if n == name {
				return true
			}
		}
	}
	return false
}

// Kubernetes sets these for a service of the name tapedeck: as flags they would break every pod beside it.
func TestNoFlagIsAServiceLink(t *testing.T) {
	link := regexp.MustCompile(`^TAPEDECK_(PORT|SERVICE)(_|$)`)
	for _, cmd := range newApp().Commands {
		for _, f := range cmd.Flags {
			if env := flags.Env(f.Names()[0]); link.MatchString(env) {
				t.Errorf("%s --%s is %s", cmd.Name, f.Names()[0], env)
			}
		}
	}
}

func TestVersion(t *testing.T) {
	if code, out, _ := runs(t, "version"); code != flags.OK || !strings.HasPrefix(out, "streamer dev") || !strings.Contains(out, " go1.") {
		t.Errorf("code %d, %q", code, out)
	}
}
