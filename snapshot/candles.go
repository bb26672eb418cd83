package snapshot

import (
	"slices"

	"tapedeck/market"
)

// Minute is the variant of the base candles.
const Minute = "1m"

// Minutes are the candles of a minute, made from trades, or the venue's own.
type Minutes struct {
	bars
	since int64 // nothing from before this log time was applied
}

// NewMinutes returns an empty list.
func NewMinutes(l Limits, o Origin) State {
	m := &Minutes{bars: newBars(minuteWidth, l.Minutes, l.Candles), since: o.Clock}
	if o.Whole {
		m.known = []span{{0, forever}}
	}
	return m
}

// Apply puts a trade into its candle by venue time, or takes a venue's candle over.
func (m *Minutes) Apply(ev *market.Event, c Cause) Effect {
	m.over = max(m.over, c.Over) // of a room that is new here; Advance has told the others
	if c.Began > 0 && m.reach() == forever {
		m.begin(max(m.since, c.Began))
	}
	switch p := ev.Payload.(type) {
	case *market.Trade:
		return m.trade(p, c)
	case *market.Candle:
		return m.venue(p, c)
	default:
		return None
	}
}

// begin notes that everything is known from a log time on.
func (m *Minutes) begin(clock int64) {
	m.turn++
	m.known = slices.DeleteFunc(slices.Clone(m.known), func(s span) bool { return s.to <= m.dropped })
	m.known = append(m.known[max(len(m.known)-maxSpans+1, 0):], span{clock + coverMargin, forever})
}

// maxSpans bounds how many stretches between losses are remembered: before them nothing is known.
const maxSpans = 8

func (m *Minutes) trade(t *market.Trade, c Cause) Effect {
	at := t.Time
	if at == 0 {
		at = c.Time // the venue gave none: the log's is all there is
	}
	start := at - at%minuteWidth
	if at <= 0 || at > c.Time+aheadLimit || !m.whole(start, start+minuteWidth) {
		return None
	}
	b := m.at(start)
	if b == nil {
		return None
	}
	b.trade(t, at)
	if b.final {
		b.rev++
	}
	m.touch(start)
	return Changed
}

func (m *Minutes) venue(c *market.Candle, at Cause) Effect {
	if c.Width != minuteWidth || c.Start%minuteWidth != 0 || c.Start < 0 || c.Start > at.Time+aheadLimit {
		return None
	}
	b := m.at(c.Start)
	if b == nil {
		return None
	}
	was := b.final
	*b = bar{start: c.Start, open: c.Open, high: c.High, low: c.Low, close: c.Close, trades: c.Trades, final: c.Final || was, rev: b.rev}
	b.volume.Add(c.Volume)
	b.notional.Add(c.QuoteVolume)
	b.notional.Lost = !c.QuoteVolume.Set() // the venue told none: no vwap, rather than 0
	if was {
		b.rev++
	}
	m.touch(c.Start)
	return Changed
}

// Advance makes the candles final that are over.
func (m *Minutes) Advance(c Cause) Effect { return m.settle(c.Over) }

// Lose drops the candles that may not be whole: trades of theirs may be among the lost, late ones too.
func (m *Minutes) Lose() {
	end := m.over - lateLimit
	n := len(m.list)
	for n > 0 && m.list[n-1].start+m.width > end {
		n--
	}
	m.list = m.list[:n]
	m.turn++
	if n := len(m.known); n > 0 && m.known[n-1].to == forever {
		last := span{m.known[n-1].from, end}
		m.known = slices.Clone(m.known[:n-1])
		if last.from < last.to {
			m.known = append(m.known, last)
		}
	}
}
