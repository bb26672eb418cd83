package e2e_test

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"tapedeck/wire/mirror"
)

// crowd is many clients that do what clients do, while a market is published.
type crowd struct {
	t       testing.TB
	nodes   []*node
	rooms   []string
	clients []*guest
	done    chan struct{} // closed when nothing more is published
	wg      sync.WaitGroup
}

// guest is one of a crowd: it joins, leaves, changes its pace, stops reading and comes back.
type guest struct {
	*client
	node      *node // where it is
	r         *rand.Rand
	intervals map[string]string // by room, as asked for
	restless  bool
	resumed   int
	recovered int
	pauses    int
}

var intervals = []string{"0", "50ms", "100ms", "250ms", "1s"}

// gather lets clients come to a node, each with some rooms. Odd ones speak MessagePack.
func gather(t testing.TB, n *node, rooms []string, clients, each int) *crowd {
	t.Helper()
	c := &crowd{t: t, nodes: []*node{n}, rooms: rooms, done: make(chan struct{})}
	for i := range clients {
		g := &guest{
			client: newClient(fmt.Sprint("client ", i), i%2 == 1), node: n, r: rand.New(rand.NewPCG(uint64(i), 3)),
			intervals: map[string]string{}, restless: true,
		}
		g.slow = 16 << 10
		if err := g.connect(n.addr, ""); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(g.hangUp)
		for range each {
			if err := g.enter(rooms[g.r.IntN(len(rooms))]); err != nil {
				t.Fatal(err)
			}
		}
		c.clients = append(c.clients, g)
	}
	return c
}

// enter joins a room, or changes its pace.
func (g *guest) enter(room string) error {
	g.intervals[room] = intervals[g.r.IntN(len(intervals))]
	_, err := g.subscribe(g.intervals[room], room)
	return err
}

func (g *guest) leave(room string) error {
	delete(g.intervals, room)
	_, err := g.call(map[string]any{"op": "unsubscribe", "rooms": []any{room}})
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.tapes, room) // what comes after the next joining is another story
	return err
}

// mingle lets every client do something again and again until disperse.
func (c *crowd) mingle() {
	for _, g := range c.clients {
		c.wg.Go(func() {
			for {
				select {
				case <-c.done:
					return
				case <-time.After(time.Duration(5+g.r.IntN(60)) * time.Millisecond):
				}
				if err := g.act(c); err != nil {
					c.t.Errorf("%s: %v", g.name, err)
					return
				}
			}
		})
	}
}

func (g *guest) act(c *crowd) error {
	room := c.rooms[g.r.IntN(len(c.rooms))]
	switch n := g.r.IntN(20); {
	case !g.restless:
		return nil
	case n < 5:
		return g.enter(room)
	case n < 7 && len(g.intervals) > 1:
		list := slices.Sorted(maps.Keys(g.intervals))
		return g.leave(list[g.r.IntN(len(list))])
	case n < 9:
		return g.again(c.nodes[g.r.IntN(len(c.nodes))])
	case n < 12:
		g.pauses++
		g.reading.Lock()
		time.Sleep(time.Duration(10+g.r.IntN(400)) * time.Millisecond)
		g.reading.Unlock()
	}
	return nil
}

// again drops the connection, whatever is on its way, and resumes on a node.
func (g *guest) again(n *node) error {
	g.hangUp()
	g.node = n
	if err := g.connect(n.addr, ""); err != nil {
		return err
	}
	recovered, anew, err := g.resume(func(room string) string { return g.intervals[room] })
	g.recovered += recovered
	g.resumed += recovered + len(anew)
	return err
}

// disperse ends the mingling and returns when every client knows what the node knows, which is checked
// room by room, and every trade that was told against the ledger.
func (c *crowd) disperse(l *ledger) (sum tally) {
	t := c.t
	t.Helper()
	close(c.done)
	c.wg.Wait()
	truth := map[*node]map[string]*mirror.Room{}
	for _, n := range c.nodes {
		truth[n] = map[string]*mirror.Room{}
		for _, room := range c.rooms {
			truth[n][room], _ = n.truth(t, room)
		}
	}
	natives := c.nodes[0].natives(t)
	for _, g := range c.clients {
		if err := g.settle(truth[g.node]); err != nil {
			t.Error(err)
			continue
		}
		for room, tape := range g.tapes {
			if err := l.check(tape, natives[venueOf(room)+":"+symbolOf(room)]); err != nil {
				t.Errorf("%s: %s: %v", g.name, room, err)
			}
			sum.trades += tape.trades()
			sum.fellOff += tape.gaps("slow")
		}
		for _, r := range g.known.Rooms {
			sum.updates += int(r.Updates)
			sum.events += int(r.Events)
		}
		sum.resumed, sum.recovered, sum.pauses = sum.resumed+g.resumed, sum.recovered+g.recovered, sum.pauses+g.pauses
		if len(g.errors) > 0 {
			t.Errorf("%s was refused something: %s", g.name, g.errors[0])
		}
	}
	return sum
}

// tally is what a crowd was told.
type tally struct{ updates, events, trades, fellOff, resumed, recovered, pauses int }

// settle waits until a client has read everything, and compares.
func (g *guest) settle(truth map[string]*mirror.Room) error {
	differs := errors.New("")
	for name := range g.known.Rooms {
		want := truth[name]
		err := g.until(name+" is read to its end", func(m *mirror.Mirror) bool {
			r := m.Rooms[name]
			if want == nil {
				return r.State != "live"
			}
			return r.Has && r.Seq >= want.Seq
		})
		if err != nil {
			return err
		}
		if want == nil {
			continue
		}
		r := g.room(name)
		if d := r.Differ(want); d != "" {
			differs = fmt.Errorf("%w %s: %s: %s", differs, g.name, name, d)
		}
	}
	if differs.Error() != "" {
		return differs
	}
	return nil
}

func venueOf(room string) string { return strings.SplitN(room, ":", 3)[1] }

// minute is the first minute of three markets' sessions of one day.
func minute(t testing.TB, b *broker, length time.Duration) (topics map[string]topicSetup, list []*message) {
	t.Helper()
	topics = map[string]topicSetup{}
	for _, s := range sessions {
		if s.name != "spot" && s.name != "usdm-btc" && s.name != "coinm" {
			continue
		}
		topic := b.topic(t, 1)
		topics[topic] = topicSetup{s.format, s.trades}
		list = append(list, s.load(t, topic, length.Microseconds())...)
	}
	slices.SortStableFunc(list, func(a, b *message) int { return cmp.Compare(a.time, b.time) })
	return topics, list
}

// minuteRooms are the rooms of those markets.
func minuteRooms() (names []string) {
	for _, symbol := range []string{"BINANCE:BTC-USDT", "BINANCE-USDM:BTC-USDT", "BINANCE-COINM:BTCUSD_PERP"} {
		for _, c := range channels {
			channel, variant, _ := strings.Cut(c, "@")
			name := channel + ":" + symbol
			if variant != "" {
				name += "@" + variant
			}
			names = append(names, name)
		}
	}
	return names
}

// atSpeed publishes messages as fast as their times say, times speed, or as fast as it goes.
func (b *broker) atSpeed(t testing.TB, l *ledger, list []*message, speed int64) {
	t.Helper()
	begun, base := time.Now(), list[0].time
	for len(list) > 0 {
		now := base + time.Since(begun).Microseconds()*speed
		n := sort.Search(len(list), func(i int) bool { return list[i].time > now })
		if n = min(n, 2000); n > 0 {
			b.publish(t, l, list[:n]...)
			list = list[n:]
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// A hundred clients in rooms of their choice, at every pace, in both encodings, that stop reading, drop their
// connections and come back: whatever they do, each knows in the end what the node knows, no chain ever
// broke, and each trade came once or was counted as lost to the one who did not read.
func TestKafkaCrowdMissesNothing(t *testing.T) {
	b := brokerFor(t)
	topics, list := minute(t, b, time.Minute)
	n := setup{Name: "node", Brokers: b.addrs, Topics: topics, Warmup: forever}.start(t, nil).ready(t)
	l := newLedger()
	b.atSpeed(t, l, list[:300], 1000) // the books' snapshots
	n.applied(t, 300)
	c := gather(t, n, minuteRooms(), 100, 3)
	c.mingle()
	b.atSpeed(t, l, list[300:], 20)
	n.applied(t, len(list))
	sum := c.disperse(l)
	t.Logf("%d records: %+v", len(list), sum)
	if sum.resumed < 50 || sum.pauses < 50 || sum.recovered < 20 || sum.trades < 10_000 {
		t.Error("the crowd did too little to prove anything")
	}
}
