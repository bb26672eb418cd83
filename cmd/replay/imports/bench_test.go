package imports

import (
	"context"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/urfave/cli/v2"

	"tapedeck/cmd/flags"
	"tapedeck/cmd/replay/record"
	"tapedeck/feed"
	"tapedeck/feed/feedtest"
	"tapedeck/feed/venue"
)

// BenchmarkCapture measures messages a second of a capture, decoded and counted.
func BenchmarkCapture(b *testing.B) {
	f, _ := venue.Lookup("binance")
	path := feedtest.Data(b, "sessions/hftbacktest/spot_btcusdt_20240808.raw.gz")
	l := Captures(feed.LogID{Topic: "x"}, record.Feed{Format: f, Options: feed.DefaultOptions()}, "", path)
	measure(b, l)
}

// BenchmarkCSV measures rows a second of a table, made ticks.
func BenchmarkCSV(b *testing.B) {
	path := feedtest.Data(b, "csv/trades_binance.csv.gz")
	var logs []Log
	cmd := Command()
	cmd.Action = func(c *cli.Context) error {
		o, err := options(c)
		logs = o.Logs
		return err
	}
	app := &cli.App{Name: "replay", Writer: io.Discard, ErrWriter: io.Discard, Commands: []*cli.Command{cmd}}
	if code := flags.Run(b.Context(), app, []string{"replay", "import", "--columns=received=recv_ts_ns,time=exchange_ts_ms,symbol=symbol,price=price,size=qty,side=taker_side,id=trade_id", "--time-unit=ms", "--venue=BINANCE", "--max-late=0", path}); code != flags.OK {
		b.Fatal(code)
	}
	measure(b, logs[0])
}

func measure(b *testing.B, l Log) {
	rows := int64(0)
	for b.Loop() {
		r, err := Run(context.Background(), Options{
			Logs: []Log{l}, Say: func(string, ...any) {}, Stats: &Stats{}, MaxRefused: -1,
			Recorder: record.Config{
				Table: &nowhere{}, Log: slog.New(slog.DiscardHandler), Backoff: time.Second, Drain: time.Minute,
				Limits: record.Limits{Rows: 50_000, Bytes: 16 << 20, Every: time.Second, Memory: 64 << 20},
			},
		})
		if err != nil {
			b.Fatal(err)
		}
		rows += r.Rows
	}
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
}
