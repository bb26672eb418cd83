// Package kucoin decodes KuCoin's public WebSocket topics, of spot and of futures, those of the older API and those of the
// unified one, and REST order books as records. docs/venues.md says which topics, ids and times are used, and how sure we are of each.
package kucoin

import (
	"bytes"
	"fmt"

	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// The formats, one for each of the venue's markets.
var (
	Spot    = format("kucoin", &product{venue: "KUCOIN", topics: spotTopics, pushes: pushes(".SPOT"), symbol: spotSymbol})
	Futures = format("kucoin-futures", &product{venue: "KUCOIN-FUTURES", topics: futuresTopics, pushes: pushes(".FUTURES"), symbol: futuresSymbol})
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
	venue  string
	topics map[string]topic
	pushes map[string]func(*decoder, *market.Batch) // of the unified API
	symbol func(native string) (market.Symbol, bool)
}

// topic says how the messages of a topic are decoded.
type topic struct {
	decode func(*decoder, *market.Batch)
	all    bool // in the place of a symbol it may have a list of them, or "all"
}

var spotTopics = map[string]topic{
	"/market/level2":            {decode: (*decoder).diff},
	"/spotMarket/level2Depth5":  {decode: (*decoder).cut},
	"/spotMarket/level2Depth50": {decode: (*decoder).cut},
	"/spotMarket/level1":        {decode: (*decoder).touch},
	"/market/match":             {decode: (*decoder).trade},
	"/market/ticker":            {decode: (*decoder).ticker, all: true},
	"/market/snapshot":          {decode: (*decoder).day, all: true},
	"/market/candles":           {decode: (*decoder).candle},
	"/indicator/index":          {decode: (*decoder).index},
	"/indicator/markPrice":      {decode: (*decoder).mark},
}

var futuresTopics = map[string]topic{
	"/contractMarket/level2":        {decode: (*decoder).change},
	"/contractMarket/level2Depth5":  {decode: (*decoder).cut},
	"/contractMarket/level2Depth50": {decode: (*decoder).cut},
	"/contractMarket/execution":     {decode: (*decoder).trade},
	"/contractMarket/tickerV2":      {decode: (*decoder).best},
	"/contractMarket/ticker":        {decode: (*decoder).best},
	"/contractMarket/snapshot":      {decode: (*decoder).last},
	"/contractMarket/limitCandle":   {decode: (*decoder).candle},
	"/contract/instrument":          {decode: (*decoder).instrument},
}

// MaxRecord is the longest record that is read, in bytes: what Kafka takes unless told otherwise. A whole
// REST order book has up to 600,000.
const MaxRecord = 1 << 20

// decoder decodes one partition of one market. It remembers its symbols and nothing else.
type decoder struct {
	message
	product *product
	symbols *feed.Symbols
}

// Decode implements feed.Decoder.
func (d *decoder) Decode(b *market.Batch, r *feed.Record) error {
	err := d.Message.Decode(b, r, MaxRecord, d.record, fieldName)
	d.rest = nil // part of the record
	return err
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
	case d.Has('T'):
		d.push(b)
	case d.Has(topicName):
		name, rest, _ := bytes.Cut(d.name(), []byte(":"))
		t, ok := d.product.topics[string(name)]
		if !ok {
			d.Refuse(fmt.Errorf("%w: topic %.60q", feed.UnknownKind, name))
			return
		}
		if !d.Has(data) {
			d.Fail(data, scan.Missing)
			return
		}
		d.rest, d.all = rest, t.all
		t.decode(d, b)
	case d.isAnswer():
		d.Skip(feed.Ignored)
	case d.Has(code) && d.Kind(data) == scan.Array && !d.Has(kind):
		d.instruments(b)
	case d.Has(code) && d.Has(data) && !d.Has(kind):
		d.whole(b)
	default:
		d.Refuse(feed.UnknownKind)
	}
}

// isAnswer reports whether the message answers a request, or tells of the connection.
func (d *decoder) isAnswer() bool {
	if d.Has(result) || d.Has(notice) || d.Has(operation) { // of the unified API
		return !d.Has(data) && !d.Has('d')
	}
	if d.Has(data) && !d.plain || d.Empty(kind) {
		return false
	}
	switch string(d.Word(kind)) {
	case "welcome", "ack", "pong", "error":
		return true
	}
	return false
}

// symbol returns the symbol of the message: that of its data or else of its topic; nil if it is not wanted, or
// cannot be.
func (d *decoder) symbol() *market.Symbol {
	switch {
	case d.Has(symbolName):
		return d.named(d.Word(symbolName))
	case !d.all:
		return d.named(d.rest)
	case string(d.rest) == "all" || bytes.IndexByte(d.rest, ',') >= 0:
		if native := d.Word(subject); native != nil && string(native) != "trade.ticker" {
			return d.named(native)
		}
		d.Refuse(feed.BadSymbol)
		return nil
	}
	return d.named(d.rest)
}

// named returns the symbol of a native name.
func (d *decoder) named(native []byte) *market.Symbol {
	return d.Symbol(d.symbols, native, d.product.meet)
}

// meet makes a symbol of a name that is new.
func (p *product) meet(native string) (market.Symbol, bool) {
	sym, ok := p.symbol(native)
	sym.Venue = p.venue
	return sym, ok
}
