package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/urfave/cli/v2"

	"tapedeck/cmd/flags"
	"tapedeck/cmd/replay/record"
	"tapedeck/feed/clickhouse"
)

// archive is a database of the test's own in the test server, without tables, and the flags that lead to it.
func archive(t *testing.T) (*clickhouse.DB, []string) {
	t.Helper()
	address := os.Getenv("TAPEDECK_TEST_CLICKHOUSE")
	if address == "" {
		t.Skip("TAPEDECK_TEST_CLICKHOUSE names no server: deploy/test-services/clickhouse.sh starts one")
	}
	name := fmt.Sprintf("serve_%d_%d", os.Getpid(), time.Now().UnixNano())
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

// ask returns the status and the text of an answer.
func ask(t *testing.T, address string) (int, string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

// A streamer whose archive has no tables yet serves live all the same, says so, and plays what is recorded once it is: into live,
// also to who asked before.
func TestClickHouseServesAnArchive(t *testing.T) {
	db, at := archive(t)
	r := assemble(t, append([]string{"--archive", "clickhouse"}, at...)...)
	if out := r.node.out.String(); !strings.Contains(out, "replay migrate") {
		t.Errorf("it did not say at the start what the archive lacks: %s", out)
	}
	began, n := time.Now(), 0
	send := func(count int) {
		var values []string
		for range count {
			n++
			values = append(values, trade("BTCUSDT", n, "37000.10"))
		}
		r.publish(t, 0, "BTCUSDT", values...)
	}
	send(200)
	if code, text := ask(t, r.clients+"/v1/archive"); code != http.StatusServiceUnavailable || !strings.Contains(text, "tables are not as expected") {
		t.Errorf("the archive without tables: %d %s", code, text)
	}
	const tape = "trades:BINANCE:BTC-USDT"
	from := began.Add(-time.Minute).UnixMicro()
	early := dial(t, fmt.Sprintf("ws%s/v1/replay?from=%d&to=live&speed=max&rooms=%s", strings.TrimPrefix(r.clients, "http"), from, tape))
	early.sees("that it waits", func() bool { return slices.Contains(early.said[""], "playing") })

	if err := db.Migrate(t.Context(), clickhouse.Plan{}, nil); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	recorded := make(chan int, 1)
	go func() {
		app := &cli.App{Name: "replay", Writer: io.Discard, ErrWriter: io.Discard, Commands: []*cli.Command{record.Command()}}
		args := []string{"replay", "record", "--brokers", r.Addr(), "--feed", "binance=md", "--admin", "off", "--batch-every", "20ms", "--backoff", "200ms"}
		recorded <- flags.Run(ctx, app, append(args, at...))
	}()
	eventually(t, "200 records", func() bool {
		var held uint64
		err := db.Conn().QueryRow(t.Context(), "SELECT toUInt64(count()) FROM "+db.Table("records")).Scan(&held)
		return err == nil && held == 200
	})
	early.sees("live", func() bool { return slices.Contains(early.said[""], "live") })
	stop() // what comes now is in the topic alone
	if code := <-recorded; code != flags.OK {
		t.Errorf("the recorder ended with %d", code)
	}
	send(100)
	early.sees("the newest trade", func() bool { return early.mirror.Room(tape).Seq == 300 })
	early.mu.Lock()
	if slices.ContainsFunc(early.said[tape], func(s string) bool { return strings.HasPrefix(s, "gap") }) {
		t.Errorf("the tape was told %q", early.said[tape])
	}
	early.mu.Unlock()

	to := time.Now().Add(time.Second).UnixMicro()
	code, text := ask(t, fmt.Sprintf("%s/v1/history?rooms=%s&from=%d&to=%d", r.clients, tape, from, to))
	ids := regexp.MustCompile(`"id":"(\d+)"`).FindAllStringSubmatch(text, -1)
	for i, id := range ids {
		if id[1] != fmt.Sprint(i+1) {
			t.Fatalf("trade %d of the history is %s", i+1, id[1])
		}
	}
	if code != http.StatusOK || len(ids) != n {
		t.Errorf("%d: the history has %d trades of %d: %.300s", code, len(ids), n, text)
	}
}
