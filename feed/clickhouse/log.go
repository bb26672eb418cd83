package clickhouse

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"tapedeck/feed"
)

// Number is a log's number in the tables: the first 8 bytes of a SHA-256, read as the server reads them.
func Number(l feed.LogID) uint64 {
	h := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%s\n%d\n%s", l.Cluster, l.Topic, l.TopicID, l.Partition, l.Format))
	return binary.LittleEndian.Uint64(h[:])
}

// A stripe holds at most so many offsets; a reader counts on it.
const stripeOffsets = 65536

// stripeBytes is where a stripe ends early, so that one symbol's part of it is read without the others' large records.
const stripeBytes = 8 << 20

// Stripe gives the records of one log their stripes, in the order of offsets. The zero value begins a stripe.
type Stripe struct {
	first int64
	bytes int
	begun bool
}

// Next returns the stripe of the next record, of so many bytes.
func (s *Stripe) Next(offset int64, bytes int) int64 {
	if !s.begun || offset-s.first >= stripeOffsets || offset < s.first || s.bytes >= stripeBytes {
		s.first, s.bytes, s.begun = offset, 0, true
	}
	s.bytes += bytes
	return s.first
}
