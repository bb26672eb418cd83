package kafka

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"tapedeck/feed"
)

func letters(t *testing.T, brokers []string, topic string, log *slog.Logger) *DeadLetters {
	t.Helper()
	d, err := NewDeadLetters(Cluster{Brokers: brokers}, topic, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		d.Close(ctx)
	})
	return d
}

func refuse(d *DeadLetters, offset int64, value []byte) {
	d.Refused(feed.Partition{Topic: "raw", ID: 3}, &feed.Record{
		Offset: offset, Time: 1_700_000_000_123_000, Key: []byte("k"), Value: value,
		Headers: []feed.Header{{Key: "symbol", Value: []byte("X")}},
	}, feed.BadJSON)
}

func closeLetters(t *testing.T, d *DeadLetters) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return d.Close(ctx)
}

// consume reads a topic to its end.
func consume(t *testing.T, brokers []string, topic string, n int) []*kgo.Record {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumeTopics(topic))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var all []*kgo.Record
	for len(all) < n && ctx.Err() == nil {
		all = append(all, cl.PollFetches(ctx).Records()...)
	}
	slices.SortFunc(all, func(a, b *kgo.Record) int { return int(a.Offset - b.Offset) })
	return all
}

func setAside(t *testing.T, brokers []string) {
	topic := newTopic()
	newWriter(t, brokers).create(topic, 1)
	d := letters(t, brokers, topic, logger())
	value := []byte("{bad")
	refuse(d, 17, value)
	value[0] = 'x' // its memory is reused
	refuse(d, 18, nil)
	for i := range int64(1000) {
		refuse(d, 19+i, []byte("more"))
	}
	if err := closeLetters(t, d); err != nil {
		t.Fatal(err)
	}
	if written, lost := d.Counts(); written != 1002 || lost != 0 {
		t.Errorf("%d were written and %d lost, want 1002 and 0", written, lost)
	}
	all := consume(t, brokers, topic, 1002)
	if len(all) != 1002 {
		t.Fatalf("%d letters, want 1002", len(all))
	}
	if string(all[0].Key) != "k" || string(all[0].Value) != "{bad" || all[1].Value != nil {
		t.Errorf("the first letters are %q, %q", all[0].Value, all[1].Value)
	}
	var headers []string
	for _, h := range all[0].Headers {
		headers = append(headers, h.Key+"="+string(h.Value))
	}
	want := []string{"symbol=X", "tapedeck.topic=raw", "tapedeck.partition=3", "tapedeck.offset=17", "tapedeck.time=1700000000123000", "tapedeck.reason=bad_json"}
	if !slices.Equal(headers, want) {
		t.Errorf("headers %q, want %q", headers, want)
	}
}

func TestDeadLetters(t *testing.T)      { setAside(t, cluster(t).ListenAddrs()) }
func TestKafkaDeadLetters(t *testing.T) { setAside(t, realBrokers(t)) }

func TestDeadLettersAreTriedAgain(t *testing.T) {
	c := cluster(t, kfake.SeedTopics(1, "dead"))
	d := letters(t, c.ListenAddrs(), "dead", logger())
	c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.NotEnoughReplicas, Count: 3})
	refuse(d, 1, []byte("a"))
	if err := closeLetters(t, d); err != nil {
		t.Fatal(err)
	}
	if got := consume(t, c.ListenAddrs(), "dead", 1); len(got) != 1 || string(got[0].Value) != "a" {
		t.Errorf("letters %v", got)
	}
}

// A letter that is too large is given up alone.
func TestDeadLettersThatAreTooLarge(t *testing.T) {
	c := cluster(t)
	newWriter(t, c.ListenAddrs()).create("dead", 1, "max.message.bytes", "2000")
	d := letters(t, c.ListenAddrs(), "dead", logger())
	for i := range int64(20) {
		refuse(d, i, []byte(strconv.FormatInt(i, 10)))
	}
	refuse(d, 20, bytes.Repeat([]byte("x"), 3000))
	refuse(d, 21, []byte("21"))
	if err := closeLetters(t, d); err != nil {
		t.Fatal(err)
	}
	if written, lost := d.Counts(); written != 21 || lost != 1 {
		t.Errorf("%d were written and %d lost, want 21 and 1", written, lost)
	}
}

// Where nothing can be written, a reader is kept for a moment once, and what is not kept is counted; with room it
// goes on.
func TestDeadLettersKeepNoReader(t *testing.T) {
	c := cluster(t)
	var said strings.Builder
	var mu sync.Mutex
	log := slog.New(slog.NewTextHandler(writerFunc(func(b []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return said.Write(b)
	}), nil))
	d := letters(t, c.ListenAddrs(), "dead", log)
	for i := range int64(letterCount + 500) {
		refuse(d, i, []byte("a"))
	}
	if _, lost := d.Counts(); lost != 500 {
		t.Errorf("%d were lost, want 500", lost)
	}
	eventually(t, "it says why", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return strings.Contains(said.String(), "does not know the topic")
	})
	newWriter(t, c.ListenAddrs()).create("dead", 1)
	eventually(t, "they are written", func() bool { written, _ := d.Counts(); return written == letterCount })
	refuse(d, 9999, []byte("b"))
	if err := closeLetters(t, d); err != nil {
		t.Fatal(err)
	}
	if written, lost := d.Counts(); written != letterCount+1 || lost != 500 {
		t.Errorf("%d were written and %d lost", written, lost)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// What waits is bounded in bytes too.
func TestDeadLettersAreBoundedInBytes(t *testing.T) {
	d := letters(t, []string{fmt.Sprintf("127.0.0.1:%d", freePort(t))}, "dead", logger())
	value := make([]byte, 1<<20)
	for i := range int64(40) {
		refuse(d, i, value)
	}
	d.mu.Lock()
	if d.bytes > letterBytes || d.lost != 9 {
		t.Errorf("%d bytes wait, %d letters are lost", d.bytes, d.lost)
	}
	d.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	if err := d.Close(ctx); err == nil || !strings.Contains(err.Error(), "31 dead letters were not written") {
		t.Errorf("Close: %v", err)
	}
	if time.Since(began) > 5*time.Second {
		t.Error("Close takes longer than it was given")
	}
}
