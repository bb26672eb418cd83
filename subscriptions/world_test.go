package subscriptions_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"tapedeck/market"
	"tapedeck/wire"
)

// The world of these tests: two topics with some partitions, nodes that have read them up to different
// places, and clients of those nodes that know nothing but what they are told.

// record is one record of a log: what it brings, or why it brings nothing.
type record struct {
	time   int64
	events []market.Event
	lost   bool // removed before anybody read it
	hole   bool // there is no such offset: the topic was compacted
	bad    bool // cannot be decoded
	key    []byte
}

// tape is one log: a partition from one making of its topic to the next.
type tape struct {
	epoch   string
	records []record
}

// The partitions: of the topic t there are 0 and 1, and 2 once it has grown. The topic d has one, for D-Y
// alone, whose venue's quotes and tickers are derived.
const (
	grown      = 2
	ofDerived  = 3
	partitions = 4
)

func topicOf(p int) (topic string, partition int32) {
	if p == ofDerived {
		return "d", 0
	}
	return "t", int32(p)
}

// world is the topics.
type world struct {
	t      testing.TB
	seed   uint64
	r      *rand.Rand
	parts  [partitions][]*tape // the newest last
	live   []int               // partitions there are
	venues []*venue
	homes  map[*venue]int
	split  *venue // comes from two partitions in turn
	clock  int64
	wrong  int64 // when a record last had a wrong time
}

// symbols of the world. U-X's books have no rule.
var symbols = []string{"A-X", "B-X", "U-X", "C-X", "D-Y"}

func venueOf(symbol string) string {
	if symbol == "D-Y" {
		return "DERIVED"
	}
	return "TEST"
}

func newWorld(t testing.TB, seed uint64) *world {
	r := rand.New(rand.NewPCG(seed, 42))
	w := &world{t: t, seed: seed, r: r, clock: 1_700_000_000e6, live: []int{0, 1, ofDerived}, homes: map[*venue]int{}}
	for i, name := range symbols {
		rule := chain
		if name == "U-X" {
			rule = nil
		}
		v := newVenue(name, rule, r)
		w.venues = append(w.venues, v)
		w.homes[v] = i % 2
		if venueOf(name) == "DERIVED" {
			w.homes[v] = ofDerived
		}
	}
	for p := range w.parts {
		w.parts[p] = []*tape{{epoch: fmt.Sprintf("e%d.0", p)}}
	}
	return w
}

func (w *world) newest(p int) *tape { return w.parts[p][len(w.parts[p])-1] }

// append writes one record of one partition.
func (w *world) append() {
	switch w.r.IntN(40) {
	case 0:
		w.clock += w.r.Int64N(120e6)
	default:
		w.clock += w.r.Int64N(8e6)
	}
	p := w.live[w.r.IntN(len(w.live))]
	rec := record{time: w.clock}
	switch w.r.IntN(120) {
	case 0, 1:
		rec.lost = true
	case 2:
		rec.hole = true
	case 3:
		rec.bad = true
	case 4:
		if w.clock > w.wrong+300e6 { // two that agree would be believed
			rec.time += 600e6 // its producer's clock is wrong
			w.wrong = w.clock
		}
	case 5:
		rec.time -= w.r.Int64N(90e6)
	}
	if !rec.hole {
		w.fill(&rec, p)
	}
	w.newest(p).records = append(w.newest(p).records, rec)
}

// fill makes a record's events, of the symbols that are written to the partition.
func (w *world) fill(rec *record, p int) {
	var here []*venue
	for _, v := range w.venues {
		if w.homes[v] == p || v == w.split && p < ofDerived {
			here = append(here, v)
		}
	}
	if len(here) == 0 {
		return
	}
	for range 1 + w.r.IntN(3) {
		v := here[w.r.IntN(len(here))]
		if w.seed%16 == 3 && w.r.IntN(8) == 0 && !slices.ContainsFunc(rec.events, func(e market.Event) bool { return e.Symbol == v.symbol }) {
			rec.events = append(rec.events, market.Event{Symbol: v.symbol, Payload: &market.Gap{}})
		}
		ev := v.event(w.clock)
		if t, ok := ev.Payload.(*market.Trade); ok && rec.time > w.clock {
			t.Time = w.clock // else nothing would tell that it is not of the record's time
		}
		rec.events = append(rec.events, ev)
		rec.key = []byte(v.symbol.Native)
		if rec.bad || rec.lost {
			v.hidden = true // its newest delta may be known to nobody
		}
		if rec.bad || w.r.IntN(2) == 0 {
			return // of one symbol
		}
	}
}

// grow adds a partition, to which the keys of some symbols move.
func (w *world) grow() {
	if slices.Contains(w.live, grown) {
		return
	}
	w.live = append(w.live, grown)
	w.clock += 1e6
	for _, v := range w.venues {
		if w.homes[v] != ofDerived && w.r.IntN(2) == 0 {
			w.homes[v] = grown
		}
	}
}

// remake deletes the topic and makes it anew.
func (w *world) remake(p int) {
	w.parts[p] = append(w.parts[p], &tape{epoch: fmt.Sprintf("e%d.%d", p, len(w.parts[p]))})
	for _, v := range w.venues {
		v.hidden = true // what was the newest delta may have been in what is gone
	}
}

// tape returns the log of an epoch.
func (w *world) tape(epoch string) *tape {
	for p := range w.parts {
		for _, l := range w.parts[p] {
			if l.epoch == epoch {
				return l
			}
		}
	}
	return nil
}

// between calls f with the records of an epoch with from < seq <= to.
func (w *world) between(epoch string, from, to uint64, f func(seq uint64, rec *record)) {
	l := w.tape(epoch)
	if l == nil {
		w.t.Fatalf("there is no epoch %q", epoch)
	}
	for i := range l.records {
		if seq := uint64(i) + 1; from < seq && seq <= to {
			f(seq, &l.records[i])
		}
	}
}

// knownFrom returns from when on a client must know candles: a node withholds those that began less than a
// minute after it began to read, which it knows some records later.
func (w *world) knownFrom(blind map[string]wire.Since, room string) (time int64) {
	b, ok := blind[room]
	switch {
	case !ok:
		return 0
	case b.Seq == 0:
		return 1<<63 - 1
	}
	w.between(b.Epoch, 0, b.Seq+10, func(_ uint64, rec *record) { time = max(time, rec.time+60e6) })
	return time
}

// describe lists the records of an epoch, for whoever reads a failure.
func (w *world) describe(epoch string) string {
	var b strings.Builder
	w.between(epoch, 0, 1<<62, func(seq uint64, rec *record) {
		fmt.Fprintf(&b, "%d at %.1f s", seq, float64(rec.time-1_700_000_000e6)/1e6)
		for _, flag := range []struct {
			is   bool
			name string
		}{{rec.lost, "lost"}, {rec.hole, "hole"}, {rec.bad, "bad"}} {
			if flag.is {
				b.WriteString(" " + flag.name)
			}
		}
		for _, ev := range rec.events {
			fmt.Fprintf(&b, " %s %s", ev.Symbol.Name, strings.TrimPrefix(fmt.Sprintf("%T", ev.Payload), "*market."))
		}
		b.WriteByte('\n')
	})
	return b.String()
}

// payloads returns what records brought to a room of a symbol, as text.
func payloads[P market.Payload](w *world, room, epoch string, from, to uint64, text func(P) string) (list []string) {
	w.between(epoch, from, to, func(_ uint64, rec *record) {
		for _, ev := range rec.events {
			if p, ok := ev.Payload.(P); ok && !rec.lost && !rec.bad && strings.HasSuffix(room, ":"+ev.Symbol.Name) {
				list = append(list, text(p))
			}
		}
	})
	return list
}

// halted returns the seq of a record that stopped or resumed the trading of a room's symbol between two of
// its quotes with from < seq <= to, on a node that began to read at began; 0 if there is none.
func (w *world) halted(room, epoch string, began, from, to uint64) (at uint64) {
	halted, told := false, false // as the venue said, and as the room has it, which has its first word with its first quote
	heard, before, change := false, false, uint64(0)
	w.between(epoch, began, to, func(seq uint64, rec *record) {
		quote := false
		for _, ev := range rec.events {
			if rec.lost || rec.bad || !strings.HasSuffix(room, ":"+ev.Symbol.Name) {
				continue
			}
			switch p := ev.Payload.(type) {
			case *market.Status:
				halted = p.State == market.Halted
			case *market.Quote:
				quote = true
			default:
			}
		}
		if quote && seq > from {
			before = true
			at = max(at, change)
		}
		if heard && halted != told && before {
			change = seq
		}
		if heard = heard || quote; heard {
			told = halted
		}
	})
	return at
}

func tradeID(t *market.Trade) string { return t.ID.String() }
func anyQuote(*market.Quote) string  { return "" }
