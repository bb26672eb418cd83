package publish

import (
	"context"
	"time"
)

// pacer lets messages go in the rhythm in which they were received, speed times as fast. It holds every
// message against the first, on the monotonic clock, so that being late once does not add up.
type pacer struct {
	speed float64 // 0: as fast as possible
	first int64   // receive time of the first message, µs
	begin time.Time
}

// wait returns when the message received at t, in µs, is due, or with the error of ctx.
func (p *pacer) wait(ctx context.Context, t int64) error {
	if p.begin.IsZero() {
		p.first, p.begin = t, time.Now()
	}
	if p.speed == 0 {
		return ctx.Err()
	}
	after := time.Duration(float64(t-p.first) / p.speed * float64(time.Microsecond))
	left := after - time.Since(p.begin)
	if left <= 0 {
		return ctx.Err()
	}
	if !pause(ctx, left) {
		return ctx.Err()
	}
	return nil
}
