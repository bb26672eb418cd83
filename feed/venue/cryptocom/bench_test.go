package cryptocom_test

import (
	"fmt"
	"strings"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/venue/cryptocom"
	"tapedeck/market"
	"tapedeck/snapshot"
)

// change is a change of n levels a side; a whole book where prev is 0.
func change(u, prev, n, size int) string {
	var sides [2][]string
	for i := range n {
		sides[0] = append(sides[0], fmt.Sprintf(`["%d.5","%d.0786","2"]`, 37000-i, size+i))
		sides[1] = append(sides[1], fmt.Sprintf(`["%d.0","%d.2008","1"]`, 37001+i, size+i))
	}
	levels := fmt.Sprintf(`"asks":[%s],"bids":[%s]`, strings.Join(sides[1], ","), strings.Join(sides[0], ","))
	head := `{"id":-1,"method":"subscribe","code":0,"result":{"instrument_name":"BTCUSD-PERP","subscription":"book.BTCUSD-PERP.50","channel":"book`
	if prev == 0 {
		return fmt.Sprintf(head+`","depth":50,"data":[{%s,"t":1700000000395,"tt":1700000000346,"u":%d}]}}`, levels, u)
	}
	return fmt.Sprintf(head+`.update","depth":50,"data":[{"update":{%s},"t":1700000000659,"tt":1700000000655,"u":%d,"pu":%d,"cs":1522984915}]}}`, levels, u, prev)
}

// BenchmarkDecode decodes a message, and applies it where it is of a book.
func BenchmarkDecode(b *testing.B) {
	for _, bench := range []struct{ name, even, odd string }{
		{"trade", `{"id":-1,"method":"subscribe","code":0,"result":{"instrument_name":"BTCUSD-PERP","subscription":"trade.BTCUSD-PERP","channel":"trade","data":[{"d":"2030407068","t":1700000000462,"p":"37000.5","q":"0.0001","s":"SELL","i":"BTCUSD-PERP","m":"1"}]}}`, ""},
		{"ticker", `{"id":-1,"method":"subscribe","code":0,"result":{"instrument_name":"BTCUSD-PERP","subscription":"ticker.BTCUSD-PERP","channel":"ticker","data":[{"h":"37900.00","l":"35895.50","a":"37000.5","c":"0.0395","b":"37000.5","bs":"0.1","k":"37001.0","ks":"0.2","i":"BTCUSD-PERP","v":"879.5024","vv":"26370000.12","oi":"12345.12","t":1700000000768}]}}`, ""},
		{"book/40", change(100, 0, 20, 100), change(100, 0, 20, 200)},
		{"change/40", change(200, 100, 20, 100), change(100, 200, 20, 200)},
	} {
		b.Run(bench.name, func(b *testing.B) {
			d := cryptocom.Format.New(feed.DefaultOptions())
			book := snapshot.NewBook(snapshot.DefaultLimits, snapshot.Origin{})
			values := [2][]byte{[]byte(bench.even), []byte(bench.odd)}
			if bench.odd == "" {
				values[1] = values[0]
			}
			var batch market.Batch
			var r feed.Record
			r.Value = []byte(change(1, 0, 100, 7))
			if err := d.Decode(&batch, &r); err != nil {
				b.Fatal(err)
			}
			book.Apply(&batch.Events[0], snapshot.Cause{})
			b.ReportAllocs()
			b.SetBytes(int64(len(values[0])))
			n := 0
			for b.Loop() {
				batch.Reset()
				r.Value = values[n&1]
				n++
				if err := d.Decode(&batch, &r); err != nil {
					b.Fatal(err)
				}
				if k, ok := batch.Events[0].Payload.(*market.Book); ok { // each follows the one before
					k.Prev, k.Last = int64(n), int64(n+1)
				}
				book.Apply(&batch.Events[0], snapshot.Cause{})
			}
		})
	}
}
