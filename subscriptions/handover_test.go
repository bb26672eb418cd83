package subscriptions_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"tapedeck/market"
	"tapedeck/subscriptions"
	"tapedeck/wire"
	"tapedeck/wire/mirror"
)

// Whatever the interleaving of records on either hub, of reading and of moving, a reader who is taken from one hub to
// another is told of every trade from the first that he was there for, once and in order, without a gap; and of the rest
// he knows what the hub knows.
func TestHandoverMissesNothing(t *testing.T) {
	var moved, waited, built, loaded int
	for seed := range *seeds / 2 {
		h := newHandover(t, seed)
		for range 60 {
			h.step()
		}
		h.sub.Resume()
		for n := 0; !h.over; n++ {
			if n > 10_000 {
				t.Fatalf("seed %d: it is never handed over: at %d, live at %d", seed, h.past.at, h.live.at)
			}
			h.ahead(h.live, 1)
			h.play(4)
			h.read()
			h.handOver()
		}
		h.ahead(h.live, 5)
		h.read()
		h.check()
		moved++
		waited += h.waited
		built += h.built
		loaded += h.loaded
	}
	t.Logf("%d readers were handed over, %d times it had to wait, %d times the hub was built anew, %d live hubs were loaded", moved, waited, built, loaded)
	if waited < moved || built < moved/4 || loaded < moved/10 {
		t.Error("the histories exercise too little to prove anything")
	}
}

const handoverEntries = 16

// handover is a log of one topic, a hub that plays it, and another that has read it nearly to its end.
type handover struct {
	t       testing.TB
	seed    uint64
	r       *rand.Rand
	records [][]market.Event
	past    timeline
	live    timeline
	desk    *subscriptions.Desk
	sub     *subscriptions.Subscriber
	m       *mirror.Mirror
	from    int              // where the past begins for the reader
	heard   map[string][]int // by room
	now     int64
	unread  int // records played since the reader was asked to read

	guest                 bool // of the live hub's desk all the while: it has joined what it missed in the past one
	over                  bool // handed over
	waited, built, loaded int
}

// timeline is one hub and how far it has read.
type timeline struct {
	hub *subscriptions.Hub
	log *subscriptions.Log
	at  int
}

var handoverSymbols = []*market.Symbol{
	{Venue: "TEST", Name: "X", Native: "X"}, {Venue: "TEST", Name: "Y", Native: "Y"}, {Venue: "TEST", Name: "RARE", Native: "RARE"},
}

func newHandover(t testing.TB, seed uint64) *handover {
	h := &handover{t: t, seed: seed, r: rand.New(rand.NewPCG(seed, 3)), m: mirror.New(), heard: map[string][]int{}}
	h.m.Message = h.told
	for range 40 + h.r.IntN(120) {
		h.write()
	}
	begin := h.r.IntN(20)
	h.live = h.timeline(begin)
	if seed%5 == 0 { // from what another node had made of it
		h.loaded++
		other := h.timeline(0)
		other = h.ahead(other, h.r.IntN(len(h.records)))
		h.live = h.load(other)
	}
	h.from = h.r.IntN(len(h.records) / 2)
	h.past = h.timeline(max(h.from-h.r.IntN(30), 0))
	for h.past.at < h.from {
		h.past.apply(h)
	}
	h.from = h.past.at
	if h.guest = seed%3 == 0; h.guest {
		h.resume()
		return h
	}
	h.desk = h.past.hub.NewDesk(0, 2000, func() {}, nil)
	h.sub = h.desk.NewSubscriber(wire.JSON)
	for _, channel := range []string{"trades:TEST:", "quotes:TEST:", "candles:TEST:%s@1m"} {
		for _, s := range handoverSymbols {
			name := channel + s.Name
			if channel[0] == 'c' {
				name = fmt.Sprintf(channel, s.Name)
			}
			if room, _, _ := market.ParseRoom(name); h.r.IntN(4) > 0 {
				h.sub.Join(room, subscriptions.Grant{}, nil)
			}
		}
	}
	h.read()
	return h
}

// resume lets the reader resume in the past hub, at a place that is read or one that is not yet; quotes are live.
func (h *handover) resume() {
	h.desk = h.live.hub.NewDesk(0, 2000, func() {}, nil)
	h.sub = h.desk.NewSubscriber(wire.JSON)
	h.from += h.r.IntN(3)
	h.past.hub.Expect(h.live.hub)
	for _, s := range handoverSymbols {
		room, _, _ := market.ParseRoom("trades:TEST:" + s.Name)
		h.sub.Join(room, subscriptions.Grant{}, nil)
		if g, ok := h.sub.JoinIn(h.past.hub, room, subscriptions.Grant{}, wire.Since{Epoch: "a", Seq: uint64(h.from)}); !ok || !g.Recovered {
			h.t.Fatalf("seed %d: it cannot be resumed at %d: %+v", h.seed, h.from, g)
		}
		r := h.m.Room(room.String())
		r.Has, r.Epoch, r.Seq = true, "a", uint64(h.from)
		h.heard[r.Name] = []int{}
		room.Channel = market.Quotes
		h.sub.Join(room, subscriptions.Grant{}, nil)
	}
	if n := h.sub.In(h.past.hub); n != len(handoverSymbols) {
		h.t.Fatalf("seed %d: %d rooms are joined in the past", h.seed, n)
	}
}

func (h *handover) write() {
	offset := len(h.records)
	s := handoverSymbols[h.r.IntN(2)]
	if h.r.IntN(40) == 0 {
		s = handoverSymbols[2]
	}
	at := int64(offset) * 1e6
	var events []market.Event
	for i := range h.r.IntN(4) {
		if i == 2 {
			events = append(events, market.Event{Symbol: s, Time: at, Payload: &market.Quote{BidPrice: market.Int(int64(offset)), BidQty: market.Int(1), AskPrice: market.Int(int64(offset) + 1), AskQty: market.Int(1)}})
			continue
		}
		events = append(events, tradeOf(s, 2*offset+i, at)...)
	}
	h.records = append(h.records, events)
}

func (h *handover) timeline(from int) timeline {
	hub := subscriptions.NewHub(subscriptions.Config{Entries: handoverEntries, Widths: []string{"1m"}})
	hub.AddVenue("TEST", derived)
	return timeline{hub, hub.Open(h.start(from), derived), from}
}

func (h *handover) start(from int) subscriptions.LogStart {
	return subscriptions.LogStart{Topic: "t", Epoch: "a", From: int64(from), End: int64(len(h.records))}
}

func (h *handover) load(other timeline) timeline {
	hub := subscriptions.NewHub(subscriptions.Config{Entries: handoverEntries, Widths: []string{"1m"}})
	hub.AddVenue("TEST", derived)
	log, err := hub.Load(market.NewLoader(saved(other.log)), h.start(other.at), derived)
	if err != nil {
		h.t.Fatal(err)
	}
	return timeline{hub, log, other.at}
}

func (t *timeline) apply(h *handover) {
	for t.at >= len(h.records) {
		h.write()
	}
	t.log.Apply(int64(t.at), int64(t.at)*1e6, 0, 0, h.records[t.at])
	t.at++
}

// ahead lets a timeline read some more.
func (h *handover) ahead(t timeline, n int) timeline {
	for range n {
		t.apply(h)
	}
	if t.hub == h.live.hub {
		h.live = t
	}
	return t
}

// play plays some records, but no more than the reader can be expected to keep up with, nor than live has read.
func (h *handover) play(n int) {
	for ; n > 0 && !h.over && h.past.at < h.live.at && !h.sub.Behind(h.past.hub); n-- {
		h.past.apply(h)
		if h.unread++; h.unread == handoverEntries/2 { // a player waits for a round of its pump
			h.read()
		}
	}
}

func (h *handover) step() {
	if h.over { // he keeps up
		h.ahead(h.live, h.r.IntN(handoverEntries/2))
		h.read()
		return
	}
	switch h.r.IntN(12) {
	case 0, 1, 2:
		h.ahead(h.live, 1+h.r.IntN(4))
	case 3:
		h.ahead(h.live, h.r.IntN(40)) // it catches up
	case 4, 5, 6, 7:
		h.play(1 + h.r.IntN(12))
	case 8:
		if h.sub.Blocked = !h.sub.Blocked; !h.sub.Blocked {
			h.sub.Resume()
		}
	case 9:
		h.rebuild()
	case 10:
		h.handOver()
	default:
		h.read()
	}
}

// rebuild takes the reader over to a hub that has read the same from another place.
func (h *handover) rebuild() {
	if h.guest || h.r.IntN(3) > 0 {
		return
	}
	h.built++
	t := h.timeline(h.r.IntN(max(h.from-40, 0) + 1))
	for t.at < h.past.at {
		t.apply(h)
	}
	desk := t.hub.NewDesk(0, 2000, func() {}, nil)
	h.sub.Move(desk, true)
	h.past, h.desk = t, desk
}

// handOver takes the reader over to live if he can go on there; before he reads, live reads more.
func (h *handover) handOver() {
	if !h.past.hub.Near(h.live.hub) || !h.sub.Continues(h.past.hub, h.live.hub) {
		h.waited++
		return
	}
	if h.guest {
		h.sub.Return(h.past.hub)
	} else {
		h.desk = h.live.hub.NewDesk(0, 2000, func() {}, nil)
		h.sub.Move(h.desk, true)
	}
	h.over = true
	h.ahead(h.live, h.r.IntN(handoverEntries/2))
	h.read()
}

func (h *handover) read() {
	h.unread = 0
	for again := true; again && !h.sub.Blocked; _, again = h.desk.Next() {
		h.now += 1e9
		for _, s := range h.desk.Collect(h.now) {
			if err := h.m.Frame(s.Take(nil)); err != nil {
				h.t.Fatalf("seed %d: %v", h.seed, err)
			}
		}
	}
}

func (h *handover) told(m *mirror.Message, r *mirror.Room) {
	switch {
	case m.T == "gap":
		h.t.Fatalf("seed %d: at %d, live at %d: %s", h.seed, h.past.at, h.live.at, m.Raw)
	case r == nil || r.Name[0] != 't' || m.T != "snapshot" && m.T != "update":
		return
	}
	var list []struct{ ID string }
	if err := json.Unmarshal(m.D, &list); err != nil {
		h.t.Fatal(err)
	}
	if m.T == "snapshot" && h.heard[r.Name] != nil && len(list) > 0 {
		h.t.Fatalf("seed %d: a second snapshot: %s", h.seed, m.Raw)
	}
	if h.heard[r.Name] == nil {
		h.heard[r.Name] = []int{}
	}
	for _, trade := range list {
		id, _ := strconv.Atoi(trade.ID)
		if m.T == "update" {
			h.heard[r.Name] = append(h.heard[r.Name], id)
		}
	}
}

func (h *handover) check() {
	for name, heard := range h.heard {
		var want []int
		for _, events := range h.records[h.from:h.live.at] {
			for _, ev := range events {
				if trade, ok := ev.Payload.(*market.Trade); ok && "trades:TEST:"+ev.Symbol.Name == name {
					id, _ := strconv.Atoi(trade.ID.String())
					want = append(want, id)
				}
			}
		}
		if !slices.Equal(heard, want) {
			h.t.Fatalf("seed %d: %s from offset %d on: heard %v\nwant %v", h.seed, name, h.from, heard, want)
		}
	}
	for name, have := range h.m.Rooms {
		room, _, _ := market.ParseRoom(name)
		text, _, _ := h.live.hub.Snapshot(nil, wire.JSON, room, 1<<20)
		if text == nil || room.Channel == market.Trades {
			continue
		}
		truth := mirror.New()
		if err := truth.Frame(slices.Concat([]byte("["), text, []byte("]"))); err != nil {
			h.t.Fatal(err)
		}
		want := truth.Room(name)
		for start := range want.Candles {
			if _, held := have.Candles[start]; !held && start < int64(h.from+62)*1e6 { // of before the reader's time, or not known whole where he was
				delete(want.Candles, start)
			}
		}
		for start := range have.Candles {
			if _, held := want.Candles[start]; !held { // the live hub began later
				delete(have.Candles, start)
			}
		}
		if want.Seq == 0 {
			continue
		}
		if d := have.Differ(want); d != "" {
			h.t.Fatalf("seed %d: %s: %s", h.seed, name, d)
		}
	}
}
