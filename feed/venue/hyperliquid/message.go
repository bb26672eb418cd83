package hyperliquid

import (
	"tapedeck/feed/scan"
)

// message is the record at hand, and in its Fields the element of data that is being read.
type message struct {
	scan.Message
	channel    channel
	name, data scan.Value // of the record itself
	text       [64]byte   // memory for the name, where it has escapes
	times      times
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
	universeField
	szDecimalsField
	numFields
)

var fieldNames = [numFields]string{
	"coin", "time", "px", "sz", "side", "tid", "levels", "bbo", "ctx", "funding", "openInterest", "prevDayPx", "dayNtlVlm",
	"dayBaseVlm", "oraclePx", "markPx", "channel", "data", "universe", "szDecimals",
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

func (m *message) begin() {
	m.channel, m.name, m.data = channel{}, scan.Value{}, scan.Value{}
	m.times = times{}
}

// fieldName says what a slot's field is called.
func fieldName(slot byte) string {
	if slot < numFields {
		return "field " + fieldNames[slot]
	}
	return "field " + string(rune(slot))
}

// fields reads the fields of the element in which the cursor is. The levels of a book are read at once, so
// that they are gone through once.
func (m *message) fields() {
	m.Clear()
	for key, ok := m.Cursor.Key(); ok; key, ok = m.Cursor.Key() {
		switch s, known := slot(key); {
		case !known:
			m.Cursor.Value()
		case s == levelsField && m.Cursor.Array():
			m.Read(s, m.ladders())
		default:
			m.Take(s)
		}
	}
}
