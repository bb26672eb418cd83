package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	kafkago "github.com/segmentio/kafka-go"

	"tapedeck/cmd/flags"
	"tapedeck/feed/clickhouse"
)

// again ends the rig's node and starts another one.
func (r *rig) again(t *testing.T, args ...string) {
	t.Helper()
	if code := r.node.stop(); code != flags.OK {
		t.Fatalf("the node ends with %d: %s", code, r.node.out)
	}
	r.node = inBackground(t, append([]string{"serve", "--brokers", r.Addr(), "--feed", "binance=md", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0",
		"--drain-wait", "0", "--drain-spread", "1ms"}, args...)...)
	var serving struct{ Clients, Admin string }
	eventually(t, "the node's addresses", func() bool {
		for line := range strings.Lines(r.node.out.String()) {
			if strings.Contains(line, `"msg":"serving"`) && json.Unmarshal([]byte(line), &serving) == nil {
				return true
			}
		}
		return false
	})
	r.clients, r.admin = serving.Clients, serving.Admin
}

// A node writes checkpoints when it ends; one that begins there knows what its own warm-up does not reach. Whoever serves
// something else leaves them out, and says why.
func TestServeBeginsAtCheckpoints(t *testing.T) {
	t.Run("folder", func(t *testing.T) { beginsAt(t, "--checkpoints", "folder:"+filepath.Join(t.TempDir(), "checkpoints")) })
	t.Run("kafka", func(t *testing.T) { beginsAt(t, "--checkpoints", "kafka:saved") })
}

// So it is with a real ClickHouse, where nodes write only if they are told to.
func TestClickHouseServeBeginsAtCheckpoints(t *testing.T) {
	db, at := archive(t)
	if err := db.Migrate(t.Context(), clickhouse.Plan{}, func(clickhouse.Step) {}); err != nil {
		t.Fatal(err)
	}
	beginsAt(t, append([]string{"--checkpoints", "clickhouse", "--checkpoint-every", "1m"}, at...)...)
}

func beginsAt(t *testing.T, where ...string) {
	t.Helper()
	r := assemble(t, "--warmup", "0", "--only", "venue:BINANCE")
	w := &kafkago.Client{Addr: kafkago.TCP(r.Addr()), Transport: &kafkago.Transport{}}
	defer w.Transport.(*kafkago.Transport).CloseIdleConnections()
	if _, err := w.CreateTopics(t.Context(), &kafkago.CreateTopicsRequest{Topics: []kafkago.TopicConfig{{Topic: "saved", NumPartitions: 2, ReplicationFactor: 1}}}); err != nil {
		t.Fatal(err)
	}
	r.again(t, where...)
	r.publish(t, 0, "BTCUSDT", trade("BTCUSDT", 1, "64000.10"))
	snapshot := r.clients + "/v1/snapshot/trades:BINANCE:BTC-USDT"
	knows := func() bool { _, text := fetched(t, snapshot); return strings.Contains(text, "64000.10") }
	eventually(t, "the trade", knows)

	r.again(t, append(where, "--warmup", "0")...)
	snapshot = r.clients + "/v1/snapshot/trades:BINANCE:BTC-USDT"
	eventually(t, "the trade from before the node began", knows)
	metric := func(want string) {
		t.Helper()
		if _, text := fetched(t, r.admin+"/metrics"); !strings.Contains(text, want) {
			t.Errorf("the metrics do not have %s", want)
		}
	}
	metric("tapedeck_checkpoints_total{result=\"loaded\"} 1\n") // the other partition is empty
	metric("tapedeck_feed_records_total{partition=\"0\",result=\"decoded\",topic=\"md\"} 0\n")

	r.again(t, append(where, "--snapshot-trades", "10")...)
	eventually(t, "the reason", func() bool { return strings.Contains(r.node.out.String(), "it was made with other settings") })
	eventually(t, "it goes on without", func() bool {
		code, _, _ := runs(t, "healthcheck", "--admin", strings.TrimPrefix(r.admin, "http://"))
		return code == flags.OK
	})
}

func TestCheckpointsThatCannotBe(t *testing.T) {
	for _, args := range [][]string{
		{"--checkpoints", "somewhere"}, {"--checkpoints", "folder:"}, {"--checkpoints", "kafka:md"}, {"--checkpoints", "kafka:a b"},
		{"--checkpoints", "folder:x", "--checkpoint-every", "1ms"}, {"--checkpoint-every", "1m"},
	} {
		code, _, errs := runs(t, append([]string{"serve", "--brokers", "127.0.0.1:1", "--feed", "binance=md", "--listen", "127.0.0.1:0", "--admin", "off"}, args...)...)
		if code != flags.WrongFlags || !strings.Contains(errs, "--checkpoint") {
			t.Errorf("%q: code %d, %s", args, code, errs)
		}
	}
}

// check-config looks at the place, and changes nothing.
func TestCheckConfigLooksAtCheckpoints(t *testing.T) {
	r := assemble(t)
	r.publish(t, 0, "BTCUSDT", trade("BTCUSDT", 1, "64000.10"))
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for where, want := range map[string]string{
		"folder:" + filepath.Join(dir, "a", "b"): "ok       checkpoints: they may be written to ",
		"folder:" + filepath.Join(file, "a"):     "fault    checkpoints: ",
		"folder:" + file:                         "fault    checkpoints: " + file + " is no folder",
		"kafka:nowhere":                          "fault    nowhere: checkpoints could not be kept: topic nowhere does not exist",
		"clickhouse --clickhouse 127.0.0.1:1":    "fault    checkpoints: ClickHouse does not answer",
	} {
		args := append([]string{"check-config", "--brokers", r.Addr(), "--feed", "binance=md", "--checkpoints"}, strings.Fields(where)...)
		code, out, errs := runs(t, args...)
		if fault := strings.HasPrefix(want, "fault"); !strings.Contains(out, want) || fault != (code == flags.WrongConfig) {
			t.Errorf("%s: code %d and %q %s, want %q", where, code, out, errs, want)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "a")); err == nil {
		t.Error("a folder was made")
	}
	if code, out, _ := runs(t, "check-config", "--brokers", r.Addr(), "--feed", "binance=md", "--archive", "clickhouse", "--clickhouse", "127.0.0.1:1"); code != flags.WrongConfig ||
		!strings.Contains(out, "fault    archive: ClickHouse does not answer") {
		t.Errorf("an archive that is not there: code %d %s", code, out)
	}
	if code, _, errs := runs(t, "check-config", "--offline", "--brokers", "k", "--feed", "binance=md", "--checkpoints", "folder"); code != flags.WrongFlags {
		t.Errorf("a place that is none: code %d %s", code, errs)
	}
}
