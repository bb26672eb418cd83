package imports

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"

	"tapedeck/feed/capture"
	"tapedeck/feed/mapping"
)

// csvFile gives the rows of a CSV file as they are written. A row ends with a line, unless a field in quotes holds that end. It
// may be packed with gzip or zstd.
type csvFile struct {
	name      string
	file      *os.File
	read      counter
	size      int64
	in        *bufio.Reader
	delimiter rune
	lines     int64 // that were read
	row       []byte
}

// counter counts what is read of the file itself.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

func openCSV(path string, delimiter rune) (*csvFile, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	c := &csvFile{name: path, file: f, read: counter{r: f}, delimiter: delimiter}
	if info, err := f.Stat(); err == nil {
		c.size = info.Size()
	}
	if c.in, err = capture.Unpack(&c.read); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: it cannot be unpacked: %w", path, err)
	}
	if mark, _ := c.in.Peek(3); bytes.Equal(mark, []byte("\xef\xbb\xbf")) {
		_, _ = c.in.Discard(len(mark))
	}
	return c, nil
}

var errLong = fmt.Errorf("the row has more than %d bytes: does a quote not end?", mapping.MaxRecord)

// next returns the next row without its line's end, and its line. The row is valid until the next. After errLong the next call
// goes on behind the row.
func (c *csvFile) next() (text []byte, line int64, err error) {
	for {
		text, line, err = c.one()
		if err != nil || len(bytes.TrimSpace(text)) > 0 {
			return text, line, err
		}
	}
}

func (c *csvFile) one() (text []byte, line int64, err error) {
	c.row, line = c.row[:0], c.lines+1
	size, open := 0, false
	for {
		part, err := c.in.ReadSlice('\n')
		size += len(part)
		if bytes.Count(part, []byte{'"'})%2 == 1 {
			open = !open
		}
		if size <= mapping.MaxRecord {
			c.row = append(c.row, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && size == 0:
			return nil, line, io.EOF
		case err != nil && !errors.Is(err, io.EOF):
			return nil, line, fmt.Errorf("%s:%d: it cannot be read further; what is whole before is good: %w", c.name, line, err)
		}
		c.lines++
		if size > mapping.MaxRecord {
			return nil, line, errLong
		}
		if !open || err != nil {
			return bytes.TrimSuffix(bytes.TrimSuffix(c.row, []byte("\n")), []byte("\r")), line, nil
		}
	}
}

// columns returns the names on the first line.
func (c *csvFile) columns() ([]string, error) {
	text, _, err := c.next()
	if errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s is empty", c.name)
	}
	if err != nil {
		return nil, err
	}
	return fields(text, c.delimiter)
}

// fields takes a row apart.
func fields(text []byte, delimiter rune) ([]string, error) {
	r := csv.NewReader(bytes.NewReader(text))
	r.Comma = delimiter
	return r.Read()
}

func (c *csvFile) progress() (read, size int64) { return c.read.n, c.size }
func (c *csvFile) close() error                 { return c.file.Close() }
