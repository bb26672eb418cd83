// Package krakenfutures decodes the WebSocket API v1 of Kraken Futures: perpetual and dated contracts.
// docs/venues.md says which feeds, ids and times are used, and how sure we are of each.
package krakenfutures

import (
	"errors"
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
	scan.Fields
	symbols   *feed.Symbols
	sequences map[*market.Symbol]*sequence // one for each symbol that has a book

	bids, asks []market.Level
	sick       bool // a level is none
	refused    error
	skipped    error // why the message brought nothing, where that is no fault
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
)

var names = [...]string{
	"feed", "event", "product_id", "time", "timestamp", "seq", "side", "price", "qty", "bids", "asks", "uid", "type",
	"bid", "ask", "bid_size", "ask_size", "volume", "volumeQuote", "index", "last", "openInterest", "markPrice",
	"open", "high", "low", "relative_funding_rate", "next_funding_rate_time", "suspended",
}

var slots = func() map[string]byte {
	all := map[string]byte{}
	for i, name := range names {
		all[name] = byte(i)
	}
	return all
}()

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
	d.Open(r.Value)
	d.sick, d.refused, d.skipped = false, nil, nil
	d.message(b)
	err := d.end(len(b.Events) > before)
	if err != nil {
		b.Undo(before)
	}
	return err
}

var faults = map[scan.Fault]feed.Reason{
	scan.Twice: feed.BadJSON, scan.Missing: feed.MissingField, scan.Wrong: feed.BadValue,
}

// end says what became of the record, and lets go of it.
func (d *decoder) end(events bool) error {
	whole := d.Close()
	fault, slot := d.Fault()
	switch {
	case !whole:
		return feed.BadJSON
	case fault != scan.Sound:
		return fmt.Errorf("%w: field %s", faults[fault], names[slot])
	case d.refused != nil:
		return d.refused
	case events:
		return nil
	}
	return d.skipped
}

func (d *decoder) refuse(why error) {
	if d.refused == nil {
		d.refused = why
	}
}

func (d *decoder) skip(why error) { d.skipped = why }

// read is what is noted of levels that were read.
var read = scan.Value{Kind: scan.Array}

// message goes through the record once, whatever order its fields are in, and decodes it. The levels of a book
// are read at once.
func (d *decoder) message(b *market.Batch) {
	c := &d.Cursor
	if !c.Object() {
		c.Value()
		d.refuse(feed.UnknownKind)
		return
	}
	for key, ok := c.Key(); ok; key, ok = c.Key() {
		slot, ok := slots[string(key)]
		good := true
		switch {
		case !ok:
			c.Value()
			continue
		case slot == bids && c.At('['):
			d.bids, good = c.Ladder(d.bids[:0], "price", "qty")
		case slot == asks && c.At('['):
			d.asks, good = c.Ladder(d.asks[:0], "price", "qty")
		default:
			d.Take(slot)
			continue
		}
		d.Note(slot, read)
		d.sick = d.sick || !good
	}
	if fault, _ := d.Fault(); fault == scan.Sound {
		d.event(b)
	}
}

// event decodes the message whose fields were read.
func (d *decoder) event(b *market.Batch) {
	if d.Has(event) {
		d.answer()
		return
	}
	if d.Kind(feedName) != scan.String {
		d.refuse(feed.UnknownKind)
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
		d.skip(errPast)
	case "ticker":
		d.ticker(b)
	case "ticker_lite":
		d.lite(b)
	case "heartbeat":
		d.skip(feed.Ignored)
	default:
		d.refuse(fmt.Errorf("%w: feed %.40q", feed.UnknownKind, name))
	}
}

var errPast = fmt.Errorf("%w: trades from before the subscription", feed.Ignored)

// answer judges an answer, or what is told of the connection.
func (d *decoder) answer() {
	switch string(d.Word(event)) {
	case "info", "subscribed", "unsubscribed", "subscribed_failed", "unsubscribed_failed", "alert", "error", "challenge", "pong":
		d.skip(feed.Ignored)
	default:
		d.refuse(fmt.Errorf("%w: an event", feed.UnknownKind))
	}
}

// symbol returns the message's symbol; nil if it is not wanted, or cannot be.
func (d *decoder) symbol() *market.Symbol {
	native := d.Word(product)
	sym, err := d.symbols.Find(native)
	if sym == nil && err == nil {
		sym, err = d.meet(native)
	}
	switch {
	case err == nil:
	case errors.Is(err, feed.Unused):
		d.skip(err)
	default:
		d.refuse(err)
	}
	return sym
}

func (d *decoder) meet(native []byte) (*market.Symbol, error) {
	sym, ok := symbolOf(string(native))
	if !ok {
		return nil, feed.BadSymbol
	}
	return d.symbols.Add(native, sym)
}

// ms returns a time in µs, of the venue's ms.
func (d *decoder) ms(slot byte) int64 {
	t := d.Count(slot)
	if t == 0 || t > scan.MaxCount/1000 {
		d.Fail(slot, scan.Wrong)
		return 0
	}
	return t * 1000
}
