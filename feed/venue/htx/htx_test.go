package htx_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/feedtest"
	"tapedeck/feed/venue/htx"
	"tapedeck/market"
	"tapedeck/snapshot"
)

func FuzzSpot(f *testing.F) { feedtest.Fuzz(f, htx.Spot, "testdata/htx") }
func FuzzSwap(f *testing.F) { feedtest.Fuzz(f, htx.Swap, "testdata/htx-swap") }

// symbolOf returns the symbol that a format makes of a native name.
func symbolOf(f *feed.Format, native string) (market.Symbol, error) {
	value := fmt.Sprintf(`{"ch":"market.%s.detail","ts":1700000000528,"tick":{"close":1}}`, native)
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
		{htx.Spot, market.Symbol{Native: "btcusdt", Name: "BTC-USDT", Base: "BTC", Quote: "USDT"}},
		{htx.Spot, market.Symbol{Native: "htxusdt", Name: "HTX-USDT", Base: "HTX", Quote: "USDT"}},
		{htx.Spot, market.Symbol{Native: "btchtx", Name: "BTC-HTX", Base: "BTC", Quote: "HTX"}},
		{htx.Spot, market.Symbol{Native: "btc3lusdt", Name: "BTC3L-USDT", Base: "BTC3L", Quote: "USDT"}},
		{htx.Spot, market.Symbol{Native: "wbtcbtc", Name: "WBTC-BTC", Base: "WBTC", Quote: "BTC"}},
		{htx.Spot, market.Symbol{Native: "usdtxyz", Name: "usdtxyz"}},
		{htx.Spot, market.Symbol{Native: "币安人生usdt", Name: "币安人生-USDT", Base: "币安人生", Quote: "USDT"}},
		{htx.Swap, market.Symbol{Native: "BTC-USDT", Name: "BTC-USDT", Base: "BTC", Quote: "USDT", Kind: market.Perpetual}},
		{htx.Swap, market.Symbol{Native: "BTC-USD", Name: "BTC-USD", Base: "BTC", Quote: "USD", Kind: market.Perpetual}},
		{htx.Swap, market.Symbol{Native: "BTC-USDT-240628", Name: "BTC-USDT-240628", Base: "BTC", Quote: "USDT", Kind: market.Future}},
		{htx.Swap, market.Symbol{Native: "BTC-USDT-CQ", Name: "BTC-USDT-CQ", Base: "BTC", Quote: "USDT", Kind: market.Future}},
	} {
		test.want.Venue = test.format.Venue
		if got, err := symbolOf(test.format, test.want.Native); got != test.want || err != nil {
			t.Errorf("%s is %+v (%v), want %+v", test.want.Native, got, err, test.want)
		}
	}
	for native, f := range map[string]*feed.Format{
		"BTCUSDT": htx.Spot, "btc-usdt": htx.Spot, "": htx.Spot, "b*usdt": htx.Spot, strings.Repeat("b", 41): htx.Spot,
		"BTC": htx.Swap, "BTC-": htx.Swap, "-USDT": htx.Swap, "btc-usd": htx.Swap, "BTC_CQ": htx.Swap, "A-B-C-D": htx.Swap,
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
		if in.Exchange != "htx" {
			continue
		}
		if s, err := symbolOf(htx.Spot, in.Symbol); err != nil || s.Base != strings.ToUpper(in.Base) || s.Quote != strings.ToUpper(in.Quote) {
			t.Errorf("%s is of %s and %s, found %+v (%v)", in.Symbol, in.Base, in.Quote, s, err)
		}
		found++
	}
	if found != 10 {
		t.Errorf("the list has %d instruments", found)
	}
}

// Books that come by changes: asked for, by the channel, of several depths, and with whole ones beside them.
func TestContinuity(t *testing.T) {
	for name, run := range map[string]func(r *room){
		"asked for": func(r *room) {
			r.ask(150, 100).is(0).change(150, 100, 103).is(103).change(150, 103, 110).is(110)
		},
		"a hole": func(r *room) {
			r.ask(150, 100).change(150, 100, 103).change(150, 104, 105).is(0).ask(150, 105).is(105)
		},
		"asked for in between": func(r *room) {
			r.change(150, 90, 95).change(150, 95, 99).change(150, 99, 103).is(0).ask(150, 101).is(103).change(150, 103, 104).is(104)
		},
		"beside whole ones": func(r *room) {
			r.step(90).is(90).ask(150, 100).is(100).step(101).is(100).change(150, 100, 103).step(104).is(103)
		},
		"two depths": func(r *room) {
			r.ask(20, 100).change(20, 100, 101).is(101).change(150, 90, 103).is(0).ask(150, 103).is(103).change(20, 101, 104).is(103).change(150, 103, 104).is(104)
		},
		"by the channel": func(r *room) {
			r.full(20, 100, 1).is(100).update(20, 101, 2).is(101).update(20, 103, 3).is(0).update(20, 104, 4).full(20, 7, 5).is(7).update(20, 8, 6).is(8)
		},
		"another connection": func(r *room) { r.full(20, 100, 1).update(20, 101, 2).full(20, 7, 3).is(7).update(20, 8, 4).is(8) },
		"doubled": func(r *room) {
			r.full(20, 100, 1).update(20, 101, 2).update(20, 101, 2).is(101).full(20, 100, 1).is(101)
		},
	} {
		t.Run(name, func(t *testing.T) {
			book := snapshot.NewBook(snapshot.DefaultLimits, snapshot.Origin{}).(*snapshot.Book)
			run(&room{t, htx.Spot.New(feed.DefaultOptions()), htx.Swap.New(feed.DefaultOptions()), book})
		})
	}
}

// room follows a book, of spot or of a swap, whose every message makes all quantities its id.
type room struct {
	t          *testing.T
	spot, swap feed.Decoder
	book       *snapshot.Book
}

func (r *room) ask(depth, id int) *room {
	return r.message(r.spot, fmt.Sprintf(`{"rep":"market.btcusdt.mbp.%d","status":"ok","data":{"seqNum":%d,"bids":[[1,%[2]d]],"asks":[[2,%[2]d]]}}`, depth, id))
}

func (r *room) change(depth, prev, id int) *room {
	return r.message(r.spot, fmt.Sprintf(`{"ch":"market.btcusdt.mbp.%d","ts":1700000000000,"tick":{"seqNum":%d,"prevSeqNum":%d,"bids":[[1,%[2]d]],"asks":[[2,%[2]d]]}}`, depth, id, prev))
}

func (r *room) step(id int) *room {
	return r.message(r.spot, fmt.Sprintf(`{"ch":"market.btcusdt.depth.step0","ts":1700000000000,"tick":{"version":%d,"ts":%d,"bids":[[1,%[1]d]],"asks":[[2,%[1]d]]}}`, id, 1700000000000+id))
}

func (r *room) full(depth, id, ms int) *room   { return r.frequent("snapshot", depth, id, ms) }
func (r *room) update(depth, id, ms int) *room { return r.frequent("update", depth, id, ms) }

func (r *room) frequent(event string, depth, id, ms int) *room {
	return r.message(r.swap, fmt.Sprintf(`{"ch":"market.BTC-USDT.depth.size_%d.high_freq","ts":1700000000000,"tick":{"event":%q,"version":%d,"ts":%d,"bids":[[1,%[3]d]],"asks":[[2,%[3]d]]}}`,
		depth, event, id, 1700000000000+ms))
}

func (r *room) message(d feed.Decoder, value string) *room {
	r.t.Helper()
	var b market.Batch
	if err := d.Decode(&b, &feed.Record{Value: []byte(value)}); err != nil && !errors.Is(err, feed.Unused) {
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
