package subscriptions_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"tapedeck/market"
	"tapedeck/snapshot"
	"tapedeck/subscriptions"
	"tapedeck/wire"
	"tapedeck/wire/mirror"
)

// The world of these tests: a log of two partitions, nodes that have read them up to different places,
// and clients of those nodes that know nothing but what they are told.

// record is one record of a log: what it brings, or that it was removed before anybody read it.
type record struct {
	time   int64
	events []market.Event
	lost   bool
}

// chain is a venue's rule: deltas are numbered first to last without holes.
var chain = &market.Chain{
	Name:    "test",
	Old:     func(d *market.Book, snap int64) bool { return d.Last <= snap },
	Starts:  func(d *market.Book, snap int64) bool { return d.First <= snap+1 && snap+1 <= d.Last },
	Follows: func(d *market.Book, prev int64) bool { return d.First == prev+1 },
}

// venue makes the events of one symbol, as a venue would.
type venue struct {
	symbol *market.Symbol
	r      *rand.Rand
	id     int64 // of the newest delta
	trade  int64
	bids   map[int64]int64
	asks   map[int64]int64
	older  *market.Book // a snapshot that is to be sent late
}

func newVenue(name string, r *rand.Rand) *venue {
	return &venue{symbol: &market.Symbol{Venue: "TEST", Name: name, Native: name}, r: r, bids: map[int64]int64{}, asks: map[int64]int64{}}
}

func (v *venue) price(p int64) market.Decimal {
	if v.r.IntN(2) == 0 {
		return market.New(p, 2)
	}
	return market.New(p*10, 3) // the same price, spelled otherwise
}

func (v *venue) event(time int64) market.Event {
	ev := market.Event{Symbol: v.symbol, Time: time - v.r.Int64N(3e6)}
	switch v.r.IntN(10) {
	case 0, 1, 2:
		v.trade++
		id, _ := market.MakeID(fmt.Sprint(v.trade))
		ev.Payload = &market.Trade{Price: v.price(900 + v.r.Int64N(200)), Qty: market.New(1+v.r.Int64N(50), 1), ID: id, Time: ev.Time, Side: market.Buy}
	case 3, 4:
		ev.Payload = &market.Quote{BidPrice: market.New(v.r.Int64N(9), 0), BidQty: market.Int(1), AskPrice: market.New(10+v.r.Int64N(9), 0), AskQty: market.Int(2)}
	case 5:
		t := &market.Ticker{}
		for range 1 + v.r.IntN(3) {
			t.Put(market.Field(v.r.IntN(market.NumFields)), market.Int(v.r.Int64N(4)))
		}
		if v.r.IntN(4) == 0 {
			t.Put(market.Funding, market.Decimal{})
		}
		ev.Payload = t
	default:
		ev.Payload = v.book()
	}
	return ev
}

func (v *venue) book() *market.Book {
	switch {
	case v.older != nil && v.r.IntN(4) == 0:
		b := v.older
		v.older = nil
		return b
	case v.r.IntN(12) == 0:
		b := v.whole()
		if v.r.IntN(2) == 0 {
			v.older = b // comes after newer deltas, as a REST snapshot does
		} else {
			return b
		}
	}
	d := &market.Book{First: v.id + 1, Chain: chain}
	v.id += 1 + v.r.Int64N(3)
	d.Last = v.id
	for range 1 + v.r.IntN(4) {
		side, levels, base := v.bids, &d.Bids, int64(980)
		if v.r.IntN(2) == 0 {
			side, levels, base = v.asks, &d.Asks, 1000
		}
		price, qty := base+v.r.Int64N(18), v.r.Int64N(4)
		if qty == 0 {
			delete(side, price)
		} else {
			side[price] = qty
		}
		*levels = append(*levels, market.Level{Price: v.price(price), Qty: market.Int(qty)})
	}
	if v.r.IntN(25) == 0 {
		return v.book() // this delta never reaches the log: the next one breaks the chain
	}
	return d
}

func (v *venue) whole() *market.Book {
	b := &market.Book{Snapshot: true, Last: v.id, Chain: chain}
	for p, q := range v.bids {
		b.Bids = append(b.Bids, market.Level{Price: v.price(p), Qty: market.Int(q)})
	}
	for p, q := range v.asks {
		b.Asks = append(b.Asks, market.Level{Price: v.price(p), Qty: market.Int(q)})
	}
	return b
}

const partitions = 2

// world is the log.
type world struct {
	t      testing.TB
	r      *rand.Rand
	log    [partitions][]record
	venues [partitions][]*venue
	clock  int64
}

func newWorld(t testing.TB, seed uint64) *world {
	r := rand.New(rand.NewPCG(seed, 42))
	w := &world{t: t, r: r, clock: 1_700_000_000e6}
	w.venues[0] = []*venue{newVenue("A-X", r), newVenue("B-X", r)}
	w.venues[1] = []*venue{newVenue("C-X", r)}
	return w
}

// append writes one record.
func (w *world) append() {
	p := w.r.IntN(partitions)
	w.clock += w.r.Int64N(8e6)
	rec := record{time: w.clock, lost: w.r.IntN(60) == 0}
	for range 1 + w.r.IntN(3) {
		v := w.venues[p][w.r.IntN(len(w.venues[p]))]
		rec.events = append(rec.events, v.event(w.clock))
	}
	w.log[p] = append(w.log[p], rec)
}

// trades returns the ids of a room's trades with from < seq <= to, those of lost records left out.
func (w *world) trades(room string, from, to uint64) (ids []string) {
	for p := range partitions {
		for offset, rec := range w.log[p] {
			if seq := uint64(offset) + 1; rec.lost || seq <= from || seq > to {
				continue
			}
			for _, ev := range rec.events {
				if t, ok := ev.Payload.(*market.Trade); ok && room == "trades:TEST:"+ev.Symbol.Name {
					ids = append(ids, t.ID.String())
				}
			}
		}
	}
	return ids
}

// node is one streamer without its sockets.
type node struct {
	w     *world
	hub   *subscriptions.Hub
	desks []*subscriptions.Desk
	logs  [partitions]*subscriptions.Log
	read  [partitions]int
	from  [partitions]uint64
	down  [partitions]bool
	now   int64
}

var derived = func() (v subscriptions.Venue) {
	v.Derived[market.CandlesChannel] = true
	return v
}()

func (w *world) node(entries int) *node {
	n := &node{w: w, now: int64(time.Hour)}
	n.hub = subscriptions.NewHub(subscriptions.Config{
		Entries: entries, Depths: []string{"3"}, Widths: []string{"1m", "5m"},
		Limits: snapshot.Limits{Trades: 3 * entries, Tape: 5, Changes: 16 * entries, Minutes: 30, Pending: 64},
	})
	n.hub.AddVenue("TEST", derived)
	for i := range 2 {
		n.desks = append(n.desks, n.hub.NewDesk(time.Duration(i)*37*time.Millisecond, 4000, func() {}, nil))
	}
	for p := range partitions {
		from := w.r.IntN(len(w.log[p]) + 1)
		if w.r.IntN(2) == 0 {
			from = 0
		}
		n.read[p], n.from[p] = from, uint64(from)
		n.logs[p] = n.hub.Open(subscriptions.LogStart{Topic: "t", Partition: int32(p), Epoch: fmt.Sprint("e", p), From: int64(from), End: int64(len(w.log[p]))}, derived)
	}
	return n
}

// pump reads up to some records of a partition.
func (n *node) pump(p, upTo int) {
	for ; upTo > 0 && n.read[p] < len(n.w.log[p]); upTo-- {
		from := n.read[p]
		for n.read[p] < len(n.w.log[p]) && n.w.log[p][n.read[p]].lost {
			n.read[p]++
		}
		if n.read[p] > from {
			n.logs[p].Lost(int64(from), int64(n.read[p]), wire.GapRetention)
		}
		if n.read[p] == len(n.w.log[p]) {
			break
		}
		rec := n.w.log[p][n.read[p]]
		n.logs[p].Apply(int64(n.read[p]), rec.time, n.now, rec.events)
		n.read[p]++
	}
	n.logs[p].SetEnd(int64(len(n.w.log[p])))
}

// began returns the seq from which a node has read the log of a room.
func (n *node) began(room string) uint64 {
	for p := range partitions {
		for _, v := range n.w.venues[p] {
			if strings.HasSuffix(room, ":"+v.symbol.Name) {
				return n.from[p]
			}
		}
	}
	return 0
}

func (n *node) flip(p int) {
	n.down[p] = !n.down[p]
	reason := ""
	if n.down[p] {
		reason = "broker away"
	}
	n.logs[p].Down(reason)
}

// client is one connection.
type client struct {
	w    *world
	node *node
	sub  *subscriptions.Subscriber
	desk *subscriptions.Desk
	m    *mirror.Mirror
	left map[string]bool // rooms left: nothing more may come of them
}

func (w *world) client(n *node, m *mirror.Mirror) *client {
	c := &client{w: w, node: n, desk: n.desks[w.r.IntN(len(n.desks))], m: m, left: map[string]bool{}}
	c.sub = c.desk.NewSubscriber(wire.JSON)
	c.sub.Owner = c
	m.Message = c.check
	return c
}

// check holds a trades room against what is in the log.
func (c *client) check(msg *mirror.Message, r *mirror.Room) {
	if r == nil {
		return
	}
	if c.left[msg.Room] {
		c.w.t.Fatalf("a message of a room that was left: %s", msg.Raw)
	}
	if !strings.HasPrefix(msg.Room, "trades:") {
		return
	}
	switch msg.T {
	case "update":
		prev := msg.Prev
		if prev == 0 { // a partial snapshot of no records: what this node has not read was before it
			prev = c.node.began(msg.Room)
		}
		want := c.w.trades(msg.Room, prev, msg.Seq)
		var have []string
		for _, t := range r.Trades[len(r.Trades)-int(*msg.N):] {
			have = append(have, t.ID)
		}
		if !slices.Equal(have, want) {
			c.w.t.Fatalf("trades %v, want %v: %s", have, want, msg.Raw)
		}
	case "gap":
		if want := c.w.trades(msg.Room, msg.From, msg.To); msg.N != nil && uint64(len(want)) != *msg.N {
			c.w.t.Fatalf("%d trades lost, said %d: %s", len(want), *msg.N, msg.Raw)
		}
	}
}

// rooms of the world.
var rooms = func() (names []market.Room) {
	for _, symbol := range []string{"A-X", "B-X", "C-X", "NEVER-X"} {
		for _, text := range []string{"trades:TEST:", "quotes:TEST:", "book:TEST:", "book:TEST:@3", "ticker:TEST:", "candles:TEST:@1m", "candles:TEST:@5m"} {
			head, variant, _ := strings.Cut(text, "@")
			name := head + symbol
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

var paces = []time.Duration{0, 0, 50 * time.Millisecond, 100 * time.Millisecond, time.Second}

func (c *client) join(name market.Room, since *wire.Since) bool {
	pace := paces[c.w.r.IntN(len(paces))]
	g, ok := c.sub.Join(name, subscriptions.Grant{Interval: pace, IntervalName: pace.String()}, since)
	if !ok {
		c.w.t.Fatalf("%s is not served", name)
	}
	delete(c.left, g.Room)
	r := c.m.Room(g.Room)
	r.State = g.State.String()
	if !g.Recovered && since == nil {
		r.Has = false
	}
	return g.Recovered
}

// again subscribes to a room that is followed, to change its pace: what is known stays.
func (c *client) again(name market.Room) {
	pace := paces[c.w.r.IntN(len(paces))]
	if _, ok := c.sub.Join(name, subscriptions.Grant{Interval: pace, IntervalName: pace.String()}, nil); !ok {
		c.w.t.Fatalf("%s is not served", name)
	}
}

// collect lets a desk go round and gives everybody what is due.
func (n *node) collect(d *subscriptions.Desk) {
	for _, sub := range d.Collect(n.now) {
		if sub.Blocked {
			continue
		}
		frame := sub.Take(nil)
		c := sub.Owner.(*client)
		if len(frame) == 0 {
			continue
		}
		if err := c.m.Frame(frame); err != nil {
			n.w.t.Fatal(err)
		}
		if n.w.r.IntN(6) == 0 {
			sub.Blocked = true
		}
	}
}

// settle lets everything reach everybody.
func (n *node) settle(clients []*client) {
	for p := range partitions {
		if n.down[p] {
			n.flip(p)
		}
		n.pump(p, 1<<30)
	}
	for range 40 {
		for _, c := range clients {
			if c.node == n && c.sub.Blocked {
				c.sub.Resume()
			}
		}
		n.now += int64(300 * time.Millisecond)
		for _, d := range n.desks {
			n.collect(d)
		}
	}
}

// truth is the state of a room as a newcomer gets it; nil while it is not good.
func (n *node) truth(name market.Room) *mirror.Room {
	text, _, served := n.hub.Snapshot(nil, wire.JSON, name, 1<<20)
	if !served {
		n.w.t.Fatalf("%s is not served", name)
	}
	if text == nil {
		return nil
	}
	m := mirror.New()
	if err := m.Frame(slices.Concat([]byte("["), text, []byte("]"))); err != nil {
		n.w.t.Fatal(err)
	}
	return m.Room(name.String())
}
