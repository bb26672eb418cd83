package cryptocom_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/feedtest"
	"tapedeck/feed/venue/cryptocom"
	"tapedeck/market"
	"tapedeck/snapshot"
)

// bookOf is a whole book, or a change where prev is not 0.
func bookOf(native string, u, prev int, bids string) feed.Record {
	const head = `{"id":-1,"method":"subscribe","code":0,"result":{"instrument_name":%q,"subscription":"x","channel":%q,"depth":10,"data":[{`
	levels := fmt.Sprintf(`"asks":[["1000","1","1"]],"bids":[%s]`, bids)
	if prev == 0 {
		return feed.Record{Value: fmt.Appendf(nil, head+`%s,"t":1700000000395,"u":%d}]}}`, native, "book", levels, u)}
	}
	return feed.Record{Value: fmt.Appendf(nil, head+`"update":{%s},"t":1700000000395,"u":%d,"pu":%d}]}}`, native, "book.update", levels, u, prev)}
}

func TestSymbols(t *testing.T) {
	d := cryptocom.Format.New(feed.DefaultOptions())
	var b market.Batch
	for _, want := range []market.Symbol{
		{Native: "BTC_USDT", Name: "BTC-USDT", Base: "BTC", Quote: "USDT", Kind: market.Spot},
		{Native: "BTC_USD", Name: "BTC-USD", Base: "BTC", Quote: "USD", Kind: market.Spot},
		{Native: "BTCUSD-PERP", Name: "BTCUSD-PERP", Base: "BTC", Quote: "USD", Kind: market.Perpetual},
		{Native: "BTCUSD-261225", Name: "BTCUSD-261225", Base: "BTC", Quote: "USD", Kind: market.Future},
		{Native: "BTCUSD-261225-CW100000", Name: "BTCUSD-261225-CW100000", Base: "BTC", Quote: "USD", Kind: market.Option},
	} {
		b.Reset()
		r := bookOf(want.Native, 1, 0, "")
		if err := d.Decode(&b, &r); err != nil {
			t.Fatalf("%s: %v", want.Native, err)
		}
		want.Venue = "CRYPTOCOM"
		if got := *b.Events[0].Symbol; got != want {
			t.Errorf("%s is %+v, want %+v", want.Native, got, want)
		}
	}
}

// A hole breaks the book, a repeat and an empty change do not, and a snapshot mends it.
func TestContinuity(t *testing.T) {
	d := cryptocom.Format.New(feed.DefaultOptions())
	book := snapshot.NewBook(snapshot.DefaultLimits, snapshot.Origin{})
	for i, test := range []struct {
		u, prev int
		good    bool
	}{{100, 0, true}, {100, 100, true}, {250, 100, true}, {250, 250, true}, {250, 100, true}, {300, 250, true}, {420, 310, false}, {430, 420, false}, {500, 0, true}, {600, 500, true}} {
		var b market.Batch
		r := bookOf("BTC_USD", test.u, test.prev, `["10","1","1"]`)
		if err := d.Decode(&b, &r); err != nil {
			t.Fatal(err)
		}
		book.Apply(&b.Events[0], snapshot.Cause{})
		if book.Good() != test.good {
			t.Errorf("after message %d the book is good: %v", i+1, book.Good())
		}
	}
}

// Each sample becomes what is in it.
func TestSamples(t *testing.T) {
	want := map[string]string{
		"ExchangeApi_BookSnapshot": "book CRYPTOCOM ETH-USDT (ETH_USDT) time=1654784843465000 snapshot chain=cryptocom first=0 last=545391566464 prev=0 depth=10 bids 50113.500000:0.400000 50113.000000:0.051800",
		"ExchangeApi_Klines":       "candle CRYPTOCOM ETH-USDT (ETH_USDT) start=1612224000000000 width=86400000000 o=51140.500000 h=51699.000000 l=49212.000000 c=51313.500000 v=867.9432 n=0 quoteVolume= vwap= final=false",
		"ExchangeApi_Ticker": "ticker CRYPTOCOM ETH-USDT (ETH_USDT) time=1613580710768000 last=51174.500000 high=51790.00 low=47895.50 volume=879.5024 openInterest=12345.12\n" +
			"quote CRYPTOCOM ETH-USDT (ETH_USDT) time=1613580710768000 bid=51170.000000 x 0.1000 ask=51180.000000 x 0.2000",
		"ExchangeApi_Trades": "trade CRYPTOCOM ETH-USDT (ETH_USDT) time=1613581138462000 id=2030407068 px=51327.500000 qty=0.000100 side=sell",
	}
	paths, err := filepath.Glob(filepath.Join(feedtest.Data(t, "samples"), "crypto.com-fixtures", "*.json"))
	if err != nil || len(paths) != len(want) {
		t.Fatalf("%d samples, want %d, %v", len(paths), len(want), err)
	}
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var b market.Batch
		if err := cryptocom.Format.New(feed.DefaultOptions()).Decode(&b, &feed.Record{Value: raw}); err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		name := strings.TrimSuffix(filepath.Base(path), ".json")
		if got := strings.TrimSpace(feedtest.Text(b.Events)); want[name] == "" || !strings.HasPrefix(got, want[name]) {
			t.Errorf("%s becomes\n%s\nwant\n%s", name, got, want[name])
		}
	}
}
