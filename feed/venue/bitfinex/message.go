package bitfinex

import (
	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// message is the record at hand.
type message struct {
	scan.Fields // of an event
	number      int64
	word        []byte // "hb", "te", "cs", …; nil if it has none
	payload     scan.Value
	seq         int64 // 0: the connection does not number its messages
	time        int64 // of sending, µs; 0: not told
	items       [24]item
	count       int // of items
	text        [32]byte
}

// item is a value of a list: what is neither a number nor null is wrong.
type item struct {
	number market.Decimal
	kind   scan.Kind
	wrong  bool
}

func (m *message) begin(doc []byte) {
	m.Open(doc)
	m.word, m.payload, m.seq, m.time, m.count = nil, scan.Value{}, 0, 0, 0
}

// fieldName says what a slot's field is called.
func fieldName(slot byte) string { return "field " + fieldNames[slot] }

// times of ms are above numbers of messages: a million messages a second would take 11 days to get there.
const timesBegin = 1e12

// parts takes a message apart, to its end: nothing is done with one that is not whole.
func (m *message) parts() error {
	c := &m.Cursor
	if !c.More() {
		return feed.UnknownKind
	}
	var err error
	var ok bool
	if m.number, ok = c.Int(c.Value()); !ok || m.number < 0 {
		err = feed.UnknownKind
	}
	for n := 0; c.More(); n++ {
		v := c.Value()
		switch {
		case n == 0 && v.Kind == scan.String && m.word == nil:
			m.word = c.Text(v, m.text[:0])
			n-- // what follows is the data, or behind it
			if string(m.word) == "hb" {
				n++
			}
		case n == 0:
			m.payload = v
		default:
			m.mark(v, &err)
		}
		if n > 8 {
			err = errForm
		}
	}
	if m.payload.Kind == scan.None && string(m.word) != "hb" && err == nil {
		err = feed.UnknownKind
	}
	if end := *c; !end.End() {
		return feed.BadJSON
	}
	return err
}

// mark takes what is behind the data: the message's number, or the time of its sending.
func (m *message) mark(v scan.Value, err *error) {
	n, ok := m.Cursor.Int(v)
	switch {
	case !ok || n <= 0 || n > scan.MaxCount/1000:
		*err = errForm
	case n >= timesBegin && m.time == 0:
		m.time = n * 1000
	case n < timesBegin && m.seq == 0:
		m.seq = n
	default:
		*err = errForm
	}
}

func itemOf(c *scan.Cursor, v scan.Value) item {
	if v.Kind == scan.Null {
		return item{kind: v.Kind}
	}
	d, ok := c.Decimal(v)
	return item{number: d, kind: v.Kind, wrong: !ok || v.Kind != scan.Number}
}

// price returns an item that must be above 0.
func (m *message) price(i int) (market.Decimal, bool) {
	d, ok := m.size(i)
	return d, ok && !d.IsZero()
}

// size returns an item that must be a number that is not negative.
func (m *message) size(i int) (market.Decimal, bool) {
	d, ok := m.signed(i)
	return d, ok && !d.Neg()
}

func (m *message) signed(i int) (market.Decimal, bool) {
	if i >= m.count || m.items[i].wrong || m.items[i].kind != scan.Number {
		return market.Decimal{}, false
	}
	return m.items[i].number, true
}

// millis returns an item that must be a time in ms, as µs.
func (m *message) millis(i int) (int64, bool) {
	d, _ := m.signed(i)
	t, ok := d.Int64()
	if !ok || t <= 0 || t > scan.MaxCount/1000 {
		return 0, false
	}
	return t * 1000, true
}

// null reports an item that is null or not there.
func (m *message) null(i int) bool { return i >= m.count || m.items[i].kind == scan.Null }
