package itch

import (
	"math/rand/v2"
	"testing"

	"tapedeck/feed"
	"tapedeck/market"
)

// The table of orders is a map, whatever comes and goes.
func TestOrdersAreAMap(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	table, want := newOrders(20_000), map[uint64]order{}
	table.resize(8) // it grows from the beginning
	for range 200_000 {
		ref := 1 + uint64(rng.IntN(30_000))
		if rng.IntN(8) == 0 {
			ref *= 1 << 40 // numbers that share their homes
		}
		switch o := (order{price: rng.Uint32(), shares: rng.Uint32()}); rng.IntN(3) {
		case 0:
			table.remove(ref)
			delete(want, ref)
		case 1:
			_, known := want[ref]
			if ok := table.put(ref, o); ok != (known || len(want) < 20_000) {
				t.Fatalf("put into %d orders: %v", len(want), ok)
			} else if ok {
				want[ref] = o
			}
		default:
			got := table.get(ref)
			if o, known := want[ref]; known != (got != nil) || known && *got != o {
				t.Fatalf("order %d is %v, want %v", ref, got, o)
			}
		}
	}
	if table.n != len(want) {
		t.Errorf("%d orders, want %d", table.n, len(want))
	}
	for ref, o := range want {
		if got := table.get(ref); got == nil || *got != o {
			t.Errorf("order %d is %v, want %v", ref, got, o)
		}
	}
	table.clear()
	if table.n != 0 || table.get(1) != nil {
		t.Error("there are orders after all were forgotten")
	}
}

// A stock whose order finds no room is let go; the others go on, and the next day it is whole.
func TestOrdersAreBounded(t *testing.T) {
	d := newDecoder(feed.DefaultOptions(), (*decoder).messages)
	d.orders.most = 3
	var b market.Batch
	send := func(text string) []market.Event {
		t.Helper()
		b.Reset()
		if err := d.Decode(&b, &feed.Record{Value: []byte(text)}); err != nil && !feedIgnores(err) {
			t.Fatal(err)
		}
		return b.Events
	}
	const time = "\x00\x00\x00\x00\x00\x00\x00\x01"
	head := func(kind, locate byte) string { return string([]byte{kind, 0, locate}) + time }
	start := head('S', 0) + "O"
	stock := func(locate byte, name string) string {
		return head('R', locate) + name + "QN\x00\x00\x00\x64NCZ PNN1N\x00\x00\x00\x00N"
	}
	order := func(locate, ref byte, name string) string {
		return head('A', locate) + "\x00\x00\x00\x00\x00\x00\x00" + string([]byte{ref}) + "B\x00\x00\x00\x64" + name + "\x00\x00\x27\x10"
	}
	const a, c = "A       ", "C       "
	last := func(events []market.Event) int64 { return events[len(events)-1].Payload.(*market.Book).Prev }
	for _, text := range []string{start, stock(1, a), stock(2, c), order(1, 1, a), order(2, 2, c)} {
		send(text)
	}
	if prev := last(send(order(1, 3, a))); prev < 0 {
		t.Errorf("an order that has room: prev %d", prev)
	}
	if prev := last(send(order(1, 4, a))); prev != -1 {
		t.Errorf("an order that has none: prev %d", prev)
	}
	if events := send(order(1, 5, a)); len(events) != 0 {
		t.Errorf("that a book was let go is said twice: %v", events[0].Payload)
	}
	send(head('D', 1) + "\x00\x00\x00\x00\x00\x00\x00\x01")
	if prev := last(send(order(2, 6, c))); prev < 0 {
		t.Errorf("another stock: prev %d", prev)
	}
	if events := send(start); len(events) != 2 || !events[0].Payload.(*market.Book).Snapshot {
		t.Errorf("the next day begins with %d events", len(events))
	}
	if prev := last(send(order(1, 7, a))); prev < 0 {
		t.Errorf("the next day: prev %d", prev)
	}
}

func feedIgnores(err error) bool {
	why, ok := err.(interface{ Unwrap() error })
	return ok && why.Unwrap() == feed.Ignored
}

// BenchmarkOrders is why orders are no map: of a million, one comes and one goes.
//
//	go test ./feed/venue/itch -run '^$' -bench '^BenchmarkOrders$' -benchmem -cpu 1
func BenchmarkOrders(b *testing.B) {
	const n = 1 << 20
	b.Run("table", func(b *testing.B) {
		t := newOrders(maxOrders)
		for i := range uint64(n) {
			t.put(1+3*i, order{})
		}
		b.ReportAllocs()
		for i := uint64(0); b.Loop(); i++ {
			t.put(1+3*(i+n), order{})
			t.get(1+3*(i+n/2)).shares++
			t.remove(1 + 3*i)
		}
	})
	b.Run("map", func(b *testing.B) {
		t := make(map[uint64]order, n)
		for i := range uint64(n) {
			t[1+3*i] = order{}
		}
		b.ReportAllocs()
		for i := uint64(0); b.Loop(); i++ {
			t[1+3*(i+n)] = order{}
			o := t[1+3*(i+n/2)]
			o.shares++
			t[1+3*(i+n/2)] = o
			delete(t, 1+3*i)
		}
	})
}
