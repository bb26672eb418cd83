package subscriptions

import (
	"tapedeck/market"
	"tapedeck/snapshot"
)

// stamp is a record as rooms see it.
type stamp struct {
	seq   uint64
	ts    int64 // log time, µs
	clock int64
	at    int64 // the publisher's, ns
}

func (l *Log) cause(s *slot, at stamp) snapshot.Cause {
	c := snapshot.Cause{Time: at.ts, Began: l.began, Over: l.over}
	if c.Began > 0 {
		c.Began = max(c.Began, s.began)
	}
	return c
}

// publish applies the record's events of one symbol and makes each room's share one entry.
func (l *Log) publish(s *slot, events []market.Event, at stamp) {
	s.list.mu.Lock()
	defer s.list.mu.Unlock()
	if l.ticks {
		l.tick(s, at)
	}
	halted, reason := s.halted, s.reason
	for i := s.first; i >= 0; i = l.links[i] {
		if p, ok := events[i].Payload.(*market.Status); ok {
			halted, reason = p.State == market.Halted, p.Reason
			continue
		}
		l.route(s, &events[i], at)
	}
	s.halted, s.reason = halted, reason
	for _, r := range s.rooms {
		if r != nil && r.home == l {
			r.finish(at)
			r.halt(s, at.ts) // after what the record brought
		}
	}
}

// route applies an event to the rooms that it concerns.
func (l *Log) route(s *slot, ev *market.Event, at stamp) {
	switch p := ev.Payload.(type) {
	case *market.Trade:
		l.apply(s, market.Trades, ev, at)
		if l.venue.Derived[market.CandlesChannel] && s.wanted[market.CandlesChannel] {
			if r := l.room(s, market.CandlesChannel, at); r != nil {
				r.apply(ev, l.cause(s, at))
			}
		}
	case *market.Quote:
		l.applyVenue(s, market.Quotes, ev, at)
	case *market.Book:
		l.loose = l.loose || p.Chain == nil || p.Chain.Blind
		l.apply(s, market.BookChannel, ev, at)
	case *market.Ticker:
		l.applyVenue(s, market.TickerChannel, ev, at)
	case *market.Candle:
		l.applyVenue(s, market.CandlesChannel, ev, at)
	case *market.Gap:
		l.hole(s, at)
	case *market.Instrument:
		s.list.facts.Merge(p) // of no room: whatever partition says it, its rooms stay where they are
	case *market.Status: // publish sees to it
	}
}

// applyVenue applies an event of a channel that may be ours to derive.
func (l *Log) applyVenue(s *slot, c market.Channel, ev *market.Event, at stamp) {
	if l.venue.Derived[c] {
		l.Counts.Unused.Add(1)
		return
	}
	l.apply(s, c, ev, at)
}

func (l *Log) apply(s *slot, c market.Channel, ev *market.Event, at stamp) {
	if !s.wanted[c] {
		l.Counts.Filtered.Add(1)
		return
	}
	r := l.room(s, c, at)
	if r == nil {
		l.Counts.Misplaced.Add(1)
		return
	}
	l.Counts.Events[c].Add(1)
	r.apply(ev, l.cause(s, at))
}

// advance lets the clock finish what is over in every room that this record does not touch; publish
// sees to the others, so that a room has one entry a record.
func (l *Log) advance(at stamp) {
	for _, s := range l.slots {
		if s.record != l.record && s.rooms[market.CandlesChannel] != nil {
			s.list.mu.Lock()
			if r := l.tick(s, at); r != nil {
				r.finish(at)
			}
			s.list.mu.Unlock()
		}
	}
}

// tick lets the clock finish what is over in a symbol's rooms, before the record's own events.
func (l *Log) tick(s *slot, at stamp) *Room {
	r := s.rooms[market.CandlesChannel]
	if r == nil || r.home != l {
		return nil
	}
	r.effect(r.state.(snapshot.Clocked).Advance(l.cause(s, at)))
	r.pending.views, r.tick = true, at.seq
	return r
}
