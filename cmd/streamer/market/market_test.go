package market

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc64"
	"math/big"
	"strconv"
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)

func begin(tb testing.TB, o Options) *Market {
	tb.Helper()
	if o.Start.IsZero() {
		o.Start = noon
	}
	m, err := New(o)
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

// sum is a checksum of the first n records, with their times and keys.
func sum(m *Market, n int) uint64 {
	h := crc64.New(crc64.MakeTable(crc64.ECMA))
	for range n {
		r := m.Next()
		fmt.Fprintln(h, r.Time, r.Key, r.Snapshot, string(r.Value))
	}
	return h.Sum64()
}

func TestSameSeedSameBytes(t *testing.T) {
	o := Options{Seed: 7, Gaps: 5 * time.Second, Past: time.Minute}
	one := sum(begin(t, o), 10_000)
	if sum(begin(t, o), 10_000) != one {
		t.Error("the same seed gave another market")
	}
	o.Seed++
	if sum(begin(t, o), 10_000) == one {
		t.Error("another seed gave the same market")
	}
}

// A symbol's market is its own: what else is simulated makes no difference to it.
func TestSymbolsAreIndependent(t *testing.T) {
	all, alone := begin(t, Options{Seed: 1}), begin(t, Options{Seed: 1, Symbols: []string{"SOLUSDT"}})
	for n := 0; n < 1000; {
		r := all.Next()
		if r.Key != "SOLUSDT" {
			continue
		}
		if one := alone.Next(); !bytes.Equal(r.Value, one.Value) || r.Time != one.Time {
			t.Fatalf("record %d is %s among others, and alone %s", n, r.Value, one.Value)
		}
		n++
	}
}

func TestTimesNeverGoBack(t *testing.T) {
	m := begin(t, Options{Seed: 1, Past: 2 * time.Minute})
	last := noon.UnixMicro()
	for i := range 20_000 {
		r := m.Next()
		if r.Time < last {
			t.Fatalf("record %d is from %d, after one from %d", i, r.Time, last)
		}
		last = r.Time
		if i == 10_000 {
			m.Skip(time.Hour)
		}
	}
	if last < noon.Add(time.Hour).UnixMicro() {
		t.Error("an hour was left out, but the clock does not show it")
	}
}

// The past is soon sent: it has few records, and what comes after it has many.
func TestThePastIsThin(t *testing.T) {
	m := begin(t, Options{Seed: 1, Past: 10 * time.Minute, Gaps: time.Second})
	count := map[bool]int{}
	for m.now < (11 * time.Minute).Microseconds() {
		m.Next()
		count[m.thin()]++
		if m.gaps > 0 && m.now < m.options.Past.Microseconds() {
			t.Fatal("there is a gap in the past")
		}
	}
	thin, busy := float64(count[true])/9.5, float64(count[false])/1.5 // a minute
	if thin > busy/5 {
		t.Errorf("%.0f records a minute in the past, %.0f after it", thin, busy)
	}
}

func TestRateIsAFactor(t *testing.T) {
	trades := func(rate float64) (n int) {
		m := begin(t, Options{Seed: 3, Rate: rate})
		for m.now < (30 * time.Second).Microseconds() {
			if bytes.Contains(m.Next().Value, []byte("@trade")) {
				n++
			}
		}
		return n
	}
	if one, ten := trades(1), trades(10); ten < 6*one || ten > 14*one {
		t.Errorf("%d trades in 30 s at rate 1, %d at rate 10", one, ten)
	}
}

func TestBadOptionsAreSaid(t *testing.T) {
	for want, o := range map[string]Options{
		"there are BTCUSDT": {Symbols: []string{"BTCUSDT", "GOLD"}},
		"up to 1000":        {Rate: 5000},
		"over 0":            {Rate: -1},
	} {
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", o, err, want)
		}
	}
}

// The ticker tells of the last 24 hours by minutes: after a day in which nothing else happened, what is left
// of three minutes of trading is the last of them, to the last digit.
func TestTheDayRolls(t *testing.T) {
	m := begin(t, Options{Seed: 1, Symbols: []string{"DOGEUSDT"}})
	s := m.symbols[0]
	trades, volume, quote := int64(0), int64(0), new(big.Int)
	for m.now < 3*60e6 || m.told < len(m.queue) {
		r := m.Next()
		var msg struct{ Data map[string]any }
		if err := json.Unmarshal(r.Value, &msg); err != nil {
			t.Fatal(err)
		}
		if msg.Data["e"] != "trade" || r.Time < noon.UnixMicro()+2*60e6 {
			continue
		}
		trades++
		qty := units(t, msg.Data["q"].(string), s.spec.lots)
		volume += qty
		quote.Add(quote, big.NewInt(qty*units(t, msg.Data["p"].(string), s.spec.decimals)))
	}
	m.Skip(23*time.Hour + 58*time.Minute)
	got, q := s.day.sum(m.time())
	if trades == 0 || got.trades != trades || got.volume != volume || q.Cmp(quote) != 0 {
		t.Errorf("the day has %d trades of %d, %d in all; want %d of %d, %d", got.trades, got.volume, q, trades, volume, quote)
	}
	m.Skip(time.Minute)
	if got, _ := s.day.sum(m.time()); got.trades != 0 {
		t.Errorf("after a day without a trade there are %d in it", got.trades)
	}
}

// units reads a number as a count of its smallest step.
func units(t *testing.T, text string, decimals int) int64 {
	t.Helper()
	whole, part, _ := strings.Cut(text, ".")
	v, err := strconv.ParseInt(whole+part[:decimals], 10, 64)
	if err != nil || strings.Trim(part[decimals:], "0") != "" {
		t.Fatalf("%s is no multiple of its step", text)
	}
	return v
}

func TestNumbersAreWrittenAsTheVenueDoes(t *testing.T) {
	s := &instrument{spec: spec{decimals: 2, lots: 0}}
	for want, got := range map[string][]byte{
		`"97412.50000000"`:         s.price(nil, 97_412_50),
		`"-0.05000000"`:            s.price(nil, -5),
		`"12.00000000"`:            s.qty(nil, 12),
		`"0.03000000"`:             s.amount(nil, big.NewInt(3)),
		`"1234567890123.45000000"`: s.amount(nil, big.NewInt(123456789012345)),
		`"-1.250"`:                 quoted(nil, -1250, 3, 3),
	} {
		if string(got) != want {
			t.Errorf("wrote %s, want %s", got, want)
		}
	}
}

// BenchmarkNext is what a load test may ask for.
func BenchmarkNext(b *testing.B) {
	m := begin(b, Options{Seed: 1})
	var size int64
	for b.Loop() {
		size += int64(len(m.Next().Value))
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
	b.ReportMetric(float64(size)/float64(b.N), "bytes/record")
}
