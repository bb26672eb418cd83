package htx

import "tapedeck/feed/scan"

// message is the record at hand: in its Fields are its own and those of its tick, or those of the element of its list
// that is being read.
type message struct {
	scan.Message
	native []byte // the symbol that its channel names
	part   []byte // what is behind that channel's first word
	sent   int64  // when it was sent, µs
	told   bool   // the venue tells it by a channel, and did not only answer a question
	buf    [64]byte
}

// The slots of fields, in the order of names.
const (
	chField byte = iota
	repField
	opField
	topicField
	sentField
	tickField
	dataField
	statusField
	subbedField
	pingField
	// of a tick, or of an element of a list
	idField
	tsField
	listField
	tradeIDField
	amountField
	priceField
	directionField
	seqField
	prevField
	bidsField
	asksField
	versionField
	eventField
	bidField
	askField
	bidSizeField
	askSizeField
	quoteTimeField
	openField
	highField
	lowField
	closeField
	volField
	countField
	turnoverField
	symbolField
	contractField
	fundingField
	settlementField
	sizeField
	stepField
	stateField
	decimalsField
	lotField
	numFields
)

var names = [numFields]string{
	chField: "ch", repField: "rep", opField: "op", topicField: "topic", sentField: "ts", tickField: "tick", dataField: "data",
	statusField: "status", subbedField: "subbed", pingField: "ping",
	idField: "id", tsField: "ts of the tick", listField: "data of the tick", tradeIDField: "tradeId", amountField: "amount", priceField: "price",
	directionField: "direction", seqField: "seqNum", prevField: "prevSeqNum", bidsField: "bids", asksField: "asks", versionField: "version",
	eventField: "event", bidField: "bid", askField: "ask", bidSizeField: "bidSize", askSizeField: "askSize", quoteTimeField: "quoteTime",
	openField: "open", highField: "high", lowField: "low", closeField: "close", volField: "vol", countField: "count",
	turnoverField: "trade_turnover", symbolField: "symbol", contractField: "contract_code", fundingField: "funding_rate",
	settlementField: "settlement_time", sizeField: "contract_size", stepField: "price_tick", stateField: "contract_status",
	decimalsField: "pp", lotField: "ap",
}

// slot returns the slot of a field of a tick, and whether it is of use.
func slot(key []byte) (byte, bool) {
	switch string(key) {
	case "id":
		return idField, true
	case "ts":
		return tsField, true
	case "data":
		return listField, true
	case "tradeId":
		return tradeIDField, true
	case "amount":
		return amountField, true
	case "price":
		return priceField, true
	case "direction":
		return directionField, true
	case "seqNum":
		return seqField, true
	case "prevSeqNum":
		return prevField, true
	case "bids":
		return bidsField, true
	case "asks":
		return asksField, true
	case "version":
		return versionField, true
	case "event":
		return eventField, true
	case "bid":
		return bidField, true
	case "ask":
		return askField, true
	case "bidSize":
		return bidSizeField, true
	case "askSize":
		return askSizeField, true
	case "quoteTime":
		return quoteTimeField, true
	case "open":
		return openField, true
	case "high":
		return highField, true
	case "low":
		return lowField, true
	case "close":
		return closeField, true
	case "vol":
		return volField, true
	case "count":
		return countField, true
	case "trade_turnover":
		return turnoverField, true
	case "symbol":
		return symbolField, true
	case "contract_code":
		return contractField, true
	case "funding_rate":
		return fundingField, true
	case "settlement_time":
		return settlementField, true
	case "contract_size":
		return sizeField, true
	case "price_tick":
		return stepField, true
	case "contract_status":
		return stateField, true
	case "pp":
		return decimalsField, true
	case "ap":
		return lotField, true
	}
	return 0, false
}

// fieldName says what a slot's field is called.
func fieldName(slot byte) string { return "field " + names[slot] }

// read goes through the record once, whatever order its fields are in. Those of an object are noted; a list is read
// once it is known what it is of.
func (m *message) read() {
	c := &m.Cursor
	if !m.Enter() {
		return
	}
	for key, ok := c.Key(); ok; key, ok = c.Key() {
		switch string(key) {
		case "ch":
			m.Take(chField)
		case "rep":
			m.Take(repField)
		case "op":
			m.Take(opField)
		case "topic":
			m.Take(topicField)
		case "ts":
			m.Take(sentField)
		case "status":
			m.Take(statusField)
		case "subbed":
			m.Take(subbedField)
		case "unsubbed", "ping":
			m.Take(pingField)
		case "tick":
			m.body(tickField)
		case "data":
			m.body(dataField)
		default:
			c.Value()
		}
	}
}

// body reads the next value, which is what the record tells.
func (m *message) body(at byte) {
	if !m.Cursor.At('{') {
		m.Take(at)
		return
	}
	m.object()
	m.Note(at, scan.Value{Kind: scan.Object})
}

// object reads the next value, an object. The levels of a book are read at once, so that they are gone through once.
func (m *message) object() {
	c := &m.Cursor
	c.Object()
	for key, ok := c.Key(); ok; key, ok = c.Key() {
		switch at, ok := slot(key); {
		case !ok:
			c.Value()
		case at == bidsField:
			m.Side(at, &m.Bids)
		case at == asksField:
			m.Side(at, &m.Asks)
		default:
			m.Take(at)
		}
	}
}

// text returns a text that outlives the next one; nil after a fault.
func (m *message) text(at byte) []byte {
	if v := m.Value(at); v.Kind == scan.String {
		return m.Cursor.Text(v, m.buf[:0])
	}
	m.Fail(at, scan.Wrong)
	return nil
}

// time returns a time in µs, of the venue's ms, which it writes as a number or as a text.
func (m *message) time(at byte) int64 {
	t, ok := m.Number(at).Int64()
	if !ok || t <= 0 || t > scan.MaxCount/1000 {
		m.Fail(at, scan.Wrong)
		return 0
	}
	return t * 1000
}
