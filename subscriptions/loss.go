package subscriptions

import (
	"tapedeck/market"
	"tapedeck/snapshot"
	"tapedeck/wire"
)

// Lost says that the offsets from from up to, not including, to will never come: every room at home
// here has a gap.
func (l *Log) Lost(from, to int64, why wire.GapReason) {
	if l.saving != nil {
		l.saving.all()
	}
	gap := note{kind: noteGap, gap: why, from: uint64(from), to: uint64(to), records: to - from}
	l.Counts.Lost.Add(uint64(gap.records))
	l.start.Store(gap.to)
	l.from, l.began, l.first = gap.to, 0, 0 // a room that turns up later is known from here
	l.rooms(func(r *Room) { r.lose(gap) })
	l.seq.Store(gap.to)
	if gap.to > l.end.Load() {
		l.end.Store(gap.to)
	}
	if l.lost.to > 0 {
		gap.from, gap.records = l.lost.from, gap.records+l.lost.records
	}
	l.lost = gap
}

// hole tells a symbol's rooms that something the venue sent before this record is not in the log. Where a room's newest
// entry is of the record just before, the gap begins and ends there: what is missing lay between the two.
func (l *Log) hole(s *slot, at stamp) {
	s.began = l.clock.Now() // what turns up later, and what has to begin again, is known from here
	s.lost = note{kind: noteGap, gap: wire.GapSource, from: at.seq - 1, to: at.seq - 1, after: true, records: wire.Unknown}
	for _, r := range s.rooms {
		if r != nil && r.home == l && r.seq < at.seq {
			r.lose(s.lost)
		}
	}
}

// lose tells of records that will never come.
func (r *Room) lose(gap note) {
	if gap.to < r.seq || gap.to == r.seq && !gap.after {
		return
	}
	r.list.hub.counts.gap(gap.gap)
	r.seq = gap.to
	r.state.Lose()
	r.note(gap)
	r.show(r.ts)
	for _, v := range r.views {
		v.state.(snapshot.View).Refresh(r.state, snapshot.Broken)
		v.lose(gap)
	}
	r.wake()
}

// lack tells of what was lost before the room turned up: those who waited in it knew of nothing before.
func (r *Room) lack(gap note) {
	r.seq = gap.to
	r.note(gap)
	r.wake()
	for _, v := range r.views {
		v.lack(gap)
	}
}

// Restart says that the log was made anew: every room at home here goes on in the new one.
func (l *Log) Restart(at LogStart) {
	l.restart(at)
	l.rooms(func(r *Room) {
		r.past = nil
		r.moveTo(l, l.from, l.origin())
	})
}

// Down says that the log cannot be read; "" that it is read again.
func (l *Log) Down(reason string) {
	if l.down == reason {
		return
	}
	l.down = reason
	l.rooms(func(r *Room) { r.sourceDown(reason) })
}

// sourceDown says that the room's log cannot be read ("" that it is read again).
func (r *Room) sourceDown(reason string) {
	r.down = reason
	r.show(r.ts)
	for _, v := range r.views {
		v.sourceDown(reason)
	}
}

// Refused says that the record at an offset could not be understood. Books without a rule of their own, or with a blind one,
// that may have been meant are not to be trusted any more: all of the log, or, where the record's key
// names one of them, that one.
func (l *Log) Refused(offset, time, clock int64, key []byte) {
	if l.loose {
		if l.saving != nil {
			l.saving.all()
		}
		l.suspect(key)
	}
	l.Apply(offset, time, clock, 0, nil)
}

func (l *Log) suspect(key []byte) {
	named := false
	for sym := range l.slots {
		named = named || sym.Native == string(key)
	}
	for sym, s := range l.slots {
		if named && sym.Native != string(key) {
			continue
		}
		s.list.mu.Lock()
		if r := s.rooms[market.BookChannel]; r != nil && r.home == l && !r.state.(*snapshot.Book).Chained() {
			r.doubt()
		}
		s.list.mu.Unlock()
	}
}

// doubt makes a room stale whose newest record may have been one that was refused.
func (r *Room) doubt() {
	r.state.Lose()
	r.show(r.ts)
	for _, v := range r.views {
		v.state.(snapshot.View).Refresh(r.state, snapshot.Broken)
		v.show(v.ts)
	}
}

// halt takes the venue's word on the symbol's trading, after what the same record brought.
func (r *Room) halt(s *slot, ts int64) {
	if r.halted == s.halted {
		return
	}
	r.halted, r.reason = s.halted, s.reason
	r.show(ts) // r.ts stays: it is what readers of the newest entry know
	for _, v := range r.views {
		v.halt(s, ts)
	}
}

// rooms calls f with each base room at home here, its lock held.
func (l *Log) rooms(f func(*Room)) {
	for r := range l.homed {
		r.list.mu.Lock()
		if r.home == l {
			f(r)
		} else {
			delete(l.homed, r)
		}
		r.list.mu.Unlock()
	}
}
