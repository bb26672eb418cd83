package itch

import "math/bits"

// order is an order in the book.
type order struct {
	price  uint32 // in 1/10,000 of a dollar
	shares uint32
	locate uint16
	side   byte // B or S; 0 where the order that it replaced is not known
}

// maxOrders is how many orders one decoder, and so one partition, remembers: 32 bytes each, 200 MB in all. It is
// several times what we expect of a busy day.
const maxOrders = 6 << 20

// orders are all orders by their numbers: an open table of slots, of which at most three quarters are taken. Of a million
// orders, to put one, change one and remove one takes 0.13 µs; Go's map takes five times as long (BenchmarkOrders).
type orders struct {
	slots []slot // a power of two
	shift uint8  // a hash's highest bits are its slot
	n     int
	most  int
}

// slot is an order; ref is 0 where there is none.
type slot struct {
	ref uint64
	order
}

func newOrders(most int) orders {
	t := orders{most: most}
	t.resize(1 << 12)
	return t
}

func (t *orders) resize(size int) {
	old := t.slots
	t.slots, t.shift = make([]slot, size), uint8(64-bits.Len(uint(size-1)))
	for i := range old {
		if old[i].ref != 0 {
			at, _ := t.find(old[i].ref)
			t.slots[at] = old[i]
		}
	}
}

// home is where an order should be. Numbers of orders rise by ones: a multiplication spreads them evenly.
func (t *orders) home(ref uint64) int { return int(ref * 0x9e3779b97f4a7c15 >> t.shift) }

// find returns where an order is, or would be.
func (t *orders) find(ref uint64) (at int, known bool) {
	for at = t.home(ref); t.slots[at].ref != 0; at = (at + 1) & (len(t.slots) - 1) {
		if t.slots[at].ref == ref {
			return at, true
		}
	}
	return at, false
}

// get returns an order, which may be changed until the next one is put or removed; nil if it is not known.
func (t *orders) get(ref uint64) *order {
	if at, known := t.find(ref); known {
		return &t.slots[at].order
	}
	return nil
}

// put remembers an order in place of whatever had its number; false if there is no room.
func (t *orders) put(ref uint64, o order) bool {
	at, known := t.find(ref)
	if !known {
		if t.n >= t.most {
			return false
		}
		if t.n++; t.n > len(t.slots)/4*3 {
			t.resize(2 * len(t.slots))
			at, _ = t.find(ref)
		}
	}
	t.slots[at] = slot{ref, o}
	return true
}

// remove forgets an order, if it is known. Those behind it move up, so that no trace of it is left.
func (t *orders) remove(ref uint64) {
	hole, known := t.find(ref)
	if !known {
		return
	}
	t.n--
	last := len(t.slots) - 1
	for at := (hole + 1) & last; t.slots[at].ref != 0; at = (at + 1) & last {
		if (at-t.home(t.slots[at].ref))&last >= (at-hole)&last {
			t.slots[hole] = t.slots[at]
			hole = at
		}
	}
	t.slots[hole] = slot{}
}

// clear forgets all orders and keeps their memory.
func (t *orders) clear() {
	clear(t.slots)
	t.n = 0
}
