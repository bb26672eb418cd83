// Package coinbaseadvanced decodes the market data of Coinbase Advanced Trade: books by level, trades,
// tickers, candles, and the state of products. docs/venues.md says which channels, ids and times are used,
// and how sure we are of each.
package coinbaseadvanced

import (
	"fmt"

	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

const venue = "COINBASE-ADVANCED"

// Format is the market data of Coinbase Advanced Trade.
var Format = &feed.Format{
	Name: "coinbase-advanced", Venue: venue, Version: 1, Scope: feed.ScopeConnection,
	New: func(o feed.Options) feed.Decoder {
		return &decoder{symbols: feed.NewSymbols(o), connections: map[string]*connection{}, homes: map[place]*connection{}}
	},
}

// MaxRecord is the longest record that is read, in bytes: a first message of a book has 110 bytes a level,
// and the largest some 50,000 levels.
const MaxRecord = 16 << 20

// decoder decodes one partition. It remembers its symbols, and of each connection its newest message.
type decoder struct {
	symbols     *feed.Symbols
	message     message
	connections map[string]*connection
	homes       map[place]*connection // where it was heard of last
	clock       int64                 // counts messages, to know which connection is silent longest
}

// place is a channel of a symbol.
type place struct {
	symbol *market.Symbol
	list   byte // the slot that the channel's data are in
}

// Decode implements feed.Decoder.
func (d *decoder) Decode(b *market.Batch, r *feed.Record) error {
	var c *connection
	err := d.message.Decode(b, r, MaxRecord, func(b *market.Batch) { c = d.read(b, r.Key) }, fieldName)
	if c != nil {
		c.took(err)
	}
	return err
}

// read goes through the record. The events are read where they stand, in one pass, if what must be known of the
// envelope comes before them, as it does. It returns the connection that the message is the next of; nil if it is of
// none, or was seen before.
func (d *decoder) read(b *market.Batch, key []byte) (c *connection) {
	m := &d.message
	if !m.Enter() {
		return nil
	}
	const head = 1<<channel | 1<<sequence | 1<<clock
	var seen uint8
	for name, ok := m.Cursor.Key(); ok; name, ok = m.Cursor.Key() {
		slot, known := slotOf(name)
		if !known || slot > text {
			m.Cursor.Value()
			continue
		}
		if seen>>slot&1 != 0 {
			m.Fail(slot, scan.Twice)
		}
		if seen |= 1 << slot; slot == events && seen&head == head && m.Cursor.At('[') {
			c = d.envelope(b, key, true)
			continue
		}
		m.Take(slot)
	}
	if !m.Cursor.End() || !m.Healthy() || c != nil || m.Skipped() {
		return c
	}
	if seen>>channel&1 == 0 {
		if m.Has(text) { // {"type":"error","message":…}
			m.Skip(feed.Ignored)
		} else {
			m.Refuse(feed.UnknownKind)
		}
		return nil
	}
	return d.envelope(b, key, false)
}

// envelope takes what all messages have, and decodes the events: the cursor stands before them, or they were noted.
func (d *decoder) envelope(b *market.Batch, key []byte, here bool) *connection {
	m := &d.message
	number, time := m.ID(sequence), m.Clock(clock)
	var c *connection
	if m.Healthy() {
		c = d.connection(key)
		if !c.follows(number, time) {
			m.Skip(feed.Ignored)
			c = nil
		}
	}
	if c == nil {
		if here {
			m.Cursor.Value()
		}
		return nil
	}
	if c.hole {
		for _, sym := range c.symbols {
			b.Gap(sym)
		}
	}
	decode := d.channel()
	take := func() { decode(d, b, c, time) }
	switch {
	case decode == nil && here:
		m.Cursor.Value()
	case decode == nil:
	case here:
		m.objects(take)
	default:
		m.each(events, take)
	}
	return c
}

// channel returns what decodes an event of the message's channel; nil if nothing does.
func (d *decoder) channel() func(*decoder, *market.Batch, *connection, int64) {
	m := &d.message
	switch word := m.Word(channel); string(word) {
	case "l2_data":
		return (*decoder).book
	case "market_trades":
		return (*decoder).trades
	case "ticker", "ticker_batch":
		return (*decoder).tickers
	case "candles":
		return (*decoder).candles
	case "status":
		return (*decoder).status
	case "heartbeats", "subscriptions":
		m.Skip(feed.Ignored)
	default:
		m.Refuse(fmt.Errorf("%w: %.40q", feed.UnknownKind, word))
	}
	return nil
}

// symbol returns the symbol of what is at hand, of which a channel is heard on a connection; nil if it is not
// wanted, or cannot be. Where that was heard on another connection before, it is not known what came between.
func (d *decoder) symbol(b *market.Batch, c *connection, list byte) *market.Symbol {
	sym := d.named(product)
	if sym == nil {
		return nil
	}
	at := place{sym, list}
	if home := d.homes[at]; home != c {
		if home != nil {
			home.leave(sym)
			b.Gap(sym)
		}
		d.homes[at] = c
		c.join(sym)
	}
	return sym
}

// named returns the symbol of the native name in a field.
func (d *decoder) named(slot byte) *market.Symbol {
	m := &d.message
	native := m.Word(slot)
	return m.Symbol(d.symbols, native, symbolOf)
}

// side reads an order's side, of which buy is one spelling and sell the other: whether it is the buyers'.
func (m *message) side(buy, sell string) bool {
	switch string(m.Word(side)) {
	case buy:
		return true
	case sell:
	default:
		m.Fail(side, scan.Wrong)
	}
	return false
}
