package clickhouse

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unsafe"

	"tapedeck/feed"
	"tapedeck/market"
)

// Bits of the column absent: what was not there at all, rather than empty.
const (
	AbsentKey   = 1
	AbsentValue = 2
)

func absence(r *Row) (bits uint8) {
	if r.Key == nil {
		bits |= AbsentKey
	}
	if r.Value == nil {
		bits |= AbsentValue
	}
	return bits
}

// text is p without a copy: a column takes one.
func text(p []byte) string { return unsafe.String(unsafe.SliceData(p), len(p)) }

// Tail is the end of what is held of a log.
type Tail struct {
	Held bool
	Next int64        // offset after the newest record
	At   market.Clock // the log's, behind it

	Warm  int64 // from here on lies every record that is not older than the time asked for before the end
	Clock int64 // the log's clock there: what it was when that time began
}

// Tail returns where a log goes on, and where its last records begin that are not older than warm.
func (w *Writer) Tail(ctx context.Context, l feed.LogID, warm time.Duration) (t Tail, err error) {
	n := Number(l)
	var rows []Row
	t.Next, t.Held, err = w.next(ctx, n)
	if err != nil || !t.Held {
		return t, err
	}
	const few = 64 // times that a clock does not believe come in ones and twos
	err = w.db.each(ctx, fmt.Sprintf("SELECT offset, time, clock FROM %s WHERE log = %d AND offset >= %d ORDER BY offset", w.db.Table("records"), n, t.Next-few),
		func(scan func(...any) error) error {
			var r Row
			err := scan(&r.Offset, &r.Time, &r.Clock)
			rows = append(rows, r)
			return err
		})
	if err != nil {
		return t, err
	}
	t.At = ClockAfter(rows)
	t.Warm, t.Clock = t.Next, t.At.Now()
	if now := t.At.Now(); warm > 0 && now > 0 {
		since := now - warm.Microseconds()
		err = w.db.each(ctx, fmt.Sprintf("SELECT min(offset) FROM %s WHERE log = %d AND day >= toDate(toUInt16(%d)) AND clock >= %d", w.db.Table("records"), n, DayOf(since, 0), since),
			func(scan func(...any) error) error { return scan(&t.Warm) })
		t.Warm, t.Clock = max(t.Warm-few, 0), since // the clock comes to a time a little after the first record of that time
	}
	return t, err
}

func (w *Writer) next(ctx context.Context, n uint64) (next int64, held bool, err error) {
	err = w.db.each(ctx, fmt.Sprintf("SELECT max(offset) + 1, toUInt64(count()) FROM %s WHERE log = %d", w.db.Table("records"), n), func(scan func(...any) error) error {
		var count uint64
		err := scan(&next, &count)
		held = count > 0
		return err
	})
	return next, held, err
}

// ClockAfter returns a log's clock behind its last records: also what it has heard and does not believe yet. Behind a
// record whose time is not over the clock, the clock waits for nothing: from there on it is told again.
func ClockAfter(rows []Row) (c market.Clock) {
	for i := range rows {
		if r := &rows[i]; r.Time > 0 && r.Time <= r.Clock || i == 0 && r.Clock > 0 {
			c = market.ClockAt(r.Clock)
		} else {
			c.Observe(max(r.Time, 0))
		}
	}
	return c
}

// Settle waits until the server is done with every INSERT of a recorder that it is busy with now, and takes out of a batch what
// is in the table: after an answer that did not come, the batch may be there or not. b may be nil.
func (w *Writer) Settle(ctx context.Context, b *Batch) error {
	running, err := w.running(ctx)
	for told := false; err == nil && len(running) > 0; {
		if !told { // best effort: its user may lack the right, and it ends by itself when its connection does
			told = true
			_ = w.db.exec(ctx, "KILL QUERY WHERE query_id IN ('"+strings.Join(running, "','")+"') ASYNC")
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		var now []string
		now, err = w.running(ctx)
		running = slices.DeleteFunc(running, func(id string) bool { return !slices.Contains(now, id) })
	}
	if err != nil || b == nil {
		return err
	}
	for i, l := range b.Logs {
		next, held, err := w.next(ctx, Number(l))
		if err != nil {
			return err
		}
		if held {
			b.Forget(i, next)
		}
	}
	return nil
}

func (w *Writer) running(ctx context.Context) (ids []string, err error) {
	err = w.db.each(ctx, "SELECT query_id FROM system.processes WHERE query_id LIKE '"+prefix+"%'", func(scan func(...any) error) error {
		var id string
		err := scan(&id)
		ids = append(ids, id)
		return err
	})
	return ids, err
}

// Holes writes holes alone: of a batch that is kept elsewhere, before what comes after it.
func (w *Writer) Holes(ctx context.Context, b *Batch) error {
	numbers := pick(b.Logs, func(l *feed.LogID) uint64 { return Number(*l) })
	return w.holes(ctx, numbers, b.Holes)
}

// Fill writes a batch that was kept elsewhere: those of its records that are not in the table. Then its holes are taken out.
func (w *Writer) Fill(ctx context.Context, b *Batch) error {
	type stretch struct{ from, to int64 }
	stretches := map[int]stretch{}
	for i, l := range b.Logs {
		from, to, ok := b.Ends(i)
		if !ok {
			continue
		}
		stretches[i] = stretch{from, to}
		held := map[int64]bool{}
		err := w.db.each(ctx, fmt.Sprintf("SELECT offset FROM %s WHERE log = %d AND offset >= %d AND offset < %d", w.db.Table("records"), Number(l), from, to), func(scan func(...any) error) error {
			var offset int64
			err := scan(&offset)
			held[offset] = true
			return err
		})
		if err != nil {
			return err
		}
		b.Records = slices.DeleteFunc(b.Records, func(r Row) bool { return r.Log == i && held[r.Offset] })
	}
	if err := w.Write(ctx, b); err != nil {
		return err
	}
	for i, s := range stretches {
		err := w.db.exec(ctx, fmt.Sprintf("ALTER TABLE %s DELETE WHERE log = %d AND from_offset = %d AND to_offset = %d AND reason = '%s'",
			w.db.Table("holes"), Number(b.Logs[i]), s.from, s.to, feed.LossArchive))
		if err != nil {
			return fmt.Errorf("the records are in the table, but the hole is still in %s: %w", w.db.Table("holes"), err)
		}
	}
	return nil
}
