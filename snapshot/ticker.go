package snapshot

import "tapedeck/market"

// Ticker is a symbol's day and, for derivatives, its mark, index, funding and open interest. Each
// field remembers the mark at which it last changed: the fold of any range is those changed since.
type Ticker struct {
	values  [market.NumFields]market.Decimal
	changed [market.NumFields]uint64 // 0: never heard of
	mark    uint64
	since   int64 // nothing from before this log time was applied
	lost    bool
	whole   bool // every field that the venue tells is known
	body    market.Ticker
}

// tickerMargin is how long a ticker is read before it counts as whole. Venues tell what of it changed
// within seconds and each field within minutes, but no rule of theirs says that they must.
const tickerMargin = 600e6

// NewTicker returns an empty ticker.
func NewTicker(_ Limits, o Origin) State { return &Ticker{whole: o.Whole, since: o.Clock} }

// Apply takes over the fields that the event speaks of.
func (t *Ticker) Apply(ev *market.Event, c Cause) Effect {
	p, ok := ev.Payload.(*market.Ticker)
	if !ok {
		return None
	}
	t.whole = t.whole || c.Began > 0 && c.Over >= max(t.since, c.Began)+tickerMargin
	return t.put(p)
}

func (t *Ticker) put(p *market.Ticker) Effect {
	mark, changed := t.mark+1, false
	for f := range market.Field(market.NumFields) {
		if !p.Present.Has(f) || (t.changed[f] > 0 && t.values[f] == p.Values[f]) {
			continue
		}
		t.values[f], t.changed[f] = p.Values[f], mark
		changed = true
	}
	if t.lost {
		t.lost, t.mark = false, mark
		return Mended
	}
	if !changed {
		return None
	}
	t.mark = mark
	return Changed
}

// Mark counts changes.
func (t *Ticker) Mark() uint64 { return t.mark }

// Since returns the fields that changed after a mark; those that are gone are absent in it.
func (t *Ticker) Since(from, _ uint64) (market.Body, bool) {
	t.body.Present = 0
	for f := range market.Field(market.NumFields) {
		if t.changed[f] > from {
			t.body.Put(f, t.values[f])
		}
	}
	return &t.body, true
}

// Full returns the fields that have a value.
func (t *Ticker) Full(int) (market.Body, bool) {
	t.body.Present = 0
	for f := range market.Field(market.NumFields) {
		if t.values[f].Set() {
			t.body.Put(f, t.values[f])
		}
	}
	return &t.body, !t.whole
}

// Resume tells every field anew: a reader may come from a node that knew fewer than this one, and a
// ticker is as short as the proof that he did not.
func (t *Ticker) Resume(int64, uint64) (uint64, bool) { return 0, t.whole }

// Good reports whether the newest values are known.
func (t *Ticker) Good() bool { return !t.lost }

// Lose forgets every field: which of them the lost records changed cannot be known.
func (t *Ticker) Lose() {
	t.lost, t.whole = true, false
	t.values = [market.NumFields]market.Decimal{}
	t.changed = [market.NumFields]uint64{}
}
