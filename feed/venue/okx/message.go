package okx

import (
	"bytes"
	"fmt"

	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// message is the record at hand, and in its Fields the element of data that is being read.
type message struct {
	scan.Fields
	channel channel
	bar     bar    // of a candle channel
	native  []byte // instId of arg
	done    bool   // data was decoded

	received int64 // the record's time, µs

	name, inst, event, data scan.Value // of the record itself
	act                     act

	text [2][64]byte // memory for name and inst, where they have escapes
	bids []market.Level
	asks []market.Level
	sick bool // a level is none

	refused error
	skipped error // why an element brought nothing, where that is no fault
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
	"arg", "arg.channel", "action", "event", "data",
}

// slots are the slots of an element's fields by name.
var slots = func() map[string]byte {
	all := map[string]byte{}
	for i, name := range names[:arg-instID] {
		all[name] = instID + byte(i)
	}
	return all
}()

func (m *message) begin(r *feed.Record) {
	m.Open(r.Value)
	m.received = r.Time
	m.channel, m.native, m.done = channel{}, nil, false
	m.name, m.inst, m.event, m.data = scan.Value{}, scan.Value{}, scan.Value{}, scan.Value{}
	m.act = noAction
	m.refused, m.skipped = nil, nil
}

var faults = map[scan.Fault]feed.Reason{
	scan.Twice: feed.BadJSON, scan.Missing: feed.MissingField, scan.Wrong: feed.BadValue,
}

// end says what became of the record, and lets go of it.
func (m *message) end(events bool) error {
	m.native = nil
	whole := m.Close()
	fault, slot := m.Fault()
	switch {
	case !whole:
		return feed.BadJSON
	case fault != scan.Sound && slot < instID:
		return fmt.Errorf("%w: number %d of a candle", faults[fault], slot+1)
	case fault != scan.Sound:
		return fmt.Errorf("%w: field %s", faults[fault], names[slot-instID])
	case m.refused != nil:
		return m.refused
	case events:
		return nil
	case m.skipped != nil:
		return m.skipped
	}
	return feed.Ignored // no data in the list
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

// top takes the next value as one of the record's own.
func (m *message) top(v *scan.Value, slot byte) {
	if v.Kind != scan.None {
		m.Fail(slot, scan.Twice)
	}
	*v = m.Cursor.Value()
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
			m.top(&m.name, name)
		case "instId":
			m.top(&m.inst, instID)
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
	m.sick = false
	c := &m.Cursor
	for key, ok := c.Key(); ok; key, ok = c.Key() {
		slot, ok := slots[string(key)]
		good := true
		switch {
		case !ok:
			c.Value()
			continue
		case slot == bids && c.At('['):
			m.bids, good = c.Levels(m.bids[:0])
		case slot == asks && c.At('['):
			m.asks, good = c.Levels(m.asks[:0])
		default:
			m.Take(slot)
			continue
		}
		m.Note(slot, scan.Value{Kind: scan.Array})
		m.sick = m.sick || !good
	}
}

// whole returns a whole number, which the venue writes as a text or as a number.
func (m *message) whole(slot byte) int64 {
	n, ok := m.Number(slot).Int64()
	if !ok {
		m.Fail(slot, scan.Wrong)
	}
	return n
}

// time returns a time in µs, of the venue's ms.
func (m *message) time(slot byte) int64 {
	t := m.whole(slot)
	if t <= 0 || t > scan.MaxCount/1000 {
		m.Fail(slot, scan.Wrong)
		return 0
	}
	return t * 1000
}
