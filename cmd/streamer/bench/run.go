package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lxzan/gws"
)

// phase is a stretch of the measuring.
type phase struct {
	received                                                  atomic.Uint64 // bytes, as they came
	frames, bytes, messages, updates, events, snapshots, gaps atomic.Uint64
	sinceLog, sinceVenue                                      histogram
	took                                                      time.Duration
}

// run is one run.
type run struct {
	config   *Config
	kept     map[string]bool // books whose content is checked
	truths   *truths
	stall    stall
	phase    atomic.Pointer[phase] // nil: nothing is counted
	complete atomic.Int64          // connections that have the snapshots of all their rooms
	joining  histogram             // how long that took them
	over     atomic.Bool
	resumed  atomic.Uint64

	mu       sync.Mutex
	faults   map[string]uint64
	first    []string // the first faults, whole
	byes     map[string]uint64
	closings map[string]uint64
	list     []*connection
}

// Run connects, measures and disconnects. It returns what was measured also where connections failed; an error says
// that nothing could be.
func Run(ctx context.Context, c Config) (*Report, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	r := &run{config: &c, kept: c.kept(), truths: newTruths(), faults: map[string]uint64{}, byes: map[string]uint64{}, closings: map[string]uint64{}}
	defer r.disconnect()
	if err := r.open(ctx, 0, c.Connections, time.Duration(c.Connections)*time.Second/time.Duration(c.Rate), false); err != nil {
		return nil, err
	}
	if !r.await(ctx, int64(c.Connections), time.Minute) {
		return nil, fmt.Errorf("%d of %d connections have no snapshot of all their rooms after a minute: are they being published? %s",
			int64(c.Connections)-r.complete.Load(), c.Connections, r.firstFault())
	}
	if !sleep(ctx, c.Settle) {
		return nil, ctx.Err()
	}
	return r.measure(ctx)
}

// open opens connections from number from up to to, spread over a time.
func (r *run) open(ctx context.Context, from, to int, over time.Duration, storm bool) error {
	began := time.Now()
	slots := make(chan struct{}, 64) // handshakes at once
	var wg sync.WaitGroup
	var failed atomic.Pointer[error]
	for i := from; i < to && failed.Load() == nil; i++ {
		due := began.Add(over * time.Duration(i-from) / time.Duration(to-from))
		if !sleep(ctx, time.Until(due)) {
			break
		}
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			c, err := r.connect(ctx, i, storm)
			if err != nil {
				err = fmt.Errorf("connection %d of %d: %w", i+1, to, err)
				failed.Store(&err)
			}
			if c != nil {
				r.mu.Lock()
				r.list = append(r.list, c)
				r.mu.Unlock()
			}
		})
	}
	wg.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return ctx.Err()
}

// await waits until so many connections know all their rooms.
func (r *run) await(ctx context.Context, n int64, patience time.Duration) bool {
	deadline := time.Now().Add(patience)
	for r.complete.Load() < n {
		if time.Now().After(deadline) || !sleep(ctx, 5*time.Millisecond) {
			return false
		}
	}
	return true
}

func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// measure counts: a third of the time plain, then what was asked for to happen, then the rest.
func (r *run) measure(ctx context.Context) (*Report, error) {
	c := r.config
	before := r.server(ctx)
	calm, rough, after := new(phase), new(phase), new(phase)
	began := time.Now()
	stop := r.resume(ctx)
	defer stop()
	if c.Slow == 0 && c.Storm == 0 {
		r.during(ctx, calm, c.Duration)
	} else {
		r.during(ctx, calm, c.Duration/3)
		r.disturb(ctx, rough)
		r.during(ctx, after, c.Duration-time.Since(began))
	}
	stop()
	r.phase.Store(nil)
	if ctx.Err() != nil && time.Since(began) < time.Second {
		return nil, ctx.Err()
	}
	return r.report(time.Since(began), before, r.server(ctx), calm, rough, after), nil
}

// resume cuts connections that read all the time, one after the other, and has them come back, so many a second, until
// it is stopped.
func (r *run) resume(ctx context.Context) (stop func()) {
	c := r.config
	if c.Resumes == 0 {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	began := time.Now()
	list := slices.DeleteFunc(slices.Clone(r.list), func(c *connection) bool { return c.slow })
	wg.Go(func() {
		for i := 0; sleep(ctx, time.Until(began.Add(time.Duration(i)*time.Second/time.Duration(c.Resumes)))); i++ {
			if err := list[i%len(list)].resume(context.WithoutCancel(ctx)); err != nil {
				r.fault(list[i%len(list)], fmt.Errorf("it cannot come back: %w", err))
				return
			}
			r.resumed.Add(1)
		}
	})
	return func() { cancel(); wg.Wait() }
}

// during counts into p for a time.
func (r *run) during(ctx context.Context, p *phase, d time.Duration) {
	began := time.Now()
	r.phase.Store(p)
	for rest := d; rest > 0 && sleep(ctx, min(rest, time.Second)); rest = d - time.Since(began) {
		r.progress(p, time.Since(began))
	}
	p.took = time.Since(began)
}

func (r *run) disturb(ctx context.Context, p *phase) {
	c := r.config
	began := time.Now()
	r.phase.Store(p)
	if c.Storm > 0 {
		if err := r.open(ctx, c.Connections, c.Connections+c.Storm, c.StormFor, true); err != nil {
			r.fault(nil, err)
		}
		r.await(ctx, int64(c.Connections+c.Storm), 30*time.Second)
	}
	if c.Slow > 0 {
		r.stall.begin()
		r.during(ctx, p, c.SlowFor)
		r.stall.end()
	}
	p.took = time.Since(began)
}

func (r *run) progress(p *phase, d time.Duration) {
	if r.config.Progress == nil {
		return
	}
	fmt.Fprintf(r.config.Progress, "%5.0f s  %9.0f messages/s  p50 %v  p99 %v  %d faults\n",
		d.Seconds(), float64(p.messages.Load())/d.Seconds(), p.sinceVenue.quantile(0.5), p.sinceVenue.quantile(0.99), r.count())
}

// keptFaults is how many faults are told whole.
const keptFaults = 5

func (r *run) fault(c *connection, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	kind := "protocol"
	if !errors.As(err, new(*fault)) {
		kind = "other"
	}
	r.faults[kind]++
	if len(r.first) < keptFaults {
		text := err.Error()
		if c != nil {
			text = fmt.Sprintf("connection %d: %s", c.number, text)
		}
		r.first = append(r.first, text)
	}
}

func (r *run) count() (n uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, k := range r.faults {
		n += k
	}
	return n
}

func (r *run) firstFault() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.first) > 0 {
		return "the first fault: " + r.first[0]
	}
	return ""
}

func (r *run) bye(reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.byes[reason]++
}

// closed notes a connection that the server ended.
func (r *run) closed(c *connection, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	text := "connection cut"
	if frame := new(gws.CloseError); errors.As(err, &frame) {
		text = fmt.Sprintf("%d %s", frame.Code, frame.Reason)
	}
	r.closings[text]++
}

func (r *run) disconnect() {
	r.over.Store(true)
	r.stall.end()
	var wg sync.WaitGroup
	for _, c := range r.list {
		wg.Go(c.close)
	}
	wg.Wait()
}
