package kafka

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"tapedeck/feed"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// format is a decoder's name; what it would do is of no interest here.
var format = &feed.Format{Name: "test", Version: 1, Scope: feed.ScopeSymbol}

// quick is a configuration whose patience fits a test.
func quick(c *kfake.Cluster, topics ...string) Config { return quickAt(c.ListenAddrs(), topics...) }

func quickAt(brokers []string, topics ...string) Config {
	config := Config{
		Cluster: Cluster{Brokers: brokers}, Warmup: time.Hour, Log: logger(),
		Refresh: 50 * time.Millisecond, StartWait: 200 * time.Millisecond, Timeout: 700 * time.Millisecond,
		Wait: 100 * time.Millisecond, DownAfter: 300 * time.Millisecond, Backoff: 200 * time.Millisecond, Stall: time.Second,
	}
	for _, t := range topics {
		config.Topics = append(config.Topics, Topic{Name: t, Format: format})
	}
	return config
}

// logger is silent but with -v.
func logger() *slog.Logger {
	if testing.Verbose() {
		return slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	return slog.New(slog.DiscardHandler)
}

// run starts a source, which the test's end stops and waits for.
func run(t *testing.T, c Config) *recorder {
	t.Helper()
	r := newRecorder(t)
	stop := runInto(t, c, r)
	t.Cleanup(stop)
	return r
}

// runInto starts a source; what it returns stops it.
func runInto(t *testing.T, c Config, r *recorder) (stop func()) {
	t.Helper()
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		err := s.Run(ctx, r)
		r.end()
		done <- err
	}()
	stopped := false
	return func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		began := time.Now()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
		// Two seconds are promised; a machine that is busy with other tests gets more.
		if d := time.Since(began); d > 10*time.Second {
			t.Errorf("Run returns %v after its end", d)
		}
	}
}

// cluster starts a broker, or several, in this process.
func cluster(t *testing.T, opts ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// writer produces to chosen partitions.
type writer struct {
	t  testing.TB
	cl *kgo.Client
}

func newWriter(t testing.TB, brokers []string, opts ...kgo.Opt) *writer {
	t.Helper()
	cl, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(0),
		kgo.MetadataMinAge(20 * time.Millisecond), kgo.RetryBackoffFn(func(int) time.Duration { return 20 * time.Millisecond }),
		kgo.UnknownTopicRetries(50),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return &writer{t, cl}
}

// send produces values as one batch and returns the first one's offset.
func (w *writer) send(topic string, id int32, values ...string) int64 {
	w.t.Helper()
	records := make([]*kgo.Record, len(values))
	for i, v := range values {
		records[i] = &kgo.Record{Topic: topic, Partition: id, Value: []byte(v)}
	}
	return w.records(records...)
}

func (w *writer) records(records ...*kgo.Record) int64 {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := w.cl.ProduceSync(ctx, records...).FirstErr(); err != nil {
		w.t.Fatalf("produce: %v", err)
	}
	return records[0].Offset
}

// ask sends any request and fails the test on an error of it.
func ask[R kmsg.Response](w *writer, q kmsg.Request) R {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	res, err := w.cl.Request(ctx, q)
	if err != nil {
		w.t.Fatalf("%T: %v", q, err)
	}
	return res.(R)
}

func (w *writer) create(topic string, partitions int32, config ...string) {
	w.t.Helper()
	q := kmsg.NewPtrCreateTopicsRequest()
	one := kmsg.NewCreateTopicsRequestTopic()
	one.Topic, one.NumPartitions, one.ReplicationFactor = topic, partitions, 1
	for i := 0; i < len(config); i += 2 {
		c := kmsg.NewCreateTopicsRequestTopicConfig()
		c.Name, c.Value = config[i], &config[i+1]
		one.Configs = append(one.Configs, c)
	}
	q.Topics = append(q.Topics, one)
	for _, res := range ask[*kmsg.CreateTopicsResponse](w, q).Topics {
		if res.ErrorCode != 0 {
			w.t.Fatalf("create %s: error %d", topic, res.ErrorCode)
		}
	}
	m := kmsg.NewPtrMetadataRequest()
	name := kmsg.NewMetadataRequestTopic()
	name.Topic = &topic
	m.Topics = append(m.Topics, name)
	eventually(w.t, topic+" is there", func() bool { // a real broker says so before all of it knows
		found := ask[*kmsg.MetadataResponse](w, m).Topics
		return len(found) == 1 && found[0].ErrorCode == 0 && len(found[0].Partitions) == int(partitions)
	})
}

func (w *writer) remove(topic string) {
	w.t.Helper()
	q := kmsg.NewPtrDeleteTopicsRequest()
	one := kmsg.NewDeleteTopicsRequestTopic()
	one.Topic = &topic
	q.TopicNames, q.Topics = []string{topic}, append(q.Topics, one)
	for _, res := range ask[*kmsg.DeleteTopicsResponse](w, q).Topics {
		if res.ErrorCode != 0 {
			w.t.Fatalf("delete %s: error %d", topic, res.ErrorCode)
		}
	}
}

// grow gives a topic more partitions.
func (w *writer) grow(topic string, partitions int32) {
	w.t.Helper()
	q := kmsg.NewPtrCreatePartitionsRequest()
	one := kmsg.NewCreatePartitionsRequestTopic()
	one.Topic, one.Count = topic, partitions
	q.Topics = append(q.Topics, one)
	for _, res := range ask[*kmsg.CreatePartitionsResponse](w, q).Topics {
		if res.ErrorCode != 0 {
			w.t.Fatalf("partitions of %s: error %d", topic, res.ErrorCode)
		}
	}
}

// trim removes what lies before an offset, as retention does.
func (w *writer) trim(topic string, id int32, before int64) {
	w.t.Helper()
	q := kmsg.NewPtrDeleteRecordsRequest()
	one := kmsg.NewDeleteRecordsRequestTopic()
	p := kmsg.NewDeleteRecordsRequestTopicPartition()
	p.Partition, p.Offset = id, before
	one.Topic, one.Partitions = topic, append(one.Partitions, p)
	q.Topics = append(q.Topics, one)
	for _, t := range ask[*kmsg.DeleteRecordsResponse](w, q).Topics {
		for _, p := range t.Partitions {
			if p.ErrorCode != 0 {
				w.t.Fatalf("delete records of %s/%d: error %d", topic, id, p.ErrorCode)
			}
		}
	}
}

// numbered makes values that are told apart.
func numbered(prefix string, n int) []string {
	values := make([]string, n)
	for i := range values {
		values[i] = fmt.Sprintf("%s-%d", prefix, i)
	}
	return values
}
