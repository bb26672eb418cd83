package kraken

import (
	"tapedeck/feed"
	"tapedeck/market"
)

// Save implements feed.Memory.
func (d *decoder) Save(s *market.Saver) {
	feed.SaveEach(s, d.known, func(m *memory) {
		s.Flags(m.spread, m.orders != nil)
		m.book.save(s)
		if m.orders != nil {
			m.orders.save(s)
		}
	})
}

// Load implements feed.Memory.
func (d *decoder) Load(l *market.Loader) {
	named := func(native []byte) (*market.Symbol, error) { return d.symbols.Named(native, symbolOf) }
	feed.LoadEach(l, d.known, named, func() *memory {
		m, ordered := new(memory), false
		l.Flags(&m.spread, &ordered)
		m.book.load(l)
		if ordered {
			m.orders = new(orders)
			m.orders.load(l)
			d.held += m.orders.held
		}
		return m
	})
	l.Hold(d.held <= maxOrders)
}

func (s *subscribed) save(to *market.Saver) {
	to.Int(int64(s.told))
	to.Int(int64(s.depth))
}

func (s *subscribed) load(l *market.Loader) { s.told, s.depth = int(l.Int()), int(l.Int()) }

func (o *orders) save(s *market.Saver) {
	o.subscribed.save(s)
	s.Flags(o.known)
	s.Int(o.messages)
	o.bids.save(s)
	o.asks.save(s)
}

func (o *orders) load(l *market.Loader) {
	o.subscribed.load(l)
	l.Flags(&o.known)
	o.messages = l.Int()
	o.asks.asks = true
	o.held = o.bids.load(l) + o.asks.load(l)
}

func (o *line) save(s *market.Saver) {
	s.Count(len(o.queues))
	for i := range o.queues {
		q := &o.queues[i]
		s.Decimal(q.price)
		s.Count(len(q.orders))
		for j := range q.orders {
			s.Bytes(q.orders[j].id.Bytes())
			s.Decimal(q.orders[j].qty)
		}
	}
}

// load returns how many orders there are.
func (o *line) load(l *market.Loader) (held int) {
	for i := range l.Count(maxOrders) {
		q := queue{price: l.Decimal()}
		for range l.Count(maxOrders - held) {
			id, ok := market.MakeID(l.Bytes(market.MaxID))
			l.Hold(ok)
			q.orders = append(q.orders, resting{id: id, qty: l.Decimal()})
			held++
		}
		at, found := o.find(q.price)
		l.Hold(at == i && !found && len(q.orders) > 0)
		o.queues = append(o.queues, q)
	}
	return held
}
