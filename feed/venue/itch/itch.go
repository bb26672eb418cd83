// Package itch decodes Nasdaq TotalView-ITCH 5.0, a binary feed that tells every displayed order: the orders are
// folded to levels here, and executions become trades. Layouts are those of Nasdaq's public specification "Nasdaq
// TotalView-ITCH 5.0", packets those of "MoldUDP64 Protocol Specification V 1.00"; docs/venues.md says what
// becomes of each message, and how sure we are.
package itch

import (
	"fmt"

	"tapedeck/feed"
	"tapedeck/market"
)

const venue = "NASDAQ"

// Format is a record of one message as it is, or of messages that each have their length before them, in two bytes,
// as in the files that Nasdaq publishes. The two are told apart by the first byte: a type is a letter, and the upper
// half of a length, since no message has 256 bytes, is 0.
var Format = &feed.Format{
	Name: "itch", Venue: venue, Version: 1, Scope: feed.ScopeConnection,
	New: func(o feed.Options) feed.Decoder { return newDecoder(o, (*decoder).messages) },
}

// Mold is a record of one MoldUDP64 packet. It has a format of its own, since a packet begins with the name of its
// session, which may look like a message.
var Mold = &feed.Format{
	Name: "itch-mold", Venue: venue, Version: 1, Scope: feed.ScopeConnection,
	New: func(o feed.Options) feed.Decoder { return newDecoder(o, (*decoder).packet) },
}

// MaxRecord is the longest record that is read, in bytes: a packet has at most 64 KB.
const MaxRecord = 1 << 20

// decoder decodes one partition, which has one stream: the key of a record says nothing. It remembers the stocks and
// orders of the day.
type decoder struct {
	read    func(d *decoder, b *market.Batch, r *feed.Record) error
	symbols *feed.Symbols
	names   map[uint64]*stock // by the 8 bytes of their names
	stocks  []*stock          // by their numbers of the day
	orders  orders
	clock   clock
	number  int64 // of the newest message of a book
	started bool  // the day was read from its start of messages on, and nothing is missing
	ended   bool  // the newest message was the day's last
	log     position
	session session

	// Of the record that is being read:
	from int   // its first event
	why  error // what of it brought nothing
	bad  error // what of it should have brought something
}

func newDecoder(o feed.Options, read func(*decoder, *market.Batch, *feed.Record) error) *decoder {
	return &decoder{read: read, symbols: feed.NewSymbols(o), names: map[uint64]*stock{}, orders: newOrders(maxOrders)}
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
	d.from, d.why, d.bad = len(b.Events), nil, nil
	d.clock.set(r.Time)
	err := d.read(d, b, r)
	switch {
	case err != nil:
	case len(b.Events) > d.from:
		return nil
	case d.bad != nil:
		err = d.bad
	default:
		err = d.why
	}
	return err
}

// position is how far a log was read. Its offsets are all that tells whether one of its records is missing.
type position struct {
	begun  bool
	offset int64 // of the newest record that could be read
}

// skips reports whether a record before this one could not be read, or never came.
func (p *position) skips(offset int64) bool { return p.begun && offset > p.offset+1 }

// messages decodes a record of one message, or of several.
func (d *decoder) messages(b *market.Batch, r *feed.Record) error {
	if r.Value[0] != 0 {
		if err := check(r.Value); err != nil {
			return err
		}
	} else if _, err := checkAll(r.Value); err != nil {
		return err
	}
	if d.log.skips(r.Offset) {
		d.lose(b)
	}
	d.log = position{begun: true, offset: r.Offset}
	if r.Value[0] != 0 {
		d.take(b, r.Value)
		return nil
	}
	for rest := r.Value; len(rest) > 0; {
		var m message
		m, rest = cut(rest)
		d.take(b, m)
	}
	return nil
}

// take decodes a message that was checked.
func (d *decoder) take(b *market.Batch, m message) {
	k := &kinds[m[0]]
	if k.name != "" {
		d.ended = false
	}
	switch {
	case k.name == "":
		d.bad = fmt.Errorf("%w: a message of type %q", feed.UnknownKind, m[0])
	case k.decode != nil:
		if s := d.stock(b, m, k); s != nil {
			k.decode(d, b, m, s)
		}
	case k.all != nil:
		k.all(d, b, m)
	default:
		d.why = k.ignored
	}
}
