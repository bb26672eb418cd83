package bench

import (
	"fmt"
	"hash/maphash"
	"strings"
	"sync"

	"tapedeck/market"
)

// room is what one connection knows of one room: enough to judge every message of it by the protocol's
// rules, and its levels where the connection keeps them.
type room struct {
	name  string
	never bool // a room of which every event must arrive: after a gap updates go on
	seq   int64
	epoch string
	has   bool
	wants bool // after a gap a snapshot must come before the next update
	book  *levels
	truth *truth
}

// fault is a message that breaks the protocol.
type fault struct{ text string }

func (f *fault) Error() string { return f.text }

func broken(r *room, m *message, format string, args ...any) error {
	return &fault{fmt.Sprintf("%s: %s: %s", r.name, m.t, fmt.Sprintf(format, args...))}
}

func newRoom(name string, content bool, t *truths) *room {
	r := &room{name: name, never: strings.HasPrefix(name, "trades:")}
	if parsed, _, ok := market.ParseRoom(name); ok && content && parsed.Channel == market.BookChannel {
		r.book, r.truth = newLevels(), t.of(name)
	}
	return r
}

func (r *room) snapshot(m *message) error {
	r.has, r.wants, r.seq, r.epoch = true, false, m.seq, string(m.epoch)
	if r.book != nil {
		r.book.clear()
	}
	return r.content(m)
}

func (r *room) update(m *message) error {
	switch {
	case !r.has:
		return broken(r, m, "before any snapshot")
	case r.wants:
		return broken(r, m, "where a snapshot had to come, after a gap")
	case !m.hasPrev || m.prev != r.seq:
		return broken(r, m, "prev %d does not continue %d", m.prev, r.seq)
	case m.seq <= m.prev:
		return broken(r, m, "seq %d is not over prev %d", m.seq, m.prev)
	case !m.hasN || m.n < 1:
		return broken(r, m, "it has no events")
	}
	r.seq = m.seq
	return r.content(m)
}

func (r *room) gap(m *message) error {
	if !m.hasFrom || r.has && m.from != r.seq {
		return broken(r, m, "from %d does not continue %d", m.from, r.seq)
	}
	r.seq, r.epoch = m.to, string(m.epoch)
	r.wants = !r.never || string(m.reason) == "epoch"
	return nil
}

// content applies a book's levels, and compares what came of them with what others have at the same seq.
func (r *room) content(m *message) error {
	if r.book == nil {
		return nil
	}
	if err := r.book.apply(m); err != nil {
		return broken(r, m, "%v", err)
	}
	if other, ok := r.truth.agree(r.epoch, r.seq, r.book.sum); !ok {
		return broken(r, m, "another connection has another book at seq %d (%x, here %x)", r.seq, other, r.book.sum)
	}
	return nil
}

// levels is a book's content, with a sum over its levels: equal books have equal sums, in whatever order
// their levels came.
type levels struct {
	qty map[levelKey]uint64 // its share of the sum
	sum uint64
	buf []market.Level
}

type levelKey struct {
	ask   bool
	price string // without trailing zeros, so that equal prices are one
}

func newLevels() *levels { return &levels{qty: map[levelKey]uint64{}} }

func (l *levels) clear() {
	clear(l.qty)
	l.sum = 0
}

func (l *levels) apply(m *message) error {
	c := m.cursor.Into(m.d)
	if !c.Object() {
		return errFrame
	}
	for key, ok := c.Key(); ok; key, ok = c.Key() {
		side := string(key)
		if side != "bids" && side != "asks" {
			c.Value()
			continue
		}
		list, good := c.Levels(l.buf[:0])
		l.buf = list
		if !good {
			return fmt.Errorf("%s are no levels", side)
		}
		for _, v := range list {
			l.set(side == "asks", v)
		}
	}
	return nil
}

var seed = maphash.MakeSeed()

func (l *levels) set(ask bool, v market.Level) {
	k := levelKey{ask, plain(v.Price)}
	l.sum -= l.qty[k]
	if v.Qty.IsZero() {
		delete(l.qty, k)
		return
	}
	share := maphash.Comparable(seed, struct {
		levelKey
		qty string
	}{k, plain(v.Qty)})
	l.qty[k] = share
	l.sum += share
}

func plain(d market.Decimal) string {
	s := d.String()
	if strings.IndexByte(s, '.') < 0 {
		return s
	}
	return strings.TrimRight(strings.TrimRight(s, "0"), ".")
}

// truths is what the connections that keep content have found, by room.
type truths struct {
	mu    sync.Mutex
	rooms map[string]*truth
}

func newTruths() *truths { return &truths{rooms: map[string]*truth{}} }

func (t *truths) of(name string) *truth {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.rooms[name] == nil {
		t.rooms[name] = &truth{}
	}
	return t.rooms[name]
}

// truth is the sums of one room's books at its latest seqs: the first who is at a seq says what it is, and
// everybody else must agree.
type truth struct {
	mu       sync.Mutex
	recent   [4096]struct{ seq, sum uint64 } // by seq
	epoch    string
	compared uint64
}

func (t *truth) agree(epoch string, seq int64, sum uint64) (other uint64, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.epoch != epoch {
		t.epoch = epoch
		clear(t.recent[:])
	}
	at := &t.recent[uint64(seq)%uint64(len(t.recent))]
	if at.seq != uint64(seq) {
		at.seq, at.sum = uint64(seq), sum
		return sum, true
	}
	t.compared++
	return at.sum, at.sum == sum
}

// compared is how many times a book was compared with another connection's.
func (t *truths) compared() (n uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, one := range t.rooms {
		one.mu.Lock()
		n += one.compared
		one.mu.Unlock()
	}
	return n
}
