package steady

import (
	"math/bits"
	"time"
)

// Times are some quantiles of many, with an error of at most 7 %.
type Times struct {
	P50, P99, Max time.Duration
}

// times counts times from 1 µs on, in 16 steps for each power of two. Its zero value is empty.
type times struct {
	counts [16 * 40]uint64
	total  uint64
	max    time.Duration
}

func (t *times) add(d time.Duration) {
	t.counts[step(d.Microseconds())]++
	t.total++
	t.max = max(t.max, d)
}

// step numbers the times: each of the first 16, then 16 for each power of two.
func step(us int64) int {
	if us < 16 {
		return int(max(us, 0))
	}
	shift := bits.Len64(uint64(us)) - 5
	return min(16*shift+int(us>>shift), 16*40-1)
}

// end is the longest time of a step.
func end(step int) time.Duration {
	if step < 32 {
		return time.Duration(step) * time.Microsecond
	}
	shift := step/16 - 1
	return time.Duration((int64(step%16)+17)<<shift-1) * time.Microsecond
}

func (t *times) summary() Times {
	return Times{P50: t.quantile(50), P99: t.quantile(99), Max: t.max}
}

// quantile is the time that p of 100 do not exceed.
func (t *times) quantile(p uint64) time.Duration {
	left := (t.total*p + 99) / 100
	for i, n := range t.counts {
		if n >= left && left > 0 {
			return min(end(i), t.max)
		}
		left -= min(n, left)
	}
	return t.max
}
