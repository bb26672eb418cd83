package bench

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestHistogramIsWithinThreePercent(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var h histogram
	var all []int64
	for range 100_000 {
		us := int64(1) << r.IntN(24)
		us += r.Int64N(us)
		all = append(all, us)
		h.add(us)
	}
	slices.Sort(all)
	for _, q := range []float64{0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 1} {
		want := all[max(int(q*float64(len(all)))-1, 0)]
		got := h.quantile(q).Microseconds()
		if got < want || got > want+want/31+1 {
			t.Errorf("quantile %v is %d µs, want %d or up to 3 %% more", q, got, want)
		}
	}
	if h.total() != 100_000 || h.longest() != time.Duration(all[len(all)-1])*time.Microsecond {
		t.Errorf("%d times, the longest %v", h.total(), h.longest())
	}
	for us := range int64(100_000) {
		if b := bucket(us); upTo(b) < us || b > 0 && upTo(b-1) >= us {
			t.Fatalf("%d µs is in bucket %d, which ends at %d", us, b, upTo(b))
		}
	}
	if new(histogram).quantile(0.5) != 0 {
		t.Error("nothing has a median")
	}
}
