package mapping_test

import (
	"testing"

	"tapedeck/feed/feedtest"
)

// Mappings make decoders that pass what every decoder must.
func TestMappingsConform(t *testing.T) {
	for _, name := range []string{"desk-trades", "desk-books", "desk-ladder", "desk-list", "desk-tops", "tape-csv", "top-csv"} {
		t.Run(name, func(t *testing.T) {
			feedtest.Decoder(t, example(t, name), "testdata/"+name)
		})
	}
}
