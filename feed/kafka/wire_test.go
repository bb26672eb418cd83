package kafka

import (
	"bytes"
	"net"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
)

// wire is the network between a broker in this process and whoever connects to it. It can be bad.
type wire struct {
	mu     sync.Mutex
	delay  time.Duration
	hung   bool   // nothing comes out any more, but connections stay open
	cut    int    // so many bytes more, and the connection that is writing is reset; 0: never
	mangle string // bytes that are damaged on the way
	spare  int    // so often: then the wire is good again; 0: for ever
	conns  map[net.Conn]bool
}

// option puts the wire before a broker.
func (w *wire) option() kfake.Opt {
	w.conns = map[net.Conn]bool{}
	return kfake.ListenFn(func(network, address string) (net.Listener, error) {
		l, err := net.Listen(network, address)
		return wiredListener{l, w}, err
	})
}

func (w *wire) set(change func(*wire)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change(w)
}

// reset breaks every connection.
func (w *wire) reset() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.conns {
		breakOff(c)
	}
}

// breakOff ends a connection by a reset.
func breakOff(c net.Conn) {
	_ = c.(*net.TCPConn).SetLinger(0)
	c.Close()
}

type wiredListener struct {
	net.Listener
	wire *wire
}

func (l wiredListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.wire.set(func(w *wire) { w.conns[c] = true })
	return wiredConn{c, l.wire}, nil
}

type wiredConn struct {
	net.Conn
	wire *wire
}

func (c wiredConn) Close() error {
	c.wire.set(func(w *wire) { delete(w.conns, c.Conn) })
	return c.Conn.Close()
}

func (c wiredConn) Write(b []byte) (int, error) {
	c.wire.mu.Lock()
	delay, hung, mangle := c.wire.delay, c.wire.hung, c.wire.mangle
	whole := true
	part := len(b)
	if c.wire.cut > 0 {
		part = min(c.wire.cut, len(b))
		c.wire.cut -= part
		whole = c.wire.cut > 0
	}
	c.wire.mu.Unlock()
	time.Sleep(delay)
	if hung {
		return len(b), nil
	}
	out := b[:part]
	if mangle != "" && bytes.Contains(out, []byte(mangle)) {
		out = bytes.ReplaceAll(out, []byte(mangle), bytes.ToUpper([]byte(mangle)))
		c.wire.set(func(w *wire) {
			if w.spare--; w.spare == 0 {
				w.mangle = ""
			}
		})
	}
	if _, err := c.Conn.Write(out); err != nil {
		return 0, err
	}
	if !whole {
		breakOff(c.Conn)
	}
	return len(b), nil
}
