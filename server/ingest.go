package server

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"tapedeck/feed"
	"tapedeck/feed/checkpoint"
	"tapedeck/subscriptions"
)

// ingest is the live timeline's end of the source: it decodes records and applies them to the hub.
type ingest struct {
	hub     *subscriptions.Hub
	feeds   map[string]Feed
	log     *slog.Logger
	refused func(feed.Partition, *feed.Record, feed.Reason)
	ready   *readiness
	formats func(name string) (*feed.Format, bool)
	part    string          // what of the market there is; "": all
	saved   checkpoint.Find // nil: logs are read without checkpoints
	counts  checkpointCounts

	// Of a replay, whose partitions are played by one goroutine:
	paced  bool
	events uint64          // applied
	newest atomic.Int64    // the clock of the newest record
	asked  func() []string // the venues whose rooms are asked for
	recall *recall         // what was played is remembered; nil: it is not

	mu   sync.Mutex
	logs map[feed.Partition]*partition
}

func newIngest(c *Config, hub *subscriptions.Hub) *ingest {
	in := &ingest{hub: hub, feeds: c.Feeds, log: c.Log, refused: c.Refused, formats: c.Formats, part: c.Part, logs: map[feed.Partition]*partition{}}
	in.ready = &readiness{ingest: in, timeout: c.ReadyTimeout, began: time.Now(), waiting: "waiting for the source"}
	if c.Checkpoints != nil {
		in.saved = c.Checkpoints.Checkpoint
	}
	for _, f := range c.Feeds {
		if f.Format.Venue != "" {
			hub.AddVenue(f.Format.Venue, in.kind(f).Venue())
		}
	}
	return in
}

// kind says how a feed's logs are folded.
func (in *ingest) kind(f Feed) *checkpoint.Kind {
	return &checkpoint.Kind{Hub: in.hub, Format: f.Format, Options: f.Options, Part: in.part}
}

// Assign implements feed.Sink.
func (in *ingest) Assign(parts []feed.Partition) { in.ready.assign(parts) }

// Waiting implements feed.Sink.
func (in *ingest) Waiting(reason string) { in.ready.wait(reason) }

// Open implements feed.Sink.
func (in *ingest) Open(p feed.Partition, at feed.Start) feed.Log {
	fold, err := in.kind(in.feed(p.Topic, at.Log.Format)).Open(p, at)
	if err != nil {
		in.log.Error("a checkpoint is left out, of what lies before it nothing is known", "error", err)
	}
	l := &partition{in: in, id: p, fold: fold, log: fold.Log}
	l.target.Store(at.End)
	l.from.Store(at.From)
	l.noted = at.From
	for _, r := range feed.Reasons {
		l.results.Store(r, new(atomic.Uint64))
	}
	in.mu.Lock()
	in.logs[p] = l
	in.mu.Unlock()
	return l
}

// feed returns how a topic is decoded: an archive says of what format it was.
func (in *ingest) feed(topic, format string) Feed {
	f, known := in.feeds[topic]
	if known && (format == "" || f.Format.Name == format) {
		return f
	}
	f = Feed{Options: feed.DefaultOptions()}
	f.Format, _ = in.formats(format)
	switch {
	case f.Format.Venue != "":
		in.hub.AddVenue(f.Format.Venue, in.kind(f).Venue())
	case in.asked != nil: // its records name theirs, and may come late in what is played
		known := in.hub.Venues()
		for _, v := range in.asked() {
			if !slices.Contains(known, v) {
				in.hub.AddVenue(v, in.kind(f).Venue())
			}
		}
	}
	return f
}

// checkpointPatience is how long a start waits for a checkpoint: a topic of a gigabyte is read in it.
const checkpointPatience = 30 * time.Second

// Resume implements feed.Resumer.
func (in *ingest) Resume(ctx context.Context, at feed.Start, upto int64) (feed.Start, error) {
	if in.saved == nil {
		return at, nil
	}
	k := in.kind(in.feed(at.Log.Topic, at.Log.Format))
	note := in.log.With("topic", at.Log.Topic, "partition", at.Log.Partition)
	looking, cancel := ctx, func() {}
	if !in.paced {
		looking, cancel = context.WithTimeout(ctx, checkpointPatience)
	}
	defer cancel()
	from, err := k.Resume(looking, in.saved, at, upto, func(offset int64, why error) {
		in.counts.refused.Add(1)
		note.Warn("a checkpoint does not fit and is left out", "offset", offset, "reason", why)
	})
	switch {
	case err != nil && !in.paced && ctx.Err() == nil: // an archive is waited for, by whoever replays it
		note.Error("no checkpoint is to be had: reading as if there were none", "error", err)
		return at, nil
	case from.Checkpoint != nil:
		in.counts.loaded.Add(1)
		note.Info("beginning at a checkpoint", "offset", from.From, "behind", upto-from.From, "instead of", at.From)
	}
	return from, err
}

// each calls f with every partition that was opened.
func (in *ingest) each(f func(*partition)) {
	in.mu.Lock()
	logs := make([]*partition, 0, len(in.logs))
	for _, l := range in.logs {
		logs = append(logs, l)
	}
	in.mu.Unlock()
	for _, l := range logs {
		f(l)
	}
}

func (in *ingest) find(p feed.Partition) *partition {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.logs[p]
}

// partition is one partition's decoder and log. Its methods of feed.Log are called by the source, one
// after the other; the atomics are for everybody.
type partition struct {
	in   *ingest
	id   feed.Partition
	fold *checkpoint.Fold
	log  *subscriptions.Log

	from    atomic.Int64           // where reading began
	target  atomic.Int64           // end of the log as it was at the start: ready when it is reached
	down    atomic.Pointer[outage] // nil while it is read
	records atomic.Uint64
	decoded atomic.Uint64
	results sync.Map // feed.Reason → *atomic.Uint64
	warned  map[feed.Reason]bool

	// Of a replay's, for recall:
	played int   // records since it was noted
	noted  int64 // offset
}

// outage is why and since when a partition cannot be read.
type outage struct {
	reason string
	since  time.Time
}

// Record implements feed.Log.
func (p *partition) Record(r *feed.Record) {
	p.records.Add(1)
	if err := p.fold.Record(r); err != nil {
		p.refuse(r, err)
	} else if !r.Mark {
		p.decoded.Add(1)
	}
	if p.in.paced {
		p.pace(r)
	}
}

// pace notes how far a replay has come.
func (p *partition) pace(r *feed.Record) {
	p.in.events += uint64(len(p.fold.Batch.Events)) + 1
	p.in.newest.Store(max(p.in.newest.Load(), r.Clock, r.Time))
	if p.in.recall != nil {
		p.in.recall.note(p, r.Offset)
	}
}

// refuse counts a record that brought nothing and sets it aside.
func (p *partition) refuse(r *feed.Record, err error) {
	reason := checkpoint.ReasonOf(err)
	p.count(reason).Add(1)
	if !reason.Bad() {
		return
	}
	if !p.warned[reason] { // the first of each reason; the counters tell the rest
		if p.warned == nil {
			p.warned = map[feed.Reason]bool{}
		}
		p.warned[reason] = true
		p.in.log.Warn("record refused; further ones of this reason are only counted",
			"topic", p.id.Topic, "partition", p.id.ID, "offset", r.Offset, "reason", string(reason), "error", err.Error())
	}
	if p.in.refused != nil {
		p.in.refused(p.id, r, reason)
	}
}

func (p *partition) count(reason feed.Reason) *atomic.Uint64 {
	if c, ok := p.results.Load(reason); ok {
		return c.(*atomic.Uint64)
	}
	c, _ := p.results.LoadOrStore(reason, new(atomic.Uint64))
	return c.(*atomic.Uint64)
}

// Lost implements feed.Log.
func (p *partition) Lost(from, to int64, why feed.Loss) {
	p.in.log.Warn("records lost", "topic", p.id.Topic, "partition", p.id.ID, "from", from, "to", to, "records", to-from, "reason", string(why))
	p.fold.Lost(from, to, why)
}

// Restart implements feed.Log.
func (p *partition) Restart(at feed.Start) {
	p.in.log.Warn("log begins anew", "topic", p.id.Topic, "partition", p.id.ID, "epoch", at.Epoch, "from", at.From)
	p.fold.Restart(p.id, at)
	p.from.Store(at.From)
	p.target.Store(at.End)
}

// End implements feed.Log.
func (p *partition) End(offset int64) { p.log.SetEnd(offset) }

// Ended implements feed.Ender.
func (p *partition) Ended() { p.log.Ended() }

// unread is what clients are told of a log that cannot be read. Why, with the addresses of brokers, is said in the log and by
// /readyz.
const unread = "source"

// Down implements feed.Log.
func (p *partition) Down(reason string) {
	out := &outage{reason: reason, since: time.Now()}
	if was := p.down.Load(); was != nil {
		out.since = was.since
	}
	p.down.Store(out)
	p.fold.Down(unread)
}

// Up implements feed.Log.
func (p *partition) Up() {
	p.down.Store(nil)
	p.fold.Down("")
}

// caught reports whether the partition was read up to the end that it had at the start.
func (p *partition) caught() bool {
	return int64(p.log.Seq()) >= p.target.Load() || p.from.Load() >= p.target.Load()
}

// lag is how many records lie between what was applied and the newest known.
func (p *partition) lag() uint64 {
	if end, seq := p.log.End(), p.log.Seq(); end > seq {
		return end - seq
	}
	return 0
}
