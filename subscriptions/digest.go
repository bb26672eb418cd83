package subscriptions

import (
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"slices"
	"strings"
	"sync"

	"tapedeck/wire"
)

// Digests are over every entry of rooms, before anything is folded: two timelines whose rooms had the same entries have
// the same ones. They begin where each room is joined, or where it comes to life and a standing order waits for it, and may go
// on in another hub.
type Digests struct {
	mu      sync.Mutex
	rooms   map[string]*digest
	awaited map[orderKey][]string // variants
}

// digest is of one room. It is guarded by the room's lock.
type digest struct {
	sum     hash.Hash
	entries uint64
	mark    uint64 // the state's, up to which its changes are in it
	buf     []byte
	update  wire.Update // here, or each entry would take memory
}

// NewDigests returns digests of no room yet.
func NewDigests() *Digests {
	return &Digests{rooms: map[string]*digest{}, awaited: map[orderKey][]string{}}
}

func (d *Digests) of(room string) *digest {
	d.mu.Lock()
	defer d.mu.Unlock()
	g := d.rooms[room]
	if g == nil {
		g = &digest{sum: sha256.New()}
		d.rooms[room] = g
	}
	return g
}

// await lets the rooms that a standing order will join be digested from their first entry on.
func (h *Hub) await(o *order) {
	d := h.digests.Load()
	if d == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !slices.Contains(d.awaited[o.key], o.variant) {
		d.awaited[o.key] = append(d.awaited[o.key], o.variant)
	}
}

// awaited begins the digests of a base room that comes to life, and of views of it, where standing orders wait for them: whoever
// ordered joins them a little later. The room is locked.
func (r *Room) awaited() {
	d := r.list.hub.digests.Load()
	if d == nil {
		return
	}
	d.mu.Lock()
	variants := slices.Clone(d.awaited[orderKey{r.Name.Channel, r.Name.Venue}])
	d.mu.Unlock()
	name := r.Name
	for _, name.Variant = range variants {
		r.list.room(name, Venue{}).digested() // the base is there: whose it is, is settled
	}
}

// Digest lets the rooms that are joined from now on be digested.
func (h *Hub) Digest(d *Digests) { h.digests.Store(d) }

// digested begins or goes on with the room's digest, if there is one. The room is locked.
func (r *Room) digested() {
	if d := r.list.hub.digests.Load(); d != nil && r.digest == nil {
		r.digest = d.of(r.Text)
		r.digest.mark = r.state.Mark()
	}
}

// add takes the room's newest entry in: its epoch, and its update as a client would be told of it alone.
func (d *digest) add(r *Room, n uint64) {
	body, ok := r.state.Since(d.mark, r.state.Mark())
	if !ok && r.state.Good() {
		body, _ = r.state.Full(0)
		ok = body != nil
	}
	d.mark = r.state.Mark()
	d.buf = append(d.buf[:0], r.epoch...)
	if ok {
		d.update = wire.Update{Room: r.Text, Seq: r.seq, N: n, Time: r.ts, VenueTime: r.vt, Body: body}
		d.buf = wire.JSON.AppendUpdate(d.buf, &d.update)
	} else {
		d.buf = wire.JSON.AppendSnapshot(d.buf, &wire.Snapshot{Room: r.Text, Seq: r.seq, Empty: r.Name.Channel})
	}
	d.sum.Write(d.buf)
	d.entries++
}

// Digest returns how many entries the subscriber's rooms had, and a hash over them, room by room in the order of their
// names. Nothing may be published meanwhile.
func (s *Subscriber) Digest() (entries uint64, sum string) {
	all := sha256.New()
	byName := slices.SortedFunc(slices.Values(s.order), func(a, b *seat) int { return strings.Compare(a.room().Text, b.room().Text) })
	for _, st := range byName {
		r := st.room()
		r.list.mu.Lock()
		if d := r.digest; d != nil {
			entries += d.entries
			all.Write([]byte(r.Text))
			all.Write(d.sum.Sum(nil))
		}
		r.list.mu.Unlock()
	}
	return entries, base64.RawURLEncoding.EncodeToString(all.Sum(nil))
}
