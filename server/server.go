// Package server carries a timeline's rooms to its clients: HTTP, WebSocket and SSE, sessions and the
// pumps that write to them, limits, metrics and an ordered end. It is the only user of gws.
package server

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
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

	done    chan struct{}  // closed when the pumps are to end
	writers sync.WaitGroup // readers and blocked writers of sessions
}

// New returns a server that listens already, so that an address in use is known at once. Whoever does
// not call Run calls Close.
func New(c Config) (*Server, error) {
	c = c.WithDefaults()
	if err := c.check(); err != nil {
		return nil, err
	}
	s := &Server{config: c, hub: subscriptions.NewHub(c.hub()), done: make(chan struct{})}
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
	return s, s.listen()
}

func (s *Server) listen() error {
	var err error
	if s.public, err = net.Listen("tcp", s.config.Listen); err != nil {
		return fmt.Errorf("cannot listen on %s: %w; choose another address with --listen", s.config.Listen, err)
	}
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

// Close lets go of the addresses of a server that is not run.
func (s *Server) Close() {
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
		Recovery:           gws.Recovery,
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
		s.turnAway(w, &refusal{http.StatusForbidden, "origin", "this origin is not allowed: list it with --origins", 0})
		return
	}
	enc, bad := handshake(r)
	if bad == nil {
		bad = s.admit.enter(remoteIP(r))
	}
	if bad != nil {
		s.turnAway(w, bad)
		return
	}
	l, br, err := s.hijack(w)
	if err != nil {
		s.admit.leave(remoteIP(r))
		s.turnAway(w, &refusal{http.StatusInternalServerError, "hijack", "internal error", 0})
		return
	}
	protocol := ""
	if r.Header.Get("Sec-WebSocket-Protocol") != "" {
		protocol = enc.Name()
		r.Header.Set("Sec-WebSocket-Protocol", protocol)
	}
	conn, err := s.upgraders[protocol].UpgradeFromConn(l, br, r)
	if err != nil {
		s.metrics.refused.WithLabelValues("handshake").Inc()
		s.admit.leave(remoteIP(r))
		return // gws has closed it
	}
	sess := s.open(l, enc, remoteIP(r))
	sess.conn = conn
	conn.Session().(*slot).session = sess
	l.start(func() { sess.pump.resume(sess) })
	if s.enter(sess, asked(r)) {
		s.writers.Go(sess.read)
	}
}

// hijack takes the connection over, with what the client has sent already.
func (s *Server) hijack(w http.ResponseWriter) (*link, *bufio.Reader, error) {
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, nil, err
	}
	conn.SetDeadline(time.Time{})
	l := newLink(conn, s.config.SendBuffer, s.writers.Go)
	var from io.Reader = l
	if n := buffered.Reader.Buffered(); n > 0 { // a client may send before it has our answer
		early, _ := buffered.Reader.Peek(n)
		from = io.MultiReader(bytes.NewReader(bytes.Clone(early)), l)
	}
	return l, bufio.NewReaderSize(from, readBuffer), nil
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
		h := s.hello
		h.Conn, h.Time = sess.id, time.Now().UnixMicro()
		sess.sub.Say(func(dst []byte, enc wire.Encoding) []byte { return enc.AppendHello(dst, &h) })
		if first != nil {
			sess.subscribe(first)
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
	s.admit.leave(sess.ip)
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
		}
		return "this node does not serve it"
	}
	return "unknown venue: there are " + strings.Join(venues, " ")
}

// Run serves until ctx ends, then drains: unready, a short wait, a bye to every client, the source, the
// pumps. It returns when all of its goroutines have ended.
func (s *Server) Run(ctx context.Context) error {
	errs := make(chan error, 3)
	var edges sync.WaitGroup
	web := s.serve(&edges, errs, s.public, s.routes())
	var admin *http.Server
	if s.admin != nil {
		admin = s.serve(&edges, errs, s.admin, s.adminRoutes())
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
	sweeping := s.sweep(&edges)

	var err error
	select {
	case <-ctx.Done():
	case err = <-errs:
	}
	s.drain(web)
	stopFeeding()
	source.Wait()
	close(s.done)
	pumps.Wait()
	s.writers.Wait()
	close(sweeping)
	if admin != nil {
		admin.Close()
	}
	edges.Wait()
	return err
}

// serve runs one HTTP server.
func (s *Server) serve(edges *sync.WaitGroup, errs chan<- error, l net.Listener, h http.Handler) *http.Server {
	web := &http.Server{
		Handler: h, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10,
		ErrorLog: nil,
	}
	edges.Go(func() {
		var err error
		if s.config.TLSCert != "" && l == s.public {
			err = web.ServeTLS(l, s.config.TLSCert, s.config.TLSKey)
		} else {
			err = web.Serve(l)
		}
		if !errors.Is(err, http.ErrServerClosed) {
			errs <- err
		}
	})
	return web
}

// sweep lets go of rooms that nobody needs until the returned channel is closed.
func (s *Server) sweep(edges *sync.WaitGroup) chan struct{} {
	stop := make(chan struct{})
	edges.Go(func() {
		t := time.NewTicker(10 * time.Second)
		defer t.Stop()
		for {
			select {
			case <-stop:
				return
			case now := <-t.C:
				s.hub.Sweep(now.UnixNano())
			}
		}
	})
	return stop
}
