package bitstamp

import (
	"fmt"

	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// message is the message at hand.
type message struct {
	scan.Fields
	record     *feed.Record
	bids, asks []market.Level
	sick       bool // a level is none

	refused error
	skipped error // why the message brought nothing, where that is no fault
}

// The slots of fields.
const (
	event byte = iota
	channel
	data
	clock
	bids
	asks
	id
	price
	priceText
	amount
	amountText
	kind
	text
)

// fieldNames are what the fields are called.
var fieldNames = [...]string{
	event: "event", channel: "channel", data: "data", clock: "microtimestamp", bids: "bids", asks: "asks", id: "id",
	price: "price", priceText: "price_str", amount: "amount", amountText: "amount_str", kind: "type", text: "reason",
}

// slotOf returns the slot of a field, and whether it is of use.
func slotOf(key []byte) (slot byte, ok bool) {
	switch string(key) {
	case "microtimestamp":
		return clock, true
	case "bids":
		return bids, true
	case "asks":
		return asks, true
	case "id":
		return id, true
	case "price":
		return price, true
	case "price_str":
		return priceText, true
	case "amount":
		return amount, true
	case "amount_str":
		return amountText, true
	case "type":
		return kind, true
	}
	return 0, false
}

func (m *message) begin(r *feed.Record) {
	m.Open(r.Value)
	m.record, m.refused, m.skipped, m.sick = r, nil, nil, false
}

// read notes the fields of the record, and those in "data". False: it is no message.
func (m *message) read() bool {
	c := &m.Cursor
	if !c.Object() {
		c.Value()
		m.refuse(feed.UnknownKind)
		return false
	}
	for key, ok := c.Key(); ok; key, ok = c.Key() {
		switch string(key) {
		case "event":
			m.Take(event)
		case "channel":
			m.Take(channel)
		case "error", "reason":
			m.Take(text)
		case "data":
			m.data()
		default:
			m.take(key)
		}
	}
	fault, _ := m.Fault()
	return c.End() && fault == scan.Sound
}

func (m *message) data() {
	c := &m.Cursor
	if !c.Object() {
		m.Take(data)
		return
	}
	m.Note(data, scan.Value{Kind: scan.Object})
	for key, ok := c.Key(); ok; key, ok = c.Key() {
		m.take(key)
	}
}

// take notes one field. The levels of a book are read at once, so that they are gone through once.
func (m *message) take(key []byte) {
	slot, ok := slotOf(key)
	var good bool
	switch {
	case !ok:
		m.Cursor.Value()
		return
	case slot == bids && m.Cursor.At('['):
		m.bids, good = m.Cursor.Levels(m.bids[:0])
	case slot == asks && m.Cursor.At('['):
		m.asks, good = m.Cursor.Levels(m.asks[:0])
	default:
		m.Take(slot)
		return
	}
	m.Note(slot, scan.Value{Kind: scan.Array})
	m.sick = m.sick || !good
}

var faults = map[scan.Fault]feed.Reason{
	scan.Twice: feed.BadJSON, scan.Missing: feed.MissingField, scan.Wrong: feed.BadValue,
}

// end says what became of the record, and lets go of it.
func (m *message) end(events bool) error {
	m.record = nil
	whole := m.Close()
	fault, slot := m.Fault()
	switch {
	case !whole:
		return feed.BadJSON
	case fault != scan.Sound:
		return fmt.Errorf("%w: field %s", faults[fault], fieldNames[slot])
	case m.refused != nil:
		return m.refused
	case events:
		return nil
	case m.skipped != nil:
		return m.skipped
	}
	return feed.Ignored
}

func (m *message) refuse(why error) {
	if m.refused == nil {
		m.refused = why
	}
}

func (m *message) skip(why error) { m.skipped = why }

func (m *message) isArray(slot byte) bool { return m.Kind(slot) == scan.Array }

// micros reads the message's time, which is written as a text.
func (m *message) micros() int64 {
	t, ok := m.Number(clock).Int64()
	if !ok || t <= 0 || t > scan.MaxCount {
		m.Fail(clock, scan.Wrong)
	}
	return t
}

// either returns the first of two fields that is there. As a text a number has all its digits.
func (m *message) either(first, second byte) byte {
	if m.Has(first) {
		return first
	}
	return second
}

// side reads the taker's side.
func (m *message) side() market.Side {
	switch m.Int(kind) {
	case 0:
		return market.Buy
	case 1:
		return market.Sell
	}
	m.Fail(kind, scan.Wrong)
	return market.SideUnknown
}

// label returns the pair that the record's producer says it is of: a REST order book does not.
func (m *message) label() []byte {
	for i := range m.record.Headers {
		if m.record.Headers[i].Key == "symbol" {
			return m.record.Headers[i].Value
		}
	}
	return m.record.Key
}
