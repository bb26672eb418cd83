// Package throttle decides when: when a class of readers may be told of a room, and how many
// commands a client may send. It imports the standard library alone and reads no clock: every
// function takes the time, as nanoseconds from any fixed point.
package throttle

import "time"

// Class is a pace that many share: how often its readers want to be told. 0 means as it happens.
type Class struct {
	Interval time.Duration
}

// Grid is the aligned ticks of a class: all changed rooms of a session go out together at a tick.
// Phase shifts it, so that several pumps do not tick at once.
type Grid struct {
	Class
	Phase time.Duration
}

// Next returns the first tick after now.
func (g Grid) Next(now int64) int64 {
	i, p := int64(g.Interval), int64(g.Phase)
	if i <= 0 {
		return now
	}
	since := (now - p) % i
	if since < 0 {
		since += i
	}
	return now - since + i
}

// Pacer is one room's pace for one class. The zero value has never been told anything.
type Pacer struct {
	last int64
	told bool
}

// Leads reports whether a change may go out now, without waiting for the tick: nothing went out for a
// whole interval. With the tick that follows that makes at most two in any interval, and one an
// interval in the long run.
func (p *Pacer) Leads(c Class, now int64) bool {
	return c.Interval <= 0 || !p.told || now-p.last >= int64(c.Interval)
}

// Told notes that something went out.
func (p *Pacer) Told(now int64) { p.last, p.told = now, true }
