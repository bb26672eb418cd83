package subscriptions

import (
	"slices"
	"time"

	"tapedeck/market"
	"tapedeck/wire"
)

// Subscriber is one reader of many rooms. It belongs to its desk's goroutine.
type Subscriber struct {
	desk  *Desk
	enc   wire.Encoding
	order []*seat          // in the order of joining
	names map[string]*seat // by the room's name; nil: so few that it is not worth its memory
	wild  []*order

	// Owner is whoever sends what Take gives; the desk has no use for it.
	Owner any
	// Blocked is set by the owner while the subscriber's socket takes nothing: nothing is read for it.
	// Resume ends it.
	Blocked  bool
	gone     bool
	listed   bool // in desk.late
	late     []*seat
	spans    []span
	size     int
	said     []byte // messages that come before what is read, in the subscriber's encoding
	saidN    int
	queued   bool // in desk.ready
	deflated bool // what Take gives is compressed
}

// seat is one subscriber in one room.
type seat struct {
	sub    *Subscriber
	cohort *cohort
	index  int  // in cohort.seats
	alone  bool // out of step: pos is its own
	waits  bool // in sub.late
	left   bool
	by     *order // the standing order that joined it; nil: joined by name
	last   int
	place  int // in sub.order
	pos    Position

	interval  string
	limitedBy string
	counters  wire.Counters
}

// span is a range of the desk's arena with some messages.
type span struct {
	begin, end int
	told       Told
}

// Grant is what a subscription is to get; the names are those told to the client.
type Grant struct {
	Interval     time.Duration
	IntervalName string
	LimitedBy    string
	Last         int
}

// NewSubscriber returns a reader without rooms.
func (d *Desk) NewSubscriber(enc wire.Encoding) *Subscriber {
	return &Subscriber{desk: d, enc: enc}
}

// few is how many seats are looked through one by one.
const few = 8

// seat returns the subscriber's seat in a room, nil if it has none.
func (s *Subscriber) seat(room string) *seat {
	if s.names != nil {
		return s.names[room]
	}
	for _, st := range s.order {
		if st.room().Text == room {
			return st
		}
	}
	return nil
}

// note makes a seat known that has its cohort and its place.
func (s *Subscriber) note(st *seat) {
	if s.names == nil && len(s.order) > few {
		s.names = map[string]*seat{}
		for _, other := range s.order {
			s.names[other.room().Text] = other
		}
	}
	if s.names != nil {
		s.names[st.room().Text] = st
	}
}

// Rooms is how many rooms the subscriber has joined.
func (s *Subscriber) Rooms() int { return len(s.order) }

// Follows reports whether a room is joined.
func (s *Subscriber) Follows(name market.Room) bool { return s.seat(name.String()) != nil }

// Join starts following a room, or changes the settings of one that is followed. since is nil for one
// who knows nothing. It returns what to answer; false if this node does not serve the room.
func (s *Subscriber) Join(name market.Room, g Grant, since *wire.Since) (wire.Granted, bool) {
	var r *Room
	if known := s.seat(name.String()); known != nil {
		r = known.room() // which may be another hub's
	} else if r = s.desk.hub.room(name); r == nil {
		return wire.Granted{}, false
	}
	st, granted := s.join(r, g, since)
	st.by = nil
	return granted, true
}

func (s *Subscriber) join(r *Room, g Grant, since *wire.Since) (*seat, wire.Granted) {
	st := s.seat(r.Text)
	known := st != nil && st.room() == r
	if known {
		s.desk.unseat(st) // keeps the position: nothing is told twice, nothing skipped
	} else {
		st = &seat{sub: s, place: len(s.order)}
		s.order = append(s.order, st)
	}
	st.last, st.interval, st.limitedBy = g.Last, g.IntervalName, g.LimitedBy
	s.desk.seatAt(st, r, g.Interval)
	s.note(st)
	s.lag(st)
	r.list.mu.Lock()
	defer r.list.mu.Unlock()
	r.digested()
	recovered := false
	switch {
	case since != nil:
		st.pos, recovered = r.resume(*since)
	case !known:
		st.pos = r.begin()
	}
	granted := st.granted()
	granted.HasRecovered, granted.Recovered = since != nil, recovered
	return st, granted
}

// granted says what a seat got. The room is locked.
func (st *seat) granted() wire.Granted {
	r := st.cohort.watch.room
	g := wire.Granted{
		Room: r.Text, State: st.pos.shown, Interval: st.interval, LimitedBy: st.limitedBy,
		Origin: "venue", Loss: "fold", Epoch: r.epoch,
	}
	if r.derived || r.base != nil {
		g.Origin = "derived"
	}
	if r.never {
		g.Loss = "never"
	}
	return g
}

// Leave stops following a room; false if it was not followed.
func (s *Subscriber) Leave(name string) bool {
	st := s.seat(name)
	if st == nil {
		return false
	}
	s.leave(st)
	return true
}

func (s *Subscriber) leave(st *seat) {
	r := st.cohort.watch.room
	st.left = true
	s.desk.unseat(st)
	delete(s.names, r.Text)
	last := s.order[len(s.order)-1]
	s.order[st.place], last.place = last, st.place
	s.order[len(s.order)-1] = nil
	s.order = s.order[:len(s.order)-1]
}

// Close stops following everything.
func (s *Subscriber) Close() {
	for len(s.order) > 0 {
		s.leave(s.order[len(s.order)-1])
	}
	for _, o := range s.wild {
		s.desk.dropOrder(o)
	}
	s.gone, s.late, s.wild = true, nil, nil
}

// lag notes that a seat is to be read alone at the next Collect.
func (s *Subscriber) lag(st *seat) {
	if !st.waits {
		st.waits = true
		s.late = append(s.late, st)
	}
	s.desk.list(s)
}

// Resume says that the subscriber's socket takes data again.
func (s *Subscriber) Resume() {
	s.Blocked = false
	if len(s.late) > 0 || s.saidN > 0 {
		s.desk.list(s)
	}
}

// take hands a span to the subscriber, or puts the seat out of step at from if its socket takes
// nothing, or it has enough for once. The room is locked.
func (s *Subscriber) take(d *Desk, st *seat, sp span, from Position) bool {
	if sp.told.Messages == 0 {
		return false
	}
	if s.Blocked || (len(s.spans) > 0 && s.size+sp.end-sp.begin > d.bytes) {
		if !st.alone {
			st.alone = true
			st.cohort.instep--
		}
		st.pos = from
		s.lag(st)
		return false
	}
	s.spans = append(s.spans, sp)
	s.size += sp.end - sp.begin
	st.count(sp.told, d)
	s.enlist()
	return true
}

func (s *Subscriber) full(d *Desk) bool { return len(s.spans) > 0 && s.size >= d.bytes }

func (st *seat) count(t Told, d *Desk) {
	st.counters.Updates += t.Updates
	st.counters.Events += t.Events
	st.counters.Folded += t.Folded
	st.counters.Snapshots += t.Snapshots
	st.counters.Gaps += t.Gaps
	d.Counts.Deliveries.Add(uint64(t.Messages))
	d.Counts.Events.Add(t.Events)
	d.Counts.Folded.Add(t.Folded)
	d.Counts.Snapshots.Add(t.Snapshots)
	d.Counts.Gaps.Add(t.Gaps)
}

// rejoin puts a seat in step if it has read what its cohort has.
func (st *seat) rejoin() {
	c := st.cohort
	switch {
	case c.instep == 0:
		c.pos = st.pos
	case c.pos != st.pos:
		return
	}
	st.alone = false
	c.instep++
}

// Say adds a message, which comes before what is read: append is one of the encoding's functions.
func (s *Subscriber) Say(message func(dst []byte, enc wire.Encoding) []byte) {
	if s.saidN > 0 {
		s.said = s.enc.Next(s.said)
	}
	if s.said == nil {
		s.said, s.desk.words = s.desk.words, nil
	}
	s.said = message(s.said, s.enc)
	s.saidN++
	if !s.Blocked { // else Resume sees to it
		s.enlist()
	}
}

// Encoding is the subscriber's.
func (s *Subscriber) Encoding() wire.Encoding { return s.enc }

func (s *Subscriber) enlist() {
	if !s.queued {
		s.queued = true
		s.desk.ready = append(s.desk.ready, s)
	}
}

// Take appends the frame of what was said and read since the last Take; nothing if that is nothing.
func (s *Subscriber) Take(dst []byte) []byte {
	s.queued = false
	if s.saidN == 0 && len(s.spans) == 0 {
		return dst
	}
	if s.deflated {
		dst = s.takeDeflated(dst)
	} else {
		dst = s.takePlain(dst)
	}
	if s.said != nil { // who is silent keeps no memory for words
		s.desk.words, s.said, s.saidN = s.said[:0], nil, 0
	}
	s.spans, s.size = s.spans[:0], 0
	return dst
}

func (s *Subscriber) takePlain(dst []byte) []byte {
	dst = slices.Grow(dst, len(s.said)+s.size+len(s.spans)+16)
	begin := len(dst)
	dst = s.enc.Begin(dst)
	n := s.saidN
	dst = append(dst, s.said...)
	for _, sp := range s.spans {
		if n > 0 {
			dst = s.enc.Next(dst)
		}
		dst = append(dst, s.desk.arena[sp.begin:sp.end]...)
		n += sp.told.Messages
	}
	return s.enc.End(dst, begin, n)
}

// Each calls f with each subscription's settings and counters, in the order of joining as far as
// nothing was left since.
func (s *Subscriber) Each(f func(wire.Granted)) {
	for _, st := range s.order {
		r := st.cohort.watch.room
		r.list.mu.Lock()
		g := st.granted()
		g.State, _ = r.visible()
		r.list.mu.Unlock()
		g.Counters = &st.counters
		f(g)
	}
}

// Health appends the rooms that are not plainly live, and returns the worst lag of their logs in µs. now is
// real time in µs; a room is quiet after quiet µs without a record.
func (s *Subscriber) Health(dst []wire.RoomHealth, now, quiet int64) ([]wire.RoomHealth, int64) {
	lag := int64(0)
	for _, st := range s.order {
		r := st.cohort.watch.room
		state, age, behind := r.health(now, quiet)
		if state != market.Live {
			dst = append(dst, wire.RoomHealth{Room: r.Text, State: state, Age: age})
		}
		lag = max(lag, behind)
	}
	return dst, lag
}
