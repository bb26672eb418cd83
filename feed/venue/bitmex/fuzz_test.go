package bitmex_test

import (
	"testing"

	"tapedeck/feed/feedtest"
	"tapedeck/feed/venue/bitmex"
)

func FuzzDecode(f *testing.F) { feedtest.Fuzz(f, bitmex.Format, "testdata/bitmex") }
