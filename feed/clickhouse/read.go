package clickhouse

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"tapedeck/feed"
)

var _ feed.Archive = (*DB)(nil)

// The sizes of a read.
const (
	windowBytes = 8 << 20
	planOffsets = 1 << 18 // offsets that are looked at first for what a window may hold: few for a partition, four stripes
	mostOffsets = 1 << 22 // and at most, where a symbol is rare
	planBlock   = 256     // offsets whose sizes are summed: the finest step of a window's end
)

// Logs implements feed.Archive. Records that were written twice and not yet merged count twice. The first time, it also sees
// whether the tables are as they must be: a table of another schema may well answer.
func (db *DB) Logs(ctx context.Context) (list []feed.Holding, err error) {
	if !db.checked.Load() {
		if err := db.Check(ctx); err != nil {
			return nil, err
		}
	}
	query := `SELECT log, cluster, topic, topic_id, partition, format, minMerge(first), maxMerge(last), minMerge(since), maxMerge(until), sumMerge(records) FROM ` +
		db.Table("days") + ` GROUP BY log, cluster, topic, topic_id, partition, format`
	err = db.each(ctx, query, func(scan func(...any) error) error {
		var h feed.Holding
		var number, records uint64
		if err := scan(&number, &h.Cluster, &h.Topic, &h.TopicID, &h.Partition, &h.Format, &h.First, &h.Next, &h.Begin, &h.End, &records); err != nil {
			return err
		}
		h.Next, h.Records = h.Next+1, int64(records)
		if h.Begin == unknownTime {
			h.Begin = 0
		}
		list = append(list, h)
		return nil
	})
	slices.SortFunc(list, func(a, b feed.Holding) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition), cmp.Compare(a.Begin, b.Begin))
	})
	return list, err
}

// Seek implements feed.Archive. Marks, one a minute, say where to look.
func (db *DB) Seek(ctx context.Context, log feed.LogID, at int64) (offset, clock int64, err error) {
	n := Number(log)
	low, high := int64(0), int64(math.MaxInt64)
	query := fmt.Sprintf("SELECT maxIf(offset, clock < %d), countIf(clock < %[1]d), minIf(offset, clock >= %[1]d), countIf(clock >= %[1]d) FROM %s WHERE log = %d", at, db.Table("marks"), n)
	err = db.each(ctx, query, func(scan func(...any) error) error {
		var before, after int64
		var befores, afters uint64
		if err := scan(&before, &befores, &after, &afters); err != nil {
			return err
		}
		if befores > 0 {
			low = before
		}
		if afters > 0 {
			high = after
		}
		return nil
	})
	if err != nil {
		return 0, 0, err
	}
	var reached, next int64
	var found, held uint64
	query = fmt.Sprintf("SELECT minIf(offset, clock >= %d), countIf(clock >= %[1]d), maxIf(clock, clock < %[1]d), max(offset), count() FROM %s WHERE %s",
		at, db.Table("records"), within(n, low, high, true))
	err = db.each(ctx, query, func(scan func(...any) error) error {
		return scan(&reached, &found, &clock, &next, &held)
	})
	switch {
	case err != nil:
		return 0, 0, err
	case found > 0:
		return reached, clock, nil
	case held > 0:
		return next + 1, clock, nil
	}
	return 0, 0, nil
}

// within is the condition for the records of a log from an offset up to another one, which is in it where that is wanted.
func within(log uint64, from, to int64, whole bool) string {
	if whole && to < math.MaxInt64 {
		to++
	}
	return fmt.Sprintf("log = %d AND stripe > %d AND stripe < %d AND offset >= %d AND offset < %[3]d", log, from-stripeOffsets, to, from)
}

// wanted is the condition for a window's symbols: theirs, and what is of no one symbol.
func wanted(symbols []string) string {
	if symbols == nil {
		return ""
	}
	list := []string{"''"}
	for _, s := range symbols {
		list = append(list, quote(s))
	}
	return " AND symbol IN (" + strings.Join(list, ", ") + ")"
}

// Read implements feed.Archive. take should not wait: the query is open meanwhile, and has a deadline.
func (db *DB) Read(ctx context.Context, log feed.LogID, w feed.Window, take func(*feed.Record) error) (int64, error) {
	r := reading{db: db, log: Number(log), w: w, take: take}
	r.w.Bytes = cmp.Or(w.Bytes, windowBytes)
	if r.w.To == 0 {
		r.w.To = math.MaxInt64
	}
	from := max(w.From, 0)
	end, full, found, err := r.plan(ctx, from)
	if err != nil {
		return from, err
	}
	if !full {
		look := r.newest
		if !found && w.Symbols == nil {
			look = r.extent // of a hole
		}
		last, held, err := look(ctx, from, end)
		if err != nil {
			return from, err
		}
		if !held {
			return r.beyond(ctx, from, end)
		}
		end = last + 1   // what is written after this belongs to a later window
		r.headers = true // of what was written since the plan, nothing is known
	}
	var marks []feed.Record
	if w.Symbols != nil {
		if marks, err = r.marks(ctx, from, end); err != nil {
			return from, err
		}
	}
	return r.fetch(ctx, from, end, marks)
}

// reading is one call of Read.
type reading struct {
	db   *DB
	log  uint64
	w    feed.Window
	take func(*feed.Record) error

	headers bool // some record of the window has any: else those columns, a quarter of the cost, are not asked for
}

// plan returns where a window from an offset ends: where the sizes, which are small to read, come to its bytes. Where they do not, as
// far as one looks at once, it is not full. found says that it holds anything.
func (r *reading) plan(ctx context.Context, from int64) (end int64, isFull, found bool, err error) {
	sum, span := 0, int64(planOffsets)
	for at := from; at < r.w.To && at-from < mostOffsets; span *= 4 {
		to := min(at+min(span, mostOffsets-(at-from)), r.w.To)
		query := fmt.Sprintf("SELECT intDiv(offset, %d) AS block, sum(toUInt64(bytes)), max(stripe), max(offset), toUInt8(max(notEmpty(header_keys))) FROM %s WHERE %s%s GROUP BY block ORDER BY block",
			planBlock, r.db.Table("records"), within(r.log, at, to, false), wanted(r.w.Symbols))
		full, stripe := int64(-1), int64(math.MaxInt64)
		err := r.db.each(ctx, query, func(scan func(...any) error) error {
			var block, newest, last int64
			var bytes uint64
			var headers uint8
			if err := scan(&block, &bytes, &newest, &last, &headers); err != nil {
				return err
			}
			if full >= 0 {
				return nil
			}
			// A stripe is read at once where a whole one leaves enough: its records lie by symbol.
			if newest > stripe && newest > from && sum >= r.w.Bytes/2 {
				full = newest
				return nil
			}
			found, stripe, r.headers = true, newest, r.headers || headers > 0
			if sum += int(bytes); sum >= r.w.Bytes {
				full = last + 1
			}
			return nil
		})
		if err != nil {
			return 0, false, false, err
		}
		if full >= 0 {
			return min(max(full, from+1), r.w.To), true, true, nil
		}
		at, end = to, to
		if !found && r.w.Symbols == nil {
			break // a hole, or the end
		}
	}
	return end, false, found, nil
}

// newest returns the newest record, of whatever symbol, from an offset up to another. It does not look at all of them: the index
// says which stripe is the last.
func (r *reading) newest(ctx context.Context, from, to int64) (last int64, held bool, err error) {
	low, high := from, to
	for at := to; high-low > 2*stripeOffsets || at == to; at = low + (high-low)/2 {
		later, err := r.begins(ctx, at)
		switch {
		case err != nil:
			return 0, false, err
		case later && at == to:
			return to - 1, true, nil
		case later:
			low = at
		default:
			high = at
		}
	}
	if last, held, err = r.extent(ctx, low, to); held || err != nil || low == from {
		return last, held, err
	}
	return r.extent(ctx, from, low)
}

// begins reports whether a stripe begins at an offset or after it: then all records before that offset are written.
func (r *reading) begins(ctx context.Context, offset int64) (yes bool, err error) {
	query := fmt.Sprintf("SELECT stripe FROM %s WHERE log = %d AND stripe >= %d LIMIT 1 SETTINGS max_block_size = 1024, max_threads = 1", r.db.Table("records"), r.log, offset)
	err = r.db.each(ctx, query, func(scan func(...any) error) error { yes = true; return nil })
	return yes, err
}

// extent returns the newest record, of whatever symbol, from an offset up to another.
func (r *reading) extent(ctx context.Context, from, to int64) (last int64, held bool, err error) {
	query := fmt.Sprintf("SELECT max(offset), count() FROM %s WHERE %s", r.db.Table("records"), within(r.log, from, to, false))
	err = r.db.each(ctx, query, func(scan func(...any) error) error {
		var n uint64
		defer func() { held = n > 0 }()
		return scan(&last, &n)
	})
	return last, held, err
}

// beyond returns where to go on after a stretch of which nothing is held: from itself where nothing is from there on.
func (r *reading) beyond(ctx context.Context, from, end int64) (int64, error) {
	var next int64
	var held uint64
	query := fmt.Sprintf("SELECT min(offset), count() FROM %s WHERE %s", r.db.Table("records"), within(r.log, end, math.MaxInt64, false))
	err := r.db.each(ctx, query, func(scan func(...any) error) error { return scan(&next, &held) })
	if err != nil || held == 0 {
		return from, err
	}
	return max(from, min(next, r.w.To)), nil
}

// marks lists the marks of a window, which are few.
func (r *reading) marks(ctx context.Context, from, end int64) (list []feed.Record, err error) {
	query := fmt.Sprintf("SELECT offset, time, clock FROM %s WHERE log = %d AND offset >= %d AND offset < %d ORDER BY offset", r.db.Table("marks"), r.log, from, end)
	err = r.db.each(ctx, query, func(scan func(...any) error) error {
		m := feed.Record{Mark: true}
		if err := scan(&m.Offset, &m.Time, &m.Clock); err != nil {
			return err
		}
		list = append(list, m)
		return nil
	})
	return list, err
}

// What is absent of a record, as the column absent says it: nil is not empty.
const (
	absentKey   = 1
	absentValue = 2
)

// fetch gives take the records of a window with the marks between them, and returns the offset after the last one given; the
// window's end where all were.
func (r *reading) fetch(ctx context.Context, from, end int64, marks []feed.Record) (int64, error) {
	next, bytes := from, 0
	give := func(record *feed.Record) error {
		if record.Offset < next {
			return nil // written twice
		}
		if err := r.take(record); err != nil {
			return err
		}
		next = record.Offset + 1
		return nil
	}
	before := func(offset int64) error {
		for len(marks) > 0 && marks[0].Offset <= offset {
			m := marks[0]
			marks = marks[1:]
			if m.Offset < offset {
				if err := give(&m); err != nil {
					return err
				}
			}
		}
		return nil
	}
	var record feed.Record
	var absent uint8
	var keys, values []string
	columns, into := "offset, time, clock, absent, key, value", []any{&record.Offset, &record.Time, &record.Clock, &absent, &record.Key, &record.Value}
	if r.headers {
		columns, into = columns+", header_keys, header_values", append(into, &keys, &values)
	}
	query := fmt.Sprintf("SELECT %s FROM %s WHERE %s%s ORDER BY offset", columns,
		r.db.Table("records"), within(r.log, from, end, false), wanted(r.w.Symbols))
	err := r.db.each(ctx, query, func(scan func(...any) error) error {
		if bytes >= r.w.Bytes*2 {
			return errFull
		}
		if err := scan(into...); err != nil {
			return err
		}
		if absent&absentKey != 0 {
			record.Key = nil
		}
		switch {
		case absent&absentValue != 0:
			record.Value = nil
		case record.Value == nil:
			record.Value = []byte{}
		}
		record.Headers = record.Headers[:0]
		for i := range min(len(keys), len(values)) {
			record.Headers = append(record.Headers, feed.Header{Key: keys[i], Value: []byte(values[i])})
		}
		bytes += len(record.Key) + len(record.Value)
		if err := before(record.Offset); err != nil {
			return err
		}
		return give(&record)
	})
	switch {
	case err == errFull:
		return next, nil
	case err != nil:
		return next, err
	}
	if err := before(math.MaxInt64); err != nil {
		return next, err
	}
	return max(end, next), nil
}

// errFull ends a query whose records are far larger than planned for.
var errFull = fmt.Errorf("the window is full")

// Holes implements feed.Archive.
func (db *DB) Holes(ctx context.Context, log feed.LogID, from, to int64) (list []feed.Hole, err error) {
	query := fmt.Sprintf("SELECT DISTINCT from_offset, to_offset, reason FROM %s WHERE log = %d AND from_offset < %d AND to_offset > %d ORDER BY from_offset, to_offset",
		db.Table("holes"), Number(log), to, from)
	err = db.each(ctx, query, func(scan func(...any) error) error {
		var h feed.Hole
		var why string
		if err := scan(&h.From, &h.To, &why); err != nil {
			return err
		}
		h.Why = feed.Loss(why)
		list = append(list, h)
		return nil
	})
	return list, err
}

// Checkpoint implements feed.Archive.
func (db *DB) Checkpoint(ctx context.Context, log feed.LogID, offset int64) (c feed.Checkpoint, ok bool, err error) {
	query := fmt.Sprintf("SELECT epoch, offset, clock, data FROM %s WHERE log = %d AND offset <= %d ORDER BY offset DESC LIMIT 1", db.Table("checkpoints"), Number(log), offset)
	err = db.each(ctx, query, func(scan func(...any) error) error {
		ok = true
		return scan(&c.Epoch, &c.Offset, &c.Clock, &c.Data)
	})
	return c, ok, err
}
