package subscriptions_test

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"

	"tapedeck/market"
)

// chain is a venue's rule: deltas are numbered first to last without holes.
var chain = &market.Chain{
	Name:    "test",
	Late:    true,
	Old:     func(d *market.Book, snap int64) bool { return d.Last <= snap },
	Starts:  func(d *market.Book, snap int64) bool { return d.First <= snap+1 && snap+1 <= d.Last },
	Follows: func(d *market.Book, prev int64) bool { return d.First == prev+1 },
}

// venue makes the events of one symbol, as a venue would, and knows what its book should be.
type venue struct {
	symbol *market.Symbol
	r      *rand.Rand
	chain  *market.Chain
	id     int64 // of the newest delta
	trade  int64
	halted bool
	bids   map[int64]int64
	asks   map[int64]int64
	older  *market.Book // a snapshot that is to be sent late
	hidden bool         // a delta after the newest snapshot, or the newest delta, never reached the log
}

func newVenue(name string, rule *market.Chain, r *rand.Rand) *venue {
	return &venue{
		symbol: &market.Symbol{Venue: venueOf(name), Name: name, Native: name}, chain: rule, r: r,
		bids: map[int64]int64{}, asks: map[int64]int64{},
	}
}

// price spells the same price one way or another.
func (v *venue) price(p int64) market.Decimal {
	if v.r.IntN(2) == 0 {
		return market.New(p, 2)
	}
	return market.New(p*10, 3)
}

// event makes the next event at a log time, the venue's time being before it, sometimes long before.
func (v *venue) event(time int64) market.Event {
	ev := market.Event{Symbol: v.symbol, Time: time - v.r.Int64N(3e6)}
	if v.r.IntN(12) == 0 {
		ev.Time = time - v.r.Int64N(60e6)
	}
	switch v.r.IntN(20) {
	case 0, 1, 2, 3, 4, 5, 6:
		ev.Payload = v.nextTrade(&ev)
	case 7, 8, 9:
		ev.Payload = &market.Quote{BidPrice: market.New(v.r.Int64N(9), 0), BidQty: market.Int(1), AskPrice: market.New(10+v.r.Int64N(9), 0), AskQty: market.Int(2)}
	case 10, 11:
		t := &market.Ticker{}
		for range 1 + v.r.IntN(3) {
			t.Put(market.Field(v.r.IntN(market.NumFields)), market.Int(v.r.Int64N(4)))
		}
		if v.r.IntN(4) == 0 {
			t.Put(market.Funding, market.Decimal{})
		}
		ev.Payload = t
	case 12:
		if v.r.IntN(3) == 0 {
			v.halted = !v.halted
		}
		s := &market.Status{Reason: "auction"}
		if v.halted {
			s.State = market.Halted
		}
		ev.Payload = s
	default:
		ev.Payload = v.book()
	}
	return ev
}

func (v *venue) nextTrade(ev *market.Event) *market.Trade {
	v.trade++
	id, _ := market.MakeID(fmt.Sprint(v.trade))
	t := &market.Trade{Price: v.price(900 + v.r.Int64N(200)), Qty: market.New(1+v.r.Int64N(50), 1), ID: id, Time: ev.Time, Side: market.Buy}
	if v.r.IntN(30) == 0 {
		t.Time, ev.Time = 0, 0 // some venues give none
	}
	return t
}

func (v *venue) book() *market.Book {
	switch {
	case v.older != nil && v.r.IntN(4) == 0:
		b := v.older
		v.older = nil
		return b
	case v.r.IntN(12) == 0:
		b := v.whole()
		if v.chain == nil || v.r.IntN(2) == 0 {
			v.hidden = false
			return b
		}
		v.older = b // comes after newer deltas, as a REST snapshot does
	}
	d := v.delta()
	if v.r.IntN(25) == 0 {
		v.hidden = true
		return v.book() // this delta never reaches the log
	}
	v.hidden = v.hidden && v.chain == nil // a chain shows it, a venue without one does not
	return d
}

func (v *venue) delta() *market.Book {
	d := &market.Book{First: v.id + 1, Chain: v.chain}
	v.id += 1 + v.r.Int64N(3)
	d.Last = v.id
	for range 1 + v.r.IntN(4) {
		side, levels, base := v.bids, &d.Bids, int64(980)
		if v.r.IntN(2) == 0 {
			side, levels, base = v.asks, &d.Asks, 1000
		}
		price, qty := base+v.r.Int64N(18), v.r.Int64N(4)
		if qty == 0 {
			delete(side, price)
		} else {
			side[price] = qty
		}
		*levels = append(*levels, market.Level{Price: v.price(price), Qty: market.Int(qty)})
	}
	return d
}

func (v *venue) whole() *market.Book {
	b := &market.Book{Snapshot: true, Last: v.id, Chain: v.chain}
	for p, q := range v.bids {
		b.Bids = append(b.Bids, market.Level{Price: v.price(p), Qty: market.Int(q)})
	}
	for p, q := range v.asks {
		b.Asks = append(b.Asks, market.Level{Price: v.price(p), Qty: market.Int(q)})
	}
	return b
}

// differs says how a client's book, or its best levels, differ from the venue's; "" if they do not, or if
// nobody could know.
func (v *venue) differs(bids, asks map[string]string, depth string) string {
	if v.hidden {
		return ""
	}
	n, err := strconv.Atoi(depth)
	if err != nil {
		n = math.MaxInt
	}
	for i, have := range []map[string]string{bids, asks} {
		levels := []map[int64]int64{v.bids, v.asks}[i]
		prices := slices.Sorted(maps.Keys(levels))
		if i == 0 {
			slices.Reverse(prices)
		}
		want := map[string]string{}
		for _, p := range prices[:min(n, len(prices))] {
			want[plain(p)] = fmt.Sprint(levels[p])
		}
		if !maps.Equal(have, want) {
			return fmt.Sprintf("side %d is %v, the venue's %v", i, have, want)
		}
	}
	return ""
}

// plain spells a price of two decimals without trailing zeros.
func plain(p int64) string {
	switch {
	case p%100 == 0:
		return fmt.Sprint(p / 100)
	case p%10 == 0:
		return fmt.Sprintf("%d.%d", p/100, p/10%10)
	}
	return fmt.Sprintf("%d.%02d", p/100, p%100)
}
