package record

import (
	"context"
	"time"

	"github.com/urfave/cli/v2"

	"tapedeck/cmd/flags"
	"tapedeck/feed"
	"tapedeck/feed/checkpoint"
	"tapedeck/feed/clickhouse"
	"tapedeck/snapshot"
	"tapedeck/subscriptions"
)

// Checkpoints says that each log is also folded into rooms, as whoever replays it does, and what for: a replay that begins
// amid a day goes on from the checkpoint before it.
type Checkpoints struct {
	To    feed.Checkpoints
	Every time.Duration // of log time
	Hub   subscriptions.Config
}

// CheckpointFlags say how often checkpoints are made, and of what.
func CheckpointFlags() []cli.Flag {
	const category = "Checkpoints"
	d := snapshot.DefaultLimits // as of streamer serve
	number := func(name string, value int, usage string) cli.Flag {
		return &cli.IntFlag{Name: name, Category: category, Value: value, Usage: usage}
	}
	return []cli.Flag{
		&cli.DurationFlag{Name: "checkpoint-every", Category: category, Value: 10 * time.Minute, Usage: "keep a checkpoint of each log after this `TIME` of it; 0s: none"},
		number("book-depth", d.Depth, "streamers that go on from them keep so many `LEVELS` a side"),
		number("snapshot-trades", d.Tape, "they begin a trades room with its last `N`"),
		number("snapshot-candles", d.Candles, "they begin a candles room with its last `N`"),
		number("log-entries", d.Trades, "they keep `N` entries a room"),
	}
}

// ReadCheckpoints returns what CheckpointFlags say; nil: none is kept.
func ReadCheckpoints(c *cli.Context, to feed.Checkpoints) (*Checkpoints, error) {
	k := &Checkpoints{To: to, Every: c.Duration("checkpoint-every"), Hub: subscriptions.Config{Limits: snapshot.Limits{
		Trades: c.Int("log-entries"), Tape: c.Int("snapshot-trades"), Depth: c.Int("book-depth"), Candles: c.Int("snapshot-candles"),
	}}}
	l := &k.Hub.Limits
	switch {
	case k.Every == 0:
		return nil, nil
	case k.Every < time.Minute:
		return nil, flags.BadFlag("--checkpoint-every is %v: 0s, or at least 1m", k.Every)
	case min(l.Trades, l.Tape, l.Depth, l.Candles) < 1:
		return nil, flags.BadFlag("--book-depth, --snapshot-trades, --snapshot-candles and --log-entries are at least 1")
	}
	return k, nil
}

// hub returns where logs are folded; nil: they are not.
func (c *Checkpoints) hub() *subscriptions.Hub {
	if c == nil {
		return nil
	}
	h := c.Hub
	h.Entries = 16 // nobody reads here
	return subscriptions.NewHub(h)
}

func (r *Recorder) kind(f Feed) *checkpoint.Kind {
	return &checkpoint.Kind{Hub: r.hub, Format: f.Format, Options: f.Options}
}

// resume returns where the folding of a log goes on: at the newest checkpoint of what the table has, or where it is read again.
func (r *Recorder) resume(ctx context.Context, l feed.LogID, t clickhouse.Tail) feed.Start {
	f := r.Feeds[l.Topic]
	at := feed.Start{Log: l, Epoch: l.Epoch(f.Format), From: t.Warm, Clock: t.Clock}
	note := r.Log.With("topic", l.Topic, "partition", l.Partition)
	at, err := r.kind(f).Resume(ctx, r.Checkpoints.To.Checkpoint, at, t.Next, func(offset int64, why error) {
		note.Warn("a checkpoint does not fit and is left out", "offset", offset, "reason", why)
	})
	if err != nil {
		note.Warn("no checkpoint is to be had: those to come know the log from here on", "error", err)
	}
	return at
}

// foldFrom lets a log be folded from a place on, which may lie behind where it is read again.
func (p *partition) foldFrom(at feed.Start) {
	switch {
	case p.r.hub == nil:
	case p.fold != nil:
		p.fold.Restart(partitionOf(at.Log), at)
	default:
		p.start = &at
	}
}

func partitionOf(l feed.LogID) feed.Partition { return feed.Partition{Topic: l.Topic, ID: l.Partition} }

// folding returns what the log is folded in, once that begins before an offset. It decodes for itself: where it begins it has
// another decoder's memory, and symbols of its own.
func (p *partition) folding(offset int64) *checkpoint.Fold {
	if p.start != nil && offset >= p.start.From {
		var err error
		if p.fold, err = p.r.kind(p.feed).Open(partitionOf(p.id), *p.start); err != nil {
			p.r.Log.Error("a checkpoint is left out, of what lies before it nothing is known", "error", err)
		}
		p.start = nil
	}
	return p.fold
}

// save asks for a checkpoint when one is due. While one is being made it is asked again at the next minute.
func (p *partition) save(clock int64) {
	if p.fold == nil || clock < p.due {
		return
	}
	select {
	case p.r.saves <- p.fold:
		p.due = clock + p.r.Checkpoints.Every.Microseconds()
	default:
	}
}

// save makes checkpoints of what it is sent until that ends.
func (r *Recorder) save(ctx context.Context) {
	for f := range r.saves {
		r.saveOne(ctx, f)
	}
}

// saveOne makes one. If it cannot be kept it is let go: the next one stands for it.
func (r *Recorder) saveOne(ctx context.Context, f *checkpoint.Fold) {
	saved, ok := f.Save()
	if !ok || ctx.Err() != nil {
		return
	}
	if err := r.Checkpoints.To.Keep(ctx, saved.Log, saved.Seal()); err != nil {
		r.Stats.Unsaved.Add(1)
		r.Log.Warn("a checkpoint is not kept: replays of its time begin earlier", "topic", saved.Log.Topic, "partition", saved.Log.Partition, "error", err)
		return
	}
	r.Stats.Saved.Add(1)
}

// saveAll makes one of every log at the end, so that the next recorder need not read anything again.
func (r *Recorder) saveAll(ctx context.Context) {
	const patience = 10 * time.Second
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	for _, p := range r.parts { // nobody opens one any more
		if p.fold != nil && !p.warm {
			r.saveOne(ctx, p.fold)
		}
	}
}
