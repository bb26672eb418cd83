package itch_test

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"strings"

	"tapedeck/market"
)

// write writes a message: its type, the stock's number, the time, and fields of 1, 2, 4, 8 or any number of bytes.
func write(kind byte, locate int, ns int64, fields ...any) []byte {
	m := binary.BigEndian.AppendUint16([]byte{kind}, uint16(locate))
	m = binary.BigEndian.AppendUint16(m, 2) // tracking number
	var time [8]byte
	binary.BigEndian.PutUint64(time[:], uint64(ns))
	m = append(m, time[2:]...)
	for _, f := range fields {
		switch f := f.(type) {
		case byte:
			m = append(m, f)
		case uint32:
			m = binary.BigEndian.AppendUint32(m, f)
		case uint64:
			m = binary.BigEndian.AppendUint64(m, f)
		case string:
			m = append(m, f...)
		}
	}
	return m
}

func padded(name string) string { return name + strings.Repeat(" ", 8-len(name)) }

// directory writes a stock directory message.
func directory(locate int, ns int64, name string) []byte {
	return write('R', locate, ns, padded(name), "QN", uint32(100), "NCZ PNN1N", uint32(0), byte('N'))
}

// resting is an order of the exchange.
type resting struct {
	stock         int
	side          byte
	price, shares uint32
}

// deal is a trade of the exchange.
type deal struct {
	name   string
	price  uint32
	shares uint64
	id     uint64
	side   market.Side
}

// exchange makes random days of a few stocks, and keeps its orders as plainly as can be: the books that must come
// out are added up from them.
type exchange struct {
	rng    *rand.Rand
	names  []string
	now    int64 // ns since midnight
	orders map[uint64]resting
	refs   []uint64 // of orders, ascending
	middle []uint32 // the price around which a stock is traded
	halted []bool
	ref    uint64 // the newest
	match  uint64
	deals  []deal
	sent   [][]byte // what the last step wrote
	about  int      // the stock of it; -1: all
}

func newExchange(seed uint64, names ...string) *exchange {
	return &exchange{rng: rand.New(rand.NewPCG(seed, 5)), names: names}
}

func (x *exchange) send(kind byte, stock int, fields ...any) {
	x.now += int64(x.rng.IntN(2_000_000))
	x.sent = append(x.sent, write(kind, stock+1, x.now, fields...))
}

// open returns the beginning of a day: there are no orders left.
func (x *exchange) open() [][]byte {
	x.now, x.about, x.sent = 3*3600*1e9, -1, nil
	x.orders, x.refs = map[uint64]resting{}, nil
	x.middle, x.halted = make([]uint32, len(x.names)), make([]bool, len(x.names))
	x.send('S', -1, byte('O'))
	for i, name := range x.names {
		x.middle[i] = 1_000_000 + uint32(i)*100_000
		x.sent = append(x.sent, directory(i+1, x.now, name))
		x.send('H', i, padded(name), "T     ")
	}
	x.send('S', -1, byte('S'))
	return x.sent
}

// close returns the end of a day.
func (x *exchange) close() [][]byte {
	x.sent, x.about = nil, -1
	x.send('S', -1, byte('C'))
	return x.sent
}

// step returns what happens next: one message, or several of one stock.
func (x *exchange) step() [][]byte {
	x.sent = nil
	i := x.rng.IntN(len(x.names))
	x.about = i
	switch n := x.rng.IntN(100); {
	case n < 1:
		x.turn(i)
	case n < 40:
		x.enter(i)
	case n < 60:
		x.cancel(i)
	case n < 75:
		x.replace(i)
	case n < 95:
		x.execute(i)
	default:
		x.aside(i)
	}
	return x.sent
}

// of returns some order of a stock; 0 if it has none.
func (x *exchange) of(stock int) uint64 {
	for range 10 {
		if len(x.refs) == 0 {
			return 0
		}
		if ref := x.refs[x.rng.IntN(len(x.refs))]; x.orders[ref].stock == stock {
			return ref
		}
	}
	return 0
}

func (x *exchange) put(o resting) uint64 {
	x.ref += 1 + uint64(x.rng.IntN(3))
	x.orders[x.ref] = o
	x.refs = append(x.refs, x.ref)
	return x.ref
}

func (x *exchange) drop(ref uint64) {
	delete(x.orders, ref)
	if at, ok := slices.BinarySearch(x.refs, ref); ok {
		x.refs = slices.Delete(x.refs, at, at+1)
	}
}

// price returns a price for an order, which crosses none that rests unless the stock is halted.
func (x *exchange) price(stock int, side byte) uint32 {
	x.middle[stock] += uint32(x.rng.IntN(3)*100) - 100
	away := uint32(x.rng.IntN(20) * 100)
	bids, asks := x.book(stock)
	if side == 'B' {
		p := x.middle[stock] - away
		if len(asks) > 0 && !x.halted[stock] {
			p = min(p, asks[0].price-100)
		}
		return p
	}
	p := x.middle[stock] + away
	if len(bids) > 0 && !x.halted[stock] {
		p = max(p, bids[0].price+100)
	}
	return p
}

func (x *exchange) enter(stock int) {
	o := resting{stock: stock, side: "BS"[x.rng.IntN(2)], shares: 1 + uint32(x.rng.IntN(500))}
	o.price = x.price(stock, o.side)
	if ref := x.put(o); x.rng.IntN(4) == 0 {
		x.send('F', stock, ref, o.side, o.shares, padded(x.names[stock]), o.price, "NITE")
	} else {
		x.send('A', stock, ref, o.side, o.shares, padded(x.names[stock]), o.price)
	}
}

func (x *exchange) cancel(stock int) {
	ref := x.of(stock)
	o := x.orders[ref]
	switch {
	case ref == 0:
		x.enter(stock)
	case o.shares > 1 && x.rng.IntN(3) == 0:
		n := 1 + uint32(x.rng.IntN(int(o.shares-1)))
		x.send('X', stock, ref, n)
		x.take(ref, n)
	default:
		x.send('D', stock, ref)
		x.drop(ref)
	}
}

// take takes shares of an order.
func (x *exchange) take(ref uint64, n uint32) {
	o := x.orders[ref]
	if o.shares -= n; o.shares == 0 {
		x.drop(ref)
	} else {
		x.orders[ref] = o
	}
}

func (x *exchange) replace(stock int) {
	ref := x.of(stock)
	if ref == 0 {
		x.enter(stock)
		return
	}
	o := x.orders[ref]
	x.drop(ref)
	if o.shares = 1 + uint32(x.rng.IntN(500)); x.rng.IntN(3) > 0 {
		o.price = x.price(stock, o.side)
	}
	x.send('U', stock, ref, x.put(o), o.shares, o.price)
}

// other is the side of whoever trades with an order.
func other(side byte) market.Side {
	if side == 'B' {
		return market.Sell
	}
	return market.Buy
}

func (x *exchange) execute(stock int) {
	ref := x.of(stock)
	if ref == 0 || x.halted[stock] {
		x.enter(stock)
		return
	}
	o := x.orders[ref]
	n := 1 + uint32(x.rng.IntN(int(o.shares)))
	x.match++
	d := deal{name: x.names[stock], price: o.price, shares: uint64(n), id: x.match, side: other(o.side)}
	if x.rng.IntN(4) == 0 {
		d.price = o.price + 50
		x.send('C', stock, ref, n, x.match, byte('Y'), d.price)
	} else {
		x.send('E', stock, ref, n, x.match)
	}
	x.deals = append(x.deals, d)
	x.take(ref, n)
}

// turn halts a stock, or lets it be traded again, after a cross of the orders that then can be traded.
func (x *exchange) turn(stock int) {
	name := padded(x.names[stock])
	if x.halted[stock] = !x.halted[stock]; x.halted[stock] {
		x.send('H', stock, name, "H T1  ")
		return
	}
	price, shares := x.middle[stock], uint64(0)
	for {
		bids, asks := x.book(stock)
		if len(bids) == 0 || len(asks) == 0 || bids[0].price < asks[0].price {
			break
		}
		n := min(x.best(stock, 'B').shares, x.best(stock, 'S').shares)
		for _, side := range []byte("BS") {
			ref := x.bestRef(stock, side)
			x.send('C', stock, ref, n, x.match+1, byte('N'), price)
			x.take(ref, n)
		}
		shares += uint64(n)
	}
	x.match++
	x.send('Q', stock, shares, name, price, x.match, byte('H'))
	if shares > 0 {
		x.deals = append(x.deals, deal{name: x.names[stock], price: price, shares: shares, id: x.match})
	}
	x.send('H', stock, name, "T     ")
}

func (x *exchange) best(stock int, side byte) resting { return x.orders[x.bestRef(stock, side)] }

func (x *exchange) bestRef(stock int, side byte) (best uint64) {
	for _, ref := range x.refs {
		o, b := x.orders[ref], x.orders[best]
		if o.stock == stock && o.side == side && (best == 0 || side == 'B' && o.price > b.price || side == 'S' && o.price < b.price) {
			best = ref
		}
	}
	return best
}

// aside sends what changes no book.
func (x *exchange) aside(stock int) {
	name := padded(x.names[stock])
	if x.rng.IntN(2) == 0 {
		x.send('Y', stock, name, byte('0'))
		return
	}
	x.match++
	d := deal{name: x.names[stock], price: x.middle[stock], shares: 1 + uint64(x.rng.IntN(100)), id: x.match}
	x.send('P', stock, uint64(0), byte('B'), uint32(d.shares), name, d.price, d.id)
	x.deals = append(x.deals, d)
}

// rung is what all orders at a price come to.
type rung struct {
	price  uint32
	shares uint64
}

// book adds up a stock's orders, the best price first.
func (x *exchange) book(stock int) (bids, asks []rung) {
	sum := map[byte]map[uint32]uint64{'B': {}, 'S': {}}
	for _, o := range x.orders {
		if o.stock == stock {
			sum[o.side][o.price] += uint64(o.shares)
		}
	}
	list := func(side byte) (all []rung) {
		for p, n := range sum[side] {
			all = append(all, rung{p, n})
		}
		slices.SortFunc(all, func(a, b rung) int { return int(a.price) - int(b.price) })
		return all
	}
	bids, asks = list('B'), list('S')
	slices.Reverse(bids)
	return bids, asks
}
