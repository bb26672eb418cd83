package venue_test

import (
	"path/filepath"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/feedtest"
	"tapedeck/feed/venue"
)

// Every format passes what every decoder must, with the messages in its folder's testdata. Here alone, so that it runs
// once: `go test ./feed/venue -run TestFormats/kraken-v1` is of one format.
func TestFormats(t *testing.T) {
	for _, f := range venue.Formats {
		t.Run(f.Name, func(t *testing.T) {
			feedtest.Decoder(t, f, messagesOf(t, f))
		})
	}
}

// messagesOf is the folder with a format's messages.
func messagesOf(t *testing.T, f *feed.Format) string {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join("*", "testdata", f.Name))
	if err != nil || len(dirs) != 1 {
		t.Fatalf("the messages of %s are in %v (%v)", f.Name, dirs, err)
	}
	return dirs[0]
}

func TestLookup(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range venue.Formats {
		if got, ok := venue.Lookup(f.Name); got != f || !ok || seen[f.Name] {
			t.Errorf("%s is not found by its name, or there are two", f.Name)
		}
		seen[f.Name] = true
	}
	if f, ok := venue.Lookup("binance-options"); ok {
		t.Errorf("found %s, which nobody wrote", f.Name)
	}
}
