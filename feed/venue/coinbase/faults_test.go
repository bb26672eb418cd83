package coinbase_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/feedtest"
	"tapedeck/feed/venue/coinbase"
	"tapedeck/market"
	"tapedeck/snapshot"
)

// exchange makes messages of the channel full, and knows the orders by itself: in hundredths of the price
// and of the size.
type exchange struct {
	rng     *rand.Rand
	product string
	seq     int64
	orders  map[int]*made
	next    int
	records []feed.Record
	bodies  map[int64]string // the REST order book after each message
	levels  map[int64]string // the book after each
}

type made struct {
	price, size int
	bid         bool
}

func newExchange(product string, seed uint64) *exchange {
	return &exchange{rng: rand.New(rand.NewPCG(seed, 7)), product: product, seq: 100, orders: map[int]*made{}, bodies: map[int64]string{}, levels: map[int64]string{}}
}

func uuid(n int) string { return fmt.Sprintf("0f000000-0000-4000-8000-%012x", n) }

func hundredths(n int) string { return fmt.Sprintf("%d.%02d", n/100, n%100) }

func sideOf(bid bool) string {
	if bid {
		return "buy"
	}
	return "sell"
}

func (x *exchange) say(kind, format string, args ...any) {
	x.seq++
	value := fmt.Sprintf(`{"type":%q,"product_id":%q,"sequence":%d,"time":"2023-11-14T22:13:20.%06dZ",`, kind, x.product, x.seq, x.seq) +
		fmt.Sprintf(format, args...) + "}"
	x.records = append(x.records, feed.Record{Key: []byte(x.product), Value: []byte(value)})
	x.bodies[x.seq], x.levels[x.seq] = x.body(), x.ladder()
}

// body is the REST order book of level 3.
func (x *exchange) body() string {
	var sides [2][]string
	for _, n := range slices.Sorted(maps.Keys(x.orders)) {
		o, i := x.orders[n], 1
		if o.bid {
			i = 0
		}
		if o.size > 0 {
			sides[i] = append(sides[i], fmt.Sprintf(`["%s","%s","%s"]`, hundredths(o.price), hundredths(o.size), uuid(n)))
		}
	}
	return fmt.Sprintf(`{"sequence":%d,"bids":[%s],"asks":[%s]}`, x.seq, strings.Join(sides[0], ","), strings.Join(sides[1], ","))
}

// rest puts the REST order book after message seq among the messages.
func (x *exchange) rest(seq int64) {
	x.records = append(x.records, feed.Record{Key: []byte(x.product), Value: []byte(x.bodies[seq])})
}

// step makes one thing happen.
func (x *exchange) step() {
	live := slices.Sorted(maps.Keys(x.orders))
	switch n := x.rng.IntN(10); {
	case n < 4 || len(live) < 10:
		x.enter()
	case n < 6:
		id := live[x.rng.IntN(len(live))]
		x.finish(id, "canceled")
	case n < 8:
		x.trade(live)
	case n < 9:
		x.amend(live[x.rng.IntN(len(live))])
	default: // a market order that finds nothing
		x.next++
		x.say("received", `"order_id":%q,"funds":"3.00","side":"buy","order_type":"market"`, uuid(x.next))
		x.say("done", `"order_id":%q,"reason":"canceled","side":"buy"`, uuid(x.next))
	}
}

// enter places an order where it meets none.
func (x *exchange) enter() {
	x.next++
	id, o := x.next, &made{size: 1 + x.rng.IntN(500), bid: x.rng.IntN(2) == 0}
	o.price = 10001 + x.rng.IntN(30)
	if o.bid {
		o.price = 10000 - x.rng.IntN(30)
	}
	x.say("received", `"order_id":%q,"size":"%s","price":"%s","side":%q,"order_type":"limit"`, uuid(id), hundredths(o.size), hundredths(o.price), sideOf(o.bid))
	x.orders[id] = o
	x.say("open", `"order_id":%q,"remaining_size":"%s","price":"%s","side":%q`, uuid(id), hundredths(o.size), hundredths(o.price), sideOf(o.bid))
}

func (x *exchange) finish(id int, reason string) {
	o := x.orders[id]
	delete(x.orders, id)
	x.say("done", `"order_id":%q,"remaining_size":"%s","price":"%s","side":%q,"reason":%q`, uuid(id), hundredths(o.size), hundredths(o.price), sideOf(o.bid), reason)
}

// trade lets a market order meet some of one order.
func (x *exchange) trade(live []int) {
	id := live[x.rng.IntN(len(live))]
	o := x.orders[id]
	n := o.size
	if x.rng.IntN(2) == 0 {
		n = 1 + x.rng.IntN(o.size)
	}
	o.size -= n
	x.say("match", `"trade_id":%d,"maker_order_id":%q,"taker_order_id":%q,"size":"%s","price":"%s","side":%q`, x.seq, uuid(id), uuid(0), hundredths(n), hundredths(o.price), sideOf(o.bid))
	if o.size == 0 {
		x.finish(id, "filled")
	}
}

// amend changes an order's size or also its price; or an order that is in no book.
func (x *exchange) amend(id int) {
	o := x.orders[id]
	was := *o
	o.size = 1 + x.rng.IntN(o.size)
	switch x.rng.IntN(3) {
	case 0:
		o.price++
		if o.bid {
			o.price -= 2
		}
		x.say("change", `"reason":"modify_order","order_id":%q,"side":%q,"old_size":"%s","new_size":"%s","old_price":"%s","new_price":"%s"`,
			uuid(id), sideOf(o.bid), hundredths(was.size), hundredths(o.size), hundredths(was.price), hundredths(o.price))
	case 1:
		x.say("change", `"reason":"STP","order_id":%q,"side":%q,"old_size":"%s","new_size":"%s","price":"%s"`,
			uuid(id), sideOf(o.bid), hundredths(was.size), hundredths(o.size), hundredths(o.price))
	default:
		*o = was
		x.say("change", `"reason":"STP","order_id":%q,"side":"sell","old_size":"3","new_size":"1","price":"99.00"`, uuid(1<<30))
	}
}

// fullSession is two products' messages in turns, with REST order books that come late.
func fullSession(seed uint64, steps int) (records []feed.Record, by map[string]*exchange) {
	by = map[string]*exchange{"BTC-USD": newExchange("BTC-USD", seed), "ETH-EUR": newExchange("ETH-EUR", seed+1)}
	for i := range steps {
		for _, product := range []string{"BTC-USD", "ETH-EUR"} {
			x := by[product]
			x.step()
			if i == 20 || i%200 == 199 {
				x.rest(x.seq - int64(i%7))
			}
			records = append(records, x.records...)
			x.records = nil
		}
	}
	return records, by
}

// After each message the book is what the exchange's own orders come to.
func TestOrdersFolded(t *testing.T) {
	for seed := range uint64(3) {
		records, by := fullSession(seed, 500)
		d := coinbase.Format.New(feed.DefaultOptions())
		var batch market.Batch
		books, compared := map[*market.Symbol]snapshot.State{}, 0
		for i, r := range records {
			batch.Reset()
			if err := d.Decode(&batch, &r); err != nil {
				t.Fatalf("record %d: %v: %s", i, err, r.Value)
			}
			for j := range batch.Events {
				ev := &batch.Events[j]
				k, ok := ev.Payload.(*market.Book)
				if !ok {
					continue
				}
				b := books[ev.Symbol]
				if b == nil {
					b = snapshot.NewBook(snapshot.DefaultLimits, snapshot.Origin{})
					books[ev.Symbol] = b
				}
				b.Apply(ev, snapshot.Cause{})
				if want := by[ev.Symbol.Native].levels[k.Last]; b.Good() && levelsOf(b) != want {
					t.Fatalf("seed %d, record %d, %s\nleaves %s\nwant %s", seed, i, r.Value, levelsOf(b), want)
				} else if b.Good() {
					compared++
				}
			}
		}
		if len(books) != 2 || compared < len(records)*9/10 {
			t.Errorf("of %d records %d were compared, of %d products", len(records), compared, len(books))
		}
	}
}

// levelsOf writes a book.
func levelsOf(s snapshot.State) string {
	body, _ := s.Full(0)
	k := body.(*market.Book)
	var b strings.Builder
	for _, side := range [][]market.Level{k.Bids, k.Asks} {
		for _, l := range side {
			fmt.Fprintf(&b, "%s:%s ", l.Price, l.Qty)
		}
		b.WriteString("/ ")
	}
	return b.String()
}

// ladder writes the book that the orders come to.
func (x *exchange) ladder() string {
	var out strings.Builder
	for _, bid := range []bool{true, false} {
		at := map[int]int{}
		for _, o := range x.orders {
			if o.bid == bid {
				at[o.price] += o.size
			}
		}
		prices := slices.Sorted(maps.Keys(at))
		if bid {
			slices.Reverse(prices)
		}
		for _, p := range prices {
			if at[p] > 0 {
				fmt.Fprintf(&out, "%s:%s ", hundredths(p), hundredths(at[p]))
			}
		}
		out.WriteString("/ ")
	}
	return out.String()
}

// Messages of full that are dropped, doubled or swapped are seen at once.
func TestFaultsInOrders(t *testing.T) {
	records, by := fullSession(11, 300)
	feedtest.Faults(t, &feedtest.Recording{
		Format: coinbase.Format, Options: feed.DefaultOptions(), Records: records,
		Snapshot: func(sym *market.Symbol, book *market.Book) []feed.Record {
			return []feed.Record{{Key: []byte(sym.Native), Value: []byte(by[sym.Native].bodies[book.Last])}}
		},
	}, 20)
}

// Of level2 nothing shows that a message is missing, but the next snapshot mends it.
func TestFaultsInLevels(t *testing.T) {
	feedtest.Faults(t, &feedtest.Recording{
		Format: coinbase.Format, Options: feed.DefaultOptions(), Sight: feedtest.Blind, Records: feedtest.Records(t, session),
		Snapshot: func(sym *market.Symbol, k *market.Book) []feed.Record {
			value := fmt.Sprintf(`{"type":"snapshot","product_id":%q,"bids":[%s],"asks":[%s]}`, sym.Native, pairs(k.Bids), pairs(k.Asks))
			return []feed.Record{{Value: []byte(value)}}
		},
	}, 1)
}

func pairs(levels []market.Level) string {
	var all []string
	for _, l := range levels {
		all = append(all, fmt.Sprintf(`["%s","%s"]`, l.Price, l.Qty))
	}
	return strings.Join(all, ",")
}
