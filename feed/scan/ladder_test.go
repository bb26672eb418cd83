package scan

import (
	"slices"
	"testing"

	"tapedeck/market"
)

func TestLadder(t *testing.T) {
	level := market.Level{Price: market.MustDecimal("37000.10000000"), Qty: market.MustDecimal("0.50000000")}
	for text, good := range map[string]bool{
		`[{"px":"37000.10000000","sz":"0.50000000","n":5}]`:             true,
		`[{"px":"37000.10000000","sz":"0.50000000"}]`:                   true,
		`[{"n":0,"px":"37000.10000000","sz":"0.50000000"}]`:             true,
		`[{"sz":"0.50000000","px":"37000.10000000","n":{"n":[]}}]`:      true,
		` [ { "px" : 37000.10000000 , "sz" : 0.50000000 , "n" : 5 } ] `: true,
		`[{"\u0070x":"37000.10000000","sz":"0.5000000\u0030","n":5}]`:   true,
		`[{"px":"37000.10000000","sz":"0.50000000","n":5,"px":"1"}]`:    false,
		`[{"px":"37000.10000000","sz":"0.50000000","sz":"0.50000000"}]`: false,
		`[{"px":"37000.10000000","n":5}]`:                               false,
		`[{"px":"0","sz":"1","n":5}]`:                                   false,
		`[{"px":"1","sz":"-1","n":5}]`:                                  false,
		`[{"px":"x","sz":"1","n":5}]`:                                   false,
		`[["1","1"]]`:                                                   false, `[null]`: false, `{"px":"1"}`: false, `null`: false,
	} {
		c := Over([]byte(text))
		got, ok := c.Ladder(nil, "px", "sz")
		if !c.End() {
			t.Errorf("%s was not taken whole", text)
		}
		if ok != good || ok && !slices.Equal(got, []market.Level{level}) {
			t.Errorf("%s became %v (%v)", text, got, ok)
		}
	}
	for _, text := range []string{`[{"px":"1","sz":"1"`, `[{"px":"1","sz":"1","n":`, `[{"px":"1","sz":"1","n":01}]`, `[{"px":"1","sz":"1","n":1`, `[{"px":"1","sz":"1","n":1]`, `[{"px`, `[{"px":"1"x"sz":"1"}]`} {
		c := Over([]byte(text))
		if c.Ladder(nil, "px", "sz"); c.End() {
			t.Errorf("%s was read to its end", text)
		}
	}
	c := Over([]byte(`[{"p":"1","s":"2","p":3}]`)) // the number behind is the price once more
	if got, ok := c.Ladder(nil, "p", "s"); ok {
		t.Errorf("a price that is there twice became %v", got)
	}
}
