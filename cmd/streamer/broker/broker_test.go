package broker

import (
	"bytes"
	"context"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T, c Config) *Broker {
	t.Helper()
	b, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

// writer writes to the topic md, acknowledged. Each test has a transport of its own, or the idle connections
// of the shared one would outlive it.
func writer(t *testing.T, b *Broker) *kafka.Writer {
	t.Helper()
	transport := &kafka.Transport{}
	w := &kafka.Writer{
		Addr: kafka.TCP(b.Addr()), Topic: "md", Balancer: kafka.Murmur2Balancer{}, RequiredAcks: kafka.RequireAll,
		BatchTimeout: time.Millisecond, BatchSize: 1000, Transport: transport,
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		transport.CloseIdleConnections()
	})
	return w
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	b := start(t, Config{Topic: "md", Partitions: 3})
	w := writer(t, b)
	sent := []kafka.Message{
		{Key: []byte("A"), Value: []byte("one"), Headers: []kafka.Header{{Key: "symbol", Value: []byte("A")}}},
		{Key: []byte("A"), Value: []byte("two")},
	}
	if err := w.WriteMessages(t.Context(), sent...); err != nil {
		t.Fatal(err)
	}
	client := &kafka.Client{Addr: w.Addr, Transport: w.Transport}
	meta, err := client.Metadata(t.Context(), &kafka.MetadataRequest{Topics: []string{"md"}})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(meta.Topics[0].Partitions); n != 3 {
		t.Fatalf("%d partitions, want 3", n)
	}
	var got []string
	for p := range 3 {
		conn, err := kafka.DialLeader(t.Context(), "tcp", b.Addr(), "md", p)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, last, err := conn.ReadOffsets(); err != nil || last == 0 {
			continue // a key's records are in one of them
		}
		for range sent {
			m, err := conn.ReadMessage(1 << 20)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, string(m.Value))
		}
	}
	if strings.Join(got, " ") != "one two" {
		t.Errorf("read %q", got)
	}
}

// A demo may run for days: what the broker holds, and what it costs, stays within its bounds.
func TestMemoryIsBounded(t *testing.T) {
	const limit = 4 << 20
	b := start(t, Config{Topic: "md", Bytes: limit, Sweep: 20 * time.Millisecond})
	w := writer(t, b)
	batch := make([]kafka.Message, 200)
	for i := range batch {
		batch[i] = kafka.Message{Key: []byte("A"), Value: bytes.Repeat([]byte{byte(i)}, 1000)}
	}
	before := heap()
	const rounds = 500 // 100 MB
	for range rounds {
		if err := w.WriteMessages(t.Context(), batch...); err != nil {
			t.Fatal(err)
		}
	}
	wait(t, func() bool { return b.cluster.PartitionInfo("md", 0).NumBytes <= limit })
	if info := b.cluster.PartitionInfo("md", 0); info.LogStartOffset == info.HighWatermark {
		t.Error("nothing is left: the newest must be")
	}
	if grown := heap() - before; grown > 6*limit {
		t.Errorf("%d MiB were written, %d MiB are held, and the heap grew by %d MiB", rounds*200*1000>>20, limit>>20, grown>>20)
	}
}

// Close waits also for those who are in the middle of something.
func TestCloseWaitsForItsConnections(t *testing.T) {
	b, err := New(Config{Topic: "md"})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", b.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte{0, 0}); err != nil { // half of a request's size
		t.Fatal(err)
	}
	b.Close()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1)); err == nil || strings.Contains(err.Error(), "timeout") {
		t.Errorf("reading from a closed broker: %v, want the end of the connection", err)
	}
}

func TestAnAddressInUseIsSaid(t *testing.T) {
	b := start(t, Config{})
	if _, err := New(Config{Listen: b.Addr()}); err == nil || !strings.Contains(err.Error(), b.Addr()) {
		t.Errorf("a second broker on %s: %v", b.Addr(), err)
	}
	for _, bad := range []string{"nowhere", ":0", "127.0.0.1:http", "127.0.0.1:70000"} {
		if _, err := New(Config{Listen: bad}); err == nil {
			t.Errorf("%s was taken for an address", bad)
		}
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func wait(t *testing.T, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for !done() {
		select {
		case <-ctx.Done():
			t.Fatal("it did not come")
		case <-time.After(5 * time.Millisecond):
		}
	}
}
