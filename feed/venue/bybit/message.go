package bybit

import (
	"bytes"

	"tapedeck/feed/scan"
)

// message is the record at hand, and in its Fields its data or the element of it that is being read.
type message struct {
	scan.Message
	topic  topic
	part   []byte // of the topic: a depth or a width
	native []byte // of the topic: the symbol, or what the symbols have in common
	done   bool   // the data was decoded

	name, kind, stamp, op, data, result scan.Value // of the record itself

	text [2 * 64]byte // memory for a text of the record's own and for the topic, where they have escapes
}

// The slots of fields that have more than one letter; a letter serves for its own.
const (
	symbolField byte = iota
	lastField
	openField
	highField
	lowField
	volumeField
	turnoverField
	markField
	indexField
	interestField
	fundingField
	fundingTimeField
	bidPriceField
	bidSizeField
	askPriceField
	askSizeField
	startField
	endField
	closeField
	confirmField
	timestampField
	blockField
	typeField
	tsField
	opField
	dataField
	topicField
	resultField
	categoryField
	listField
	tickField
	stepField
	numFields
)

var fieldNames = [numFields]string{
	symbolField: "symbol", lastField: "lastPrice", openField: "prevPrice24h or open", highField: "highPrice24h or high",
	lowField: "lowPrice24h or low", volumeField: "volume24h or volume", turnoverField: "turnover24h or turnover", markField: "markPrice",
	indexField: "indexPrice", interestField: "openInterest", fundingField: "fundingRate", fundingTimeField: "nextFundingTime",
	bidPriceField: "bidPrice", bidSizeField: "bidSize", askPriceField: "askPrice", askSizeField: "askSize", startField: "start",
	endField: "end", closeField: "close", confirmField: "confirm", timestampField: "timestamp", blockField: "BT", typeField: "type",
	tsField: "ts", opField: "op", dataField: "data", topicField: "topic", resultField: "result",
	categoryField: "category", listField: "list", tickField: "tickSize", stepField: "qtyStep or basePrecision",
}

// slot returns the slot of a field of data, and whether it is of use.
func slot(key []byte) (byte, bool) {
	if len(key) == 1 {
		return key[0], key[0] >= 'A' && key[0] <= 'z'
	}
	switch string(key) {
	case "symbol":
		return symbolField, true
	case "lastPrice":
		return lastField, true
	case "prevPrice24h", "open":
		return openField, true
	case "highPrice24h", "high":
		return highField, true
	case "lowPrice24h", "low":
		return lowField, true
	case "volume24h", "volume":
		return volumeField, true
	case "turnover24h", "turnover":
		return turnoverField, true
	case "markPrice":
		return markField, true
	case "indexPrice":
		return indexField, true
	case "openInterest":
		return interestField, true
	case "fundingRate":
		return fundingField, true
	case "nextFundingTime":
		return fundingTimeField, true
	case "bidPrice":
		return bidPriceField, true
	case "bidSize":
		return bidSizeField, true
	case "askPrice":
		return askPriceField, true
	case "askSize":
		return askSizeField, true
	case "start":
		return startField, true
	case "end":
		return endField, true
	case "close":
		return closeField, true
	case "confirm":
		return confirmField, true
	case "timestamp":
		return timestampField, true
	case "BT":
		return blockField, true
	}
	return 0, false
}

func (m *message) begin() {
	m.topic, m.part, m.native, m.done = topic{}, nil, nil, false
	m.name, m.kind, m.stamp, m.op, m.data, m.result = scan.Value{}, scan.Value{}, scan.Value{}, scan.Value{}, scan.Value{}, scan.Value{}
}

// readTopic reads a topic, as in orderbook.50.BTCUSDT or tickers.BTCUSDT.
func (m *message) readTopic() {
	if m.Once(&m.name, topicField); m.name.Kind != scan.String {
		m.Fail(topicField, scan.Wrong)
		return
	}
	name, rest, _ := bytes.Cut(m.Cursor.Text(m.name, m.text[64:64]), []byte("."))
	if m.topic = topics[string(name)]; m.topic.part {
		m.part, rest, _ = bytes.Cut(rest, []byte("."))
	}
	m.native = rest
}

// object reads the next value, an object. The levels of a book are read at once, so that they are gone through
// once.
func (m *message) object() {
	c := &m.Cursor
	c.Object()
	for key, ok := c.Key(); ok; key, ok = c.Key() {
		at, ok := slot(key)
		switch {
		case !ok:
			c.Value()
		case at == 'b':
			m.Side(at, &m.Bids)
		case at == 'a':
			m.Side(at, &m.Asks)
		default:
			m.Take(at)
		}
	}
}

// fieldName says what a slot's field is called.
func fieldName(slot byte) string {
	if slot < numFields {
		return "field " + fieldNames[slot]
	}
	return "field " + string(rune(slot))
}

// delta returns whether an object is a change of what came before, and not whole.
func (m *message) delta() bool {
	if m.kind.Kind == scan.String {
		switch string(m.Cursor.Text(m.kind, m.text[:0])) {
		case "delta":
			return true
		case "snapshot":
			return false
		}
	}
	m.Fail(typeField, scan.Wrong)
	return false
}

// sent returns when an object was sent.
func (m *message) sent() int64 {
	if m.stamp.Kind != scan.None {
		m.Note(tsField, m.stamp)
	}
	return m.Millis(tsField)
}
