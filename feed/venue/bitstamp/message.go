package bitstamp

import (
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// message is the message at hand.
type message struct {
	scan.Message
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
	// of a market in a list
	native
	baseDecimals
	priceDecimals
)

// fieldNames are what the fields are called.
var fieldNames = [...]string{
	event: "event", channel: "channel", data: "data", clock: "microtimestamp", bids: "bids", asks: "asks", id: "id",
	price: "price", priceText: "price_str", amount: "amount", amountText: "amount_str", kind: "type", text: "reason",
	native: "market_symbol or url_symbol", baseDecimals: "base_decimals", priceDecimals: "counter_decimals",
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

// read notes the fields of the record, and those in "data". False: it is no message.
func (m *message) read() bool {
	c := &m.Cursor
	if !m.Enter() {
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
	return m.Complete()
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
	switch {
	case !ok:
		m.Cursor.Value()
	case slot == bids:
		m.Side(slot, &m.Bids)
	case slot == asks:
		m.Side(slot, &m.Asks)
	default:
		m.Take(slot)
	}
}

// fieldName says what a slot's field is called.
func fieldName(slot byte) string {
	return "field " + fieldNames[slot]
}

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
