package server

import (
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"time"
)

// link is a WebSocket's connection as its pump and gws write to it. All bytes go through it, so that
// frames never interleave: not a pong into a half-written frame either.
//
// Writes never block. What the socket does not take at once is kept, at most one flush and a few
// control frames, and written by a goroutine that ends when it is out; until then the link is blocked,
// and drained is called when it is not any more.
//
// A *net.TCPConn is written to with the system call itself, under the runtime's own lock of the
// descriptor: a number kept apart could be another client's by the time it is used. Any other
// connection (TLS) is written to by that goroutine alone.
type link struct {
	net.Conn
	raw     syscall.RawConn // nil: not a TCP connection
	drained func()          // called from the writing goroutine
	spawn   func(func())    // starts a goroutine that the server waits for

	mu      sync.Mutex
	open    bool   // the handshake is over
	rest    []byte // not yet taken by the socket
	control int    // bytes of control frames in rest
	blocked bool
	closed  bool
	since   time.Time // blocked since
}

// maxControl is how many bytes of control frames wait behind a blocked socket. A peer that makes us
// answer more than that without reading is not worth more.
const maxControl = 4 << 10

var errStuck = errors.New("server: too many control frames behind a blocked socket")

func newLink(c net.Conn, sendBuffer int, spawn func(func())) *link {
	l := &link{Conn: c, spawn: spawn, drained: func() {}}
	if tcp, ok := c.(*net.TCPConn); ok {
		tcp.SetWriteBuffer(sendBuffer) // a large one hides a slow reader: 4 MB are seconds of old ticks
		l.raw, _ = tcp.SyscallConn()
	}
	return l
}

// Write is for gws: the handshake's answer, then control frames.
func (l *link) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.open {
		return l.Conn.Write(p)
	}
	if l.closed {
		return 0, net.ErrClosed
	}
	if l.blocked {
		if l.control += len(p); l.control > maxControl {
			return 0, errStuck
		}
	}
	l.put(p)
	return len(p), nil
}

// start ends the handshake: from now on nothing blocks.
func (l *link) start(drained func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open, l.drained = true, drained
}

// send writes one flush; false: the link is blocked now, and the rest is kept. It must not be called
// while it is blocked.
func (l *link) send(p []byte) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return true // nobody reads it: as good as sent
	}
	l.put(p)
	return !l.blocked
}

// put writes p after what waits, or keeps it. l.mu is held.
func (l *link) put(p []byte) {
	if l.blocked {
		l.rest = append(l.rest, p...)
		return
	}
	n := 0
	if l.raw != nil {
		n = l.try(p)
	}
	if n == len(p) || l.closed {
		return
	}
	l.rest = append(l.rest[:0], p[n:]...)
	l.blocked, l.since = true, time.Now()
	l.spawn(l.finish)
}

// try writes what the socket takes. An error closes: the reader sees to the rest.
func (l *link) try(p []byte) (n int) {
	err := l.raw.Write(func(fd uintptr) bool {
		n, _ = once(fd, p)
		return true
	})
	if err != nil {
		l.shut()
	}
	return n
}

// once is one write(2); an EAGAIN has written nothing.
func once(fd uintptr, p []byte) (int, error) {
	for {
		n, err := syscall.Write(int(fd), p)
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			return 0, nil
		case err != nil:
			return 0, err
		}
		return n, nil
	}
}

// finish writes the rest as the socket takes it. It runs in a goroutine of its own, which ends when
// nothing is left or the connection is closed.
func (l *link) finish() {
	for {
		l.mu.Lock()
		rest := l.rest
		l.mu.Unlock()
		n, err := l.write(rest)
		if l.wrote(n, err) {
			l.drained()
			return
		}
	}
}

// wrote takes note of what is out, and reports whether there is nothing left to do.
func (l *link) wrote(n int, err error) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rest = l.rest[:copy(l.rest, l.rest[n:])]
	if err != nil {
		l.shut()
	}
	if len(l.rest) > 0 && !l.closed {
		return false
	}
	if l.rest = l.rest[:0]; cap(l.rest) > 16<<10 {
		l.rest = nil // a blocked client may cost a flush; one that reads again does not
	}
	l.blocked, l.control = false, 0
	return true
}

// write writes some of p, waiting for the socket in the runtime's poller.
func (l *link) write(p []byte) (n int, err error) {
	if l.raw == nil {
		return l.Conn.Write(p)
	}
	werr := l.raw.Write(func(fd uintptr) bool {
		n, err = once(fd, p)
		return n > 0 || err != nil
	})
	if werr != nil {
		return 0, werr
	}
	if n == 0 && err == nil {
		return 0, io.ErrShortWrite
	}
	return n, err
}

// stuck returns for how long the link has been blocked.
func (l *link) stuck(now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.blocked {
		return 0
	}
	return now.Sub(l.since)
}

// Close ends the connection at once: readers and writers of it return.
func (l *link) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.shut()
}

func (l *link) shut() error {
	if l.closed {
		return nil
	}
	l.closed = true
	return l.Conn.Close()
}
