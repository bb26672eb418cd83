package kafka

import (
	"encoding/base64"
	"fmt"
	"net"
	"strconv"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
)

// uuid is a topic's id: given when it is made, and never again. Zero where the brokers know none.
type uuid [16]byte

func (u uuid) String() string {
	if u == (uuid{}) {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(u[:])
}

// layout is what a cluster says of itself and of the topics that were asked for.
type layout struct {
	cluster string
	brokers map[int32]string // addresses
	topics  map[string]*topicLayout
}

type topicLayout struct {
	err     kafka.Error // 0: it is there
	id      uuid
	leaders map[int32]int32 // broker by partition, -1: none at the moment
}

// there reports whether the topic is.
func (l *layout) there(topic string) bool {
	t := l.topics[topic]
	return t != nil && t.err == 0 && len(t.leaders) > 0
}

// leader returns the address of a partition's leader, "" where there is none.
func (l *layout) leader(topic string, partition int32) string {
	if t := l.topics[topic]; t != nil {
		if node, ok := t.leaders[partition]; ok {
			return l.brokers[node]
		}
	}
	return ""
}

// The versions of Metadata that are spoken: 10, which brings topic ids and which kafka-go does not know, and
// for brokers before Kafka 2.8 that of Kafka 1.0.
const (
	metadataIDs   = 10
	metadataPlain = 5
)

// metadata asks for the layout of some topics. Nothing is created by asking.
func (c *conn) metadata(topics []string) (*layout, error) {
	version := int16(metadataPlain)
	if c.newest[protocol.Metadata] >= metadataIDs {
		version = metadataIDs
	}
	ids := version == metadataIDs
	e := c.request(protocol.Metadata, version, ids)
	e.array(len(topics))
	for _, t := range topics {
		if ids {
			e.uuid(uuid{})
		}
		e.string(t)
		e.tags()
	}
	e.bool(false) // create topics
	if ids {
		e.bool(false) // say what we may do with the cluster
		e.bool(false) // and with the topics
	}
	e.tags()
	if err := c.send(); err != nil {
		return nil, err
	}
	d, err := c.receive(0)
	if hungUp(err) && c.last == 2 && !c.known { // the first question after that for versions
		return nil, fmt.Errorf("%s hangs up when it is asked for topics: it may want a user and a password (SASL)", c.address)
	}
	if err != nil {
		return nil, err
	}
	l := readLayout(d, ids)
	if d.bad {
		return nil, errBadAnswer
	}
	return l, nil
}

func readLayout(d *decoder, ids bool) *layout {
	l := &layout{brokers: map[int32]string{}, topics: map[string]*topicLayout{}}
	d.int32() // throttle
	for range d.array() {
		id := d.int32()
		l.brokers[id] = net.JoinHostPort(d.string(), strconv.Itoa(int(d.int32())))
		_ = d.string() // rack
		d.tags()
	}
	l.cluster = d.string()
	d.int32() // controller
	for range d.array() {
		t := &topicLayout{err: kafka.Error(d.int16()), leaders: map[int32]int32{}}
		l.topics[d.string()] = t
		if ids {
			t.id = d.uuid()
		}
		d.int8() // internal
		for range d.array() {
			readPartition(d, ids, t)
		}
		if ids {
			d.int32() // what we may do
		}
		d.tags()
	}
	return l
}

func readPartition(d *decoder, ids bool, t *topicLayout) {
	d.int16() // error: that it has no leader, which its leader says too
	id := d.int32()
	t.leaders[id] = d.int32()
	if ids {
		d.int32() // leader epoch
	}
	for range 3 { // replicas, in sync, offline
		for range d.array() {
			d.int32()
		}
	}
	d.tags()
}
