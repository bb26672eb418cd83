package wire

import (
	"encoding/hex"
	"flag"
	"os"
	"path/filepath"
	"testing"
)

var rewrite = flag.Bool("update", false, "write the golden files anew: read the difference before committing it")

// TestGolden compares every message with testdata: what clients are sent changes only on purpose.
func TestGolden(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range messages() {
		got := string(frame(JSON, nil, m)) + "\n" + hex.Dump(frame(MessagePack, nil, m))
		file := filepath.Join("testdata", m.name+".golden")
		seen[file] = true
		if *rewrite {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err, "(go test ./wire -update writes it)")
		}
		if got != string(want) {
			t.Errorf("%s is now\n%s\nand was\n%s", m.name, got, want)
		}
	}
	files, err := filepath.Glob("testdata/*.golden")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if !seen[file] {
			t.Errorf("%s belongs to no message", file)
		}
	}
}
