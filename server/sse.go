package server

import (
	"net/http"
	"sync"
	"time"

	"tapedeck/wire"
)

// events streams rooms where a WebSocket cannot pass: each frame is one event, an array of messages.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	first := asked(r)
	if first == nil {
		problem(w, http.StatusBadRequest, wire.BadRequest, "name the rooms: /v1/events?rooms=trades:BINANCE:BTC-USDT,book:BINANCE:BTC-USDT@20&interval=100ms")
		return
	}
	if bad := s.admit.enter(remoteIP(r)); bad != nil {
		s.turnAway(w, bad)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no") // proxies pass events on at once
	w.Write([]byte("retry: 2000\n\n"))
	out := &eventStream{wake: make(chan struct{}, 1), over: make(chan struct{})}
	sess := s.open(out, wire.JSON, remoteIP(r))
	if !s.enter(sess, first) {
		return
	}
	out.copy(w, r, s.config.SlowDeadline, func() { sess.pump.resume(sess) })
	out.Close()
	sess.pump.do(func() { sess.pump.leave(sess) })
}

// eventStream is the outlet of an SSE session: the pump leaves one frame, the request's goroutine
// writes it, and until it has the session is blocked.
type eventStream struct {
	wake chan struct{}
	over chan struct{}

	mu     sync.Mutex
	frame  []byte
	since  time.Time
	closed bool
}

func (e *eventStream) send(p []byte) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return true
	}
	e.frame = append(append(append(e.frame, "data: "...), p...), "\n\n"...)
	e.since = time.Now()
	select {
	case e.wake <- struct{}{}:
	default:
	}
	return false
}

// copy writes frames until the request ends or the stream is closed.
func (e *eventStream) copy(w http.ResponseWriter, r *http.Request, deadline time.Duration, drained func()) {
	rc := http.NewResponseController(w)
	var frame []byte
	for {
		e.mu.Lock()
		frame, e.frame = e.frame, frame[:0]
		e.mu.Unlock()
		if len(frame) > 0 {
			rc.SetWriteDeadline(time.Now().Add(deadline))
			_, err := w.Write(frame)
			if err != nil || rc.Flush() != nil {
				return
			}
			drained()
			continue
		}
		select {
		case <-e.wake:
		case <-e.over:
			return
		case <-r.Context().Done():
			return
		}
	}
}

func (e *eventStream) stuck(now time.Time) time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.frame) == 0 {
		return 0
	}
	return now.Sub(e.since)
}

func (e *eventStream) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.closed {
		e.closed = true
		close(e.over)
	}
	return nil
}
