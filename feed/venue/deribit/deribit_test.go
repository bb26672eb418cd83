package deribit_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/feedtest"
	"tapedeck/feed/venue/deribit"
	"tapedeck/market"
	"tapedeck/snapshot"
)

func symbolOf(t *testing.T, native string) (market.Symbol, error) {
	t.Helper()
	var b market.Batch
	value := fmt.Appendf(nil, `{"method":"subscription","params":{"channel":"quote.x","data":{"timestamp":1700000000000,"instrument_name":%q}}}`, native)
	if err := deribit.Format.New(feed.DefaultOptions()).Decode(&b, &feed.Record{Value: value}); err != nil {
		return market.Symbol{}, err
	}
	return *b.Events[0].Symbol, nil
}

func TestSymbols(t *testing.T) {
	for _, test := range []struct {
		native, name, base, quote string
		kind                      market.Kind
	}{
		{"BTC-PERPETUAL", "BTC-USD", "BTC", "USD", market.Perpetual},
		{"BTC_USDC-PERPETUAL", "BTC-USDC", "BTC", "USDC", market.Perpetual},
		{"BTC_USDC", "BTC_USDC", "BTC", "USDC", market.Spot},
		{"BTC-3JUN22", "BTC-3JUN22", "BTC", "USD", market.Future},
		{"BTC_USDC-24SEP24", "BTC_USDC-24SEP24", "BTC", "USDC", market.Future},
		{"BTC-24SEP21-34000-P", "BTC-24SEP21-34000-P", "BTC", "USD", market.Option},
		{"XRP_USDC-30JUN23-0d625-C", "XRP_USDC-30JUN23-0d625-C", "XRP", "USDC", market.Option},
		{"BTC-FS-24SEP21_PERP", "BTC-FS-24SEP21_PERP", "BTC", "USD", market.Future},
		{"BTC-STRG-21APR22-50000_60000", "BTC-STRG-21APR22-50000_60000", "BTC", "USD", market.Option},
	} {
		want := market.Symbol{Venue: "DERIBIT", Name: test.name, Native: test.native, Base: test.base, Quote: test.quote, Kind: test.kind}
		if got, err := symbolOf(t, test.native); got != want {
			t.Errorf("%s is %+v, %v, want %+v", test.native, got, err, want)
		}
	}
	for _, native := range []string{"BTC", "BTC-USD", "BTC-USDC", "BTC-24XXX21", "-PERPETUAL", "_USDC-PERPETUAL", "BTC_-PERPETUAL", "BTC--P", "BTC-PERPETUAL-"} {
		if got, err := symbolOf(t, native); err == nil {
			t.Errorf("%q was taken as %+v", native, got)
		}
	}
}

// The venue's own list of instruments says what base, quote and kind are; no two have one name.
func TestListedInstruments(t *testing.T) {
	kinds := map[string]market.Kind{"option": market.Option, "future": market.Future, "future_perpetual": market.Perpetual, "spot": market.Spot}
	f, err := os.Open(feedtest.Data(t, "instruments/instruments_sample.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	named := map[string]string{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var in struct{ Exchange, Market, Symbol, Pair string }
		if err := json.Unmarshal(lines.Bytes(), &in); err != nil {
			t.Fatal(err)
		}
		if in.Exchange != "deribit" {
			continue
		}
		s, err := symbolOf(t, in.Symbol)
		if kind, known := kinds[in.Market]; err != nil || s.Base+"/"+s.Quote != in.Pair || s.Kind != kind || !known {
			t.Errorf("%s is %+v, %v, want a %s of %s", in.Symbol, s, err, in.Market, in.Pair)
		}
		if other, twice := named[s.Name]; twice {
			t.Errorf("%s and %s are both called %s", in.Symbol, other, s.Name)
		}
		named[s.Name] = in.Symbol
	}
	if len(named) == 0 {
		t.Error("no instrument of the venue is listed")
	}
}

// Cut books stand alone: no change is applied to one.
func TestCutBooks(t *testing.T) {
	d := deribit.Format.New(feed.DefaultOptions())
	book := snapshot.NewBook(snapshot.DefaultLimits, snapshot.Origin{})
	const head = `{"method":"subscription","params":{"channel":"book.BTC-PERPETUAL.`
	const data = `","data":{"timestamp":1700000000000,"instrument_name":"BTC-PERPETUAL","asks":[],`
	for i, test := range []struct {
		message string
		good    bool
	}{
		{head + `none.10.100ms` + data + `"change_id":5,"bids":[[1,1]]}}}`, true},
		{head + `none.10.100ms` + data + `"change_id":6,"bids":[[1,2]]}}}`, true},
		{head + `raw` + data + `"type":"change","prev_change_id":6,"change_id":7,"bids":[["new",2,1]]}}}`, false},
		{head + `raw` + data + `"type":"snapshot","change_id":7,"bids":[["new",2,1]]}}}`, true},
		{head + `none.10.100ms` + data + `"change_id":8,"bids":[[1,2]]}}}`, true},
		{head + `raw` + data + `"type":"change","prev_change_id":7,"change_id":8,"bids":[["delete",2,0]]}}}`, true},
		{head + `raw` + data + `"type":"change","prev_change_id":9,"change_id":10,"bids":[["new",2,1]]}}}`, false},
	} {
		var b market.Batch
		if err := d.Decode(&b, &feed.Record{Value: []byte(test.message)}); err != nil {
			t.Fatal(err)
		}
		book.Apply(&b.Events[0], snapshot.Cause{})
		if book.Good() != test.good {
			t.Errorf("after message %d the book is good: %v", i+1, book.Good())
		}
	}
}
