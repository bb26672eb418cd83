package itch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"tapedeck/feed"
	"tapedeck/market"
)

// stock is what is known of one stock.
type stock struct {
	symbol *market.Symbol // nil: it is not wanted, or cannot be
	why    error          // then why
	name   uint64         // the 8 bytes of its name
	state  byte           // of the newest trading action, or W of the circuit breaker; 0: none came today
	closed bool           // by an operational halt
	ladder
}

var errNameless = fmt.Errorf("%w: of a stock that nothing before this message has named", feed.Ignored)

// stock returns the stock of a message, by its number of the day, or its name where it has one. Nil where nothing is
// to be told of it.
func (d *decoder) stock(b *market.Batch, m message, k *kind) *stock {
	var s *stock
	n := m.locate()
	if n < len(d.stocks) {
		s = d.stocks[n]
	}
	if k.stock > 0 {
		if name := m[k.stock : k.stock+8]; s == nil || s.name != binary.BigEndian.Uint64(name) {
			s = d.meet(b, m, name)
		}
	}
	switch {
	case s == nil:
		d.why = errNameless
	case s.symbol != nil:
		return s
	case errors.Is(s.why, feed.Unused):
		d.why = s.why
	default:
		d.bad = s.why
	}
	return nil
}

// meet makes a number of the day a stock's. Where it was another's, and this is no directory of a day that was read from
// its start, a day has begun unnoticed.
func (d *decoder) meet(b *market.Batch, m message, name []byte) *stock {
	n := m.locate()
	for len(d.stocks) <= n {
		d.stocks = append(d.stocks, nil)
	}
	listed := m[0] == 'R' && d.started
	if d.stocks[n] != nil && !listed {
		d.lose(b)
	}
	number := binary.BigEndian.Uint64(name)
	s := d.names[number]
	if s == nil {
		s = d.make(name)
		if s.symbol != nil && listed {
			d.empty(b, m, s)
		}
	}
	d.stocks[n] = s
	return s
}

// make makes a stock of a name that is new.
func (d *decoder) make(name []byte) *stock {
	s := &stock{name: binary.BigEndian.Uint64(name)}
	s.asks.asks = true
	text := string(bytes.TrimRight(name, " "))
	s.symbol, s.why = d.symbols.Add([]byte(text), market.Symbol{Venue: venue, Name: text, Native: text, Base: text, Quote: "USD"})
	if s.symbol != nil || errors.Is(s.why, feed.Unused) { // what is over the limit is not remembered
		d.names[s.name] = s
	}
	return s
}

// directory decodes what a stock is: the least step of a quantity is one share, unless only round lots are taken.
func (d *decoder) directory(b *market.Batch, m message, s *stock) {
	facts := b.Instrument(s.symbol, d.clock.at(m.ns()))
	facts.Lot = market.Int(1)
	if lot := m.u32(21); m[25] == 'Y' && lot > 0 {
		facts.Lot = market.Int(int64(lot))
	}
}

// tradingAction decodes whether a stock is traded.
func (d *decoder) tradingAction(b *market.Batch, m message, s *stock) {
	s.state = m[19]
	d.status(b, m, s)
}

var errElsewhere = fmt.Errorf("%w: an operational halt of another of Nasdaq's markets", feed.Ignored)

// operationalHalt decodes whether this market trades a stock that others may trade.
func (d *decoder) operationalHalt(b *market.Batch, m message, s *stock) {
	if m[19] != 'Q' {
		d.why = errElsewhere
		return
	}
	s.closed = m[20] == 'H'
	d.status(b, m, s)
}

// breaker decodes that the market has fallen so far that all trading stops. It goes on stock by stock, with a trading
// action of each.
func (d *decoder) breaker(b *market.Batch, m message) {
	d.why = errNobody
	for _, s := range d.stocks {
		if s != nil && s.symbol != nil {
			s.state = 'W'
			d.status(b, m, s)
		}
	}
}

func (d *decoder) status(b *market.Batch, m message, s *stock) {
	st := b.Status(s.symbol, d.clock.at(m.ns()))
	st.State = market.Halted
	switch {
	case s.state == 'H':
		st.Reason = "trading is halted"
	case s.state == 'P':
		st.Reason = "trading is paused"
	case s.state == 'Q':
		st.Reason = "orders are taken, and not traded yet"
	case s.state == 'W':
		st.Reason = "the market-wide circuit breaker has stopped trading"
	case s.closed:
		st.Reason = "an operational halt of Nasdaq"
	default:
		st.State = market.Live
	}
}

var (
	errEvent  = fmt.Errorf("%w: a system event", feed.Ignored)
	errNobody = fmt.Errorf("%w: of all stocks, of which none is known yet", feed.Ignored)
)

// systemEvent decodes the hours of a day. At its start of messages every book is empty.
func (d *decoder) systemEvent(b *market.Batch, m message) {
	switch d.why = errEvent; m[11] {
	case 'C': // end of messages
		d.ended = true
	case 'O': // start of messages
		d.started = true
		d.orders.clear()
		for _, s := range d.stocks {
			if s != nil && s.symbol != nil {
				s.state, s.closed = 0, false
				d.empty(b, m, s)
			}
		}
	}
}
