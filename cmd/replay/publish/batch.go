package publish

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"strconv"

	"github.com/segmentio/kafka-go"

	"tapedeck/feed"
)

// record is one message on its way into the topic.
type record struct {
	time   int64  // Kafka's timestamp, ms
	line   int64  // its number in the session
	key    string // decides the partition
	symbol string // for the header "symbol"; "" where the body has one
	value  []byte // nil: a tombstone
	others []feed.Header
}

// producer is a producer's identity, as the brokers know it.
type producer struct {
	id    int64
	epoch int16
}

// batch builds what Kafka calls a record batch, format 2: what one request appends, wholly or not at
// all. kafka-go's own have no producer and no sequence number, by which a broker tells a batch that it
// has already from a new one.
type batch struct {
	records []byte
	record  []byte // the one that is being added
	number  [20]byte
	request bytes.Buffer
	count   int32
	first   int64 // time of the first record, ms
	last    int64 // the greatest time
}

// headSize is what a batch has in front of its records.
const headSize = 61

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (b *batch) reset() { b.records, b.count = b.records[:0], 0 }

// fits reports whether a batch of at most limit bytes has room for r. One record always fits: whether it
// is too large is for the broker to say.
func (b *batch) fits(r *record, limit int) bool {
	size := 120 // lengths, our headers
	for _, h := range r.others {
		size += len(h.Key) + len(h.Value) + 10
	}
	return b.count == 0 || headSize+len(b.records)+len(r.key)+len(r.value)+len(r.symbol)+size <= limit
}

// add appends a record. It keeps nothing of r.
func (b *batch) add(r *record, capture string) {
	if b.count == 0 {
		b.first, b.last = r.time, r.time
	}
	b.last = max(b.last, r.time)

	t := append(b.record[:0], 0) // no attributes
	t = binary.AppendVarint(t, r.time-b.first)
	t = binary.AppendVarint(t, int64(b.count))
	t = appendText(t, r.key)
	if t = appendText(t, r.value); r.value == nil {
		t = binary.AppendVarint(t[:len(t)-1], -1)
	}
	headers := int64(2 + len(r.others))
	if r.symbol != "" {
		headers++
	}
	t = binary.AppendVarint(t, headers)
	if r.symbol != "" {
		t = appendText(appendText(t, symbolHeader), r.symbol)
	}
	for _, h := range r.others {
		t = appendText(appendText(t, h.Key), h.Value)
	}
	t = appendText(appendText(t, captureHeader), capture)
	t = appendText(appendText(t, lineHeader), strconv.AppendInt(b.number[:0], r.line, 10))
	b.record = t

	b.records = binary.AppendVarint(b.records, int64(len(t)))
	b.records = append(b.records, t...)
	b.count++
}

// appendText appends a text and, in front of it, its length.
func appendText[T string | []byte](to []byte, text T) []byte {
	to = binary.AppendVarint(to, int64(len(text)))
	return append(to, text...)
}

// encode returns the batch as a request holds it, its length in front. The first record's sequence number
// is seq. The memory is the batch's, and good until the next call.
func (b *batch) encode(p producer, seq int32, c kafka.Compression) ([]byte, error) {
	b.request.Reset()
	b.request.Write(make([]byte, 4+headSize))
	if codec := c.Codec(); codec == nil {
		b.request.Write(b.records)
	} else {
		w := codec.NewWriter(&b.request)
		if _, err := w.Write(b.records); err != nil {
			return nil, err
		}
		if err := w.Close(); err != nil {
			return nil, err
		}
	}
	request := b.request.Bytes()
	binary.BigEndian.PutUint32(request, uint32(len(request)-4))

	h := request[4:]                                                       //  0 the base offset is the broker's
	binary.BigEndian.PutUint32(h[8:], uint32(len(h)-12))                   //  8 what follows
	binary.BigEndian.PutUint32(h[12:], ^uint32(0))                         // 12 the leader's epoch is the broker's
	h[16] = 2                                                              // 16 format
	binary.BigEndian.PutUint16(h[21:], uint16(c))                          // 21 attributes
	binary.BigEndian.PutUint32(h[23:], uint32(b.count-1))                  // 23 the last record's offset, from the first's
	binary.BigEndian.PutUint64(h[27:], uint64(b.first))                    // 27
	binary.BigEndian.PutUint64(h[35:], uint64(b.last))                     // 35
	binary.BigEndian.PutUint64(h[43:], uint64(p.id))                       // 43
	binary.BigEndian.PutUint16(h[51:], uint16(p.epoch))                    // 51
	binary.BigEndian.PutUint32(h[53:], uint32(seq))                        // 53
	binary.BigEndian.PutUint32(h[57:], uint32(b.count))                    // 57
	binary.BigEndian.PutUint32(h[17:], crc32.Checksum(h[21:], castagnoli)) // 17, of all behind it
	return request, nil
}

// following is the sequence number n records after seq. It starts again at 0 behind the greatest.
func following(seq, n int32) int32 { return int32((uint32(seq) + uint32(n)) & (1<<31 - 1)) }
