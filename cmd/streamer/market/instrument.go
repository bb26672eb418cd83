package market

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
	"strings"
	"time"
)

// How often a collector hears what, as at Binance.
const (
	depthEvery    = int64(100 * time.Millisecond / time.Microsecond)
	tickerEvery   = int64(time.Second / time.Microsecond)
	snapshotEvery = int64(30 * time.Second / time.Microsecond)
	askAgain      = int64(2500 * time.Millisecond / time.Microsecond) // from a gap noticed to the snapshot that heals it
	latency       = int64(4 * time.Millisecond / time.Microsecond)    // from the venue to the collector
)

// instrument is one symbol: its book, the flow of orders that moves it, and what has been told of it.
type instrument struct {
	m     *Market
	spec  spec
	name  string // as the venue writes it
	lower string // as it does in the names of streams
	rand  *rand.Rand

	bids, asks side
	id         int64 // of the newest change of the book
	told       int64 // id up to which depth messages have told
	trade      int64 // id of the newest trade
	day        day

	fair     float64 // what it is worth, in ticks: orders gather around it
	heat     float64 // how busy it is: the logarithm, which wanders around 0
	wild     bool
	turnAt   int64 // when wild turns
	pending  int64 // µs of wandering that fair has not made yet
	last     int64 // when the newest order came
	buying   bool  // the taker of the moment: takers come in runs
	orderAt  int64
	depthAt  int64
	tickerAt int64
	restAt   int64
	lossy    bool // the next depth message is lost
	lost     bool // one was: the next shows it
}

// source returns a symbol's own randomness, so that its market is the same whatever else is simulated.
func source(seed uint64, name string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(name))
	return rand.New(rand.NewPCG(seed, h.Sum64()))
}

func newInstrument(m *Market, sp spec) *instrument {
	s := &instrument{
		m: m, spec: sp, name: sp.name(), lower: strings.ToLower(sp.name()), rand: source(m.options.Seed, sp.name()),
		fair: float64(sp.start) + 0.5, turnAt: never,
	}
	s.bids.sign, s.asks.sign = 1, -1
	s.id = 1_000_000_000 + s.rand.Int64N(50_000_000_000)
	s.trade = 100_000_000 + s.rand.Int64N(3_000_000_000)
	s.day = newDay(s)
	for range depth / 2 {
		s.place(&s.bids, false)
		s.place(&s.asks, false)
	}
	s.bids.changed, s.asks.changed = nil, nil
	s.told = s.id
	m.queue = m.queue[:0] // nobody listened yet
	if sp.burst > 0 {
		s.turnAt = s.rand.Int64N(20e6)
	}
	s.orderAt = s.next()
	s.depthAt = depthEvery + s.rand.Int64N(depthEvery)
	s.tickerAt = s.rand.Int64N(tickerEvery)
	return s
}

// due is when something of the symbol happens next.
func (s *instrument) due() int64 { return min(s.orderAt, s.depthAt, s.tickerAt, s.restAt) }

// act lets what is due happen.
func (s *instrument) act() {
	switch now := s.m.now; now {
	case s.restAt:
		s.restAt = now + snapshotEvery + s.rand.Int64N(snapshotEvery/4)
		s.tellSnapshot()
	case s.orderAt:
		s.wander(now - s.last)
		s.last = now
		s.order()
		s.orderAt = now + s.next()
	case s.depthAt:
		s.depthAt += depthEvery
		s.depth()
	case s.tickerAt:
		s.tickerAt += tickerEvery
		if !s.m.thin() {
			s.tellTicker()
		}
	}
}

// next draws the time to the next order, at least 1 µs.
func (s *instrument) next() int64 {
	mean := 1e6 / (s.spec.orders * s.m.rate() * s.activity())
	return 1 + int64(min(mean*s.rand.ExpFloat64(), 60e6))
}

// activity is how much busier than usual it is now.
func (s *instrument) activity() float64 {
	a := math.Exp(s.heat)
	if s.wild {
		a *= s.spec.burst
	}
	return a
}

// Busy and calm times come and go within about a minute. A wild time of a symbol that has them lasts
// some seconds, the calm between them half a minute.
const (
	heatTime   = 40e6 // µs
	heatSpread = 0.5
	wildTime   = 7e6
	calmTime   = 28e6
)

// wander moves what the symbol is worth, and how busy it is, on by dt µs.
func (s *instrument) wander(dt int64) {
	keep := math.Exp(-float64(dt) / heatTime)
	s.heat = s.heat*keep + heatSpread*math.Sqrt(1-keep*keep)*s.rand.NormFloat64()
	if s.m.now >= s.turnAt {
		s.wild = !s.wild
		mean := calmTime
		if s.wild {
			mean = wildTime
		}
		s.turnAt = s.m.now + 1 + int64(mean*s.rand.ExpFloat64())
	}
	// Worth moves by news, about once a second where orders are many, and not at all in between:
	// so the touch stands still and then jumps.
	s.pending += dt
	if news := 1 - math.Exp(-float64(s.pending)/1.5e6); s.rand.Float64() > news {
		return
	}
	minutes := float64(s.pending) / 60e6
	s.pending = 0
	start := float64(s.spec.start)
	s.fair += s.fair * s.spec.vol * math.Sqrt(minutes*s.activity()) * s.rand.NormFloat64()
	s.fair += (start - s.fair) * minutes / (24 * 60) // back within days, or a long demo ends anywhere
	s.fair = max(s.fair, start/10)
}
