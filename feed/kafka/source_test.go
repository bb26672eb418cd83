package kafka

import (
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

func TestReadsEveryPartitionInOrder(t *testing.T) {
	c := cluster(t, kfake.NumBrokers(3), kfake.SeedTopics(4, "a"), kfake.SeedTopics(2, "b"))
	w := newWriter(t, c.ListenAddrs())
	for id := range int32(4) {
		w.send("a", id, numbered("a", 50)...)
	}
	w.send("b", 1, numbered("b", 50)...)
	r := run(t, quick(c, "a", "b"))
	for id := range int32(4) {
		v := r.reaches("a", id, 50)
		if !slices.Equal(v.values[0], numbered("a", 50)) {
			t.Errorf("a/%d: %q", id, v.values[0])
		}
		if v.starts[0].First != 0 || v.starts[0].End != 50 || v.starts[0].From != 0 {
			t.Errorf("a/%d began at %+v", id, v.starts[0])
		}
	}
	r.reaches("b", 1, 50)
	if got := len(r.parts()); got != 6 {
		t.Errorf("%d partitions are assigned, want 6", got)
	}
	w.send("b", 0, "more")
	if v := r.reaches("b", 0, 1); v.values[0][0] != "more" {
		t.Errorf("b/0: %q", v.values)
	}
	eventually(t, "an idle log's end is told", func() bool { return r.seen("b", 0).end == 1 })
}

func TestPassesOnAllOfARecord(t *testing.T) {
	c := cluster(t, kfake.SeedTopics(1, "a"))
	at := time.UnixMilli(1_700_000_000_123)
	w := newWriter(t, c.ListenAddrs())
	w.records(&kgo.Record{
		Topic: "a", Key: []byte("k"), Value: []byte{}, Timestamp: at,
		Headers: []kgo.RecordHeader{{Key: "symbol", Value: []byte("BTCUSDT")}, {Key: "empty"}},
	})
	w.records(&kgo.Record{Topic: "a", Value: nil, Timestamp: at})
	r := run(t, quick(c, "a"))
	v := r.reaches("a", 0, 2)
	if !slices.Equal(v.values[0], []string{"", "<none>"}) {
		t.Errorf("values %q: one of no bytes and one that is none must be told apart", v.values[0])
	}
	if v.times[0][0] != at.UnixMicro() {
		t.Errorf("time %d, want %d", v.times[0][0], at.UnixMicro())
	}
	rec, err := Fetch(t.Context(), Cluster{Brokers: c.ListenAddrs()}, "a", 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	if string(rec.Key) != "k" || len(rec.Headers) != 2 || rec.Headers[0].Key != "symbol" || string(rec.Headers[0].Value) != "BTCUSDT" || rec.Headers[1].Value != nil {
		t.Errorf("fetched %+v", rec)
	}
}
