package capture

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"sync"

	"tapedeck/feed"
	"tapedeck/market"
)

// Archive holds captures as logs: one for each session, of the topic import:NAME, in which the offset of a message is its
// place in the session and its time that of its receipt. Opening it reads every file once, and remembers the clock at
// one in indexEvery messages, so that a time is found in a stretch of them. What lies before a place is read over: files
// that are packed have no other way, and a session of a million messages takes a second.
type Archive struct {
	logs []*recorded
}

// recorded is one session.
type recorded struct {
	holding feed.Holding
	paths   []string
	index   []mark // each indexEvery messages apart

	mu   sync.Mutex
	idle *playhead // where a reading ended, to go on from
}

// mark is the clock before a message.
type mark struct {
	offset int64
	clock  market.Clock
}

// indexEvery bounds what is remembered: 24 bytes in 4,096 messages.
const indexEvery = 4096

// playhead is a session opened at a place.
type playhead struct {
	messages *Merged
	next     int64
	clock    market.Clock
}

// OpenArchive opens captures, whose messages are of a format. Files whose names differ in ".rest" alone are one session; a
// line that cannot be read is an error.
func OpenArchive(ctx context.Context, format string, paths ...string) (*Archive, error) {
	a := &Archive{}
	at := map[string]int{}
	for _, path := range paths {
		name := Session(path)
		i, known := at[name]
		if !known {
			i = len(a.logs)
			at[name] = i
			a.logs = append(a.logs, &recorded{holding: feed.Holding{LogID: feed.LogID{
				Cluster: "capture", Topic: "import:" + filepath.Base(name), Format: format,
			}}})
		}
		a.logs[i].paths = append(a.logs[i].paths, path)
	}
	for _, l := range a.logs {
		if err := l.scan(ctx); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(a.logs, func(x, y *recorded) int {
		return cmp.Or(cmp.Compare(x.holding.Topic, y.holding.Topic), cmp.Compare(x.holding.Begin, y.holding.Begin))
	})
	return a, a.unique()
}

// unique says where two sessions have one name.
func (a *Archive) unique() error {
	for i, l := range a.logs[min(1, len(a.logs)):] {
		if o := a.logs[i]; o.holding.LogID == l.holding.LogID {
			return fmt.Errorf("%s and %s have the same name: rename one of them", o.paths[0], l.paths[0])
		}
	}
	return nil
}

// scan reads the session once.
func (l *recorded) scan(ctx context.Context) error {
	h, err := l.open()
	if err != nil {
		return err
	}
	defer h.messages.Close()
	for ctx.Err() == nil {
		if h.next%indexEvery == 0 {
			l.index = append(l.index, mark{h.next, h.clock})
		}
		m, err := h.message()
		if errors.Is(err, io.EOF) {
			l.holding.Next, l.holding.Records = h.next, h.next
			l.holding.End = cmp.Or(h.clock.Now(), l.holding.Begin)
			return nil
		}
		if err != nil {
			return err
		}
		l.holding.Begin = cmp.Or(l.holding.Begin, m.Time)
	}
	return ctx.Err()
}

func (l *recorded) open() (*playhead, error) {
	m, err := OpenMerged(l.paths...)
	if err != nil {
		return nil, err
	}
	return &playhead{messages: m}, nil
}

// message reads the next message.
func (h *playhead) message() (Message, error) {
	m, err := h.messages.Next()
	if err == nil {
		h.next++
		h.clock.Observe(m.Time)
	}
	return m, err
}

// at returns the session opened at an offset: where an earlier reading ended, or from its beginning. Close or keep ends it.
func (l *recorded) at(ctx context.Context, offset int64) (*playhead, error) {
	l.mu.Lock()
	h := l.idle
	l.idle = nil
	l.mu.Unlock()
	if h != nil && h.next > offset {
		h.messages.Close()
		h = nil
	}
	if h == nil {
		var err error
		if h, err = l.open(); err != nil {
			return nil, err
		}
	}
	for h.next < offset {
		if _, err := h.message(); err != nil || ctx.Err() != nil {
			h.messages.Close()
			return nil, cmp.Or(err, ctx.Err())
		}
	}
	return h, nil
}

// keep leaves the session open for the next reading, which mostly goes on from here.
func (l *recorded) keep(h *playhead) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.idle != nil {
		h.messages.Close()
		return
	}
	l.idle = h
}

// Close closes what is open.
func (a *Archive) Close() error {
	for _, l := range a.logs {
		l.mu.Lock()
		if l.idle != nil {
			l.idle.messages.Close()
			l.idle = nil
		}
		l.mu.Unlock()
	}
	return nil
}

// Logs implements feed.Archive.
func (a *Archive) Logs(context.Context) (list []feed.Holding, err error) {
	for _, l := range a.logs {
		if l.holding.Records > 0 {
			list = append(list, l.holding)
		}
	}
	return list, nil
}

func (a *Archive) find(id feed.LogID) (*recorded, error) {
	for _, l := range a.logs {
		if l.holding.LogID == id {
			return l, nil
		}
	}
	return nil, fmt.Errorf("there is no capture %s", id.Topic)
}

// Seek implements feed.Archive.
func (a *Archive) Seek(ctx context.Context, id feed.LogID, at int64) (offset, clock int64, err error) {
	l, err := a.find(id)
	if err != nil {
		return 0, 0, err
	}
	i, _ := slices.BinarySearchFunc(l.index, at, func(m mark, at int64) int { return cmp.Compare(m.clock.Now(), at) })
	h, err := l.at(ctx, l.index[max(i-1, 0)].offset)
	if err != nil {
		return 0, 0, err
	}
	defer h.messages.Close()
	for {
		offset, clock = h.next, h.clock.Now()
		_, err := h.message()
		switch {
		case errors.Is(err, io.EOF):
			return offset, clock, nil
		case err != nil:
			return 0, 0, err
		case ctx.Err() != nil:
			return 0, 0, ctx.Err()
		case h.clock.Now() >= at:
			return offset, clock, nil
		}
	}
}

// Read implements feed.Archive. It does not know of symbols: every record is read.
func (a *Archive) Read(ctx context.Context, id feed.LogID, w feed.Window, take func(*feed.Record) error) (next int64, err error) {
	l, err := a.find(id)
	if err != nil {
		return w.From, err
	}
	end := l.holding.Next
	if w.To > 0 {
		end = min(end, w.To)
	}
	if w.From >= end {
		return w.From, nil
	}
	h, err := l.at(ctx, w.From)
	if err != nil {
		return w.From, err
	}
	limit := cmp.Or(w.Bytes, 8<<20)
	for h.next < end && limit > 0 {
		m, err := h.message()
		if err == nil {
			err = take(record(&m, h))
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			h.messages.Close()
			return h.next, err
		}
		limit -= len(m.Data)
	}
	next = h.next
	l.keep(h)
	return next, nil
}

// record makes a message a record, with what its address says of it in a header, as a collector has it.
func record(m *Message, h *playhead) *feed.Record {
	r := &feed.Record{Offset: h.next - 1, Time: m.Time, Value: m.Data, Clock: h.clock.Now()}
	if symbol := Symbol(m.URL); symbol != "" {
		r.Key = []byte(symbol)
		r.Headers = []feed.Header{{Key: "symbol", Value: r.Key}}
	}
	return r
}

// Holes implements feed.Archive: nobody knows of any.
func (a *Archive) Holes(context.Context, feed.LogID, int64, int64) ([]feed.Hole, error) {
	return nil, nil
}

// Checkpoint implements feed.Archive: there are none.
func (a *Archive) Checkpoint(context.Context, feed.LogID, int64) (c feed.Checkpoint, ok bool, err error) {
	return c, false, nil
}
