// Package imports brings files into an archive: captures, CSV and Parquet. It is a source of records like Kafka is, and what
// takes them is the recorder, so that a file that was imported is kept, indexed and replayed as if it had been recorded.
//
// A record's offset is its place among the rows of its log's files, from 0 on. A row that cannot be placed leaves its offset
// empty, which the archive knows as a hole. So the table alone says how far an import came, and the same rows have the
// same numbers however often it is begun.
package imports

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"tapedeck/cmd/replay/record"
	"tapedeck/feed"
	"tapedeck/feed/clickhouse"
	"tapedeck/market"
)

// Log is files that become one log.
type Log struct {
	ID      feed.LogID
	Feed    record.Feed
	MaxLate time.Duration // a row whose time is so much behind the log's clock cannot be placed; 0: it can
	Millis  bool          // times are cut to ms, as Kafka keeps them: then the log is what a topic's would be, to the hash
	open    func() (input, error)
}

// Options say what is imported and what becomes of it.
type Options struct {
	Logs       []Log
	Recorder   record.Config // its Feeds are filled in
	Archive    feed.Archive  // that the recorder's table is of; nil: one that holds nothing
	MaxRefused int           // rows; with one more the import ends. Below 0: any number
	Say        func(format string, args ...any)
	Stats      *Stats
}

// Stats is how far it is. It may be read at any time.
type Stats struct {
	Read, Size atomic.Int64 // bytes of files, rows of Parquet
	Rows       atomic.Int64
}

// Result is what came of it.
type Result struct {
	Rows     int64
	There    int64 // that the archive had
	Written  int64
	Unused   int64                 // without market data, in tables
	Refused  map[feed.Reason]int64 // rows that could not be placed
	Doubtful map[feed.Reason]int64 // messages of captures that the decoder refuses, and that are kept
	Late     int64                 // rows older than one before them
	Latest   time.Duration         // by at most so much
}

// told is how many refused rows are told one by one.
const told = 100

// importer is one run. It implements feed.Source.
type importer struct {
	*Options
	recorder *record.Recorder
	end      context.CancelFunc // a recorder records until its context ends
	result   Result
	refused  int
}

// Run imports until the files end, ctx does, or too much is refused. What was written stays: the same Run goes on behind it.
func Run(ctx context.Context, o Options) (Result, error) {
	if o.Recorder.Feeds == nil {
		o.Recorder.Feeds = map[string]record.Feed{}
	}
	for _, l := range o.Logs {
		o.Recorder.Feeds[l.ID.Topic] = l.Feed
	}
	recording, end := context.WithCancel(ctx)
	defer end()
	i := &importer{Options: &o, recorder: record.New(o.Recorder), end: end, result: Result{Refused: map[feed.Reason]int64{}, Doubtful: map[feed.Reason]int64{}}}
	err := i.recorder.Run(recording, i)
	i.result.Written = i.recorder.Stats.Records.Load()
	if err == nil {
		err = ctx.Err()
	}
	return i.result, err
}

// Run implements feed.Source: it ends when all files are read.
func (i *importer) Run(ctx context.Context, sink feed.Sink) error {
	defer i.end()
	for n := range i.Logs {
		if err := i.bring(ctx, sink, &i.Logs[n]); err != nil {
			return err
		}
	}
	return nil
}

// reading is one log on its way.
type reading struct {
	*importer
	*Log
	sink   feed.Log
	tail   int64 // what lies before it is in the archive
	from   int64 // what is told begins here: decoders remember, minutes become whole
	hole   int64 // where the hole begins that ends before the next record; -1: there is none
	clock  market.Clock
	newest int64
	last   *feed.Record // of those that the archive holds
}

// bring reads one log's files.
func (i *importer) bring(ctx context.Context, sink feed.Sink, l *Log) error {
	in, err := l.open()
	if err != nil {
		return err
	}
	defer in.close()
	r := reading{importer: i, Log: l, hole: -1}
	if err := r.begin(ctx); err != nil {
		return err
	}
	r.sink = sink.Open(feed.Partition{Topic: l.ID.Topic, ID: l.ID.Partition}, feed.Start{Epoch: l.ID.Epoch(l.Feed.Format), Log: l.ID, From: r.from, End: r.from})
	offset := int64(0)
	for ; ctx.Err() == nil; offset++ {
		row, err := in.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if err := r.take(&row, offset); err != nil {
			return err
		}
		if read, size := in.progress(); offset%64 == 0 {
			i.Stats.Read.Store(read)
			i.Stats.Size.Store(size)
		}
	}
	if offset < r.tail && ctx.Err() == nil { // rows refused at the end are no hole: with other flags they may get their places yet
		return fmt.Errorf("the archive has %d records of %s, but its files end after %d: is it another file? --topic gives it another name", r.tail, l.ID.Topic, offset)
	}
	return nil
}

// begin asks the archive how far the log is.
func (r *reading) begin(ctx context.Context) error {
	tail, err := r.Recorder.Table.Tail(ctx, r.ID, 0)
	if err != nil {
		return err
	}
	at, err := r.recorder.Begin(ctx, r.ID)
	if err != nil || !tail.Held {
		return err
	}
	r.tail, r.from = tail.Next, at.Offset
	_, err = r.Archive.Read(ctx, r.ID, feed.Window{From: r.tail - 1, To: r.tail}, func(held *feed.Record) error {
		r.last = &feed.Record{Offset: held.Offset, Time: held.Time, Key: bytes.Clone(held.Key), Value: bytes.Clone(held.Value)}
		return nil
	})
	return err
}

// take takes one row.
func (r *reading) take(row *row, offset int64) error {
	r.result.Rows++
	r.Stats.Rows.Add(1)
	row.record.Offset = offset
	if r.Millis {
		row.record.Time -= row.record.Time % 1000
	}
	if row.refused == nil && !row.unused {
		r.order(row)
	}
	if offset == r.tail-1 && (r.last == nil || row.unused || row.refused != nil || r.last.Time != row.record.Time || !bytes.Equal(r.last.Value, row.record.Value)) {
		return fmt.Errorf("%s:%d: the archive has another record in this place of %s: is it another file, or read in another way? --topic gives it another name", row.file, row.line, r.ID.Topic)
	}
	switch {
	case row.refused != nil:
		if r.hole < 0 {
			r.hole = offset
		}
		return r.refuse(row)
	case row.unused:
		r.result.Unused++
		return nil
	case row.doubt != "":
		r.result.Doubtful[row.doubt]++
	}
	if offset < r.tail {
		r.result.There++
	}
	r.close(offset)
	if offset >= r.from {
		r.sink.End(offset + 1)
		r.sink.Record(&row.record)
	}
	return nil
}

// order holds a row's time against those before it.
func (r *reading) order(row *row) {
	at := row.record.Time
	if behind := time.Duration(r.clock.Now()-at) * time.Microsecond; r.MaxLate > 0 && r.clock.Now() > 0 && behind > r.MaxLate {
		row.refused = fmt.Errorf("%w: its time is %s behind that of rows before it: sort the file by time, or allow more with --max-late", late, behind)
		return
	}
	r.clock.Observe(at)
	if behind := r.newest - at; behind > 0 {
		r.result.Late++
		r.result.Latest = max(r.result.Latest, time.Duration(behind)*time.Microsecond)
	}
	r.newest = max(r.newest, at)
}

// close tells of the hole before an offset.
func (r *reading) close(offset int64) {
	if r.hole >= 0 && offset > r.from {
		r.sink.Lost(max(r.hole, r.from), offset, feed.LossSource)
	}
	r.hole = -1
}

// refuse counts a row that cannot be placed, and says which one it is.
func (r *reading) refuse(row *row) error {
	why, ok := errors.AsType[feed.Reason](row.refused)
	if !ok {
		why = unreadable
	}
	r.result.Refused[why]++
	r.importer.refused++
	if r.importer.refused <= told {
		r.Say("%s:%d: %v", row.file, row.line, row.refused)
	}
	if r.MaxRefused >= 0 && r.importer.refused > r.MaxRefused {
		return fmt.Errorf("more than %d rows are refused: --max-refused allows more, --dry-run counts them all", r.MaxRefused)
	}
	return nil
}

// nowhere is a table that counts and keeps nothing: for --dry-run.
type nowhere struct {
	trades, candles, days int64
	day                   int64
}

func (*nowhere) Tail(context.Context, feed.LogID, time.Duration) (clickhouse.Tail, error) {
	return clickhouse.Tail{}, nil
}
func (*nowhere) Settle(context.Context, *clickhouse.Batch) error { return nil }
func (*nowhere) Holes(context.Context, *clickhouse.Batch) error  { return nil }

func (n *nowhere) Write(_ context.Context, b *clickhouse.Batch) error {
	n.trades += int64(len(b.Trades))
	n.candles += int64(len(b.Candles))
	if len(b.Records) > 0 && b.Day != n.day {
		n.day = b.Day
		n.days++
	}
	return nil
}
