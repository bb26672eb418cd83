package player

import (
	"context"
	"slices"
	"sync/atomic"
	"time"
	"unsafe"

	"tapedeck/feed"
	"tapedeck/market"
)

// windows is how many there are of each reel: one that is played, one that waits, one that is being read.
const windows = 3

// reel reads one partition ahead, in windows: no query is open while the clock is waited for. Its goroutine reads, the
// player's plays.
type reel struct {
	player *Player
	part   feed.Partition
	held   []feed.Holding // its logs, one after the other
	after  *reel          // is told before: of the partition's logs that were known earlier; nil: there is none
	before int            // how many logs those are
	size   int            // bytes of a window, in memory
	shown  int64          // log time of what is to be shown first
	wanted []string       // symbols; nil: all

	full, free chan *window
	failed     atomic.Pointer[error] // why the archive is asked again and again
	dry        atomic.Bool           // all that there is was read; more may come
	succeeded  atomic.Bool           // but for another log of the partition, which goes on in its place

	// The player's.
	log      feed.Log
	current  *window
	at       int // in current.items
	over     bool
	finished bool

	// The reader's.
	clock market.Clock
	turn  int
	begun bool
	share int // thousandths of the last window that were records' bytes, of what it took
}

// window is a bounded stretch of a log.
type window struct {
	turn    int // which of the partition's logs
	items   []item
	bytes   int      // of records
	chunks  [][]byte // that hold them
	used    int      // chunks that are in use
	headers []feed.Header
}

// item is one thing to be told of a log: a record, that it begins, or that some of it is lost. These have their place in the
// order as a record has.
type item struct {
	clock  int64
	record feed.Record
	start  *feed.Start
	lost   *feed.Hole
}

const (
	itemSize  = int(unsafe.Sizeof(item{}))
	chunkSize = 128 << 10 // what memory for records is taken in: it is used again, and does not move
)

func newReel(p *Player, held []feed.Holding, shown int64) *reel {
	r := &reel{player: p, part: feed.Partition{Topic: held[0].Topic, ID: held[0].Partition}, held: held, shown: shown, wanted: p.symbols}
	r.full, r.free = make(chan *window, windows), make(chan *window, windows)
	for range windows {
		r.free <- &window{}
	}
	return r
}

// ready reports whether there is something to be played, fetching the next window if need be.
func (r *reel) ready() bool {
	for r.current == nil || r.at == len(r.current.items) {
		if r.current != nil {
			r.free <- r.current // has room for all
			r.current = nil
		}
		select {
		case w, open := <-r.full:
			if !open {
				r.over = true
				return false
			}
			r.current, r.at = w, 0
		default:
			return false
		}
	}
	return true
}

func (r *reel) key() key {
	it := &r.current.items[r.at]
	return key{clock: it.clock, part: r.part, turn: r.current.turn, offset: it.record.Offset}
}

// apply tells the next item; true if that is a record that counts as a step.
func (r *reel) apply(sink feed.Sink) bool {
	it := &r.current.items[r.at]
	r.at++
	switch {
	case it.start != nil && r.log == nil:
		r.log = sink.Open(r.part, *it.start)
	case it.start != nil:
		r.log.Restart(*it.start)
	case it.lost != nil:
		r.log.Lost(it.lost.From, it.lost.To, it.lost.Why)
	default:
		r.log.Record(&it.record)
		return !it.record.Mark
	}
	return false
}

// renews reports whether what is next is that the log goes on as another one.
func (r *reel) renews() bool { return r.log != nil && r.current.items[r.at].start != nil }

// finish tells the log that it has ended, once all was played: not where only the range has.
func (r *reel) finish() {
	if !r.over || r.finished {
		return
	}
	r.finished = true
	if to := r.player.config.To; to > 0 && r.held[len(r.held)-1].End >= to {
		return
	}
	if l, ok := r.log.(feed.Ender); ok {
		l.Ended()
	}
}

// run reads until the end of the range, or until ctx ends.
func (r *reel) run(ctx context.Context) {
	defer r.player.ring()
	defer close(r.full)
	var start feed.Start
	turn, ok := 0, false
	if !r.persist(ctx, func() (err error) { turn, start, err = r.place(ctx); return err }) {
		return
	}
	for ; turn < len(r.held); turn++ {
		if start, ok = r.read(ctx, turn, start); !ok {
			return
		}
	}
}

// persist tries until it works; false if ctx ends before.
func (r *reel) persist(ctx context.Context, try func() error) bool {
	for failures := 0; ctx.Err() == nil; failures++ {
		err := try()
		if err == nil {
			r.failed.Store(nil)
			return true
		}
		if ctx.Err() != nil {
			break
		}
		r.failed.Store(&err)
		r.player.ring()
		pause(ctx, backoff(failures, r.player.config.Retry))
	}
	return false
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// turnAt is which log of the partition was written at a time.
func (r *reel) turnAt(at int64) int {
	for i := len(r.held) - 1; i > 0; i-- {
		if r.held[i].Begin <= at {
			return i
		}
	}
	return 0
}

// place finds where reading begins: at the newest checkpoint before what is to be shown, if the sink can go on from it, or
// the warm-up earlier.
func (r *reel) place(ctx context.Context) (int, feed.Start, error) {
	early, start, err := r.early(ctx)
	sink, ok := r.player.sink.(feed.Resumer)
	if err != nil || !ok {
		return early, start, err
	}
	turn := r.turnAt(r.shown)
	h, from := &r.held[turn], start
	if turn != early { // which knows nothing of this log
		from = r.start(h, h.First, 0)
	}
	upto, _, err := r.player.config.Archive.Seek(ctx, h.LogID, r.shown)
	if err != nil {
		return 0, feed.Start{}, err
	}
	saved, err := sink.Resume(ctx, from, upto)
	if err != nil || saved.Checkpoint == nil {
		return early, start, err
	}
	return turn, saved, nil
}

// early is the warm-up before what is to be shown.
func (r *reel) early(ctx context.Context) (int, feed.Start, error) {
	at := r.shown - r.player.config.Warmup.Microseconds()
	turn := r.turnAt(at)
	h := &r.held[turn]
	if at <= h.Begin { // a clock is told by its second record: the first is not to be sought by it
		return turn, r.start(h, h.First, 0), nil
	}
	offset, clock, err := r.player.config.Archive.Seek(ctx, h.LogID, at)
	return turn, r.start(h, offset, clock), err
}

func (r *reel) epoch(h *feed.Holding) string {
	f, _ := r.player.config.Formats(h.Format)
	return h.Epoch(f)
}

func (r *reel) start(h *feed.Holding, from, clock int64) feed.Start {
	return feed.Start{Epoch: r.epoch(h), Log: h.LogID, From: from, First: h.First, End: from, Clock: clock}
}

// symbols are those that a log is read for: one whose decoder remembers across symbols is read whole.
func (r *reel) symbols(h *feed.Holding) []string {
	if f, _ := r.player.config.Formats(h.Format); f.Scope == feed.ScopeConnection {
		return nil
	}
	return r.wanted
}

// read reads one log from start on, and returns where the next one begins; false if ctx has ended.
func (r *reel) read(ctx context.Context, turn int, start feed.Start) (following feed.Start, ok bool) {
	h := &r.held[turn]
	r.turn = turn // of keyAt
	r.clock = market.ClockAt(start.Clock)
	end, follow, ok := r.limit(ctx, turn)
	if !ok {
		return following, false
	}
	from, opened := start.From, false
	for !opened || end == 0 || from < end {
		w, ok := r.empty(ctx)
		if !ok {
			return following, false
		}
		follow = follow && r.grows(h) // before it is read once more
		if !opened {
			clock := r.now()
			if !r.begun {
				clock, r.begun = 0, true // so that the stage knows of every partition from the start
			}
			w.items = append(w.items, item{clock: clock, record: feed.Record{Offset: from - 1}, start: &start})
		}
		next := from
		if !r.persist(ctx, func() (err error) { next, err = r.fill(ctx, w, h, from, end); return err }) {
			return following, false
		}
		nothing := next <= from && len(w.items) == 0
		if nothing && !follow {
			r.free <- w
			break
		}
		if nothing {
			r.free <- w
			r.dry.Store(true)
			r.player.ring()
			pause(ctx, r.player.config.Poll)
			continue
		}
		opened, from = true, next
		r.dry.Store(false)
		r.full <- w // has room for all
		r.player.ring()
	}
	if turn+1 < len(r.held) {
		h = &r.held[turn+1]
		following = r.start(h, h.First, 0)
	}
	return following, true
}

// grows reports whether more of a log is to be waited for once all of it was read.
func (r *reel) grows(h *feed.Holding) bool {
	grows := r.player.config.Grows
	return !r.succeeded.Load() && (grows == nil || grows(r.epoch(h)))
}

// limit returns the offset at which a log ends for us; follow: nowhere.
func (r *reel) limit(ctx context.Context, turn int) (end int64, follow, ok bool) {
	c, h := &r.player.config, &r.held[turn]
	newest := turn == len(r.held)-1
	switch {
	case c.To > 0 && !c.Live:
		ok = r.persist(ctx, func() (err error) { end, _, err = c.Archive.Seek(ctx, h.LogID, c.To); return err })
		return end, false, ok
	case c.Live && newest:
		return 0, true, true
	}
	return h.Next, false, true
}

// empty waits for a window that has been played.
func (r *reel) empty(ctx context.Context) (*window, bool) {
	select {
	case w := <-r.free:
		w.items, w.turn = w.items[:0], r.before+r.turn
		w.clear()
		return w, true
	case <-ctx.Done():
		return nil, false
	}
}

// fill reads the next window, with the holes in it.
func (r *reel) fill(ctx context.Context, w *window, h *feed.Holding, from, end int64) (next int64, err error) {
	begun, clock := len(w.items), r.clock // an attempt that fails leaves nothing behind
	defer func() {
		if err != nil {
			w.items, r.clock = w.items[:min(begun, len(w.items))], clock
			w.clear()
		}
	}()
	want := feed.Window{From: from, To: end, Bytes: r.ask(), Symbols: r.symbols(h)}
	next, err = r.player.config.Archive.Read(ctx, h.LogID, want, func(rec *feed.Record) error {
		r.keep(w, rec)
		return nil
	})
	if err != nil || next <= from {
		return next, err
	}
	holes, err := r.player.config.Archive.Holes(ctx, h.LogID, from, next)
	if err != nil {
		return next, err
	}
	for i := range holes {
		hole := holes[i]
		hole.From, hole.To = max(hole.From, from), min(hole.To, next)
		if hole.From < hole.To {
			r.insert(w, begun, hole)
		}
	}
	if n := len(w.items) * itemSize; w.bytes > 0 {
		r.share = 1000 * w.bytes / (w.bytes + n)
	}
	return next, nil
}

// ask is how many bytes of records make a window of the reel's size: small ones take more than themselves. The first
// window is a small one.
func (r *reel) ask() int { return r.size / 1000 * max(r.share, 125) }

// now is the log's clock where reading is.
func (r *reel) now() int64 { return max(r.clock.Now(), r.held[r.turn].Begin) }

// keep copies a record into the window.
func (r *reel) keep(w *window, rec *feed.Record) {
	if rec.Clock > 0 {
		r.clock.Set(rec.Clock)
	} else {
		r.clock.Observe(rec.Time)
	}
	c := *rec
	c.Key, c.Value = w.copy(rec.Key), w.copy(rec.Value)
	if len(rec.Headers) > 0 {
		n := len(w.headers)
		for _, h := range rec.Headers {
			w.headers = append(w.headers, feed.Header{Key: h.Key, Value: w.copy(h.Value)})
		}
		c.Headers = w.headers[n:len(w.headers):len(w.headers)]
	}
	w.items = append(w.items, item{clock: r.now(), record: c})
}

// clear lets go of the bytes of records. Their memory is used again, but for that of large ones.
func (w *window) clear() {
	w.chunks = slices.DeleteFunc(w.chunks, func(c []byte) bool { return cap(c) > chunkSize })
	for i := range w.chunks {
		w.chunks[i] = w.chunks[i][:0]
	}
	w.used, w.bytes, w.headers = 0, 0, w.headers[:0]
}

// copy keeps bytes.
func (w *window) copy(b []byte) []byte {
	if b == nil {
		return nil
	}
	w.bytes += len(b)
	for ; w.used < len(w.chunks); w.used++ {
		c := w.chunks[w.used]
		if n := len(c); cap(c)-n >= len(b) {
			c = append(c, b...)
			w.chunks[w.used] = c
			return c[n:len(c):len(c)]
		}
	}
	w.chunks = append(w.chunks, append(make([]byte, 0, max(chunkSize, len(b))), b...))
	return w.chunks[w.used][:len(b):len(b)]
}

// insert puts a hole before the first record behind it.
func (r *reel) insert(w *window, begun int, hole feed.Hole) {
	at := begun
	for at < len(w.items) && w.items[at].record.Offset < hole.To {
		at++
	}
	clock := r.now()
	if at < len(w.items) {
		clock = w.items[at].clock
	}
	w.items = append(w.items, item{})
	copy(w.items[at+1:], w.items[at:])
	w.items[at] = item{clock: clock, record: feed.Record{Offset: hole.To - 1}, lost: &hole}
}
