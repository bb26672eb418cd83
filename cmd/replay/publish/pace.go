package publish

import (
	"cmp"
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

// at returns when the message received at t, in µs, has its place: the first one, when it is asked for. As
// fast as possible, messages keep the distance in which they were received, though they go sooner.
func (p *pacer) at(t int64) time.Time {
	if p.begin.IsZero() {
		p.first, p.begin = t, time.Now()
	}
	return p.begin.Add(time.Duration(float64(t-p.first) / cmp.Or(p.speed, 1) * float64(time.Microsecond)))
}

// wait returns at this time, or with the error of ctx.
func (p *pacer) wait(ctx context.Context, t int64) error {
	left := time.Until(p.at(t))
	if p.speed > 0 && left > 0 {
		pause(ctx, left)
	}
	return ctx.Err()
}
