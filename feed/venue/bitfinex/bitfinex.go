// Package bitfinex decodes Bitfinex's WebSocket API v2: trades, book, ticker, candles and the status of
// derivatives. docs/venues.md says what is used of each, and how sure we are.
package bitfinex

import (
	"errors"
	"fmt"

	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// Format describes the decoder. A message names its channel by a number that the answer to the
// subscription gave, and a connection's messages are numbered together: it must be read whole.
var Format = &feed.Format{
	Name: "bitfinex", Venue: "BITFINEX", Version: 1, Scope: feed.ScopeConnection, Checks: []*market.Check{&check},
	New: func(o feed.Options) feed.Decoder {
		return &decoder{symbols: feed.NewSymbols(o), connections: map[string]*connection{}}
	},
}

// MaxRecord is the longest record that is read, in bytes: a book of 250 levels a side has 20 KB.
const MaxRecord = 1 << 20

type decoder struct {
	symbols     *feed.Symbols
	connections map[string]*connection // by the record's key
	clock       int64                  // counts records
	message     message
	answer      channel // what one to a subscription says
}

// Decode implements feed.Decoder.
func (d *decoder) Decode(b *market.Batch, r *feed.Record) error {
	err := scan.Refusal(r, MaxRecord)
	if err != nil {
		return err
	}
	before := len(b.Events)
	m := &d.message
	m.begin(r.Value)
	switch {
	case m.Cursor.Object():
		err = d.event(b, r.Key)
	case m.Cursor.Array():
		err = d.list(b, r.Key)
	default:
		m.Cursor.Value()
		err = feed.UnknownKind
	}
	if err == nil {
		err = m.Err(fieldName)
	}
	if whole := m.Close(); !whole {
		err = feed.BadJSON
	}
	m.word = nil // it is part of the record
	if err != nil {
		b.Undo(before)
	}
	return err
}

// list decodes a message of a channel: [number, data], [number, "te", data], and behind that the number
// of the message and its time, where the connection was asked for them.
func (d *decoder) list(b *market.Batch, key []byte) error {
	m := &d.message
	if err := m.parts(); err != nil {
		return err
	}
	conn := d.connection(key)
	if conn.repeat(m.seq) {
		return feed.Ignored
	}
	before := len(b.Events)
	conn.follow(m.seq)
	if conn.hole {
		for _, sym := range conn.symbols {
			b.Gap(sym)
		}
	}
	gaps := len(b.Events) > before
	err := d.data(b, conn)
	if gaps && (errors.Is(err, feed.Ignored) || errors.Is(err, feed.Unused)) {
		err = nil // it brought nothing but the news that others are missing
	}
	if err == nil || len(conn.symbols) == 0 {
		conn.hole = false
	}
	return err
}

// data decodes what a message has of its channel.
func (d *decoder) data(b *market.Batch, conn *connection) error {
	m := &d.message
	if string(m.word) == "hb" {
		return feed.Ignored
	}
	ch := conn.channels[m.number]
	switch {
	case ch == nil:
		return errNumber
	case ch.kind == otherChannel:
		return ch.unknown
	case ch.symbol == nil:
		return feed.Unused
	}
	switch ch.kind {
	case bookChannel:
		return d.book(b, conn, ch)
	case tradesChannel:
		return d.trade(b, ch)
	case tickerChannel:
		return d.ticker(b, ch)
	case candlesChannel:
		return d.candle(b, ch)
	default:
		return d.status(b, ch)
	}
}

var (
	errNumber = fmt.Errorf("%w: the channel has not been named: a connection must be read from its beginning", feed.MissingField)
	errForm   = fmt.Errorf("%w: the list is not what its channel has", feed.BadValue)
)

// unpack takes the items of a list, as many as are of use.
func (m *message) unpack(outside *scan.Cursor, v scan.Value) bool {
	if v.Kind != scan.Array {
		return false
	}
	c := outside.Into(v)
	return m.row(&c)
}

// row takes the items of the list before which the cursor is. False: it is none.
func (m *message) row(c *scan.Cursor) bool {
	if !c.Array() {
		return false
	}
	n := 0
	for ; c.More(); n++ {
		number, ok := c.Number()
		it := item{number: number, kind: scan.Number}
		if !ok {
			it = itemOf(c, c.Value())
		}
		if n < len(m.items) {
			m.items[n] = it
		}
	}
	m.count = min(n, len(m.items))
	return true
}
