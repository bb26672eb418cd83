package publish

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Answers get lost after the broker has acted: connections are cut, and brokers say that time ran out, or
// that replicas were missing, though the records are in. Everything is there once in the end.
func TestLostAnswers(t *testing.T) {
	b := broker(t, kfake.NumBrokers(3), kfake.SeedTopics(4, "raw"))
	faults := b.Fault(
		kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.RequestTimedOut, Count: 5, When: everyNth(3)},
		kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.NotEnoughReplicasAfterAppend, Count: 5, When: everyNth(4)},
		kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.NotLeaderForPartition, Count: 5, When: everyNth(5)},
	)
	done := make(chan struct{})
	go func() { // leaders move meanwhile
		defer close(done)
		for range 5 {
			time.Sleep(50 * time.Millisecond)
			b.ShufflePartitionLeaders()
		}
	}()
	lostAnswers(t, "raw", 4, b.ListenAddrs()...)
	<-done
	if faults.Hits() == 0 {
		t.Error("no answer was falsified")
	}
}

func everyNth(n int) func(kmsg.Request) bool {
	seen := 0
	return func(kmsg.Request) bool {
		seen++
		return seen%n == 0
	}
}

// lostAnswers publishes over connections of which one in four is cut when the broker has answered.
func lostAnswers(t *testing.T, topic string, partitions int, addrs ...string) {
	t.Helper()
	c := clientOf(t, topic, addrs...)
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(1, 2))
	var cut atomic.Int64
	unreliable(c, func(conn net.Conn, request []byte) ([]byte, error) {
		answer, err := exchange(conn, request)
		mu.Lock()
		lose := random.IntN(4) == 0
		mu.Unlock()
		if lose {
			cut.Add(1)
			return nil, io.ErrUnexpectedEOF
		}
		return answer, err
	})
	r := must(t, quick(t, c, topic, write(t, "s.raw", toys(20_000, 11)...)))
	if r.Sent != 20_000 || cut.Load() == 0 {
		t.Errorf("%+v, %d answers were cut", r, cut.Load())
	}
	exactlyOnce(t, all(t, clientOf(t, topic, addrs...), topic, partitions), 20_000)
}

// A publisher is killed in the middle, and its successor too, until one comes through.
func TestKilled(t *testing.T) {
	b := broker(t, kfake.SeedTopics(3, "raw"))
	killed(t, "raw", 3, b.ListenAddrs()[0])
}

func killed(t *testing.T, topic string, partitions int, addr string) {
	t.Helper()
	const lines, kills = 20_000, 5
	file := write(t, "s.raw", toys(lines, 7)...)
	c := clientOf(t, topic, addr)
	deadline := time.Now().Add(time.Minute)
	for life := range kills {
		p := another(t, topic, addr, file, life > 0)
		// Killed while records come in, at no particular point of it.
		for before := count(t, c, topic, partitions); count(t, c, topic, partitions) == before; {
			if time.Sleep(time.Millisecond); time.Now().After(deadline) {
				t.Errorf("nothing arrives: %s", p.Stdout)
				break
			}
		}
		if err := p.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := p.Wait(); err == nil {
			t.Fatalf("the publisher was done before it was killed for the %dth time", life+1)
		}
	}
	p := another(t, topic, addr, file, true)
	if err := p.Wait(); err != nil {
		t.Fatalf("%v: %s", err, p.Stdout)
	}
	exactlyOnce(t, all(t, c, topic, partitions), lines)
}

// another starts a publisher in a process of its own.
func another(t *testing.T, topic, addr, file string, resume bool) *exec.Cmd {
	t.Helper()
	p := exec.Command(os.Args[0], "-test.run", "^TestPublishForAnother$")
	p.Env = append(os.Environ(), "PUBLISH_TO="+addr, "PUBLISH_TOPIC="+topic, "PUBLISH_FILE="+file, fmt.Sprintf("PUBLISH_RESUME=%v", resume))
	out := &strings.Builder{}
	p.Stdout, p.Stderr = out, out
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

// TestPublishForAnother is the process that is killed.
func TestPublishForAnother(t *testing.T) {
	addr, topic := os.Getenv("PUBLISH_TO"), os.Getenv("PUBLISH_TOPIC")
	if addr == "" {
		t.Skip("this is a part of other tests")
	}
	o := quick(t, clientOf(t, topic, addr), topic, os.Getenv("PUBLISH_FILE"))
	o.Resume = os.Getenv("PUBLISH_RESUME") == "true"
	o.Speed = 20 // a second for the whole, so that there is a middle
	must(t, o)
}

func count(t *testing.T, c *kafka.Client, topic string, partitions int) (n int64) {
	t.Helper()
	for p := range partitions {
		_, end, err := (&tail{client: c, topic: topic}).bounds(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		n += end
	}
	return n
}

// The last request of a publisher that was killed is still on its way when its successor has looked at what
// is there. The broker refuses whichever comes second.
func TestLateRequest(t *testing.T) {
	b := broker(t, kfake.SeedTopics(1, "raw"))
	lateRequest(t, "raw", b.ListenAddrs()[0])
}

func lateRequest(t *testing.T, topic, addr string) {
	t.Helper()
	file := write(t, "s.raw", toys(5_000, 3)...)

	// The second request is held back, and the publisher does not live to see more of it.
	c := clientOf(t, topic, addr)
	var late []byte
	var requests atomic.Int64
	unreliable(c, func(conn net.Conn, request []byte) ([]byte, error) {
		if requests.Add(1) == 1 {
			return exchange(conn, request)
		}
		late = request
		return nil, errors.New("killed")
	})
	o := quick(t, c, topic, file)
	o.GiveUp = time.Nanosecond
	if _, err := Run(t.Context(), o); err == nil || late == nil {
		t.Fatalf("it was not killed: %v", err)
	}

	// Its successor has looked and is about to send, when the request arrives.
	c = clientOf(t, topic, addr)
	var once sync.Once
	unreliable(c, func(conn net.Conn, request []byte) ([]byte, error) {
		once.Do(func() {
			other, err := net.Dial("tcp", addr)
			if err != nil {
				t.Error(err)
				return
			}
			defer other.Close()
			if _, err := exchange(other, late); err != nil {
				t.Error(err)
			}
		})
		return exchange(conn, request)
	})
	o = quick(t, c, topic, file)
	o.Resume = true
	r, err := Run(t.Context(), o)
	if !errors.Is(err, kafka.OutOfOrderSequenceNumber) {
		// Only if both happen to have put the same lines into the request is the second not noticed.
		t.Logf("the successor sent the same batch: %+v, %v", r, err)
	}
	if err != nil {
		o = quick(t, clientOf(t, topic, addr), topic, file)
		o.Resume = true
		must(t, o)
	}
	exactlyOnce(t, all(t, c, topic, 1), 5_000)
}
