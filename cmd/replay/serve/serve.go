// Package serve is `replay serve` and `replay demo`: archives that are played to WebSocket clients.
package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"tapedeck/cmd/flags"
	"tapedeck/feed"
	"tapedeck/feed/capture"
	"tapedeck/server"
	"tapedeck/server/page"
)

// Command is `replay serve`.
func Command() *cli.Command {
	return &cli.Command{
		Name:  "serve",
		Usage: "play recorded sessions to WebSocket clients, each at its own time and speed",
		Description: `Reads captures, and serves them at /v1/replay with the messages of a live stream: from, to, speed and session
in the address; pause, resume, speed, seek and step as commands. Nothing else is needed. /v1/archive lists what there
is, /v1/history gives a stretch of it as lines of JSON.

Each file is one log, named import: and its name; beside s.raw.gz, s.rest.raw.gz belongs to it.

Examples:

  replay serve --feed binance --capture s.raw.gz
  # then, at a hundred times the speed
  npx wscat -c 'ws://127.0.0.1:8081/v1/replay?from=2024-08-09T01:47:34Z&speed=100&rooms=trades:BINANCE:BTC-USDT'`,
		Flags: slices.Concat([]cli.Flag{
			flags.Config(),
			&cli.StringFlag{Name: "feed", Usage: "the `FORMAT` of the messages, as docs/venues.md names them, or a mapping of the --config file"},
			&cli.StringSliceFlag{Name: "capture", Usage: "a `FILE` to play, or several"},
		}, serverFlags(), flags.Log()),
		Action: serve,
	}
}

// serverFlags are the settings of the server that make sense for replays alone.
func serverFlags() []cli.Flag {
	d := server.Config{}.WithDefaults()
	return []cli.Flag{
		&cli.StringFlag{Name: "listen", Value: "127.0.0.1:8081", Usage: "serve clients on this `ADDRESS`"},
		&cli.StringFlag{Name: "admin", Value: "off", Usage: "serve health and metrics on this `ADDRESS`; off: nowhere"},
		&cli.StringSliceFlag{Name: "origins", Usage: "let pages from this `ORIGIN` connect besides our own, as in https://app.example.com"},
		&cli.IntFlag{Name: "replay-sessions", Value: d.ReplaySessions, Usage: "play `N` replays at the same time"},
		&cli.DurationFlag{Name: "replay-warmup", Value: d.ReplayWarmup, Usage: "read from this `TIME` before what is shown, so that books and candles are whole"},
	}
}

func serve(c *cli.Context) error {
	if err := flags.NoArguments(c); err != nil {
		return err
	}
	if c.String("feed") == "" {
		return flags.Missing("feed", "a format")
	}
	formats := flags.Formats(c)
	if _, err := flags.Format(formats, c.String("feed")); err != nil {
		return err
	}
	files := flags.List(c, "capture")
	if len(files) == 0 {
		return flags.Missing("capture", "a file to play")
	}
	arch, err := capture.OpenArchive(c.Context, c.String("feed"), withRest(files)...)
	if err != nil {
		return flags.BadConfig("%w", err)
	}
	defer arch.Close()
	conf, err := config(c, arch, formats)
	if err != nil {
		return err
	}
	srv, err := server.New(conf)
	if err != nil {
		return err
	}
	welcome(c.App.Writer, srv.Addr(), arch, trades(formats, c.String("feed")))
	return srv.Run(c.Context)
}

// withRest adds the files with the REST answers of sessions, where they lie beside them.
func withRest(files []string) (all []string) {
	for _, f := range files {
		all = append(all, f)
		if rest, ok := capture.Rest(f); ok && !slices.Contains(files, rest) {
			all = append(all, rest)
		}
	}
	return all
}

func config(c *cli.Context, arch feed.Archive, formats []*feed.Format) (server.Config, error) {
	log, err := flags.Logger(c)
	if err != nil {
		return server.Config{}, err
	}
	s := server.Config{
		Listen: c.String("listen"), Admin: c.String("admin"), Origins: flags.List(c, "origins"), Page: page.Handler(), Log: log,
		Archive: arch, Formats: find(formats), ReplaySessions: c.Int("replay-sessions"), ReplayWarmup: c.Duration("replay-warmup"),
		DrainWait: -1, DrainSpread: time.Second, // there is no other node to go to
	}
	if s.ReplaySessions < 1 || s.ReplayWarmup < time.Millisecond {
		return s, flags.BadFlag("--replay-sessions and --replay-warmup are over 0")
	}
	return s, s.Check()
}

func find(formats []*feed.Format) func(string) (*feed.Format, bool) {
	return func(name string) (*feed.Format, bool) {
		if i := slices.IndexFunc(formats, func(f *feed.Format) bool { return f.Name == name }); i >= 0 {
			return formats[i], true
		}
		return nil, false
	}
}

// trades are the rooms to show first of a format: of a placeholder, where only its records name their venues.
func trades(formats []*feed.Format, name string) string {
	if f, ok := find(formats)(name); ok && f.Venue != "" {
		return "trades:" + f.Venue + ":*"
	}
	return "trades:VENUE:SYMBOL"
}

// welcome says what there is and how it is reached, in lines to paste.
func welcome(w io.Writer, at net.Addr, arch feed.Archive, rooms string) {
	logs, err := arch.Logs(context.Background())
	if err != nil || len(logs) == 0 {
		return
	}
	begin, end := logs[0].Begin, logs[0].End
	for _, l := range logs {
		begin, end = min(begin, l.Begin), max(end, l.End)
	}
	from := moment(begin)
	fmt.Fprintf(w, "\n  %d logs from %s to %s\n\n", len(logs), from, moment(end))
	fmt.Fprintf(w, "  page      http://%s/?from=%s&speed=1\n", at, from)
	fmt.Fprintf(w, "  socket    npx wscat -c 'ws://%s/v1/replay?from=%s&speed=10&rooms=%s'\n", at, from, rooms)
	fmt.Fprintf(w, "  steering  {\"op\":\"pause\"} {\"op\":\"resume\"} {\"op\":\"speed\",\"speed\":100} {\"op\":\"seek\",\"to\":%q} {\"op\":\"step\"}\n", moment(begin+(end-begin)/2))
	fmt.Fprintf(w, "  lines     curl 'http://%s/v1/history?from=%s&rooms=%s'\n", at, from, rooms)
	fmt.Fprintf(w, "  archive   curl http://%s/v1/archive\n\n", at)
}

func moment(at int64) string {
	return time.UnixMicro(at).UTC().Truncate(time.Second).Format(time.RFC3339)
}

// errNoFormat is of a build without Binance's decoder.
var errNoFormat = errors.New("this build has no decoder for Binance, whose format the simulated market has")
