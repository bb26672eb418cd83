package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// broker is a Kafka: kfake in this process, or the real one that TAPEDECK_TEST_KAFKA names. Either is spoken
// to over TCP.
type broker struct {
	addrs  []string
	fake   *kfake.Cluster // nil: a real one
	client *kgo.Client
}

// brokerFor returns a broker for one test.
func brokerFor(t testing.TB) *broker {
	t.Helper()
	b := &broker{}
	if real := os.Getenv("TAPEDECK_TEST_KAFKA"); real != "" {
		b.addrs = strings.Split(real, ",")
	} else {
		b.fake = fakeOn(t)
		b.addrs = b.fake.ListenAddrs()
	}
	b.connect(t)
	t.Cleanup(func() { b.client.Close() })
	return b
}

func fakeOn(t testing.TB, more ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	fake, err := kfake.NewCluster(append(more, kfake.NumBrokers(1))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fake.Close)
	return fake
}

// freePort returns a port of this machine that nobody listens on.
func freePort(t testing.TB) (port int, address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, l.Addr().String()
}

func (b *broker) connect(t testing.TB) {
	t.Helper()
	var err error
	b.client, err = kgo.NewClient(
		kgo.SeedBrokers(b.addrs...),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerLinger(0),
		kgo.ProducerBatchMaxBytes(4<<20),
	)
	if err != nil {
		t.Fatal(err)
	}
}

var topics atomic.Int64

// topic makes a topic of a name that no other has.
func (b *broker) topic(t testing.TB, partitions int32, configs ...string) string {
	t.Helper()
	name := fmt.Sprintf("e2e-%d-%d", time.Now().UnixNano(), topics.Add(1))
	b.create(t, name, partitions, configs...)
	t.Cleanup(func() { b.request(t, deletion(name)) })
	return name
}

// create makes a topic; configs are pairs of names and values.
func (b *broker) create(t testing.TB, name string, partitions int32, configs ...string) {
	t.Helper()
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = name, partitions, 1
	configs = append(configs,
		"retention.ms", "-1", "message.timestamp.before.max.ms", "9223372036854775807", // sessions are years old
		"max.message.bytes", "4194304", "segment.bytes", "16777216") // bad records are large
	for i := 0; i < len(configs); i += 2 {
		c := kmsg.NewCreateTopicsRequestTopicConfig()
		c.Name, c.Value = configs[i], &configs[i+1]
		topic.Configs = append(topic.Configs, c)
	}
	req := kmsg.NewPtrCreateTopicsRequest()
	req.Topics = append(req.Topics, topic)
	until(t, "topic "+name+" is made", func() string {
		resp, err := req.RequestWith(t.Context(), b.client)
		if err != nil {
			return err.Error()
		}
		if err := kerr.ErrorForCode(resp.Topics[0].ErrorCode); err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
			return err.Error() // a topic of this name may still be on its way out
		}
		return ""
	})
}

func deletion(name string) *kmsg.DeleteTopicsRequest {
	req := kmsg.NewPtrDeleteTopicsRequest()
	topic := kmsg.NewDeleteTopicsRequestTopic()
	topic.Topic = &name
	req.Topics, req.TopicNames = append(req.Topics, topic), append(req.TopicNames, name)
	return req
}

func (b *broker) deleteTopic(t testing.TB, name string) {
	t.Helper()
	b.request(t, deletion(name))
	b.forget(t)
}

// forget begins with a new client, which knows nothing of how topics were.
func (b *broker) forget(t testing.TB) {
	b.client.Close()
	b.connect(t)
}

// request carries a request out; the test's own context may be over.
func (b *broker) request(t testing.TB, req kmsg.Request) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if _, err := b.client.Request(ctx, req); err != nil {
		t.Errorf("%T: %v", req, err)
	}
}

// addPartitions grows a topic.
func (b *broker) addPartitions(t testing.TB, name string, count int32) {
	t.Helper()
	topic := kmsg.NewCreatePartitionsRequestTopic()
	topic.Topic, topic.Count = name, count
	req := kmsg.NewPtrCreatePartitionsRequest()
	req.Topics = append(req.Topics, topic)
	resp, err := req.RequestWith(t.Context(), b.client)
	if err == nil {
		err = kerr.ErrorForCode(resp.Topics[0].ErrorCode)
	}
	if err != nil {
		t.Fatalf("partitions of %s: %v", name, err)
	}
	b.forget(t)
}

// deleteRecords removes the records of a partition before an offset, as retention does.
func (b *broker) deleteRecords(t testing.TB, name string, partition int32, before int64) {
	t.Helper()
	p := kmsg.NewDeleteRecordsRequestTopicPartition()
	p.Partition, p.Offset = partition, before
	topic := kmsg.NewDeleteRecordsRequestTopic()
	topic.Topic, topic.Partitions = name, append(topic.Partitions, p)
	req := kmsg.NewPtrDeleteRecordsRequest()
	req.TimeoutMillis = 10_000
	req.Topics = append(req.Topics, topic)
	for _, shard := range b.client.RequestSharded(t.Context(), req) {
		if shard.Err != nil {
			t.Fatal(shard.Err)
		}
		resp := shard.Resp.(*kmsg.DeleteRecordsResponse)
		if err := kerr.ErrorForCode(resp.Topics[0].Partitions[0].ErrorCode); err != nil {
			t.Fatal(err)
		}
	}
}

// message is what is published: one record. Its place in the log is known once it is.
type message struct {
	topic     string
	partition int32
	time      int64 // µs; Kafka keeps ms
	key       string
	value     []byte
	native    string // a REST body's symbol, as a header; "" for what names its own

	symbol string // the venue's own; what the message is about
	trade  string // its id; "" for what is no trade

	offset int64 // once it is published
}

func (m *message) seq() uint64 { return uint64(m.offset) + 1 }

// keyed returns the partition of a key.
func keyed(key string, partitions int32) int32 {
	h := fnv.New32a()
	h.Write([]byte(key))
	return int32(h.Sum32() % uint32(partitions))
}

// publish writes messages in their order and returns when every replica has them, and l knows of them.
func (b *broker) publish(t testing.TB, l *ledger, list ...*message) {
	t.Helper()
	if err := b.write(l, list); err != nil {
		t.Fatal(err)
	}
}

func (b *broker) write(l *ledger, list []*message) error {
	records := make([]*kgo.Record, len(list))
	for i, m := range list {
		r := &kgo.Record{Topic: m.topic, Partition: m.partition, Timestamp: time.UnixMicro(m.time), Value: m.value}
		if m.key != "" {
			r.Key = []byte(m.key)
		}
		if m.native != "" {
			r.Headers = []kgo.RecordHeader{{Key: "symbol", Value: []byte(m.native)}}
		}
		records[i] = r
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := b.client.ProduceSync(ctx, records...).FirstErr(); err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	for i, m := range list {
		m.offset = records[i].Offset
	}
	l.keep(list)
	return nil
}

// until polls what tells why something is not yet so ("" when it is), and fails with that after a
// minute.
func until(t testing.TB, what string, why func() string) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		reason := why()
		if reason == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("waited a minute until %s: %s", what, reason)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
