package htx

import (
	"fmt"

	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// message is the record at hand: in its Fields are its own and those of its tick, or those of the element of its list
// that is being read.
type message struct {
	scan.Fields
	native []byte // the symbol that its channel names
	part   []byte // what is behind that channel's first word
	sent   int64  // when it was sent, µs
	told   bool   // the venue tells it by a channel, and did not only answer a question

	buf  [64]byte
	bids []market.Level
	asks []market.Level
	sick bool // a level is none

	refused error
	skipped error // why something of the record brought nothing, where that is no fault
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

func (m *message) begin(doc []byte) {
	m.Open(doc)
	m.sent, m.told, m.sick = 0, false, false
	m.refused, m.skipped = nil, nil
}

// read goes through the record once, whatever order its fields are in. Those of an object are noted; a list is read
// once it is known what it is of.
func (m *message) read() {
	c := &m.Cursor
	if !c.Object() {
		c.Value()
		m.refuse(feed.UnknownKind)
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
		at, ok := slot(key)
		good := true
		switch {
		case !ok:
			c.Value()
			continue
		case at == bidsField && c.At('['):
			m.bids, good = c.Levels(m.bids[:0])
		case at == asksField && c.At('['):
			m.asks, good = c.Levels(m.asks[:0])
		default:
			m.Take(at)
			continue
		}
		m.Note(at, scan.Value{Kind: scan.Array})
		m.sick = m.sick || !good
	}
}

var faults = map[scan.Fault]feed.Reason{
	scan.Twice: feed.BadJSON, scan.Missing: feed.MissingField, scan.Wrong: feed.BadValue,
}

// end says what became of the record, and lets go of it.
func (m *message) end(events bool) error {
	m.native, m.part = nil, nil
	whole := m.Close()
	fault, at := m.Fault()
	switch {
	case !whole:
		return feed.BadJSON
	case fault != scan.Sound:
		return fmt.Errorf("%w: field %s", faults[fault], names[at])
	case m.refused != nil:
		return m.refused
	case events:
		return nil
	case m.skipped != nil:
		return m.skipped
	}
	return feed.Ignored // an empty list
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
