package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"tapedeck/feed"
	"tapedeck/feed/kafka"
	"tapedeck/wire/mirror"
)

// saved waits until so many logs have a checkpoint in a folder that was not there at a time.
func saved(t testing.TB, dir string, logs int, since time.Time) {
	t.Helper()
	until(t, "checkpoints are written", func() string {
		fresh := map[string]bool{}
		files, _ := filepath.Glob(filepath.Join(dir, "*", "*.checkpoint"))
		for _, name := range files {
			if at, err := os.Stat(name); err == nil && at.ModTime().After(since) {
				fresh[filepath.Dir(name)] = true
			}
		}
		if len(fresh) < logs {
			return fmt.Sprint(len(fresh), " of ", logs)
		}
		return ""
	})
}

// A node is killed under load. One that was started again begins at its checkpoints, and from then on says in every room
// what one says that has read everything, to the byte: snapshots, updates, numbers and epochs.
func TestKafkaNodesBeginAtCheckpoints(t *testing.T) {
	dir := t.TempDir()
	nodesBeginAtCheckpoints(t, brokerFor(t), dir, func() { saved(t, dir, 1, time.Now()) })
}

// So it is with checkpoints in a topic that a real Kafka compacts all the while.
func TestKafkaNodesBeginAtCompactedCheckpoints(t *testing.T) {
	b := brokerFor(t)
	if b.fake != nil {
		t.Skip("TAPEDECK_TEST_KAFKA does not say where a real Kafka is, and no other compacts: make test-services does")
	}
	place := b.topic(t, 1, "cleanup.policy", "compact", "segment.ms", "100", "min.cleanable.dirty.ratio", "0.01", "max.compaction.lag.ms", "100")
	nodesBeginAtCheckpoints(t, b, "kafka:"+place, func() {
		from := int64(-1)
		until(t, "checkpoints are written, and most were compacted away", func() string {
			written, left := b.holds(t, place)
			if from < 0 {
				from = written
			}
			if written < from+10 || left > int(written/2) {
				return fmt.Sprintf("%d were written, %d are left", written, left)
			}
			return ""
		})
	})
}

// holds counts the records that a topic of one partition has had, and those that are left. It stops at the end that it finds.
func (b *broker) holds(t testing.TB, topic string) (written int64, left int) {
	t.Helper()
	past, err := kafka.NewPast(kafka.Config{Cluster: kafka.Cluster{Brokers: b.addrs}, Topics: []kafka.Topic{{Name: topic, Holes: true, Format: &feed.Format{Name: "any"}}}})
	must(t, err)
	defer past.Close()
	logs, err := past.Logs(t.Context())
	must(t, err)
	if len(logs) == 0 {
		return 0, 0
	}
	for at, end := logs[0].First, logs[0].Next; ; {
		next, err := past.Read(t.Context(), logs[0].LogID, feed.Window{From: at, To: end}, func(*feed.Record) error { left++; return nil })
		must(t, err)
		if next <= at || next >= end {
			return end, left
		}
		at = next
	}
}

// nodesBeginAtCheckpoints has them kept in a place; saved waits until what is there is new.
func nodesBeginAtCheckpoints(t *testing.T, b *broker, place string, saved func()) {
	topic := b.topic(t, 1)
	x := newExchange(5, topic, 1, hoursAgo(), bases...)
	x.step = 40_000
	l := newLedger()
	s := setup{
		Name: "killed", Brokers: b.addrs, Topics: map[string]topicSetup{topic: {"binance", "trade"}}, Warmup: forever,
		Checkpoints: place, Every: 100 * time.Millisecond,
	}
	b.fill(t, l, x, 10_000)
	first := s.spawn(t).ready(t)
	stop := b.feed(t, l, x, 2000)
	saved()
	saved()
	first.kill()
	published := 10_000 + stop()
	b.fill(t, l, x, 500)
	published += 500

	s.Name, s.Warmup = "again", time.Minute
	again := s.start(t, nil).ready(t)
	s.Name, s.Warmup, s.Checkpoints = "straight", forever, ""
	straight := s.start(t, nil).ready(t)
	straight.applied(t, published)
	if n := again.metric(t, "tapedeck_checkpoints_total", `result="loaded"`); n != 1 {
		t.Fatalf("%v checkpoints of a partition were loaded", n)
	}
	read := again.metric(t, "tapedeck_feed_records_total", `result="decoded"`)
	if read >= 10_000 {
		t.Errorf("%v records were read although a checkpoint was there after 10,000", read)
	}

	const end = "trades:BINANCE:MARK-USDT"
	rooms, n := x.rooms(), 0
	mark := func() *message {
		n++
		return &message{topic: topic, key: "MARKUSDT", time: x.now, value: fmt.Appendf(nil,
			`{"e":"trade","E":%d,"s":"MARKUSDT","t":%d,"p":"1","q":"1","T":%d,"m":false}`, x.now/1000, n, x.now/1000)}
	}
	witness := [2]*client{newClient("at one that began at a checkpoint", false), newClient("at one that read everything", false)}
	heard := [2]map[string][]string{{}, {}}
	arrived := func(m *mirror.Mirror) bool {
		r := m.Rooms[end]
		return r != nil && len(r.Trades) > 0 && r.Trades[len(r.Trades)-1].ID == fmt.Sprint(n)
	}
	b.publish(t, l, mark())
	for i, node := range []*node{again, straight} {
		witness[i].each = func(m *mirror.Message, r *mirror.Room) {
			if r != nil {
				heard[i][r.Name] = append(heard[i][r.Name], string(m.Raw))
			}
		}
		witness[i].join(t, node, "0", append(slices.Clone(rooms), end)...)
		must(t, witness[i].until("everything is known", func(m *mirror.Mirror) bool { return arrived(m) && allHave(m, rooms) }))
	}
	for range 600 {
		b.publish(t, l, x.next(), mark())
		for _, c := range witness {
			must(t, c.until("the mark has arrived", arrived))
		}
	}
	said := 0
	for _, room := range rooms {
		one, other := heard[0][room], heard[1][room]
		said += len(one)
		if !slices.Equal(one, other) {
			i := 0
			for i < min(len(one), len(other)) && one[i] == other[i] {
				i++
			}
			t.Errorf("%s: after %d equal messages the one that began at a checkpoint says\n%q\nand the other\n%q", room, i, at(one, i), at(other, i))
		}
		if len(one) < 2 {
			t.Errorf("in %s was said %q", room, one)
		}
	}
	t.Logf("%v of %d records were read; %d messages of %d rooms are the same", read, published, said, len(rooms))
}

// Clients outlive nodes that are killed and begin again at their checkpoints, with another node that shares the folder.
func TestKafkaClientsGoOnAtCheckpoints(t *testing.T) {
	b := brokerFor(t)
	topic := b.topic(t, 2)
	x := newExchange(6, topic, 2, hoursAgo(), bases...)
	x.step = 40_000
	l := newLedger()
	s := setup{
		Brokers: b.addrs, Topics: map[string]topicSetup{topic: {"binance", "trade"}}, Warmup: forever, LogEntries: 8192,
		Checkpoints: t.TempDir(), Every: 100 * time.Millisecond,
	}
	run := func(name string) *node {
		s.Name = name
		return s.spawn(t).ready(t)
	}
	b.fill(t, l, x, 6000)
	published := 6000
	current := run("first")
	c := gather(t, current, x.rooms(), 16, 10)
	stop := b.feed(t, l, x, 1000)
	run("shares the folder")
	for _, name := range []string{"second", "third"} {
		saved(t, s.Checkpoints, 2, time.Now())
		current.kill()
		for _, g := range c.clients {
			<-g.closed
		}
		current = run(name)
		if n := current.metric(t, "tapedeck_checkpoints_total", `result="loaded"`); n != 2 {
			t.Fatalf("%s has loaded %v checkpoints of 2 partitions", name, n)
		}
		for _, g := range c.clients {
			g.node = current
			must(t, g.connect(current.addr, ""))
			recovered, anew, err := g.resume(func(room string) string { return g.intervals[room] })
			must(t, err)
			g.recovered, g.resumed = g.recovered+recovered, g.resumed+recovered+len(anew)
		}
	}
	published += stop()
	c.nodes = []*node{current}
	until(t, "all is read", func() string {
		lag := current.metric(t, "tapedeck_feed_lag_records")
		if lag > 0 {
			return fmt.Sprint(lag, " records behind")
		}
		return ""
	})
	sum := c.disperse(l)
	t.Logf("%d records: %+v", published, sum)
	if sum.recovered == 0 || sum.trades == 0 {
		t.Error("nobody was recovered: that proves nothing")
	}
}
