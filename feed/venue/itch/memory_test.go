package itch_test

import (
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/venue/itch"
	"tapedeck/market"
)

// loaded is a decoder with what another one remembers.
func loaded(t *testing.T, d feed.Decoder, o feed.Options) feed.Decoder {
	t.Helper()
	var s market.Saver
	d.(feed.Memory).Save(&s)
	made := itch.Format.New(o)
	l := market.NewLoader(s.Out)
	made.(feed.Memory).Load(l)
	if err := l.End(); err != nil {
		t.Fatal(err)
	}
	return made
}

// A decoder is saved and loaded again and again amid a day, with books that cross, halts and replacements: the books and the
// trades are those of the exchange all the same.
func TestMemoryAmidADay(t *testing.T) {
	x := newExchange(7, "AAPL", "MSFT", "ZVZZT")
	r := newReader(itch.Format)
	for _, m := range x.open() {
		r.read(m)
	}
	for i := range 6000 {
		for _, m := range x.step() {
			r.read(m)
		}
		if i%7 == 0 {
			r.decoder = loaded(t, r.decoder, feed.DefaultOptions())
		}
		if i%50 == 0 {
			for stock := range x.names {
				if d := r.differs(x, stock); d != "" {
					t.Fatalf("after %d steps: %s: %s", i, x.names[stock], d)
				}
			}
		}
	}
	sameTrades(t, x, r.trades)
}

// Whoever wants one stock alone loads nothing of the others' orders, which nothing would ever end.
func TestMemoryOfOneStock(t *testing.T) {
	x := newExchange(8, "AAPL", "MSFT")
	r := newReader(itch.Format)
	for _, m := range x.open() {
		r.read(m)
	}
	for range 2000 {
		for _, m := range x.step() {
			r.read(m)
		}
	}
	o := feed.DefaultOptions()
	o.Only = func(s *market.Symbol) bool { return s.Name == "AAPL" }
	one := loaded(t, r.decoder, o)
	var all, part market.Saver
	r.decoder.(feed.Memory).Save(&all)
	one.(feed.Memory).Save(&part)
	if len(part.Out) > len(all.Out)*3/4 {
		t.Errorf("of %d bytes %d are of one of two stocks", len(all.Out), len(part.Out))
	}
	r.decoder = one
	for range 500 {
		for _, m := range x.step() {
			r.read(m)
		}
	}
	for stock, name := range x.names {
		if d := r.differs(x, stock); name == "AAPL" && d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}
