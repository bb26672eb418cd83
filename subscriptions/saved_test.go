package subscriptions_test

import (
	"bytes"
	"maps"
	"testing"

	"tapedeck/market"
	"tapedeck/subscriptions"
	"tapedeck/wire"
	"tapedeck/wire/mirror"
)

// A node that was loaded from what another had saved at some record tells of every later record what the other tells, of
// bases and views, to clients who came over from it; and what it would save itself is the same, byte by byte.
func TestLoadedNodesGoOn(t *testing.T) {
	compared, recovered := map[market.Channel]int{}, 0
	for seed := range *seeds / 4 {
		w := newWorld(t, seed)
		for range w.r.IntN(150) {
			w.append()
		}
		from := w.recorder(seed%2 == 1)
		from.whole = map[link]bool{}
		for _, room := range rooms {
			if room.Symbol != "NEVER-X" {
				from.join(room, nil)
			}
		}
		for range w.r.IntN(60) {
			w.happens(from)
		}
		from.node.collect(from.desk)
		to := from.saved()
		recovered += to.comeOver(from)
		clear(from.updates)
		clear(to.updates)
		for range 60 {
			w.happens(from, to)
		}
		from.finish()
		to.finish()
		to.same(from, compared)
	}
	t.Log(compared, recovered)
	for c := range market.Channel(market.NumChannels) {
		if compared[c] < 100 || recovered < 100 {
			t.Errorf("%s: %d messages compared, %d rooms recovered, which proves nothing", c, compared[c], recovered)
		}
	}
}

// happens lets something happen that every node has part in.
func (w *world) happens(nodes ...*recorder) {
	for range 1 + w.r.IntN(8) {
		w.append()
	}
	switch w.r.IntN(150) {
	case 0:
		w.grow()
	case 1:
		w.remake(w.live[w.r.IntN(len(w.live))])
	}
	p, n := w.live[w.r.IntN(len(w.live))], 1+w.r.IntN(20)
	for _, rec := range nodes {
		rec.node.now += int64(1e9)
		rec.node.pump(p, n)
	}
}

// saved returns a client on a new node that was loaded from what this one's has.
func (rec *recorder) saved() *recorder {
	w := rec.w
	n := w.node(64)
	for p := range rec.node.parts {
		if rec.node.parts[p].log == nil {
			continue
		}
		r := rec.node.parts[p]
		r.from, r.lost = maps.Clone(r.from), maps.Clone(r.lost)
		saved := save(r)
		at := n.start(p, r.next)
		at.Epoch = w.parts[p][r.made].epoch
		at.From = int64(r.log.Seq()) // what follows of holes and lost ones is told anew
		var err error
		if r.log, err = n.hub.Load(market.NewLoader(saved), at, ruleOf(p)); err != nil {
			w.t.Fatal(err)
		}
		n.parts[p] = r
		if again := save(r); !bytes.Equal(again, saved) {
			w.t.Fatalf("seed %d: of %d bytes loaded, %d others are saved", w.seed, len(saved), len(again))
		}
	}
	to := &recorder{client: w.client(n, mirror.New()), updates: map[link][]byte{}, whole: map[link]bool{}}
	return to
}

func save(r part) []byte { return saved(r.log) }

// saved is what is saved of a log at once.
func saved(l *subscriptions.Log) []byte {
	w := l.Begin()
	for w.Step() {
	}
	parts, _ := w.Parts()
	return bytes.Join(parts, nil)
}

// comeOver follows every room from where the other client is, and returns how many went on without a snapshot.
func (rec *recorder) comeOver(from *recorder) (recovered int) {
	rec.sub.Close()
	rec.enc, rec.eager = wire.JSON, true
	rec.sub = rec.desk.NewSubscriber(rec.enc)
	rec.sub.Owner = rec.client
	rec.m.Message = rec.keep
	n := rec.node
	n.after = func() {
		for again, at := true, int64(0); again && at <= n.now; at, again = rec.desk.Next() {
			n.collect(rec.desk)
		}
	}
	for name, r := range from.m.Rooms {
		room, _, _ := market.ParseRoom(name)
		mine := rec.m.Room(name)
		*mine = *r
		var since *wire.Since
		if r.Has && r.Epoch != "" && !r.Wants && room.Channel != market.TickerChannel { // which tells every field to who resumes
			since = &wire.Since{Epoch: r.Epoch, Seq: r.Seq}
		}
		went := rec.join(room, since)
		base := room.Variant == "" || room.Variant == "1m"
		partial := room.Channel == market.TickerChannel || room.Channel == market.CandlesChannel
		if since != nil && since.Seq > 0 && !went && base && !partial && r.State == "live" {
			rec.fatal(name, "seed %d: not recovered from %+v", rec.w.seed, since)
		}
		if went {
			recovered++
		}
	}
	n.after()
	return recovered
}

// same holds what two nodes told, and what they would save, against each other.
func (rec *recorder) same(o *recorder, compared map[market.Channel]int) {
	w := rec.w
	mine, theirs := rec.bySeq(), o.bySeq()
	for at, text := range theirs {
		if !bytes.Equal(mine[at], text) && !rec.whole[at] {
			rec.fatal(at.room, "after %+v\n%s\n%s", at, mine[at], text)
		}
		name, _, _ := market.ParseRoom(at.room)
		compared[name.Channel]++
	}
	for at, text := range mine {
		if theirs[at] == nil && !o.whole[at] {
			rec.fatal(at.room, "told at %+v, and the other did not:\n%s", at, text)
		}
	}
	for p := range rec.node.parts {
		if a, b := rec.node.parts[p], o.node.parts[p]; a.log != nil && !bytes.Equal(save(a), save(b)) {
			w.t.Fatalf("seed %d: partition %d is saved otherwise in the end", w.seed, p)
		}
	}
}

// bySeq is what was told by the seq that it leads to, without where it came from: a view that was not kept begins with a
// snapshot.
func (rec *recorder) bySeq() map[link][]byte {
	told := map[link][]byte{}
	for at, raw := range rec.updates {
		i := bytes.Index(raw, []byte(`"seq":`))
		var seq uint64
		for _, c := range raw[i+6:] {
			if c < '0' || c > '9' {
				break
			}
			seq = 10*seq + uint64(c-'0')
		}
		told[link{at.room, at.epoch, seq}] = raw[i:]
	}
	return told
}
