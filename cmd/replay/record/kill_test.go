package record

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/urfave/cli/v2"

	"tapedeck/cmd/flags"
	"tapedeck/feed"
	clickhousefeed "tapedeck/feed/clickhouse"
)

// TestMain is also the recorder's program, for tests that kill it.
func TestMain(m *testing.M) {
	if os.Getenv("RECORD_TEST_PROGRAM") != "" {
		app := &cli.App{Name: "replay", Commands: []*cli.Command{Command()}}
		os.Exit(flags.Main(app, os.Args))
	}
	os.Exit(m.Run())
}

// world is a Kafka in this process and a database of the test's own in a real ClickHouse.
type world struct {
	t       testing.TB
	brokers string
	db      *clickhousefeed.DB
	address string // of ClickHouse
	name    string // of the database
	client  *kgo.Client
	sent    atomic.Int64
}

const partitions = 3

func newWorld(t testing.TB) *world {
	t.Helper()
	return newWorldAt(t, realClickHouse(t), clickhousefeed.Plan{})
}

// realClickHouse is the server for tests; without one the test is skipped.
func realClickHouse(t testing.TB) string {
	t.Helper()
	address := os.Getenv("TAPEDECK_TEST_CLICKHOUSE")
	if address == "" {
		t.Skip("TAPEDECK_TEST_CLICKHOUSE names no server: deploy/test-services/clickhouse.sh starts one")
	}
	return address
}

func newWorldAt(t testing.TB, address string, plan clickhousefeed.Plan) *world {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(partitions, "t"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	w := &world{t: t, brokers: cluster.ListenAddrs()[0], address: address, name: fmt.Sprintf("record_%d_%d", os.Getpid(), time.Now().UnixNano())}
	if w.client, err = kgo.NewClient(kgo.SeedBrokers(w.brokers), kgo.RecordPartitioner(kgo.ManualPartitioner())); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.client.Close)
	db := w.open(address)
	if err := db.Migrate(t.Context(), plan, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Conn().Exec(context.Background(), "DROP DATABASE "+w.name); err != nil {
			t.Error(err)
		}
	})
	w.db = db
	return w
}

// open opens the database, at whatever address of it.
func (w *world) open(addrs ...string) *clickhousefeed.DB {
	w.t.Helper()
	db, err := clickhousefeed.Open(clickhousefeed.Config{Addrs: addrs, Database: w.name, User: "tapedeck", Password: "secret"})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { db.Close() })
	return db
}

// send writes so many records, each partition in turn. They say nothing that the decoder knows.
func (w *world) send(n int) {
	w.sendAll(n, func(i int64) []byte {
		return fmt.Appendf(nil, `{"t":"trade","s":"S%d","p":"1.5","q":"2","x":%q}`, i%7, strings.Repeat("x", 100))
	})
}

// sendTrades writes so many trades of seven symbols, each of which is in one partition or another.
func (w *world) sendTrades(n int) {
	w.sendAll(n, func(i int64) []byte {
		return fmt.Appendf(nil, `{"t":"trade","venue":"V","symbol":"S%d","id":"%d","px":"1.5","qty":"2"}`, i%7, i)
	})
}

func (w *world) sendAll(n int, value func(i int64) []byte) {
	var list []*kgo.Record
	for range n {
		i := w.sent.Add(1)
		list = append(list, &kgo.Record{Topic: "t", Partition: int32(i % partitions), Key: []byte("k"), Timestamp: time.UnixMilli(1_790_000_000_000 + i*5), Value: value(i)})
	}
	if err := w.client.ProduceSync(w.t.Context(), list...).FirstErr(); err != nil && w.t.Context().Err() == nil {
		w.t.Error(err)
	}
}

// recorder starts the program.
func (w *world) recorder(clickhouse string, more ...string) (*exec.Cmd, *bytes.Buffer) {
	w.t.Helper()
	out := new(bytes.Buffer)
	c := exec.Command(os.Args[0], append([]string{"record", "--brokers", w.brokers, "--feed", "tick=t", "--clickhouse", clickhouse, "--clickhouse-database", w.name,
		"--clickhouse-user", "tapedeck", "--admin", "off", "--batch-every", "20ms", "--batch-rows", "2000", "--backoff", "200ms"}, more...)...)
	c.Env = []string{"RECORD_TEST_PROGRAM=1", "TAPEDECK_CLICKHOUSE_PASSWORD=secret", "PATH=" + os.Getenv("PATH")}
	c.Stdout, c.Stderr = out, out
	if err := c.Start(); err != nil {
		w.t.Fatal(err)
	}
	return c, out
}

// held asks how many rows there are, how many different ones, and whether each log begins at 0 and has no hole.
func (w *world) held() (rows, distinct, span uint64) {
	w.t.Helper()
	err := w.db.Conn().QueryRow(w.t.Context(), "SELECT toUInt64(sum(n)), toUInt64(sum(d)), toUInt64(sum(m)) FROM (SELECT count() AS n, uniqExact(offset) AS d, max(offset) + 1 AS m FROM "+
		w.db.Table("records")+" GROUP BY log)").Scan(&rows, &distinct, &span)
	if err != nil {
		w.t.Fatal(err)
	}
	return rows, distinct, span
}

// complete waits until all that was sent is there, and checks that it is there once.
func (w *world) complete(out *bytes.Buffer) {
	w.t.Helper()
	want := uint64(w.sent.Load())
	for deadline := time.Now().Add(60 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		rows, distinct, span := w.held()
		if distinct >= want {
			if rows != want || distinct != want || span != want {
				w.t.Fatalf("%d rows, %d different, up to %d; %d were sent", rows, distinct, span, want)
			}
			return
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("%d rows, %d different, of %d; the recorder said:\n%s", rows, distinct, want, out)
		}
	}
}

// The recorder is killed 50 times under load; each offset is in the table, and once.
func TestClickHouseKill(t *testing.T) {
	w := newWorld(t)
	kills := 50
	if testing.Short() {
		kills = 10
	}
	ctx, stop := context.WithCancel(t.Context())
	var load sync.WaitGroup
	load.Go(func() {
		for ctx.Err() == nil {
			w.send(500)
			time.Sleep(5 * time.Millisecond)
		}
	})
	moved := 0
	for i := range kills {
		c, _ := w.recorder(w.address)
		before, _, _ := w.held()
		time.Sleep(time.Duration(150+37*i%700) * time.Millisecond)
		c.Process.Kill()
		c.Wait()
		if after, _, _ := w.held(); after > before {
			moved++
		}
	}
	stop()
	load.Wait()
	if moved < kills/4 {
		t.Errorf("only %d of %d runs wrote anything: the kills came too early to say much", moved, kills)
	}
	c, out := w.recorder(w.address)
	w.complete(out)
	c.Process.Signal(os.Interrupt)
	if err := c.Wait(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	t.Logf("%d records, %d of %d runs wrote some", w.sent.Load(), moved, kills)
}

// door stands before ClickHouse: it lets through, holds back what comes, or is shut.
type door struct {
	net.Listener
	to    string
	mu    sync.Mutex
	hold  chan struct{} // nil: open
	conns map[net.Conn]bool
}

func newDoor(t *testing.T, to string) *door {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &door{Listener: l, to: to, conns: map[net.Conn]bool{}}
	go d.serve()
	t.Cleanup(func() { d.release(); l.Close(); d.cut() })
	return d
}

func (d *door) serve() {
	for {
		in, err := d.Accept()
		if err != nil {
			return
		}
		d.mu.Lock()
		to := d.to
		d.mu.Unlock()
		out, err := net.Dial("tcp", to)
		if err != nil {
			in.Close()
			continue
		}
		d.mu.Lock()
		d.conns[in], d.conns[out] = true, true
		d.mu.Unlock()
		go d.pass(in, out)
		go d.pass(out, in)
	}
}

func (d *door) pass(from, to net.Conn) {
	defer from.Close()
	defer to.Close()
	buf := make([]byte, 8<<10)
	for {
		n, err := from.Read(buf)
		d.mu.Lock()
		hold := d.hold
		d.mu.Unlock()
		if hold != nil {
			<-hold
		}
		if err != nil {
			return
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

func (d *door) stall() { d.mu.Lock(); d.hold = make(chan struct{}); d.mu.Unlock() }

func (d *door) release() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.hold != nil {
		close(d.hold)
		d.hold = nil
	}
}

// cut breaks every connection, as a server that restarts does.
func (d *door) cut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for c := range d.conns {
		c.Close()
	}
	clear(d.conns)
}

// ClickHouse is away at the start, stalls, and breaks its connections: nothing is missing, nothing doubled.
func TestClickHouseAway(t *testing.T) {
	w := newWorld(t)
	d := newDoor(t, "127.0.0.1:1") // nobody is there
	c, out := w.recorder(d.Addr().String())
	ended := false
	defer func() {
		if !ended {
			c.Process.Kill()
			c.Wait()
		}
	}()
	w.send(5000)
	time.Sleep(300 * time.Millisecond)
	d.mu.Lock()
	d.to = w.address
	d.mu.Unlock()
	w.complete(out)
	for i := range 20 {
		w.send(3000)
		switch i % 2 {
		case 0:
			time.Sleep(time.Duration(i*3) * time.Millisecond)
			d.cut()
		case 1:
			d.stall()
			w.send(3000)
			time.Sleep(100 * time.Millisecond)
			d.cut()
			d.release()
		}
	}
	d.stall() // for a while, with all that was sent meanwhile
	w.send(20_000)
	time.Sleep(time.Second)
	d.release()
	w.complete(out)
	c.Process.Signal(os.Interrupt)
	if err := c.Wait(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	ended = true
}

// What a server refuses because its table is another one is kept, and sent when the table is right again.
func TestClickHouseResend(t *testing.T) {
	w := newWorld(t)
	dir := t.TempDir()
	exec := func(statement string) {
		t.Helper()
		if err := w.db.Conn().Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	w.send(3000)
	c, out := w.recorder(w.address, "--spool", dir)
	w.complete(out)
	exec("RENAME TABLE " + w.db.Table("records") + " TO " + w.db.Table("elsewhere"))
	w.send(1000)
	kept := func() int { names, _ := filepath.Glob(filepath.Join(dir, "*.ndjson")); return len(names) }
	for deadline := time.Now().Add(30 * time.Second); kept() == 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("nothing is kept: %s", out)
		}
	}
	time.Sleep(300 * time.Millisecond)
	exec("RENAME TABLE " + w.db.Table("elsewhere") + " TO " + w.db.Table("records"))
	w.send(1000)
	wait := func(what string, is func() bool) {
		t.Helper()
		for deadline := time.Now().Add(30 * time.Second); !is(); time.Sleep(20 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("not within 30 s: %s; the recorder said:\n%s", what, out)
			}
		}
	}
	wait("the newest records are there", func() bool { _, _, span := w.held(); return span == 5000 })
	if rows, _, _ := w.held(); rows == 5000 {
		t.Error("nothing was refused")
	}
	logs, err := w.db.Logs(t.Context())
	if err != nil || len(logs) != partitions {
		t.Fatalf("logs %v, %v", logs, err)
	}
	holes := func() (n int64) {
		for _, l := range logs {
			list, err := w.db.Holes(t.Context(), l.LogID, 0, 1<<60)
			if err != nil {
				t.Fatal(err)
			}
			for _, h := range list {
				if n += h.To - h.From; h.Why != feed.LossArchive {
					t.Errorf("%+v", h)
				}
			}
		}
		return n
	}
	if rows, _, _ := w.held(); int64(rows)+holes() != 5000 {
		t.Errorf("%d rows and %d in holes are not 5000", rows, holes())
	}
	c.Process.Signal(os.Interrupt)
	c.Wait()
	c, out = w.recorder(w.address, "--resend", dir)
	if err := c.Wait(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	w.complete(out)
	if n := kept(); n != 0 {
		t.Errorf("%d files stay", n)
	}
	wait("the holes are gone", func() bool { return holes() == 0 })
}
