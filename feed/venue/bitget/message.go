package bitget

import (
	"fmt"

	"tapedeck/feed/scan"
)

// message is the record at hand, and in its Fields the element of data that is being read.
type message struct {
	scan.Message
	channel channel
	native  []byte // instId of arg
	act     act
	done    bool // data was decoded
	listed  bool // the element is a list

	name, kind, inst, event, code, data scan.Value // of the record itself

	text [2][64]byte // memory for a text, and for inst, where they have escapes
}

// The slots of an element's fields. Those of a row are numbers below 16.
const (
	timeField byte = 16 + iota
	tradeIDField
	priceField
	sizeField
	sideField
	lastField
	openField
	highField
	lowField
	volumeField
	quoteVolumeField
	bidField
	bidSizeField
	askField
	askSizeField
	markField
	indexField
	fundingField
	fundingTimeField
	interestField
	bidsField
	asksField
	checksumField
	seqField
	prevField
	// of the record itself
	argField
	channelField
	typeField
	instField
	actionField
	eventField
	dataField
	codeField
	// of what an instrument is
	pricePlaceField
	quantityField
	endStepField
	multiplierField
	numFields
)

var fieldNames = [numFields]string{
	timeField: "ts or systemTime", tradeIDField: "tradeId", priceField: "price", sizeField: "size", sideField: "side", lastField: "lastPr or last",
	openField: "open24h", highField: "high24h", lowField: "low24h", volumeField: "baseVolume", quoteVolumeField: "quoteVolume",
	bidField: "bidPr", bidSizeField: "bidSz", askField: "askPr", askSizeField: "askSz", markField: "markPrice", indexField: "indexPrice",
	fundingField: "fundingRate or capitalRate", fundingTimeField: "nextFundingTime or nextSettleTime", interestField: "holdingAmount or holding",
	bidsField: "bids", asksField: "asks", checksumField: "checksum", seqField: "seq", prevField: "pseq",
	argField: "arg", channelField: "arg.channel", typeField: "arg.instType", instField: "arg.instId", actionField: "action", eventField: "event", dataField: "data",
	codeField: "code", pricePlaceField: "pricePrecision or pricePlace", quantityField: "quantityPrecision", endStepField: "priceEndStep", multiplierField: "sizeMultiplier",
}

// slot returns the slot of a field of an element, and whether it is of use. The second names are those of v1.
func slot(key []byte) (byte, bool) {
	switch string(key) {
	case "ts", "systemTime":
		return timeField, true
	case "tradeId":
		return tradeIDField, true
	case "price":
		return priceField, true
	case "size":
		return sizeField, true
	case "side":
		return sideField, true
	case "lastPr", "last":
		return lastField, true
	case "open24h":
		return openField, true
	case "high24h":
		return highField, true
	case "low24h":
		return lowField, true
	case "baseVolume":
		return volumeField, true
	case "quoteVolume":
		return quoteVolumeField, true
	case "bidPr":
		return bidField, true
	case "bidSz":
		return bidSizeField, true
	case "askPr":
		return askField, true
	case "askSz":
		return askSizeField, true
	case "markPrice":
		return markField, true
	case "indexPrice":
		return indexField, true
	case "fundingRate", "capitalRate":
		return fundingField, true
	case "nextFundingTime", "nextSettleTime":
		return fundingTimeField, true
	case "holdingAmount", "holding":
		return interestField, true
	case "bids":
		return bidsField, true
	case "asks":
		return asksField, true
	case "checksum":
		return checksumField, true
	case "seq":
		return seqField, true
	case "pseq":
		return prevField, true
	}
	return 0, false
}

func (m *message) begin() {
	m.channel, m.native, m.act, m.done = channel{}, nil, noAction, false
	m.name, m.kind, m.inst, m.event, m.code, m.data = scan.Value{}, scan.Value{}, scan.Value{}, scan.Value{}, scan.Value{}, scan.Value{}
}

// fieldName says what a slot's field is called.
func fieldName(slot byte) string {
	if slot < timeField {
		return fmt.Sprintf("number %d of a list", slot+1)
	}
	return "field " + fieldNames[slot]
}

// act is what a record says that its data is.
type act uint8

const (
	noAction act = iota
	snapshot
	update
)

func (m *message) readAction() {
	if m.act != noAction {
		m.Fail(actionField, scan.Twice)
	}
	v := m.Cursor.Value()
	if v.Kind == scan.String {
		switch string(m.Cursor.Text(v, m.text[0][:0])) {
		case "snapshot":
			m.act = snapshot
			return
		case "update":
			m.act = update
			return
		}
	}
	m.Fail(actionField, scan.Wrong)
}

// readArg reads what was subscribed to: a market, a channel and an instrument.
func (m *message) readArg() {
	c := &m.Cursor
	if m.name.Kind != scan.None {
		m.Fail(argField, scan.Twice)
	}
	if !c.Object() {
		c.Value()
		m.Fail(argField, scan.Wrong)
		return
	}
	for key, ok := c.Key(); ok; key, ok = c.Key() {
		switch string(key) {
		case "channel":
			m.Once(&m.name, channelField)
		case "instType":
			m.Once(&m.kind, typeField)
		case "instId":
			m.Once(&m.inst, instField)
		default:
			c.Value()
		}
	}
	if m.name.Kind == scan.String {
		m.channel = channelOf(c.Text(m.name, m.text[0][:0]))
	}
	if m.inst.Kind == scan.String {
		m.native = c.Text(m.inst, m.text[1][:0])
	}
}

// row reads an element that is a list, in which the cursor is.
func (m *message) row() {
	m.Clear()
	m.listed = true
	for i := byte(0); m.Cursor.More(); i++ {
		if i < timeField {
			m.Take(i)
		} else {
			m.Cursor.Value()
		}
	}
}

// fields reads an element that is an object, in which the cursor is. The levels of a book are read at once, so that they
// are gone through once.
func (m *message) fields() {
	m.Clear()
	m.listed = false
	c := &m.Cursor
	for key, ok := c.Key(); ok; key, ok = c.Key() {
		at, ok := slot(key)
		switch {
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
