package binance_test

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
	"tapedeck/feed/venue/binance"
	"tapedeck/market"
	"tapedeck/snapshot"
)

// decode decodes one record with a new decoder, and must.
func decode(t *testing.T, f *feed.Format, key, value string) market.Event {
	t.Helper()
	var b market.Batch
	if err := f.New(feed.DefaultOptions()).Decode(&b, &feed.Record{Key: []byte(key), Value: []byte(value)}); err != nil {
		t.Fatalf("%s: %v", value, err)
	}
	return b.Events[0]
}

func symbolOf(t *testing.T, f *feed.Format, native string) *market.Symbol {
	t.Helper()
	value := fmt.Sprintf(`{"e":"bookTicker","u":1,"s":%q,"b":"1","B":"1","a":"2","A":"1"}`, native)
	return decode(t, f, "", value).Symbol
}

func TestSymbols(t *testing.T) {
	for _, test := range []struct {
		f                         *feed.Format
		native, name, base, quote string
		kind                      market.Kind
	}{
		{binance.Spot, "BTCUSDT", "BTC-USDT", "BTC", "USDT", market.Spot},
		{binance.Spot, "ETHBTC", "ETH-BTC", "ETH", "BTC", market.Spot},
		{binance.Spot, "USDTTRY", "USDT-TRY", "USDT", "TRY", market.Spot},
		{binance.Spot, "FDUSDUSDT", "FDUSD-USDT", "FDUSD", "USDT", market.Spot},
		{binance.Spot, "BTCFDUSD", "BTC-FDUSD", "BTC", "FDUSD", market.Spot},
		{binance.Spot, "ETHTUSD", "ETH-TUSD", "ETH", "TUSD", market.Spot},
		{binance.Spot, "1000SATSUSDC", "1000SATS-USDC", "1000SATS", "USDC", market.Spot},
		{binance.Spot, "USDT", "USDT", "", "", market.Spot}, // a quote alone has no base
		{binance.Spot, "BTCXXX", "BTCXXX", "", "", market.Spot},
		{binance.USDM, "BTCUSDT", "BTC-USDT", "BTC", "USDT", market.Perpetual},
		{binance.USDM, "ETHBTC", "ETH-BTC", "ETH", "BTC", market.Perpetual},
		{binance.USDM, "BTCUSDT_240927", "BTCUSDT_240927", "BTC", "USDT", market.Future},
		{binance.USDM, "BTCUSD_PERP", "BTCUSD_PERP", "", "", market.Perpetual},
		{binance.COINM, "BTCUSD_PERP", "BTCUSD_PERP", "BTC", "USD", market.Perpetual},
		{binance.COINM, "BTCUSD_240927", "BTCUSD_240927", "BTC", "USD", market.Future},
		{binance.COINM, "BTCUSD", "BTCUSD", "BTC", "USD", market.Perpetual},
	} {
		got := symbolOf(t, test.f, test.native)
		want := market.Symbol{Venue: test.f.Venue, Name: test.name, Native: test.native, Base: test.base, Quote: test.quote, Kind: test.kind}
		if *got != want {
			t.Errorf("%s at %s is %+v, want %+v", test.native, test.f.Venue, *got, want)
		}
	}
}

// The venue's own lists of instruments say what base and quote are; no two have one name.
func TestListedInstruments(t *testing.T) {
	formats := map[string]*feed.Format{
		"spot": binance.Spot, "usdm": binance.USDM, "usdm_future": binance.USDM, "coinm": binance.COINM, "coinm_future": binance.COINM,
	}
	f, err := os.Open(feedtest.Data(t, "instruments/instruments_sample.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	named := map[string]string{}
	n := 0
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var in struct{ Exchange, Market, Symbol, Base, Quote string }
		if err := json.Unmarshal(lines.Bytes(), &in); err != nil {
			t.Fatal(err)
		}
		format := formats[in.Market]
		if in.Exchange != "binance" || format == nil {
			continue
		}
		n++
		s := symbolOf(t, format, in.Symbol)
		if s.Base != in.Base || s.Quote != in.Quote {
			t.Errorf("%s %s is of %s and %s, found %s and %s", in.Market, in.Symbol, in.Base, in.Quote, s.Base, s.Quote)
		}
		if other, twice := named[s.Venue+" "+s.Name]; twice && other != s.Native {
			t.Errorf("%s and %s are both called %s", other, s.Native, s.Name)
		}
		named[s.Venue+" "+s.Name] = s.Native
		if dated := strings.ContainsAny(in.Symbol, "_") && !strings.HasSuffix(in.Symbol, "_PERP"); dated != (s.Kind == market.Future) {
			t.Errorf("%s is a %s", in.Symbol, s.Kind)
		}
	}
	if n < 40 {
		t.Errorf("the lists have %d instruments only", n)
	}
}

// A topic that invents symbols is refused the ones that are too many; those that are known go on.
func TestSymbolsAreBounded(t *testing.T) {
	d := binance.Spot.New(feed.DefaultOptions())
	var b market.Batch
	quote := func(native string) error {
		b.Reset()
		return d.Decode(&b, &feed.Record{Value: []byte(`{"u":1,"s":"` + native + `","b":"1","B":"1","a":"2","A":"1"}`)})
	}
	for i := range feed.MaxSymbols {
		if err := quote(fmt.Sprint("A", i, "USDT")); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 100 {
		if err := quote(fmt.Sprint("B", i, "USDT")); !errors.Is(err, feed.BadSymbol) {
			t.Fatalf("symbol %d: %v", feed.MaxSymbols+i, err)
		}
	}
	if err := quote("A7USDT"); err != nil || b.Events[0].Symbol.Native != "A7USDT" {
		t.Errorf("a known symbol: %v", err)
	}
}

func TestOnly(t *testing.T) {
	asked := map[string]int{}
	o := feed.DefaultOptions()
	o.Only = func(s *market.Symbol) bool { asked[s.Venue+" "+s.Name]++; return s.Base == "BTC" }
	d := binance.Spot.New(o)
	const ticker = `{"e":"24hrMiniTicker","E":1700000000999,"s":%q,"c":"1","o":"1","h":"1","l":"1","v":"1","q":"1"}`
	eth, btc := fmt.Sprintf(ticker, "ETHUSDT"), fmt.Sprintf(ticker, "BTCUSDT")
	for value, want := range map[string]struct {
		err    error
		events int
	}{
		eth: {feed.Unused, 0}, btc: {nil, 1}, "[" + eth + "," + btc + "]": {nil, 1}, "[" + eth + "," + eth + "]": {feed.Unused, 0},
	} {
		for range 2 {
			var b market.Batch
			if err := d.Decode(&b, &feed.Record{Value: []byte(value)}); !errors.Is(err, want.err) || len(b.Events) != want.events {
				t.Errorf("%s: %v and %d events, want %v and %d", value, err, len(b.Events), want.err, want.events)
			}
		}
	}
	if fmt.Sprint(asked) != "map[BINANCE BTC-USDT:1 BINANCE ETH-USDT:1]" {
		t.Errorf("asked %v", asked)
	}
}

// COIN-M's candles have no quote volume, and so no vwap: not one of 0.
func TestInverseCandleHasNoVWAP(t *testing.T) {
	const candle = `{"e":"kline","E":1700000042000,"s":"BTCUSD_PERP","k":{"t":1699999980000,"T":1700000039999,"s":"BTCUSD_PERP","i":"1m",` +
		`"o":"37000","c":"37010","h":"37015","l":"36990","v":"100","n":1,"x":true,"q":"0.27"}}`
	for f, want := range map[*feed.Format]bool{binance.USDM: true, binance.COINM: false} {
		m := snapshot.NewMinutes(snapshot.DefaultLimits, snapshot.Origin{Whole: true})
		ev := decode(t, f, "", candle)
		m.Apply(&ev, snapshot.Cause{Time: ev.Time})
		body, _ := m.Full(0)
		list := body.(*market.Candles).List
		if len(list) != 1 || list[0].VWAP.Set() != want || list[0].QuoteVolume.Set() != want {
			t.Errorf("%s: the candles are %+v", f.Name, list)
		}
	}
}

// room follows a book through messages, each told by its ids alone: b of spot, f of futures, s a REST
// order book, c a cut one.
type room struct {
	t    *testing.T
	f    *feed.Format
	book *snapshot.Book
}

func newRoom(t *testing.T, f *feed.Format) *room {
	return &room{t, f, snapshot.NewBook(snapshot.DefaultLimits, snapshot.Origin{}).(*snapshot.Book)}
}

const levels = `[["1","%d"]],"%s":[["2","%d"]]`

// diff applies a change of the book, which makes all quantities last.
func (r *room) diff(first, last, prev int) *room {
	pu := ""
	if r.f != binance.Spot {
		pu = fmt.Sprintf(`"pu":%d,`, prev)
	}
	return r.apply(fmt.Sprintf(`{"e":"depthUpdate","E":1700000000100,"s":"BTCUSDT","U":%d,"u":%d,%s"b":`+levels+`}`, first, last, pu, last, "a", last))
}

func (r *room) rest(id int) *room {
	return r.apply(fmt.Sprintf(`{"lastUpdateId":%d,"bids":`+levels+`}`, id, id, "asks", id))
}

func (r *room) cut(id int) *room {
	if r.f == binance.Spot {
		return r.apply(fmt.Sprintf(`{"stream":"btcusdt@depth5","data":{"lastUpdateId":%d,"bids":`+levels+`}}`, id, id, "asks", id))
	}
	return r.apply(fmt.Sprintf(`{"stream":"btcusdt@depth5","data":{"e":"depthUpdate","E":1700000000100,"s":"BTCUSDT","U":%d,"u":%d,"pu":%d,"b":`+levels+`}}`,
		id, id, id-1, id, "a", id))
}

func (r *room) apply(value string) *room {
	ev := decode(r.t, r.f, "BTCUSDT", value)
	r.book.Apply(&ev, snapshot.Cause{})
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

// A REST snapshot is believed once a change was seen: one that came before it may not have been read.
func TestContinuity(t *testing.T) {
	spot, futures := binance.Spot, binance.USDM
	for name, run := range map[string]func(t *testing.T){
		"spot: the first message spans the snapshot": func(t *testing.T) {
			newRoom(t, spot).rest(100).is(0).diff(95, 100, 0).is(100).diff(98, 103, 0).is(103).diff(104, 104, 0).is(104)
		},
		"spot: or follows it": func(t *testing.T) { newRoom(t, spot).rest(100).diff(101, 103, 0).is(103) },
		"spot: a hole behind the snapshot": func(t *testing.T) {
			newRoom(t, spot).rest(100).diff(102, 103, 0).is(0).diff(104, 105, 0).is(0).rest(104).is(105)
		},
		"spot: a hole": func(t *testing.T) {
			newRoom(t, spot).rest(100).diff(101, 103, 0).diff(105, 106, 0).is(0).rest(106).is(106).diff(107, 107, 0).is(107)
		},
		"spot: doubled and old messages": func(t *testing.T) {
			newRoom(t, spot).rest(100).diff(101, 103, 0).diff(104, 105, 0).diff(101, 103, 0).is(105).diff(104, 105, 0).is(105).diff(106, 106, 0).is(106)
		},
		"spot: messages before the snapshot": func(t *testing.T) {
			newRoom(t, spot).diff(90, 95, 0).is(0).diff(96, 101, 0).is(0).diff(102, 103, 0).is(0).rest(97).is(103)
		},
		"spot: a snapshot of a good book": func(t *testing.T) {
			newRoom(t, spot).rest(100).diff(101, 103, 0).diff(104, 105, 0).rest(103).is(105).diff(106, 106, 0).is(106)
		},
		"futures: ids leap, pu is the rule": func(t *testing.T) {
			newRoom(t, futures).rest(100).is(0).diff(80, 90, 70).is(100).diff(95, 120, 90).is(120).diff(150, 180, 120).is(180)
		},
		"futures: the first message ends in the snapshot": func(t *testing.T) {
			newRoom(t, futures).rest(100).diff(90, 100, 80).is(100).diff(130, 140, 100).is(140)
		},
		"futures: or follows it":              func(t *testing.T) { newRoom(t, futures).rest(100).diff(130, 140, 100).is(140) },
		"futures: a hole behind the snapshot": func(t *testing.T) { newRoom(t, futures).rest(100).diff(130, 140, 120).is(0).rest(140).is(140) },
		"futures: a hole":                     func(t *testing.T) { newRoom(t, futures).rest(100).diff(95, 120, 90).diff(121, 130, 121).is(0) },
		"futures: doubled and old messages": func(t *testing.T) {
			newRoom(t, futures).rest(100).diff(95, 120, 90).diff(130, 140, 120).diff(95, 120, 90).is(140).diff(150, 160, 140).is(160)
		},
		"cut books alone": func(t *testing.T) {
			for _, f := range []*feed.Format{spot, futures} {
				newRoom(t, f).cut(100).is(100).cut(105).is(105).cut(100).is(105).cut(110).is(110)
			}
		},
		// Cut books are not what changes can be applied to: whoever sends both gets the whole book.
		"cut books among changes": func(t *testing.T) {
			for _, f := range []*feed.Format{spot, futures} {
				newRoom(t, f).cut(100).is(100).diff(101, 102, 100).is(0).cut(103).is(0).diff(103, 104, 102).is(0).
					rest(102).is(104).cut(105).is(104).diff(105, 106, 104).is(106).cut(106).is(106).diff(109, 110, 108).is(0).cut(111).is(0)
			}
		},
	} {
		t.Run(name, run)
	}
}
