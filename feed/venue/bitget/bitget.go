// Package bitget decodes Bitget's public WebSocket channels, API v2, of spot and of futures, and what of v1 has the
// same form. docs/venues.md says which channels, ids and times are used, and how sure we are of each.
package bitget

import (
	"bytes"
	"fmt"
	"slices"

	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// The formats, one for each of the venue's markets. A message says which one it is of: another's is refused.
var (
	Spot = format("bitget", &product{venue: "BITGET", types: []string{"SPOT", "sp"}, symbol: spotSymbol})
	USDT = format("bitget-usdt", &product{venue: "BITGET-USDT", types: []string{"USDT-FUTURES", "mc"}, contracts: true, symbol: usdtSymbol})
	USDC = format("bitget-usdc", &product{venue: "BITGET-USDC", types: []string{"USDC-FUTURES"}, contracts: true, symbol: usdcSymbol})
	Coin = format("bitget-coin", &product{venue: "BITGET-COIN", types: []string{"COIN-FUTURES"}, contracts: true, symbol: coinSymbol, inverse: true})
)

func format(name string, p *product) *feed.Format {
	return &feed.Format{
		Name: name, Venue: p.venue, Version: 1, Scope: feed.ScopeSymbol, Checks: []*market.Check{&check},
		New: func(o feed.Options) feed.Decoder {
			return &decoder{product: p, symbols: feed.NewSymbols(o), known: map[*market.Symbol]*memory{}}
		},
	}
}

// product is what sets the venue's markets apart.
type product struct {
	venue     string
	contracts bool     // lists of instruments are of contracts
	types     []string // what a message calls it
	symbol    func(native string) (market.Symbol, bool)
	inverse   bool // what is called quote volume is not told
}

// MaxRecord is the longest record that is read, in bytes: what Kafka takes unless told otherwise. The longest, a
// snapshot of 1,000 candles, has 80,000.
const MaxRecord = 1 << 20

// decoder decodes one partition of one market.
type decoder struct {
	message
	product *product
	symbols *feed.Symbols
	known   map[*market.Symbol]*memory // one for each symbol that has a book or a books1
}

// memory is what is remembered of one symbol.
type memory struct {
	sequence
	touched int64 // time of the newest best bid and ask by books1
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
	before := len(b.Events)
	d.begin()
	d.read(b)
	if d.Complete() { // so that nothing is remembered of what is no message
		d.rest(b)
	}
	if d.Healthy() {
		d.remember(b.Events[before:])
	}
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
			d.Once(&d.event, eventField)
		case "code":
			d.Once(&d.code, codeField)
		case "data":
			if d.data.Kind == scan.None && d.channel.decode != nil && d.act != noAction && d.ours() && c.At('[') {
				d.data.Kind, d.done = scan.Array, true
				d.elements(b)
			} else {
				d.Once(&d.data, dataField)
			}
		default:
			c.Value()
		}
	}
}

// rest judges what the record is, and decodes its data if that was not done yet.
func (d *decoder) rest(b *market.Batch) {
	switch {
	case d.event.Kind != scan.None:
		d.answer()
	case d.name.Kind == scan.None && d.code.Kind != scan.None && d.data.Kind == scan.Array:
		d.Within(d.data, func() { d.instruments(b) })
	case d.name.Kind == scan.None || d.data.Kind == scan.None:
		d.Refuse(feed.UnknownKind)
	case d.channel.decode == nil:
		d.Refuse(fmt.Errorf("%w: channel %.40q", feed.UnknownKind, d.Cursor.Text(d.name, nil)))
	case !d.ours():
		d.Refuse(fmt.Errorf("%w: instType %.20q is another format's", feed.UnknownKind, d.Cursor.Text(d.kind, nil)))
	case d.done:
	case d.act == noAction:
		d.Fail(actionField, scan.Missing)
	case d.data.Kind != scan.Array:
		d.Fail(dataField, scan.Wrong)
	default:
		d.Within(d.data, func() { d.elements(b) })
	}
}

// ours reports whether the record is of the format's market.
func (d *decoder) ours() bool {
	if d.kind.Kind != scan.String {
		return false
	}
	return slices.Contains(d.product.types, string(d.Cursor.Text(d.kind, d.text[0][:0])))
}

// elements decodes the data, which is a list. Trades are told the newest first.
func (d *decoder) elements(b *market.Batch) {
	c, before := &d.Cursor, len(b.Events)
	c.Array()
	for c.More() {
		switch {
		case c.Array():
			d.row()
		case c.Object():
			d.fields()
		default:
			c.Value()
			d.Fail(dataField, scan.Wrong)
		}
		if d.Healthy() {
			d.channel.decode(d, b)
		}
	}
	if all := b.Events[before:]; d.channel.newest && len(all) > 1 && all[0].Time > all[len(all)-1].Time {
		slices.Reverse(all)
	}
}

// remember gives the books their ids, and notes the times of the best bids and asks, once the record is known to
// be good.
func (d *decoder) remember(events []market.Event) {
	for i := range events {
		ev := &events[i]
		switch p := ev.Payload.(type) {
		case *market.Book:
			if p.Chain == &chain || p.Chain == &blindChain {
				p.Last, p.Prev = d.memory(ev.Symbol).next(p.Last, p.Prev, ev.Time, p.Snapshot)
			}
		case *market.Quote:
			if d.channel.touch {
				d.memory(ev.Symbol).touched = ev.Time
			}
		}
	}
}

// answer judges a record that answers a request.
func (d *decoder) answer() {
	switch string(d.Cursor.Text(d.event, d.text[0][:0])) {
	case "subscribe", "unsubscribe", "error", "login":
		if d.data.Kind == scan.None {
			d.Skip(feed.Ignored)
			return
		}
	}
	d.Refuse(fmt.Errorf("%w: an event", feed.UnknownKind))
}

// symbol returns the symbol of the record; nil if it is not wanted, or cannot be.
func (d *decoder) symbol() *market.Symbol {
	return d.Symbol(d.symbols, d.native, d.product.meet)
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
	touch  bool // it is books1
	newest bool // comes first
	bar    bar  // of a candle channel
}

var channels = map[string]channel{
	"trade":   {decode: (*decoder).trade, newest: true},
	"ticker":  {decode: (*decoder).ticker},
	"books":   {decode: (*decoder).book},
	"books1":  {decode: (*decoder).best, touch: true},
	"books5":  {decode: (*decoder).cut},
	"books15": {decode: (*decoder).cut},
}

// channelOf returns the channel of that name; a zero one if it is none that we tell.
func channelOf(name []byte) channel {
	if rest, ok := bytes.CutPrefix(name, []byte("candle")); ok {
		if b, ok := bars[string(rest)]; ok {
			return channel{decode: (*decoder).candle, bar: b}
		}
	}
	return channels[string(name)]
}
