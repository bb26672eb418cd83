package server

import (
	"encoding/binary"
	"net"
	"sync"
	"time"

	"tapedeck/wire"
)

// socket is a WebSocket's connection as its pump and gws use it: its link, or TLS over it. Everything
// that is written to it after the handshake is whole frames, one after the other, so that none gets
// into another's middle: not a pong into a half-written flush either. Writing never blocks, and
// nothing follows a close frame.
type socket struct {
	net.Conn
	link *link

	mu   sync.Mutex
	code uint16 // of the close frame that was written; 0: none yet

	// Of the reader alone.
	pending int    // bytes read since the last whole message
	most    int    // of them
	flooded func() // called once there are more
}

// fragmentation is how many bytes the frames of one message may cost beside its payload: 1,000 fragments
// are taken; a message that never ends is not.
const fragmentation = 8 << 10

// newSocket takes over a connection whose messages have at most frameBytes.
func newSocket(c net.Conn, l *link, frameBytes int) *socket {
	return &socket{Conn: c, link: l, most: frameBytes + fragmentation}
}

// Read is for gws. It sees to it that a message ends: gws bounds its payload, but not the number of its
// fragments, of which each may be empty.
func (s *socket) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	if s.pending += n; s.pending > s.most && s.flooded != nil {
		s.flooded()
		s.flooded = nil
	}
	return n, err
}

// whole notes that a message has ended.
func (s *socket) whole() { s.pending = 0 }

// control notes a control frame, which may come between a message's fragments and is no part of it.
func (s *socket) control(payload int) { s.pending = max(s.pending-6-payload, 0) }

const closeOpcode = 0x88 // with its fin bit

// Write is for gws: the handshake's answer, then control frames. Where the connection broke, gws writes a
// close frame with the error's text, which may name our addresses: nobody is there to hear it.
func (s *socket) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.code == 0 && len(p) >= 2 && p[0] == closeOpcode {
		s.code = closeCode(p)
		if s.code != noCloseFrame {
			return s.Conn.Write(p)
		}
	}
	if s.code != 0 {
		return len(p), nil
	}
	return s.Conn.Write(p)
}

// noCloseFrame stands for the close code of a connection that ended without one, as in RFC 6455 §7.1.5.
const noCloseFrame = 1006

// closeCode is the code in a close frame of gws; 1005 stands for none in it.
func closeCode(frame []byte) uint16 {
	if len(frame) < 4 {
		return 1005
	}
	code := binary.BigEndian.Uint16(frame[2:])
	if code == 1000 && len(frame) > 4 { // the answer to a peer's has no reason
		return noCloseFrame
	}
	return code
}

// send writes one flush; false: the link is blocked now, and the rest is kept.
func (s *socket) send(p []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.put(p)
}

// last writes a close frame, after which there is nothing.
func (s *socket) last(c *wire.Close) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.put(closeFrame(c))
	if s.code == 0 {
		s.code = c.Code
	}
}

func (s *socket) put(p []byte) bool {
	if s.code != 0 {
		return true // nobody reads it: as good as sent
	}
	s.link.expect(len(p))
	_, _ = s.Conn.Write(p) // an error has closed the link, and so ends the reader, which sees to the rest
	return !s.link.flushed()
}

func (s *socket) stuck(now time.Time) time.Duration { return s.link.stuck(now) }

// closed returns the code of the close frame that was written, 0 if none was.
func (s *socket) closed() uint16 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.code
}

// Close ends the connection at once, without TLS's own goodbye.
func (s *socket) Close() error { return s.link.Close() }
