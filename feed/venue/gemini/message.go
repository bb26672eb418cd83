package gemini

import (
	"fmt"

	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// message is the message at hand.
type message struct {
	scan.Fields
	bids, asks []market.Level
	leveled    bool // the changes were read as levels
	sick       bool // a level is none

	refused error
	skipped error // why the message brought nothing, where that is no fault
}

// The slots of fields.
const (
	kind byte = iota
	symbol
	changes
	trades
	auctions
	id
	clock
	price
	quantity
	side
	mark
	index
	fundingTime
	realized
	result
)

// fieldNames are what the fields are called.
var fieldNames = [...]string{
	kind: "type", symbol: "symbol", changes: "changes", trades: "trades", auctions: "auction_events", id: "event_id", clock: "timestamp",
	price: "price", quantity: "quantity", side: "side", mark: "mark_price", index: "spot_index",
	fundingTime: "funding_date_time", realized: "is_realized", result: "result",
}

// slotOf returns the slot of a field, and whether it is of use.
func slotOf(key []byte) (slot byte, ok bool) {
	switch string(key) {
	case "type":
		return kind, true
	case "symbol":
		return symbol, true
	case "changes":
		return changes, true
	case "trades":
		return trades, true
	case "auction_events":
		return auctions, true
	case "event_id":
		return id, true
	case "timestamp":
		return clock, true
	case "price":
		return price, true
	case "quantity":
		return quantity, true
	case "side":
		return side, true
	case "mark_price":
		return mark, true
	case "spot_index":
		return index, true
	case "funding_date_time":
		return fundingTime, true
	case "is_realized":
		return realized, true
	case "result":
		return result, true
	}
	return 0, false
}

func (m *message) begin(r *feed.Record) {
	m.Open(r.Value)
	m.refused, m.skipped, m.leveled, m.sick = nil, nil, false, false
}

// read notes the fields of the record. False: it is no message.
func (m *message) read() bool {
	if !m.Cursor.Object() {
		m.Cursor.Value()
		m.refuse(feed.UnknownKind)
		return false
	}
	m.fields()
	fault, _ := m.Fault()
	return m.Cursor.End() && fault == scan.Sound
}

// fields notes the fields of the object in which the cursor is. Levels that changed are read at once, so
// that they are gone through once: nearly always the kind comes before them.
func (m *message) fields() {
	for key, ok := m.Cursor.Key(); ok; key, ok = m.Cursor.Key() {
		slot, known := slotOf(key)
		switch {
		case !known:
			m.Cursor.Value()
		case slot == changes && m.Cursor.At('[') && m.Kind(kind) == scan.String && string(m.Word(kind)) == "l2_updates":
			var good bool
			m.bids, m.asks, good = m.Cursor.Changes(m.bids[:0], m.asks[:0])
			m.leveled, m.sick = true, m.sick || !good
			m.Note(slot, scan.Value{Kind: scan.Array})
		default:
			m.Take(slot)
		}
	}
}

var faults = map[scan.Fault]feed.Reason{
	scan.Twice: feed.BadJSON, scan.Missing: feed.MissingField, scan.Wrong: feed.BadValue,
}

// end says what became of the record, and lets go of it.
func (m *message) end(events bool) error {
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
	return feed.Ignored // no changes
}

func (m *message) refuse(why error) {
	if m.refused == nil {
		m.refused = why
	}
}

func (m *message) skip(why error) { m.skipped = why }

func (m *message) isArray(slot byte) bool { return m.Kind(slot) == scan.Array }

// millis reads a trade's time in µs, which is written in ms.
func (m *message) millis() int64 {
	t := m.Count(clock)
	if t == 0 || t > scan.MaxCount/1000 {
		m.Fail(clock, scan.Wrong)
		return 0
	}
	return t * 1000
}

// nanos reads a time in µs, which is written in ns.
func (m *message) nanos(slot byte) int64 {
	n, ok := m.Number(slot).Int64()
	if !ok || n < 1000 || n/1000 > scan.MaxCount {
		m.Fail(slot, scan.Wrong)
		return 0
	}
	return n / 1000
}
