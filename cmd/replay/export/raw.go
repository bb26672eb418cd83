package export

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"

	"tapedeck/cmd/replay/stretch"
	"tapedeck/feed"
	"tapedeck/market"
)

// raw writes records as a capture, a line each: replay import and replay publish read it back. A symbol that stands in a
// record's header, since its body does not say it, stands in an address before the body.
type raw struct {
	*Options
	w       *bufio.Writer
	line    []byte
	batch   market.Batch
	logs    int
	format  string
	result  Result
	symbols map[string]string // the addresses
}

// records writes the stretch's records.
func records(ctx context.Context, o Options, w io.Writer) (Result, error) {
	if err := o.bounds(ctx); err != nil {
		return Result{}, err
	}
	e := &raw{Options: &o, w: bufio.NewWriterSize(w, 64<<10), symbols: map[string]string{}}
	err := o.Stretch.Read(ctx, e)
	if failed := e.w.Flush(); err == nil {
		err = failed
	}
	e.result.Rows = o.Stats.Rows.Load()
	return e.result, err
}

// Begin implements stretch.Sink.
func (e *raw) Begin(s *stretch.Source) (stretch.Log, error) {
	e.logs++
	switch {
	case e.format != "" && e.format != s.Format.Name:
		return nil, fmt.Errorf("the stretch has records of the formats %s and %s, but a capture is of one: name the logs of one with --logs", e.format, s.Format.Name)
	case e.logs > 1 && s.Format.Scope == feed.ScopeConnection:
		return nil, fmt.Errorf("the stretch has several partitions of the format %s, each of a connection of its own, which a capture cannot tell apart: name one with --partition", s.Format.Name)
	}
	e.format = s.Format.Name
	l := &rawLog{raw: e, id: s.LogID}
	if e.Stretch.Symbols != nil && s.Format.Scope != feed.ScopeConnection {
		l.decoder = s.Format.New(e.Feed)
	}
	return l, nil
}

type rawLog struct {
	*raw
	id      feed.LogID
	decoder feed.Decoder // where symbols are chosen
}

// Take implements stretch.Log.
func (l *rawLog) Take(r *feed.Record, before bool) error {
	if r.Mark || !l.wanted(r) || before {
		return nil
	}
	l.result.Records++
	l.Stats.At.Store(r.Clock)
	line, err := l.write(r)
	if err != nil {
		if l.result.Left++; l.result.Left == 1 {
			l.result.First = fmt.Sprintf("record %d of %s, partition %d: %v", r.Offset, l.id.Topic, l.id.Partition, err)
		}
		return nil
	}
	l.Stats.Rows.Add(1)
	_, err = l.w.Write(line)
	return err
}

// wanted tells whether a record is of a symbol that is asked for, or of no one symbol.
func (l *rawLog) wanted(r *feed.Record) bool {
	if l.decoder == nil {
		return true
	}
	l.batch.Reset()
	if l.decoder.Decode(&l.batch, r) != nil || len(l.batch.Events) == 0 {
		return true
	}
	for i := range l.batch.Events {
		if slices.ContainsFunc(tables[:], func(t *table) bool { return l.Wants(t.channel, l.batch.Events[i].Symbol) }) {
			return true
		}
	}
	return false
}

// What a capture's time is between: 16 digits of µs.
const (
	oldest = 1_000_000_000_000_000
	newest = 9_999_999_999_999_999
)

// write makes a record a line.
func (l *rawLog) write(r *feed.Record) ([]byte, error) {
	symbol := ""
	for _, h := range r.Headers {
		if h.Key == "symbol" {
			symbol = string(h.Value)
		}
	}
	switch {
	case r.Time < oldest || r.Time > newest:
		return nil, errors.New("its time has not the 16 digits of a capture's")
	case len(r.Value) == 0:
		return nil, errors.New("it has no value")
	case bytes.ContainsAny(r.Value, "\n") || bytes.HasSuffix(r.Value, []byte("\r")):
		return nil, errors.New("its value has several lines")
	case bytes.HasPrefix(r.Value, []byte("http://")), bytes.HasPrefix(r.Value, []byte("https://")):
		return nil, errors.New("its value begins like an address")
	case len(bytes.TrimSpace(r.Value)) == 0:
		return nil, errors.New("its value is blank")
	}
	l.line = append(strconv.AppendInt(l.line[:0], r.Time, 10), ' ')
	if symbol != "" {
		l.line = append(append(l.line, l.address(symbol)...), ' ')
	}
	l.line = append(append(l.line, r.Value...), '\n')
	return l.line, nil
}

// address is one from which a capture's readers learn the symbol.
func (e *raw) address(symbol string) string {
	a, ok := e.symbols[symbol]
	if !ok {
		a = "https://archive/?symbol=" + url.QueryEscape(symbol)
		e.symbols[symbol] = a
	}
	return a
}

// Lost implements stretch.Log.
func (l *rawLog) Lost(h feed.Hole, before bool) {
	if !before {
		l.result.Missing += h.To - h.From
	}
}

func reason(err error) feed.Reason {
	if why, ok := errors.AsType[feed.Reason](err); ok {
		return why
	}
	return feed.Ignored
}
