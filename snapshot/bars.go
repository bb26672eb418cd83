package snapshot

import (
	"slices"

	"tapedeck/market"
)

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
	// lateLimit is how long after its venue time a trade may come and still reach readers who came from
	// another node: they may know candles that are older than what is known here.
	lateLimit = 60e6
	forever   = 1<<63 - 1
)

// Over returns up to where candles are final at a log's clock. It is a whole minute, and so are the
// ends of candles of any width: a log has something to make final once a minute.
func Over(clock int64) int64 {
	past := max(clock-finalDelay, 0)
	return past - past%minuteWidth
}

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
	if !b.open.Set() { // some venues' candles have no number of trades
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
	known   []span     // where candles are known whole, oldest first; others are withheld
	turn    int        // counts the changes of known
	dropped int64      // end of the newest bar that had to go, 0 for none
	over    int64      // what ended up to here is final
	body    market.Candles
	picked  []int64
}

// span is a stretch of time.
type span struct{ from, to int64 }

// changeLog is how many changes of candles are remembered: beyond it a reader gets the state. At a
// thousand trades a second that is four seconds.
const changeLog = 4096

func newBars(width int64, keep, size int) bars {
	return bars{width: width, keep: keep, size: size, starts: run[int64]{keep: changeLog}}
}

// whole reports whether everything that happened from start to end is known.
func (b *bars) whole(start, end int64) bool {
	for i := len(b.known) - 1; i >= 0 && start >= b.dropped; i-- {
		if s := &b.known[i]; start >= s.from && end <= s.to {
			return true
		}
	}
	return false
}

// reach returns from when on everything is known.
func (b *bars) reach() int64 {
	if n := len(b.known); n > 0 && b.known[n-1].to == forever {
		return max(b.known[n-1].from, b.dropped)
	}
	return forever
}

// find returns where the bar of that start is, or would be.
func (b *bars) find(start int64) (int, bool) {
	n := len(b.list)
	if n > 0 && b.list[n-1].start == start { // nearly always
		return n - 1, true
	}
	return slices.BinarySearchFunc(b.list, start, func(b bar, start int64) int {
		if b.start < start {
			return -1
		}
		return int(min(b.start-start, 1))
	})
}

// at returns the bar of that start, made if need be; nil if it is older than what is kept. One that
// is over already is final from its first trade on.
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
		b.list = slices.Delete(b.list, 0, 1)
		i--
	}
	b.list = slices.Insert(b.list, i, bar{start: start, final: start+b.width <= b.over})
	return &b.list[i]
}

func (b *bars) touch(start int64) { b.starts.push(start) }

// settle makes the candles final that are over now.
func (b *bars) settle(over int64) Effect {
	was, eff := b.over, None
	b.over = max(over, was)
	for i := len(b.list) - 1; i >= 0 && b.list[i].start+b.width > was; i-- {
		if m := &b.list[i]; !m.final && m.start+b.width <= over {
			m.final = true
			b.touch(m.start)
			eff = Changed
		}
	}
	return eff
}

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
	for _, start := range part {
		if n := len(b.picked); n > 0 && b.picked[n-1] == start {
			continue
		}
		if i, found := slices.BinarySearch(b.picked, start); !found {
			b.picked = slices.Insert(b.picked, i, start)
		}
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
	return &b.body, len(b.body.List) < last && b.reach() > b.dropped
}

// Good is always true: a candle that is not known whole is not in the list.
func (b *bars) Good() bool { return true }

// Resume asks that every candle is known that was open then, or that may still change.
func (b *bars) Resume(clock int64, mark uint64) (uint64, bool) {
	reach := b.reach()
	return mark, reach <= b.dropped || reach < forever && clock >= reach+b.width+finalDelay+lateLimit
}
