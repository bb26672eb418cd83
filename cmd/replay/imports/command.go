package imports

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"tapedeck/cmd/flags"
	"tapedeck/cmd/replay/progress"
	"tapedeck/cmd/replay/record"
	"tapedeck/feed"
	"tapedeck/feed/capture"
	"tapedeck/feed/clickhouse"
	"tapedeck/market"
)

const description = `FILE is a capture, CSV or Parquet, which its name decides unless --as does; captures and CSV may be packed with gzip or zstd.
Each file becomes a log of its own, named import: and the file's name, as replay serve --capture names it; with --topic all of
them, one after the other, become one. REST snapshots from s.rest.raw.gz are merged into s.raw.gz.

Messages of captures are kept as they are. Rows of CSV and Parquet are records of a mapping (--feed, docs/mapping.md); Parquet's as
objects of JSON, with the names of its columns. Where --columns says what the columns are, no mapping is needed: rows
become records of the format tick.

A row that has no place (it cannot be read, has no time, is no event) is refused, with its line. Rows stay in their file's order: one that
is older than a row before it comes after it in a replay too; by more than --max-late it is refused.

The table is the memory of how far it is: started again it goes on, and nothing is written twice.

Examples:

  replay import --clickhouse ch:9000 --feed binance s.raw.gz
  replay import --dry-run --columns time=ts,price=px,size=qty,side=side,symbol=sym --time-unit ms --venue DESK trades.csv.gz
  # no line with names: columns have numbers
  replay import --clickhouse ch:9000 --columns time=1,price=2,size=3 --time-unit s --venue BITSTAMP --symbol BTC-USD bitstamp.csv.gz`

// Command is `replay import`.
func Command() *cli.Command {
	return &cli.Command{
		Name:        "import",
		Usage:       "bring captures, CSV and Parquet into the archive, as if they had been recorded",
		ArgsUsage:   "FILE...",
		Description: description,
		Flags: slices.Concat([]cli.Flag{
			flags.Config(),
			&cli.StringFlag{Name: "as", Usage: "read files as `WHAT`: capture, csv or parquet; by their names unless given"},
			&cli.StringFlag{Name: "feed", Usage: "the `FORMAT` of the records, as docs/venues.md names them, or a mapping of the --config file"},
			&cli.StringFlag{Name: "trades", Value: "trade", Usage: "take the table of trades from this `STREAM` of the venue, where it has several: trade or aggTrade"},
			&cli.StringFlag{Name: "symbol", Usage: "the `SYMBOL` of rows or bodies that do not name theirs"},
			&cli.BoolFlag{Name: "no-rest", Usage: "leave out FILE.rest.raw.gz where one lies beside FILE.raw.gz"},
			&cli.BoolFlag{Name: "dry-run", Usage: "read, decode and count; write nothing, and need no server"},
			&cli.IntFlag{Name: "max-refused", Value: 100, Usage: "end when more than `N` rows are refused; -1: never. With --dry-run they are only counted"},
			&cli.DurationFlag{Name: "max-late", Value: time.Minute, Usage: "refuse rows of tables that are older than those before them by more than this `TIME`; 0: none"},

			&cli.StringSliceFlag{Name: "columns", Category: "Tables", Usage: "what the columns are, `NAME=COLUMN,...`: time, received, symbol, price, size, side, id, bid, bid-size, ask, ask-size, open, high, low, close, volume. COLUMN is a name on the first line, or a number from 1 on"},
			&cli.StringFlag{Name: "time-unit", Category: "Tables", Usage: "the time is in this `UNIT`: s, ms, us, ns, rfc3339 or a layout such as %Y-%m-%d %H:%M:%S; Parquet mostly says it itself"},
			&cli.StringFlag{Name: "received-unit", Category: "Tables", Value: "ns", Usage: "and the time of receipt in this `UNIT`: s, ms, us or ns. Where there is one, it is the log's time"},
			&cli.StringFlag{Name: "venue", Category: "Tables", Usage: "all rows are of this `VENUE`"},
			&cli.StringFlag{Name: "instrument", Category: "Tables", Value: "spot", Usage: "its symbols are of this `KIND`: spot, perpetual, future or option"},
			&cli.StringSliceFlag{Name: "sides", Category: "Tables", Usage: "what other words than buy, sell and unknown mean, `WORD=SIDE,...`, as in bid=buy,ask=sell,ANY=unknown"},
			&cli.StringFlag{Name: "width", Category: "Tables", Value: "1m", Usage: "candles are of this `WIDTH`"},
			&cli.StringFlag{Name: "delimiter", Category: "Tables", Value: ",", Usage: "columns of CSV are divided by this `CHARACTER`, or tab"},
			&cli.BoolFlag{Name: "first-line", Category: "Tables", Usage: "each record of CSV begins with the file's first line: for a mapping with header: first-line"},

			&cli.StringFlag{Name: "topic", Category: "Log", Usage: "the log's `TOPIC`; import: and the file's name unless given"},
			&cli.IntFlag{Name: "partition", Category: "Log", Usage: "its `NUMBER`"},
			&cli.StringFlag{Name: "topic-id", Category: "Log", Usage: "the topic's `ID`, or a number that tells it from an earlier one"},
			&cli.StringFlag{Name: "cluster-id", Category: "Log", Value: "capture", Usage: "the `ID` of its Kafka cluster. These four and the format are the log's epoch"},
			&cli.BoolFlag{Name: "kafka-times", Category: "Log", Usage: "cut times to ms, as Kafka keeps them: then a replay is that of the topic, to the last byte"},
		}, record.CheckpointFlags(), flags.ClickHouse(), flags.Log()),
		Action: action,
	}
}

func action(c *cli.Context) error {
	o, err := options(c)
	if err != nil {
		return err
	}
	var dry *nowhere
	if c.Bool("dry-run") {
		dry = &nowhere{}
		o.Recorder.Table, o.MaxRefused = dry, -1
	} else {
		at, err := flags.Archive(c)
		if err != nil {
			return err
		}
		at.Conns = 4 // two for the writer, one for checkpoints
		db, err := clickhouse.Open(at)
		if err != nil {
			return flags.BadFlag("%w", err)
		}
		defer db.Close()
		if err := flags.CheckArchive(c.Context, db); err != nil {
			return err
		}
		o.Recorder.Table, o.Archive = clickhouse.NewWriter(db), db
		if o.Recorder.Checkpoints, err = record.ReadCheckpoints(c, db); err != nil {
			return err
		}
	}
	m := progress.Watch(c.App.ErrWriter, progress.Gauge{
		Far:   func() (done, of int64) { return o.Stats.Read.Load(), o.Stats.Size.Load() },
		Count: o.Stats.Rows.Load, What: "rows",
	})
	o.Say = m.Say
	result, err := Run(c.Context, o)
	return conclude(c, result, dry, m.Stop(), err)
}

// options reads the flags.
func options(c *cli.Context) (o Options, err error) {
	log, err := flags.Logger(c)
	if err != nil {
		return o, err
	}
	o = Options{MaxRefused: c.Int("max-refused"), Stats: &Stats{}, Recorder: record.Config{
		Limits:  record.Limits{Rows: 50_000, Bytes: 16 << 20, Every: time.Second, Memory: 64 << 20},
		Backoff: 10 * time.Second, Drain: time.Hour, // whoever waits no longer interrupts twice
		Log: slog.New(quiet{log.Handler()}),
	}}
	if c.Duration("max-late") < 0 {
		return o, flags.BadFlag("--max-late: %s is below 0", c.Duration("max-late"))
	}
	if n := c.Int("partition"); n < 0 || n > math.MaxInt32 {
		return o, flags.BadFlag("--partition: there is no partition %d", n)
	}
	if len(c.Args().Slice()) == 0 {
		return o, flags.BadFlag("no FILE is named: see %s --help", c.Command.HelpName)
	}
	s := settings{Context: c}
	if s.delimiter, err = delimiter(c.String("delimiter")); err != nil {
		return o, err
	}
	o.Logs, err = s.logs()
	return o, err
}

func delimiter(text string) (rune, error) {
	switch {
	case text == "tab" || text == "\t":
		return '\t', nil
	case len(text) == 1 && text[0] > ' ' && text[0] < 0x7f && text[0] != '"':
		return rune(text[0]), nil
	}
	return 0, flags.BadFlag("--delimiter: %q is not one character, or tab", text)
}

// settings reads the flags that say what the files are.
type settings struct {
	*cli.Context
	delimiter rune
	columns   *columns // nil: a mapping says it
}

// The kinds of files.
const (
	aCapture = "capture"
	aCSV     = "csv"
	aParquet = "parquet"
)

// kindOf is what a file is by its name.
func (s *settings) kindOf(path string) (string, error) {
	if as := s.String("as"); as != "" {
		if as != aCapture && as != aCSV && as != aParquet {
			return "", flags.BadFlag("--as: %s is none of %s, %s and %s", as, aCapture, aCSV, aParquet)
		}
		return as, nil
	}
	switch filepath.Ext(unpacked(path)) {
	case ".csv", ".tsv":
		return aCSV, nil
	case ".parquet", ".pq":
		return aParquet, nil
	}
	return aCapture, nil
}

// unpacked is a file's name without that of its packing.
func unpacked(path string) string {
	return strings.TrimSuffix(strings.TrimSuffix(path, ".gz"), ".zst")
}

// logs makes a log of each file, or one of all of them.
func (s *settings) logs() (list []Log, err error) {
	kinds := map[string][]string{} // by topic
	paths := map[string][]string{}
	var topics []string
	for _, path := range s.Args().Slice() {
		switch info, err := os.Stat(path); {
		case errors.Is(err, fs.ErrNotExist):
			return nil, flags.BadConfig("there is no file %s", path)
		case err != nil:
			return nil, flags.BadConfig("%w", err)
		case info.IsDir():
			return nil, flags.BadConfig("%s is a folder: name the files in it", path)
		}
		kind, err := s.kindOf(path)
		if err != nil {
			return nil, err
		}
		topic := cmp.Or(s.String("topic"), "import:"+nameOf(path, kind))
		if len(paths[topic]) == 0 {
			topics = append(topics, topic)
		} else if s.String("topic") == "" && (kind != aCapture || capture.Session(path) != capture.Session(paths[topic][0])) {
			return nil, flags.BadFlag("%s and %s have the same name: give one of them another with --topic", paths[topic][0], path)
		}
		if slices.Contains(paths[topic], path) {
			continue
		}
		kinds[topic], paths[topic] = append(kinds[topic], kind), append(paths[topic], path)
		if rest, ok := capture.Rest(path); ok && kind == aCapture && !s.Bool("no-rest") && !slices.Contains(s.Args().Slice(), rest) {
			fmt.Fprintf(s.App.ErrWriter, "with the REST snapshots of %s\n", rest)
			kinds[topic], paths[topic] = append(kinds[topic], kind), append(paths[topic], rest)
		}
	}
	for _, topic := range topics {
		if slices.ContainsFunc(kinds[topic], func(k string) bool { return k != kinds[topic][0] }) {
			return nil, flags.BadFlag("the files of one log are all captures, all CSV or all Parquet: import them one after the other")
		}
		l, err := s.log(topic, kinds[topic][0], paths[topic])
		if err != nil {
			return nil, err
		}
		l.Millis = s.Bool("kafka-times")
		list = append(list, l)
	}
	if len(list) > 1 {
		fmt.Fprintln(s.App.ErrWriter, "each file is a log of its own, and a replay's room stays in the first that has its symbol: for one log of files that follow each other, name it with --topic")
	}
	return list, nil
}

// nameOf is what a file's log is called.
func nameOf(path, kind string) string {
	if kind == aCapture {
		return filepath.Base(capture.Session(path))
	}
	base := filepath.Base(unpacked(path))
	return strings.TrimSuffix(base, filepath.Ext(base))
}

// log makes one log.
func (s *settings) log(topic, kind string, paths []string) (l Log, err error) {
	l = Log{Feed: record.Feed{Options: feed.DefaultOptions()}, MaxLate: s.Duration("max-late")}
	l.ID = feed.LogID{Cluster: s.String("cluster-id"), Topic: topic, TopicID: s.String("topic-id"), Partition: int32(s.Int("partition"))}
	l.Feed.Options.Trades = s.String("trades")
	words := flags.List(s.Context, "columns")
	switch name := s.String("feed"); {
	case len(words) > 0 && name != "":
		return l, flags.BadFlag("--columns and --feed are both given: one says what the rows are")
	case len(words) > 0 && kind == aCapture:
		return l, flags.BadFlag("--columns is of CSV and Parquet, but %s is a capture by its name: say --as csv if it is not", paths[0])
	case len(words) > 0:
		if err := s.readColumns(words); err != nil {
			return l, err
		}
	case name == "" && kind != aCapture:
		return l, flags.Missing("columns", "what the columns are, or with --feed a mapping")
	case name == "":
		return l, flags.Missing("feed", "the messages' format")
	default:
		if l.Feed.Format, err = flags.Format(flags.Formats(s.Context), name); err != nil {
			return l, err
		}
	}
	if kind == aCapture {
		return Captures(l.ID, l.Feed, s.String("symbol"), paths...), nil // whatever is late: a recorder keeps it, too
	}
	if s.columns != nil {
		l.Feed.Options.Origins[market.CandlesChannel] = s.candles()
	}
	tables := s.tables(kind, l.Feed)
	first, err := tables(paths[0]) // a mistake in the flags shows before anything is written
	if err != nil {
		return l, flags.BadConfig("%w", err)
	}
	first.close()
	l.open = func() (input, error) { return newSeveral(tables, paths) }
	if s.columns != nil {
		if _, l.Feed.Format, err = newTicks(); err != nil {
			return l, err
		}
	}
	l.ID.Format = l.Feed.Format.Name
	return l, nil
}

// candles says whose the minute candles are: the table's own, if it is one of candles.
func (s *settings) candles() feed.Origin {
	if s.columns.place("open") != "" {
		return feed.FromVenue
	}
	return feed.Derived
}

// readColumns reads the flags of simple tables.
func (s *settings) readColumns(words []string) (err error) {
	c := &columns{venue: s.String("venue"), symbol: s.String("symbol"), kind: s.String("instrument"), unit: s.String("time-unit"), width: s.String("width"), delimiter: string(s.delimiter)}
	if c.places, err = pairs(words); err != nil {
		return flags.BadFlag("--columns: %w", err)
	}
	if c.sides, err = pairs(flags.List(s.Context, "sides")); err != nil {
		return flags.BadFlag("--sides: %w", err)
	}
	if err := c.check(); err != nil {
		return flags.BadFlag("--columns: %w", err)
	}
	if perMicro[s.String("received-unit")] == 0 {
		return flags.BadFlag("--received-unit: %q is none of s, ms, us and ns", s.String("received-unit"))
	}
	s.columns = c
	return nil
}

func newSeveral(open func(string) (input, error), paths []string) (input, error) {
	s := &several{open: open, paths: paths}
	for _, path := range paths {
		in, err := open(path)
		if err != nil {
			return nil, err
		}
		_, size := in.progress()
		s.size += size
		if err := in.close(); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// tables returns what opens a table.
func (s *settings) tables(kind string, f record.Feed) func(path string) (input, error) {
	return func(path string) (input, error) {
		t := &table{name: path}
		var titles []string
		if kind == aParquet {
			p, err := openParquet(path)
			if err != nil {
				return nil, err
			}
			t.rows, titles = p, p.titles()
		} else {
			file, err := openCSV(path, s.delimiter)
			if err != nil {
				return nil, err
			}
			t.rows = file
			if s.columns != nil && !s.columns.numbered() || s.Bool("first-line") {
				if titles, err = file.columns(); err != nil {
					file.close()
					return nil, err
				}
			}
			if s.columns == nil && titles != nil {
				t.header = slices.Clone(file.row[:len(strings.TrimRight(string(file.row), "\r\n"))])
			}
		}
		if err := s.decode(t, titles, kind == aParquet, f); err != nil {
			t.close()
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		return t, nil
	}
}

// decode gives a table its decoder.
func (s *settings) decode(t *table, titles []string, objects bool, f record.Feed) (err error) {
	if s.columns == nil {
		t.decoder = f.Format.New(f.Options)
		return nil
	}
	c := *s.columns
	for _, p := range c.places {
		if titles != nil && !slices.Contains(titles, p[1]) {
			return fmt.Errorf("--columns: there is no column %s: %s", p[1], flags.DidYouMean(p[1], "", titles))
		}
	}
	if file, ok := t.rows.(*parquetFile); ok {
		c.unit = cmp.Or(c.unit, file.unit(c.place("time")))
	}
	if c.unit == "" {
		return errors.New("--time-unit is missing: the times may be in s, ms, us, ns, rfc3339 or a layout")
	}
	text, err := c.mapping(titles, objects)
	if err != nil {
		return fmt.Errorf("--columns: %w", err)
	}
	format, err := compile(text)
	if err != nil {
		return fmt.Errorf("--columns: %w", err)
	}
	o := feed.DefaultOptions()
	o.Origins[market.CandlesChannel] = s.candles()
	t.decoder = format.New(o)
	if place := c.place("received"); place != "" {
		t.received = s.receipt(t, place, titles)
	}
	t.ticks, _, err = newTicks()
	return err
}

// quiet leaves out what a recorder says of a topic: what matters of a file is told otherwise.
type quiet struct{ slog.Handler }

func (q quiet) Handle(ctx context.Context, r slog.Record) error {
	if r.Level < slog.LevelWarn || r.Message == "records lost" {
		return nil
	}
	return q.Handler.Handle(ctx, r)
}

// conclude says what came of it.
func conclude(c *cli.Context, r Result, dry *nowhere, took time.Duration, err error) error {
	if r.Rows > 0 || err == nil {
		what := fmt.Sprintf("%s written", progress.Grouped(r.Written))
		if dry != nil {
			what = fmt.Sprintf("%s would be written, of %d days, with %s trades and %s minute candles beside", progress.Grouped(r.Written), dry.days, progress.Grouped(dry.trades), progress.Grouped(dry.candles))
		}
		fmt.Fprintf(c.App.Writer, "%s rows in %s, %s; %s%s\n", progress.Grouped(r.Rows), took.Round(time.Millisecond), progress.Rate(r.Rows, took), what, besides(r))
	}
	switch {
	case err != nil && errors.Is(err, context.Canceled) && c.Err() != nil:
		return errors.New("interrupted: give the same command again to go on")
	case errors.Is(err, clickhouse.ErrSchema), errors.Is(err, clickhouse.ErrDenied):
		return flags.BadConfig("%w", err)
	case err != nil:
		return err
	case len(r.Refused) > 0:
		return errors.New("some rows were refused")
	}
	return nil
}

// besides lists what was not simply written.
func besides(r Result) (text string) {
	add := func(n int64, what string) {
		if n > 0 {
			text += fmt.Sprintf("; %s %s", progress.Grouped(n), what)
		}
	}
	reasons := append(slices.Clone(feed.Reasons), unreadable, noTime, late)
	add(r.There, "were there already")
	add(r.Unused, "without market data left out")
	for _, why := range reasons {
		add(r.Doubtful[why], "kept that the decoder refuses: "+string(why))
	}
	for _, why := range reasons {
		add(r.Refused[why], "refused: "+string(why))
	}
	if r.Late > 0 {
		add(r.Late, fmt.Sprintf("older than a row before them, by at most %s: they keep their places", r.Latest))
	}
	return text
}
