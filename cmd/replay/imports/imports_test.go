package imports

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"
	"github.com/urfave/cli/v2"
	"go.uber.org/goleak"

	"tapedeck/cmd/flags"
	"tapedeck/feed"
	"tapedeck/feed/clickhouse"
	"tapedeck/feed/feedtest"
	"tapedeck/feed/tape"
	"tapedeck/feed/venue"
	"tapedeck/market"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// memory is a table that ends with the test. It refuses a record that it has, or that skips one without a hole.
type memory struct {
	t     testing.TB
	stop  func(rows int) // is called with how many rows were written in all
	mu    sync.Mutex
	rows  map[feed.LogID][]clickhouse.Row
	holes map[feed.LogID][]feed.Hole
	sum   int
	trade map[string]clickhouse.Trade // by log and offset
	bars  map[string]clickhouse.Candle
	tape  *tape.Tape
}

func newMemory(t testing.TB) *memory {
	return &memory{
		t: t, rows: map[feed.LogID][]clickhouse.Row{}, holes: map[feed.LogID][]feed.Hole{},
		trade: map[string]clickhouse.Trade{}, bars: map[string]clickhouse.Candle{}, tape: tape.New(1 << 30),
	}
}

func (m *memory) Tail(_ context.Context, l feed.LogID, warm time.Duration) (t clickhouse.Tail, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	rows := m.rows[l]
	if len(rows) == 0 {
		return t, nil
	}
	t.Held, t.Next, t.At = true, rows[len(rows)-1].Offset+1, clickhouse.ClockAfter(rows)
	t.Clock = t.At.Now() - warm.Microseconds()
	t.Warm = max(rows[slices.IndexFunc(rows, func(r clickhouse.Row) bool { return r.Clock >= t.Clock })].Offset-64, 0)
	return t, nil
}

func (m *memory) Settle(context.Context, *clickhouse.Batch) error { return nil }
func (m *memory) Holes(context.Context, *clickhouse.Batch) error  { return nil }

func (m *memory) Write(ctx context.Context, b *clickhouse.Batch) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, h := range b.Holes {
		if id := b.Logs[h.Log]; !slices.Contains(m.holes[id], h.Hole) {
			m.holes[id] = append(m.holes[id], h.Hole)
		}
	}
	for _, t := range b.Trades {
		m.trade[fmt.Sprint(b.Logs[t.Log].Topic, " ", t.Offset, " ", t.Index)] = t
	}
	for _, k := range b.Candles {
		m.bars[fmt.Sprint(k.Symbol, " ", k.Start)] = k
	}
	for i := range b.Records {
		r, id := b.Records[i], b.Logs[b.Records[i].Log]
		if have := m.rows[id]; len(have) > 0 && r.Offset <= have[len(have)-1].Offset {
			m.t.Errorf("record %d of %s is written after %d", r.Offset, id.Topic, have[len(have)-1].Offset)
		}
		m.tape.Append(id, &feed.Record{Offset: r.Offset, Time: r.Time, Key: r.Key, Value: r.Value, Headers: r.Headers})
		r.Key, r.Value = bytes.Clone(r.Key), bytes.Clone(r.Value)
		r.Headers = slices.Clone(r.Headers)
		for i := range r.Headers {
			r.Headers[i].Value = bytes.Clone(r.Headers[i].Value)
		}
		m.rows[id] = append(m.rows[id], r)
	}
	if m.sum += len(b.Records); m.stop != nil {
		m.stop(m.sum)
	}
	return nil
}

// told are the rows of a log, a line each.
func (m *memory) told(topic string) (list []string) {
	for id, rows := range m.rows {
		if id.Topic != topic {
			continue
		}
		for _, r := range rows {
			text := fmt.Sprintf("%d %d %s %s", r.Offset, r.Time, r.Key, r.Value)
			for _, h := range r.Headers {
				text += fmt.Sprintf(" %s=%s", h.Key, h.Value)
			}
			list = append(list, text)
		}
		for _, h := range m.holes[id] {
			list = append(list, fmt.Sprintf("hole %d-%d %s", h.From, h.To, h.Why))
		}
	}
	return list
}

// into imports what a command line says into a table, and returns what was said of rows.
func into(t testing.TB, ctx context.Context, m *memory, args ...string) (r Result, said string, err error) {
	t.Helper()
	cmd := Command()
	cmd.Action = func(c *cli.Context) error {
		o, err := options(c)
		if err != nil {
			return err
		}
		o.Recorder.Table, o.Archive, o.Recorder.Log = m, m.tape, slog.New(slog.DiscardHandler)
		o.Recorder.Limits.Rows, o.Recorder.Limits.Every = 16, time.Millisecond
		o.Recorder.Drain = time.Minute
		o.Say = func(format string, args ...any) { said += fmt.Sprintf(format, args...) + "\n" }
		r, err = Run(c.Context, o)
		return err
	}
	var out bytes.Buffer
	app := &cli.App{Name: "replay", Writer: io.Discard, ErrWriter: &out, Commands: []*cli.Command{cmd}}
	if code := flags.Run(ctx, app, append([]string{"replay", "import"}, args...)); code != flags.OK {
		err = errors.New(strings.TrimSpace(out.String()))
	}
	return r, said, err
}

// dry runs the command itself with --dry-run.
func dry(t testing.TB, args ...string) (out, errs string, code int) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	app := &cli.App{Name: "replay", Writer: &stdout, ErrWriter: &stderr, Commands: []*cli.Command{Command()}}
	code = flags.Run(t.Context(), app, append([]string{"replay", "import", "--dry-run"}, args...))
	return stdout.String(), stderr.String(), code
}

const tradesColumns = "--columns=time=ts,symbol=sym,price=px,size=qty,side=side,id=id"

var tradesArgs = []string{tradesColumns, "--time-unit=ms", "--venue=DESK", "--sides=B=buy,S=sell"}

var ticksWanted = []string{
	`0 1700000000000000 DESK:BTC-USD {"t":"trade","venue":"DESK","symbol":"BTC-USD","ts":1700000000000000,"px":"37000.10","qty":"0.5","side":"buy","id":"1"}`,
	`1 1700000000500000 DESK:BTC-USD {"t":"trade","venue":"DESK","symbol":"BTC-USD","ts":1700000000500000,"px":"37000.2","qty":"1","side":"sell","id":"2"}`,
	`2 1700000001000000 DESK:ETH-USD {"t":"trade","venue":"DESK","symbol":"ETH-USD","ts":1700000001000000,"px":"2000","qty":"0.25","side":"buy","id":"3"}`,
	`3 1700000000900000 DESK:BTC-USD {"t":"trade","venue":"DESK","symbol":"BTC-USD","ts":1700000000900000,"px":"37000.3","qty":"2","side":"unknown","id":"4"}`,
	`4 1700000055000000 DESK:BTC-USD {"t":"trade","venue":"DESK","symbol":"BTC-USD","ts":1700000055000000,"px":"37001","qty":"1","side":"buy","id":"5"}`,
}

// A simple table becomes records of the tick format, exact to the digit, with what is recorded beside them.
func TestColumns(t *testing.T) {
	m := newMemory(t)
	r, said, err := into(t, t.Context(), m, append(tradesArgs, "testdata/trades.csv")...)
	if err != nil || said != "" || r.Rows != 5 || r.Written != 5 || r.Late != 1 || r.Latest != 100*time.Millisecond {
		t.Fatalf("%+v, %q, %v", r, said, err)
	}
	if got := m.told("import:trades"); !slices.Equal(got, ticksWanted) {
		t.Errorf("the table has\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(ticksWanted, "\n"))
	}
	for id, rows := range m.rows {
		if want := (feed.LogID{Cluster: "capture", Topic: "import:trades", Format: "tick"}); id != want {
			t.Errorf("the log is %+v, want %+v", id, want)
		}
		if rows[2].Symbol != "DESK:ETH-USD" || rows[3].Clock != 1700000001000000 || rows[3].VTime != 1700000000900000 {
			t.Errorf("beside records stand %+v and %+v", rows[2], rows[3])
		}
	}
	if len(m.trade) != 5 || len(m.bars) != 2 {
		t.Errorf("%d trades and the candles %v, want 5 and the first minute of two symbols", len(m.trade), m.bars)
	}
}

// The same rows in Parquet, of whatever types, are the same records.
func TestParquet(t *testing.T) {
	type texts struct {
		TS   int64   `parquet:"ts,timestamp(millisecond)"`
		Sym  string  `parquet:"sym,dict"`
		Px   string  `parquet:"px"`
		Qty  float64 `parquet:"qty"`
		Side *string `parquet:"side,optional"`
		ID   int32   `parquet:"id"`
		Note []string
	}
	word := func(s string) *string { return &s }
	rows := []texts{
		{1700000000000, "BTC-USD", "37000.10", 0.5, word("B"), 1, nil},
		{1700000000500, "BTC-USD", "37000.2", 1, word("S"), 2, []string{"two", "lines"}},
		{1700000001000, "ETH-USD", "2000", 0.25, word("buy"), 3, nil},
		{1700000000900, "BTC-USD", "37000.3", 2, nil, 4, []string{"late"}},
		{1700000055000, "BTC-USD", "37001", 1, word("B"), 5, nil},
	}
	path := filepath.Join(t.TempDir(), "trades.parquet")
	if err := parquet.WriteFile(path, rows, parquet.MaxRowsPerRowGroup(2), parquet.Compression(&parquet.Zstd)); err != nil {
		t.Fatal(err)
	}
	m := newMemory(t)
	if r, said, err := into(t, t.Context(), m, tradesColumns, "--venue=DESK", "--sides=B=buy,S=sell", path); err != nil || r.Written != 5 {
		t.Fatalf("%+v, %q, %v", r, said, err)
	}
	if got := m.told("import:trades"); !slices.Equal(got, ticksWanted) {
		t.Errorf("the table has\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(ticksWanted, "\n"))
	}
}

// Decimals of Parquet are exact, and a row is the object that a mapping of the settings reads.
func TestParquetObjects(t *testing.T) {
	type row struct {
		At    int64    `parquet:"at,timestamp(nanosecond)"`
		Px    int64    `parquet:"px,decimal(2:18)"`
		Small int32    `parquet:"small,decimal(5:9)"`
		Wide  [16]byte `parquet:"wide,decimal(10:38)"`
		Big   uint64   `parquet:"big"`
		F     float32  `parquet:"f"`
		OK    bool     `parquet:"ok"`
		Text  string   `parquet:"odd \"key\""`
		None  *int64   `parquet:"none,optional"`
	}
	wide := [16]byte{}
	for i := range wide {
		wide[i] = 0xff // -1
	}
	path := filepath.Join(t.TempDir(), "objects.parquet")
	if err := parquet.WriteFile(path, []row{{1700000000123456789, -123, 7, wide, 1<<64 - 1, 0.1, true, "a\nb", nil}}); err != nil {
		t.Fatal(err)
	}
	p, err := openParquet(path)
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	const want = `{"at":1700000000123456789,"px":"-1.23","small":"0.00007","wide":"-0.0000000001","big":18446744073709551615,"f":0.1,"ok":true,"odd \"key\"":"a\nb","none":null}`
	text, number, err := p.next()
	if string(text) != want || number != 1 || err != nil {
		t.Errorf("row %d is %s, %v, want %s", number, text, err, want)
	}
	if _, _, err := p.next(); !errors.Is(err, io.EOF) {
		t.Errorf("then comes %v", err)
	}
	if _, err := openParquet("testdata/trades.csv"); err == nil {
		t.Error("a CSV file is taken for Parquet")
	}
}

// What cannot be placed is said with its line and why, counted by reason, and leaves a hole; what is around it is imported.
func TestRefused(t *testing.T) {
	args := []string{"--columns=time=ts,symbol=sym,price=px,size=qty,side=side", "--time-unit=ms", "--venue=DESK", "testdata/faults.csv"}
	m := newMemory(t)
	r, said, err := into(t, t.Context(), m, args...)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"faults.csv:3: bad_value: line 1: column ts is a time before 1980", "faults.csv:4: bad_symbol", "faults.csv:5: bad_value: line 1: column px",
		"faults.csv:6: bad_value", "faults.csv:8: bad_value", "faults.csv:11: late: its time is 3m20s behind",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("it said\n%swithout %q", said, want)
		}
	}
	if want := map[feed.Reason]int64{feed.BadValue: 4, feed.BadSymbol: 1, late: 1}; r.Rows != 10 || r.Written != 4 || !maps.Equal(r.Refused, want) {
		t.Errorf("%+v", r)
	}
	offsets := []int64{}
	for _, rows := range m.rows {
		for _, row := range rows {
			offsets = append(offsets, row.Offset)
		}
	}
	holes := strings.Join(m.told("import:faults")[4:], " ")
	if !slices.Equal(offsets, []int64{0, 6, 7, 9}) || holes != "hole 1-6 source hole 8-9 source" {
		t.Errorf("the offsets are %v, with %s", offsets, holes)
	}

	if _, _, err := into(t, t.Context(), newMemory(t), append(args, "--max-refused=2")...); err == nil || !strings.Contains(err.Error(), "more than 2 rows are refused") {
		t.Errorf("with --max-refused=2: %v", err)
	}
	out, errs, code := dry(t, args...)
	if code != flags.Failed || !strings.Contains(out, "10 rows") || !strings.Contains(out, "4 would be written") || !strings.Contains(out, "4 refused: bad_value") || !strings.Contains(errs, "faults.csv:4: bad_symbol") {
		t.Errorf("--dry-run ended with %d: %s%s", code, out, errs)
	}
}

// Rows that were refused at the end of a file may get their places by other flags: they are no hole until then.
func TestRefusedAndMended(t *testing.T) {
	path := filepath.Join(t.TempDir(), "desk.csv")
	if err := os.WriteFile(path, []byte("ts,px,qty,side\n1700000000000,1,2,unknown\n1700000001000,1,2,buy\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	m := newMemory(t)
	args := []string{"--columns=time=ts,price=px,size=qty,side=side", "--venue=DESK", "--symbol=BTC-USD", path}
	if r, _, err := into(t, t.Context(), m, append([]string{"--time-unit=s"}, args...)...); err != nil || r.Refused[feed.BadValue] != 2 || len(m.told("import:desk")) != 0 {
		t.Errorf("with the wrong unit: %+v, %v, %v", r, m.told("import:desk"), err)
	}
	r, _, err := into(t, t.Context(), m, append([]string{"--time-unit=ms"}, args...)...)
	if told := m.told("import:desk"); err != nil || r.Written != 2 || len(told) != 2 || !strings.Contains(told[0], `"side":"unknown"`) {
		t.Errorf("with the right one: %+v, %v, %v", r, told, err)
	}
}

// Messages of captures are kept as they are, with the keys and headers that a collector gives them; only a line that is none is
// refused.
func TestCaptures(t *testing.T) {
	dir := t.TempDir()
	want := []string{}
	for _, packing := range []string{"", ".gz", ".zst"} {
		for _, name := range []string{"s.raw", "s.rest.raw"} {
			text, err := os.ReadFile("testdata/" + name)
			if err != nil {
				t.Fatal(err)
			}
			pack(t, filepath.Join(dir, "p"+packing+name[1:]+packing), text)
		}
		m := newMemory(t)
		r, said, err := into(t, t.Context(), m, "--feed=binance", filepath.Join(dir, "p"+packing+".raw"+packing))
		if err != nil || !strings.Contains(said, ".raw"+packing+":3: unreadable: want a receive time") || r.Refused[unreadable] != 1 || r.Doubtful[feed.BadJSON] != 1 || r.Written != 6 {
			t.Fatalf("%+v, %q, %v", r, said, err)
		}
		got := m.told("import:p" + packing)
		if packing == "" {
			want = got
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: the table has\n%s", packing, strings.Join(got, "\n"))
		}
	}
	for i, part := range []string{
		`0 1700000000000000 BTCUSDT {"e":"trade"`, `1 1700000000100000 BTCUSDT {"result":null`, `3 1700000000150000 BTCUSDT {"lastUpdateId":7,"bids":[["37000.00","1"]],"asks":[["37000.10","2"]]} symbol=BTCUSDT`,
		`4 1700000000200000 BTCUSDT`, `5 1700000000300000 BTCUSDT {"e":"trade","s":"BTCUSDT"`, `6 1700000000250000 ETHUSDT`, `hole 2-3 source`, // the line without a time, which is come upon before the REST answer is due
	} {
		if i >= len(want) || !strings.HasPrefix(want[i], part) {
			t.Errorf("the table has %q, want %q in place %d", want, part, i)
		}
	}
}

func pack(t testing.TB, path string, text []byte) {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	switch filepath.Ext(path) {
	case ".gz":
		w = gzip.NewWriter(&b)
	case ".zst":
		w, _ = zstd.NewWriter(&b, zstd.WithEncoderConcurrency(1))
	}
	if w != nil {
		if _, err := w.Write(text); err != nil || w.Close() != nil {
			t.Fatal(err)
		}
		text = b.Bytes()
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// An import that is interrupted, however often, goes on where it was: the table is the one of an undisturbed import.
func TestResumes(t *testing.T) {
	var text strings.Builder
	text.WriteString("ts,px,qty\n")
	for i := range 1000 {
		px := fmt.Sprint(100 + i%7)
		if i%50 > 46 {
			px = "none"
		}
		fmt.Fprintf(&text, "%d,%s,%d\n", 1_700_000_000+i*3, px, 1+i%3)
	}
	path := filepath.Join(t.TempDir(), "long.csv")
	pack(t, path, []byte(text.String()))
	args := []string{"--columns=time=ts,price=px,size=qty", "--time-unit=s", "--venue=DESK", "--symbol=BTC-USD", path}
	whole := newMemory(t)
	if _, _, err := into(t, t.Context(), whole, args...); err != nil {
		t.Fatal(err)
	}
	m := newMemory(t)
	for runs := 0; ; runs++ {
		ctx, cancel := context.WithCancel(t.Context())
		begun := m.sum
		m.stop = func(rows int) {
			if rows > begun+90 {
				cancel()
			}
		}
		r, _, err := into(t, ctx, m, args...)
		cancel()
		if r.There > r.Rows || runs > 20 {
			t.Fatalf("after %d runs: %+v", runs, r)
		}
		if err == nil {
			if runs == 0 {
				t.Fatal("nothing was interrupted")
			}
			break
		}
	}
	if got, want := m.told("import:long"), whole.told("import:long"); !slices.Equal(got, want) {
		t.Errorf("%d lines, want %d", len(got), len(want))
	}
	if len(m.trade) != 940 || !maps.Equal(m.bars, whole.bars) {
		t.Errorf("%d trades, %d candles, want %d", len(m.trade), len(m.bars), len(whole.bars))
	}
	if r, _, err := into(t, t.Context(), m, args...); err != nil || r.Written != 0 || r.There != 940 {
		t.Errorf("once more: %+v, %v", r, err)
	}

	// Another file of that name, and one that is shorter, are no continuation.
	pack(t, path, []byte(strings.Replace(text.String(), "1700002988,", "1700002989,", 1)))
	if _, _, err := into(t, t.Context(), m, args...); err == nil || !strings.Contains(err.Error(), "long.csv:998: the archive has another record") {
		t.Errorf("another file: %v", err)
	}
	pack(t, path, []byte(text.String()[:4000]))
	if _, _, err := into(t, t.Context(), m, args...); err == nil || !strings.Contains(err.Error(), "is it another file?") {
		t.Errorf("a shorter file: %v", err)
	}
}

// Rows of a mapping of the settings are kept as they are written; with header: first-line, that line is in each.
func TestMappings(t *testing.T) {
	config := filepath.Join(t.TempDir(), "tapedeck.yaml")
	pack(t, config, []byte(`mappings:
  by-name:
    format: csv
    header: first-line
    venue: DESK
    symbol: sym
    time: {from: ts, unit: ms}
    messages:
      - trade: {price: px, size: qty, id: id}
  in-order:
    format: csv
    header: [ts, sym, px, qty, side, id, note]
    venue: DESK
    symbol: sym
    time: {from: ts, unit: ms}
    messages:
      - trade: {price: px, size: qty, id: id}
`))
	m := newMemory(t)
	if r, said, err := into(t, t.Context(), m, "--config", config, "--feed=by-name", "--first-line", "testdata/trades.csv"); err != nil || r.Written != 5 || said != "" {
		t.Fatalf("%+v, %q, %v", r, said, err)
	}
	if got := m.told("import:trades"); got[1] != "1 1700000000500000 DESK:BTC-USD ts,sym,px,qty,side,id,note\n1700000000500,BTC-USD,37000.2,1,S,2,\"two\nlines, one row\"" {
		t.Errorf("the second record is %s", got[1])
	}
	m = newMemory(t)
	r, said, err := into(t, t.Context(), m, "--config", config, "--feed=in-order", "--topic=md.desk", "--partition=3", "--topic-id=7", "--cluster-id=k", "testdata/trades.csv", "testdata/trades.csv")
	if err != nil || r.Written != 5 || r.Unused != 1 || said != "" {
		t.Fatalf("%+v, %q, %v", r, said, err)
	}
	if rows := m.rows[feed.LogID{Cluster: "k", Topic: "md.desk", TopicID: "7", Partition: 3, Format: "in-order"}]; len(rows) != 5 || rows[0].Offset != 1 {
		t.Errorf("the logs are %v", slices.Collect(maps.Keys(m.rows)))
	}
}

func TestMistakes(t *testing.T) {
	for _, tt := range []struct {
		args string
		code int
		want string
	}{
		{"", flags.WrongFlags, "no FILE"},
		{"testdata/s.raw", flags.WrongFlags, "--feed"},
		{"testdata/trades.csv", flags.WrongFlags, "--columns"},
		{"--feed binance missing.raw", flags.WrongConfig, "missing.raw"},
		{"--feed binance testdata", flags.WrongConfig, "folder"},
		{"--feed binance --as pages testdata/s.raw", flags.WrongFlags, "--as"},
		{"--feed binance --columns time=1 testdata/trades.csv", flags.WrongFlags, "both"},
		{"--columns time=1,price=2,size=3 --venue X --symbol S testdata/s.raw", flags.WrongFlags, "capture"},
		{"--columns time=1,prise=2 --venue X --symbol S testdata/trades.csv", flags.WrongFlags, "prise"},
		{"--columns time=ts,price=px,size=qty --venue X --symbol S testdata/trades.csv", flags.WrongConfig, "--time-unit"},
		{"--columns time=ts,price=pxx,size=qty --time-unit ms --venue X --symbol S testdata/trades.csv", flags.WrongConfig, "there is no column pxx"},
		{"--columns time=ts,bid=px --time-unit ms --venue X --symbol S testdata/trades.csv", flags.WrongConfig, "make no event"},
		{"--columns time=ts,price=px,size=qty --time-unit weeks --venue X --symbol S testdata/trades.csv", flags.WrongConfig, "weeks"},
		{"--columns time=ts,price=px,size=qty --time-unit ms --symbol S testdata/trades.csv", flags.WrongFlags, "--venue"},
		{"--columns time=ts,price=px,size=qty --time-unit ms --venue X testdata/trades.csv", flags.WrongFlags, "--symbol"},
		{"--delimiter ;; --feed binance testdata/s.raw", flags.WrongFlags, "--delimiter"},
		{"--partition -1 --feed binance testdata/s.raw", flags.WrongFlags, "--partition"},
		{"--feed binance --topic x testdata/s.raw testdata/trades.csv", flags.WrongFlags, "one log"},
	} {
		if out, errs, code := dry(t, strings.Fields(tt.args)...); code != tt.code || !strings.Contains(errs, tt.want) {
			t.Errorf("%q ended with %d: %s%s", tt.args, code, out, errs)
		}
	}
}

// most is how many rows are taken of a real file: with the race detector a row takes half a ms.
const most = 10_000

// beginning writes the first lines of a file.
func beginning(t *testing.T, path string, lines int64) string {
	t.Helper()
	c, err := openCSV(path, ',')
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	var text bytes.Buffer
	for range lines {
		row, _, err := c.next()
		if err != nil {
			t.Fatal(err)
		}
		text.Write(row)
		text.WriteByte('\n')
	}
	out := filepath.Join(t.TempDir(), "beginning.csv")
	pack(t, out, text.Bytes())
	return out
}

// Real files of several venues, by flags alone: every row is taken, and none of its digits is lost.
func TestRealTables(t *testing.T) {
	for _, tt := range []struct {
		name  string
		args  []string
		rows  int64
		zeros int64  // that are of no quantity, and refused
		first string // value of the first record
	}{
		{"binance_trades_BTCUSDT_20201116.csv.gz", []string{"--columns=time=1,price=2,size=3,side=4", "--sides=ANY=unknown", "--time-unit=s", "--venue=BINANCE", "--symbol=BTC-USDT"}, 1000, 0,
			`{"t":"trade","venue":"BINANCE","symbol":"BTC-USDT","ts":1605499846000000,"px":"15993.5","qty":"0.026472","side":"unknown"}`},
		{"bitstamp_trades_BTCUSD_bitcoincharts.csv.gz", []string{"--columns=time=1,price=2,size=3", "--time-unit=s", "--venue=BITSTAMP", "--symbol=BTC-USD", "--max-late=0"}, 9999, 1,
			`{"t":"trade","venue":"BITSTAMP","symbol":"BTC-USD","ts":1315922016000000,"px":"5.800000000000","qty":"1.000000000000","side":"unknown"}`},
		{"mtgox_trades_BTCUSD_20130101.csv.gz", []string{"--columns=time=id,id=id,price=price,size=amount,side=type", "--sides=bid=buy,ask=sell", "--time-unit=us", "--venue=MTGOX", "--symbol=BTC-USD"}, 2331, 0,
			`{"t":"trade","venue":"MTGOX","symbol":"BTC-USD","ts":1356998659486096,"px":"13.51001","qty":"36.87430786","side":"sell","id":"1356998659486096"}`},
		{"bitstamp_candles1m_BTCUSD_20200101.csv.gz", []string{"--columns=time=datetime,open=open,high=high,low=low,close=close,volume=volume", "--time-unit=%Y-%m-%d %H:%M:%S", "--venue=BITSTAMP", "--symbol=BTC-USD"}, 1440, 0,
			`{"t":"candle","venue":"BITSTAMP","symbol":"BTC-USD","ts":1577836800000000,"start":1577836800000000,"width":"1m","o":"7160.69","h":"7160.69","l":"7159.64","c":"7159.64","v":"5.50169101","n":0,"final":true}`},
		{"trades_binance.csv.gz", []string{"--columns=received=recv_ts_ns,time=exchange_ts_ms,symbol=symbol,price=price,size=qty,side=taker_side,id=trade_id", "--time-unit=ms", "--venue=BINANCE", "--max-late=0"}, 73952, 0,
			`{"t":"trade","venue":"BINANCE","symbol":"BTCUSD_PERP","ts":1723161257679000,"px":"61804.8","qty":"4","side":"buy","id":"849714402"}`},
		{"quotes_binance.csv.gz", []string{"--columns=received=recv_ts_ns,time=exchange_ts_ms,symbol=symbol,bid=bid_price,bid-size=bid_qty,ask=ask_price,ask-size=ask_qty", "--time-unit=ms", "--venue=BINANCE", "--max-late=0"}, 295221, 0,
			`{"t":"quote","venue":"BINANCE","symbol":"BTCUSD_PERP","ts":1723161257465000,"bid":"61804.7","bidQty":"35","ask":"61804.8","askQty":"1645"}`},
	} {
		path := feedtest.Data(t, "csv/"+tt.name)
		if tt.rows > most {
			path, tt.rows = beginning(t, path, most+1), most
		}
		m := newMemory(t)
		began := time.Now()
		r, said, err := into(t, t.Context(), m, append(tt.args, "--topic=x", path)...)
		if err != nil || r.Rows != tt.rows || r.Written != tt.rows-tt.zeros || r.Refused[feed.BadValue] != tt.zeros {
			t.Errorf("%s: %+v, %v\n%.1000s", tt.name, r, err, said)
			continue
		}
		t.Logf("%s: %.0f rows/s; %d out of order, by at most %s", tt.name, float64(r.Rows)/time.Since(began).Seconds(), r.Late, r.Latest)
		for _, rows := range m.rows {
			if string(rows[0].Value) != tt.first {
				t.Errorf("%s begins with %s, want %s", tt.name, rows[0].Value, tt.first)
			}
		}
		if len(m.trade) == 0 && len(m.bars) == 0 && !strings.HasPrefix(tt.name, "quotes") {
			t.Errorf("%s: no trades and no candles beside the records", tt.name)
		}
	}
}

// events are what the records of a log are decoded to.
func events(t testing.TB, id feed.LogID, rows []clickhouse.Row) (list []market.Event) {
	t.Helper()
	f, _ := venue.Lookup(id.Format)
	d := f.New(feed.DefaultOptions())
	for i := range rows {
		var b market.Batch
		_ = d.Decode(&b, &feed.Record{Offset: rows[i].Offset, Time: rows[i].Time, Key: rows[i].Key, Value: rows[i].Value, Headers: rows[i].Headers})
		list = append(list, b.Events...)
	}
	return list
}

// A recorded session as a capture and as a table of its trades: the same trades.
func TestTableIsTheCapture(t *testing.T) {
	m := newMemory(t)
	if _, _, err := into(t, t.Context(), m, "--feed=binance", "testdata/s.raw"); err != nil {
		t.Fatal(err)
	}
	for id, rows := range m.rows {
		trades := 0
		for _, e := range events(t, id, rows) {
			if _, ok := e.Payload.(*market.Trade); ok {
				trades++
			}
		}
		if trades != 3 || len(m.trade) != 3 {
			t.Errorf("%d trades are decoded, %d stand beside, want 3", trades, len(m.trade))
		}
	}
}
