package record

import (
	"bytes"
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tapedeck/feed"
	"tapedeck/feed/checkpoint"
	"tapedeck/subscriptions"
)

// kept are checkpoints in memory.
type kept struct {
	mu  sync.Mutex
	all map[feed.LogID][]feed.Checkpoint
}

func (k *kept) Keep(_ context.Context, l feed.LogID, c feed.Checkpoint) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.all[l] = append(k.all[l], c)
	return nil
}

func (k *kept) Checkpoint(_ context.Context, l feed.LogID, offset int64) (c feed.Checkpoint, ok bool, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, one := range k.all[l] {
		if one.Offset <= offset && (!ok || one.Offset >= c.Offset) {
			c, ok = one, true
		}
	}
	return c, ok, nil
}

// A recorder that is ended again and again goes on from its own checkpoints: those of the last one hold the whole log, and
// who goes on from any of them comes to what who reads the log from its beginning comes to, byte by byte.
func TestCheckpointsHoldTheWholeLog(t *testing.T) {
	defer goleak.VerifyNone(t)
	src := newScript(rand.New(rand.NewPCG(9, 9)), 1, 1500) // its logs have the same symbols
	s := newServer(rand.New(rand.NewPCG(9, 1)))
	s.faults = false
	store := &kept{all: map[feed.LogID][]feed.Checkpoint{}}
	limits := Limits{Rows: 50, Bytes: 1 << 20, Every: time.Millisecond, Memory: 1 << 20}
	run := func(records script) {
		ctx, cancel := context.WithCancel(t.Context())
		r := New(Config{
			Table: &client{s, context.Background()}, Feeds: map[string]Feed{"t": {words, feed.DefaultOptions()}}, Limits: limits,
			Backoff: time.Millisecond, Log: slog.New(slog.DiscardHandler), Drain: time.Minute,
			Checkpoints: &Checkpoints{To: store, Every: time.Minute},
		})
		done := make(chan error)
		begin := func(ctx context.Context, id feed.LogID) (int64, error) {
			b, err := r.Begin(ctx, id)
			return b.Offset, err
		}
		go func() { done <- r.Run(ctx, &scripted{records, begin}) }()
		s.reach(t, records)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	for _, n := range []int{400, 410, 900, 1500} {
		part := script{}
		for id, records := range src {
			part[id] = records[:n]
		}
		run(part)
	}
	kind := func() *checkpoint.Kind {
		return &checkpoint.Kind{Hub: subscriptions.NewHub(subscriptions.Config{}), Format: words, Options: feed.DefaultOptions()}
	}
	fold := func(at feed.Start, records []feed.Record) []byte {
		f, err := kind().Open(feed.Partition{Topic: "t"}, at)
		if err != nil {
			t.Fatal(err)
		}
		for i := range records[at.From:] {
			_ = f.Record(&records[at.From+int64(i)])
		}
		saved, ok := f.Save()
		if !ok {
			t.Fatal("it cannot be saved")
		}
		return saved.Seal().Data
	}
	for id, records := range src {
		epoch := id.Epoch(words)
		want := fold(feed.Start{Log: id, Epoch: epoch}, records)
		late := 0
		for _, c := range store.all[id] {
			h, err := checkpoint.Peek(c.Data)
			if err != nil || h.From != 0 || h.Offset != c.Offset {
				t.Fatalf("%+v %v: it does not know the log from its beginning", h, err)
			}
			if c.Offset > 900 {
				late++
			}
			if got := fold(feed.Start{Log: id, Epoch: epoch, From: c.Offset, Checkpoint: c.Data}, records); !bytes.Equal(got, want) {
				t.Errorf("partition %d: from the checkpoint at %d on it came to something else", id.Partition, c.Offset)
			}
		}
		t.Logf("partition %d: %d checkpoints, %d of the last run", id.Partition, len(store.all[id]), late)
		if late == 0 {
			t.Errorf("partition %d: %d checkpoints, none of the last run", id.Partition, len(store.all[id]))
		}
	}
}
