package market

// Clock is a log's clock: the running maximum of its records' times, in µs. The zero value knows nothing yet.
//
// A time that is more than a minute ahead is believed only when the next record agrees; so is the very first. So a
// producer whose own clock is wrong once moves nothing, and every reader of a log comes to the same clock.
type Clock struct {
	now  int64
	leap int64 // a time far ahead, waiting for the next record to agree
}

// leapLimit is how many µs a time may be ahead and be believed at once.
const leapLimit = 60e6

// ClockAt returns a clock that has come to a known time.
func ClockAt(now int64) Clock { return Clock{now: now} }

// Now is the clock's time, 0 while it is not known.
func (c *Clock) Now() int64 { return c.now }

// Observe takes the next record's time; 0 is none.
func (c *Clock) Observe(time int64) {
	switch {
	case time == 0:
	case c.now == 0:
		c.begin(time)
	case time <= c.now:
		c.leap = 0
	case time-c.now <= leapLimit:
		c.now, c.leap = time, 0
	case c.leap != 0:
		c.now, c.leap = min(time, c.leap), 0
	default:
		c.leap = time
	}
}

// begin is told by two records: one alone may be early or late.
func (c *Clock) begin(time int64) {
	switch {
	case c.leap == 0:
		c.leap = time
	case time > c.leap+leapLimit:
		c.now, c.leap = c.leap, time
	case c.leap > time+leapLimit:
		c.now, c.leap = time, 0
	default:
		c.now, c.leap = max(time, c.leap), 0
	}
}

// Set moves the clock to what is known of it, as an archive says; it does not go back.
func (c *Clock) Set(now int64) {
	c.now, c.leap = max(c.now, now), 0
}
