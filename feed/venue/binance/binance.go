// Package binance decodes Binance's market streams: spot, USD-M and COIN-M futures, as single
// messages, in the combined form {"stream":…,"data":…} and as lists, and REST order books and
// lists of instruments as records.
// docs/venues.md says which channels, ids and times are used, and how sure we are of each.
package binance

import (
	"cmp"
	"fmt"

	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// The formats, one for each of the venue's markets: a message does not tell which one it is of.
var (
	Spot  = format("binance", &product{venue: "BINANCE", chain: &spotChain, symbol: spotSymbol})
	USDM  = format("binance-usdm", &product{venue: "BINANCE-USDM", chain: &futuresChain, symbol: usdmSymbol})
	COINM = format("binance-coinm", &product{venue: "BINANCE-COINM", chain: &futuresChain, symbol: coinmSymbol, inverse: true})
)

func format(name string, p *product) *feed.Format {
	return &feed.Format{
		Name: name, Venue: p.venue, Version: 1, Scope: feed.ScopeRecord,
		New: func(o feed.Options) feed.Decoder {
			return &decoder{product: p, trades: cmp.Or(o.Trades, "trade"), symbols: feed.NewSymbols(o)}
		},
	}
}

// product is what sets the venue's markets apart.
type product struct {
	venue   string
	chain   *market.Chain
	symbol  func(native string) market.Symbol
	inverse bool // quantities are contracts, and what is called quote volume is in the base
}

// MaxRecord is the longest record that is read, in bytes. The longest message, every spot ticker in one
// list, stays below it, and so does Kafka's own limit unless it was raised.
const MaxRecord = 1 << 20

// decoder decodes one partition of one market. It remembers its symbols and nothing else.
type decoder struct {
	product *product
	trades  string // the stream that trades are taken from
	symbols *feed.Symbols
	message message
	upper   [maxNative]byte
}

// Decode implements feed.Decoder.
func (d *decoder) Decode(b *market.Batch, r *feed.Record) error {
	return d.message.Decode(b, r, MaxRecord, d.read, d.message.fieldName)
}

// read goes through the record once, whatever order its fields are in.
func (d *decoder) read(b *market.Batch) {
	m := &d.message
	m.begin()
	switch {
	case m.Cursor.Object():
		if m.envelope() {
			d.list(b)
			m.rest()
			return
		}
		d.event(b)
	case m.Cursor.Array():
		d.list(b)
	default:
		m.Cursor.Value()
		m.Refuse(feed.UnknownKind)
	}
}

// list decodes a list of messages, in which the cursor is.
func (d *decoder) list(b *market.Batch) {
	m := &d.message
	for m.Cursor.More() {
		if !m.Cursor.Object() {
			m.Cursor.Value()
			m.Refuse(feed.UnknownKind)
			continue
		}
		m.fields()
		d.event(b)
	}
}

// event decodes the message whose fields were read.
func (d *decoder) event(b *market.Batch) {
	m := &d.message
	if !m.Healthy() {
		return
	}
	switch kind := m.kind(); string(kind) {
	case "trade":
		d.trade(b, "trade", 't')
	case "aggTrade":
		d.trade(b, "aggTrade", 'a')
	case "bookTicker":
		d.quote(b, m.timeIfTold('E'))
	case "depthUpdate":
		d.depth(b)
	case "kline":
		d.candle(b)
	case "24hrTicker":
		d.day(b, true)
	case "24hrMiniTicker":
		d.day(b, false)
	case "markPriceUpdate":
		d.mark(b)
	case "compositeIndex":
		d.composite(b)
	case "contractInfo":
		d.contract(b)
	case "serverShutdown":
		m.Skip(feed.Ignored)
	case "":
		d.nameless(b)
	default:
		m.Refuse(fmt.Errorf("%w: %.40q", feed.UnknownKind, kind))
	}
}

// nameless decodes a message that does not say what it is.
func (d *decoder) nameless(b *market.Batch) {
	m := &d.message
	switch {
	case m.Has('e'): // and it is empty
		m.Fail('e', scan.Wrong)
	case m.body:
		d.book(b)
	case m.Has(listed):
		m.listing = true
		d.instruments(b)
	case m.Has(interest) && d.product.chain == &futuresChain:
		d.interest(b)
	case m.answer:
		m.Skip(feed.Ignored)
	case m.Has('u') && m.Has('B') && m.Has('A'): // spot's bookTicker, which has no time either
		d.quote(b, 0)
	default:
		m.Refuse(feed.UnknownKind)
	}
}

// symbol returns the message's symbol; nil if it is not wanted, or cannot be.
func (d *decoder) symbol() *market.Symbol {
	return d.named(d.message.Word('s'))
}

// named returns the symbol of a native name.
func (d *decoder) named(native []byte) *market.Symbol {
	return d.message.Symbol(d.symbols, native, d.product.meet)
}

// meet makes a symbol of a name that is new.
func (p *product) meet(native string) (market.Symbol, bool) {
	if !isNative([]byte(native)) {
		return market.Symbol{}, false
	}
	sym := p.symbol(native)
	sym.Venue = p.venue
	return sym, true
}
