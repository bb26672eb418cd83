package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"time"

	"github.com/segmentio/kafka-go"

	"tapedeck/feed"
)

// reader reads one partition. It is one goroutine, and the only one that calls its log.
type reader struct {
	*Source
	topic *Topic
	part  feed.Partition
	sink  feed.Sink
	fresh bool     // it turned up while we were running: all of it is new
	log   feed.Log // nil until its bounds are known
	note  *slog.Logger

	cluster string
	id      uuid   // of the topic, zero where there is none
	left    uuid   // the one before: a broker that still names it is behind
	mark    string // of a log that was made anew where there are no ids
	next    int64  // offset that has to come
	term    int32  // of the leader that took the newest record, -1: none
	isCut   bool   // the log ends before next, and was told to
	isTold  bool   // that there are transactions

	unpacker unpacker
	take     func(*feed.Record)
	floor    int64 // first offset that the log holds, of the newest answer

	good     time.Time // when an answer was last as it should be
	isDown   string    // why it is, as the log was told
	corrupt  int64     // offset of a batch that could not be read
	attempts int       // at it
}

func newReader(s *Source, t *Topic, p feed.Partition, sink feed.Sink, fresh bool) *reader {
	r := &reader{Source: s, topic: t, part: p, sink: sink, fresh: fresh, term: -1, corrupt: -1, good: time.Now()}
	r.note = s.config.Log.With("topic", p.Topic, "partition", p.ID)
	r.take = r.record // once, so that nothing is allocated for each batch
	return r
}

// errMoved is that somebody else leads the partition, or another topic has its name.
var errMoved = errors.New("the partition has moved")

// run reads until ctx ends, whatever happens.
func (r *reader) run(ctx context.Context) {
	for failures := 0; ctx.Err() == nil; {
		good, next := r.good, r.next
		err := r.session(ctx)
		if r.good != good || r.next != next {
			failures = 0
		}
		if ctx.Err() != nil || errors.Is(err, errMoved) {
			continue
		}
		failures++
		r.outdated()
		r.failed(err)
		wait(ctx, backoff(failures, r.config.Backoff))
	}
}

// session is one connection's time.
func (r *reader) session(ctx context.Context) error {
	l := r.layout.Load()
	address := l.leader(r.part.Topic, r.part.ID)
	if address == "" {
		return errors.New(l.absence(r.part.Topic, r.part.ID))
	}
	c, err := r.dialer.open(ctx, address)
	if errors.As(err, new(*net.DNSError)) {
		return fmt.Errorf("the brokers name the leader %s, which is not known here: see their advertised.listeners", address)
	}
	if err != nil {
		return err
	}
	defer c.close()
	if r.log == nil {
		err = r.open(ctx, c, l)
	} else {
		err = r.resume(c, l)
	}
	if err != nil {
		return err
	}
	return r.follow(ctx, c, l)
}

// failed takes note of an error; the rooms hear of it only when it lasts.
func (r *reader) failed(err error) {
	if time.Since(r.good) >= r.config.DownAfter {
		r.down(explain(err))
	}
}

func (r *reader) down(reason string) {
	if r.isDown == reason {
		return
	}
	r.isDown = reason
	r.note.Warn("cannot be read", "reason", reason)
	if r.log != nil {
		r.log.Down(reason)
	}
}

// well is called after an answer that is as it should be.
func (r *reader) well() {
	r.good, r.isCut = time.Now(), false
	if r.isDown != "" {
		r.isDown = ""
		r.note.Info("is read again")
		r.log.Up()
	}
}

// identity names the log as it is now.
func (r *reader) identity() feed.LogID {
	id := r.id.String()
	if id == "" {
		id = r.topic.Number + r.mark
	}
	return feed.LogID{Cluster: r.cluster, Topic: r.topic.Name, TopicID: id, Partition: r.part.ID, Format: r.topic.Format.Name}
}

func (r *reader) at(from, first, end int64) feed.Start {
	log := r.identity()
	return feed.Start{Epoch: log.Epoch(r.topic.Format), Log: log, From: from, First: first, End: end}
}

// open finds where to begin, and begins.
func (r *reader) open(ctx context.Context, c *conn, l *layout) error {
	first, end, err := c.bounds(r.part.Topic, r.part.ID)
	if err != nil {
		return err
	}
	r.cluster, r.id = l.cluster, l.topics[r.part.Topic].id
	from, err := r.begin(ctx, c, first, end)
	if err != nil {
		return err
	}
	start := r.at(from, first, end)
	if s, ok := r.sink.(feed.Resumer); ok {
		if start, err = s.Resume(ctx, start, end); err != nil {
			return err
		}
	}
	r.next, r.floor = start.From, first
	r.log = r.sink.Open(r.part, start)
	r.isDown = ""
	return nil
}

// begin returns the offset to begin with.
func (r *reader) begin(ctx context.Context, c *conn, first, end int64) (int64, error) {
	switch {
	case r.config.Begin == nil && r.fresh:
		return first, nil
	case r.config.Begin == nil:
		return r.rewind(c, first, end)
	}
	at, err := r.config.Begin(ctx, r.identity())
	switch {
	case err != nil:
		return 0, err
	case at.Known:
		return at.Offset, nil // fetching tells what of it is not there
	case at.Time.IsZero() || r.fresh:
		return first, nil
	}
	return r.since(c, at.Time.UnixMilli(), first, end)
}

// since returns the offset of the first record that is not older than a time in ms.
func (r *reader) since(c *conn, at, first, end int64) (int64, error) {
	from, err := c.offset(r.part.Topic, r.part.ID, max(at, 0))
	if err != nil {
		return 0, err
	}
	if from < 0 {
		return end, nil
	}
	return min(max(from, first), end), nil
}

// rewind returns the offset that lies the warm-up before the newest record. The record's time counts and not
// ours, so that a market that has been quiet for days is rewound too.
func (r *reader) rewind(c *conn, first, end int64) (int64, error) {
	if r.config.Warmup <= 0 || first == end {
		return end, nil
	}
	f, err := c.fetch(&fetchRequest{topic: r.part.Topic, id: r.id, partition: r.part.ID, offset: end - 1, bytes: 1})
	if err != nil {
		return 0, err
	}
	if f.err != 0 {
		return 0, f.err
	}
	newest := time.Now().UnixMilli()
	if h, _, ok, _ := cut(f.batches); ok {
		newest = min(newest, h.newest)
	}
	return r.since(c, newest-r.config.Warmup.Milliseconds(), first, end)
}

// follow fetches from next on until something is wrong. The next request is under way while an answer's
// records are taken: at a distance of 2 ms that saves a fifth of a warm-up's time.
func (r *reader) follow(ctx context.Context, c *conn, l *layout) error {
	q := fetchRequest{
		topic: r.part.Topic, id: r.id, partition: r.part.ID, offset: r.next,
		wait: r.config.Wait, bytes: int32(r.config.FetchBytes),
	}
	if err := c.fetchSend(&q); err != nil {
		return err
	}
	for progress := time.Now(); ; {
		f, err := c.fetchReceive(&q)
		if err != nil {
			return err
		}
		if f.err == kafka.OffsetOutOfRange {
			return r.outOfRange(c)
		}
		if f.err != 0 {
			return f.err
		}
		q.offset = after(f.batches, r.next)
		if err := c.fetchSend(&q); err != nil {
			return err
		}
		r.log.End(f.end)
		if stuck := q.offset == r.next && r.next < f.end; !stuck {
			if err := r.all(&f); err != nil {
				return err
			}
			r.well()
			progress = time.Now()
		} else if time.Since(progress) > r.config.Stall {
			return fmt.Errorf("the broker says that the log ends at %d, but sends nothing from %d on", f.end, r.next)
		} else {
			wait(ctx, 10*time.Millisecond) // a broker that answers at once with nothing is not asked without end
		}
		if now := r.layout.Load(); now != l {
			if l = now; l.leader(r.part.Topic, r.part.ID) != c.address || r.differs(l) {
				return errMoved
			}
		}
	}
}

// after returns the offset after an answer's last whole batch, next if that lies beyond.
func after(batches []byte, next int64) int64 {
	for {
		h, rest, ok, err := cut(batches)
		if !ok || err != nil {
			return next
		}
		next, batches = max(next, h.next), rest
	}
}

// all hands on every record of an answer that is due, and says what is missing between them.
func (r *reader) all(f *fetched) error {
	r.floor = f.first
	for b := f.batches; ; {
		h, rest, ok, err := cut(b)
		if err != nil {
			return r.unreadable(h, rest, f.end, err)
		}
		if !ok {
			return nil
		}
		if b = rest; h.next <= r.next {
			continue // what we had already
		}
		if h.flags&transactional != 0 && !r.isTold {
			r.isTold = true
			r.note.Error("a producer writes here in transactions: they are not supported, what it takes back is read all the same")
		}
		if h.flags&control != 0 {
			r.skip(h.offset)
		} else {
			if err := r.unpacker.records(&h, r.next, r.take); err != nil {
				return r.unreadable(h, rest, f.end, err)
			}
			r.skip(h.next)
		}
		r.next, r.term = h.next, h.term
	}
}

// record takes a record from the unpacker.
func (r *reader) record(rec *feed.Record) {
	r.skip(rec.Offset)
	r.log.Record(rec)
	r.next = rec.Offset + 1
}

// skip says what is lost if to is not the offset that had to come.
func (r *reader) skip(to int64) {
	if start := min(r.floor, to); r.next < start {
		r.lost(start, feed.LossRetention)
	}
	if r.next < to && !r.topic.Holes {
		r.lost(to, feed.LossSource)
	}
	r.next = max(r.next, to)
}

func (r *reader) lost(to int64, why feed.Loss) {
	r.log.Lost(r.next, to, why)
	r.next = to
}

// tries is how often a batch is fetched before it is given up: over a new connection each time, for it
// may have been damaged on the way.
const tries = 5

// unreadable deals with a batch that cannot be understood: when nothing helps, its records are lost.
func (r *reader) unreadable(h batch, rest []byte, end int64, err error) error {
	if r.corrupt != r.next {
		r.corrupt, r.attempts = r.next, 0
	}
	r.attempts++
	err = fmt.Errorf("at offset %d: %w", r.next, err)
	to := h.next
	if n, _, ok, _ := cut(rest); ok {
		to = n.offset // rather than what a damaged batch says of itself
	}
	if r.attempts < tries || to <= r.next || to > end {
		return err
	}
	r.note.Error("a batch is given up", "from", r.next, "to", to, "error", err)
	r.lost(to, feed.LossSource)
	return err
}

// resume goes on after a pause: in the same log, if it still is the same.
func (r *reader) resume(c *conn, l *layout) error {
	if r.differs(l) {
		return r.anew(c, l)
	}
	if r.term < 0 {
		return nil
	}
	end, err := c.epochEnd(r.part.Topic, r.part.ID, r.term)
	if errors.As(err, new(kafka.Error)) {
		return nil // a broker that does not say; fetching tells the rest
	}
	if err != nil || end < 0 || end >= r.next {
		return err
	}
	first, last, err := c.bounds(r.part.Topic, r.part.ID)
	if err != nil || end < first {
		return err
	}
	return r.receded(c, first, last)
}

// differs reports whether a layout has another topic under our topic's name.
func (r *reader) differs(l *layout) bool {
	t := l.topics[r.part.Topic]
	if t == nil || t.err != 0 || t.id == r.left && r.left != (uuid{}) {
		return false
	}
	return l.cluster != r.cluster && l.cluster != "" && r.cluster != "" ||
		t.id != r.id && t.id != (uuid{}) && r.id != (uuid{})
}

// anew begins with the topic that now has our topic's name.
func (r *reader) anew(c *conn, l *layout) error {
	first, end, err := c.bounds(r.part.Topic, r.part.ID)
	if err != nil {
		return err
	}
	r.left, r.id, r.cluster = r.id, l.topics[r.part.Topic].id, l.cluster
	r.restart(first, first, end)
	return nil
}

func (r *reader) restart(from, first, end int64) {
	r.next, r.floor, r.term, r.corrupt = from, first, -1, -1
	r.log.Restart(r.at(from, first, end))
}

// outOfRange finds out why our offset is not in the log. It returns what the next session is to know.
func (r *reader) outOfRange(c *conn) error {
	first, end, err := c.bounds(r.part.Topic, r.part.ID)
	if err != nil {
		return err
	}
	switch {
	case r.next < first:
		r.lost(first, feed.LossRetention)
		return errMoved
	case r.next <= end:
		return kafka.OffsetOutOfRange // it was for a moment
	}
	return r.receded(c, first, end)
}

// receded finds out what a log is that ends before our offset: another one by now, or the same without its
// newest records. What we knew of the layout may be from before, so the broker is asked.
func (r *reader) receded(c *conn, first, end int64) error {
	l, err := c.metadata([]string{r.part.Topic})
	if err != nil {
		return err
	}
	if r.differs(l) {
		if err := r.anew(c, l); err != nil {
			return err
		}
		return errMoved
	}
	return r.shortened(first, end)
}

// shortened deals with a log whose newest records are gone: its leader changed for one that did not have
// them. What has been applied cannot be taken back, so offsets up to next are left out of the new log: the epoch
// goes on from there, its rooms begin anew. Where a topic has no id, the log may as well have been
// made anew, and is taken for that: with a name of its own, since no number must mean two things.
func (r *reader) shortened(first, end int64) error {
	if r.id == (uuid{}) && end < r.next {
		r.mark = "~" + strconv.FormatInt(time.Now().UnixNano(), 36)
		r.note.Error("the log is shorter than it was: it is taken for a new one. Where it is one, give it a number, as in topic#2", "was", r.next, "end", end)
		r.restart(first, first, end)
		return errMoved
	}
	if !r.isCut {
		r.isCut = true
		r.note.Error("the log has lost its newest records", "was", r.next, "end", end)
		r.restart(r.next, first, end)
	}
	if end >= r.next {
		return nil
	}
	err := fmt.Errorf("the log has lost records from %d on and is at %d: waiting until it is at %d again", min(end, r.next), end, r.next)
	r.down(explain(err))
	return err
}
