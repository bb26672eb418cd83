// Package server carries a timeline's rooms to its clients: HTTP, WebSocket and SSE, sessions and the
// pumps that write to them, limits, metrics and an ordered end. It is the only user of gws.
package server

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lxzan/gws"

	"tapedeck/market"
	"tapedeck/subscriptions"
	"tapedeck/throttle"
	"tapedeck/wire"
)

// Server serves one live timeline.
type Server struct {
	config  Config
	hub     *subscriptions.Hub
	ingest  *ingest
	metrics *metrics
	admit   *admission
	hello   wire.Hello

	public, admin net.Listener
	pumps         []*pump
	next          atomic.Uint64 // which pump takes the next session
	upgraders     map[string]*gws.Upgrader

	web, inner    *http.Server  // for clients, for operators
	answers       chan struct{} // taken by those that are on their way
	answering     sync.Mutex
	stop          chan struct{} // closed by Close
	done          chan struct{} // closed when the pumps are to end
	tasks         sync.WaitGroup
	once, closing sync.Once
}

// New returns a server that listens already, so that an address in use is known at once. Whoever does
// not call Run calls Close.
func New(c Config) (*Server, error) {
	c = c.WithDefaults()
	if err := c.check(); err != nil {
		return nil, err
	}
	s := &Server{config: c, hub: subscriptions.NewHub(c.hub()), answers: make(chan struct{}, maxAnswers), stop: make(chan struct{}), done: make(chan struct{})}
	s.admit = newAdmission(&s.config)
	s.ingest = newIngest(&s.config, s.hub)
	s.metrics = newMetrics(s)
	s.hello = s.greeting()
	s.upgraders = map[string]*gws.Upgrader{"": s.upgrader("")}
	for _, enc := range wire.Encodings {
		s.upgraders[enc.Name()] = s.upgrader(enc.Name())
	}
	for i := range c.Pumps {
		s.pumps = append(s.pumps, newPump(s, i, c.Pumps))
	}
	s.web, s.inner = s.servers()
	if err := s.secure(); err != nil {
		return nil, err
	}
	if err := s.listen(); err != nil {
		return nil, err
	}
	return s, nil
}

// servers makes the HTTP servers for clients and for operators. A handshake has 5 s, so that half a
// request costs no more; an answer has 30 s to be taken, but a profile as long as it runs.
func (s *Server) servers() (web, inner *http.Server) {
	make := func(h http.Handler) *http.Server {
		return &http.Server{
			Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
			MaxHeaderBytes: 16 << 10,
			ErrorLog:       slog.NewLogLogger(s.config.Log.Handler(), slog.LevelDebug), // of what peers do wrong
		}
	}
	web, inner = make(s.routes()), make(s.adminRoutes())
	web.WriteTimeout = 30 * time.Second
	return web, inner
}

// secure reads the certificate, if there is one.
func (s *Server) secure() error {
	if s.config.TLSCert == "" {
		return nil
	}
	pair, err := tls.LoadX509KeyPair(s.config.TLSCert, s.config.TLSKey)
	if err != nil {
		return fmt.Errorf("cannot use the TLS certificate %s with the key %s: %w", s.config.TLSCert, s.config.TLSKey, err)
	}
	s.web.TLSConfig = &tls.Config{
		Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12,
		DynamicRecordSizingDisabled: true, // a flush of 10 KB would be eight writes
	}
	return nil
}

func (s *Server) listen() error {
	l, err := net.Listen("tcp", s.config.Listen)
	if err != nil {
		return fmt.Errorf("cannot listen on %s: %w; choose another address with --listen", s.config.Listen, err)
	}
	s.public = links{l, s.config.SendBuffer, s.tasks.Go}
	if s.config.Admin == "off" {
		return nil
	}
	if s.admin, err = net.Listen("tcp", s.config.Admin); err != nil {
		s.public.Close()
		return fmt.Errorf("cannot listen on %s: %w; choose another address with --admin, or off", s.config.Admin, err)
	}
	return nil
}

// Addr is the address that clients connect to.
func (s *Server) Addr() net.Addr { return s.public.Addr() }

// AdminAddr is the address of metrics and health; nil if there is none.
func (s *Server) AdminAddr() net.Addr {
	if s.admin == nil {
		return nil
	}
	return s.admin.Addr()
}

// Close lets go of the addresses of a server that is not run; one that is ends at once, as by a second
// signal: what is left of a drain is left out.
func (s *Server) Close() {
	s.closing.Do(func() { close(s.stop) })
	s.public.Close()
	if s.admin != nil {
		s.admin.Close()
	}
}

func (s *Server) upgrader(protocol string) *gws.Upgrader {
	o := &gws.ServerOption{
		ReadMaxPayloadSize: s.config.FrameBytes, // gws allocates what a frame declares: 16 MiB by default
		ReadBufferSize:     readBuffer,
		CheckUtf8Enabled:   true,
		HandshakeTimeout:   5 * time.Second,
		Logger:             quiet{},
		NewSession:         func() gws.SessionStorage { return &slot{} },
	}
	if protocol != "" {
		o.SubProtocols = []string{protocol}
	}
	return gws.NewUpgrader(handler{}, o)
}

// readBuffer is what a connection reads with: commands are short, and 4 KiB is most of the memory that
// an idle connection costs.
const readBuffer = 512

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

// stream accepts a WebSocket.
func (s *Server) stream(w http.ResponseWriter, r *http.Request) {
	if !s.admit.origin(r) {
		s.turnAway(w, foreign)
		return
	}
	ip := remoteIP(r)
	enc, protocol, bad := handshake(r)
	if bad == nil {
		bad = s.admit.enter(ip)
	}
	if bad != nil {
		s.turnAway(w, bad)
		return
	}
	sock, br, err := s.hijack(w)
	if err != nil {
		s.admit.leave(ip)
		s.turnAway(w, &refusal{http.StatusInternalServerError, "hijack", "internal error", 0})
		return
	}
	r.Header.Set("Sec-WebSocket-Protocol", protocol)
	conn, err := s.upgraders[protocol].UpgradeFromConn(sock, br, r)
	if err != nil { // gws has closed it
		s.metrics.refused.WithLabelValues("handshake").Inc()
		s.admit.leave(ip)
		return
	}
	sess := s.open(sock, enc, ip)
	sess.socket = sock
	sock.flooded = func() { sess.finish(wire.CloseProtocol) }
	conn.Session().(*slot).session = sess
	sock.link.start(func() { sess.pump.resume(sess) })
	if s.enter(sess, asked(r)) {
		s.tasks.Go(func() { sess.read(conn) })
	}
}

// hijack takes the connection over, with what the client has sent already: it may send before it has
// our answer.
func (s *Server) hijack(w http.ResponseWriter) (*socket, *bufio.Reader, error) {
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, nil, err
	}
	_ = conn.SetDeadline(time.Time{})
	under := conn
	if t, ok := conn.(*tls.Conn); ok {
		under = t.NetConn()
	}
	sock := newSocket(conn, under.(*link), s.config.FrameBytes)
	early, _ := buffered.Peek(buffered.Reader.Buffered())
	from := io.MultiReader(bytes.NewReader(bytes.Clone(early)), sock)
	return sock, bufio.NewReaderSize(from, readBuffer), nil
}

// open makes a session on the next pump in turn.
func (s *Server) open(out outlet, enc wire.Encoding, ip string) *session {
	p := s.pumps[s.next.Add(1)%uint64(len(s.pumps))]
	sess := &session{
		server: s, pump: p, out: out, ip: ip, id: strings.ToLower(rand.Text()[:12]),
		bucket: throttle.NewBucket(s.config.CommandsPerSecond, s.burst()),
		pings:  throttle.NewBucket(5, 20),
	}
	sess.sub = p.desk.NewSubscriber(enc)
	sess.sub.Owner = sess
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
		w.Header().Set("Upgrade", "websocket")
		w.Header().Set("Sec-WebSocket-Version", "13")
	}
	http.Error(w, bad.text, bad.status)
}

// missing says why a room is not served.
func (s *Server) missing(name market.Room) string {
	venues := s.hub.Venues()
	for _, v := range venues {
		if v != name.Venue {
			continue
		}
		switch name.Channel {
		case market.BookChannel:
			return "not offered: book has no depth, or one of " + strings.Join(s.config.Depths, " ")
		case market.CandlesChannel:
			return "not offered: candles need a width, one of " + strings.Join(s.config.Widths, " ")
		default:
		}
		return "this node does not serve it"
	}
	return "unknown venue: there are " + strings.Join(venues, " ")
}

// Run serves until ctx ends, then drains: unready, a short wait, a bye to every client, the source, the
// pumps. It returns when all of its goroutines have ended. It is called once.
func (s *Server) Run(ctx context.Context) error {
	errs := make(chan error, 3)
	s.serve(s.web, s.public, errs)
	if s.admin != nil {
		s.serve(s.inner, s.admin, errs)
	}
	var pumps sync.WaitGroup
	for _, p := range s.pumps {
		pumps.Go(func() { p.run(s.done) })
	}
	feeding, stopFeeding := context.WithCancel(context.Background())
	defer stopFeeding()
	var source sync.WaitGroup
	source.Go(func() {
		if err := s.config.Source.Run(feeding, s.ingest); err != nil && feeding.Err() == nil {
			errs <- fmt.Errorf("source: %w", err)
		}
	})
	stopSweeping := s.sweep()

	var err error
	select {
	case <-ctx.Done():
	case <-s.stop:
	case err = <-errs:
	}
	empty := s.drain()
	stopFeeding()
	source.Wait()
	close(s.done)
	pumps.Wait()
	<-empty
	stopSweeping()
	s.inner.Close()
	s.tasks.Wait()
	return err
}

// serve runs one HTTP server.
func (s *Server) serve(web *http.Server, l net.Listener, errs chan<- error) {
	s.tasks.Go(func() {
		var err error
		if web.TLSConfig != nil {
			err = web.ServeTLS(l, "", "")
		} else {
			err = web.Serve(l)
		}
		if !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			errs <- err
		}
	})
}

// sweep lets go of rooms that nobody needs, and says when the node is ready. The returned function ends it.
func (s *Server) sweep() (stop func()) {
	done := make(chan struct{})
	s.tasks.Go(func() {
		t := time.NewTicker(time.Second)
		defer t.Stop()
		ready := false
		for n := 1; ; n++ {
			select {
			case <-done:
				return
			case now := <-t.C:
				if n%10 == 0 {
					s.hub.Sweep(now.UnixNano())
				}
				if is, _ := s.ingest.ready.state(); is && !ready {
					ready = true
					s.config.Log.Info("ready", "after", time.Since(s.ingest.ready.began).Round(time.Millisecond))
				}
			}
		}
	})
	return func() { close(done) }
}
