package throttle_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"tapedeck/throttle"
)

const ms = int64(time.Millisecond)

func TestGridTicksAreAligned(t *testing.T) {
	g := throttle.Grid{Class: throttle.Class{Interval: 100 * time.Millisecond}, Phase: 30 * time.Millisecond}
	for _, c := range []struct{ now, want int64 }{
		{0, 30}, {29, 30}, {30, 130}, {31, 130}, {129, 130}, {130, 230}, {-1, 30}, {-70, 30}, {-71, -70},
	} {
		if got := g.Next(c.now * ms); got != c.want*ms {
			t.Errorf("after %d ms: tick at %d ms, want %d", c.now, got/ms, c.want)
		}
	}
}

// At most two in any interval, one an interval in the long run, and the last change always.
func TestPaceOfRandomChanges(t *testing.T) {
	const interval = 100
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 7))
		g := throttle.Grid{Class: throttle.Class{Interval: interval * time.Millisecond}, Phase: time.Duration(r.IntN(interval)) * time.Millisecond}
		var p throttle.Pacer
		var sent []int64
		dirty, tick, told := false, g.Next(0), int64(-1)
		changed := int64(-1)
		for now := range int64(5000) {
			if r.IntN(1+r.IntN(40)) == 0 && now < 4500 {
				dirty, changed = true, now
			}
			due := dirty && p.Leads(g.Class, now*ms)
			if now*ms >= tick {
				due, tick = dirty, g.Next(now*ms)
			}
			if due {
				p.Told(now * ms)
				dirty, told = false, now
				sent = append(sent, now)
			}
		}
		for i := 2; i < len(sent); i++ {
			if sent[i]-sent[i-2] < interval {
				t.Fatalf("seed %d: three within an interval: %v", seed, sent[i-2:i+1])
			}
		}
		if len(sent) > 5000/interval+2 {
			t.Fatalf("seed %d: %d sent in 50 intervals", seed, len(sent))
		}
		if told < changed || told-changed > interval {
			t.Fatalf("seed %d: last change at %d, last told at %d", seed, changed, told)
		}
	}
}

func TestBucket(t *testing.T) {
	b := throttle.NewBucket(10, 20)
	for _, c := range []struct {
		at int64 // ms
		n  int
		ok bool
	}{
		{0, 1, true},
		{0, 19, true},
		{0, 1, false},
		{99, 1, false},
		{100, 1, true},
		{100, 1, false},
		{50, 1, false},
		{200, 1, true},
		{5000, 20, true},
		{5000, 1, false},
		{7000, 50, true},
		{9000, 1, false},
		{10101, 1, true},
	} {
		wait, ok := b.Take(c.n, c.at*ms)
		if ok != c.ok {
			t.Fatalf("at %d ms taking %d: %v, wait %v", c.at, c.n, ok, wait)
		}
		if !ok && wait <= 0 {
			t.Fatalf("at %d ms: refused without a wait", c.at)
		}
	}
	b.Owe(5) // nothing is left
	if wait, ok := b.Take(1, 10101*ms); ok || wait.Round(100*time.Millisecond) != 600*time.Millisecond {
		t.Errorf("owing 5: took one %v, wait %v", ok, wait)
	}
	var zero throttle.Bucket
	if _, ok := zero.Take(1, 0); ok {
		t.Error("the zero bucket gave a token")
	}
}
