package snapshot_test

import (
	"testing"

	"tapedeck/market"
	"tapedeck/snapshot"
)

// Where the venue's rule cannot tell whether a message is missing, a change proves nothing after a loss: the
// next snapshot does, with the changes that came since.
func TestBlindChain(t *testing.T) {
	chain := &market.Chain{
		Name: "times", Late: true, Blind: true,
		Old:     func(d *market.Book, snap int64) bool { return d.Last <= snap },
		Starts:  func(*market.Book, int64) bool { return true },
		Follows: func(d *market.Book, prev int64) bool { return d.Last > prev },
	}
	b := snapshot.NewBook(snapshot.DefaultLimits, snapshot.Origin{}).(*snapshot.Book)
	tell := func(k market.Book, price, qty string) {
		k.Chain = chain
		k.Bids = []market.Level{{Price: market.MustDecimal(price), Qty: market.MustDecimal(qty)}}
		b.Apply(&market.Event{Payload: &k}, snapshot.Cause{})
	}
	is := func(when string, good bool, levels int) {
		t.Helper()
		body, _ := b.Full(0)
		if n := len(body.(*market.Book).Bids); b.Good() != good || good && n != levels {
			t.Errorf("%s: good is %v with %d levels, want %v with %d", when, b.Good(), n, good, levels)
		}
	}
	tell(market.Book{Last: 5}, "1", "1")
	is("a change without a snapshot", false, 0)
	tell(market.Book{Last: 4, Snapshot: true}, "2", "1")
	is("a snapshot, and a newer change before it", true, 2)
	tell(market.Book{Last: 7}, "3", "1")
	is("a change", true, 3)
	b.Lose()
	is("a loss", false, 0)
	tell(market.Book{Last: 9}, "4", "1")
	is("a change after the loss", false, 0)
	tell(market.Book{Last: 8, Snapshot: true}, "2", "1")
	is("a snapshot after it", true, 2)
	if b.Chained() {
		t.Error("a blind rule watches over nothing")
	}
}
