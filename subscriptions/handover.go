package subscriptions

import (
	"slices"

	"tapedeck/market"
	"tapedeck/snapshot"
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
	s.desk, s.order, s.names, s.late, s.listed, s.queued = to, nil, nil, nil, false, false
	for _, old := range seats {
		if !s.reseat(old, len(s.order), same) {
			lost = append(lost, old.room().Text)
		}
	}
	place := (*Room).join
	if same {
		place = func(r *Room) Position { return r.met(from.hub) }
	}
	for _, o := range s.wild {
		to.hub.await(o)
		to.orders[o.key] = append(to.orders[o.key], o)
		for _, symbol := range to.hub.names(o.key) {
			to.introduceTo(o, symbol, place)
		}
	}
	if !s.Blocked && s.saidN > 0 {
		s.enlist()
	}
	return lost
}

// JoinIn follows a room as it is in another hub than the desk's, from since on; false, and nothing has changed, if it cannot
// be gone on from there. Until Return the subscriber is told what comes there, beside what comes in its other rooms.
func (s *Subscriber) JoinIn(h *Hub, name market.Room, g Grant, since wire.Since) (wire.Granted, bool) {
	r := h.room(name)
	if r == nil || !r.holds(since) {
		return wire.Granted{}, false
	}
	s.Leave(r.Text)
	_, granted := s.join(r, g, &since)
	granted.Epoch = since.Epoch
	return granted, granted.Recovered
}

// Return takes the rooms that were joined in another hub over to the desk's own, which knows the same logs, as Move does.
func (s *Subscriber) Return(from *Hub) {
	for _, old := range s.order { // each takes its place
		if was := old.room(); was.list.hub == from {
			old.left = true
			s.desk.unseat(old)
			s.reseat(old, old.place, true)
		}
	}
}

// reseat gives a seat's place in the desk's hub; false if the room is not served there.
func (s *Subscriber) reseat(old *seat, place int, same bool) bool {
	was := old.room()
	r := s.desk.hub.room(was.Name)
	if r == nil {
		return false
	}
	st := &seat{
		sub: s, place: place, by: old.by, last: old.last,
		interval: old.interval, limitedBy: old.limitedBy, counters: old.counters,
	}
	if place == len(s.order) {
		s.order = append(s.order, nil)
	}
	s.order[place] = st
	s.desk.seatAt(st, r, old.cohort.class.grid.Interval)
	s.note(st)
	s.lag(st)
	if same {
		st.pos = r.follow(was, old.pos)
	} else {
		st.pos = r.join()
	}
	st.pos.shown = old.pos.shown
	return true
}

// join returns the position of one who comes to the room and knows nothing of it.
func (r *Room) join() Position {
	r.list.mu.Lock()
	defer r.list.mu.Unlock()
	r.digested()
	return r.begin()
}

// met returns the position of one who comes to the room by a standing order that he had in another hub, which reads the same
// logs: where it has had no record of it yet, he is told of all that came since.
func (r *Room) met(other *Hub) Position {
	epoch := r.epochNow()
	was, read := other.room(r.Name), other.log(epoch)
	if !r.never || was == nil || read == nil || was.epochNow() != "" {
		return r.join()
	}
	since := wire.Since{Epoch: epoch, Seq: read.Seq()}
	r.list.mu.Lock()
	defer r.list.mu.Unlock()
	next, held := r.resume(since)
	if !held {
		return r.begin()
	}
	next.seq, next.epoch = 0, ""
	return next
}

// follow returns the position of one who has read another hub's room of the same name as pos says. A reader
// who came before the room's first record is told of all that came since.
func (r *Room) follow(was *Room, pos Position) Position {
	since, known := was.reached(pos, r.epochNow())
	r.list.mu.Lock()
	defer r.list.mu.Unlock()
	r.digested()
	switch {
	case !known && !pos.need && pos.epoch == "" && r.home == nil:
		return Position{place: r.log.head(), seq: pos.seq}
	case !known || pos.epoch == "" && !r.never: // it may have a state from before he came
		return r.begin()
	case r.home != nil && since.Epoch != r.epoch, r.list.hub.log(since.Epoch) == nil: // it goes on in another log
		return Position{place: r.log.head(), seq: pos.seq, epoch: since.Epoch, need: true}
	}
	next, held := r.resume(since)
	if held || r.never && !next.need {
		next.seq, next.epoch = pos.seq, pos.epoch
	}
	return next
}

// epochNow is the epoch of the log that a room is at home in; "" before its first record.
func (r *Room) epochNow() string {
	r.list.mu.Lock()
	defer r.list.mu.Unlock()
	return r.epoch
}

// reached returns up to which record of its log one who reads the room as pos says has heard all there is of it: as far
// as the log was read if everything is told. Where the room had no record yet it is told of the log of an epoch, in
// which it is at home elsewhere. false: of one who has no state that could be continued.
func (r *Room) reached(pos Position, epoch string) (since wire.Since, known bool) {
	r.list.mu.Lock()
	defer r.list.mu.Unlock()
	home, told := r.home, pos.place == r.log.head()
	switch {
	case pos.need:
		return since, false
	case home == nil && pos.epoch == "":
		if home = r.list.hub.log(epoch); home == nil {
			return since, false
		}
		return wire.Since{Epoch: epoch, Seq: home.Seq()}, true
	case pos.epoch == "" && !told: // all that there is, and he is about to be told
		if pos.place < r.log.floor() || pos.place < r.born {
			return since, false
		}
		return wire.Since{Epoch: r.epoch, Seq: max(r.log.at(pos.place+1).seq, 1) - 1}, true
	case pos.epoch == "":
		return wire.Since{Epoch: r.epoch, Seq: home.Seq()}, true
	}
	since = wire.Since{Epoch: pos.epoch, Seq: pos.seq}
	if _, partial := r.state.(snapshot.Partial); partial {
		return since, true // elsewhere there may have been more: that of what is not covered here
	}
	if told && home != nil && !pos.ahead && pos.epoch == r.epoch {
		since.Seq = max(since.Seq, home.Seq())
	}
	return since, true
}

// over reports whether one who has read the room as pos says was told all that its log brings and ever will.
func (r *Room) over(pos Position) bool {
	r.list.mu.Lock()
	defer r.list.mu.Unlock()
	return r.home != nil && r.home.ended.Load() && pos.place == r.log.head()
}

// Near reports whether readers of this hub can go on in another one. Of the logs that both read, that one has read as far,
// is no more than half of a room's log ahead, and has itself come to where they end, so that its rooms do not
// run away from those who come; the others have ended.
func (h *Hub) Near(o *Hub) bool {
	logs, half := *h.logs.Load(), uint64(o.config.Entries)/2
	for _, l := range logs {
		other := o.log(*l.name.Load())
		if other == nil {
			if !l.ended.Load() {
				return false
			}
			continue
		}
		at, there := l.Seq(), other.Seq()
		if other.start.Load() > at || there < at || there-at > half || other.End() > there+half {
			return false
		}
	}
	return len(logs) > 0
}

// Reads reports whether the hub reads the log of an epoch.
func (h *Hub) Reads(epoch string) bool { return h.log(epoch) != nil }

// Beyond lists the epochs of the logs that another hub reads and this one does not, but for those that are empty as far as is
// known.
func (h *Hub) Beyond(o *Hub) (epochs []string) {
	for _, l := range *o.logs.Load() {
		if epoch := *l.name.Load(); l.End() > 0 && !h.Reads(epoch) {
			epochs = append(epochs, epoch)
		}
	}
	return epochs
}

// Continues reports whether every room that is joined in from and of which no event may be missed can be resumed in another
// hub, with half of its log to spare: that goes on being written until the room is read there.
func (s *Subscriber) Continues(from, to *Hub) bool {
	if s.Blocked || slices.ContainsFunc(s.late, func(st *seat) bool { return !st.left && st.room().list.hub == from }) {
		return false
	}
	for _, st := range s.order {
		was := st.room()
		if was.list.hub != from {
			continue
		}
		if r := to.room(was.Name); r != nil && r.never && !r.awaits(was, st.position()) {
			return false
		}
	}
	return true
}

// awaits reports whether one who has read another hub's room of the same name as pos says could go on in this one.
func (r *Room) awaits(was *Room, pos Position) bool {
	since, known := was.reached(pos, r.epochNow())
	over := was.over(pos)
	r.list.mu.Lock()
	defer r.list.mu.Unlock()
	switch {
	case !known:
		return pos.epoch == "" // he knows nothing yet: the state will do
	case r.list.hub.log(since.Epoch) == nil: // of a log that is not read here there is nothing to go on from
		return over
	}
	if r.home != nil && (since.Epoch != r.epoch || r.home.Seq() < since.Seq) {
		return false
	}
	next, held := r.resume(since)
	return held && !r.pressing(next)
}

// Lacks reports whether a room of which every event counts does not hold any more, or never held, what comes after a place
// in a log that this hub reads.
func (h *Hub) Lacks(name market.Room, since wire.Since) bool {
	home := h.log(since.Epoch)
	if home == nil || since.Seq > home.End()+aheadLimit {
		return false
	}
	r := h.room(name)
	if r == nil || !r.never {
		return false
	}
	if epoch := r.epochNow(); epoch != "" && epoch != since.Epoch {
		return false // it has gone on in another log
	}
	return !r.holds(since)
}

// holds reports whether one who has read up to since misses nothing in the room.
func (r *Room) holds(since wire.Since) bool {
	r.list.mu.Lock()
	defer r.list.mu.Unlock()
	_, held := r.resume(since)
	return held
}

// Expect tells where the logs of a hub end, as far as another one that reads them knows.
func (h *Hub) Expect(o *Hub) {
	for _, l := range *h.logs.Load() {
		if other := o.log(*l.name.Load()); other != nil {
			l.SetEnd(int64(other.End()))
		}
	}
}

func (st *seat) room() *Room { return st.cohort.watch.room }

func (st *seat) position() Position {
	if st.alone {
		return st.pos
	}
	return st.cohort.pos
}

// Behind reports whether the subscriber has half of a room's log unread, of the rooms that are joined in a hub: of one of
// which every event counts, or of one that it wants to be told of as it happens.
func (s *Subscriber) Behind(in *Hub) bool {
	if !s.Blocked && len(s.late) == 0 {
		return false // everything is read, or waits for its tick, which comes before that
	}
	for _, st := range s.order {
		r := st.room()
		if r.list.hub != in || !r.dear() && st.cohort.class.grid.Interval > 0 {
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

// In reports how many rooms are joined in a hub.
func (s *Subscriber) In(h *Hub) (n int) {
	for _, st := range s.order {
		if st.room().list.hub == h {
			n++
		}
	}
	return n
}

// Current reports whether the subscriber was handed all that there is.
func (s *Subscriber) Current() bool {
	if s.Blocked || len(s.late) > 0 {
		return false
	}
	for _, st := range s.order {
		r := st.room()
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
