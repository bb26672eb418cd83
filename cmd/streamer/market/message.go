package market

import (
	"math/big"
	"strconv"
)

// The venue's messages, field for field as it writes them.

func (s *instrument) tellTrade(price, qty int64, sold bool) {
	s.m.tell(s, false, func(b []byte) []byte {
		b = s.head(b, "trade")
		b = s.event(b, "trade")
		b = number(append(b, `,"t":`...), s.trade)
		b = s.price(append(b, `,"p":`...), price)
		b = s.qty(append(b, `,"q":`...), qty)
		b = number(append(b, `,"T":`...), s.venueTime())
		b = strconv.AppendBool(append(b, `,"m":`...), sold)
		return append(b, `,"M":true}}`...)
	})
}

func (s *instrument) tellQuote() {
	s.m.tell(s, false, func(b []byte) []byte {
		b = s.head(b, "bookTicker")
		b = number(append(b, `{"u":`...), s.id)
		b = append(append(append(b, `,"s":"`...), s.name...), '"')
		return append(s.touch(b), `}}`...)
	})
}

// touch appends the best bid and ask.
func (s *instrument) touch(b []byte) []byte {
	bid, ask := s.bids.best(), s.asks.best()
	b = s.price(append(b, `,"b":`...), bid.price)
	b = s.qty(append(b, `,"B":`...), bid.qty)
	b = s.price(append(b, `,"a":`...), ask.price)
	return s.qty(append(b, `,"A":`...), ask.qty)
}

func (s *instrument) tellDepth() {
	s.m.tell(s, false, func(b []byte) []byte {
		b = s.head(b, "depth@100ms")
		b = s.event(b, "depthUpdate")
		b = number(append(b, `,"U":`...), s.told+1)
		b = number(append(b, `,"u":`...), s.id)
		b = s.levels(append(b, `,"b":`...), s.bids.changes)
		b = s.levels(append(b, `,"a":`...), s.asks.changes)
		return append(b, `}}`...)
	})
	s.told = s.id
}

// tellSnapshot is the body of GET /api/v3/depth.
func (s *instrument) tellSnapshot() {
	s.m.tell(s, true, func(b []byte) []byte {
		b = number(append(b, `{"lastUpdateId":`...), s.id)
		b = s.levels(append(b, `,"bids":`...), s.bids.all)
		b = s.levels(append(b, `,"asks":`...), s.asks.all)
		return append(b, '}')
	})
}

func (s *instrument) tellTicker() {
	sum, quote := s.day.sum(s.m.time())
	if sum.trades == 0 {
		return // the venue has nothing to say of a day without a trade
	}
	mean := new(big.Int).Div(quote, big.NewInt(sum.volume)).Int64()
	change := sum.close - sum.open
	s.m.tell(s, false, func(b []byte) []byte {
		b = s.head(b, "ticker")
		b = s.event(b, "24hrTicker")
		b = s.price(append(b, `,"p":`...), change)
		b = quoted(append(b, `,"P":`...), change*100_000/sum.open, 3, 3)
		b = s.price(append(b, `,"w":`...), mean)
		b = s.price(append(b, `,"x":`...), sum.open)
		b = s.price(append(b, `,"c":`...), sum.close)
		b = s.qty(append(b, `,"Q":`...), s.day.newest)
		b = s.touch(b)
		b = s.price(append(b, `,"o":`...), sum.open)
		b = s.price(append(b, `,"h":`...), sum.high)
		b = s.price(append(b, `,"l":`...), sum.low)
		b = s.qty(append(b, `,"v":`...), sum.volume)
		b = s.amount(append(b, `,"q":`...), quote)
		b = number(append(b, `,"O":`...), s.venueTime()-minutes*60_000)
		b = number(append(b, `,"C":`...), s.venueTime())
		b = number(append(b, `,"F":`...), s.trade-sum.trades+1)
		b = number(append(b, `,"L":`...), s.trade)
		b = number(append(b, `,"n":`...), sum.trades)
		return append(b, `}}`...)
	})
}

// head begins a message of a combined stream.
func (s *instrument) head(b []byte, stream string) []byte {
	b = append(append(b, `{"stream":"`...), s.lower...)
	b = append(append(b, '@'), stream...)
	return append(b, `","data":`...)
}

// event begins the data of a message that names its kind.
func (s *instrument) event(b []byte, kind string) []byte {
	b = append(append(b, `{"e":"`...), kind...)
	b = number(append(b, `","E":`...), s.venueTime())
	return append(append(append(b, `,"s":"`...), s.name...), '"')
}

// venueTime is what the venue's clock showed when it sent what arrives now, in ms.
func (s *instrument) venueTime() int64 { return (s.m.time() - latency) / 1000 }

func (s *instrument) levels(b []byte, each func(func(level))) []byte {
	b = append(b, '[')
	first := true
	each(func(l level) {
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(b, '[')
		b = append(s.price(b, l.price), ',')
		b = append(s.qty(b, l.qty), ']')
	})
	return append(b, ']')
}

func number(b []byte, v int64) []byte { return strconv.AppendInt(b, v, 10) }

// places is how many decimals the venue writes, whatever the tick.
const places = 8

func (s *instrument) price(b []byte, ticks int64) []byte {
	return quoted(b, ticks, s.spec.decimals, places)
}

func (s *instrument) qty(b []byte, lots int64) []byte {
	return quoted(b, lots, s.spec.lots, places)
}

// amount appends a sum of price times quantity.
func (s *instrument) amount(b []byte, sum *big.Int) []byte {
	scale := s.spec.decimals + s.spec.lots
	digits := sum.String()
	for len(digits) <= scale {
		digits = "0" + digits
	}
	point := len(digits) - scale
	b = append(append(append(b, '"'), digits[:point]...), '.')
	b = append(append(b, digits[point:]...), "00000000"[:places-scale]...)
	return append(b, '"')
}

// quoted appends "v / 10^decimals", written with the given number of places.
func quoted(b []byte, v int64, decimals, places int) []byte {
	b = append(b, '"')
	if v < 0 {
		b, v = append(b, '-'), -v
	}
	whole := int64(1)
	for range decimals {
		whole *= 10
	}
	b = append(strconv.AppendInt(b, v/whole, 10), '.')
	for rest := v % whole; decimals > 0; decimals-- {
		whole /= 10
		b = append(b, byte('0'+rest/whole))
		rest %= whole
		places--
	}
	b = append(b, "00000000"[:places]...)
	return append(b, '"')
}
