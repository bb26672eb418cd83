package bench

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// histogram counts times from 1 µs to an hour with an error of at most 3 %: 32 steps in each power of two.
// It may be added to from anywhere.
type histogram struct {
	counts [buckets]atomic.Uint64
	max    atomic.Int64
}

const (
	steps   = 32
	buckets = 32 * steps
)

func bucket(us int64) int {
	if us < steps {
		return int(max(us, 0))
	}
	shift := bits.Len64(uint64(us)) - 6 // us>>shift is from 32 to 63
	return min((shift+1)*steps+int(us>>shift)-steps, buckets-1)
}

// upTo is the longest time of a bucket.
func upTo(b int) int64 {
	if b < 2*steps {
		return int64(b)
	}
	shift := b/steps - 1
	return (int64(b%steps)+steps+1)<<shift - 1
}

func (h *histogram) add(us int64) {
	h.counts[bucket(us)].Add(1)
	for {
		m := h.max.Load()
		if us <= m || h.max.CompareAndSwap(m, us) {
			return
		}
	}
}

func (h *histogram) total() (n uint64) {
	for i := range h.counts {
		n += h.counts[i].Load()
	}
	return n
}

// quantile returns the time that a share q of all does not exceed; 0 if there is none.
func (h *histogram) quantile(q float64) time.Duration {
	total := h.total()
	if total == 0 {
		return 0
	}
	want := max(uint64(q*float64(total)), 1)
	seen := uint64(0)
	for i := range h.counts {
		if seen += h.counts[i].Load(); seen >= want {
			return time.Duration(min(upTo(i), h.max.Load())) * time.Microsecond
		}
	}
	return h.longest()
}

func (h *histogram) longest() time.Duration { return time.Duration(h.max.Load()) * time.Microsecond }
