package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tapedeck/feed"
	memory "tapedeck/feed/tape"
	"tapedeck/wire/mirror"
)

// recordedLive is a node with short logs that keeps all that it reads, as an archive does.
func recordedLive(t *testing.T, tp *tape, arch feed.Archive, keep *memory.Tape, options ...func(*Config)) *node {
	return run(t, tp, append([]func(*Config){archived(arch), func(c *Config) {
		c.Source, c.LogEntries = keep.Record(logNamed{c.Source, marketLog(0)}), 256
	}}, options...)...)
}

// writer writes trades of two symbols, quotes between them.
type writer struct {
	tp   *tape
	last map[string]int
}

func (w *writer) add(n int) {
	for range n {
		s := []string{"A", "B"}[(w.last["A"]+w.last["B"])%2]
		w.last[s]++
		w.tp.add("trade %s %d 100.5 1\nquote %s 99 1 101 %d", s, w.last[s], s, 1+w.last[s]%9)
	}
}

// ids collects the trades that a client was told of.
type ids struct {
	mu    sync.Mutex
	heard map[string][]int
	gaps  []string
}

func hearTrades(c *client) *ids {
	h := &ids{heard: map[string][]int{}}
	c.mu.Lock()
	defer c.mu.Unlock()
	note := c.known.Message
	c.known.Message = func(m *mirror.Message, r *mirror.Room) {
		note(m, r)
		h.mu.Lock()
		defer h.mu.Unlock()
		switch {
		case m.T == "gap":
			h.gaps = append(h.gaps, string(m.Raw))
		case m.T == "update" && r.Name[0] == 't':
			var list []struct{ ID string }
			_ = json.Unmarshal(m.D, &list)
			for _, trade := range list {
				n, _ := strconv.Atoi(trade.ID)
				h.heard[r.Name] = append(h.heard[r.Name], n)
			}
		}
	}
	return h
}

// whole reports whether the trades of a room came from one on, once and in order, up to the last.
func (h *ids) whole(room string, from, last int) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.gaps) > 0 {
		return fmt.Errorf("gaps: %s", h.gaps)
	}
	var want []int
	for id := from; id <= last; id++ {
		want = append(want, id)
	}
	if got := h.heard[room]; !slices.Equal(got, want) {
		return fmt.Errorf("%s: %d trades came, %v…, %d were to come from %d on", room, len(got), got[:min(len(got), 5)], len(want), from)
	}
	return nil
}

// sinceOf is how a client that knows a room up to seq resumes it.
func sinceOf(c *client, symbol string, seq int) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.known.Room("trades:TEST:" + symbol)
	r.Has, r.Epoch, r.Seq = true, marketLog(0).Epoch(lines), uint64(seq)
	return fmt.Sprintf(`{"room":"trades:TEST:%s","since":{"epoch":%q,"seq":%d}}`, symbol, marketLog(0).Epoch(lines), seq)
}

// Who resumes at a place that the room does not hold any more is told from the archive what came since, while trades flow,
// and goes on live: nothing is missing and nothing is told twice. Its other rooms are live from the beginning.
func TestResumeFromTheArchive(t *testing.T) {
	tp, keep := newTape(1), memory.New(1<<30)
	n := recordedLive(t, tp, keep, keep)
	w := &writer{tp, map[string]int{}}
	w.add(3000)
	var flowing sync.WaitGroup
	stop := make(chan struct{})
	flowing.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(2 * time.Millisecond):
				w.add(2)
			}
		}
	})
	type guest struct {
		*client
		ids  *ids
		a, b int
	}
	var guests []guest
	r := rand.New(rand.NewPCG(1, 1))
	for range 12 {
		c := greet(t, n, "")
		g := guest{c, hearTrades(c), 1 + r.IntN(1200), 1 + r.IntN(1200)}
		guests = append(guests, g)
		c.say(`{"op":"subscribe","id":1,"interval":%q,"rooms":["quotes:TEST:A",%s,%s]}`, []string{"0", "100ms"}[r.IntN(2)], sinceOf(c, "A", 2*g.a-1), sinceOf(c, "B", 2*g.b))
		m := c.answer("1")
		if len(m.Rooms) != 3 || m.Rooms[1].Recovered == nil || !*m.Rooms[1].Recovered || m.Rooms[2].Recovered == nil || !*m.Rooms[2].Recovered {
			t.Fatalf("it is answered with %s", m.Raw)
		}
		c.say(`[{"op":"subscribe","id":2,"interval":"0","rooms":["trades:TEST:A"]},{"op":"list","id":3}]`) // settings, in place
		if m := c.answer("3"); len(m.Rooms) != 3 {
			t.Fatalf("the rooms are %s", m.Raw)
		}
	}
	until(t, "all are live", func() bool { return catching(n) == 0 })
	close(stop)
	flowing.Wait()
	for i, g := range guests {
		g.at("trades:TEST:A", uint64(2*w.last["A"]-1))
		g.at("trades:TEST:B", uint64(2*w.last["B"]))
		for room, from := range map[string]int{"trades:TEST:A": g.a + 1, "trades:TEST:B": g.b + 1} {
			if err := g.ids.whole(room, from, w.last[room[len(room)-1:]]); err != nil {
				t.Errorf("client %d: %v", i, err)
			}
		}
	}
}

func catching(n *node) int {
	n.replaying.Lock()
	defer n.replaying.Unlock()
	return n.catching
}

// Where the archive does not hold it, does not answer, or has too many to serve, a client is told of a gap and goes on.
func TestResumeThatTheArchiveCannotHelp(t *testing.T) {
	for name, tt := range map[string]struct {
		limit int
		arch  func(*memory.Tape) feed.Archive
	}{
		"too many":        {1, func(tp *memory.Tape) feed.Archive { return tp }},
		"does not hold":   {16, func(*memory.Tape) feed.Archive { return memory.New(1000) }},
		"does not answer": {16, func(tp *memory.Tape) feed.Archive { return &broken{Archive: tp} }},
	} {
		t.Run(name, func(t *testing.T) {
			tp, keep := newTape(1), memory.New(1<<30)
			n := recordedLive(t, tp, tt.arch(keep), keep, func(c *Config) { c.ReplaySessions = tt.limit })
			w := &writer{tp, map[string]int{}}
			w.add(1000)
			if tt.limit == 1 {
				greet(t, n, fmt.Sprintf("/v1/replay?from=%d&rooms=trades:TEST:A", time.Now().Add(-time.Hour).UnixMicro()))
			}
			c := greet(t, n, "")
			c.say(`{"op":"subscribe","id":1,"rooms":[%s]}`, sinceOf(c, "A", 11))
			if m := c.answer("1"); m.Rooms[0].Recovered == nil || *m.Rooms[0].Recovered {
				t.Fatalf("it is answered with %s", m.Raw)
			}
			c.hear("a gap", func(m *mirror.Message) bool { return m.T == "gap" && m.Reason == "slow" })
			w.add(10)
			c.at("trades:TEST:A", uint64(2*w.last["A"]-1))
			if catching(n) != 0 {
				t.Error("a replay is counted that there is not")
			}
		})
	}
}

// broken is an archive that fails.
type broken struct {
	feed.Archive
	reads, fails atomic.Int64 // fails from so many reads on
}

func (b *broken) Read(ctx context.Context, log feed.LogID, w feed.Window, take func(*feed.Record) error) (int64, error) {
	if b.reads.Add(1) > b.fails.Load() {
		return w.From, errors.New("the disk is on fire")
	}
	return b.Archive.Read(ctx, log, w, take)
}

// An archive that fails while a client is told from it, a client that hangs up, and one that leaves the room: each is let go.
func TestResumeFromTheArchiveEndsWithItsReason(t *testing.T) {
	tp, keep := newTape(1), memory.New(1<<30)
	arch := &broken{Archive: bitByBit{keep}}
	n := recordedLive(t, tp, arch, keep)
	w := &writer{tp, map[string]int{}}
	w.add(4000)
	resume := func(fails int64) *client {
		arch.reads.Store(0)
		arch.fails.Store(fails)
		c := greet(t, n, "")
		c.say(`{"op":"subscribe","id":1,"rooms":[%s]}`, sinceOf(c, "A", 11))
		if m := c.answer("1"); !*m.Rooms[0].Recovered {
			t.Fatalf("it is answered with %s", m.Raw)
		}
		return c
	}
	c := resume(1 << 40)
	c.say(`{"op":"unsubscribe","id":2,"rooms":["trades:TEST:A"]}`)
	c.answer("2")
	until(t, "who left the room is let go", func() bool { return catching(n) == 0 })
	c.say(`{"op":"subscribe","id":3,"rooms":["trades:TEST:A"]}`)
	c.answer("3")
	resume(1 << 40).conn.NetConn().Close()
	until(t, "who hung up is let go", func() bool { return catching(n) == 0 })
	c = resume(3)
	c.hear("a gap", func(m *mirror.Message) bool { return m.T == "gap" && m.Reason == "slow" })
	w.add(10)
	c.at("trades:TEST:A", uint64(2*w.last["A"]-1))
}

// bitByBit is an archive of which little is read at once.
type bitByBit struct{ feed.Archive }

func (s bitByBit) Read(ctx context.Context, log feed.LogID, w feed.Window, take func(*feed.Record) error) (int64, error) {
	w.Bytes = min(w.Bytes, 4000)
	time.Sleep(2 * time.Millisecond)
	return s.Archive.Read(ctx, log, w, take)
}
