package subscriptions_test

import (
	"flag"
	"fmt"
	"testing"

	"tapedeck/market"
	"tapedeck/wire"
	"tapedeck/wire/mirror"
)

var (
	seeds = flag.Uint64("seeds", 400, "how many random histories")
	first = flag.Uint64("first", 0, "the first of them")
)

// Whatever the interleaving of records, losses, joins, leaves, orders, reads, paces, stalls and resumes on
// either of two nodes, of partitions added and topics made anew, a client that has read everything knows
// exactly what the room knows, and was told of everything that it could not be given.
func TestConverge(t *testing.T) {
	var total tally
	for seed := *first; seed < *seeds; seed++ {
		h := begin(newWorld(t, seed))
		for range 300 {
			h.step()
		}
		for _, n := range h.nodes {
			n.settle(h.clients)
		}
		for _, c := range h.clients {
			for _, name := range rooms {
				if c.sub.Follows(name) {
					if d := c.differs(name); d != "" {
						c.fatal(name.String(), "%s", d)
					}
					h.tally.of(c.m.Rooms[name.String()])
				}
			}
			c.hasOrdered()
		}
		total.add(h.tally)
	}
	t.Logf("%+v", total)
	if total.Updates < 1000 || total.Snapshots < 1000 || total.Gaps < 100 || total.Recovered < 100 || total.Split < 10 {
		t.Error("the histories exercise too little to prove anything")
	}
}

// tally is how much happened in the histories.
type tally struct{ Updates, Snapshots, Gaps, Resumed, Recovered, Good, Split int }

func (t *tally) of(r *mirror.Room) {
	t.Updates += int(r.Updates)
	t.Snapshots += int(r.Snapshots)
	t.Gaps += int(r.Gaps)
	if r.State == "live" {
		t.Good++
	}
}

func (t *tally) add(o tally) {
	t.Updates += o.Updates
	t.Snapshots += o.Snapshots
	t.Gaps += o.Gaps
	t.Resumed += o.Resumed
	t.Recovered += o.Recovered
	t.Good += o.Good
	t.Split += o.Split
}

// history is one world with two nodes and some clients of either.
type history struct {
	w       *world
	nodes   []*node
	clients []*client
	tally   tally
}

func begin(w *world) *history {
	for range w.r.IntN(60) {
		w.append()
	}
	entries := 8 + w.r.IntN(60)
	h := &history{w: w}
	for range 2 {
		n := w.node(entries)
		for _, p := range w.live {
			if from := w.r.IntN(len(w.newest(p).records) + 1); w.r.IntN(2) == 0 {
				n.open(p, from)
			} else {
				n.open(p, 0)
			}
		}
		h.nodes = append(h.nodes, n)
	}
	for i := range 4 {
		h.clients = append(h.clients, w.client(h.nodes[i%2], mirror.New()))
	}
	return h
}

// step lets one thing happen.
func (h *history) step() {
	w := h.w
	i := w.r.IntN(len(h.clients))
	c := h.clients[i]
	name := rooms[w.r.IntN(len(rooms))]
	switch w.r.IntN(24) {
	case 0, 1, 2:
		if c.sub.Follows(name) {
			c.again(name)
		} else {
			c.join(name, nil)
		}
	case 3:
		c.leave(name)
	case 4:
		h.reconnect(i, h.nodes[w.r.IntN(2)])
	case 5:
		if w.r.IntN(3) == 0 {
			name.Symbol = "*"
			c.order(name)
		}
	case 6, 7:
		if c.sub.Blocked {
			c.sub.Resume()
		}
	case 8:
		h.rarely(h.nodes[w.r.IntN(2)])
	case 9, 10, 11, 12, 13:
		w.append()
	case 14, 15, 16, 17, 18:
		n, p := h.nodes[w.r.IntN(2)], w.live[w.r.IntN(len(w.live))]
		if !n.parts[p].down {
			n.pump(p, 1+w.r.IntN(12))
		}
	default:
		n := h.nodes[w.r.IntN(2)]
		n.now += w.r.Int64N(60e6)
		n.collect(n.desks[w.r.IntN(len(n.desks))])
	}
}

// rarely lets something happen that happens rarely.
func (h *history) rarely(n *node) {
	w := h.w
	p := w.live[w.r.IntN(len(w.live))]
	switch w.r.IntN(20) {
	case 0:
		w.grow()
	case 1:
		w.remake(p)
	case 2:
		if w.split == nil && w.r.IntN(4) == 0 {
			w.split = w.venues[w.r.IntN(len(w.venues)-1)]
			h.tally.Split++
		}
	case 3, 4, 5:
		n.flip(p)
	case 6, 7:
		n.hub.Sweep(n.now + w.r.Int64N(100e9))
	}
}

// reconnect ends a connection and continues its rooms on another node, from where each was.
func (h *history) reconnect(i int, n *node) {
	old := h.clients[i]
	old.sub.Close()
	c := h.w.client(n, old.m)
	c.blind, c.told = old.blind, old.told
	h.clients[i] = c
	for _, name := range rooms {
		r := old.m.Rooms[name.String()]
		if r == nil {
			continue
		}
		h.tally.Resumed++
		since := &wire.Since{Epoch: r.Epoch, Seq: r.Seq}
		if !r.Has || r.Wants {
			since = nil
			r.Has = false
		}
		if c.join(name, since) {
			h.tally.Recovered++
		}
	}
	for _, pattern := range old.wild {
		c.order(pattern)
	}
}

// differs says how what a client knows of a room differs from the room; "" if it does not.
func (c *client) differs(name market.Room) string {
	have := c.m.Rooms[name.String()]
	want, state := c.node.truth(name)
	switch {
	case have == nil:
		return "followed, but never heard of"
	case have.State != state:
		return fmt.Sprintf("is %s, but its client was told %s", state, have.State)
	case want == nil:
		return ""
	case !have.Has || have.Wants:
		return "is good, but its client has nothing"
	case want.Seq == 0 && have.Seq > 0:
		return "" // this node has had no record of it: the client knows more
	}
	if name.Channel == market.TickerChannel && (have.Partial || c.node.missed() || c.node.began(have.Epoch) > 0) {
		want.Fields, have.Fields = known(have.Fields, want.Fields), known(want.Fields, have.Fields)
	}
	blind := c.w.knownFrom(c.blind, name.String())
	for start := range want.Candles {
		if _, held := have.Candles[start]; !held && start < blind {
			delete(want.Candles, start)
		}
	}
	for start, candle := range have.Candles {
		if _, held := want.Candles[start]; !held && candle.Final && c.node.missed() {
			delete(have.Candles, start) // it comes from a node that did not miss its records
		}
	}
	if d := have.Differ(want); d != "" {
		return d
	}
	return c.differsFromVenue(name, have)
}

// differsFromVenue holds a book against what the venue has. Where the newest delta may not have been read
// by anybody, or the room has not yet heard of its symbol's new home, there is nothing to hold it against.
func (c *client) differsFromVenue(name market.Room, have *mirror.Room) string {
	for _, v := range c.w.venues {
		home := c.w.homes[v]
		if name.Channel == market.BookChannel && v.symbol.Name == name.Symbol && v != c.w.split &&
			have.Epoch == c.w.newest(home).epoch && !c.node.parts[home].own {
			return v.differs(have.Bids, have.Asks, name.Variant)
		}
	}
	return ""
}

// known returns those of the fields that the other has too. A client who comes from a node that did not
// know all of a ticker is told the rest when the ticker next changes, and one who comes to such a node keeps
// what he knows.
func known(other, fields map[string]any) map[string]any {
	both := map[string]any{}
	for k, v := range fields {
		if _, ok := other[k]; ok {
			both[k] = v
		}
	}
	return both
}

// hasOrdered checks that a standing order joined every room that there is, up to the limit.
func (c *client) hasOrdered() {
	for _, pattern := range c.wild {
		for _, symbol := range symbols {
			name := pattern
			name.Symbol = symbol
			_, info, _ := c.node.hub.Snapshot(nil, wire.JSON, name, 0)
			if venueOf(symbol) == pattern.Venue && info.Topic != "" && !c.sub.Follows(name) && !c.left[name.String()] {
				c.fatal(name.String(), "%s did not join it", pattern)
			}
		}
	}
}
