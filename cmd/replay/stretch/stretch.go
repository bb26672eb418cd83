// Package stretch reads a stretch of an archive: the records of its logs, in the one order that replays have, as fast as
// whoever takes them. Its memory is bounded, however long the stretch is.
package stretch

import (
	"context"
	"errors"
	"slices"
	"time"

	"tapedeck/feed"
	"tapedeck/feed/clickhouse"
	"tapedeck/feed/player"
	"tapedeck/market"
	"tapedeck/throttle"
)

// Stretch says what is read.
type Stretch struct {
	Archive feed.Archive
	Formats []*feed.Format // that are known: logs of others are left out
	Topics  []string       // logs of other topics are left out; nil: none is
	From    int64          // µs of the log's clock; 0: from the first record
	To      int64          // not this one; 0: as far as the archive goes
	Symbols []string       // VENUE:NAME; records of others may be left out. nil: none is
	Warmup  time.Duration  // what is read before From, for decoders that remember; 0: nothing
	Say     func(format string, args ...any)
}

// Source is one log in a stretch.
type Source struct {
	feed.LogID
	Format *feed.Format
	From   int64 // offset of the first record that is told
	Clock  int64 // the log's clock before it, where it is known; else 0
}

// Sink takes what is read, all of it in one goroutine.
type Sink interface {
	// Begin begins a log. After an error nothing more is told.
	Begin(s *Source) (Log, error)
}

// Log takes one log's records.
type Log interface {
	// Take takes the next record, whose Clock is set. before: it lies before the stretch.
	Take(r *feed.Record, before bool) error
	// Lost says that the records of these offsets are missing.
	Lost(h feed.Hole, before bool)
}

// Logs lists the logs that the stretch is of.
func (s *Stretch) Logs(ctx context.Context) (list []feed.Holding, err error) {
	all, err := s.Archive.Logs(ctx)
	for _, h := range all {
		if s.format(h.Format) == nil || s.Topics != nil && !slices.Contains(s.Topics, h.Topic) || h.End < s.From || s.To > 0 && h.Begin >= s.To {
			continue
		}
		list = append(list, h)
	}
	return list, err
}

func (s *Stretch) format(name string) *feed.Format {
	for _, f := range s.Formats {
		if f.Name == name {
			return f
		}
	}
	return nil
}

// ErrNothing is the error of a stretch of which the archive holds nothing.
var ErrNothing = errors.New("nothing of this is archived: replay ls lists what is")

// Read reads it to its end. An archive that does not answer is asked again until ctx ends; a query that cannot be replayed is an error.
func (s *Stretch) Read(ctx context.Context, sink Sink) error {
	logs, err := s.Logs(ctx)
	if err != nil {
		return err
	}
	if len(logs) == 0 {
		return ErrNothing
	}
	reading, spoil := context.WithCancelCause(ctx)
	stop := func() { spoil(nil) }
	defer stop()
	st := &stage{Stretch: s, sink: sink, stop: stop}
	p := player.New(player.Config{
		Archive: chosen{s.Archive, logs, spoil},
		Formats: func(name string) (*feed.Format, bool) { f := s.format(name); return f, f != nil },
		From:    s.From, To: s.To, Speed: throttle.Max, Warmup: max(s.Warmup, time.Microsecond),
	}, st)
	p.Do(player.Command{Op: player.Widen, Symbols: s.Symbols})
	p.Run(reading)
	if st.err == nil && !st.ended {
		return context.Cause(reading)
	}
	return st.err
}

// chosen is an archive of which some logs are read, and no checkpoints: they are a server's.
type chosen struct {
	feed.Archive
	logs  []feed.Holding
	spoil context.CancelCauseFunc
}

// Read implements feed.Archive. What a query gives that cannot be replayed does not pass by waiting.
func (c chosen) Read(ctx context.Context, log feed.LogID, w feed.Window, take func(*feed.Record) error) (int64, error) {
	next, err := c.Archive.Read(ctx, log, w, take)
	if errors.Is(err, clickhouse.ErrQuery) {
		c.spoil(err)
	}
	return next, err
}

func (c chosen) Logs(context.Context) ([]feed.Holding, error) { return c.logs, nil }

func (c chosen) Checkpoint(context.Context, feed.LogID, int64) (k feed.Checkpoint, ok bool, err error) {
	return k, false, nil
}

// stage is what a player plays to.
type stage struct {
	*Stretch
	sink  Sink
	stop  context.CancelFunc
	shown bool
	ended bool
	err   error
}

func (s *stage) fail(err error) {
	if s.err == nil && err != nil {
		s.err = err
		s.stop()
	}
}

// Set implements player.Stage.
func (s *stage) Set([]string) feed.Sink { return s }

// Show implements player.Stage.
func (s *stage) Show(bool) { s.shown = true }

// Brake implements player.Stage: whoever takes records waits in Take.
func (s *stage) Brake() <-chan struct{} { return nil }

// Settle implements player.Stage: it has taken all.
func (s *stage) Settle() <-chan struct{} { return settled }

var settled = func() <-chan struct{} { ch := make(chan struct{}); close(ch); return ch }()

// Live implements player.Stage.
func (s *stage) Live(func(string) bool) bool { return false }

// Tell implements player.Stage.
func (s *stage) Tell(t player.Status) {
	if t.State == player.End {
		s.ended = true
		s.stop()
	} else if t.Reason != "" && s.Say != nil {
		s.Say("%s: %v", t.Reason, t.Err)
	}
}

// Missing implements player.Stage.
func (s *stage) Missing(why string) { s.fail(errors.New(why)) }

// Assign implements feed.Sink.
func (s *stage) Assign([]feed.Partition) {}

// Waiting implements feed.Sink.
func (s *stage) Waiting(string) {}

// Open implements feed.Sink.
func (s *stage) Open(_ feed.Partition, at feed.Start) feed.Log {
	l := &log{stage: s}
	l.Restart(at)
	return l
}

// log tells one partition's records.
type log struct {
	*stage
	to    Log // nil after an error
	clock market.Clock
}

// Restart implements feed.Log.
func (l *log) Restart(at feed.Start) {
	l.clock = market.ClockAt(at.Clock)
	var err error
	l.to, err = l.sink.Begin(&Source{LogID: at.Log, Format: l.format(at.Log.Format), From: at.From, Clock: at.Clock})
	l.fail(err)
}

// Record implements feed.Log.
func (l *log) Record(r *feed.Record) {
	if r.Clock > 0 {
		l.clock.Set(r.Clock)
	} else {
		l.clock.Observe(r.Time)
	}
	if l.err != nil {
		return
	}
	was := r.Clock
	r.Clock = l.clock.Now()
	l.fail(l.to.Take(r, !l.shown))
	r.Clock = was
}

// Lost implements feed.Log.
func (l *log) Lost(from, to int64, why feed.Loss) {
	if l.err == nil {
		l.to.Lost(feed.Hole{From: from, To: to, Why: why}, !l.shown)
	}
}

// End implements feed.Log.
func (l *log) End(int64) {}

// Down implements feed.Log.
func (l *log) Down(string) {}

// Up implements feed.Log.
func (l *log) Up() {}
