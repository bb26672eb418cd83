package subscriptions_test

import (
	"bytes"
	"testing"

	"tapedeck/market"
	"tapedeck/wire"
	"tapedeck/wire/mirror"
)

// Nodes that began to read at different places, and whose views were made at different times, tell the same
// of every room that they cover: after the same seq the same update, byte by byte.
func TestNodesAgree(t *testing.T) {
	compared := map[market.Channel]int{}
	for seed := range *seeds / 2 {
		w := newWorld(t, seed)
		for range w.r.IntN(120) {
			w.append()
		}
		var all []*recorder
		for i := range 3 {
			all = append(all, w.recorder(i > 0))
		}
		for range 150 {
			all[w.r.IntN(3)].step()
			w.append()
			switch w.r.IntN(300) {
			case 0:
				w.grow()
			case 1:
				w.remake(w.live[w.r.IntN(len(w.live))])
			}
		}
		for _, rec := range all {
			rec.finish()
		}
		for _, rec := range all[1:] {
			rec.compare(all[0], compared)
		}
	}
	t.Log(compared)
	for c := range market.Channel(market.NumChannels) {
		if compared[c] < 100 {
			t.Errorf("%s: %d updates compared, which proves nothing", c, compared[c])
		}
	}
}

// recorder is a client that is told of each record by itself, and keeps all of it.
type recorder struct {
	*client
	updates map[link][]byte
	whole   map[link]bool // where a snapshot led to
}

// link is where an update continues a chain.
type link struct {
	room, epoch string
	prev        uint64
}

// recorder returns one on a node of its own, which began to read somewhere.
func (w *world) recorder(late bool) *recorder {
	n := w.node(64)
	for _, p := range w.live {
		from := 0
		if late {
			from = w.r.IntN(len(w.newest(p).records) + 1)
		}
		n.open(p, from)
	}
	rec := &recorder{client: w.client(n, mirror.New()), updates: map[link][]byte{}}
	rec.sub.Close()
	rec.enc = wire.JSON
	rec.sub = rec.desk.NewSubscriber(rec.enc)
	rec.sub.Owner, rec.eager = rec.client, true
	rec.m.Message = rec.keep
	n.after = func() {
		for again, at := true, int64(0); again && at <= n.now; at, again = rec.desk.Next() {
			n.collect(rec.desk) // more than once where it is more than is told at once
		}
	}
	return rec
}

func (rec *recorder) keep(m *mirror.Message, r *mirror.Room) {
	if m.T == "update" {
		rec.updates[link{m.Room, r.Epoch, m.Prev}] = m.Raw
	}
	if m.T == "snapshot" && rec.whole != nil {
		rec.whole[link{m.Room, r.Epoch, m.Seq}] = true
	}
}

// step joins a room or reads on.
func (rec *recorder) step() {
	w, n := rec.w, rec.node
	if w.r.IntN(2) == 0 {
		if name := rooms[w.r.IntN(len(rooms))]; !rec.sub.Follows(name) {
			rec.join(name, nil)
		}
		return
	}
	n.now += int64(1e9)
	n.pump(w.live[w.r.IntN(len(w.live))], 1+w.r.IntN(30))
}

func (rec *recorder) finish() {
	for _, p := range rec.w.live {
		rec.node.pump(p, 1<<30)
	}
}

// compare holds what two nodes told against each other.
func (rec *recorder) compare(o *recorder, compared map[market.Channel]int) {
	for at, mine := range rec.updates {
		name, _, _ := market.ParseRoom(at.room)
		theirs, both := o.updates[at]
		if !both || !rec.covers(name, at) || !o.covers(name, at) {
			continue
		}
		if !bytes.Equal(mine, theirs) {
			rec.w.t.Fatalf("seed %d: two nodes that began at %d and %d differ after %d:\n%s\n%s\n%s",
				rec.w.seed, rec.node.began(at.epoch), o.node.began(at.epoch), at.prev, mine, theirs, rec.w.describe(at.epoch))
		}
		compared[name.Channel]++
	}
}

// covers reports whether a node has read all that an update may depend on. Only candles and tickers
// depend on more than what came after the reader's place.
func (rec *recorder) covers(name market.Room, at link) bool {
	from, w := rec.node.began(at.epoch), rec.w
	if at.prev < max(from, 1) {
		return false
	}
	switch name.Channel {
	case market.TickerChannel:
		return from == 0
	case market.CandlesChannel:
	default:
		return true
	}
	began, pending, first := int64(0), 2, true // two records tell when reading began, or went on
	w.between(at.epoch, from, at.prev, func(_ uint64, r *record) {
		switch {
		case r.lost:
			pending = 2
			return
		case r.hole:
			return
		}
		if pending > 0 || first && r.trades(name.Symbol) {
			began = max(began, r.time)
			pending--
		}
		first = first && !r.trades(name.Symbol)
	})
	width := map[string]int64{"1m": 60e6, "5m": 300e6}[name.Variant]
	told := int64(1<<63 - 1) // the clock at what was told before: a time may be wrong, or not believed yet
	w.between(at.epoch, max(at.prev, 4)-4, at.prev+1, func(_ uint64, r *record) { told = min(told, r.time) })
	return told >= began+60e6+width+62e6
}

// trades reports whether a record has a trade of a symbol: with the first, its candles come to a partition.
func (r *record) trades(symbol string) bool {
	for _, ev := range r.events {
		if _, ok := ev.Payload.(*market.Trade); ok && ev.Symbol.Name == symbol {
			return true
		}
	}
	return false
}
