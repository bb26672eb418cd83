package kafka

import (
	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/listoffsets"
)

// offset asks where a log begins (kafka.FirstOffset) or ends (kafka.LastOffset), or at which offset its first record
// not older than a time in ms is: -1 where none is.
func (c *conn) offset(topic string, partition int32, at int64) (int64, error) {
	c.arm(0)
	m, err := c.RoundTrip(&listoffsets.Request{ReplicaID: -1, Topics: []listoffsets.RequestTopic{{
		Topic:      topic,
		Partitions: []listoffsets.RequestPartition{{Partition: partition, CurrentLeaderEpoch: -1, Timestamp: at}},
	}}})
	if err != nil {
		return 0, err
	}
	for _, t := range m.(*listoffsets.Response).Topics {
		for _, p := range t.Partitions {
			if p.Partition == partition && p.ErrorCode != 0 {
				return 0, kafka.Error(p.ErrorCode)
			}
			if p.Partition == partition {
				return p.Offset, nil
			}
		}
	}
	return 0, errBadAnswer
}

// bounds asks where a log begins and ends.
func (c *conn) bounds(topic string, partition int32) (first, end int64, err error) {
	if first, err = c.offset(topic, partition, kafka.FirstOffset); err != nil {
		return 0, 0, err
	}
	end, err = c.offset(topic, partition, kafka.LastOffset)
	return first, end, err
}

// epochEnd asks where the records of a leader's term end in the leader's log: before what we read of it, if
// a new leader did not have all of the old one's. -1 where the broker does not know.
func (c *conn) epochEnd(topic string, partition, epoch int32) (int64, error) {
	const version = 3 // of Kafka 2.3
	if c.newest[protocol.OffsetForLeaderEpoch] < version {
		return -1, nil
	}
	e := c.request(protocol.OffsetForLeaderEpoch, version, false)
	e.int32(-1) // a consumer asks
	e.array(1)
	e.string(topic)
	e.array(1)
	e.int32(partition)
	e.int32(-1) // our own idea of its term: none
	e.int32(epoch)
	if err := c.send(); err != nil {
		return 0, err
	}
	d, err := c.receive(0)
	if err != nil {
		return 0, err
	}
	d.int32() // throttle
	d.array()
	_ = d.string()
	d.array()
	code := kafka.Error(d.int16())
	d.int32() // partition
	d.int32() // the newest term up to that one
	end := d.int64()
	switch {
	case d.bad:
		return 0, errBadAnswer
	case code != 0:
		return 0, code
	}
	return end, nil
}
