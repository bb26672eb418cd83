package subscriptions

import "tapedeck/wire"

// cacheLines bounds how many different ranges of a room are remembered until its next entry. Readers
// in step need one; the slow classes, joiners and encodings a few more.
const cacheLines = 8

// cache remembers what was told since the room's newest entry, so that a range is folded and encoded
// once however many read it, and a snapshot once however many join. Its memory is reused.
type cache struct {
	lines [cacheLines]line
	used  int
}

// line is one range: from a position, in an encoding.
type line struct {
	enc  wire.Encoding
	from Position
	last int
	to   Position
	told Told
	text []byte
}

// readShared appends what follows *p to dst and moves p, as read does, from memory where it can. The room
// is locked.
func (r *Room) readShared(dst []byte, enc wire.Encoding, p *Position, last int) ([]byte, Told) {
	if !p.need && p.place == r.log.head() {
		return dst, Told{}
	}
	for i := range r.cache.lines[:r.cache.used] {
		if l := &r.cache.lines[i]; l.from == *p && l.enc == enc && l.last == last {
			*p = l.to
			return append(dst, l.text...), l.told
		}
	}
	if r.cache.used == cacheLines {
		return r.read(dst, enc, p, last)
	}
	l := &r.cache.lines[r.cache.used]
	l.enc, l.from, l.last = enc, *p, last
	begin := len(dst)
	dst, l.told = r.read(dst, enc, p, last)
	l.text, l.to = append(l.text[:0], dst[begin:]...), *p
	r.cache.used++
	r.list.hub.counts.encoded.Add(uint64(l.told.Messages))
	if cap(l.text) > maxKeptText && len(l.text) < maxKeptText/4 {
		l.text = append([]byte(nil), l.text...) // a snapshot once needed far more
	}
	return dst, l.told
}

// maxKeptText is how much memory a line keeps without need: a snapshot of 1,000 levels a side has 60 KB.
const maxKeptText = 16 << 10

// clear forgets what was told: the room has a new entry. The first line is needed again at once; the others may be of
// readers who were out of step, each with all that the log has.
func (c *cache) clear() {
	for i := 1; i < c.used; i++ {
		if l := &c.lines[i]; cap(l.text) > maxKeptText {
			l.text = nil
		}
	}
	c.used = 0
}

// trim lets go of large memory that is not needed now; of all if nobody follows the room.
func (c *cache) trim(unused bool) {
	if unused {
		c.used = 0
	}
	for i := range c.lines[c.used:] {
		if l := &c.lines[c.used+i]; unused || cap(l.text) > maxKeptText {
			l.text = nil
		}
	}
}
