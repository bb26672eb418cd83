package okx

import (
	"bytes"
	"fmt"

	"tapedeck/feed/scan"
)

// message is the record at hand, and in its Fields the element of data that is being read.
type message struct {
	scan.Message
	channel channel
	bar     bar    // of a candle channel
	native  []byte // instId of arg
	done    bool   // data was decoded

	name, inst, event, data scan.Value // of the record itself
	act                     act

	text [2][64]byte // memory for name and inst, where they have escapes
}

// The slots of an element's fields, in the order of names. Those of a row are numbers below 16.
const (
	instID byte = 16 + iota
	ts
	tradeID
	px
	sz
	side
	last
	askPx
	askSz
	bidPx
	bidSz
	open24h
	high24h
	low24h
	vol24h
	volCcy24h
	bids
	asks
	seqID
	prevSeqID
	checksum
	markPx
	idxPx
	fundingRate
	fundingTime
	oi
	state
	tickSz
	lotSz
	ctVal
	ctMult
	ctValCcy
	ctType
	// of the record itself
	arg
	name
	action
	event
	data
)

var names = [...]string{
	"instId", "ts", "tradeId", "px", "sz", "side", "last", "askPx", "askSz", "bidPx", "bidSz", "open24h", "high24h", "low24h",
	"vol24h", "volCcy24h", "bids", "asks", "seqId", "prevSeqId", "checksum", "markPx", "idxPx", "fundingRate", "fundingTime", "oi", "state",
	"tickSz", "lotSz", "ctVal", "ctMult", "ctValCcy", "ctType",
	"arg", "arg.channel", "action", "event", "data",
}

// slots are the slots of an element's fields by name.
var slots = scan.NewSlots(instID, names[:arg-instID]...)

func (m *message) begin() {
	m.channel, m.native, m.done = channel{}, nil, false
	m.name, m.inst, m.event, m.data = scan.Value{}, scan.Value{}, scan.Value{}, scan.Value{}
	m.act = noAction
}

// fieldName says what a slot's field is called.
func fieldName(slot byte) string {
	if slot < instID {
		return fmt.Sprintf("number %d of a candle", slot+1)
	}
	return "field " + names[slot-instID]
}

// act is what a record of a book says that it is.
type act uint8

const (
	noAction act = iota
	snapshot
	update
	otherAction
)

func (m *message) readAction() {
	if m.act != noAction {
		m.Fail(action, scan.Twice)
	}
	v := m.Cursor.Value()
	m.act = otherAction
	if v.Kind != scan.String {
		return
	}
	switch string(m.Cursor.Text(v, m.text[0][:0])) {
	case "snapshot":
		m.act = snapshot
	case "update":
		m.act = update
	}
}

// readArg reads what was subscribed to: a channel and, for most, an instrument.
func (m *message) readArg() {
	c := &m.Cursor
	if m.name.Kind != scan.None {
		m.Fail(arg, scan.Twice)
	}
	if !c.Object() {
		c.Value()
		m.Fail(arg, scan.Wrong)
		return
	}
	for key, ok := c.Key(); ok; key, ok = c.Key() {
		switch string(key) {
		case "channel":
			m.Once(&m.name, name)
		case "instId":
			m.Once(&m.inst, instID)
		default:
			c.Value()
		}
	}
	if m.name.Kind != scan.String {
		m.Fail(name, scan.Missing)
		return
	}
	m.channel, m.bar = channelOf(c.Text(m.name, m.text[1][:0]))
	if m.inst.Kind == scan.String {
		m.native = c.Text(m.inst, m.text[1][:0])
	}
}

// channelOf returns the channel of that name; a zero one if it is none that we tell.
func channelOf(name []byte) (channel, bar) {
	if rest, ok := bytes.CutPrefix(name, []byte("candle")); ok {
		if b, ok := bars[string(rest)]; ok {
			return candles, b
		}
	}
	return channels[string(name)], bar{}
}

// row reads an element that is a list.
func (m *message) row() {
	m.Clear()
	for i := byte(0); m.Cursor.More(); i++ {
		if i < instID {
			m.Take(i)
		} else {
			m.Cursor.Value()
		}
	}
}

// fields reads an element that is an object. The levels of a book are read at once, so that they are gone
// through once.
func (m *message) fields() {
	m.Clear()
	c := &m.Cursor
	for key, ok := c.Key(); ok; key, ok = c.Key() {
		slot, ok := slots.Find(key)
		switch {
		case !ok:
			c.Value()
		case slot == bids:
			m.Side(slot, &m.Bids)
		case slot == asks:
			m.Side(slot, &m.Asks)
		default:
			m.Take(slot)
		}
	}
}
