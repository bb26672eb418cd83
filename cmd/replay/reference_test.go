package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"tapedeck/cmd/flags"
)

var update = flag.Bool("update", false, "write docs/replay-cli.md anew")

// docs/replay-cli.md is what the program prints of itself.
func TestReferenceIsWritten(t *testing.T) {
	var text bytes.Buffer
	app := newApp()
	app.Writer = &text
	if code := flags.Run(t.Context(), app, []string{"replay", "reference"}); code != flags.OK {
		t.Fatalf("code %d", code)
	}
	name := filepath.Join("..", "..", "docs", "replay-cli.md")
	if *update {
		if err := os.WriteFile(name, text.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	written, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(written, text.Bytes()) {
		t.Error("docs/replay-cli.md is not what `replay reference` prints: go test ./cmd/replay -update writes it anew")
	}
}
