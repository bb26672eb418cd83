package publish

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
)

// lane sends the records of one partition, in their order, one request at a time. While a request is under
// way the next batch fills up, so batches are as large as the broker is slow.
//
// A record's sequence number is its number among the session's records of the partition, in every run
// that publishes the session. The broker takes a batch only if its numbers continue those it has, so a
// batch whose answer was lost is sent again without fear: if it had arrived, the broker says so. Likewise
// for a request of a publisher that was killed and that arrives after its successor has begun.
type lane struct {
	*pipe
	partition int
	from      producer // whose numbers are continued
	seq       int32    // of the next record

	mu      sync.Mutex
	filling *batch
	resting *batch        // of the two batches the one that neither fills nor is sent
	work    chan struct{} // there is something to send; closed after the last record
	room    chan struct{} // a batch was taken out
}

// pipe is what all lanes share.
type pipe struct {
	client      *kafka.Client
	topic       string
	capture     string // the header
	compression kafka.Compression
	limit       int // bytes of a batch
	stats       *Stats
	patience
}

func newLane(p *pipe, partition int, from producer, at mark) *lane {
	return &lane{
		pipe: p, partition: partition, from: from, seq: at.seq,
		filling: &batch{}, resting: &batch{}, work: make(chan struct{}, 1), room: make(chan struct{}, 1),
	}
}

// add takes a record, and waits while a batch is under way and the next is full.
func (l *lane) add(ctx context.Context, r *record) error {
	l.mu.Lock()
	for !l.filling.fits(r, l.limit) {
		l.mu.Unlock()
		select {
		case <-l.room:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		l.mu.Lock()
	}
	l.filling.add(r, l.capture)
	l.mu.Unlock()
	signal(l.work)
	return nil
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// run sends until work is closed and all is sent, ctx ends, or a batch cannot be sent.
func (l *lane) run(ctx context.Context) error {
	for more := true; more; {
		select {
		case _, more = <-l.work:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		l.mu.Lock()
		b := l.filling
		if b.count == 0 {
			l.mu.Unlock()
			continue
		}
		l.filling, l.resting = l.resting, nil
		l.mu.Unlock()
		signal(l.room)

		if err := l.send(ctx, b); err != nil {
			return err
		}
		l.seq = following(l.seq, b.count)
		l.stats.Sent.Add(int64(b.count))
		b.reset()
		l.resting = b
	}
	return nil
}

// send sends a batch until it is acknowledged by all replicas.
func (l *lane) send(ctx context.Context, b *batch) error {
	request, err := b.encode(l.from, l.seq, l.compression)
	if err != nil {
		return err
	}
	return l.try(ctx, fmt.Sprintf("partition %d", l.partition), func() error { return l.produce(ctx, request) })
}

// produce makes one attempt.
func (l *lane) produce(ctx context.Context, request []byte) error {
	answer, err := l.client.RawProduce(ctx, &kafka.RawProduceRequest{
		Topic:        l.topic,
		Partition:    l.partition,
		RequiredAcks: kafka.RequireAll,
		RawRecords:   protocol.RawRecordSet{Reader: bytes.NewReader(request)},
	})
	if err != nil {
		return err
	}
	if errors.Is(answer.Error, kafka.DuplicateSequenceNumber) {
		return nil // it is there, from so long ago that the broker has forgotten where
	}
	return answer.Error
}
