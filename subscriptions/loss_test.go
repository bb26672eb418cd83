package subscriptions_test

import (
	"strings"
	"testing"

	"tapedeck/market"
	"tapedeck/subscriptions"
	"tapedeck/wire"
)

// What a venue's connection skipped is a gap before the record that shows it; also where the room has just had the
// record before, so that no number lies between; and whoever comes back to that number is told as well.
func TestHolesOfAConnectionAreTold(t *testing.T) {
	h := subscriptions.NewHub(subscriptions.Config{})
	h.AddVenue("TEST", derived)
	l := h.Open(subscriptions.LogStart{Topic: "t", Epoch: "a"}, derived)
	sym := &market.Symbol{Venue: "TEST", Name: "X", Native: "X"}
	hole := []market.Event{{Symbol: sym, Payload: &market.Gap{}}}
	c := follow(t, h, "trades:TEST:X")
	l.Apply(0, 1e6, 0, 0, tradeOf(sym, 1, 1e6))
	c.read()

	l.Apply(1, 2e6, 0, 0, append(hole, tradeOf(sym, 2, 2e6)...))
	c.read()
	if len(c.said) != 2 || !strings.Contains(c.said[0], `"gap"`) || !strings.Contains(c.said[0], `"from":1,"to":1,"reason":"source"`) ||
		!strings.Contains(c.said[1], `"prev":1,"seq":2`) {
		t.Errorf("between two records: %s", c.said)
	}
	l.Apply(2, 3e6, 0, 0, nil)
	l.Apply(3, 4e6, 0, 0, append(hole, tradeOf(sym, 3, 4e6)...))
	c.read()
	if len(c.said) != 2 || !strings.Contains(c.said[0], `"from":2,"to":3`) || !strings.Contains(c.said[1], `"prev":3,"seq":4`) {
		t.Errorf("after another record: %s", c.said)
	}

	d := h.NewDesk(0, 1<<20, func() {}, nil)
	s := d.NewSubscriber(wire.JSON)
	room, _, _ := market.ParseRoom("trades:TEST:X")
	s.Join(room, subscriptions.Grant{}, &wire.Since{Epoch: "a", Seq: 1})
	d.Collect(1)
	frame := string(s.Take(nil))
	if strings.Count(frame, `"gap"`) != 2 || !strings.Contains(frame, `"from":1,"to":1`) {
		t.Errorf("who resumes where the gap lies is told: %s", frame)
	}
}

// A record that was refused may have been a change of any book. Where the book's rule would not show that it is
// missing, because there is none or because it is blind, the book is stale until its next snapshot; a chain
// with numbers sees for itself.
func TestRefusedRecordsPutUnprovenBooksInDoubt(t *testing.T) {
	blind := *chain
	blind.Blind, blind.Late = true, false // its snapshots come in their place
	for _, tt := range []struct {
		name  string
		chain *market.Chain
		doubt bool
	}{{"no rule", nil, true}, {"a blind rule", &blind, true}, {"a rule", chain, false}} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStage(t, subscriptions.Config{})
			c := follow(t, s.hub, "book:TEST:X")
			snapshot := func(last int64) {
				s.apply("X", &market.Book{Snapshot: true, Last: last, Chain: tt.chain, Bids: []market.Level{{Price: market.Int(1), Qty: market.Int(1)}}})
				c.read()
			}
			snapshot(1)
			s.log.Refused(s.offset, s.logTime(), 0, nil)
			s.offset++
			c.read()
			if got := strings.Contains(strings.Join(c.said, "\n"), `"stale"`); got != tt.doubt {
				t.Errorf("the room is put in doubt: %v, want %v; it says %s", got, tt.doubt, c.said)
			}
			if snapshot(2); tt.doubt && !strings.Contains(strings.Join(c.said, "\n"), `"live"`) {
				t.Errorf("the next snapshot does not mend it: %s", c.said)
			}
		})
	}
}
