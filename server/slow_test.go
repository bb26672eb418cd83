package server

import (
	"fmt"
	"maps"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tapedeck/feed"
	"tapedeck/wire"
	"tapedeck/wire/mirror"
)

// tight makes a node whose sockets take little, so that a slow client blocks soon.
func tight(c *Config) { c.SendBuffer = 16 << 10 }

// little is a slow client's receive buffer. A much smaller one would make the kernel wait for its timers.
const little = 64 << 10

func secure(t *testing.T) func(*Config) {
	cert, key := certificate(t)
	return func(c *Config) { c.TLSCert, c.TLSKey = cert, key }
}

func eachNode(t *testing.T, f func(t *testing.T, options ...func(*Config))) {
	t.Run("plain", func(t *testing.T) { f(t, tight) })
	t.Run("tls", func(t *testing.T) { f(t, tight, secure(t)) })
	t.Run("compressed", func(t *testing.T) { f(t, tight, compressed) })
}

// blocked is how many sessions' sockets have taken nothing for so long.
func (n *node) blocked(since time.Duration) int {
	count := 0
	for _, p := range n.pumps {
		done := make(chan struct{})
		p.do(func() {
			defer close(done)
			for _, s := range p.sessions {
				if s.out.stuck(time.Now()) > since {
					count++
				}
			}
		})
		<-done
	}
	return count
}

// flood adds records until so many sessions are blocked, for more than a moment. While they are it adds
// nothing more.
func (n *node) flood(want int, add func()) {
	n.t.Helper()
	until(n.t, fmt.Sprint(want, " sessions are blocked"), func() bool {
		if n.blocked(0) < want {
			for range 20 {
				add()
			}
			return false
		}
		return n.blocked(50*time.Millisecond) >= want
	})
}

// A client that stops reading costs nobody anything, and reads on from where it was: it is told every
// trade that is still held and how many are not; of the book what changed, in one, or the state.
func TestSlowReaderReadsOn(t *testing.T) {
	eachNode(t, func(t *testing.T, options ...func(*Config)) {
		tp := newTape(1)
		n := run(t, tp, options...)
		tp.add("whole BTC-USD 0 b100=1 a101=1\ntrade BTC-USD 0 100 1")
		p := join(t, n, little, "?rooms="+trades+","+book)
		known := mirror.New()
		p.fold(known, "snapshots", func() bool { return known.Room(trades).Has && known.Room(book).Has })
		added := 0
		add := func() {
			added++
			tp.add("trade BTC-USD %d 100 1\ndelta BTC-USD %d %d b%d=%d", added, added, added, 50+added%40, added)
		}
		answered, folded := "", uint64(0)
		known.Message = func(m *mirror.Message, _ *mirror.Room) {
			answered += string(m.ID)
			if m.T == "update" && m.Room == book {
				folded = max(folded, *m.N)
			}
			if m.T == "gap" && (m.Reason != "slow" || m.Room != trades) {
				t.Errorf("told %s", m.Raw)
			}
		}
		everything := func() bool {
			return known.Room(trades).Seq == uint64(added+1) && known.Room(book).Seq == uint64(added+1)
		}
		r, b := known.Room(trades), known.Room(book)

		n.flood(1, add)
		for range 800 { // the log holds them
			add()
		}
		p.write(text(`{"op":"ping","id":"late"}`))
		p.fold(known, "everything", func() bool { return everything() && answered == `"late"` })
		if r.Gaps != 0 || int(r.Events) != added {
			t.Errorf("%d gaps and %d trades of %d", r.Gaps, r.Events, added)
		}
		if b.Snapshots != 1 || int(b.Events) != added || folded < 800 {
			t.Errorf("%d snapshots and %d events of %d, at most %d in one", b.Snapshots, b.Events, added, folded)
		}

		n.flood(1, add)
		for range 3000 { // the log does not hold them
			add()
		}
		p.fold(known, "everything", everything)
		if r.Gaps < 1 || int(r.Lost+r.Events) != added || r.Lost == 0 { // how often and how many is the kernel's affair
			t.Errorf("%d gaps with %d trades lost and %d told, of %d", r.Gaps, r.Lost, r.Events, added)
		}
		if b.Snapshots < 2 || len(b.Bids) != 41 {
			t.Errorf("%d snapshots and %d bids", b.Snapshots, len(b.Bids))
		}
		until(t, "nobody is blocked", func() bool { return n.blocked(0) == 0 })
	})
}

// Clients that never read, or read a byte now and then, are closed; those beside them miss nothing.
func TestSlowClientsAreClosed(t *testing.T) {
	eachNode(t, func(t *testing.T, options ...func(*Config)) {
		tp := newTape(2)
		n := run(t, tp, append(options, func(c *Config) { c.SlowDeadline = 500 * time.Millisecond })...)
		honest := newCrowd(t, tp, n)
		const noise = "trades:TEST:NOISE-USD"
		tp.addTo(1, "trade NOISE-USD 0 1 1")
		never := join(t, n, little, "?rooms="+noise)
		trickle := join(t, n, little, "?rooms="+noise)
		var reading sync.WaitGroup
		var enough atomic.Bool
		reading.Go(func() { // a byte, then a pause
			for b := make([]byte, 1); !enough.Load(); time.Sleep(20 * time.Millisecond) {
				if _, err := trickle.Read(b); err != nil {
					return
				}
			}
		})
		until(t, "the slow are closed", func() bool {
			for range 50 {
				tp.addTo(1, "trade NOISE-USD 0 1 1")
			}
			return n.admit.count() == len(honest.clients)
		})
		honest.missedNothing()
		if got := n.closes("4004"); got != "2" {
			t.Errorf("%s closed as too slow", got)
		}
		enough.Store(true)
		never.Close()
		trickle.Close()
		reading.Wait()
	})
}

// closes reads a counter of ended sessions.
func (n *node) closes(code string) string {
	return n.scrape()[`tapedeck_closes_total{code="`+code+`"}`]
}

// Whoever was too slow but reads again within a moment finds the reason behind what he had not read.
func TestSlowClientIsToldWhy(t *testing.T) {
	tp := newTape(1)
	n := run(t, tp, tight, func(c *Config) { c.SlowDeadline = time.Millisecond })
	tp.add("trade BTC-USD 0 100 1")
	var e end
	for try := 0; try < 10 && e.code == 0; try++ { // within a moment: a busy machine may need another
		p := join(t, n, little, "?rooms="+trades)
		until(t, "the session ends", func() bool {
			for range 100 {
				tp.add("trade BTC-USD 1 100 1")
			}
			return n.ending() == 1
		})
		e = p.drain()
		p.Close()
		until(t, "it is gone", func() bool { return n.admit.count() == 0 })
	}
	if e.bad != nil || e.code != 4004 || e.bye != "too slow" {
		t.Errorf("ended with code %d, bye %q, fault %v", e.code, e.bye, e.bad)
	}
}

// ending is how many sessions have had their last words, and are not gone.
func (n *node) ending() int {
	count := 0
	for _, p := range n.pumps {
		done := make(chan struct{})
		p.do(func() {
			defer close(done)
			for _, s := range p.sessions {
				if s.closing != nil {
					count++
				}
			}
		})
		<-done
	}
	return count
}

// A blocked client hears no ping, so it is not taken for gone however long it is blocked; nor when it
// reads on, before it could answer one.
func TestBlockedIsNotSilent(t *testing.T) {
	b := newBench(t)
	b.join(2, trades, "0")
	blocked, silent := b.pump.sessions[0], b.pump.sessions[1]
	blocked.sub.Blocked = true
	chores := func() {
		b.pump.chores = time.Time{}
		b.pump.round()
	}
	for _, s := range b.pump.sessions {
		s.seen.Store(time.Now().Add(-3 * b.config.Heartbeat).UnixNano())
	}
	chores()
	if silent.closing != wire.CloseSilent || blocked.closing != nil {
		t.Errorf("closed as %v, the blocked one as %v", silent.closing, blocked.closing)
	}
	b.pump.resume(blocked)
	chores()
	if blocked.closing != nil || blocked.sub.Blocked {
		t.Errorf("who reads on is closed as %v", blocked.closing)
	}
}

// While a client is blocked its commands wait, and so does its reader: answers do not pile up.
func TestCommandsWaitForTheBlocked(t *testing.T) {
	b := newBench(t)
	b.join(1, trades, "0")
	sess := b.pump.sessions[0]
	sess.sub.Blocked = true
	answered := make(chan struct{})
	go func() {
		sess.receive([]byte(`{"op":"list"}`))
		close(answered)
	}()
	until(t, "the command is there", func() bool {
		b.pump.round()
		return sess.delayed != nil
	})
	select {
	case <-answered:
		t.Error("a blocked client was answered")
	default:
	}
	frames := b.frames()
	b.pump.resume(sess)
	b.settle()
	<-answered
	if b.frames() != frames+1 {
		t.Errorf("%d answers", b.frames()-frames)
	}
}

// Stalled clients cost a flush each, however much they do not read.
func TestStalledClientsAreBounded(t *testing.T) {
	const stalled, flush = 100, 32 << 10
	tp := newTape(1)
	n := run(t, tp, tight, func(c *Config) { c.FlushBytes = flush })
	var rooms []string
	line := func(i int) string {
		var b strings.Builder
		for s := range 10 {
			fmt.Fprintf(&b, "delta S%d-USD %d %d b%d=%d\ntrade S%d-USD %d 100 1\n", s, i, i, 1+i%500, i, s, i)
		}
		return b.String()
	}
	for s := range 10 {
		tp.add("whole S%d-USD 0 b1000=1 a1001=1", s)
		rooms = append(rooms, fmt.Sprintf("book:TEST:S%d-USD,trades:TEST:S%d-USD", s, s))
	}
	i := 0
	more := func(n int) {
		for range n {
			i++
			tp.add("%s", line(i))
		}
	}
	more(5000) // the rooms are as large as they get
	stall := func(all int) int {
		for range stalled {
			join(t, n, little, "?rooms="+strings.Join(rooms, ","))
		}
		n.flood(all, func() { more(1) })
		more(2000) // 1 MB a client, if it were kept
		return heap()
	}
	first := stall(stalled) // and what serves them
	if each := (stall(2*stalled) - first) / stalled; each > 3*flush {
		t.Errorf("%d bytes a stalled client, of whom a flush is %d", each, flush)
	} else {
		t.Logf("%d bytes a stalled client", each)
	}
}

func heap() int {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// A peer whose machine is gone, without a word, is found out by its silence. One that reads all the
// same is told.
func TestHalfOpen(t *testing.T) {
	t.Parallel()
	n := run(t, newTape(1), func(c *Config) { c.Heartbeat = 2 * time.Second })
	alive := greet(t, n, "?rooms="+trades) // answers pings
	for range 5 {
		join(t, n, 0, "?rooms="+trades)
	}
	e := join(t, n, 0, "?rooms="+trades).drain()
	if e.bad != nil || e.code != 4002 || e.bye != "no sign of life" {
		t.Errorf("ended with code %d, bye %q, fault %v", e.code, e.bye, e.bad)
	}
	until(t, "the silent are closed", func() bool { return n.admit.count() == 1 })
	if got := n.closes("4002"); got != "6" {
		t.Errorf("%s closed as silent", got)
	}
	beat := alive.hear("a heartbeat", kind("heartbeat"))
	if want := `"lag":0,"rooms":[]}`; !strings.Contains(string(beat.Raw), want) {
		t.Errorf("a heartbeat says %s, want %s", beat.Raw, want)
	}
}

// A heartbeat lists the rooms that are not plainly live, so that quiet and broken can be told apart.
func TestHeartbeatTellsQuietFromBroken(t *testing.T) {
	t.Parallel()
	tp := newTape(1)
	tp.add("whole OLD-USD 0 b1=1")
	tp.add("delta BROKEN-USD 5 5 b1=1")
	tp.add("quote HALTED-USD 1 1 2 1")
	tp.add("halt HALTED-USD")
	for i := range tp.parts[0] {
		tp.parts[0][i].Time -= 60e6 // a minute ago
	}
	tp.add("quote LIVE-USD 1 1 2 1")
	n := run(t, tp, func(c *Config) { c.Heartbeat = time.Second })
	n.player.with(0, func(l feed.Log) { l.End(100) })
	c := greet(t, n, "?rooms=book:TEST:OLD-USD,book:TEST:BROKEN-USD,quotes:TEST:HALTED-USD,quotes:TEST:LIVE-USD,trades:TEST:NEVER-USD")
	m := c.hear("a heartbeat", kind("heartbeat"))
	got := map[string]string{}
	for _, r := range m.Rooms {
		got[r.Room] = r.State
	}
	want := map[string]string{"book:TEST:OLD-USD": "quiet", "book:TEST:BROKEN-USD": "stale", "quotes:TEST:HALTED-USD": "halted"}
	if !maps.Equal(got, want) {
		t.Errorf("a heartbeat lists %v, want %v", got, want)
	}
	if m.Lag < 500 || m.Lag > 60_000 { // since LIVE-USD's record
		t.Errorf("a lag of %d ms", m.Lag)
	}
}
