package subscriptions_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"tapedeck/market"
	"tapedeck/subscriptions"
	"tapedeck/wire"
	"tapedeck/wire/mirror"
)

// stage is one node with one partition, where tests say what happens when.
type stage struct {
	t      *testing.T
	hub    *subscriptions.Hub
	desk   *subscriptions.Desk
	log    *subscriptions.Log
	offset int64
	now    int64 // ns
	syms   map[string]*market.Symbol
}

func newStage(t *testing.T, c subscriptions.Config) *stage {
	c.Depths, c.Widths = []string{"3"}, []string{"1m", "5m"}
	s := &stage{t: t, hub: subscriptions.NewHub(c), now: int64(time.Hour), syms: map[string]*market.Symbol{}}
	s.hub.AddVenue("TEST", derived)
	s.desk = s.hub.NewDesk(0, 1<<20, func() {}, nil)
	s.log = s.hub.Open(subscriptions.LogStart{Topic: "t", Epoch: "a"}, derived)
	return s
}

func (s *stage) symbol(name string) *market.Symbol {
	if s.syms[name] == nil {
		s.syms[name] = &market.Symbol{Venue: "TEST", Name: name, Native: name}
	}
	return s.syms[name]
}

// apply publishes one record of a symbol.
func (s *stage) apply(symbol string, payloads ...market.Payload) {
	var events []market.Event
	for _, p := range payloads {
		events = append(events, market.Event{Symbol: s.symbol(symbol), Payload: p})
	}
	s.offset++
	s.log.Apply(s.offset-1, s.logTime(), 0, s.now, events)
}

func (s *stage) logTime() int64 { return s.now / 1000 }

func (s *stage) trade(symbol string) {
	id, _ := market.MakeID(fmt.Sprint(s.offset))
	s.apply(symbol, &market.Trade{Price: market.Int(1), Qty: market.Int(1), ID: id, Time: s.logTime()})
}

func (s *stage) quote(symbol string) {
	s.apply(symbol, &market.Quote{BidPrice: market.Int(s.offset), BidQty: market.Int(1)})
}

// guest is one subscriber and what it was told.
type guest struct {
	*subscriptions.Subscriber
	m      *mirror.Mirror
	frames int
	told   []string
}

func (s *stage) guest(rooms ...string) *guest {
	g := &guest{Subscriber: s.desk.NewSubscriber(wire.JSON), m: mirror.New()}
	g.m.Message = func(m *mirror.Message, _ *mirror.Room) { g.told = append(g.told, string(m.Raw)) }
	g.Owner = g
	for _, room := range rooms {
		g.join(s.t, room, 0, nil)
	}
	return g
}

func (g *guest) join(t *testing.T, room string, interval time.Duration, since *wire.Since) wire.Granted {
	t.Helper()
	name, _, ok := market.ParseRoom(room)
	if !ok {
		t.Fatal(room)
	}
	granted, ok := g.Join(name, subscriptions.Grant{Interval: interval, IntervalName: interval.String()}, since)
	if !ok {
		t.Fatalf("%s is not served", room)
	}
	return granted
}

// round lets the desk go round once, some time later.
func (s *stage) round(later time.Duration) {
	s.now += int64(later)
	for _, sub := range s.desk.Collect(s.now) {
		g := sub.Owner.(*guest)
		g.frames++
		if err := g.m.Frame(sub.Take(nil)); err != nil {
			s.t.Fatal(err)
		}
	}
}

// Readers in step are read for once, whoever is out of step alone, until he is in step again.
func TestCohortIsReadForOnce(t *testing.T) {
	s := newStage(t, subscriptions.Config{})
	s.quote("X")
	var guests []*guest
	for range 100 {
		guests = append(guests, s.guest("quotes:TEST:X"))
	}
	s.round(1)
	if n := s.hub.Encoded(); n != 1 {
		t.Errorf("the state was encoded %d times for 100 who join", n)
	}
	s.quote("X")
	s.round(1)
	if n := s.hub.Encoded(); n != 2 {
		t.Errorf("an update was encoded %d times for 100 in step", n-1)
	}
	slow := guests[7]
	slow.Blocked = true
	for range 3 {
		s.quote("X")
		s.round(1)
	}
	s.quote("X")
	slow.Resume()
	s.round(1) // the others' update, and a fold of four
	if n := s.hub.Encoded(); n != 2+3+2 {
		t.Errorf("encoded %d times with one who is slow, want 7", n)
	}
	s.quote("X")
	s.round(1)
	if n := s.hub.Encoded(); n != 8 {
		t.Errorf("who was slow is not in step again: encoded %d times, want 8", n)
	}
	for _, g := range guests {
		if r := g.m.Rooms["quotes:TEST:X"]; r.Seq != 7 || r.Events != 6 {
			t.Fatalf("one is at %d with %d events", r.Seq, r.Events)
		}
	}
}

// At a tick all changed rooms of a subscriber go out in one frame; in between nothing goes out of a room that was
// told within the interval; the last change always does.
func TestRoomsGoOutTogetherAtTheirTick(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 5))
		s := newStage(t, subscriptions.Config{})
		symbols := []string{"A", "B", "C", "D"}
		g := s.guest()
		const interval = 100 * time.Millisecond
		for _, name := range symbols {
			s.quote(name)
			g.join(t, "quotes:TEST:"+name, interval, nil)
		}
		s.round(interval)
		g.frames = 0
		begin := s.now
		for s.now < begin+int64(5*time.Second) {
			for _, name := range symbols {
				if r.IntN(3) == 0 {
					s.quote(name)
				}
			}
			s.round(time.Duration(1+r.IntN(10)) * time.Millisecond)
		}
		if g.frames > 55 { // one an interval, and four that led
			t.Fatalf("seed %d: %d frames in 50 intervals", seed, g.frames)
		}
		at, waits := s.desk.Next()
		if waits {
			s.round(time.Duration(at - s.now))
		}
		for _, name := range symbols {
			if have, want := g.m.Rooms["quotes:TEST:"+name].Fields["bid"], s.bid(name); have != want {
				t.Fatalf("seed %d: one tick later %s is at %v, want %v", seed, name, have, want)
			}
		}
		if _, waits := s.desk.Next(); waits {
			t.Fatalf("seed %d: something waits when all is told", seed)
		}
	}
}

// bid is a room's newest bid, as a newcomer gets it.
func (s *stage) bid(symbol string) any {
	g := s.guest("quotes:TEST:" + symbol)
	s.round(0)
	defer g.Close()
	return g.m.Rooms["quotes:TEST:"+symbol].Fields["bid"]
}

// A room of which every event counts is told before its interval when half of its log is unread: a long interval
// does not turn into loss.
func TestLongIntervalLosesNoTrade(t *testing.T) {
	s := newStage(t, subscriptions.Config{Entries: 64})
	g := s.guest()
	g.join(t, "trades:TEST:X", time.Hour, nil)
	s.round(1)
	for range 1000 {
		s.trade("X")
		s.round(time.Millisecond)
	}
	r := g.m.Rooms["trades:TEST:X"]
	if r.Gaps != 0 || r.Updates < 20 || r.Updates > 40 || r.Events < 1000-32 {
		t.Errorf("%d updates with %d trades, %d gaps", r.Updates, r.Events, r.Gaps)
	}
}

// Whoever falls off the log is told how many events he missed, and gets what is held.
func TestWhoFallsOffIsToldHowMuch(t *testing.T) {
	s := newStage(t, subscriptions.Config{Entries: 10})
	g := s.guest("trades:TEST:X")
	s.round(1)
	s.trade("X")
	s.round(1)
	g.Blocked = true
	for i := range 30 {
		s.trade("X")
		if i == 4 {
			s.apply("X") // a record of nothing
		}
		s.round(1)
	}
	g.told = nil
	g.Resume()
	s.round(1)
	if len(g.told) != 2 || !strings.Contains(g.told[0], `"from":1,"to":22,"n":20,"reason":"slow"`) || !strings.Contains(g.told[1], `"prev":22,"seq":32,"n":10`) {
		t.Errorf("told %s", g.told)
	}
}

// What a subscriber is told at once is bounded, but for one message; whoever did not get everything is first next
// time, before what is new.
func TestMuchIsToldInTurns(t *testing.T) {
	s := newStage(t, subscriptions.Config{})
	const bytes = 2000
	s.desk = s.hub.NewDesk(0, bytes, func() {}, nil)
	g := s.guest()
	var rooms []string
	for i := range 100 {
		symbol := fmt.Sprintf("S%d", i)
		s.quote(symbol)
		rooms = append(rooms, "quotes:TEST:"+symbol)
		g.join(t, rooms[i], 0, nil)
	}
	rounds := 0
	for len(g.m.Rooms) < 100 && rounds < 100 {
		s.quote("S0") // new at every round
		s.now++
		for _, sub := range s.desk.Collect(s.now) {
			frame := sub.Take(nil)
			if len(frame) > bytes+400 {
				t.Fatalf("%d bytes at once", len(frame))
			}
			if err := g.m.Frame(frame); err != nil {
				t.Fatal(err)
			}
		}
		rounds++
		if _, again := s.desk.Next(); !again && len(g.m.Rooms) < 100 {
			t.Fatal("some were forgotten")
		}
	}
	if len(g.m.Rooms) < 100 || rounds > 12 {
		t.Errorf("%d rooms after %d rounds", len(g.m.Rooms), rounds)
	}
}

// Where everybody has fallen behind, at places of their own, they are told in turns: what is read at once is bounded.
func TestManyOutOfStepAreToldInTurns(t *testing.T) {
	s := newStage(t, subscriptions.Config{})
	s.trade("X")
	var guests []*guest
	for range 60 {
		guests = append(guests, s.guest("trades:TEST:X"))
		s.round(time.Millisecond)
	}
	for i := range 900 {
		if i < len(guests) {
			guests[i].Blocked = true
		}
		s.trade("X")
		s.round(time.Millisecond)
	}
	for _, g := range guests {
		g.Resume()
	}
	const most = 3 << 20 / 2 // 1 MiB, and what the last of them lacked
	all, told := 0, 1
	for rounds := 0; told > 0 && rounds < 100; rounds++ {
		if rounds < 20 {
			s.trade("X") // it is marked: nobody may be read alone for that
		}
		told = 0
		for _, sub := range s.desk.Collect(s.now) {
			frame := sub.Take(nil)
			told += len(frame)
			if err := sub.Owner.(*guest).m.Frame(frame); err != nil {
				t.Fatal(err)
			}
		}
		if all += told; told > most {
			t.Fatalf("%d bytes in one round", told)
		}
	}
	if all < 2*most {
		t.Errorf("%d bytes in all: nothing was told in turns", all)
	}
	for i, g := range guests {
		if r := g.m.Room("trades:TEST:X"); r.Seq != uint64(s.offset) || r.Gaps > 0 {
			t.Errorf("guest %d is at %d of %d, with %d gaps", i, r.Seq, s.offset, r.Gaps)
		}
	}
}

// Whoever is ahead of this node goes on when it has passed him. Whoever claims to be where the log never was is given the
// state, at once where that is plain, else when the log goes on.
func TestResumeAheadOfTheLog(t *testing.T) {
	for _, tt := range []struct {
		name      string
		since     uint64
		end       int64 // of the log, as known
		recovered bool
		snapshot  bool // once the room goes on
	}{
		{"behind", 3, 5, true, false},
		{"ahead of the node", 8, 20, true, false},
		{"ahead of what is known as the end", 8, 5, true, false},
		{"ahead of what turns out to be the end", 800, 5, true, true},
		{"where the log cannot be", 1_000_000, 5, false, true},
	} {
		s := newStage(t, subscriptions.Config{})
		for range 5 {
			s.quote("X")
		}
		s.log.SetEnd(tt.end)
		g := s.guest()
		granted := g.join(t, "quotes:TEST:X", 0, &wire.Since{Epoch: "a", Seq: tt.since})
		if granted.Recovered != tt.recovered {
			t.Errorf("%s: recovered: %v", tt.name, granted.Recovered)
		}
		g.m.Room("quotes:TEST:X").Seq, g.m.Room("quotes:TEST:X").Has = tt.since, tt.recovered
		s.log.SetEnd(10)
		for range 5 {
			s.quote("X")
			s.round(1)
		}
		r := g.m.Rooms["quotes:TEST:X"]
		if r.Seq != 10 || r.Snapshots > 0 != tt.snapshot {
			t.Errorf("%s: at %d after %d snapshots: %s", tt.name, r.Seq, r.Snapshots, g.told)
		}
	}
}

// A venue's halt holds for rooms that come to life later, and comes after what the same record brought.
func TestHaltIsOfTheSymbol(t *testing.T) {
	s := newStage(t, subscriptions.Config{})
	g := s.guest("trades:TEST:X", "quotes:TEST:X")
	s.round(1)
	id, _ := market.MakeID("1")
	s.apply("X", &market.Status{State: market.Halted, Reason: "auction"}, &market.Trade{Price: market.Int(1), Qty: market.Int(1), ID: id})
	g.told = nil
	s.round(1)
	if n := len(g.told); n != 3 || !strings.Contains(g.told[1], `"update"`) || !strings.Contains(g.told[2], `"halted","reason":"auction"`) {
		t.Errorf("told %s", g.told)
	}
	s.quote("X")
	s.round(1)
	if state := g.m.Rooms["quotes:TEST:X"].State; state != "halted" {
		t.Errorf("a room that comes to life of a halted symbol is %s", state)
	}
	s.apply("X", &market.Status{State: market.Live})
	s.round(1)
	for name, r := range g.m.Rooms {
		if r.State != "live" {
			t.Errorf("%s is %s", name, r.State)
		}
	}
}

// Views go a minute after their last reader, and so do symbols that were only asked for.
func TestWhatNobodyFollowsIsDropped(t *testing.T) {
	s := newStage(t, subscriptions.Config{})
	s.quote("X")
	s.apply("X", &market.Book{Snapshot: true})
	g := s.guest("book:TEST:X@3", "trades:TEST:ASKED")
	s.round(1)
	s.hub.Sweep(s.now)
	g.Close()
	count := func() (rooms int) {
		s.hub.Rooms(func(subscriptions.Info) { rooms++ })
		return rooms
	}
	if n := count(); n != 3 { // quotes, book, book@3
		t.Fatalf("%d rooms", n)
	}
	for _, later := range []time.Duration{time.Second, 30 * time.Second, 31 * time.Second} {
		s.hub.Sweep(s.now + int64(later))
	}
	if n := count(); n != 3 {
		t.Errorf("%d rooms within a minute", n)
	}
	s.hub.Sweep(s.now + int64(62*time.Second))
	if n := count(); n != 2 {
		t.Errorf("%d rooms after a minute", n)
	}
}
