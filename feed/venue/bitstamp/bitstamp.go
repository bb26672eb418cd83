// Package bitstamp decodes Bitstamp's public channels, version 2: trades and books, and REST order books
// as records. docs/venues.md says which channels, ids and times are used, and how sure we are of each.
package bitstamp

import (
	"bytes"
	"errors"
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
	switch {
	case r.Value == nil:
		return feed.Tombstone
	case len(r.Value) == 0:
		return feed.Empty
	case len(r.Value) > MaxRecord:
		return feed.TooLarge
	}
	before := len(b.Events)
	m := &d.message
	m.begin(r)
	if m.read() {
		d.event(b)
	}
	err := m.end(len(b.Events) > before)
	if err != nil {
		b.Undo(before)
	}
	return err
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
		m.skip(feed.Ignored) // answers, heartbeats, requests to connect anew
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
		m.refuse(fmt.Errorf("%w: %.60q", feed.UnknownKind, name))
	}
}

// nameless decodes what came by REST: an order book, or a word of regret.
func (d *decoder) nameless(b *market.Batch) {
	m := &d.message
	switch {
	case m.Has(bids) && m.Has(asks):
		label := m.label()
		if len(label) == 0 {
			m.refuse(errNoLabel)
			return
		}
		d.book(b, label, &diffChain, true)
	case m.Has(text):
		m.skip(feed.Ignored)
	default:
		m.refuse(feed.UnknownKind)
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
	sym, err := d.symbols.Find(native)
	if sym == nil && err == nil {
		sym, err = d.meet(native)
	}
	switch {
	case err == nil:
	case errors.Is(err, feed.Unused):
		d.message.skip(err)
	default:
		d.message.refuse(err)
	}
	return sym
}

// maxNative is the longest native name, in bytes; the longest we know has 12.
const maxNative = 40

// meet makes a symbol of a name that is new: btcusd, or btcusd-perp of a perpetual, which keeps it since
// spot has the pair.
func (d *decoder) meet(native []byte) (*market.Symbol, error) {
	pair, perpetual := bytes.CutSuffix(native, []byte("-perp"))
	if len(pair) == 0 || len(native) > maxNative {
		return nil, feed.BadSymbol
	}
	for _, c := range pair {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return nil, feed.BadSymbol
		}
	}
	s := market.Symbol{Venue: venue, Name: string(native), Native: string(native)}
	s.Base, s.Quote = split(strings.ToUpper(string(pair)))
	switch {
	case perpetual:
		s.Kind = market.Perpetual
	case s.Quote != "":
		s.Name = s.Base + "-" + s.Quote
	}
	return d.symbols.Add(native, s)
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
