package feed

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
)

// Chain returns an archive of what history holds and, from where that ends, what the newer archive does: a table and
// the log from which it is written, so that it does not matter how far behind the writer is. Logs are the same where
// their ids are. What lies between the two is a hole of reason LossArchive.
func Chain(history, newer Archive) Archive {
	return &chain{history: history, newer: newer, ends: map[LogID]int64{}}
}

// chain remembers where history ends: history grows, so it ends no earlier, and what it did not hold then the newer
// archive does. Only where that does not either is it looked again.
type chain struct {
	history, newer Archive

	mu   sync.Mutex
	ends map[LogID]int64 // nothing of a log: 0
	told bool            // history was asked for its logs
}

// Logs implements Archive.
func (c *chain) Logs(ctx context.Context) ([]Holding, error) {
	list, err := c.look(ctx)
	if err != nil {
		return nil, err
	}
	more, err := c.newer.Logs(ctx)
	if err != nil {
		return nil, err
	}
	for _, n := range more {
		i := slices.IndexFunc(list, func(h Holding) bool { return h.LogID == n.LogID })
		if i < 0 {
			list = append(list, n)
		} else if h := &list[i]; n.Next > h.Next {
			h.Records += n.Records - max(min(h.Next-n.First, n.Records), 0)
			h.Next, h.End = n.Next, max(h.End, n.End)
		}
	}
	slices.SortStableFunc(list, func(a, b Holding) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition), cmp.Compare(a.Begin, b.Begin))
	})
	return list, nil
}

// look asks what history holds, and takes note of where it ends.
func (c *chain) look(ctx context.Context) ([]Holding, error) {
	list, err := c.history.Logs(ctx)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	c.told = true
	c.mu.Unlock()
	for _, h := range list {
		c.reaches(h.LogID, h.Next)
	}
	return slices.Clone(list), nil
}

func (c *chain) reaches(log LogID, next int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ends[log] = max(c.ends[log], next)
}

// end returns where history ends, as far as is known.
func (c *chain) end(ctx context.Context, log LogID) (int64, error) {
	c.mu.Lock()
	end, told := c.ends[log], c.told
	c.mu.Unlock()
	if told {
		return end, nil
	}
	if _, err := c.look(ctx); err != nil {
		return 0, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ends[log], nil
}

// Seek implements Archive.
func (c *chain) Seek(ctx context.Context, log LogID, at int64) (offset, clock int64, err error) {
	end, err := c.end(ctx, log)
	if err != nil {
		return 0, 0, err
	}
	var before int64
	if end > 0 {
		if offset, before, err = c.history.Seek(ctx, log, at); err != nil || offset < end {
			return offset, before, err
		}
		c.reaches(log, offset)
		end = offset
	}
	offset, clock, err = c.newer.Seek(ctx, log, at)
	if offset <= end { // the newer archive holds nothing, or is of another mind about the clock
		return end, cmp.Or(before, clock), err
	}
	return offset, max(before, clock), err
}

// errHole is that the newer archive does not hold what comes next.
var errHole = errors.New("a record is missing")

// Read implements Archive.
func (c *chain) Read(ctx context.Context, log LogID, w Window, take func(*Record) error) (next int64, err error) {
	end, err := c.end(ctx, log)
	if err != nil {
		return w.From, err
	}
	if w.From >= end {
		next, err = c.readNewer(ctx, log, w, take)
		if !errors.Is(err, errHole) {
			return next, err
		}
		if _, err = c.look(ctx); err != nil { // history may hold it by now
			return w.From, err
		}
	}
	next, err = c.history.Read(ctx, log, w, take)
	if next > w.From {
		c.reaches(log, next)
	}
	if err != nil || next > w.From {
		return next, err
	}
	return c.newer.Read(ctx, log, w, take)
}

// readNewer reads from the newer archive, if that holds the very offset that is wanted.
func (c *chain) readNewer(ctx context.Context, log LogID, w Window, take func(*Record) error) (next int64, err error) {
	taken := false
	next, err = c.newer.Read(ctx, log, w, func(r *Record) error {
		if !taken && r.Offset > w.From {
			return errHole
		}
		taken = true
		return take(r)
	})
	return next, err
}

// Holes implements Archive.
func (c *chain) Holes(ctx context.Context, log LogID, from, to int64) ([]Hole, error) {
	end, err := c.end(ctx, log)
	if err != nil {
		return nil, err
	}
	var list []Hole
	if from < end {
		if list, err = c.history.Holes(ctx, log, from, min(to, end)); err != nil {
			return nil, err
		}
		list = slices.Clone(list)
	}
	if to <= end {
		return list, nil
	}
	more, err := c.newer.Holes(ctx, log, max(from, end), to)
	for _, h := range more {
		h.From = max(h.From, end)
		if h.Why == LossRetention {
			h.Why = LossArchive
		}
		list = append(list, h)
	}
	return list, err
}

// Checkpoint implements Archive.
func (c *chain) Checkpoint(ctx context.Context, log LogID, offset int64) (Checkpoint, bool, error) {
	p, ok, err := c.history.Checkpoint(ctx, log, offset)
	if ok || err != nil {
		return p, ok, err
	}
	return c.newer.Checkpoint(ctx, log, offset)
}
