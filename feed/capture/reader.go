// Package capture reads recorded sessions: files with a line for each message as it was received.
//
//	<receive time> <message>          a WebSocket message
//	<receive time> <url> <body>       the answer of a REST request
//
// The receive time is in Unix ns (19 digits) or µs (16 digits). A file is plain, gzip or zstd, which its
// content decides. Blank lines are left out.
//
// A file whose first byte is 0 has no lines, but messages that each have their length before them, in two
// bytes, the first one the higher: Nasdaq's BinaryFILE. It has no receive times, and ends with a length of 0.
package capture

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// MaxLine is the longest line that is read. The longest of the captures of 38 venues has 0.7 MB.
const MaxLine = 8 << 20

// Message is one line of a capture.
type Message struct {
	Time int64  // receive time, µs; 0 where the file has none
	File string // as it was opened
	Line int    // from 1; of a file without lines the message
	URL  string // of a REST body; "" of a WebSocket message
	Data []byte // valid until the next call

	ns int64 // receive time as precise as the file has it: two files are merged by it
}

// BadLine is the error of one line that cannot be read. The lines after it can.
type BadLine struct {
	File string
	Line int
	Text string // what is wrong
}

func (e *BadLine) Error() string { return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Text) }

// IsBadLine reports whether an error is one of a line, so that reading can go on.
func IsBadLine(err error) bool {
	_, bad := errors.AsType[*BadLine](err)
	return bad
}

// Reader reads one file. It is for one goroutine. In steady state it allocates nothing.
type Reader struct {
	name  string
	file  io.Closer
	in    counter
	size  int64
	buf   *bufio.Reader
	sized bool   // it has lengths in the place of lines
	long  []byte // a line that is longer than buf, or what a length is before
	line  int
	url   string // the newest: bodies of one address follow each other
	err   error  // final
}

// counter counts what has been read of the file itself, before it is unpacked.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// Open opens a capture.
func Open(path string) (*Reader, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = fmt.Errorf("%s is a folder: name the captures in it", path)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	r := newReader(path, f)
	r.file, r.size = f, info.Size()
	return r, nil
}

func newReader(name string, in io.Reader) *Reader {
	r := &Reader{name: name, in: counter{r: in}}
	plain, err := Unpack(&r.in)
	if err != nil {
		r.err = r.broken(err)
		return r
	}
	r.buf = plain
	first, _ := r.buf.Peek(1)
	r.sized = bytes.Equal(first, []byte{0})
	return r
}

// Unpack reads what is plain, gzip or zstd, which its first bytes decide.
func Unpack(in io.Reader) (*bufio.Reader, error) {
	packed := bufio.NewReaderSize(in, 64<<10)
	var plain io.Reader
	var err error
	switch magic, _ := packed.Peek(4); {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		plain, err = gzip.NewReader(packed)
	case bytes.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		plain, err = zstd.NewReader(packed, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true)) // with 1 it starts no goroutine, so that nobody has to end it
	default:
		return packed, nil
	}
	if err != nil {
		return nil, err
	}
	return bufio.NewReaderSize(plain, 64<<10), nil
}

// Close closes the file.
func (r *Reader) Close() error {
	if r.file == nil {
		return nil
	}
	return r.file.Close()
}

// Progress returns how many bytes of the file have been read, and its size.
func (r *Reader) Progress() (read, size int64) { return r.in.n, r.size }

// Next returns the next message, or io.EOF after the last. After a *BadLine the next call goes on
// behind it; any other error is final. Of a file that was cut short every whole line is returned
// before the error.
func (r *Reader) Next() (Message, error) {
	if r.sized {
		return r.nextSized()
	}
	for {
		line, err := r.next()
		if err != nil {
			return Message{}, err
		}
		if len(bytes.TrimSpace(line)) > 0 {
			return r.parse(line)
		}
	}
}

// nextSized returns the next message of a file without lines.
func (r *Reader) nextSized() (Message, error) {
	if r.err != nil {
		return Message{}, r.err
	}
	r.line++
	head, err := r.buf.Peek(2)
	if len(head) == 2 {
		n := int(binary.BigEndian.Uint16(head))
		if n == 0 {
			r.err = io.EOF
			return Message{}, io.EOF
		}
		r.long = slices.Grow(r.long[:0], n)[:n]
		r.buf.Discard(2) // they are there
		_, err = io.ReadFull(r.buf, r.long)
	} else if len(head) == 0 && errors.Is(err, io.EOF) {
		r.err = io.EOF
		return Message{}, io.EOF
	}
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		r.err = r.broken(err)
		return Message{}, r.err
	}
	return Message{File: r.name, Line: r.line, Data: r.long}, nil
}

// next returns the next line without its end.
func (r *Reader) next() ([]byte, error) {
	if r.err != nil {
		return nil, r.err
	}
	r.line++
	line, err := r.buf.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		line, err = r.nextLong(line)
	}
	switch {
	case err == nil:
		return line[:len(line)-1], nil
	case IsBadLine(err):
		return nil, err
	case errors.Is(err, io.EOF):
		r.err = io.EOF
		if len(line) > 0 {
			return line, nil // the last line of a file may have no end
		}
		return nil, io.EOF
	}
	r.err = r.broken(err)
	return nil, r.err
}

// nextLong goes on with a line whose beginning filled the buffer. Too long a line is read to its end,
// so that the next one can be.
func (r *Reader) nextLong(begin []byte) ([]byte, error) {
	r.long = append(r.long[:0], begin...)
	size := len(begin)
	for {
		part, err := r.buf.ReadSlice('\n')
		if size += len(part); size <= MaxLine {
			r.long = append(r.long, part...)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if size > MaxLine && (err == nil || errors.Is(err, io.EOF)) {
			return nil, r.bad("the line has %d bytes, more than %d: is this a capture?", size, MaxLine)
		}
		return r.long, err
	}
}

// parse splits a line into its parts.
func (r *Reader) parse(line []byte) (Message, error) {
	digits, rest, ok := bytes.Cut(line, []byte{' '})
	if !ok {
		return Message{}, r.bad("there is no message behind a receive time: %s", quote(line))
	}
	ns, ok := receiveTime(digits)
	if !ok {
		return Message{}, r.bad("want a receive time of 16 digits (µs) or 19 (ns) at its beginning, not %s", quote(digits))
	}
	m := Message{Time: ns / 1000, File: r.name, Line: r.line, Data: rest, ns: ns}
	if bytes.HasPrefix(rest, []byte("https://")) || bytes.HasPrefix(rest, []byte("http://")) {
		url, body, ok := bytes.Cut(rest, []byte{' '})
		if !ok {
			return Message{}, r.bad("there is no body behind %s", quote(url))
		}
		if string(url) != r.url { // this comparison does not allocate
			r.url = string(url)
		}
		m.URL, m.Data = r.url, body
	}
	if len(m.Data) == 0 {
		return Message{}, r.bad("the message is empty")
	}
	return m, nil
}

// receiveTime reads Unix ns or µs, told apart by their digits, and returns ns.
func receiveTime(digits []byte) (ns int64, ok bool) {
	if len(digits) != 16 && len(digits) != 19 {
		return 0, false
	}
	var n uint64 // 19 digits always fit
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	if len(digits) == 16 {
		n *= 1000 // at most 10^19, which fits too
	}
	return int64(n), n <= 1<<63-1
}

func (r *Reader) bad(format string, args ...any) error {
	return &BadLine{File: r.name, Line: r.line, Text: fmt.Sprintf(format, args...)}
}

// broken says what a failed read means for the file.
func (r *Reader) broken(err error) error {
	what := "it cannot be read further"
	if errors.Is(err, io.EOF) { // within the header of a gzip file
		err = io.ErrUnexpectedEOF
	}
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		what = "the file was cut short"
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum), errors.As(err, new(flate.CorruptInputError)),
		errors.Is(err, zstd.ErrMagicMismatch), errors.Is(err, zstd.ErrCRCMismatch), errors.Is(err, zstd.ErrReservedBlockType):
		what = "the file is damaged"
	}
	return fmt.Errorf("%s:%d: %s; what is whole before is good: %w", r.name, max(r.line, 1), what, err)
}

// quote shows the beginning of what was found.
func quote(b []byte) string {
	if len(b) > 40 {
		return fmt.Sprintf("%q…", b[:40])
	}
	return fmt.Sprintf("%q", b)
}
