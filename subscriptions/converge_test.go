package subscriptions_test

import (
	"flag"
	"testing"

	"tapedeck/wire"
	"tapedeck/wire/mirror"
)

var seeds = flag.Uint64("seeds", 400, "how many random histories")

// Whatever the interleaving of records, losses, joins, leaves, reads, paces, stalls and resumes on
// either of two nodes, a client that has read everything knows exactly what the room knows, and was
// told of everything that it could not be given.
func TestConverge(t *testing.T) {
	var total struct{ updates, snapshots, gaps, resumed, recovered int }
	for seed := range *seeds {
		w := newWorld(t, seed)
		for range w.r.IntN(40) {
			w.append()
		}
		entries := 8 + w.r.IntN(60)
		nodes := []*node{w.node(entries), w.node(entries)}
		var clients []*client
		for i := range 4 {
			clients = append(clients, w.client(nodes[i%2], mirror.New()))
		}
		for range 250 {
			n := nodes[w.r.IntN(2)]
			i := w.r.IntN(len(clients))
			c := clients[i]
			name := rooms[w.r.IntN(len(rooms))]
			switch w.r.IntN(20) {
			case 0, 1:
				if r := c.m.Rooms[name.String()]; r == nil || !c.sub.Follows(name) {
					delete(c.m.Rooms, name.String())
					c.join(name, nil)
				}
			case 2:
				if c.sub.Leave(name.String()) {
					c.left[name.String()] = true
					delete(c.m.Rooms, name.String())
				}
			case 3:
				resumed, recovered := reconnect(w, clients, i, nodes[w.r.IntN(2)])
				total.resumed += resumed
				total.recovered += recovered
			case 4:
				if c.sub.Follows(name) {
					c.again(name)
				}
			case 5:
				if c.sub.Blocked {
					c.sub.Resume()
				}
			case 6:
				if w.r.IntN(10) == 0 {
					n.flip(w.r.IntN(partitions))
				}
			case 7, 8, 9, 10:
				w.append()
			case 11, 12, 13, 14:
				if p := w.r.IntN(partitions); !n.down[p] {
					n.pump(p, 1+w.r.IntN(12))
				}
			default:
				n.now += w.r.Int64N(60e6)
				n.collect(n.desks[w.r.IntN(len(n.desks))])
			}
		}
		for _, n := range nodes {
			n.settle(clients)
		}
		for _, c := range clients {
			for _, name := range rooms {
				have := c.m.Rooms[name.String()]
				if have == nil || !c.sub.Follows(name) {
					continue
				}
				want := c.node.truth(name)
				if want != nil && want.Seq == 0 && have.Seq > 0 {
					continue // this node has had no record of it: the client knows more
				}
				switch {
				case want == nil:
					if have.State == "live" {
						t.Fatalf("seed %d: %s is not good, but its client believes it live", seed, name)
					}
				case !have.Has:
					t.Fatalf("seed %d: %s is good, but its client has nothing", seed, name)
				default:
					if d := have.Differ(want); d != "" {
						t.Fatalf("seed %d: %s: %s", seed, name, d)
					}
				}
				total.updates += int(have.Updates)
				total.snapshots += int(have.Snapshots)
				total.gaps += int(have.Gaps)
			}
		}
	}
	t.Logf("%+v", total)
	if total.updates < 1000 || total.snapshots < 1000 || total.gaps < 100 || total.recovered < 100 {
		t.Error("the histories exercise too little to prove anything")
	}
}

// reconnect ends a connection and continues its rooms on another node, from where each was.
func reconnect(w *world, clients []*client, i int, n *node) (resumed, recovered int) {
	old := clients[i]
	old.sub.Close()
	c := w.client(n, old.m)
	clients[i] = c
	for _, name := range rooms {
		r := old.m.Rooms[name.String()]
		if r == nil {
			continue
		}
		resumed++
		since := &wire.Since{Epoch: r.Epoch, Seq: r.Seq}
		if !r.Has {
			since = nil
		}
		if c.join(name, since) {
			recovered++
		}
	}
	return resumed, recovered
}
