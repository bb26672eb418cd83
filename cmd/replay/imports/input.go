package imports

import (
	"errors"
	"fmt"
	"io"

	"tapedeck/cmd/replay/publish"
	"tapedeck/cmd/replay/record"
	"tapedeck/feed"
	"tapedeck/feed/capture"
)

// input is the files of one log, read as its records.
type input interface {
	// next returns the next row, io.EOF after the last. Any other error is final.
	next() (row, error)
	// progress returns how many bytes have been read, and how many there are.
	progress() (read, size int64)
	close() error
}

// row is one line of a file, or of Parquet one row: what becomes a record. Its memory is valid until the next.
type row struct {
	file    string
	line    int64       // from 1 on
	record  feed.Record // without its offset
	refused error       // why it cannot be placed; else nil
	unused  bool        // it brings nothing, and has no time that it could be placed at
	doubt   feed.Reason // why the decoder refuses what is kept nevertheless; "" where it does not
}

// What rows are refused for besides the reasons of decoders.
const (
	unreadable feed.Reason = "unreadable" // it is no line of such a file
	noTime     feed.Reason = "no_time"    // neither a time of receipt nor one of the venue's
	late       feed.Reason = "late"       // its time is over: see --max-late
)

// captured are captures: what is in them is kept as it is, as a recorder keeps it.
type captured struct {
	files *capture.Merged
	keys  *publish.Keyer
}

// Captures returns the log that captures of one session become. symbol is the native one of bodies that do not name theirs.
func Captures(id feed.LogID, f record.Feed, symbol string, paths ...string) Log {
	id.Format = f.Format.Name
	return Log{ID: id, Feed: f, open: func() (input, error) { return openCaptures(f.Format, symbol, paths) }}
}

func openCaptures(f *feed.Format, symbol string, paths []string) (*captured, error) {
	m, err := capture.OpenMerged(paths...)
	if err != nil {
		return nil, err
	}
	return &captured{files: m, keys: publish.NewKeyer(f, symbol, true)}, nil
}

func (c *captured) next() (row, error) {
	m, err := c.files.Next()
	if bad, ok := errors.AsType[*capture.BadLine](err); ok {
		return row{file: bad.File, line: int64(bad.Line), refused: fmt.Errorf("%w: %s", unreadable, bad.Text)}, nil
	}
	if err != nil {
		return row{}, err
	}
	if m.Time == 0 {
		return row{}, fmt.Errorf("%s has no receive times, by which its messages would be placed: only streamer decode can read it", m.File)
	}
	r := row{file: m.File, line: int64(m.Line), record: feed.Record{Time: m.Time, Value: m.Data}}
	k, err := c.keys.Key(&m)
	if err != nil {
		r.refused = fmt.Errorf("%w: it does not say of which symbol it is: name it with --symbol", k.Why)
		return r, nil
	}
	r.record.Key = []byte(k.Key)
	if k.Symbol != "" {
		r.record.Headers = []feed.Header{{Key: "symbol", Value: []byte(k.Symbol)}}
	}
	if k.Why != "" && k.Why.Bad() {
		r.doubt = k.Why
	}
	return r, nil
}

func (c *captured) progress() (read, size int64) { return c.files.Progress() }
func (c *captured) close() error                 { return c.files.Close() }

// several are inputs one after the other.
type several struct {
	open    func(path string) (input, error)
	paths   []string
	current input
	done    int64
	size    int64
}

func (s *several) next() (row, error) {
	for {
		if s.current == nil {
			if len(s.paths) == 0 {
				return row{}, io.EOF
			}
			var err error
			if s.current, err = s.open(s.paths[0]); err != nil {
				return row{}, err
			}
			s.paths = s.paths[1:]
		}
		r, err := s.current.next()
		if !errors.Is(err, io.EOF) {
			return r, err
		}
		_, size := s.current.progress()
		s.done += size
		if err := s.close(); err != nil {
			return row{}, err
		}
	}
}

func (s *several) progress() (read, size int64) {
	if s.current != nil {
		read, _ = s.current.progress()
	}
	return s.done + read, s.size
}

func (s *several) close() error {
	if s.current == nil {
		return nil
	}
	err := s.current.close()
	s.current = nil
	return err
}
