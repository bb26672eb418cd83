package itch_test

import (
	"encoding/binary"
	"errors"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/venue/itch"
	"tapedeck/market"
	"tapedeck/snapshot"
)

// BenchmarkDecode decodes messages of a stock with 100 levels a side, while a million other orders are known, and applies
// what they do to its book. Each is undone by another: the time is of both.
//
//	go test ./feed/venue/itch -run '^$' -bench '^BenchmarkDecode$' -benchmem -cpu 1
func BenchmarkDecode(b *testing.B) {
	const ns, others = 34200 * 1e9, 1 << 20
	name, other := padded("AAPL"), padded("MSFT")
	add := func(ref uint64, side byte, shares, price uint32) []byte {
		return write('A', 1, ns, ref, side, shares, name, price)
	}
	for _, bench := range []struct {
		name     string
		messages [][]byte
		refs     [][]int // where the numbers of orders are, which rise
	}{
		{"trade", [][]byte{write('P', 1, ns, uint64(0), byte('B'), uint32(10), name, uint32(1_000_000), uint64(1))}, [][]int{nil}},
		{"add+delete", [][]byte{add(1, 'B', 100, 990_000), write('D', 1, ns, uint64(1))}, [][]int{{11}, {11}}},
		{"add+execute", [][]byte{add(1, 'B', 100, 999_900), write('E', 1, ns, uint64(1), uint32(100), uint64(1))}, [][]int{{11}, {11}}},
		{"replace+replace", [][]byte{
			write('U', 1, ns, uint64(1), uint64(2), uint32(100), uint32(999_800)),
			write('U', 1, ns, uint64(2), uint64(1), uint32(100), uint32(999_700)),
		}, [][]int{nil, nil}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			d := itch.Format.New(feed.DefaultOptions())
			book := snapshot.NewBook(snapshot.DefaultLimits, snapshot.Origin{})
			var batch market.Batch
			r := &feed.Record{Time: 1548858600124000}
			take := func(value []byte) {
				batch.Reset()
				r.Value = value
				if err := d.Decode(&batch, r); err != nil {
					b.Fatal(err)
				}
				for i := range batch.Events {
					if ev := &batch.Events[i]; ev.Symbol.Name == "AAPL" {
						book.Apply(ev, snapshot.Cause{})
					}
				}
			}
			for _, m := range [][]byte{directory(1, ns, "AAPL"), directory(2, ns, "MSFT"), write('S', 0, ns, byte('O')), add(1, 'B', 50, 999_700)} {
				take(m)
			}
			for i := range uint32(100) {
				take(add(uint64(10+i), 'B', 50, 999_900-100*i))
				take(add(uint64(200+i), 'S', 50, 1_000_100+100*i))
			}
			for i := range uint64(others) {
				take(write('A', 2, ns, 1000+3*i, byte('S'), uint32(1), other, uint32(100+i%50)))
			}
			ref := uint64(1_000_000_000)
			b.ReportAllocs()
			for b.Loop() {
				ref += 7
				for i, m := range bench.messages {
					for _, at := range bench.refs[i] {
						binary.BigEndian.PutUint64(m[at:], ref)
					}
					take(m)
				}
			}
		})
	}
}

// BenchmarkSave saves and loads what a decoder remembers that knows a million orders.
func BenchmarkSave(b *testing.B) {
	const orders = 1 << 20
	d := itch.Format.New(feed.DefaultOptions())
	var batch market.Batch
	take := func(m []byte) {
		batch.Reset()
		if err := d.Decode(&batch, &feed.Record{Time: 1548858600124000, Value: m}); err != nil && !errors.Is(err, feed.Ignored) {
			b.Fatal(err)
		}
	}
	name := padded("AAPL")
	take(write('S', 0, 34200*1e9, byte('O')))
	take(directory(1, 34200*1e9, "AAPL"))
	for i := range uint64(orders) {
		take(write('A', 1, 34200*1e9, 1_000_000+3*i, byte('B'), uint32(100), name, uint32(900_000+i%2000)))
	}
	var s market.Saver
	b.Run("save", func(b *testing.B) {
		for b.Loop() {
			s.Out = s.Out[:0]
			d.(feed.Memory).Save(&s)
		}
		b.ReportMetric(float64(len(s.Out)), "bytes")
	})
	b.Run("load", func(b *testing.B) {
		for b.Loop() {
			l := market.NewLoader(s.Out)
			itch.Format.New(feed.DefaultOptions()).(feed.Memory).Load(l)
			if err := l.End(); err != nil {
				b.Fatal(err)
			}
		}
	})
}
