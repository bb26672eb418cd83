package binance_test

import (
	"testing"

	"tapedeck/feed/feedtest"
	"tapedeck/feed/venue/binance"
)

func FuzzSpot(f *testing.F)  { feedtest.Fuzz(f, binance.Spot, "testdata/binance") }
func FuzzUSDM(f *testing.F)  { feedtest.Fuzz(f, binance.USDM, "testdata/binance-usdm") }
func FuzzCOINM(f *testing.F) { feedtest.Fuzz(f, binance.COINM, "testdata/binance-coinm") }
