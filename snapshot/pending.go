package snapshot

import "tapedeck/market"

// delta is a kept book message without its levels, which lie in pending.levels.
type delta struct {
	first, last, prev int64
	bids, asks        int // how many levels
	depth             int
	check             *market.Check
	sum               uint32
}

// pending keeps the newest deltas of a book, so that a snapshot that is older than they are can be
// brought up to date. What is kept is a matter of the deltas alone: the newest, as long as they are not
// too many messages or levels. What went is moved away later, some at once.
type pending struct {
	deltas []delta
	levels []market.Level
	head   int // of the oldest kept delta
	at     int // of its first level
	limit  int
	some   bool        // there was a delta, kept or not
	newest int64       // its Last
	one    market.Book // the one that each hands out
}

// levelsPerDelta bounds the levels of all kept deltas together: 16 is what a captured delta has on
// average on the busiest stream.
const levelsPerDelta = 16

func (p *pending) keep(b *market.Book) {
	p.some, p.newest = true, b.Last
	p.deltas = append(p.deltas, delta{b.First, b.Last, b.Prev, len(b.Bids), len(b.Asks), b.Depth, b.Check, b.Sum})
	p.levels = append(append(p.levels, b.Bids...), b.Asks...)
	for len(p.deltas)-p.head > p.limit || len(p.levels)-p.at > p.limit*levelsPerDelta {
		p.at += p.deltas[p.head].bids + p.deltas[p.head].asks
		p.head++
	}
	if 4*p.head > len(p.deltas) || 4*p.at > len(p.levels) {
		p.deltas = p.deltas[:copy(p.deltas, p.deltas[p.head:])]
		p.levels = p.levels[:copy(p.levels, p.levels[p.at:])]
		p.head, p.at = 0, 0
	}
}

func (p *pending) clear() { *p = pending{deltas: p.deltas[:0], levels: p.levels[:0], limit: p.limit} }

// reached reports that a book which is at an id has all that was ever to be kept.
func (p *pending) reached(id int64) bool { return !p.some || id >= p.newest }

// each calls f with every kept delta, oldest first, until f returns false. It is valid until f returns.
func (p *pending) each(f func(*market.Book) bool) {
	at := p.at
	b := &p.one
	for _, d := range p.deltas[p.head:] {
		*b = market.Book{First: d.first, Last: d.last, Prev: d.prev, Depth: d.depth, Check: d.check, Sum: d.sum}
		b.Bids = p.levels[at : at+d.bids : at+d.bids]
		at += d.bids
		b.Asks = p.levels[at : at+d.asks : at+d.asks]
		at += d.asks
		if !f(b) {
			return
		}
	}
}
