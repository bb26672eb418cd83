// Package market simulates a spot market and tells it as a collector of Binance's streams would: raw
// combined-stream messages and REST depth snapshots, in the order in which they arrived. There is a
// real order book behind every message, so that what one stream says agrees with the others.
//
// It has no clock and no goroutine: Next gives the next message and the time at which it is due. The
// same options give the same bytes.
package market

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// Options of a Market. The zero value of each field is its default, which stands beside it.
type Options struct {
	Seed    uint64
	Start   time.Time     // what the market's clock shows at first: 1970
	Symbols []string      // of Names; all of them
	Rate    float64       // orders come this many times as often: 1
	Gaps    time.Duration // mean time between two planned gaps of the venue; none

	// Past is how long the market is history at first, which is thin, so that it is soon sent and read:
	// fewer but larger orders, no tickers, no gaps, and a rate of at most 1. Its end is as busy as usual.
	Past time.Duration
}

const (
	thin  = 0.05             // how often orders come in the past,
	thick = 4                // and how much larger they are
	busy  = 30 * time.Second // of the past, at its end
	never = int64(1) << 62
)

// Record is one message as a collector puts it into a log. Its memory is its own.
type Record struct {
	Time     int64  // when the collector had it, µs since 1970
	Key      string // the symbol, as the venue writes it
	Snapshot bool   // a REST depth snapshot, which does not name its symbol
	Value    []byte
}

// Market is a number of symbols with one clock. It is not for concurrent use.
type Market struct {
	options Options
	epoch   int64 // µs since 1970 at which now was 0
	now     int64 // µs
	past    int64 // until when it is thin, µs
	rand    *rand.Rand
	symbols []*instrument
	gapAt   int64
	gaps    int // planned so far

	queue []Record
	told  int    // of queue
	slab  []byte // where the next values are written
}

// New returns a market that has told nothing yet.
func New(o Options) (*Market, error) {
	if o.Rate == 0 {
		o.Rate = 1
	}
	if o.Rate < 0 || o.Rate > 1000 {
		return nil, fmt.Errorf("a rate of %v cannot be simulated: choose one over 0 and up to 1000", o.Rate)
	}
	m := &Market{options: o, epoch: o.Start.UnixMicro(), gapAt: never, rand: source(o.Seed, "")}
	if o.Start.IsZero() {
		m.epoch = 0
	}
	if o.Past > busy {
		m.past = (o.Past - busy).Microseconds()
	}
	for _, s := range specs {
		if len(o.Symbols) == 0 || slices.Contains(o.Symbols, s.name()) {
			m.symbols = append(m.symbols, newInstrument(m, s))
		}
	}
	for _, name := range o.Symbols {
		if !slices.Contains(Names(), name) {
			return nil, fmt.Errorf("there is no symbol %q: there are %s", name, strings.Join(Names(), " "))
		}
	}
	if o.Gaps > 0 {
		m.gapAt = o.Past.Microseconds() + o.Gaps.Microseconds()/2
	}
	return m, nil
}

// Pairs lists what is simulated as BASE-QUOTE, the busiest first.
func (m *Market) Pairs() []string {
	pairs := make([]string, len(m.symbols))
	for i, s := range m.symbols {
		pairs[i] = s.spec.base + "-" + s.spec.quote
	}
	return pairs
}

// Next returns the next message. There is always one.
func (m *Market) Next() Record {
	for m.told == len(m.queue) {
		m.queue, m.told = m.queue[:0], 0
		m.step()
	}
	m.told++
	return m.queue[m.told-1]
}

// Skip moves the clock on by d during which nothing happens: for a caller that was asleep. What has
// happened but was not told yet keeps its time.
func (m *Market) Skip(d time.Duration) { m.epoch += d.Microseconds() }

// step lets what is due next happen.
func (m *Market) step() {
	next := m.symbols[0]
	for _, s := range m.symbols[1:] {
		if s.due() < next.due() {
			next = s
		}
	}
	m.now = next.due()
	if m.now >= m.gapAt {
		m.plan()
	}
	next.act()
}

// plan lets a depth message of one symbol be lost on its way to the collector. Who says more loses more.
func (m *Market) plan() {
	m.gapAt = m.now + m.wait(m.options.Gaps)
	pick := m.rand.Float64()
	for _, s := range m.symbols {
		if pick -= s.spec.orders / m.orders(); pick < 0 {
			s.lossy = true
			return
		}
	}
}

// wait draws a time of the given mean that is neither very short nor very long.
func (m *Market) wait(mean time.Duration) int64 {
	return int64(float64(mean.Microseconds()) * (0.6 + 0.8*m.rand.Float64()))
}

// orders is how many orders come in a second.
func (m *Market) orders() (n float64) {
	for _, s := range m.symbols {
		n += s.spec.orders
	}
	return n
}

// thin reports that what happens now is history.
func (m *Market) thin() bool { return m.now < m.past }

// rate is how often orders come now.
func (m *Market) rate() float64 {
	switch {
	case m.thin():
		return min(m.options.Rate, 1) * thin
	case m.now < m.options.Past.Microseconds():
		return min(m.options.Rate, 1)
	}
	return m.options.Rate
}

// time is what the market's clock shows, µs since 1970.
func (m *Market) time() int64 { return m.epoch + m.now }

// tell puts a message into the queue; write appends its text.
func (m *Market) tell(s *instrument, snapshot bool, write func([]byte) []byte) {
	if cap(m.slab)-len(m.slab) < 4<<10 {
		m.slab = make([]byte, 0, 256<<10)
	}
	from := len(m.slab)
	m.slab = write(m.slab)
	m.queue = append(m.queue, Record{
		Time: m.time(), Key: s.name, Snapshot: snapshot, Value: m.slab[from:len(m.slab):len(m.slab)],
	})
}
