package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lxzan/gws"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"tapedeck/cmd/flags"
	"tapedeck/feed/clickhouse"
	"tapedeck/wire/mirror"
)

// output is what a command prints while it runs.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// archive is a database of the test's own in the test server, without tables, and the flags that lead to it.
func archive(t *testing.T) (*clickhouse.DB, []string) {
	t.Helper()
	address := os.Getenv("TAPEDECK_TEST_CLICKHOUSE")
	if address == "" {
		t.Skip("TAPEDECK_TEST_CLICKHOUSE names no server: deploy/test-services/clickhouse.sh starts one")
	}
	name := fmt.Sprintf("replay_%d_%d", os.Getpid(), time.Now().UnixNano())
	db, err := clickhouse.Open(clickhouse.Config{Addrs: []string{address}, Database: name, User: "tapedeck", Password: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Conn().Exec(context.Background(), "DROP DATABASE IF EXISTS "+name); err != nil {
			t.Error(err)
		}
		db.Close()
	})
	return db, []string{"--clickhouse", address, "--clickhouse-database", name, "--clickhouse-user", "tapedeck", "--clickhouse-password", "secret"}
}

// run runs a command to its end.
func run(t *testing.T, args ...string) (code int, out, err string) {
	t.Helper()
	var stdout, stderr output
	app := newApp()
	app.Writer, app.ErrWriter = &stdout, &stderr
	code = flags.Run(t.Context(), app, append([]string{"replay"}, args...))
	return code, stdout.String(), stderr.String()
}

// socketAt finds the address that replay serve shows.
var socketAt = regexp.MustCompile(`(ws://[^?]*/v1/replay)\?`)

// background runs a command until it is stopped.
func background(t *testing.T, args ...string) (out *output, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out = &output{}
	ended := make(chan int, 1)
	go func() {
		app := newApp()
		app.Writer, app.ErrWriter = out, out
		ended <- flags.Run(ctx, app, append([]string{"replay"}, args...))
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		if code := <-ended; code != flags.OK {
			t.Errorf("%s ended with %d: %s", args[0], code, out)
		}
	})
	t.Cleanup(stop)
	return out, stop
}

func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it did not come: %s", what)
		}
	}
}

// viewer is a client that holds what it hears against the protocol.
type viewer struct {
	gws.BuiltinEventHandler
	mu     sync.Mutex
	known  *mirror.Mirror
	end    *ending
	broken error
}

func (v *viewer) OnMessage(_ *gws.Conn, m *gws.Message) {
	defer m.Close()
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.known.Frame(bytes.Clone(m.Bytes())); err != nil && v.broken == nil {
		v.broken = err
	}
}

// ending is what a replay says last.
type ending struct {
	Entries int
	Hash    string
}

// watch connects a viewer until the replay's end.
func watch(t *testing.T, address string) *viewer {
	t.Helper()
	v := &viewer{known: mirror.New()}
	v.known.Message = func(m *mirror.Message, _ *mirror.Room) {
		if m.T == "status" && m.State == "end" {
			v.end = &ending{}
			_ = json.Unmarshal(m.Raw, v.end)
		}
	}
	conn, _, err := gws.NewClient(v, &gws.ClientOption{Addr: address})
	if err != nil {
		t.Fatal(err)
	}
	var reading sync.WaitGroup
	reading.Go(conn.ReadLoop)
	defer reading.Wait()
	defer conn.NetConn().Close()
	eventually(t, "the end", func() bool { v.mu.Lock(); defer v.mu.Unlock(); return v.end != nil || v.broken != nil })
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.broken != nil {
		t.Error(v.broken)
	}
	return v
}

// From Kafka into ClickHouse and to a client: each trade once, and ls and gaps say what there is.
func TestClickHouseWhole(t *testing.T) {
	db, at := archive(t)
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "md"))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	const n = 3000
	var list []*kgo.Record
	for i := range n {
		list = append(list, &kgo.Record{Topic: "md", Partition: int32(i % 2), Key: []byte("k"), Timestamp: time.UnixMilli(1_790_000_000_000 + int64(i)*100),
			Value: fmt.Appendf(nil, `{"t":"trade","venue":"DESK","symbol":"S%d","id":"%d","px":"1.50","qty":"2"}`, i%2, i)})
	}
	if err := client.ProduceSync(t.Context(), list...).FirstErr(); err != nil {
		t.Fatal(err)
	}

	if code, _, said := run(t, append([]string{"ls"}, at...)...); code != flags.WrongConfig || !strings.Contains(said, "replay migrate") {
		t.Errorf("ls without tables ends with %d: %s", code, said)
	}
	if code, _, said := run(t, append([]string{"serve", "--listen", "127.0.0.1:0"}, at...)...); code != flags.WrongConfig || !strings.Contains(said, "replay migrate") {
		t.Errorf("serve without tables ends with %d: %s", code, said)
	}
	if code, _, said := run(t, append([]string{"migrate"}, at...)...); code != flags.OK {
		t.Fatalf("migrate ends with %d: %s", code, said)
	}
	_, stop := background(t, append([]string{"record", "--brokers", cluster.ListenAddrs()[0], "--feed", "tick=md", "--admin", "off", "--batch-every", "20ms"}, at...)...)
	eventually(t, "all records", func() bool {
		var held uint64
		return db.Conn().QueryRow(t.Context(), "SELECT toUInt64(count()) FROM "+db.Table("records")).Scan(&held) == nil && held == n
	})
	stop()

	code, text, _ := run(t, append([]string{"ls", "--json", "--symbol", "DESK:S1"}, at...)...)
	var day struct {
		Day, Topic             string
		Records, Trades, Bytes int64
		Symbols                []struct{ Symbol string }
	}
	if err := json.Unmarshal([]byte(text), &day); err != nil || code != flags.OK || day.Day != "2026-09-21" || day.Topic != "md" || day.Records != n/2 || day.Trades != n/2 || len(day.Symbols) != 1 {
		t.Errorf("ls: %d %s %v", code, text, err)
	}
	if code, text, _ := run(t, append([]string{"gaps", "--strict"}, at...)...); code != flags.OK || strings.Contains(text, "unknown") {
		t.Errorf("gaps where there are none: %d %s", code, text)
	}

	out, _ := background(t, append([]string{"serve", "--listen", "127.0.0.1:0", "--log-level", "error"}, at...)...)
	var socket string
	eventually(t, "its address", func() bool {
		m := regexp.MustCompile(`'(ws://[^']*?/v1/replay)`).FindStringSubmatch(out.String())
		if m != nil {
			socket = m[1]
		}
		return m != nil
	})
	const rooms = "trades:DESK:S0,trades:DESK:S1,candles:DESK:S0@1m"
	first := watch(t, socket+"?from=2026-09-21T00:00:00Z&speed=max&interval=0&rooms="+rooms)
	again := watch(t, socket+"?from=2026-09-21T00:00:00Z&speed=max&interval=100ms&rooms="+rooms)
	if first.end.Entries < n || *first.end != *again.end {
		t.Errorf("it ended with %+v, then with %+v", first.end, again.end)
	}
	history := "http" + strings.TrimSuffix(strings.TrimPrefix(socket, "ws"), "replay") + "history?from=2026-09-21T00:00:00Z&rooms=trades:DESK:S0,trades:DESK:S1"
	answer, err := http.Get(history)
	if err != nil {
		t.Fatal(err)
	}
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	defer answer.Body.Close()
	all, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]int{}
	for _, m := range regexp.MustCompile(`"id":"(\d+)"`).FindAllStringSubmatch(string(all), -1) {
		told[m[1]]++
	}
	for i := range n {
		if told[fmt.Sprint(i)] != 1 {
			t.Fatalf("trade %d was told %d times", i, told[fmt.Sprint(i)])
		}
	}

	if err := db.Conn().Exec(t.Context(), "ALTER TABLE "+db.Table("records")+" DROP PARTITION '2026-09-21'"); err != nil {
		t.Fatal(err)
	}
	code, text, said := run(t, append([]string{"gaps", "--strict", "--day", "2026-09-21"}, at...)...)
	if code != flags.Failed || strings.Count(text, "unknown") != 2 || !strings.Contains(said, fmt.Sprintf("%d offsets are missing", n)) {
		t.Errorf("gaps where all is gone: %d %s %s", code, text, said)
	}
}

// Somebody else's tables are trades and books of rooms, of all symbols or of one alone.
func TestClickHouseServesQueries(t *testing.T) {
	db, at := archive(t)
	for _, statement := range []string{
		"CREATE DATABASE " + db.Database(),
		"CREATE TABLE " + db.Table("fills") + " (ts DateTime, sym String, px Decimal(18, 2), qty Float64, buyer UInt8, n UInt64) ENGINE = Log",
		"CREATE TABLE " + db.Table("tops") + " (us Int64, sym String, side String, px String, qty String, whole UInt8) ENGINE = Log",
		"INSERT INTO " + db.Table("fills") + " SELECT toDateTime(1790000000 + intDiv(number, 4)), concat('S', toString(number % 2)), toDecimal64(toString(100 + number % 7), 2), 0.5, toUInt8(number % 2), number FROM system.numbers LIMIT 2000",
		"INSERT INTO " + db.Table("tops") + " SELECT 1790000000000000 + intDiv(toInt64(number), 2) * 1000000, 'S0', if(number % 2 = 0, 'bid', 'ask'), toString(100 + number % 2), toString(number + 1), toUInt8(number < 2) FROM system.numbers LIMIT 600",
	} {
		if err := db.Conn().Exec(t.Context(), statement); err != nil {
			t.Fatalf("%v: %s", err, statement)
		}
	}
	bad := append([]string{"serve", "--listen", "127.0.0.1:0", "--query", "SELECT ts AS time, sym AS symbol, px AS price FROM " + db.Table("fills")}, at...)
	if code, _, said := run(t, bad...); code != flags.WrongConfig || !strings.Contains(said, "no column size") {
		t.Errorf("a query without sizes ends with %d: %s", code, said)
	}
	out, _ := background(t, append([]string{"serve", "--listen", "127.0.0.1:0", "--log-level", "error", "--query-venue", "DESK", "--query-kind", "trades", "--query-kind", "books",
		"--query", "SELECT ts AS time, sym AS symbol, px AS price, qty AS size, if(buyer, 'buy', 'sell') AS side, n AS id FROM " + db.Table("fills") + " WHERE toUnixTimestamp(ts) >= intDiv({from}, 1000000) AND toUnixTimestamp(ts) <= intDiv({to}, 1000000)",
		"--query", "SELECT us AS time, sym AS symbol, side, px AS price, qty AS size, whole AS snapshot FROM " + db.Table("tops")}, at...)...)
	var socket string
	eventually(t, "its address", func() bool {
		if m := regexp.MustCompile(`'(ws://[^']*?/v1/replay)\?from=[^']*rooms=trades:DESK:`).FindStringSubmatch(out.String()); m != nil {
			socket = m[1]
		}
		return socket != ""
	})
	const range_ = "?from=2026-09-21T00:00:00Z&speed=max&interval=0&rooms="
	all := watch(t, socket+range_+"trades:DESK:*,book:DESK:S0")
	again := watch(t, socket+range_+"trades:DESK:*,book:DESK:S0")
	if *all.end != *again.end || all.end.Entries != 2*500+300 {
		t.Errorf("it ended with %+v, then with %+v", all.end, again.end)
	}
	bid, bidQty, ask, askQty := all.known.Rooms["book:DESK:S0"].Best()
	if got := strings.Join([]string{bid, bidQty, ask, askQty}, " "); got != "100 599 101 600" {
		t.Errorf("the book ends as %s", got)
	}
	trades := all.known.Rooms["trades:DESK:S1"].Trades
	last := trades[len(trades)-1]
	if len(trades) < 50 || last.Qty != "0.5" || last.Side != "buy" || last.ID != "1999" {
		t.Errorf("the last of %d trades is %+v", len(trades), last)
	}
	alone, wide := watch(t, socket+range_+"trades:DESK:S1,candles:DESK:S1@1m"), watch(t, socket+range_+"trades:DESK:S1,candles:DESK:S1@1m,trades:DESK:S0")
	if got, want := alone.known.Rooms["candles:DESK:S1@1m"].Differ(wide.known.Rooms["candles:DESK:S1@1m"]), ""; got != want {
		t.Errorf("candles of one symbol alone and beside another: %s", got)
	}
	code, csv, said := run(t, append([]string{"export", "--format", "csv", "--kinds", "trades", "--symbols", "DESK:S1", "--query-venue", "DESK",
		"--query", "SELECT ts AS time, sym AS symbol, px AS price, qty AS size FROM " + db.Table("fills")}, at...)...)
	if rows := strings.Count(csv, "DESK"); code != flags.OK || rows != 1000 {
		t.Errorf("an export of one symbol of a query has %d rows and ends with %d: %s", rows, code, said)
	}
}
