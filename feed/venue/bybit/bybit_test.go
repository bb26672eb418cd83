package bybit_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/feedtest"
	"tapedeck/feed/venue/bybit"
	"tapedeck/market"
	"tapedeck/snapshot"
)

func FuzzSpot(f *testing.F)    { feedtest.Fuzz(f, bybit.Spot, "testdata/bybit-spot") }
func FuzzLinear(f *testing.F)  { feedtest.Fuzz(f, bybit.Linear, "testdata/bybit-linear") }
func FuzzInverse(f *testing.F) { feedtest.Fuzz(f, bybit.Inverse, "testdata/bybit-inverse") }
func FuzzOption(f *testing.F)  { feedtest.Fuzz(f, bybit.Option, "testdata/bybit-option") }

// symbolOf returns the symbol that a format makes of a native name.
func symbolOf(f *feed.Format, native string) (market.Symbol, error) {
	value := fmt.Sprintf(`{"topic":"orderbook.1.%s","type":"snapshot","ts":1700000000100,"data":{"b":[["1","1"]],"a":[],"u":1}}`, native)
	var b market.Batch
	if err := f.New(feed.DefaultOptions()).Decode(&b, &feed.Record{Value: []byte(value)}); err != nil {
		return market.Symbol{}, err
	}
	return *b.Events[0].Symbol, nil
}

func TestSymbols(t *testing.T) {
	for _, test := range []struct {
		format *feed.Format
		want   market.Symbol
	}{
		{bybit.Spot, market.Symbol{Native: "BTCUSDT", Name: "BTC-USDT", Base: "BTC", Quote: "USDT"}},
		{bybit.Spot, market.Symbol{Native: "币安人生USDT", Name: "币安人生-USDT", Base: "币安人生", Quote: "USDT"}},
		{bybit.Spot, market.Symbol{Native: "TUSDUSDT", Name: "TUSD-USDT", Base: "TUSD", Quote: "USDT"}},
		{bybit.Spot, market.Symbol{Native: "BTCRLUSD", Name: "BTC-RLUSD", Base: "BTC", Quote: "RLUSD"}},
		{bybit.Spot, market.Symbol{Native: "BTCXYZ", Name: "BTCXYZ"}},
		{bybit.Linear, market.Symbol{Native: "BTCUSDT", Name: "BTC-USDT", Base: "BTC", Quote: "USDT", Kind: market.Perpetual}},
		{bybit.Linear, market.Symbol{Native: "BTCPERP", Name: "BTC-USDC", Base: "BTC", Quote: "USDC", Kind: market.Perpetual}},
		{bybit.Linear, market.Symbol{Native: "BTCUSDC", Name: "BTCUSDC", Kind: market.Perpetual}},
		{bybit.Linear, market.Symbol{Native: "BTC-6JUN25", Name: "BTC-6JUN25", Base: "BTC", Quote: "USDC", Kind: market.Future}},
		{bybit.Linear, market.Symbol{Native: "BTCUSDT-27JUN25", Name: "BTCUSDT-27JUN25", Base: "BTC", Quote: "USDT", Kind: market.Future}},
		{bybit.Inverse, market.Symbol{Native: "BTCUSD", Name: "BTC-USD", Base: "BTC", Quote: "USD", Kind: market.Perpetual}},
		{bybit.Inverse, market.Symbol{Native: "BTCUSDM25", Name: "BTCUSDM25", Base: "BTC", Quote: "USD", Kind: market.Future}},
		{bybit.Option, market.Symbol{Native: "BTC-6JAN23-17500-C", Name: "BTC-6JAN23-17500-C", Base: "BTC", Quote: "USD", Kind: market.Option}},
		{bybit.Option, market.Symbol{Native: "ETH-26DEC25-0.5-P-USDT", Name: "ETH-26DEC25-0.5-P-USDT", Base: "ETH", Quote: "USDT", Kind: market.Option}},
	} {
		test.want.Venue = test.format.Venue
		if got, err := symbolOf(test.format, test.want.Native); got != test.want || err != nil {
			t.Errorf("%s is %+v (%v), want %+v", test.want.Native, got, err, test.want)
		}
	}
	for native, f := range map[string]*feed.Format{
		"": bybit.Spot, "BTC-USDT": bybit.Spot, "B*C": bybit.Spot, "BTC-6ANF25": bybit.Linear, "-6JUN25": bybit.Linear, "BTC-PERP": bybit.Linear,
		"BTCUSDT": bybit.Inverse, "USD": bybit.Inverse, "BTCUSDB25": bybit.Inverse, "BTC-6JAN23-17500": bybit.Option, "BTC-6JAN23-17500-X": bybit.Option,
	} {
		if got, err := symbolOf(f, native); !errors.Is(err, feed.BadSymbol) {
			t.Errorf("%s: %q is %+v (%v)", f.Name, native, got, err)
		}
	}
}

// The venue's own list of instruments says what base and quote are.
func TestListedInstruments(t *testing.T) {
	f, err := os.Open(feedtest.Data(t, "instruments/instruments_sample.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	found := 0
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var in struct{ Exchange, Symbol, Base, Quote string }
		if err := json.Unmarshal(lines.Bytes(), &in); err != nil {
			t.Fatal(err)
		}
		if in.Exchange != "bybit" {
			continue
		}
		format := bybit.Linear
		if in.Quote == "USD" {
			format = bybit.Inverse
		}
		if s, err := symbolOf(format, in.Symbol); err != nil || s.Base != in.Base || s.Quote != in.Quote {
			t.Errorf("%s is of %s and %s, found %+v (%v)", in.Symbol, in.Base, in.Quote, s, err)
		}
		found++
	}
	if found != 10 {
		t.Errorf("the list has %d instruments", found)
	}
}

func TestContinuity(t *testing.T) {
	for name, run := range map[string]func(r *room){
		"one by one": func(r *room) { r.snap(50, 100, 1).is(100).diff(50, 101, 2).is(101).diff(50, 102, 3).is(102) },
		"a hole": func(r *room) {
			r.snap(50, 100, 1).diff(50, 101, 2).diff(50, 103, 4).is(0).diff(50, 104, 5).is(0).snap(50, 110, 6).is(110)
		},
		"a hole behind the snapshot":   func(r *room) { r.snap(50, 100, 1).diff(50, 102, 3).is(0) },
		"a change before any snapshot": func(r *room) { r.diff(50, 99, 1).is(0).snap(50, 100, 2).is(100).diff(50, 101, 3).is(101) },
		"doubled messages": func(r *room) {
			r.snap(50, 100, 1).diff(50, 101, 2).diff(50, 101, 2).is(101).diff(50, 102, 3).diff(50, 101, 2).is(102)
		},
		"the snapshot once more": func(r *room) {
			r.snap(50, 100, 1).diff(50, 101, 2).snap(50, 100, 1).is(101).diff(50, 102, 3).is(102)
		},
		"swapped with the snapshot": func(r *room) { r.diff(50, 101, 2).snap(50, 100, 1).is(101).diff(50, 102, 3).is(102) },
		"the service began again":   func(r *room) { r.snap(50, 100, 1).diff(50, 101, 2).snap(50, 1, 3).is(1).diff(50, 2, 4).is(2) },
		"it began again, unseen": func(r *room) {
			r.snap(50, 100, 1).diff(50, 101, 2).diff(50, 2, 4).is(0).snap(50, 9, 5).is(9).diff(50, 10, 6).is(10)
		},
		"two depths": func(r *room) {
			r.snap(50, 100, 1).snap(200, 7, 2).is(7).diff(50, 101, 3).is(7).diff(200, 8, 4).is(8).snap(50, 500, 5).is(8).diff(200, 9, 6).is(9)
		},
	} {
		t.Run(name, func(t *testing.T) {
			run(&room{t, bybit.Linear.New(feed.DefaultOptions()), snapshot.NewBook(snapshot.DefaultLimits, snapshot.Origin{}).(*snapshot.Book)})
		})
	}
}

// room follows a book whose every message makes all quantities its id.
type room struct {
	t       *testing.T
	decoder feed.Decoder
	book    *snapshot.Book
}

func (r *room) snap(depth, id, ms int) *room { return r.message("snapshot", depth, id, ms) }
func (r *room) diff(depth, id, ms int) *room { return r.message("delta", depth, id, ms) }

func (r *room) message(kind string, depth, id, ms int) *room {
	r.t.Helper()
	value := fmt.Sprintf(`{"topic":"orderbook.%d.BTCUSDT","type":%q,"ts":%d,"data":{"s":"BTCUSDT","b":[["1","%d"]],"a":[["2","%[4]d"]],"u":%[4]d,"seq":7}}`,
		depth, kind, 1700000000000+ms, id)
	var b market.Batch
	if err := r.decoder.Decode(&b, &feed.Record{Value: []byte(value)}); err != nil && !errors.Is(err, feed.Unused) {
		r.t.Fatalf("%s: %v", value, err)
	}
	for i := range b.Events {
		r.book.Apply(&b.Events[i], snapshot.Cause{})
	}
	return r
}

// is checks that the book is good and as it was at an id; 0: that it is not served.
func (r *room) is(id int) *room {
	r.t.Helper()
	if r.book.Good() != (id != 0) {
		r.t.Errorf("the book is good: %v", r.book.Good())
	}
	if !r.book.Good() || id == 0 {
		return r
	}
	body, _ := r.book.Full(0)
	if got := body.(*market.Book).Bids[0].Qty; !got.Equal(market.Int(int64(id))) {
		r.t.Errorf("the book is as it was at %s, want %d", got, id)
	}
	return r
}
