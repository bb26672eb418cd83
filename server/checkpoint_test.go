package server

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"tapedeck/feed"
	memory "tapedeck/feed/tape"
	"tapedeck/subscriptions"
)

// saved is an archive with checkpoints. It remembers how much of each log was read.
type saved struct {
	*memory.Tape
	mu   sync.Mutex
	all  map[feed.LogID][]feed.Checkpoint
	from map[feed.LogID]int64 // first offset asked for
	read map[feed.LogID]int   // records
}

func (s *saved) Checkpoint(_ context.Context, l feed.LogID, offset int64) (c feed.Checkpoint, ok bool, err error) {
	for _, one := range s.all[l] {
		if one.Offset <= offset && one.Offset >= c.Offset {
			c, ok = one, true
		}
	}
	return c, ok, nil
}

func (s *saved) Read(ctx context.Context, l feed.LogID, w feed.Window, take func(*feed.Record) error) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if from, known := s.from[l]; !known || w.From < from {
		s.from[l] = w.From
	}
	return s.Tape.Read(ctx, l, w, func(r *feed.Record) error {
		s.read[l]++
		return take(r)
	})
}

func (s *saved) forget() (read int, from int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	from = 1 << 60
	for l, n := range s.read {
		read, from = read+n, min(from, s.from[l])
	}
	s.from, s.read = map[feed.LogID]int64{}, map[feed.LogID]int{}
	return read, from
}

// withCheckpoints adds checkpoints to a tape: of every so many records, as one who reads it live makes them.
func withCheckpoints(t *testing.T, arch *memory.Tape, every int64) *saved {
	t.Helper()
	s := &saved{Tape: arch, all: map[feed.LogID][]feed.Checkpoint{}}
	s.forget()
	c := Config{Feeds: map[string]Feed{"tape": {Format: lines, Options: feed.DefaultOptions()}}, Log: quietLog}.WithDefaults()
	in := newIngest(&c, subscriptions.NewHub(c.hub()))
	for part := range 2 {
		id := marketLog(part)
		log := in.Open(feed.Partition{Topic: id.Topic, ID: id.Partition}, feed.Start{Log: id, Epoch: id.Epoch(lines)}).(*partition)
		_, err := arch.Read(t.Context(), id, feed.Window{Bytes: 1 << 30}, func(r *feed.Record) error {
			live := *r
			live.Clock = 0
			log.Record(&live)
			if (r.Offset+1)%every == 0 {
				made, ok := log.fold.Save()
				if !ok {
					t.Fatal("it cannot be saved")
				}
				s.all[id] = append(s.all[id], made.Seal())
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// A replay and a seek that begin amid a session give the same entries from a checkpoint as from the session's beginning, and
// read only what lies behind it.
func TestReplayBeginsAtCheckpoints(t *testing.T) {
	plain := recordedMarket(3, 4000)
	arch := withCheckpoints(t, plain, 200)
	whole, quick := run(t, newTape(1), archived(plain)), run(t, newTape(1), archived(arch))
	address := func(rooms []string, at int64, more string) string {
		return fmt.Sprintf("/v1/replay?from=%d&rooms=%s&speed=max%s", at, strings.Join(rooms, ","), more)
	}
	checked := 0
	for _, ms := range []int64{0, 5_000, 17_123, 30_000, 38_000} {
		at := sessionBegan + ms*1000
		for _, rooms := range [][]string{marketRooms, {"book:TEST:A"}, {"candles:TEST:A@1m"}, {"trades:TEST:*"}} {
			type end struct {
				entries uint64
				sum     string
			}
			var ends [2]end
			for i, n := range []*node{whole, quick} {
				arch.forget()
				c := greet(t, n, address(rooms, at, ""))
				ends[i].entries, ends[i].sum = c.end()
				c.leave()
			}
			read, from := arch.forget()
			if ends[0] != ends[1] {
				t.Errorf("%v from %d ms on: %+v from the beginning, %+v from a checkpoint", rooms, ms, ends[0], ends[1])
			}
			if ms > 10_000 && (from == 0 || read >= 4000) {
				t.Errorf("%v from %d ms on: %d records were read, from offset %d on", rooms, ms, read, from)
			}
			checked += int(ends[1].entries)
		}
	}
	if checked < 5000 {
		t.Errorf("%d entries were compared: that proves nothing", checked)
	}

	var ends [2]string
	for i, n := range []*node{whole, quick} { // there and back
		c := greet(t, n, address(marketRooms, sessionBegan+35e6, "&session=s"))
		c.end()
		arch.forget()
		c.say(`[{"op":"seek","to":%d,"id":1}]`, sessionBegan+20e6)
		c.answer("1")
		entries, sum := c.end()
		ends[i] = fmt.Sprint(entries, sum)
		c.leave()
	}
	if read, from := arch.forget(); ends[0] != ends[1] || from < 500 {
		t.Errorf("after a seek: %s from the beginning, %s from a checkpoint; %d records were read, from offset %d on", ends[0], ends[1], read, from)
	}
}

// full is a place for checkpoints that takes none, until it is told to.
type full struct {
	mu   sync.Mutex
	open bool
	kept []feed.Checkpoint
}

func (f *full) Checkpoint(context.Context, feed.LogID, int64) (c feed.Checkpoint, ok bool, err error) {
	return c, false, errors.New("it is locked")
}

func (f *full) Keep(_ context.Context, _ feed.LogID, c feed.Checkpoint) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.open {
		return errors.New("it is full")
	}
	f.kept = append(f.kept, c)
	return nil
}

func (f *full) newest() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.kept) == 0 {
		return 0
	}
	return f.kept[len(f.kept)-1].Offset
}

// A place that takes no checkpoints and gives none hinders nobody; it is counted, tried again, and at the end the last one is
// written though the time for it has not come.
func TestCheckpointsThatCannotBeWritten(t *testing.T) {
	tp := newTape(1)
	place := &full{}
	n := run(t, tp, func(c *Config) { c.Checkpoints, c.CheckpointEvery = place, 5*time.Millisecond })
	start := feed.Start{Epoch: "e", From: 5}
	if at, err := n.ingest.Resume(t.Context(), feed.Start{Log: marketLog(0), Epoch: "e", From: 5}, 9); err != nil || at.From != start.From || at.Checkpoint != nil {
		t.Errorf("without a checkpoint reading begins at %+v: %v", at, err)
	}
	tp.add("trade BTC-USD 1 100 1")
	until(t, "failures are counted", func() bool { return n.scrape()[`tapedeck_checkpoints_total{result="failed"}`] > "0" })
	place.mu.Lock()
	place.open = true
	place.mu.Unlock()
	until(t, "one is written", func() bool {
		return place.newest() == 1 && n.scrape()[`tapedeck_checkpoints_total{result="written"}`] == "1"
	})

	slow := &full{open: true}
	n = run(t, tp, func(c *Config) { c.Checkpoints, c.CheckpointEvery = slow, time.Hour })
	tp.add("trade BTC-USD 2 100 1")
	c := greet(t, n, "?rooms="+trades)
	c.at(trades, 2)
	c.leave()
	n.stop()
	<-n.ended
	if slow.newest() != 2 {
		t.Errorf("at the end the newest checkpoint is of offset %d, want 2", slow.newest())
	}
}
