package main

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"go.uber.org/goleak"

	"tapedeck/cmd/flags"
	"tapedeck/cmd/streamer/broker"
)

// console is what a command prints, which a test reads while it runs.
type console struct {
	mu   sync.Mutex
	text strings.Builder
}

func (c *console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text.Write(p)
}

func (c *console) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text.String()
}

// background is a command that runs beside its test.
type background struct {
	out  *console // all that it says
	stop func() int
}

// inBackground starts a command. stop ends it as Ctrl-C does and returns its exit code; the test's end does
// too.
func inBackground(t *testing.T, args ...string) background {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	b := background{out: &console{}}
	ended := make(chan int, 1)
	go func() {
		app := newApp()
		app.Writer, app.ErrWriter = b.out, b.out
		ended <- flags.Run(ctx, app, append([]string{"streamer"}, args...))
	}()
	b.stop = sync.OnceValue(func() int {
		cancel()
		select {
		case code := <-ended:
			return code
		case <-time.After(time.Minute):
			t.Error("the command does not end")
			return -1
		}
	})
	t.Cleanup(func() { b.stop() })
	return b
}

// eventually waits until done, with a deadline that a slow machine keeps too.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it did not come: %s", what)
		}
	}
}

// leaks checks at the test's end that no goroutine of its own is left.
func leaks(t *testing.T) {
	t.Helper()
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
}

func TestSimulatePublishesIntoKafka(t *testing.T) {
	leaks(t)
	b, err := broker.New(broker.Config{Topic: "md", Partitions: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	cmd := inBackground(t, "simulate", "--brokers", b.Addr(), "--topic", "md", "--rate", "5", "--symbols", "btcusdt,ltcusdt,dogeusdt")
	eventually(t, "500 records", func() bool { return held(t, b.Addr(), "md", 3) > 500 })
	if code := cmd.stop(); code != flags.OK {
		t.Errorf("ended with %d: %s", code, cmd.out)
	}
	home := map[string]int{}
	last := map[string]time.Time{}
	for partition := range 3 {
		for _, m := range records(t, b.Addr(), "md", partition) {
			key := string(m.Key)
			if p, known := home[key]; known && p != partition {
				t.Fatalf("%s is in partitions %d and %d", key, p, partition)
			}
			home[key] = partition
			if m.Time.Before(last[key]) {
				t.Fatalf("%s: a record of %v after one of %v", key, m.Time, last[key])
			}
			last[key] = m.Time
			rest := strings.HasPrefix(string(m.Value), `{"lastUpdateId"`)
			if rest != (len(m.Headers) == 1 && m.Headers[0].Key == "symbol" && string(m.Headers[0].Value) == key) {
				t.Fatalf("headers %v of %.60s", m.Headers, m.Value)
			}
		}
	}
	if len(home) != 3 {
		t.Errorf("there are %v", home)
	}
}

// held counts the records of a topic.
func held(t *testing.T, addr, topic string, partitions int) (n int64) {
	t.Helper()
	for partition := range partitions {
		conn, first, end := leader(t, addr, topic, partition)
		conn.Close()
		n += end - first
	}
	return n
}

// records reads what a partition holds.
func records(t *testing.T, addr, topic string, partition int) (list []kafkago.Message) {
	t.Helper()
	conn, first, end := leader(t, addr, topic, partition)
	defer conn.Close()
	for int64(len(list)) < end-first {
		m, err := conn.ReadMessage(4 << 20)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, m)
	}
	return list
}

func leader(t *testing.T, addr, topic string, partition int) (conn *kafkago.Conn, first, end int64) {
	t.Helper()
	conn, err := kafkago.DialLeader(t.Context(), "tcp", addr, topic, partition)
	if err != nil {
		t.Fatal(err)
	}
	if first, end, err = conn.ReadOffsets(); err != nil {
		t.Fatal(err)
	}
	return conn, first, end
}

// Kafka may come later, and go away and come back: simulate waits, and says for what.
func TestSimulateWaitsForKafka(t *testing.T) {
	leaks(t)
	start := func(listen, topic string) *broker.Broker {
		var b *broker.Broker
		eventually(t, "a broker at "+listen, func() bool {
			var err error
			b, err = broker.New(broker.Config{Listen: listen, Topic: topic})
			return err == nil
		})
		return b
	}
	holds := func(b *broker.Broker) func() bool {
		return func() bool { return held(t, b.Addr(), "md", 1) > 50 }
	}
	b := start("127.0.0.1:0", "")
	address := b.Addr()
	b.Close()

	cmd := inBackground(t, "simulate", "--brokers", address, "--topic", "md", "--log-format", "text")
	says := func(text string) {
		t.Helper()
		eventually(t, text, func() bool { return strings.Contains(cmd.out.String(), text) })
	}
	says("no answer from Kafka")
	b = start(address, "")
	says("topic md")
	b.Close()
	b = start(address, "md")
	eventually(t, "records", holds(b))
	b.Close()
	says("Kafka takes no records")
	b = start(address, "md")
	defer b.Close()
	eventually(t, "records again", holds(b))
	says("Kafka takes records again")
	if code := cmd.stop(); code != flags.OK {
		t.Errorf("ended with %d: %s", code, cmd.out)
	}
}

func TestSimulateRefusesWhatCannotBe(t *testing.T) {
	for want, args := range map[string][]string{
		"there is no symbol \"GOLD\"": {"--symbols", "gold"},
		"--rate":                      {"--rate", "0"},
		"--gaps":                      {"--gaps", "-1s"},
		"--brokers":                   nil,
	} {
		if want != "--brokers" {
			args = append(args, "--brokers", "127.0.0.1:1")
		}
		cmd := inBackground(t, append([]string{"simulate"}, args...)...)
		if code := cmd.stop(); code != flags.WrongFlags || !strings.Contains(cmd.out.String(), want) {
			t.Errorf("%q: code %d, %q", args, code, cmd.out)
		}
	}
}
