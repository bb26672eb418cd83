package server

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"tapedeck/feed"
	"tapedeck/feed/checkpoint"
)

// memo is checkpoints of what replays have played, in memory: so that a seek back, and the next replay of the same, begin near,
// with whole books and candles, where the archive has no checkpoints itself, as captures have none. Of each log there is one in
// every so many records; where they take too much, some between go.
type memo struct {
	every int // records
	pause int // how many times as long as one took no other is made
	limit int // bytes

	mu    sync.Mutex
	kept  map[played][]feed.Checkpoint // in the order of offsets
	bytes int
}

// played is a log as a replay of some symbols plays it.
type played struct {
	log     feed.LogID
	symbols string // their names, or all
}

// newMemo remembers a place in 100,000 records, which are played in a third of a second, and fewer where saving would take more
// than a twentieth of the time: 100 deep markets take 0.1 s and some MB.
func newMemo() *memo {
	return &memo{every: 100_000, pause: 20, limit: 16 << 20, kept: map[played][]feed.Checkpoint{}}
}

// find returns how many lie before an offset, and whether one is at it. It is called under the lock.
func (m *memo) find(of played, offset int64) (int, bool) {
	return slices.BinarySearchFunc(m.kept[of], offset, func(c feed.Checkpoint, at int64) int { return cmp.Compare(c.Offset, at) })
}

// newest returns the newest at or before an offset.
func (m *memo) newest(of played, offset int64) (c feed.Checkpoint, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i, _ := m.find(of, offset+1)
	if i == 0 {
		return c, false
	}
	return m.kept[of][i-1], true
}

func (m *memo) keep(of played, c feed.Checkpoint) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i, there := m.find(of, c.Offset)
	if there {
		return
	}
	m.kept[of] = slices.Insert(m.kept[of], i, c)
	m.bytes += len(c.Data)
	for m.bytes > m.limit {
		m.thin()
	}
}

// thin lets one go: of the log that takes the most, the one whose neighbours are nearest to each other.
func (m *memo) thin() {
	var of played
	most := 0
	for key, list := range m.kept {
		if n := weight(list); n > most {
			of, most = key, n
		}
	}
	list, least := m.kept[of], 0
	apart := func(i int) int64 { return list[i+1].Offset - list[i-1].Offset }
	for i := 1; i < len(list)-1; i++ {
		if least == 0 || apart(i) < apart(least) {
			least = i
		}
	}
	m.bytes -= len(list[least].Data)
	if m.kept[of] = slices.Delete(list, least, least+1); len(m.kept[of]) == 0 {
		delete(m.kept, of)
	}
}

func weight(list []feed.Checkpoint) (n int) {
	for _, c := range list {
		n += len(c.Data)
	}
	return n
}

// recall is a memo for one who plays some symbols of an archive.
type recall struct {
	*memo
	archive checkpoint.Find
	symbols string
	theirs  atomic.Bool // the archive has checkpoints: ours are not needed
	next    time.Time   // the player's: when one may be made
}

func (m *memo) recall(archive checkpoint.Find, symbols []string) *recall {
	r := &recall{memo: m, archive: archive, symbols: "all"}
	if symbols != nil {
		r.symbols = strings.Join(slices.Sorted(slices.Values(symbols)), " ")
	}
	return r
}

// find is a checkpoint.Find.
func (r *recall) find(ctx context.Context, log feed.LogID, offset int64) (feed.Checkpoint, bool, error) {
	c, ok, err := r.archive(ctx, log, offset)
	if err != nil {
		return c, false, err
	}
	if ok {
		r.theirs.Store(true)
	}
	if own, kept := r.newest(played{log, r.symbols}, offset); kept && (!ok || own.Offset > c.Offset) {
		return own, true, nil
	}
	return c, ok, nil
}

// note counts a record that was played, and keeps a checkpoint when it is time to, unless there is one of the records since the
// last time.
func (r *recall) note(p *partition, offset int64) {
	if p.played++; p.played < r.every {
		return
	}
	began := time.Now()
	if began.Before(r.next) {
		return
	}
	behind := p.noted
	p.played, p.noted = 0, offset
	if newest, ok := r.newest(played{p.fold.ID(), r.symbols}, offset+1); r.theirs.Load() || ok && newest.Offset > behind {
		return
	}
	if saved, ok := p.fold.Save(); ok && saved.Offset() > 0 {
		r.keep(played{saved.Log, r.symbols}, saved.Seal())
	}
	r.next = time.Now().Add(time.Duration(r.pause) * time.Since(began))
}
