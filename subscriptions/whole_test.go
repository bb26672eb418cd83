package subscriptions_test

import (
	"strings"
	"testing"

	"tapedeck/market"
	"tapedeck/subscriptions"
	"tapedeck/wire"
)

// many is more trades than a snapshot has, and fewer than a room's log.
const many = 300

// apply writes trades from one id up to another to a log, a record each.
func apply(l *subscriptions.Log, sym *market.Symbol, from, to int) {
	for id := from; id <= to; id++ {
		at := int64(id) * 1e6
		l.Apply(int64(l.Seq()), at, at, 0, tradeOf(sym, id, at))
	}
}

// ids lists the trades of a room, each once, in the order in which they were told.
func (r *reader) trades() (ids []string) {
	for _, m := range r.said {
		for rest := m; ; {
			_, after, more := strings.Cut(rest, `"id":"`)
			if !more {
				break
			}
			id, end, _ := strings.Cut(after, `"`)
			ids, rest = append(ids, id), end
		}
	}
	return ids
}

// A standing order has a room from its first event on, however much of it has come by the time it is joined.
func TestStandingOrderBeginsWithTheFirstTrade(t *testing.T) {
	h := subscriptions.NewHub(subscriptions.Config{})
	h.AddVenue("TEST", derived)
	l := h.Open(subscriptions.LogStart{Topic: "t", Epoch: "a"}, derived)
	c := follow(t, h, "trades:TEST:NONE")
	c.read()
	sub := c.desk.NewSubscriber(wire.JSON)
	sub.JoinAll(all("trades:TEST:*"), subscriptions.Grant{}, 10, nil)
	for _, name := range []string{"X", "Y"} {
		sym := &market.Symbol{Venue: "TEST", Name: name, Native: name}
		apply(l, sym, 1, many)
		c.read()
		if ids := c.trades(); len(ids) != many || ids[0] != "1" || ids[many-1] != "300" {
			t.Fatalf("%d trades were told of %d: %s", len(ids), many, c.said)
		}
	}
}

// A room that goes on in another log gives what that brings from the first trade on, to those who were in it.
func TestRoomThatMovedBeginsWithTheFirstTrade(t *testing.T) {
	for name, move := range map[string]func(h *subscriptions.Hub, l *subscriptions.Log) *subscriptions.Log{
		"the first log has ended": func(h *subscriptions.Hub, l *subscriptions.Log) *subscriptions.Log {
			l.Ended()
			return h.Open(subscriptions.LogStart{Topic: "tuesday", Epoch: "b"}, derived)
		},
		"the log was made anew": func(_ *subscriptions.Hub, l *subscriptions.Log) *subscriptions.Log {
			l.Restart(subscriptions.LogStart{Topic: "monday", Epoch: "b"})
			return l
		},
	} {
		h := subscriptions.NewHub(subscriptions.Config{})
		h.AddVenue("TEST", derived)
		l := h.Open(subscriptions.LogStart{Topic: "monday", Epoch: "a"}, derived)
		sym := &market.Symbol{Venue: "TEST", Name: "X", Native: "X"}
		c := follow(t, h, "trades:TEST:X")
		apply(l, sym, 1, 10)
		c.read()
		l = move(h, l)
		apply(l, sym, 11, 10+many)
		room := c.read()
		ids := c.trades()
		if room.Epoch != "b" || room.Seq != many || room.Gaps != 1 || !strings.Contains(c.said[0], `"reason":"epoch"`) || len(ids) != many || ids[0] != "11" {
			t.Errorf("%s: %+v after %d trades: %s", name, room, len(ids), c.said)
		}
	}
}

// Who has a standing order and is taken over to a hub that is ahead has all of a symbol that turned up meanwhile.
func TestStandingOrderMovesOnToNewSymbols(t *testing.T) {
	past, live := subscriptions.NewHub(subscriptions.Config{}), subscriptions.NewHub(subscriptions.Config{})
	x, y := &market.Symbol{Venue: "TEST", Name: "X", Native: "X"}, &market.Symbol{Venue: "TEST", Name: "Y", Native: "Y"}
	var logs []*subscriptions.Log
	for _, h := range []*subscriptions.Hub{past, live} {
		h.AddVenue("TEST", derived)
		l := h.Open(subscriptions.LogStart{Topic: "t", Epoch: "a"}, derived)
		apply(l, x, 1, 10)
		logs = append(logs, l)
	}
	c := follow(t, past, "quotes:TEST:NONE")
	sub := c.desk.NewSubscriber(wire.JSON)
	sub.JoinAll(all("trades:TEST:*"), subscriptions.Grant{}, 10, nil)
	c.read()
	apply(logs[1], y, 1, many)
	c.desk = live.NewDesk(0, 1<<20, func() {}, nil)
	sub.Move(c.desk, true)
	c.read()
	if ids := c.trades(); len(ids) != many || ids[0] != "1" {
		t.Errorf("%d trades of the new symbol: %s", len(ids), c.said)
	}
}

// A reader of a log that the live hub does not read goes over once that log has ended and he was told all of it: the gap says
// so, and then he has what is live, also where that has had no record yet.
func TestHandoverFromALogThatIsNotLive(t *testing.T) {
	for _, alive := range []bool{true, false} {
		past, live := subscriptions.NewHub(subscriptions.Config{}), subscriptions.NewHub(subscriptions.Config{})
		past.AddVenue("TEST", derived)
		live.AddVenue("TEST", derived)
		sym := &market.Symbol{Venue: "TEST", Name: "X", Native: "X"}
		old := past.Open(subscriptions.LogStart{Topic: "import", Epoch: "old"}, derived)
		now := live.Open(subscriptions.LogStart{Topic: "t", Epoch: "new"}, derived)
		if alive {
			apply(now, sym, 1000, 1000+many)
		}
		c := follow(t, past, "trades:TEST:X")
		sub := c.sub
		apply(old, sym, 1, 10)
		c.read()
		apply(old, sym, 11, 20)
		if past.Near(live) || sub.Continues(past, live) {
			t.Fatal("it goes over before the log has ended")
		}
		old.Ended()
		if !past.Near(live) || sub.Continues(past, live) {
			t.Fatal("it goes over before all was told")
		}
		c.read()
		if ids := c.trades(); len(ids) != 10 || !sub.Continues(past, live) {
			t.Fatalf("%d trades, and it does not go over", len(ids))
		}
		c.desk = live.NewDesk(0, 1<<20, func() {}, nil)
		sub.Move(c.desk, true)
		room := c.read()
		if !strings.Contains(c.said[0], `"from":20`) || !strings.Contains(c.said[0], `"reason":"epoch"`) || !strings.Contains(c.said[1], `"t":"snapshot"`) {
			t.Errorf("it was told %s", c.said)
		}
		apply(now, sym, 2000, 2000)
		if room = c.read(); room.Epoch != "new" || room.Seq != now.Seq() {
			t.Errorf("it is at %+v, live is %d", room, now.Seq())
		}
	}
}
