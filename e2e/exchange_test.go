package e2e_test

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"tapedeck/wire/mirror"
)

// exchange is a made-up Binance spot market in the venue's own messages. It knows its true books and
// trades, so it needs no capture, and what clients believe can be held against it.
type exchange struct {
	r          *rand.Rand
	topic      string
	partitions int32
	now        int64 // µs
	step       int64 // µs between records, on average
	every      int   // deltas between two snapshots of a book
	skips      int   // one in so many deltas is never sent; 0: none is
	list       []*instrument
}

// instrument is one symbol: prices in hundredths, quantities in thousandths.
type instrument struct {
	x          *exchange
	base       string
	id         int64 // of the newest book change
	lastTrade  int64
	mid        int64
	bids, asks map[int64]int64
	deltas     int
	late       *message // a snapshot that was taken, and is not yet published
}

func newExchange(seed uint64, topic string, partitions int32, now int64, bases ...string) *exchange {
	x := &exchange{r: rand.New(rand.NewPCG(seed, 7)), topic: topic, partitions: partitions, now: now, step: 20_000, every: 150}
	for i, base := range bases {
		in := &instrument{x: x, base: base, id: 1000 * int64(i+1), mid: 10_000 + x.r.Int64N(90_000), bids: map[int64]int64{}, asks: map[int64]int64{}}
		in.deltas = x.every - 5 // the first snapshot comes soon
		for n := range int64(10) {
			in.bids[in.mid-1-n] = 1000 + n
			in.asks[in.mid+1+n] = 2000 + n
		}
		x.list = append(x.list, in)
	}
	return x
}

func (in *instrument) native() string { return in.base + "USDT" }

// room names one of the instrument's rooms: channel, and variant where it has one.
func (in *instrument) room(channel string) string {
	channel, variant, _ := strings.Cut(channel, "@")
	name := channel + ":BINANCE:" + in.base + "-USDT"
	if variant != "" {
		name += "@" + variant
	}
	return name
}

// channels are what each instrument has rooms of.
var channels = []string{"trades", "quotes", "book", "book@5", "book@20", "ticker", "candles@1m", "candles@5m"}

func (x *exchange) rooms() (names []string) {
	for _, in := range x.list {
		for _, c := range channels {
			names = append(names, in.room(c))
		}
	}
	return names
}

// next is the next record of any instrument.
func (x *exchange) next() *message {
	x.now += x.r.Int64N(2 * x.step)
	in := x.list[x.r.IntN(len(x.list))]
	if in.late != nil && x.r.IntN(3) == 0 {
		m := in.late
		in.late = nil
		m.time = x.now
		return m
	}
	switch n := x.r.IntN(20); {
	case n < 7:
		return in.tradeNow()
	case n < 9:
		return in.ticker()
	case n < 13:
		return in.quote()
	}
	return in.delta()
}

// some are the next n records.
func (x *exchange) some(n int) (list []*message) {
	for range n {
		list = append(list, x.next())
	}
	return list
}

func (in *instrument) message(format string, args ...any) *message {
	return &message{
		topic: in.x.topic, partition: keyed(in.native(), in.x.partitions), time: in.x.now,
		key: in.native(), symbol: in.native(), value: fmt.Appendf(nil, format, args...),
	}
}

// venueTime is the venue's clock, in its ms: a little before the record's.
func (in *instrument) venueTime() int64 { return in.x.now/1000 - 1 - in.x.r.Int64N(20) }

func (in *instrument) tradeNow() *message {
	in.lastTrade++
	buy := in.x.r.IntN(2) == 0
	price := in.mid - 1
	if buy {
		price = in.mid + 1
	}
	at := in.venueTime()
	m := in.message(`{"e":"trade","E":%d,"s":%q,"t":%d,"p":%q,"q":%q,"T":%d,"m":%t,"M":true}`,
		at, in.native(), in.lastTrade, price2(price), qty3(1+in.x.r.Int64N(5000)), at, !buy)
	m.trade = fmt.Sprint(in.lastTrade)
	return m
}

func (in *instrument) ticker() *message {
	at := in.venueTime()
	return in.message(`{"e":"24hrTicker","E":%d,"s":%q,"p":"1.00","P":"0.5","w":"%d.5","x":"1.00","c":%q,"Q":"1.000","b":"1.00","B":"1.000","a":"2.00","A":"1.000","o":"100.00","h":%q,"l":"1.00","v":%q,"q":"%d.12","O":%d,"C":%d,"F":1,"L":%d,"n":%d}`,
		at, in.native(), in.mid/100, price2(in.mid), price2(in.mid+500), qty3(in.lastTrade*7), in.lastTrade*3, at-86_400_000, at, in.lastTrade, in.lastTrade)
}

func (in *instrument) quote() *message {
	bid, ask := slices.Max(slices.Collect(maps.Keys(in.bids))), slices.Min(slices.Collect(maps.Keys(in.asks)))
	return in.message(`{"u":%d,"s":%q,"b":%q,"B":%q,"a":%q,"A":%q}`,
		in.id, in.native(), price2(bid), qty3(in.bids[bid]), price2(ask), qty3(in.asks[ask]))
}

// delta changes the book. Now and then it has a snapshot taken, which comes after some more deltas.
func (in *instrument) delta() *message {
	if in.x.skips > 0 && in.x.r.IntN(in.x.skips) == 0 {
		in.skip()
	}
	m := in.change()
	if in.deltas++; in.deltas >= in.x.every {
		in.deltas = 0
		in.late = in.snapshot()
	}
	return m
}

func (in *instrument) change() *message {
	r := in.x.r
	bids, asks := map[int64]int64{}, map[int64]int64{}
	set := func(side, told map[int64]int64, price, qty int64) {
		told[price] = qty
		side[price] = qty
		if qty == 0 {
			delete(side, price)
		}
	}
	switch r.IntN(6) {
	case 0:
		in.mid++
		if in.asks[in.mid] > 0 {
			set(in.asks, asks, in.mid, 0)
		}
	case 1:
		in.mid--
		if in.bids[in.mid] > 0 {
			set(in.bids, bids, in.mid, 0)
		}
	}
	for range 1 + r.IntN(4) {
		away, qty := 1+r.Int64N(30), max(r.Int64N(9000)-3000, 0)
		if r.IntN(2) == 0 {
			set(in.bids, bids, in.mid-away, qty)
		} else {
			set(in.asks, asks, in.mid+away, qty)
		}
	}
	set(in.bids, bids, in.mid-1, 1+r.Int64N(9000))
	set(in.asks, asks, in.mid+1, 1+r.Int64N(9000))
	first := in.id + 1
	in.id += 1 + r.Int64N(3)
	return in.message(`{"e":"depthUpdate","E":%d,"s":%q,"U":%d,"u":%d,"b":%s,"a":%s}`,
		in.venueTime(), in.native(), first, in.id, levels(bids), levels(asks))
}

// snapshot is the book as the venue's REST interface gives it.
func (in *instrument) snapshot() *message {
	m := in.message(`{"lastUpdateId":%d,"bids":%s,"asks":%s}`, in.id, levels(in.bids), levels(in.asks))
	m.native = in.native()
	return m
}

// skip changes the book without telling: the venue's gap.
func (in *instrument) skip() { in.change() }

func levels(side map[int64]int64) string {
	var b strings.Builder
	b.WriteByte('[')
	for i, price := range slices.SortedFunc(maps.Keys(side), func(a, b int64) int { return cmp.Compare(b, a) }) {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "[%q,%q]", price2(price), qty3(side[price]))
	}
	b.WriteByte(']')
	return b.String()
}

func price2(v int64) string { return fmt.Sprintf("%d.%02d", v/100, v%100) }
func qty3(v int64) string   { return fmt.Sprintf("%d.%03d", v/1000, v%1000) }

// differ says how a client's whole book differs from the true one; "" if it does not.
func (in *instrument) differ(r *mirror.Room) string {
	for _, side := range []struct {
		name string
		have map[string]string
		want map[int64]int64
	}{{"bids", r.Bids, in.bids}, {"asks", r.Asks, in.asks}} {
		if len(side.have) != len(side.want) {
			return fmt.Sprintf("%s: %d levels, want %d", side.name, len(side.have), len(side.want))
		}
		for price, qty := range side.want {
			if have := side.have[plain(price2(price))]; have != plain(qty3(qty)) {
				return fmt.Sprintf("%s: %s has %q, want %s", side.name, price2(price), have, qty3(qty))
			}
		}
	}
	return ""
}

// plain drops trailing zeros, as the mirror does.
func plain(s string) string {
	if !strings.Contains(s, ".") {
		return s
	}
	return strings.TrimRight(strings.TrimRight(s, "0"), ".")
}
