package publish

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
)

// mark is how far a partition got with a session: the zero value, not at all.
type mark struct {
	line    int64 // the newest that is there
	session session
	from    producer
	seq     int32 // the number after its own
}

// tail looks for the newest record of a session in the partitions of a topic.
type tail struct {
	client  *kafka.Client
	topic   string
	session session
	other   session // one of the same name that was met on the way, but of other files
}

// marks finds out how far the topic got with the session. It returns a mark for each partition, and
// completes the session: it is a new run, or on resume the newest one.
func (t *tail) marks(ctx context.Context, o *Options, partitions int) ([]mark, error) {
	marks := make([]mark, partitions)
	t.session.run, t.session.partitions = time.Now().UnixMilli(), partitions
	if o.Again {
		return marks, nil
	}
	var newest session
	for p := range marks {
		err := o.try(ctx, fmt.Sprintf("partition %d", p), func() (err error) {
			marks[p], err = t.newest(ctx, p, o.Resume)
			return err
		})
		if err != nil {
			return nil, err
		}
		if s := marks[p].session; s.run > newest.run {
			newest = s
		}
	}
	switch {
	case newest.run == 0 && o.Resume && t.other.run != 0:
		return nil, fmt.Errorf("topic %s has a session %s, but of other files: name the same files, with or without --no-rest as then; if it is another session, leave --resume out", o.Topic, t.other.name)
	case newest.run == 0:
		return marks, nil
	case !o.Resume:
		return nil, fmt.Errorf("topic %s has this session already, begun at %s: give --resume to send what is missing, or --again to send it once more",
			o.Topic, time.UnixMilli(newest.run).UTC().Format(time.DateTime))
	case newest.partitions > partitions:
		return nil, fmt.Errorf("the session was begun over %d partitions, but topic %s has %d: was it made anew? give --again", newest.partitions, o.Topic, partitions)
	}
	t.session = newest
	for p := range marks {
		if marks[p].session.run != newest.run {
			marks[p] = mark{}
		}
	}
	return marks, nil
}

// window is how many records are looked at first. Mostly the newest record is the session's own.
const window = 1000

// newest looks backwards from a partition's end. Without deep it looks at the newest few records only.
func (t *tail) newest(ctx context.Context, partition int, deep bool) (mark, error) {
	first, end, err := t.bounds(ctx, partition)
	if err != nil {
		return mark{}, err
	}
	for size := int64(window); end > first; size *= 4 {
		from := max(first, end-size)
		m, err := t.newestIn(ctx, partition, from, end)
		if err != nil || m.line > 0 || !deep {
			return m, err
		}
		end = from
	}
	return mark{}, nil
}

func (t *tail) bounds(ctx context.Context, partition int) (first, end int64, err error) {
	answer, err := t.client.ListOffsets(ctx, &kafka.ListOffsetsRequest{
		Topics: map[string][]kafka.OffsetRequest{t.topic: {kafka.FirstOffsetOf(partition), kafka.LastOffsetOf(partition)}},
	})
	if err != nil {
		return 0, 0, err
	}
	for _, o := range answer.Topics[t.topic] {
		if o.Partition == partition {
			return o.FirstOffset, o.LastOffset, o.Error
		}
	}
	return 0, 0, fmt.Errorf("the brokers say nothing of partition %d", partition)
}

// newestIn reads the offsets from..end.
func (t *tail) newestIn(ctx context.Context, partition int, from, end int64) (m mark, err error) {
	for from < end {
		answer, err := t.client.Fetch(ctx, &kafka.FetchRequest{
			Topic: t.topic, Partition: partition, Offset: from, MinBytes: 1, MaxBytes: 4 << 20,
		})
		if err == nil {
			err = answer.Error
		}
		if err != nil {
			return m, err
		}
		next, err := t.scan(answer.Records, from, &m)
		if err != nil {
			return m, err
		}
		if next == from {
			return m, nil // the rest of the offsets is of records that are no longer there
		}
		from = next
	}
	return m, nil
}

// scan goes through what one fetch brought, and returns the offset to go on from.
func (t *tail) scan(records kafka.RecordReader, from int64, m *mark) (next int64, err error) {
	batches := []kafka.RecordReader{records}
	if stream, ok := records.(*protocol.RecordStream); ok {
		batches = stream.Records
	}
	next = from
	for _, b := range batches {
		own, _ := b.(*protocol.RecordBatch) // ours are of this kind
		for {
			r, err := b.ReadRecord()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return next, err
			}
			if r.Key != nil {
				r.Key.Close()
			}
			if r.Value != nil {
				r.Value.Close()
			}
			next = max(next, r.Offset+1)
			if own != nil && r.Offset >= from {
				t.look(r, own, m)
			}
		}
	}
	return next, nil
}

// look notes a record if it is the session's.
func (t *tail) look(r *kafka.Record, b *protocol.RecordBatch, m *mark) {
	var s session
	var line int64
	for _, h := range r.Headers {
		switch h.Key {
		case captureHeader:
			s, _ = parseSession(string(h.Value))
		case lineHeader:
			line, _ = strconv.ParseInt(string(h.Value), 10, 64)
		}
	}
	switch {
	case line <= 0:
	case s.hash == t.session.hash && s.run >= m.session.run:
		*m = mark{
			line: line, session: s,
			from: producer{b.ProducerID, b.ProducerEpoch},
			seq:  following(b.BaseSequence, int32(r.Offset-b.BaseOffset)+1),
		}
	case s.name == t.session.name:
		t.other = s
	}
}
