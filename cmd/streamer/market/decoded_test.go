package market

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"tapedeck/feed"
	"tapedeck/feed/feedtest"
	"tapedeck/feed/venue"
	"tapedeck/market"
)

// reader reads the simulated records with the venue's decoder and holds what they say against each other.
type reader struct {
	t       *testing.T
	decoder feed.Decoder
	batch   market.Batch
	symbols map[string]*known

	counts   map[string]int // events by kind
	breaks   int            // of the books' chains
	compared int            // quotes with the book of the same number
}

// known is what the records have said of one symbol.
type known struct {
	bids, asks map[string]market.Level // by price
	last       int64                   // of the book
	good       bool
	snap       bool // nothing came after the snapshot yet
	quote      market.Quote
	quotes     map[int64]market.Quote // by the venue's number, since the last depth message
	tradeID    string
	price      market.Decimal // of the newest trade
}

func (r *reader) read(rec Record) {
	in := feed.Record{Time: rec.Time, Key: []byte(rec.Key), Value: rec.Value}
	if rec.Snapshot {
		in.Headers = []feed.Header{{Key: "symbol", Value: []byte(rec.Key)}}
	}
	r.batch.Reset()
	if err := r.decoder.Decode(&r.batch, &in); err != nil {
		r.t.Fatalf("%v: %s", err, rec.Value)
	}
	k := r.symbols[rec.Key]
	if k == nil {
		k = &known{quotes: map[int64]market.Quote{}}
		r.symbols[rec.Key] = k
	}
	for i := range r.batch.Events {
		ev := &r.batch.Events[i]
		if ev.Symbol.Native != rec.Key || ev.Symbol.Base == "" {
			r.t.Fatalf("%s became %+v", rec.Key, ev.Symbol)
		}
		r.counts[strings.TrimPrefix(fmt.Sprintf("%T", ev.Payload), "*market.")]++
		switch p := ev.Payload.(type) {
		case *market.Trade:
			r.trade(k, p, rec)
		case *market.Quote:
			k.quote = *p
			k.quotes[updateID(r.t, rec.Value)] = *p
		case *market.Book:
			r.book(k, p, rec)
		case *market.Ticker:
			r.ticker(k, p, rec)
		case *market.Candle, *market.Status:
			r.t.Fatalf("%T of %s: the simulation has none", p, rec.Value)
		}
	}
}

// trade holds a trade against the touch: a buyer pays the best ask, a seller gets the best bid.
func (r *reader) trade(k *known, p *market.Trade, rec Record) {
	if p.ID.String() <= k.tradeID && len(p.ID.String()) == len(k.tradeID) {
		r.t.Fatalf("trade %s comes after %s", p.ID, k.tradeID)
	}
	k.tradeID, k.price = p.ID.String(), p.Price
	if !k.quote.BidPrice.Set() {
		return // the touch has not been told yet
	}
	touch, qty := k.quote.BidPrice, k.quote.BidQty
	if p.Side == market.Buy {
		touch, qty = k.quote.AskPrice, k.quote.AskQty
	}
	if p.Price.Cmp(touch) != 0 || p.Qty.Cmp(qty) > 0 || p.Qty.IsZero() {
		r.t.Fatalf("%s: the touch is %s of %s", rec.Value, qty, touch)
	}
}

// book follows a book by the venue's own rule.
func (r *reader) book(k *known, p *market.Book, rec Record) {
	switch {
	case p.Snapshot:
		k.bids, k.asks = map[string]market.Level{}, map[string]market.Level{}
		k.good, k.snap = true, true
	case !k.good:
		return
	case k.snap && p.Chain.Old(p, k.last):
		return
	case k.snap && p.Chain.Starts(p, k.last), !k.snap && p.Chain.Follows(p, k.last):
		k.snap = false
	default:
		r.breaks++
		k.good = false
		return
	}
	k.last = p.Last
	set(k.bids, p.Bids)
	set(k.asks, p.Asks)
	bid, ask := best(k.bids, 1), best(k.asks, -1)
	if bid.Price.Cmp(ask.Price) >= 0 {
		r.t.Fatalf("%s is crossed: %s and %s", rec.Key, bid.Price, ask.Price)
	}
	if q, ok := k.quotes[p.Last]; ok {
		r.compared++
		if q.BidPrice.Cmp(bid.Price) != 0 || q.BidQty.Cmp(bid.Qty) != 0 || q.AskPrice.Cmp(ask.Price) != 0 || q.AskQty.Cmp(ask.Qty) != 0 {
			r.t.Fatalf("%s at %d: the book's touch is %v %v, the quote %+v", rec.Key, p.Last, bid, ask, q)
		}
	}
	if !p.Snapshot {
		clear(k.quotes)
	}
}

func set(side map[string]market.Level, levels []market.Level) {
	for _, l := range levels {
		if l.Qty.IsZero() {
			delete(side, l.Price.String())
		} else {
			side[l.Price.String()] = l
		}
	}
}

func best(side map[string]market.Level, sign int) (b market.Level) {
	for _, l := range side {
		if !b.Price.Set() || l.Price.Cmp(b.Price) == sign {
			b = l
		}
	}
	return b
}

func (r *reader) ticker(k *known, p *market.Ticker, rec Record) {
	last, high, low := p.Values[market.Last], p.Values[market.High], p.Values[market.Low]
	if last.Cmp(high) > 0 || last.Cmp(low) < 0 || (k.price.Set() && last.Cmp(k.price) != 0) {
		r.t.Fatalf("%s: the newest trade was at %s", rec.Value, k.price)
	}
}

func updateID(t *testing.T, value []byte) int64 {
	var msg struct {
		Data struct {
			U int64 `json:"u"`
		}
	}
	if err := json.Unmarshal(value, &msg); err != nil {
		t.Fatal(err)
	}
	return msg.Data.U
}

// All that the streams say agrees, and every book breaks exactly where a gap was planned.
func TestStreamsAgree(t *testing.T) {
	format, ok := venue.Lookup("binance")
	if !ok {
		t.Fatal("there is no decoder")
	}
	m := begin(t, Options{Seed: 5, Gaps: 4 * time.Second, Past: 2 * time.Minute})
	r := &reader{t: t, decoder: format.New(feed.DefaultOptions()), symbols: map[string]*known{}, counts: map[string]int{}}
	for m.now < (3 * time.Minute).Microseconds() {
		r.read(m.Next())
	}
	for _, kind := range []string{"Trade", "Quote", "Book", "Ticker"} {
		if r.counts[kind] < 500 {
			t.Errorf("%d events are a %s", r.counts[kind], kind)
		}
	}
	if len(r.symbols) != len(Names()) {
		t.Errorf("%d symbols", len(r.symbols))
	}
	if r.compared < 100 {
		t.Errorf("only %d quotes could be compared with a book", r.compared)
	}
	unseen := 0 // lost, but the message after is still to come
	for _, s := range m.symbols {
		if s.lost {
			unseen++
		}
		if k := r.symbols[s.name]; !k.good && s.restAt == never {
			t.Errorf("the book of %s is broken, and no snapshot will mend it", s.name)
		}
	}
	if r.breaks == 0 || r.breaks != m.gaps-unseen {
		t.Errorf("%d books broke, %d gaps were planned, %d of them not seen yet", r.breaks, m.gaps, unseen)
	}
}

// Without planned gaps there is none.
func TestNoGapUnlessPlanned(t *testing.T) {
	format, _ := venue.Lookup("binance")
	m := begin(t, Options{Seed: 5})
	r := &reader{t: t, decoder: format.New(feed.DefaultOptions()), symbols: map[string]*known{}, counts: map[string]int{}}
	for m.now < time.Minute.Microseconds() {
		r.read(m.Next())
	}
	if r.breaks != 0 || m.gaps != 0 {
		t.Errorf("%d books broke, %d gaps were planned", r.breaks, m.gaps)
	}
}

// Messages have the fields of captured ones, in their order, with values of their kind and as many decimals.
func TestWritesAsTheVenue(t *testing.T) {
	m := begin(t, Options{Seed: 1, Symbols: []string{"BTCUSDT"}})
	ours := map[string]string{}
	for len(ours) < 5 {
		r := m.Next()
		kind := "rest_depth_snapshot"
		if !r.Snapshot {
			_, rest, _ := strings.Cut(string(r.Value[:60]), "@")
			kind, _, _ = strings.Cut(rest, `"`)
		}
		// A depth message may have one side only: that of the sample has both.
		if s := shape(t, r.Value); kind != "depth@100ms" || !strings.Contains(s, "[ ]") {
			ours[kind] = s
		}
	}
	samples := map[string]string{
		"trade":               "binance-spot-2024/trade.json",
		"bookTicker":          "binance-spot-2024/bookTicker.json",
		"depth@100ms":         "binance-spot-2024/depth@100ms.json",
		"rest_depth_snapshot": "binance-spot-2024/rest_depth_snapshot.json",
		"ticker":              "binance-fixtures/Spot_ExchangeData_Ticker.json",
	}
	for kind, file := range samples {
		sample, err := os.ReadFile(feedtest.Data(t, "samples/"+file))
		if err != nil {
			t.Fatal(err)
		}
		want, got := shape(t, sample), ours[kind]
		if kind == "ticker" { // its sample is from the venue's documentation, which writes fewer decimals
			want, got = decimals.ReplaceAllString(want, "#"), decimals.ReplaceAllString(got, "#")
		}
		if got != want {
			t.Errorf("%s is written\n%s\nbut the venue writes\n%s", kind, got, want)
		}
	}
}

var (
	decimals = regexp.MustCompile(`#\d*`)
	numeric  = regexp.MustCompile(`^-?\d+(?:\.(\d+))?$`)
	levels   = regexp.MustCompile(`(?:\[ #8 #8 \] )+`)
	booleans = regexp.MustCompile(`true|false`)
)

// shape is what a message looks like without its values: names stay, numbers become 0, numbers in strings
// # with their decimals, and levels one.
func shape(t *testing.T, text []byte) string {
	t.Helper()
	var b strings.Builder
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	for {
		token, err := dec.Token()
		if err != nil {
			break
		}
		switch v := token.(type) {
		case json.Number:
			b.WriteString("0 ")
		case string:
			if d := numeric.FindStringSubmatch(v); d != nil {
				v = fmt.Sprint("#", len(d[1]))
			}
			b.WriteString(v + " ")
		default:
			fmt.Fprint(&b, v, " ")
		}
	}
	s := levels.ReplaceAllString(b.String(), "[level] ")
	s = booleans.ReplaceAllString(s, "bool")
	return regexp.MustCompile(`(?i)btcusdt|BNBBTC`).ReplaceAllString(s, "symbol")
}
