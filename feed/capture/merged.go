package capture

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Merged reads several files: those of one session merged by receive time, sessions one after the
// other in the order in which they were named. It is for one goroutine and holds the files of one
// session open at a time.
type Merged struct {
	sessions [][]string
	current  []*source // of the session that is being read; a file that has ended is not in it
	behind   []*source // those of current whose next message must be read first
	failed   error     // of a file of this session, told when the others have ended
	err      error     // final
	done     int64     // bytes of the files that have ended
	size     int64
}

// source is one file and its next message.
type source struct {
	*Reader
	next Message
}

// OpenMerged opens captures. Files whose names differ in ".rest" alone, as s.raw.gz and
// s.rest.raw.gz, are one session.
func OpenMerged(paths ...string) (*Merged, error) {
	m := &Merged{}
	at := map[string]int{}
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		m.size += info.Size()
		name := Session(path)
		i, known := at[name]
		if !known {
			i = len(m.sessions)
			at[name] = i
			m.sessions = append(m.sessions, nil)
		}
		m.sessions[i] = append(m.sessions[i], path)
	}
	return m, nil
}

// Session returns the path of a capture without what tells the files of its session apart.
func Session(path string) string {
	for _, suffix := range []string{".gz", ".zst", ".raw", ".rest"} {
		path = strings.TrimSuffix(path, suffix)
	}
	return path
}

// Rest returns the file with the REST answers of a session, where one lies beside the given file and is another.
func Rest(path string) (string, bool) {
	for _, suffix := range []string{".rest.raw.gz", ".rest.raw.zst", ".rest.raw"} {
		rest := Session(path) + suffix
		if info, err := os.Stat(rest); err == nil && !info.IsDir() && filepath.Clean(rest) != filepath.Clean(path) {
			return rest, true
		}
	}
	return "", false
}

// WithRest returns files, each followed by the one with the REST answers of its session where that lies beside it and is not named
// already.
func WithRest(files []string) (all []string) {
	for _, f := range files {
		all = append(all, f)
		if rest, ok := Rest(f); ok && !slices.Contains(files, rest) {
			all = append(all, rest)
		}
	}
	return all
}

// Next returns the next message; its errors are those of Reader.Next. Of equal receive times the
// file that was named first has the first. When a file of a session breaks off, the messages of the
// others come first and then its error, and no further session is begun.
func (m *Merged) Next() (Message, error) {
	for m.err == nil {
		for len(m.behind) > 0 {
			n := len(m.behind) - 1
			if err := m.advance(m.behind[n]); err != nil {
				return Message{}, err
			}
			m.behind = m.behind[:n]
		}
		if first := m.first(); first != nil {
			m.behind = append(m.behind, first) // its message is valid until the next call
			return first.next, nil
		}
		m.begin()
	}
	return Message{}, m.err
}

// first returns the file with the oldest next message.
func (m *Merged) first() *source {
	var first *source
	for _, s := range m.current {
		if first == nil || s.next.ns < first.next.ns {
			first = s
		}
	}
	return first
}

// begin opens the files of the next session, or ends.
func (m *Merged) begin() {
	if m.err = m.failed; m.err != nil {
		return
	}
	if len(m.sessions) == 0 {
		m.err = io.EOF
		return
	}
	for _, path := range m.sessions[0] {
		r, err := Open(path)
		if err != nil {
			m.err = err
			return
		}
		m.current = append(m.current, &source{Reader: r})
	}
	m.sessions = m.sessions[1:]
	m.behind = append(m.behind[:0], m.current...)
}

// advance reads the next message of a file, or takes the file out. It returns the error of a line.
func (m *Merged) advance(s *source) (err error) {
	s.next, err = s.Next()
	if err == nil || IsBadLine(err) {
		return err
	}
	if !errors.Is(err, io.EOF) && m.failed == nil {
		m.failed = err
	}
	m.current = slices.DeleteFunc(m.current, func(o *source) bool { return o == s })
	_, size := s.Progress()
	m.done += size
	s.Close() // nothing was written to it
	return nil
}

// Progress returns how many bytes of all files have been read, and their size.
func (m *Merged) Progress() (read, size int64) {
	read = m.done
	for _, s := range m.current {
		n, _ := s.Progress()
		read += n
	}
	return read, m.size
}

// Close closes what is open.
func (m *Merged) Close() error {
	var err error
	for _, s := range m.current {
		err = errors.Join(err, s.Close())
	}
	m.current, m.behind, m.err = nil, nil, os.ErrClosed
	return err
}
