package e2e_test

import (
	"fmt"
	"strings"
	"testing"

	"tapedeck/wire/mirror"
)

// Retention removes records that a node has not read yet: every room says so with the exact number, books are
// stale until a snapshot, and what was there before and comes after is complete.
func TestKafkaRetentionUnderALaggingReader(t *testing.T) {
	b := brokerFor(t)
	topic := b.topic(t, 1)
	x := newExchange(4, topic, 1, hoursAgo(), bases[:2]...)
	l := newLedger()
	const reads, deleted = 600, 4000
	hold := newGate(reads)
	n := setup{Name: "node", Brokers: b.addrs, Topics: map[string]topicSetup{topic: {"binance", "trade"}}, Warmup: forever}.start(t, hold)
	c := newClient("client", false)
	var gaps []mirror.Message
	beyond := uint64(0) // the newest seq told before a gap
	c.each = func(m *mirror.Message, _ *mirror.Room) {
		switch {
		case m.T == "gap":
			gaps = append(gaps, *m)
		case len(gaps) == 0:
			beyond = max(beyond, m.Seq)
		}
	}
	b.fill(t, l, x, reads)
	n.applied(t, reads)
	c.join(t, n, "0", x.rooms()...)
	must(t, c.until("everything is known", func(m *mirror.Mirror) bool { return allHave(m, x.rooms()) }))

	b.fill(t, l, x, 1)
	<-hold.held
	x.every = 1 << 30 // no snapshot will mend the books by itself
	for n := reads + 1; n < deleted+100; n += 300 {
		b.fill(t, l, x, min(300, deleted+100-n))
	}
	for _, in := range x.list {
		in.late = nil
	}
	b.deleteRecords(t, topic, 0, deleted)
	hold.open()
	must(t, c.until("every room is told of the loss", func(*mirror.Mirror) bool { return len(gaps) == len(x.rooms()) }))

	lost := uint64(n.metric(t, "tapedeck_feed_lost_records_total"))
	n.applied(t, deleted+100-int(lost))
	if taken := uint64(n.metric(t, "tapedeck_feed_records_total")); lost == 0 || taken+lost != deleted+100 {
		t.Errorf("%d records were taken and %d lost of %d", taken, lost, deleted+100)
	}
	c.mu.Lock()
	for _, g := range gaps {
		if g.To != deleted || g.Records == nil || *g.Records != lost || g.Reason != "retention" || g.From > deleted-lost {
			t.Errorf("a gap is not of the %d records up to %d: %s", lost, deleted, g.Raw)
		}
	}
	if beyond > deleted-lost {
		t.Errorf("seq %d was told, and then that all is lost from %d on", beyond, deleted-lost)
	}
	c.mu.Unlock()
	for _, in := range x.list {
		for _, book := range []string{"book", "book@5"} {
			if r, state := n.truth(t, in.room(book)); r != nil {
				t.Errorf("%s is served though records are missing", in.room(book))
			} else if !strings.HasPrefix(state, "stale") {
				t.Errorf("%s is %s", in.room(book), state)
			}
			if r := c.room(in.room(book)); r.State != "stale" {
				t.Errorf("the client believes that %s is %s", r.Name, r.State)
			}
		}
		m := in.snapshot()
		b.publish(t, l, m, in.delta(), in.ticker())
	}
	for _, in := range x.list {
		must(t, c.until("books are good again", func(m *mirror.Mirror) bool {
			r := m.Rooms[in.room("book")]
			return r.State == "live" && in.differ(r) == ""
		}))
	}
	settled(t, n, c, l, x)
}

// settled holds what a client knows of an exchange's rooms against what its node serves, when it has come that
// far, its trades against the ledger and its books against the exchange.
func settled(t testing.TB, n *node, c *client, l *ledger, x *exchange) {
	t.Helper()
	natives := n.natives(t)
	for _, room := range x.rooms() {
		want, state := n.truth(t, room)
		if want == nil {
			t.Errorf("%s is %s", room, state)
			continue
		}
		must(t, c.until(room+" is read to its end", func(m *mirror.Mirror) bool {
			r := m.Rooms[room]
			return r.Epoch == want.Epoch && r.Seq >= want.Seq && r.State == "live"
		}))
		r := c.room(room)
		if d := r.Differ(want); d != "" {
			t.Errorf("%s: %s", room, d)
		}
	}
	for room, tape := range c.tapes {
		if err := l.check(tape, natives[venueOf(room)+":"+symbolOf(room)]); err != nil {
			t.Error(err)
		}
	}
	for _, in := range x.list {
		r := c.room(in.room("book"))
		if d := in.differ(&r); d != "" {
			t.Errorf("%s: %s", r.Name, d)
		}
	}
}

// Partitions are added under load, so that keys move: their rooms go on in another log, say so, and serve
// nothing as good before it is; the others do not notice.
func TestKafkaPartitionsAreAdded(t *testing.T) {
	b := brokerFor(t)
	topic := b.topic(t, 1)
	x := newExchange(5, topic, 1, hoursAgo(), "AAA", "BBB", "CCC", "DDD", "EEE", "FFF")
	x.every = 40
	l := newLedger()
	n := setup{Name: "node", Brokers: b.addrs, Topics: map[string]topicSetup{topic: {"binance", "trade"}}, Warmup: forever}.start(t, nil)
	b.fill(t, l, x, 2000)
	n.applied(t, 2000)
	c := newClient("client", true)
	c.join(t, n, "0", x.rooms()...)
	must(t, c.until("everything is known", func(m *mirror.Mirror) bool { return allHave(m, x.rooms()) }))
	before := c.epochs()

	b.addPartitions(t, topic, 3)
	x.partitions = 3
	for _, in := range x.list {
		in.late = nil // it is of the old partition
	}
	stop := b.feed(t, l, x, 1000)
	infos := map[string]roomInfo{}
	until(t, "every moved room is at home where its records are", func() string {
		infos = n.rooms(t, "trades:*")
		for _, in := range x.list {
			if i := infos[in.room("trades")]; i.Partition != keyed(in.native(), 3) {
				return fmt.Sprintf("%s is at home in partition %d", i.Room, i.Partition)
			}
		}
		return ""
	})
	must(t, c.until("moved books are good again", func(m *mirror.Mirror) bool { return allHave(m, x.rooms()) }))
	n.applied(t, 2000+stop())
	settled(t, n, c, l, x)

	moved := 0
	for _, in := range x.list {
		for _, channel := range channels {
			r := c.room(in.room(channel))
			if stays := keyed(in.native(), 3) == 0; stays != (r.Epoch == before[r.Name]) || stays != (r.Gaps == 0) {
				t.Errorf("%s: stays is %t, but it went from epoch %s to %s with %d gaps", r.Name, stays, before[r.Name], r.Epoch, r.Gaps)
			} else if !stays {
				moved++
			}
		}
		if tape := c.tapes[in.room("trades")]; keyed(in.native(), 3) != 0 && tape.gaps("epoch") != 1 {
			t.Errorf("%s was told of %d new epochs, want 1", in.room("trades"), tape.gaps("epoch"))
		}
	}
	if moved == 0 || moved == len(x.rooms()) {
		t.Errorf("%d of %d rooms moved: this proves nothing", moved, len(x.rooms()))
	}
	if misplaced := n.metric(t, "tapedeck_events_dropped_total", `"misplaced"`); misplaced > 0 {
		t.Errorf("%v events were taken for misplaced", misplaced)
	}
	if status, body := n.get(t, "/readyz"); status != 200 {
		t.Errorf("the node went unready: %s", body)
	}
}

// epochs is which log each room is in.
func (c *client) epochs() map[string]string {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := map[string]string{}
	for name, r := range c.known.Rooms {
		m[name] = r.Epoch
	}
	return m
}

// A symbol whose records come by two partitions in turn has no order that anybody could know: its rooms are
// down, and say why. Another symbol of the topic, which keeps to one partition, is served.
func TestKafkaTopicWithoutKeys(t *testing.T) {
	b := brokerFor(t)
	topic := b.topic(t, 2)
	x := newExchange(6, topic, 2, hoursAgo(), "AAA", "BBB")
	l := newLedger()
	n := setup{Name: "node", Brokers: b.addrs, Topics: map[string]topicSetup{topic: {"binance", "trade"}}, Warmup: forever}.start(t, nil)
	x.every = 60
	b.fill(t, l, x, 600)
	n.applied(t, 600)
	c := newClient("client", false)
	c.join(t, n, "0", x.rooms()...)
	must(t, c.until("everything is known", func(m *mirror.Mirror) bool { return allHave(m, x.rooms()) }))
	split, whole := x.list[0], x.list[1]
	for i := range 200 {
		m := x.next()
		if m.symbol == split.native() {
			m.partition, m.key = int32(i/3%2), ""
		}
		b.publish(t, l, m)
		n.applied(t, 600+i+1) // so that the node sees them in this order
	}
	for _, channel := range channels {
		room := split.room(channel)
		if i := n.rooms(t, room)[room]; i.State != "down" || i.Reason != "split" {
			t.Errorf("%s is %q for %q, want down for split", room, i.State, i.Reason)
		}
		if r, state := n.truth(t, room); r != nil {
			t.Errorf("%s is served", room)
		} else if state != "down split" {
			t.Errorf("%s answers that it is %s", room, state)
		}
		must(t, c.until(room+" is down", func(m *mirror.Mirror) bool { return m.Rooms[room].State == "down" }))
	}
	x.list = []*instrument{whole}
	c.tapes = map[string]*tape{whole.room("trades"): c.tapes[whole.room("trades")]}
	settled(t, n, c, l, x)
}

// A topic is deleted and made anew: its rooms go on in a new epoch, whose numbers begin again, and
// nobody who comes with a number of the old one is taken for one of the new.
func TestKafkaTopicIsMadeAnew(t *testing.T) {
	b := brokerFor(t)
	topic := b.topic(t, 1)
	x := newExchange(7, topic, 1, hoursAgo(), bases[:2]...)
	x.every = 40
	l := newLedger()
	n := setup{Name: "node", Brokers: b.addrs, Topics: map[string]topicSetup{topic: {"binance", "trade"}}, Warmup: forever}.start(t, nil)
	b.fill(t, l, x, 1000)
	n.applied(t, 1000)
	c, late := newClient("client", false), newClient("away meanwhile", false)
	for _, c := range []*client{c, late} {
		c.join(t, n, "0", x.rooms()...)
		must(t, c.until("everything is known", func(m *mirror.Mirror) bool { return allHave(m, x.rooms()) }))
	}
	n.applied(t, 1000)
	before := n.rooms(t, "trades:*")
	late.hangUp()

	b.deleteTopic(t, topic)
	b.create(t, topic, 1)
	l.making++
	for _, in := range x.list {
		in.deltas, in.late = x.every-2, nil
	}
	list := x.some(800) // fewer than before: numbers alone would not tell
	b.publish(t, l, list...)
	must(t, c.until("everything goes on in the new topic", func(m *mirror.Mirror) bool {
		for _, room := range x.rooms() {
			if r := m.Rooms[room]; r.Epoch == before[x.list[0].room("trades")].Epoch || !r.Has || r.State != "live" {
				return false
			}
		}
		return true
	}))
	n.applied(t, 1800)
	settled(t, n, c, l, x)
	for _, in := range x.list {
		if tape := c.tapes[in.room("trades")]; tape.gaps("epoch") != 1 {
			t.Errorf("%s was told of %d new epochs, want 1", in.room("trades"), tape.gaps("epoch"))
		}
	}
	must(t, late.connect(n.addr, ""))
	recovered, anew, err := late.resume(func(string) string { return "0" })
	must(t, err)
	if recovered > 0 || len(anew) != len(x.rooms()) {
		t.Errorf("%d rooms of the old topic were recovered in the new one", recovered)
	}
	settled(t, n, late, l, x)
	if status, body := n.get(t, "/readyz"); status != 200 {
		t.Errorf("the node went unready: %s", body)
	}
}
