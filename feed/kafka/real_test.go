package kafka

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"tapedeck/feed"
)

// node runs the script that starts a real Kafka, for a node of our own.
func node(t *testing.T, command string) string {
	t.Helper()
	c := exec.Command("../../deploy/test-services/kafka.sh", command, "crashing")
	out, err := c.Output()
	if err != nil {
		t.Fatalf("kafka.sh %s: %v", command, err)
	}
	return strings.TrimSpace(string(out))
}

// A real Kafka is killed and comes back: the rooms are told, nothing is missing, the log is the same.
func TestKafkaCrash(t *testing.T) {
	realBrokers(t) // skips
	t.Cleanup(func() { node(t, "stop") })
	node(t, "start")
	brokers := []string{node(t, "address")}
	topic := newTopic()
	w := newWriter(t, brokers)
	w.create(topic, 1)
	w.send(topic, 0, numbered("before", 100)...)
	r := run(t, quickAt(brokers, topic))
	r.reaches(topic, 0, 100)
	node(t, "kill")
	eventually(t, "it is down", func() bool { return r.seen(topic, 0).down != "" })
	node(t, "start")
	w.send(topic, 0, numbered("after", 100)...)
	v := r.reaches(topic, 0, 200)
	eventually(t, "it is up", func() bool { return r.seen(topic, 0).down == "" })
	if want := slices.Concat(numbered("before", 100), numbered("after", 100)); !slices.Equal(v.values[0], want) || len(v.lost) > 0 || len(v.starts) != 1 {
		t.Errorf("%d values, lost %v, starts %v", len(v.values[0]), v.lost, v.starts)
	}
	again := run(t, quickAt(brokers, topic)).reaches(topic, 0, 200)
	if again.starts[0].Epoch != v.starts[0].Epoch {
		t.Error("the same log has another epoch for another reader")
	}
}

// Retention as Kafka does it by itself: whole segments go, and what went is told to the record.
func TestKafkaRetention(t *testing.T) {
	brokers := realBrokers(t)
	topic := newTopic()
	w := newWriter(t, brokers, kgo.ProducerBatchCompression(kgo.NoCompression()))
	w.create(topic, 1, "retention.bytes", fmt.Sprint(2<<20), "segment.bytes", fmt.Sprint(1<<20))
	w.send(topic, 0, "first")
	c := quickAt(brokers, topic)
	c.FetchBytes = 1
	r := run(t, c)
	r.reaches(topic, 0, 1)
	r.slow(topic, 0, time.Second) // for each record
	const n = 600
	value := strings.Repeat("x", 10_000)
	for range n {
		w.send(topic, 0, value)
	}
	at, err := quickConn(t, c)
	if err != nil {
		t.Fatal(err)
	}
	defer at.close()
	eventually(t, "the log has lost its oldest segments", func() bool { first, _, err := at.bounds(topic, 0); return err == nil && first > 100 })
	r.slow(topic, 0, 0)
	v := r.reaches(topic, 0, n+1)
	lost := int64(0)
	for _, l := range v.lost {
		if lost += l.to - l.from; l.why != feed.LossRetention {
			t.Errorf("%v", l)
		}
	}
	if lost == 0 || int64(len(v.values[0]))+lost != n+1 {
		t.Errorf("%d records came and %d were lost, of %d", len(v.values[0]), lost, n+1)
	}
}

// quickConn is a connection of our own.
func quickConn(t *testing.T, c Config) (*conn, error) {
	t.Helper()
	d, err := c.Cluster.dialer(5 * time.Second)
	if err != nil {
		return nil, err
	}
	return d.any(t.Context(), c.Cluster.Brokers)
}
