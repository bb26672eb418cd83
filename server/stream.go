package server

import (
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/lxzan/gws"

	"tapedeck/throttle"
	"tapedeck/wire"
)

// stream accepts a WebSocket.
func (s *Server) stream(w http.ResponseWriter, r *http.Request) { s.accept(w, r, s.turn()) }

// turn is the pump that takes the next session.
func (s *Server) turn() *pump { return s.pumps[s.next.Add(1)%uint64(len(s.pumps))] }

// accept accepts a WebSocket for a pump; false if it could not.
func (s *Server) accept(w http.ResponseWriter, r *http.Request, p *pump) (accepted bool) {
	if !s.admit.origin(r) {
		s.turnAway(w, foreign)
		return false
	}
	ip := remoteIP(r)
	enc, protocol, bad := handshake(r)
	if bad == nil {
		bad = s.admit.enter(ip)
	}
	if bad != nil {
		s.turnAway(w, bad)
		return false
	}
	sock, err := s.hijack(w)
	if err != nil {
		s.admit.leave(ip)
		s.turnAway(w, &refusal{http.StatusInternalServerError, "hijack", "internal error", 0})
		return false
	}
	r.Header.Set("Sec-WebSocket-Protocol", protocol)
	deflated := s.agree(r.Header)
	conn, err := s.upgraders[protocol].UpgradeFromConn(sock, sock.br, r)
	if err != nil { // gws has closed it
		s.metrics.refused.WithLabelValues("handshake").Inc()
		s.admit.leave(ip)
		return false
	}
	sess := s.open(p, sock, enc, ip)
	sess.socket, sess.deflated = sock, deflated
	sock.flooded = func() { sess.finish(wire.CloseProtocol) }
	conn.Session().(*slot).session = sess
	sock.link.start(func() { sess.pump.resume(sess) })
	if s.enter(sess, asked(r)) {
		s.tasks.Go(func() { sess.listen(conn) })
	}
	return true
}

// hijack takes the connection over, with what the client has sent already: it may send before it has
// our answer.
func (s *Server) hijack(w http.ResponseWriter) (*socket, error) {
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, err
	}
	_ = conn.SetDeadline(time.Time{})
	under := conn
	if t, ok := conn.(*tls.Conn); ok {
		under = t.NetConn()
	}
	early, _ := buffered.Peek(buffered.Reader.Buffered())
	return newSocket(conn, under.(*link), s.config.FrameBytes, early), nil
}

// open makes a session of a pump.
func (s *Server) open(p *pump, out outlet, enc wire.Encoding, ip string) *session {
	sess := &session{
		server: s, pump: p, out: out, enc: enc, ip: ip, id: strings.ToLower(rand.Text()[:12]),
		bucket: throttle.NewBucket(s.config.CommandsPerSecond, s.burst()),
		pings:  throttle.NewBucket(5, 20),
	}
	sess.seen.Store(time.Now().UnixNano())
	return sess
}

// burst lets a client subscribe to all the rooms that it may have at once.
func (s *Server) burst() int {
	return max(2*s.config.CommandsPerSecond, s.config.MaxRooms/10+s.config.CommandsPerSecond)
}

// enter hands a session to its pump, which greets it and joins the rooms that its address names; false
// if the server has ended.
func (s *Server) enter(sess *session, first *wire.Command) bool {
	s.metrics.opened.Inc()
	entered := sess.pump.do(func() {
		sess.sub = sess.pump.desk.NewSubscriber(sess.enc)
		if sess.sub.Owner = sess; sess.deflated {
			sess.sub.Deflate()
		}
		sess.pump.join(sess)
		if first != nil {
			sess.answer([]wire.Command{*first}, nil)
		}
	})
	if !entered {
		sess.out.Close()
		s.gone(sess)
	}
	return entered
}

// gone takes note that a session is over.
func (s *Server) gone(sess *session) {
	code := uint16(noCloseFrame)
	switch {
	case sess.closing != nil:
		code = sess.closing.Code
	case sess.socket != nil && sess.socket.closed() != 0:
		code = sess.socket.closed()
	}
	s.metrics.closed(code)
	s.admit.leave(sess.ip)
	if r := sess.pump.replay; r != nil {
		s.release(r)
	}
	s.config.Log.Debug("session ended", "conn", sess.id, "ip", sess.ip, "code", code)
}

// panicked takes note of a frame that made a session's reader panic. The first is logged with its
// stack: each of a hostile client's frames could bring another.
func (s *Server) panicked(sess *session, reason any) {
	s.metrics.panics.Inc()
	s.once.Do(func() {
		s.config.Log.Warn("a client's frame made its reader panic; its connection is closed, and further ones are only counted",
			"conn", sess.id, "ip", sess.ip, "panic", fmt.Sprint(reason), "stack", string(debug.Stack()))
	})
}

// asked returns the subscription that an address names, nil if none.
func asked(r *http.Request) *wire.Command {
	q := r.URL.Query()
	if q.Get("rooms") == "" {
		return nil
	}
	c := &wire.Command{Op: "subscribe", Interval: q.Get("interval")}
	for name := range strings.SplitSeq(q.Get("rooms"), ",") {
		if name = strings.TrimSpace(name); name != "" {
			c.Rooms = append(c.Rooms, wire.Request{Room: name})
		}
	}
	return c
}

func (s *Server) turnAway(w http.ResponseWriter, bad *refusal) {
	s.metrics.refused.WithLabelValues(bad.reason).Inc()
	w.Header().Set("Connection", "close") // and so answer without waiting for the request's body
	if bad.after > 0 {
		w.Header().Set("Retry-After", fmt.Sprint(bad.after))
	}
	if bad.status == http.StatusUpgradeRequired {
		w.Header().Set("Connection", "Upgrade, close")
		w.Header().Set("Upgrade", "websocket")
		w.Header().Set("Sec-WebSocket-Version", "13")
	}
	http.Error(w, bad.text, bad.status)
}

func (s *Server) upgrader(protocol string) *gws.Upgrader {
	o := &gws.ServerOption{
		ReadMaxPayloadSize: s.config.FrameBytes, // gws allocates what a frame declares: 16 MiB by default
		CheckUtf8Enabled:   true,
		HandshakeTimeout:   5 * time.Second,
		Logger:             quiet{},
		NewSession:         func() gws.SessionStorage { return &slot{} },
		PermessageDeflate:  s.inflating(),
	}
	if protocol != "" {
		o.SubProtocols = []string{protocol}
	}
	return gws.NewUpgrader(handler{}, o)
}

// quiet takes gws' own log lines, which speak of what a peer did wrong.
type quiet struct{}

func (quiet) Error(...any) {}

func (s *Server) greeting() wire.Hello {
	c := &s.config
	h := wire.Hello{
		Node: c.Node, Heartbeat: c.Heartbeat.Milliseconds(), Rooms: c.MaxRooms, Commands: c.CommandsPerSecond, FrameBytes: c.FrameBytes,
		Intervals: []string{"0"}, Depths: c.Depths, Widths: c.Widths,
		SnapshotTrades: c.SnapshotTrades, SnapshotCandles: c.SnapshotCandles, Timeline: "live",
	}
	for _, v := range c.Intervals {
		h.Intervals = append(h.Intervals, intervalName(v))
	}
	return h
}
