// Package publish sends recorded sessions into a Kafka topic, as the collector did or would have done:
// keyed so that what belongs together stays in one partition, with the time of receipt as the record's
// time, and in the rhythm of the recording if that is wanted.
//
// Each message arrives exactly once, whatever happens on the way: see lane for what is lost and sent
// again, and tail for how a publisher that was killed is succeeded by the next.
package publish

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/segmentio/kafka-go"

	"tapedeck/cmd/replay/progress"
	"tapedeck/cmd/replay/stretch"
	"tapedeck/feed"
	"tapedeck/feed/capture"
)

// Options say what is sent, where to and how.
type Options struct {
	Client      *kafka.Client
	Topic       string
	Create      *Creation // where not nil, makes the topic if there is none
	Compression kafka.Compression
	GiveUp      time.Duration // when nothing can be sent for so long

	Stretch *stretch.Stretch // what is sent, of an archive; nil: captures

	Files  []string     // captures, with the REST files to be merged into them
	Format *feed.Format // of captures
	Symbol string       // of bodies that do not name theirs
	All    bool         // also what carries no market data

	Speed  float64 // 1: as it was received; 0: as fast as possible
	Now    bool    // a record's time is when it is sent by the pace, from the present on
	Loop   bool    // begin again at the end
	Resume bool    // go on where the newest run of this session ended
	Again  bool    // whether or not the topic has this session already

	Say   func(format string, args ...any) // tells people what is going on
	Stats *Stats                           // kept up to date
}

// Stats is how far the publishing is. It may be read at any time.
type Stats struct {
	Read, Size atomic.Int64 // bytes of the files, or µs of the stretch
	Time       atomic.Int64 // receive time of the newest message that was read, µs
	Pass       atomic.Int64 // of --loop, from 0
	Sent       atomic.Int64 // records that were acknowledged
}

// gauge is how a Stats is shown.
func (s *Stats) gauge() progress.Gauge {
	return progress.Gauge{
		Far:   func() (done, of int64) { return s.Read.Load(), s.Size.Load() },
		Count: s.Sent.Load, What: "records",
		Note: func() string {
			text := ", at " + time.UnixMicro(s.Time.Load()).UTC().Format("2006-01-02 15:04:05")
			if pass := s.Pass.Load(); pass > 0 {
				text += fmt.Sprintf(", pass %d", pass+1)
			}
			return text
		},
	}
}

// Result is what came of it.
type Result struct {
	Messages int64                 // that were read
	Sent     int64                 // records that all replicas acknowledged
	There    int64                 // messages that the topic had from an earlier run
	LeftOut  int64                 // messages without market data
	Refused  map[feed.Reason]int64 // messages that were sent though the feed's decoder refuses them
	BadLines int64                 // that could not be read
	Missing  int64                 // offsets that the archive knows it does not have
	FirstBad error
}

// The bounds on memory: a batch, and all batches together. A lane has two.
const (
	maxBatch = 256 << 10
	maxAll   = 64 << 20
)

// grace is how long a publisher that was interrupted waits for what is under way.
const grace = 10 * time.Second

// publisher is one run.
type publisher struct {
	*Options
	pipe     *pipe
	keys     *Keyer
	homes    map[string]int // the partition of each key
	marks    []mark         // of each partition
	lanes    []*lane        // nil before the first record
	start    func(*lane)    // runs one until its end
	spread   int            // partitions that keys are spread over
	identity producer       // of lanes without a record from an earlier run
	pace     pacer
	ahead    int64 // what the passes before this one add, µs
	first    int64 // the pass's first and greatest time, µs
	last     int64
	line     int64
	result   Result
	running  sync.WaitGroup
}

// Run publishes until the files end, ctx does, or nothing more can be sent. What was acknowledged is in the
// topic in any case.
func Run(ctx context.Context, o Options) (Result, error) {
	p, err := prepare(ctx, &o)
	if err != nil {
		return Result{}, err
	}
	reading, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	sending, abandon := context.WithCancelCause(context.WithoutCancel(ctx))
	defer abandon(nil)

	before, failed := o.Stats.Sent.Load(), make(chan error, len(p.lanes))
	p.start = func(l *lane) {
		if err := l.run(sending); err != nil {
			failed <- err
			stop(err)
		}
	}
	err = p.passes(reading)
	p.finish(ctx, abandon)
	p.result.Sent = o.Stats.Sent.Load() - before
	select {
	case err = <-failed:
	default:
	}
	return p.result, err
}

// prepare looks at the topic and at what it has of the session.
func prepare(ctx context.Context, o *Options) (*publisher, error) {
	s, begin, err := o.session(ctx)
	if err != nil {
		return nil, err
	}
	partitions, err := o.partitions(ctx)
	if err != nil {
		return nil, err
	}
	if begin > 0 {
		o.warn(ctx, time.UnixMicro(begin))
	}
	t := tail{client: o.Client, topic: o.Topic, session: s}
	p := &publisher{Options: o, pace: pacer{speed: o.Speed}, homes: map[string]int{}}
	if o.Stretch == nil {
		p.keys = NewKeyer(o.Format, o.Symbol, o.All)
	}
	if p.marks, err = t.marks(ctx, o, partitions); err != nil {
		return nil, err
	}
	for _, m := range p.marks {
		if m.line > 0 {
			p.identity = m.from
		}
	}
	if p.identity == (producer{}) {
		if p.identity, err = o.newProducer(ctx); err != nil {
			return nil, err
		}
	}
	p.lanes = make([]*lane, partitions)
	p.spread = t.session.partitions
	p.pipe = &pipe{
		client: o.Client, topic: o.Topic, capture: t.session.String(), compression: o.Compression,
		limit: min(maxBatch, maxAll/(2*partitions)), stats: o.Stats, patience: patience{o.GiveUp, o.Say},
	}
	return p, nil
}

// passes reads the session once, or with --loop until the end.
func (p *publisher) passes(ctx context.Context) error {
	pass := p.pass
	if p.Stretch != nil {
		pass = p.replay
	}
	for {
		p.first, p.last = 0, 0
		if err := pass(ctx); err != nil || !p.Loop || p.first == 0 {
			return err
		}
		p.ahead += p.last - p.first + 1000 // the next pass begins a millisecond after this one's end
		p.Stats.Pass.Add(1)
	}
}

// pass reads the files once.
func (p *publisher) pass(ctx context.Context) error {
	files, err := capture.OpenMerged(p.Files...)
	if err != nil {
		return err
	}
	defer files.Close()
	var (
		m capture.Message
		r record
	)
	for {
		m, err = files.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil && !capture.IsBadLine(err) {
			return err
		}
		read, size := files.Progress()
		p.Stats.Read.Store(read)
		p.Stats.Size.Store(size)
		if p.line++; err != nil {
			p.bad(err)
			continue
		}
		if err := p.publish(ctx, &m, &r); err != nil {
			return err
		}
	}
}

func (p *publisher) bad(err error) {
	if p.result.BadLines++; p.result.BadLines == 1 {
		p.result.FirstBad = err
	}
	if p.result.BadLines <= 5 {
		p.Say("%v; it is left out", err)
	}
}

// met counts a message, and says how far it is.
func (p *publisher) met(at int64) {
	p.result.Messages++
	if p.first == 0 {
		p.first = at
	}
	p.last = max(p.last, at)
	p.Stats.Time.Store(at)
}

// publish sends one message of a capture.
func (p *publisher) publish(ctx context.Context, m *capture.Message, r *record) error {
	p.met(m.Time)
	k, err := p.keys.Key(m)
	if err != nil {
		return err
	}
	*r = record{line: p.line, key: k.Key, symbol: k.Symbol, value: m.Data}
	if k.Unused {
		p.result.LeftOut++
		return nil
	}
	return p.send(ctx, m.Time, r, k.Why)
}

// send hands a record to its lane, when it is due.
func (p *publisher) send(ctx context.Context, at int64, r *record, why feed.Reason) error {
	i := p.partition(r.key)
	if r.line <= p.marks[i].line {
		p.result.There++
		return nil
	}
	if why != "" && why.Bad() {
		p.refused(why)
	}
	due := at + p.ahead
	if err := p.pace.wait(ctx, due); err != nil {
		return context.Cause(ctx)
	}
	r.time = due / 1000
	if p.Now {
		r.time = p.pace.at(due).UnixMilli()
	}
	return p.lane(i).add(ctx, r)
}

// partition returns the partition of a key: the one that the Java client would choose, so that a session
// lies where a collector in whatever language would have put it, and in the same place every time.
func (p *publisher) partition(key string) int {
	i, known := p.homes[key]
	if !known {
		var java kafka.Murmur2Balancer
		all := make([]int, p.spread)
		for n := range all {
			all[n] = n
		}
		i = java.Balance(kafka.Message{Key: []byte(key)}, all...)
		p.homes[key] = i
	}
	return i
}

func (p *publisher) refused(why feed.Reason) {
	if p.result.Refused == nil {
		p.result.Refused = map[feed.Reason]int64{}
	}
	p.result.Refused[why]++
}

// lane returns the lane of a partition, and starts it when it is first needed.
func (p *publisher) lane(i int) *lane {
	if p.lanes[i] == nil {
		from := p.identity
		if p.marks[i].line > 0 {
			from = p.marks[i].from
		}
		l := newLane(p.pipe, i, from, p.marks[i])
		p.lanes[i] = l
		p.running.Go(func() { p.start(l) })
	}
	return p.lanes[i]
}

// finish waits until the lanes have sent what they have, but not for long once ctx has ended.
func (p *publisher) finish(ctx context.Context, abandon context.CancelCauseFunc) {
	for _, l := range p.lanes {
		if l != nil {
			close(l.work)
		}
	}
	done := make(chan struct{})
	go func() {
		p.running.Wait()
		close(done)
	}()
	select {
	case <-done:
		return
	case <-ctx.Done():
	}
	select {
	case <-done:
	case <-time.After(grace):
		abandon(fmt.Errorf("the brokers did not answer for %s", grace))
		<-done
	}
}
