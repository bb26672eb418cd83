package subscriptions

import (
	"tapedeck/market"
	"tapedeck/wire"
)

// Move takes the subscriber's rooms over to a desk of another hub, which may belong to the same goroutine alone. Where
// same says that the other hub knows the same logs, positions are kept as far as the numbers go on there, as by a
// resume; else every room gives its state. It returns the rooms that the other hub does not serve.
func (s *Subscriber) Move(to *Desk, same bool) (lost []string) {
	from, seats := s.desk, s.order
	for _, st := range seats {
		from.unseat(st)
	}
	for _, o := range s.wild {
		from.dropOrder(o)
	}
	s.desk, s.order, s.late, s.listed, s.queued = to, nil, nil, false, false
	clear(s.seats)
	clear(s.names)
	for _, old := range seats {
		if !s.reseat(old, same) {
			lost = append(lost, old.cohort.watch.room.Text)
		}
	}
	for _, o := range s.wild {
		to.orders[o.key] = append(to.orders[o.key], o)
		for _, symbol := range to.hub.names(o.key) {
			to.introduceTo(o, symbol)
		}
	}
	if !s.Blocked && s.saidN > 0 {
		s.enlist()
	}
	return lost
}

// reseat gives a seat's place in the new desk's hub; false if the room is not served there.
func (s *Subscriber) reseat(old *seat, same bool) bool {
	was := old.cohort.watch.room
	r := s.desk.hub.room(was.Name)
	if r == nil {
		return false
	}
	was.list.mu.Lock()
	pos, reach := old.pos, old.pos.seq
	if !pos.need && pos.place == was.log.head() && was.home != nil && !pos.ahead {
		reach = max(reach, was.home.Seq()) // there was nothing of the room's up to there
	}
	was.list.mu.Unlock()
	st := &seat{
		sub: s, place: len(s.order), by: old.by, last: old.last,
		interval: old.interval, limitedBy: old.limitedBy, counters: old.counters,
	}
	s.seats[r], s.names[r.Text] = st, st
	s.order = append(s.order, st)
	s.desk.seatAt(st, r, old.cohort.class.grid.Interval)
	s.lag(st)
	r.list.mu.Lock()
	defer r.list.mu.Unlock()
	r.digested()
	st.pos = r.begin()
	if same {
		st.pos = r.follow(pos, reach)
	}
	st.pos.shown = pos.shown
	return true
}

// follow returns the position of one who has read another hub's room of the same name as pos says, and knows that
// there was nothing else up to reach.
func (r *Room) follow(pos Position, reach uint64) Position {
	switch {
	case pos.need:
		return r.begin()
	case pos.epoch == "" && r.home == nil:
		return Position{place: r.log.head(), seq: pos.seq}
	case pos.epoch == "" || pos.epoch != r.epoch:
		return r.begin()
	}
	next, ok := r.resume(wire.Since{Epoch: pos.epoch, Seq: reach})
	if ok || r.never && !next.need {
		next.seq = pos.seq
	}
	return next
}

// Near reports whether readers of this hub can go on in another one which reads the same logs: it has read
// as far, and is no more than half of a room's log ahead.
func (h *Hub) Near(o *Hub) bool {
	shared := false
	for _, l := range *h.logs.Load() {
		other := o.log(*l.name.Load())
		if other == nil {
			continue
		}
		shared = true
		at, there := l.Seq(), other.Seq()
		if other.start.Load() > at || there < at || there-at > uint64(o.config.Entries)/2 {
			return false
		}
	}
	return shared
}

// Continues reports whether every room of which no event may be missed can be resumed in another hub.
func (s *Subscriber) Continues(o *Hub) bool {
	if s.Blocked || len(s.late) > 0 {
		return false
	}
	for _, st := range s.order {
		was := st.cohort.watch.room
		r := o.room(was.Name)
		if r == nil || !was.never {
			continue
		}
		pos := st.position()
		was.list.mu.Lock()
		reach := pos.seq
		if pos.place == was.log.head() && was.home != nil {
			reach = max(reach, was.home.Seq())
		}
		was.list.mu.Unlock()
		r.list.mu.Lock()
		ok := pos.epoch == "" // he knows nothing yet: the state will do
		if r.home != nil && pos.epoch == r.epoch && r.home.Seq() >= reach {
			_, ok = r.resume(wire.Since{Epoch: pos.epoch, Seq: reach})
		}
		r.list.mu.Unlock()
		if !ok {
			return false
		}
	}
	return true
}

func (st *seat) position() Position {
	if st.alone {
		return st.pos
	}
	return st.cohort.pos
}

// Behind reports whether the subscriber has half of a room's log unread: of one of which every event counts, or of one
// that it wants to be told of as it happens.
func (s *Subscriber) Behind() bool {
	if !s.Blocked && len(s.late) == 0 {
		return false // everything is read, or waits for its tick, which comes before that
	}
	for _, st := range s.order {
		r := st.cohort.watch.room
		if !r.dear() && st.cohort.class.grid.Interval > 0 {
			continue
		}
		r.list.mu.Lock()
		pos := st.position()
		behind := 2*(r.log.head()-pos.place) >= uint64(r.log.keep) || r.pressing(pos)
		r.list.mu.Unlock()
		if behind {
			return true
		}
	}
	return false
}

// Current reports whether the subscriber was handed all that there is.
func (s *Subscriber) Current() bool {
	if s.Blocked || len(s.late) > 0 {
		return false
	}
	for _, st := range s.order {
		r := st.cohort.watch.room
		r.list.mu.Lock()
		pos := st.position()
		current := pos.place == r.log.head() && (!pos.need || !r.good())
		r.list.mu.Unlock()
		if !current {
			return false
		}
	}
	return true
}

// introduceTo joins a symbol's room for a standing order, and tells of it; not one that is followed.
func (d *Desk) introduceTo(o *order, symbol string) {
	name := market.Room{Channel: o.key.channel, Venue: o.key.venue, Symbol: symbol, Variant: o.variant}
	if o.sub.Follows(name) {
		return
	}
	if g, ok, _ := o.join(symbol); ok {
		o.sub.Say(func(dst []byte, enc wire.Encoding) []byte {
			return enc.AppendOK(dst, &wire.OK{Op: "subscribe", Rooms: []wire.Granted{g}})
		})
	}
}
