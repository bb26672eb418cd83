package coinbaseadvanced_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/venue/coinbaseadvanced"
	"tapedeck/market"
	"tapedeck/snapshot"
)

var products = []string{"BTC-USD", "ETH-USD", "SOL-USD"}

// sent is a message, and what the books are after it.
type sent struct {
	record *feed.Record
	books  [3]string
	whole  int // the product whose whole book it is; -1: of none
}

// session makes messages of three products, of which each book is sent whole from time to time.
func session(rng *rand.Rand, n int) (all []sent) {
	var books [3]map[int]int // by price, bids below 100
	for i := range n {
		p := rng.IntN(len(products))
		s := sent{whole: -1}
		switch {
		case i < len(products):
			p = i
			books[p] = map[int]int{99: 1, 101: 2}
			s.whole = p
		case rng.IntN(20) == 0:
			s.whole = p
		}
		if s.whole >= 0 {
			s.record = message(i, update(products[p], "snapshot", levelsOf(books[p])...))
		} else if rng.IntN(5) == 0 {
			s.record = message(i, "")
		} else {
			price, qty := 90+rng.IntN(10)+rng.IntN(2)*11, rng.IntN(4)
			books[p][price] = qty
			s.record = message(i, update(products[p], "update", levelsOf(map[int]int{price: qty})...))
			if qty == 0 {
				delete(books[p], price)
			}
		}
		for j, b := range books {
			s.books[j] = fmt.Sprint(levelsOf(b))
		}
		all = append(all, s)
	}
	return all
}

// levelsOf writes a book, best bid first, then best ask.
func levelsOf(book map[int]int) (levels []string) {
	prices := slices.Sorted(maps.Keys(book))
	for _, p := range slices.Backward(prices) {
		if p < 100 {
			levels = append(levels, fmt.Sprintf("bid %d %d", p, book[p]))
		}
	}
	for _, p := range prices {
		if p >= 100 {
			levels = append(levels, fmt.Sprintf("offer %d %d", p, book[p]))
		}
	}
	return levels
}

// reader is a decoder and the rooms of its books, as far as this test needs them.
type reader struct {
	decoder feed.Decoder
	batch   market.Batch
	books   map[string]*snapshot.Book
	gaps    int   // of the newest message
	err     error // of that
}

func (r *reader) take(record *feed.Record) {
	r.gaps = 0
	r.batch.Reset()
	r.err = r.decoder.Decode(&r.batch, record)
	for i := range r.batch.Events {
		ev := &r.batch.Events[i]
		b := r.books[ev.Symbol.Native]
		if b == nil {
			b = snapshot.NewBook(snapshot.DefaultLimits, snapshot.Origin{}).(*snapshot.Book)
			r.books[ev.Symbol.Native] = b
		}
		if _, gap := ev.Payload.(*market.Gap); gap {
			r.gaps++
			b.Lose()
		}
		b.Apply(ev, snapshot.Cause{})
	}
}

func (r *reader) book(product string) string {
	body, _ := r.books[product].Full(0)
	k := body.(*market.Book)
	levels := []string{}
	for _, l := range k.Bids {
		levels = append(levels, fmt.Sprintf("bid %s %s", l.Price, l.Qty))
	}
	for _, l := range k.Asks {
		levels = append(levels, fmt.Sprintf("offer %s %s", l.Price, l.Qty))
	}
	return fmt.Sprint(levels)
}

// Messages are dropped, doubled and swapped at random. Each hole is told of every product of the connection at
// the message behind it; a book that is good is what the venue has; and each whole book mends its own.
func TestFaults(t *testing.T) {
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	holes, mended := 0, 0
	for range 20 {
		r := &reader{decoder: coinbaseadvanced.Format.New(feed.DefaultOptions()), books: map[string]*snapshot.Book{}}
		all := session(rng, 400)
		newest := -1
		take := func(i int) {
			hole := newest >= 0 && i > newest+1
			late := i <= newest
			if r.take(all[i].record); r.err != nil && !errors.Is(r.err, feed.Ignored) {
				t.Fatalf("message %d: %v", i, r.err)
			}
			if hole != (r.gaps == len(products)) || !hole && r.gaps != 0 {
				t.Fatalf("seed %d: message %d after %d tells %d gaps", seed, i, newest, r.gaps)
			}
			newest = max(newest, i)
			if hole {
				holes++
			}
			for p, name := range products {
				b := r.books[name]
				if b == nil {
					continue
				}
				if all[i].whole == p && !late {
					if !b.Good() {
						t.Fatalf("seed %d: message %d is a whole book of %s, which is not good", seed, i, name)
					}
					mended++
				} else if hole && b.Good() {
					t.Fatalf("seed %d: message %d after a hole leaves %s good", seed, i, name)
				}
				if b.Good() && r.book(name) != all[newest].books[p] {
					t.Fatalf("seed %d: after message %d the book of %s is %s, want %s", seed, i, name, r.book(name), all[newest].books[p])
				}
			}
		}
		for i := 0; i < len(all); i++ {
			fault := rng.IntN(60)
			switch {
			case i < len(products) || fault > 2 || i+1 == len(all):
				take(i)
			case fault == 1:
				take(i)
				take(i)
			case fault == 2:
				take(i + 1)
				take(i)
				i++
			}
		}
	}
	if holes < 50 || mended < 100 {
		t.Errorf("there were %d holes, and %d whole books", holes, mended)
	}
}

// A symbol that is heard of on another connection has a gap: what came between is not known. And a partition
// does not remember connections without end.
func TestConnections(t *testing.T) {
	r := &reader{decoder: coinbaseadvanced.Format.New(feed.DefaultOptions()), books: map[string]*snapshot.Book{}}
	for i := range 1000 {
		m := message(5, update("BTC-USD", "snapshot", "bid 1 1"))
		m.Key = fmt.Appendf(nil, "connection %d", i)
		if r.take(m); r.gaps != min(i, 1) || !r.books["BTC-USD"].Good() {
			t.Fatalf("connection %d tells %d gaps", i, r.gaps)
		}
	}
	m := message(6, update("BTC-USD", "update", "bid 2 1"))
	m.Key = []byte("connection 0") // which was forgotten
	if r.take(m); r.gaps != 1 || r.books["BTC-USD"].Good() {
		t.Errorf("a change on another connection tells %d gaps and is believed", r.gaps)
	}
}

// Messages that follow each other allocate nothing.
func TestAllocations(t *testing.T) {
	d := coinbaseadvanced.Format.New(feed.DefaultOptions())
	var records []*feed.Record
	for i := range 200 {
		records = append(records, message(i*(1+i/150), update("BTC-USD", "update", "bid 1 1", "offer 2 1"))) // with holes at the end
	}
	var b market.Batch
	i := 0
	if n := testing.AllocsPerRun(len(records)-1, func() {
		b.Reset()
		if err := d.Decode(&b, records[i]); err != nil {
			t.Fatal(err)
		}
		i++
	}); n != 0 {
		t.Errorf("%v allocations a message", n)
	}
}
