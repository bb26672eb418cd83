package hyperliquid_test

import (
	"fmt"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/venue/hyperliquid"
	"tapedeck/market"
	"tapedeck/snapshot"
)

func bookAt(ms int, coin, bid string) *feed.Record {
	return &feed.Record{Value: fmt.Appendf(nil,
		`{"channel":"l2Book","data":{"coin":%q,"time":%d,"levels":[[{"px":%q,"sz":"1","n":1}],[]]}}`, coin, ms, bid)}
}

func TestSymbols(t *testing.T) {
	d := hyperliquid.Format.New(feed.DefaultOptions())
	var b market.Batch
	for _, test := range []struct {
		native, name, base, quote string
		kind                      market.Kind
	}{
		{"BTC", "BTC-USD", "BTC", "USD", market.Perpetual},
		{"kPEPE", "kPEPE-USD", "kPEPE", "USD", market.Perpetual},
		{"0G", "0G-USD", "0G", "USD", market.Perpetual},
		{"xyz:TSLA", "xyz:TSLA", "TSLA", "USD", market.Perpetual},
		{"PURR/USDC", "PURR-USDC", "PURR", "USDC", market.Spot},
		{"@107", "@107", "", "", market.Spot},
	} {
		b.Reset()
		if err := d.Decode(&b, bookAt(1700000000000, test.native, "1")); err != nil {
			t.Fatalf("%s: %v", test.native, err)
		}
		want := market.Symbol{Venue: "HYPERLIQUID", Name: test.name, Native: test.native, Base: test.base, Quote: test.quote, Kind: test.kind}
		if got := *b.Events[0].Symbol; got != want {
			t.Errorf("%s is %+v, want %+v", test.native, got, want)
		}
	}
	for _, native := range []string{"", "/", "BTC/", "@", "@x", ":BTC", "A:B:C", "B-C", "BTC/USDC/X"} {
		if err := d.Decode(&b, bookAt(1700000000000, native, "1")); err == nil {
			t.Errorf("%q is taken for a symbol", native)
		}
	}
}

// A book that comes late changes nothing; the next newer one replaces what is there.
func TestLateBook(t *testing.T) {
	d := hyperliquid.Format.New(feed.DefaultOptions())
	book := snapshot.NewBook(snapshot.DefaultLimits, snapshot.Origin{})
	for i, test := range []struct {
		ms        int
		bid, want string
	}{{1700000000000, "10", "10"}, {1700000002000, "12", "12"}, {1700000001000, "11", "12"}, {1700000002000, "12", "12"}, {1700000003000, "9", "9"}} {
		var b market.Batch
		if err := d.Decode(&b, bookAt(test.ms, "BTC", test.bid)); err != nil {
			t.Fatal(err)
		}
		book.Apply(&b.Events[0], snapshot.Cause{})
		body, _ := book.Full(0)
		if got := body.(*market.Book).Bids; !book.Good() || len(got) != 1 || got[0].Price.String() != test.want {
			t.Errorf("after book %d the bids are %v, want %s", i+1, got, test.want)
		}
	}
}
