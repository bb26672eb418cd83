package cryptocom

import (
	"fmt"

	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// message is the record at hand, and in its Fields the element of data that is being read.
type message struct {
	scan.Fields
	channel    channel
	own        [numFields - idField]scan.Value // of the record itself
	text       [64]byte                        // memory for names that have escapes
	bids, asks []market.Level
	sick       bool // a level is none

	refused error
	skipped error // why an element brought nothing, where that is no fault
}

// The slots of fields. Those of an element are its one letter, or one of the first; then come the record's own.
const (
	tradeTime byte = iota // of a book: when it last changed
	prevField
	bidSize
	askSize
	openInterest
	updateField
	bidsField
	asksField
	idField
	methodField
	resultField
	channelField
	instrumentField
	depthField
	intervalField
	dataField
	numFields
)

var fieldNames = [numFields]string{
	"tt", "pu", "bs", "ks", "oi", "update", "bids", "asks", "id", "method", "result", "channel", "instrument_name", "depth", "interval", "data",
}

// slot returns the slot of an element's field, and whether it is of use.
func slot(key []byte) (byte, bool) {
	if len(key) == 1 {
		return key[0], key[0] >= 'a' && key[0] <= 'z'
	}
	switch string(key) {
	case "pu":
		return prevField, true
	case "bs":
		return bidSize, true
	case "ks":
		return askSize, true
	case "oi":
		return openInterest, true
	case "update":
		return updateField, true
	case "bids":
		return bidsField, true
	case "asks":
		return asksField, true
	}
	return 0, false
}

// resultSlot returns the slot of a field of the result.
func resultSlot(key []byte) (byte, bool) {
	switch string(key) {
	case "channel":
		return channelField, true
	case "instrument_name":
		return instrumentField, true
	case "depth":
		return depthField, true
	case "interval":
		return intervalField, true
	case "data":
		return dataField, true
	}
	return 0, false
}

func (m *message) begin(doc []byte) {
	m.Open(doc)
	m.channel, m.own = channel{}, [numFields - idField]scan.Value{}
	m.refused, m.skipped = nil, nil
}

// of returns a field of the record itself; has reports whether it is there.
func (m *message) of(slot byte) scan.Value { return m.own[slot-idField] }
func (m *message) has(slot byte) bool      { return m.of(slot).Kind != scan.None }

// faultOf is what is wrong with a field of the record that cannot be read.
func (m *message) faultOf(slot byte) scan.Fault {
	if m.has(slot) {
		return scan.Wrong
	}
	return scan.Missing
}

// top takes the next value as one of the record's own.
func (m *message) top(slot byte) {
	if m.has(slot) {
		m.Fail(slot, scan.Twice)
	}
	m.own[slot-idField] = m.Cursor.Value()
}

func (m *message) setChannel() {
	if v := m.of(channelField); v.Kind == scan.String {
		m.channel = channels[string(m.Cursor.Text(v, m.text[:0]))]
	}
}

// isReply reports that the record answers a request. What comes later has no id, or -1.
func (m *message) isReply() bool {
	id, ok := m.Cursor.Int(m.of(idField))
	return ok && id >= 0
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
	case fault != scan.Sound && slot < numFields:
		return fmt.Errorf("%w: field %s", faults[fault], fieldNames[slot])
	case fault != scan.Sound:
		return fmt.Errorf("%w: field %c", faults[fault], slot)
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

// fields reads the fields of the element in which the cursor is.
func (m *message) fields() {
	m.Clear()
	m.sick = false
	m.more()
}

// more reads fields of the object in which the cursor is. The levels of a book are read at once, so that they are
// gone through once; those of a change are in an object of their own.
func (m *message) more() {
	c := &m.Cursor
	for key, ok := c.Key(); ok; key, ok = c.Key() {
		s, known := slot(key)
		good := true
		switch {
		case !known:
			c.Value()
			continue
		case s == bidsField && c.At('['):
			m.bids, good = c.Levels(m.bids[:0])
		case s == asksField && c.At('['):
			m.asks, good = c.Levels(m.asks[:0])
		case s == updateField && !m.Has(s) && c.Object():
			m.Note(s, scan.Value{Kind: scan.Object})
			m.more()
			continue
		default:
			m.Take(s)
			continue
		}
		m.Note(s, scan.Value{Kind: scan.Array})
		m.sick = m.sick || !good
	}
}

// time returns a time in µs, of the venue's ms, which are a number or a text.
func (m *message) time(slot byte) int64 {
	t, ok := m.Number(slot).Int64()
	if !ok || t <= 0 || t > scan.MaxCount/1000 {
		m.Fail(slot, scan.Wrong)
		return 0
	}
	return t * 1000
}
