package publish

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
)

// What is encoded is what kafka-go reads, whatever it is packed with.
func TestBatchRoundTrip(t *testing.T) {
	records := []record{
		{time: 1_700_000_000_123, line: 1, key: "BTCUSDT", value: []byte(`{"a":1}`)},
		{time: 1_700_000_000_100, line: 2, key: "ETHUSDT", symbol: "ETHUSDT", value: bytes.Repeat([]byte("x"), 100_000)}, // earlier
		{time: 1_800_000_000_000, line: math.MaxInt64, key: "", value: nil},
	}
	for c := kafka.Compression(0); c <= kafka.Zstd; c++ {
		var b batch
		for range 2 { // its memory is used again
			b.reset()
			for i := range records {
				b.add(&records[i], "n/h/1/2")
			}
			request, err := b.encode(producer{77, 3}, math.MaxInt32, c)
			if err != nil {
				t.Fatal(err)
			}
			var set protocol.RecordSet
			if _, err := set.ReadFrom(bufio.NewReader(bytes.NewReader(request))); err != nil {
				t.Fatalf("%s: %v", c, err)
			}
			head := set.Records.(*protocol.RecordStream).Records[0].(*protocol.RecordBatch)
			if head.ProducerID != 77 || head.ProducerEpoch != 3 || head.BaseSequence != math.MaxInt32 || head.Attributes.Compression() != c {
				t.Errorf("%s: head %+v", c, head)
			}
			for i, want := range records {
				got, err := set.Records.ReadRecord()
				if err != nil {
					t.Fatalf("%s: %v", c, err)
				}
				key, _ := kafka.ReadAll(got.Key)
				value, _ := kafka.ReadAll(got.Value)
				headers := map[string]string{}
				for _, h := range got.Headers {
					headers[h.Key] = string(h.Value)
				}
				if got.Offset != int64(i) || got.Time.UnixMilli() != want.time || string(key) != want.key || !bytes.Equal(value, want.value) ||
					headers[symbolHeader] != want.symbol || headers[captureHeader] != "n/h/1/2" || (want.symbol == "") != (len(headers) == 2) {
					t.Errorf("%s: record %d is %+v %v", c, i, got, headers)
				}
			}
			if _, err := set.Records.ReadRecord(); !errors.Is(err, io.EOF) {
				t.Errorf("%s: there are more than %d records", c, len(records))
			}
		}
	}
}

func TestFollowing(t *testing.T) {
	for _, tt := range []struct{ seq, n, want int32 }{{0, 1, 1}, {5, 10, 15}, {math.MaxInt32, 1, 0}, {math.MaxInt32 - 1, 5, 3}} {
		if got := following(tt.seq, tt.n); got != tt.want {
			t.Errorf("%d records after %d is %d, want %d", tt.n, tt.seq, got, tt.want)
		}
	}
}

// A lane whose broker takes nothing takes a batch, and then nothing more.
func TestLaneIsBounded(t *testing.T) {
	const limit = 10_000
	l := newLane(&pipe{limit: limit, capture: "c"}, 0, producer{}, mark{})
	ended, end := context.WithCancelCause(t.Context())
	end(errors.New("enough"))
	r := record{key: "k", value: []byte(strings.Repeat("v", 100))}
	n := 0
	for ; n < 1000; n++ {
		if err := l.add(ended, &r); err != nil { // it waits only when it is full
			if err.Error() != "enough" {
				t.Fatal(err)
			}
			break
		}
	}
	if size := headSize + len(l.filling.records); n < 40 || size > limit {
		t.Errorf("it took %d records, %d bytes", n, size)
	}
	large := record{value: make([]byte, 3*limit)}
	if l.filling.fits(&large, limit) || !new(batch).fits(&large, limit) {
		t.Error("a record larger than a batch must have one for itself")
	}
}
