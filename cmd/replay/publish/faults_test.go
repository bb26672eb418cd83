package publish

import (
	"context"
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
	c := client(t, b.ListenAddrs()...)
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
	faults := b.Fault(
		kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.RequestTimedOut, Count: 5, When: everyNth(3)},
		kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.NotEnoughReplicasAfterAppend, Count: 5, When: everyNth(4)},
		kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.NotLeaderForPartition, Count: 5, When: everyNth(5)},
	)
	o := quick(t, c, "raw", write(t, "s.raw", toys(20_000, 11)...))
	done := make(chan struct{})
	go func() { // leaders move meanwhile
		defer close(done)
		for range 5 {
			time.Sleep(50 * time.Millisecond)
			b.ShufflePartitionLeaders()
		}
	}()
	r, err := Run(t.Context(), o)
	<-done
	if err != nil || r.Sent != 20_000 {
		t.Fatalf("%+v, %v", r, err)
	}
	if cut.Load() == 0 || faults.Hits() == 0 {
		t.Fatalf("%d answers were cut and %d falsified: nothing was tried", cut.Load(), faults.Hits())
	}
	t.Logf("%d answers were cut, %d falsified", cut.Load(), faults.Hits())
	exactlyOnce(t, all(t, client(t, b.ListenAddrs()...), "raw", 4), 20_000)
}

func everyNth(n int) func(kmsg.Request) bool {
	seen := 0
	return func(kmsg.Request) bool {
		seen++
		return seen%n == 0
	}
}

// A publisher is killed in the middle, and its successor too, until one comes through.
func TestKilled(t *testing.T) {
	if os.Getenv("PUBLISH_TO") != "" {
		t.Skip("this is the one that is killed")
	}
	b := broker(t, kfake.SeedTopics(3, "raw"))
	c := client(t, b.ListenAddrs()...)
	const lines = 30_000
	file := write(t, "s.raw", toys(lines, 7)...)
	deadline := time.Now().Add(time.Minute)
	for kills := 0; ; kills++ {
		cmd := exec.Command(os.Args[0], "-test.run", "^TestPublishForAnother$")
		cmd.Env = append(os.Environ(), "PUBLISH_TO="+b.ListenAddrs()[0], "PUBLISH_FILE="+file)
		if kills > 0 {
			cmd.Env = append(cmd.Env, "PUBLISH_RESUME=1")
		}
		var out strings.Builder
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		before := count(t, c)
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		var err error
		for killed := false; ; {
			select {
			case err = <-ended:
			case <-time.After(time.Millisecond):
				// Killed while records come in, at no particular point of it.
				if !killed && kills < 5 && count(t, c) > before {
					killed = cmd.Process.Kill() == nil
				}
				continue
			}
			break
		}
		if err == nil {
			t.Logf("came through after %d kills", kills)
			if kills < 3 {
				t.Errorf("was killed %d times only", kills)
			}
			break
		}
		if kills >= 5 || time.Now().After(deadline) {
			t.Fatalf("ended with %v: %s", err, out.String())
		}
	}
	exactlyOnce(t, all(t, c, "raw", 3), lines)
}

func count(t *testing.T, c *kafka.Client) (n int64) {
	t.Helper()
	for p := range 3 {
		_, end, err := (&tail{client: c, topic: "raw"}).bounds(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		n += end
	}
	return n
}

// TestPublishForAnother is the process that TestKilled kills.
func TestPublishForAnother(t *testing.T) {
	addr := os.Getenv("PUBLISH_TO")
	if addr == "" {
		t.Skip("only TestKilled runs it")
	}
	o := quick(t, client(t, addr), "raw", os.Getenv("PUBLISH_FILE"))
	o.Resume = os.Getenv("PUBLISH_RESUME") != ""
	o.Speed = 20 // 30 s of session, so that there is a middle
	if r, err := Run(context.Background(), o); err != nil {
		t.Fatal(r, err)
	}
}

// The last request of a publisher that was killed is still on its way when its successor has looked at what
// is there. The broker refuses whichever comes second.
func TestLateRequest(t *testing.T) {
	for _, same := range []bool{true, false} {
		t.Run(fmt.Sprintf("same batches %v", same), func(t *testing.T) {
			b := broker(t, kfake.SeedTopics(1, "raw"))
			file := write(t, "s.raw", toys(5_000, 3)...)

			// The second request is held back, and the publisher sees no more of it.
			c := client(t, b.ListenAddrs()...)
			held := make(chan []byte, 1)
			requests := 0
			unreliable(c, func(conn net.Conn, request []byte) ([]byte, error) {
				if requests++; requests != 2 {
					return exchange(conn, request)
				}
				held <- request
				return nil, errors.New("killed")
			})
			killed, kill := context.WithCancel(t.Context())
			o := quick(t, c, "raw", file)
			o.GiveUp = time.Nanosecond
			if _, err := Run(killed, o); err == nil {
				t.Fatal("it was not killed")
			}
			kill()
			late := <-held

			// Its successor has looked and is about to send, when the request arrives.
			c = client(t, b.ListenAddrs()...)
			var once sync.Once
			unreliable(c, func(conn net.Conn, request []byte) ([]byte, error) {
				once.Do(func() {
					other, err := net.Dial("tcp", conn.RemoteAddr().String())
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
			o = quick(t, c, "raw", file)
			o.Resume = true
			if same {
				o.Speed = 0
			} else {
				o.Speed = 1000 // the batches are cut elsewhere
			}
			r, err := Run(t.Context(), o)
			t.Logf("the successor: %+v, %v", r, err)
			if err != nil {
				if !errors.Is(err, kafka.OutOfOrderSequenceNumber) {
					t.Fatal(err)
				}
				o = quick(t, client(t, b.ListenAddrs()...), "raw", file)
				o.Resume = true
				if r, err := Run(t.Context(), o); err != nil {
					t.Fatal(r, err)
				}
			}
			exactlyOnce(t, all(t, c, "raw", 1), 5_000)
		})
	}
}
