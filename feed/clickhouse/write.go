package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"tapedeck/feed"
	"tapedeck/market"
)

// Writer puts records into an archive. The table of records is itself the memory of how far they are written, so that a
// writer may be killed at any moment. Two writers of one log at a time are one too many. It is used by one goroutine at a time,
// but for Tail.
//
// It must always come to the same server: what a server is still doing is known by itself alone.
type Writer struct {
	db      *DB
	name    string // what its INSERTs are called, for people who look at system.processes
	count   int
	stripes map[feed.LogID]*Stripe
}

// NewWriter returns a writer. db must have room for two queries at once.
func NewWriter(db *DB) *Writer {
	return &Writer{db: db, name: prefix + strconv.FormatUint(rand.Uint64(), 36), stripes: map[feed.LogID]*Stripe{}}
}

// prefix begins the query_id of every INSERT of records.
const prefix = "tapedeck-record-"

// Refused is an error of Write that will be the same whenever the batch is sent again, until somebody changes the
// batch or the server: its schema, its rights.
func Refused(err error) bool {
	var theirs *clickhouse.Exception
	return errors.Is(err, ErrSchema) || errors.Is(err, ErrDenied) || errors.As(err, &theirs) && refusals[theirs.Code] || errors.Is(err, errColumn)
}

// refusals are codes of exceptions that are about the rows themselves.
var refusals = map[int32]bool{
	6: true, 26: true, 27: true, 38: true, 41: true, 69: true, 70: true, 117: true, // what cannot be parsed, or is out of its type's range
	131: true, 349: true, 469: true, // too large, null, against a CONSTRAINT
}

// errColumn is that a column does not take our values.
var errColumn = errors.New("a column of the table has another type: `replay migrate` compares them")

// Write writes a batch: holes and marks, then what people look at, then the records. When it returns nil, all of it
// is there. After an error, Settle says what is.
func (w *Writer) Write(ctx context.Context, b *Batch) error {
	numbers := make([]uint64, len(b.Logs))
	for i, l := range b.Logs {
		numbers[i] = Number(l)
	}
	if err := w.holes(ctx, numbers, b.Holes); err != nil {
		return err
	}
	for _, write := range []func(context.Context, []uint64, *Batch) error{w.marks, w.trades, w.candles, w.records} {
		if err := write(ctx, numbers, b); err != nil {
			return err
		}
	}
	return nil
}

// columns is what one INSERT is made of.
type columns struct {
	names  []string
	values []any
}

func (c *columns) add(name string, values any) {
	c.names = append(c.names, name)
	c.values = append(c.values, values)
}

// insert sends one block, which the server takes as one part.
//
// clickhouse-go 2.50 watches the context of a Send in a goroutine of its own, which may run only after the Send, see that
// both are over, and take the one for the other: it closes the connection under whoever has it then. On two busy cores one INSERT in
// some dozens failed so, and was made again. So a context is ended a second after its Send.
func (w *Writer) insert(ctx context.Context, table string, c *columns) (err error) {
	ctx, cancel := w.db.within(ctx)
	defer time.AfterFunc(time.Second, cancel) // at once it could close a connection that is in use again, see above
	w.count++
	named := clickhouse.Context(ctx, clickhouse.WithQueryID(fmt.Sprintf("%s-%d", w.name, w.count)))
	batch, err := w.db.conn.PrepareBatch(named, "INSERT INTO "+w.db.Table(table)+" ("+strings.Join(c.names, ", ")+")", driver.WithCloseOnFlush())
	if err != nil {
		return explain(ctx, err)
	}
	defer batch.Close()
	for i, v := range c.values {
		if err := batch.Column(i).Append(v); err != nil {
			batch.Abort()
			return fmt.Errorf("%w: %s.%s: %w", errColumn, table, c.names[i], err)
		}
	}
	return explain(ctx, batch.Send())
}

// pick makes a column.
func pick[R, V any](rows []R, value func(*R) V) []V {
	list := make([]V, len(rows))
	for i := range rows {
		list[i] = value(&rows[i])
	}
	return list
}

func (w *Writer) records(ctx context.Context, numbers []uint64, b *Batch) error {
	if len(b.Records) == 0 {
		return nil
	}
	var c columns
	stripes := make([]int64, len(b.Records))
	for i := range b.Records {
		r := &b.Records[i]
		l := b.Logs[r.Log]
		if w.stripes[l] == nil {
			w.stripes[l] = new(Stripe)
		}
		stripes[i] = w.stripes[l].Next(r.Offset, len(r.Key)+len(r.Value))
	}
	c.add("log", pick(b.Records, func(r *Row) uint64 { return numbers[r.Log] }))
	c.add("stripe", stripes)
	c.add("cluster", pick(b.Records, func(r *Row) string { return b.Logs[r.Log].Cluster }))
	c.add("topic", pick(b.Records, func(r *Row) string { return b.Logs[r.Log].Topic }))
	c.add("topic_id", pick(b.Records, func(r *Row) string { return b.Logs[r.Log].TopicID }))
	c.add("partition", pick(b.Records, func(r *Row) int32 { return b.Logs[r.Log].Partition }))
	c.add("format", pick(b.Records, func(r *Row) string { return b.Logs[r.Log].Format }))
	c.add("symbol", pick(b.Records, func(r *Row) string { return r.Symbol }))
	c.add("offset", pick(b.Records, func(r *Row) int64 { return r.Offset }))
	c.add("time", pick(b.Records, func(r *Row) int64 { return r.Time }))
	c.add("clock", pick(b.Records, func(r *Row) int64 { return r.Clock }))
	c.add("vtime", pick(b.Records, func(r *Row) int64 { return r.VTime }))
	c.add("absent", pick(b.Records, absence))
	c.add("key", pick(b.Records, func(r *Row) string { return text(r.Key) }))
	c.add("value", pick(b.Records, func(r *Row) string { return text(r.Value) }))
	c.add("header_keys", pick(b.Records, func(r *Row) []string { return pick(r.Headers, func(h *feed.Header) string { return h.Key }) }))
	c.add("header_values", pick(b.Records, func(r *Row) []string { return pick(r.Headers, func(h *feed.Header) string { return text(h.Value) }) }))
	return w.insert(ctx, "records", &c)
}

func (w *Writer) marks(ctx context.Context, numbers []uint64, b *Batch) error {
	if len(b.Marks) == 0 {
		return nil
	}
	var c columns
	c.add("log", pick(b.Marks, func(m *Mark) uint64 { return numbers[m.Log] }))
	c.add("offset", pick(b.Marks, func(m *Mark) int64 { return m.Offset }))
	c.add("time", pick(b.Marks, func(m *Mark) int64 { return m.Time }))
	c.add("clock", pick(b.Marks, func(m *Mark) int64 { return m.Clock }))
	return w.insert(ctx, "marks", &c)
}

func (w *Writer) holes(ctx context.Context, numbers []uint64, holes []Hole) error {
	if len(holes) == 0 {
		return nil
	}
	var c columns
	c.add("log", pick(holes, func(h *Hole) uint64 { return numbers[h.Log] }))
	c.add("from_offset", pick(holes, func(h *Hole) int64 { return h.From }))
	c.add("to_offset", pick(holes, func(h *Hole) int64 { return h.To }))
	c.add("reason", pick(holes, func(h *Hole) string { return string(h.Why) }))
	c.add("clock", pick(holes, func(h *Hole) int64 { return h.Clock }))
	return w.insert(ctx, "holes", &c)
}

func (w *Writer) trades(ctx context.Context, numbers []uint64, b *Batch) error {
	if len(b.Trades) == 0 {
		return nil
	}
	var c columns
	c.add("symbol", pick(b.Trades, func(t *Trade) string { return t.Symbol }))
	c.add("time", pick(b.Trades, func(t *Trade) int64 { return t.At }))
	c.add("vtime", pick(b.Trades, func(t *Trade) int64 { return t.Trade.Time }))
	c.add("price", pick(b.Trades, func(t *Trade) string { return t.Price.String() }))
	c.add("qty", pick(b.Trades, func(t *Trade) string { return t.Qty.String() }))
	c.add("side", pick(b.Trades, func(t *Trade) string { return t.Side.String() }))
	c.add("id", pick(b.Trades, func(t *Trade) string { return t.ID.String() }))
	c.add("log", pick(b.Trades, func(t *Trade) uint64 { return numbers[t.Log] }))
	c.add("offset", pick(b.Trades, func(t *Trade) int64 { return t.Offset }))
	c.add("part", pick(b.Trades, func(t *Trade) uint32 { return uint32(t.Index) }))
	return w.insert(ctx, "trades", &c)
}

func (w *Writer) candles(ctx context.Context, numbers []uint64, b *Batch) error {
	if len(b.Candles) == 0 {
		return nil
	}
	number := func(value func(*Candle) market.Decimal) []string {
		return pick(b.Candles, func(k *Candle) string { return value(k).String() })
	}
	var c columns
	c.add("symbol", pick(b.Candles, func(k *Candle) string { return k.Symbol }))
	c.add("start", pick(b.Candles, func(k *Candle) int64 { return k.Start }))
	c.add("open", number(func(k *Candle) market.Decimal { return k.Open }))
	c.add("high", number(func(k *Candle) market.Decimal { return k.High }))
	c.add("low", number(func(k *Candle) market.Decimal { return k.Low }))
	c.add("close", number(func(k *Candle) market.Decimal { return k.Close }))
	c.add("volume", number(func(k *Candle) market.Decimal { return k.Volume }))
	c.add("quote_volume", number(func(k *Candle) market.Decimal { return k.QuoteVolume }))
	c.add("trades", pick(b.Candles, func(k *Candle) int64 { return k.Trades }))
	c.add("rev", pick(b.Candles, func(k *Candle) uint32 { return k.Rev }))
	c.add("log", pick(b.Candles, func(k *Candle) uint64 { return numbers[k.Log] }))
	c.add("offset", pick(b.Candles, func(k *Candle) int64 { return k.Offset }))
	return w.insert(ctx, "candles_1m", &c)
}
