package kafka

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"

	"tapedeck/feed"
)

// Limits of what waits to be set aside, on its way included: past them readers wait, for a short while once, and
// then what comes is counted instead of kept.
const (
	letterCount = 4096
	letterBytes = 32 << 20
	letterWait  = 100 * time.Millisecond
	letterBatch = 500
)

// DeadLetters sets refused records aside in a topic: key, value and headers as they were, and further headers
// that say where the record is from and why it was refused:
//
//	tapedeck.topic  tapedeck.partition  tapedeck.offset  tapedeck.time (log time, µs)  tapedeck.reason
//
// A letter counts as written when all replicas in sync have it. Where an acknowledgement is lost it is sent
// again, so one may be there twice. It never keeps a reader: when more is refused than can be written, Refused waits
// a tenth of a second, and from then on until there is room again it only counts.
type DeadLetters struct {
	topic  string
	writer *kafka.Writer
	log    *slog.Logger
	ended  chan struct{}
	cancel context.CancelFunc

	mu      sync.Mutex
	queue   []kafka.Message
	count   int           // of letters waiting or on their way
	bytes   int           // of those
	full    bool          // somebody has waited in vain
	closing bool          // no more are taken
	changed chan struct{} // closed when any of this changes
	written uint64
	lost    uint64
}

// NewDeadLetters returns dead letters that go to topic, which has to exist. They are to be closed.
func NewDeadLetters(c Cluster, topic string, log *slog.Logger) (*DeadLetters, error) {
	if topic == "" {
		return nil, errors.New("dead letters need the name of a topic")
	}
	client, err := c.Client()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	d := &DeadLetters{
		topic: topic, log: cmp.Or(log, slog.Default()), ended: make(chan struct{}), cancel: cancel, changed: make(chan struct{}),
		writer: &kafka.Writer{
			Addr: client.Addr, Topic: topic, Transport: client.Transport, Balancer: &kafka.Hash{},
			RequiredAcks: kafka.RequireAll, // its zero value waits for nobody
			MaxAttempts:  1,                // we try again ourselves, and can be told to stop
			WriteTimeout: 2 * time.Second, ReadTimeout: 2 * time.Second,
			BatchSize: letterBatch, BatchBytes: letterBytes, BatchTimeout: 5 * time.Millisecond,
		},
	}
	go d.run(ctx)
	return d, nil
}

// Refused sets a record aside; it copies what it keeps. It may be called from anywhere.
func (d *DeadLetters) Refused(p feed.Partition, r *feed.Record, why feed.Reason) {
	m := letter(p, r, why)
	size := sizeOf(&m)
	d.mu.Lock()
	defer d.mu.Unlock()
	var patience <-chan time.Time
	for !d.fits(size) && !d.full && !d.closing {
		if patience == nil {
			patience = time.After(letterWait)
		}
		if d.await(patience) {
			d.full = !d.fits(size)
			break
		}
	}
	if !d.fits(size) || d.closing {
		d.lost++
		return
	}
	d.queue = append(d.queue, m)
	d.count++
	d.bytes += size
	d.change()
}

// fits reports whether there is room: for one, whatever its size, there always is.
func (d *DeadLetters) fits(size int) bool {
	return d.count == 0 || d.count < letterCount && d.bytes+size <= letterBytes
}

// await waits for a change, or for the end of somebody's patience, which it reports. The lock is held before
// and after.
func (d *DeadLetters) await(patience <-chan time.Time) (ended bool) {
	changed := d.changed
	d.mu.Unlock()
	defer d.mu.Lock()
	select {
	case <-changed:
		return false
	case <-patience:
		return true
	}
}

// change wakes whoever waits for any of d. Its lock is held.
func (d *DeadLetters) change() {
	close(d.changed)
	d.changed = make(chan struct{})
}

// Counts says how many letters were written, and how many refused records were not kept. It may be called from anywhere.
func (d *DeadLetters) Counts() (written, lost uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.written, d.lost
}

// Close writes what is waiting, until ctx ends, and then gives up the rest, which its error counts. Nothing
// is taken from the moment it is called.
func (d *DeadLetters) Close(ctx context.Context) error {
	d.mu.Lock()
	d.closing = true
	d.change()
	d.mu.Unlock()
	select {
	case <-d.ended:
	case <-ctx.Done():
	}
	d.cancel()
	<-d.ended
	d.writer.Close()
	d.writer.Transport.(*kafka.Transport).CloseIdleConnections()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.count > 0 {
		d.lost += uint64(d.count)
		return fmt.Errorf("%d dead letters were not written to %s: %w", d.count, d.topic, context.Cause(ctx))
	}
	return nil
}

// run writes letters until it is told to close and has written all, or ctx ends.
func (d *DeadLetters) run(ctx context.Context) {
	defer close(d.ended)
	for ctx.Err() == nil {
		batch, changed, done := d.take()
		switch {
		case len(batch) > 0:
			d.write(ctx, batch)
		case done:
			return
		default:
			select {
			case <-changed:
			case <-ctx.Done():
			}
		}
	}
}

// take returns letters to be written, done when no more will come.
func (d *DeadLetters) take() (batch []kafka.Message, changed <-chan struct{}, done bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := min(len(d.queue), letterBatch)
	batch, d.queue = d.queue[:n:n], d.queue[n:]
	return batch, d.changed, d.closing
}

// write writes letters, however often it has to try.
func (d *DeadLetters) write(ctx context.Context, letters []kafka.Message) {
	said := ""
	for failures := 1; ctx.Err() == nil; failures++ {
		left, err := d.attempt(ctx, letters)
		if letters = left; len(letters) == 0 || ctx.Err() != nil {
			return
		}
		if text := explain(err); text != said {
			said = text
			d.log.Warn("dead letters cannot be written, trying again", "topic", d.topic, "reason", text)
		}
		wait(ctx, backoff(failures, 2*time.Second))
	}
}

// attempt writes letters once. It returns those that have to be tried again, and why.
func (d *DeadLetters) attempt(ctx context.Context, letters []kafka.Message) ([]kafka.Message, error) {
	written, left, err := sort(letters, d.writer.WriteMessages(ctx, letters...))
	d.done(written, true)
	if !tooLarge(err) {
		return left, err
	}
	if len(left) == 1 {
		d.log.Warn("dead letters: a record is larger than the topic allows and is not kept", "topic", d.topic, "bytes", sizeOf(&left[0]))
		d.done(left, false)
		return nil, nil
	}
	var again []kafka.Message
	for i := range left { // it may have been one of them, or only all together
		rest, why := d.attempt(ctx, left[i:i+1:i+1])
		if len(rest) > 0 {
			again, err = append(again, rest...), why
		}
	}
	return again, err
}

// done makes the room of letters free that need no more care.
func (d *DeadLetters) done(letters []kafka.Message, kept bool) {
	if len(letters) == 0 {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if kept {
		d.written += uint64(len(letters))
	} else {
		d.lost += uint64(len(letters))
	}
	d.count -= len(letters)
	for i := range letters {
		d.bytes -= sizeOf(&letters[i])
	}
	d.full = false
	d.change()
}

// sort says which letters an error is about, and the last reason.
func sort(letters []kafka.Message, err error) (written, left []kafka.Message, reason error) {
	var each kafka.WriteErrors
	switch {
	case err == nil:
		return letters, nil, nil
	case !errors.As(err, &each):
		return nil, letters, err
	}
	for i, err := range each {
		if err == nil {
			written = append(written, letters[i])
		} else {
			left, reason = append(left, letters[i]), err
		}
	}
	return written, left, reason
}

func tooLarge(err error) bool {
	return errors.Is(err, kafka.MessageSizeTooLarge) || errors.Is(err, kafka.RecordListTooLarge) || errors.As(err, new(kafka.MessageTooLargeError))
}

// letter copies a record, and says where it is from.
func letter(p feed.Partition, r *feed.Record, why feed.Reason) kafka.Message {
	m := kafka.Message{Key: bytes.Clone(r.Key), Value: bytes.Clone(r.Value)}
	for _, h := range r.Headers {
		m.Headers = append(m.Headers, kafka.Header{Key: h.Key, Value: bytes.Clone(h.Value)})
	}
	say := func(key, value string) {
		m.Headers = append(m.Headers, kafka.Header{Key: "tapedeck." + key, Value: []byte(value)})
	}
	say("topic", p.Topic)
	say("partition", strconv.Itoa(int(p.ID)))
	say("offset", strconv.FormatInt(r.Offset, 10))
	say("time", strconv.FormatInt(r.Time, 10))
	say("reason", string(why))
	return m
}

// sizeOf is about what a letter takes.
func sizeOf(m *kafka.Message) int {
	n := 256 + len(m.Key) + len(m.Value)
	for _, h := range m.Headers {
		n += len(h.Key) + len(h.Value)
	}
	return n
}
