package itch

import (
	"encoding/binary"
	"maps"
	"slices"

	"tapedeck/market"
)

// Save implements feed.Memory: the day's stocks with their books, and every order (BenchmarkSave).
func (d *decoder) Save(s *market.Saver) {
	s.Int(d.number)
	s.Flags(d.started, d.ended, d.log.begun)
	s.Int(d.log.offset)
	s.Out = append(s.Out, d.session.name[:]...)
	s.Uint(d.session.next)
	s.Uint(d.session.top)
	numbers := slices.Sorted(maps.Keys(d.names))
	s.Count(len(numbers))
	for _, n := range numbers {
		s.Uint(n)
		d.names[n].save(s)
	}
	s.Count(len(d.stocks))
	for _, st := range d.stocks {
		s.Flags(st != nil)
		if st != nil {
			s.Uint(st.name)
		}
	}
	d.orders.save(s)
}

// maxStocks is how many numbers of the day there are.
const maxStocks = 1 << 16

// Load implements feed.Memory.
func (d *decoder) Load(l *market.Loader) {
	d.number = l.Int()
	l.Flags(&d.started, &d.ended, &d.log.begun)
	d.log.offset = l.Int()
	for i := range d.session.name {
		d.session.name[i] = l.Byte()
	}
	d.session.next, d.session.top = l.Uint(), l.Uint()
	for range l.Count(maxStocks) {
		d.named(l.Uint()).load(l)
	}
	for range l.Count(maxStocks) {
		var st *stock
		var known bool
		if l.Flags(&known); known {
			st = d.named(l.Uint())
		}
		d.stocks = append(d.stocks, st)
	}
	d.loadOrders(l)
}

// named returns the stock of a name, made if need be.
func (d *decoder) named(number uint64) *stock {
	if s := d.names[number]; s != nil {
		return s
	}
	var name [8]byte
	binary.BigEndian.PutUint64(name[:], number)
	return d.make(name[:])
}

func (st *stock) save(s *market.Saver) {
	s.Byte(st.state)
	s.Flags(st.closed, st.whole, st.told, st.crossed)
	s.Int(st.last)
	st.bids.save(s)
	st.asks.save(s)
}

// load reads what is known of a stock, also of one that is not wanted: nobody asks for that.
func (st *stock) load(l *market.Loader) {
	st.state = l.Byte()
	l.Flags(&st.closed, &st.whole, &st.told, &st.crossed)
	st.last = l.Int()
	st.bids.load(l)
	st.asks.load(l)
}

func (r *rungs) save(s *market.Saver) {
	s.Count(len(r.list))
	for i := range r.list {
		s.Uint(uint64(r.list[i].price))
		s.Uint(r.list[i].shares)
	}
}

func (r *rungs) load(l *market.Loader) {
	r.list = nil // a stock may be named twice in what is damaged
	for i := range l.Count(maxOrders) {
		price, shares := l.Uint(), l.Uint()
		r.list = append(r.list, rung{uint32(price), shares})
		l.Hold(price < 1<<32 && shares > 0 && shares < 1<<62 && (i == 0 || r.behind(r.list[i-1].price, r.list[i].price)))
	}
}

// orderSize is what an order takes when it is saved: each field in its place, since the log waits meanwhile. A million orders
// take 4 ms.
const orderSize = 8 + 4 + 4 + 2 + 1

// save appends every order as they lie, from behind a free slot on: put into a table of the same size one after the other,
// each comes to lie where it was.
func (t *orders) save(s *market.Saver) {
	s.Count(t.n * orderSize)
	s.Out = slices.Grow(s.Out, t.n*orderSize)
	free := slices.IndexFunc(t.slots, func(o slot) bool { return o.ref == 0 })
	for _, part := range [][]slot{t.slots[free:], t.slots[:free]} {
		for i := range part {
			o := &part[i]
			if o.ref == 0 {
				continue
			}
			n := len(s.Out)
			s.Out = s.Out[:n+orderSize]
			to := s.Out[n : n+orderSize]
			binary.LittleEndian.PutUint64(to, o.ref)
			binary.LittleEndian.PutUint32(to[8:], o.price)
			binary.LittleEndian.PutUint32(to[12:], o.shares)
			binary.LittleEndian.PutUint16(to[16:], o.locate)
			to[18] = o.side
		}
	}
}

// loadOrders reads orders, but those of stocks that are not wanted: nothing would ever end them.
func (d *decoder) loadOrders(l *market.Loader) {
	all := l.Bytes(maxOrders * orderSize)
	l.Hold(len(all)%orderSize == 0)
	size := len(d.orders.slots)
	for len(all)/orderSize > size/4*3 {
		size *= 2
	}
	d.orders.resize(size) // as it would have grown
	for ; len(all) >= orderSize; all = all[orderSize:] {
		ref := binary.LittleEndian.Uint64(all)
		o := order{
			price: binary.LittleEndian.Uint32(all[8:]), shares: binary.LittleEndian.Uint32(all[12:]),
			locate: binary.LittleEndian.Uint16(all[16:]), side: all[18],
		}
		l.Hold(ref > 0 && (o.side == 'B' || o.side == 'S' || o.side == 0))
		if l.Err() != nil {
			return
		}
		if int(o.locate) < len(d.stocks) && d.stocks[o.locate] != nil && d.stocks[o.locate].symbol != nil {
			d.orders.put(ref, o)
		}
	}
}
