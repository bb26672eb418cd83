// Package deribit decodes Deribit's subscriptions (API v2): book, trades, quote, ticker,
// incremental_ticker, chart.trades and instrument.state. docs/venues.md says what is used of each, and how sure we are.
package deribit

import (
	"fmt"

	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// Format describes the decoder.
var Format = &feed.Format{
	Name: "deribit", Venue: "DERIBIT", Version: 1, Scope: feed.ScopeRecord,
	New: func(o feed.Options) feed.Decoder { return &decoder{symbols: feed.NewSymbols(o)} },
}

// MaxRecord is the longest record that is read, in bytes.
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
	m.begin()
	d.read(b)
}

// read goes through the record once; through a list of trades twice if it comes before the channel.
func (d *decoder) read(b *market.Batch) {
	m := &d.message
	if !m.Enter() {
		return
	}
	for name, ok := m.Cursor.Key(); ok; name, ok = m.Cursor.Key() {
		switch string(name) {
		case "method":
			m.setMethod()
		case "params":
			if m.once(&m.hasParams) && m.Cursor.Object() {
				d.params(b)
			} else {
				m.Cursor.Value()
			}
		case "result":
			if m.result.Kind != scan.None {
				m.Refuse(errTwice)
			}
			m.answer, m.result = true, m.Cursor.Value()
		case "error":
			m.answer = true
			m.Cursor.Value()
		default:
			m.Cursor.Value()
		}
	}
	switch {
	case m.method == noMethod && m.result.Kind == scan.Array:
		m.Within(m.result, func() { d.instruments(b) })
	case m.method == heartbeat || m.method == noMethod && m.answer:
		m.Skip(feed.Ignored)
	case m.method != subscription:
		m.Refuse(feed.UnknownKind)
	case m.channel.kind == noChannel:
		m.Refuse(errChannel)
	case m.channel.kind == otherChannel:
		m.Refuse(m.channel.unknown)
	case !m.hasData:
		m.Refuse(errData)
	default:
		d.event(b)
	}
}

// params reads the fields of the object in which the cursor is.
func (d *decoder) params(b *market.Batch) {
	m := &d.message
	for name, ok := m.Cursor.Key(); ok; name, ok = m.Cursor.Key() {
		switch string(name) {
		case "channel":
			m.setChannel()
		case "data":
			d.data(b)
		default:
			m.Cursor.Value()
		}
	}
}

// data reads a message's data: one object, or a list of trades.
func (d *decoder) data(b *market.Batch) {
	m := &d.message
	switch {
	case !m.once(&m.hasData):
		m.Cursor.Value()
	case m.channel.kind == tradesChannel && m.Cursor.Array():
		m.listed = true
		d.trades(b)
	case m.Cursor.Object():
		m.fields()
	default:
		m.list = m.Cursor.Value()
	}
}

// event decodes the message, of which all is read but a list of trades that came before its channel.
func (d *decoder) event(b *market.Batch) {
	m := &d.message
	if m.channel.kind == tradesChannel {
		if !m.listed {
			d.later(b)
		}
		return
	}
	if m.list.Kind != scan.None {
		m.Refuse(errData)
		return
	}
	sym := d.symbol()
	if sym == nil {
		return
	}
	switch m.channel.kind {
	case bookChannel:
		d.book(b, sym)
	case quoteChannel:
		d.quote(b, sym)
	case tickerChannel:
		d.ticker(b, sym)
	case chartChannel:
		d.candle(b, sym)
	default:
		d.state(b, sym)
	}
}

func (d *decoder) later(b *market.Batch) {
	m := &d.message
	if m.list.Kind != scan.Array {
		m.Refuse(errData)
		return
	}
	outside := m.Cursor
	m.Cursor = outside.Into(m.list)
	m.Cursor.Array()
	d.trades(b)
	m.Cursor = outside
}

// symbol returns the message's symbol; nil if it is not wanted, or cannot be.
func (d *decoder) symbol() *market.Symbol {
	m := &d.message
	native := m.channel.native()
	if m.channel.kind != chartChannel {
		native = m.Word(instrument)
	}
	return m.Symbol(d.symbols, native, symbolOf)
}

var (
	errChannel = fmt.Errorf("%w: the channel", feed.MissingField)
	errData    = fmt.Errorf("%w: the data", feed.MissingField)
)
