package kafka

import (
	"bytes"
	"context"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	"tapedeck/feed"
)

func checkpointsOf(t *testing.T, c *kfake.Cluster, node string) *Checkpoints {
	t.Helper()
	k, err := NewCheckpoints(Cluster{Brokers: c.ListenAddrs()}, "saved", node)
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
