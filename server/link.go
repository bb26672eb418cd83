package server

import (
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"time"
)

// link is an accepted TCP connection. While HTTP is spoken on it, its writes block as any other's.
// From start on they never do: what the socket does not take at once is kept and written by a
// goroutine that ends when it is out. Until then the link is blocked; drained is called when it is not
// any more.
//
// TLS lies above the link, so what waits here is what goes onto the wire, and a TLS connection needs no
// goroutine to write either, as long as its socket takes what it is given.
//
// The system call is made under the runtime's own lock of the descriptor (RawConn): a number kept
// apart could be another client's by the time it is used.
type link struct {
	*net.TCPConn
	raw     syscall.RawConn
	spawn   func(func()) // starts a goroutine that the server waits for
	drained func()       // called from that goroutine

	mu      sync.Mutex
	open    bool   // the handshake is over: writes do not block
	rest    []byte // not yet taken by the socket
	limit   int    // of bytes in rest
	blocked bool
	closed  bool
	since   time.Time // blocked since

	attempt func(fd uintptr) bool // one write of p: made once, since a closure a write would be an allocation
	p       []byte
	n       int
	err     error
}

// maxControl is how many bytes may wait behind a flush that the socket has not taken: control frames,
// and last words. A peer that makes us answer more than that without reading is not worth more.
const maxControl = 4 << 10

// rests is memory for what waits. Who reads again after a while is sent a flush after the other, each of which blocks.
var rests = sync.Pool{New: func() any { return new([]byte) }}

var errStuck = errors.New("server: too much waits for a blocked socket")

func newLink(c *net.TCPConn, spawn func(func())) (*link, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, err
	}
	l := &link{TCPConn: c, raw: raw, spawn: spawn, limit: maxControl}
	l.attempt = func(fd uintptr) bool {
		l.n, l.err = once(fd, l.p)
		return true
	}
	return l, nil
}

// start ends the handshake: from now on nothing blocks.
func (l *link) start(drained func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open, l.drained = true, drained
}

// expect allows a flush of n bytes to wait, as TLS may write them: 22 bytes more for each record of
// 16 KiB.
func (l *link) expect(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.limit = len(l.rest) + n + n>>8 + maxControl
}

// flushed ends what expect began, and reports whether the link is blocked: nothing but control frames may
// come behind what waits now.
func (l *link) flushed() (blocked bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.limit = len(l.rest) + maxControl
	return l.blocked
}

func (l *link) Write(p []byte) (int, error) {
	l.mu.Lock()
	if !l.open {
		l.mu.Unlock()
		return l.TCPConn.Write(p)
	}
	defer l.mu.Unlock()
	n := 0
	if !l.blocked && !l.closed {
		n = l.try(p)
	}
	switch {
	case l.closed:
		return n, net.ErrClosed
	case n == len(p):
		return n, nil
	case len(l.rest)+len(p)-n > l.limit:
		l.shut()
		return n, errStuck
	}
	if l.rest == nil {
		l.rest = *rests.Get().(*[]byte)
	}
	l.rest = append(l.rest, p[n:]...)
	if !l.blocked {
		l.blocked, l.since = true, time.Now()
		l.spawn(l.finish)
	}
	return len(p), nil
}

// try writes what the socket takes. An error closes: the reader sees to the rest. l.mu is held.
func (l *link) try(p []byte) int {
	l.p, l.n, l.err = p, 0, nil
	err := l.raw.Write(l.attempt)
	l.p = nil
	if err != nil || l.err != nil {
		l.shut()
	}
	return l.n
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

// arrival waits until there is something to read, or the connection has ended. It takes little of a stack.
func (l *link) arrival() {
	_ = l.raw.Read(arrived)
}

// arrived reports whether a read would not wait.
func arrived(fd uintptr) bool {
	var one [1]byte
	_, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK)
	return err != syscall.EAGAIN
}

// finish writes the rest as the socket takes it. It runs in a goroutine of its own, which ends when
// nothing is left or the connection is closed.
func (l *link) finish() {
	for {
		l.mu.Lock()
		rest := l.rest
		l.mu.Unlock()
		n, err := l.wait(rest)
		if l.wrote(n, err) {
			l.drained()
			return
		}
	}
}

// wait writes some of p, waiting for the socket in the runtime's poller.
func (l *link) wait(p []byte) (n int, err error) {
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
	rest := l.rest[:0] // a blocked client may cost a flush; one that reads again does not
	rests.Put(&rest)
	l.rest = nil
	l.blocked, l.limit = false, maxControl
	return true
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
	l.shut()
	return nil
}

func (l *link) shut() {
	if !l.closed {
		l.closed = true
		l.TCPConn.Close()
	}
}

// links makes a link of every connection that a listener accepts. A large send buffer of the kernel would
// hide a slow reader: 4 MB of it are seconds of old ticks.
type links struct {
	net.Listener
	sendBuffer int
	spawn      func(func())
}

func (l links) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		tcp := c.(*net.TCPConn)
		_ = tcp.SetWriteBuffer(l.sendBuffer)
		if link, err := newLink(tcp, l.spawn); err == nil {
			return link, nil
		}
		c.Close() // gone already
	}
}
