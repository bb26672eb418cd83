package tapedeck_test

import (
	"bytes"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// elsewhere finds what ties a file to the machine it was written on: paths of the folders where people
// and build servers keep their work, and the addresses that a package manager noted in its lock file.
var elsewhere = regexp.MustCompile(`(?:^|[\s"'=:(` + "`" + `])/(?:home|Users|root|work|workspace|builds)/[\w.-]+|"resolved":\s*"(?:https?|file):`)

func TestRepositorySpeaksOnlyOfItself(t *testing.T) {
	out, err := exec.Command("git", "ls-files", "-z").Output()
	if err != nil {
		t.Skip("not a git checkout: there is no list of tracked files")
	}
	files := strings.FieldsFunc(string(out), func(r rune) bool { return r == 0 })
	if len(files) == 0 {
		t.Fatal("git tracks no file here")
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if os.IsNotExist(err) {
			continue // removed, but not yet in a commit
		}
		if err != nil {
			t.Fatal(err)
		}
		if bytes.IndexByte(text, 0) >= 0 || name == "self_test.go" {
			continue // no text, or this one, which has to name what it looks for
		}
		for i, line := range strings.Split(string(text), "\n") {
			if m := elsewhere.FindString(line); m != "" {
				t.Errorf("%s:%d: %q is of some other place", name, i+1, m)
			}
		}
	}
}

func TestElsewhereHasTeeth(t *testing.T) {
	for _, line := range []string{`data := "/home/someone/data"`, `see /workspace/notes.md`, `"resolved": "https://registry.example/x.tgz"`, `cd /Users/me/x`} {
		if !elsewhere.MatchString(line) {
			t.Errorf("%q was not found", line)
		}
	}
	for _, line := range []string{`COPY --from=build /out/streamer /streamer`, `https://host/home/page`, `"resolved": true`, `go.work/`} {
		if m := elsewhere.FindString(line); m != "" {
			t.Errorf("%q: found %q, which is harmless", line, m)
		}
	}
}
