package kucoin_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/feedtest"
	"tapedeck/feed/venue/kucoin"
	"tapedeck/market"
)

func FuzzSpot(f *testing.F)    { feedtest.Fuzz(f, kucoin.Spot, "testdata/kucoin") }
func FuzzFutures(f *testing.F) { feedtest.Fuzz(f, kucoin.Futures, "testdata/kucoin-futures") }

// symbolOf returns the symbol that a format makes of a native name.
func symbolOf(f *feed.Format, native string) (market.Symbol, error) {
	topic := "/indicator/index"
	value := `{"topic":"%s:%s","subject":"tick","data":{"symbol":"%[2]s","value":1,"timestamp":1700000000000}}`
	if f == kucoin.Futures {
		topic, value = "/contractMarket/snapshot", `{"topic":"%s:%s","subject":"snapshot.24h","data":{"lastPrice":1,"ts":1700000000000}}`
	}
	var b market.Batch
	if err := f.New(feed.DefaultOptions()).Decode(&b, &feed.Record{Value: fmt.Appendf(nil, value, topic, native)}); err != nil {
		return market.Symbol{}, err
	}
	return *b.Events[0].Symbol, nil
}

func TestSymbols(t *testing.T) {
	for _, test := range []struct {
		format *feed.Format
		want   market.Symbol
	}{
		{kucoin.Spot, market.Symbol{Native: "BTC-USDT", Name: "BTC-USDT", Base: "BTC", Quote: "USDT"}},
		{kucoin.Spot, market.Symbol{Native: "币安人生-USDT", Name: "币安人生-USDT", Base: "币安人生", Quote: "USDT"}},
		{kucoin.Spot, market.Symbol{Native: "BCHSV-USDT", Name: "BSV-USDT", Base: "BSV", Quote: "USDT"}},
		{kucoin.Futures, market.Symbol{Native: "XBTUSDTM", Name: "BTC-USDT", Base: "BTC", Quote: "USDT", Kind: market.Perpetual}},
		{kucoin.Futures, market.Symbol{Native: "XBTUSDM", Name: "BTC-USD", Base: "BTC", Quote: "USD", Kind: market.Perpetual}},
		{kucoin.Futures, market.Symbol{Native: "XBTUSDCM", Name: "BTC-USDC", Base: "BTC", Quote: "USDC", Kind: market.Perpetual}},
		{kucoin.Futures, market.Symbol{Native: "1000PEPEUSDTM", Name: "1000PEPE-USDT", Base: "1000PEPE", Quote: "USDT", Kind: market.Perpetual}},
		{kucoin.Futures, market.Symbol{Native: "XBTMU24", Name: "XBTMU24", Base: "BTC", Quote: "USD", Kind: market.Future}},
		{kucoin.Futures, market.Symbol{Native: "ETHUSDTMZ24", Name: "ETHUSDTMZ24", Base: "ETH", Quote: "USDT", Kind: market.Future}},
		{kucoin.Futures, market.Symbol{Native: "BTCUSDTM", Name: "BTCUSDTM", Base: "BTC", Quote: "USDT", Kind: market.Perpetual}},
	} {
		test.want.Venue = test.format.Venue
		if got, err := symbolOf(test.format, test.want.Native); got != test.want || err != nil {
			t.Errorf("%s is %+v (%v), want %+v", test.want.Native, got, err, test.want)
		}
	}
	for _, native := range []string{"BTC", "BTC-", "-USDT", "BTC-USDT-", "B*C-USDT", "BTC USDT"} {
		if got, err := symbolOf(kucoin.Spot, native); !errors.Is(err, feed.BadSymbol) {
			t.Errorf("%q is %+v (%v)", native, got, err)
		}
	}
	if got, err := symbolOf(kucoin.Futures, "XBT-USDTM"); !errors.Is(err, feed.BadSymbol) {
		t.Errorf("XBT-USDTM is %+v (%v)", got, err)
	}
}

// The venue's own list of instruments says what base and quote are; one is written in small letters too.
func TestListedInstruments(t *testing.T) {
	f, err := os.Open(feedtest.Data(t, "instruments/instruments_sample.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	found := 0
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var in struct{ Exchange, Market, Symbol, Base, Quote string }
		if err := json.Unmarshal(lines.Bytes(), &in); err != nil {
			t.Fatal(err)
		}
		if in.Exchange != "kucoin" {
			continue
		}
		if s, err := symbolOf(kucoin.Spot, in.Symbol); err != nil || s.Base != in.Base && in.Base != "LYXe" || s.Quote != in.Quote {
			t.Errorf("%s is of %s and %s, found %+v (%v)", in.Symbol, in.Base, in.Quote, s, err)
		}
		found++
	}
	if found != 10 {
		t.Errorf("the list has %d instruments", found)
	}
}
