package export

import (
	"strconv"
	"unicode/utf8"

	"tapedeck/feed"
	"tapedeck/market"
)

// kind is what a column holds.
type kind uint8

const (
	text   kind = iota // also a number with decimals: exact, as the venue wrote it
	number             // a whole one
	moment             // a time, µs since 1970, UTC
	flag
)

// column is one column of a table.
type column struct {
	name string
	kind kind
	may  bool // may be absent
}

// table is what events of one kind become: a row each, of a book a row for each level.
type table struct {
	name    string
	channel market.Channel
	columns []column
}

// first are the columns that every table begins with: where a row is from, and the three times.
var first = []column{
	{name: "venue"}, {name: "symbol"}, {name: "topic"}, {name: "partition", kind: number}, {name: "offset", kind: number},
	{name: "part", kind: number}, // which event of its record
	{name: "time", kind: moment}, {name: "clock", kind: moment}, {name: "vtime", kind: moment, may: true},
}

func with(more ...column) []column { return append(first[:len(first):len(first)], more...) }

// tables are all that can be exported.
var tables = [...]*table{tradesTable, quotesTable, bookTable, candlesTable}

var (
	tradesTable = &table{"trades", market.Trades, with(column{name: "price"}, column{name: "qty"}, column{name: "side"}, column{name: "id", may: true})}
	quotesTable = &table{"quotes", market.Quotes, with(column{name: "bid", may: true}, column{name: "bid_qty", may: true}, column{name: "ask", may: true}, column{name: "ask_qty", may: true})}
	bookTable   = &table{"book", market.BookChannel, with(
		column{name: "snapshot", kind: flag}, column{name: "side", may: true}, column{name: "price", may: true}, column{name: "qty", may: true},
		column{name: "first", kind: number, may: true}, column{name: "last", kind: number, may: true}, column{name: "prev", kind: number, may: true})}
	candlesTable = &table{"candles", market.CandlesChannel, with(
		column{name: "start", kind: moment}, column{name: "width", kind: number}, column{name: "open"}, column{name: "high"}, column{name: "low"}, column{name: "close"},
		column{name: "volume"}, column{name: "quote_volume", may: true}, column{name: "trades", kind: number}, column{name: "rev", kind: number})}
)

// value is what stands in a column of a row.
type value struct {
	set  bool
	n    int64 // of a number, a moment or a flag
	text []byte
}

// row is built column after column. Its memory is used again.
type row struct {
	values []value
	bytes  []byte
}

func (r *row) reset() { r.values, r.bytes = r.values[:0], r.bytes[:0] }

func (r *row) text(s string) {
	at := len(r.bytes)
	r.bytes = append(r.bytes, s...)
	r.values = append(r.values, value{set: true, text: r.bytes[at:len(r.bytes):len(r.bytes)]})
}

// word is a text that is absent where it is empty.
func (r *row) word(s string) {
	r.text(s)
	r.values[len(r.values)-1].set = s != ""
}

func (r *row) decimal(d market.Decimal) {
	at := len(r.bytes)
	r.bytes = d.Append(r.bytes)
	r.values = append(r.values, value{set: d.Set(), text: r.bytes[at:len(r.bytes):len(r.bytes)]})
}

func (r *row) number(n int64) { r.values = append(r.values, value{set: true, n: n}) }

// some is a number that is absent where it is 0.
func (r *row) some(n int64) { r.values = append(r.values, value{set: n != 0, n: n}) }

func (r *row) flag(b bool) {
	n := int64(0)
	if b {
		n = 1
	}
	r.number(n)
}

// begin begins a row with where it is from.
func (r *row) begin(id *feed.LogID, rec *feed.Record, part int, s *market.Symbol, vtime int64) {
	r.reset()
	r.text(s.Venue)
	r.text(s.Name)
	r.text(id.Topic)
	r.number(int64(id.Partition))
	r.number(rec.Offset)
	r.number(int64(part))
	r.number(rec.Time)
	r.number(rec.Clock)
	r.some(vtime)
}

// event gives write the rows of an event, and their table.
func (r *row) event(id *feed.LogID, rec *feed.Record, part int, e *market.Event, write func(*table) error) error {
	begin := func() { r.begin(id, rec, part, e.Symbol, e.Time) }
	switch p := e.Payload.(type) {
	case *market.Trade:
		begin()
		r.decimal(p.Price)
		r.decimal(p.Qty)
		r.text(p.Side.String())
		r.word(p.ID.String())
		return write(tradesTable)
	case *market.Quote:
		begin()
		r.decimal(p.BidPrice)
		r.decimal(p.BidQty)
		r.decimal(p.AskPrice)
		r.decimal(p.AskQty)
		return write(quotesTable)
	case *market.Book:
		level := func(side string, l market.Level) error {
			begin()
			r.flag(p.Snapshot)
			r.word(side)
			r.decimal(l.Price)
			r.decimal(l.Qty)
			r.some(p.First)
			r.some(p.Last)
			r.some(p.Prev)
			return write(bookTable)
		}
		if len(p.Bids)+len(p.Asks) == 0 { // a book that is empty now, or a number that counts
			return level("", market.Level{})
		}
		for _, l := range p.Bids {
			if err := level("bid", l); err != nil {
				return err
			}
		}
		for _, l := range p.Asks {
			if err := level("ask", l); err != nil {
				return err
			}
		}
	case *market.Candle:
		begin()
		r.candle(p)
		return write(candlesTable)
	}
	return nil
}

func (r *row) candle(k *market.Candle) {
	r.number(k.Start)
	r.number(k.Width)
	r.decimal(k.Open)
	r.decimal(k.High)
	r.decimal(k.Low)
	r.decimal(k.Close)
	r.decimal(k.Volume)
	r.decimal(k.QuoteVolume)
	r.number(k.Trades)
	r.number(int64(k.Rev))
}

const hex = "0123456789abcdef"

// appendQuoted appends a text as JSON has it.
func appendQuoted(dst, s []byte) []byte {
	dst = append(dst, '"')
	for len(s) > 0 {
		c, n := utf8.DecodeRune(s)
		switch {
		case c == utf8.RuneError && n == 1:
			dst = append(dst, "\ufffd"...)
		case c == '"' || c == '\\':
			dst = append(dst, '\\', byte(c))
		case c < ' ':
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			dst = append(dst, s[:n]...)
		}
		s = s[n:]
	}
	return append(dst, '"')
}

// appendPlain appends a value without quotes: what is absent is nothing.
func appendPlain(dst []byte, k kind, v value) []byte {
	switch {
	case !v.set:
		return dst
	case k == text:
		return append(dst, v.text...)
	case k == flag:
		return strconv.AppendBool(dst, v.n != 0)
	}
	return strconv.AppendInt(dst, v.n, 10)
}
