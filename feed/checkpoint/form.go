// Package checkpoint makes checkpoints of logs, and goes on from them: a node that loaded one is as one that has read all
// that came before it.
//
// A checkpoint is what one log's decoder remembers and what its rooms hold, before one offset. It says itself what it is of
// and what it depends on beside the log. One that does not fit, or is damaged, is refused with the reason.
package checkpoint

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"sync"

	"github.com/klauspost/compress/zstd"

	"tapedeck/feed"
	"tapedeck/market"
)

// Header says what a checkpoint is of.
type Header struct {
	Epoch  string // the log's, as its decoder reads it
	Format string // the decoder's name and version, for people: the epoch has both
	Offset int64  // of the first record that is not in it
	Clock  int64  // the log's clock there, µs
	From   int64  // all records from this offset on are in it
	Shape  string // what its contents depend on beside the log: Kind.shape
	Part   string // which of the log's symbols are in it; "": all
}

// The form: the magic, whose last byte is the schema's version; the length of the header and its checksum; the header, which
// ends with the lengths and the checksum of what follows; and that, compressed.
const (
	magic    = "tapedeck checkpoint\x01"
	fixed    = len(magic) + 4 + 4
	maxWords = 64 << 10 // of a header
)

// MaxSize bounds what a checkpoint unpacks to: ten times 1,000 symbols with whole books.
const MaxSize = 2 << 30

var (
	// ErrDamaged says that it was cut off, or is not what was sealed.
	ErrDamaged = errors.New("it is cut off or damaged")
	errMagic   = errors.New("it is no checkpoint")
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// packers compress, beside the log's writer: at this level 250 MB/s, so that 100 symbols with whole books, 18 MB, take 70 ms.
var packers = sync.Pool{New: func() any {
	w, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		panic(err) // the options are ours
	}
	return w
}}

// Seal puts a checkpoint's parts, in their order, behind its header.
func Seal(h Header, parts [][]byte) []byte {
	var packed bytes.Buffer
	w := packers.Get().(*zstd.Encoder)
	w.Reset(&packed)
	size := 0
	for _, p := range parts {
		size += len(p)
		_, _ = w.Write(p) // a buffer takes everything
	}
	_ = w.Close()
	packers.Put(w)

	var s market.Saver
	for _, t := range []string{h.Epoch, h.Format, h.Shape, h.Part} {
		s.Text(t)
	}
	for _, n := range []int64{h.Offset, h.Clock, h.From, int64(size), int64(packed.Len()), int64(crc32.Checksum(packed.Bytes(), castagnoli))} {
		s.Int(n)
	}
	out := make([]byte, 0, fixed+len(s.Out)+packed.Len())
	out = append(out, magic...)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(s.Out)))
	out = binary.LittleEndian.AppendUint32(out, crc32.Checksum(s.Out, castagnoli))
	out = append(out, s.Out...)
	return append(out, packed.Bytes()...)
}

// sealed is a checkpoint whose header was read.
type sealed struct {
	Header
	size   int64 // unpacked
	packed []byte
}

// parse reads a header and checks all that needs no unpacking.
func parse(data []byte) (c sealed, err error) {
	n := len(magic) - 1
	switch {
	case len(data) < fixed || string(data[:n]) != magic[:n]:
		return c, errMagic
	case data[n] != magic[n]:
		return c, fmt.Errorf("its schema is %d, and this build's %d", data[n], magic[n])
	}
	words, sum := binary.LittleEndian.Uint32(data[n+1:]), binary.LittleEndian.Uint32(data[n+5:])
	data = data[fixed:]
	if words > maxWords || int(words) > len(data) || crc32.Checksum(data[:words], castagnoli) != sum {
		return c, ErrDamaged
	}
	l := market.NewLoader(data[:words])
	for _, t := range []*string{&c.Epoch, &c.Format, &c.Shape, &c.Part} {
		*t = l.Text(maxWords)
	}
	var length, check int64
	for _, n := range []*int64{&c.Offset, &c.Clock, &c.From, &c.size, &length, &check} {
		*n = l.Int()
	}
	c.packed = data[words:]
	if l.End() != nil || c.size < 0 || c.size > MaxSize || length != int64(len(c.packed)) || check != int64(crc32.Checksum(c.packed, castagnoli)) {
		return c, ErrDamaged
	}
	return c, nil
}

// unpack returns what was sealed.
func (c *sealed) unpack() ([]byte, error) {
	r, err := zstd.NewReader(bytes.NewReader(c.packed), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(MaxSize), zstd.WithDecoderMaxWindow(32<<20))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	body := bytes.NewBuffer(make([]byte, 0, min(c.size, 64*int64(len(c.packed))+bytes.MinRead)+bytes.MinRead)) // a size that is a lie takes no memory
	if n, err := body.ReadFrom(io.LimitReader(r, c.size+1)); err != nil || n != c.size {
		return nil, ErrDamaged
	}
	return body.Bytes(), nil
}

// Peek reads a checkpoint's header. It also finds whether anything of it is damaged.
func Peek(data []byte) (Header, error) {
	c, err := parse(data)
	return c.Header, err
}

// Fits says why a checkpoint cannot be gone on from where reading would begin at at; nil if it can. want is a header as this
// reader would write it.
func (h *Header) Fits(want *Header, at feed.Start) error {
	switch {
	case h.Format != want.Format:
		return fmt.Errorf("it was made by the decoder %s, and this is %s", h.Format, want.Format)
	case h.Epoch != at.Epoch:
		return fmt.Errorf("it is of epoch %s, and the log of %s", h.Epoch, at.Epoch)
	case h.Part != "" && h.Part != want.Part:
		return fmt.Errorf("it holds only %s", h.Part)
	case h.Shape != want.Shape:
		return fmt.Errorf("it was made with other settings (%s; here: %s)", h.Shape, want.Shape)
	case h.Offset < at.First:
		return fmt.Errorf("it ends at offset %d, and the log now begins at %d", h.Offset, at.First)
	case h.From > at.From:
		return fmt.Errorf("it knows the log from offset %d on: reading from %d knows more", h.From, at.From)
	}
	return nil
}
