package snapshot

import "tapedeck/market"

// Kept is a State that a checkpoint holds: of a base room, or of one that is derived and has a memory of its own.
// Loaded into a new state of the same limits, it goes on as the saved one does. What only readers who fall behind would
// need, the log of changes, is not in it. Load takes nothing that would break a rule of the state: the Loader's Err says so.
type Kept interface {
	State
	Save(s *market.Saver)
	Load(l *market.Loader)
}

// Save appends the tape. Its marks stay as they are.
func (t *Trades) Save(s *market.Saver) {
	floor, next := t.tape.floor(), t.tape.next()
	trades, _ := t.tape.between(floor, next)
	s.Uint(floor)
	s.Uint(t.since)
	s.Flags(t.whole)
	s.Count(len(trades))
	for i := range trades {
		s.Trade(&trades[i])
	}
}

// Load reads a tape.
func (t *Trades) Load(l *market.Loader) {
	t.tape.first, t.since = l.Uint(), l.Uint()
	l.Flags(&t.whole)
	for range l.Count(t.tape.keep) {
		t.tape.items = append(t.tape.items, l.Trade())
	}
	l.Hold(t.tape.first < 1<<62 && t.since <= t.tape.next())
}

// Save appends the quote.
func (q *Quotes) Save(s *market.Saver) {
	s.Flags(q.lost)
	for _, d := range []market.Decimal{q.quote.BidPrice, q.quote.BidQty, q.quote.AskPrice, q.quote.AskQty} {
		s.Decimal(d)
	}
}

// Load reads a quote.
func (q *Quotes) Load(l *market.Loader) {
	l.Flags(&q.lost)
	for _, d := range []*market.Decimal{&q.quote.BidPrice, &q.quote.BidQty, &q.quote.AskPrice, &q.quote.AskQty} {
		*d = l.Decimal()
	}
	q.mark = 1
}

// Save appends what is known of each field, and of which one never heard.
func (t *Ticker) Save(s *market.Saver) {
	s.Flags(t.lost, t.whole)
	s.Int(t.since)
	heard := uint64(0)
	for f, changed := range t.changed {
		if changed > 0 {
			heard |= 1 << f
		}
	}
	s.Uint(heard)
	for f, v := range t.values {
		if t.changed[f] > 0 {
			s.Decimal(v)
		}
	}
}

// Load reads a ticker, of which every field counts as changed at once.
func (t *Ticker) Load(l *market.Loader) {
	l.Flags(&t.lost, &t.whole)
	t.since = l.Int()
	heard := l.Uint()
	for f := range t.values {
		t.values[f], t.changed[f] = market.Decimal{}, 0
		if heard&(1<<f) != 0 {
			t.values[f], t.changed[f] = l.Decimal(), 1
		}
	}
	t.mark = 1
}

// Save appends the ticker and up to where its day goes.
func (r *Rolling) Save(s *market.Saver) {
	r.Ticker.Save(s)
	s.Int(r.end)
}

// Load reads a ticker. Its base was loaded before, of which it has read everything.
func (r *Rolling) Load(l *market.Loader) {
	r.Ticker.Load(l)
	r.end = l.Int()
}

// Save appends the candles, whose wider sums need no memory.
func (m *Minutes) Save(s *market.Saver) {
	s.Int(m.since)
	s.Int(m.dropped)
	s.Int(m.over)
	s.Count(len(m.known))
	for _, k := range m.known {
		s.Int(k.from)
		s.Int(k.to)
	}
	s.Count(len(m.list))
	was := int64(0)
	for i := range m.list {
		m.list[i].save(s, was)
		was = m.list[i].start
	}
}

// Load reads candles.
func (m *Minutes) Load(l *market.Loader) {
	m.since, m.dropped, m.over = l.Int(), l.Int(), l.Int()
	m.known = nil
	for range l.Count(maxSpans) {
		m.known = append(m.known, span{l.Int(), l.Int()})
	}
	was := int64(0)
	for i := range l.Count(m.keep) {
		var b bar
		b.load(l, was)
		l.Hold(b.start%m.width == 0 && (i == 0 || b.start > was))
		m.list = append(m.list, b)
		was = b.start
	}
}

func (b *bar) save(s *market.Saver, was int64) {
	s.Int(b.start - was)
	s.Int(b.first - b.start) // near the start where trades made the candle
	s.Int(b.last - b.start)
	for _, d := range []market.Decimal{b.open, b.high, b.low, b.close} {
		s.Decimal(d)
	}
	s.Sum(&b.volume)
	s.Sum(&b.notional)
	s.Int(b.trades)
	s.Uint(uint64(b.rev))
	s.Flags(b.final)
}

func (b *bar) load(l *market.Loader, was int64) {
	b.start = was + l.Int()
	b.first, b.last = b.start+l.Int(), b.start+l.Int()
	for _, d := range []*market.Decimal{&b.open, &b.high, &b.low, &b.close} {
		*d = l.Decimal()
	}
	b.volume, b.notional = l.Sum(), l.Sum()
	b.trades, b.rev = l.Int(), uint32(l.Uint())
	l.Flags(&b.final)
}

// Save appends the levels, and the deltas that are kept for a snapshot that may be older than they are.
func (b *Book) Save(s *market.Saver) {
	s.Flags(b.snap, b.waiting, b.doubt, b.seen, b.touched, b.chained)
	s.Int(b.last)
	s.Int(b.base)
	b.bids.save(s)
	b.asks.save(s)
	b.pending.save(s)
}

// Load reads a book.
func (b *Book) Load(l *market.Loader) {
	l.Flags(&b.snap, &b.waiting, &b.doubt, &b.seen, &b.touched, &b.chained)
	b.last, b.base = l.Int(), l.Int()
	most := keptDepths*b.depth + keptDepths*b.depth/8
	b.bids.restore(l, most)
	b.asks.restore(l, most)
	b.pending.load(l)
}

func (s *side) save(to *market.Saver) {
	to.Decimal(s.dropped)
	to.Levels(s.levels)
}

func (s *side) restore(l *market.Loader, most int) {
	s.dropped = l.Decimal()
	s.levels = l.Levels(s.levels[:0], most)
	for i := range s.levels {
		l.Hold(s.levels[i].Price.Set() && s.levels[i].Qty.Set() && (i == 0 || s.worse(s.levels[i-1].Price, s.levels[i].Price)))
	}
}

// What stands for a delta's checksum: none, the one of the delta before, or one whose name follows.
const (
	noCheck byte = iota
	sameCheck
	namedCheck
)

func (p *pending) save(s *market.Saver) {
	s.Flags(p.some)
	s.Int(p.newest)
	s.Count(len(p.deltas) - p.head)
	var named *market.Check
	p.each(func(d *market.Book) bool {
		s.Int(d.Last)
		s.Int(d.First - d.Last)
		s.Int(d.Prev - d.Last)
		s.Int(int64(d.Depth))
		s.Levels(d.Bids)
		s.Levels(d.Asks)
		switch {
		case d.Check == nil:
			s.Byte(noCheck)
			return true
		case d.Check == named:
			s.Byte(sameCheck)
		default:
			named = d.Check
			s.Byte(namedCheck)
			s.Text(named.Name)
		}
		s.Uint(uint64(d.Sum))
		return true
	})
}

func (p *pending) load(l *market.Loader) {
	l.Flags(&p.some)
	p.newest = l.Int()
	var named *market.Check
	most := p.limit * levelsPerDelta
	for range l.Count(p.limit) {
		var d delta
		d.last = l.Int()
		d.first, d.prev, d.depth = d.last+l.Int(), d.last+l.Int(), int(l.Int())
		at := len(p.levels)
		p.levels = l.Levels(p.levels, most-at)
		d.bids = len(p.levels) - at
		p.levels = l.Levels(p.levels, most-at-d.bids)
		d.asks = len(p.levels) - at - d.bids
		what := l.Byte()
		if what == namedCheck {
			if name := l.Text(maxCheckName); l.Check != nil {
				named = l.Check(name)
			}
		}
		if what != noCheck {
			d.check, d.sum = named, uint32(l.Uint())
			l.Hold(what <= namedCheck && named != nil)
		}
		p.deltas = append(p.deltas, d)
	}
	for i := range p.levels {
		l.Hold(p.levels[i].Price.Set() && p.levels[i].Qty.Set())
	}
}

const maxCheckName = 100
