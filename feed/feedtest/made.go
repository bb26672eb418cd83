package feedtest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"tapedeck/feed"
	"tapedeck/market"
	"tapedeck/snapshot"
)

// Exchange is a made-up order book: orders come, change and go near its middle, the same ones for the same seed. It knows
// nothing of how a venue writes, numbers or sums a book: whoever makes a venue's messages of it does, so that no decoder
// is measured by itself.
type Exchange struct {
	Native string
	Depth  int // levels a side that the venue tells of; 0: all

	price, qty int // decimals
	rng        *rand.Rand
	bids, asks []rung // best first
	middle     int64  // no bid is above, no ask below
}

// rung is a level, in the least steps of price and quantity.
type rung struct{ price, qty int64 }

// Rung is a level as most venues write it.
type Rung struct{ Price, Qty string }

// NewExchange returns a book of some 60 levels a side, with prices and quantities of so many decimals.
func NewExchange(native string, depth, price, qty int, seed uint64) *Exchange {
	x := &Exchange{Native: native, Depth: depth, price: price, qty: qty, rng: rand.New(rand.NewPCG(seed, 17)), middle: 370_000}
	for range 400 {
		x.happen()
	}
	return x
}

// happen lets one level come, change or go, at a price that is the more likely the nearer it is. Now and then the
// market moves, a step at a time, where a side leaves it room: so the sides never cross, not between two changes either.
func (x *Exchange) happen() {
	side, sign := &x.bids, int64(-1)
	if x.rng.IntN(2) == 0 {
		side, sign = &x.asks, 1
	}
	if x.rng.IntN(8) == 0 && (len(*side) == 0 || (*side)[0].price != x.middle+sign) {
		x.middle += sign
	}
	near := 1 + min(x.rng.Int64N(12)*x.rng.Int64N(16), x.rng.Int64N(200))
	at := rung{price: x.middle + sign*near, qty: 1 + x.rng.Int64N(1_000_000)}
	i, found := slices.BinarySearchFunc(*side, at, func(a, b rung) int { return int(sign * (a.price - b.price)) })
	switch gone := found && x.rng.IntN(2) == 0; {
	case gone:
		*side = slices.Delete(*side, i, i+1)
	case found:
		(*side)[i].qty = at.qty
	default:
		*side = slices.Insert(*side, i, at)
	}
}

// Next lets n things happen and returns what the venue tells of them, each level whole and 0 where it is gone. What is
// pushed behind the depth is not told.
func (x *Exchange) Next(n int) (bids, asks []Rung) {
	oldBids, oldAsks := slices.Clone(x.told(x.bids)), slices.Clone(x.told(x.asks))
	for range n {
		x.happen()
	}
	return x.changes(oldBids, x.bids), x.changes(oldAsks, x.asks)
}

func (x *Exchange) told(side []rung) []rung {
	if x.Depth > 0 && len(side) > x.Depth {
		return side[:x.Depth]
	}
	return side
}

func (x *Exchange) changes(old, side []rung) (changed []Rung) {
	at := func(list []rung, price int64) int {
		return slices.IndexFunc(list, func(r rung) bool { return r.price == price })
	}
	for _, r := range old {
		if at(side, r.price) < 0 {
			changed = append(changed, x.written(rung{price: r.price}))
		}
	}
	for _, r := range x.told(side) {
		if i := at(old, r.price); i < 0 || old[i] != r {
			changed = append(changed, x.written(r))
		}
	}
	return changed
}

// Book returns what the venue tells of, best first.
func (x *Exchange) Book() (bids, asks []Rung) {
	for _, r := range x.told(x.bids) {
		bids = append(bids, x.written(r))
	}
	for _, r := range x.told(x.asks) {
		asks = append(asks, x.written(r))
	}
	return bids, asks
}

func (x *Exchange) written(r rung) Rung { return Rung{fixed(r.price, x.price), fixed(r.qty, x.qty)} }

// fixed writes n with so many decimals.
func fixed(n int64, decimals int) string {
	text := fmt.Sprintf("%0*d", decimals+1, n)
	if decimals == 0 {
		return text
	}
	return text[:len(text)-decimals] + "." + text[len(text)-decimals:]
}

// Writer makes a venue's messages of what happens at an exchange.
type Writer struct {
	Whole  func(x *Exchange) []feed.Record                    // the book, as when one subscribes
	Change func(x *Exchange, bids, asks []Rung) []feed.Record // what Next returned, of which there is something
	Other  func(x *Exchange, rng *rand.Rand) []feed.Record    // what comes between them; nil: nothing
	Things int                                                // that happen between two changes, at most
	Before int                                                // changes that come before the first Whole
}

// Made returns the messages of exchanges in turns, n or a few more. Each book comes whole at the beginning, and again
// after some 50 of its changes.
func Made(seed uint64, n int, w Writer, exchanges ...*Exchange) (all []feed.Record) {
	rng := rand.New(rand.NewPCG(seed, 23))
	changes := map[*Exchange]int{}
	for len(all) < n {
		x := exchanges[rng.IntN(len(exchanges))]
		switch at := changes[x]; {
		case at == w.Before || at > w.Before && rng.IntN(50) == 0:
			all = append(all, w.Whole(x)...)
		case w.Other != nil && rng.IntN(8) == 0:
			all = append(all, w.Other(x, rng)...)
			continue
		default:
			bids, asks := x.Next(1 + rng.IntN(w.Things))
			if len(bids)+len(asks) == 0 {
				continue // it happened behind the depth
			}
			all = append(all, w.Change(x, bids, asks)...)
		}
		changes[x]++
	}
	return all
}

// Follow plays a made recording as it is: nothing is refused, each book becomes good and stays so, and in the end is the
// exchange's. It returns how many messages were of books, how many checksums were right, and how many messages were
// passed over.
func Follow(t *testing.T, rec *Recording, exchanges ...*Exchange) (books, checks, passed int) {
	t.Helper()
	p := newRun(rec)
	for i := range rec.Records {
		touched, err := p.play(&rec.Records[i])
		if err != nil && isBad(err) {
			t.Fatalf("message %d is refused: %v: %s", i+1, err, rec.Records[i].Value)
		}
		if err != nil {
			passed++
		}
		for _, touch := range touched {
			books++
			if touch.broken {
				t.Fatalf("message %d breaks %s: %s", i+1, touch.native, rec.Records[i].Value)
			}
			if touch.check && p.books[touch.native].Good() && touch.effect != snapshot.None {
				checks++
			}
		}
	}
	for _, x := range exchanges {
		b := p.books[x.Native]
		if b == nil || !b.Good() {
			t.Fatalf("%s is not good in the end", x.Native)
		}
		bids, asks := x.Book()
		k := levelsOf(b.Book)
		if !isWritten(k.Bids, bids) || !isWritten(k.Asks, asks) {
			t.Errorf("%s is\n%v\n%v, want\n%v\n%v", x.Native, k.Bids, k.Asks, bids, asks)
		}
	}
	return books, checks, passed
}

func isWritten(side []market.Level, as []Rung) bool {
	return slices.EqualFunc(side, as, func(l market.Level, r Rung) bool {
		return market.MustDecimal(r.Price).Equal(l.Price) && market.MustDecimal(r.Qty).Equal(l.Qty)
	})
}
