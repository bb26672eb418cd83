package kafka

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/segmentio/kafka-go"

	"tapedeck/feed"
)

// Fetch returns the record at an offset. Its memory is the caller's.
func Fetch(ctx context.Context, c Cluster, topic string, partition int32, offset int64) (*feed.Record, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	d, err := c.dialer(5 * time.Second)
	if err != nil {
		return nil, err
	}
	leader, l, err := d.leader(ctx, c.Brokers, topic, partition)
	if err != nil {
		return nil, err
	}
	defer leader.close()
	f, err := leader.fetch(&fetchRequest{
		topic: topic, id: l.topics[topic].id, partition: partition, offset: offset, bytes: 1 << 20,
	})
	if err != nil {
		return nil, err
	}
	if f.err != 0 {
		return nil, leader.refusal(topic, partition, offset, f.err)
	}
	r, err := pick(f.batches, offset)
	if err == nil && r == nil {
		err = fmt.Errorf("no record is at offset %d of %s/%d: it is still to come, or was compacted away, or ends a transaction", offset, topic, partition)
	}
	return r, err
}

// refusal says why a record was not to be had.
func (c *conn) refusal(topic string, partition int32, offset int64, code kafka.Error) error {
	if code != kafka.OffsetOutOfRange {
		return fmt.Errorf("%s/%d: %s", topic, partition, explain(code))
	}
	first, end, err := c.bounds(topic, partition)
	switch {
	case err != nil:
		return err
	case first == end:
		return fmt.Errorf("offset %d is not in %s/%d: it holds nothing", offset, topic, partition)
	}
	return fmt.Errorf("offset %d is not in %s/%d: it holds %d up to %d", offset, topic, partition, first, end-1)
}

// leader connects to whoever leads a partition.
func (d *dialer) leader(ctx context.Context, brokers []string, topic string, partition int32) (*conn, *layout, error) {
	c, err := d.any(ctx, brokers)
	if err != nil {
		return nil, nil, err
	}
	defer c.close()
	l, err := c.metadata([]string{topic})
	if err != nil {
		return nil, nil, err
	}
	address := l.leader(topic, partition)
	if address == "" {
		return nil, nil, errors.New(l.absence(topic, partition))
	}
	leader, err := d.open(ctx, address)
	return leader, l, err
}

// pick finds the record at an offset and copies it; nil if it is not there.
func pick(batches []byte, offset int64) (found *feed.Record, err error) {
	var u unpacker
	for found == nil {
		h, rest, ok, err := cut(batches)
		if !ok || err != nil || h.offset > offset {
			return nil, err
		}
		if batches = rest; h.next <= offset || h.flags&control != 0 {
			continue
		}
		err = u.records(&h, offset, func(r *feed.Record) {
			if r.Offset == offset {
				found = clone(r)
			}
		})
		if err != nil || found == nil {
			return nil, err
		}
	}
	return found, nil
}

func clone(r *feed.Record) *feed.Record {
	c := *r
	c.Key, c.Value, c.Headers = bytes.Clone(r.Key), bytes.Clone(r.Value), slices.Clone(r.Headers)
	for i := range c.Headers {
		c.Headers[i].Value = bytes.Clone(c.Headers[i].Value)
	}
	return &c
}
