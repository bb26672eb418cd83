package kucoin

import (
	"fmt"

	"tapedeck/feed/scan"
	"tapedeck/market"
)

// message is the record at hand, with the fields of its data.
type message struct {
	scan.Message
	rest  []byte   // what is behind the topic's ":"
	all   bool     // see topic
	plain bool     // data is no object
	inner bool     // the cursor is in the data of data
	text  [64]byte // memory for the topic, where it has escapes
}

// The slots of fields. Those of a candle's list are numbers below 8; those of a push's fields of one letter are
// their letters, which are all above these.
const (
	topicName byte = 8 + iota
	subject
	kind
	code
	data
	symbolName
	sequence
	sequenceStart
	sequenceEnd
	changes
	timeField
	timestamp
	ts
	datetime
	price
	size
	side
	tradeID
	bestAsk
	bestAskSize
	bestBid
	bestBidSize
	asks
	bids
	change
	candles
	value
	indexPrice
	markPrice
	fundingRate
	last
	open
	high
	low
	vol
	volValue
	trading
	tickSize
	lotSize
	multiplier
	isInverse
	result
	notice
	operation
	depth
	shortID
	shortMark
	shortIndex
	openInterest
	shortRate
	nextFunding
	numFields
)

// top takes a field of the record itself.
func (m *message) top(key []byte) {
	switch string(key) {
	case "topic":
		m.Take(topicName)
	case "subject":
		m.Take(subject)
	case "type":
		m.Take(kind)
	case "code":
		m.Take(code)
	case "data":
		if !m.Cursor.At('{') {
			m.plain = true
			m.Take(data)
			return
		}
		m.Note(data, scan.Value{Kind: scan.Object})
		m.object()
	case "T", "P", "t":
		m.Take(key[0])
	case "dp":
		m.Take(depth)
	case "d":
		m.body()
	case "result":
		m.Take(result)
	case "message":
		m.Take(notice)
	case "op":
		m.Take(operation)
	default:
		m.Cursor.Value()
	}
}

// slot returns the slot of a field of data, and whether it is of use. The best orders have two names each: bestAskPrice is of futures.
func slot(key []byte) (byte, bool) {
	switch string(key) {
	case "symbol":
		return symbolName, true
	case "sequence":
		return sequence, true
	case "sequenceStart":
		return sequenceStart, true
	case "sequenceEnd":
		return sequenceEnd, true
	case "changes":
		return changes, true
	case "time":
		return timeField, true
	case "timestamp":
		return timestamp, true
	case "ts":
		return ts, true
	case "datetime":
		return datetime, true
	case "price":
		return price, true
	case "size":
		return size, true
	case "side":
		return side, true
	case "tradeId":
		return tradeID, true
	case "bestAsk", "bestAskPrice":
		return bestAsk, true
	case "bestAskSize":
		return bestAskSize, true
	case "bestBid", "bestBidPrice":
		return bestBid, true
	case "bestBidSize":
		return bestBidSize, true
	case "asks":
		return asks, true
	case "bids":
		return bids, true
	case "change":
		return change, true
	case "candles":
		return candles, true
	case "value":
		return value, true
	case "indexPrice":
		return indexPrice, true
	case "markPrice":
		return markPrice, true
	case "fundingRate":
		return fundingRate, true
	case "lastTradedPrice", "lastPrice":
		return last, true
	case "open":
		return open, true
	case "high":
		return high, true
	case "low":
		return low, true
	case "vol":
		return vol, true
	case "volValue":
		return volValue, true
	case "trading":
		return trading, true
	case "data":
		return data, true
	}
	return 0, false
}

var fieldNames = [numFields]string{
	topicName: "topic", subject: "subject", kind: "type", code: "code", data: "data", symbolName: "symbol", sequence: "sequence",
	sequenceStart: "sequenceStart", sequenceEnd: "sequenceEnd", changes: "changes", timeField: "time", timestamp: "timestamp", ts: "ts",
	datetime: "datetime", price: "price", size: "size", side: "side", tradeID: "tradeId", bestAsk: "bestAsk", bestAskSize: "bestAskSize",
	bestBid: "bestBid", bestBidSize: "bestBidSize", asks: "asks", bids: "bids", change: "change", candles: "candles", value: "value",
	indexPrice: "indexPrice", markPrice: "markPrice", fundingRate: "fundingRate", last: "lastTradedPrice or lastPrice", open: "open",
	high: "high", low: "low", vol: "vol", volValue: "volValue", trading: "trading",
	tickSize: "priceIncrement or tickSize", lotSize: "baseIncrement or lotSize", multiplier: "multiplier", isInverse: "isInverse",
	result: "result", notice: "message", operation: "op", depth: "dp", shortID: "ti", shortMark: "mp", shortIndex: "ip", openInterest: "oi",
	shortRate: "fr", nextFunding: "nt",
}

func (m *message) begin() {
	m.rest, m.all, m.plain, m.inner = nil, false, false, false
}

// read goes through the record once, whatever order its fields are in: the data often comes first.
func (m *message) read() {
	c := &m.Cursor
	if !m.Enter() {
		return
	}
	for key, ok := c.Key(); ok; key, ok = c.Key() {
		m.top(key)
	}
}

// object reads the next value, an object, whose fields are of the message. The levels of a book are read at
// once, so that they are gone through once.
func (m *message) object() {
	c := &m.Cursor
	c.Object()
	for key, ok := c.Key(); ok; key, ok = c.Key() {
		at, ok := slot(key)
		switch {
		case !ok:
			c.Value()
		case at == bids:
			m.Bids = m.levels(at, m.Bids[:0])
		case at == asks:
			m.Asks = m.levels(at, m.Asks[:0])
		case at == candles && c.Array():
			m.Note(at, scan.Value{Kind: scan.Array})
			m.row()
		case at == changes && c.At('{'):
			m.Note(at, scan.Value{Kind: scan.Object})
			m.object()
		case at == data && c.At('{') && !m.inner: // that of a snapshot of the day
			m.inner = true
			m.object()
		case at == data:
			c.Value()
		default:
			m.Take(at)
		}
	}
}

// row notes the elements of the list in which the cursor is.
func (m *message) row() {
	for i := byte(0); m.Cursor.More(); i++ {
		if i < topicName {
			m.Take(i)
		} else {
			m.Cursor.Value()
		}
	}
}

// levels reads one side of a book. What is none is kept as it is: it may be a single order.
func (m *message) levels(at byte, side []market.Level) []market.Level {
	c := &m.Cursor
	before := *c
	side, good := c.Levels(side)
	v := scan.Value{Kind: scan.Array}
	if !good {
		if side, good = moves(side); !good || !before.At('[') {
			*c = before
			v = c.Value()
			m.Sick = true
		}
	}
	m.Note(at, v)
	return side
}

// moves leaves out the levels at price 0, which only move the sequence. False: a level is none.
func moves(side []market.Level) ([]market.Level, bool) {
	kept := side[:0]
	for _, l := range side {
		switch {
		case !l.Price.Set() || !l.Qty.Set() || l.Price.Neg() || l.Qty.Neg():
			return kept, false
		case !l.Price.IsZero():
			kept = append(kept, l)
		}
	}
	return kept, true
}

// name returns the topic.
func (m *message) name() []byte {
	v := m.Value(topicName)
	if v.Kind != scan.String {
		m.Fail(topicName, scan.Wrong)
		return nil
	}
	return m.Cursor.Text(v, m.text[:0])
}

// fieldName says what a slot's field is called.
func fieldName(slot byte) string {
	if slot < topicName {
		return fmt.Sprintf("number %d of a list", slot+1)
	}
	if slot >= numFields {
		return "field " + string(rune(slot))
	}
	return "field " + fieldNames[slot]
}

// integer returns a whole number that is not negative, which the venue writes as a number or as a text.
func (m *message) integer(at byte) int64 {
	n, ok := m.Number(at).Int64()
	if !ok || n < 0 {
		m.Fail(at, scan.Wrong)
	}
	return n
}

// id returns a sequence.
func (m *message) id(at byte) int64 {
	n := m.integer(at)
	if n > scan.MaxCount {
		m.Fail(at, scan.Wrong)
		return 0
	}
	return n
}

// time returns a time in µs. Some topics have ms, some µs, most ns: what would be after the year 2255 in one of them is in the
// next.
func (m *message) time(at byte) int64 {
	t := m.integer(at)
	switch {
	case t == 0:
		m.Fail(at, scan.Wrong)
	case t <= scan.MaxCount/1000:
		return t * 1000
	case t <= scan.MaxCount:
		return t
	}
	return t / 1000
}

// timeIfTold returns a time, or 0 if the message has none.
func (m *message) timeIfTold(at byte) int64 {
	if !m.Has(at) {
		return 0
	}
	return m.time(at)
}

// either returns the first of two fields, or the second where that is not there.
func (m *message) either(one, other byte) byte {
	if m.Has(one) {
		return one
	}
	return other
}
