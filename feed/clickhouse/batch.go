package clickhouse

import (
	"slices"
	"strings"

	"tapedeck/feed"
	"tapedeck/market"
)

// Batch is rows that are written together. Its records are of one day and, of each log, in the order of offsets: one INSERT
// takes them all, or none. It is used by one goroutine at a time.
type Batch struct {
	Day     int64 // since 1970
	Logs    []feed.LogID
	Records []Row
	Marks   []Mark
	Holes   []Hole
	Trades  []Trade
	Candles []Candle
	Size    int // bytes of memory, about

	chunks  [][]byte // of keys and values
	used    int      // chunks that are in use
	headers []feed.Header
	names   map[string]string
}

// Row is one record. Log is an index into the batch's Logs.
type Row struct {
	Log     int
	Offset  int64
	Time    int64 // µs
	Clock   int64 // the log's, at this record
	VTime   int64 // the venue's time of its first event, 0: none
	Symbol  string
	Key     []byte
	Value   []byte // nil: a tombstone
	Headers []feed.Header
}

// Mark is a record at which a minute was over.
type Mark struct {
	Log                 int
	Offset, Time, Clock int64
}

// Hole is a hole of one of the batch's logs.
type Hole struct {
	Log   int
	Clock int64 // the log's, before it
	feed.Hole
}

// Trade is one trade, for people: Index is its place among those of its record.
type Trade struct {
	Log    int
	Offset int64
	Index  int
	Symbol string // VENUE:NAME
	At     int64  // log time, µs
	market.Trade
}

// Candle is a minute that is over. A later Offset is a correction of an earlier one.
type Candle struct {
	Log    int
	Offset int64
	Symbol string // VENUE:NAME
	market.Candle
}

// What a row takes besides its bytes.
const (
	rowSize    = 150
	headerSize = 40
	tradeSize  = 160
)

// Reset empties the batch for a day. Its memory is used again.
func (b *Batch) Reset(day int64) {
	b.chunks = slices.DeleteFunc(b.chunks, func(c []byte) bool { return cap(c) > chunkSize })
	for i := range b.chunks {
		b.chunks[i] = b.chunks[i][:0]
	}
	*b = Batch{
		Day: day, Logs: b.Logs[:0], Records: b.Records[:0], Marks: b.Marks[:0], Holes: b.Holes[:0], Trades: b.Trades[:0], Candles: b.Candles[:0],
		chunks: b.chunks, headers: b.headers[:0], names: b.names,
	}
}

// Log returns the index of a log, which is added where it is not there.
func (b *Batch) Log(l *feed.LogID) int {
	for i := len(b.Logs) - 1; i >= 0; i-- {
		if b.Logs[i] == *l {
			return i
		}
	}
	b.Logs = append(b.Logs, *l)
	return len(b.Logs) - 1
}

// Add copies a record. row has what is known of it beside.
func (b *Batch) Add(row Row, r *feed.Record) {
	row.Offset, row.Time = r.Offset, r.Time
	row.Key, row.Value = b.copy(r.Key), b.copy(r.Value)
	at := len(b.headers)
	for _, h := range r.Headers {
		b.headers = append(b.headers, feed.Header{Key: b.name(h.Key), Value: b.copy(h.Value)})
	}
	if n := len(b.headers); n > at {
		row.Headers = b.headers[at:n:n]
	}
	b.Records = append(b.Records, row)
	b.Size += SizeOf(r)
}

// SizeOf returns what a record adds to a batch's Size.
func SizeOf(r *feed.Record) int {
	n := rowSize + len(r.Key) + len(r.Value)
	for _, h := range r.Headers {
		n += headerSize + len(h.Value)
	}
	return n
}

// copy keeps nil apart from what is empty.
func (b *Batch) copy(p []byte) []byte {
	if p == nil {
		return nil
	}
	for ; b.used < len(b.chunks); b.used++ {
		c := b.chunks[b.used]
		if at := len(c); cap(c)-at >= len(p) {
			c = append(c, p...)
			b.chunks[b.used] = c
			return c[at:len(c):len(c)]
		}
	}
	b.chunks = append(b.chunks, append(make([]byte, 0, max(chunkSize, len(p))), p...))
	return b.chunks[b.used][:len(p):len(p)]
}

// chunkSize is what memory is taken in: rows point into it, so that it must not move.
const chunkSize = 256 << 10

// name keeps a header's name once: there are few of them, whatever there are of headers.
func (b *Batch) name(s string) string {
	if n, ok := b.names[s]; ok {
		return n
	}
	if b.names == nil || len(b.names) > 1000 {
		b.names = map[string]string{}
	}
	s = strings.Clone(s)
	b.names[s] = s
	return s
}

// Note adds a trade.
func (b *Batch) Note(t Trade) {
	b.Trades = append(b.Trades, t)
	b.Size += tradeSize
}

// Forget takes out the records of which a log has some already: those with an offset below next.
func (b *Batch) Forget(log int, next int64) {
	b.Records = slices.DeleteFunc(b.Records, func(r Row) bool { return r.Log == log && r.Offset < next })
}

// Empty reports whether there is nothing to write.
func (b *Batch) Empty() bool {
	return len(b.Records)+len(b.Marks)+len(b.Holes)+len(b.Trades)+len(b.Candles) == 0
}

// Ends returns, for each log, the offsets of its oldest record and after its newest; false where it has none.
func (b *Batch) Ends(log int) (from, to int64, ok bool) {
	for i := range b.Records {
		if r := &b.Records[i]; r.Log == log {
			if !ok {
				from = r.Offset
			}
			to, ok = r.Offset+1, true
		}
	}
	return from, to, ok
}

// DayOf returns the day that a record is kept under, as the table reckons it: of its log's clock, which does not go back, so
// that a log comes to a new day once. Before the clock is known it is that of the record's own time.
func DayOf(clock, time int64) int64 {
	if clock <= 0 {
		clock = time
	}
	return int64(uint16(clock / dayLength))
}

const dayLength = 24 * 3600 * 1_000_000
