package kraken_test

import (
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/venue/kraken"
	"tapedeck/market"
	"tapedeck/snapshot"
)

// exchange is a market that tells of its orders as Kraken's level3 does: of those at the best prices only, and of no order
// that leaves these by itself. Prices and quantities are in hundredths.
type exchange struct {
	rng    *rand.Rand
	depth  int
	now    int
	orders []*made        // in the order in which they were placed
	shown  map[*made]int  // the quantities that were told of
	told   []feed.Record  // its messages
	after  map[int]string // the best levels after each
	pair   string
}

type made struct {
	at, price, qty int
	bid            bool
}

func newExchange(seed uint64, depth int) *exchange {
	return &exchange{
		rng: rand.New(rand.NewPCG(seed, 3)), depth: depth, pair: fmt.Sprintf("P%d/USD", seed),
		shown: map[*made]int{}, after: map[int]string{},
	}
}

func (x *exchange) trade() {
	for range 1 + x.rng.IntN(3) {
		switch n := x.rng.IntN(10); {
		case n < 5 || len(x.orders) < 150:
			x.now++
			o := &made{at: x.now, price: 9999 - x.rng.IntN(30), qty: 1 + x.rng.IntN(500), bid: x.rng.IntN(2) == 0}
			if !o.bid {
				o.price = 20000 - o.price
			}
			x.orders = append(x.orders, o)
		case n < 7: // some of one is traded: it keeps its place
			o := x.orders[x.rng.IntN(len(x.orders))]
			o.qty = 1 + x.rng.IntN(o.qty)
		default:
			i := x.rng.IntN(len(x.orders))
			x.orders = slices.Delete(x.orders, i, i+1)
		}
	}
}

// best are the orders at the best prices of a side, best first.
func (x *exchange) best(bid bool, depth int) (all []*made) {
	for _, o := range x.orders {
		if o.bid == bid {
			all = append(all, o)
		}
	}
	slices.SortStableFunc(all, func(a, b *made) int {
		if bid {
			a, b = b, a
		}
		return a.price - b.price
	})
	prices := 0
	for i, o := range all {
		if i == 0 || o.price != all[i-1].price {
			prices++
		}
		if prices > depth {
			return all[:i]
		}
	}
	return all
}

// say tells what has changed, or everything.
func (x *exchange) say(snapshot bool) {
	kind := "update"
	if snapshot {
		kind, x.shown = "snapshot", map[*made]int{}
	}
	bids, asks := x.changes(true, snapshot), x.changes(false, snapshot)
	x.after[len(x.told)] = x.levels()
	x.told = append(x.told, feed.Record{Value: fmt.Appendf(nil,
		`{"channel":"level3","type":%q,"data":[{"symbol":%q,"bids":[%s],"asks":[%s],"checksum":%d,"timestamp":"2023-11-14T22:13:20.%06dZ"}]}`,
		kind, x.pair, strings.Join(bids, ","), strings.Join(asks, ","), x.sum(), len(x.told))})
}

// changes are a side's events: those of a price that comes into sight in any order.
func (x *exchange) changes(bid, snapshot bool) (events []string) {
	visible := x.best(bid, x.depth)
	seen := map[*made]bool{}
	for _, o := range visible {
		seen[o] = true
		was, known := x.shown[o]
		switch {
		case !known:
			events = append(events, x.event("add", o, snapshot))
		case was != o.qty:
			events = append(events, x.event("modify", o, snapshot))
		}
		x.shown[o] = o.qty
	}
	if !snapshot {
		x.rng.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
	}
	var gone []*made
	for o := range x.shown {
		if o.bid != bid || seen[o] {
			continue
		}
		if !slices.Contains(x.orders, o) {
			gone = append(gone, o)
		}
		delete(x.shown, o)
	}
	slices.SortFunc(gone, func(a, b *made) int { return a.at - b.at })
	for _, o := range gone {
		events = append([]string{x.event("delete", o, false)}, events...)
	}
	return events
}

func (x *exchange) event(kind string, o *made, snapshot bool) string {
	event := fmt.Sprintf(`"event":%q,`, kind)
	if snapshot {
		event = ""
	}
	return fmt.Sprintf(`{%s"order_id":"O%05d-AAAAA-BBBBBB","limit_price":%s,"order_qty":%s000000,"timestamp":"2023-11-14T22:13:20.%09dZ"}`,
		event, o.at, cents(o.price), cents(o.qty), o.at)
}

func cents(n int) string { return fmt.Sprintf("%d.%02d", n/100, n%100) }

func (x *exchange) sum() uint32 {
	text := ""
	for _, bid := range []bool{false, true} {
		for _, o := range x.best(bid, 10) {
			text += fmt.Sprintf("%d%d", o.price, o.qty*1000000)
		}
	}
	return crc32.ChecksumIEEE([]byte(text))
}

// levels writes the best levels.
func (x *exchange) levels() string {
	out := ""
	for _, bid := range []bool{true, false} {
		best := x.best(bid, x.depth)
		for i := 0; i < len(best); {
			price, qty := best[i].price, 0
			for ; i < len(best) && best[i].price == price; i++ {
				qty += best[i].qty
			}
			out += cents(price) + ":" + cents(qty) + " "
		}
		out += "/ "
	}
	return out
}

// answer is what the venue says to a subscription; of the depth 10 it says nothing.
func (x *exchange) answer() feed.Record {
	depth := ""
	if x.depth != 10 {
		depth = fmt.Sprintf(`"depth":%d,`, x.depth)
	}
	return feed.Record{Value: fmt.Appendf(nil, `{"method":"subscribe","result":{"channel":"level3",%s"snapshot":true,"symbol":%q},"success":true}`, depth, x.pair)}
}

// reader is a book that follows an exchange.
type reader struct {
	t       *testing.T
	decoder feed.Decoder
	book    *snapshot.Book
	batch   market.Batch
}

func newReader(t *testing.T, x *exchange) *reader {
	r := &reader{t: t, decoder: kraken.V2.New(feed.DefaultOptions()), book: snapshot.NewBook(snapshot.DefaultLimits, snapshot.Origin{}).(*snapshot.Book)}
	answer := x.answer()
	if err := r.decoder.Decode(&r.batch, &answer); !errors.Is(err, feed.Ignored) {
		t.Fatal(err)
	}
	return r
}

// read takes a message, and checks that the book is what the exchange has after message state, or is not good.
func (r *reader) read(x *exchange, i, state int) (good bool) {
	r.t.Helper()
	r.batch.Reset()
	if err := r.decoder.Decode(&r.batch, &x.told[i]); err != nil {
		r.t.Fatalf("%s: %v", x.told[i].Value, err)
	}
	r.book.Apply(&r.batch.Events[0], snapshot.Cause{})
	if !r.book.Good() {
		return false
	}
	body, _ := r.book.Full(0)
	k, got := body.(*market.Book), ""
	for _, side := range [][]market.Level{k.Bids, k.Asks} {
		for _, l := range side {
			got += fmt.Sprintf("%s:%s ", l.Price, strings.TrimSuffix(l.Qty.String(), "000000"))
		}
		got += "/ "
	}
	if got != x.after[state] {
		r.t.Fatalf("message %d, %s\nleaves %s\nwant %s", i, x.told[i].Value, got, x.after[state])
	}
	return true
}

// After each message the levels are what the exchange's own orders come to, and its checksum is right; also where messages come
// twice.
func TestOrdersFolded(t *testing.T) {
	for seed, depth := range []int{10, 10, 100} {
		x := newExchange(uint64(seed), depth)
		r := newReader(t, x)
		for i := range 500 {
			x.trade()
			x.say(i%200 == 0)
			if !r.read(x, i, i) || i%7 == 0 && !r.read(x, i, i) {
				t.Fatalf("depth %d, message %d: the book breaks at %s", depth, i, x.told[i].Value)
			}
		}
	}
}

// Messages that are dropped or swapped are seen by the checksum: no wrong book is good, and the next snapshot mends it.
func TestFaultsInOrders(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 9))
	faults, broken, mended := 0, 0, 0
	for seed := range uint64(5) {
		x := newExchange(seed, 10)
		for i := range 500 {
			x.trade()
			x.say(i%50 == 0)
		}
		r := newReader(t, x)
		was := false
		note := func(good bool, i int) {
			if was && !good {
				broken++
			}
			if i%50 == 0 {
				mended++
				if !good {
					t.Fatalf("message %d is a snapshot, and the book is not good", i)
				}
			}
			was = good
		}
		for i := 0; i < len(x.told); i++ {
			hit := rng.IntN(30) == 0 && i%50 != 0 && i%50 != 49
			switch {
			case hit && rng.IntN(2) == 0: // dropped
				faults++
			case hit: // swapped
				faults++
				note(r.read(x, i+1, i+1), i+1)
				note(r.read(x, i, i+1), i+1)
				i++
			default:
				note(r.read(x, i, i), i)
			}
		}
	}
	if faults < 50 || broken < faults/3 || mended != 50 {
		t.Errorf("%d faults have broken the book %d times, %d snapshots mended it", faults, broken, mended)
	}
}

// The example in the venue's documents of how the checksum is made (docs.kraken.com, "L3 checksum"): price, and the quantities of
// the orders there in their turn.
func TestDocumentedChecksumOfOrders(t *testing.T) {
	asks := []string{
		"44939.5 4.52308393 0.00111261 0.00100000 0.01000000", "44950.0 0.10334926", "44953.0 0.00064537", "44955.0 0.00250000",
		"44959.6 0.35630000 0.35630000", "44960.1 0.00338072", "44960.2 0.88967575", "44967.0 3.14392283", "44978.5 0.06778960", "44979.2 0.35630000",
	}
	bids := []string{
		"44939.4 0.88968699 0.45210000 0.10000000 0.14296323 0.25000000 0.10292988 0.33880000 1.28140860", "44937.1 0.03346877", "44934.7 0.35630000",
		"44930.2 0.22734299 0.01000000 0.05550000 0.70000000 0.15000000", "44928.0 0.00105240", "44919.6 0.33870000", "44919.5 0.07610000",
		"44912.0 0.35630000", "44909.7 0.06690000", "44901.9 0.00088982",
	}
	message := func(sum int) string {
		return fmt.Sprintf(`{"channel":"level3","type":"snapshot","data":[{"symbol":"BTC/USD","checksum":%d,"bids":[%s],"asks":[%s]}]}`, sum, turns("B", bids), turns("A", asks))
	}
	k := decode(t, kraken.V2, message(1063832831))[0].Payload.(*market.Book)
	if !k.Snapshot || len(k.Bids) != 10 || len(k.Asks) != 10 || k.Bids[0].Qty.String() != "3.55788870" {
		t.Errorf("it becomes %+v", *k)
	}
	if k := decode(t, kraken.V2, message(1063832832))[0].Payload.(*market.Book); k.Snapshot || k.Prev != -1 {
		t.Errorf("with another checksum it becomes %+v", *k)
	}
}

// turns writes orders.
func turns(side string, levels []string) string {
	var all []string
	for _, level := range levels {
		words := strings.Fields(level)
		for _, qty := range words[1:] {
			all = append(all, fmt.Sprintf(`{"order_id":"O%s%d","limit_price":%s,"order_qty":%s,"timestamp":"2023-11-14T22:13:20.000000000Z"}`, side, len(all), words[0], qty))
		}
	}
	return strings.Join(all, ",")
}
