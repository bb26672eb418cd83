package kafka

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/segmentio/kafka-go/compress"

	"tapedeck/feed"
)

// sent is a batch as a producer makes it.
type sent struct {
	offset int64
	flags  int16
	values []string
	gaps   map[int]bool // places whose record was compacted away
	term   int32
}

func (s sent) bytes() []byte {
	var packed bytes.Buffer
	var records []byte
	count := 0
	for i, v := range s.values {
		if !s.gaps[i] {
			count++
			records = appendRecord(records, i, v)
		}
	}
	if how := compress.Compression(s.flags & packing); how != 0 && how.Codec() != nil {
		w := how.Codec().NewWriter(&packed)
		_, _ = w.Write(records)
		_ = w.Close()
	} else {
		packed.Write(records)
	}
	e := encoder{}
	e.int16(s.flags)
	e.int32(int32(len(s.values) - 1))
	e.int64(1000) // first time
	e.int64(9000) // newest
	e.int64(-1)
	e.int16(-1)
	e.int32(-1)
	e.int32(int32(count))
	summed := append(e.b, packed.Bytes()...)
	head := encoder{}
	head.int64(s.offset)
	head.int32(int32(len(summed) + flagsAt - termAt))
	head.int32(s.term)
	head.int8(2)
	head.int32(int32(crc32.Checksum(summed, castagnoli)))
	return append(head.b, summed...)
}

// appendRecord adds a record whose time is i ms after the first, with a key and a header of its value's length.
func appendRecord(b []byte, i int, value string) []byte {
	one := []byte{0}
	one = binary.AppendVarint(one, int64(i))
	one = binary.AppendVarint(one, int64(i))
	one = append(binary.AppendVarint(one, 1), 'k')
	one = append(binary.AppendVarint(one, int64(len(value))), value...)
	one = binary.AppendVarint(one, 1)
	one = append(binary.AppendVarint(one, 1), 'h')
	one = append(binary.AppendVarint(one, 1), byte(len(value)))
	return append(binary.AppendVarint(b, int64(len(one))), one...)
}

func TestBatches(t *testing.T) {
	var u unpacker
	for how := range int16(5) {
		b := sent{offset: 100, flags: how, values: []string{"a", "b", "c"}, term: 7}.bytes()
		h, rest, ok, err := cut(append(b, b[:30]...))
		if !ok || err != nil || h.offset != 100 || h.next != 103 || h.term != 7 || len(rest) != 30 {
			t.Fatalf("%v: %+v, %d bytes left, %v, %v", compress.Compression(how), h, len(rest), ok, err)
		}
		if _, _, ok, err := cut(rest); ok || err != nil {
			t.Errorf("half a batch: %v, %v", ok, err)
		}
		var got []string
		err = u.records(&h, 101, func(r *feed.Record) {
			got = append(got, strconv.FormatInt(r.Offset, 10)+string(r.Key)+string(r.Value)+r.Headers[0].Key+strconv.FormatInt(r.Time, 10))
		})
		if want := []string{"101kbh1001000", "102kch1002000"}; err != nil || !slices.Equal(got, want) {
			t.Errorf("%v: %q, %v", compress.Compression(how), got, err)
		}
	}
}

func TestBrokerStampedBatch(t *testing.T) {
	h, _, _, _ := cut(sent{flags: appendTime, values: []string{"a", "b"}}.bytes())
	var u unpacker
	err := u.records(&h, 0, func(r *feed.Record) {
		if r.Time != 9_000_000 {
			t.Errorf("time %d, want the batch's newest", r.Time)
		}
	})
	if err != nil {
		t.Error(err)
	}
}

func TestDamagedBatches(t *testing.T) {
	good := sent{values: []string{"a", "b"}}.bytes()
	change := func(at int, to byte) []byte {
		b := slices.Clone(good)
		b[at] = to
		return b
	}
	for name, b := range map[string][]byte{
		"a bit":              change(packedAt+3, 0xff),
		"its checksum":       change(crcAt, good[crcAt]+1),
		"a negative length":  change(lengthAt, 0xff),
		"an unknown packing": sent{flags: 5, values: []string{"a"}}.bytes(),
		"not what is packed": sent{flags: 5, values: []string{"a"}}.as(4),
		"records that end":   sent{values: []string{"a"}}.counting(3),
	} {
		h, _, ok, err := cut(b)
		if ok && err == nil {
			var u unpacker
			err = u.records(&h, 0, func(*feed.Record) {})
		}
		if !errors.Is(err, errCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, _, err := cut(change(magicAt, 1)); err == nil || !strings.Contains(err.Error(), "before Kafka 0.11") {
		t.Errorf("an old format: %v", err)
	}
}

// as says of a batch that it is packed in another way than it is.
func (s sent) as(how byte) []byte {
	b := s.bytes()
	b[flagsAt+1] = how
	return resum(b)
}

// counting says of a batch that it has so many records.
func (s sent) counting(n byte) []byte {
	b := s.bytes()
	b[countAt+3] = n
	return resum(b)
}

func resum(b []byte) []byte {
	binary.BigEndian.PutUint32(b[crcAt:], crc32.Checksum(b[flagsAt:], castagnoli))
	return b
}

// A batch that unpacks to more than anybody would send is refused, and its memory is not taken.
func TestBatchThatUnpacksWithoutEnd(t *testing.T) {
	var frame bytes.Buffer
	w := compress.Zstd.Codec().NewWriter(&frame)
	_, _ = w.Write(make([]byte, 1<<20))
	_ = w.Close()
	var u unpacker
	_, err := u.unpack(&batch{flags: int16(compress.Zstd), packed: bytes.Repeat(frame.Bytes(), maxUnpacked>>20+1)})
	if !errors.Is(err, errCorrupt) {
		t.Errorf("%v", err)
	}
}

// tested returns a reader over a recording log, as after Open at an offset.
func tested(t *testing.T, at int64, holes bool) (*reader, *recorder) {
	t.Helper()
	s, err := New(quickAt([]string{"127.0.0.1:1"}, "a"))
	if err != nil {
		t.Fatal(err)
	}
	rec := newRecorder(t)
	rec.holes = holes
	p := feed.Partition{Topic: "a"}
	rec.Assign([]feed.Partition{p})
	topic := s.config.Topics[0]
	topic.Holes = holes
	r := newReader(s, &topic, p, rec, false)
	r.next = at
	r.log = rec.Open(p, r.at(at, 0, at))
	return r, rec
}

// What comes twice is delivered once; what is missing in a batch, between batches and at a log's start is told
// as what it is.
func TestReaderComparesOffsets(t *testing.T) {
	five := []string{"a", "b", "c", "d", "e"}
	b := func(offset int64, gaps ...int) []byte {
		s := sent{offset: offset, values: five, gaps: map[int]bool{}}
		for _, g := range gaps {
			s.gaps[g] = true
		}
		return s.bytes()
	}
	mark := sent{offset: 10, flags: control | transactional, values: []string{"x"}}.bytes()
	for _, tt := range []struct {
		name    string
		from    int64
		first   int64
		batches [][]byte
		holes   bool
		want    int // records
		next    int64
		lost    []loss
	}{
		{name: "twice", batches: [][]byte{b(0), b(0), b(5), b(0)}, want: 10, next: 10},
		{name: "from the middle", from: 3, batches: [][]byte{b(0)}, want: 2, next: 5},
		{name: "between", batches: [][]byte{b(0), b(10)}, want: 10, next: 15, lost: []loss{{5, 10, feed.LossSource}}},
		{name: "within", batches: [][]byte{b(0, 1, 2)}, want: 3, next: 5, lost: []loss{{1, 3, feed.LossSource}}},
		{name: "at the end", batches: [][]byte{b(0, 3, 4), b(5)}, want: 8, next: 10, lost: []loss{{3, 5, feed.LossSource}}},
		{name: "normal holes", holes: true, batches: [][]byte{b(0, 1, 2), b(10, 0, 4)}, want: 6, next: 15},
		{name: "removed", first: 8, batches: [][]byte{b(10)}, want: 5, next: 15, lost: []loss{{0, 8, feed.LossRetention}, {8, 10, feed.LossSource}}},
		{name: "removed, with normal holes", first: 8, holes: true, batches: [][]byte{b(10)}, want: 5, next: 15, lost: []loss{{0, 8, feed.LossRetention}}},
		{name: "marks", batches: [][]byte{b(0), b(5), mark}, want: 10, next: 11},
		{name: "before a mark", batches: [][]byte{b(0), mark}, want: 5, next: 11, lost: []loss{{5, 10, feed.LossSource}}},
		{name: "half of the last", batches: [][]byte{b(0), b(5)[:80]}, want: 5, next: 5},
	} {
		r, rec := tested(t, tt.from, tt.holes)
		f := fetched{first: tt.first, end: 100, batches: slices.Concat(tt.batches...)}
		if got := after(f.batches, r.next); got != tt.next {
			t.Errorf("%s: the next request is for %d, want %d", tt.name, got, tt.next)
		}
		if err := r.all(&f); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		v := rec.seen("a", 0)
		if len(v.values[0]) != tt.want || r.next != tt.next || !slices.Equal(v.lost, tt.lost) {
			t.Errorf("%s: %d records, next %d, lost %v", tt.name, len(v.values[0]), r.next, v.lost)
		}
	}
}

// Nothing is allocated for a record, and next to nothing for a batch.
func TestReaderAllocatesNothing(t *testing.T) {
	values := numbered(strings.Repeat("v", 100), 1000)
	for how, limit := range map[compress.Compression]float64{compress.None: 0, compress.Lz4: 20, compress.Snappy: 20, compress.Zstd: 20} {
		batches := sent{flags: int16(how), values: values}.bytes()
		r, _ := tested(t, 0, false)
		r.log = discarding{}
		got := testing.AllocsPerRun(50, func() {
			r.next = 0
			if err := r.all(&fetched{end: math.MaxInt64, batches: batches}); err != nil {
				t.Fatal(err)
			}
		})
		if got > limit {
			t.Errorf("%v: %v allocations for a batch of 1000 records, want at most %v", how, got, limit)
		}
	}
}

// discarding is a log that takes everything.
type discarding struct{ feed.Log }

func (discarding) Record(*feed.Record)          {}
func (discarding) Lost(_, _ int64, _ feed.Loss) {}

// Whatever a broker sends, nothing panics, and every offset is accounted for.
func FuzzBatches(f *testing.F) {
	for how := range int16(5) {
		f.Add(sent{offset: 3, flags: how, values: []string{"a", "bc", ""}, gaps: map[int]bool{1: true}}.bytes(), int64(3))
	}
	f.Add(slices.Concat(sent{values: []string{"a"}}.bytes(), sent{offset: 1, flags: control, values: []string{"m"}}.bytes()), int64(0))
	f.Fuzz(func(t *testing.T, batches []byte, from int64) {
		if len(batches) > packedAt {
			resum(batches) // or next to nothing would get past the checksum
		}
		if from < 0 || from > 1<<40 {
			from = 0
		}
		r, rec := tested(t, from, false)
		for h, rest, ok, _ := cut(batches); ok; h, rest, ok, _ = cut(rest) {
			rec.marks = rec.marks || h.flags&control != 0
		}
		_ = r.all(&fetched{end: math.MaxInt64, batches: batches})
		if v := rec.seen("a", 0); v.next != r.next && v.next > r.next {
			t.Errorf("the log is at %d, the reader at %d", v.next, r.next)
		}
	})
}

// Nor do other answers.
func FuzzAnswers(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 2, 0, 0, 0, 1, 2, 'h', 0, 0, 0, 9, 0, 0, 2, 'c', 0, 0, 0, 1, 1, 0}, true)
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 'h', 0, 0, 0, 9, 255, 255}, false)
	f.Fuzz(func(_ *testing.T, answer []byte, flexible bool) {
		readLayout(&decoder{b: answer, flexible: flexible}, flexible)
		readFetched(&decoder{b: answer, flexible: flexible})
	})
}
