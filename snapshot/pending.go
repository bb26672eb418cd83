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
// brought up to date. The oldest go first when there are too many messages or levels.
type pending struct {
	deltas []delta
	levels []market.Level
	limit  int
}

// levelsPerDelta bounds the levels of all kept deltas together: 16 is what a captured delta has on
// average on the busiest stream.
const levelsPerDelta = 16

func (p *pending) keep(b *market.Book) {
	n := len(b.Bids) + len(b.Asks)
	if n > p.limit*levelsPerDelta {
		p.clear() // cannot be kept, so nothing before it is of use either
		return
	}
	if len(p.deltas) >= p.limit || len(p.levels)+n > p.limit*levelsPerDelta {
		p.drop(max(len(p.deltas)/4, 1))
		for len(p.levels)+n > p.limit*levelsPerDelta {
			p.drop(1)
		}
	}
	p.deltas = append(p.deltas, delta{b.First, b.Last, b.Prev, len(b.Bids), len(b.Asks), b.Depth, b.Check, b.Sum})
	p.levels = append(append(p.levels, b.Bids...), b.Asks...)
}

func (p *pending) drop(n int) {
	cut := 0
	for _, d := range p.deltas[:n] {
		cut += d.bids + d.asks
	}
	p.deltas = p.deltas[:copy(p.deltas, p.deltas[n:])]
	p.levels = p.levels[:copy(p.levels, p.levels[cut:])]
}

func (p *pending) clear() { p.deltas, p.levels = p.deltas[:0], p.levels[:0] }

// each calls f with every kept delta, oldest first, until f returns false.
func (p *pending) each(f func(*market.Book) bool) {
	at := 0
	var b market.Book
	for _, d := range p.deltas {
		b = market.Book{First: d.first, Last: d.last, Prev: d.prev, Depth: d.depth, Check: d.check, Sum: d.sum}
		b.Bids = p.levels[at : at+d.bids : at+d.bids]
		at += d.bids
		b.Asks = p.levels[at : at+d.asks : at+d.asks]
		at += d.asks
		if !f(&b) {
			return
		}
	}
}
