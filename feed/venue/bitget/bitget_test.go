package bitget_test

import (
	"errors"
	"fmt"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/feedtest"
	"tapedeck/feed/venue/bitget"
	"tapedeck/market"
	"tapedeck/snapshot"
)

func FuzzSpot(f *testing.F) { feedtest.Fuzz(f, bitget.Spot, "testdata/bitget") }
func FuzzUSDT(f *testing.F) { feedtest.Fuzz(f, bitget.USDT, "testdata/bitget-usdt") }
func FuzzUSDC(f *testing.F) { feedtest.Fuzz(f, bitget.USDC, "testdata/bitget-usdc") }
func FuzzCoin(f *testing.F) { feedtest.Fuzz(f, bitget.Coin, "testdata/bitget-coin") }

// The answer to a ping is the one message that is no JSON.
func TestPong(t *testing.T) {
	var b market.Batch
	if err := bitget.Spot.New(feed.DefaultOptions()).Decode(&b, &feed.Record{Value: []byte("pong")}); !errors.Is(err, feed.Ignored) {
		t.Error(err)
	}
}

// types are what messages call the formats' markets.
var types = map[*feed.Format]string{bitget.Spot: "SPOT", bitget.USDT: "USDT-FUTURES", bitget.USDC: "USDC-FUTURES", bitget.Coin: "COIN-FUTURES"}

// symbolOf returns the symbol that a format makes of a native name.
func symbolOf(f *feed.Format, native string) (market.Symbol, error) {
	value := fmt.Sprintf(`{"action":"snapshot","arg":{"instType":%q,"channel":"books1","instId":%q},"data":[{"asks":[],"bids":[["1","1"]],"ts":"1700000000100"}]}`, types[f], native)
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
		{bitget.Spot, market.Symbol{Native: "BTCUSDT", Name: "BTC-USDT", Base: "BTC", Quote: "USDT"}},
		{bitget.Spot, market.Symbol{Native: "币安人生USDT", Name: "币安人生-USDT", Base: "币安人生", Quote: "USDT"}},
		{bitget.Spot, market.Symbol{Native: "TUSDUSDT", Name: "TUSD-USDT", Base: "TUSD", Quote: "USDT"}},
		{bitget.Spot, market.Symbol{Native: "BTCXYZ", Name: "BTCXYZ"}},
		{bitget.USDT, market.Symbol{Native: "BTCUSDT", Name: "BTC-USDT", Base: "BTC", Quote: "USDT", Kind: market.Perpetual}},
		{bitget.USDT, market.Symbol{Native: "BTCUSDTM25", Name: "BTCUSDTM25", Base: "BTC", Quote: "USDT", Kind: market.Future}},
		{bitget.USDC, market.Symbol{Native: "BTCPERP", Name: "BTC-USDC", Base: "BTC", Quote: "USDC", Kind: market.Perpetual}},
		{bitget.Coin, market.Symbol{Native: "BTCUSD", Name: "BTC-USD", Base: "BTC", Quote: "USD", Kind: market.Perpetual}},
		{bitget.Coin, market.Symbol{Native: "BTCUSDZ24", Name: "BTCUSDZ24", Base: "BTC", Quote: "USD", Kind: market.Future}},
		{bitget.Coin, market.Symbol{Native: "BTCXYZ", Name: "BTCXYZ", Kind: market.Perpetual}},
	} {
		test.want.Venue = test.format.Venue
		if got, err := symbolOf(test.format, test.want.Native); got != test.want || err != nil {
			t.Errorf("%s is %+v (%v), want %+v", test.want.Native, got, err, test.want)
		}
	}
	for _, native := range []string{"", "BTC-USDT", "B*C"} {
		if got, err := symbolOf(bitget.Spot, native); !errors.Is(err, feed.BadSymbol) {
			t.Errorf("%q is %+v (%v)", native, got, err)
		}
	}
}

func TestContinuity(t *testing.T) {
	for name, run := range map[string]func(r *room){
		"the ids leap": func(r *room) { r.snap(100, 1).is(100).diff(107, 100, 2).is(107).diff(150, 107, 3).is(150) },
		"a hole": func(r *room) {
			r.snap(100, 1).diff(107, 100, 2).diff(120, 110, 3).is(0).diff(121, 120, 4).is(0).snap(130, 5).is(130)
		},
		"doubled messages": func(r *room) {
			r.snap(100, 1).diff(107, 100, 2).diff(107, 100, 2).is(107).diff(109, 107, 3).diff(107, 100, 2).is(109)
		},
		"a second, older snapshot": func(r *room) {
			r.snap(100, 1).diff(107, 100, 2).diff(109, 107, 3).snap(107, 2).is(109).diff(110, 109, 4).is(110)
		},
		"ids set back": func(r *room) {
			r.snap(100, 1).diff(107, 100, 2).diff(1, 0, 4).is(0).diff(3, 1, 5).is(0).snap(5, 6).is(5).diff(8, 5, 7).is(8)
		},
		"ids set back by a snapshot": func(r *room) {
			r.snap(100, 1).diff(107, 100, 2).snap(5, 4).is(5).diff(8, 5, 5).is(8).diff(9, 8, 6).is(9)
		},
		// without the id of the one before, a missing message is not seen
		"ids alone": func(r *room) { r.snap(100, 1).alone(107, 2).is(107).alone(150, 3).is(150).alone(107, 2).is(150) },
		"ids alone, set back": func(r *room) {
			r.snap(100, 1).alone(107, 2).is(107).alone(3, 3).is(0).alone(4, 4).is(0).snap(5, 5).is(5).alone(9, 6).is(9)
		},
		"ids alone, after a loss": func(r *room) {
			r.snap(100, 1).alone(107, 2).is(107)
			r.book.Lose()
			r.alone(150, 3).is(0).snap(160, 4).is(160)
		},
		"the best five, beside a whole": func(r *room) { r.five(1).is(1).snap(100, 1).five(3).is(100).diff(107, 100, 4).is(107).five(5).is(107) },
	} {
		t.Run(name, func(t *testing.T) { run(newRoom(t)) })
	}
}

// room follows a book whose every message makes all quantities its id.
type room struct {
	t       *testing.T
	decoder feed.Decoder
	book    *snapshot.Book
}

func newRoom(t *testing.T) *room {
	return &room{t, bitget.Spot.New(feed.DefaultOptions()), snapshot.NewBook(snapshot.DefaultLimits, snapshot.Origin{}).(*snapshot.Book)}
}

func (r *room) snap(id, ms int) *room  { return r.message("snapshot", "books", id, `"pseq":0,`, ms) }
func (r *room) alone(id, ms int) *room { return r.message("update", "books", id, "", ms) }
func (r *room) five(ms int) *room      { return r.message("snapshot", "books5", ms, "", ms) }
func (r *room) diff(id, prev, ms int) *room {
	return r.message("update", "books", id, fmt.Sprintf(`"pseq":%d,`, prev), ms)
}

func (r *room) message(action, channel string, id int, prev string, ms int) *room {
	r.t.Helper()
	value := fmt.Sprintf(`{"action":%q,"arg":{"instType":"SPOT","channel":%q,"instId":"BTCUSDT"},"data":[{"asks":[["2","%d"]],"bids":[["1","%[3]d"]],"checksum":0,"seq":%[3]d,%sts":"%d"}]}`,
		action, channel, id, prev+`"`, 1700000000000+ms)
	var b market.Batch
	if err := r.decoder.Decode(&b, &feed.Record{Value: []byte(value)}); err != nil {
		r.t.Fatalf("%s: %v", value, err)
	}
	r.book.Apply(&b.Events[0], snapshot.Cause{})
	return r
}

// is checks that the book is good and as it was at an id; 0: that it is not served.
func (r *room) is(id int) *room {
	r.t.Helper()
	if r.book.Good() != (id != 0) {
		r.t.Errorf("the book is good: %v, want it as it was at %d", r.book.Good(), id)
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
