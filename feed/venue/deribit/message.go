package deribit

import (
	"bytes"
	"fmt"

	"tapedeck/feed"
	"tapedeck/feed/scan"
)

// message is the record at hand: what it says of its channel, and the fields of its data.
type message struct {
	scan.Message
	method    method
	channel   channel
	hasParams bool
	hasData   bool
	answer    bool // to a request
	listed    bool // its trades are decoded
	list      scan.Value
	result    scan.Value // of a request
	text      [96]byte
}

type method uint8

const (
	noMethod method = iota
	subscription
	heartbeat
	otherMethod
)

type channelKind uint8

const (
	noChannel channelKind = iota
	otherChannel
	bookChannel
	tradesChannel
	quoteChannel
	tickerChannel
	chartChannel
	stateChannel
)

// channel is the channel's name: book.BTC-PERPETUAL.100ms.
type channel struct {
	kind    channelKind
	name    [96]byte
	size    int // of the name
	from    int // where the instrument begins in it
	to      int
	unknown error
}

func (c *channel) native() []byte { return c.name[c.from:c.to] }
func (c *channel) rest() []byte   { return bytes.TrimPrefix(c.name[c.to:c.size], []byte{'.'}) }

// The slots of the fields of data.
const (
	instrument = iota
	timestamp
	kindField
	changeID
	prevID
	bidsField
	asksField
	directionField
	priceField
	amountField
	tradeID
	blockID
	bidPrice
	bidAmount
	askPrice
	askAmount
	lastPrice
	markPrice
	indexPrice
	openInterest
	funding
	stateField
	statsField
	highField
	lowField
	volumeField
	openField
	closeField
	tickField
	costField
	dayHigh // these are in stats
	dayLow
	dayVolume
	dayVolumeUSD
	tickSize // these, in an answer, of what an instrument is
	minAmount
	instrumentType
	numFields
)

var fieldNames = [numFields]string{
	"instrument_name", "timestamp", "type", "change_id", "prev_change_id", "bids", "asks", "direction", "price", "amount", "trade_id",
	"block_trade_id", "best_bid_price", "best_bid_amount", "best_ask_price", "best_ask_amount", "last_price", "mark_price", "index_price", "open_interest",
	"current_funding", "state", "stats", "high", "low", "volume", "open", "close", "tick", "cost", "high", "low", "volume", "volume_usd",
	"tick_size", "min_trade_amount", "instrument_type",
}

// The slots of fields by name: of data, of "stats" in it, and of an instrument.
var (
	dataSlots       = scan.NewSlots(0, fieldNames[:dayHigh]...)
	statsSlots      = scan.NewSlots(dayHigh, fieldNames[dayHigh:tickSize]...)
	instrumentSlots = scan.NewSlots(tickSize, fieldNames[tickSize:]...)
)

func (m *message) begin() {
	m.method, m.channel.kind, m.list, m.result = noMethod, noChannel, scan.Value{}, scan.Value{}
	m.hasParams, m.hasData, m.answer, m.listed = false, false, false, false
}

var errTwice = fmt.Errorf("%w: a field is there twice", feed.BadJSON)

// once notes that a field is there, and reports whether it is the first time.
func (m *message) once(there *bool) bool {
	if *there {
		m.Refuse(errTwice)
		return false
	}
	*there = true
	return true
}

func (m *message) setMethod() {
	v := m.Cursor.Value()
	if m.method != noMethod {
		m.Refuse(errTwice)
	}
	m.method = otherMethod
	if v.Kind != scan.String {
		return
	}
	switch string(m.Cursor.Text(v, m.text[:0])) {
	case "subscription":
		m.method = subscription
	case "heartbeat":
		m.method = heartbeat
	}
}

// setChannel reads the channel's name, and keeps it, as data may follow.
func (m *message) setChannel() {
	v := m.Cursor.Value()
	c := &m.channel
	if c.kind != noChannel {
		m.Refuse(errTwice)
	}
	c.kind = otherChannel
	if v.Kind != scan.String {
		c.unknown = feed.UnknownKind
		return
	}
	name := m.Cursor.Text(v, m.text[:0])
	if len(name) > len(c.name) {
		c.unknown = fmt.Errorf("%w: a channel with a name of %d bytes", feed.UnknownKind, len(name))
		return
	}
	c.size = copy(c.name[:], name)
	kind, rest, _ := bytes.Cut(c.name[:c.size], []byte{'.'})
	switch string(kind) {
	case "book":
		c.kind = bookChannel
	case "trades":
		c.kind = tradesChannel
	case "quote":
		c.kind = quoteChannel
	case "ticker", "incremental_ticker":
		c.kind = tickerChannel
	case "chart":
		if rest, _ = bytes.CutPrefix(rest, []byte("trades.")); len(rest) > 0 {
			c.kind = chartChannel
		}
	case "instrument":
		c.kind = stateChannel
	}
	if c.kind == otherChannel {
		c.unknown = fmt.Errorf("%w: channel %.40q", feed.UnknownKind, name)
		return
	}
	native, _, _ := bytes.Cut(rest, []byte{'.'})
	c.from = c.size - len(rest)
	c.to = c.from + len(native)
}

// fields reads the fields of the data, or of a trade, in which the cursor is. The levels of a book, and the
// object "stats", are read at once.
func (m *message) fields() {
	m.Clear()
	c := &m.Cursor
	for name, ok := c.Key(); ok; name, ok = c.Key() {
		s, known := dataSlots.Find(name)
		switch {
		case !known:
			c.Value()
		case s == bidsField && c.At('['):
			m.Bids = m.levels(s, m.Bids[:0])
		case s == asksField && c.At('['):
			m.Asks = m.levels(s, m.Asks[:0])
		case s == statsField && c.Object():
			m.Note(s, scan.Value{Kind: scan.Object})
			m.stats()
		default:
			m.Take(s)
		}
	}
}

func (m *message) stats() {
	for name, ok := m.Cursor.Key(); ok; name, ok = m.Cursor.Key() {
		if s, known := statsSlots.Find(name); known {
			m.Take(s)
		} else {
			m.Cursor.Value()
		}
	}
}

// fieldName says what a slot's field is called.
func fieldName(slot byte) string {
	return "field " + fieldNames[slot]
}
