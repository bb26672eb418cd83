package kafka

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	"tapedeck/feed"
)

func checkpointsOf(t *testing.T, c *kfake.Cluster, node string) *Checkpoints {
	t.Helper()
	return checkpointsIn(t, c.ListenAddrs(), "saved", node)
}

func checkpointsIn(t *testing.T, brokers []string, topic, node string) *Checkpoints {
	t.Helper()
	k, err := NewCheckpoints(Cluster{Brokers: brokers}, topic, node)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { k.Close() })
	return k
}

// made is a checkpoint that is told apart by every byte.
func made(offset int64, size int) feed.Checkpoint {
	data := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{byte(offset), byte(offset >> 8)}).Read(data)
	return feed.Checkpoint{Epoch: "e", Offset: offset, Clock: offset * 10, Data: data}
}

// Several nodes keep checkpoints of several logs, in pieces: whoever asks gets one as a whole, and the newest.
func TestCheckpointsInATopic(t *testing.T) {
	c := cluster(t, kfake.SeedTopics(3, "saved"))
	logs := []feed.LogID{{Topic: "t", Format: "f"}, {Topic: "t", Partition: 1, Format: "f"}}
	first, second := checkpointsOf(t, c, "first"), checkpointsOf(t, c, "second")
	sizes := []int{10, pieceBytes, 3*pieceBytes + 5, 0}
	for _, log := range logs {
		for i, size := range sizes {
			for n, k := range []*Checkpoints{first, second} {
				if err := k.Keep(t.Context(), log, made(int64(10*i+n), size)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	reader := checkpointsOf(t, c, "reader")
	for range 2 { // the second time from what is known
		for _, log := range logs {
			for _, want := range []struct{ at, offset int64 }{{1 << 60, 31}, {30, 30}, {29, 21}, {20, 20}, {19, -1}} {
				got, ok, err := reader.Checkpoint(t.Context(), log, want.at)
				if err != nil || ok != (want.offset >= 0) {
					t.Fatalf("at %d: %v %v", want.at, ok, err)
				}
				if !ok {
					continue
				}
				full := made(want.offset, sizes[want.offset/10])
				if got.Offset != want.offset || got.Epoch != "e" || got.Clock != full.Clock || !bytes.Equal(got.Data, full.Data) {
					t.Errorf("at %d comes %d of %d bytes", want.at, got.Offset, len(got.Data))
				}
			}
		}
	}
	if err := first.Keep(t.Context(), logs[0], made(50, 100)); err != nil {
		t.Fatal(err)
	}
	if got, ok, err := reader.Checkpoint(t.Context(), logs[0], 1<<60); !ok || err != nil || got.Offset != 50 {
		t.Errorf("what has come since is not found: %d %v %v", got.Offset, ok, err)
	}
	if _, ok, _ := reader.Checkpoint(t.Context(), feed.LogID{Topic: "other"}, 1<<60); ok {
		t.Error("another log has one")
	}
}

// Two nodes that share a place write at the same time, and one is cut off amid a checkpoint: what is found is always one
// of theirs as a whole.
func TestCheckpointsThatGetMixed(t *testing.T) {
	c := cluster(t, kfake.SeedTopics(1, "saved"))
	log := feed.LogID{Topic: "t", Format: "f"}
	var nodes sync.WaitGroup
	for n := range int64(2) {
		k := checkpointsOf(t, c, "same")
		nodes.Go(func() {
			for i := range int64(6) {
				if err := k.Keep(t.Context(), log, made(100*i+n, 2*pieceBytes)); err != nil {
					t.Error(err)
				}
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			_ = k.Keep(ctx, log, made(1000+n, 2*pieceBytes))
		})
	}
	nodes.Wait()
	reader := checkpointsOf(t, c, "reader")
	got, ok, err := reader.Checkpoint(t.Context(), log, 1<<60)
	if err != nil {
		t.Fatal(err)
	}
	if ok && !bytes.Equal(got.Data, made(got.Offset, 2*pieceBytes).Data) {
		t.Errorf("what is found at %d is nobody's", got.Offset)
	}
	t.Log(got.Offset, ok)
}

func TestCheckpointsWithoutTheirTopic(t *testing.T) {
	c := cluster(t, kfake.SeedTopics(1, "another"))
	k := checkpointsOf(t, c, "n")
	log := feed.LogID{Topic: "t", Format: "f"}
	if _, _, err := k.Checkpoint(t.Context(), log, 1); err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Error(err)
	}
	if err := k.Keep(t.Context(), log, made(1, 10)); err == nil || !strings.Contains(err.Error(), "cleanup.policy=compact") {
		t.Error(err)
	}
}

// compacting are a topic's settings with which a real Kafka compacts it within a second: a segment ends with the first record
// that comes 100 ms later, and only such segments are cleaned.
var compacting = []string{"cleanup.policy", "compact", "segment.ms", "100", "min.cleanable.dirty.ratio", "0.01", "max.compaction.lag.ms", "100"}

// A real Kafka compacts the topic while nodes write: who asks gets the newest checkpoint as a whole, whether it read the topic
// before, or what is left of it, or both.
func TestKafkaCompactsCheckpoints(t *testing.T) {
	brokers, topic := realBrokers(t), newTopic()
	newWriter(t, brokers).create(topic, 1, compacting...)
	nodes := []*Checkpoints{checkpointsIn(t, brokers, topic, "first"), checkpointsIn(t, brokers, topic, "second")}
	early := checkpointsIn(t, brokers, topic, "early")
	logs := []feed.LogID{{Topic: "t", Format: "f"}, {Topic: "t", Partition: 1, Format: "f"}}
	written, offset := 0, int64(0)
	right := func(k *Checkpoints, who string) {
		t.Helper()
		for _, log := range logs {
			got, ok, err := k.Checkpoint(t.Context(), log, 1<<60)
			if want := made(offset, 3*pieceBytes-7); !ok || err != nil || got.Offset != offset || !bytes.Equal(got.Data, want.Data) {
				t.Fatalf("%s, after %d pieces: the checkpoint at %d of %d bytes, %v, %v; want that at %d", who, written, got.Offset, len(got.Data), ok, err, offset)
			}
		}
	}
	keep := func() {
		offset++
		for _, log := range logs {
			if err := nodes[offset%2].Keep(t.Context(), log, made(offset, 3*pieceBytes-7)); err != nil {
				t.Fatal(err)
			}
			written += 3
		}
	}
	left := 0
	eventually(t, "most of it was compacted away", func() bool {
		keep()
		right(early, "who asks all the time")
		left = recordsIn(t, brokers, topic)
		return written > 40 && left < written/2
	})
	right(checkpointsIn(t, brokers, topic, "late"), "who comes after the cleaner")
	keep()
	right(early, "who read what is gone now")
	t.Logf("%d pieces were written, %d were left", written, left)
}

// recordsIn counts the records of a topic of one partition.
func recordsIn(t *testing.T, brokers []string, topic string) (n int) {
	t.Helper()
	past, err := NewPast(Config{Cluster: Cluster{Brokers: brokers}, Topics: []Topic{{Name: topic, Holes: true, Format: &feed.Format{Name: "f"}}}})
	if err != nil {
		t.Fatal(err)
	}
	defer past.Close()
	logs, err := past.Logs(t.Context())
	if err != nil || len(logs) != 1 {
		t.Fatal(logs, err)
	}
	for at := logs[0].First; ; {
		next, err := past.Read(t.Context(), logs[0].LogID, feed.Window{From: at, To: logs[0].Next}, func(*feed.Record) error { n++; return nil })
		if err != nil {
			t.Fatal(err)
		}
		if next <= at || next >= logs[0].Next {
			return n
		}
		at = next
	}
}

// What is said of the topic before anything is kept in it.
func TestInspectCheckpoints(t *testing.T)      { inspectCheckpoints(t, cluster(t).ListenAddrs()) }
func TestKafkaInspectCheckpoints(t *testing.T) { inspectCheckpoints(t, realBrokers(t)) }

func inspectCheckpoints(t *testing.T, brokers []string) {
	w := newWriter(t, brokers)
	for want, config := range map[string][]string{
		"ok %s: there for checkpoints, and compacted":                      compacting,
		"warning %s: it is not compacted":                                  {"cleanup.policy", "delete"},
		"warning %s: it is compacted, but removes what is old":             {"cleanup.policy", "compact,delete"},
		"fault %s: it takes records of 1000 bytes":                         {"cleanup.policy", "compact", "max.message.bytes", "1000"},
		"fault %s: checkpoints could not be kept: topic %s does not exist": nil,
	} {
		topic := newTopic()
		if config != nil {
			w.create(topic, 1, config...)
		}
		f, err := InspectCheckpoints(t.Context(), Cluster{Brokers: brokers}, topic)
		if got := fmt.Sprintf("%s %s: %s", f.Level, f.Topic, f.Text); err != nil || !strings.HasPrefix(got, strings.ReplaceAll(want, "%s", topic)) {
			t.Errorf("it is said %q, %v; want %q", got, err, want)
		}
	}
}
