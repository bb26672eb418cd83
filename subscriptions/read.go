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
	need  bool   // needs the state as soon as it is good
	off   bool   // what follows seq is not in the log
	ahead bool   // the log was not read up to seq: count is of something older
	epoch string // whose seq it is; "": nobody's yet
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
	bytes     int // of the messages, before they are compressed
}

// begin returns the position of one who knows nothing but how the room is.
func (r *Room) begin() Position {
	shown, _ := r.visible()
	return Position{place: r.log.head(), need: true, shown: shown}
}

// start returns the position of one who has waited for the room since before its first record, where every event counts and
// the log still has them all; else of one who knows nothing.
func (r *Room) start() Position {
	r.list.mu.Lock()
	defer r.list.mu.Unlock()
	p := r.begin()
	if !r.never || r.born > 0 || r.heir > 0 || r.log.floor() > 0 {
		return p
	}
	if _, held := r.state.Since(0, 0); !held {
		return p
	}
	return Position{shown: p.shown}
}

// aheadLimit is how many records a reader may be ahead of what is known as the log's end: another node
// may have seen a newer one.
const aheadLimit = 10_000

// resume returns the position of one who has read up to since, and whether nothing was lost on the
// way. Whoever is ahead of this node continues once it has passed him; whoever claims to be ahead of
// the log's end was never here.
func (r *Room) resume(since wire.Since) (Position, bool) {
	p := r.begin()
	home := r.list.hub.log(since.Epoch)
	if home == nil || since.Seq > home.End()+aheadLimit {
		return p, false
	}
	partial, isPartial := r.state.(snapshot.Partial)
	if r.home == nil { // had no record since this node began to read, so nothing was missed
		if start := home.start.Load(); r.base != nil || since.Seq < start || isPartial && start > 0 {
			return p, false
		}
		return Position{place: p.place, seq: since.Seq, epoch: since.Epoch, ahead: since.Seq > home.Seq(), shown: p.shown}, true
	}
	if since.Epoch != r.epoch {
		return p, false
	}
	p.seq, p.epoch, p.place = since.Seq, since.Epoch, r.log.place(since.Seq)
	known, clock := since.Seq >= r.from, int64(0)
	p.count, p.mark = r.fromN, r.fromM
	if p.place >= r.log.first {
		e := r.log.at(p.place)
		known = known && e.seq <= since.Seq
		p.count, p.mark, clock = e.count, e.mark, e.clock
	}
	held := known
	if isPartial && held {
		p.mark, held = partial.Resume(clock, p.mark)
	}
	if held {
		_, held = r.state.Since(p.mark, p.mark)
	}
	if !held && !r.never {
		return r.begin(), false
	}
	p.need, p.off, p.ahead = false, !known, since.Seq > home.Seq()
	return p, held
}

// dear reports whether something of the room must never be missed: all of its events, or its final candles.
func (r *Room) dear() bool { return r.never || r.Name.Channel == market.CandlesChannel }

// pressing reports that half of what the log holds lies after a position: who waits longer may fall off.
func (r *Room) pressing(p Position) bool {
	return r.dear() && (2*(r.log.head()-p.place) >= uint64(r.log.keep) ||
		r.never && 2*(r.state.Mark()-p.mark) >= uint64(r.list.hub.config.Limits.Trades))
}

// read appends what follows p in the encoding, moves p and says what it told. Nothing to say
// appends nothing. last asks for more or fewer entries in a snapshot than usual.
func (r *Room) read(dst []byte, enc wire.Encoding, p *Position, last int) ([]byte, Told) {
	w := writer{room: r, enc: enc, dst: dst, pos: p, last: last}
	if p.epoch == "" && !p.need && r.home != nil {
		w.adopted()
	}
	switch {
	case p.place < r.born, p.epoch != "" && p.epoch != r.epoch && (r.home != nil || p.need):
		w.anew()
	case p.need:
		w.wanting()
	case p.seq > r.seq && p.seq > r.home.End(): // the log ends behind him: he was never here
		w.forget()
	case w.skip():
	case r.never:
		w.every()
	default:
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
	fell bool // entries before the next to be told are gone
	told Told
}

func (w *writer) next() {
	if w.told.Messages > 0 {
		w.dst = w.enc.Next(w.dst)
	}
	w.told.Messages++
}

// skip passes over what the reader has read already, on a node that was ahead of this one, and tells
// how the room changed meanwhile; true if that is all there is.
func (w *writer) skip() bool {
	r, p := w.room, w.pos
	if floor := r.log.floor(); p.place < floor && floor >= r.log.first && r.log.at(floor).seq <= p.seq {
		p.pass(floor, r.log.at(floor), r.never)
	}
	for p.place < r.log.head() && p.place >= r.log.floor() {
		e := r.log.at(p.place + 1)
		switch {
		case e.seq > p.seq, e.seq == p.seq && e.note.follows():
			p.ahead = false
			return false
		case e.note != nil && e.note.kind == noteStatus:
			w.status(e.note.state, e.note.reason, e.note.ts)
		case !r.covers(e.clock):
			w.forget()
			return true
		}
		p.pass(p.place+1, e, r.never)
	}
	if p.place < r.log.head() {
		return false
	}
	w.statusNow() // its note may have gone
	return true
}

// covers reports whether a reader whose knowledge is of a log's clock can go on here.
func (r *Room) covers(clock int64) bool {
	partial, ok := r.state.(snapshot.Partial)
	if ok {
		_, ok = partial.Resume(clock, 0)
		return ok
	}
	return true
}

// pass moves past an entry that was read elsewhere. A mark of 0 stays: it asks for everything anew.
func (p *Position) pass(place uint64, e *entry, never bool) {
	p.place, p.count = place, e.count
	if never || p.mark > 0 {
		p.mark = e.mark
	}
}

// forget gives the state to one who knows something else than what could be continued here.
func (w *writer) forget() {
	*w.pos = Position{need: true, shown: w.pos.shown}
	w.wanting()
}

// wanting serves a reader who has no state yet, or lost it.
func (w *writer) wanting() {
	r, p := w.room, w.pos
	if p.epoch != "" { // who was told something is told what became of it
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
	if w.fell = p.place < r.log.floor(); w.fell {
		p.place = r.log.floor()
	}
	return r.log.after(p.place)
}

// fold serves a reader of a room of which only the newest state matters.
func (w *writer) fold() {
	r, p := w.room, w.pos
	candles := r.Name.Channel == market.CandlesChannel
	unseen := w.unseen()
	fell := w.fell
	noted := fell
	for _, e := range unseen {
		if e.note == nil || candles && e.note.kind == noteStatus { // candles are as good however the room is
			continue
		}
		noted = true
		w.tellGap(&e)
	}
	p.place = r.log.head()
	if !noted && w.update(p.mark, r.log.at(p.place)) {
		w.statusNow()
		return
	}
	if candles && (fell || !noted) {
		r.list.hub.counts.gap(wire.GapSlow)
		w.gap(wire.GapSlow, r.seq, wire.Unknown, wire.Unknown) // final candles are never folded away unsaid
	}
	w.statusNow()
	p.need = true
	if r.good() {
		w.snapshot()
	}
}

// tellGap tells of the gap of an entry, if it is one that the reader has not jumped already.
func (w *writer) tellGap(e *entry) {
	p := w.pos
	if e.note == nil || e.note.kind != noteGap || e.note.to < p.seq || e.note.to == p.seq && !e.note.follows() {
		return
	}
	records := e.note.lostAfter(p.seq)
	if w.fell {
		records, w.fell = wire.Unknown, false // more may have been lost before
	}
	w.gap(e.note.gap, e.note.to, wire.Unknown, records)
}

// every serves a reader of a room of which every event counts.
func (w *writer) every() {
	r, p := w.room, w.pos
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
	w.statusNow() // its note may have gone
}

// anew tells a reader that the room goes on in another log. Where every event counts he gets the emptiness that the room began
// with there, and then the events, if they are all still held; elsewhere the state.
func (w *writer) anew() {
	r, p := w.room, w.pos
	if !p.need || p.epoch != "" { // else he was told nothing that is of the past now
		w.gap(wire.GapEpoch, r.from, wire.Unknown, wire.Unknown)
		p.epoch = r.epoch
	}
	if !p.need && r.never && r.good() && r.log.floor() <= r.born {
		if _, held := r.state.Since(r.fromM, r.fromM); held {
			w.statusNow()
			w.empty(r.from, r.from > 0)
			*p = Position{place: r.born, seq: r.from, count: r.fromN, mark: r.fromM, epoch: r.epoch, shown: p.shown}
			w.every()
			return
		}
	}
	p.place, p.need, p.off = max(p.place, r.born), true, false
	w.wanting()
}

// fellOff tells a reader whose next entry is gone what he missed, and sets him on the oldest place
// from which the log can be told.
func (w *writer) fellOff() {
	r, p := w.room, w.pos
	place := r.log.floor()
	seq, count, mark := r.from, r.fromN, r.fromM
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
		if !p.off && !p.ahead && p.seq >= r.from {
			n = int64(count - p.count)
		}
		r.list.hub.counts.gap(wire.GapSlow)
		w.gap(wire.GapSlow, seq, n, wire.Unknown)
	}
	p.place, p.count, p.mark, p.off, p.ahead = place, count, mark, false, false
}

// update tells the entries after mark from up to and with last. It reports false, and tells nothing,
// if the state cannot say what changed.
func (w *writer) update(from uint64, last *entry) bool {
	r, p := w.room, w.pos
	n := last.count - p.count
	if n == 0 {
		return true // nothing but the room's state changed
	}
	body, ok := r.state.Since(from, last.mark)
	if !ok {
		return false
	}
	r.update = wire.Update{Room: r.Text, Prev: p.seq, Seq: last.seq, N: n, Time: last.ts, VenueTime: last.vt, Body: body}
	w.next()
	w.dst = w.enc.AppendUpdate(w.dst, &r.update)
	p.seq, p.count, p.mark, p.epoch = last.seq, last.count, last.mark, r.epoch
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
	if !r.never || p.place < r.heir {
		p.need = true
		return
	}
	w.empty(p.seq, r.list.hub.partial())
	p.epoch = r.epoch
}

// empty gives a room as it is before its first event.
func (w *writer) empty(seq uint64, partial bool) {
	r := w.room
	w.next()
	w.dst = w.enc.AppendSnapshot(w.dst, &wire.Snapshot{Room: r.Text, Epoch: r.epoch, Seq: seq, Empty: r.Name.Channel, Partial: partial})
	w.told.Snapshots++
}

func (w *writer) snapshot() {
	r, p := w.room, w.pos
	s := wire.Snapshot{Room: r.Text, Epoch: r.epoch, Seq: r.seq, Time: r.ts, VenueTime: r.vt, Empty: r.Name.Channel}
	if p.seq > 0 {
		w.last = 0 // who goes on gets no less than usual: candles that became final are in it
	}
	if r.home != nil {
		s.Body, s.Partial = r.state.Full(w.last)
	} else {
		s.Partial = r.list.hub.partial()
	}
	w.next()
	w.dst = w.enc.AppendSnapshot(w.dst, &s)
	p.place, p.seq, p.count, p.mark, p.need, p.epoch = r.log.head(), r.seq, r.count, r.state.Mark(), false, r.epoch
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
