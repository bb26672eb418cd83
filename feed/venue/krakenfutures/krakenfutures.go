// Package krakenfutures decodes the WebSocket API v1 of Kraken Futures: perpetual and dated contracts; and the list of
// them by REST.
// docs/venues.md says which feeds, ids and times are used, and how sure we are of each.
package krakenfutures

import (
	"fmt"

	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// Format is the format.
var Format = &feed.Format{
	Name: "kraken-futures", Venue: "KRAKEN-FUTURES", Version: 1, Scope: feed.ScopeSymbol,
	New: func(o feed.Options) feed.Decoder {
		return &decoder{symbols: feed.NewSymbols(o), sequences: map[*market.Symbol]*sequence{}}
	},
}

// MaxRecord is the longest record that is read, in bytes: what Kafka takes unless told otherwise. A book's
// snapshot has 50,000.
const MaxRecord = 1 << 20

// decoder decodes one partition.
type decoder struct {
	scan.Message
	symbols   *feed.Symbols
	sequences map[*market.Symbol]*sequence // one for each symbol that has a book
}

// The slots of a message's fields, in the order of names.
const (
	feedName byte = iota
	event
	product
	time
	timestamp
	seq
	side
	price
	qty
	bids
	asks
	uid
	kind
	bid
	ask
	bidSize
	askSize
	volume
	volumeQuote
	index
	last
	openInterest
	markPrice
	open
	high
	low
	fundingRate
	fundingTime
	suspended
	instruments
	// of an instrument in a list
	native
	tick
	precision
	contract
)

var names = [...]string{
	"feed", "event", "product_id", "time", "timestamp", "seq", "side", "price", "qty", "bids", "asks", "uid", "type",
	"bid", "ask", "bid_size", "ask_size", "volume", "volumeQuote", "index", "last", "openInterest", "markPrice",
	"open", "high", "low", "relative_funding_rate", "next_funding_rate_time", "suspended", "instruments",
	"symbol", "tickSize", "contractValueTradePrecision", "contractSize",
}

// The slots of a message's own fields, and those of an instrument's.
var (
	slots     = scan.NewSlots(0, names[:native]...)
	infoSlots = scan.NewSlots(native, names[native:]...)
)

// Decode implements feed.Decoder.
func (d *decoder) Decode(b *market.Batch, r *feed.Record) error {
	return d.Message.Decode(b, r, MaxRecord, d.message, fieldName)
}

// fieldName says what a slot's field is called.
func fieldName(slot byte) string {
	return "field " + names[slot]
}

// message goes through the record once, whatever order its fields are in, and decodes it. The levels of a book
// are read at once.
func (d *decoder) message(b *market.Batch) {
	c := &d.Cursor
	if !d.Enter() {
		return
	}
	for key, ok := c.Key(); ok; key, ok = c.Key() {
		slot, ok := slots.Find(key)
		switch {
		case !ok:
			c.Value()
		case slot == bids:
			d.Ladder(slot, &d.Bids, "price", "qty")
		case slot == asks:
			d.Ladder(slot, &d.Asks, "price", "qty")
		default:
			d.Take(slot)
		}
	}
	if d.Healthy() {
		d.event(b)
	}
}

// event decodes the message whose fields were read.
func (d *decoder) event(b *market.Batch) {
	if d.Has(event) {
		d.answer()
		return
	}
	if !d.Has(feedName) && d.Has(instruments) {
		d.list(b)
		return
	}
	if d.Kind(feedName) != scan.String {
		d.Refuse(feed.UnknownKind)
		return
	}
	switch name := d.Word(feedName); string(name) {
	case "book":
		d.change(b)
	case "book_snapshot":
		d.book(b)
	case "trade":
		d.trade(b)
	case "trade_snapshot":
		d.Skip(errPast)
	case "ticker":
		d.ticker(b)
	case "ticker_lite":
		d.lite(b)
	case "heartbeat":
		d.Skip(feed.Ignored)
	default:
		d.Refuse(fmt.Errorf("%w: feed %.40q", feed.UnknownKind, name))
	}
}

var errPast = fmt.Errorf("%w: trades from before the subscription", feed.Ignored)

// answer judges an answer, or what is told of the connection.
func (d *decoder) answer() {
	switch string(d.Word(event)) {
	case "info", "subscribed", "unsubscribed", "subscribed_failed", "unsubscribed_failed", "alert", "error", "challenge", "pong":
		d.Skip(feed.Ignored)
	default:
		d.Refuse(fmt.Errorf("%w: an event", feed.UnknownKind))
	}
}

// named returns the symbol that a field names; nil if it is not wanted, or cannot be.
func (d *decoder) named(at byte) *market.Symbol {
	return d.Symbol(d.symbols, d.Word(at), symbolOf)
}

// symbol returns the message's symbol.
func (d *decoder) symbol() *market.Symbol {
	return d.named(product)
}
