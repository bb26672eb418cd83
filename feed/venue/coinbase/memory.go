package coinbase

import (
	"bytes"
	"maps"
	"slices"

	"tapedeck/feed"
	"tapedeck/market"
)

// Save implements feed.Memory: the orders of every book that is made of them, and the messages that wait for one.
func (d *decoder) Save(s *market.Saver) {
	feed.SaveEach(s, d.ladders, func(l *ladder) {
		s.Flags(l.synced)
		s.Int(l.at)
		s.Int(l.seen)
		s.Int(l.from)
		ids := slices.SortedFunc(maps.Keys(l.orders), func(a, b orderID) int { return bytes.Compare(a[:], b[:]) })
		s.Count(len(ids))
		for _, id := range ids {
			o := l.orders[id]
			s.Out = append(s.Out, id[:]...)
			s.Flags(o.bid)
			s.Decimal(o.price)
			s.Decimal(o.size)
		}
		l.bids.save(s)
		l.asks.save(s)
		s.Count(len(l.waiting))
		for i := range l.waiting {
			l.waiting[i].save(s)
		}
	})
}

// Load implements feed.Memory.
func (d *decoder) Load(l *market.Loader) {
	named := func(native []byte) (*market.Symbol, error) { return d.symbols.Named(native, symbolOf) }
	feed.LoadEach(l, d.ladders, named, func() *ladder {
		m := &ladder{orders: map[orderID]order{}}
		m.asks.asks = true
		l.Flags(&m.synced)
		m.at, m.seen, m.from = l.Int(), l.Int(), l.Int()
		for range l.Count(maxOrders) {
			id, o := loadID(l), order{}
			l.Flags(&o.bid)
			o.price, o.size = l.Decimal(), l.Decimal()
			m.orders[id] = o
		}
		m.bids.load(l)
		m.asks.load(l)
		for range l.Count(maxSteps) {
			m.waiting = append(m.waiting, loadStep(l))
		}
		return m
	})
	for _, m := range d.ladders {
		d.room.orders += len(m.orders)
		d.room.steps += len(m.waiting)
	}
	l.Hold(d.room.orders <= maxOrders && d.room.steps <= maxAllSteps)
}

func loadID(l *market.Loader) (id orderID) {
	for i := range id {
		id[i] = l.Byte()
	}
	return id
}

func (s *step) save(to *market.Saver) {
	to.Int(s.seq)
	to.Out = append(to.Out, s.id[:]...)
	to.Decimal(s.price)
	to.Decimal(s.size)
	to.Flags(s.bid)
	to.Byte(byte(s.kind))
}

func loadStep(l *market.Loader) (s step) {
	s.seq, s.id, s.price, s.size = l.Int(), loadID(l), l.Decimal(), l.Decimal()
	l.Flags(&s.bid)
	s.kind = stepKind(l.Byte())
	l.Hold(s.kind <= change)
	return s
}

func (r *rungs) save(s *market.Saver) {
	s.Count(len(r.list))
	for i := range r.list {
		s.Decimal(r.list[i].price)
		s.Sum(&r.list[i].total)
		s.Int(int64(r.list[i].orders))
	}
}

func (r *rungs) load(l *market.Loader) {
	for i := range l.Count(maxOrders) {
		r.list = append(r.list, rung{l.Decimal(), l.Sum(), int(l.Int())})
		l.Hold(i == 0 || r.behind(r.list[i-1].price, r.list[i].price))
	}
}
