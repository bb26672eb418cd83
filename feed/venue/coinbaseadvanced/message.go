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
	scan.Fields
	bids, asks []market.Level // of an event
	sick       bool           // an update is none

	refused error
	skipped error // why the message brought nothing, where that is no fault
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

func (m *message) begin(r *feed.Record) {
	m.Open(r.Value)
	m.refused, m.skipped, m.sick = nil, nil, false
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
			m.refuse(errObjects)
			continue
		}
		m.fields()
		if m.healthy() {
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
	m.bids, m.asks = m.bids[:0], m.asks[:0]
	for c.Array(); c.More(); {
		if !c.Object() {
			c.Value()
			m.sick = true
			continue
		}
		m.level()
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
	m.sick = m.sick || !good || seen != 7
	if bid {
		m.bids = append(m.bids, l)
	} else {
		m.asks = append(m.asks, l)
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
	return feed.Ignored // no events
}

// healthy reports that nothing was refused so far.
func (m *message) healthy() bool {
	fault, _ := m.Fault()
	return fault == scan.Sound && m.refused == nil
}

func (m *message) refuse(why error) {
	if m.refused == nil {
		m.refused = why
	}
}

func (m *message) skip(why error) { m.skipped = why }
