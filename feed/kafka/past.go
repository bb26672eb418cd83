package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"

	"tapedeck/feed"
	"tapedeck/market"
)

// Past is what topics still hold, as an archive: for what a recorder has not written yet. It knows no clocks and no
// symbols: every record of a window is read, and whoever reads tells the clock. Connections are opened as they are
// needed; Close ends them.
type Past struct {
	*Source
	ctx context.Context
	end context.CancelFunc

	mu    sync.Mutex
	known *layout
	idle  []*line
	holes map[feed.LogID][]feed.Hole // that reading came upon
	bad   map[feed.LogID]unreadable  // batches that could not be understood
}

// unreadable is an offset at which a batch could not be understood, and how often.
type unreadable struct {
	offset int64
	times  int
}

// line is a connection with the memory for what comes by it.
type line struct {
	*conn
	unpacker unpacker
}

const (
	patience   = 20 * time.Millisecond // how long Read waits at a log's end for what comes next
	idleLines  = 8                     // connections that are kept
	knownHoles = 1024                  // that are remembered, of each log
	clockBack  = 512                   // records before a place that tell the clock there
)

// NewPast returns an archive of the topics of a Config. Its errors are the configuration's.
func NewPast(c Config) (*Past, error) {
	s, err := New(c)
	if err != nil {
		return nil, err
	}
	p := &Past{Source: s, holes: map[feed.LogID][]feed.Hole{}, bad: map[feed.LogID]unreadable{}}
	p.ctx, p.end = context.WithCancel(context.Background())
	return p, nil
}

// Close ends all connections. Nothing can be read any more.
func (p *Past) Close() { p.end() }

// Logs implements feed.Archive. A log without records is left out.
func (p *Past) Logs(ctx context.Context) (list []feed.Holding, err error) {
	p.forget()
	l, err := p.look(ctx)
	if err != nil {
		return nil, err
	}
	for i := range p.config.Topics {
		t := &p.config.Topics[i]
		if !l.there(t.Name) {
			return nil, errors.New(l.absence(t.Name, 0))
		}
		for id := range l.topics[t.Name].leaders {
			h, err := p.holding(ctx, identify(l, t, id))
			if err != nil {
				return nil, err
			}
			if h.Next > h.First {
				list = append(list, h)
			}
		}
	}
	slices.SortFunc(list, func(a, b feed.Holding) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
	return list, nil
}

func identify(l *layout, t *Topic, id int32) feed.LogID {
	in := l.topics[t.Name]
	return feed.LogID{Cluster: l.cluster, Topic: t.Name, TopicID: cmp.Or(in.id.String(), t.Number), Partition: id, Format: t.Format.Name}
}

func (p *Past) holding(ctx context.Context, log feed.LogID) (h feed.Holding, err error) {
	h.LogID = log
	if h.First, h.Next, err = p.bounds(ctx, log); err != nil || h.First == h.Next {
		return h, err
	}
	h.Records = h.Next - h.First
	begin, err := p.first(ctx, log, h.First, h.Next)
	if err != nil {
		return h, err
	}
	end, err := p.clockAt(ctx, log, h.First, h.Next)
	h.Begin, h.End = begin, max(begin, end.Now())
	return h, err
}

// first returns the time of the first record from an offset on; 0 if there is none.
func (p *Past) first(ctx context.Context, log feed.LogID, from, to int64) (at int64, err error) {
	err = p.scan(ctx, log, from, to, func(r *feed.Record) bool { at = r.Time; return false })
	return at, err
}

// clockAt returns the log's clock before an offset, as the records before it tell.
func (p *Past) clockAt(ctx context.Context, log feed.LogID, first, at int64) (c market.Clock, err error) {
	var newest int64
	err = p.scan(ctx, log, max(first, at-clockBack), at, func(r *feed.Record) bool {
		c.Observe(r.Time)
		newest = r.Time
		return true
	})
	if c.Now() == 0 && newest > 0 {
		c = market.ClockAt(newest) // there is but one
	}
	return c, err
}

var errEnough = errors.New("enough was read")

// scan reads records until take returns false.
func (p *Past) scan(ctx context.Context, log feed.LogID, from, to int64, take func(*feed.Record) bool) error {
	for from < to {
		next, err := p.Read(ctx, log, feed.Window{From: from, To: to, Bytes: 64 << 10}, func(r *feed.Record) error {
			if !take(r) {
				return errEnough
			}
			return nil
		})
		if errors.Is(err, errEnough) || err == nil && next <= from {
			return nil
		}
		if err != nil {
			return err
		}
		from = next
	}
	return nil
}

// Seek implements feed.Archive. The clock before the record is told by the 512 before it: where records are out of order
// by more than those, it is lower than the log's.
func (p *Past) Seek(ctx context.Context, log feed.LogID, at int64) (offset, clock int64, err error) {
	first, end, err := p.bounds(ctx, log)
	if err != nil || first == end {
		return end, 0, err
	}
	from := end
	err = p.on(ctx, log, func(c *line, _ *Topic, _ uuid) (err error) {
		from, err = (&reader{part: feed.Partition{Topic: log.Topic, ID: log.Partition}}).since(c.conn, (at+999)/1000, first, end)
		return err
	})
	if err != nil {
		return 0, 0, err
	}
	c, err := p.clockAt(ctx, log, first, from)
	if err != nil {
		return 0, 0, err
	}
	offset, clock = end, c.Now()
	err = p.scan(ctx, log, from, end, func(r *feed.Record) bool { // a time far ahead is not believed at once
		if c.Observe(r.Time); c.Now() >= at || from == first && r.Offset == first && r.Time >= at {
			offset = r.Offset
			return false
		}
		clock = c.Now()
		return true
	})
	return offset, clock, err
}

// bounds returns where a log begins and ends; 0, 0 if the topic is another one by now.
func (p *Past) bounds(ctx context.Context, log feed.LogID) (first, end int64, err error) {
	err = p.on(ctx, log, func(c *line, _ *Topic, _ uuid) (err error) {
		first, end, err = c.bounds(log.Topic, log.Partition)
		return err
	})
	return first, end, err
}

// Read implements feed.Archive. It is one question: at the log's end it waits for 20 ms for what comes next.
func (p *Past) Read(ctx context.Context, log feed.LogID, w feed.Window, take func(*feed.Record) error) (next int64, err error) {
	next = w.From
	var refused error // by take
	err = p.on(ctx, log, func(c *line, t *Topic, id uuid) error {
		q := fetchRequest{
			topic: log.Topic, id: id, partition: log.Partition, offset: w.From, wait: patience,
			bytes: int32(min(cmp.Or(w.Bytes, 8<<20), p.config.FetchBytes)),
		}
		f, err := c.fetch(&q)
		if err == nil && f.err == kafka.OffsetOutOfRange {
			first, _, bad := c.bounds(log.Topic, log.Partition)
			if bad != nil || w.From >= first {
				return bad
			}
			q.offset = first
			f, err = c.fetch(&q)
		}
		switch {
		case err != nil:
			return err
		case f.err != 0:
			return f.err
		}
		s := stretch{past: p, log: log, compacted: t.Holes, window: w, next: w.From, floor: f.first, end: f.end, left: cmp.Or(w.Bytes, 8<<20), take: take}
		err = s.all(&c.unpacker, f.batches)
		next, refused = s.next, s.failed
		return err
	})
	return next, cmp.Or(refused, err)
}

// stretch hands on the records of one answer that lie in a window.
type stretch struct {
	past      *Past
	log       feed.LogID
	compacted bool
	window    feed.Window
	next      int64 // offset to go on from
	floor     int64 // the log's first
	end       int64 // after its last
	left      int   // bytes
	take      func(*feed.Record) error
	failed    error // take's
}

func (s *stretch) all(u *unpacker, b []byte) error {
	for s.left > 0 && !s.over(s.next) {
		h, rest, ok, err := cut(b)
		if err != nil || !ok {
			return err
		}
		if b = rest; h.next <= s.next {
			continue
		}
		if h.flags&control != 0 {
			s.skip(h.offset)
		} else {
			switch err := u.records(&h, s.next, s.record); {
			case err != nil && s.givesUp(&h, rest):
				continue
			case err != nil:
				return fmt.Errorf("%s/%d at offset %d: %w", s.log.Topic, s.log.Partition, s.next, err)
			case s.failed != nil:
				return nil
			}
			s.skip(h.next)
		}
		if s.next = max(s.next, h.next); s.over(s.next) {
			s.next = s.window.To
		}
	}
	return nil
}

// givesUp reports whether a batch that cannot be understood was asked for so often that its records are lost, and notes that.
func (s *stretch) givesUp(h *batch, rest []byte) bool {
	to := h.next
	if n, _, ok, _ := cut(rest); ok {
		to = n.offset // rather than what a damaged batch says of itself
	}
	p := s.past
	p.mu.Lock()
	bad := p.bad[s.log]
	if bad.offset != s.next {
		bad = unreadable{offset: s.next}
	}
	bad.times++
	p.bad[s.log] = bad
	p.mu.Unlock()
	if bad.times < tries || to <= s.next || to > s.end {
		return false
	}
	if s.window.To > 0 {
		to = min(to, s.window.To)
	}
	p.lost(s.log, feed.Hole{From: s.next, To: to, Why: feed.LossSource})
	s.next = to
	return true
}

// over reports whether an offset lies behind the window.
func (s *stretch) over(offset int64) bool { return s.window.To > 0 && offset >= s.window.To }

func (s *stretch) record(r *feed.Record) {
	if s.failed != nil || s.over(r.Offset) {
		return
	}
	s.skip(r.Offset)
	if s.failed = s.take(r); s.failed != nil {
		return
	}
	s.next = r.Offset + 1
	s.left -= len(r.Key) + len(r.Value)
	for _, h := range r.Headers {
		s.left -= len(h.Key) + len(h.Value)
	}
}

// skip notes what is missing if to is not the offset that had to come.
func (s *stretch) skip(to int64) {
	if s.window.To > 0 {
		to = min(to, s.window.To)
	}
	if start := min(s.floor, to); s.next < start {
		s.past.lost(s.log, feed.Hole{From: s.next, To: start, Why: feed.LossRetention})
		s.next = start
	}
	if s.next < to && !s.compacted {
		s.past.lost(s.log, feed.Hole{From: s.next, To: to, Why: feed.LossSource})
	}
	s.next = max(s.next, to)
}

func (p *Past) lost(log feed.LogID, h feed.Hole) {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := p.holes[log]
	if slices.Contains(list, h) {
		return
	}
	if len(list) == knownHoles {
		list = slices.Delete(list, 0, 1)
	}
	p.holes[log] = append(list, h)
}

// Holes implements feed.Archive. A hole is known once it was read over.
func (p *Past) Holes(_ context.Context, log feed.LogID, from, to int64) (list []feed.Hole, err error) {
	p.mu.Lock()
	known := slices.Clone(p.holes[log])
	p.mu.Unlock()
	slices.SortFunc(known, func(a, b feed.Hole) int { return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(b.To, a.To)) })
	told := from
	for _, h := range known {
		if h.From = max(h.From, told); h.From < min(h.To, to) {
			list = append(list, h)
			told = h.To
		}
	}
	return list, nil
}

// Checkpoint implements feed.Archive: there are none.
func (p *Past) Checkpoint(context.Context, feed.LogID, int64) (c feed.Checkpoint, ok bool, err error) {
	return c, false, nil
}

// on calls f with a connection to a log's leader that is f's alone; not if the topic is another one by now. After an
// error the layout is asked for again.
func (p *Past) on(ctx context.Context, log feed.LogID, f func(*line, *Topic, uuid) error) error {
	l, err := p.look(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(p.config.Topics, func(t Topic) bool { return t.Name == log.Topic })
	if i < 0 {
		return nil
	}
	if !l.there(log.Topic) {
		p.forget()
		return errors.New(l.absence(log.Topic, log.Partition))
	}
	t := &p.config.Topics[i]
	if identify(l, t, log.Partition) != log {
		return nil
	}
	address := l.leader(log.Topic, log.Partition)
	if address == "" {
		p.forget()
		return errors.New(l.absence(log.Topic, log.Partition))
	}
	c, err := p.line(ctx, address)
	if err != nil {
		p.forget()
		return errors.New(explain(err))
	}
	broken := context.AfterFunc(ctx, func() { c.net.Close() })
	err = f(c, t, l.topics[log.Topic].id)
	if free := broken(); free && err == nil {
		p.keep(c)
		return nil
	}
	c.close()
	if err == nil {
		return nil
	}
	p.forget()
	if errors.As(err, new(kafka.Error)) || hungUp(err) {
		return errors.New(explain(err))
	}
	return err
}

// line returns a connection to a broker: one that is idle, or a new one.
func (p *Past) line(ctx context.Context, address string) (*line, error) {
	p.mu.Lock()
	i := slices.IndexFunc(p.idle, func(c *line) bool { return c.address == address })
	if i >= 0 {
		c := p.idle[i]
		p.idle = slices.Delete(p.idle, i, i+1)
		p.mu.Unlock()
		return c, nil
	}
	p.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c, err := p.dialer.open(p.ctx, address)
	if err != nil {
		return nil, err
	}
	return &line{conn: c}, nil
}

// keep takes a connection back.
func (p *Past) keep(c *line) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) == idleLines {
		p.idle[0].close()
		p.idle = slices.Delete(p.idle, 0, 1)
	}
	p.idle = append(p.idle, c)
}

// look returns the cluster's layout, asking for it if need be.
func (p *Past) look(ctx context.Context) (*layout, error) {
	p.mu.Lock()
	l := p.known
	p.mu.Unlock()
	if l != nil {
		return l, nil
	}
	c, err := p.dialer.any(ctx, p.config.Cluster.Brokers)
	if err != nil {
		return nil, errors.New(explain(err))
	}
	defer c.close()
	names := make([]string, len(p.config.Topics))
	for i, t := range p.config.Topics {
		names[i] = t.Name
	}
	if l, err = c.metadata(names); err != nil {
		return nil, errors.New(explain(err))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.known = l
	return l, nil
}

// forget lets the layout be asked for again.
func (p *Past) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.known = nil
}
