package coinbase

import (
	"tapedeck/feed/scan"
)

// message is the message at hand.
type message struct {
	scan.Message
}

// The slots of fields.
const (
	kind byte = iota
	product
	sequence
	clock
	price
	size
	side
	tradeID
	orderOf
	makerOf
	remaining
	newSize
	newPrice
	opened
	high
	low
	volume
	bestBid
	bestBidSize
	bestAsk
	bestAskSize
	bids
	asks
	levels
	products
	text
	state
	tick
	lot
	noTrading
	cancelOnly
	postOnly
	auction
)

// slotOf returns the slot of a field, and whether it is of use. A switch takes a third of the time of a map.
func slotOf(key []byte) (slot byte, ok bool) {
	switch string(key) {
	case "type":
		return kind, true
	case "product_id":
		return product, true
	case "sequence":
		return sequence, true
	case "time":
		return clock, true
	case "price":
		return price, true
	case "size":
		return size, true
	case "side":
		return side, true
	case "trade_id":
		return tradeID, true
	case "order_id":
		return orderOf, true
	case "maker_order_id":
		return makerOf, true
	case "remaining_size":
		return remaining, true
	case "new_size":
		return newSize, true
	case "new_price":
		return newPrice, true
	case "open_24h":
		return opened, true
	case "high_24h":
		return high, true
	case "low_24h":
		return low, true
	case "volume_24h":
		return volume, true
	case "best_bid":
		return bestBid, true
	case "best_bid_size":
		return bestBidSize, true
	case "best_ask":
		return bestAsk, true
	case "best_ask_size":
		return bestAskSize, true
	case "bids":
		return bids, true
	case "asks":
		return asks, true
	case "changes":
		return levels, true
	case "products":
		return products, true
	case "message":
		return text, true
	}
	return 0, false
}

// productSlot is the same for a product in the status channel.
func productSlot(key []byte) (slot byte, ok bool) {
	switch string(key) {
	case "id":
		return product, true
	case "status":
		return state, true
	case "quote_increment":
		return tick, true
	case "base_increment":
		return lot, true
	case "trading_disabled":
		return noTrading, true
	case "cancel_only":
		return cancelOnly, true
	case "post_only":
		return postOnly, true
	case "auction_mode":
		return auction, true
	}
	return 0, false
}

// fieldNames are the fields that a message can be refused for.
var fieldNames = [...]string{
	kind: "type", product: "product_id", sequence: "sequence", clock: "time", price: "price", size: "size", side: "side",
	tradeID: "trade_id", orderOf: "order_id", makerOf: "maker_order_id", remaining: "remaining_size", newSize: "new_size", newPrice: "new_price",
	opened: "open_24h", high: "high_24h", low: "low_24h", volume: "volume_24h",
	bestBid: "best_bid", bestBidSize: "best_bid_size", bestAsk: "best_ask", bestAskSize: "best_ask_size",
	bids: "bids", asks: "asks", levels: "changes", products: "products", text: "message",
	state: "status", tick: "quote_increment", lot: "base_increment", noTrading: "trading_disabled", cancelOnly: "cancel_only", postOnly: "post_only", auction: "auction_mode",
}

// read notes the fields of the record, and reports whether it is well formed to its end: what is
// remembered must not come from one that is not.
func (m *message) read() bool {
	if !m.Enter() {
		return false
	}
	m.fields(slotOf)
	return m.Complete()
}

// fields notes the fields of the object in which the cursor is. Changes by levels are read at once, so
// that they are gone through once.
func (m *message) fields(slotOf func([]byte) (byte, bool)) {
	for key, ok := m.Cursor.Key(); ok; key, ok = m.Cursor.Key() {
		slot, known := slotOf(key)
		switch {
		case !known:
			m.Cursor.Value()
		case slot == levels && m.Cursor.At('['):
			var good bool
			m.Bids, m.Asks, good = m.Cursor.Changes(m.Bids[:0], m.Asks[:0])
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

// timeIfTold returns the message's time in µs, or 0 if it has none.
func (m *message) timeIfTold() int64 {
	if m.Empty(clock) {
		return 0
	}
	return m.Clock(clock)
}
