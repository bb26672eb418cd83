package record

import (
	"sync"
	"time"

	"tapedeck/feed"
	"tapedeck/feed/clickhouse"
)

// Limits bound a batch, and all of them together.
type Limits struct {
	Rows   int           // of a batch
	Bytes  int           // of a batch
	Every  time.Duration // a batch is written when it is so old
	Memory int           // of all batches: whoever brings more waits
}

// queue gathers rows into batches of one day each. A log has rows in one open batch at a time: when its next row is of another
// day, the batch is closed first. So batches, written in the order in which they are closed, hold each log's records in order.
type queue struct {
	limits Limits

	mu     sync.Mutex
	room   sync.Cond
	wake   chan struct{} // something is closed, or nothing more comes
	open   []*batch
	closed []*batch
	spare  []*clickhouse.Batch
	last   map[feed.LogID]*batch
	size   int
	ended  bool
}

type batch struct {
	*clickhouse.Batch
	began time.Time
}

func newQueue(l Limits) *queue {
	q := &queue{limits: l, wake: make(chan struct{}, 1), last: map[feed.LogID]*batch{}}
	q.room.L = &q.mu
	return q
}

// add gives put the batch for a row of that day, and waits before that while there is no room. False: nothing more is taken.
func (q *queue) add(l *feed.LogID, day int64, put func(*clickhouse.Batch)) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.size >= q.limits.Memory && !q.ended {
		for len(q.closed) == 0 && len(q.open) > 0 {
			q.close(q.open[0])
		}
		q.room.Wait()
	}
	if q.ended {
		return false
	}
	b := q.last[*l]
	if b != nil && b.Day != day {
		q.close(b)
		b = nil
	}
	if b == nil {
		b = q.find(day)
		q.last[*l] = b
	}
	was := b.Size
	put(b.Batch)
	q.size += b.Size - was
	if len(b.Records) >= q.limits.Rows || b.Size >= q.limits.Bytes {
		q.close(b)
	}
	return true
}

// find returns the open batch of a day, made if need be.
func (q *queue) find(day int64) *batch {
	for _, b := range q.open {
		if b.Day == day {
			return b
		}
	}
	b := &batch{Batch: new(clickhouse.Batch), began: time.Now()}
	if n := len(q.spare); n > 0 {
		b.Batch, q.spare = q.spare[n-1], q.spare[:n-1]
	}
	b.Reset(day)
	q.open = append(q.open, b)
	return b
}

func (q *queue) close(b *batch) {
	for i, o := range q.open {
		if o == b {
			q.open = append(q.open[:i], q.open[i+1:]...)
			break
		}
	}
	for l, o := range q.last {
		if o == b {
			delete(q.last, l)
		}
	}
	q.closed = append(q.closed, b)
	q.signal()
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// next returns the batch to be written next; else how long until one is due, false when nothing more comes.
func (q *queue) next() (b *batch, wait time.Duration, more bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	wait = q.limits.Every
	if len(q.closed) == 0 && len(q.open) > 0 {
		if wait = q.limits.Every - time.Since(q.open[0].began); wait <= 0 || q.ended {
			q.close(q.open[0])
		}
	}
	if len(q.closed) > 0 {
		b = q.closed[0]
		q.closed = q.closed[1:]
	}
	return b, wait, b != nil || !q.ended
}

// done takes back a batch that is written.
func (q *queue) done(b *batch, size int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.size -= size
	if len(q.spare) < 2 {
		q.spare = append(q.spare, b.Batch)
	}
	q.room.Broadcast()
}

// end takes nothing more: what waits is turned away.
func (q *queue) end() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.ended = true
	q.room.Broadcast()
	q.signal()
}
