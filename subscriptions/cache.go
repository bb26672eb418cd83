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
	enc    wire.Encoding
	from   Position
	last   int
	to     Position
	told   Told
	text   []byte
	long   bool   // one reader alone has needed the text so far: it is not kept
	packed []byte // the text compressed, once somebody wants it so
}

// readShared appends what follows *p to dst and moves p, as read does, from memory where it can. Where pack is not nil it is
// appended compressed, as a piece. The room is locked.
func (r *Room) readShared(dst []byte, enc wire.Encoding, pack wire.Deflate, p *Position, last int) ([]byte, Told) {
	if !p.need && p.place == r.log.head() {
		return dst, Told{}
	}
	counts := &r.list.hub.counts
	l, known := r.cache.find(enc, *p, last)
	if known && !l.long {
		*p = l.to
		return l.append(dst, pack, counts), l.told
	}
	begin := len(dst)
	if l == nil {
		dst, told := r.read(dst, enc, p, last)
		told.bytes = len(dst) - begin
		if pack != nil && told.bytes > 0 {
			end := len(dst)
			dst = pack.Piece(dst, dst[begin:]) // behind the text, whose place it takes
			dst = dst[:begin+copy(dst[begin:], dst[end:])]
			counts.deflated.Add(1)
		}
		return dst, told
	}
	dst, l.told = r.read(dst, enc, p, last)
	l.told.bytes = len(dst) - begin
	l.to = *p
	counts.encoded.Add(uint64(l.told.Messages))
	l.keep(dst[begin:], known || pack != nil)
	if pack != nil {
		dst = l.append(dst[:begin], pack, counts)
	}
	return dst, l.told
}

// find returns the line of a range, and whether it was read before; nil if there is none left.
func (c *cache) find(enc wire.Encoding, from Position, last int) (l *line, known bool) {
	for i := range c.lines[:c.used] {
		if l := &c.lines[i]; l.from == from && l.enc == enc && l.last == last {
			return l, true
		}
	}
	if c.used == cacheLines {
		return nil, false
	}
	l = &c.lines[c.used]
	l.enc, l.from, l.last = enc, from, last
	c.used++
	return l, false
}

// keep keeps a text, a long one only if it is needed again: what one who is out of step alone has missed is his
// alone, and may be a whole log.
func (l *line) keep(text []byte, again bool) {
	if l.long = len(text) > maxKeptText/4 && !again; l.long {
		text = nil
	}
	if cap(l.text) > maxKeptText && len(text) < maxKeptText/4 {
		l.text = nil // a snapshot once needed far more
	}
	l.text, l.packed = append(l.text[:0], text...), l.packed[:0]
}

// maxKeptText is how much memory a line keeps without need: a snapshot of 1,000 levels a side has 60 KB.
const maxKeptText = 16 << 10

// drop lets go of the line's memory, if it is large.
func (l *line) drop() {
	if cap(l.text) > maxKeptText {
		l.text = nil
	}
	if cap(l.packed) > maxKeptText {
		l.packed = nil
	}
}

// clear forgets what was told: the room has a new entry. The first line is needed again at once; the others may be of
// readers who were out of step, each with all that the log has.
func (c *cache) clear() {
	for i := 1; i < c.used; i++ {
		c.lines[i].drop()
	}
	c.used = 0
}

// trim lets go of large memory that is not needed now; of all if nobody follows the room.
func (c *cache) trim(unused bool) {
	if unused {
		c.used = 0
	}
	for i := range c.lines[c.used:] {
		l := &c.lines[c.used+i]
		if unused {
			l.text, l.packed = nil, nil
		}
		l.drop()
	}
}
