package export

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/urfave/cli/v2"
	"go.uber.org/goleak"

	"tapedeck/cmd/flags"
	"tapedeck/cmd/replay/publish"
	"tapedeck/feed"
	"tapedeck/feed/capture"
	"tapedeck/feed/feedtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// session is a capture of Binance's: trades, a quote, a book with its snapshot, an acknowledgement, and something bad.
const session = `1700000000000000 {"e":"trade","E":1700000000000,"s":"BTCUSDT","t":1,"p":"37000.10","q":"0.50000000","T":1699999999999,"m":false}
1700000000100000 {"result":null,"id":1}
1700000000200000 {"u":10,"s":"ETHUSDT","b":"2000.1","B":"3","a":"2000.2","A":"4"}
1700000000300000 {"e":"depthUpdate","E":1700000000290,"s":"BTCUSDT","U":8,"u":9,"b":[["37000.00","0"]],"a":[["37000.20","1.5"],["37000.30","2"]]}
1700000000400000 {"e":"trade","E":1700000000400,"s":"BTCUSDT","t":
1700000030000000 {"e":"trade","E":1700000030000,"s":"BTCUSDT","t":2,"p":"37010","q":"1","T":1700000029999,"m":true}
1700000062000000 {"e":"trade","E":1700000062000,"s":"ETHUSDT","t":7,"p":"2001","q":"1","T":1700000062000,"m":true}
1700000063000000 {"e":"trade","E":1700000063000,"s":"BTCUSDT","t":3,"p":"37011","q":"1","T":1700000063000,"m":true}
`

const rest = `1700000000250000 https://api.binance.com/api/v3/depth?symbol=BTCUSDT {"lastUpdateId":7,"bids":[["37000.00","1"]],"asks":[["37000.10","2"]]}
`

func file(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// captured writes the session with its REST answers.
func captured(t testing.TB) string {
	t.Helper()
	path := file(t, "s.raw", session)
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), "s.rest.raw"), []byte(rest), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// run runs the command.
func run(t testing.TB, args ...string) (out, errs string, code int) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	app := &cli.App{Name: "replay", Writer: &stdout, ErrWriter: &stderr, Commands: []*cli.Command{Command()}}
	code = flags.Run(t.Context(), app, append([]string{"replay", "export"}, args...))
	return stdout.String(), stderr.String(), code
}

// must is run where nothing may go wrong.
func must(t testing.TB, args ...string) string {
	t.Helper()
	out, errs, code := run(t, args...)
	if code != flags.OK {
		t.Fatalf("%q ended with %d: %s", args, code, errs)
	}
	return out
}

const head = `"topic":"import:s","partition":0,`

var told = []string{
	`{"kind":"trades","venue":"BINANCE","symbol":"BTC-USDT",` + head + `"offset":0,"part":0,"time":1700000000000000,"clock":0,"vtime":1699999999999000,"price":"37000.10","qty":"0.50000000","side":"buy","id":"1"}`,
	`{"kind":"quotes","venue":"BINANCE","symbol":"ETH-USDT",` + head + `"offset":2,"part":0,"time":1700000000200000,"clock":1700000000200000,"bid":"2000.1","bid_qty":"3","ask":"2000.2","ask_qty":"4"}`,
	`{"kind":"book","venue":"BINANCE","symbol":"BTC-USDT",` + head + `"offset":3,"part":0,"time":1700000000250000,"clock":1700000000250000,"snapshot":true,"side":"bid","price":"37000.00","qty":"1","last":7}`,
	`{"kind":"book","venue":"BINANCE","symbol":"BTC-USDT",` + head + `"offset":3,"part":0,"time":1700000000250000,"clock":1700000000250000,"snapshot":true,"side":"ask","price":"37000.10","qty":"2","last":7}`,
	`{"kind":"book","venue":"BINANCE","symbol":"BTC-USDT",` + head + `"offset":4,"part":0,"time":1700000000300000,"clock":1700000000300000,"vtime":1700000000290000,"snapshot":false,"side":"bid","price":"37000.00","qty":"0","first":8,"last":9}`,
	`{"kind":"book","venue":"BINANCE","symbol":"BTC-USDT",` + head + `"offset":4,"part":0,"time":1700000000300000,"clock":1700000000300000,"vtime":1700000000290000,"snapshot":false,"side":"ask","price":"37000.20","qty":"1.5","first":8,"last":9}`,
	`{"kind":"book","venue":"BINANCE","symbol":"BTC-USDT",` + head + `"offset":4,"part":0,"time":1700000000300000,"clock":1700000000300000,"vtime":1700000000290000,"snapshot":false,"side":"ask","price":"37000.30","qty":"2","first":8,"last":9}`,
	`{"kind":"trades","venue":"BINANCE","symbol":"BTC-USDT",` + head + `"offset":6,"part":0,"time":1700000030000000,"clock":1700000030000000,"vtime":1700000029999000,"price":"37010","qty":"1","side":"sell","id":"2"}`,
	`{"kind":"trades","venue":"BINANCE","symbol":"ETH-USDT",` + head + `"offset":7,"part":0,"time":1700000062000000,"clock":1700000062000000,"vtime":1700000062000000,"price":"2001","qty":"1","side":"sell","id":"7"}`,
	`{"kind":"candles","venue":"BINANCE","symbol":"BTC-USDT",` + head + `"offset":7,"part":0,"time":1700000062000000,"clock":1700000062000000,"start":1699999980000000,"width":60000000,"open":"37000.10","high":"37010","low":"37000.10","close":"37010","volume":"1.50000000","quote_volume":"55510.0500000000","trades":2,"rev":0}`,
	`{"kind":"trades","venue":"BINANCE","symbol":"BTC-USDT",` + head + `"offset":8,"part":0,"time":1700000063000000,"clock":1700000063000000,"vtime":1700000063000000,"price":"37011","qty":"1","side":"sell","id":"3"}`,
}

// Every event is a row, of a book every level, with the three times and every digit.
func TestNDJSON(t *testing.T) {
	path := captured(t)
	got := strings.Split(strings.TrimSpace(must(t, "--capture", path, "--feed", "binance")), "\n")
	for i := range max(len(got), len(told)) {
		if i >= len(got) || i >= len(told) || got[i] != told[i] {
			t.Fatalf("%d rows, want %d; row %d:\n%s\nwant\n%s", len(got), len(told), i, append(got, "")[min(i, len(got))], append(told, "")[min(i, len(told))])
		}
	}
	for args, want := range map[string]string{
		"--rooms trades:BINANCE:BTC-USDT":               "0 7 10",
		"--rooms book:BINANCE:*,quotes:BINANCE:*":       "1 2 3 4 5 6",
		"--rooms book:BINANCE:BTC-USDT":                 "2 3 4 5 6",
		"--symbols BINANCE:ETH-USDT":                    "1 8",
		"--kinds candles":                               "9",
		"--kinds trades --symbols BINANCE:ETH-USDT":     "8",
		"--from 2023-11-14T22:13:20.3Z":                 "4 5 6 7 8 9 10",
		"--to 2023-11-14T22:13:20.3Z":                   "0 1 2 3",
		"--from 2023-11-14T22:13:50Z --to 2023-11-15":   "7 8 9 10",
		"--logs import:s --partition 0 --kinds candles": "9",
	} {
		var rows []string
		for _, line := range strings.Split(strings.TrimSpace(must(t, append(strings.Fields(args), "--capture", path, "--feed", "binance")...)), "\n") {
			rows = append(rows, fmt.Sprint(slices.Index(told, line)))
		}
		if got := strings.Join(rows, " "); got != want {
			t.Errorf("%s: the rows %s, want %s", args, got, want)
		}
	}
}

// CSV and Parquet hold what NDJSON does, column for column.
func TestSameInAllFormats(t *testing.T) {
	path := captured(t)
	for _, kind := range []string{"trades", "quotes", "book", "candles"} {
		args := []string{"--capture", path, "--feed", "binance", "--kinds", kind}
		var want []map[string]string
		for _, line := range told {
			d, row, one := json.NewDecoder(strings.NewReader(line)), map[string]any{}, map[string]string{}
			d.UseNumber()
			if err := d.Decode(&row); err != nil {
				t.Fatal(err)
			}
			if row["kind"] != kind {
				continue
			}
			delete(row, "kind")
			for k, v := range row {
				one[k] = fmt.Sprint(v)
			}
			want = append(want, one)
		}
		same(t, kind+" in CSV", fromCSV(t, must(t, append(args, "--format", "csv")...)), want)
		out := filepath.Join(t.TempDir(), "x.parquet")
		must(t, append(args, "-o", out)...)
		same(t, kind+" in Parquet", fromParquet(t, out), want)
	}
}

func same(t *testing.T, what string, got, want []map[string]string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d rows, want %d", what, len(got), len(want))
	}
	for i := range got {
		if !maps.Equal(got[i], want[i]) {
			t.Errorf("%s: row %d is\n%v\nwant\n%v", what, i, got[i], want[i])
		}
	}
}

func fromCSV(t *testing.T, text string) (rows []map[string]string) {
	t.Helper()
	lines, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines[1:] {
		row := map[string]string{}
		for i, v := range line {
			if v != "" {
				row[lines[0][i]] = v
			}
		}
		rows = append(rows, row)
	}
	return rows
}

func fromParquet(t *testing.T, path string) (rows []map[string]string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := parquet.OpenFile(bytes.NewReader(text), int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	if c := f.Root().Column("time"); c.Type().LogicalType().String() != "TIMESTAMP(isAdjustedToUTC=true,unit=MICROS)" {
		t.Errorf("a time is a %s", c.Type().LogicalType())
	}
	for _, g := range f.RowGroups() {
		in := g.Rows()
		buf := make([]parquet.Row, 3)
		for {
			n, err := in.ReadRows(buf)
			for _, r := range buf[:n] {
				row := map[string]string{}
				for _, v := range r {
					if !v.IsNull() {
						row[f.Schema().Columns()[v.Column()][0]] = v.String()
					}
				}
				rows = append(rows, row)
			}
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		in.Close()
	}
	return rows
}

// records reads a capture as an archive has it, a text each: without the offset, and with the key that readers of captures find.
func recordsOf(t testing.TB, format string, paths ...string) (list []string) {
	t.Helper()
	m, err := capture.OpenMerged(paths...)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	f, err := flags.Format(flags.Formats(cli.NewContext(&cli.App{}, nil, nil)), format)
	if err != nil {
		t.Fatal(err)
	}
	keys := publish.NewKeyer(f, "", true)
	for {
		msg, err := m.Next()
		if err == io.EOF {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		k, err := keys.Key(&msg)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, fmt.Sprintf("%d %s %s %s", msg.Time, k.Symbol, k.Key, msg.Data))
	}
}

// What --raw writes is read back as the capture that it is of: every record with its time, value, key and header.
func TestRawRoundTrip(t *testing.T) {
	path := captured(t)
	want := recordsOf(t, "binance", path, filepath.Join(filepath.Dir(path), "s.rest.raw"))
	out := filepath.Join(t.TempDir(), "out", "s.raw.gz") // the name of the session is the key of what has no symbol
	if err := os.Mkdir(filepath.Dir(out), 0o700); err != nil {
		t.Fatal(err)
	}
	must(t, "--raw", "--capture", path, "--feed", "binance", "-o", out)
	if got := recordsOf(t, "binance", out); !slices.Equal(got, want) {
		t.Errorf("it reads\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(out), "*.part")); len(left) > 0 {
		t.Errorf("%v is left over", left)
	}
	// One symbol: its records, and those of none.
	got := must(t, "--raw", "--capture", path, "--feed", "binance", "--symbols", "BINANCE:ETH-USDT")
	if n := strings.Count(got, "\n"); n != 4 || strings.Contains(got, `"BTCUSDT","t":1`) || strings.Count(got, `"s":"ETHUSDT"`) != 2 {
		t.Errorf("one symbol's records are\n%s", got)
	}
}

// What a line cannot hold is said, not lost without a word.
func TestRawLeavesOut(t *testing.T) {
	config := file(t, "tapedeck.yaml", "mappings:\n  lines:\n    format: csv\n    venue: X\n    symbol: {is: S}\n    messages:\n      - trade: {price: 1, size: 2}\n")
	path := file(t, "x.raw", "1700000000000000 1,2\n1700000000100000 http://a b\n1700000000200000 1,3\n")
	out := must(t, "--config", config, "--raw", "--capture", path, "--feed", "lines")
	if want := "1700000000000000 1,2\n1700000000100000 b\n1700000000200000 1,3\n"; out != want {
		t.Errorf("it wrote %q, want %q", out, want)
	}
	l := &rawLog{raw: &raw{symbols: map[string]string{}}}
	for want, r := range map[string]feed.Record{
		"its time":      {Time: 1, Value: []byte("x")},
		"no value":      {Time: 1700000000000000},
		"several lines": {Time: 1700000000000000, Value: []byte("a\nb")},
		"an address":    {Time: 1700000000000000, Value: []byte("http://x")},
		"blank":         {Time: 1700000000000000, Value: []byte(" \t")},
	} {
		if _, err := l.write(&r); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", r.Value, err, want)
		}
	}
}

// A recorded session, cut at random places: the parts, put together, are the whole.
func TestPartsAreTheWhole(t *testing.T) {
	path := feedtest.Data(t, "sessions/cryptofeed/binance-usdm.raw.gz")
	args := []string{"--capture", path, "--feed", "binance-usdm", "--trades", "aggTrade"}
	whole := must(t, args...)
	first := strings.SplitN(whole, `"time":`, 2)[1][:16]
	var begin int64
	fmt.Sscan(first, &begin)
	var parts strings.Builder
	from := ""
	for _, after := range []time.Duration{3 * time.Second, 3100 * time.Millisecond, 17 * time.Second, time.Hour} {
		at := time.UnixMicro(begin).Add(after).UTC().Format(time.RFC3339Nano)
		part := append(slices.Clone(args), "--to", at)
		if from != "" {
			part = append(part, "--from", from)
		}
		out, errs, code := run(t, part...)
		if code != flags.OK && !strings.Contains(errs, "nothing of this") {
			t.Fatal(errs)
		}
		parts.WriteString(out)
		from = at
	}
	if got := parts.String(); got != whole {
		t.Errorf("the parts have %d lines, the whole %d", strings.Count(got, "\n"), strings.Count(whole, "\n"))
	}
}

// What was published into a topic comes out of it again.
func TestFromKafka(t *testing.T) {
	k, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "md"))
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	path := captured(t)
	app := &cli.App{Name: "replay", Writer: io.Discard, ErrWriter: io.Discard, Commands: []*cli.Command{publish.Command()}}
	if code := flags.Run(t.Context(), app, []string{"replay", "publish", "--brokers", k.ListenAddrs()[0], "--topic", "md", "--feed", "binance", "--speed", "max", "--all", path}); code != flags.OK {
		t.Fatalf("publish ended with %d", code)
	}
	want := recordsOf(t, "binance", path, filepath.Join(filepath.Dir(path), "s.rest.raw"))
	out := filepath.Join(t.TempDir(), "s.raw")
	must(t, "--raw", "--archive", "kafka", "--brokers", k.ListenAddrs()[0], "--feed", "binance=md", "-o", out)
	got := recordsOf(t, "binance", out)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("out of the topic come\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestMistakes(t *testing.T) {
	path := captured(t)
	for _, tt := range []struct {
		args string
		code int
		want string
	}{
		{"", flags.WrongFlags, "--clickhouse"},
		{"--capture " + path, flags.WrongFlags, "--feed"},
		{"--capture missing --feed binance", flags.WrongConfig, "missing"},
		{"--capture " + path + " --feed binanse", flags.WrongFlags, "binanse"},
		{"--capture " + path + " --feed binance --format csv", flags.WrongFlags, "one kind"},
		{"--capture " + path + " --feed binance --format xml", flags.WrongFlags, "--format"},
		{"--capture " + path + " --feed binance --kinds tickers", flags.WrongFlags, "--kinds"},
		{"--capture " + path + " --feed binance --rooms book:BINANCE:BTC-USDT@20", flags.WrongFlags, "--rooms"},
		{"--capture " + path + " --feed binance --rooms book:BINANCE:* --kinds book", flags.WrongFlags, "leave them out"},
		{"--capture " + path + " --feed binance --from yesterday", flags.WrongFlags, "--from"},
		{"--capture " + path + " --feed binance --from 2024-01-02 --to 2024-01-01", flags.WrongFlags, "not after"},
		{"--capture " + path + " --feed binance --from 2024-01-02", flags.WrongConfig, "nothing of this"},
		{"--capture " + path + " --feed binance --raw --format csv", flags.WrongFlags, "--raw"},
		{"--capture " + path + " --feed binance --kinds book -o x.parquet.gz", flags.WrongFlags, ".gz"},
		{"--capture " + path + " --feed binance --kinds book -o missing/x.csv", flags.WrongConfig, "missing"},
		{"--archive kafka --brokers 127.0.0.1:1 --feed binance", flags.WrongFlags, "FORMAT=TOPIC"},
		{"--archive tape", flags.WrongFlags, "--archive"},
	} {
		if out, errs, code := run(t, strings.Fields(tt.args)...); code != tt.code || !strings.Contains(errs, tt.want) {
			t.Errorf("%q ended with %d: %.200s%s", tt.args, code, out, errs)
		}
	}
}

// A file of another's is there until ours is whole.
func TestFileIsWhole(t *testing.T) {
	path := captured(t)
	out := file(t, "x.ndjson.gz", "before")
	if _, _, code := run(t, "--capture", path, "--feed", "binance", "--from", "2024-01-02", "-o", out); code == flags.OK {
		t.Fatal("it went well")
	}
	if text, err := os.ReadFile(out); string(text) != "before" || err != nil {
		t.Errorf("the file has %q, %v", text, err)
	}
	must(t, "--capture", path, "--feed", "binance", "-o", out)
	f, err := os.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(z); err != nil || strings.TrimSpace(string(text)) != strings.Join(told, "\n") {
		t.Errorf("the file has %d bytes, %v", len(text), err)
	}
}
