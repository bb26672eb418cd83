package kafka

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/segmentio/kafka-go/compress"

	"tapedeck/feed"
)

// batch is what a log holds: records that were sent together, under one checksum and packed as one.
type batch struct {
	offset int64 // of its first record
	next   int64 // after its last, whether that is still in it or was compacted away
	term   int32 // of the leader that took it
	flags  int16
	first  int64 // time of its first record, ms
	newest int64 // and of the latest
	count  int
	crc    uint32
	summed []byte // what the checksum is over
	packed []byte // its records
}

// Flags of a batch.
const (
	packing       = 7      // how its records are packed: an index of compress.Codecs
	appendTime    = 1 << 3 // the broker stamped it: every record has its newest time
	transactional = 1 << 4
	control       = 1 << 5 // no records, but marks that end a transaction
)

// Where a batch's parts are.
const (
	lengthAt = 8
	termAt   = 12
	magicAt  = 16
	crcAt    = 17
	flagsAt  = 21
	deltaAt  = 23
	firstAt  = 27
	newestAt = 35
	countAt  = 57
	packedAt = 61
)

// errCorrupt is that a batch is not as its producer made it. Another attempt may bring it whole.
var errCorrupt = errors.New("the batch is corrupt")

// cut takes the next batch off b. An answer may end in the middle of one: then it is not ok.
func cut(b []byte) (h batch, rest []byte, ok bool, err error) {
	if len(b) < packedAt {
		return h, nil, false, nil
	}
	length := int64(int32(binary.BigEndian.Uint32(b[lengthAt:]))) + termAt
	if magic := b[magicAt]; magic != 2 {
		return h, nil, false, fmt.Errorf("its records have format %d, of before Kafka 0.11: only 2 is read", magic)
	}
	if length < packedAt {
		return h, nil, false, errCorrupt
	}
	if length > int64(len(b)) {
		return h, nil, false, nil
	}
	h = batch{
		offset: int64(binary.BigEndian.Uint64(b)),
		term:   int32(binary.BigEndian.Uint32(b[termAt:])),
		flags:  int16(binary.BigEndian.Uint16(b[flagsAt:])),
		first:  int64(binary.BigEndian.Uint64(b[firstAt:])),
		newest: int64(binary.BigEndian.Uint64(b[newestAt:])),
		count:  int(int32(binary.BigEndian.Uint32(b[countAt:]))),
		crc:    binary.BigEndian.Uint32(b[crcAt:]),
		summed: b[flagsAt:length],
		packed: b[packedAt:length],
	}
	h.next = h.offset + int64(int32(binary.BigEndian.Uint32(b[deltaAt:]))) + 1
	if h.next <= h.offset {
		return h, nil, false, errCorrupt
	}
	return h, b[length:], true, nil
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// maxUnpacked bounds what a batch may grow to.
const maxUnpacked = 64 << 20

// unpacker brings out a batch's records, in memory that it uses again and again.
type unpacker struct {
	source bytes.Reader
	plain  bytes.Buffer
	record feed.Record
	names  map[string]string // of headers: a log has few
}

// records calls do with each of a batch's records from offset from on. What do is given is valid during its call.
func (u *unpacker) records(h *batch, from int64, do func(*feed.Record)) error {
	if crc32.Checksum(h.summed, castagnoli) != h.crc {
		return fmt.Errorf("%w: its checksum is wrong", errCorrupt)
	}
	b, err := u.unpack(h)
	if err != nil {
		return err
	}
	d := decoder{b: b}
	last := h.offset - 1
	for range h.count {
		one := decoder{b: d.take(int(d.varint()))}
		offset := u.read(&one, h)
		if d.bad || one.bad || offset <= last || offset >= h.next {
			return fmt.Errorf("%w: record %d cannot be read", errCorrupt, offset)
		}
		last = offset
		if offset >= from {
			do(&u.record)
		}
	}
	return nil
}

func (u *unpacker) unpack(h *batch) ([]byte, error) {
	how := compress.Compression(h.flags & packing)
	if how == compress.None {
		return h.packed, nil
	}
	codec := how.Codec()
	if codec == nil {
		return nil, fmt.Errorf("%w: packing %d is not known", errCorrupt, how)
	}
	u.source.Reset(h.packed)
	r := codec.NewReader(&u.source)
	defer r.Close()
	if u.plain.Cap() > roomy {
		u.plain = bytes.Buffer{}
	}
	u.plain.Reset()
	n, err := u.plain.ReadFrom(io.LimitReader(r, maxUnpacked+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %s: %w", errCorrupt, codec.Name(), err)
	case n > maxUnpacked:
		return nil, fmt.Errorf("%w: it unpacks to more than %d MiB", errCorrupt, maxUnpacked>>20)
	}
	return u.plain.Bytes(), nil
}

// read reads one record into u.record and returns its offset.
func (u *unpacker) read(d *decoder, h *batch) int64 {
	r := &u.record
	d.int8() // attributes: none are in use
	r.Time = (h.first + d.varint()) * 1000
	if h.flags&appendTime != 0 {
		r.Time = h.newest * 1000
	}
	r.Offset = h.offset + d.varint()
	r.Key, r.Value, r.Headers = d.sized(), d.sized(), r.Headers[:0]
	for range d.varint() {
		if d.bad {
			break
		}
		r.Headers = append(r.Headers, feed.Header{Key: u.name(d.sized()), Value: d.sized()})
	}
	return r.Offset
}

// maxNames bounds the names that are remembered, should a producer make up new ones all the time.
const maxNames = 256

func (u *unpacker) name(b []byte) string {
	if s, ok := u.names[string(b)]; ok {
		return s
	}
	if u.names == nil || len(u.names) == maxNames {
		u.names = map[string]string{}
	}
	s := string(b)
	u.names[s] = s
	return s
}

// sized reads a sequence of bytes as records have them, nil where there is none.
func (d *decoder) sized() []byte {
	n := d.varint()
	if n < 0 || d.bad {
		return nil
	}
	return d.take(int(n))
}
