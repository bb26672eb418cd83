package itch

import (
	"encoding/binary"
	"fmt"

	"tapedeck/feed"
	"tapedeck/market"
)

// A MoldUDP64 packet: the name of its session (10 bytes), the number of its first message (8), how many messages it has
// (2), and each with its length before it. Without messages it tells the number of the next one.
const (
	sessionSize = 10
	headerSize  = sessionSize + 8 + 2
	endOfStream = 0xffff // in place of a count: no message will come
)

// session is how far a session was read.
type session struct {
	name [sessionSize]byte // zeros: none was
	next uint64            // the number of the next message
	top  uint64            // what next was before the session was sent again; else no more than next
	this uint64            // the number of the message that is being read
}

// told reports whether this message was read before.
func (s *session) told() bool { return s.this < s.top }

var (
	errHeader = fmt.Errorf("%w: a packet has a header of %d bytes", feed.MissingField, headerSize)
	errNumber = fmt.Errorf("%w: a session's name is text, and its messages are numbered from 1", feed.BadValue)
	errCount  = fmt.Errorf("%w: the packet has other messages than its header says", feed.BadValue)
	errFewer  = fmt.Errorf("%w: the packet has fewer messages than its header says", feed.MissingField)
	errSeen   = fmt.Errorf("%w: the packet's messages were read before, or should have been", feed.Ignored)
	errIdle   = fmt.Errorf("%w: a packet without messages", feed.Ignored)
)

// packet decodes a record of one packet.
func (d *decoder) packet(b *market.Batch, r *feed.Record) error {
	if len(r.Value) < headerSize {
		return errHeader
	}
	name, body := [sessionSize]byte(r.Value), r.Value[headerSize:]
	first := binary.BigEndian.Uint64(r.Value[sessionSize:])
	want := int(binary.BigEndian.Uint16(r.Value[sessionSize+8:]))
	if want == endOfStream {
		want = 0
	}
	n, err := checkAll(body)
	switch {
	case !isText(name[:]) || first == 0 || first > 1<<62:
		return errNumber
	case err != nil:
		return err
	case n < want:
		return errFewer
	case n > want:
		return errCount
	}
	d.follow(b, name, first, n)
	if d.why = errIdle; n > 0 {
		d.why = errSeen
	}
	s := &d.session
	for s.this = first; len(body) > 0; s.this++ {
		var m message
		if m, body = cut(body); s.this >= s.next {
			d.take(b, m)
		}
	}
	s.next = max(s.next, first+uint64(n))
	s.top = max(s.top, s.next)
	return nil
}

// follow holds a packet against what was read. Its messages that were are left out; where some before it are missing that
// is told; a session whose books are lost may be sent again from its first message on.
func (d *decoder) follow(b *market.Batch, name [sessionSize]byte, first uint64, n int) {
	s := &d.session
	switch {
	case s.name != name:
		if first != 1 || s.next > 0 && !d.ended {
			d.lose(b)
		}
		*s = session{name: name, next: first}
	case first > s.next:
		d.lose(b)
		s.next = first
	case first == 1 && n > 0 && !d.started:
		s.next = 1
	}
}

// isText reports whether a name can be printed.
func isText(name []byte) bool {
	for _, c := range name {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}
