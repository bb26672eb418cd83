package kafka

import (
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
)

// The versions of Fetch that are spoken: 13 (Kafka 3.1), which names a topic by its id, so that a topic that was
// made anew under the same name is refused instead of being read on; and 11 (Kafka 2.3) where there is no id.
// kafka-go knows 11, but not the records' memory: it copies and allocates for each.
const (
	fetchByID   = 13
	fetchByName = 11
)

// fetchRequest says what to fetch.
type fetchRequest struct {
	topic     string
	id        uuid
	partition int32
	offset    int64
	wait      time.Duration // that the broker may wait for the first new record
	bytes     int32         // about; one batch is sent even if it is larger
}

// fetched is one partition's part of an answer. Its records are valid until the connection's next answer.
type fetched struct {
	err     kafka.Error // 0: none
	first   int64       // the log's
	end     int64
	batches []byte
}

// fetchSend asks; fetchReceive waits for the answer. Only one may be on its way.
func (c *conn) fetchSend(q *fetchRequest) error {
	version := int16(fetchByName)
	if q.id != (uuid{}) && c.newest[protocol.Fetch] >= fetchByID {
		version = fetchByID
	}
	byID := version == fetchByID
	e := c.request(protocol.Fetch, version, byID)
	e.int32(-1) // not a replica
	e.int32(int32(q.wait.Milliseconds()))
	e.int32(1) // byte that is enough to answer
	e.int32(q.bytes)
	e.int8(0)   // committed or not
	e.int32(0)  // no session
	e.int32(-1) // that goes on
	e.array(1)
	if byID {
		e.uuid(q.id)
	} else {
		e.string(q.topic)
	}
	e.array(1)
	e.int32(q.partition)
	e.int32(-1) // leader's term: whichever
	e.int64(q.offset)
	if byID {
		e.int32(-1) // term of what was read last
	}
	e.int64(-1) // log start, of replicas
	e.int32(q.bytes)
	e.tags()
	e.tags()
	e.array(0)   // topics that a session forgets
	e.string("") // rack: the leader is asked, not the nearest
	e.tags()
	return c.send()
}

func (c *conn) fetchReceive(q *fetchRequest) (f fetched, err error) {
	d, err := c.receive(q.wait)
	if err != nil {
		return f, err
	}
	byID := d.flexible
	d.int32() // throttle
	failed := kafka.Error(d.int16())
	d.int32() // session
	for range d.array() {
		if byID {
			d.uuid()
		} else {
			_ = d.sequence(true)
		}
		for range d.array() {
			f = readFetched(d)
		}
		d.tags()
	}
	switch {
	case failed != 0:
		f.err = failed
	case d.bad:
		return f, errBadAnswer
	}
	return f, nil
}

func readFetched(d *decoder) (f fetched) {
	d.int32() // partition
	f.err = kafka.Error(d.int16())
	f.end = d.int64()
	d.int64() // end of what is committed
	f.first = d.int64()
	for range d.array() { // aborted transactions
		d.int64()
		d.int64()
		d.tags()
	}
	d.int32() // a nearer replica
	f.batches = d.bytes()
	d.tags()
	return f
}

// fetch asks and waits.
func (c *conn) fetch(q *fetchRequest) (fetched, error) {
	if err := c.fetchSend(q); err != nil {
		return fetched{}, err
	}
	return c.fetchReceive(q)
}
