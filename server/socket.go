package server

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"net"
	"runtime"
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
	br      *bufio.Reader // gws'
	in      []byte        // read and not yet taken by gws
	buffer  *[readBuffer]byte
	between bool   // nothing of a frame is read
	resting bool   // its goroutine has ended until something comes
	pending int    // bytes taken since the last whole message
	most    int    // of them
	flooded func() // called once there are more
}

// readBuffer is what a connection reads with while something comes: commands are short.
const readBuffer = 512

var readBuffers = sync.Pool{New: func() any { return new([readBuffer]byte) }}

// fragmentation is how many bytes the frames of one message may cost beside its payload: 1,000 fragments
// are taken; a message that never ends is not.
const fragmentation = 8 << 10

// newSocket takes over a connection whose messages have at most frameBytes, and of which early has been read.
func newSocket(c net.Conn, l *link, frameBytes int, early []byte) *socket {
	s := &socket{Conn: c, link: l, most: frameBytes + fragmentation, in: bytes.Clone(early), between: len(early) == 0}
	s.br = bufio.NewReaderSize(s, 0) // as small as can be: we have a buffer ourselves, while we need one
	return s
}

// Read is for gws, whose ReadLoop never returns while the connection lives: its stack, of 4 KiB, is most of
// what an idle connection would cost. So where a frame has ended and no other has begun, its goroutine ends here;
// rest says how reading goes on. gws holds nothing then that a new ReadLoop would miss.
//
// It sees to it as well that a message ends: gws bounds its payload, but not the number of its fragments, of
// which each may be empty.
func (s *socket) Read(p []byte) (int, error) {
	if len(s.in) == 0 {
		if s.between && s.rests() {
			s.release()
			s.resting = true
			runtime.Goexit()
		}
		if err := s.fill(); err != nil {
			return 0, err
		}
	}
	s.between = false
	n := copy(p, s.in)
	s.in = s.in[n:]
	if s.pending += n; s.pending > s.most && s.flooded != nil {
		s.flooded()
		s.flooded = nil
	}
	return n, nil
}

func (s *socket) fill() error {
	if s.buffer == nil {
		s.buffer = readBuffers.Get().(*[readBuffer]byte)
	}
	n, err := s.Conn.Read(s.buffer[:])
	s.in = s.buffer[:n]
	if n > 0 {
		return nil // an error comes again
	}
	return err
}

// release gives back what is needed while something comes alone.
func (s *socket) release() {
	if s.in = nil; s.buffer != nil {
		readBuffers.Put(s.buffer)
		s.buffer = nil
	}
}

// rests reports whether the kernel tells when there is something to read: of TLS, some may have been read already.
func (s *socket) rests() bool { return s.Conn == net.Conn(s.link) }

// rest waits for the next frame, if none has begun, in as little memory as can be.
func (s *socket) rest() {
	if s.resting = false; s.between && s.rests() {
		s.between = false
		s.link.arrival()
	}
}

// whole notes that a message has ended.
func (s *socket) whole() {
	s.pending = 0
	s.over()
}

// control notes a control frame, which may come between a message's fragments and is no part of it.
func (s *socket) control(payload int) {
	s.pending = max(s.pending-6-payload, 0)
	s.over()
}

// over notes that a frame has ended.
func (s *socket) over() { s.between = len(s.in) == 0 && s.br.Buffered() == 0 }

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
