// Package server carries a timeline's rooms to its clients: HTTP, WebSocket and SSE, sessions and the
// pumps that write to them, limits, metrics and an ordered end. It is the only user of gws.
package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lxzan/gws"

	"tapedeck/subscriptions"
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

	replaying sync.Mutex
	replays   map[string]*replay // by owner and session
	catching  int                // clients that are told from the archive what rooms do not hold any more
	memo      *memo              // of what they have played

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
	s := &Server{config: c, replays: map[string]*replay{}, memo: newMemo(), hub: subscriptions.NewHub(c.hub()), answers: make(chan struct{}, maxAnswers), stop: make(chan struct{}), done: make(chan struct{})}
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
	one := func(h http.Handler) *http.Server {
		return &http.Server{
			Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
			MaxHeaderBytes: 16 << 10,
			ErrorLog:       slog.NewLogLogger(s.config.Log.Handler(), slog.LevelDebug), // of what peers do wrong
		}
	}
	web, inner = one(mux(s.clientRoutes())), one(mux(s.adminRoutes()))
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
		if s.config.Source == nil {
			s.ingest.Assign(nil) // replays alone: ready at once
			return
		}
		if err := s.config.Source.Run(feeding, s.ingest); err != nil && feeding.Err() == nil {
			errs <- fmt.Errorf("source: %w", err)
		}
	})
	stopSweeping := s.sweep()
	stopKeeping := s.keep()

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
	stopKeeping()
	for _, r := range s.openReplays() {
		r.finish()
	}
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
					s.config.Log.Info("ready", "after", time.Since(s.ingest.ready.began).Round(time.Millisecond).String())
				}
			}
		}
	})
	return func() { close(done) }
}

// keep writes checkpoints. The returned function writes the last ones, and ends it.
func (s *Server) keep() (stop func()) {
	if s.config.Checkpoints == nil || s.config.CheckpointEvery <= 0 {
		return func() {}
	}
	k := &keeper{ingest: s.ingest, to: s.config.Checkpoints, every: s.config.CheckpointEvery, kept: map[*partition]int64{}}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	s.tasks.Go(func() { defer close(ended); k.run(ctx) })
	return func() {
		cancel()
		<-ended
		k.last()
	}
}
