// Package bybit decodes Bybit's public WebSocket topics, API v5: spot, linear and inverse contracts, and options.
// docs/venues.md says which topics, ids and times are used, and how sure we are of each.
package bybit

import (
	"fmt"

	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// The formats, one for each of the venue's markets: a message does not tell which one it is of.
var (
	Spot    = format("bybit-spot", &product{venue: "BYBIT", category: "spot", symbol: spotSymbol, inQuote: true})
	Linear  = format("bybit-linear", &product{venue: "BYBIT-LINEAR", category: "linear", symbol: linearSymbol, inQuote: true})
	Inverse = format("bybit-inverse", &product{venue: "BYBIT-INVERSE", category: "inverse", symbol: inverseSymbol})
	Option  = format("bybit-option", &product{venue: "BYBIT-OPTION", category: "option", symbol: optionSymbol, options: true})
)

func format(name string, p *product) *feed.Format {
	return &feed.Format{
		Name: name, Venue: p.venue, Version: 1, Scope: feed.ScopeSymbol,
		New: func(o feed.Options) feed.Decoder {
			return &decoder{product: p, symbols: feed.NewSymbols(o), known: map[*market.Symbol]*sequence{}}
		},
	}
}

// product is what sets the venue's markets apart.
type product struct {
	venue    string
	category string // what REST calls it
	symbol   func(native string) (market.Symbol, bool)
	inQuote  bool // what the venue calls turnover is the quote volume
	options  bool // tickers are whole, have the best bid and ask, and 0 where there is no price
}

// MaxRecord is the longest record that is read, in bytes: what Kafka takes unless told otherwise. A book of
// 1,000 levels a side has 60,000.
const MaxRecord = 1 << 20

// decoder decodes one partition of one market.
type decoder struct {
	message
	product *product
	symbols *feed.Symbols
	known   map[*market.Symbol]*sequence // one for each symbol that has a book
}

// topic says how the messages of a topic are decoded.
type topic struct {
	decode func(*decoder, *market.Batch)
	list   bool // its data is a list, and each element is decoded by itself
	part   bool // the symbol stands behind a depth or a width
}

var topics = map[string]topic{
	"orderbook":   {decode: (*decoder).book, part: true},
	"publicTrade": {decode: (*decoder).trade, list: true},
	"tickers":     {decode: (*decoder).ticker},
	"kline":       {decode: (*decoder).candle, list: true, part: true},
}

// Decode implements feed.Decoder.
func (d *decoder) Decode(b *market.Batch, r *feed.Record) error {
	err := d.Message.Decode(b, r, MaxRecord, d.record, fieldName)
	d.part, d.native = nil, nil // part of the record
	return err
}

// record decodes what the cursor is before.
func (d *decoder) record(b *market.Batch) {
	d.begin()
	d.read(b)
	if d.Complete() { // so that nothing is remembered of what is no message
		d.event(b)
	}
}

// read goes through the record once. An object's fields are noted; a list is decoded on the way if the topic is
// known by then, as it nearly always is.
func (d *decoder) read(b *market.Batch) {
	c := &d.Cursor
	if !d.Enter() {
		return
	}
	for key, ok := c.Key(); ok; key, ok = c.Key() {
		switch string(key) {
		case "topic":
			d.readTopic()
		case "type":
			d.Once(&d.kind, typeField)
		case "ts":
			d.Once(&d.stamp, tsField)
		case "op":
			d.Once(&d.op, opField)
		case "data":
			d.readData(b)
		case "result":
			d.Once(&d.result, resultField)
		default:
			c.Value()
		}
	}
}

func (d *decoder) readData(b *market.Batch) {
	switch c := &d.Cursor; {
	case d.data.Kind != scan.None:
		d.Once(&d.data, dataField)
	case c.At('{'):
		d.data.Kind = scan.Object
		d.object()
	case c.At('[') && d.topic.list:
		d.data.Kind, d.done = scan.Array, true
		d.elements(b)
	default:
		d.data = c.Value()
	}
}

// event judges what the record is, and decodes it if that was not done yet.
func (d *decoder) event(b *market.Batch) {
	switch {
	case d.name.Kind == scan.None && d.result.Kind == scan.Object:
		d.instruments(b)
	case d.name.Kind == scan.None && d.isAnswer():
		d.Skip(feed.Ignored)
	case d.name.Kind == scan.None:
		d.Refuse(feed.UnknownKind)
	case d.topic.decode == nil:
		d.Refuse(fmt.Errorf("%w: topic %.40q", feed.UnknownKind, d.Cursor.Text(d.name, nil)))
	case d.done:
	case d.data.Kind == scan.None:
		d.Fail(dataField, scan.Missing)
	case !d.topic.list && d.data.Kind == scan.Object:
		d.topic.decode(d, b)
	case d.topic.list && d.data.Kind == scan.Array:
		d.Within(d.data, func() { d.elements(b) })
	default:
		d.Fail(dataField, scan.Wrong)
	}
}

// isAnswer reports whether a record without a topic answers a request.
func (d *decoder) isAnswer() bool {
	c := &d.Cursor
	if d.op.Kind == scan.String {
		switch string(c.Text(d.op, d.text[:0])) {
		case "subscribe", "unsubscribe", "ping", "pong", "auth":
			return true
		}
		return false
	}
	return d.kind.Kind == scan.String && string(c.Text(d.kind, d.text[:0])) == "COMMAND_RESP" // of options
}

// elements decodes a list.
func (d *decoder) elements(b *market.Batch) {
	c := &d.Cursor
	c.Array()
	for c.More() {
		d.Clear()
		if c.At('{') {
			d.object()
		} else {
			c.Value()
			d.Fail(dataField, scan.Wrong)
		}
		if d.Healthy() {
			d.topic.decode(d, b)
		}
	}
}

// symbol returns the symbol of the message, which the field at a slot says, or else the topic; nil if it is not
// wanted, or cannot be.
func (d *decoder) symbol(at byte) *market.Symbol {
	native := d.native
	if d.Has(at) {
		native = d.Word(at)
	}
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

func (d *decoder) sequence(sym *market.Symbol) *sequence {
	s := d.known[sym]
	if s == nil {
		s = new(sequence)
		d.known[sym] = s
	}
	return s
}
