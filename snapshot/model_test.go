package snapshot_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"tapedeck/market"
	"tapedeck/snapshot"
)

// What the tests of states have in common: how a venue numbers its books, and what a reader makes of bodies.

// chain is a venue's rule: deltas are numbered first to last without holes, and snapshots come late.
var chain = &market.Chain{
	Name: "test", Late: true,
	Old:     func(d *market.Book, snap int64) bool { return d.Last <= snap },
	Starts:  func(d *market.Book, snap int64) bool { return d.First <= snap+1 && snap+1 <= d.Last },
	Follows: func(d *market.Book, prev int64) bool { return d.First == prev+1 },
}

var symbol = &market.Symbol{Venue: "TEST", Name: "A-B", Native: "AB"}

func event(p market.Payload) *market.Event { return &market.Event{Symbol: symbol, Payload: p} }

func levels(pairs ...string) []market.Level {
	list := []market.Level{}
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, market.Level{Price: market.MustDecimal(pairs[i]), Qty: market.MustDecimal(pairs[i+1])})
	}
	return list
}

// whole is a snapshot of a book, delta a change of one. chain nil: the venue has no rule.
func whole(rule *market.Chain, last int64, bids, asks []market.Level) *market.Book {
	return &market.Book{Snapshot: true, Chain: rule, Last: last, Bids: bids, Asks: asks}
}

func delta(rule *market.Chain, first, last int64, bids, asks []market.Level) *market.Book {
	return &market.Book{Chain: rule, First: first, Last: last, Bids: bids, Asks: asks}
}

// plain spells a number one way.
func plain(d market.Decimal) string {
	s := d.String()
	if strings.IndexByte(s, '.') < 0 {
		return s
	}
	return strings.TrimRight(strings.TrimRight(s, "0"), ".")
}

// ladder is a book as a reader has it: quantities by price, in one spelling.
type ladder struct{ bids, asks map[string]string }

func newLadder() *ladder { return &ladder{map[string]string{}, map[string]string{}} }

// take folds a body in, or replaces all by it.
func (l *ladder) take(t testing.TB, body market.Body, replace bool) {
	t.Helper()
	b := body.(*market.Book)
	if replace {
		*l = *newLadder()
	}
	for i, side := range [][]market.Level{b.Bids, b.Asks} {
		m := []map[string]string{l.bids, l.asks}[i]
		for j, level := range side {
			if j > 0 && (side[j-1].Price.Cmp(level.Price) > 0) != (i == 0) {
				t.Fatalf("not best first, or twice the same price: %v", side)
			}
			if level.Qty.IsZero() {
				if replace {
					t.Fatalf("a snapshot has an empty level: %v", level)
				}
				delete(m, plain(level.Price))
			} else {
				m[plain(level.Price)] = plain(level.Qty)
			}
		}
	}
}

func (l *ladder) equal(o *ladder) bool {
	return maps.Equal(l.bids, o.bids) && maps.Equal(l.asks, o.asks)
}

// best returns the n best levels of a side, as a naive reader finds them.
func best(side map[string]string, n int, asks bool) map[string]string {
	prices := slices.SortedFunc(maps.Keys(side), func(a, b string) int {
		c := market.MustDecimal(a).Cmp(market.MustDecimal(b))
		if !asks {
			c = -c
		}
		return c
	})
	top := map[string]string{}
	for _, p := range prices[:min(n, len(prices))] {
		top[p] = side[p]
	}
	return top
}

func (l *ladder) top(n int) *ladder { return &ladder{best(l.bids, n, false), best(l.asks, n, true)} }

// full reads a state as a newcomer does.
func full(t testing.TB, s snapshot.State) *ladder {
	t.Helper()
	l := newLadder()
	body, _ := s.Full(0)
	l.take(t, body, true)
	return l
}

// reader follows a book's state: by what changed where it can be told, else by the state.
type reader struct {
	ladder
	mark uint64
	had  bool
}

// read takes what is new; needs says that the state must be taken.
func (r *reader) read(t testing.TB, s snapshot.State, needs bool) {
	t.Helper()
	if !needs && r.had {
		if body, ok := s.Since(r.mark, s.Mark()); ok {
			r.take(t, body, false)
			r.mark = s.Mark()
			return
		}
	}
	body, _ := s.Full(0)
	r.take(t, body, true)
	r.mark, r.had = s.Mark(), true
}
