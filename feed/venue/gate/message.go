package gate

import (
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// message is the record at hand, and in its Fields its result or the element of it that is being read.
type message struct {
	scan.Message
	channel, kind, seconds, millis, data scan.Value // of the record itself

	sent int64 // when the record was sent, µs; 0 if it does not say
	bare bool  // the record is a list, as only REST answers with
	text [2][64]byte
}

// The slots of fields that have more than one letter; a letter serves for its own.
const (
	idField byte = iota
	createdField
	sideField
	pairField
	contractField
	amountField
	priceField
	sizeField
	lastField
	volumeField
	quoteVolumeField
	highField
	lowField
	markField
	indexField
	fundingField
	interestField
	internalField
	bidsField
	asksField
	lastIDField
	fullField
	timeField
	updateField
	channelField
	eventField
	sentField
	sentMsField
	resultField
	precisionField
	amountPrecisionField
	roundField
	multiplierField
	typeField
	numFields
)

var fieldNames = [numFields]string{
	idField: "id", createdField: "create_time_ms", sideField: "side", pairField: "currency_pair", contractField: "contract",
	amountField: "amount", priceField: "price", sizeField: "size", lastField: "last", volumeField: "base_volume or volume_24h",
	quoteVolumeField: "quote_volume or volume_24h_quote", highField: "high_24h", lowField: "low_24h", markField: "mark_price",
	indexField: "index_price", fundingField: "funding_rate", interestField: "total_size or open_interest", internalField: "is_internal",
	bidsField: "bids", asksField: "asks", lastIDField: "lastUpdateId", fullField: "full", timeField: "time of the result",
	updateField: "update", channelField: "channel", eventField: "event", sentField: "time", sentMsField: "time_ms", resultField: "result",
	precisionField: "precision", amountPrecisionField: "amount_precision", roundField: "order_price_round", multiplierField: "quanto_multiplier",
	typeField: "type",
}

// slot returns the slot of a field of a result, and whether it is of use.
func slot(key []byte) (byte, bool) {
	if len(key) == 1 {
		return key[0], key[0] >= 'A' && key[0] <= 'z'
	}
	switch string(key) {
	case "id":
		return idField, true
	case "create_time_ms":
		return createdField, true
	case "side":
		return sideField, true
	case "currency_pair":
		return pairField, true
	case "contract":
		return contractField, true
	case "amount":
		return amountField, true
	case "price":
		return priceField, true
	case "size":
		return sizeField, true
	case "last":
		return lastField, true
	case "base_volume", "volume_24h":
		return volumeField, true
	case "quote_volume", "volume_24h_quote":
		return quoteVolumeField, true
	case "high_24h":
		return highField, true
	case "low_24h":
		return lowField, true
	case "mark_price":
		return markField, true
	case "index_price":
		return indexField, true
	case "funding_rate":
		return fundingField, true
	case "total_size", "open_interest":
		return interestField, true
	case "is_internal":
		return internalField, true
	case "bids":
		return bidsField, true
	case "asks":
		return asksField, true
	case "lastUpdateId":
		return lastIDField, true
	case "full":
		return fullField, true
	case "time":
		return timeField, true
	}
	return 0, false
}

func (m *message) begin() {
	m.channel, m.kind, m.seconds, m.millis, m.data = scan.Value{}, scan.Value{}, scan.Value{}, scan.Value{}, scan.Value{}
	m.sent = 0
}

// read goes through the record once, whatever order its fields are in. Those of an object are noted; a list is
// read once it is known what it is of.
func (m *message) read() {
	c := &m.Cursor
	if m.bare = c.At('['); m.bare {
		m.data = c.Value()
		return
	}
	if !m.Enter() {
		return
	}
	for key, ok := c.Key(); ok; key, ok = c.Key() {
		switch string(key) {
		case "channel":
			m.Once(&m.channel, channelField)
		case "event":
			m.Once(&m.kind, eventField)
		case "time":
			m.Once(&m.seconds, sentField)
		case "time_ms":
			m.Once(&m.millis, sentMsField)
		case "result":
			if m.data.Kind == scan.None && c.At('{') {
				m.data.Kind = scan.Object
				m.object()
			} else {
				m.Once(&m.data, resultField)
			}
		case "id":
			m.Take(idField)
		case "update":
			m.Take(updateField)
		case "bids":
			m.levels(bidsField, &m.Bids)
		case "asks":
			m.levels(asksField, &m.Asks)
		default:
			c.Value()
		}
	}
}

// object reads the next value, an object. The levels of a book are read at once, so that they are gone through
// once.
func (m *message) object() {
	c := &m.Cursor
	c.Object()
	for key, ok := c.Key(); ok; key, ok = c.Key() {
		switch at, ok := slot(key); {
		case !ok:
			c.Value()
		case at == 'b' || at == bidsField:
			m.levels(at, &m.Bids)
		case at == 'a' || at == asksField:
			m.levels(at, &m.Asks)
		default:
			m.Take(at)
		}
	}
}

// levels reads one side of a book: a list of [price, quantity] or of {"p":price,"s":quantity}. What is no list is
// noted as it is.
func (m *message) levels(at byte, side *[]market.Level) {
	if first := m.Cursor; first.Array() && first.At('{') {
		m.Ladder(at, side, "p", "s")
	} else {
		m.Side(at, side)
	}
}

// action returns what the record does with its channel; nothing if it does not say so.
func (m *message) action() []byte {
	if m.kind.Kind == scan.None {
		return nil
	}
	if m.kind.Kind != scan.String {
		m.Fail(eventField, scan.Wrong)
		return nil
	}
	return m.Cursor.Text(m.kind, m.text[1][:0])
}

// stamp returns when the record was sent; in 2021 it was told in seconds alone.
func (m *message) stamp() int64 {
	switch {
	case m.millis.Kind != scan.None:
		m.Note(sentMsField, m.millis)
		return m.time(sentMsField, 3)
	case m.seconds.Kind != scan.None:
		m.Note(sentField, m.seconds)
		return m.time(sentField, 6)
	}
	m.Fail(sentMsField, scan.Missing)
	return 0
}

// fieldName says what a slot's field is called.
func fieldName(slot byte) string {
	if slot < numFields {
		return "field " + fieldNames[slot]
	}
	return "field " + string(rune(slot))
}

// time returns a time in µs, which is written with so many digits less, and maybe a fraction: as 1619093543708.2642,
// of which what is finer than µs is cut off. One before 1973 is none.
func (m *message) time(at byte, digits int) int64 {
	t, ok := m.Number(at).Scaled(digits)
	if !ok || t < 1e14 || t >= 1e16 {
		m.Fail(at, scan.Wrong)
		return 0
	}
	return t
}
