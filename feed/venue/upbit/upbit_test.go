package upbit_test

import (
	"fmt"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/venue/upbit"
	"tapedeck/market"
	"tapedeck/snapshot"
)

func bookAt(ms int, code, bid string) *feed.Record {
	return &feed.Record{Value: fmt.Appendf(nil,
		`{"ty":"orderbook","cd":%q,"tms":%d,"obu":[{"ap":100,"bp":%s,"as":1,"bs":1}],"st":"REALTIME"}`, code, ms, bid)}
}

func TestSymbols(t *testing.T) {
	d := upbit.Format.New(feed.DefaultOptions())
	var b market.Batch
	for native, want := range map[string]market.Symbol{
		"KRW-BTC":  {Name: "BTC-KRW", Base: "BTC", Quote: "KRW"},
		"BTC-FCT2": {Name: "FCT2-BTC", Base: "FCT2", Quote: "BTC"},
		"USDT-ETH": {Name: "ETH-USDT", Base: "ETH", Quote: "USDT"},
	} {
		b.Reset()
		if err := d.Decode(&b, bookAt(1700000000000, native, "1")); err != nil {
			t.Fatalf("%s: %v", native, err)
		}
		want.Venue, want.Native, want.Kind = "UPBIT", native, market.Spot
		if got := *b.Events[0].Symbol; got != want {
			t.Errorf("%s is %+v, want %+v", native, got, want)
		}
	}
	for _, native := range []string{"", "-", "KRW-", "-BTC", "BTC", "KRW-BTC-X", "krw-btc"} {
		if err := d.Decode(&b, bookAt(1700000000000, native, "1")); err == nil {
			t.Errorf("%q is taken for a symbol", native)
		}
	}
}

// A book that comes late changes nothing; the next newer one replaces what is there.
func TestLateBook(t *testing.T) {
	d := upbit.Format.New(feed.DefaultOptions())
	book := snapshot.NewBook(snapshot.DefaultLimits, snapshot.Origin{})
	for i, test := range []struct {
		ms        int
		bid, want string
	}{{1700000000000, "10", "10"}, {1700000002000, "12", "12"}, {1700000001000, "11", "12"}, {1700000002000, "12", "12"}, {1700000003000, "9", "9"}} {
		var b market.Batch
		if err := d.Decode(&b, bookAt(test.ms, "KRW-BTC", test.bid)); err != nil {
			t.Fatal(err)
		}
		book.Apply(&b.Events[0], snapshot.Cause{})
		body, _ := book.Full(0)
		if got := body.(*market.Book).Bids; !book.Good() || len(got) != 1 || got[0].Price.String() != test.want {
			t.Errorf("after book %d the bids are %v, want %s", i+1, got, test.want)
		}
	}
}
