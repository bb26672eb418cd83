package server

import (
	"fmt"
	"sync"
	"time"

	"tapedeck/feed"
)

// readiness says whether the node may be sent clients: when every partition has been read up to where
// it ended at the start, or has failed for the ready time-out. Once ready it goes unready only to drain.
type readiness struct {
	ingest  *ingest
	timeout time.Duration
	began   time.Time

	mu       sync.Mutex
	waiting  string // why nothing is assigned yet
	assigned []feed.Partition
	known    bool
	ready    bool
	draining bool
}

func (r *readiness) assign(parts []feed.Partition) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.assigned, r.known, r.waiting = parts, true, ""
}

func (r *readiness) wait(reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting = reason
}

func (r *readiness) drain() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.draining = true
}

// state reports whether the node is ready, and if not, why.
func (r *readiness) state() (bool, string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.draining:
		return false, "draining"
	case r.ready:
		return true, ""
	case !r.known:
		return false, r.waiting
	}
	overdue := time.Since(r.began) > r.timeout
	for _, p := range r.assigned {
		if why := r.behind(p); why != "" && !overdue {
			return false, why
		}
	}
	r.ready = true
	return true, ""
}

// behind says why a partition is not read up to its end, "" if it is.
func (r *readiness) behind(id feed.Partition) string {
	p := r.ingest.find(id)
	if p == nil {
		return fmt.Sprintf("%s/%d is not opened yet", id.Topic, id.ID)
	}
	if reason := p.down.Load(); reason != nil {
		return fmt.Sprintf("%s/%d: %s", id.Topic, id.ID, *reason)
	}
	if !p.caught() {
		return fmt.Sprintf("%s/%d: %d records behind", id.Topic, id.ID, p.target.Load()-int64(p.log.Seq()))
	}
	return ""
}
