package snapshot

import (
	"slices"
	"strconv"

	"tapedeck/market"
)

// MaxTop is the deepest book@N.
const MaxTop = 1000

// Top is the best N levels of a book: book@N. Levels that enter by another's leaving are told
// whole, and those that leave by another's entering as gone: a client never cuts.
type Top struct {
	bids, asks       side // what readers were told
	newBids, newAsks side
	changes          changes
	full             market.Book
	depth            int
	good             bool
}

// NewTop returns the view of a book's best levels.
func NewTop(base State, variant string, l Limits) (View, bool) {
	depth, err := strconv.Atoi(variant)
	if err != nil || depth < 1 || depth > MaxTop || strconv.Itoa(depth) != variant {
		return nil, false
	}
	t := &Top{depth: depth}
	t.asks.asks, t.newAsks.asks = true, true
	t.changes.keep = l.Changes
	t.take(base.(*Book))
	t.bids, t.newBids = t.newBids, t.bids
	t.asks, t.newAsks = t.newAsks, t.asks
	t.good = base.Good()
	return t, true
}

// take reads the base's best levels into the scratch sides.
func (t *Top) take(b *Book) {
	t.newBids.levels = append(t.newBids.levels[:0], tail(b.told(&b.bids), t.depth)...)
	t.newAsks.levels = append(t.newAsks.levels[:0], tail(b.told(&b.asks), t.depth)...)
}

func tail(levels []market.Level, n int) []market.Level {
	return levels[max(len(levels)-n, 0):]
}

// Refresh logs how the base's top changed.
func (t *Top) Refresh(base State, eff Effect) Effect {
	was := t.good
	t.good = base.Good()
	if !t.good {
		if was {
			return Broken
		}
		return None
	}
	b := base.(*Book)
	if was && eff != Replaced && equal(t.bids.levels, tail(b.told(&b.bids), t.depth)) && equal(t.asks.levels, tail(b.told(&b.asks), t.depth)) {
		return None
	}
	t.take(b)
	n := t.changes.differ(false, t.bids.levels, t.newBids.levels)
	n += t.changes.differ(true, t.asks.levels, t.newAsks.levels)
	t.bids, t.newBids = t.newBids, t.bids
	t.asks, t.newAsks = t.newAsks, t.asks
	switch {
	case !was:
		t.changes.skip()
		return Mended
	case n == 0:
		return None
	}
	return Changed
}

func equal(a, b []market.Level) bool {
	if len(a) != len(b) {
		return false
	}
	for i, l := range slices.Backward(a) { // from the best, where most changes are
		if l != b[i] {
			return false
		}
	}
	return true
}

// Apply does nothing: a view follows its base by Refresh.
func (t *Top) Apply(*market.Event, Cause) Effect { return None }

// Mark numbers changes of levels.
func (t *Top) Mark() uint64 { return t.changes.next() }

// Since folds what changed after a mark.
func (t *Top) Since(from, _ uint64) (market.Body, bool) { return t.changes.since(from) }

// Full returns the levels, best first.
func (t *Top) Full(int) (market.Body, bool) {
	t.full.Bids = t.bids.appendBestFirst(t.full.Bids[:0], t.depth)
	t.full.Asks = t.asks.appendBestFirst(t.full.Asks[:0], t.depth)
	return &t.full, false
}

// Good is the base's.
func (t *Top) Good() bool { return t.good }

// Lose does nothing: the base's loss reaches a view by Refresh.
func (t *Top) Lose() {}
