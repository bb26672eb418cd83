package mapping_test

import (
	"strings"
	"testing"

	"tapedeck/feed"
	"tapedeck/market"
)

// The version of a mapping follows what it says, and not how it is written.
func TestVersion(t *testing.T) {
	version := func(text string) int { return must(t, text)[0].Version }
	was := version(right)
	if was <= 0 {
		t.Errorf("the version is %d", was)
	}
	for _, same := range [][2]string{
		{"    kind: spot\n", ""}, {"venue: DESK", "venue: DESK # ours"}, {"symbol: instr", `symbol: "instr"`},
		{"{from: ts, unit: ms}", "\n      unit: ms\n      from: ts"}, {"    format: json\n    venue: DESK\n", "    venue: 'DESK'\n    format: json\n"},
	} {
		text := strings.Replace(right, same[0], same[1], 1)
		if same[1] == "" { // what is said is said, be it the default
			if version(text) == was {
				t.Errorf("without %q the version is the same", same[0])
			}
			continue
		}
		if text == right || version(text) != was {
			t.Errorf("%q for %q makes another version", same[1], same[0])
		}
	}
	for _, other := range [][2]string{{"unit: ms}\n    kind", "unit: us}\n    kind"}, {"size: qty", "size: quantity"}, {"B: buy", "B: sell"}, {"{type: trade}", "{type: [trade, fill]}"}} {
		if text := strings.Replace(right, other[0], other[1], 1); text == right || version(text) == was {
			t.Errorf("%q for %q makes no other version", other[1], other[0])
		}
	}
	one, other := *must(t, right)[0], *must(t, strings.Replace(right, "size: qty", "size: q", 1))[0]
	if feed.Epoch("c", "t", "i", 0, &one) == feed.Epoch("c", "t", "i", 0, &other) {
		t.Error("two mappings, one epoch")
	}
}

// Two symbols of a venue have no name in common, and those that are known go on.
func TestNamesAreOfOneSymbol(t *testing.T) {
	d := must(t, strings.Replace(right, "name: $1-$2", "name: $1-USD", 1))[0].New(feed.DefaultOptions())
	var b market.Batch
	for _, test := range []struct{ symbol, want string }{
		{"BTC_USDT", ""}, {"BTC_USDC", "bad_symbol: by names it is BTC-USD, as BTC_USDT is: DESK:BTC_USDC"}, {"BTC_USDT", ""}, {"ETH_USDC", ""},
	} {
		got := ""
		if err := d.Decode(&b, &feed.Record{Value: []byte(`{"type":"trade","instr":"` + test.symbol + `","ts":1700000000000,"px":1,"qty":1}`)}); err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("%s: %q, want %q", test.symbol, got, test.want)
		}
	}
	if s := b.Events[0].Symbol; s.Base != "BTC" || s.Quote != "USD" || s.Kind != market.Spot {
		t.Errorf("it is %+v", s)
	}
}
