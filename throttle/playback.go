package throttle

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// Speed is how fast a replay goes, in thousandths of the log's own pace.
type Speed int64

// The speeds.
const (
	Slowest Speed = 100
	Natural Speed = 1000
	Fastest Speed = 1000 * 1000
	Max     Speed = -1 // as fast as it is read
)

// ParseSpeed reads what clients write: 0.1 to 1000, with up to three decimals, or max.
func ParseSpeed(text string) (Speed, bool) {
	if text == "max" {
		return Max, true
	}
	whole, part, _ := strings.Cut(text, ".")
	n, err := strconv.ParseUint(whole, 10, 16)
	if err != nil || len(part) > 3 {
		return 0, false
	}
	thousandths, err := strconv.ParseUint((part + "000")[:3], 10, 16)
	if err != nil {
		return 0, false
	}
	s := Speed(n*1000 + thousandths)
	return s, s >= Slowest && s <= Fastest
}

func (s Speed) String() string {
	if s == Max {
		return "max"
	}
	return strconv.FormatFloat(float64(s)/1000, 'f', -1, 64)
}

// Playback is a replay's clock: which log time (µs) belongs to which real time (ns), and the other way round. It is
// reckoned from one fixed point, so nothing adds up to a drift; only what changes its pace sets a new point. What
// was due while it stood is due after it goes on, as far apart as ever.
type Playback struct {
	speed  Speed
	maxGap int64 // µs of the log between two records that are waited for; 0: all
	at     int64 // the log time of the fixed point
	real   int64 // its real time
	going  bool
	last   int64 // log time of the newest record played
}

// NewPlayback returns a clock that stands at a log time. Idle time in the log is cut to maxGap; 0: it is not.
func NewPlayback(at int64, speed Speed, maxGap time.Duration) Playback {
	return Playback{speed: speed, maxGap: maxGap.Microseconds(), at: at, last: at}
}

// Go lets it go on from where it stands.
func (p *Playback) Go(now int64) {
	if !p.going {
		p.going, p.real = true, now
	}
}

// Stop lets it stand.
func (p *Playback) Stop(now int64) {
	p.at = p.At(now)
	p.going, p.real = false, now
}

// Going reports whether it goes.
func (p *Playback) Going() bool { return p.going }

// Speed is how fast it goes when it goes.
func (p *Playback) Speed() Speed { return p.speed }

// SetSpeed changes the pace from now on.
func (p *Playback) SetSpeed(s Speed, now int64) {
	p.at, p.real = p.At(now), now
	p.speed = s
}

// Jump sets it to another log time.
func (p *Playback) Jump(at, now int64) { p.at, p.real, p.last = at, now, at }

// At returns the log time that it is now. At the speed Max that is the time of the newest record played.
func (p *Playback) At(now int64) int64 {
	switch {
	case p.speed == Max:
		return max(p.at, p.last)
	case !p.going || now <= p.real:
		return p.at
	}
	d, s := now-p.real, int64(p.speed)
	return p.at + d/1e6*s + d%1e6*s/1e6 // ns * thousandths; in two parts, or it would overflow after three hours at Fastest
}

// Due returns the real time from which on a record of a log time may be played: the least there is where it is due at
// any time, the greatest while the clock stands.
func (p *Playback) Due(at int64) int64 {
	switch {
	case !p.going:
		return math.MaxInt64
	case p.speed == Max:
		return math.MinInt64
	}
	d, s := at-p.idle(at)-p.at, int64(p.speed)
	if d <= 0 {
		return p.real + d/s*1e6
	}
	return p.real + d/s*1e6 + (d%s*1e6+s-1)/s // rounded up, so that At is not before it
}

// idle is how much of the time before a record is cut.
func (p *Playback) idle(at int64) int64 {
	if p.maxGap <= 0 || at-p.last <= p.maxGap {
		return 0
	}
	return at - p.last - p.maxGap
}

// Played notes that a record of a log time is played: what was cut before it is over, and so is what a step passed.
func (p *Playback) Played(at int64) {
	p.at += p.idle(at)
	if !p.going {
		p.at = max(p.at, at)
	}
	p.last = max(p.last, at)
}
