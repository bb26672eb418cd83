package subscriptions

import (
	"tapedeck/market"
	"tapedeck/snapshot"
	"tapedeck/wire"
)

// Position is a reader's place in a room. Readers whose positions are equal are told the same.
// Its fields are the room's business.
type Position struct {
	place uint64 // last entry read, in the node's numbering
	seq   uint64 // last seq told; may be any number, also one ahead of the room's
	count uint64
	mark  uint64
	need  bool // needs the state as soon as it is good
	off   bool // what follows seq is not in the log
	home  *Log // whose seq it is; nil: nobody's yet
	shown market.RoomState
}

// Told counts what was said to one reader at once.
type Told struct {
	Messages  int
	Updates   uint64
	Events    uint64
	Folded    uint64 // events that a newer one of the same update stands for
	Snapshots uint64
	Gaps      uint64
}

// begin returns the position of one who knows nothing but how the room is.
func (r *Room) begin() Position {
	shown, _ := r.visible()
	return Position{place: r.log.head(), need: true, shown: shown}
}

// resume returns the position of one who has read up to since, and whether nothing was lost on the
// way. Whoever is ahead of this node continues once it has passed him; whoever claims to be ahead of
// the log's known end was never here.
func (r *Room) resume(since wire.Since) (Position, bool) {
	p := r.begin()
	home := r.list.hub.log(since.Epoch)
	if home == nil || since.Seq > home.end.Load() {
		return p, false
	}
	if r.home == nil && since.Seq >= home.start.Load() && r.base == nil { // had no record since this node began to read, so nothing was missed
		return Position{place: r.log.head(), seq: since.Seq, home: home, shown: p.shown}, true
	}
	if home != r.home {
		return p, false
	}
	place := r.log.place(since.Seq)
	held := since.Seq >= r.from
	count, mark, ts := r.fromN, uint64(0), int64(0)
	if place >= r.log.first {
		e := r.log.at(place)
		held = held && e.seq <= since.Seq
		count, mark, ts = e.count, e.mark, e.ts
	}
	if c, ok := r.state.(snapshot.Partial); ok {
		held = held && c.Covers(ts)
	}
	if held {
		_, held = r.state.Since(mark, mark)
	}
	if !held && !r.never {
		return p, false
	}
	return Position{place: place, seq: since.Seq, count: count, mark: mark, off: !held, home: home, shown: p.shown}, held
}

// pressing reports that half of what the log holds lies after a position: who waits longer may fall off.
func (r *Room) pressing(p Position) bool {
	return r.never && (2*(r.log.head()-p.place) >= uint64(r.log.keep) ||
		2*(r.state.Mark()-p.mark) >= uint64(r.list.hub.config.Limits.Trades))
}

// read appends what follows p in the encoding, moves p and says what it told. Nothing to say
// appends nothing. last asks for more or fewer entries in a snapshot than usual.
func (r *Room) read(dst []byte, enc wire.Encoding, p *Position, last int) ([]byte, Told) {
	w := writer{room: r, enc: enc, dst: dst, pos: p, last: last}
	if p.home == nil && !p.need && r.home != nil {
		w.adopted()
	}
	if p.home != nil && p.home != r.home && r.home != nil {
		w.anew(wire.GapEpoch, r.from)
	} else if p.need {
		w.wanting()
	} else if r.never {
		w.every()
	} else {
		w.fold()
	}
	return w.dst, w.told
}

// writer says what one reader has not read.
type writer struct {
	room *Room
	enc  wire.Encoding
	dst  []byte
	pos  *Position
	last int
	told Told
}

func (w *writer) next() {
	if w.told.Messages > 0 {
		w.dst = w.enc.Next(w.dst)
	}
	w.told.Messages++
}

// skip passes over what the reader has read already, on a node that was ahead of this one, and tells
// how the room changed meanwhile.
func (w *writer) skip() {
	r, p := w.room, w.pos
	for p.place < r.log.head() && p.place >= r.log.floor() {
		e := r.log.at(p.place + 1)
		if e.seq > p.seq || e.note != nil && e.note.kind == noteEpoch {
			return
		}
		if e.note != nil && e.note.kind == noteStatus {
			w.status(e.note.state, e.note.reason, e.note.ts)
		}
		p.place, p.count, p.mark = p.place+1, e.count, e.mark
	}
}

// wanting serves a reader who has no state yet, or lost it.
func (w *writer) wanting() {
	r, p := w.room, w.pos
	if p.seq > 0 { // who was told something is told what became of it
		for _, e := range w.unseen() {
			w.tellGap(&e)
		}
	}
	p.place = r.log.head()
	w.statusNow()
	if r.good() {
		w.snapshot()
	}
}

func (w *writer) unseen() []entry {
	r, p := w.room, w.pos
	if p.place < r.log.floor() {
		p.place = r.log.floor()
	}
	return r.log.after(p.place)
}

// fold serves a reader of a room of which only the newest state matters.
func (w *writer) fold() {
	w.skip()
	r, p := w.room, w.pos
	if p.place == r.log.head() {
		return
	}
	fell := p.place < r.log.floor()
	noted := fell || p.off
	for _, e := range w.unseen() {
		if e.note != nil {
			noted = true
			w.tellGap(&e)
		}
	}
	if !noted && w.update(p.mark, r.log.at(r.log.head())) {
		p.place = r.log.head()
		return
	}
	if r.Name.Channel == market.CandlesChannel && (fell || !noted) {
		w.gap(wire.GapSlow, r.seq, wire.Unknown, wire.Unknown) // final candles are never folded away unsaid
	}
	p.place = r.log.head()
	w.statusNow()
	p.need = true
	if r.good() {
		w.snapshot()
	}
}

// tellGap tells of the gap of an entry, if it is one that the reader has not jumped already.
func (w *writer) tellGap(e *entry) {
	p := w.pos
	if e.note == nil || e.note.kind != noteGap && e.note.kind != noteEpoch {
		return
	}
	if e.note.kind == noteGap && e.note.to <= p.seq {
		return
	}
	w.gap(e.note.gap, e.note.to, e.note.n, e.note.records)
}

// every serves a reader of a room of which every event counts.
func (w *writer) every() {
	r, p := w.room, w.pos
	if r.log.at(r.log.first).note.epoch() && p.place < r.log.first {
		w.anew(wire.GapEpoch, r.log.at(r.log.first).note.to)
		return
	}
	w.skip()
	if _, held := r.state.Since(p.mark, p.mark); p.off || !held || p.place < r.log.floor() {
		w.fellOff()
	}
	var run *entry // the newest data entry not yet told
	items := r.log.after(p.place)
	for i := range items {
		e := &items[i]
		if e.note == nil {
			run = e
			continue
		}
		if run != nil {
			w.update(p.mark, run)
			run = nil
		}
		w.tellGap(e)
		if e.note.kind == noteStatus {
			w.status(e.note.state, e.note.reason, e.note.ts)
		}
	}
	if run != nil {
		w.update(p.mark, run)
	}
	p.place = r.log.head()
}

// anew tells a reader that the room goes on in another log.
func (w *writer) anew(why wire.GapReason, to uint64) {
	r, p := w.room, w.pos
	w.gap(why, to, wire.Unknown, wire.Unknown)
	p.place, p.need, p.off, p.home = r.log.head(), true, false, r.home
	w.statusNow()
	if r.good() {
		w.snapshot()
	}
}

// fellOff tells a reader whose next entry is gone what he missed, and sets him on the oldest place
// from which the log can be told.
func (w *writer) fellOff() {
	r, p := w.room, w.pos
	place := r.log.floor()
	seq, count, mark := r.from, r.fromN, uint64(0)
	for ; ; place++ {
		if place >= r.log.first {
			e := r.log.at(place)
			seq, count, mark = e.seq, e.count, e.mark
		}
		if _, held := r.state.Since(mark, mark); held || place == r.log.head() {
			break
		}
	}
	if seq > p.seq {
		n := int64(wire.Unknown)
		if !p.off {
			n = int64(count - p.count)
		}
		r.list.hub.counts.gap(wire.GapSlow)
		w.gap(wire.GapSlow, seq, n, wire.Unknown)
	}
	p.place, p.count, p.mark, p.off = place, count, mark, false
}

// update tells the entries after mark from up to and with last. It reports false, and tells nothing,
// if the state cannot say what changed.
func (w *writer) update(from uint64, last *entry) bool {
	r, p := w.room, w.pos
	body, ok := r.state.Since(from, last.mark)
	if !ok {
		return false
	}
	n := last.count - p.count
	w.next()
	r.update = wire.Update{Room: r.Text, Prev: p.seq, Seq: last.seq, N: n, Time: last.ts, VenueTime: last.vt, Body: body}
	w.dst = w.enc.AppendUpdate(w.dst, &r.update)
	p.seq, p.count, p.mark, p.home = last.seq, last.count, last.mark, r.home
	w.told.Updates++
	w.told.Events += n
	if !r.never && n > 1 {
		w.told.Folded += n - 1
	}
	return true
}

// adopted tells a reader who joined before the room's first record in which log it is by now: without its
// epoch he could never resume. Where every event counts he gets the same emptiness again, with the epoch, and then
// the events; elsewhere the state.
func (w *writer) adopted() {
	r, p := w.room, w.pos
	if !r.never {
		p.need = true
		return
	}
	w.next()
	w.dst = w.enc.AppendSnapshot(w.dst, &wire.Snapshot{Room: r.Text, Epoch: r.epoch, Seq: p.seq, Empty: r.Name.Channel, Partial: r.list.hub.partial()})
	p.home = r.home
	w.told.Snapshots++
}

func (w *writer) snapshot() {
	r, p := w.room, w.pos
	s := wire.Snapshot{Room: r.Text, Epoch: r.epoch, Seq: r.seq, Time: r.ts, VenueTime: r.vt, Empty: r.Name.Channel}
	if r.seq > 0 {
		s.Body, s.Partial = r.state.Full(w.last)
	} else {
		s.Partial = r.list.hub.partial()
	}
	w.next()
	w.dst = w.enc.AppendSnapshot(w.dst, &s)
	p.place, p.seq, p.count, p.mark, p.need, p.home = r.log.head(), r.seq, r.count, r.state.Mark(), false, r.home
	w.told.Snapshots++
}

func (w *writer) gap(why wire.GapReason, to uint64, n, records int64) {
	w.next()
	w.dst = w.enc.AppendGap(w.dst, &wire.Gap{
		Room: w.room.Text, Epoch: w.room.epoch, From: w.pos.seq, To: to, N: n, Records: records, Reason: why,
	})
	w.pos.seq = to
	w.told.Gaps++
}

// statusNow tells how the room is, if the reader was told otherwise.
func (w *writer) statusNow() {
	state, reason := w.room.visible()
	w.status(state, reason, w.room.ts)
}

func (w *writer) status(state market.RoomState, reason string, ts int64) {
	if state == w.pos.shown {
		return
	}
	w.next()
	w.dst = w.enc.AppendStatus(w.dst, &wire.Status{Room: w.room.Text, State: state.String(), Reason: reason, Time: ts})
	w.pos.shown = state
}
