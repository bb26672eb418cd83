// Package gate decodes Gate's public WebSocket channels, API v4, of spot and of futures, and REST order books as
// records. docs/venues.md says which channels, ids and times are used, and how sure we are of each.
package gate

import (
	"bytes"
	"fmt"

	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// The formats, one for each of the venue's markets.
var (
	Spot    = format("gate", &product{venue: "GATE", channels: spotChannels, facts: (*decoder).pair, symbol: spotSymbol, restDigits: 3})
	Futures = format("gate-futures", &product{venue: "GATE-FUTURES", channels: futuresChannels, facts: (*decoder).terms, symbol: futuresSymbol, restDigits: 6})
)

func format(name string, p *product) *feed.Format {
	return &feed.Format{
		Name: name, Venue: p.venue, Version: 1, Scope: feed.ScopeRecord,
		New: func(o feed.Options) feed.Decoder {
			return &decoder{product: p, symbols: feed.NewSymbols(o)}
		},
	}
}

// product is what sets the venue's markets apart.
type product struct {
	venue      string
	channels   map[string]channel
	facts      func(*decoder, *market.Batch) // of an instrument in a list
	symbol     func(native string) (market.Symbol, bool)
	restDigits int // how many digits less than µs the times of REST order books have
}

// channel says how the results of a channel are decoded.
type channel struct {
	decode func(*decoder, *market.Batch)
	list   bool // the result is a list, and each element is decoded by itself
}

var spotChannels = map[string]channel{
	"spot.trades":            {decode: (*decoder).trade},
	"spot.tickers":           {decode: (*decoder).ticker},
	"spot.book_ticker":       {decode: (*decoder).touch},
	"spot.order_book_update": {decode: (*decoder).diff},
	"spot.obu":               {decode: (*decoder).depth},
	"spot.order_book":        {decode: (*decoder).cut},
	"spot.candlesticks":      {decode: (*decoder).candle},
}

var futuresChannels = map[string]channel{
	"futures.trades":            {decode: (*decoder).signed, list: true},
	"futures.tickers":           {decode: (*decoder).contract, list: true},
	"futures.book_ticker":       {decode: (*decoder).touch},
	"futures.order_book_update": {decode: (*decoder).diff},
	"futures.obu":               {decode: (*decoder).depth},
	"futures.order_book":        {decode: (*decoder).cut},
	"futures.candlesticks":      {decode: (*decoder).bar, list: true},
	"futures.contract_stats":    {decode: (*decoder).stats},
}

// MaxRecord is the longest record that is read, in bytes: what Kafka takes unless told otherwise. A list of
// every ticker has 400,000.
const MaxRecord = 1 << 20

// decoder decodes one partition of one market. It remembers its symbols and nothing else.
type decoder struct {
	message
	product *product
	symbols *feed.Symbols
}

// Decode implements feed.Decoder.
func (d *decoder) Decode(b *market.Batch, r *feed.Record) error {
	return d.Message.Decode(b, r, MaxRecord, d.record, fieldName)
}

// record decodes what the cursor is before.
func (d *decoder) record(b *market.Batch) {
	d.begin()
	d.read()
	if d.Healthy() {
		d.event(b)
	}
}

// event decodes the message whose fields were read.
func (d *decoder) event(b *market.Batch) {
	switch {
	case d.bare:
		d.instruments(b)
	case d.channel.Kind == scan.None && d.Has(idField) && d.Has(asksField):
		d.whole(b)
	case d.channel.Kind != scan.String:
		d.Refuse(feed.UnknownKind)
	default:
		name := d.Cursor.Text(d.channel, d.text[0][:0])
		switch string(d.action()) {
		case "update", "all":
			d.result(b, name)
		case "subscribe", "unsubscribe":
			d.Skip(feed.Ignored)
		case "":
			if bytes.HasSuffix(name, []byte(".pong")) {
				d.Skip(feed.Ignored)
				return
			}
			d.Refuse(feed.UnknownKind)
		default:
			d.Refuse(feed.UnknownKind)
		}
	}
}

// result decodes what a channel brings.
func (d *decoder) result(b *market.Batch, name []byte) {
	ch, ok := d.product.channels[string(name)]
	if !ok {
		d.Refuse(fmt.Errorf("%w: channel %.40q", feed.UnknownKind, name))
		return
	}
	d.sent = d.stamp()
	switch {
	case d.data.Kind == scan.None:
		d.Fail(resultField, scan.Missing)
	case !ch.list && d.data.Kind == scan.Object:
		ch.decode(d, b)
	case ch.list && d.data.Kind == scan.Array:
		d.Within(d.data, func() { d.elements(b, ch) })
	case d.data.Kind == scan.Array: // of the older order book: changes that do not tell their symbol
		d.Refuse(fmt.Errorf("%w: a list of %.40q", feed.UnknownKind, name))
	default:
		d.Fail(resultField, scan.Wrong)
	}
}

func (d *decoder) elements(b *market.Batch, ch channel) {
	c := &d.Cursor
	c.Array()
	for c.More() {
		d.Clear()
		if c.At('{') {
			d.object()
		} else {
			c.Value()
			d.Fail(resultField, scan.Wrong)
		}
		if d.Healthy() {
			ch.decode(d, b)
		}
	}
}

// symbol returns the symbol that a field names; nil if it is not wanted, or cannot be.
func (d *decoder) symbol(at byte) *market.Symbol { return d.named(d.Word(at)) }

func (d *decoder) named(native []byte) *market.Symbol {
	return d.Symbol(d.symbols, native, d.product.meet)
}

// meet makes a symbol of a name that is new.
func (p *product) meet(native string) (market.Symbol, bool) {
	if !isNative([]byte(native)) {
		return market.Symbol{}, false
	}
	sym, ok := p.symbol(native)
	sym.Venue = p.venue
	return sym, ok
}
