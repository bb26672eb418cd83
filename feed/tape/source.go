package tape

import (
	"context"

	"tapedeck/feed"
)

// Record returns a source that brings what another one brings, and keeps it on the tape before it does.
func (t *Tape) Record(s feed.Source) feed.Source { return recorded{s, t} }

type recorded struct {
	source feed.Source
	tape   *Tape
}

func (r recorded) Run(ctx context.Context, sink feed.Sink) error {
	return r.source.Run(ctx, recordedSink{sink, r.tape})
}

type recordedSink struct {
	feed.Sink
	tape *Tape
}

func (s recordedSink) Open(p feed.Partition, at feed.Start) feed.Log {
	return &recordedLog{Log: s.Sink.Open(p, at), tape: s.tape, id: at.Log}
}

type recordedLog struct {
	feed.Log
	tape *Tape
	id   feed.LogID
}

func (l *recordedLog) Record(r *feed.Record) {
	l.tape.Append(l.id, r)
	l.Log.Record(r)
}

func (l *recordedLog) Lost(from, to int64, why feed.Loss) {
	l.tape.Lost(l.id, feed.Hole{From: from, To: to, Why: why})
	l.Log.Lost(from, to, why)
}

func (l *recordedLog) Restart(at feed.Start) {
	l.id = at.Log
	l.Log.Restart(at)
}
