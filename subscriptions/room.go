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
	derived bool    // made by us rather than sent by the venue
	home    *Log    // nil before the first record
	past    []int32 // partitions that were its home before
	epoch   string
	born    uint64 // place of the note that says that it went on in this log; 0 in its first
	began   int64  // log time of its first record there
	heard   int64  // newest log time of a record that spoke of it
	tick    uint64 // seq of the record at which the clock last ended something, or might have

	log   journal
	from  uint64 // every entry with a seq over it is, or was, in log
	fromN uint64 // count at from
	fromM uint64 // the state's mark at from
	heir  uint64 // place up to which it began with what another had made of the log: whoever waited for it knows nothing of that
	seq   uint64
	count uint64
	ts    int64 // log time of the newest record, 0 before the first
	vt    int64
	clock int64 // of the log at the newest record
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
	digest  *digest
	update  wire.Update // what is being encoded: as a local it would be an allocation
}

// pending is what a record has done to a room so far.
type pending struct {
	n                         uint64
	vt                        int64 // the venue's time of its newest event
	changed, replaced, broken bool
	views                     bool // what it brought may concern views alone
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

// apply folds an event in; finish ends the record.
func (r *Room) apply(ev *market.Event, c snapshot.Cause) {
	r.pending.vt = ev.Time
	r.effect(r.state.Apply(ev, c))
}

func (r *Room) effect(eff snapshot.Effect) {
	switch eff {
	case snapshot.None:
		return
	case snapshot.Silent:
		r.pending.views = true
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

// finish makes what a record did to the room one entry, and the same for its views.
func (r *Room) finish(at stamp) {
	p := r.pending
	if p.n == 0 && !p.views {
		return
	}
	r.pending = pending{}
	eff := p.effect(r.state.Good())
	if eff != snapshot.None {
		r.record(p, at)
	}
	for _, v := range r.views {
		v.effect(v.state.(snapshot.View).Refresh(r.state, eff))
		if v.pending.n > 0 {
			v.pending.n, v.pending.vt = max(p.n, 1), p.vt
		}
		v.finish(at)
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

// record logs a record's effect.
func (r *Room) record(p pending, at stamp) {
	told := r.seq > 0
	before := r.seq
	r.seq, r.ts, r.vt, r.clock, r.at = at.seq, at.ts, p.vt, at.clock, at.at
	r.count += p.n
	if p.broken && told && before < at.seq {
		r.list.hub.counts.gap(wire.GapSource)
		r.note(note{kind: noteGap, gap: wire.GapSource, from: before, to: at.seq, records: wire.Unknown})
	}
	if state, _ := r.visible(); state != r.shown {
		r.show(r.ts)
	} else if p.replaced || p.broken {
		r.note(note{kind: noteReplaced})
	} else {
		r.push(nil)
	}
	if r.digest != nil {
		r.digest.add(r, p.n)
	}
	r.wake()
}

func (r *Room) note(n note) { r.push(&n) }

func (r *Room) push(n *note) {
	r.log.push(entry{seq: r.seq, count: r.count, mark: r.state.Mark(), ts: r.ts, vt: r.vt, clock: r.clock, note: n})
}

// show notes how the room is since a log time, if that is news.
func (r *Room) show(ts int64) {
	state, reason := r.visible()
	if state == r.shown {
		return
	}
	r.shown = state
	r.note(note{kind: noteStatus, state: state, reason: reason, ts: ts})
	r.wake()
}

// wake marks the room once at each desk that follows it.
func (r *Room) wake() {
	r.cache.clear()
	for _, w := range r.watches {
		if w.marked.CompareAndSwap(false, true) {
			w.desk.mark(w)
		}
	}
}
