package okx_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/feedtest"
	"tapedeck/feed/venue/okx"
	"tapedeck/market"
	"tapedeck/snapshot"
)

func FuzzOKX(f *testing.F) { feedtest.Fuzz(f, okx.Format, "testdata/okx") }

// decode decodes one record with a new decoder, and must.
func decode(t *testing.T, value string) []market.Event {
	t.Helper()
	var b market.Batch
	if err := okx.Format.New(feed.DefaultOptions()).Decode(&b, &feed.Record{Value: []byte(value)}); err != nil {
		t.Fatalf("%s: %v", value, err)
	}
	return b.Events
}

// The answer to a ping is the one message that is no JSON.
func TestPong(t *testing.T) {
	var b market.Batch
	err := okx.Format.New(feed.DefaultOptions()).Decode(&b, &feed.Record{Value: []byte("pong")})
	if !errors.Is(err, feed.Ignored) {
		t.Error(err)
	}
}

func symbolOf(t *testing.T, native string) *market.Symbol {
	t.Helper()
	return decode(t, `{"arg":{"channel":"mark-price"},"data":[{"instId":"`+native+`","markPx":"1","ts":"1700000000085"}]}`)[0].Symbol
}

func TestSymbols(t *testing.T) {
	for _, want := range []market.Symbol{
		{Native: "BTC-USDT", Name: "BTC-USDT", Base: "BTC", Quote: "USDT", Kind: market.Spot},
		{Native: "1INCH-USDC", Name: "1INCH-USDC", Base: "1INCH", Quote: "USDC", Kind: market.Spot},
		{Native: "BTC-USDT-SWAP", Name: "BTC-USDT-SWAP", Base: "BTC", Quote: "USDT", Kind: market.Perpetual},
		{Native: "BTC-USD-SWAP", Name: "BTC-USD-SWAP", Base: "BTC", Quote: "USD", Kind: market.Perpetual},
		{Native: "BTC-USD_UM-SWAP", Name: "BTC-USD_UM-SWAP", Base: "BTC", Quote: "USD", Kind: market.Perpetual},
		{Native: "BTC-USD-220527", Name: "BTC-USD-220527", Base: "BTC", Quote: "USD", Kind: market.Future},
		{Native: "ETH-USD-220624-20000-C", Name: "ETH-USD-220624-20000-C", Base: "ETH", Quote: "USD", Kind: market.Option},
	} {
		want.Venue = "OKX"
		if got := symbolOf(t, want.Native); *got != want {
			t.Errorf("%s is %+v, want %+v", want.Native, *got, want)
		}
	}
	for _, native := range []string{"", "BTC", "BTC-", "-USDT", "BTC-USDT-", "BTC-USDT-SWOP", "BTC-USD-2205", "BTC-USD-220624-1-X", "BTC-USDT_BTC-USDT-SWAP", "B*C-USDT"} {
		var b market.Batch
		value := `{"arg":{"channel":"mark-price","instId":"` + native + `"},"data":[{"markPx":"1","ts":"1700000000085"}]}`
		if err := okx.Format.New(feed.DefaultOptions()).Decode(&b, &feed.Record{Value: []byte(value)}); !errors.Is(err, feed.BadSymbol) {
			t.Errorf("%q: %v", native, err)
		}
	}
}

// The venue's own list of instruments says what base, quote and kind are; no two have one name.
func TestListedInstruments(t *testing.T) {
	kinds := map[string]market.Kind{"spot": market.Spot, "swap": market.Perpetual, "futures": market.Future, "option": market.Option}
	f, err := os.Open(feedtest.Data(t, "instruments/instruments_sample.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	named := map[string]bool{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var in struct{ Exchange, Market, Symbol, Base, Quote string }
		if err := json.Unmarshal(lines.Bytes(), &in); err != nil {
			t.Fatal(err)
		}
		if in.Exchange != "okx" {
			continue
		}
		s := symbolOf(t, in.Symbol)
		if s.Base != in.Base || s.Quote != in.Quote || s.Kind != kinds[in.Market] || named[s.Name] {
			t.Errorf("%s %s is of %s and %s, found %+v", in.Market, in.Symbol, in.Base, in.Quote, *s)
		}
		named[s.Name] = true
	}
	if len(named) < 40 {
		t.Errorf("the list has %d instruments only", len(named))
	}
}

// Books with ids and without checksums, as they are today.
func TestContinuity(t *testing.T) {
	for name, run := range map[string]func(r *room){
		"the ids leap": func(r *room) { r.snap(100, 1).is(100).diff(107, 100, 2).is(107).diff(150, 107, 3).is(150) },
		"nothing new":  func(r *room) { r.snap(100, 1).diff(100, 100, 2).is(100).diff(103, 100, 3).diff(103, 103, 9).is(103) },
		"a hole": func(r *room) {
			r.snap(100, 1).diff(107, 100, 2).diff(120, 110, 3).is(0).diff(121, 120, 4).is(0).snap(130, 5).is(130)
		},
		"a hole behind the snapshot":   func(r *room) { r.snap(100, 1).diff(107, 103, 2).is(0) },
		"a change before any snapshot": func(r *room) { r.diff(107, 103, 2).is(0).snap(110, 3).is(110).diff(111, 110, 4).is(111) },
		"doubled messages": func(r *room) {
			r.snap(100, 1).diff(107, 100, 2).diff(107, 100, 2).is(107).diff(109, 107, 3).diff(107, 100, 2).is(109)
		},
		"a second, older snapshot": func(r *room) {
			r.snap(100, 1).diff(107, 100, 2).diff(109, 107, 3).snap(107, 2).is(109).diff(110, 109, 4).is(110)
		},
		"ids set back, told": func(r *room) {
			r.snap(100, 1).diff(107, 100, 2).diff(3, 107, 3).is(3).diff(5, 3, 4).is(5).diff(5, 3, 4).is(5)
		},
		"ids set back, unseen": func(r *room) {
			r.snap(100, 1).diff(107, 100, 2).diff(5, 3, 4).is(0).snap(6, 5).is(6).diff(8, 6, 6).is(8)
		},
		"ids set back by a new server": func(r *room) {
			r.snap(100, 1).diff(107, 100, 2).snap(5, 4).is(5).diff(8, 5, 5).is(8).diff(9, 8, 6).is(9)
		},
		"the best five, alone":          func(r *room) { r.five(3).is(3).five(4).is(4) },
		"the best five, beside a whole": func(r *room) { r.snap(100, 1).five(3).is(100).diff(107, 100, 4).is(107).five(5).is(107) },
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
	return &room{t, okx.Format.New(feed.DefaultOptions()), snapshot.NewBook(snapshot.DefaultLimits, snapshot.Origin{}).(*snapshot.Book)}
}

func (r *room) snap(id, ms int) *room { return r.message("books", `"action":"snapshot",`, id, -1, ms) }
func (r *room) diff(id, prev, ms int) *room {
	return r.message("books", `"action":"update",`, id, prev, ms)
}
func (r *room) five(ms int) *room { return r.message("books5", "", ms, -1, ms) }

func (r *room) message(channel, action string, id, prev, ms int) *room {
	r.t.Helper()
	levels := fmt.Sprintf(`"bids":[["1","%d","0","1"]],"asks":[["2","%d","0","1"]]`, id, id)
	if id == prev {
		levels = `"bids":[],"asks":[]`
	}
	value := fmt.Sprintf(`{"arg":{"channel":%q,"instId":"BTC-USDT"},%s"data":[{%s,"ts":"%d","checksum":0,"prevSeqId":%d,"seqId":%d}]}`,
		channel, action, levels, 1700000000000+ms, prev, id)
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

// With the answer to a subscription comes the newest trade from before it, which is no live one.
func TestTradesOfThePast(t *testing.T) {
	d := okx.Format.New(feed.DefaultOptions())
	for i, step := range []struct {
		received int64 // ms after the first
		value    string
		told     bool
	}{
		{0, `{"event":"subscribe","arg":{"channel":"trades","instId":"BTC-USDT"}}`, false},
		{1, trade(7, -500), false},
		{2, trade(8, 1), true},
		{3, trade(9, -1), true}, // it took its time
		{10, `{"event":"subscribe","arg":{"channel":"trades","instId":"BTC-USDT"}}`, false},
		{30, trade(10, 29), true}, // none came with the answer
		{31, trade(10, 29), false},
		{40, `{"event":"subscribe","arg":{"channel":"trades","instId":"BTC-USDT"}}`, false},
		{41, trade(12, 35), false},
		{42, trade(13, 41), true},
		{50, `{"event":"subscribe","arg":{"channel":"tickers","instId":"BTC-USDT"}}`, false},
		{51, trade(14, 49), true},
	} {
		var b market.Batch
		err := d.Decode(&b, &feed.Record{Time: (1700000000000 + step.received) * 1000, Value: []byte(step.value)})
		if told := err == nil; told != step.told || !told && !errors.Is(err, feed.Ignored) {
			t.Errorf("step %d is told: %v (%v)", i, told, err)
		}
	}
}

func trade(id, ms int) string {
	return fmt.Sprintf(`{"arg":{"channel":"trades","instId":"BTC-USDT"},"data":[{"instId":"BTC-USDT","tradeId":"%d","px":"1","sz":"1","side":"buy","ts":"%d"}]}`, id, 1700000000000+ms)
}
