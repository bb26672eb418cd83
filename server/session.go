package server

import (
	"encoding/binary"
	"sync/atomic"
	"time"

	"github.com/lxzan/gws"

	"tapedeck/subscriptions"
	"tapedeck/throttle"
	"tapedeck/wire"
)

// session is one connection. It belongs to its pump, but for what is marked as its reader's.
type session struct {
	server   *Server
	pump     *pump
	out      outlet
	enc      wire.Encoding
	deflated bool // its frames are compressed
	sub      *subscriptions.Subscriber
	id       string
	ip       string
	place    int // in pump.sessions

	beat    int64           // when the next heartbeat is due, ns
	bucket  throttle.Bucket // of its commands
	refused int             // commands refused for their rate, less those that were not
	delayed func()          // a frame's commands, until the socket takes an answer again
	closing *wire.Close
	said    time.Time // when its last words were

	waiting []func()   // commands that wait until their rooms are read from the archive
	past    []*catchUp // of a live one: what it is told from the archive
	shown   *catchUp   // whose rooms can be joined, while what waited is carried out
	ended   bool       // it was told so
	history bool       // is over when it was

	socket *socket         // nil for SSE; its reader's in part
	pings  throttle.Bucket // reader's
	busy   bool            // reader's: a message is being carried out

	seen atomic.Int64 // when the last frame came, ns
	deaf atomic.Bool  // what comes is read no more
}

// outlet is where a session's bytes go. Its methods do not block.
type outlet interface {
	send(p []byte) bool                // false: blocked from now on, and the rest is kept
	last(c *wire.Close)                // ends it in order: what is sent then is dropped
	stuck(now time.Time) time.Duration // for how long it has been blocked
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
	if s.socket == nil {
		s.hand(buf[maxHeader:])
		return buf
	}
	opcode := byte(gws.OpcodeText)
	if s.sub.Encoding().Binary() {
		opcode = byte(gws.OpcodeBinary)
	}
	if s.sub.Deflated() {
		opcode |= rsv1
	}
	s.hand(buf[frameHeader(buf, opcode, payload):])
	return buf
}

func (s *session) hand(p []byte) {
	s.pump.sent.Add(uint64(len(p)))
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
	p := []byte{closeOpcode, byte(2 + len(c.Reason))}
	p = binary.BigEndian.AppendUint16(p, c.Code)
	return append(p, c.Reason...)
}

// patience is how long a peer has to answer last words before it is cut off.
const patience = time.Second

// end says the last words, behind what waits for the socket if something does: nothing is read for the
// session any more, nor from it. Its peer closes; the pump does if it does not.
func (s *session) end(c *wire.Close, after time.Duration) {
	if s.closing != nil {
		return
	}
	s.closing, s.said = c, time.Now()
	s.deaf.Store(true)
	s.sub.Say(func(dst []byte, enc wire.Encoding) []byte {
		return enc.AppendBye(dst, &wire.Bye{Reason: c.Reason, Reconnect: c.Reconnect, After: after.Milliseconds()})
	})
	s.pump.buf = s.flush(s.pump.buf)
	s.out.last(c)
	s.sub.Close()
}

// finish asks the pump to end the session.
func (s *session) finish(c *wire.Close) {
	s.deaf.Store(true)
	s.pump.do(func() { s.end(c, 0) })
}

// listen waits until a frame comes, and has it read by another goroutine: one whose stack has never grown costs
// half of one that has run gws.
func (s *session) listen(c *gws.Conn) {
	s.socket.rest()
	s.server.tasks.Go(func() { s.read(c) })
}

// read is the reader of a WebSocket: it ends when nothing more has come, or the connection has ended, however it
// ended. gws panics on a frame whose 64-bit length has its top bit set; that must cost nobody else anything.
func (s *session) read(c *gws.Conn) {
	defer func() {
		if s.socket.resting {
			s.server.tasks.Go(func() { s.listen(c) })
			return
		}
		if p := recover(); p != nil {
			s.server.panicked(s, p)
			why := wire.CloseProtocol
			if s.busy {
				why = wire.CloseInternal // ours, not gws'
			}
			s.pump.do(func() { s.end(why, 0) })
		}
		s.pump.do(func() {
			s.out.Close()
			s.pump.leave(s)
		})
	}()
	c.ReadLoop()
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

// alive notes a control frame, and reports whether there are not too many of them.
func (s *session) alive(payload []byte) bool {
	now := time.Now().UnixNano()
	s.seen.Store(now)
	s.socket.control(len(payload))
	if s.deaf.Load() {
		return false
	}
	_, few := s.pings.Take(1, now)
	if !few {
		s.finish(wire.CloseAbuse)
	}
	return few
}

// OnPing answers.
func (handler) OnPing(c *gws.Conn, payload []byte) {
	if s := sessionOf(c); s.alive(payload) && c.WritePong(payload) != nil {
		s.out.Close()
	}
}

// OnPong is a sign of life.
func (handler) OnPong(c *gws.Conn, payload []byte) { sessionOf(c).alive(payload) }

// OnMessage carries out a frame's commands, one frame after the other.
func (handler) OnMessage(c *gws.Conn, m *gws.Message) {
	defer m.Close()
	s := sessionOf(c)
	s.seen.Store(time.Now().UnixNano())
	s.socket.whole()
	if !s.deaf.Load() {
		s.busy = true
		s.receive(m.Bytes())
		s.busy = false
	}
}
