package cryptocom_test

import (
	"testing"

	"tapedeck/feed/feedtest"
	"tapedeck/feed/venue/cryptocom"
)

func FuzzDecode(f *testing.F) { feedtest.Fuzz(f, cryptocom.Format, "testdata/cryptocom") }
