package e2e_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tapedeck/wire/mirror"
)

// bases are the instruments of made-up markets.
var bases = []string{"AAA", "BBB", "CCC", "DDD"}

// hoursAgo is where made-up markets begin: their log time runs faster than ours, and never overtakes it.
func hoursAgo() int64 { return time.Now().Add(-20 * time.Hour).UnixMicro() }

// fill publishes the next n records of an exchange.
func (b *broker) fill(t testing.TB, l *ledger, x *exchange, n int) {
	t.Helper()
	for n > 0 {
		list := x.some(min(n, 1000))
		b.publish(t, l, list...)
		n -= len(list)
	}
}

// feed publishes an exchange's records until stopped; stop returns how many there were.
func (b *broker) feed(t testing.TB, l *ledger, x *exchange, perSecond int) (stop func() int) {
	over, done := make(chan struct{}), make(chan int)
	go func() {
		n := 0
		for {
			select {
			case <-over:
				done <- n
				return
			case <-time.After(10 * time.Millisecond):
			}
			list := x.some(max(perSecond/100, 1))
			if err := b.write(l, list); err != nil {
				t.Error(err)
				<-over
				done <- n
				return
			}
			n += len(list)
		}
	}()
	return func() int {
		close(over)
		return <-done
	}
}

// isView reports whether a room is made from another when it is first joined: only the node that has it knows
// what it said.
func isView(room string) bool {
	return strings.Contains(room, "@") && !strings.HasSuffix(room, "@1m")
}

// A streamer is killed as kill -9 does, three times under load. Its clients go on at one that was started
// again, and at one that runs since another time and has read less: nothing is missing, nothing comes twice,
// every number means the same, and whatever is kept for everybody is recovered.
func TestKafkaClientsOutliveKillNine(t *testing.T) {
	b := brokerFor(t)
	topic := b.topic(t, 2)
	x := newExchange(1, topic, 2, hoursAgo(), bases...)
	x.step = 40_000
	l := newLedger()
	s := setup{
		Brokers: b.addrs, Topics: map[string]topicSetup{topic: {"binance", "trade"}},
		Warmup: forever, LogEntries: 8192, // what the slowest machine may publish while a process starts
	}
	run := func(name string, warmup time.Duration) *node {
		s.Name, s.Warmup = name, warmup
		return s.spawn(t)
	}
	b.fill(t, l, x, 6000)
	middle := x.now
	b.fill(t, l, x, 8000) // over five minutes: who begins here knows the newest candle whole, and late trades for it
	published := 14_000
	first := run("first", forever).ready(t)
	other := run("other", time.Duration(x.now-middle)*time.Microsecond).ready(t)
	c := gather(t, first, x.rooms(), 24, 10)
	var updates atomic.Int64
	for _, g := range c.clients {
		g.each = func(m *mirror.Message, _ *mirror.Room) {
			if m.T == "update" {
				updates.Add(1)
			}
		}
	}
	heard := func() {
		t.Helper()
		from := updates.Load()
		until(t, "the clients are told something", func() string {
			if updates.Load() < from+2000 {
				return fmt.Sprint(updates.Load()-from, " updates")
			}
			return ""
		})
	}
	stop := b.feed(t, l, x, 1000)
	current := first
	for _, next := range []func() *node{
		func() *node { return run("first again", forever).ready(t) },
		func() *node { return other },
		func() *node { return run("last", forever).ready(t) },
	} {
		heard()
		current.kill()
		for _, g := range c.clients {
			<-g.closed
		}
		current = next()
		for _, g := range c.clients {
			g.moveTo(t, current)
		}
	}
	heard()
	published += stop()
	c.nodes = []*node{current}
	current.applied(t, published)
	sum := c.disperse(l)
	t.Logf("%d records: %+v", published, sum)
	for _, g := range c.clients {
		for name, r := range g.known.Rooms {
			if r.Gaps > 0 {
				t.Errorf("%s was told %d gaps in %s, and nothing was lost", g.name, r.Gaps, name)
			}
		}
	}
	for _, in := range x.list {
		r, state := current.truth(t, in.room("book"))
		if r == nil {
			t.Fatalf("%s is %s", in.room("book"), state)
		}
		if d := in.differ(r); d != "" {
			t.Errorf("%s: %s", in.room("book"), d)
		}
	}
}

// moveTo resumes on another node and says which rooms should have been recovered and were not: those whose
// state every node keeps. A ticker is whole only where its log was read from the beginning.
func (g *guest) moveTo(t testing.TB, n *node) {
	t.Helper()
	g.node = n
	if err := g.connect(n.addr, ""); err != nil {
		t.Fatal(err)
	}
	recovered, anew, err := g.resume(func(room string) string { return g.intervals[room] })
	if err != nil {
		t.Fatal(err)
	}
	g.recovered += recovered
	g.resumed += recovered + len(anew)
	for _, room := range anew {
		if part := n.name == "other" && strings.HasPrefix(room, "ticker:"); !isView(room) && !part {
			t.Errorf("%s was not recovered in %s on %s", g.name, room, n.name)
		}
	}
}

// A client that comes to a node that has read less than the client was told is recovered, hears
// nothing until the node has passed it, and then goes on as if nothing had been.
func TestKafkaClientAheadOfItsNode(t *testing.T) {
	b := brokerFor(t)
	topic := b.topic(t, 1)
	x := newExchange(2, topic, 1, hoursAgo(), bases...)
	x.step = 100_000
	l := newLedger()
	s := setup{Name: "ahead", Brokers: b.addrs, Topics: map[string]topicSetup{topic: {"binance", "trade"}}, Warmup: forever, LogEntries: 8192}
	b.fill(t, l, x, 4000)
	ahead := s.start(t, nil).ready(t)
	hold := newGate(2000)
	s.Name = "behind"
	behind := s.start(t, hold)
	<-hold.held
	behind.applied(t, 2000)

	c := newClient("client", false)
	c.join(t, ahead, "0", x.rooms()...)
	must(t, c.until("everything is known", func(m *mirror.Mirror) bool { return allHave(m, x.rooms()) }))
	c.hangUp()
	c.mu.Lock()
	before := maps.Clone(c.known.Rooms)
	heard := 0
	c.each = func(_ *mirror.Message, r *mirror.Room) {
		if r != nil {
			heard++
		}
	}
	c.mu.Unlock()
	must(t, c.connect(behind.addr, ""))
	_, anew, err := c.resume(func(string) string { return "0" })
	must(t, err)
	for _, room := range anew {
		t.Errorf("%s was not recovered", room)
	}
	_, err = c.call(map[string]any{"op": "ping"})
	must(t, err)
	if heard > 0 {
		t.Errorf("%d messages came from a node that is behind", heard)
	}
	if status, body := behind.get(t, "/readyz"); status == 200 {
		t.Errorf("a node that is 2000 records behind says that it is %s", body)
	}
	hold.open()
	behind.ready(t)
	b.fill(t, l, x, 500)
	ahead.applied(t, 4500)
	behind.applied(t, 4500)
	natives := behind.natives(t)
	for _, room := range x.rooms() {
		want, state := ahead.truth(t, room)
		if want == nil {
			t.Fatalf("%s is %s", room, state)
		}
		must(t, c.until(room+" is read to its end", func(m *mirror.Mirror) bool { return m.Rooms[room].Seq >= want.Seq }))
		r := c.room(room)
		if d := r.Differ(want); d != "" {
			t.Errorf("%s: %s", room, d)
		}
		if r.Gaps > 0 || r.Snapshots != 1 {
			t.Errorf("%s: %d gaps and %d snapshots, want none and the first", room, r.Gaps, r.Snapshots)
		}
		if before[room] == nil {
			t.Errorf("%s was never known", room)
		}
	}
	for room, tape := range c.tapes {
		if err := l.check(tape, natives["BINANCE:"+symbolOf(room)]); err != nil {
			t.Error(err)
		}
	}
}

// Clients wander between three nodes that began at different times, one of which is always some way behind, while
// they join, leave and stop reading: wherever they are, they miss nothing and believe nothing that is not so.
func TestKafkaClientsWanderBetweenNodes(t *testing.T) {
	b := brokerFor(t)
	topic := b.topic(t, 2)
	x := newExchange(12, topic, 2, hoursAgo(), bases...)
	x.step, x.every, x.skips = 60_000, 60, 150
	l := newLedger()
	s := setup{Brokers: b.addrs, Topics: map[string]topicSetup{topic: {"binance", "trade"}}}
	b.fill(t, l, x, 4000)
	middle := x.now
	b.fill(t, l, x, 4000)
	var nodes []*node
	for _, of := range []struct {
		name   string
		warmup time.Duration
		slow   bool
	}{
		{"whole", forever, false},
		{"half", time.Duration(x.now-middle) * time.Microsecond, false},
		{"slow", forever, true},
	} {
		s.Name, s.Warmup = of.name, of.warmup
		var hold *gate
		if of.slow {
			hold = &gate{from: 4000, lag: 2200 * time.Microsecond} // what is published comes faster
		}
		nodes = append(nodes, s.start(t, hold))
	}
	for _, n := range nodes {
		n.ready(t)
	}
	c := gather(t, nodes[0], x.rooms(), 24, 8)
	c.nodes = nodes
	c.mingle()
	stop := b.feed(t, l, x, 1000)
	time.Sleep(4 * time.Second)
	published := 8000 + stop()
	until(t, "all nodes have read everything", func() string {
		for _, n := range nodes {
			if lag := n.metric(t, "tapedeck_feed_lag_records"); lag > 0 {
				return fmt.Sprintf("%s is %v records behind", n.name, lag)
			}
		}
		return ""
	})
	nodes[0].applied(t, published)
	sum := c.disperse(l)
	t.Logf("%d records: %+v", published, sum)
	if sum.resumed < 100 || sum.recovered < 50 {
		t.Error("the clients wandered too little to prove anything")
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// allHave reports that every room has had its snapshot, and is live.
func allHave(m *mirror.Mirror, rooms []string) bool {
	return !slices.ContainsFunc(rooms, func(name string) bool {
		r := m.Rooms[name]
		return r == nil || !r.Has || r.State != "live"
	})
}

// Two nodes, one of which began to read half-way: what the younger has not read whole it does not serve, and
// from when it covers a room both say the same in it, to the byte.
func TestKafkaNodesStartedApartSayTheSame(t *testing.T) {
	b := brokerFor(t)
	topic := b.topic(t, 1)
	x := newExchange(3, topic, 1, hoursAgo(), bases...)
	x.step = 200_000
	l := newLedger()
	s := setup{Name: "older", Brokers: b.addrs, Topics: map[string]topicSetup{topic: {"binance", "trade"}}, Warmup: forever}
	b.fill(t, l, x, 3000)
	older := s.start(t, nil).ready(t)
	x.every = 1 << 30 // no snapshots from here on
	for _, in := range x.list {
		in.late = nil
	}
	b.fill(t, l, x, 10)
	began := x.now
	x.now += 2000 // so that it begins here
	b.fill(t, l, x, 100)
	s.Name, s.Warmup = "younger", time.Duration(x.now-began-1000)*time.Microsecond
	younger := s.start(t, nil).ready(t)

	witness := [2]*client{newClient("at the older", false), newClient("at the younger", false)}
	heard := [2]map[string][]string{{}, {}}
	rooms := append(x.rooms(), "trades:BINANCE:MARK-USDT")
	for i, n := range []*node{older, younger} {
		witness[i].each = func(m *mirror.Message, r *mirror.Room) {
			if r != nil {
				heard[i][r.Name] = append(heard[i][r.Name], string(m.Raw))
			}
		}
		witness[i].join(t, n, "0", rooms...)
	}
	for _, in := range x.list {
		name := in.room("book")
		if r, state := younger.truth(t, name); r != nil || !strings.HasPrefix(state, "stale") {
			t.Errorf("the younger node serves %s, of which it has read no snapshot: %s", name, state)
		}
		if younger.rooms(t, name)[name].Covered {
			t.Errorf("the younger node says that it covers %s", name)
		}
		if r, state := older.truth(t, name); r == nil {
			t.Errorf("%s is %s on the older node", name, state)
		}
		for _, view := range []string{"candles@1m", "candles@5m"} {
			if r, _ := younger.truth(t, in.room(view)); r == nil || len(r.Candles) > 0 {
				t.Errorf("the younger node serves %v in %s, whose trades it has not read whole", r, in.room(view))
			}
		}
	}

	b.fill(t, l, x, 3300) // eleven minutes: more than a candle of five, wherever it begins
	for _, in := range x.list {
		b.publish(t, l, in.snapshot())
	}
	published := 3000 + 10 + 100 + 3300 + len(x.list)
	older.applied(t, published)
	younger.applied(t, published-3010)
	marks := 0
	step := func(list ...*message) {
		marks++
		mark := &message{topic: topic, key: "MARKUSDT", time: x.now, value: fmt.Appendf(nil,
			`{"e":"trade","E":%d,"s":"MARKUSDT","t":%d,"p":"1","q":"1","T":%d,"m":false}`, x.now/1000, marks, x.now/1000)}
		b.publish(t, l, append(list, mark)...)
		for _, c := range witness {
			must(t, c.until("the mark has arrived", func(m *mirror.Mirror) bool {
				r := m.Rooms["trades:BINANCE:MARK-USDT"]
				return len(r.Trades) > 0 && r.Trades[len(r.Trades)-1].ID == fmt.Sprint(marks)
			}))
		}
	}
	step()
	for _, in := range x.list { // what no quote and no ticker has brought since is not yet the same
		step(in.delta(), in.quote())
		step(in.ticker(), in.tradeNow())
	}
	for i, c := range witness {
		must(t, c.until("everything is known", func(m *mirror.Mirror) bool { return allHave(m, rooms) }))
		c.mu.Lock()
		heard[i] = map[string][]string{}
		c.mu.Unlock()
	}
	x.every = 40 // and snapshots of good books too
	for range 700 {
		step(x.next())
	}
	said := 0
	for _, room := range rooms {
		a, b := heard[0][room], heard[1][room]
		said += len(a)
		if !slices.Equal(a, b) {
			i := 0
			for i < min(len(a), len(b)) && a[i] == b[i] {
				i++
			}
			t.Errorf("%s: after %d equal messages the older says %q and the younger %q", room, i, at(a, i), at(b, i))
		}
		if len(a) == 0 {
			t.Errorf("nothing was said in %s", room)
		}
	}
	t.Logf("%d messages of %d rooms are the same", said, len(rooms))
	for _, in := range x.list {
		for i, n := range []*node{older, younger} {
			if r, state := n.truth(t, in.room("book")); r == nil {
				t.Errorf("%s is %s on %s", in.room("book"), state, n.name)
			} else if d := in.differ(r); d != "" {
				t.Errorf("%s on %s: %s", in.room("book"), n.name, d)
			}
			r := witness[i].room(in.room("book"))
			if d := in.differ(&r); d != "" {
				t.Errorf("%s at %s: %s", in.room("book"), witness[i].name, d)
			}
		}
	}
}

func at(list []string, i int) string {
	if i < len(list) {
		return list[i]
	}
	return "nothing"
}
