package clickhouse

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"tapedeck/feed"
	"tapedeck/market"
)

var _ feed.Archive = (*Table)(nil)

// Table is what queries give, as an archive: a log for each of them, whose records are of the format tick. A record is all rows
// of one time; its offset is that time in µs, and so is its clock: the same rows have the same numbers whatever part of
// them is asked for. There are no holes and no checkpoints.
//
// Floats become the shortest decimal that is that float; what is exact stays exact.
type Table struct {
	logs []*questioned
}

// questioned is one query.
type questioned struct {
	db *DB
	q  Query
	id feed.LogID

	mu    sync.Mutex
	plan  *plan // nil: not known yet
	held  feed.Holding
	asked time.Time // for held
}

// Tables prepares queries; nothing is asked yet. Closing it is closing db.
func Tables(db *DB, queries ...Query) (*Table, error) {
	t := &Table{}
	for _, q := range queries {
		if err := q.check(); err != nil {
			return nil, err
		}
		q.Venue = cmp.Or(q.Venue, "TABLE")
		id := feed.LogID{Topic: "query:" + q.Kind, TopicID: q.hash(), Partition: int32(len(t.logs)), Format: "tick"}
		t.logs = append(t.logs, &questioned{db: db, q: q, id: id})
	}
	return t, nil
}

// ErrQuery is an error that stays until somebody changes a query.
var ErrQuery = errors.New("the query cannot be replayed")

// Check asks for the queries' columns and looks at a few rows.
func (t *Table) Check(ctx context.Context) error {
	for _, l := range t.logs {
		p, err := l.ready(ctx)
		if err != nil {
			return err
		}
		if err := l.sample(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// ready learns the columns, once.
func (l *questioned) ready(ctx context.Context) (*plan, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.plan != nil {
		return l.plan, nil
	}
	ctx, cancel := l.db.within(ctx)
	defer cancel()
	rows, err := l.db.conn.Query(ctx, "SELECT * FROM ("+l.q.stretch(0, 0)+") LIMIT 0")
	if err != nil {
		var theirs *clickhouse.Exception
		if errors.As(err, &theirs) && codes[theirs.Code] != ErrAway && codes[theirs.Code] != ErrDenied {
			return nil, fmt.Errorf("%w: %s (code %d)", ErrQuery, firstLine(theirs.Message), theirs.Code)
		}
		return nil, explain(ctx, err)
	}
	defer rows.Close()
	p, err := l.q.planned(rows.ColumnTypes())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrQuery, err)
	}
	l.plan = &p
	return l.plan, nil
}

// sample sees whether a few rows have what they must.
func (l *questioned) sample(ctx context.Context, p *plan) error {
	r := newRow(p)
	return l.db.each(ctx, p.rows(l.q, 1, lastTime, nil)+" LIMIT 20", func(scan func(...any) error) error {
		if err := r.scan(scan); err != nil {
			return err
		}
		for i, name := range p.fields {
			if name != "price" && name != "size" || p.arrays[i] {
				continue
			}
			if _, ok := market.ParseDecimal(plainNumber(*r.texts[i])); !ok {
				return fmt.Errorf("%w: its column %s has %q, which is no number", ErrQuery, name, *r.texts[i])
			}
		}
		return nil
	})
}

func (t *Table) log(id feed.LogID) *questioned {
	if i := slices.IndexFunc(t.logs, func(l *questioned) bool { return l.id == id }); i >= 0 {
		return t.logs[i]
	}
	return nil
}

// fresh is how long it is not asked again what a query holds.
const fresh = 10 * time.Second

// holding is what a query gives at all.
func (l *questioned) holding(ctx context.Context) (feed.Holding, *plan, error) {
	p, err := l.ready(ctx)
	if err != nil {
		return feed.Holding{}, nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Since(l.asked) < fresh {
		return l.held, p, nil
	}
	h := feed.Holding{LogID: l.id}
	err = l.db.each(ctx, p.times(l.q, "min("+atColumn+"), max("+atColumn+"), count()", 1, lastTime), func(scan func(...any) error) error {
		var n uint64
		err := scan(&h.Begin, &h.End, &n)
		if h.Records = int64(n); n > 0 {
			h.First, h.Next = h.Begin, h.End+1
		}
		return err
	})
	if err == nil {
		l.held, l.asked = h, time.Now()
	}
	return h, p, err
}

// Logs implements feed.Archive.
func (t *Table) Logs(ctx context.Context) (list []feed.Holding, err error) {
	for _, l := range t.logs {
		h, _, err := l.holding(ctx)
		if err != nil {
			return nil, err
		}
		if h.Records > 0 {
			list = append(list, h)
		}
	}
	slices.SortStableFunc(list, func(a, b feed.Holding) int { return cmp.Compare(a.Topic, b.Topic) })
	return list, nil
}

// Seek implements feed.Archive: an offset is a time.
func (t *Table) Seek(ctx context.Context, id feed.LogID, at int64) (offset, clock int64, err error) {
	l := t.log(id)
	if l == nil {
		return 0, 0, nil
	}
	h, p, err := l.holding(ctx)
	switch {
	case err != nil || at <= h.First:
		return h.First, 0, err
	case at >= h.Next:
		return h.Next, h.End, nil
	}
	for from, span := at, l.span(&h, 1000); clock == 0 && from > h.First && err == nil; span *= 16 {
		from = max(at-span, h.First)
		err = l.db.each(ctx, p.times(l.q, "max("+atColumn+")", from, at), func(scan func(...any) error) error { return scan(&clock) })
	}
	return at, clock, err
}

// span is the time in which there are about so many rows.
func (l *questioned) span(h *feed.Holding, rows int) int64 {
	return max(int64(float64(rows)*float64(h.Next-h.First)/float64(max(h.Records, 1))), 1)
}

// Holes implements feed.Archive: there are none.
func (t *Table) Holes(context.Context, feed.LogID, int64, int64) ([]feed.Hole, error) {
	return nil, nil
}

// Checkpoint implements feed.Archive: there are none.
func (t *Table) Checkpoint(context.Context, feed.LogID, int64) (c feed.Checkpoint, ok bool, err error) {
	return c, false, nil
}

// The sizes of a read.
const (
	rowBytes    = 160     // about what a row becomes
	mostRows    = 20_000  // of one query
	mostOfATime = 1 << 17 // rows of one time
	maxValue    = 1 << 20 // bytes of one time, which is what the decoder takes
)

// Read implements feed.Archive.
func (t *Table) Read(ctx context.Context, id feed.LogID, w feed.Window, take func(*feed.Record) error) (int64, error) {
	l := t.log(id)
	if l == nil {
		return w.From, nil
	}
	h, p, err := l.holding(ctx)
	if err != nil {
		return w.From, err
	}
	end := h.Next
	if w.To > 0 {
		end = min(end, w.To)
	}
	from := max(w.From, h.First)
	if from >= end {
		return w.From, nil
	}
	rows := min(max(cmp.Or(w.Bytes, windowBytes)/rowBytes, 100), mostRows)
	r := &retelling{l: l, plan: p, symbols: w.Symbols, take: take}
	for span := l.span(&h, rows); from < end && r.told < rows/2; span *= 2 {
		if from, err = r.read(ctx, from, min(from+span, end), rows); err != nil {
			break
		}
	}
	return max(from, w.From), err
}
