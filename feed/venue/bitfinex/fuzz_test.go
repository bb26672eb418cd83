package bitfinex_test

import (
	"testing"

	"tapedeck/feed/feedtest"
	"tapedeck/feed/venue/bitfinex"
)

func FuzzDecode(f *testing.F) { feedtest.Fuzz(f, bitfinex.Format, "testdata/bitfinex") }
