package hyperliquid

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
	name, data scan.Value // of the record itself
	text       [64]byte   // memory for the name, where it has escapes
	sides      [2][]market.Level
	sick       bool // a level is none
	times      times

	refused error
	skipped error // why an element brought nothing, where that is no fault
}

// The slots of fields. Those of a candle are called by one letter, which serves.
const (
	coinField byte = iota
	timeField
	pxField
	szField
	sideField
	tidField
	levelsField
	bboField
	ctxField
	fundingField
	openInterestField
	prevDayPxField
	dayNtlVlmField
	dayBaseVlmField
	oraclePxField
	markPxField
	channelField
	dataField
	numFields
)

var fieldNames = [numFields]string{
	"coin", "time", "px", "sz", "side", "tid", "levels", "bbo", "ctx", "funding", "openInterest", "prevDayPx", "dayNtlVlm",
	"dayBaseVlm", "oraclePx", "markPx", "channel", "data",
}

// slot returns the slot of a field, and whether it is of use.
func slot(key []byte) (byte, bool) {
	if len(key) == 1 {
		return key[0], key[0] >= 'A' && key[0] <= 'z'
	}
	switch string(key) {
	case "coin":
		return coinField, true
	case "time":
		return timeField, true
	case "px":
		return pxField, true
	case "sz":
		return szField, true
	case "side":
		return sideField, true
	case "tid":
		return tidField, true
	case "levels":
		return levelsField, true
	case "bbo":
		return bboField, true
	case "ctx":
		return ctxField, true
	case "funding":
		return fundingField, true
	case "openInterest":
		return openInterestField, true
	case "prevDayPx":
		return prevDayPxField, true
	case "dayNtlVlm":
		return dayNtlVlmField, true
	case "dayBaseVlm":
		return dayBaseVlmField, true
	case "oraclePx":
		return oraclePxField, true
	case "markPx":
		return markPxField, true
	}
	return 0, false
}

func (m *message) begin(doc []byte) {
	m.Open(doc)
	m.channel, m.name, m.data = channel{}, scan.Value{}, scan.Value{}
	m.times = times{}
	m.refused, m.skipped = nil, nil
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

// top takes the next value as one of the record's own.
func (m *message) top(v *scan.Value, slot byte) {
	if v.Kind != scan.None {
		m.Fail(slot, scan.Twice)
	}
	*v = m.Cursor.Value()
}

// fields reads the fields of the element in which the cursor is. The levels of a book are read at once, so
// that they are gone through once.
func (m *message) fields() {
	m.Clear()
	m.sick = false
	for key, ok := m.Cursor.Key(); ok; key, ok = m.Cursor.Key() {
		switch s, known := slot(key); {
		case !known:
			m.Cursor.Value()
		case s == levelsField && m.Cursor.Array():
			m.ladders()
			m.Note(s, scan.Value{Kind: scan.Array})
		default:
			m.Take(s)
		}
	}
}

// time returns a time in µs, of the venue's ms.
func (m *message) time(slot byte) int64 {
	t := m.Count(slot)
	if t == 0 || t > scan.MaxCount/1000 {
		m.Fail(slot, scan.Wrong)
		return 0
	}
	return t * 1000
}
