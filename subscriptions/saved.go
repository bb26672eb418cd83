package subscriptions

import (
	"cmp"
	"fmt"
	"slices"

	"tapedeck/market"
	"tapedeck/snapshot"
	"tapedeck/wire"
)

func (l *Log) saveHead(s *market.Saver) {
	s.Text(l.epoch)
	s.Uint(l.seq.Load())
	saveShape(s, l.hub.config.Limits, l.venue)
	s.Uint(l.from)
	s.Uint(l.start.Load())
	s.Int(l.began)
	s.Int(l.first)
	l.clock.Save(s)
	s.Int(l.over)
	s.Int(l.newest.Load())
	s.Flags(l.loose)
	l.lost.save(s)
}

// known returns every slot in order, and one for each symbol whose rooms are at home here though it has not been heard of
// since the log was made anew.
func (l *Log) known() []*slot {
	slots, listed := make([]*slot, 0, len(l.slots)), map[*listing]bool{}
	for _, s := range l.slots {
		slots = append(slots, s)
		listed[s.list] = true
	}
	l.rooms(func(r *Room) {
		if !listed[r.list] {
			listed[r.list] = true
			slots = append(slots, &slot{list: r.list, symbol: r.list.symbol})
		}
	})
	slices.SortFunc(slots, func(a, b *slot) int {
		return cmp.Or(cmp.Compare(a.symbol.Venue, b.symbol.Venue), cmp.Compare(a.symbol.Name, b.symbol.Name), cmp.Compare(a.symbol.Native, b.symbol.Native))
	})
	return slots
}

// saveShape appends what the states depend on beside the log: a checkpoint of another shape cannot be gone on from.
func saveShape(s *market.Saver, l snapshot.Limits, v Venue) {
	for _, n := range []int{l.Trades, l.Tape, l.Depth, l.Changes, l.Pending, l.Minutes, l.Candles} {
		s.Count(n)
	}
	s.Flags(v.Derived[:]...)
}

// saveSlot appends a slot, and returns which of its rooms are at home here.
func (l *Log) saveSlot(s *market.Saver, sl *slot) (homes [market.NumChannels]bool) {
	sl.list.mu.Lock()
	defer sl.list.mu.Unlock()
	s.Symbol(sl.symbol)
	f := &sl.list.facts
	s.Decimal(f.Tick)
	s.Decimal(f.Lot)
	s.Decimal(f.Contract)
	s.Text(f.Currency)
	s.Flags(f.Inverse, sl.halted)
	s.Text(sl.reason)
	s.Int(sl.began)
	sl.lost.save(s)
	for _, c := range baseFirst(l.venue) {
		r := sl.list.rooms[c]
		home := r != nil && r.home == l
		s.Flags(home)
		if home {
			homes[c] = true
			r.save(s, sl.rooms[c] == r)
		}
	}
	return homes
}

// baseFirst lists the channels, those last whose rooms are made from another's.
func baseFirst(v Venue) (list []market.Channel) {
	for _, last := range []bool{false, true} {
		for c := range market.Channel(market.NumChannels) {
			if _, made := v.base(c); made == last {
				list = append(list, c)
			}
		}
	}
	return list
}

// base returns the channel from whose state the one of c is made, if it is.
func (v Venue) base(c market.Channel) (market.Channel, bool) {
	d, ok := snapshot.Derivations[c]
	return d.From, ok && v.Derived[c]
}

func (r *Room) save(s *market.Saver, placed bool) {
	s.Uint(r.seq)
	s.Uint(r.tick)
	for _, n := range []int64{r.ts, r.vt, r.clock, r.heard, r.began} {
		s.Int(n)
	}
	s.Flags(r.split, r.halted, placed)
	s.Text(r.reason)
	s.Count(len(r.past))
	for _, p := range r.past {
		s.Int(int64(p))
	}
	r.state.(snapshot.Kept).Save(s)
}

func (n *note) save(s *market.Saver) {
	s.Text(string(n.gap))
	s.Uint(n.from)
	s.Uint(n.to)
	s.Int(n.records)
	s.Flags(n.after)
}

func (n *note) load(l *market.Loader) {
	n.kind, n.gap = noteGap, wire.GapReason(l.Text(maxWord))
	n.from, n.to, n.records = l.Uint(), l.Uint(), l.Int()
	l.Flags(&n.after)
	l.Hold(n.gap == "" || slices.Contains(gapReasons[:], n.gap))
}

// What one log can hold at most: symbols as in feed.MaxSymbols, each of which may once have had a decoder's other pointer.
const (
	maxSlots = 1 << 16
	maxWord  = 1 << 10
	maxPast  = 1 << 16
)

// savedSlot is a slot as it was saved.
type savedSlot struct {
	slot
	facts market.Instrument
	saved [market.NumChannels]*savedRoom
}

// savedRoom is a room as it was saved.
type savedRoom struct {
	seq, tick                    uint64
	ts, vt, clock, heard, opened int64
	split, halted, placed        bool
	reason                       string
	past                         []int32
	state                        snapshot.State
}

// Shape says in words what is held of each symbol beside what its log says: what is saved by one hub can be loaded into
// another of the same shape.
func (h *Hub) Shape(v Venue) string {
	l := h.config.Limits
	text := fmt.Sprintf("trades %d/%d, book %d/%d/%d, candles %d/%d, derived", l.Trades, l.Tape, l.Depth, l.Changes, l.Pending, l.Minutes, l.Candles)
	for c, derived := range v.Derived {
		if derived {
			text += " " + market.Channel(c).String()
		}
	}
	return text
}

// Extent is what was read of the log: every record from offset from up to, not including, next, but those that were told as
// lost before from; and the log's clock there. It is for the log's writer.
func (l *Log) Extent() (from, next, clock int64) {
	return int64(l.start.Load()), int64(l.seq.Load()), l.clock.Now()
}

// Load opens a log as Open does, with what was saved of it at at.From: it goes on as the saved one does. If that cannot be
// used, an error says why, and nothing has changed. Rooms that this node does not serve are left out.
func (h *Hub) Load(saved *market.Loader, at LogStart, v Venue) (*Log, error) {
	if epoch := saved.Text(maxWord); saved.Err() == nil && epoch != at.Epoch {
		return nil, fmt.Errorf("it is of epoch %s, and the log of %s", epoch, at.Epoch)
	}
	if seq := saved.Uint(); saved.Err() == nil && seq != uint64(at.From) {
		return nil, fmt.Errorf("it ends at offset %d, and reading begins at %d", seq, at.From)
	}
	if err := h.loadShape(saved, v); err != nil {
		return nil, err
	}
	l := h.newLog(at, v)
	l.from = saved.Uint()
	l.start.Store(saved.Uint())
	l.began, l.first = saved.Int(), saved.Int()
	l.clock.Load(saved)
	l.over = saved.Int()
	l.newest.Store(saved.Int())
	saved.Flags(&l.loose)
	l.lost.load(saved)
	saved.Hold(l.from <= uint64(at.From) && l.start.Load() <= uint64(at.From) && l.lost.to <= uint64(at.From))
	slots := make([]*savedSlot, 0, 16)
	for range saved.Count(maxSlots) {
		slots = append(slots, h.loadSlot(saved, v, uint64(at.From)))
		if saved.Err() != nil {
			break
		}
	}
	if saved.Err() != nil {
		return nil, saved.Err()
	}
	l.loaded = make(map[market.Symbol]*slot, len(slots))
	for _, s := range slots {
		l.inherit(s)
	}
	h.add(l) // whoever resumes before finds a log that is not known: he gets the state
	return l, nil
}

func (h *Hub) loadShape(saved *market.Loader, v Venue) error {
	var was snapshot.Limits
	for _, n := range []*int{&was.Trades, &was.Tape, &was.Depth, &was.Changes, &was.Pending, &was.Minutes, &was.Candles} {
		*n = int(saved.Uint())
	}
	derived := v.Derived
	saved.Flags(&derived[0], &derived[1], &derived[2], &derived[3], &derived[4])
	switch {
	case saved.Err() != nil:
		return saved.Err()
	case was != h.config.Limits:
		return fmt.Errorf("it was made with other limits: %+v, and here they are %+v", was, h.config.Limits)
	case derived != v.Derived:
		return fmt.Errorf("other channels were derived where it was made")
	}
	return nil
}

func (h *Hub) loadSlot(saved *market.Loader, v Venue, seq uint64) *savedSlot {
	sym := saved.Symbol()
	s := &savedSlot{slot: slot{symbol: &sym}}
	f := &s.facts
	f.Tick, f.Lot, f.Contract, f.Currency = saved.Decimal(), saved.Decimal(), saved.Decimal(), saved.Text(maxWord)
	saved.Flags(&f.Inverse, &s.halted)
	s.reason, s.began = saved.Text(maxWord), saved.Int()
	s.lost.load(saved)
	saved.Hold(s.lost.to <= seq)
	for _, c := range baseFirst(v) {
		var home bool
		if saved.Flags(&home); !home {
			continue
		}
		state := snapshot.Channels[c].New(h.config.Limits, snapshot.Origin{})
		if from, made := v.base(c); made {
			if s.saved[from] == nil {
				saved.Fail()
				return s
			}
			state = snapshot.Derivations[c].View(s.saved[from].state, h.config.Limits)
		}
		s.saved[c] = loadRoom(saved, state, seq)
	}
	return s
}

func loadRoom(saved *market.Loader, state snapshot.State, seq uint64) *savedRoom {
	r := &savedRoom{seq: saved.Uint(), tick: saved.Uint(), state: state}
	for _, n := range []*int64{&r.ts, &r.vt, &r.clock, &r.heard, &r.opened} {
		*n = saved.Int()
	}
	saved.Flags(&r.split, &r.halted, &r.placed)
	r.reason = saved.Text(maxWord)
	for range saved.Count(maxPast) {
		r.past = append(r.past, int32(saved.Int()))
	}
	saved.Hold(r.seq <= seq && r.tick <= seq)
	state.(snapshot.Kept).Load(saved)
	return r
}

// inherit makes a saved slot the log's, and its rooms go on from what was saved.
func (l *Log) inherit(saved *savedSlot) {
	s := &saved.slot
	l.enter(s)
	l.loaded[*s.symbol] = s
	s.list = l.hub.lock(symbolKey{s.symbol.Venue, s.symbol.Name})
	defer s.list.mu.Unlock()
	if s.list.symbol == nil {
		s.list.symbol = s.symbol
	}
	s.list.facts = saved.facts
	for _, c := range baseFirst(l.venue) {
		was := saved.saved[c]
		if was == nil || !s.wanted[c] {
			continue
		}
		r := s.list.base(c, l.venue.Derived)
		switch {
		case r.base != nil:
			if r.home == l {
				r.goOn(s, was)
			}
		case r.home == nil || r.home != l && r.home.topic == l.topic && was.opened > r.began: // it moved here since
			r.inherit(l, s, was)
			l.homed[r] = true
			if was.placed {
				s.rooms[c] = r
			}
			l.derive(s, r)
		}
	}
}

// inherit makes l the room's home, where it goes on from what was saved.
func (r *Room) inherit(l *Log, s *slot, was *savedRoom) {
	if r.home != nil {
		r.moveTo(l, was.seq, snapshot.Origin{})
	}
	r.home, r.epoch, r.down, r.split = l, l.epoch, l.down, was.split
	r.began, r.heard, r.past, r.tick = was.opened, was.heard, was.past, was.tick
	r.goOn(s, was)
	for _, v := range r.views {
		v.rebase(r)
		v.continues(note{})
	}
	r.announce()
}

// goOn takes over what a room was made of. Whoever waited for the room's first record is given the state.
func (r *Room) goOn(s *slot, was *savedRoom) {
	r.state = was.state
	r.seq, r.ts, r.vt, r.clock, r.at = was.seq, was.ts, was.vt, was.clock, 0
	r.halted, r.reason = was.halted, was.reason
	r.from = max(was.seq, r.home.from)
	r.continues(s.lost)
}

// continues begins the room's log with its present. What is missing after it (lost) is told to everyone who comes with the
// seq of it: nobody can say who has heard.
func (r *Room) continues(lost note) {
	r.fromN, r.fromM = r.count, r.state.Mark()
	r.push(nil)
	r.heir = r.log.head()
	if lost.after && lost.to == r.seq {
		r.note(lost)
	}
	r.shown, _ = r.visible()
	r.wake()
}
