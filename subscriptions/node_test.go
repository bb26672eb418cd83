package subscriptions_test

import (
	"slices"
	"strings"
	"time"

	"tapedeck/market"
	"tapedeck/snapshot"
	"tapedeck/subscriptions"
	"tapedeck/wire"
	"tapedeck/wire/mirror"
)

// node is one streamer without its sockets.
type node struct {
	w     *world
	hub   *subscriptions.Hub
	desks []*subscriptions.Desk
	parts [partitions]part
	now   int64
	after func() // where not nil, called after each record
}

// part is one partition as a node reads it.
type part struct {
	log  *subscriptions.Log // nil: not opened yet
	made int                // which making of the topic
	next int                // offset
	from map[string]uint64  // by epoch: the seq from which it was read
	lost map[string][]uint64
	own  bool // some of the lost were lost to this node alone
	down bool
}

// derived is a venue whose candles are ours; of the other one its quotes and ticker are too.
var (
	derived    = venueWith(market.CandlesChannel)
	allDerived = venueWith(market.CandlesChannel, market.Quotes, market.TickerChannel)
)

func ruleOf(p int) subscriptions.Venue {
	if p == ofDerived {
		return allDerived
	}
	return derived
}

func venueWith(channels ...market.Channel) (v subscriptions.Venue) {
	for _, c := range channels {
		v.Derived[c] = true
	}
	return v
}

// rooms of the world.
var rooms = func() (names []market.Room) {
	for _, symbol := range append([]string{"NEVER-X"}, symbols...) {
		for _, text := range []string{"trades:", "quotes:", "book:", "book:@3", "ticker:", "candles:@1m", "candles:@5m"} {
			head, variant, _ := strings.Cut(text, "@")
			name := head + venueOf(symbol) + ":" + symbol
			if variant != "" {
				name += "@" + variant
			}
			room, _, ok := market.ParseRoom(name)
			if !ok {
				panic(name)
			}
			names = append(names, room)
		}
	}
	return names
}()

// node returns a node whose rooms keep so many entries. It has yet to begin.
func (w *world) node(entries int) *node {
	n := &node{w: w, now: int64(time.Hour)}
	n.hub = subscriptions.NewHub(subscriptions.Config{
		Entries: entries, Depths: []string{"3"}, Widths: []string{"1m", "5m"},
		Limits: snapshot.Limits{Trades: 3 * entries, Tape: 5, Changes: 16 * entries, Minutes: 30, Candles: 20, Pending: 64},
	})
	n.hub.AddVenue("TEST", ruleOf(0))
	n.hub.AddVenue("DERIVED", ruleOf(ofDerived))
	for i := range 2 {
		n.desks = append(n.desks, n.hub.NewDesk(time.Duration(i)*37*time.Millisecond, 4000, func() {}, nil))
	}
	return n
}

// open begins to read a partition at an offset.
func (n *node) open(p, from int) {
	r := &n.parts[p]
	r.made, r.next = len(n.w.parts[p])-1, from
	l := n.w.newest(p)
	r.from, r.lost = map[string]uint64{l.epoch: uint64(from)}, map[string][]uint64{}
	r.log = n.hub.Open(n.start(p, from), ruleOf(p))
}

func (n *node) start(p, from int) subscriptions.LogStart {
	l := n.w.newest(p)
	topic, partition := topicOf(p)
	return subscriptions.LogStart{Topic: topic, Partition: partition, Epoch: l.epoch, From: int64(from), End: int64(len(l.records))}
}

// pump reads up to some records of a partition.
func (n *node) pump(p, upTo int) {
	r := &n.parts[p]
	if r.log == nil {
		n.open(p, 0)
	}
	if r.made < len(n.w.parts[p])-1 {
		r.made, r.next = len(n.w.parts[p])-1, 0
		r.from[n.w.newest(p).epoch] = 0
		r.log.Restart(n.start(p, 0))
	}
	for ; upTo > 0; upTo-- {
		n.lose(p)
		if r.next == len(n.w.newest(p).records) {
			break
		}
		rec := &n.w.newest(p).records[r.next]
		offset := int64(r.next)
		r.next++
		switch {
		case rec.hole:
			continue
		case rec.bad:
			r.log.Refused(offset, rec.time, 0, rec.key)
		default:
			r.log.Apply(offset, rec.time, 0, n.now, rec.events)
		}
		if n.after != nil {
			n.after()
		}
	}
	r.log.SetEnd(int64(len(n.w.newest(p).records)))
}

// lose passes over the records that were removed, and now and then over some that this node alone missed.
func (n *node) lose(p int) {
	r, l := &n.parts[p], n.w.newest(p)
	from := r.next
	if n.after == nil && n.w.r.IntN(150) == 0 {
		r.next, r.own = min(r.next+1+n.w.r.IntN(5), len(l.records)), true
	}
	for r.next < len(l.records) && l.records[r.next].lost {
		r.next++
	}
	if r.next == from {
		return
	}
	for i := from; i < r.next; i++ {
		r.lost[l.epoch] = append(r.lost[l.epoch], uint64(i)+1)
	}
	r.log.Lost(int64(from), int64(r.next), wire.GapRetention)
}

// missed reports that this node missed records that others read.
func (n *node) missed() bool {
	return slices.ContainsFunc(n.parts[:], func(r part) bool { return r.own })
}

// began returns the seq from which a node has read an epoch.
func (n *node) began(epoch string) uint64 {
	for p := range n.parts {
		if from, ok := n.parts[p].from[epoch]; ok {
			return from
		}
	}
	return 0
}

// lostIn returns how many records of an epoch with from < seq <= to this node missed.
func (n *node) lostIn(epoch string, from, to uint64) (count uint64) {
	for p := range n.parts {
		for _, seq := range n.parts[p].lost[epoch] {
			if from < seq && seq <= to {
				count++
			}
		}
	}
	return count
}

func (n *node) flip(p int) {
	r := &n.parts[p]
	if r.log == nil {
		return
	}
	r.down = !r.down
	reason := ""
	if r.down {
		reason = "broker away"
	}
	r.log.Down(reason)
}

// collect lets a desk go round and gives everybody what is due.
func (n *node) collect(d *subscriptions.Desk) {
	for _, sub := range d.Collect(n.now) {
		if !sub.Blocked {
			sub.Owner.(*client).take()
		}
	}
}

// settle lets everything reach everybody.
func (n *node) settle(clients []*client) {
	for _, p := range n.w.live {
		if n.parts[p].down {
			n.flip(p)
		}
		n.pump(p, 1<<30)
	}
	for i := range 40 {
		for _, c := range clients {
			if c.node == n && c.sub.Blocked && i > 4 { // some are blocked while the last change is told
				c.sub.Resume()
			}
		}
		n.now += int64(300 * time.Millisecond)
		for _, d := range n.desks {
			n.collect(d)
		}
	}
}

// truth is the state of a room as a newcomer gets it, nil while it is not good; and how the room is.
func (n *node) truth(name market.Room) (*mirror.Room, string) {
	text, info, served := n.hub.Snapshot(nil, wire.JSON, name, 1<<20)
	if !served {
		n.w.t.Fatalf("%s is not served", name)
	}
	if text == nil {
		return nil, info.State
	}
	m := mirror.New()
	if err := m.Frame(slices.Concat([]byte("["), text, []byte("]"))); err != nil {
		n.w.t.Fatal(err)
	}
	return m.Room(name.String()), info.State
}
