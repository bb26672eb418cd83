package cryptocom

import (
	"tapedeck/feed/scan"
)

// message is the record at hand, and in its Fields the element of data that is being read.
type message struct {
	scan.Message
	channel channel
	own     [numFields - idField]scan.Value // of the record itself
	text    [64]byte                        // memory for names that have escapes
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
	nameField // of an instrument
	tickField
	lotField
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
	"tt", "pu", "bs", "ks", "oi", "update", "bids", "asks", "symbol", "price_tick_size", "qty_tick_size", "id", "method", "result", "channel", "instrument_name", "depth", "interval", "data",
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

func (m *message) begin() {
	m.channel, m.own = channel{}, [numFields - idField]scan.Value{}
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

// isAnswerTo reports that the record answers a request of that method.
func (m *message) isAnswerTo(method string) bool {
	v := m.of(methodField)
	return v.Kind == scan.String && string(m.Cursor.Text(v, m.text[:0])) == method
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

// fieldName says what a slot's field is called.
func fieldName(slot byte) string {
	if slot < numFields {
		return "field " + fieldNames[slot]
	}
	return "field " + string(rune(slot))
}

// fields reads the fields of the element in which the cursor is.
func (m *message) fields() {
	m.Clear()
	m.more()
}

// more reads fields of the object in which the cursor is. The levels of a book are read at once, so that they are
// gone through once; those of a change are in an object of their own.
func (m *message) more() {
	c := &m.Cursor
	for key, ok := c.Key(); ok; key, ok = c.Key() {
		s, known := slot(key)
		switch {
		case !known:
			c.Value()
		case s == bidsField:
			m.Side(s, &m.Bids)
		case s == asksField:
			m.Side(s, &m.Asks)
		case s == updateField && !m.Has(s) && c.Object():
			m.Note(s, scan.Value{Kind: scan.Object})
			m.more()
		default:
			m.Take(s)
		}
	}
}
