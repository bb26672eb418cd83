package coinbaseadvanced

import (
	"fmt"

	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// message is the message at hand, of which parts are read one after the other: its envelope, an event, a
// trade of that. Only the fields of one part are known at a time.
type message struct {
	scan.Message
}

// The slots of fields.
const (
	channel byte = iota
	sequence
	clock
	events
	text
	kind
	product
	updates
	list // trades, tickers or candles
	products
	id
	state
	tick
	lot
	side
	price
	size
	tradeTime
	tradeID
	start
	opened
	high
	low
	closed
	volume
	bestBid
	bestBidSize
	bestAsk
	bestAskSize
)

// fieldNames are what the fields are called.
var fieldNames = [...]string{
	channel: "channel", sequence: "sequence_num", clock: "timestamp", events: "events", text: "message",
	kind: "type", product: "product_id", updates: "updates", list: "trades, tickers or candles", products: "products",
	id: "id", state: "status", tick: "quote_increment", lot: "base_increment", side: "side", price: "price", size: "size",
	tradeTime: "time", tradeID: "trade_id", start: "start", opened: "open", high: "high", low: "low", closed: "close", volume: "volume",
	bestBid: "best_bid", bestBidSize: "best_bid_quantity", bestAsk: "best_ask", bestAskSize: "best_ask_quantity",
}

// slotOf returns the slot of a field, and whether it is of use.
func slotOf(key []byte) (slot byte, ok bool) {
	switch string(key) {
	case "channel":
		return channel, true
	case "sequence_num":
		return sequence, true
	case "timestamp":
		return clock, true
	case "events":
		return events, true
	case "message":
		return text, true
	case "type":
		return kind, true
	case "product_id":
		return product, true
	case "updates":
		return updates, true
	case "trades", "tickers", "candles":
		return list, true
	case "products":
		return products, true
	case "id":
		return id, true
	case "status":
		return state, true
	case "quote_increment":
		return tick, true
	case "base_increment":
		return lot, true
	case "side":
		return side, true
	case "price":
		return price, true
	case "size":
		return size, true
	case "time":
		return tradeTime, true
	case "trade_id":
		return tradeID, true
	case "start":
		return start, true
	case "open":
		return opened, true
	case "high", "high_24_h":
		return high, true
	case "low", "low_24_h":
		return low, true
	case "close":
		return closed, true
	case "volume", "volume_24_h":
		return volume, true
	case "best_bid":
		return bestBid, true
	case "best_bid_quantity":
		return bestBidSize, true
	case "best_ask":
		return bestAsk, true
	case "best_ask_quantity":
		return bestAskSize, true
	}
	return 0, false
}

// each passes each object of a list that was noted to take, with its fields read.
func (m *message) each(slot byte, take func()) {
	v := m.Value(slot)
	if v.Kind != scan.Array {
		m.Fail(slot, scan.Wrong)
		return
	}
	outside := m.Cursor
	m.Cursor = outside.Into(v)
	m.objects(take)
	m.Cursor = outside
}

// objects does the same with the list before which the cursor stands. It is read to its end in any case.
func (m *message) objects(take func()) {
	for m.Cursor.Array(); m.Cursor.More(); {
		if !m.Cursor.Object() {
			m.Cursor.Value()
			m.Refuse(errObjects)
			continue
		}
		m.fields()
		if m.Healthy() {
			take()
		}
	}
}

var errObjects = fmt.Errorf("%w: a list has something else in it than objects", feed.BadValue)

// fields notes the fields of the object in which the cursor is. The updates of a book are read at once.
func (m *message) fields() {
	m.Clear()
	for key, ok := m.Cursor.Key(); ok; key, ok = m.Cursor.Key() {
		slot, known := slotOf(key)
		switch {
		case !known || slot <= text:
			m.Cursor.Value()
		case slot == updates && m.Cursor.At('['):
			m.levels()
			m.Note(slot, scan.Value{Kind: scan.Array})
		default:
			m.Take(slot)
		}
	}
}

// levels reads the updates of a book.
func (m *message) levels() {
	c := &m.Cursor
	m.Bids, m.Asks = m.Bids[:0], m.Asks[:0]
	for c.Array(); c.More(); {
		if m.usualLevel() {
			continue
		}
		if !c.Object() {
			c.Value()
			m.Sick = true
			continue
		}
		m.level()
	}
}

// usualLevel reads an update that is written {"side":"bid","event_time":"…","price_level":"37000.5","new_quantity":"0.1"}, as all
// are. Else it takes nothing. It takes half the time, and an update has 120 bytes.
func (m *message) usualLevel() bool {
	c := m.Cursor
	bid := c.Literal(`{"side":"bid","event_time":`)
	if !bid && !c.Literal(`{"side":"offer","event_time":`) {
		return false
	}
	var l market.Level
	c.Value()
	if !c.Literal(`,"price_level":`) {
		return false
	}
	var priced, sized bool
	l.Price, priced = c.Amount()
	if !c.Literal(`,"new_quantity":`) {
		return false
	}
	l.Qty, sized = c.Amount()
	if !priced || !sized || l.Price.Neg() || l.Price.IsZero() || l.Qty.Neg() || !c.Literal("}") {
		return false
	}
	m.Cursor = c
	m.note(l, bid)
	return true
}

func (m *message) note(l market.Level, bid bool) {
	if bid {
		m.Bids = append(m.Bids, l)
	} else {
		m.Asks = append(m.Asks, l)
	}
}

func (m *message) level() {
	c := &m.Cursor
	var l market.Level
	bid, seen, good := false, 0, true
	for key, ok := c.Key(); ok; key, ok = c.Key() {
		bit := 0
		switch string(key) {
		case "side":
			v := c.Value()
			var buf [64]byte
			word := c.Text(v, buf[:0])
			bid = v.Kind == scan.String && string(word) == "bid"
			bit, ok = 1, bid || v.Kind == scan.String && string(word) == "offer"
		case "price_level":
			l.Price, ok = c.Decimal(c.Value())
			bit, ok = 2, ok && !l.Price.Neg() && !l.Price.IsZero()
		case "new_quantity":
			l.Qty, ok = c.Decimal(c.Value())
			bit, ok = 4, ok && !l.Qty.Neg()
		default:
			c.Value()
		}
		good = good && ok && seen&bit == 0
		seen |= bit
	}
	m.Sick = m.Sick || !good || seen != 7
	m.note(l, bid)
}

// fieldName says what a slot's field is called.
func fieldName(slot byte) string {
	return "field " + fieldNames[slot]
}
