package kafka

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kversion"

	"tapedeck/feed"
)

// scenarios are what a log may go through. Each runs on a broker in this process, and where TAPEDECK_TEST_KAFKA
// says where one is, on a real Kafka.
var scenarios = map[string]func(t *testing.T, brokers []string){
	"packed":       packed,
	"warm-up":      warmUp,
	"retention":    retention,
	"anew":         anew,
	"anew, longer": anewLonger,
	"grown":        grown,
	"late topic":   lateTopic,
	"only late":    onlyLateTopic,
	"large":        large,
	"transactions": transactions,
	"burst":        burst,
	"one record":   oneRecord,
	"beginning":    beginning,
}

func TestScenarios(t *testing.T) {
	for name, scenario := range scenarios {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			scenario(t, cluster(t).ListenAddrs())
		})
	}
}

// Brokers of earlier times: some give topics no id, some do but do not take it when records are asked for.
func TestScenariosOfOlderBrokers(t *testing.T) {
	for broker, version := range map[string]*kversion.Versions{"2.4": kversion.V2_4_0(), "3.0": kversion.V3_0_0()} {
		for name, scenario := range scenarios {
			if name == "anew, longer" && broker == "2.4" {
				continue // cannot be told: docs/decisions/0003 says so
			}
			t.Run(broker+"/"+name, func(t *testing.T) {
				t.Parallel()
				scenario(t, cluster(t, kfake.MaxVersions(version)).ListenAddrs())
			})
		}
	}
}

func TestKafkaScenarios(t *testing.T) {
	brokers := realBrokers(t)
	for name, scenario := range scenarios {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			scenario(t, brokers)
		})
	}
}

// realBrokers are those of a real Kafka.
func realBrokers(t *testing.T) []string {
	t.Helper()
	address := os.Getenv("TAPEDECK_TEST_KAFKA")
	if address == "" {
		t.Skip("TAPEDECK_TEST_KAFKA does not say where a real Kafka is: make test-services does")
	}
	return strings.Split(address, ",")
}

var topics atomic.Int64

// newTopic names one that nobody has yet.
func newTopic() string {
	return fmt.Sprintf("test-%d-%d", time.Now().UnixNano(), topics.Add(1))
}

// Every way of packing records comes out as it went in.
func packed(t *testing.T, brokers []string) {
	topic := newTopic()
	newWriter(t, brokers).create(topic, 1)
	var want []string
	for _, codec := range []kgo.CompressionCodec{kgo.NoCompression(), kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.ZstdCompression()} {
		w := newWriter(t, brokers, kgo.ProducerBatchCompression(codec))
		values := numbered(strings.Repeat("price ", 50), 300)
		w.send(topic, 0, values...)
		want = append(want, values...)
	}
	r := run(t, quickAt(brokers, topic))
	v := r.reaches(topic, 0, int64(len(want)))
	if !slices.Equal(v.values[0], want) {
		t.Error("the values differ")
	}
	if len(v.lost) > 0 {
		t.Errorf("lost %v", v.lost)
	}
}

// Reading begins the warm-up before the newest record, by the log's time.
func warmUp(t *testing.T, brokers []string) {
	topic := newTopic()
	w := newWriter(t, brokers)
	w.create(topic, 2, "retention.ms", "-1")
	week := time.Now().Add(-7 * 24 * time.Hour) // a market that has been closed for long
	for i := range 100 {
		w.records(&kgo.Record{Topic: topic, Value: []byte(strconv.Itoa(i)), Timestamp: week.Add(time.Duration(i) * time.Second)})
	}
	from := func(warmup time.Duration, partition int32) feed.Start {
		c := quickAt(brokers, topic)
		c.Warmup = warmup
		r := newRecorder(t)
		stop := runInto(t, c, r)
		defer stop()
		eventually(t, "it is opened", func() bool { return r.seen(topic, partition).next >= 0 })
		return r.seen(topic, partition).starts[0]
	}
	for warmup, want := range map[time.Duration]int64{0: 100, 10 * time.Second: 89, time.Hour: 0} {
		if at := from(warmup, 0); at.From != want || at.First != 0 || at.End != 100 {
			t.Errorf("a warm-up of %v begins at %+v, want %d", warmup, at, want)
		}
	}
	if at := from(time.Hour, 1); at.From != 0 || at.End != 0 {
		t.Errorf("an empty log begins at %+v", at)
	}
}

// The log loses its oldest records before we come to them: exactly those are told as lost.
func retention(t *testing.T, brokers []string) {
	topic := newTopic()
	w := newWriter(t, brokers)
	w.create(topic, 1)
	w.send(topic, 0, numbered("a", 10)...)
	c := quickAt(brokers, topic)
	c.FetchBytes = 100 // a batch at a time
	r := run(t, c)
	r.reaches(topic, 0, 10)
	r.slow(topic, 0, 300*time.Millisecond) // for each record: the log goes on without us
	for i := range 50 {
		w.send(topic, 0, numbered(strconv.Itoa(i), 10)...)
	}
	w.trim(topic, 0, 500)
	r.slow(topic, 0, 0)
	v := r.reaches(topic, 0, 510)
	// What was on its way when the records went is delivered, the rest is lost.
	if len(v.lost) != 1 || v.lost[0].to != 500 || v.lost[0].why != feed.LossRetention {
		t.Fatalf("lost %v, want one loss up to 500", v.lost)
	}
	if got := int64(len(v.values[0])) + v.lost[0].to - v.lost[0].from; got != 510 {
		t.Errorf("%d records delivered and %d lost are not 510", len(v.values[0]), v.lost[0].to-v.lost[0].from)
	}
}

// A topic is deleted and made again: another epoch begins at its beginning.
func anew(t *testing.T, brokers []string) {
	topic := newTopic()
	w := newWriter(t, brokers)
	w.create(topic, 1)
	w.send(topic, 0, numbered("old", 20)...)
	r := run(t, quickAt(brokers, topic))
	r.reaches(topic, 0, 20)
	w.remove(topic)
	eventually(t, "it is down", func() bool { return r.seen(topic, 0).down != "" })
	recreate(t, w, brokers, topic, numbered("new", 5))
	eventually(t, "the new log is read", func() bool { v := r.seen(topic, 0); return len(v.starts) == 2 && v.next == 5 })
	checkAnew(t, r.seen(topic, 0), numbered("new", 5))
}

// The new log is longer than the old one before we look: an offset alone would not tell them apart.
func anewLonger(t *testing.T, brokers []string) {
	topic := newTopic()
	w := newWriter(t, brokers)
	w.create(topic, 1)
	w.send(topic, 0, numbered("old", 20)...)
	r := run(t, quickAt(brokers, topic))
	r.reaches(topic, 0, 20)
	r.slow(topic, 0, time.Second) // the next record holds the reader up for all of the following
	w.send(topic, 0, "last")
	w.remove(topic)
	r.slow(topic, 0, 0)
	recreate(t, w, brokers, topic, numbered("new", 100))
	eventually(t, "the new log is read", func() bool { v := r.seen(topic, 0); return len(v.starts) == 2 && v.next == 100 })
	checkAnew(t, r.seen(topic, 0), numbered("new", 100))
}

// recreate makes a topic that was just deleted, which a broker may need a moment for, and fills it by a
// client that has not known the old one.
func recreate(t *testing.T, w *writer, brokers []string, topic string, values []string) {
	t.Helper()
	w.create(topic, 1)
	newWriter(t, brokers).send(topic, 0, values...)
}

func checkAnew(t *testing.T, v view, want []string) {
	t.Helper()
	if v.starts[0].Epoch == v.starts[1].Epoch {
		t.Error("both logs have the same epoch")
	}
	if !slices.Equal(v.values[1], want) {
		t.Errorf("of the new log %q was read, want %q", v.values[1], want)
	}
	if len(v.lost) > 0 {
		t.Errorf("lost %v", v.lost)
	}
}

// A topic is given more partitions while it is written to: all of what is in them is read.
func grown(t *testing.T, brokers []string) {
	topic := newTopic()
	w := newWriter(t, brokers)
	w.create(topic, 2)
	w.send(topic, 0, "a")
	c := quickAt(brokers, topic)
	c.Warmup = 0
	r := run(t, c)
	eventually(t, "two are assigned", func() bool { return len(r.parts()) == 2 && r.seen(topic, 0).next == 1 })
	w.grow(topic, 4)
	w = newWriter(t, brokers)
	for id := range int32(4) {
		w.send(topic, id, numbered("b", 30)...)
	}
	for id := int32(2); id < 4; id++ {
		if v := r.reaches(topic, id, 30); v.starts[0].From != 0 {
			t.Errorf("partition %d is read from %d on", id, v.starts[0].From)
		}
	}
	r.reaches(topic, 0, 31)
	if got := len(r.parts()); got != 4 {
		t.Errorf("%d partitions are assigned, want 4", got)
	}
}

// A topic that is not there is waited for; the others begin without it, and it is read from its beginning.
func lateTopic(t *testing.T, brokers []string) {
	here, late := newTopic(), newTopic()
	w := newWriter(t, brokers)
	w.create(here, 1)
	w.send(here, 0, "a")
	c := quickAt(brokers, late, here)
	c.Warmup = 0
	r := run(t, c)
	eventually(t, "the other one is opened", func() bool { return r.seen(here, 0).next == 1 })
	if got := strings.Join(r.reasons(), "\n"); !strings.Contains(got, "topic "+late+" does not exist") {
		t.Errorf("waiting for %q", got)
	}
	w.create(late, 1)
	newWriter(t, brokers).send(late, 0, numbered("b", 10)...)
	if v := r.reaches(late, 0, 10); v.starts[0].From != 0 {
		t.Errorf("it is read from %d on", v.starts[0].From)
	}
}

// A topic that is made after us is read from its beginning, whatever the warm-up.
func onlyLateTopic(t *testing.T, brokers []string) {
	topic := newTopic()
	c := quickAt(brokers, topic)
	c.Warmup = 0
	r := run(t, c)
	eventually(t, "it waits", func() bool { return len(r.reasons()) > 0 })
	time.Sleep(2 * c.StartWait)
	w := newWriter(t, brokers)
	w.create(topic, 1)
	w.send(topic, 0, numbered("a", 10)...)
	if v := r.reaches(topic, 0, 10); v.starts[0].From != 0 {
		t.Errorf("it is read from %d on", v.starts[0].From)
	}
}

// A record that is larger than what is asked for at once comes all the same.
func large(t *testing.T, brokers []string) {
	topic := newTopic()
	w := newWriter(t, brokers, kgo.ProducerBatchMaxBytes(3<<20))
	w.create(topic, 1, "max.message.bytes", strconv.Itoa(4<<20))
	big := strings.Repeat("x", 2<<20)
	w.send(topic, 0, "before")
	w.send(topic, 0, big)
	w.send(topic, 0, "after")
	c := quickAt(brokers, topic)
	c.FetchBytes = 64 << 10
	r := run(t, c)
	if v := r.reaches(topic, 0, 3); !slices.Equal(v.values[0], []string{"before", big, "after"}) {
		t.Error("the values differ")
	}
}

// The marks that end a transaction are no records and no loss.
func transactions(t *testing.T, brokers []string) {
	topic := newTopic()
	newWriter(t, brokers).create(topic, 1)
	commit(t, newWriter(t, brokers, kgo.TransactionalID(topic)), topic, "0", "1", "2")
	r := newRecorder(t)
	r.holes = true
	t.Cleanup(runInto(t, quickAt(brokers, topic), r))
	v := r.reaches(topic, 0, 5)
	if !slices.Equal(v.values[0], []string{"0", "1", "2"}) || len(v.lost) > 0 {
		t.Errorf("read %q, lost %v", v.values[0], v.lost)
	}
}

// commit writes each value in a transaction of its own.
func commit(t *testing.T, w *writer, topic string, values ...string) {
	t.Helper()
	for _, v := range values {
		if err := w.cl.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		w.send(topic, 0, v)
		if err := w.cl.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
			t.Fatal(err)
		}
	}
}

// One record is fetched by its offset, or it is said why it cannot be.
func oneRecord(t *testing.T, brokers []string) {
	topic := newTopic()
	w := newWriter(t, brokers)
	w.create(topic, 2)
	w.send(topic, 1, numbered("a", 10)...)
	w.send(topic, 1, numbered("b", 10)...)
	w.trim(topic, 1, 5)
	at := Cluster{Brokers: brokers}
	for offset, want := range map[int64]string{5: "a-5", 9: "a-9", 10: "b-0", 19: "b-9"} {
		r, err := Fetch(t.Context(), at, topic, 1, offset)
		if err != nil || r.Offset != offset || string(r.Value) != want {
			t.Errorf("at %d: %+v, %v", offset, r, err)
		}
	}
	for want, fetch := range map[string]func() (*feed.Record, error){
		"offset 4 is not in " + topic + "/1: it holds 5 up to 19":  func() (*feed.Record, error) { return Fetch(t.Context(), at, topic, 1, 4) },
		"offset 21 is not in " + topic + "/1: it holds 5 up to 19": func() (*feed.Record, error) { return Fetch(t.Context(), at, topic, 1, 21) },
		"offset 3 is not in " + topic + "/0: it holds nothing":     func() (*feed.Record, error) { return Fetch(t.Context(), at, topic, 0, 3) },
		"no record is at offset 20":                                func() (*feed.Record, error) { return Fetch(t.Context(), at, topic, 1, 20) },
		"has no partition 2":                                       func() (*feed.Record, error) { return Fetch(t.Context(), at, topic, 2, 0) },
		"does not exist":                                           func() (*feed.Record, error) { return Fetch(t.Context(), at, topic+"x", 0, 0) },
	} {
		if r, err := fetch(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v, %v; want %q", r, err, want)
		}
	}
}

// Nothing for a while, and then much at once.
func burst(t *testing.T, brokers []string) {
	topic := newTopic()
	newWriter(t, brokers).create(topic, 3)
	r := run(t, quickAt(brokers, topic))
	eventually(t, "it is opened", func() bool { return r.seen(topic, 2).next == 0 })
	time.Sleep(300 * time.Millisecond) // some empty answers
	var all sync.WaitGroup
	for id := range int32(3) {
		w := newWriter(t, brokers)
		all.Go(func() {
			for i := range 20 {
				w.send(topic, id, numbered(strconv.Itoa(i), 500)...)
			}
		})
	}
	all.Wait()
	for id := range int32(3) {
		if v := r.reaches(topic, id, 10_000); len(v.values[0]) != 10_000 {
			t.Errorf("partition %d brought %d records", id, len(v.values[0]))
		}
	}
}

// Reading begins where Begin says: behind what is held elsewhere, at a time, or with the oldest there is.
func beginning(t *testing.T, brokers []string) {
	topic := newTopic()
	w := newWriter(t, brokers)
	w.create(topic, 1, "retention.ms", "-1")
	began := time.Now().Add(-time.Hour).Truncate(time.Second)
	for i := range 100 {
		w.records(&kgo.Record{Topic: topic, Value: []byte(strconv.Itoa(i)), Timestamp: began.Add(time.Duration(i) * time.Second)})
	}
	w.trim(topic, 0, 20)
	from := func(b Beginning) view {
		c := quickAt(brokers, topic)
		refusals := 2 // what it stands on may be away
		c.Begin = func(_ context.Context, log feed.LogID) (Beginning, error) {
			if refusals--; refusals >= 0 {
				return Beginning{}, errors.New("not now")
			}
			if log.Topic != topic || log.Partition != 0 || log.Format != format.Name || log.Epoch(format) == "" {
				t.Errorf("asked for %+v", log)
			}
			return b, nil
		}
		r := newRecorder(t)
		r.early = b.Known
		stop := runInto(t, c, r)
		defer stop()
		v := r.reaches(topic, 0, 100)
		if at := v.starts[0]; at.Log.Epoch(format) != at.Epoch || at.First != 20 || at.End != 100 {
			t.Errorf("begun at %+v", at)
		}
		return v
	}
	for _, tt := range []struct {
		at   Beginning
		want int64
		lost int64
	}{
		{Beginning{}, 20, 0},
		{Beginning{Known: true, Offset: 60}, 60, 0},
		{Beginning{Known: true, Offset: 100}, 100, 0},
		{Beginning{Known: true, Offset: 5}, 5, 15},
		{Beginning{Time: began.Add(70500 * time.Millisecond)}, 71, 0},
		{Beginning{Time: began.Add(time.Hour * 2)}, 100, 0},
		{Beginning{Time: began}, 20, 0},
	} {
		v := from(tt.at)
		lost := int64(0)
		for _, l := range v.lost {
			if lost += l.to - l.from; l.why != feed.LossRetention {
				t.Errorf("%+v: %v", tt.at, l)
			}
		}
		if v.starts[0].From != tt.want || lost != tt.lost || int64(len(v.values[0])) != 100-tt.want-tt.lost {
			t.Errorf("%+v begins at %d, %d lost, %d delivered", tt.at, v.starts[0].From, lost, len(v.values[0]))
		}
	}
}
