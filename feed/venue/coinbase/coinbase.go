// Package coinbase decodes the feed of Coinbase Exchange: trades, tickers, books by level, books order
// by order with their REST order books as records, and the state of its products. docs/venues.md says
// which channels, ids and times are used, and how sure we are of each.
package coinbase

import (
	"fmt"
	"strings"

	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

const venue = "COINBASE"

// Format is the feed of Coinbase Exchange.
var Format = &feed.Format{
	Name: "coinbase", Venue: venue, Version: 1, Scope: feed.ScopeSymbol,
	New: func(o feed.Options) feed.Decoder {
		return &decoder{symbols: feed.NewSymbols(o), ladders: map[*market.Symbol]*ladder{}}
	},
}

// MaxRecord is the longest record that is read, in bytes: a REST order book of level 3 has 75 bytes
// an order, and the largest some 60,000 orders.
const MaxRecord = 16 << 20

// decoder decodes one partition. It remembers its symbols and, of products whose every order is told,
// the orders.
type decoder struct {
	symbols *feed.Symbols
	message message
	ladders map[*market.Symbol]*ladder
	room    room
	rest    []resting // scratch
}

// Decode implements feed.Decoder.
func (d *decoder) Decode(b *market.Batch, r *feed.Record) error {
	return d.message.Decode(b, r, MaxRecord, d.record, fieldName)
}

// record decodes what the cursor is before.
func (d *decoder) record(b *market.Batch) {
	m := &d.message
	if m.read() {
		d.event(b)
	}
}

// event decodes the message whose fields were read.
func (d *decoder) event(b *market.Batch) {
	m := &d.message
	if !m.Has(kind) {
		d.nameless(b)
		return
	}
	switch word := m.Word(kind); string(word) {
	case "match":
		d.match(b)
	case "received", "open", "done", "change":
		d.order(b, stepOf(word))
	case "l2update":
		d.changes(b)
	case "ticker":
		d.ticker(b)
	case "snapshot":
		d.snapshot(b)
	case "status":
		d.status(b)
	case "last_match", "activate", "heartbeat", "subscriptions", "error":
		m.Skip(feed.Ignored)
	default:
		m.Refuse(fmt.Errorf("%w: %.40q", feed.UnknownKind, word))
	}
}

// nameless decodes what came by REST: an order book, or a word of regret.
func (d *decoder) nameless(b *market.Batch) {
	m := &d.message
	switch {
	case m.Has(bids) && m.Has(asks) && m.Has(sequence):
		d.orderBook(b)
	case m.Has(text):
		m.Skip(feed.Ignored)
	default:
		m.Refuse(feed.UnknownKind)
	}
}

// symbol returns the message's symbol; nil if it is not wanted, or cannot be.
func (d *decoder) symbol() *market.Symbol { return d.named(d.message.Word(product)) }

// named returns the symbol of a native name.
func (d *decoder) named(native []byte) *market.Symbol {
	return d.message.Symbol(d.symbols, native, symbolOf)
}

// maxNative is the longest native name, in bytes; the longest we know has 12.
const maxNative = 40

// symbolOf makes a symbol of a native name, such as BTC-USD.
func symbolOf(native string) (market.Symbol, bool) {
	base, quote, ok := strings.Cut(native, "-")
	return market.Symbol{Venue: venue, Name: native, Native: native, Base: base, Quote: quote},
		ok && len(native) <= maxNative && isAsset(base) && isAsset(quote)
}

func isAsset(name string) bool {
	for _, c := range []byte(name) {
		if (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return len(name) > 0
}

// side reads a side: whether it is the buyers'.
func (m *message) side() (buy bool) {
	switch string(m.Word(side)) {
	case "buy":
		return true
	case "sell":
	default:
		m.Fail(side, scan.Wrong)
	}
	return false
}
