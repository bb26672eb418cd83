// Package gemini decodes Gemini's market data, version 2: books by level, trades, candles, and mark prices
// of perpetuals. docs/venues.md says which fields are used, and how sure we are of each.
package gemini

import (
	"bytes"
	"errors"
	"fmt"

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
	switch {
	case r.Value == nil:
		return feed.Tombstone
	case len(r.Value) == 0:
		return feed.Empty
	case len(r.Value) > MaxRecord:
		return feed.TooLarge
	}
	before := len(b.Events)
	m := &d.message
	m.begin(r)
	if m.read() {
		d.event(b)
	}
	err := m.end(len(b.Events) > before)
	if err != nil {
		b.Undo(before)
	}
	return err
}

// event decodes the message whose fields were read.
func (d *decoder) event(b *market.Batch) {
	m := &d.message
	if !m.Has(kind) {
		if m.Has(result) { // {"result":"error","reason":…}
			m.skip(feed.Ignored)
			return
		}
		m.refuse(feed.UnknownKind)
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
		m.skip(feed.Ignored)
	default:
		if w, ok := widths[string(word)]; ok {
			d.candles(b, w)
			return
		}
		m.refuse(fmt.Errorf("%w: %.40q", feed.UnknownKind, word))
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
		m.bids, m.asks, good = c.Changes(m.bids[:0], m.asks[:0])
		m.sick = !good
	}
	if !m.isArray(changes) || m.sick {
		m.refuse(errLevels)
		return
	}
	k := b.Book(sym, 0)
	k.Snapshot = m.Has(auctions) || m.Has(trades)
	k.Bids, m.bids = m.bids, k.Bids[:0]
	k.Asks, m.asks = m.asks, k.Asks[:0]
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
	sym, err := d.symbols.Find(native)
	if sym == nil && err == nil {
		sym, err = d.meet(native)
	}
	switch {
	case err == nil:
	case errors.Is(err, feed.Unused):
		m.skip(err)
	default:
		m.refuse(err)
	}
	return sym
}

// maxNative is the longest native name, in bytes; the longest we know has 13.
const maxNative = 40

// meet makes a symbol of a name that is new: BTCUSD, or BTCGUSDPERP of a perpetual, which keeps it since
// spot may have the pair.
func (d *decoder) meet(native []byte) (*market.Symbol, error) {
	if len(native) == 0 || len(native) > maxNative {
		return nil, feed.BadSymbol
	}
	for _, c := range native {
		if (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return nil, feed.BadSymbol
		}
	}
	s := market.Symbol{Venue: venue, Name: string(native), Native: string(native)}
	if pair, ok := bytes.CutSuffix(native, []byte("PERP")); ok {
		s.Kind = market.Perpetual
		s.Base, s.Quote = split(string(pair), true)
	} else if s.Base, s.Quote = split(string(native), false); s.Quote != "" {
		s.Name = s.Base + "-" + s.Quote
	}
	return d.symbols.Add(native, s)
}
