// Package serve is `replay serve` and `replay demo`: archives that are played to WebSocket clients.
package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"tapedeck/cmd/flags"
	"tapedeck/cmd/replay/record"
	"tapedeck/feed"
	"tapedeck/feed/capture"
	"tapedeck/feed/clickhouse"
	"tapedeck/feed/kafka"
	"tapedeck/server"
	"tapedeck/server/page"
)

// Command is `replay serve`.
func Command() *cli.Command {
	return &cli.Command{
		Name:  "serve",
		Usage: "play what was recorded to WebSocket clients, each at its own time and speed",
		Description: `Serves an archive at /v1/replay with the messages of a live stream: from, to, speed and session in the address; pause,
resume, speed, seek and step as commands. /v1/archive lists what there is, /v1/history gives a stretch of it as lines of JSON.

The archive is what replay record keeps in ClickHouse, each log in the format that it was recorded in, with the options of its --feed
(trades=aggTrade, candles=venue) as it was served with them; or the rows of a
--query; or captures, which need nothing else: each file is one log of --feed, named import: and its name; beside s.raw.gz,
s.rest.raw.gz belongs to it.

A ClickHouse that does not answer is waited for, at the start and later: clients are told, and their replays go on.

Examples:

  replay serve --clickhouse ch:9000
  replay serve --feed binance --capture s.raw.gz
  # trades in a table of your own
  replay serve --clickhouse ch:9000 --query-venue DESK \
    --query 'SELECT ts AS time, sym AS symbol, px AS price, qty AS size FROM md.trades WHERE ts >= toDateTime(intDiv({from}, 1000000)) AND ts <= toDateTime(intDiv({to}, 1000000))'
  # then, at a hundred times the speed
  npx wscat -c 'ws://127.0.0.1:8081/v1/replay?from=2024-08-09T01:47:34Z&speed=100&rooms=trades:BINANCE:BTC-USDT'`,
		Flags: slices.Concat([]cli.Flag{
			flags.Config(),
			&cli.StringSliceFlag{Name: "feed", Usage: "the `FORMAT[,OPTION…]` of the captures' messages, as docs/venues.md names them, or a mapping of the --config file; of an archive, FORMAT=TOPIC,OPTION… as for streamer serve: what that was served with"},
			&cli.StringSliceFlag{Name: "capture", Usage: "a `FILE` to play, or several"},
		}, serverFlags(), flags.Queries(), flags.ClickHouse(), flags.Log()),
		Action: serve,
	}
}

// serverFlags are the settings of the server that make sense for replays alone.
func serverFlags() []cli.Flag {
	return append([]cli.Flag{
		&cli.StringFlag{Name: "listen", Value: "127.0.0.1:8081", Usage: "serve clients on this `ADDRESS`"},
		&cli.StringFlag{Name: "admin", Value: "off", Usage: "serve health and metrics on this `ADDRESS`; off: nowhere"},
		&cli.StringSliceFlag{Name: "origins", Usage: "let pages from this `ORIGIN` connect besides our own, as in https://app.example.com"},
	}, flags.Replay()...)
}

func serve(c *cli.Context) error {
	if err := flags.NoArguments(c); err != nil {
		return err
	}
	formats := flags.Formats(c)
	arch, rooms, closeArchive, err := open(c, formats)
	if err != nil {
		return err
	}
	defer closeArchive()
	conf, err := config(c, arch, formats)
	if err == nil {
		conf.Feeds, err = feeds(c, arch, formats)
	}
	if err != nil {
		return err
	}
	srv, err := server.New(conf)
	if err != nil {
		return err
	}
	welcome(c.App.Writer, srv.Addr(), arch, formats, rooms)
	return srv.Run(c.Context)
}

// open opens the archive that the flags name, with rooms to show first. Captures come first: the file of settings may well
// name the recorder's ClickHouse.
func open(c *cli.Context, formats []*feed.Format) (arch feed.Archive, rooms string, end func(), err error) {
	files := flags.List(c, "capture")
	switch {
	case len(files) > 0:
		return openCaptures(c, formats, files)
	case !c.IsSet("clickhouse") && len(flags.Words(c, "feed")) > 0:
		return nil, "", nil, flags.Missing("capture", "a file to play")
	}
	return openTables(c)
}

func openCaptures(c *cli.Context, formats []*feed.Format, files []string) (feed.Archive, string, func(), error) {
	words := flags.Words(c, "feed")
	if len(words) != 1 {
		return nil, "", nil, flags.Missing("feed", "a format")
	}
	format, _, _ := strings.Cut(words[0], ",")
	if _, err := flags.Format(formats, format); err != nil {
		return nil, "", nil, err
	}
	arch, err := capture.OpenArchive(c.Context, format, capture.WithRest(files)...)
	if err != nil {
		return nil, "", nil, flags.BadConfig("%w", err)
	}
	return arch, trades(formats, format), func() { arch.Close() }, nil
}

// feeds reads what the logs are served with: of captures, each of them alike.
func feeds(c *cli.Context, arch feed.Archive, formats []*feed.Format) (map[string]server.Feed, error) {
	list := map[string]server.Feed{}
	words := flags.Words(c, "feed")
	if len(flags.List(c, "capture")) == 0 {
		for _, word := range words {
			t, o, err := record.ParseFeed(formats, word)
			if err != nil {
				return nil, err
			}
			list[t.Name] = server.Feed{Format: t.Format, Options: o}
		}
		return list, nil
	}
	name, options, some := strings.Cut(words[0], ",")
	if !some {
		return list, nil
	}
	f, err := flags.Format(formats, name)
	if err != nil {
		return nil, err
	}
	o := feed.DefaultOptions()
	if err := record.ParseOptions(strings.Split(options, ","), &kafka.Topic{}, &o); err != nil {
		return nil, err
	}
	logs, err := arch.Logs(c.Context)
	for _, l := range logs {
		list[l.Topic] = server.Feed{Format: f, Options: o}
	}
	return list, err
}

// openTables opens a ClickHouse, which may be down now.
func openTables(c *cli.Context) (feed.Archive, string, func(), error) {
	log, err := flags.Logger(c)
	if err != nil {
		return nil, "", nil, err
	}
	arch, queries, end, err := flags.OpenTables(c)
	if errors.Is(err, clickhouse.ErrAway) {
		log.Warn("replays wait until the archive answers", "error", err)
	} else if err != nil {
		return nil, "", nil, err
	}
	rooms := ""
	if len(queries) > 0 {
		channel := map[string]string{"trades": "trades", "quotes": "quotes", "books": "book"}[queries[0].Kind]
		rooms = channel + ":" + queries[0].Venue + ":*"
	}
	return arch, rooms, end, nil
}

func config(c *cli.Context, arch feed.Archive, formats []*feed.Format) (server.Config, error) {
	log, err := flags.Logger(c)
	if err != nil {
		return server.Config{}, err
	}
	s := server.Config{
		Listen: c.String("listen"), Admin: c.String("admin"), Origins: flags.List(c, "origins"), Page: page.Handler(), Log: log,
		Archive: arch, Formats: find(formats),
		DrainWait: -1, DrainSpread: time.Second, // there is no other node to go to
	}
	s.Candles, _ = arch.(feed.Candles) // a ClickHouse's own tables
	if s.ReplaySessions, s.ReplayWarmup, err = flags.ReplayLimits(c); err != nil {
		return s, err
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

// welcome says what there is and how it is reached, in lines to paste. rooms "": those of the first log's format.
func welcome(w io.Writer, at net.Addr, arch feed.Archive, formats []*feed.Format, rooms string) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	logs, err := arch.Logs(ctx)
	if err != nil || len(logs) == 0 {
		fmt.Fprintf(w, "\n  nothing can be replayed yet; what can be: curl http://%s/v1/archive\n\n", at)
		return
	}
	if rooms == "" {
		rooms = trades(formats, logs[0].Format)
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
