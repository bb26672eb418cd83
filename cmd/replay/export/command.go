package export

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"tapedeck/cmd/flags"
	"tapedeck/cmd/replay/progress"
	"tapedeck/cmd/replay/stretch"
	"tapedeck/feed"
	"tapedeck/feed/capture"
	"tapedeck/feed/kafka"
	"tapedeck/market"
)

const description = `Writes trades, quotes, books (a row for each level that a message names) and minute candles, in the one order that replays have, or with
--raw the records themselves as a capture, which replay import and replay publish read. Prices and quantities are texts,
exact as the venue wrote them, also in Parquet. time is the log's, clock its running maximum, vtime the venue's own; µs.

The archive is what replay record and replay import keep in ClickHouse; captures, with --capture; or what topics still hold, with
--archive kafka. CSV and Parquet have one kind of event each. A file is there when it is whole.

Examples:

  replay export --clickhouse ch:9000 --from 2026-01-31 --to 2026-02-01 --rooms 'trades:BINANCE:BTC-USDT' -o trades.parquet
  replay export --capture s.raw.gz --feed binance --kinds book | head
  replay export --clickhouse ch:9000 --raw --logs md.raw.binance --symbols BINANCE:BTC-USDT -o btc.raw.gz`

// Command is `replay export`.
func Command() *cli.Command {
	return &cli.Command{
		Name:        "export",
		Usage:       "write a stretch of the archive as NDJSON, CSV or Parquet, or as a capture",
		Description: description,
		Flags: slices.Concat([]cli.Flag{
			flags.Config(),
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write to this `FILE`, packed if it ends with .gz; to the standard output unless given"},
			&cli.StringFlag{Name: "format", Usage: "write `WHAT`: ndjson, csv or parquet; by FILE's name, else ndjson"},
			&cli.BoolFlag{Name: "raw", Usage: "write the records themselves, as a capture"},
			&cli.StringSliceFlag{Name: "kinds", Usage: "write these `KINDS`: trades, quotes, book, candles; all of them unless given"},
			&cli.StringSliceFlag{Name: "rooms", Usage: "write what these `ROOMS` are of, as in trades:BINANCE:BTC-USDT or book:OKX:*, instead of --kinds and --symbols"},
			&cli.StringFlag{Name: "trades", Value: "trade", Usage: "take trades from this `STREAM` of the venue, where it has several: trade or aggTrade"},
			&cli.StringFlag{Name: "candles", Value: "derived", Usage: "whose `CANDLES`: derived, which are made of the trades, or the venue's own"},
			&cli.IntFlag{Name: "partition", Value: -1, Usage: "only the logs' partition of this `NUMBER`; all of them unless given"},
			&cli.StringFlag{Name: "archive", Value: "clickhouse", Usage: "read `WHAT`: clickhouse, or kafka, which is what topics still hold"},
			&cli.StringSliceFlag{Name: "capture", Usage: "read this `FILE`, or several, instead"},
			&cli.StringSliceFlag{Name: "feed", Usage: "the `FORMAT` of the captures' messages; of topics, FORMAT=TOPIC[#NUMBER]"},
		}, stretch.Flags(), flags.Queries(), flags.ClickHouse(), flags.Kafka(), flags.Log()),
		Action: action,
	}
}

func action(c *cli.Context) error {
	if err := flags.NoArguments(c); err != nil {
		return err
	}
	o, wanted, err := options(c)
	if err != nil {
		return err
	}
	arch, end, err := open(c)
	if err != nil {
		return err
	}
	defer end()
	o.Stretch.Archive = arch
	if n := c.Int("partition"); n >= 0 {
		o.Stretch.Archive = partition{arch, int32(n)}
	}
	out, err := create(c.App.Writer, c.String("output"))
	if err != nil {
		return flags.BadConfig("%w", err)
	}
	m := progress.Watch(c.App.ErrWriter, o.Stats.gauge())
	o.Stretch.Say = m.Say
	r, err := write(c, &o, wanted, out)
	took := m.Stop()
	if done := out.finish(err == nil); err == nil {
		err = done
	}
	return conclude(c, r, took, err)
}

func write(c *cli.Context, o *Options, w *wants, out io.Writer) (Result, error) {
	if w.raw {
		return records(c.Context, *o, out)
	}
	return events(c.Context, *o, newEncoder(w.format, out, w.tables()[0]))
}

// options reads the flags.
func options(c *cli.Context) (o Options, w *wants, err error) {
	o = Options{Feed: feed.DefaultOptions(), Stats: &Stats{}}
	if o.Stretch, err = stretch.FromFlags(c); err != nil {
		return o, nil, err
	}
	o.Feed.Trades = c.String("trades")
	switch whose := c.String("candles"); whose {
	case "derived":
	case "venue":
		o.Feed.Origins[market.CandlesChannel] = feed.FromVenue
	default:
		return o, nil, flags.BadFlag("--candles is %q: derived or venue", whose)
	}
	if w, err = choose(c, &o.Stretch); err != nil {
		return o, nil, err
	}
	o.Wants, w.raw = w.is, c.Bool("raw")
	if w.format, err = formatOf(c); err != nil {
		return o, nil, err
	}
	if len(w.tables()) > 1 && w.format != asNDJSON && !w.raw {
		return o, nil, flags.BadFlag("a file of %s has one kind of event: name it with --kinds or --rooms", w.format)
	}
	return o, w, nil
}

// formatOf is what is written.
func formatOf(c *cli.Context) (string, error) {
	known := []string{asNDJSON, asCSV, asParquet}
	name := c.String("output")
	if format := c.String("format"); format != "" {
		if !slices.Contains(known, format) {
			return "", flags.BadFlag("--format: %s", flags.DidYouMean(format, "", known))
		}
		if c.Bool("raw") {
			return "", flags.BadFlag("--raw writes a capture: leave --format out")
		}
		if format == asParquet && strings.HasSuffix(name, ".gz") {
			return "", flags.BadFlag("--output: Parquet is packed by itself: leave .gz out")
		}
		return format, nil
	}
	if ext := strings.TrimPrefix(filepath.Ext(strings.TrimSuffix(name, ".gz")), "."); slices.Contains(known, ext) {
		if ext == asParquet && strings.HasSuffix(name, ".gz") {
			return "", flags.BadFlag("--output: Parquet is packed by itself: leave .gz out")
		}
		return ext, nil
	}
	return asNDJSON, nil
}

// wants is what is asked for.
type wants struct {
	raw     bool
	format  string
	symbols [market.NumChannels]map[string]bool // of each channel: VENUE:NAME, VENUE:* or *
}

// tables lists those that are wanted.
func (w *wants) tables() (list []*table) {
	for _, t := range tables {
		if w.symbols[t.channel] != nil {
			list = append(list, t)
		}
	}
	return list
}

func (w *wants) is(c market.Channel, s *market.Symbol) bool {
	m := w.symbols[c]
	return m != nil && (m["*"] || m[s.Venue+":*"] || m[s.Venue+":"+s.Name])
}

// choose reads which events are wanted.
func choose(c *cli.Context, s *stretch.Stretch) (*wants, error) {
	w, rooms := &wants{}, flags.List(c, "rooms")
	if len(rooms) > 0 {
		return w, w.rooms(c, s, rooms)
	}
	symbols := map[string]bool{}
	for _, name := range s.Symbols {
		symbols[name] = true
	}
	if len(symbols) == 0 {
		symbols["*"] = true
	}
	kinds := flags.List(c, "kinds")
	for _, t := range tables {
		if len(kinds) == 0 || slices.Contains(kinds, t.name) {
			w.symbols[t.channel] = symbols
		}
	}
	for _, k := range kinds {
		if !slices.ContainsFunc(tables[:], func(t *table) bool { return t.name == k }) {
			return nil, flags.BadFlag("--kinds: there is no %s: trades, quotes, book and candles can be written", k)
		}
	}
	return w, nil
}

func (w *wants) rooms(c *cli.Context, s *stretch.Stretch, rooms []string) error {
	if len(flags.List(c, "kinds")) > 0 || len(s.Symbols) > 0 {
		return flags.BadFlag("--rooms says both what --kinds and what --symbols say: leave them out")
	}
	all := false
	for _, name := range rooms {
		room, wild, ok := market.ParseRoom(name)
		if !ok || room.Channel == market.TickerChannel || room.Variant != "" {
			return flags.BadFlag("--rooms: %q is not one of trades, quotes, book or candles without a variant, as in trades:BINANCE:BTC-USDT", name)
		}
		symbol := room.Venue + ":" + room.Symbol
		if w.symbols[room.Channel] == nil {
			w.symbols[room.Channel] = map[string]bool{}
		}
		w.symbols[room.Channel][symbol] = true
		if all = all || wild; !slices.Contains(s.Symbols, symbol) {
			s.Symbols = append(s.Symbols, symbol)
		}
	}
	if all {
		s.Symbols = nil
	}
	return nil
}

// open opens the archive that the flags name.
func open(c *cli.Context) (arch feed.Archive, end func(), err error) {
	formats, words := flags.Formats(c), flags.Words(c, "feed")
	switch files := flags.List(c, "capture"); {
	case len(files) > 0:
		if len(words) != 1 {
			return nil, nil, flags.Missing("feed", "the captures' format")
		}
		if _, err := flags.Format(formats, words[0]); err != nil {
			return nil, nil, err
		}
		a, err := capture.OpenArchive(c.Context, words[0], capture.WithRest(files)...)
		if err != nil {
			return nil, nil, flags.BadConfig("%w", err)
		}
		return a, func() { a.Close() }, nil
	case c.String("archive") == "kafka":
		return openTopics(c, formats, words)
	case c.String("archive") != "clickhouse":
		return nil, nil, flags.BadFlag("--archive is %q: clickhouse or kafka", c.String("archive"))
	}
	arch, _, end, err = flags.OpenTables(c)
	if err != nil && end != nil {
		end()
	}
	return arch, end, err
}

var topicWord = regexp.MustCompile(`^([^=]+)=([a-zA-Z0-9._-]{1,249})(?:#([^,]+))?$`)

// openTopics reads what topics still hold.
func openTopics(c *cli.Context, formats []*feed.Format, words []string) (feed.Archive, func(), error) {
	cluster, err := flags.Cluster(c)
	if err != nil {
		return nil, nil, err
	}
	log, err := flags.Logger(c)
	if err != nil {
		return nil, nil, err
	}
	var topics []kafka.Topic
	for _, word := range words {
		m := topicWord.FindStringSubmatch(word)
		if m == nil {
			return nil, nil, flags.BadFlag("--feed: %q is not FORMAT=TOPIC, as in binance=md.raw.binance", word)
		}
		f, err := flags.Format(formats, m[1])
		if err != nil {
			return nil, nil, err
		}
		topics = append(topics, kafka.Topic{Name: m[2], Number: m[3], Format: f})
	}
	if len(topics) == 0 {
		return nil, nil, flags.Missing("feed", "a topic to read")
	}
	past, err := kafka.NewPast(kafka.Config{Cluster: cluster, Topics: topics, Log: log})
	if err != nil {
		return nil, nil, flags.BadFlag("%w", err)
	}
	return past, past.Close, nil
}

// partition is one partition of an archive's logs.
type partition struct {
	feed.Archive
	number int32
}

func (p partition) Logs(ctx context.Context) ([]feed.Holding, error) {
	list, err := p.Archive.Logs(ctx)
	return slices.DeleteFunc(list, func(h feed.Holding) bool { return h.Partition != p.number }), err
}

// output is where it is written: a file is under its name when it is whole.
type output struct {
	io.Writer
	name string
	file *os.File
	zip  *gzip.Writer
}

func create(standard io.Writer, name string) (*output, error) {
	if name == "" || name == "-" {
		return &output{Writer: standard}, nil
	}
	f, err := os.Create(name + ".part")
	if err != nil {
		return nil, err
	}
	o := &output{Writer: f, name: name, file: f}
	if strings.HasSuffix(name, ".gz") {
		o.zip = gzip.NewWriter(f)
		o.Writer = o.zip
	}
	return o, nil
}

func (o *output) finish(whole bool) (err error) {
	if o.file == nil {
		return nil
	}
	if o.zip != nil && whole {
		err = o.zip.Close()
	}
	if err = errors.Join(err, o.file.Close()); err == nil && whole {
		return os.Rename(o.file.Name(), o.name)
	}
	return errors.Join(err, os.Remove(o.file.Name()))
}

// gauge is how a Stats is shown.
func (s *Stats) gauge() progress.Gauge {
	return progress.Gauge{
		Far:   func() (done, of int64) { return max(s.At.Load()-s.Begin.Load(), 0), s.End.Load() - s.Begin.Load() },
		Count: s.Rows.Load, What: "rows",
		Note: func() string {
			if at := s.At.Load(); at > 0 {
				return ", at " + time.UnixMicro(at).UTC().Format(time.DateTime)
			}
			return ""
		},
	}
}

// conclude says what came of it; where the rows are, nothing else is.
func conclude(c *cli.Context, r Result, took time.Duration, err error) error {
	switch {
	case err != nil && errors.Is(err, context.Canceled) && c.Err() != nil:
		return errors.New("interrupted: nothing is kept of a file that is not whole")
	case errors.Is(err, stretch.ErrNothing):
		return flags.BadConfig("%w", err)
	case err != nil:
		return err
	}
	text := fmt.Sprintf("%s rows of %s records in %s, %s", progress.Grouped(r.Rows), progress.Grouped(r.Records), took.Round(time.Millisecond), progress.Rate(r.Rows, took))
	for _, why := range feed.Reasons {
		if n := r.Refused[why]; n > 0 {
			text += fmt.Sprintf("; %s that the decoder refuses: %s", progress.Grouped(n), why)
		}
	}
	if r.Missing > 0 {
		text += fmt.Sprintf("; %s are missing in the archive", progress.Grouped(r.Missing))
	}
	if r.Rows == 0 && (len(flags.List(c, "symbols")) > 0 || len(flags.List(c, "rooms")) > 0) {
		text += "; nothing was told of what was asked for: replay ls lists the symbols"
	}
	fmt.Fprintln(c.App.ErrWriter, text)
	if r.Left > 0 {
		return fmt.Errorf("%s records have no place in a capture and were left out, the first: %s", progress.Grouped(r.Left), r.First)
	}
	return nil
}
