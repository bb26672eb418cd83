package snapshot

import "tapedeck/market"

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
	return &t.body, len(t.body.Trades) < last && (!t.whole || from != t.since)
}

// Good is always true: what a tape says stays true.
func (t *Trades) Good() bool { return true }

// Lose notes that trades are missing before the next.
func (t *Trades) Lose() { t.since, t.whole = t.tape.next(), false }
