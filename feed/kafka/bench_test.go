package kafka

import (
	"context"
	"io"
	"log/slog"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"tapedeck/feed"
)

// counting is a sink and a log that waits for an offset.
type counting struct {
	discarding
	until int64
	done  chan struct{}
}

func (c *counting) Assign([]feed.Partition)                  {}
func (c *counting) Waiting(string)                           {}
func (c *counting) Open(feed.Partition, feed.Start) feed.Log { return c }
func (c *counting) End(int64)                                {}
func (c *counting) Down(string)                              {}
func (c *counting) Up()                                      {}
func (c *counting) Restart(feed.Start)                       {}
func (c *counting) Record(r *feed.Record) {
	if r.Offset == c.until {
		close(c.done)
	}
}

// bySource reads n records of a log that never ends by our source; it returns how long each of them took.
func bySource(b *testing.B, brokers []string, topic string, n int64) float64 {
	s, err := New(Config{
		Cluster: Cluster{Brokers: brokers}, Topics: []Topic{{Name: topic, Format: format}},
		Warmup: math.MaxInt64, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	c := &counting{until: n - 1, done: make(chan struct{})}
	ended := make(chan struct{})
	began := time.Now()
	go func() { _ = s.Run(ctx, c); close(ended) }()
	<-c.done
	took := time.Since(began)
	cancel()
	<-ended
	return float64(took.Nanoseconds()) / float64(n)
}

// byReader does the same by kafka-go's Reader, as it is recommended to be set.
func byReader(b *testing.B, brokers []string, topic string, n int64) float64 {
	began := time.Now()
	r := kafka.NewReader(kafka.ReaderConfig{Brokers: brokers, Topic: topic, MinBytes: 1, MaxBytes: 8 << 20, MaxWait: 500 * time.Millisecond, QueueCapacity: 4096})
	defer r.Close()
	for {
		m, err := r.FetchMessage(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		if m.Offset == n-1 {
			return float64(time.Since(began).Nanoseconds()) / float64(n)
		}
	}
}

// byFetch does the same by kafka-go's Client, copying what a record holds into memory that is used again.
func byFetch(b *testing.B, brokers []string, topic string, n int64) float64 {
	began := time.Now()
	t := &kafka.Transport{}
	defer t.CloseIdleConnections()
	c := kafka.Client{Addr: kafka.TCP(brokers...), Transport: t}
	value := make([]byte, 1<<20)
	for next := int64(0); ; {
		f, err := c.Fetch(b.Context(), &kafka.FetchRequest{Topic: topic, Offset: next, MinBytes: 1, MaxBytes: 1 << 20, MaxWait: 500 * time.Millisecond})
		if err != nil {
			b.Fatal(err)
		}
		for {
			r, err := f.Records.ReadRecord()
			if err != nil {
				break
			}
			if r.Value != nil {
				_, _ = io.ReadFull(r.Value, value[:r.Value.Len()])
				r.Value.Close()
			}
			if next = r.Offset + 1; next == n {
				return float64(time.Since(began).Nanoseconds()) / float64(n)
			}
		}
	}
}

// How long a record takes from the broker to the sink: ours, and how many times as long kafka-go's ways take in
// the same run. The broker sends one batch of trades again and again, so that it costs next to nothing.
func BenchmarkRecord(b *testing.B) {
	for name, codec := range map[string]kgo.CompressionCodec{"plain": kgo.NoCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression()} {
		b.Run(name, func(b *testing.B) {
			c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "a"),
				kfake.SyntheticFetch(kfake.SyntheticBatch{Records: 2000, RecordBytes: 135, RandomFrac: 0.25, Compression: codec}))
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			newWriter(b, c.ListenAddrs()).send("a", 0, "the first, so that the log has a beginning")
			const part = 400_000
			var ours, reader, client float64
			for b.Loop() {
				ours += bySource(b, c.ListenAddrs(), "a", part)
				reader += byReader(b, c.ListenAddrs(), "a", part)
				client += byFetch(b, c.ListenAddrs(), "a", part)
			}
			n := float64(b.N)
			b.ReportMetric(ours/n, "ns/record")
			b.ReportMetric(reader/ours, "Reader/ours")
			b.ReportMetric(client/ours, "Client/ours")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// How long a record takes that is written while nothing else happens, acknowledgement included; and the same
// by kafka-go's Reader. Where TAPEDECK_TEST_KAFKA says where one is, on a real Kafka.
func BenchmarkDelay(b *testing.B) {
	var brokers []string
	if address := os.Getenv("TAPEDECK_TEST_KAFKA"); address != "" {
		brokers = strings.Split(address, ",")
	} else {
		c, err := kfake.NewCluster(kfake.NumBrokers(1))
		if err != nil {
			b.Fatal(err)
		}
		defer c.Close()
		brokers = c.ListenAddrs()
	}
	topic := newTopic()
	w := newWriter(b, brokers)
	w.create(topic, 1)
	b.Run("ours", func(b *testing.B) {
		ours := &arrivals{at: make(chan int64, 1)}
		s, err := New(Config{Cluster: Cluster{Brokers: brokers}, Topics: []Topic{{Name: topic, Format: format}}, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			b.Fatal(err)
		}
		ctx, cancel := context.WithCancel(b.Context())
		ended := make(chan struct{})
		go func() { _ = s.Run(ctx, ours); close(ended) }()
		defer func() { cancel(); <-ended }()
		time.Sleep(300 * time.Millisecond)
		for b.Loop() {
			w.send(topic, 0, "a")
			<-ours.at
		}
	})
	b.Run("Reader", func(b *testing.B) {
		r := kafka.NewReader(kafka.ReaderConfig{Brokers: brokers, Topic: topic, MinBytes: 1, MaxBytes: 8 << 20, MaxWait: 500 * time.Millisecond})
		defer r.Close()
		if err := r.SetOffset(kafka.LastOffset); err != nil {
			b.Fatal(err)
		}
		got := make(chan struct{}, 1)
		ctx, cancel := context.WithCancel(b.Context())
		defer cancel()
		go func() {
			for {
				if _, err := r.FetchMessage(ctx); err != nil {
					return
				}
				got <- struct{}{}
			}
		}()
		time.Sleep(300 * time.Millisecond)
		for b.Loop() {
			w.send(topic, 0, "a")
			<-got
		}
	})
}

// arrivals is a sink and a log that says of each record that it has come.
type arrivals struct {
	counting
	at chan int64
}

func (a *arrivals) Open(feed.Partition, feed.Start) feed.Log { return a }
func (a *arrivals) Record(r *feed.Record)                    { a.at <- r.Offset }
