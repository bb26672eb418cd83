package kafka

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Any schedule of faults, leader moves, new partitions, removed records and bad wires, while records are
// written: when it is over, each of them was delivered once and in order, or told as lost. TAPEDECK_ROUNDS
// says how many schedules are tried, TAPEDECK_SEED where to begin.
func TestRandomSchedules(t *testing.T) {
	rounds, seed := uint64(6), uint64(time.Now().UnixNano())
	if n, err := strconv.ParseUint(os.Getenv("TAPEDECK_ROUNDS"), 10, 64); err == nil {
		rounds = n
	}
	if n, err := strconv.ParseUint(os.Getenv("TAPEDECK_SEED"), 10, 64); err == nil {
		seed = n
	}
	for s := seed; s < seed+rounds; s++ {
		t.Run(fmt.Sprintf("seed=%d", s), func(t *testing.T) {
			t.Parallel()
			schedule(t, rand.New(rand.NewPCG(s, 0)))
		})
	}
}

// world is a cluster, what was written to it, and what reads it.
type world struct {
	t       *testing.T
	rng     *rand.Rand
	cluster *kfake.Cluster
	line    *wire
	writer  *writer
	read    *recorder
	written [][]string // by partition
	trimmed [5]int     // of those, the first ones that are removed
}

const topicAtRandom = "a"

func schedule(t *testing.T, rng *rand.Rand) {
	line := &wire{}
	c := cluster(t, kfake.NumBrokers(3), line.option(), kfake.SeedTopics(2, topicAtRandom))
	w := &world{t: t, rng: rng, cluster: c, line: line, writer: newWriter(t, c.ListenAddrs()), written: make([][]string, 2)}
	config := quick(c, topicAtRandom)
	config.FetchBytes = 1 // a batch at a time, so that a log can run away from its reader
	w.read = run(t, config)
	eventually(t, "both are opened", func() bool { return w.read.seen(topicAtRandom, 0).next == 0 && w.read.seen(topicAtRandom, 1).next == 0 })
	for range 40 {
		w.write()
		if rng.IntN(3) == 0 {
			w.act()
		}
		if rng.IntN(4) == 0 {
			time.Sleep(time.Duration(rng.IntN(60)) * time.Millisecond)
		}
	}
	line.set(func(l *wire) { l.delay, l.cut = 0, 0 })
	for id := range w.written {
		w.read.slow(topicAtRandom, int32(id), 0)
	}
	w.check()
}

func (w *world) write() {
	id := w.rng.IntN(len(w.written))
	values := numbered(fmt.Sprintf("%d.%d", id, len(w.written[id])), 1+w.rng.IntN(40))
	if at := w.writer.send(topicAtRandom, int32(id), values...); at != int64(len(w.written[id])) {
		w.t.Fatalf("written at %d, want %d", at, len(w.written[id]))
	}
	w.written[id] = append(w.written[id], values...)
}

func (w *world) act() {
	id := int32(w.rng.IntN(len(w.written)))
	errs := []*kerr.Error{
		kerr.NotLeaderForPartition, kerr.UnknownTopicOrPartition, kerr.OffsetOutOfRange, kerr.RequestTimedOut,
		kerr.KafkaStorageError, kerr.UnknownServerError, kerr.CorruptMessage, kerr.LeaderNotAvailable,
	}
	keys := []kmsg.Key{kmsg.Fetch, kmsg.ListOffsets, kmsg.OffsetForLeaderEpoch}
	switch w.rng.IntN(10) {
	case 0:
		if err := w.cluster.MoveTopicPartition(topicAtRandom, id, int32(w.rng.IntN(3))); err != nil {
			w.t.Fatal(err)
		}
	case 1:
		w.cluster.ShufflePartitionLeaders()
	case 2, 3:
		w.cluster.Fault(kfake.Fault{Keys: keys[w.rng.IntN(len(keys)):], Err: errs[w.rng.IntN(len(errs))], Count: 1 + w.rng.IntN(4)})
	case 4:
		w.trimmed[id] += w.rng.IntN(len(w.written[id]) - w.trimmed[id] + 1)
		w.writer.trim(topicAtRandom, id, int64(w.trimmed[id]))
	case 5:
		if n := len(w.written); n < len(w.trimmed) {
			w.writer.grow(topicAtRandom, int32(n+1))
			w.written = append(w.written, nil)
			eventually(w.t, "the new partition is opened", func() bool { return w.read.seen(topicAtRandom, int32(n)).next >= 0 })
			w.writer = newWriter(w.t, w.cluster.ListenAddrs()) // one that knows of it
		}
	case 6:
		w.line.reset()
	case 7, 8:
		w.read.slow(topicAtRandom, id, time.Duration(w.rng.IntN(20))*time.Millisecond)
	case 9:
		w.line.set(func(l *wire) { l.delay, l.cut = time.Duration(w.rng.IntN(20))*time.Millisecond, w.rng.IntN(3000) })
	}
}

// check compares what was read with what was written: values where they were delivered, holes where they were lost.
func (w *world) check() {
	for id, want := range w.written {
		v := w.read.reaches(topicAtRandom, int32(id), int64(len(want)))
		if len(v.starts) != 1 {
			w.t.Errorf("partition %d began anew: %+v", id, v.starts)
		}
		for _, l := range slices.Backward(v.lost) {
			if l.why != "retention" {
				w.t.Errorf("partition %d: %+v", id, l)
			}
			w.t.Logf("partition %d: %d records were lost", id, l.to-l.from)
			want = slices.Delete(slices.Clone(want), int(l.from), int(l.to))
		}
		if !slices.Equal(v.values[0], want) {
			w.t.Errorf("partition %d: %d records came, want %d", id, len(v.values[0]), len(want))
		}
	}
}
