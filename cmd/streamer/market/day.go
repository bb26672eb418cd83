package market

import (
	"math"
	"math/big"
)

// minutes of the rolling day.
const minutes = 24 * 60

// minute is what happened in one minute.
type minute struct {
	open, high, low, close int64 // ticks; 0: no trade
	volume, quote          int64 // lots; ticks times lots, which is exact
	trades                 int64
}

// day is the last 24 hours by minutes, the present one included.
type day struct {
	at     int64 // the present minute, since 1970
	newest int64 // quantity of the newest trade
	ring   [minutes]minute
}

// newDay invents the day before the market begins: a walk that ends where it starts.
func newDay(s *instrument) day {
	d := day{at: s.m.time() / 60e6}
	price := s.fair
	for i := range int64(minutes - 1) {
		m := d.minute(d.at - 1 - i)
		m.close = max(1, int64(price))
		price *= 1 - s.spec.vol*s.rand.NormFloat64()
		m.open = max(1, int64(price))
		wick := s.spec.vol * price / 3
		m.high = max(m.open, m.close) + int64(wick*s.rand.ExpFloat64())
		m.low = max(1, min(m.open, m.close)-int64(wick*s.rand.ExpFloat64()))
		m.trades = 1 + int64(s.spec.orders*9*s.rand.ExpFloat64())
		m.volume = m.trades * (1 + int64(1.5*s.spec.size))
		m.quote = m.volume * ((m.open + m.close) / 2)
	}
	d.newest = 1 + int64(s.spec.size)
	return d
}

func (d *day) minute(at int64) *minute { return &d.ring[((at%minutes)+minutes)%minutes] }

// turn moves on to the present minute; those in between had no trade.
func (d *day) turn(now int64) {
	at := now / 60e6
	for d.at = max(d.at, at-minutes); d.at < at; {
		d.at++
		*d.minute(d.at) = minute{}
	}
}

// trade takes a trade in.
func (d *day) trade(now, price, qty int64) {
	d.turn(now)
	m := d.minute(d.at)
	if m.trades == 0 {
		m.open, m.high, m.low = price, price, price
	}
	m.high, m.low, m.close = max(m.high, price), min(m.low, price), price
	m.volume += qty
	m.quote += price * qty
	m.trades++
	d.newest = qty
}

// sum is the whole day as one. Its quote may not fit in 64 bits where the rate is high.
func (d *day) sum(now int64) (t minute, quote *big.Int) {
	d.turn(now)
	t.low, quote = math.MaxInt64, new(big.Int)
	for i := range int64(minutes) {
		m := d.minute(d.at - minutes + 1 + i)
		if m.trades == 0 {
			continue
		}
		if t.trades == 0 {
			t.open = m.open
		}
		t.high, t.low, t.close = max(t.high, m.high), min(t.low, m.low), m.close
		t.volume += m.volume
		t.trades += m.trades
		quote.Add(quote, big.NewInt(m.quote))
	}
	return t, quote
}
