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

// A symbol is found by the venue's name for it from its first event on, or where a file names it; a name of ours is never
// taken for another's native one, whichever came first.
func TestMisnamed(t *testing.T) {
	told := subscriptions.Listed{Symbol: &market.Symbol{Venue: "X", Native: "CD", Name: "C-D"}}
	unnamed := subscriptions.Listed{Symbol: &market.Symbol{Venue: "X", Native: "EF"}}
	h := subscriptions.NewHub(subscriptions.Config{Instruments: []subscriptions.Listed{told, unnamed}})
	l := h.Open(subscriptions.LogStart{Topic: "t", Epoch: "e"}, subscriptions.Venue{})
	expect := func(venue, name string, want *market.Symbol) {
		t.Helper()
		room := market.Room{Channel: market.Trades, Venue: venue, Symbol: name}
		if got := h.Misnamed(room); got != want {
			t.Errorf("%s names %+v, want %+v", room, got, want)
		}
	}
	of := func(native, name string) *market.Symbol {
		s := &market.Symbol{Venue: "X", Native: native, Name: name}
		l.Apply(0, 1, 0, 1, []market.Event{{Symbol: s, Payload: &market.Instrument{Lot: market.Int(1)}}})
		return s
	}
	expect("X", "AB", nil)
	expect("X", "CD", told.Symbol)
	expect("X", "EF", nil)
	expect("X", "C-D", nil)
	ab := of("AB", "A-B")
	expect("X", "AB", ab)
	expect("X", "A-B", nil)
	expect("Y", "AB", nil)
	ba := of("B-A", "A-B2")
	expect("X", "B-A", ba)
	of("A-B2X", "B-A") // the name of one, and the native name of another
	expect("X", "B-A", nil)
	of("Same", "Same")
	expect("X", "Same", nil)
}

// Two formats of a venue may call an instrument by two names: both are listed, with what is known of it.
func TestTwoNativeNames(t *testing.T) {
	h := subscriptions.NewHub(subscriptions.Config{})
	for i, native := range []string{"XBT/USD", "BTC/USD", "XBT/USD"} {
		l := h.Open(subscriptions.LogStart{Topic: "t", Partition: int32(i), Epoch: native}, subscriptions.Venue{})
		sym := &market.Symbol{Venue: "X", Native: native, Name: "BTC-USD"}
		l.Apply(0, 1, 0, 1, []market.Event{{Symbol: sym, Payload: &market.Instrument{Tick: market.New(1, 1)}}})
	}
	list := h.Symbols()
	if len(list) != 2 || list[0].Native != "BTC/USD" || list[1].Native != "XBT/USD" || list[0].Facts != list[1].Facts || !list[0].Facts.Tick.Set() {
		t.Errorf("%+v", list)
	}
}
