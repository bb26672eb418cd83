package scan

import (
	"errors"
	"fmt"

	"tapedeck/feed"
	"tapedeck/market"
)

// Message is a record as a decoder reads it: its fields, the levels of a book, and what is to be said of it in the end.
// Whatever is wrong is noted, and the reading goes on: Decode asks once.
type Message struct {
	Fields
	Record     *feed.Record
	Bids, Asks []market.Level // as Side has read them
	Sick       bool           // one of them is none
	refused    error
	skipped    error
}

// Decode decodes a record: read takes it from the cursor and appends its events to b. They are taken back if the record
// is malformed, a field is not what it must be, or it was refused. name says what a slot's field is called: "field price".
// A record of more than max bytes is not looked at.
func (m *Message) Decode(b *market.Batch, r *feed.Record, max int, read func(*market.Batch), name func(slot byte) string) error {
	if err := Refusal(r, max); err != nil {
		return err
	}
	before := len(b.Events)
	m.Open(r.Value)
	m.Record, m.Sick, m.refused, m.skipped = r, false, nil, nil
	read(b)
	err := m.end(len(b.Events) > before, name)
	if err != nil {
		b.Undo(before)
	}
	return err
}

// Refusal says why a record is refused before it is looked at; nil if it is not.
func Refusal(r *feed.Record, max int) error {
	switch {
	case r.Value == nil:
		return feed.Tombstone
	case len(r.Value) == 0:
		return feed.Empty
	case len(r.Value) > max:
		return feed.TooLarge
	}
	return nil
}

// end says what became of the record, and lets go of it.
func (m *Message) end(events bool, name func(byte) string) error {
	m.Record = nil
	switch whole := m.Close(); {
	case !whole:
		return feed.BadJSON
	case m.fault != Sound:
		return m.Err(name)
	case m.refused != nil:
		return m.refused
	case events:
		return nil
	case m.skipped != nil:
		return m.skipped
	}
	return feed.Ignored // an empty list
}

var reasons = map[Fault]feed.Reason{Twice: feed.BadJSON, Missing: feed.MissingField, Wrong: feed.BadValue}

// Err returns the first fault as a reason; nil if there is none.
func (f *Fields) Err(name func(slot byte) string) error {
	if f.fault == Sound {
		return nil
	}
	return fmt.Errorf("%w: %s", reasons[f.fault], name(f.where))
}

// Refuse notes why the record is refused. The first reason counts.
func (m *Message) Refuse(why error) {
	if m.refused == nil {
		m.refused = why
	}
}

// Skip notes why the record, or a part of it, brings nothing though nothing is wrong.
func (m *Message) Skip(why error) { m.skipped = why }

// Skipped reports whether Skip was called.
func (m *Message) Skipped() bool { return m.skipped != nil }

// Healthy reports that nothing is wrong so far.
func (m *Message) Healthy() bool { return m.fault == Sound && m.refused == nil }

// Complete reports that besides the record is at its end and well formed: what is remembered must not come from one that
// is not.
func (m *Message) Complete() bool { return m.Cursor.End() && m.Healthy() }

// Clear forgets the fields and levels of the element before.
func (m *Message) Clear() {
	m.Fields.Clear()
	m.Sick = false
}

// Enter enters the record's one object. False: it is none, and refused.
func (m *Message) Enter() bool {
	if m.Cursor.Object() {
		return true
	}
	m.Cursor.Value()
	m.Refuse(feed.UnknownKind)
	return false
}

// Once takes the next value as one that may be there once: v is where it is kept, slot what it is called.
func (m *Message) Once(v *Value, slot byte) {
	if v.Kind != None {
		m.Fail(slot, Twice)
	}
	*v = m.Cursor.Value()
}

// Within calls f with the cursor before the content of an object or a list that was taken whole.
func (m *Message) Within(v Value, f func()) {
	outside := m.Cursor
	m.Cursor = outside.Into(v)
	f()
	m.Cursor = outside
}

// Objects calls each with the cursor in every object of a list that was taken whole, what was read of the one before forgotten.
// What is no list, or no object in it, is a fault of the field slot.
func (m *Message) Objects(slot byte, list Value, each func()) {
	m.Within(list, func() {
		c := &m.Cursor
		if !c.Array() {
			c.Value()
			m.Fail(slot, Wrong)
			return
		}
		for c.More() {
			m.Clear()
			if c.Object() {
				each()
			} else {
				c.Value()
				m.Fail(slot, Wrong)
			}
		}
	})
}

// Side takes the next value as a field that has one side of a book. A list is read at once, so that it is gone through once.
func (m *Message) Side(slot byte, side *[]market.Level) {
	if !m.Cursor.At('[') {
		m.Take(slot)
		return
	}
	var good bool
	*side, good = m.Cursor.Levels((*side)[:0])
	m.Read(slot, good)
}

// Ladder does the same where levels are objects, with their price and quantity in fields of these names.
func (m *Message) Ladder(slot byte, side *[]market.Level, price, qty string) {
	if !m.Cursor.At('[') {
		m.Take(slot)
		return
	}
	var good bool
	*side, good = m.Cursor.Ladder((*side)[:0], price, qty)
	m.Read(slot, good)
}

// Read notes a list as a field whose levels were read, and whether all of them are some.
func (m *Message) Read(slot byte, good bool) {
	m.Note(slot, Value{Kind: Array})
	m.Sick = m.Sick || !good
}

// Sides gives a book the levels that were read, and takes the memory that its own had. Both sides must be there: if
// one is not, or has anything but levels, the record is refused for that reason.
func (m *Message) Sides(k *market.Book, bids, asks byte, otherwise error) {
	if m.Value(bids).Kind != Array || m.Value(asks).Kind != Array || m.Sick {
		m.Refuse(otherwise)
		return
	}
	m.Give(k)
}

// Give does so with levels that are known to be good.
func (m *Message) Give(k *market.Book) {
	k.Bids, m.Bids = m.Bids, k.Bids[:0]
	k.Asks, m.Asks = m.Asks, k.Asks[:0]
}

// Best gives a quote the one level that each side has at most: none where its quantity is 0.
func (m *Message) Best(q *market.Quote, bids, asks byte, otherwise error) {
	if m.Value(bids).Kind != Array || m.Value(asks).Kind != Array || m.Sick || len(m.Bids) > 1 || len(m.Asks) > 1 {
		m.Refuse(otherwise)
		return
	}
	if len(m.Bids) == 1 && !m.Bids[0].Qty.IsZero() {
		q.BidPrice, q.BidQty = m.Bids[0].Price, m.Bids[0].Qty
	}
	if len(m.Asks) == 1 && !m.Asks[0].Qty.IsZero() {
		q.AskPrice, q.AskQty = m.Asks[0].Price, m.Asks[0].Qty
	}
}

// Symbol returns the symbol of a native name, as feed.Symbols.Named does, and notes why there is none.
func (m *Message) Symbol(known *feed.Symbols, native []byte, meet func(native string) (market.Symbol, bool)) *market.Symbol {
	sym, err := known.Named(native, meet)
	switch {
	case err == nil:
	case errors.Is(err, feed.Unused):
		m.Skip(err)
	default:
		m.Refuse(err)
	}
	return sym
}

// Label returns the native symbol that the record's producer says it is of, in the header "symbol" or as its key: a
// REST order book often does not say it.
func (m *Message) Label() []byte {
	for i := range m.Record.Headers {
		if m.Record.Headers[i].Key == "symbol" {
			return m.Record.Headers[i].Value
		}
	}
	return m.Record.Key
}
