package record

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"tapedeck/feed"
	"tapedeck/feed/clickhouse"
)

// Spool is a folder of batches that the server refused: a file each, a line of JSON a record, the logs on the first line.
type Spool struct {
	Dir   string
	Limit int64 // bytes of all files
}

type spooled struct {
	Day   int64
	Logs  []feed.LogID
	Marks []clickhouse.Mark
}

// Keep writes a batch and returns its file's name. When it returns, the file is on the disk.
func (s *Spool) Keep(b *clickhouse.Batch) (name string, err error) {
	files, size, err := s.files()
	if err != nil {
		return "", err
	}
	if size+int64(b.Size) > s.Limit {
		return "", fmt.Errorf("%s is full: %d files, %d bytes: see why they were refused, and send them with --resend", s.Dir, len(files), size)
	}
	f, err := os.CreateTemp(s.Dir, "tmp-*")
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	w := bufio.NewWriter(f)
	out := json.NewEncoder(w)
	err = out.Encode(spooled{b.Day, b.Logs, b.Marks})
	for i := 0; i < len(b.Records) && err == nil; i++ {
		err = out.Encode(&b.Records[i])
	}
	if err = errors.Join(err, w.Flush(), f.Sync(), f.Close()); err != nil {
		return "", err
	}
	first := &b.Records[0]
	name = filepath.Join(s.Dir, fmt.Sprintf("%s-%d-%020d.ndjson", b.Logs[first.Log].Topic, b.Logs[first.Log].Partition, first.Offset))
	return name, os.Rename(f.Name(), name)
}

// files lists what is kept, and how much that is.
func (s *Spool) files() (names []string, size int64, err error) {
	if err := os.MkdirAll(s.Dir, 0o755); err != nil {
		return nil, 0, err
	}
	names, err = filepath.Glob(filepath.Join(s.Dir, "*.ndjson"))
	for _, name := range names {
		if info, err := os.Stat(name); err == nil {
			size += info.Size()
		}
	}
	slices.Sort(names)
	return names, size, err
}

// Load reads a batch that was kept.
func Load(name string) (*clickhouse.Batch, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	in := json.NewDecoder(bufio.NewReader(f))
	var head spooled
	if err := in.Decode(&head); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	b := &clickhouse.Batch{Day: head.Day, Logs: head.Logs, Marks: head.Marks}
	for {
		var r clickhouse.Row
		if err := in.Decode(&r); errors.Is(err, io.EOF) {
			return b, nil
		} else if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if r.Log < 0 || r.Log >= len(b.Logs) {
			return nil, fmt.Errorf("%s: a record of no log", name)
		}
		b.Records = append(b.Records, r)
	}
}
