// Package bitstamp decodes Bitstamp's public channels, version 2: trades and books, and REST order books
// and lists of markets as records. docs/venues.md says which channels, ids and times are used, and how sure we are of each.
package bitstamp

import (
	"bytes"
	"fmt"
	"strings"

	"tapedeck/feed"
	"tapedeck/market"
)

const venue = "BITSTAMP"

// Format is Bitstamp's channels.
var Format = &feed.Format{
	Name: "bitstamp", Venue: venue, Version: 1, Scope: feed.ScopeRecord,
	New: func(o feed.Options) feed.Decoder { return &decoder{symbols: feed.NewSymbols(o)} },
}

// MaxRecord is the longest record that is read, in bytes. The longest message, a whole order book, has
// some 400 KB.
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
	if m.Cursor.At('[') {
		d.markets(b)
	} else if m.read() {
		d.event(b)
	}
}

// event decodes the message whose fields were read.
func (d *decoder) event(b *market.Batch) {
	m := &d.message
	if !m.Has(event) {
		d.nameless(b)
		return
	}
	word := m.Word(event)
	if bytes.HasPrefix(word, []byte("bts:")) {
		m.Skip(feed.Ignored) // answers, heartbeats, requests to connect anew
		return
	}
	trade, data := string(word) == "trade", string(word) == "data"
	name := m.Word(channel)
	i := bytes.LastIndexByte(name, '_')
	stream, native := name[:max(i, 0)], name[i+1:]
	switch {
	case trade && string(stream) == "live_trades":
		d.trade(b, native)
	case data && string(stream) == "diff_order_book":
		d.book(b, native, &diffChain, false)
	case data && string(stream) == "order_book":
		d.book(b, native, &cutChain, true)
	default:
		m.Refuse(fmt.Errorf("%w: %.60q", feed.UnknownKind, name))
	}
}

// nameless decodes what came by REST: an order book, or a word of regret.
func (d *decoder) nameless(b *market.Batch) {
	m := &d.message
	switch {
	case m.Has(bids) && m.Has(asks):
		label := m.Label()
		if len(label) == 0 {
			m.Refuse(errNoLabel)
			return
		}
		d.book(b, label, &diffChain, true)
	case m.Has(text):
		m.Skip(feed.Ignored)
	default:
		m.Refuse(feed.UnknownKind)
	}
}

// trade decodes a trade.
func (d *decoder) trade(b *market.Batch, native []byte) {
	m := &d.message
	sym := d.named(native)
	if sym == nil {
		return
	}
	t := b.Trade(sym, m.micros())
	t.Price, t.Qty = m.Price(m.either(priceText, price)), m.Price(m.either(amountText, amount))
	m.ID(id)
	t.ID, _ = market.MakeID(m.Cursor.Raw(m.Value(id))) // as it is written: it has at most 18 digits
	t.Side = m.side()
}

// named returns the symbol of a native name; nil if it is not wanted, or cannot be.
func (d *decoder) named(native []byte) *market.Symbol {
	return d.message.Symbol(d.symbols, native, symbolOf)
}

// maxNative is the longest native name, in bytes; the longest we know has 12.
const maxNative = 40

// symbolOf makes a symbol of a native name: btcusd, or btcusd-perp of a perpetual, which keeps it since
// spot has the pair.
func symbolOf(native string) (market.Symbol, bool) {
	pair, perpetual := strings.CutSuffix(native, "-perp")
	if len(pair) == 0 || len(native) > maxNative {
		return market.Symbol{}, false
	}
	for _, c := range []byte(pair) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return market.Symbol{}, false
		}
	}
	s := market.Symbol{Venue: venue, Name: native, Native: native}
	s.Base, s.Quote = split(strings.ToUpper(pair))
	switch {
	case perpetual:
		s.Kind = market.Perpetual
	case s.Quote != "":
		s.Name = s.Base + "-" + s.Quote
	}
	return s, true
}

// quotes are the assets that prices are in. A pair is a base and one of them, with nothing in between;
// where several fit, the longest it is.
var quotes = []string{"USD", "EUR", "GBP", "USDT", "USDC", "BTC", "ETH", "PAX"}

// split parts a pair into base and quote; "" if no quote is known.
func split(pair string) (base, quote string) {
	for _, q := range quotes {
		if len(q) > len(quote) && len(pair) > len(q) && strings.HasSuffix(pair, q) {
			quote = q
		}
	}
	if quote == "" {
		return "", ""
	}
	return pair[:len(pair)-len(quote)], quote
}
