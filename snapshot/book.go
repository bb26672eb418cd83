package snapshot

import "tapedeck/market"

// Book is a symbol's levels. It starts empty and good; the first delta without a snapshot makes it
// wait for one. Its venue's Chain judges what follows what, and its Check what came of it. A snapshot
// replaces it in any case, and kept deltas that are newer are applied again on top; what that changed is
// told as changes of levels, so that a book which was good stays in step with its readers.
type Book struct {
	bids, asks side
	changes    changes
	pending    pending
	oldBids    side // what was before the newest snapshot
	oldAsks    side
	full       market.Book
	last       int64 // the venue's number of the newest message applied
	base       int64 // that of the newest snapshot
	snap       bool  // nothing but a snapshot was applied yet: the next delta must start on it
	waiting    bool  // stale until a snapshot
	doubt      bool  // records are missing: stale until the chain or a snapshot proves it
	seen       bool  // has read a delta since it began, or since records were missing
	touched    bool  // had any message
	chained    bool  // the newest message had a Chain that is not Blind
	depth      int
}

// NewBook returns an empty book.
func NewBook(l Limits, _ Origin) State {
	b := &Book{depth: l.Depth}
	b.asks.asks, b.oldAsks.asks = true, true
	b.changes.keep = l.Changes
	b.pending.limit = l.Pending
	return b
}

// Apply folds a book message in.
func (b *Book) Apply(ev *market.Event, _ Cause) Effect {
	p, ok := ev.Payload.(*market.Book)
	if !ok {
		return None
	}
	first := !b.touched
	b.touched, b.chained = true, p.Chain != nil && !p.Chain.Blind
	if p.Snapshot {
		return b.replace(p, first)
	}
	return b.follow(p, first)
}

// follow applies a delta.
func (b *Book) follow(p *market.Book, first bool) Effect {
	if p.Chain != nil {
		b.pending.keep(p)
		b.seen = true
	}
	if first {
		b.waiting = true
		return Broken
	}
	if b.waiting {
		return None
	}
	switch {
	case p.Chain == nil:
		if b.doubt && !proves(p) {
			return None
		}
	case b.snap && p.Chain.Old(p, b.last):
		return b.proven(None) // what came before this delta is in the snapshot, and what comes after will be read
	case !b.snap && repeated(p, b.last):
		return None
	case !b.next(p):
		return b.breaks()
	case b.doubt && p.Chain.Blind && !proves(p):
		return None
	}
	b.last, b.snap = max(p.Last, b.last), false
	mark := b.changes.next()
	b.set(p)
	switch {
	case !b.sound() || !b.checks(p):
		return b.breaks()
	case b.changes.next() == mark:
		return b.proven(Silent)
	}
	return b.proven(Changed)
}

// proven ends the doubt, if there is any; else the effect is eff.
func (b *Book) proven(eff Effect) Effect {
	if !b.doubt {
		return eff
	}
	b.doubt = false
	b.changes.skip()
	return Mended
}

func (b *Book) next(p *market.Book) bool {
	if b.snap {
		return p.Chain.Starts(p, b.last)
	}
	return p.Chain.Follows(p, b.last)
}

func repeated(p *market.Book, last int64) bool {
	if p.Chain.Repeat != nil {
		return p.Chain.Repeat(p, last)
	}
	return p.Last <= last
}

// proves reports whether the checksum of a message covers all that the venue maintains, so that it proves
// a book from which records may be missing as well as a snapshot would.
func proves(p *market.Book) bool {
	return p.Check != nil && p.Depth > 0 && p.Depth <= p.Check.Levels
}

// checks reports whether the book has the checksum that the venue says it has.
func (b *Book) checks(p *market.Book) bool {
	if p.Check == nil {
		return true
	}
	b.full.Bids = b.bids.appendBestFirst(b.full.Bids[:0], p.Check.Levels)
	b.full.Asks = b.asks.appendBestFirst(b.full.Asks[:0], p.Check.Levels)
	return p.Check.Sum(b.full.Bids, b.full.Asks) == p.Sum
}

// breaks makes the book wait for a snapshot.
func (b *Book) breaks() Effect {
	was := b.Good()
	b.waiting, b.doubt = true, false
	b.bids.levels, b.asks.levels = b.bids.levels[:0], b.asks.levels[:0]
	b.changes.skip()
	if was {
		return Broken
	}
	return None
}

// keptDepths is how many times the levels that are told a side keeps. Prices move, and what was behind
// the worst level told is soon among the best: with 1,000 levels kept of bitcoin, a recorded book@20 was wrong
// within minutes.
const keptDepths = 5

// put applies a level and logs what that changed of those that are told.
func (b *Book) put(s *side, l market.Level) {
	i, what := s.put(&l)
	edge := len(s.levels) - b.depth // the worst level that is told, if there are more
	switch {
	case what == altered && i >= edge:
		b.changes.add(s.asks, l)
	case what == added && i >= edge:
		b.changes.add(s.asks, l)
		if edge > 0 {
			b.changes.gone(s.asks, s.levels[edge-1].Price)
		}
	case what == removed && i > edge:
		b.changes.gone(s.asks, l.Price)
		if edge >= 0 {
			b.changes.add(s.asks, s.levels[edge])
		}
	}
}

// set applies a message's levels. They are cut after it: a level that is written before another leaves must not be
// left out.
func (b *Book) set(p *market.Book) {
	b.bids.near, b.asks.near = len(b.bids.levels), len(b.asks.levels) // most changes are near the best
	for _, l := range p.Bids {
		b.put(&b.bids, l)
	}
	for _, l := range p.Asks {
		b.put(&b.asks, l)
	}
	for _, s := range []*side{&b.bids, &b.asks} {
		if told := b.told(s); b.venueCuts(p) && len(told) > p.Depth {
			for _, l := range told[:len(told)-p.Depth] {
				b.changes.gone(s.asks, l.Price)
			}
		}
		b.trim(s, p)
	}
}

// trim removes what the venue does not keep after a message, and what we do not.
func (b *Book) trim(s *side, p *market.Book) {
	if b.venueCuts(p) {
		s.cut(p.Depth)
	} else {
		s.keep(keptDepths * b.depth)
	}
}

func (b *Book) venueCuts(p *market.Book) bool { return p.Depth > 0 && p.Depth <= b.depth }

// told are the levels of a side that readers are told, best last.
func (b *Book) told(s *side) []market.Level { return tail(s.levels, b.depth) }

// sound reports whether what is told may be true: the sides do not cross, and lack nothing that was not kept.
func (b *Book) sound() bool { return !b.crossed() && b.bids.whole(b.depth) && b.asks.whole(b.depth) }

func (b *Book) crossed() bool {
	bid, ask := b.bids.best(), b.asks.best()
	return bid.Price.Set() && ask.Price.Set() && bid.Price.Cmp(ask.Price) >= 0
}

// replace takes a snapshot. The first one replaces also what readers know from elsewhere.
func (b *Book) replace(p *market.Book, first bool) Effect {
	good := b.Good() && !first
	if !b.waiting && !first && p.Chain != nil && (p.Last < b.base || p.Last < b.last && !b.reaches(p)) {
		return None // older than the book, and the deltas between are not kept: nothing to learn
	}
	b.swap(p)
	doubt := !good && b.unproven(p)
	b.base, b.last, b.snap, b.waiting, b.doubt = p.Last, p.Last, true, false, doubt
	switch whole := b.checks(p) && b.again(p); {
	case !whole || !b.sound():
		b.waiting, b.doubt = true, false
		b.bids.levels, b.asks.levels = b.bids.levels[:0], b.asks.levels[:0]
	case doubt:
	case first:
		b.changes.skip()
		return Replaced
	case !good:
		b.changes.skip()
		return Mended
	default:
		return b.compare()
	}
	b.changes.skip()
	if good || first {
		return Broken
	}
	return None
}

// unproven reports that newer deltas may have come before the snapshot p, unread. Where a second snapshot
// comes and still no delta, there is no stream of deltas.
func (b *Book) unproven(p *market.Book) bool {
	second := b.doubt && b.snap && p.Last > b.last
	return p.Chain != nil && p.Chain.Late && !b.seen && !second
}

// swap makes the snapshot's levels the book's, and keeps the old ones for compare.
func (b *Book) swap(p *market.Book) {
	b.bids, b.oldBids = b.oldBids, b.bids
	b.asks, b.oldAsks = b.oldAsks, b.asks
	b.bids.load(p.Bids)
	b.asks.load(p.Asks)
	b.trim(&b.bids, p)
	b.trim(&b.asks, p)
}

// reaches reports whether the kept deltas continue the snapshot p up to the present.
func (b *Book) reaches(p *market.Book) bool {
	starts, last := false, int64(0)
	b.pending.each(func(d *market.Book) bool {
		if !starts && !p.Chain.Old(d, p.Last) {
			if starts = p.Chain.Starts(d, p.Last); !starts {
				return false
			}
		}
		last = d.Last
		return true
	})
	return starts && last >= b.last
}

// again applies the kept deltas that are newer than the snapshot; false if they do not follow it.
// The levels' changes are not logged: compare, or the state, tells them.
func (b *Book) again(p *market.Book) bool {
	if p.Chain == nil {
		b.pending.clear()
		return true
	}
	whole := true
	b.pending.each(func(d *market.Book) bool {
		d.Chain = p.Chain
		if (b.snap && p.Chain.Old(d, b.last)) || (!b.snap && repeated(d, b.last)) {
			return true
		}
		if !b.next(d) {
			whole = false
			return false
		}
		b.last, b.snap = max(d.Last, b.last), false
		for _, l := range d.Bids {
			b.bids.put(&l)
		}
		for _, l := range d.Asks {
			b.asks.put(&l)
		}
		b.trim(&b.bids, d)
		b.trim(&b.asks, d)
		whole = b.checks(d)
		return whole
	})
	return whole && b.pending.reached(b.last)
}

// compare logs what a snapshot changed of a good book, or makes readers take the state if that is
// shorter to say.
func (b *Book) compare() Effect {
	n := b.changes.differ(false, b.told(&b.oldBids), b.told(&b.bids))
	n += b.changes.differ(true, b.told(&b.oldAsks), b.told(&b.asks))
	switch size := len(b.told(&b.bids)) + len(b.told(&b.asks)); {
	case n == 0:
		return Silent
	case n > size || n > b.changes.keep:
		b.changes.skip()
		return Replaced
	}
	return Changed
}

// Mark numbers changes of levels.
func (b *Book) Mark() uint64 { return b.changes.next() }

// Since folds what changed after a mark.
func (b *Book) Since(from, _ uint64) (market.Body, bool) { return b.changes.since(from) }

// Full returns every level kept, best first.
func (b *Book) Full(int) (market.Body, bool) {
	b.full.Bids = b.bids.appendBestFirst(b.full.Bids[:0], b.depth)
	b.full.Asks = b.asks.appendBestFirst(b.full.Asks[:0], b.depth)
	return &b.full, false
}

// Good reports that the book is what the venue has.
func (b *Book) Good() bool { return !b.waiting && !b.doubt }

// Lose puts the book in doubt: its chain may yet prove that none of the lost records was its own.
func (b *Book) Lose() {
	b.seen = false
	if b.touched && !b.waiting {
		b.doubt = true
	}
}

// Chained reports whether the venue's own rule watches over the book: a bad record that may have
// been its own shows by itself then.
func (b *Book) Chained() bool { return !b.touched || b.chained }

func (b *Book) best() market.Quote {
	bid, ask := b.bids.best(), b.asks.best()
	return market.Quote{BidPrice: bid.Price, BidQty: bid.Qty, AskPrice: ask.Price, AskQty: ask.Qty}
}
