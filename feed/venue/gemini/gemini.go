// Package gemini decodes Gemini's market data, version 2: books by level, trades, candles, and mark prices
// of perpetuals; and what a symbol is, by REST. docs/venues.md says which fields are used, and how sure we are of each.
package gemini

import (
	"fmt"
	"strings"

	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

const venue = "GEMINI"

// Format is Gemini's market data, version 2.
var Format = &feed.Format{
	Name: "gemini", Venue: venue, Version: 1, Scope: feed.ScopeRecord,
	New: func(o feed.Options) feed.Decoder { return &decoder{symbols: feed.NewSymbols(o)} },
}

// MaxRecord is the longest record that is read, in bytes. The longest message, a first one with a whole
// book, has some 300 KB.
const MaxRecord = 1 << 20

// decoder decodes one partition. It remembers its symbols and nothing else.
type decoder struct {
	symbols *feed.Symbols
	message message
}

// Decode implements feed.Decoder.
func (d *decoder) Decode(b *market.Batch, r *feed.Record) error {
	return d.message.Decode(b, r, MaxRecord, d.record, fieldName)
}

// record decodes what the cursor is before.
func (d *decoder) record(b *market.Batch) {
	m := &d.message
	if m.read() {
		d.event(b)
	}
}

// event decodes the message whose fields were read.
func (d *decoder) event(b *market.Batch) {
	m := &d.message
	if !m.Has(kind) {
		d.answer(b)
		return
	}
	switch word := m.Word(kind); string(word) {
	case "l2_updates":
		d.levels(b)
	case "trade":
		d.trade(b)
	case "mark_price_updates":
		d.marks(b)
	case "funding_amount_updates":
		d.funding(b)
	case "heartbeat":
		m.Skip(feed.Ignored)
	default:
		if w, ok := widths[string(word)]; ok {
			d.candles(b, w)
			return
		}
		m.Refuse(fmt.Errorf("%w: %.40q", feed.UnknownKind, word))
	}
}

// answer decodes what was asked for: by REST what a symbol is, which the venue calls its details.
func (d *decoder) answer(b *market.Batch) {
	m := &d.message
	switch {
	case m.Has(tick) && m.Has(lot):
		if sym := d.symbol(); sym != nil {
			facts := b.Instrument(sym, 0)
			facts.Tick, facts.Lot = m.Price(tick), m.Price(lot)
		}
	case m.Has(result): // {"result":"error","reason":…}
		m.Skip(feed.Ignored)
	default:
		m.Refuse(feed.UnknownKind)
	}
}

var errLevels = fmt.Errorf("%w: the changes are no lists of [side, price, quantity], or a side, price or quantity cannot be", feed.BadValue)

// levels decodes levels that changed; or, in the first message after a subscription, all. That one also
// has the auctions and the trades of before, which are no live ones.
func (d *decoder) levels(b *market.Batch) {
	m := &d.message
	sym := d.symbol()
	if sym == nil {
		return
	}
	if v := m.Value(changes); !m.leveled { // the kind came behind it
		c := m.Cursor.Into(v)
		var good bool
		m.Bids, m.Asks, good = c.Changes(m.Bids[:0], m.Asks[:0])
		m.Sick = !good
	}
	if m.Kind(changes) != scan.Array || m.Sick {
		m.Refuse(errLevels)
		return
	}
	k := b.Book(sym, 0)
	k.Snapshot = m.Has(auctions) || m.Has(trades)
	m.Give(k)
}

// trade decodes a trade, whose side is the taker's.
func (d *decoder) trade(b *market.Batch) {
	m := &d.message
	sym := d.symbol()
	if sym == nil {
		return
	}
	t := b.Trade(sym, m.millis())
	t.Price, t.Qty = m.Price(price), m.Price(quantity)
	m.ID(id)
	t.ID, _ = market.MakeID(m.Cursor.Raw(m.Value(id))) // as it is written: it has at most 18 digits
	switch string(m.Word(side)) {
	case "buy":
		t.Side = market.Buy
	case "sell":
		t.Side = market.Sell
	default:
		m.Fail(side, scan.Wrong)
	}
}

// symbol returns the message's symbol; nil if it is not wanted, or cannot be.
func (d *decoder) symbol() *market.Symbol {
	m := &d.message
	native := m.Word(symbol)
	return m.Symbol(d.symbols, native, symbolOf)
}

// maxNative is the longest native name, in bytes; the longest we know has 13.
const maxNative = 40

// symbolOf makes a symbol of a native name: BTCUSD, or BTCGUSDPERP of a perpetual, which keeps it since
// spot may have the pair.
func symbolOf(native string) (market.Symbol, bool) {
	if len(native) == 0 || len(native) > maxNative {
		return market.Symbol{}, false
	}
	for _, c := range []byte(native) {
		if (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return market.Symbol{}, false
		}
	}
	s := market.Symbol{Venue: venue, Name: native, Native: native}
	if pair, ok := strings.CutSuffix(native, "PERP"); ok {
		s.Kind = market.Perpetual
		s.Base, s.Quote = split(pair, true)
	} else if s.Base, s.Quote = split(native, false); s.Quote != "" {
		s.Name = s.Base + "-" + s.Quote
	}
	return s, true
}
