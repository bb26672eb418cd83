package binance

import (
	"bytes"
	"fmt"

	"tapedeck/feed"
	"tapedeck/feed/scan"
)

// message is the message at hand, of a record that may hold several.
type message struct {
	scan.Message
	stream scan.Value // the combined form's
	name   [64]byte   // memory for it, where it has escapes
	body   bool       // it is a REST order book
	answer bool       // to a subscription

	listing bool // it is a REST list of instruments
}

// The slots of fields that no letter serves for. All others that are used are called by one, as in the
// streams; words of REST bodies stand for the letters that mean the same.
const (
	previous = 0 // pu
	interest = 2 // openInterest
	standing = 3 // cs
)

// slot returns the slot of a field, and whether it is of use.
func (m *message) slot(key []byte) (slot byte, ok bool) {
	if len(key) == 1 {
		return key[0], key[0] >= 'A' && key[0] <= 'z'
	}
	switch string(key) {
	case "pu":
		return previous, true
	case "lastUpdateId":
		m.body = true
		return 'u', true
	case "bids":
		return 'b', true
	case "asks":
		return 'a', true
	case "symbol":
		return 's', true
	case "symbols":
		return listed, true
	case "openInterest":
		return interest, true
	case "cs":
		return standing, true
	case "time": // of the open interest; streams call theirs E
		return 'E', true
	case "result", "error", "code":
		m.answer = true
	}
	return 0, false
}

func (m *message) begin() {
	m.stream, m.listing = scan.Value{}, false
	m.clear()
}

// clear forgets the message before.
func (m *message) clear() {
	m.Clear()
	m.body, m.answer = false, false
}

// fieldName says what a slot's field is called in the message.
func (m *message) fieldName(slot byte) string {
	switch word := bodyNames[slot]; {
	case slot == previous:
		return "field pu"
	case slot == interest:
		return "field openInterest"
	case slot == standing:
		return "field cs"
	case m.listing:
		return "field " + infoNames[slot]
	case m.body && word != "":
		return "field " + word
	}
	return "field " + string(rune(slot))
}

var bodyNames = map[byte]string{'u': "lastUpdateId", 'b': "bids", 'a': "asks", 's': "symbol"}

// envelope reads the fields of the object in which the cursor is: a message's own, or those of the
// message in "data". True: data is a list, in which the cursor is then.
func (m *message) envelope() (list bool) {
	c := &m.Cursor
	for key, ok := c.Key(); ok; key, ok = c.Key() {
		switch {
		case string(key) == "stream":
			m.takeStream()
		case string(key) != "data" || m.Any():
			m.take(key)
		case c.Array():
			return true
		default:
			if c.Object() {
				m.fields()
			} else {
				c.Value()
			}
			m.rest()
			return false
		}
	}
	return false
}

// rest reads what comes behind a combined form's data.
func (m *message) rest() {
	c := &m.Cursor
	for key, ok := c.Key(); ok; key, ok = c.Key() {
		switch string(key) {
		case "stream":
			m.takeStream()
		case "data":
			m.Refuse(errTwoData)
			c.Value()
		default:
			c.Value()
		}
	}
}

var (
	errTwoData = fmt.Errorf("%w: two messages in one envelope", feed.BadJSON)
	errStream  = fmt.Errorf("%w: the stream's name", feed.BadValue)
)

func (m *message) takeStream() {
	before := m.stream.Kind
	if m.stream = m.Cursor.Value(); m.stream.Kind != scan.String || before != scan.None {
		m.Refuse(errStream)
	}
}

// fields reads the fields of the message in which the cursor is.
func (m *message) fields() {
	m.clear()
	for key, ok := m.Cursor.Key(); ok; key, ok = m.Cursor.Key() {
		m.take(key)
	}
}

// take notes one field. The levels of a book are read at once, so that they are gone through once.
func (m *message) take(key []byte) {
	slot, ok := m.slot(key)
	switch {
	case !ok:
		m.Cursor.Value()
	case slot == 'b':
		m.Side(slot, &m.Bids)
	case slot == 'a':
		m.Side(slot, &m.Asks)
	default:
		m.Take(slot)
	}
}

// kind returns what the message says it is; nothing if it does not.
func (m *message) kind() []byte {
	if m.Empty('e') {
		return nil
	}
	return m.Word('e')
}

// streamName returns the symbol and the rest of the stream's name, as in btcusdt@depth5@100ms: from the
// combined form, or from the record's header "stream".
func (m *message) streamName() (native, stream []byte) {
	name := m.header("stream")
	if m.stream.Kind == scan.String {
		name = m.Cursor.Text(m.stream, m.name[:0])
	}
	native, stream, _ = bytes.Cut(name, []byte("@"))
	return native, stream
}

func (m *message) header(key string) []byte {
	for i := range m.Record.Headers {
		if m.Record.Headers[i].Key == key {
			return m.Record.Headers[i].Value
		}
	}
	return nil
}

// time returns a time in µs, of the venue's ms; or of its µs, which spot sends where
// timeUnit=MICROSECOND was asked for: what would be after the year 2255 in ms.
func (m *message) time(slot byte) int64 {
	t := m.Count(slot)
	if t == 0 {
		m.Fail(slot, scan.Wrong)
	}
	if t <= scan.MaxCount/1000 {
		t *= 1000
	}
	return t
}

// timeIfTold returns a time, or 0 if the message has none.
func (m *message) timeIfTold(slot byte) int64 {
	if !m.Has(slot) {
		return 0
	}
	return m.time(slot)
}
