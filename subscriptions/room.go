package subscriptions

import (
	"tapedeck/market"
	"tapedeck/snapshot"
	"tapedeck/wire"
)

// Room is the log and the state of one topic. Everything in it but the names is guarded by its
// listing's lock.
type Room struct {
	Name  market.Room
	Text  string // Name as clients write it
	never bool   // its channel's promise is snapshot.Never
	list  *listing
	base  *Room // of a view, else nil

	state   snapshot.State
	views   []*Room
	derived bool // made by us rather than sent by the venue
	home    *Log // nil before the first record
	past    []*Log
	began   int64 // log time of its first record there
	epoch   string

	log   journal
	from  uint64 // every entry with a seq over it is, or was, in log
	fromN uint64 // count at from
	seq   uint64
	count uint64
	ts    int64 // log time of the newest record, 0 before the first
	vt    int64
	at    int64 // when it was published, as the publisher's clock had it, ns

	shown  market.RoomState // what notes have told so far
	reason string
	down   string // why the source is away, "" if it is not
	split  bool   // its symbol turned up in two partitions
	halted bool

	pending pending
	watches []*watch
	idle    int64 // since when a view has no reader; 0 while it has one
	cache   cache
	update  wire.Update // what is being encoded: as a local it would be an allocation
}

// pending is what a record has done to a room so far.
type pending struct {
	n                         uint64
	changed, replaced, broken bool
}

func newRoom(l *listing, name market.Room, h *Hub) *Room {
	return &Room{
		Name: name, Text: name.String(), list: l,
		never: snapshot.Channels[name.Channel].Loss == snapshot.Never,
		log:   journal{first: 1, keep: h.config.Entries},
	}
}

// good reports whether readers may be given the state.
func (r *Room) good() bool { return r.down == "" && !r.split && r.state.Good() }

// visible is how the room is, and why.
func (r *Room) visible() (market.RoomState, string) {
	switch {
	case r.split:
		return market.Down, "split"
	case r.down != "":
		return market.Down, r.down
	case !r.state.Good():
		return market.Stale, "resync"
	case r.halted:
		return market.Halted, r.reason
	}
	return market.Live, ""
}

// apply folds an event in; commit ends the record.
func (r *Room) apply(ev *market.Event, c snapshot.Cause) {
	r.effect(r.state.Apply(ev, c))
}

func (r *Room) effect(eff snapshot.Effect) {
	switch eff {
	case snapshot.None:
		return
	case snapshot.Changed:
		r.pending.changed = true
	case snapshot.Replaced, snapshot.Mended:
		r.pending.replaced = true
	case snapshot.Broken:
		r.pending.broken = true
	}
	r.pending.n++
}

// commit makes what a record did to the room one entry, and the same for its views.
func (r *Room) commit(at stamp) {
	p := r.pending
	r.pending = pending{}
	eff := p.effect(r.state.Good())
	if eff == snapshot.None {
		return
	}
	r.record(p, at)
	for _, v := range r.views {
		v.effect(v.state.(snapshot.View).Refresh(r.state, eff, at.cause()))
		if v.pending.n > 0 {
			v.pending.n = max(p.n, 1)
		}
		v.commit(at)
	}
}

func (p pending) effect(good bool) snapshot.Effect {
	switch {
	case p.broken && !good:
		return snapshot.Broken
	case p.broken || p.replaced:
		return snapshot.Replaced
	case p.changed:
		return snapshot.Changed
	}
	return snapshot.None
}

// stamp is a record as rooms see it.
type stamp struct {
	seq    uint64
	ts, vt int64
	at     int64
}

func (s stamp) cause() snapshot.Cause { return snapshot.Cause{Seq: s.seq, Time: s.ts} }

// record logs a record's effect.
func (r *Room) record(p pending, at stamp) {
	told := r.seq > 0
	before := r.seq
	r.seq, r.ts, r.vt, r.at = at.seq, at.ts, at.vt, at.at
	r.count += p.n
	if p.broken && told && before < at.seq {
		r.list.hub.counts.gap(wire.GapSource)
		r.note(note{kind: noteGap, gap: wire.GapSource, to: at.seq, n: wire.Unknown, records: wire.Unknown})
	}
	if state, _ := r.visible(); state != r.shown {
		r.show()
	} else if p.replaced || p.broken {
		r.note(note{kind: noteReplaced})
	} else {
		r.push(nil)
	}
	r.wake()
}

func (r *Room) note(n note) { r.push(&n) }

func (r *Room) push(n *note) {
	r.log.push(entry{seq: r.seq, count: r.count, mark: r.state.Mark(), ts: r.ts, vt: r.vt, note: n})
}

// show notes how the room is now, if that is news.
func (r *Room) show() {
	state, reason := r.visible()
	if state == r.shown {
		return
	}
	r.shown = state
	r.note(note{kind: noteStatus, state: state, reason: reason, ts: r.ts})
	r.wake()
}

// wake marks the room once at each desk that follows it.
func (r *Room) wake() {
	r.cache.used = 0
	for _, w := range r.watches {
		if w.marked.CompareAndSwap(false, true) {
			w.desk.mark(w)
		}
	}
}

// adopt makes l the room's home before its first record.
func (r *Room) adopt(l *Log) {
	r.home, r.epoch, r.from = l, l.epoch, l.from
	r.down = l.down
	r.state = r.fresh(l.origin())
	for _, v := range r.views {
		v.rebase(r)
	}
}

// fresh makes the state of a base room.
func (r *Room) fresh(o snapshot.Origin) snapshot.State {
	return snapshot.Channels[r.Name.Channel].New(r.list.hub.config.Limits, o)
}

// rebase makes a view's state anew from its base.
func (r *Room) rebase(base *Room) {
	r.state = r.makeView(base)
	r.home, r.epoch, r.from, r.fromN = base.home, base.epoch, base.seq, r.count
	r.seq, r.ts, r.vt, r.at = base.seq, base.ts, base.vt, base.at
	r.down, r.split, r.halted, r.reason = base.down, base.split, base.halted, base.reason
	r.from = max(r.from, base.from)
	r.shown, _ = r.visible()
}

func (r *Room) makeView(base *Room) snapshot.State {
	limits := r.list.hub.config.Limits
	if base.Name.Channel != r.Name.Channel {
		return snapshot.Derivations[r.Name.Channel].View(base.state, limits)
	}
	v, _ := snapshot.Channels[r.Name.Channel].View(base.state, r.Name.Variant, limits)
	return v
}

// moveTo lets the room go on in another log, of which it has the records with a seq over from: its numbers
// start anew, and so does its state, of which o says what is known.
func (r *Room) moveTo(l *Log, from uint64, o snapshot.Origin) {
	r.list.hub.counts.gap(wire.GapEpoch)
	r.home, r.epoch, r.from, r.fromN = l, l.epoch, from, r.count
	r.seq = from
	r.down = l.down
	if r.base == nil {
		r.state = r.fresh(o)
	}
	for _, v := range r.views {
		v.state = v.makeView(r)
		v.moveTo(l, from, o)
	}
	r.log.restart()
	r.note(note{kind: noteEpoch, gap: wire.GapEpoch, to: r.seq, n: wire.Unknown, records: wire.Unknown})
	r.show()
	r.wake()
}

// lose tells of records that will never come: seqs up to to.
func (r *Room) lose(to uint64, records int64, why wire.GapReason, clock int64) {
	if to <= r.seq {
		return
	}
	r.list.hub.counts.gap(why)
	r.seq = to
	r.state.Lose(clock)
	r.note(note{kind: noteGap, gap: why, to: to, n: wire.Unknown, records: records})
	r.show()
	for _, v := range r.views {
		v.state.(snapshot.View).Refresh(r.state, snapshot.Broken, snapshot.Cause{})
		v.lose(to, records, why, clock)
	}
	r.wake()
}

// sourceDown says that the room's log cannot be read ("" that it is read again).
func (r *Room) sourceDown(reason string) {
	r.down = reason
	r.show()
	for _, v := range r.views {
		v.sourceDown(reason)
	}
}

// halt takes the venue's word on trading.
func (r *Room) halt(s *market.Status, at stamp) {
	r.halted, r.reason = s.State == market.Halted, s.Reason
	r.ts = at.ts
	r.show()
	for _, v := range r.views {
		v.halt(s, at)
	}
}
