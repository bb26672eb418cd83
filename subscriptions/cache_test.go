package subscriptions

import (
	"testing"

	"tapedeck/market"
	"tapedeck/wire"
)

// What was told at once to many is not kept for ever: neither the text of ranges that are told no more, nor
// anything of a room that nobody follows.
func TestCacheLetsGo(t *testing.T) {
	h := NewHub(Config{Depths: []string{"1000"}})
	h.AddVenue("TEST", Venue{})
	l := h.Open(LogStart{Topic: "t", Epoch: "a"}, Venue{})
	sym := &market.Symbol{Venue: "TEST", Name: "X", Native: "X"}
	book := &market.Book{Snapshot: true}
	for i := range int64(1000) {
		book.Bids = append(book.Bids, market.Level{Price: market.New(1_000_000_000-i, 8), Qty: market.New(1, 8)})
	}
	l.Apply(0, 1e6, 0, 0, []market.Event{{Symbol: sym, Payload: book}})
	name := market.Room{Channel: market.BookChannel, Venue: "TEST", Symbol: "X"}
	d := h.NewDesk(0, 1<<20, func() {}, nil)
	s := d.NewSubscriber(wire.JSON)
	s.Join(name, Grant{}, nil)
	r := h.room(name)
	for last := range cacheLines {
		pos := r.begin()
		r.readShared(nil, wire.JSON, nil, &pos, last)
	}
	held := func() (bytes int) {
		for i := range r.cache.lines {
			bytes += cap(r.cache.lines[i].text)
		}
		return bytes
	}
	before := held()
	h.Sweep(1)
	if now := held(); now != before {
		t.Errorf("%d of %d bytes are held of what is still told", now, before)
	}
	l.Apply(1, 2e6, 0, 0, []market.Event{{Symbol: sym, Payload: &market.Book{Bids: []market.Level{{Price: market.Int(20), Qty: market.Int(2)}}}}})
	h.Sweep(2)
	if now := held(); now > maxKeptText {
		t.Errorf("%d of %d bytes are held of what is told no more", now, before)
	}
	s.Close()
	h.Sweep(3)
	if now := held(); now != 0 {
		t.Errorf("%d bytes are held of a room that nobody follows", now)
	}
}
