package throttle

import "time"

// Bucket is a token bucket of a client's commands. It is full at first. The zero value refuses
// everything.
type Bucket struct {
	rate   float64 // tokens a second
	burst  float64
	tokens float64
	last   int64
	primed bool
}

// NewBucket returns a bucket that gains rate tokens a second and holds at most burst.
func NewBucket(rate, burst int) Bucket {
	return Bucket{rate: float64(rate), burst: float64(burst), tokens: float64(burst)}
}

// Take takes n tokens, or none and says how long until there are as many. More than the bucket
// holds are there when it is full: a large command waits longer, but is not refused for ever.
func (b *Bucket) Take(n int, now int64) (wait time.Duration, ok bool) {
	if b.primed && now > b.last {
		b.tokens = min(b.burst, b.tokens+float64(now-b.last)/1e9*b.rate)
	}
	if !b.primed || now > b.last {
		b.last, b.primed = now, true // a clock that steps back gives nothing and takes nothing
	}
	need := min(float64(n), b.burst)
	if b.burst > 0 && b.tokens >= need {
		b.tokens -= float64(n) // may go below 0: the rest is owed
		return 0, true
	}
	if b.rate <= 0 {
		return time.Duration(1<<63 - 1), false
	}
	return time.Duration((need - b.tokens) / b.rate * 1e9), false
}

// Owe takes n tokens also where there are fewer: what a command turned out to cost.
func (b *Bucket) Owe(n int) { b.tokens -= float64(n) }
