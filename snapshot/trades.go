package snapshot

import "tapedeck/market"

// run is a bounded run of values of which the newest are wanted as one slice. It keeps at least
// keep values once it has had them, and moves them to the front each time twice that is reached:
// amortized one copy a value, no allocation in steady state.
type run[T any] struct {
	items []T
	first uint64 // number of items[0], counted from 0
	keep  int
}

func (r *run[T]) push(v T) {
	if len(r.items) >= 2*r.keep {
		cut := len(r.items) - r.keep
		r.first += uint64(cut)
		r.items = r.items[:copy(r.items, r.items[cut:])]
	}
	r.items = append(r.items, v)
}

func (r *run[T]) next() uint64 { return r.first + uint64(len(r.items)) }

// floor is the oldest number that is promised: keep back from the newest, although more may be there,
// so that what can be had does not depend on when the run was last moved.
func (r *run[T]) floor() uint64 {
	if n := r.next(); n > r.first+uint64(r.keep) {
		return n - uint64(r.keep)
	}
	return r.first
}

// between returns the values numbered from up to, not including, to.
func (r *run[T]) between(from, to uint64) ([]T, bool) {
	if from < r.floor() || to > r.next() || from > to {
		return nil, false
	}
	return r.items[from-r.first : to-r.first], true
}

// Trades is the tape: its log is its state. Every trade counts, so it never folds.
type Trades struct {
	tape  run[market.Trade]
	since uint64 // number of the first trade after which none is missing
	whole bool   // nothing is missing before it either
	size  int    // of a snapshot
	body  market.Tape
}

// NewTrades returns an empty tape.
func NewTrades(l Limits, o Origin) State {
	return &Trades{tape: run[market.Trade]{keep: l.Trades}, size: l.Tape, whole: o.Whole}
}

// Apply appends a trade.
func (t *Trades) Apply(ev *market.Event, _ Cause) Effect {
	trade, ok := ev.Payload.(*market.Trade)
	if !ok {
		return None
	}
	t.tape.push(*trade)
	return Changed
}

// Mark counts trades.
func (t *Trades) Mark() uint64 { return t.tape.next() }

// Since returns the trades between two marks.
func (t *Trades) Since(from, to uint64) (market.Body, bool) {
	var ok bool
	t.body.Trades, ok = t.tape.between(from, to)
	return &t.body, ok
}

// Full returns the last trades, oldest first; none from before a loss.
func (t *Trades) Full(last int) (market.Body, bool) {
	if last <= 0 {
		last = t.size
	}
	from := max(t.since, t.tape.floor())
	if n := t.tape.next(); n-from > uint64(last) {
		from = n - uint64(last)
	}
	t.body.Trades, _ = t.tape.between(from, t.tape.next())
	return &t.body, len(t.body.Trades) < last && !(t.whole && from == t.since)
}

// Good is always true: what a tape says stays true.
func (t *Trades) Good() bool { return true }

// Lose notes that trades are missing before the next.
func (t *Trades) Lose(int64) { t.since, t.whole = t.tape.next(), false }
