package server

import (
	"io"
	"net/http"
	"sync"
	"time"

	"tapedeck/wire"
)

// events streams rooms where a WebSocket cannot pass: each frame is one event, an array of messages.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	first := asked(r)
	if first == nil {
		status, body := problem(http.StatusBadRequest, wire.BadRequest, "name the rooms: /v1/events?rooms=trades:BINANCE:BTC-USDT,book:BINANCE:BTC-USDT@20&interval=100ms")
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write(body)
		return
	}
	if bad := s.admit.enter(remoteIP(r)); bad != nil {
		s.turnAway(w, bad)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no") // proxies pass events on at once
	rc := http.NewResponseController(w)
	_ = rc.SetReadDeadline(time.Time{})
	_ = rc.SetWriteDeadline(time.Time{}) // the pump sees to the slow
	_, _ = w.Write([]byte("retry: 2000\n\n"))
	out := &eventStream{before: "data: ", after: "\n\n", wake: make(chan struct{}, 1), over: make(chan struct{}), cut: func() { _ = rc.SetWriteDeadline(time.Unix(1, 0)) }}
	sess := s.open(s.turn(), out, wire.JSON, remoteIP(r))
	if !s.enter(sess, first) {
		return
	}
	out.copy(w, r, rc.Flush, func() { sess.pump.resume(sess) })
	out.done()
	sess.pump.do(func() { sess.pump.leave(sess) })
}

// eventStream is the outlet of an SSE session: the pump leaves a frame, the request's goroutine writes
// it, and until it has the session is blocked.
type eventStream struct {
	before, after string // each frame

	wake chan struct{}
	over chan struct{}
	cut  func() // makes a write that waits return

	mu     sync.Mutex
	frame  []byte
	since  time.Time // when what is written now was left; zero: nothing is
	final  bool      // nothing comes after the frame
	closed bool
}

func (e *eventStream) send(p []byte) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.final {
		return true
	}
	e.frame = append(append(append(e.frame, e.before...), p...), e.after...)
	if e.since.IsZero() {
		e.since = time.Now()
	}
	e.ring()
	return false
}

func (e *eventStream) last(*wire.Close) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.final = true
	e.ring()
}

func (e *eventStream) ring() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// copy writes frames until the last is out, the request ends or the stream is closed.
func (e *eventStream) copy(w io.Writer, r *http.Request, flush func() error, drained func()) {
	var frame []byte
	for {
		var final bool
		frame, final = e.take(frame)
		switch {
		case len(frame) > 0:
			if _, err := w.Write(frame); err != nil || flush() != nil {
				return
			}
			drained()
			continue
		case final:
			return
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

// take returns what is to be written, for the memory of what was.
func (e *eventStream) take(written []byte) (frame []byte, final bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if cap(written) > 16<<10 {
		written = nil // a snapshot is not what is usual
	}
	frame, e.frame = e.frame, written[:0]
	if e.since = time.Now(); len(frame) == 0 {
		e.since = time.Time{}
	}
	return frame, e.final
}

func (e *eventStream) stuck(now time.Time) time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.since.IsZero() {
		return 0
	}
	return now.Sub(e.since)
}

func (e *eventStream) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.closed {
		e.closed, e.final = true, true
		close(e.over)
		e.cut()
	}
	return nil
}

// done notes that the request has ended: it can be cut off no more.
func (e *eventStream) done() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed, e.final = true, true
}
