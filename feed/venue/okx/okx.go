// Package okx decodes OKX's public WebSocket channels, API v5: spot, swaps, dated futures and options,
// which all come by the same channels. Okcoin's v5 messages have the same form.
// docs/venues.md says which channels, ids and times are used, and how sure we are of each.
package okx

import (
	"fmt"

	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// Format is the format.
var Format = &feed.Format{
	Name: "okx", Venue: "OKX", Version: 1, Scope: feed.ScopeSymbol, Checks: []*market.Check{&check},
	New: func(o feed.Options) feed.Decoder {
		d := &decoder{trades: "trades", symbols: feed.NewSymbols(o), known: map[*market.Symbol]*memory{}}
		if o.Trades == "trades-all" {
			d.trades = o.Trades
		}
		return d
	},
}

// MaxRecord is the longest record that is read, in bytes: what Kafka takes unless told otherwise. A book
// of 400 levels a side has 20,000, the list of all instruments of a kind 500,000.
const MaxRecord = 1 << 20

// decoder decodes one partition.
type decoder struct {
	message
	trades  string // the channel that they are taken from
	symbols *feed.Symbols
	known   map[*market.Symbol]*memory // one for each symbol
}

// memory is what is remembered of one symbol.
type memory struct {
	sequence
	touched int64     // time of the newest best bid and ask by bbo-tbt
	traded  market.ID // of the newest trade
	asked   int64     // when the answer to a subscription to trades came, µs; 0: a trade has come since
}

// Decode implements feed.Decoder.
func (d *decoder) Decode(b *market.Batch, r *feed.Record) error {
	if string(r.Value) == "pong" { // the one message that is no JSON
		return feed.Ignored
	}
	err := d.Message.Decode(b, r, MaxRecord, d.record, fieldName)
	d.native = nil // part of the record
	return err
}

// record decodes what the cursor is before.
func (d *decoder) record(b *market.Batch) {
	d.begin()
	d.read(b)
}

// read goes through the record. Its data is decoded on the way if it is known by then what it is, as it
// nearly always is: else when the rest was read.
func (d *decoder) read(b *market.Batch) {
	c := &d.Cursor
	if !d.Enter() {
		return
	}
	for key, ok := c.Key(); ok; key, ok = c.Key() {
		switch string(key) {
		case "arg":
			d.readArg()
		case "action":
			d.readAction()
		case "event":
			d.Once(&d.event, event)
		case "data":
			if d.data.Kind == scan.None && d.channel.decode != nil && (!d.channel.acts || d.act != noAction) {
				d.elements(b)
				d.data.Kind, d.done = scan.Array, true
			} else {
				d.Once(&d.data, data)
			}
		default:
			c.Value()
		}
	}
	d.rest(b)
}

// rest judges what the record is, and decodes its data if that was not done yet.
func (d *decoder) rest(b *market.Batch) {
	switch {
	case d.event.Kind != scan.None:
		d.answer()
	case d.name.Kind == scan.None || d.data.Kind == scan.None:
		d.Refuse(feed.UnknownKind)
	case d.done:
	case d.channel.decode == nil:
		d.Refuse(fmt.Errorf("%w: channel %.40q", feed.UnknownKind, d.Cursor.Text(d.name, nil)))
	default:
		d.Within(d.data, func() { d.elements(b) })
	}
}

// elements decodes the data, which is a list.
func (d *decoder) elements(b *market.Batch) {
	c := &d.Cursor
	if !c.Array() {
		c.Value()
		d.Fail(data, scan.Wrong)
		return
	}
	for c.More() {
		switch {
		case d.channel.row && c.Array():
			d.row()
		case !d.channel.row && c.Object():
			d.fields()
		default:
			c.Value()
			d.Fail(data, scan.Wrong)
		}
		if d.Healthy() {
			d.channel.decode(d, b)
		}
	}
}

// answer judges a record that answers a request, or tells of the connection.
func (d *decoder) answer() {
	switch string(d.Cursor.Text(d.event, d.text[0][:0])) {
	case "subscribe":
		d.asked()
		fallthrough
	case "unsubscribe", "error", "notice", "channel-conn-count", "channel-conn-count-error", "login":
		if d.data.Kind == scan.None {
			d.Skip(feed.Ignored)
			return
		}
	}
	d.Refuse(fmt.Errorf("%w: an event", feed.UnknownKind))
}

// asked remembers when trades of a symbol were subscribed to: the newest from before comes first.
func (d *decoder) asked() {
	name := d.Cursor.Text(d.name, d.text[0][:0])
	if string(name) != d.trades || d.native == nil {
		return
	}
	if sym, err := d.symbols.Named(d.native, symbolOf); err == nil {
		d.memory(sym).asked = d.Record.Time
	}
}

// symbol returns the symbol of the element; nil if it is not wanted, or cannot be.
func (d *decoder) symbol() *market.Symbol {
	native := d.native
	if d.Has(instID) {
		native = d.Word(instID)
	}
	return d.Symbol(d.symbols, native, symbolOf)
}

func (d *decoder) memory(sym *market.Symbol) *memory {
	m := d.known[sym]
	if m == nil {
		m = new(memory)
		d.known[sym] = m
	}
	return m
}

// channel says how the elements of a channel's data are decoded.
type channel struct {
	decode func(*decoder, *market.Batch)
	acts   bool // the record's action says what they are
	row    bool // they are lists, not objects
}

var channels = map[string]channel{
	"trades":         {decode: (*decoder).trade},
	"trades-all":     {decode: (*decoder).single},
	"tickers":        {decode: (*decoder).ticker},
	"bbo-tbt":        {decode: (*decoder).touch},
	"books":          {decode: (*decoder).book, acts: true},
	"books-l2-tbt":   {decode: (*decoder).book, acts: true},
	"books50-l2-tbt": {decode: (*decoder).book, acts: true},
	"books5":         {decode: (*decoder).cut},
	"books-elp":      {decode: (*decoder).otherBook},
	"mark-price":     {decode: (*decoder).mark},
	"index-tickers":  {decode: (*decoder).index},
	"funding-rate":   {decode: (*decoder).funding},
	"open-interest":  {decode: (*decoder).interest},
	"instruments":    {decode: (*decoder).instrument},
}

var candles = channel{decode: (*decoder).candle, row: true}
