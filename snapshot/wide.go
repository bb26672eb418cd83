package snapshot

import (
	"slices"

	"tapedeck/market"
)

// Widths are the candle widths there are, in µs, by variant. A day is UTC's.
var Widths = map[string]int64{
	"1m": minuteWidth, "3m": 3 * minuteWidth, "5m": 5 * minuteWidth, "15m": 15 * minuteWidth, "30m": 30 * minuteWidth,
	"1h": 60 * minuteWidth, "2h": 120 * minuteWidth, "4h": 240 * minuteWidth, "6h": 360 * minuteWidth,
	"12h": 720 * minuteWidth, "1d": 1440 * minuteWidth,
}

// Wide is candles of several minutes: sums of the minutes, so that it does not matter when the view
// was made. A candle of which a minute is not known whole is withheld. Its rev is the sum of its
// minutes' revs.
type Wide struct {
	bars
	read uint64 // mark of the base up to which it was taken over
	// done is the sum of the newest candle's minutes before the newest, doneTo: what a trade adds to
	// changes only the last minute, so that a day's candle costs no more than an hour's.
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
	w.known, w.dropped, w.turn = m.known, m.dropped, m.turn
	for i := range m.list {
		start := m.list[i].start
		if next := i + 1; next == len(m.list) || m.list[next].start-m.list[next].start%width > start {
			w.take(m, start)
		}
	}
	w.settle(m.over)
	return w, true
}

// Refresh takes over the minutes that changed, and what is over.
func (w *Wide) Refresh(base State, _ Effect) Effect {
	m := base.(*Minutes)
	part, _ := m.starts.between(w.read, m.Mark()) // all of it: a view is refreshed within each entry of its base
	w.read = m.Mark()
	if w.turn != m.turn || w.dropped < m.dropped {
		w.known, w.dropped, w.turn = m.known, max(w.dropped, m.dropped), m.turn
		w.list = slices.DeleteFunc(w.list, func(b bar) bool { return !w.whole(b.start, b.start+w.width) })
	}
	eff := None
	w.pick(part)
	for _, start := range w.picked {
		eff = max(eff, w.take(m, start))
	}
	return max(eff, w.settle(m.over))
}

// take sums the candle that a minute lies in.
func (w *Wide) take(m *Minutes, minute int64) Effect {
	start := minute - minute%w.width
	if !w.whole(start, start+w.width) {
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
func (w *Wide) Lose() {}
