package bitmex_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/feedtest"
	"tapedeck/feed/venue/bitmex"
	"tapedeck/market"
	"tapedeck/snapshot"
)

func symbolOf(t *testing.T, native string) market.Symbol {
	t.Helper()
	var b market.Batch
	value := fmt.Appendf(nil, `{"table":"orderBookL2","action":"partial","filter":{"symbol":%q},"data":[]}`, native)
	if err := bitmex.Format.New(feed.DefaultOptions()).Decode(&b, &feed.Record{Value: value}); err != nil {
		t.Fatalf("%s: %v", native, err)
	}
	return *b.Events[0].Symbol
}

func TestSymbols(t *testing.T) {
	for _, test := range []struct {
		native, name, base, quote string
		kind                      market.Kind
	}{
		{"XBTUSD", "BTC-USD", "BTC", "USD", market.Perpetual},
		{"XBTUSDT", "BTC-USDT", "BTC", "USDT", market.Perpetual},
		{"ETHXBT", "ETH-BTC", "ETH", "BTC", market.Perpetual},
		{"ETHUSD_ETH", "ETHUSD_ETH", "ETH", "USD", market.Perpetual},
		{"XBT_USDT", "XBT_USDT", "BTC", "USDT", market.Spot},
		{"STETH_USDT", "STETH_USDT", "STETH", "USDT", market.Spot},
		{"XBTU21", "XBTU21", "BTC", "USD", market.Future},
		{"XRPU21", "XRPU21", "XRP", "BTC", market.Future},
		{"ETHUSDH24", "ETHUSDH24", "ETH", "USD", market.Future},
		{"DEFIMEXT", "DEFIMEXT", "", "", market.Perpetual},
	} {
		want := market.Symbol{Venue: "BITMEX", Name: test.name, Native: test.native, Base: test.base, Quote: test.quote, Kind: test.kind}
		if got := symbolOf(t, test.native); got != want {
			t.Errorf("%s is %+v, want %+v", test.native, got, want)
		}
	}
}

// The venue's own list of instruments says what base and quote are; no two have one name.
func TestListedInstruments(t *testing.T) {
	f, err := os.Open(feedtest.Data(t, "instruments/instruments_sample.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	named := map[string]string{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var in struct{ Exchange, Symbol, Pair, Typ string }
		if err := json.Unmarshal(lines.Bytes(), &in); err != nil {
			t.Fatal(err)
		}
		if in.Exchange != "bitmex" {
			continue
		}
		s := symbolOf(t, in.Symbol)
		if pair := s.Base + "/" + s.Quote; pair != in.Pair {
			t.Errorf("%s is of %s, want %s", in.Symbol, pair, in.Pair)
		}
		if dated := in.Typ == "FFCCSX"; dated != (s.Kind == market.Future) {
			t.Errorf("%s, of type %s, is a %s", in.Symbol, in.Typ, s.Kind)
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

// What a row does not repeat is remembered up to a limit; beyond it the book waits for a snapshot.
func TestUnknownRowBreaksTheBook(t *testing.T) {
	d := bitmex.Format.New(feed.DefaultOptions())
	book := snapshot.NewBook(snapshot.DefaultLimits, snapshot.Origin{})
	for i, test := range []struct {
		message string
		good    bool
	}{
		{`{"table":"orderBookL2","action":"partial","data":[{"symbol":"XBTUSD","id":1,"side":"Buy","size":1,"price":10}]}`, true},
		{`{"table":"orderBookL2","action":"update","data":[{"symbol":"XBTUSD","id":1,"side":"Buy","size":2}]}`, true},
		{`{"table":"orderBookL2","action":"insert","data":[{"symbol":"XBTUSD","id":1,"side":"Sell","size":3,"price":11}]}`, true},
		{`{"table":"orderBookL2","action":"delete","data":[{"symbol":"XBTUSD","id":1,"side":"Buy"}]}`, true},
		{`{"table":"orderBookL2","action":"update","data":[{"symbol":"XBTUSD","id":1,"side":"Sell","size":4}]}`, true},
		{`{"table":"orderBookL2","action":"update","data":[{"symbol":"XBTUSD","id":1,"side":"Buy","size":2}]}`, false},
		{`{"table":"orderBookL2","action":"insert","data":[{"symbol":"XBTUSD","id":2,"side":"Buy","size":2,"price":9}]}`, false},
		{`{"table":"orderBookL2","action":"partial","data":[{"symbol":"XBTUSD","id":7,"side":"Buy","size":1,"price":10}]}`, true},
		{`{"table":"orderBookL2","action":"update","data":[{"symbol":"XBTUSD","id":7,"side":"Buy","size":5}]}`, true},
		{`{"table":"orderBookL2","action":"update","data":[{"symbol":"XBTUSD","id":1,"side":"Sell","size":4}]}`, false},
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
