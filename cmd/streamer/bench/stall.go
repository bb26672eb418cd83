package bench

import (
	"sync"
	"time"
)

// stall holds up the connections that stop reading, and measures what they get when they read on.
type stall struct {
	mu      sync.Mutex
	gate    chan struct{} // closed: read on; nil: nobody was held up yet
	resumed int64         // when they read on, µs

	fresh  int64 // until the first message that was not old came, µs; 0: none yet
	stale  uint64
	folded uint64
}

// old is the age at which a message was waiting somewhere.
const old = 10 * time.Millisecond

func (s *stall) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gate = make(chan struct{})
}

func (s *stall) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gate != nil && s.resumed == 0 {
		s.resumed = time.Now().UnixMicro()
		close(s.gate)
	}
}

func (s *stall) wait() {
	s.mu.Lock()
	gate := s.gate
	s.mu.Unlock()
	if gate != nil {
		<-gate
	}
}

// told notes a message to a connection that was held up: its age, where its venue's time is known, and how
// many events it stands for.
func (s *stall) told(now, age int64, known bool, n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.resumed == 0 || !known {
		return
	}
	if n > 1 {
		s.folded += uint64(n - 1)
	}
	switch {
	case age > old.Microseconds() && s.fresh == 0:
		s.stale++
	case s.fresh == 0:
		s.fresh = max(now-s.resumed, 1)
	}
}
