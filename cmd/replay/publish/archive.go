package publish

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"tapedeck/cmd/replay/stretch"
	"tapedeck/feed"
	"tapedeck/feed/capture"
)

// archived identifies a stretch of an archive: by its logs, times and symbols. A record's line is its number in the stretch.
func (o *Options) archived(ctx context.Context) (s session, begin int64, err error) {
	logs, err := o.Stretch.Logs(ctx)
	if err == nil && len(logs) == 0 {
		err = stretch.ErrNothing
	}
	if err != nil {
		return s, 0, err
	}
	begin, end := logs[0].Begin, logs[0].End
	h := sha256.New()
	for _, l := range logs {
		begin, end = min(begin, l.Begin), max(end, l.End)
		fmt.Fprintf(h, "%q\n", l.LogID)
	}
	symbols := slices.Clone(o.Stretch.Symbols)
	slices.Sort(symbols)
	fmt.Fprintf(h, "%d %d %q", o.Stretch.From, o.Stretch.To, symbols)
	begin = max(begin, o.Stretch.From)
	if o.Stretch.To > 0 {
		end = min(end, o.Stretch.To)
	}
	o.Stats.Size.Store(end - begin)
	return session{name: strings.ReplaceAll(logs[0].Topic, "/", "_"), hash: hex.EncodeToString(h.Sum(nil)[:5])}, begin, nil
}

// replay reads the stretch once.
func (p *publisher) replay(ctx context.Context) error {
	return p.Stretch.Read(ctx, &archived{publisher: p, ctx: ctx})
}

// archived sends what an archive holds, as it was: with its key, its headers and its time. It implements stretch.Sink.
type archived struct {
	*publisher
	ctx    context.Context
	begin  int64
	record record
}

// Begin implements stretch.Sink.
func (a *archived) Begin(s *stretch.Source) (stretch.Log, error) {
	return &archivedLog{archived: a, keys: NewKeyer(s.Format, a.Symbol, true), name: fmt.Sprintf("%s-%d", s.Topic, s.Partition)}, nil
}

type archivedLog struct {
	*archived
	keys *Keyer // of records that have no key
	name string
}

// Take implements stretch.Log.
func (l *archivedLog) Take(r *feed.Record, before bool) error {
	if before || r.Mark {
		return nil
	}
	at := cmp.Or(r.Time, r.Clock)
	l.begin = cmp.Or(l.begin, at)
	l.met(at)
	l.Stats.Read.Store(max(at-l.begin, 0))
	l.line++
	out := &l.record
	*out = record{line: l.line, key: string(r.Key), value: r.Value, others: out.others[:0]}
	for _, h := range r.Headers {
		switch h.Key {
		case symbolHeader:
			out.symbol = string(h.Value)
		case captureHeader, lineHeader: // of the publication before this one
		default:
			out.others = append(out.others, h)
		}
	}
	if len(r.Key) == 0 {
		l.key(r)
	}
	return l.send(l.ctx, at, out, "")
}

// key gives a record without a key the one that it would have had from a capture.
func (l *archivedLog) key(r *feed.Record) {
	m := capture.Message{File: l.name, Data: r.Value}
	if s := l.record.symbol; s != "" {
		m.URL = "https://archive/?symbol=" + s
	}
	k, err := l.keys.Key(&m)
	l.record.key = cmp.Or(k.Key, l.name)
	if err == nil && l.record.symbol == "" {
		l.record.symbol = k.Symbol
	}
}

// Lost implements stretch.Log.
func (l *archivedLog) Lost(h feed.Hole, before bool) {
	if !before {
		l.result.Missing += h.To - h.From
	}
}
