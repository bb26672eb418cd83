package kafka

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tapedeck/feed"
)

// recorder is a sink that holds every log against its promises: each offset is delivered once and in
// order, or told as lost; calls of one log do not overlap; nothing comes after the end.
type recorder struct {
	t     *testing.T
	holes bool // offsets may be passed over
	marks bool // those of control marks are, without a word
	early bool // reading may begin before the log's first record

	mu       sync.Mutex
	ended    bool
	assigned []feed.Partition
	waiting  []string
	logs     map[feed.Partition]*recorded
}

type recorded struct {
	r    *recorder
	part feed.Partition
	busy atomic.Bool

	// The rest is guarded by recorder.mu.
	next   int64
	starts []feed.Start // of Open and of each Restart
	values [][]string   // by start: those delivered
	times  [][]int64
	lost   []loss
	end    int64
	downs  []string
	ups    int
	down   string
	slow   time.Duration
	last   feed.Record
}

type loss struct {
	from, to int64
	why      feed.Loss
}

func newRecorder(t *testing.T) *recorder {
	return &recorder{t: t, logs: map[feed.Partition]*recorded{}}
}

func (r *recorder) Assign(parts []feed.Partition) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.alive("Assign")
	for _, p := range r.assigned {
		if !slices.Contains(parts, p) {
			r.t.Errorf("Assign leaves out %v, which was there", p)
		}
	}
	r.assigned = parts
}

func (r *recorder) alive(call string) {
	if r.ended {
		r.t.Errorf("%s after Run has returned", call)
	}
}

func (r *recorder) Waiting(reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.alive("Waiting")
	if len(r.assigned) > 0 {
		r.t.Errorf("waiting (%s), though partitions are assigned", reason)
	}
	r.waiting = append(r.waiting, reason)
}

func (r *recorder) Open(p feed.Partition, at feed.Start) feed.Log {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.alive("Open")
	if !slices.Contains(r.assigned, p) {
		r.t.Errorf("%v is opened but was not assigned", p)
	}
	if r.logs[p] != nil {
		r.t.Errorf("%v is opened twice", p)
	}
	l := &recorded{r: r, part: p}
	r.logs[p] = l
	l.begin(at)
	return l
}

func (l *recorded) begin(at feed.Start) {
	if at.From < at.First && at.First <= at.End && !l.r.early || at.Epoch == "" {
		l.r.t.Errorf("%v begins at %+v", l.part, at)
	}
	l.next = at.From
	l.starts = append(l.starts, at)
	l.values = append(l.values, nil)
	l.times = append(l.times, nil)
}

// enter guards a call, and is to be left.
func (l *recorded) enter(call string) func() {
	if !l.busy.CompareAndSwap(false, true) {
		l.r.t.Errorf("%v: %s while another call is going on", l.part, call)
	}
	l.r.mu.Lock()
	l.r.alive(call)
	return func() {
		l.r.mu.Unlock()
		l.busy.Store(false)
	}
}

func (l *recorded) Record(r *feed.Record) {
	defer l.enter("Record")()
	if r.Offset < l.next || r.Offset > l.next && !l.r.holes && !l.r.marks {
		l.r.t.Errorf("%v: offset %d comes instead of %d", l.part, r.Offset, l.next)
	}
	l.next = r.Offset + 1
	n := len(l.starts) - 1
	value := string(r.Value)
	if r.Value == nil {
		value = "<none>"
	}
	l.values[n] = append(l.values[n], value)
	l.times[n] = append(l.times[n], r.Time)
	l.last = *clone(r)
	if slow := l.slow; slow > 0 {
		l.r.mu.Unlock()
		time.Sleep(slow)
		l.r.mu.Lock()
	}
}

func (l *recorded) Lost(from, to int64, why feed.Loss) {
	defer l.enter("Lost")()
	if from < l.next || from > l.next && !l.r.marks || to <= from {
		l.r.t.Errorf("%v: lost from %d to %d, but %d was to come", l.part, from, to, l.next)
	}
	l.next = to
	l.lost = append(l.lost, loss{from, to, why})
}

func (l *recorded) Restart(at feed.Start) {
	defer l.enter("Restart")()
	for _, s := range l.starts {
		if s.Epoch == at.Epoch && at.From < l.next {
			l.r.t.Errorf("%v: epoch %s begins again at %d though it was read up to %d", l.part, at.Epoch, at.From, l.next)
		}
	}
	l.begin(at)
}

func (l *recorded) End(offset int64) {
	defer l.enter("End")()
	l.end = offset
}

func (l *recorded) Down(reason string) {
	defer l.enter("Down")()
	if reason == l.down || reason == "" {
		l.r.t.Errorf("%v: down for %q again", l.part, reason)
	}
	l.down = reason
	l.downs = append(l.downs, reason)
}

func (l *recorded) Up() {
	defer l.enter("Up")()
	if l.down == "" {
		l.r.t.Errorf("%v: up, though it was", l.part)
	}
	l.down = ""
	l.ups++
}

// view is what a log has seen.
type view struct {
	next   int64
	starts []feed.Start
	values [][]string
	times  [][]int64
	lost   []loss
	end    int64
	downs  []string
	ups    int
	down   string
	last   feed.Record
}

// seen returns a copy of what a partition's log has seen; nothing where it was not opened.
func (r *recorder) seen(topic string, id int32) view {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.logs[feed.Partition{Topic: topic, ID: id}]
	if l == nil {
		return view{next: -1}
	}
	v := view{
		next: l.next, starts: slices.Clone(l.starts), lost: slices.Clone(l.lost), end: l.end,
		downs: slices.Clone(l.downs), ups: l.ups, down: l.down, last: *clone(&l.last),
	}
	for i := range l.values {
		v.values = append(v.values, slices.Clone(l.values[i]))
		v.times = append(v.times, slices.Clone(l.times[i]))
	}
	return v
}

func (r *recorder) slow(topic string, id int32, d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.logs[feed.Partition{Topic: topic, ID: id}].slow = d
}

func (r *recorder) parts() []feed.Partition {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.assigned
}

func (r *recorder) reasons() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.waiting)
}

func (r *recorder) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
}

// eventually waits until what is asked for is so.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !is(); {
		if time.Now().After(deadline) {
			t.Fatalf("not within 20 s: %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// reaches waits until a partition was read up to next.
func (r *recorder) reaches(topic string, id int32, next int64) view {
	r.t.Helper()
	eventually(r.t, fmt.Sprintf("%s/%d is read up to %d", topic, id, next), func() bool { return r.seen(topic, id).next >= next })
	return r.seen(topic, id)
}
