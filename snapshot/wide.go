package snapshot

import "tapedeck/market"

// Widths are the candle widths there are, in µs, by variant. A day is UTC's.
var Widths = map[string]int64{
	"1m": minuteWidth, "3m": 3 * minuteWidth, "5m": 5 * minuteWidth, "15m": 15 * minuteWidth, "30m": 30 * minuteWidth,
	"1h": 60 * minuteWidth, "2h": 120 * minuteWidth, "4h": 240 * minuteWidth, "6h": 360 * minuteWidth,
	"12h": 720 * minuteWidth, "1d": 1440 * minuteWidth,
}

// Wide is candles of several minutes: sums of the minutes, so that it does not matter when the view
// was made. A candle whose first minute is not known whole is withheld. Its rev is the sum of its
// minutes' revs.
type Wide struct {
	bars
	read uint64 // mark of the base up to which it was taken over
	// done is the sum of the newest candle's minutes before doneTo: what a trade adds to changes only
	// the last minute, so that a day's candle costs no more than an hour's.
	done   bar
	doneTo int64
}

// NewWide returns the view of wider candles.
func NewWide(base State, variant string, l Limits) (View, bool) {
	width, ok := Widths[variant]
	m, isMinutes := base.(*Minutes)
	if !ok || !isMinutes || variant == Minute {
		return nil, false
	}
	w := &Wide{bars: newBars(width, l.Minutes, l.Candles), read: m.Mark()}
	w.from = m.from
	for i := range m.list {
		w.take(m, m.list[i].start)
	}
	return w, true
}

// Refresh takes over the minutes that changed.
func (w *Wide) Refresh(base State, _ Effect, _ Cause) Effect {
	m := base.(*Minutes)
	part, ok := m.starts.between(w.read, m.Mark())
	w.read, w.from = m.Mark(), m.from
	w.forget(m.floor())
	if !ok {
		return None // unreachable: a view is refreshed within each entry of its base
	}
	eff := None
	m.pick(part)
	for _, start := range m.picked {
		eff = max(eff, w.take(m, start))
	}
	return eff
}

// forget drops the candles that are not known whole any more.
func (w *Wide) forget(floor int64) {
	n := 0
	for n < len(w.list) && w.list[n].start < floor {
		n++
	}
	w.list = w.list[:copy(w.list, w.list[n:])]
}

// take sums the candle that a minute lies in.
func (w *Wide) take(m *Minutes, minute int64) Effect {
	start := minute - minute%w.width
	if start < m.floor() {
		return None
	}
	b := w.at(start)
	if b == nil {
		return None
	}
	final := b.final
	*b = w.sum(m, start, minute)
	b.final = final
	w.touch(start)
	return Changed
}

func (w *Wide) sum(m *Minutes, start, minute int64) bar {
	last := len(m.list) - 1
	if w.done.start != start || w.doneTo != minute || minute != m.list[last].start {
		i, _ := m.find(start)
		w.done, w.doneTo = bar{start: start}, minute
		for ; i < last && m.list[i].start < start+w.width; i++ {
			w.done.join(&m.list[i])
		}
		if i > last || m.list[i].start >= start+w.width {
			sum := w.done
			w.doneTo = -1 // not the newest minute: nothing to keep
			return sum
		}
	}
	sum := w.done
	sum.join(&m.list[last])
	return sum
}

// Apply does nothing: a view follows its base by Refresh.
func (w *Wide) Apply(*market.Event, Cause) Effect { return None }

// Lose does nothing: the base's loss reaches a view by Refresh.
func (w *Wide) Lose(int64) {}

// Rolling is a ticker whose origin is derived: the last price, and the day of the last 1,440 whole
// minutes. The day's fields are absent until those minutes are known.
type Rolling struct {
	Ticker
	newest int64 // start of the newest minute
	read   uint64
	change market.Ticker
}

// NewRolling returns the derived ticker of a symbol's minutes.
func NewRolling(base State, _ Limits) View {
	r := &Rolling{}
	r.Refresh(base, Changed, Cause{})
	return r
}

const dayMinutes = 1440

// Refresh takes the newest price over, and the day once a minute.
func (r *Rolling) Refresh(base State, _ Effect, _ Cause) Effect {
	m := base.(*Minutes)
	r.change.Present = 0
	if len(m.list) == 0 {
		return None
	}
	last := &m.list[len(m.list)-1]
	r.change.Put(market.Last, last.close)
	older := false // a minute before the newest changed: a late trade
	if part, ok := m.starts.between(r.read, m.Mark()); ok {
		for _, start := range part {
			older = older || start < last.start
		}
	}
	if last.start != r.newest || older {
		r.newest = last.start
		r.day(m, last.start)
	}
	r.read = m.Mark()
	return r.put(&r.change)
}

// day sums the whole minutes of the day that ends at end.
func (r *Rolling) day(m *Minutes, end int64) {
	begin := end - dayMinutes*minuteWidth
	i, _ := m.find(begin)
	var d bar
	for ; i < len(m.list) && m.list[i].start < end; i++ {
		if m.list[i].start >= begin {
			d.join(&m.list[i])
		}
	}
	r.whole = m.floor() <= begin
	if !r.whole || d.trades == 0 {
		d = bar{}
	}
	r.change.Put(market.Open, d.open)
	r.change.Put(market.High, d.high)
	r.change.Put(market.Low, d.low)
	r.change.Put(market.Volume, d.volume.Decimal())
	r.change.Put(market.QuoteVolume, d.notional.Decimal())
	r.change.Put(market.VWAP, d.notional.Quo(&d.volume, d.close.Scale()+vwapDecimals))
	r.change.Put(market.TradeCount, market.Int(d.trades))
	if d.trades == 0 {
		for f := market.Open; f <= market.TradeCount; f++ {
			r.change.Put(f, market.Decimal{})
		}
	}
}

// Apply does nothing: the trades reach a derived ticker by Refresh.
func (r *Rolling) Apply(*market.Event, Cause) Effect { return None }

// Lose does nothing: the base's loss reaches a view by Refresh.
func (r *Rolling) Lose(int64) {}
