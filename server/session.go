package server

import (
	"encoding/binary"
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/lxzan/gws"

	"tapedeck/subscriptions"
	"tapedeck/throttle"
	"tapedeck/wire"
)

// session is one connection. Its subscriber, its clock and its end belong to its pump; what its reader
// uses is marked.
type session struct {
	server *Server
	pump   *pump
	out    outlet
	sub    *subscriptions.Subscriber
	id     string
	ip     string
	place  int // in pump.sessions

	beat     int64 // when the next heartbeat is due, ns
	closing  *wire.Close
	closedAt time.Time // when its last words were said

	conn    *gws.Conn       // nil for SSE
	bucket  throttle.Bucket // reader's
	pings   throttle.Bucket // reader's
	abuse   int             // reader's: refusals in a row
	delayed func()          // a frame's commands, until the socket takes an answer again

	seen  atomic.Int64 // when the last frame came, ns
	ended atomic.Bool
}

// outlet is where a session's bytes go.
type outlet interface {
	send(p []byte) bool // false: blocked from now on
	stuck(now time.Time) time.Duration
	Close() error
}

// maxHeader is the longest header of a frame from the server.
const maxHeader = 10

// flush writes what the subscriber has as one frame, in one write.
func (s *session) flush(buf []byte) []byte {
	buf = s.sub.Take(append(buf[:0], make([]byte, maxHeader)...))
	payload := len(buf) - maxHeader
	if payload == 0 {
		return buf
	}
	if s.conn == nil {
		s.hand(buf[maxHeader:])
		return buf
	}
	opcode := byte(gws.OpcodeText)
	if s.sub.Encoding().Binary() {
		opcode = byte(gws.OpcodeBinary)
	}
	s.hand(buf[frameHeader(buf, opcode, payload):])
	return buf
}

func (s *session) hand(p []byte) {
	s.server.metrics.sent.Add(uint64(len(p)))
	if !s.out.send(p) {
		s.sub.Blocked = true
	}
}

// frameHeader writes the header of an unmasked, final frame just before its payload, which begins at
// maxHeader, and returns where it begins (RFC 6455 §5.2).
func frameHeader(buf []byte, opcode byte, payload int) int {
	const fin = 0x80
	switch {
	case payload < 126:
		buf[8], buf[9] = fin|opcode, byte(payload)
		return 8
	case payload < 1<<16:
		buf[6], buf[7] = fin|opcode, 126
		binary.BigEndian.PutUint16(buf[8:], uint16(payload))
		return 6
	}
	buf[0], buf[1] = fin|opcode, 127
	binary.BigEndian.PutUint64(buf[2:], uint64(payload))
	return 0
}

func closeFrame(c *wire.Close) []byte {
	p := []byte{0x88, byte(2 + len(c.Reason))}
	p = binary.BigEndian.AppendUint16(p, c.Code)
	return append(p, c.Reason...)
}

// end says the last words and lets the peer close; the pump closes if it does not.
func (s *session) end(c *wire.Close, after time.Duration) {
	if s.closing != nil {
		return
	}
	s.closing, s.closedAt = c, time.Now()
	s.server.metrics.closed(c)
	if s.sub.Blocked {
		s.out.Close() // it would not hear them
		return
	}
	s.sub.Say(func(dst []byte, enc wire.Encoding) []byte {
		return enc.AppendBye(dst, &wire.Bye{Reason: c.Reason, Reconnect: c.Reconnect, After: after.Milliseconds()})
	})
	s.pump.buf = s.flush(s.pump.buf)
	if s.conn != nil && !s.sub.Blocked {
		s.out.send(closeFrame(c))
	}
	if s.conn == nil {
		s.out.Close()
	}
}

// read is the session's reader: it returns when the connection has ended, however it ended. gws
// panics on a frame whose 64-bit length has its top bit set; that must cost nobody else anything.
func (s *session) read() {
	defer func() {
		if p := recover(); p != nil {
			s.server.metrics.panics.Inc()
			s.server.config.Log.Warn("a client's frame made the reader panic; the connection is closed",
				"conn", s.id, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		}
		s.ended.Store(true)
		s.out.Close()
		s.pump.do(func() { s.pump.leave(s) })
	}()
	s.conn.ReadLoop()
}

// handler takes gws' events. It holds no state: each connection's session is in its storage.
type handler struct{ gws.BuiltinEventHandler }

// slot carries a session through gws' storage of a connection.
type slot struct{ session *session }

func (*slot) Len() int                               { return 0 }
func (*slot) Load(string) (any, bool)                { return nil, false }
func (*slot) Delete(string)                          {}
func (*slot) Store(string, any)                      {}
func (*slot) Range(func(key string, value any) bool) {}

func sessionOf(c *gws.Conn) *session { return c.Session().(*slot).session }

// OnPing answers, as long as there are not too many.
func (handler) OnPing(c *gws.Conn, payload []byte) {
	s := sessionOf(c)
	now := time.Now().UnixNano()
	s.seen.Store(now)
	if _, ok := s.pings.Take(1, now); !ok {
		s.finish(wire.CloseAbuse)
		return
	}
	if c.WritePong(payload) != nil {
		s.out.Close()
	}
}

// OnPong is a sign of life.
func (handler) OnPong(c *gws.Conn, _ []byte) {
	sessionOf(c).seen.Store(time.Now().UnixNano())
}

// OnMessage carries out a frame's commands, one frame after the other.
func (handler) OnMessage(c *gws.Conn, m *gws.Message) {
	defer m.Close()
	s := sessionOf(c)
	s.seen.Store(time.Now().UnixNano())
	s.receive(m.Bytes())
}

// OnClose: the reader has ended, and read sees to it.
func (handler) OnClose(*gws.Conn, error) {}

// finish asks the pump to end the session.
func (s *session) finish(c *wire.Close) {
	s.pump.do(func() { s.end(c, 0) })
}
