package record

import (
	"context"
	"fmt"
	"time"

	"github.com/schollz/progressbar/v3"
)

// The rhythm of lines, and of the bar.
const (
	lineEvery = 10 * time.Second
	barEvery  = 500 * time.Millisecond
)

// tell says how far it is until ctx ends: by a bar while the logs' ends are ahead and somebody looks, else by a line now and then.
func (r *Recorder) tell(ctx context.Context) (done chan struct{}) {
	done = make(chan struct{})
	go func() {
		defer close(done)
		for r.Bar != nil && ctx.Err() == nil && !r.catchUp(ctx) {
		}
		t := time.NewTicker(lineEvery)
		defer t.Stop()
		for last := r.Stats.Records.Load(); ; {
			select {
			case <-t.C:
				now := r.Stats.Records.Load()
				_, lag := r.distance()
				r.Log.Info("recorded", "records", now, "rate", fmt.Sprintf("%d/s", (now-last)/int64(lineEvery/time.Second)), "lag", lag, "refused", r.Stats.Refused.Load(), "retries", r.Stats.Retries.Load())
				last = now
			case <-ctx.Done():
				return
			}
		}
	}()
	return done
}

// catchUp shows a bar until all that there was is read. False: nothing is read yet.
func (r *Recorder) catchUp(ctx context.Context) bool {
	var bar *progressbar.ProgressBar
	t := time.NewTicker(barEvery)
	defer t.Stop()
	for {
		select {
		case <-t.C:
		case <-ctx.Done():
			return true
		}
		parts, lag := r.distance()
		if parts == 0 {
			return false
		}
		written := r.Stats.Records.Load()
		if bar == nil {
			bar = progressbar.NewOptions64(max(written+lag, 1), progressbar.OptionSetWriter(r.Bar), progressbar.OptionSetWidth(20), progressbar.OptionThrottle(0),
				progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionClearOnFinish())
		}
		bar.ChangeMax64(max(written+lag, 1))
		_ = bar.Set64(written) // what it could say of a terminal is not worth an end
		if lag == 0 {
			_ = bar.Clear()
			return true
		}
	}
}

// distance returns how many partitions are read, and how many records are ahead of them.
func (r *Recorder) distance() (parts int, lag int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.parts {
		lag += max(p.end.Load()-p.next.Load(), 0)
	}
	return len(r.parts), lag
}
