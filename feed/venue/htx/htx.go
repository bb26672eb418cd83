// Package htx decodes HTX's public WebSocket channels, of spot and of swaps, and the REST bodies that say what its
// instruments are. docs/venues.md says which channels, ids and times are used, and how sure we are of each.
package htx

import (
	"bytes"
	"fmt"

	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// The formats, one for each of the venue's markets.
var (
	Spot = format("htx", &product{venue: "HTX", symbol: spotSymbol, channels: spotChannels})
	Swap = format("htx-swap", &product{venue: "HTX-SWAP", symbol: swapSymbol, channels: swapChannels, contracts: true})
)

func format(name string, p *product) *feed.Format {
	return &feed.Format{
		Name: name, Venue: p.venue, Version: 1, Scope: feed.ScopeSymbol,
		New: func(o feed.Options) feed.Decoder {
			return &decoder{product: p, symbols: feed.NewSymbols(o), known: map[*market.Symbol]*memory{}}
		},
	}
}

// product is what sets the venue's markets apart.
type product struct {
	venue     string
	symbol    func(native string) (market.Symbol, bool)
	channels  map[string]func(*decoder, *market.Batch)
	contracts bool // quantities are contracts, and what was traded is counted on both sides
}

// spotChannels are spot's, by the first word behind the symbol.
var spotChannels = map[string]func(*decoder, *market.Batch){
	"trade":  (*decoder).trades,
	"bbo":    (*decoder).touch,
	"depth":  (*decoder).whole,
	"mbp":    (*decoder).byPrice,
	"detail": (*decoder).day,
	"ticker": (*decoder).day,
	"kline":  (*decoder).candle,
}

var swapChannels = map[string]func(*decoder, *market.Batch){
	"trade":      (*decoder).trades,
	"bbo":        (*decoder).best,
	"depth":      (*decoder).depth,
	"detail":     (*decoder).day,
	"kline":      (*decoder).candle,
	"mark_price": (*decoder).mark,
	"index":      (*decoder).index,
}

// MaxRecord is the longest record that is read, in bytes: what Kafka takes unless told otherwise. The list of spot's
// tickers has 200,000.
const MaxRecord = 1 << 20

// decoder decodes one partition of one market.
type decoder struct {
	message
	product *product
	symbols *feed.Symbols
	known   map[*market.Symbol]*memory // one for each symbol that has trades or a book
}

// memory is what is remembered of one symbol.
type memory struct {
	sequence
	told  int64 // id of the newest message of trades
	asked int64 // when trades were subscribed to, µs by the venue's clock; 0: some have come since
}

// Decode implements feed.Decoder.
func (d *decoder) Decode(b *market.Batch, r *feed.Record) error {
	err := d.Message.Decode(b, r, MaxRecord, d.record, fieldName)
	d.native, d.part = nil, nil // parts of the record
	return err
}

// record decodes what the cursor is before.
func (d *decoder) record(b *market.Batch) {
	d.sent, d.told = 0, false
	d.read()
	if d.Complete() { // so that nothing is remembered of what is no message
		d.event(b)
	}
}

// event decodes the message whose fields were read.
func (d *decoder) event(b *market.Batch) {
	switch {
	case d.Has(chField):
		d.channel(b)
	case d.Has(repField):
		d.reply(b)
	case d.Has(topicField) && d.Has(dataField):
		d.notice(b)
	case d.isAnswer():
		d.answer()
	case d.Has(statusField) && d.Kind(dataField) == scan.Array:
		d.each(b, dataField, (*decoder).facts)
	default:
		d.Refuse(feed.UnknownKind)
	}
}

// channel decodes what a channel brings, as in {"ch":"market.btcusdt.bbo","ts":…,"tick":{…}}.
func (d *decoder) channel(b *market.Batch) {
	name := d.text(chField)
	if string(name) == "market.tickers" && !d.product.contracts {
		d.sent = d.time(sentField)
		d.each(b, dataField, (*decoder).listed)
		return
	}
	sym, what := d.stream(name)
	decode := d.product.channels[string(what)]
	switch {
	case decode == nil:
		d.Refuse(fmt.Errorf("%w: channel %.60q", feed.UnknownKind, name))
	case d.Kind(tickField) != scan.Object:
		d.Value(tickField)
		d.Fail(tickField, scan.Wrong)
	default:
		d.native, d.sent = sym, d.time(sentField)
		decode(d, b)
	}
}

// reply decodes the answer to a request for a book, as in {"rep":"market.btcusdt.mbp.150","data":{…}}.
func (d *decoder) reply(b *market.Batch) {
	name := d.text(repField)
	sym, what := d.stream(name)
	switch {
	case !d.Has(dataField):
		d.Skip(feed.Ignored) // an error
	case d.product.contracts || string(what) != "mbp" || d.Kind(dataField) != scan.Object:
		d.Refuse(fmt.Errorf("%w: an answer to %.60q", feed.UnknownKind, name))
	default:
		d.native = sym
		d.snapshot(b)
	}
}

// notice decodes what comes by a topic, as in {"op":"notify","topic":"public.BTC-USDT.funding_rate","data":[…]}.
func (d *decoder) notice(b *market.Batch) {
	topic := d.text(topicField)
	_, what, _ := bytes.Cut(bytes.TrimPrefix(topic, []byte("public.")), []byte("."))
	d.sent = d.time(sentField)
	switch {
	case !d.product.contracts:
		d.Refuse(feed.UnknownKind)
	case string(what) == "funding_rate":
		d.each(b, dataField, (*decoder).funding)
	case string(what) == "contract_info":
		d.told = true
		d.each(b, dataField, (*decoder).facts)
	default:
		d.Refuse(fmt.Errorf("%w: topic %.60q", feed.UnknownKind, topic))
	}
}

// isAnswer reports whether the message answers a request, or keeps the connection alive.
func (d *decoder) isAnswer() bool {
	if d.Has(dataField) || d.Has(tickField) {
		return false
	}
	return d.Has(pingField) || d.Has(subbedField) || d.Has(statusField) || d.Has(opField)
}

// answer remembers when trades were subscribed to: the newest from before come again.
func (d *decoder) answer() {
	d.Skip(feed.Ignored)
	if d.Kind(subbedField) != scan.String {
		return
	}
	sym, what := d.stream(d.text(subbedField))
	if string(what) != "trade" {
		return
	}
	d.native = sym
	at := d.time(sentField)
	if s := d.symbol(); s != nil && d.Healthy() {
		d.memory(s).asked = at
	}
}

// stream parts the name of a channel into its symbol and what is told of it, and keeps what is behind: the depth of
// market.btcusdt.mbp.150. Nothing is told by a name of another form.
func (d *decoder) stream(name []byte) (native, what []byte) {
	rest, ok := bytes.CutPrefix(name, []byte("market."))
	if !ok {
		return nil, nil
	}
	native, rest, _ = bytes.Cut(rest, []byte("."))
	what, d.part, _ = bytes.Cut(rest, []byte("."))
	return native, what
}

// each decodes the elements of a list.
func (d *decoder) each(b *market.Batch, at byte, decode func(*decoder, *market.Batch)) {
	v := d.Value(at)
	if v.Kind != scan.Array {
		d.Fail(at, scan.Wrong)
		return
	}
	d.Within(v, func() {
		c := &d.Cursor
		c.Array()
		for c.More() {
			d.Clear()
			if c.At('{') {
				d.object()
			} else {
				c.Value()
				d.Fail(at, scan.Wrong)
			}
			if d.Healthy() {
				decode(d, b)
			}
		}
	})
}

// symbol returns the symbol of the message; nil if it is not wanted, or cannot be.
func (d *decoder) symbol() *market.Symbol { return d.named(d.native) }

func (d *decoder) named(native []byte) *market.Symbol {
	return d.Symbol(d.symbols, native, d.product.meet)
}

// meet makes a symbol of a name that is new.
func (p *product) meet(native string) (market.Symbol, bool) {
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
