package venue_test

import (
	"path/filepath"
	"testing"

	"tapedeck/feed/feedtest"
	"tapedeck/feed/venue"
)

// Every format passes what every decoder must, with the messages in its folder's testdata.
func TestFormats(t *testing.T) {
	for _, f := range venue.Formats {
		t.Run(f.Name, func(t *testing.T) {
			dirs, err := filepath.Glob(filepath.Join("*", "testdata", f.Name))
			if err != nil || len(dirs) != 1 {
				t.Fatalf("the messages of %s are in %v (%v)", f.Name, dirs, err)
			}
			feedtest.Decoder(t, f, dirs[0])
		})
	}
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
