package publish

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Messages without receive times have no pace at which they could be sent.
func TestFilesWithoutTimesAreRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "day.bin")
	if err := os.WriteFile(path, []byte("\x00\x02S1"), 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err := newSession([]string{path}); err == nil || !strings.Contains(err.Error(), "no receive times") {
		t.Errorf("%v, %v", s, err)
	}
}
