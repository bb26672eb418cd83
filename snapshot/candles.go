package snapshot

import "tapedeck/market"

// Times of candles, in µs.
const (
	minuteWidth = 60e6
	// finalDelay is how far the log's clock passes a candle's end before it is final: trades reach
	// the log well within 2 s of their venue time.
	finalDelay = 2e6
	// coverMargin is how long before a candle's start the log must have been read. A partition's clock
	// believes a jump of up to 60 s at once: after 60 s two nodes' clocks agree, wherever they began.
	coverMargin = 60e6
	// aheadLimit is how far a venue's time may be ahead of the log's and still choose a candle.
	aheadLimit = 60e6
)

// Minute is the variant of the base candles.
const Minute = "1m"

// bar is one candle in the making.
type bar struct {
	start                  int64
	first, last            int64 // venue times of the trades that made open and close
	open, high, low, close market.Decimal
	volume, notional       market.Sum
	trades                 int64
	rev                    uint32
	final                  bool
}

func (b *bar) trade(t *market.Trade, at int64) {
	if b.trades == 0 || at < b.first {
		b.open, b.first = t.Price, at
	}
	if b.trades == 0 || at >= b.last {
		b.close, b.last = t.Price, at
	}
	if b.trades == 0 || t.Price.Cmp(b.high) > 0 {
		b.high = t.Price
	}
	if b.trades == 0 || t.Price.Cmp(b.low) < 0 {
		b.low = t.Price
	}
	b.volume.Add(t.Qty)
	b.notional.AddProduct(t.Price, t.Qty)
	b.trades++
}

// join adds a later bar's content.
func (b *bar) join(m *bar) {
	if b.trades == 0 {
		b.open, b.high, b.low = m.open, m.high, m.low
	}
	b.close = m.close
	if m.high.Cmp(b.high) > 0 {
		b.high = m.high
	}
	if m.low.Cmp(b.low) < 0 {
		b.low = m.low
	}
	b.volume.AddSum(m.volume)
	b.notional.AddSum(m.notional)
	b.trades += m.trades
	b.rev += m.rev
}

// vwapDecimals is how many decimals a quotient has beyond the price's.
const vwapDecimals = 4

func (b *bar) candle(width int64) market.Candle {
	return market.Candle{
		Start: b.start, Width: width,
		Open: b.open, High: b.high, Low: b.low, Close: b.close,
		Volume: b.volume.Decimal(), QuoteVolume: b.notional.Decimal(), Trades: b.trades,
		VWAP:  b.notional.Quo(&b.volume, b.close.Scale()+vwapDecimals),
		Final: b.final, Rev: b.rev,
	}
}

// bars is an ordered, bounded run of candles of one width, with a log of which changed.
type bars struct {
	list    []bar // by start
	width   int64
	keep    int
	size    int        // of a snapshot
	starts  run[int64] // which bar each mark changed
	from    int64      // candles that start before it are not known whole, and withheld; 0: none
	dropped int64      // end of the newest bar that had to go, 0 for none
	body    market.Candles
	picked  []int64
}

// changeLog is how many changes of candles are remembered: beyond it a reader gets the state. At a
// thousand trades a second that is four seconds.
const changeLog = 4096

func newBars(width int64, keep, size int) bars {
	return bars{width: width, keep: keep, size: size, starts: run[int64]{keep: changeLog}}
}

// find returns where the bar of that start is, or would be.
func (b *bars) find(start int64) (int, bool) {
	i := len(b.list)
	for i > 0 && b.list[i-1].start > start {
		i--
	}
	if i > 0 && b.list[i-1].start == start {
		return i - 1, true
	}
	return i, false
}

// at returns the bar of that start, made if need be; nil if it is older than what is kept.
func (b *bars) at(start int64) *bar {
	i, ok := b.find(start)
	if ok {
		return &b.list[i]
	}
	if start < b.dropped {
		return nil
	}
	if len(b.list) >= b.keep {
		if i == 0 {
			return nil
		}
		b.dropped = b.list[0].start + b.width
		b.list = b.list[:copy(b.list, b.list[1:])]
		i--
	}
	b.list = append(b.list, bar{})
	copy(b.list[i+1:], b.list[i:])
	b.list[i] = bar{start: start}
	return &b.list[i]
}

func (b *bars) touch(start int64) { b.starts.push(start) }

// Mark numbers changes of candles.
func (b *bars) Mark() uint64 { return b.starts.next() }

// Since returns the candles that changed after a mark, oldest first.
func (b *bars) Since(from, _ uint64) (market.Body, bool) {
	part, ok := b.starts.between(from, b.starts.next())
	if !ok {
		return nil, false
	}
	b.pick(part)
	b.body.List = b.body.List[:0]
	for _, start := range b.picked {
		if i, ok := b.find(start); ok {
			b.body.List = append(b.body.List, b.list[i].candle(b.width))
		}
	}
	return &b.body, true
}

// pick collects the distinct starts of part in order. Nearly always there is one.
func (b *bars) pick(part []int64) {
	b.picked = b.picked[:0]
next:
	for _, start := range part {
		i := len(b.picked)
		for i > 0 && b.picked[i-1] >= start {
			if b.picked[i-1] == start {
				continue next
			}
			i--
		}
		b.picked = append(b.picked, 0)
		copy(b.picked[i+1:], b.picked[i:])
		b.picked[i] = start
	}
}

// Full returns the last candles, oldest first.
func (b *bars) Full(last int) (market.Body, bool) {
	if last <= 0 {
		last = b.size
	}
	b.body.List = b.body.List[:0]
	for i := max(len(b.list)-last, 0); i < len(b.list); i++ {
		b.body.List = append(b.body.List, b.list[i].candle(b.width))
	}
	return &b.body, len(b.body.List) < last && b.from > 0
}

// Deadline is when the oldest open candle becomes final.
func (b *bars) Deadline() int64 {
	deadline := int64(noDeadline)
	for i := len(b.list) - 1; i >= 0 && !b.list[i].final; i-- {
		deadline = b.list[i].start + b.width + finalDelay
	}
	return deadline
}

const noDeadline = 1<<63 - 1

// Advance makes the candles final whose end the clock has passed.
func (b *bars) Advance(clock int64, _ Cause) Effect {
	first := len(b.list)
	for first > 0 && !b.list[first-1].final {
		first--
	}
	eff := None
	for i := first; i < len(b.list) && b.list[i].start+b.width+finalDelay <= clock; i++ {
		b.list[i].final = true
		b.touch(b.list[i].start)
		eff = Changed
	}
	return eff
}

// Good is always true: a candle that is not known whole is not in the list.
func (b *bars) Good() bool { return true }

// Minutes are the candles of a minute, made from trades, or the venue's own.
type Minutes struct{ bars }

// NewMinutes returns an empty list.
func NewMinutes(l Limits, o Origin) State {
	m := &Minutes{bars: newBars(minuteWidth, l.Minutes, l.Candles)}
	if !o.Whole {
		m.from = o.Clock + coverMargin
	}
	return m
}

// Apply puts a trade into its candle by venue time, or takes a venue's candle over.
func (m *Minutes) Apply(ev *market.Event, c Cause) Effect {
	switch p := ev.Payload.(type) {
	case *market.Trade:
		return m.trade(p, c)
	case *market.Candle:
		return m.venue(p)
	}
	return None
}

func (m *Minutes) trade(t *market.Trade, c Cause) Effect {
	at := t.Time
	if at == 0 {
		at = c.Time // the venue gave none: the log's is all there is
	}
	start := at - at%minuteWidth
	if start < m.from || at > c.Time+aheadLimit {
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

func (m *Minutes) venue(c *market.Candle) Effect {
	if c.Width != minuteWidth || c.Start%minuteWidth != 0 {
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

// Covers reports whether every candle that was open at ts, or later, is known.
func (b *bars) Covers(ts int64) bool { return b.from == 0 || ts >= b.from+b.width+finalDelay }

// Lose drops the candles that are not final: trades of theirs may be among the lost.
func (m *Minutes) Lose(clock int64) {
	n := len(m.list)
	for n > 0 && !m.list[n-1].final {
		n--
	}
	m.list = m.list[:n]
	m.from = clock + coverMargin
}

// floor is the start of the oldest candle that can be known whole.
func (m *Minutes) floor() int64 { return max(m.from, m.dropped) }
