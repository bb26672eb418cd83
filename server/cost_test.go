package server

import (
	"fmt"
	"testing"
	"time"

	"tapedeck/feed"
	"tapedeck/market"
	"tapedeck/wire"
)

// paper is an outlet that takes everything.
type paper struct{ frames, bytes int }

func (p *paper) send(b []byte) bool            { p.frames++; p.bytes += len(b); return true }
func (p *paper) last(*wire.Close)              {}
func (p *paper) stuck(time.Time) time.Duration { return 0 }
func (p *paper) Close() error                  { return nil }

// bench is a server whose one pump goes round when it is told to.
type bench struct {
	*Server
	log   *partition
	pump  *pump
	paper []*paper
}

func newBench(t testing.TB) *bench {
	t.Helper()
	s := listening(t, nil, func(c *Config) {
		c.Source, c.Pumps, c.CommandsPerSecond, c.Heartbeat, c.LogEntries = never{}, 1, 1<<30, time.Hour, 64
	})
	t.Cleanup(s.Close)
	return &bench{Server: s, pump: s.pumps[0], log: s.ingest.Open(feed.Partition{Topic: "tape"}, feed.Start{Epoch: "epoch0"}).(*partition)}
}

// join adds sessions that follow a room at an interval.
func (b *bench) join(sessions int, room, interval string) {
	for range sessions {
		b.add(room, interval, wire.JSON, false)
	}
	b.settle()
}

// add adds a session.
func (b *bench) add(room, interval string, enc wire.Encoding, deflated bool) {
	out := &paper{}
	sess := b.open(b.turn(), out, enc, "192.0.2.1")
	sess.socket, sess.deflated = &socket{}, deflated
	b.paper = append(b.paper, out)
	b.enter(sess, &wire.Command{Op: "subscribe", Rooms: []wire.Request{{Room: room}}, Interval: interval})
}

func (b *bench) settle() {
	for range 100 {
		b.pump.round()
	}
}

func (b *bench) frames() (n int) {
	for _, p := range b.paper {
		n += p.frames
	}
	return n
}

// ticks returns a room's first event, and a function that makes the next of the same memory.
func ticks(room string) (first []market.Event, next func(i int64) []market.Event) {
	sym := symbol("BTC-USD")
	events := []market.Event{{Symbol: sym}}
	switch room {
	case trades:
		id, _ := market.MakeID("1")
		p := &market.Trade{Qty: market.Int(1), ID: id, Side: market.Buy}
		events[0].Payload = p
		next = func(i int64) []market.Event { p.Price = market.New(1000+i%100, 1); return events }
	case quotes:
		p := &market.Quote{BidQty: market.Int(1), AskPrice: market.Int(2000), AskQty: market.Int(1)}
		events[0].Payload = p
		next = func(i int64) []market.Event { p.BidPrice = market.New(1000+i%100, 1); return events }
	case book:
		p := &market.Book{Chain: counted, Bids: make([]market.Level, 1)}
		events[0].Payload = p
		next = func(i int64) []market.Event {
			p.First, p.Last = i, i
			p.Bids[0] = market.Level{Price: market.Int(100 + i%100), Qty: market.Int(1 + i)}
			return events
		}
		whole := &market.Book{Snapshot: true, Chain: counted}
		return []market.Event{{Symbol: sym, Payload: whole}}, next
	}
	return next(0), next
}

// One tick to all who follow a room is encoded once, and costs no memory for any of them.
func TestATickAllocatesNothing(t *testing.T) {
	for _, sessions := range []int{100, 1000} {
		for _, room := range []string{trades, quotes, book} {
			t.Run(fmt.Sprint(sessions, " ", room), func(t *testing.T) {
				b := newBench(t)
				first, next := ticks(room)
				b.log.log.Apply(0, 1e15, 0, 0, first)
				offset := int64(0)
				tick := func() {
					offset++
					b.log.log.Apply(offset, 1e15+offset, 0, time.Now().UnixNano(), next(offset))
					b.pump.round()
				}
				b.join(sessions, room, "0")
				for range 300 { // everything is as large as it gets
					tick()
				}
				frames, encoded := b.frames(), b.hub.Encoded()
				const runs = 100
				allocs := testing.AllocsPerRun(runs, tick)
				if got := b.frames() - frames; got != sessions*(runs+1) {
					t.Errorf("%d frames for %d ticks to %d sessions", got, runs+1, sessions)
				}
				if got := b.hub.Encoded() - encoded; got != runs+1 {
					t.Errorf("%d messages encoded for %d ticks", got, runs+1)
				}
				if allocs > 0 {
					t.Errorf("%v allocations a tick", allocs)
				}
			})
		}
	}
}

// For a session that has had its last words nothing is read any more.
func TestNothingIsReadForTheEnded(t *testing.T) {
	b := newBench(t)
	first, next := ticks(trades)
	b.log.log.Apply(0, 1e15, 0, 0, first)
	b.join(1, trades, "0")
	sess := b.pump.sessions[0]
	sess.end(wire.CloseDraining, 0)
	sess.end(wire.CloseSlow, 0) // the first stands
	frames, encoded := b.frames(), b.hub.Encoded()
	b.log.log.Apply(1, 1e15, 0, 0, next(1))
	b.settle()
	if b.frames() != frames || b.hub.Encoded() != encoded || sess.closing != wire.CloseDraining {
		t.Errorf("%d frames and %d messages more, closed as %v", b.frames()-frames, b.hub.Encoded()-encoded, sess.closing)
	}
}

// A storm of joins: the state is encoded once however many come, and what they are sent is not kept.
func TestJoinStorm(t *testing.T) {
	b := newBench(t)
	whole := &market.Book{Snapshot: true, Chain: counted}
	for i := range int64(1000) {
		whole.Bids = append(whole.Bids, market.Level{Price: market.New(100000-i, 2), Qty: market.New(12345+i, 4)})
		whole.Asks = append(whole.Asks, market.Level{Price: market.New(100001+i, 2), Qty: market.New(12345+i, 4)})
	}
	b.log.log.Apply(0, 1e15, 0, 0, []market.Event{{Symbol: symbol("BTC-USD"), Payload: whole}})
	b.join(1, book, "0")
	size := b.paper[0].bytes
	encoded, before := b.hub.Encoded(), heap()
	b.join(2000, book, "0")
	if got := b.hub.Encoded() - encoded; got > 5 {
		t.Errorf("%d snapshots encoded for 2,000 joins", got)
	}
	for _, p := range b.paper {
		if p.bytes < size-100 || p.frames > 2 {
			t.Fatalf("%d bytes in %d frames, want %d", p.bytes, p.frames, size)
		}
	}
	each := (heap() - before) / 2000
	t.Logf("%d bytes kept of a session's memory and a snapshot of %d", each, size)
	if each > 8<<10 {
		t.Errorf("%d bytes are kept a session after snapshots of %d", each, size)
	}
}

// One tick to sessions in step, from the record's events to the bytes of each.
func BenchmarkTick(b *testing.B) {
	for _, sessions := range []int{1, 100, 1000} {
		b.Run(fmt.Sprint(sessions, " sessions"), func(b *testing.B) {
			w := newBench(b)
			first, next := ticks(trades)
			w.log.log.Apply(0, 1e15, 0, 0, first)
			w.join(sessions, trades, "0")
			b.ReportAllocs()
			for offset := int64(1); b.Loop(); offset++ {
				w.log.log.Apply(offset, 1e15+offset, 0, 0, next(offset))
				w.pump.round()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*sessions), "ns/delivery")
		})
	}
}
