package snapshot

import "tapedeck/market"

// Rolling is a ticker whose origin is derived: the last price, and the last 1,440 whole minutes. Their
// fields are absent until those minutes are known, and the last price is after a loss.
type Rolling struct {
	Ticker
	end    int64 // of the day that was summed
	read   uint64
	change market.Ticker
}

// NewRolling returns the derived ticker of a symbol's minutes.
func NewRolling(base State, _ Limits) View {
	r := &Rolling{end: -1}
	r.Refresh(base, Changed)
	return r
}

const dayWidth = 1440 * minuteWidth

// Refresh takes the newest price over, and the day where it moved on or one of its minutes changed.
func (r *Rolling) Refresh(base State, _ Effect) Effect {
	m := base.(*Minutes)
	r.change.Present = 0
	price := market.Decimal{}
	if n := len(m.list); n > 0 && m.list[n-1].start >= m.reach() {
		price = m.list[n-1].close
	}
	r.change.Put(market.Last, price)
	if r.end != m.over || r.stale(m) {
		r.day(m)
	}
	r.read = m.Mark()
	return r.put(&r.change)
}

// stale reports that a minute of the day changed: a late trade.
func (r *Rolling) stale(m *Minutes) bool {
	part, ok := m.starts.between(r.read, m.Mark())
	for _, start := range part {
		if start < r.end {
			return true
		}
	}
	return !ok || r.whole != m.whole(r.end-dayWidth, r.end)
}

// day sums the minutes of the day that ends with what is over.
func (r *Rolling) day(m *Minutes) {
	r.end = m.over
	begin := r.end - dayWidth
	r.whole = m.whole(begin, r.end)
	if !r.whole {
		for f := market.Open; f <= market.TradeCount; f++ {
			r.change.Put(f, market.Decimal{})
		}
		return
	}
	var d bar
	for i, _ := m.find(begin); i < len(m.list) && m.list[i].start < r.end; i++ {
		d.join(&m.list[i])
	}
	r.change.Put(market.Open, d.open)
	r.change.Put(market.High, d.high)
	r.change.Put(market.Low, d.low)
	r.change.Put(market.Volume, d.volume.Decimal())
	r.change.Put(market.QuoteVolume, d.notional.Decimal())
	r.change.Put(market.VWAP, d.notional.Quo(&d.volume, d.close.Scale()+vwapDecimals))
	r.change.Put(market.TradeCount, market.Int(d.trades))
}

// Apply does nothing: the trades reach a derived ticker by Refresh.
func (r *Rolling) Apply(*market.Event, Cause) Effect { return None }

// Lose does nothing: the base's loss reaches a view by Refresh.
func (r *Rolling) Lose() {}
