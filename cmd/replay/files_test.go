package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	"tapedeck/cmd/flags"
)

// A session goes from its files into a real ClickHouse, out of it in every way, and back: nothing of it is lost or changed, and
// one symbol alone is what it is among all.
func TestClickHouseFiles(t *testing.T) {
	_, at := archive(t)
	good := func(args ...string) string {
		t.Helper()
		code, out, errs := run(t, args...)
		if code != flags.OK {
			t.Fatalf("%q ended with %d: %s", args, code, errs)
		}
		return out
	}
	with := func(args ...string) []string { return slices.Concat(args, at) }
	good(with("migrate")...)
	file := recorded(t, "sessions/cryptofeed/binance-coinm.raw.gz")
	first := good(with("import", "--feed", "binance-coinm", file)...)
	again := good(with("import", "--feed", "binance-coinm", file)...)
	rows := regexp.MustCompile(`^[\d,]+ rows`).FindString(first)
	if rows == "" || !strings.Contains(again, "0 written; "+strings.TrimSuffix(rows, " rows")+" were there already") {
		t.Errorf("first: %sthen: %s", first, again)
	}

	// Events, of all symbols and of each alone.
	export := []string{"export", "--logs", "import:binance-coinm", "--trades", "aggTrade"}
	all := strings.Split(strings.TrimSpace(good(with(export...)...)), "\n")
	if direct := good("export", "--capture", file, "--feed", "binance-coinm", "--trades", "aggTrade"); direct != strings.Join(all, "\n")+"\n" {
		t.Errorf("from the files come %d rows, from ClickHouse %d", strings.Count(direct, "\n"), len(all))
	}
	name := regexp.MustCompile(`"venue":"([^"]*)","symbol":"([^"]*)"`)
	of, kinds := map[string][]string{}, map[string]int{}
	for _, line := range all {
		m := name.FindStringSubmatch(line)
		of[m[1]+":"+m[2]] = append(of[m[1]+":"+m[2]], line)
		kinds[line[:14]]++
	}
	if len(of) < 3 || len(kinds) < 3 {
		t.Errorf("%d symbols and %v: the rest says little", len(of), kinds)
	}
	for symbol, want := range of {
		if got := strings.TrimSpace(good(with(append(export, "--symbols", symbol)...)...)); got != strings.Join(want, "\n") {
			t.Errorf("%s alone has %d rows, among all %d", symbol, strings.Count(got, "\n")+1, len(want))
		}
	}

	// Out as a capture and in again.
	raw := filepath.Join(t.TempDir(), "binance-coinm.raw.gz")
	good(with("export", "--raw", "--logs", "import:binance-coinm", "-o", raw)...)
	good(with("import", "--feed", "binance-coinm", "--topic", "again", raw)...)
	back := good(with("export", "--logs", "again", "--trades", "aggTrade")...)
	if got := strings.ReplaceAll(back, `"topic":"again"`, `"topic":"import:binance-coinm"`); got != strings.Join(all, "\n")+"\n" {
		t.Errorf("after a capture of it come %d rows, before %d", strings.Count(back, "\n"), len(all))
	}

	// Into a topic, which holds the records then.
	k, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	sent := good(with("publish", "--brokers", k.ListenAddrs()[0], "--topic", "out", "--speed", "max", "--logs", "import:binance-coinm")...)
	if !strings.HasPrefix(sent, strings.TrimSuffix(rows, " rows")+" records sent") {
		t.Errorf("%s of %s", sent, rows)
	}
	topic := filepath.Join(t.TempDir(), "binance-coinm.raw")
	good("export", "--raw", "--archive", "kafka", "--brokers", k.ListenAddrs()[0], "--feed", "binance-coinm=out", "-o", topic)
	plain := filepath.Join(t.TempDir(), "plain.raw")
	good(with("export", "--raw", "--logs", "import:binance-coinm", "-o", plain)...)
	a, _ := os.ReadFile(topic)
	b, _ := os.ReadFile(plain)
	ms := regexp.MustCompile(`(?m)^(\d{13})\d{3} `)
	if string(a) != ms.ReplaceAllString(string(b), "${1}000 ") || len(a) == 0 {
		t.Errorf("the topic holds %d bytes, the archive %d", len(a), len(b))
	}
}

// recorded is a file of the recorded data.
func recorded(t *testing.T, name string) string {
	t.Helper()
	dir := os.Getenv("TAPEDECK_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	path := filepath.Join(dir, name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("there is no recorded data: TAPEDECK_DATA names where it is: %v", err)
	}
	return path
}
