// Package export writes a stretch of an archive into a file: its events, or the records themselves.
package export

import (
	"context"
	"sync/atomic"
	"time"

	"tapedeck/cmd/replay/minutes"
	"tapedeck/cmd/replay/stretch"
	"tapedeck/feed"
	"tapedeck/market"
	"tapedeck/snapshot"
)

// Options say what is written.
type Options struct {
	Stretch stretch.Stretch
	Feed    feed.Options // how records are decoded
	Wants   func(c market.Channel, s *market.Symbol) bool
	Stats   *Stats
}

// Stats is how far it is. It may be read at any time.
type Stats struct {
	Begin, End, At atomic.Int64 // the stretch's and the newest record's clock
	Rows           atomic.Int64
}

// Result is what came of it.
type Result struct {
	Records int64
	Rows    int64
	Refused map[feed.Reason]int64 // records that the decoder refuses
	Missing int64                 // offsets that the archive knows it does not have
	Left    int64                 // records that have no place in a capture
	First   string                // the first of them, and why
}

// exporter decodes records into rows. It implements stretch.Sink.
type exporter struct {
	*Options
	to     encoder
	row    row
	batch  market.Batch
	result Result
}

// bounds notes of which time the stretch is.
func (o *Options) bounds(ctx context.Context) error {
	logs, err := o.Stretch.Logs(ctx)
	if err != nil || len(logs) == 0 {
		return err
	}
	begin, end := logs[0].Begin, logs[0].End
	for _, h := range logs {
		begin, end = min(begin, h.Begin), max(end, h.End)
	}
	o.Stats.Begin.Store(max(begin, o.Stretch.From))
	if o.Stretch.To > 0 {
		end = min(end, o.Stretch.To)
	}
	o.Stats.End.Store(end)
	return nil
}

// events writes the stretch's events.
func events(ctx context.Context, o Options, to encoder) (Result, error) {
	if err := o.bounds(ctx); err != nil {
		return Result{}, err
	}
	o.Stretch.Warmup = warmup
	e := &exporter{Options: &o, to: to, result: Result{Refused: map[feed.Reason]int64{}}}
	err := o.Stretch.Read(ctx, e)
	if failed := to.close(); err == nil {
		err = failed
	}
	e.result.Rows = o.Stats.Rows.Load()
	return e.result, err
}

// warmup is how much is read before the stretch: what decoders remember is of that time, and its first minutes are whole.
const warmup = 15 * time.Minute

// Begin implements stretch.Sink.
func (e *exporter) Begin(s *stretch.Source) (stretch.Log, error) {
	return &source{
		exporter: e, Source: s, decoder: s.Format.New(e.Feed), over: snapshot.Over(s.Clock),
		minutes: minutes.New(s.From == 0, e.Feed.Origins[market.CandlesChannel], s.Clock),
	}, nil
}

// source is one log.
type source struct {
	*exporter
	*stretch.Source
	decoder feed.Decoder
	minutes *minutes.Minutes
	over    int64
}

// Take implements stretch.Log.
func (s *source) Take(r *feed.Record, before bool) error {
	s.batch.Reset()
	if !r.Mark {
		if err := s.decoder.Decode(&s.batch, r); err != nil {
			s.batch.Reset()
			s.refuse(err, before)
		}
	}
	over := snapshot.Over(r.Clock)
	moved := over > s.over
	s.over = max(s.over, over)
	s.minutes.Record(s.batch.Events, max(r.Time, 0), r.Clock, s.over)
	if before {
		if moved {
			s.minutes.Settle(nil)
		}
		return nil
	}
	if !r.Mark {
		s.result.Records++
	}
	s.Stats.At.Store(r.Clock)
	for i := range s.batch.Events {
		ev := &s.batch.Events[i]
		if _, theirs := ev.Payload.(*market.Candle); theirs && s.Feed.Origins[market.CandlesChannel] == feed.Derived {
			continue
		}
		if err := s.row.event(&s.LogID, r, i, ev, func(t *table) error { return s.write(t, ev.Symbol) }); err != nil {
			return err
		}
	}
	if moved {
		return s.candles(r)
	}
	return nil
}

// candles writes the minutes that are over.
func (s *source) candles(r *feed.Record) (err error) {
	if s.Feed.Origins[market.CandlesChannel] != feed.Derived {
		return nil // they were written as they came
	}
	s.minutes.Settle(func(sym *market.Symbol, k *market.Candle) {
		if err == nil {
			s.row.begin(&s.LogID, r, 0, sym, 0)
			s.row.candle(k)
			err = s.write(candlesTable, sym)
		}
	})
	return err
}

func (s *source) write(t *table, sym *market.Symbol) error {
	if !s.Wants(t.channel, sym) {
		return nil
	}
	s.Stats.Rows.Add(1)
	return s.to.write(t, &s.row)
}

func (s *source) refuse(err error, before bool) {
	if why := reason(err); why.Bad() && !before {
		s.result.Refused[why]++
	}
}

// Lost implements stretch.Log.
func (s *source) Lost(h feed.Hole, before bool) {
	s.minutes.Lose()
	if !before {
		s.result.Missing += h.To - h.From
	}
}
