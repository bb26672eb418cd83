package gemini

import (
	"tapedeck/feed/scan"
)

// message is the message at hand.
type message struct {
	scan.Message
	leveled bool // the changes were read as levels
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
	tick
	lot
)

// fieldNames are what the fields are called.
var fieldNames = [...]string{
	kind: "type", symbol: "symbol", changes: "changes", trades: "trades", auctions: "auction_events", id: "event_id", clock: "timestamp",
	price: "price", quantity: "quantity", side: "side", mark: "mark_price", index: "spot_index",
	fundingTime: "funding_date_time", realized: "is_realized", result: "result", tick: "quote_increment", lot: "tick_size",
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
	case "quote_increment":
		return tick, true
	case "tick_size":
		return lot, true
	}
	return 0, false
}

// read notes the fields of the record. False: it is no message.
func (m *message) read() bool {
	m.leveled = false
	if !m.Enter() {
		return false
	}
	m.fields()
	return m.Complete()
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
			m.Bids, m.Asks, good = m.Cursor.Changes(m.Bids[:0], m.Asks[:0])
			m.leveled = true
			m.Read(slot, good)
		default:
			m.Take(slot)
		}
	}
}

// fieldName says what a slot's field is called.
func fieldName(slot byte) string {
	return "field " + fieldNames[slot]
}

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
