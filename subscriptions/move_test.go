package subscriptions_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"tapedeck/market"
	"tapedeck/subscriptions"
	"tapedeck/wire"
	"tapedeck/wire/mirror"
)

// reader is one client of a hub that follows one room.
type reader struct {
	t    *testing.T
	desk *subscriptions.Desk
	m    *mirror.Mirror
	now  int64
	said []string
	sub  *subscriptions.Subscriber
}

func follow(t *testing.T, h *subscriptions.Hub, name string) *reader {
	r := &reader{t: t, m: mirror.New(), desk: h.NewDesk(0, 1<<20, func() {}, nil)}
	r.m.Message = func(m *mirror.Message, _ *mirror.Room) { r.said = append(r.said, string(m.Raw)) }
	room, _, _ := market.ParseRoom(name)
	r.sub = r.desk.NewSubscriber(wire.JSON)
	if _, ok := r.sub.Join(room, subscriptions.Grant{}, nil); !ok {
		t.Fatalf("%s is not served", name)
	}
	return r
}

// read takes what is due and returns what was said in the room since the last time.
func (r *reader) read() *mirror.Room {
	r.t.Helper()
	r.said, r.now = nil, r.now+1e9
	for _, s := range r.desk.Collect(r.now) {
		if err := r.m.Frame(s.Take(nil)); err != nil {
			r.t.Fatal(err)
		}
	}
	for _, room := range r.m.Rooms {
		return room
	}
	return nil
}

func tradeOf(sym *market.Symbol, id int, time int64) []market.Event {
	tid, _ := market.MakeID(fmt.Sprint(id))
	return []market.Event{{Symbol: sym, Time: time, Payload: &market.Trade{Price: market.Int(1), Qty: market.Int(1), Time: time, ID: tid}}}
}

// A log that is made anew twice, with nothing read in between, takes its rooms along both times, and
// they hear of it when it cannot be read meanwhile.
func TestRestartTakesRoomsAlong(t *testing.T) {
	h := subscriptions.NewHub(subscriptions.Config{Widths: []string{"1m"}})
	h.AddVenue("TEST", derived)
	l := h.Open(subscriptions.LogStart{Topic: "t", Epoch: "a"}, derived)
	sym := &market.Symbol{Venue: "TEST", Name: "X", Native: "X"}
	c := follow(t, h, "trades:TEST:X")
	for i := range 10 {
		l.Apply(int64(i), 100e6, 0, 0, tradeOf(sym, i, 100e6))
	}
	if r := c.read(); r.Seq != 10 || r.Epoch != "a" {
		t.Fatalf("%+v", r)
	}
	l.Restart(subscriptions.LogStart{Topic: "t", Epoch: "a", From: 10, End: 8})
	l.Down("cut")
	if r := c.read(); r.State != "down" {
		t.Errorf("a room is %s whose log cannot be read: %q", r.State, c.said)
	}
	l.Restart(subscriptions.LogStart{Topic: "t", Epoch: "b"})
	l.Down("")
	l.Apply(0, 200e6, 0, 0, tradeOf(&market.Symbol{Venue: "TEST", Name: "X", Native: "X"}, 100, 200e6))
	if r := c.read(); r.Epoch != "b" || r.Seq != 1 || r.State != "live" || len(r.Trades) != 1 {
		t.Errorf("after the second restart: %+v, %q", r, c.said)
	}
}

// A log that goes on after it lost its newest records has candles that nobody knows whole: they are withheld.
func TestRestartAmidALogCoversNothing(t *testing.T) {
	h := subscriptions.NewHub(subscriptions.Config{Widths: []string{"1m"}})
	h.AddVenue("TEST", derived)
	l := h.Open(subscriptions.LogStart{Topic: "t", Epoch: "a"}, derived)
	sym := &market.Symbol{Venue: "TEST", Name: "X", Native: "X"}
	l.Apply(0, 630e6, 0, 0, tradeOf(sym, 0, 630e6))
	c := follow(t, h, "candles:TEST:X@1m")
	l.Restart(subscriptions.LogStart{Topic: "t", Epoch: "b", From: 1, End: 1})
	l.Apply(1, 631e6, 0, 0, tradeOf(sym, 1, 631e6))
	if r := c.read(); len(r.Candles) != 0 {
		t.Errorf("a candle is served that lacks trades: %+v", r.Candles)
	}
	l.Apply(2, 632e6, 0, 0, nil)
	l.Apply(3, 725e6, 0, 0, tradeOf(sym, 2, 725e6))
	if r := c.read(); len(r.Candles) != 1 || r.Candles[720e6].N != 1 {
		t.Errorf("candles that are known whole are not served: %+v", r.Candles)
	}
}

// When keys move to a partition that was added, the room goes on there with its first record, however
// far ahead the other symbols of the old partition are.
func TestMovedRoomHasAllOfItsNewLog(t *testing.T) {
	h := subscriptions.NewHub(subscriptions.Config{Widths: []string{"1m"}})
	h.AddVenue("TEST", derived)
	x := func() *market.Symbol { return &market.Symbol{Venue: "TEST", Name: "X", Native: "X"} }
	y := &market.Symbol{Venue: "TEST", Name: "Y", Native: "Y"}
	old := h.Open(subscriptions.LogStart{Topic: "t", Epoch: "old"}, derived)
	c := follow(t, h, "trades:TEST:X")
	inOld := x()
	old.Apply(0, 630e6, 0, 0, tradeOf(inOld, 1, 630e6))
	old.Apply(1, 700e6, 0, 0, tradeOf(y, 1, 700e6)) // far ahead
	c.read()
	added := h.Open(subscriptions.LogStart{Topic: "t", Partition: 1, Epoch: "added"}, derived)
	inAdded := x()
	added.Apply(0, 631e6, 0, 0, tradeOf(inAdded, 2, 631e6))
	added.Apply(1, 632e6, 0, 0, tradeOf(inAdded, 3, 632e6))
	r := c.read()
	var ids []string
	for _, trade := range r.Trades {
		ids = append(ids, trade.ID)
	}
	if r.Epoch != "added" || !slices.Equal(ids, []string{"2", "3"}) || r.Gaps != 1 {
		t.Errorf("the room is at %s with %v: %q", r.Epoch, ids, c.said)
	}
	if n := added.Counts.Misplaced.Load(); n != 0 {
		t.Errorf("%d events were taken for misplaced", n)
	}
	old.Apply(2, 625e6, 0, 0, tradeOf(inOld, 0, 625e6)) // what is older than the move changes nothing
	if r := c.read(); r.Epoch != "added" || r.State == "down" || len(c.said) != 0 {
		t.Errorf("an old record was told: %q", c.said)
	}
	candles := follow(t, h, "candles:TEST:X@1m").read()
	if len(candles.Candles) != 0 {
		t.Errorf("a candle is served whose first trades are in another log: %+v", candles.Candles)
	}
	old.Apply(3, 633e6, 0, 0, tradeOf(inOld, 9, 633e6)) // and what is newer shows that nothing is keyed
	if r := c.read(); r.State != "down" {
		t.Errorf("the room is %s though its symbol comes from two partitions in turn", r.State)
	}
}

// Who joins a room before its first record learns its epoch with that record, and can resume.
func TestEarlyReaderLearnsTheEpoch(t *testing.T) {
	for _, name := range []string{"trades:TEST:X", "candles:TEST:X@1m", "candles:TEST:X@5m"} {
		h := subscriptions.NewHub(subscriptions.Config{Widths: []string{"1m", "5m"}})
		h.AddVenue("TEST", derived)
		c := follow(t, h, name)
		if r := c.read(); !r.Has || r.Seq != 0 || r.Epoch != "" {
			t.Fatalf("%+v", r)
		}
		sym := &market.Symbol{Venue: "TEST", Name: "X", Native: "X"}
		l := h.Open(subscriptions.LogStart{Topic: "t", Epoch: "a"}, derived)
		for i := range 60 { // more than a snapshot has
			l.Apply(int64(i), 100e6, 0, 0, tradeOf(sym, i, 100e6))
		}
		r := c.read()
		if r.Epoch != "a" || r.Seq != 60 || r.Gaps != 0 {
			t.Fatalf("%s: %+v", name, r)
		}
		if len(r.Trades) != 60 && len(r.Candles) != 1 {
			t.Errorf("%s: %d trades and %d candles", name, len(r.Trades), len(r.Candles))
		}
		room, _, _ := market.ParseRoom(name)
		g, _ := h.NewDesk(0, 1<<20, func() {}, nil).NewSubscriber(wire.JSON).Join(room, subscriptions.Grant{}, &wire.Since{Epoch: r.Epoch, Seq: r.Seq})
		if !g.Recovered {
			t.Errorf("%s: who joined early could not resume", name)
		}
	}
}

// A topic without keys is known as one also where its past is read, one partition after the other.
func TestPastWithoutKeysIsNotServed(t *testing.T) {
	for _, tt := range []struct {
		name     string
		from, to int64 // log times of what the second partition has, in s
		state    string
	}{
		{"older than all of the first: the keys moved away", 100, 199, ""},
		{"amid it", 211, 280, "down"},
		{"amid it, as clocks may have been set back", 291, 299, ""},
	} {
		h := subscriptions.NewHub(subscriptions.Config{Widths: []string{"1m"}})
		h.AddVenue("TEST", derived)
		c := follow(t, h, "trades:TEST:X")
		for i, span := range [][2]int64{{200, 300}, {tt.from, tt.to}} {
			l := h.Open(subscriptions.LogStart{Topic: "t", Partition: int32(i), Epoch: fmt.Sprint(i)}, derived)
			sym := &market.Symbol{Venue: "TEST", Name: "X", Native: "X"}
			for at := span[0]; at <= span[1]; at++ {
				l.Apply(at-span[0], at*1e6, 0, 0, tradeOf(sym, int(at), at*1e6))
			}
		}
		if r := c.read(); r.State != tt.state {
			t.Errorf("%s: the room is %q, want %q", tt.name, r.State, tt.state)
		}
	}
}

// A symbol comes from two topics, one after the other, as from the files of two days. Its room keeps to the first until that
// has ended, and then goes on in the other, telling so: from there on nothing is missing.
func TestRoomGoesOnAfterALogThatEnded(t *testing.T) {
	h := subscriptions.NewHub(subscriptions.Config{Widths: []string{"1m"}})
	h.AddVenue("TEST", derived)
	first := h.Open(subscriptions.LogStart{Topic: "monday", Epoch: "a"}, derived)
	second := h.Open(subscriptions.LogStart{Topic: "tuesday", Epoch: "b"}, derived)
	sym := &market.Symbol{Venue: "TEST", Name: "X", Native: "X"}
	c := follow(t, h, "trades:TEST:X")
	at := func(l *subscriptions.Log, offset int64, id int) {
		time := int64(id) * 1e6
		l.Apply(offset, time, time, 0, tradeOf(sym, id, time))
	}
	at(first, 0, 1)
	c.read()
	at(second, 0, 2) // another source of the same market: not of this room
	if room := c.read(); room.Epoch != "a" || second.Counts.Misplaced.Load() == 0 {
		t.Fatalf("epoch %s, %d misplaced", room.Epoch, second.Counts.Misplaced.Load())
	}
	at(first, 1, 3)
	c.read()
	first.Ended()
	misplaced := second.Counts.Misplaced.Load()
	at(second, 1, 4)
	at(second, 2, 5)
	room := c.read()
	all := strings.Join(c.said, "")
	if room.Epoch != "b" || room.Seq != 3 || second.Counts.Misplaced.Load() != misplaced {
		t.Errorf("epoch %s at %d, %d misplaced", room.Epoch, room.Seq, second.Counts.Misplaced.Load()-misplaced)
	}
	for _, want := range []string{`"reason":"epoch"`, `"id":"4"`, `"id":"5"`} {
		if !strings.Contains(all, want) {
			t.Errorf("%s is not told: %s", want, all)
		}
	}
	at(second, 3, 6)
	if c.read(); !strings.Contains(strings.Join(c.said, ""), `"prev":3,"seq":4`) {
		t.Errorf("it does not go on: %s", c.said)
	}
}
