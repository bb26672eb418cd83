package player

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"tapedeck/feed"
)

// lookout looks for logs that were not there when the player began: partitions that were added or had no record, and logs
// that were made anew. It belongs to the player's goroutine; one of the readers' asks the archive.
type lookout struct {
	busy  bool
	found chan []feed.Holding // 1
	began int64               // when the newest look did, ns
	asked []string            // epochs that are asked for, and not in a look yet
	under []string            // those of the look that is on its way
	vain  map[string]int64    // epochs that were not found: when that look began
}

const (
	lookEvery = int64(10 * time.Second) // without being asked
	lookValid = int64(time.Second)      // what was not there may come
)

// unarchived reports whether a log is known not to be archived. Where it is not known it is looked for.
func (p *Player) unarchived(epoch string) bool {
	l := &p.lookout
	if at, known := l.vain[epoch]; known && now()-at < lookValid {
		return true
	}
	if !slices.Contains(l.asked, epoch) && !slices.Contains(l.under, epoch) {
		l.asked = append(l.asked, epoch)
	}
	return false
}

// meet takes in what was found, and looks again when it is time to.
func (p *Player) meet() {
	l := &p.lookout
	if l.busy {
		select {
		case list := <-l.found:
			l.busy = false
			p.welcome(list)
		default:
		}
		return
	}
	at := now()
	if l.began == 0 {
		l.began = at // the archive was asked a moment ago
	}
	if len(l.asked) == 0 && at-l.began < lookEvery {
		return
	}
	l.busy, l.began, l.asked, l.under = true, at, nil, l.asked
	p.read(p.look)
}

// look asks the archive what it holds, until it answers.
func (p *Player) look(ctx context.Context) {
	for failures := 0; ctx.Err() == nil; failures++ {
		if list, err := p.config.Archive.Logs(ctx); err == nil {
			p.lookout.found <- list // has room: one look at a time
			p.ring()
			return
		}
		pause(ctx, backoff(failures, p.config.Retry))
	}
}

// welcome has the logs read that are new, from their beginnings.
func (p *Player) welcome(list []feed.Holding) {
	l := &p.lookout
	if l.vain == nil {
		l.vain = map[string]int64{}
	}
	for _, epoch := range l.under {
		l.vain[epoch] = l.began
	}
	l.under = nil
	for _, h := range p.known(list) {
		f, _ := p.config.Formats(h.Format)
		epoch := h.Epoch(f)
		delete(l.vain, epoch)
		held := slices.ContainsFunc(p.holding, func(o feed.Holding) bool { return o.LogID == h.LogID })
		if !held && (p.config.Grows == nil || p.config.Grows(epoch)) {
			p.add(h)
		}
	}
}

// add has a log read that was not there.
func (p *Player) add(h feed.Holding) {
	r := newReel(p, []feed.Holding{h}, 0)
	for _, o := range p.reels {
		if o.part == r.part { // the last of them is the newest
			r.after, r.before = o, o.before+len(o.held)
		}
	}
	if r.after != nil {
		r.after.succeeded.Store(true)
	}
	p.holding = append(slices.Clone(p.holding), h)
	slices.SortStableFunc(p.holding, func(a, b feed.Holding) int {
		return cmp.Or(strings.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
	p.reels = append(p.reels, r)
	r.size = p.window()
	p.read(r.run)
	p.assign()
}
