package server

import (
	"context"
	"time"
)

// goodbyeTime is how long clients have to answer a close before they are cut off.
const goodbyeTime = 2 * time.Second

// drain ends every session so that its client comes back elsewhere: the node says that it is not ready,
// waits until that is known, and then tells each client to wait a part of the spread, so that they do
// not all come back at once. The returned channel is closed when nobody is left. Close cuts all of it
// short.
func (s *Server) drain() (empty <-chan struct{}) {
	s.config.Log.Info("draining", "sessions", s.admit.count())
	s.ingest.ready.drain()
	if s.admit.count() > 0 {
		s.pause(s.config.DrainWait, nil)
	}
	empty = s.admit.drain()
	for _, p := range s.pumps {
		p.do(p.drain)
	}
	for _, r := range s.openReplays() {
		r.pump.do(r.pump.drain)
	}
	s.pause(goodbyeTime, empty)
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if s.web.Shutdown(ctx) != nil {
		s.web.Close()
	}
	return empty
}

// pause waits for d, until closed is, or until the server is to end at once.
func (s *Server) pause(d time.Duration, closed <-chan struct{}) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-closed:
	case <-s.stop:
	}
}
