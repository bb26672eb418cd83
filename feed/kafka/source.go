// Package kafka is the source of live records: one reader per partition, no consumer group, nothing
// committed, and every offset compared with the one that had to come.
//
// It stands on kafka-go's connections, but asks for records by itself (docs/decisions/0003): what a log is, where it
// begins and ends, and what is missing in it are then known exactly, and no memory is allocated per record.
package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/segmentio/kafka-go"

	"tapedeck/feed"
)

// Topic is a topic to read.
type Topic struct {
	Name   string
	Number string // tells this topic from an earlier one of its name where the brokers give it no id: the 2 of --feed NAME=topic#2
	Holes  bool   // it is compacted: offsets that never come are normal, not a loss
	Format *feed.Format
}

// Beginning is where the reading of a log begins.
type Beginning struct {
	Known  bool      // Offset is
	Offset int64     // what lies before the log's first record is told as lost; a log that ends before it is dealt with as one that was shortened
	Time   time.Time // else with the first record that is not older; zero: with the oldest there is
}

// Config of a Source. The zero value of each field is its default, which stands beside it.
type Config struct {
	Cluster Cluster
	Topics  []Topic
	Warmup  time.Duration // how far before a partition's newest record its reading begins; 0: at the end
	Log     *slog.Logger  // slog.Default

	// Begin, where not nil, says where the reading of a log begins instead of Warmup. It is asked by each partition's
	// own goroutine before Open; after an error it is asked again. One that is made anew while it is read is read from its first record.
	Begin func(ctx context.Context, log feed.LogID) (Beginning, error)

	Refresh    time.Duration // how often to look for new partitions and leaders: 5 s
	StartWait  time.Duration // how long topics that are not there hold up the others at the start: 5 s
	Timeout    time.Duration // for a connection, and for an answer beyond its due: 5 s
	Wait       time.Duration // how long a broker holds a request when there is nothing new: 500 ms
	FetchBytes int           // about what it sends at once, a partition: 1 MiB
	DownAfter  time.Duration // how long a partition may be out of reach before its rooms are told: 2 s
	Backoff    time.Duration // the longest time between two attempts: 2 s
	Stall      time.Duration // how long a log may be ahead of us without anything coming: 10 s
}

func (c Config) withDefaults() Config {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	c.Refresh = cmp.Or(c.Refresh, 5*time.Second)
	c.StartWait = cmp.Or(c.StartWait, 5*time.Second)
	c.Timeout = cmp.Or(c.Timeout, 5*time.Second)
	c.Wait = cmp.Or(c.Wait, 500*time.Millisecond)
	c.FetchBytes = cmp.Or(c.FetchBytes, 1<<20)
	c.DownAfter = cmp.Or(c.DownAfter, 2*time.Second)
	c.Backoff = cmp.Or(c.Backoff, 2*time.Second)
	c.Stall = cmp.Or(c.Stall, 10*time.Second)
	return c
}

// Source reads the partitions of its topics. It implements feed.Source, and runs once.
type Source struct {
	config  Config
	dialer  *dialer
	layout  atomic.Pointer[layout]
	refresh chan struct{} // a reader has found the layout to be wrong
}

// New returns a source that has not connected yet; its errors are the configuration's.
func New(c Config) (*Source, error) {
	if len(c.Topics) == 0 {
		return nil, errors.New("no topic is named: at least one is needed")
	}
	seen := map[string]bool{}
	for _, t := range c.Topics {
		switch {
		case t.Name == "" || t.Format == nil:
			return nil, fmt.Errorf("topic %q needs a name and a format", t.Name)
		case seen[t.Name]:
			return nil, fmt.Errorf("topic %s is named twice: a topic has one decoder", t.Name)
		}
		seen[t.Name] = true
	}
	if err := c.Cluster.check(); err != nil {
		return nil, err
	}
	c = c.withDefaults()
	d, err := c.Cluster.dialer(c.Timeout)
	if err != nil {
		return nil, err
	}
	return &Source{config: c, dialer: d, refresh: make(chan struct{}, 1)}, nil
}

// Run implements feed.Source. It watches the cluster's layout; each partition has a reader, which is a goroutine.
func (s *Source) Run(ctx context.Context, sink feed.Sink) error {
	var readers sync.WaitGroup
	defer readers.Wait()
	w := watch{Source: s, ctx: ctx, sink: sink, started: map[feed.Partition]bool{}, late: map[string]bool{}}
	defer w.hangUp()
	for failures := 0; ctx.Err() == nil; {
		pause := s.config.Refresh
		if err := w.look(); err != nil {
			w.failed(err)
			failures++
			pause = backoff(failures, s.config.Backoff)
		} else {
			failures = 0
			for _, r := range w.found() {
				readers.Go(func() { r.run(ctx) })
			}
			if len(w.parts) == 0 {
				pause = min(pause, s.config.Backoff)
			}
		}
		w.sleep(pause)
	}
	return nil
}

// watch follows the cluster's layout: where partitions are, and which ones there are.
type watch struct {
	*Source
	ctx     context.Context
	sink    feed.Sink
	conn    *conn
	began   time.Time // of the first answer
	parts   []feed.Partition
	started map[feed.Partition]bool
	late    map[string]bool // topics of which all that turns up now was made while we were running
	told    string          // last complaint in the log
}

// look asks for the layout, by the connection of the last time or a new one.
func (w *watch) look() error {
	if w.conn == nil {
		if err := w.connect(); err != nil {
			return err
		}
	}
	names := make([]string, len(w.config.Topics))
	for i, t := range w.config.Topics {
		names[i] = t.Name
	}
	l, err := w.conn.metadata(names)
	if err != nil {
		w.hangUp()
		return err
	}
	w.layout.Store(l)
	return nil
}

// connect tries every broker that was named or heard of.
func (w *watch) connect() error {
	addresses := slices.Clone(w.config.Cluster.Brokers)
	if l := w.layout.Load(); l != nil {
		for _, a := range l.brokers {
			if !slices.Contains(addresses, a) {
				addresses = append(addresses, a)
			}
		}
	}
	c, err := w.dialer.any(w.ctx, addresses)
	w.conn = c
	return err
}

func (w *watch) hangUp() {
	if w.conn != nil {
		w.conn.close()
		w.conn = nil
	}
}

func (w *watch) failed(err error) {
	if w.ctx.Err() != nil {
		return
	}
	reason := "no broker of " + strings.Join(w.config.Cluster.Brokers, ", ") + " answers, trying again: " + explain(err)
	if len(w.parts) == 0 {
		w.sink.Waiting(reason)
	}
	w.say(reason)
}

// say logs a complaint once.
func (w *watch) say(text string) {
	if text != "" && text != w.told {
		w.config.Log.Warn(text)
	}
	w.told = text
}

// found returns readers for partitions that are new, after telling the sink of all. At the start it waits for a
// while until all topics are there: a broker that has just come up does not know of them at once.
func (w *watch) found() []*reader {
	l := w.layout.Load()
	if w.began.IsZero() {
		w.began = time.Now()
	}
	early := time.Since(w.began) < w.config.StartWait
	missing := w.missing(l, early)
	w.say(missing)
	if len(w.parts) == 0 && missing != "" {
		w.sink.Waiting(missing)
		if early {
			return nil
		}
	}
	var readers []*reader
	for i := range w.config.Topics {
		if t := &w.config.Topics[i]; l.there(t.Name) {
			readers = append(readers, w.begin(t, l.topics[t.Name])...)
		}
	}
	if len(readers) > 0 {
		slices.SortFunc(w.parts, byName)
		w.sink.Assign(slices.Clone(w.parts))
	}
	return readers
}

// begin returns readers for those of a topic's partitions that have none.
func (w *watch) begin(t *Topic, in *topicLayout) (readers []*reader) {
	for id := range in.leaders {
		if p := (feed.Partition{Topic: t.Name, ID: id}); !w.started[p] {
			w.started[p] = true
			w.parts = append(w.parts, p)
			readers = append(readers, newReader(w.Source, t, p, w.sink, w.late[t.Name]))
		}
	}
	w.late[t.Name] = true
	return readers
}

func byName(a, b feed.Partition) int {
	return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.ID, b.ID))
}

// missing says which topics cannot be read, "" if all can. It takes note of those that are still to be made.
func (w *watch) missing(l *layout, early bool) string {
	var all []string
	for _, t := range w.config.Topics {
		if l.there(t.Name) {
			continue
		}
		all = append(all, l.absence(t.Name, 0))
		if in := l.topics[t.Name]; !early && in != nil && in.err == kafka.UnknownTopicOrPartition {
			w.late[t.Name] = true
		}
	}
	return strings.Join(all, "; ")
}

// absence says why a partition has no leader to be read from.
func (l *layout) absence(topic string, partition int32) string {
	t := l.topics[topic]
	switch {
	case t == nil || t.err == kafka.UnknownTopicOrPartition:
		return fmt.Sprintf("topic %s does not exist: create it, or correct its name", topic)
	case t.err == kafka.TopicAuthorizationFailed:
		return fmt.Sprintf("topic %s may not be read: give our user the rights Read and Describe", topic)
	case t.err != 0:
		return fmt.Sprintf("topic %s: %s", topic, explain(t.err))
	}
	if _, ok := t.leaders[partition]; !ok {
		return fmt.Sprintf("topic %s has no partition %d", topic, partition)
	}
	return fmt.Sprintf("partition %d of topic %s has no leader at the moment", partition, topic)
}

// sleep waits, but not once a reader has found the layout to be wrong: then another broker is asked, for this one may
// be cut off from the others. Two looks are never closer than a tenth of a second.
func (w *watch) sleep(d time.Duration) {
	const least = 100 * time.Millisecond
	wait(w.ctx, least)
	t := time.NewTimer(d - least)
	defer t.Stop()
	select {
	case <-t.C:
	case <-w.refresh:
		w.hangUp()
	case <-w.ctx.Done():
	}
}

// outdated asks for a new layout soon.
func (s *Source) outdated() {
	select {
	case s.refresh <- struct{}{}:
	default:
	}
}

// wait returns after d, or when ctx ends.
func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// backoff is how long to wait after so many failures: doubling from tens of milliseconds up to a limit, and by
// chance up to half of it less, so that many nodes do not come at once.
func backoff(failures int, limit time.Duration) time.Duration {
	d := min(20*time.Millisecond<<min(failures, 16), limit)
	return d - rand.N(d/2+1)
}
