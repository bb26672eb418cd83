package bitfinex

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// Limits of what a partition's connections may be. The venue allows 25 channels a connection.
const (
	maxConnections = 1024 // the one that was not heard of for longest is forgotten for a new one
	maxChannels    = 1024 // what is subscribed to over it is refused
)

// connection is what is known of one connection.
type connection struct {
	channels map[int64]*channel
	symbols  []*market.Symbol // of all channels, each once
	seq      int64            // of the newest message
	hole     bool             // numbers are missing, and nobody was told yet
	late     bool             // the newest message should have come before another
	bulk     bool             // changes of a book come in lists, as snapshots do
	heard    int64            // by the decoder's clock
}

type channelKind uint8

const (
	otherChannel channelKind = iota
	bookChannel
	tradesChannel
	tickerChannel
	candlesChannel
	statusChannel
)

// channel is what an answer to a subscription said.
type channel struct {
	kind    channelKind
	symbol  *market.Symbol // nil: not wanted
	depth   int            // of a book
	width   int64          // of a candle, µs
	fresh   bool           // no message of it was lost, and none came
	unknown error
}

// connection returns the state of a record's connection.
func (d *decoder) connection(key []byte) *connection {
	d.clock++
	conn := d.connections[string(key)]
	if conn == nil {
		if len(d.connections) >= maxConnections {
			d.forget()
		}
		conn = &connection{channels: map[int64]*channel{}}
		d.connections[string(key)] = conn
	}
	conn.heard = d.clock
	return conn
}

func (d *decoder) forget() {
	oldest, at := "", d.clock
	for key, conn := range d.connections {
		if conn.heard < at {
			oldest, at = key, conn.heard
		}
	}
	delete(d.connections, oldest)
}

// begin forgets all of the connection before.
func (conn *connection) begin() {
	clear(conn.channels)
	*conn = connection{channels: conn.channels, symbols: conn.symbols[:0], heard: conn.heard}
}

// repeat reports a message that was read before.
func (conn *connection) repeat(seq int64) bool { return seq != 0 && seq == conn.seq }

// follow notes a message's number, and whether it is the next one.
func (conn *connection) follow(seq int64) {
	if conn.late = false; seq == 0 {
		return
	}
	conn.late = seq < conn.seq
	if conn.seq != 0 && seq != conn.seq+1 {
		conn.hole = true
		for _, ch := range conn.channels {
			ch.fresh = false
		}
	}
	conn.seq = seq
}

// The slots of an event's fields.
const (
	eventField = iota
	channelField
	numberField
	symbolField
	keyField
	precField
	lenField
	flagsField
	codeField
	versionField
	numFields
)

var fieldNames = [numFields]string{"event", "channel", "chanId", "symbol", "key", "prec", "len", "flags", "code", "version"}

// event decodes an object: an answer, or news of the platform.
func (d *decoder) event(b *market.Batch, key []byte) error {
	m := &d.message
	for name, ok := m.Cursor.Key(); ok; name, ok = m.Cursor.Key() {
		if i := slices.Index(fieldNames[:], string(name)); i >= 0 {
			m.Take(byte(i))
		} else {
			m.Cursor.Value()
		}
	}
	if end := m.Cursor; !end.End() {
		return feed.BadJSON
	}
	switch {
	case m.Err(fieldName) != nil:
		return nil
	case !m.Has(eventField):
		return feed.UnknownKind
	}
	switch string(m.Word(eventField)) {
	case "info":
		return d.info(b, key)
	case "conf":
		return d.conf(key)
	case "subscribed":
		return d.subscribed(key)
	case "unsubscribed":
		number := m.ID(numberField)
		if m.Err(fieldName) == nil {
			d.connection(key).drop(number)
		}
		return feed.Ignored
	case "error", "pong", "auth":
		return feed.Ignored
	}
	return feed.UnknownKind
}

// info begins a connection, or tells that the platform is halted, or trades again.
func (d *decoder) info(b *market.Batch, key []byte) error {
	m := &d.message
	if m.Has(versionField) {
		d.connection(key).begin()
		return feed.Ignored
	}
	var s market.Status
	switch code := m.ID(codeField); {
	case m.Err(fieldName) != nil:
		return nil
	case code == 20060:
		s = market.Status{State: market.Halted, Reason: "maintenance"}
	case code == 20061:
		s.State = market.Live
	default:
		return feed.Ignored
	}
	conn := d.connection(key)
	for _, sym := range conn.symbols {
		*b.Status(sym, 0) = s
	}
	if len(conn.symbols) == 0 {
		return feed.Ignored
	}
	return nil
}

const bulkFlag = 536870912

func (d *decoder) conf(key []byte) error {
	m := &d.message
	if !m.Empty(flagsField) {
		if flags := m.ID(flagsField); m.Err(fieldName) == nil {
			d.connection(key).bulk = flags&bulkFlag != 0
		}
	}
	return feed.Ignored
}

var errChannels = fmt.Errorf("%w: the connection has too many channels", feed.BadValue)

// subscribed notes what a channel's number stands for.
func (d *decoder) subscribed(key []byte) error {
	m := &d.message
	number := m.ID(numberField)
	ch := &d.answer
	*ch = channel{fresh: true}
	native := d.describe(ch)
	if m.Err(fieldName) != nil {
		return nil
	}
	if ch.kind != otherChannel {
		sym, err := d.named(native)
		if err != nil && !errors.Is(err, feed.Unused) {
			return err
		}
		ch.symbol = sym
	}
	conn := d.connection(key)
	known := conn.channels[number]
	conn.drop(number)
	if len(conn.channels) >= maxChannels {
		return errChannels
	}
	if known == nil {
		known = new(channel)
	}
	*known = *ch
	conn.channels[number] = known
	if ch.symbol != nil && !slices.Contains(conn.symbols, ch.symbol) {
		conn.symbols = append(conn.symbols, ch.symbol)
	}
	return feed.Ignored
}

// drop forgets a channel.
func (conn *connection) drop(number int64) {
	ch := conn.channels[number]
	if ch == nil {
		return
	}
	delete(conn.channels, number)
	for _, other := range conn.channels {
		if other.symbol == ch.symbol {
			return
		}
	}
	conn.symbols = slices.DeleteFunc(conn.symbols, func(s *market.Symbol) bool { return s == ch.symbol })
}

// describe says what a channel is, and returns the native name of its instrument.
func (d *decoder) describe(ch *channel) (native []byte) {
	m := &d.message
	switch string(m.Word(channelField)) {
	case "trades":
		ch.kind = tradesChannel
		native = m.Word(symbolField)
	case "ticker":
		ch.kind = tickerChannel
		native = m.Word(symbolField)
	case "book":
		d.describeBook(ch)
		native = m.Word(symbolField)
	case "candles":
		native = describeCandles(ch, m.Word(keyField))
	case "status":
		var deriv bool
		if native, deriv = bytes.CutPrefix(m.Word(keyField), []byte("deriv:")); deriv {
			ch.kind = statusChannel
		}
	}
	switch {
	case ch.kind == otherChannel && ch.unknown == nil:
		ch.unknown = feed.UnknownKind
	case len(native) > 0 && native[0] == 'f':
		ch.kind, ch.unknown = otherChannel, feed.Unused // a currency that is lent, no instrument
	}
	return native
}

// describeBook reads precision and length. Only P0 is the book itself: in P1 to P4 prices are taken together,
// and R0 is of single orders.
func (d *decoder) describeBook(ch *channel) {
	m := &d.message
	switch prec := string(m.Word(precField)); prec {
	case "P0":
		ch.kind = bookChannel
	case "P1", "P2", "P3", "P4":
		ch.unknown = feed.Unused
	default:
		ch.unknown = fmt.Errorf("%w: a book of precision %.10q", feed.UnknownKind, prec)
	}
	depth, ok := m.Number(lenField).Int64()
	if !ok || depth < 0 || depth > 10000 {
		m.Fail(lenField, scan.Wrong)
	}
	ch.depth = int(depth)
}

// widths of candles, in µs. A month has none of its own.
var widths = map[string]int64{
	"1m": 60e6, "5m": 300e6, "15m": 900e6, "30m": 1800e6, "1h": 3600e6, "3h": 3 * 3600e6, "6h": 6 * 3600e6, "12h": 12 * 3600e6,
	"1D": 86400e6, "1W": 7 * 86400e6, "7D": 7 * 86400e6, "14D": 14 * 86400e6,
}

// describeCandles reads a key such as trade:1m:tBTCUSD.
func describeCandles(ch *channel, key []byte) (native []byte) {
	kind, rest, _ := bytes.Cut(key, []byte{':'})
	width, native, _ := bytes.Cut(rest, []byte{':'})
	var known bool
	if ch.width, known = widths[string(width)]; known && string(kind) == "trade" {
		ch.kind = candlesChannel
	}
	return native
}

func (d *decoder) named(native []byte) (*market.Symbol, error) {
	sym, err := d.symbols.Find(native)
	if sym != nil || err != nil {
		return sym, err
	}
	s, ok := symbolOf(native)
	if !ok {
		return nil, feed.BadSymbol
	}
	return d.symbols.Add(native, s)
}
