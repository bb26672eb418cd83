package itch

import (
	"time"
	_ "time/tzdata" // midnight in New York is needed wherever this runs
)

var newYork = func() *time.Location {
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		panic(err) // the zones are linked in
	}
	return zone
}()

// clock dates messages. They tell no day, only how long after midnight in New York they were made: the day is that
// which brings the time closest to the log's, so that a message from before midnight is of the day before, though it
// was logged after. A record without a log time has messages without times.
type clock struct {
	log      int64    // the record's log time, µs
	midnight [3]int64 // of the day before the log's, of the log's, and of the day after
}

// halfDay is the farthest that a message can be from its record, in µs.
const halfDay = 12 * 3600 * 1e6

func (c *clock) set(log int64) {
	c.log = log
	if log <= 0 || log >= c.midnight[1] && log < c.midnight[2] {
		return
	}
	y, m, d := time.UnixMicro(log).In(newYork).Date()
	for i := range c.midnight {
		c.midnight[i] = time.Date(y, m, d+i-1, 0, 0, 0, 0, newYork).UnixMicro()
	}
}

// at returns a message's time in µs.
func (c *clock) at(ns int64) int64 {
	if c.log <= 0 {
		return 0
	}
	us := ns / 1000
	switch t := c.midnight[1] + us; {
	case t-c.log > halfDay:
		return c.midnight[0] + us
	case c.log-t > halfDay:
		return c.midnight[2] + us
	default:
		return t
	}
}
