package subscriptions_test

import (
	"testing"

	"tapedeck/market"
	"tapedeck/subscriptions"
)

// A list of all instruments comes by one partition: what it says of a symbol that lives in another is known, and the
// room stays where it is, and good.
func TestFactsFromAnotherPartition(t *testing.T) {
	h := subscriptions.NewHub(subscriptions.Config{})
	home := h.Open(subscriptions.LogStart{Topic: "t", Partition: 0, Epoch: "e0"}, subscriptions.Venue{})
	other := h.Open(subscriptions.LogStart{Topic: "t", Partition: 1, Epoch: "e1"}, subscriptions.Venue{})
	sym, again := &market.Symbol{Venue: "X", Name: "A-B", Native: "AB"}, &market.Symbol{Venue: "X", Name: "A-B", Native: "AB"}
	const start = 1_700_000_000e6
	for i := range int64(100) { // in turn, and as far apart as makes a room that is told by two partitions one without keys
		at := start + i*20e6
		home.Apply(i, at, 0, at, tradeOf(sym, int(i), at))
		other.Apply(2*i, at+10e6, 0, at, []market.Event{
			{Symbol: again, Payload: &market.Instrument{Tick: market.New(1+i, 2), Currency: "B", Inverse: true}},
			{Symbol: again, Payload: &market.Status{State: market.Halted, Reason: "the list says so"}},
		})
		other.Apply(2*i+1, at-15e6, 0, at, []market.Event{{Symbol: again, Payload: &market.Instrument{Lot: market.Int(7)}}})
	}
	if n := other.Counts.Misplaced.Load() + home.Counts.Misplaced.Load(); n != 0 {
		t.Errorf("%d events are counted as misplaced", n)
	}
	h.Rooms(func(i subscriptions.Info) {
		if i.State != "live" || i.Partition != 0 || i.Seq != 100 {
			t.Errorf("%+v", i)
		}
	})
	list := h.Symbols()
	if len(list) != 1 || list[0].Symbol != sym {
		t.Fatalf("%+v", list)
	}
	want := market.Instrument{Tick: market.New(100, 2), Lot: market.Int(7), Currency: "B", Inverse: true}
	if list[0].Facts != want {
		t.Errorf("its facts are %+v, want %+v", list[0].Facts, want)
	}
}

// What is known from elsewhere is listed at once where it has a name; what the venue says outweighs it.
func TestKnownInstruments(t *testing.T) {
	known := func(native, name string) subscriptions.Listed {
		return subscriptions.Listed{
			Symbol: &market.Symbol{Venue: "X", Native: native, Name: name},
			Facts:  market.Instrument{Tick: market.New(1, 2), Contract: market.Int(10), Currency: "USD", Inverse: true},
		}
	}
	h := subscriptions.NewHub(subscriptions.Config{Instruments: []subscriptions.Listed{known("AB", ""), known("CD", "C-D"), known("EF", "")}})
	if list := h.Symbols(); len(list) != 1 || list[0].Name != "C-D" || list[0].Facts.Tick != market.New(1, 2) {
		t.Errorf("before any event there are %+v", list)
	}
	l := h.Open(subscriptions.LogStart{Topic: "t", Epoch: "e"}, subscriptions.Venue{})
	sym := &market.Symbol{Venue: "X", Native: "AB", Name: "A-B"}
	l.Apply(0, 1, 0, 1, []market.Event{{Symbol: sym, Payload: &market.Instrument{Tick: market.New(5, 1)}}})
	list := h.Symbols()
	if len(list) != 2 || list[0].Symbol != sym || list[1].Name != "C-D" {
		t.Fatalf("%+v", list)
	}
	if want := (market.Instrument{Tick: market.New(5, 1), Contract: market.Int(10), Currency: "USD", Inverse: true}); list[0].Facts != want {
		t.Errorf("its facts are %+v, want %+v", list[0].Facts, want)
	}
}
