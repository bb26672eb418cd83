package clickhouse

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"tapedeck/feed"
	"tapedeck/market"
)

// writeMinutes writes the minutes of some days, most of them in one log, some in two, some corrected, and returns what counts.
func writeMinutes(t *testing.T, db *DB) (want []market.Candle) {
	t.Helper()
	r := rand.New(rand.NewPCG(8, 8))
	other := someLog
	other.Topic = "import:again"
	b := &Batch{}
	b.Reset(19_675)
	main, imported := b.Log(&someLog), b.Log(&other)
	start, offset := int64(1_700_000_040e6), int64(0)
	for range 3000 {
		start += minute * (1 + r.Int64N(3)/2*r.Int64N(100))
		price, ok := market.ParseDecimal(fmt.Sprintf("%d.%02d0", 100+r.IntN(10), r.IntN(100)))
		if !ok {
			t.Fatal("that is no price")
		}
		c := market.Candle{Start: start, Width: minute, Open: price, High: price, Low: price, Close: price, Volume: price, QuoteVolume: price, Trades: 10, Final: true}
		told := 1 + r.IntN(5)/4
		for range told {
			offset++
			b.Candles = append(b.Candles, Candle{main, offset, "X:O'K", c}, Candle{main, offset, "X:OTHER", c})
			want = append(want[:len(want):len(want)], c)
			c.Trades, c.Rev = c.Trades+1, c.Rev+1
		}
		if told > 1 {
			want = append(want[:len(want)-told], want[len(want)-1])
		}
		if r.IntN(10) == 0 { // imported as well, with fewer trades
			c.Trades, c.Rev = 9, 0
			b.Candles = append(b.Candles, Candle{imported, offset + 1_000_000, "X:O'K", c})
		}
	}
	b.Add(Row{Log: main, Symbol: "X:O'K", Clock: start}, &feed.Record{Offset: offset, Time: start, Value: []byte("{}")})
	b.Add(Row{Log: main, Clock: start}, &feed.Record{Offset: offset + 1, Time: start, Value: []byte("{}")})
	if err := NewWriter(db).Write(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	slices.Reverse(want)
	return want
}

// Minutes come newest first, each once and as it was told last, however rare they are.
func TestClickHouseMinutes(t *testing.T) {
	db := archive(t)
	want := writeMinutes(t, db)
	r := rand.New(rand.NewPCG(9, 9))
	for range 40 {
		i, limit := r.IntN(len(want)+1), 1+r.IntN(300)
		before := int64(1 << 53)
		if i > 0 {
			before = want[i-1].Start
		}
		got, err := db.Minutes(t.Context(), "X:O'K", before, limit)
		if err != nil {
			t.Fatal(err)
		}
		if part := want[i:min(i+limit, len(want))]; len(got) != len(part) || len(part) > 0 && !reflect.DeepEqual(got, part) {
			t.Fatalf("%d before %d: %d minutes, want %d\n%v\n%v", limit, before, len(got), len(part), got[:min(len(got), 2)], part[:min(len(part), 2)])
		}
	}
	if got, err := db.Minutes(t.Context(), "X:NONE", 1<<53, 10); err != nil || len(got) != 0 {
		t.Errorf("of nothing: %v, %v", got, err)
	}
	if got, err := db.Symbols(t.Context()); err != nil || !slices.Equal(got, []string{"X:O'K"}) {
		t.Errorf("symbols %q, %v", got, err)
	}
}
