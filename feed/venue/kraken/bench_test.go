package kraken_test

import (
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/venue/kraken"
	"tapedeck/market"
	"tapedeck/snapshot"
)

// BenchmarkOrders decodes and applies messages of level3 that change one order: the book has some 50 orders at ten prices a side, and
// each message their checksum.
//
//	go test ./feed/venue/kraken -run '^$' -bench '^BenchmarkOrders$' -benchmem -cpu 1
func BenchmarkOrders(b *testing.B) {
	x := newExchange(1, 10)
	for range 300 {
		x.trade()
	}
	x.say(true)
	o := x.best(true, 1)[0]
	for _, qty := range []int{o.qty + 1, o.qty} {
		o.qty = qty
		x.say(false)
	}
	d := kraken.V2.New(feed.DefaultOptions())
	book := snapshot.NewBook(snapshot.DefaultLimits, snapshot.Origin{}).(*snapshot.Book)
	var batch market.Batch
	take := func(r *feed.Record) {
		batch.Reset()
		if err := d.Decode(&batch, r); err != nil {
			b.Fatalf("%s: %v", r.Value, err)
		}
		book.Apply(&batch.Events[0], snapshot.Cause{})
	}
	take(&x.told[0])
	b.ReportAllocs()
	for i := 1; b.Loop(); i++ {
		if take(&x.told[2-i%2]); !book.Good() {
			b.Fatal("the book breaks")
		}
	}
}
