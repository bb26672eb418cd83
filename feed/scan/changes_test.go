package scan

import (
	"slices"
	"testing"

	"tapedeck/market"
)

func TestChanges(t *testing.T) {
	bid := []market.Level{{Price: market.MustDecimal("37000.10000000"), Qty: market.MustDecimal("0.50000000")}}
	ask := []market.Level{{Price: market.MustDecimal("37000.2"), Qty: market.MustDecimal("0")}}
	for text, good := range map[string]bool{
		`[["buy","37000.10000000","0.50000000"],["sell","37000.2","0"]]`:                           true,
		`[["sell","37000.2","0"],["buy","37000.10000000","0.50000000"]]`:                           true,
		` [ [ "buy" , "37000.10000000" , "0.50000000" ] , [ "sell" , "37000.2" , "0" ] ] `:         true,
		`[["\u0062uy",37000.10000000,"0.50000000",3],["\u0073\u0065\u006c\u006c","37000.2",0,[]]]`: true,
		`[["bid","37000.1","1"]]`: false, `[["buy","37000.1"]]`: false, `[["buy","37000.1","-1"]]`: false, `[["sell","0","1"]]`: false,
		`[["buy","37000.1",null]]`: false, `[["sell","x","1"]]`: false, `[[1,"1","1"]]`: false, `[[]]`: false, `[null]`: false,
		`["buy","1","1"]`: false, `{"buy":"1"}`: false, `null`: false, `1`: false, `[["buy\"","37000.1","1"]]`: false,
		`[["\u0062\u0075\u0079\u0062\u0075\u0079","1","1"]]`: false,
	} {
		c := Over([]byte(text))
		bids, asks, ok := c.Changes(nil, nil)
		if !c.End() {
			t.Errorf("%s was not taken whole", text)
		}
		if ok != good || ok && (!slices.Equal(bids, bid) || !slices.Equal(asks, ask)) {
			t.Errorf("%s became %v and %v (%v), want %v", text, bids, asks, ok, good)
		}
	}
	for _, text := range []string{`[["buy","37000.1","0.5"]`, `[["buy","37000.1","0.5"`, `[["buy","37000.1","0.5`, `[["buy","`, `[["sell"`, `[["buy","37000.1"x"0.5"]]`, `[["sell","1","1"}]`, `[["buy","1","1"]["buy","1","1"]]`} {
		c := Over([]byte(text))
		if c.Changes(nil, nil); c.End() {
			t.Errorf("%s was read to its end", text)
		}
	}
}
