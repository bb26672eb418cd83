package coinbaseadvanced_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/feedtest"
	"tapedeck/feed/venue/coinbaseadvanced"
	"tapedeck/market"
)

func FuzzCoinbaseAdvanced(f *testing.F) {
	feedtest.Fuzz(f, coinbaseadvanced.Format, "testdata/coinbase-advanced")
}

// Every sample becomes what its name says.
func TestSamples(t *testing.T) {
	const eth = " COINBASE-ADVANCED ETH-USDT"
	want := map[string]string{
		"AdvancedTrade_BatchTicker": "ticker" + eth + " time=1675974637167359 last=21932.98 high=23011.18 low=21835.29 volume=16038.28770938\n",
		"AdvancedTrade_Heartbeat":   "ignored",
		"AdvancedTrade_Klines":      "candle" + eth + " time=1686341975396251 start=1688998200000000 width=300000000 o=1867.38 h=1867.72 l=1865.63 c=1866.81 v=0.20269406 n=0 quoteVolume= vwap= final=false\n",
		"AdvancedTrade_Symbol":      "instrument" + eth + " time=1675974589753424 tick=0.01 lot=0.00000001 contract=  inverse=false\nstatus" + eth + " time=1675974589753424 state=live\n",
		"AdvancedTrade_Ticker": "ticker" + eth + " time=1675974637167359 last=21932.98 high=23011.18 low=21835.29 volume=16038.28770938\n" +
			"quote" + eth + " time=1675974637167359 bid=21931.98 x 8000.21 ask=21933.98 x 8038.07770938\n",
		"AdvancedTrade_Trades": "trade" + eth + " time=1728026011084859 id=22381690 px=2375.56 qty=0.5 side=sell\n" +
			"trade" + eth + " time=1728026011088388 id=22381691 px=2375.56 qty=0.5 side=sell\n",
	}
	files, _ := filepath.Glob(filepath.Join(feedtest.Data(t, "samples/coinbase-advanced-fixtures"), "*.json"))
	if len(files) != len(want) {
		t.Errorf("there are %d samples, want %d", len(files), len(want))
	}
	for _, name := range files {
		value, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var b market.Batch
		got := ""
		if err := coinbaseadvanced.Format.New(feed.DefaultOptions()).Decode(&b, &feed.Record{Value: value}); err != nil {
			got = err.Error()
		} else {
			got = feedtest.Text(b.Events)
		}
		if kind := strings.TrimSuffix(filepath.Base(name), ".json"); got != want[kind] {
			t.Errorf("%s becomes %q\nwant %q", kind, got, want[kind])
		}
	}
}

func TestSymbols(t *testing.T) {
	for native, want := range map[string]market.Symbol{
		"BTC-USD":         {Base: "BTC", Quote: "USD"},
		"BTC-PERP-INTX":   {Base: "BTC", Kind: market.Perpetual},
		"BIT-28JUL23-CDE": {Kind: market.Future},
	} {
		want.Venue, want.Native, want.Name = "COINBASE-ADVANCED", native, native
		var b market.Batch
		if err := coinbaseadvanced.Format.New(feed.DefaultOptions()).Decode(&b, message(0, update(native, "update"))); err != nil {
			t.Errorf("%s: %v", native, err)
		} else if got := *b.Events[0].Symbol; got != want {
			t.Errorf("%s becomes %+v", native, got)
		}
	}
}

// message is message n of a connection.
func message(n int, event string) *feed.Record {
	return &feed.Record{Key: []byte("a"), Value: fmt.Appendf(nil,
		`{"channel":"l2_data","client_id":"","timestamp":"2023-11-14T22:13:%02d.%06dZ","sequence_num":%d,"events":[%s]}`, n/1000000, n%1000000, n, event)}
}

// update is an event with levels such as bid 1.5 2.
func update(product, kind string, levels ...string) string {
	var all []string
	for _, l := range levels {
		f := strings.Fields(l)
		all = append(all, fmt.Sprintf(`{"side":%q,"event_time":"2023-11-14T22:13:20.9Z","price_level":%q,"new_quantity":%q}`, f[0], f[1], f[2]))
	}
	return fmt.Sprintf(`{"type":%q,"product_id":%q,"updates":[%s]}`, kind, product, strings.Join(all, ","))
}
