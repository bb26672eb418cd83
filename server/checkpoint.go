package server

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"tapedeck/feed"
)

// checkpointCounts are for /metrics.
type checkpointCounts struct{ written, failed, loaded, refused atomic.Uint64 }

// keeper writes checkpoints of the live timeline's logs: of one after the other, so that the memory is that of one, and of each
// once in a while.
type keeper struct {
	ingest *ingest
	to     feed.Checkpoints
	every  time.Duration
	kept   map[*partition]int64 // offset of the newest
	failed bool
}

// run writes checkpoints until ctx ends.
func (k *keeper) run(ctx context.Context) {
	for ctx.Err() == nil {
		parts := k.parts()
		pause := k.every / time.Duration(max(len(parts), 1))
		if len(parts) == 0 {
			k.wait(ctx, pause)
		}
		for _, p := range parts {
			if k.wait(ctx, pause); ctx.Err() == nil {
				k.keep(ctx, p)
			}
		}
	}
}

// last writes one of every log whose source has ended.
func (k *keeper) last() {
	const patience = 10 * time.Second // beside what is left of a drain, before whoever stops us kills us
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for _, p := range k.parts() {
		k.keep(ctx, p)
	}
}

func (k *keeper) wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

func (k *keeper) parts() (list []*partition) {
	k.ingest.each(func(p *partition) { list = append(list, p) })
	slices.SortFunc(list, func(a, b *partition) int {
		if a.id.Topic != b.id.Topic {
			return strings.Compare(a.id.Topic, b.id.Topic)
		}
		return int(a.id.ID) - int(b.id.ID)
	})
	return list
}

// keep writes one. A log that is still far behind its end has none yet: others may have newer ones.
func (k *keeper) keep(ctx context.Context, p *partition) {
	if !p.caught() || k.kept[p] == int64(p.log.Seq()) {
		return
	}
	saved, ok := p.fold.Save()
	if !ok || saved.Offset() == 0 {
		return
	}
	err := k.to.Keep(ctx, saved.Log, saved.Seal())
	switch {
	case ctx.Err() == context.Canceled: // last writes it
	case err == nil:
		k.kept[p] = saved.Offset()
		k.ingest.counts.written.Add(1)
		if k.failed {
			k.failed = false
			k.ingest.log.Info("checkpoints are written again")
		}
	default:
		k.ingest.counts.failed.Add(1)
		if !k.failed { // the counter tells the rest
			k.failed = true
			k.ingest.log.Error("checkpoints cannot be written: a start now takes longer", "topic", p.id.Topic, "partition", p.id.ID, "error", err)
		}
	}
}
