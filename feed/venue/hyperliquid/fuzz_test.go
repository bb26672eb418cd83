package hyperliquid_test

import (
	"testing"

	"tapedeck/feed/feedtest"
	"tapedeck/feed/venue/hyperliquid"
)

func FuzzDecode(f *testing.F) { feedtest.Fuzz(f, hyperliquid.Format, "testdata/hyperliquid") }
