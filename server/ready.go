package server

import (
	"fmt"
	"sync"
	"time"

	"tapedeck/feed"
)

// readiness says whether the node may be sent clients: when every partition has been read up to where
// it ended at the start. One that has failed for the ready time-out is not waited for: its rooms are
// down. Once ready a node goes unready only to drain.
type readiness struct {
	ingest  *ingest
	timeout time.Duration
	began   time.Time

	mu       sync.Mutex
	waiting  string                       // why nothing is assigned yet
	assigned map[feed.Partition]time.Time // when the source named it; nil before it did
	ready    bool
	draining bool
}

func (r *readiness) assign(parts []feed.Partition) {
	r.mu.Lock()
	defer r.mu.Unlock()
	known := map[feed.Partition]time.Time{}
	for _, p := range parts {
		known[p] = time.Now()
		if since, ok := r.assigned[p]; ok {
			known[p] = since
		}
	}
	r.assigned, r.waiting = known, ""
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
	case r.assigned == nil:
		return false, r.waiting
	}
	why := ""
	for p, since := range r.assigned {
		if is := r.behind(p, since); is != "" && (why == "" || is < why) {
			why = is // of several always the same
		}
	}
	r.ready = why == ""
	return r.ready, why
}

// behind says why a partition is still waited for, "" if it is not. One that is read, however far it
// has to go, is.
func (r *readiness) behind(id feed.Partition, since time.Time) string {
	reason := "not opened yet"
	p := r.ingest.find(id)
	if p != nil {
		out := p.down.Load()
		switch {
		case p.caught():
			return ""
		case out == nil:
			return fmt.Sprintf("%s/%d: %d records behind", id.Topic, id.ID, p.target.Load()-int64(p.log.Seq()))
		}
		reason, since = out.reason, out.since
	}
	if time.Since(since) > r.timeout {
		return ""
	}
	return fmt.Sprintf("%s/%d: %s", id.Topic, id.ID, reason)
}
