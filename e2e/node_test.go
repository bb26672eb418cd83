package e2e_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"tapedeck/feed"
	"tapedeck/feed/checkpoint"
	"tapedeck/feed/kafka"
	"tapedeck/feed/venue"
	"tapedeck/server"
	"tapedeck/wire/mirror"
)

// setup says how a streamer is to be. Its fields are what another process can be told.
type setup struct {
	Name        string
	Brokers     []string
	Topics      map[string]topicSetup
	Warmup      time.Duration
	LogEntries  int
	DeadLetters string
	Checkpoints string // a folder, or kafka: and a topic; "": none
	Every       time.Duration
}

type topicSetup struct{ Format, Trades string }

// forever is a warm-up that reaches back to the beginning of any log.
const forever = 50 * 365 * 24 * time.Hour

// streamer puts a streamer together as cmd/streamer does. hold, where not nil, stands between the
// source and the rooms; options change its configuration.
func (s setup) streamer(hold *gate, log io.Writer, options ...func(*server.Config)) (*server.Server, func(context.Context) error, error) {
	var ends []func(context.Context) error
	cluster := kafka.Cluster{Brokers: s.Brokers}
	logger := slog.New(slog.NewTextHandler(log, nil))
	c := server.Config{
		Node: s.Name, Listen: "127.0.0.1:0", Admin: "127.0.0.1:0", Feeds: map[string]server.Feed{},
		Heartbeat: 30 * time.Second, SlowDeadline: time.Minute, CommandsPerSecond: 10000, HandshakesPerSecond: 10000, LogEntries: s.LogEntries,
		DrainWait: -1, DrainSpread: time.Millisecond, Log: logger,
	}
	k := kafka.Config{Cluster: cluster, Warmup: s.Warmup, Log: logger, Refresh: 200 * time.Millisecond}
	for topic, of := range s.Topics {
		format, ok := venue.Lookup(of.Format)
		if !ok {
			return nil, nil, fmt.Errorf("no format %s", of.Format)
		}
		o := feed.DefaultOptions()
		if of.Trades != "" {
			o.Trades = of.Trades
		}
		c.Feeds[topic] = server.Feed{Format: format, Options: o}
		k.Topics = append(k.Topics, kafka.Topic{Name: topic, Format: format})
	}
	if place, inTopic := strings.CutPrefix(s.Checkpoints, "kafka:"); inTopic {
		k, err := kafka.NewCheckpoints(cluster, place, s.Name)
		if err != nil {
			return nil, nil, err
		}
		c.Checkpoints, c.CheckpointEvery = k, s.Every
		ends = append(ends, func(context.Context) error { return k.Close() })
	} else if place != "" {
		c.Checkpoints, c.CheckpointEvery = checkpoint.Folder{Dir: place}, s.Every
	}
	source, err := kafka.New(k)
	if err != nil {
		return nil, nil, err
	}
	c.Source = source
	if hold != nil {
		hold.Source = source
		c.Source = hold
	}
	if s.DeadLetters != "" {
		letters, err := kafka.NewDeadLetters(cluster, s.DeadLetters, logger)
		if err != nil {
			return nil, nil, err
		}
		c.Refused, ends = letters.Refused, append(ends, letters.Close)
	}
	for _, o := range options {
		o(&c)
	}
	srv, err := server.New(c)
	end := func(ctx context.Context) (err error) {
		for _, end := range ends {
			err = errors.Join(err, end(ctx))
		}
		return err
	}
	return srv, end, err
}

// node is a streamer that runs, in this process or another.
type node struct {
	name        string
	addr, admin string
	kill        func() // as kill -9 does; only of one in another process
}

// start runs a streamer in this process, until the test ends.
func (s setup) start(t testing.TB, hold *gate) *node {
	t.Helper()
	srv, end, err := s.streamer(hold, testLog{t, s.Name})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- srv.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if hold != nil {
			hold.open()
		}
		if err := <-done; err != nil {
			t.Errorf("%s: %v", s.Name, err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := end(ctx); err != nil {
			t.Errorf("%s: its end: %v", s.Name, err)
		}
	})
	return &node{name: s.Name, addr: srv.Addr().String(), admin: srv.AdminAddr().String()}
}

// testLog shows what a streamer logs where -v asks for it.
type testLog struct {
	t    testing.TB
	name string
}

func (l testLog) Write(p []byte) (int, error) {
	if testing.Verbose() {
		fmt.Fprintf(os.Stderr, "    %s: %s", l.name, p)
	}
	return len(p), nil
}

// childSetup is the environment's variable that makes this test program a streamer.
const childSetup = "TAPEDECK_E2E_STREAMER"

// spawn runs a streamer in a process of its own, until it is killed or the test ends.
func (s setup) spawn(t testing.TB) *node {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), childSetup+"="+string(mustJSON(s)))
	cmd.Stderr = testLog{t, s.Name}
	alive, err := cmd.StdinPipe() // its end tells the child that we are gone
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	over := false
	kill := func() {
		if !over {
			over = true
			_ = cmd.Process.Kill()
			_ = cmd.Wait() // it was killed, and says so
			alive.Close()
		}
	}
	t.Cleanup(kill)
	n := &node{name: s.Name, kill: kill}
	line, err := bufio.NewReader(out).ReadString('\n')
	if _, scan := fmt.Sscan(line, &n.addr, &n.admin); err != nil || scan != nil {
		t.Fatalf("%s did not start: %q %v", s.Name, line, err)
	}
	return n
}

// beStreamer is the child's main.
func beStreamer(text string) error {
	var s setup
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return err
	}
	srv, _, err := s.streamer(nil, os.Stderr)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // until whoever started us is gone
		cancel()
	}()
	fmt.Println(srv.Addr(), srv.AdminAddr())
	return srv.Run(ctx)
}

// gate is a source whose records can be held back: the node then is behind its log, however fast its
// machine is.
type gate struct {
	feed.Source
	pass chan struct{} // closed: everything passes
	held chan struct{} // closed when a record was held back
	from int64         // offsets from here on are held
	lag  time.Duration // or, where not 0, each of them for so long
}

func newGate(from int64) *gate {
	return &gate{pass: make(chan struct{}), held: make(chan struct{}), from: from}
}

func (g *gate) open() {
	if g.pass == nil {
		return
	}
	select {
	case <-g.pass:
	default:
		close(g.pass)
	}
}

func (g *gate) Run(ctx context.Context, sink feed.Sink) error {
	return g.Source.Run(ctx, gatedSink{sink, g})
}

type gatedSink struct {
	feed.Sink
	gate *gate
}

func (s gatedSink) Open(p feed.Partition, at feed.Start) feed.Log {
	return gatedLog{s.Sink.Open(p, at), s.gate}
}

type gatedLog struct {
	feed.Log
	gate *gate
}

func (l gatedLog) Record(r *feed.Record) {
	switch {
	case r.Offset < l.gate.from:
	case l.gate.lag > 0:
		time.Sleep(l.gate.lag)
	default:
		select {
		case <-l.gate.held:
		default:
			close(l.gate.held)
		}
		<-l.gate.pass
	}
	l.Log.Record(r)
}

var web = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 30 * time.Second}

func get(addr, path string) (int, []byte, error) {
	resp, err := web.Get("http://" + addr + path)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, body, err
}

func (n *node) get(t testing.TB, path string) (int, []byte) {
	t.Helper()
	status, body, err := get(n.addr, path)
	if err != nil {
		t.Fatalf("%s%s: %v", n.name, path, err)
	}
	return status, body
}

// ready waits until the node is.
func (n *node) ready(t testing.TB) *node {
	t.Helper()
	until(t, n.name+" is ready", func() string {
		status, body, err := get(n.addr, "/readyz")
		switch {
		case err != nil:
			return err.Error()
		case status != http.StatusOK:
			return string(body)
		}
		return ""
	})
	return n
}

// truth is a room as a newcomer gets it: by the answer of /v1/snapshot. Where the room is not good it is nil, and the
// state says how it is.
func (n *node) truth(t testing.TB, room string) (*mirror.Room, string) {
	t.Helper()
	status, body := n.get(t, "/v1/snapshot/"+room+"?last=1000")
	switch status {
	case http.StatusOK:
		m := mirror.New()
		if err := m.Frame([]byte("[" + string(body) + "]")); err != nil {
			t.Fatalf("%s: %s: %v", n.name, room, err)
		}
		return m.Room(room), "live"
	case http.StatusConflict:
		var s struct{ State, Reason string }
		if err := json.Unmarshal(body, &s); err != nil {
			t.Fatal(err)
		}
		return nil, s.State + " " + s.Reason
	}
	t.Fatalf("%s: %s: %d %s", n.name, room, status, body)
	return nil, ""
}

// roomInfo is one room of /v1/rooms.
type roomInfo struct {
	Room, State, Reason, Epoch, Topic string
	Covered                           bool
	Seq                               uint64
	Partition                         int32
}

func (n *node) rooms(t testing.TB, match string) map[string]roomInfo {
	t.Helper()
	_, body := n.get(t, "/v1/rooms?match="+match)
	var answer struct{ Rooms []roomInfo }
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Fatal(err)
	}
	rooms := map[string]roomInfo{}
	for _, r := range answer.Rooms {
		rooms[r.Room] = r
	}
	return rooms
}

// natives maps our symbols of a venue to its own.
func (n *node) natives(t testing.TB) map[string]string {
	t.Helper()
	_, body := n.get(t, "/v1/symbols")
	var answer struct {
		Symbols []struct{ Venue, Symbol, Native string }
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Fatal(err)
	}
	names := map[string]string{}
	for _, s := range answer.Symbols {
		names[s.Venue+":"+s.Symbol] = s.Native
	}
	return names
}

// metric sums a metric's series whose labels contain all of labels.
func (n *node) metric(t testing.TB, name string, labels ...string) float64 {
	t.Helper()
	_, body, err := get(n.admin, "/metrics")
	if err != nil {
		t.Fatalf("%s: %v", n.name, err)
	}
	sum := 0.0
series:
	for line := range strings.Lines(string(body)) {
		at := strings.LastIndexByte(line, ' ')
		series, has := strings.CutPrefix(line[:max(at, 0)], name)
		if !has || (series != "" && series[0] != '{') {
			continue
		}
		for _, l := range labels {
			if !strings.Contains(series, l) {
				continue series
			}
		}
		v, err := strconv.ParseFloat(strings.TrimSpace(line[at:]), 64)
		if err != nil {
			t.Fatal(err)
		}
		sum += v
	}
	return sum
}

// applied waits until the node has taken that many records.
func (n *node) applied(t testing.TB, records int) {
	t.Helper()
	until(t, fmt.Sprintf("%s has taken %d records", n.name, records), func() string {
		if have := int(n.metric(t, "tapedeck_feed_records_total")); have < records {
			return fmt.Sprintf("it has taken %d", have)
		}
		return ""
	})
}
