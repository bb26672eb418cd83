package gate_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/feedtest"
	"tapedeck/feed/venue/gate"
	"tapedeck/market"
	"tapedeck/snapshot"
)

func FuzzSpot(f *testing.F)    { feedtest.Fuzz(f, gate.Spot, "testdata/gate") }
func FuzzFutures(f *testing.F) { feedtest.Fuzz(f, gate.Futures, "testdata/gate-futures") }

// symbolOf returns the symbol that a format makes of a native name.
func symbolOf(f *feed.Format, native string) (market.Symbol, error) {
	channel := "spot"
	if f == gate.Futures {
		channel = "futures"
	}
	value := fmt.Sprintf(`{"time_ms":1700000000723,"channel":"%s.book_ticker","event":"update","result":{"t":1700000000710,"s":%q,"b":"1","B":1,"a":"2","A":1}}`, channel, native)
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
		{gate.Spot, market.Symbol{Native: "BTC_USDT", Name: "BTC-USDT", Base: "BTC", Quote: "USDT"}},
		{gate.Spot, market.Symbol{Native: "币安人生_USDT", Name: "币安人生-USDT", Base: "币安人生", Quote: "USDT"}},
		{gate.Spot, market.Symbol{Native: "QTUM3S_USDT", Name: "QTUM3S-USDT", Base: "QTUM3S", Quote: "USDT"}},
		{gate.Futures, market.Symbol{Native: "BTC_USDT", Name: "BTC-USDT", Base: "BTC", Quote: "USDT", Kind: market.Perpetual}},
		{gate.Futures, market.Symbol{Native: "BTC_USD", Name: "BTC-USD", Base: "BTC", Quote: "USD", Kind: market.Perpetual}},
		{gate.Futures, market.Symbol{Native: "BTC_USDT_20241227", Name: "BTC_USDT_20241227", Base: "BTC", Quote: "USDT", Kind: market.Future}},
	} {
		test.want.Venue = test.format.Venue
		if got, err := symbolOf(test.format, test.want.Native); got != test.want || err != nil {
			t.Errorf("%s is %+v (%v), want %+v", test.want.Native, got, err, test.want)
		}
	}
	for native, f := range map[string]*feed.Format{
		"BTC": gate.Spot, "BTC_": gate.Spot, "_USDT": gate.Spot, "BTC_USDT_20241227": gate.Spot, "B*C_USDT": gate.Spot, "BTC-USDT": gate.Spot,
		"BTC_USDT_2024122": gate.Futures, "_USDT_20241227": gate.Futures,
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
		if in.Exchange != "gateio" {
			continue
		}
		if s, err := symbolOf(gate.Spot, in.Symbol); err != nil || s.Base != in.Base || s.Quote != in.Quote {
			t.Errorf("%s is of %s and %s, found %+v (%v)", in.Symbol, in.Base, in.Quote, s, err)
		}
		found++
	}
	if found != 10 {
		t.Errorf("the list has %d instruments", found)
	}
}

// Books that come by their channel, of one depth or several, with the other streams of the same symbol beside them.
func TestDepths(t *testing.T) {
	for name, run := range map[string]func(r *room){
		"one":    func(r *room) { r.full(50, 100).is(100).diff(50, 101, 103).is(103).diff(50, 104, 104).is(104) },
		"a hole": func(r *room) { r.full(50, 100).diff(50, 102, 103).is(0).diff(50, 104, 104).is(0).full(50, 110).is(110) },
		"two": func(r *room) {
			r.full(50, 100).full(400, 101).is(101).diff(50, 102, 103).is(101).diff(400, 102, 104).is(104).full(50, 105).is(104).diff(400, 105, 105).is(105)
		},
		"beside cut ones": func(r *room) { r.cut(99).is(99).full(50, 100).is(100).cut(105).is(100).diff(50, 101, 106).is(106) },
	} {
		t.Run(name, func(t *testing.T) {
			run(&room{t, gate.Spot.New(feed.DefaultOptions()), snapshot.NewBook(snapshot.DefaultLimits, snapshot.Origin{}).(*snapshot.Book)})
		})
	}
}

// room follows a book whose every message makes all quantities its id.
type room struct {
	t       *testing.T
	decoder feed.Decoder
	book    *snapshot.Book
}

func (r *room) full(depth, id int) *room {
	return r.message(fmt.Sprintf(`{"channel":"spot.obu","event":"update","time_ms":1700000000290,"result":{"t":1700000000280,"full":true,"s":"ob.BTC_USDT.%d","u":%d,"b":[["1","%[2]d"]],"a":[["2","%[2]d"]]}}`, depth, id))
}

func (r *room) diff(depth, first, last int) *room {
	return r.message(fmt.Sprintf(`{"channel":"spot.obu","event":"update","time_ms":1700000000290,"result":{"t":1700000000280,"s":"ob.BTC_USDT.%d","U":%d,"u":%d,"b":[["1","%[3]d"]],"a":[["2","%[3]d"]]}}`, depth, first, last))
}

func (r *room) cut(id int) *room {
	return r.message(fmt.Sprintf(`{"channel":"spot.order_book","event":"update","time_ms":1700000000290,"result":{"t":1700000000280,"s":"BTC_USDT","lastUpdateId":%d,"bids":[["1","%[1]d"]],"asks":[["2","%[1]d"]]}}`, id))
}

func (r *room) message(value string) *room {
	r.t.Helper()
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
