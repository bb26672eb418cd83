package server

import (
	"context"
	"math/rand/v2"
	"net/http"
	"time"

	"tapedeck/wire"
)

// goodbyeTime is how long clients have to answer a close before they are cut off.
const goodbyeTime = 2 * time.Second

// drain ends every session so that its client comes back elsewhere: the node says that it is not ready,
// waits until that is known, and then tells each client to wait a part of the spread, so that they do
// not all come back at once.
func (s *Server) drain(web *http.Server) {
	s.config.Log.Info("draining", "sessions", s.admit.count())
	s.ingest.ready.drain()
	if s.admit.count() > 0 && s.config.DrainWait > 0 {
		time.Sleep(s.config.DrainWait)
	}
	s.admit.drain()
	for _, p := range s.pumps {
		p.do(func() {
			for _, sess := range p.sessions {
				sess.end(wire.CloseDraining, time.Duration(rand.Int64N(int64(s.config.DrainSpread)+1)))
			}
		})
	}
	deadline := time.Now().Add(goodbyeTime)
	for s.admit.count() > 0 && time.Now().Before(deadline) {
		time.Sleep(10 * time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if web.Shutdown(ctx) != nil {
		web.Close()
	}
}
