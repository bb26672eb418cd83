package subscriptions

import (
	"slices"

	"tapedeck/market"
	"tapedeck/snapshot"
	"tapedeck/wire"
)

// room returns the symbol's room of a channel if it is at home here, adopting or moving it where the
// record says so; else nil. The listing is locked.
func (l *Log) room(s *slot, c market.Channel, at stamp) *Room {
	r := s.rooms[c]
	if r == nil || r.home != l {
		if r = l.claim(s, c, at); r == nil {
			return nil
		}
		s.rooms[c] = r
	}
	r.heard = max(r.heard, at.ts)
	return r
}

// claim makes this log the home of a room that has none, or whose home has ended, or has heard nothing as new of it:
// then partitions were added, and its symbol's key has moved. Other symbols' records do not count: then
// what a room says would depend on how far each partition happens to be read.
func (l *Log) claim(s *slot, c market.Channel, at stamp) *Room {
	r := s.list.base(c, l.venue.Derived)
	switch {
	case r.home == l:
		return r
	case r.home == nil:
		r.adopt(l, s)
		l.derive(s, r)
	case r.split:
		return nil
	case r.home.ended.Load():
		r.past = nil
		r.moveTo(l, at.seq-1, snapshot.Origin{Clock: max(l.clock.Now(), at.ts)})
	case r.home.topic != l.topic:
		return nil
	case at.ts <= r.heard:
		if at.ts > r.began+strayLimit && at.ts < r.heard-strayLimit {
			r.divide()
		}
		return nil
	case slices.Contains(r.past, l.partition):
		r.divide()
		return nil
	default: // what came here before, and what the old home has of the present, is not in its state
		r.past = append(r.past, r.home.partition)
		r.moveTo(l, at.seq-1, snapshot.Origin{Clock: max(l.clock.Now(), at.ts)})
	}
	l.homed[r] = true
	r.began = at.ts
	return r
}

// strayLimit is how far (µs) a record may lie amid those of its room's home and be taken for one from before
// the room moved there: a producer's clock may have been set back meanwhile, but seldom by 10 s. A
// topic without keys is known by it where it is read from its past, one partition after the other.
const strayLimit = 10e6

func (l *Log) origin() snapshot.Origin { return snapshot.Origin{Whole: l.from == 0} }

func (l *Log) originOf(s *slot) snapshot.Origin {
	if s.began > 0 {
		return snapshot.Origin{Clock: s.began}
	}
	return l.origin()
}

// derive makes the rooms that are always made from r.
func (l *Log) derive(s *slot, r *Room) {
	for c, d := range snapshot.Derivations {
		if d.From == r.Name.Channel && l.venue.Derived[c] && s.wanted[c] {
			s.list.base(c, l.venue.Derived)
		}
	}
}

// adopt makes l the room's home before its first record.
func (r *Room) adopt(l *Log, s *slot) {
	r.home, r.epoch, r.from = l, l.epoch, l.from
	r.down, r.halted, r.reason = l.down, s.halted, s.reason
	r.state = r.fresh(l.originOf(s))
	for _, v := range r.views {
		v.rebase(r)
	}
	if l.lost.to > 0 {
		r.lack(l.lost)
	}
	if s.began > 0 && s.lost.to >= r.seq {
		r.lack(s.lost)
	}
	r.show(r.ts)
	for _, v := range r.views {
		v.show(v.ts)
	}
	r.announce()
}

// announce tells every desk that a room has come to life, for standing orders. Rooms that clients merely
// asked for are not announced: their names may be anything.
func (r *Room) announce() {
	if r.list.rooms[r.Name.Channel] != r {
		return // a view
	}
	r.awaited()
	for _, d := range *r.list.hub.desks.Load() {
		d.announce(r)
	}
	for _, v := range r.views {
		v.announce()
	}
}

// fresh makes the state of a base room.
func (r *Room) fresh(o snapshot.Origin) snapshot.State {
	return snapshot.Channels[r.Name.Channel].New(r.list.hub.config.Limits, o)
}

// rebase makes a view's state anew from its base. A view made late is as the clock last had it, which
// may be later than its base's newest entry: whoever knows less than that cannot go on from it.
func (r *Room) rebase(base *Room) {
	r.state = r.makeView(base)
	r.home, r.epoch, r.fromN, r.fromM = base.home, base.epoch, r.count, r.state.Mark()
	r.seq, r.ts, r.vt, r.clock, r.at = max(base.seq, base.tick), base.ts, base.vt, base.clock, base.at
	r.from = max(r.seq, base.from)
	r.down, r.split, r.halted, r.reason = base.down, base.split, base.halted, base.reason
}

func (r *Room) makeView(base *Room) snapshot.State {
	limits := r.list.hub.config.Limits
	if base.Name.Channel != r.Name.Channel {
		return snapshot.Derivations[r.Name.Channel].View(base.state, limits)
	}
	v, _ := snapshot.Channels[r.Name.Channel].View(base.state, r.Name.Variant, limits)
	return v
}

// moveTo lets the room go on in another log, of which it knows what comes after from: its numbers start
// anew, and so does its state.
func (r *Room) moveTo(l *Log, from uint64, o snapshot.Origin) {
	r.list.hub.counts.gap(wire.GapEpoch)
	r.home, r.epoch, r.from, r.fromN, r.fromM = l, l.epoch, from, r.count, 0
	r.seq, r.ts, r.vt, r.clock, r.heard, r.tick = from, 0, 0, 0, 0, 0
	r.down, r.split, r.halted = l.down, false, false
	if r.base == nil {
		r.state = r.fresh(o)
	} else {
		r.state = r.makeView(r.base)
	}
	for _, v := range r.views {
		v.moveTo(l, from, o)
	}
	r.log.restart()
	r.note(note{kind: noteEpoch})
	r.born = r.log.head()
	r.show(r.ts)
	r.wake()
}

// divide takes a room out of service whose symbol comes from two partitions in turn: its topic is not
// keyed, and nothing that it says could be trusted.
func (r *Room) divide() {
	r.split = true
	r.show(r.ts)
	for _, v := range r.views {
		v.divide()
	}
}
