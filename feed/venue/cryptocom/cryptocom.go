// Package cryptocom decodes the market channels of the Crypto.com Exchange: spot, perpetuals, dated futures and
// options, which all come by the same ones. docs/venues.md says what is used of each, and how sure we are.
package cryptocom

import (
	"bytes"
	"fmt"

	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// Format describes the decoder.
var Format = &feed.Format{
	Name: "cryptocom", Venue: "CRYPTOCOM", Version: 1, Scope: feed.ScopeRecord,
	New: func(o feed.Options) feed.Decoder { return &decoder{symbols: feed.NewSymbols(o)} },
}

// MaxRecord is the longest record that is read, in bytes. A book of 150 levels a side has 10,000.
const MaxRecord = 1 << 20

// decoder decodes one partition. It remembers its symbols and nothing else.
type decoder struct {
	message
	symbols *feed.Symbols
	symbol  *market.Symbol // of the record
	depth   int
	width   int64 // of candles, µs
}

// Decode implements feed.Decoder.
func (d *decoder) Decode(b *market.Batch, r *feed.Record) error {
	return d.Message.Decode(b, r, MaxRecord, d.record, fieldName)
}

// record decodes what the cursor is before.
func (d *decoder) record(b *market.Batch) {
	before := len(b.Events)
	d.begin()
	d.read(b)
	if d.channel.history && d.isReply() {
		b.Undo(before)
		d.Skip(feed.Ignored)
	}
}

// channel says how the data of a channel is decoded.
type channel struct {
	decode  func(*decoder, *market.Batch)
	needs   byte // the field of the result that it must know besides
	history bool // the reply to a subscription has what was before
}

var channels = map[string]channel{
	"trade":       {decode: (*decoder).trade, history: true},
	"book":        {decode: (*decoder).book, needs: depthField},
	"book.update": {decode: (*decoder).update, needs: depthField},
	"ticker":      {decode: (*decoder).ticker},
	"candlestick": {decode: (*decoder).candle, needs: intervalField},
	"mark":        {decode: (*decoder).mark},
	"index":       {decode: (*decoder).index},
	"funding":     {decode: (*decoder).funding},
}

// read goes through the record.
func (d *decoder) read(b *market.Batch) {
	c := &d.Cursor
	if !d.Enter() {
		return
	}
	for key, ok := c.Key(); ok; key, ok = c.Key() {
		switch string(key) {
		case "id":
			d.top(idField)
		case "method":
			d.top(methodField)
		case "result":
			if d.has(resultField) || !c.At('{') {
				d.top(resultField)
				continue
			}
			d.own[resultField-idField].Kind = scan.Object
			d.result(b)
		default:
			c.Value()
		}
	}
	switch {
	case d.of(resultField).Kind == scan.Object && d.has(channelField):
	case d.isAnswerTo("public/get-instruments") && d.has(dataField):
		d.instruments(b)
	case d.of(methodField).Kind == scan.String: // an answer without data, or a heartbeat
		d.Skip(feed.Ignored)
	default:
		d.Refuse(feed.UnknownKind)
	}
}

// result reads the result. Its data is decoded on the way if what it is of is known by then, as it nearly always
// is: else when the rest was read.
func (d *decoder) result(b *market.Batch) {
	c := &d.Cursor
	c.Object()
	done := false
	for key, ok := c.Key(); ok; key, ok = c.Key() {
		slot, known := resultSlot(key)
		switch {
		case !known:
			c.Value()
		case slot == dataField && d.of(dataField).Kind == scan.None && d.ready():
			d.prepare()
			d.elements(b)
			d.own[dataField-idField].Kind, done = scan.Array, true
		default:
			d.top(slot)
		}
		if slot == channelField && known {
			d.setChannel()
		}
	}
	switch {
	case done || !d.has(channelField):
	case d.channel.decode == nil:
		d.Refuse(fmt.Errorf("%w: channel %.40q", feed.UnknownKind, c.Text(d.of(channelField), nil)))
	case !d.has(dataField):
		d.Fail(dataField, scan.Missing)
	default:
		d.prepare()
		outside := d.Cursor
		d.Cursor = outside.Into(d.of(dataField))
		d.elements(b)
		d.Cursor = outside
	}
}

// ready reports that all is known of the data that comes.
func (d *decoder) ready() bool {
	return d.channel.decode != nil && d.of(instrumentField).Kind != scan.None &&
		(d.channel.needs == 0 || d.of(d.channel.needs).Kind != scan.None)
}

// elements decodes the data, a list.
func (d *decoder) elements(b *market.Batch) {
	c := &d.Cursor
	if !c.Array() {
		c.Value()
		d.Fail(dataField, scan.Wrong)
		return
	}
	for c.More() {
		if !c.Object() {
			c.Value()
			d.Fail(dataField, scan.Wrong)
			continue
		}
		d.fields()
		if d.Healthy() && d.symbol != nil {
			d.channel.decode(d, b)
		}
	}
}

// prepare reads what all elements of the data have in common.
func (d *decoder) prepare() {
	d.symbol, d.depth, d.width = d.named(), 0, 0
	switch d.channel.needs {
	case depthField:
		n, ok := d.Cursor.Int(d.of(depthField))
		if !ok || n < 1 || n > 1000 {
			d.Fail(depthField, d.faultOf(depthField))
		}
		d.depth = int(n)
	case intervalField:
		if v := d.of(intervalField); v.Kind == scan.String {
			d.width = widths[string(d.Cursor.Text(v, d.text[:0]))]
		}
		if d.width == 0 {
			d.Fail(intervalField, d.faultOf(intervalField))
		}
	}
}

// named returns the symbol of the record; nil if it is not wanted, or cannot be.
func (d *decoder) named() *market.Symbol {
	v := d.of(instrumentField)
	if v.Kind != scan.String {
		d.Fail(instrumentField, scan.Missing)
		return nil
	}
	native := d.Cursor.Text(v, d.text[:0])
	if bytes.HasSuffix(native, []byte("-INDEX")) {
		d.Skip(feed.Ignored) // nobody can trade it
		return nil
	}
	return d.Symbol(d.symbols, native, symbolOf)
}
