package publish

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"

	"tapedeck/feed"
	feedkafka "tapedeck/feed/kafka"
	"tapedeck/market"
)

// toy is a format with what a keyer can meet: {"s":"BTC","n":7} is a trade, {"s":"BTC","agg":1} one of the
// other stream, {"ack":1} no market data, {"rest":1} a body whose symbol must be told.
var toy = &feed.Format{Name: "toy", Venue: "TOY", Version: 1, Scope: feed.ScopeSymbol, New: func(o feed.Options) feed.Decoder {
	return &toyDecoder{trades: o.Trades}
}}

type toyDecoder struct{ trades string }

func (d *toyDecoder) Decode(b *market.Batch, r *feed.Record) error {
	var m struct {
		S              string
		Agg, Ack, Rest int
	}
	if err := json.Unmarshal(r.Value, &m); err != nil {
		return feed.BadJSON
	}
	if m.Ack != 0 {
		return feed.Ignored
	}
	if m.Agg != 0 && d.trades != "aggTrade" {
		return feed.Unused
	}
	if m.Rest != 0 && m.S == "" {
		for _, h := range r.Headers {
			if h.Key == "symbol" {
				m.S = string(h.Value)
			}
		}
	}
	if m.S == "" {
		return feed.BadSymbol
	}
	b.Trade(&market.Symbol{Venue: "TOY", Native: m.S, Name: m.S}, 0)
	return nil
}

// broker starts a Kafka in the process.
func broker(t testing.TB, opts ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// client returns a client for the topic raw, as the command makes it.
func client(t testing.TB, addrs ...string) *kafka.Client { return clientOf(t, "raw", addrs...) }

func clientOf(t testing.TB, topic string, addrs ...string) *kafka.Client {
	t.Helper()
	c, err := connect(feedkafka.Cluster{Brokers: addrs}, topic)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Transport.(*kafka.Transport).CloseIdleConnections)
	return c
}

// quick are the options of a quick publication; tests change what they are about.
func quick(t testing.TB, c *kafka.Client, topic string, files ...string) Options {
	return Options{
		Client: c, Topic: topic, Files: files, Format: toy, GiveUp: time.Minute,
		Say: func(format string, args ...any) { t.Logf(format, args...) }, Stats: &Stats{},
	}
}

// write makes a file of lines.
func write(t testing.TB, name string, lines ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// begin is the receive time of the first line of a made session, µs.
const begin = 1_700_000_000_000_000

// toys makes n trades of several symbols, a millisecond apart.
func toys(n, symbols int) (lines []string) {
	for i := range n {
		lines = append(lines, fmt.Sprintf(`%d {"s":"S%d","n":%d}`, begin+i*1000, i%symbols, i))
	}
	return lines
}

// got is a record as the topic has it.
type got struct {
	partition  int
	offset     int64
	time       time.Time
	key, value string
	headers    map[string]string
}

func (g got) line() int64 {
	n, _ := strconv.ParseInt(g.headers[lineHeader], 10, 64)
	return n
}

// all reads a whole topic.
func all(t testing.TB, c *kafka.Client, topic string, partitions int) (list []got) {
	t.Helper()
	ctx := t.Context()
	tl := tail{client: c, topic: topic}
	for p := range partitions {
		first, end, err := tl.bounds(ctx, p)
		if err != nil {
			t.Fatal(err)
		}
		for at := first; at < end; {
			answer, err := c.Fetch(ctx, &kafka.FetchRequest{Topic: topic, Partition: p, Offset: at, MinBytes: 1, MaxBytes: 16 << 20})
			if err == nil {
				err = answer.Error
			}
			if err != nil {
				t.Fatal(err)
			}
			for {
				r, err := answer.Records.ReadRecord()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				if r.Offset < at {
					continue
				}
				key, _ := kafka.ReadAll(r.Key)
				value, _ := kafka.ReadAll(r.Value)
				g := got{partition: p, offset: r.Offset, time: r.Time, key: string(key), value: string(value), headers: map[string]string{}}
				for _, h := range r.Headers {
					g.headers[h.Key] = string(h.Value)
				}
				list = append(list, g)
				at = r.Offset + 1
			}
		}
	}
	return list
}

// exactlyOnce fails unless the topic has each line from 1 to n once, and the lines of each key in their
// order and in one partition.
func exactlyOnce(t testing.TB, list []got, n int64) {
	t.Helper()
	seen := map[int64]int{}
	last, home := map[string]int64{}, map[string]int{}
	for _, g := range list {
		seen[g.line()]++
		if g.line() <= last[g.key] {
			t.Errorf("key %s: line %d comes after %d", g.key, g.line(), last[g.key])
		}
		last[g.key] = g.line()
		if p, known := home[g.key]; known && p != g.partition {
			t.Errorf("key %s is in the partitions %d and %d", g.key, p, g.partition)
		}
		home[g.key] = g.partition
	}
	for line := int64(1); line <= n; line++ {
		if seen[line] != 1 {
			t.Fatalf("line %d is there %d times", line, seen[line])
		}
	}
	if int64(len(list)) != n {
		t.Fatalf("%d records, want %d", len(list), n)
	}
}

// unreliable makes a client's connections do something to produce requests.
func unreliable(c *kafka.Client, do func(conn net.Conn, request []byte) ([]byte, error)) {
	c.Transport.(*kafka.Transport).Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		return &tap{Conn: conn, do: do}, err
	}
}

// tap is a connection whose produce requests go through do: it is called with a whole request, sends it or
// not, and returns what the client shall read as the answer, or the error that it shall see.
type tap struct {
	net.Conn
	do      func(conn net.Conn, request []byte) ([]byte, error)
	request []byte // as far as it was written
	answer  []byte
	failed  error
}

func (t *tap) Write(p []byte) (int, error) {
	t.request = append(t.request, p...)
	if len(t.request) < 6 || len(t.request) < 4+int(binary.BigEndian.Uint32(t.request)) {
		return len(p), nil
	}
	request := t.request
	t.request = nil
	if key := binary.BigEndian.Uint16(request[4:]); key != 0 { // of Produce
		_, err := t.Conn.Write(request)
		return len(p), err
	}
	t.answer, t.failed = t.do(t.Conn, request)
	return len(p), nil
}

func (t *tap) Read(p []byte) (int, error) {
	if t.failed != nil {
		t.Close()
		return 0, t.failed
	}
	if len(t.answer) > 0 {
		n := copy(p, t.answer)
		t.answer = t.answer[n:]
		return n, nil
	}
	return t.Conn.Read(p)
}

// exchange sends a request and waits for its answer.
func exchange(conn net.Conn, request []byte) ([]byte, error) {
	if _, err := conn.Write(request); err != nil {
		return nil, err
	}
	answer := make([]byte, 4)
	if _, err := io.ReadFull(conn, answer); err != nil {
		return nil, err
	}
	answer = append(answer, make([]byte, binary.BigEndian.Uint32(answer))...)
	_, err := io.ReadFull(conn, answer[4:])
	return answer, err
}
