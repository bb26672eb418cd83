package subscriptions

import (
	"slices"
	"sync/atomic"

	"tapedeck/market"
	"tapedeck/snapshot"
	"tapedeck/wire"
)

// LogStart says which log it is, and from where it is read.
type LogStart struct {
	Topic     string
	Partition int32
	Epoch     string
	From      int64 // first offset that will be read
	End       int64 // offset after the newest record known
}

// Log is one partition of a source: the writer of the rooms that are at home in it.
type Log struct {
	hub       *Hub
	topic     string
	partition int32
	venue     Venue
	epoch     string
	name      atomic.Pointer[string] // epoch, for other goroutines
	from      uint64                 // seq before the first record to be read
	began     int64                  // clock at the first record
	clock     int64                  // running maximum of log times, µs
	leap      int64                  // a log time far ahead, waiting for the next record to agree
	deadline  int64                  // next clock at which a clocked room has something to do
	down      string

	homed   []*Room // base rooms that came to be at home here; some have moved away since
	slots   map[*market.Symbol]*slot
	touched []*slot
	links   []int32 // events[i] is followed by events[links[i]] of the same symbol; -1: none
	record  uint64  // counts records, to know what this one touched

	start   atomic.Uint64 // every record with a seq over it was read, or told as lost
	end     atomic.Uint64 // newest known end of the log, as a seq
	newest  atomic.Int64  // log time of the newest record
	settled atomic.Int64  // clock at the newest record that was applied, for other goroutines
	seq     atomic.Uint64 // seq of the newest record
	Counts  LogCounts
}

// LogCounts are a log's counters. They only grow.
type LogCounts struct {
	Events    [market.NumChannels]atomic.Uint64
	Unused    atomic.Uint64 // events of a venue's channel whose origin is derived
	Misplaced atomic.Uint64 // events of rooms that are at home elsewhere
	Filtered  atomic.Uint64 // events of rooms that this node does not serve
	Lost      atomic.Uint64 // records
}

// slot is one symbol in one log.
type slot struct {
	list   *listing
	symbol *market.Symbol
	record uint64
	first  int32 // of this record's events
	last   int32
	wanted [market.NumChannels]bool
	rooms  [market.NumChannels]*Room // at home here, for the clock
}

// Open begins a log. v says how the channels of its venues come to be.
func (h *Hub) Open(at LogStart, v Venue) *Log {
	l := &Log{hub: h, topic: at.Topic, partition: at.Partition, venue: v}
	l.restart(at)
	h.mu.Lock()
	logs := append(slices.Clone(*h.logs.Load()), l)
	h.logs.Store(&logs)
	h.mu.Unlock()
	return l
}

func (l *Log) restart(at LogStart) {
	l.epoch, l.from = at.Epoch, uint64(at.From)
	l.began, l.clock, l.leap, l.deadline = 0, 0, 0, noDeadline
	l.slots = map[*market.Symbol]*slot{}
	l.name.Store(&at.Epoch)
	l.start.Store(l.from)
	l.end.Store(uint64(at.End))
	l.seq.Store(l.from)
}

const (
	noDeadline = 1<<63 - 1
	leapLimit  = 60e6 // µs that a log time may be ahead and be believed at once
)

func (l *Log) origin() snapshot.Origin { return snapshot.Origin{Whole: l.from == 0, Clock: l.began} }

// Epoch names the log.
func (l *Log) Epoch() string { return l.epoch }

// Seq is the seq of the newest record applied; End the newest known end; Newest the log time of the
// newest record, 0 before the first. They may be called from anywhere.
func (l *Log) Seq() uint64    { return l.seq.Load() }
func (l *Log) End() uint64    { return l.end.Load() }
func (l *Log) Newest() int64  { return l.newest.Load() }
func (l *Log) SetEnd(e int64) { l.end.Store(uint64(max(e, int64(l.end.Load())))) }

// Apply takes the events of one record (none: it moves the clock all the same), at its offset and log time (µs); now is the publisher's
// clock in ns, kept for measuring. The events are not kept.
func (l *Log) Apply(offset, time, now int64, events []market.Event) {
	at := stamp{seq: uint64(offset) + 1, ts: time, at: now}
	l.observe(time)
	l.group(events)
	if l.clock >= l.deadline {
		l.advance(at)
	}
	for _, s := range l.touched {
		l.publish(s, events, at)
	}
	if at.seq > l.end.Load() {
		l.end.Store(at.seq)
	}
	l.newest.Store(time)
	l.settled.Store(l.clock)
	l.seq.Store(at.seq)
}

// observe moves the clock. A time that is more than a minute ahead is believed only when the next
// record agrees.
func (l *Log) observe(time int64) {
	switch {
	case l.clock == 0:
		l.clock, l.began = time, time
	case time <= l.clock:
		l.leap = 0
	case time-l.clock <= leapLimit:
		l.clock, l.leap = time, 0
	case l.leap != 0:
		l.clock, l.leap = min(time, l.leap), 0
	default:
		l.leap = time
	}
}

// group links the record's events by symbol.
func (l *Log) group(events []market.Event) {
	l.record++
	l.touched, l.links = l.touched[:0], l.links[:0]
	for i := range events {
		s := l.slot(events[i].Symbol)
		l.links = append(l.links, -1)
		if s.record != l.record {
			s.record, s.first = l.record, int32(i)
			l.touched = append(l.touched, s)
		} else {
			l.links[s.last] = int32(i)
		}
		s.last = int32(i)
	}
}

func (l *Log) slot(sym *market.Symbol) *slot {
	if s := l.slots[sym]; s != nil {
		return s
	}
	s := &slot{symbol: sym, list: l.hub.lock(symbolKey{sym.Venue, sym.Name})}
	if s.list.symbol == nil {
		s.list.symbol = sym
	}
	s.list.mu.Unlock()
	for c := range market.Channel(market.NumChannels) {
		s.wanted[c] = l.hub.wanted(market.Room{Channel: c, Venue: sym.Venue, Symbol: sym.Name})
	}
	if _, known := l.hub.venue(sym.Venue); !known {
		l.hub.AddVenue(sym.Venue, l.venue)
	}
	l.slots[sym] = s
	return s
}

// publish applies the record's events of one symbol and makes each room's share one entry.
func (l *Log) publish(s *slot, events []market.Event, at stamp) {
	s.list.mu.Lock()
	defer s.list.mu.Unlock()
	l.tick(s, at)
	for i := s.first; i >= 0; i = l.links[i] {
		ev := &events[i]
		at.vt = ev.Time
		switch p := ev.Payload.(type) {
		case *market.Trade:
			l.apply(s, market.Trades, ev, at)
			l.applyDerived(s, market.CandlesChannel, ev, at)
		case *market.Quote:
			l.applyVenue(s, market.Quotes, ev, at)
		case *market.Book:
			l.apply(s, market.BookChannel, ev, at)
		case *market.Ticker:
			l.applyVenue(s, market.TickerChannel, ev, at)
		case *market.Candle:
			l.applyVenue(s, market.CandlesChannel, ev, at)
		case *market.Status:
			l.halt(s, p, at)
		}
	}
	for _, r := range s.rooms {
		if r != nil && r.home == l {
			r.finish(at)
			l.schedule(r)
		}
	}
}

func (l *Log) applyVenue(s *slot, c market.Channel, ev *market.Event, at stamp) {
	if l.venue.Derived[c] {
		l.Counts.Unused.Add(1)
		return
	}
	l.apply(s, c, ev, at)
}

func (l *Log) applyDerived(s *slot, c market.Channel, ev *market.Event, at stamp) {
	if !l.venue.Derived[c] || !s.wanted[c] {
		return
	}
	if r := l.room(s, c, at); r != nil {
		r.apply(ev, at.cause())
	}
}

func (l *Log) apply(s *slot, c market.Channel, ev *market.Event, at stamp) {
	if !s.wanted[c] && !l.feeds(s, c) {
		l.Counts.Filtered.Add(1)
		return
	}
	r := l.room(s, c, at)
	if r == nil {
		l.Counts.Misplaced.Add(1)
		return
	}
	l.Counts.Events[c].Add(1)
	r.apply(ev, at.cause())
}

// feeds reports whether a room that is not wanted itself is what a wanted one is derived from.
func (l *Log) feeds(s *slot, c market.Channel) bool {
	for d, from := range snapshot.Derivations {
		if from.From == c && l.venue.Derived[d] && s.wanted[d] {
			return true
		}
	}
	return false
}

// room returns the symbol's room of a channel if it is at home here, adopting or moving it where the
// record says so: when it is later than the room's newest. Other symbols' records do not count: then what a room
// says would depend on how far each partition happens to be read.
func (l *Log) room(s *slot, c market.Channel, at stamp) *Room {
	if r := s.rooms[c]; r != nil && r.home == l {
		return r
	}
	r := s.list.base(c, l.venue.Derived)
	switch {
	case r.home == nil:
		r.adopt(l)
		l.homed = append(l.homed, r)
		l.derive(s, r)
	case r.home == l:
		s.rooms[c] = r
		return r
	case r.split || r.home.topic != l.topic:
		return nil
	case at.ts <= r.ts:
		if at.ts > r.began+strayLimit && at.ts < r.ts-strayLimit {
			r.divide()
		}
		return nil
	case slices.Contains(r.past, l):
		r.divide()
		return nil
	default:
		r.past = append(r.past, r.home)
		r.moveTo(l, at.seq-1, snapshot.Origin{Clock: l.clock})
		l.homed = append(l.homed, r)
	}
	r.began = at.ts
	s.rooms[c] = r
	return r
}

// strayLimit is how far (µs) a record may lie amid those of its room's home and be taken for one from before
// the room moved there: a producer's clock may have been set back meanwhile, but seldom by 10 s. A
// topic without keys is known by it where it is read from its past, one partition after the other.
const strayLimit = 10e6

// derive makes the rooms that are always made from r.
func (l *Log) derive(s *slot, r *Room) {
	for c, d := range snapshot.Derivations {
		if d.From == r.Name.Channel && l.venue.Derived[c] && s.wanted[c] {
			s.list.base(c, l.venue.Derived)
		}
	}
}

// divide takes a room out of service whose symbol comes from two partitions in turn: its topic is not
// keyed, and nothing that it says could be trusted.
func (r *Room) divide() {
	r.split = true
	r.show()
	for _, v := range r.views {
		v.divide()
	}
}

func (l *Log) halt(s *slot, p *market.Status, at stamp) {
	for _, r := range s.list.rooms {
		if r != nil && r.home == l && r.base == nil {
			r.halt(p, at)
		}
	}
}

// tick lets the clock finish what is over in a symbol's rooms before the record's own events.
func (l *Log) tick(s *slot, at stamp) {
	r := s.rooms[market.CandlesChannel]
	if r == nil || r.home != l {
		return
	}
	if c, ok := r.state.(snapshot.Clocked); ok && l.clock >= c.Deadline() {
		r.effect(c.Advance(l.clock, at.cause()))
	}
	for _, v := range r.views {
		if c, ok := v.state.(snapshot.Clocked); ok && l.clock >= c.Deadline() {
			v.effect(c.Advance(l.clock, at.cause()))
		}
	}
}

// advance finishes what is over in every room that this record does not touch; publish sees to the
// others, so that a room has one entry a record.
func (l *Log) advance(at stamp) {
	l.deadline = noDeadline
	for _, s := range l.slots {
		if s.rooms[market.CandlesChannel] == nil {
			continue
		}
		s.list.mu.Lock()
		r := s.rooms[market.CandlesChannel]
		if s.record != l.record && r.home == l {
			l.tick(s, at)
			r.finish(at)
			l.schedule(r)
		}
		s.list.mu.Unlock()
	}
}

// finish commits what the clock did to a room or to one of its views alone.
func (r *Room) finish(at stamp) {
	if r.pending.n > 0 {
		r.commit(at)
		return
	}
	for _, v := range r.views {
		if v.pending.n > 0 {
			v.commit(at)
		}
	}
}

// schedule brings the log's deadline forward to the room's.
func (l *Log) schedule(r *Room) {
	if c, ok := r.state.(snapshot.Clocked); ok {
		l.deadline = min(l.deadline, c.Deadline())
		for _, v := range r.views {
			if c, ok := v.state.(snapshot.Clocked); ok {
				l.deadline = min(l.deadline, c.Deadline())
			}
		}
	}
}

// Lost says that the offsets from from up to, not including, to will never come: every room at home
// here has a gap.
func (l *Log) Lost(from, to int64, why wire.GapReason) {
	l.Counts.Lost.Add(uint64(to - from))
	l.start.Store(uint64(to))
	l.from, l.began = uint64(to), l.clock // a room that turns up later is known from here
	l.rooms(func(r *Room) { r.lose(uint64(to), to-from, why, l.clock) })
	l.seq.Store(uint64(to))
	if uint64(to) > l.end.Load() {
		l.end.Store(uint64(to))
	}
}

// Restart says that the log was made anew: every room at home here goes on in the new one.
func (l *Log) Restart(at LogStart) {
	origin := snapshot.Origin{Whole: at.From == 0, Clock: l.clock}
	l.restart(at)
	l.rooms(func(r *Room) { r.moveTo(l, l.from, origin) })
}

// Down says that the log cannot be read; "" that it is read again.
func (l *Log) Down(reason string) {
	if l.down == reason {
		return
	}
	l.down = reason
	l.rooms(func(r *Room) { r.sourceDown(reason) })
}

// Refused says that the record at an offset could not be understood. Books without a rule of their own
// that may have been meant are not to be trusted any more: all of the log, or, where the record's key
// names one of them, that one.
func (l *Log) Refused(offset, time int64, key []byte) {
	named := false
	for sym := range l.slots {
		named = named || sym.Native == string(key)
	}
	at := stamp{seq: uint64(offset) + 1, ts: time}
	for sym, s := range l.slots {
		if named && sym.Native != string(key) {
			continue
		}
		s.list.mu.Lock()
		if r := s.rooms[market.BookChannel]; r != nil && r.home == l && !r.state.(*snapshot.Book).Chained() {
			r.doubt(at)
		}
		s.list.mu.Unlock()
	}
	l.Apply(offset, time, 0, nil)
}

// doubt makes a room stale whose newest record may have been one that was refused.
func (r *Room) doubt(at stamp) {
	r.state.Lose(0)
	r.show()
	for _, v := range r.views {
		v.state.(snapshot.View).Refresh(r.state, snapshot.Broken, at.cause())
		v.show()
	}
}

// rooms calls f with each base room at home here, its lock held. It does not go by the slots: after a
// restart there are none until records come.
func (l *Log) rooms(f func(*Room)) {
	for _, r := range l.homed {
		r.list.mu.Lock()
		if r.home == l {
			f(r)
		}
		r.list.mu.Unlock()
	}
}
