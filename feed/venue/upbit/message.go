package upbit

import (
	"fmt"

	"tapedeck/feed/scan"
)

// message is the message at hand, of a record that may hold several.
type message struct {
	scan.Message
	answer bool // it is no market data
	clock  [32]byte
}

// The slots of fields, in the order of fieldNames.
const (
	typeField byte = iota
	codeField
	timeField
	streamField
	tradePrice
	tradeVolume
	tradeTime
	askBid
	sequentialID
	units
	grouping
	opening
	highest
	lowest
	accVolume
	accPrice
	marketState
	candleStart
	candleVolume
	candlePrice
	numFields
)

// fieldNames are the long names and the short.
var fieldNames = [numFields][2]string{
	{"type", "ty"}, {"code", "cd"}, {"timestamp", "tms"}, {"stream_type", "st"}, {"trade_price", "tp"}, {"trade_volume", "tv"},
	{"trade_timestamp", "ttms"}, {"ask_bid", "ab"}, {"sequential_id", "sid"}, {"orderbook_units", "obu"}, {"level", "lv"},
	{"opening_price", "op"}, {"high_price", "hp"}, {"low_price", "lp"}, {"acc_trade_volume", "atv"}, {"acc_trade_price", "atp"},
	{"market_state", "ms"}, {"candle_date_time_utc", "cdttmu"}, {"candle_acc_trade_volume", "catv"}, {"candle_acc_trade_price", "catp"},
}

// slot returns the slot of a field, and whether it is of use.
func slot(key []byte) (byte, bool) {
	switch string(key) {
	case "ty", "type":
		return typeField, true
	case "cd", "code":
		return codeField, true
	case "tms", "timestamp":
		return timeField, true
	case "st", "stream_type":
		return streamField, true
	case "tp", "trade_price":
		return tradePrice, true
	case "tv", "trade_volume":
		return tradeVolume, true
	case "ttms", "trade_timestamp":
		return tradeTime, true
	case "ab", "ask_bid":
		return askBid, true
	case "sid", "sequential_id":
		return sequentialID, true
	case "obu", "orderbook_units":
		return units, true
	case "lv", "level":
		return grouping, true
	case "op", "opening_price":
		return opening, true
	case "hp", "high_price":
		return highest, true
	case "lp", "low_price":
		return lowest, true
	case "atv", "acc_trade_volume":
		return accVolume, true
	case "atp", "acc_trade_price":
		return accPrice, true
	case "ms", "market_state":
		return marketState, true
	case "cdttmu", "candle_date_time_utc":
		return candleStart, true
	case "catv", "candle_acc_trade_volume":
		return candleVolume, true
	case "catp", "candle_acc_trade_price":
		return candlePrice, true
	}
	return 0, false
}

// fieldName says what a slot's field is called.
func fieldName(slot byte) string {
	return fmt.Sprintf("field %s (%s)", fieldNames[slot][0], fieldNames[slot][1])
}

// fields reads the fields of the message in which the cursor is. The levels of a book are read at once, so
// that they are gone through once.
func (m *message) fields() {
	m.Clear()
	m.answer = false
	c := &m.Cursor
	for key, ok := c.Key(); ok; key, ok = c.Key() {
		switch slot, known := slot(key); {
		case known && slot == units && c.Array():
			m.ladder()
			m.Note(units, scan.Value{Kind: scan.Array})
		case known:
			m.Take(slot)
		default:
			m.answer = m.answer || string(key) == "error" || string(key) == "status" || string(key) == "method"
			c.Value()
		}
	}
}

// snapshot reports that a message tells what was at the moment of the subscription.
func (m *message) snapshot() bool {
	return !m.Empty(streamField) && string(m.Word(streamField)) == "SNAPSHOT"
}
