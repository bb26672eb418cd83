package subscriptions_test

import (
	"fmt"
	"slices"
	"testing"

	"tapedeck/market"
	"tapedeck/subscriptions"
)

func all(room string) market.Room {
	pattern, wild, ok := market.ParseRoom(room)
	if !ok || !wild {
		panic(room)
	}
	return pattern
}

func TestStandingOrder(t *testing.T) {
	s := newStage(t, subscriptions.Config{})
	for _, name := range []string{"C", "A", "B"} {
		s.quote(name)
	}
	asked := s.guest("quotes:TEST:NONSENSE") // what a client asks for exists for nobody else
	g := s.guest("quotes:TEST:B")
	s.round(1)
	granted, left, ok := g.JoinAll(all("quotes:TEST:*"), subscriptions.Grant{IntervalName: "0"}, 3, nil)
	if !ok || left != 0 || len(granted) != 2 || granted[0].Room != "quotes:TEST:A" || granted[1].Room != "quotes:TEST:C" {
		t.Fatalf("%v, %d left out", granted, left)
	}
	s.quote("E")
	asked.join(t, "quotes:TEST:OTHER", 0, nil)
	s.round(1)
	if g.Rooms() != 3 {
		t.Errorf("%d rooms where three are allowed", g.Rooms())
	}
	granted, left, _ = g.JoinAll(all("quotes:TEST:*"), subscriptions.Grant{IntervalName: "1s"}, 10, nil)
	if len(granted) != 3 || left != 0 || granted[0].Interval != "1s" {
		t.Errorf("ordered again: %v, %d left out", granted, left)
	}
	g.told = nil
	s.quote("A")
	s.round(1)
	if r := g.m.Rooms["quotes:TEST:A"]; r.Snapshots != 1 || r.Updates != 1 {
		t.Errorf("ordering again lost the place: %s", g.told)
	}
	s.quote("D")
	s.round(1)
	if r := g.m.Rooms["quotes:TEST:D"]; r == nil || !r.Has || !slices.ContainsFunc(g.told, func(m string) bool { return len(m) > 10 && m[:10] == `{"t":"ok",` }) {
		t.Errorf("a new room was not joined, or not announced: %s", g.told)
	}
	if !g.LeaveAll(all("quotes:TEST:*")) || g.Rooms() != 1 || !g.Follows(market.Room{Channel: market.Quotes, Venue: "TEST", Symbol: "B"}) {
		t.Errorf("%d rooms after the order's end", g.Rooms())
	}
	if g.LeaveAll(all("quotes:TEST:*")) {
		t.Error("it ended twice")
	}
	s.quote("F")
	s.round(1)
	if g.Rooms() != 1 {
		t.Error("an order that has ended joins rooms")
	}
}

func TestStandingOrderHasItsLimits(t *testing.T) {
	s := newStage(t, subscriptions.Config{})
	for i := range 20 {
		s.quote(fmt.Sprintf("S%02d", i))
	}
	g := s.guest()
	even := func(r market.Room) bool { return r.Symbol[2]%2 == 0 }
	granted, left, _ := g.JoinAll(all("quotes:TEST:*"), subscriptions.Grant{}, 7, even)
	if len(granted) != 7 || left != 3 || granted[6].Room != "quotes:TEST:S12" {
		t.Errorf("%d joined, %d left out: %v", len(granted), left, granted)
	}
	if _, _, ok := g.JoinAll(all("quotes:NOWHERE:*"), subscriptions.Grant{}, 7, nil); ok {
		t.Error("a venue that is not served")
	}
	if _, _, ok := g.JoinAll(all("book:TEST:*@17"), subscriptions.Grant{}, 7, nil); ok {
		t.Error("a depth that is not on offer")
	}
}
