// Package record keeps the records of Kafka topics in ClickHouse. The table is the memory of how far they are kept.
package record

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"tapedeck/feed"
	"tapedeck/feed/checkpoint"
	"tapedeck/feed/clickhouse"
	"tapedeck/feed/kafka"
	"tapedeck/subscriptions"
)

// Table is where records go: a clickhouse.Writer.
type Table interface {
	Tail(ctx context.Context, l feed.LogID, warm time.Duration) (clickhouse.Tail, error)
	Write(ctx context.Context, b *clickhouse.Batch) error
	Settle(ctx context.Context, b *clickhouse.Batch) error
	Holes(ctx context.Context, b *clickhouse.Batch) error
}

// Feed says how a topic's records are read.
type Feed struct {
	Format  *feed.Format
	Options feed.Options
}

// Config of a Recorder.
type Config struct {
	Table       Table
	Feeds       map[string]Feed // by topic
	From        time.Time       // where a log begins of which nothing is held; zero: with its oldest record
	Limits      Limits
	Drain       time.Duration // how long what was taken may still be written at the end
	Backoff     time.Duration // the longest time between two attempts
	Spool       *Spool        // nil: a batch that is refused is tried until it is taken
	Checkpoints *Checkpoints  // nil: none are made
	Log         *slog.Logger
	Bar         io.Writer // where a bar is shown until the logs' ends are reached; nil: nowhere
}

// warm is how far (log time) before its end a log is read again at a start: minutes that were open then are made whole, and
// decoders remember. A candle is final 2 s after its end, and known whole when a minute before it was read.
const warm = 3 * time.Minute

// Recorder is a feed.Sink that writes what it is given.
type Recorder struct {
	Config
	queue *queue
	hub   *subscriptions.Hub // nil: no checkpoints
	saves chan *checkpoint.Fold
	Stats Stats

	mu     sync.Mutex
	tails  map[feed.LogID]clickhouse.Tail
	starts map[feed.LogID]feed.Start // of folding
	parts  map[feed.Partition]*partition
}

// Stats are counted while it runs.
type Stats struct {
	Records, Bytes, Batches, Retries, Refused, Lost atomic.Int64
	Saved, Unsaved                                  atomic.Int64           // checkpoints
	Trouble                                         atomic.Pointer[string] // why nothing is written at the moment
}

// New returns a recorder.
func New(c Config) *Recorder {
	return &Recorder{
		Config: c, queue: newQueue(c.Limits), hub: c.Checkpoints.hub(), saves: make(chan *checkpoint.Fold),
		tails: map[feed.LogID]clickhouse.Tail{}, starts: map[feed.LogID]feed.Start{}, parts: map[feed.Partition]*partition{},
	}
}

// Begin tells a Kafka source where to go on: behind what the table holds, and a little before.
func (r *Recorder) Begin(ctx context.Context, l feed.LogID) (kafka.Beginning, error) {
	t, err := r.Table.Tail(ctx, l, warm)
	if err != nil || !t.Held {
		return kafka.Beginning{Time: r.From}, err
	}
	start := feed.Start{From: t.Warm, Clock: t.Clock}
	if r.hub != nil {
		if start = r.resume(ctx, l, t); start.From < t.Warm {
			t.Warm, t.Clock = start.From, start.Clock
		}
	}
	r.mu.Lock()
	r.tails[l], r.starts[l] = t, start
	r.mu.Unlock()
	return kafka.Beginning{Known: true, Offset: t.Warm}, nil
}

// Run records what a source brings until ctx ends, and then writes what it has.
func (r *Recorder) Run(ctx context.Context, s feed.Source) error {
	if err := r.settle(ctx, nil); err != nil {
		return nil // interrupted while waiting
	}
	writing, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	written := make(chan error, 1)
	go func() { written <- r.write(writing) }()
	go func() {
		<-ctx.Done()
		r.queue.end()
	}()
	telling := r.tell(ctx)
	saved := make(chan struct{})
	go func() { defer close(saved); r.save(ctx) }()
	err := s.Run(ctx, r)
	close(r.saves)
	<-saved
	<-telling
	r.queue.end()
	late := time.AfterFunc(r.Drain, stop)
	defer late.Stop()
	if failed := <-written; err == nil {
		err = failed
	}
	r.saveAll(ctx)
	return err
}

// write writes batch after batch. It ends when nothing more comes, or with ctx.
func (r *Recorder) write(ctx context.Context) error {
	for {
		b, wait, more := r.queue.next()
		switch {
		case !more:
			return nil
		case b != nil:
			size := b.Size
			if err := r.batch(ctx, b.Batch); err != nil {
				return fmt.Errorf("the last records were not written, the next start takes them again: %w", err)
			}
			r.queue.done(b, size)
			continue
		}
		t := time.NewTimer(wait)
		select {
		case <-r.queue.wake:
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		}
		t.Stop()
	}
}

// batch writes one batch, whatever it takes. Its error is ctx's.
func (r *Recorder) batch(ctx context.Context, b *clickhouse.Batch) error {
	records, size := int64(len(b.Records)), int64(b.Size)
	began := time.Now()
	for failures := 0; ; failures++ {
		err := r.Table.Write(ctx, b)
		if err == nil {
			r.well(began)
			r.Stats.Records.Add(records)
			r.Stats.Bytes.Add(size)
			r.Stats.Batches.Add(1)
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if clickhouse.Refused(err) {
			r.Stats.Refused.Add(1)
			if kept := r.keep(ctx, b, err); kept {
				return nil
			}
		}
		if err := r.pause(ctx, failures, began, err); err != nil {
			return err
		}
		if err := r.settle(ctx, b); err != nil {
			return err
		}
	}
}

// settle waits until it is known what the table holds.
func (r *Recorder) settle(ctx context.Context, b *clickhouse.Batch) error {
	began := time.Now()
	for failures := 0; ; failures++ {
		err := r.Table.Settle(ctx, b)
		if err == nil {
			if b == nil {
				r.well(began)
			}
			return nil
		}
		if err := r.pause(ctx, failures, began, err); err != nil {
			return err
		}
	}
}

// pause waits by chance up to a time that doubles, so that many recorders do not come at once.
func (r *Recorder) pause(ctx context.Context, failures int, began time.Time, why error) error {
	r.Stats.Retries.Add(1)
	d := rand.N(min(50*time.Millisecond<<min(failures, 16), r.Backoff)) + time.Millisecond
	text := why.Error()
	r.Stats.Trouble.Store(&text)
	r.Log.Warn("records are not written: trying again", "in", d.Round(time.Millisecond), "for", time.Since(began).Round(time.Millisecond), "error", text)
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *Recorder) well(began time.Time) {
	if r.Stats.Trouble.Swap(nil) != nil {
		r.Log.Info("records are written again", "after", time.Since(began).Round(time.Millisecond))
	}
}

// keep puts a refused batch aside. What comes after it may be written once the table says that it is missing.
func (r *Recorder) keep(ctx context.Context, b *clickhouse.Batch, why error) bool {
	if r.Spool == nil || len(b.Records) == 0 {
		return false
	}
	name, err := r.Spool.Keep(b)
	if err != nil {
		r.Log.Error("a batch that is refused cannot be kept: recording waits", "error", err)
		return false
	}
	for i, l := range b.Logs {
		if from, to, ok := b.Ends(i); ok {
			b.Holes = append(b.Holes, clickhouse.Hole{Log: i, Clock: b.Day * 24 * 3600e6, Hole: feed.Hole{From: from, To: to, Why: feed.LossArchive}})
			r.Log.Error("a batch is refused and kept: send it with replay record --resend", "file", name, "topic", l.Topic, "partition", l.Partition, "from", from, "to", to, "error", why)
		}
	}
	if err := r.Table.Holes(ctx, b); err != nil {
		r.Log.Error("the table does not even take that records are missing: recording waits", "error", err)
		return false
	}
	return true
}

// Assign implements feed.Sink.
func (r *Recorder) Assign([]feed.Partition) {}

// Waiting implements feed.Sink.
func (r *Recorder) Waiting(reason string) { r.Log.Info("waiting", "for", reason) }

// Open implements feed.Sink.
func (r *Recorder) Open(p feed.Partition, at feed.Start) feed.Log {
	l := &partition{r: r, feed: r.Feeds[p.Topic]}
	r.mu.Lock()
	tail, known := r.tails[at.Log]
	start, begun := r.starts[at.Log]
	delete(r.starts, at.Log)
	r.parts[p] = l
	r.mu.Unlock()
	l.begin(at, tail, known)
	if !begun {
		start = at
	}
	start.Epoch, start.Log, start.End = at.Epoch, at.Log, at.End
	l.foldFrom(start)
	r.Log.Info("recording", "topic", p.Topic, "partition", p.ID, "from", max(at.From, tail.Next), "end", at.End)
	return l
}
