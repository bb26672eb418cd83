package subscriptions

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"tapedeck/market"
	"tapedeck/throttle"
	"tapedeck/wire"
)

// Desk serves a set of subscribers. Collect, and everything of its subscribers, belong to one
// goroutine; publishers reach it by mark and announce alone.
type Desk struct {
	hub   *Hub
	phase time.Duration
	bytes int // at most so many to one subscriber at once, but at least one message
	bell  func()
	each  func(Range)

	mu     sync.Mutex
	marked []*watch
	born   []*Room

	watches map[*Room]*watch
	classes map[time.Duration]*class
	orders  map[orderKey][]*order
	swap    []*watch
	fresh   []*Room
	late    []*Subscriber // have seats to be read alone
	spare   []*Subscriber // the memory of an earlier late
	arena   []byte        // what was encoded in this round
	ready   []*Subscriber // have something to be sent
	handed  []*Subscriber // what the last Collect returned, to be used again
	words   []byte        // the memory of what a subscriber was said last
	deflate wire.Deflate  // nil until somebody is compressed for
	scratch []byte        // of one Take
	Counts  DeskCounts
}

// DeskCounts are what a desk's subscribers were told, summed. They only grow.
type DeskCounts struct {
	Deliveries atomic.Uint64 // messages
	Events     atomic.Uint64
	Folded     atomic.Uint64
	Snapshots  atomic.Uint64
	Gaps       atomic.Uint64
	Plain      atomic.Uint64 // bytes of frames that were compressed, before
	Packed     atomic.Uint64 // and after
}

// Range is one range that was read for a cohort, for measuring: how many were told, and the log time
// (µs) and publishing time (ns) of its newest record.
type Range struct {
	Readers     int
	Time        int64
	PublishedAt int64
}

// watch is one room as one desk follows it.
type watch struct {
	desk    *Desk
	room    *Room
	marked  atomic.Bool // set by the publisher, cleared before the room is read
	cohorts []*cohort
}

// class is the cohorts of one interval that wait for its tick.
type class struct {
	grid throttle.Grid
	tick int64 // next
	due  []*cohort
}

// cohort is the subscribers of one room, class and encoding, compressed or not. Those in step share its position: what
// they are told is read once.
type cohort struct {
	watch    *watch
	class    *class
	enc      wire.Encoding
	deflated bool
	pos      Position
	instep   int
	seats    []*seat
	pacer    throttle.Pacer
	queued   bool // in class.due
}

// NewDesk returns a desk of the hub. It hears of rooms that come to life from now on. phase shifts its grids; bytes bounds what one
// subscriber is told at once; bell is rung by publishers when there is something to collect, and must
// not block; each, where not nil, is told of every range.
func (h *Hub) NewDesk(phase time.Duration, bytes int, bell func(), each func(Range)) *Desk {
	d := &Desk{
		hub: h, phase: phase, bytes: bytes, bell: bell, each: each,
		watches: map[*Room]*watch{}, classes: map[time.Duration]*class{}, orders: map[orderKey][]*order{},
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	desks := append(slices.Clone(*h.desks.Load()), d)
	h.desks.Store(&desks)
	return d
}

// Close lets the hub forget a desk that has no subscribers any more.
func (d *Desk) Close() {
	d.hub.mu.Lock()
	defer d.hub.mu.Unlock()
	desks := slices.DeleteFunc(slices.Clone(*d.hub.desks.Load()), func(o *Desk) bool { return o == d })
	d.hub.desks.Store(&desks)
}

// mark notes that a room has something new. Called by publishers under the room's lock.
func (d *Desk) mark(w *watch) {
	d.mu.Lock()
	d.marked = append(d.marked, w)
	first := len(d.marked) == 1 && len(d.born) == 0
	d.mu.Unlock()
	if first {
		d.bell()
	}
}

func (d *Desk) announce(r *Room) {
	d.mu.Lock()
	d.born = append(d.born, r)
	d.mu.Unlock()
	d.bell()
}

// Next returns when Collect has something to do without the bell: at once for those who could not be
// given everything, else at the next tick of a class that waits; or false.
func (d *Desk) Next() (int64, bool) {
	if len(d.late) > 0 || len(d.ready) > 0 {
		return 0, true
	}
	next, any := int64(0), false
	for _, c := range d.classes {
		if len(c.due) > 0 && (!any || c.tick < next) {
			next, any = c.tick, true
		}
	}
	return next, any
}

// Collect reads what is due at now (ns) and returns the subscribers that have something to be sent.
// The caller takes it from each with Take before the next Collect.
func (d *Desk) Collect(now int64) []*Subscriber {
	d.arena = d.arena[:0]
	d.mu.Lock()
	d.marked, d.swap = d.swap[:0], d.marked
	d.born, d.fresh = d.fresh[:0], d.born
	d.mu.Unlock()
	for i, r := range d.fresh {
		d.introduce(r)
		d.fresh[i] = nil
	}
	d.lateOnes(now) // first: whoever did not get everything last time is before what is new
	for i, w := range d.swap {
		if len(d.arena) > maxRound {
			d.again(d.swap[i:])
			break
		}
		w.marked.Store(false) // before reading, so that what comes after marks again
		for _, c := range w.cohorts {
			d.consider(c, now)
		}
		d.swap[i] = nil
	}
	for _, c := range d.classes {
		if len(c.due) > 0 && c.tick <= now {
			c.drain(d, now)
		}
	}
	d.ready, d.handed = d.handed[:0], d.ready
	return d.handed
}

// again leaves marked rooms to the next Collect, ahead of those that were marked since.
func (d *Desk) again(rest []*watch) {
	d.mu.Lock()
	d.marked = slices.Insert(d.marked, 0, rest...)
	d.mu.Unlock()
	clear(rest)
	d.bell()
}

// consider reads a cohort whose room changed now, or lets it wait for its tick.
func (d *Desk) consider(c *cohort, now int64) {
	if c.pacer.Leads(c.class.grid.Class, now) || d.presses(c) {
		d.serve(c, now)
		return
	}
	if !c.queued {
		c.queued = true
		if len(c.class.due) == 0 {
			c.class.tick = c.class.grid.Next(now)
		}
		c.class.due = append(c.class.due, c)
	}
}

func (d *Desk) presses(c *cohort) bool {
	if !c.watch.room.dear() {
		return false
	}
	l := c.watch.room.list
	l.mu.Lock()
	defer l.mu.Unlock()
	return c.watch.room.pressing(c.pos)
}

// drain serves the cohorts that waited for the tick.
func (c *class) drain(d *Desk, now int64) {
	for i, co := range c.due {
		if len(d.arena) > maxRound {
			c.due = slices.Delete(c.due, 0, i) // the tick is not over
			return
		}
		if co.queued {
			co.queued = false
			d.serve(co, now)
		}
	}
	clear(c.due)
	c.due = c.due[:0]
}

// serve reads a cohort's range once, and alone for each seat that is out of step.
func (d *Desk) serve(c *cohort, now int64) {
	r := c.watch.room
	from := c.pos
	begin := len(d.arena)
	var told Told
	l := r.list
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.instep > 0 {
		d.arena, told = r.readShared(d.arena, c.enc, d.packer(c.deflated), &c.pos, 0)
	}
	span := span{begin: begin, end: len(d.arena), told: told}
	readers := 0
	for _, s := range c.seats {
		switch {
		case !s.alone:
			if !s.sub.take(d, s, span, from) {
				continue
			}
			readers++
		case s.sub.Blocked, len(d.arena) > maxArena:
			s.sub.lag(s) // Resume or the next Collect sees to it, also if this was the last change for long
		default:
			told.Messages += d.serveAlone(s)
		}
	}
	if told.Messages > 0 {
		c.pacer.Told(now)
		d.measure(r, readers)
	}
}

func (d *Desk) measure(r *Room, readers int) {
	if d.each != nil && readers > 0 && r.list.hub == d.hub {
		d.each(Range{Readers: readers, Time: r.ts, PublishedAt: r.at})
	}
}

// serveAlone reads for one seat that is out of step, and puts it in step again where it can be. The
// room is locked.
func (d *Desk) serveAlone(s *seat) int {
	from := s.pos
	begin := len(d.arena)
	var told Told
	r := s.cohort.watch.room
	d.arena, told = r.readShared(d.arena, s.cohort.enc, d.packer(s.cohort.deflated), &s.pos, s.last)
	if told.Messages > 0 {
		if !s.sub.take(d, s, span{begin: begin, end: len(d.arena), told: told}, from) {
			return 0
		}
		d.measure(r, 1)
	}
	s.rejoin()
	return told.Messages
}

// maxArena is how much is read alone before it is sent: thousands who join at once, or have all fallen behind, are told
// in turns, or what each of them lacks would be held at the same time. A node that could not keep up took 1.8 GB.
const maxArena = 1 << 20

// maxRound is how much is read in all before it is sent: after a pause of the process each of thousands of rooms has a
// log of some 100 KB to tell.
const maxRound = 8 << 20

// lateOnes serves the seats that are to be read alone: of those who joined, and of those whose socket
// takes data again.
func (d *Desk) lateOnes(now int64) {
	waiting := d.late
	d.late = d.spare[:0]
	for i, sub := range waiting {
		if len(d.arena) > maxArena {
			d.late = append(d.late, waiting[i:]...)
			break
		}
		sub.listed = false
		if sub.gone || sub.Blocked {
			continue
		}
		if sub.saidN > 0 {
			sub.enlist()
		}
		if len(d.arena) > maxArena/16 && cap(d.arena) < maxArena { // all that it takes, once, instead of a little more each time
			d.arena = slices.Grow(d.arena, maxArena+d.bytes-len(d.arena))
		}
		d.serveLate(sub, now)
		if len(sub.late) > 0 {
			d.list(sub)
		}
	}
	clear(waiting)
	d.spare = waiting[:0]
}

// serveLate serves a subscriber's late seats in order, until he has enough for once.
func (d *Desk) serveLate(sub *Subscriber, now int64) {
	n, done := len(sub.late), 0
	for ; done < n && !sub.full(d); done++ {
		s := sub.late[done]
		s.waits = false
		if s.left || !s.alone {
			continue
		}
		l := s.cohort.watch.room.list
		l.mu.Lock()
		d.serveAlone(s)
		l.mu.Unlock()
		if s.cohort.instep == 1 && !s.alone {
			s.cohort.pacer.Told(now)
		}
	}
	sub.late = slices.Delete(sub.late, 0, done)
}

// list puts a subscriber on the list of those with late seats.
func (d *Desk) list(sub *Subscriber) {
	if !sub.listed && !sub.Blocked {
		sub.listed = true
		d.late = append(d.late, sub)
	}
}

// class returns the class of an interval.
func (d *Desk) class(interval time.Duration) *class {
	c := d.classes[interval]
	if c == nil {
		c = &class{grid: throttle.Grid{Class: throttle.Class{Interval: interval}}}
		if interval > 0 {
			c.grid.Phase = d.phase % interval
		}
		d.classes[interval] = c
	}
	return c
}

// seatAt puts a seat into the cohort of its room, class and encoding.
func (d *Desk) seatAt(s *seat, r *Room, interval time.Duration) {
	w := d.watches[r]
	if w == nil {
		w = &watch{desk: d, room: r}
		d.watches[r] = w
		r.list.mu.Lock()
		r.watches = append(r.watches, w)
		r.idle = 0
		r.list.mu.Unlock()
	}
	cl := d.class(interval)
	i := slices.IndexFunc(w.cohorts, func(c *cohort) bool { return c.class == cl && c.enc == s.sub.enc && c.deflated == s.sub.deflated })
	var c *cohort
	if i >= 0 {
		c = w.cohorts[i]
	} else {
		c = &cohort{watch: w, class: cl, enc: s.sub.enc, deflated: s.sub.deflated}
		w.cohorts = append(w.cohorts, c)
	}
	s.cohort, s.index, s.alone = c, len(c.seats), true
	c.seats = append(c.seats, s)
}

// unseat takes a seat out of its cohort, and lets go of what nobody follows any more.
func (d *Desk) unseat(s *seat) {
	c := s.cohort
	if !s.alone {
		s.pos = c.pos
		s.alone = true
		c.instep--
	}
	last := c.seats[len(c.seats)-1]
	c.seats[s.index], last.index = last, s.index
	c.seats[len(c.seats)-1] = nil
	c.seats = c.seats[:len(c.seats)-1]
	if len(c.seats) > 0 {
		return
	}
	c.queued = false
	w := c.watch
	w.cohorts = slices.DeleteFunc(w.cohorts, func(o *cohort) bool { return o == c })
	if len(w.cohorts) > 0 {
		return
	}
	delete(d.watches, w.room)
	l := w.room.list
	l.mu.Lock()
	w.room.watches = slices.DeleteFunc(w.room.watches, func(o *watch) bool { return o == w })
	l.mu.Unlock()
}

// health is how a room is now, quiet included, its age in ms (wire.Unknown before the first record), and
// how far its log's newest record applied is behind now, in µs, where there are newer ones.
func (r *Room) health(now, quiet int64) (state market.RoomState, age, lag int64) {
	r.list.mu.Lock()
	defer r.list.mu.Unlock()
	state, _ = r.visible()
	if r.home != nil && r.home.Seq() < r.home.End() {
		lag = max(now-r.home.Newest(), 0)
	}
	if r.ts == 0 {
		return state, wire.Unknown, lag
	}
	age = max(now-r.ts, 0)
	if state == market.Live && age > quiet {
		state = market.Quiet
	}
	return state, age / 1000, lag
}
