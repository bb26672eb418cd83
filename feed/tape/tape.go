// Package tape keeps logs in memory: an archive for a demo, for tests, and for what was recorded a moment ago.
package tape

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"sync"

	"tapedeck/feed"
	"tapedeck/market"
)

// Tape is an archive in memory. It keeps about so many bytes a log and lets go of what is older. It may be written to
// and read by several goroutines; each log has one writer.
type Tape struct {
	limit int

	mu   sync.RWMutex
	logs []*log // in the order of (topic, partition, beginning)
}

// log is what is kept of one log. The clocks of records only grow, so it is searched by them.
type log struct {
	id      feed.LogID
	clock   market.Clock
	records []feed.Record
	holes   []feed.Hole
	bytes   int
}

// New returns an empty tape that keeps limit bytes of each log.
func New(limit int) *Tape { return &Tape{limit: limit} }

func (t *Tape) find(id feed.LogID) *log {
	for _, l := range t.logs {
		if l.id == id {
			return l
		}
	}
	return nil
}

// Append adds the next record of a log, and copies it. What is not above the newest offset is there already.
func (t *Tape) Append(id feed.LogID, r *feed.Record) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.log(id)
	if n := len(l.records); n > 0 && r.Offset <= l.records[n-1].Offset {
		return
	}
	l.clock.Observe(r.Time)
	c := feed.Record{Offset: r.Offset, Time: r.Time, Key: bytes.Clone(r.Key), Value: bytes.Clone(r.Value), Clock: l.clock.Now()}
	for _, h := range r.Headers {
		c.Headers = append(c.Headers, feed.Header{Key: h.Key, Value: bytes.Clone(h.Value)})
	}
	l.records = append(l.records, c)
	if l.bytes += weight(&c); l.bytes > t.limit+t.limit/8 {
		l.trim(t.limit)
	}
}

func weight(r *feed.Record) int {
	n := 128 + len(r.Key) + len(r.Value)
	for _, h := range r.Headers {
		n += 64 + len(h.Value)
	}
	return n
}

func (l *log) trim(limit int) {
	n := 0
	for l.bytes > limit && n < len(l.records)-1 {
		l.bytes -= weight(&l.records[n])
		n++
	}
	l.records = slices.Clone(l.records[n:]) // so that what is gone is freed
}

// Lost notes that offsets of a log will never come.
func (t *Tape) Lost(id feed.LogID, h feed.Hole) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.log(id)
	l.holes = append(l.holes, h)
}

// log returns a log, made if need be.
func (t *Tape) log(id feed.LogID) *log {
	l := t.find(id)
	if l == nil {
		l = &log{id: id}
		t.logs = append(t.logs, l)
		slices.SortStableFunc(t.logs, func(a, b *log) int {
			return cmp.Or(cmp.Compare(a.id.Topic, b.id.Topic), cmp.Compare(a.id.Partition, b.id.Partition))
		})
	}
	return l
}

// Logs implements feed.Archive.
func (t *Tape) Logs(context.Context) (list []feed.Holding, err error) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for _, l := range t.logs {
		if n := len(l.records); n > 0 {
			list = append(list, feed.Holding{
				LogID: l.id, First: l.records[0].Offset, Next: l.records[n-1].Offset + 1,
				Begin: cmp.Or(l.records[0].Clock, l.records[0].Time), End: cmp.Or(l.records[n-1].Clock, l.records[n-1].Time), Records: int64(n),
			})
		}
	}
	return list, nil
}

// Seek implements feed.Archive.
func (t *Tape) Seek(_ context.Context, id feed.LogID, at int64) (offset, clock int64, err error) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	l := t.find(id)
	if l == nil || len(l.records) == 0 {
		return 0, 0, nil
	}
	i, _ := slices.BinarySearchFunc(l.records, at, func(r feed.Record, at int64) int { return cmp.Compare(r.Clock, at) })
	if i > 0 {
		clock = l.records[i-1].Clock
	}
	if i == len(l.records) {
		return l.records[i-1].Offset + 1, clock, nil
	}
	return l.records[i].Offset, clock, nil
}

// Read implements feed.Archive. It does not know of symbols: every record is read.
func (t *Tape) Read(_ context.Context, id feed.LogID, w feed.Window, take func(*feed.Record) error) (next int64, err error) {
	next = w.From
	limit := cmp.Or(w.Bytes, 8<<20)
	records := t.after(id, w.From)
	for i := range records {
		r := &records[i]
		if limit <= 0 || w.To > 0 && r.Offset >= w.To {
			break
		}
		if err := take(r); err != nil {
			return next, err
		}
		next = r.Offset + 1
		limit -= weight(r)
	}
	return next, nil
}

// after returns the records from an offset on. They are not changed any more, so they are read without the lock.
func (t *Tape) after(id feed.LogID, from int64) []feed.Record {
	t.mu.RLock()
	defer t.mu.RUnlock()
	l := t.find(id)
	if l == nil {
		return nil
	}
	i, _ := slices.BinarySearchFunc(l.records, from, func(r feed.Record, from int64) int { return cmp.Compare(r.Offset, from) })
	return l.records[i:]
}

// Holes implements feed.Archive.
func (t *Tape) Holes(_ context.Context, id feed.LogID, from, to int64) (list []feed.Hole, err error) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if l := t.find(id); l != nil {
		for _, h := range l.holes {
			if h.From < to && h.To > from {
				list = append(list, h)
			}
		}
	}
	return list, nil
}

// Checkpoint implements feed.Archive: there are none.
func (t *Tape) Checkpoint(context.Context, feed.LogID, int64) (c feed.Checkpoint, ok bool, err error) {
	return c, false, nil
}
