package bitmex

import (
	"fmt"

	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// message is the record at hand: what it says of its table, and the fields of the newest row.
type message struct {
	scan.Message
	table   table
	action  action
	filter  scan.Value
	hasData bool
	answer  bool // to a subscription, or a greeting
	text    [64]byte
	clock   []byte // the newest time that was read, as it is written, and in µs
	micros  int64
}

// table is what a message says it is of.
type table struct {
	there, known bool
	kind         tableKind
	width        int64 // of candles, µs
	unknown      error
}

type tableKind uint8

const (
	bookTable tableKind = iota
	tradeTable
	quoteTable
	instrumentTable
	candleTable
)

type action uint8

const (
	partial action = iota + 1
	insert
	update
	remove
)

// The slots of a row's fields.
const (
	symbolField = iota
	idField
	sideField
	sizeField
	priceField
	timeField
	matchField
	bidPrice
	bidSize
	askPrice
	askSize
	openField
	highField
	lowField
	closeField
	tradesField
	volumeField
	lastPrice
	prevPrice
	highPrice
	lowPrice
	volumeDay
	vwapField
	markPrice
	indexPrice
	fundingRate
	fundingTime
	openInterest
	stateField
	tickSize
	lotSize
	multiplier
	isInverse
	isQuanto
	settlCurrency
	numFields
)

var fieldNames = [numFields]string{
	"symbol", "id", "side", "size", "price", "timestamp", "trdMatchID", "bidPrice", "bidSize", "askPrice", "askSize",
	"open", "high", "low", "close", "trades", "volume", "lastPrice", "prevPrice24h", "highPrice", "lowPrice", "volume24h", "vwap",
	"markPrice", "indicativeSettlePrice", "fundingRate", "fundingTimestamp", "openInterest", "state",
	"tickSize", "lotSize", "multiplier", "isInverse", "isQuanto", "settlCurrency",
}

// slot returns the slot of a row's field, and whether it is of use.
func slot(name []byte) (byte, bool) {
	switch string(name) { // those of a book first: most rows are of one
	case "symbol":
		return symbolField, true
	case "id":
		return idField, true
	case "side":
		return sideField, true
	case "size":
		return sizeField, true
	case "price":
		return priceField, true
	case "timestamp":
		return timeField, true
	}
	s, ok := others.Find(name)
	return s, ok
}

var others = scan.NewSlots(matchField, fieldNames[matchField:]...)

func (m *message) begin() {
	m.table, m.action, m.filter = table{}, 0, scan.Value{}
	m.hasData, m.answer, m.clock = false, false, m.clock[:0]
}

// take notes a field of the message itself.
func (m *message) take(name []byte) {
	switch string(name) {
	case "table":
		if m.once(&m.table.there) {
			m.Cursor.Value()
			return
		}
		m.setTable(m.word())
	case "action":
		if m.action != 0 {
			m.Refuse(errTwice)
		}
		m.setAction(m.word())
	case "filter":
		if m.filter.Kind != scan.None {
			m.Refuse(errTwice)
		}
		m.filter = m.Cursor.Value()
	case "info", "success", "error":
		m.answer = true
		m.Cursor.Value()
	default:
		m.Cursor.Value()
	}
}

var (
	errTwice  = fmt.Errorf("%w: a field is there twice", feed.BadJSON)
	errAction = fmt.Errorf("%w: the action", feed.BadValue)
)

// once notes that a field is there, and reports whether it was before.
func (m *message) once(there *bool) (twice bool) {
	if *there {
		m.Refuse(errTwice)
		return true
	}
	*there = true
	return false
}

func (m *message) word() []byte {
	v := m.Cursor.Value()
	if v.Kind != scan.String {
		return nil
	}
	return m.Cursor.Text(v, m.text[:0])
}

func (m *message) setTable(name []byte) {
	t := &m.table
	t.known = true
	switch string(name) {
	case "orderBookL2", "orderBookL2_25":
		t.kind = bookTable
	case "trade":
		t.kind = tradeTable
	case "quote":
		t.kind = quoteTable
	case "instrument":
		t.kind = instrumentTable
	case "tradeBin1m":
		t.kind, t.width = candleTable, 60e6
	case "tradeBin5m":
		t.kind, t.width = candleTable, 300e6
	case "tradeBin1h":
		t.kind, t.width = candleTable, 3600e6
	case "tradeBin1d":
		t.kind, t.width = candleTable, 86400e6
	default:
		t.known, t.unknown = false, fmt.Errorf("%w: table %.40q", feed.UnknownKind, name)
	}
}

func (m *message) setAction(name []byte) {
	switch string(name) {
	case "partial":
		m.action = partial
	case "insert":
		m.action = insert
	case "update":
		m.action = update
	case "delete":
		m.action = remove
	default:
		m.Refuse(errAction)
	}
}

// fields reads the fields of the row in which the cursor is.
func (m *message) fields() {
	m.Clear()
	for name, ok := m.Cursor.Key(); ok; name, ok = m.Cursor.Key() {
		if s, known := slot(name); known {
			m.Take(s)
		} else {
			m.Cursor.Value()
		}
	}
}

// fieldName says what a slot's field is called.
func fieldName(slot byte) string {
	return "field " + fieldNames[slot]
}

// time returns the row's time, or 0 if it has none. The rows of a message mostly have the same, which is
// read once.
func (m *message) time() int64 {
	if m.Empty(timeField) {
		return 0
	}
	if v := m.Value(timeField); v.Kind == scan.String && string(m.Cursor.Raw(v)) == string(m.clock) {
		return m.micros
	}
	m.micros = m.Clock(timeField)
	m.clock = append(m.clock[:0], m.Cursor.Raw(m.Value(timeField))...)
	return m.micros
}

// optional returns a number that may be null or not there: then it is absent.
func (m *message) optional(slot byte) market.Decimal {
	if m.Empty(slot) {
		return market.Decimal{}
	}
	return m.Size(slot)
}
