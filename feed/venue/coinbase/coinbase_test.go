package coinbase_test

import (
	"testing"

	"tapedeck/feed/feedtest"
	"tapedeck/feed/venue/coinbase"
)

func FuzzCoinbase(f *testing.F) { feedtest.Fuzz(f, coinbase.Format, "testdata/coinbase") }
