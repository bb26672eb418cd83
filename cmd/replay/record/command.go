package record

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"tapedeck/cmd/flags"
	"tapedeck/feed"
	"tapedeck/feed/clickhouse"
	"tapedeck/feed/kafka"
	"tapedeck/market"
)

const description = `Writes every record of the topics into the archive's tables, which replay migrate makes. The table is the memory of how
far it is written: it may be killed at any moment and started again, and nothing is missing and nothing doubled.
One recorder for a topic, and one address of ClickHouse: what a server is still doing is known by itself alone.

A batch that the server refuses for good is tried again until it is taken; with --spool it is put there, the archive says
that its records are missing, and recording goes on. --resend DIR sends what is there.

It also keeps, every ten minutes of a log, what a streamer would have made of each log, so that a replay may begin anywhere, with all
that was known then, and a streamer at the newest (streamer serve --checkpoints clickhouse). The settings of rooms have to
be those of the streamer, and so have the options of --feed that say whose quotes, ticker or candles are.

Examples:

  replay record --brokers kafka:9092 --clickhouse ch:9000 --feed binance=md.raw.binance --feed okx=md.raw.okx
  replay record --config tapedeck.yaml --checkpoint-every 2m
  replay record --clickhouse ch:9000 --resend /var/lib/tapedeck/spool`

// Command is `replay record`.
func Command() *cli.Command {
	return &cli.Command{
		Name:        "record",
		Usage:       "keep the records of Kafka topics in ClickHouse, each exactly once",
		Description: description,
		Flags: slices.Concat([]cli.Flag{
			flags.Config(),
			&cli.StringSliceFlag{Name: "feed", Usage: "record a topic of a format, `NAME=TOPIC[#NUMBER][,OPTION…]`, as in streamer serve"},
			&cli.StringFlag{Name: "from", Usage: "begin a log of which nothing is kept at this `TIME`, as in 2026-01-31T00:00:00Z; its oldest record unless given"},
			&cli.IntFlag{Name: "batch-rows", Value: 50_000, Usage: "write at most `N` records at once"},
			&cli.GenericFlag{Name: "batch-bytes", Value: flags.Bytes(16 << 20), Usage: "write about this `SIZE` at once"},
			&cli.DurationFlag{Name: "batch-every", Value: time.Second, Usage: "write what is younger than this `TIME` only when a batch is full"},
			&cli.GenericFlag{Name: "memory", Value: flags.Bytes(64 << 20), Usage: "hold this `SIZE` of records while ClickHouse is slow; then Kafka waits"},
			&cli.DurationFlag{Name: "backoff", Value: 10 * time.Second, Usage: "the longest `TIME` between two attempts"},
			&cli.DurationFlag{Name: "drain", Value: 30 * time.Second, Usage: "at the end, write what was read for this `TIME`"},
			&cli.StringFlag{Name: "spool", Usage: "keep batches that the server refuses in this `DIR`"},
			&cli.GenericFlag{Name: "spool-bytes", Value: flags.Bytes(1 << 30), Usage: "up to this `SIZE`; then recording waits"},
			&cli.StringFlag{Name: "resend", Usage: "send what is kept in this `DIR`, and end"},
			&cli.StringFlag{Name: "admin", Value: "127.0.0.1:9091", Usage: "serve /metrics, /healthz and /readyz on this `ADDRESS`; off: nowhere"},
		}, CheckpointFlags(), flags.Kafka(), flags.ClickHouse(), flags.Log()),
		Action: action,
	}
}

func action(c *cli.Context) error {
	if err := flags.NoArguments(c); err != nil {
		return err
	}
	log, err := flags.Logger(c)
	if err != nil {
		return err
	}
	at, err := flags.Archive(c)
	if err != nil {
		return err
	}
	at.Conns = 3 // the others for questions and checkpoints; each keeps the memory of what it wrote
	db, err := clickhouse.Open(at)
	if err != nil {
		return flags.BadFlag("%w", err)
	}
	defer db.Close()
	w := clickhouse.NewWriter(db)
	if dir := c.String("resend"); dir != "" {
		return resend(c.Context, w, dir, log)
	}
	config, topics, err := settings(c)
	if err != nil {
		return err
	}
	config.Table, config.Log = w, log
	if config.Checkpoints, err = ReadCheckpoints(c, db); err != nil {
		return err
	}
	if flags.Terminal(c.App.ErrWriter) {
		config.Bar = c.App.ErrWriter
	}
	cluster, err := flags.Cluster(c)
	if err != nil {
		return err
	}
	r := New(config)
	source, err := kafka.New(kafka.Config{Cluster: cluster, Topics: topics, Log: log, Begin: r.Begin})
	if err != nil {
		return flags.BadFlag("%w", err)
	}
	stop, err := serve(c.String("admin"), r, log)
	if err != nil {
		return err
	}
	defer stop()
	return r.Run(c.Context, source)
}

// settings reads the flags of the recording itself.
func settings(c *cli.Context) (config Config, topics []kafka.Topic, err error) {
	config = Config{
		Feeds:   map[string]Feed{},
		Limits:  Limits{Rows: c.Int("batch-rows"), Bytes: flags.SizeOf(c, "batch-bytes"), Every: c.Duration("batch-every"), Memory: flags.SizeOf(c, "memory")},
		Backoff: c.Duration("backoff"), Drain: c.Duration("drain"),
	}
	l := config.Limits
	if l.Rows < 1 || l.Bytes < 1<<10 || l.Memory < 2*l.Bytes || l.Every < time.Millisecond || config.Backoff < time.Millisecond || config.Drain < 0 {
		return config, nil, flags.BadFlag("--batch-rows is at least 1, --batch-bytes 1KiB, --memory twice that, --batch-every and --backoff 1ms")
	}
	if text := c.String("from"); text != "" {
		if config.From, err = time.Parse(time.RFC3339, text); err != nil {
			return config, nil, flags.BadFlag("--from: %q is not a time such as 2026-01-31T00:00:00Z", text)
		}
	}
	if dir := c.String("spool"); dir != "" {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return config, nil, flags.BadConfig("--spool: %w", err)
		}
		config.Spool = &Spool{Dir: dir, Limit: int64(flags.SizeOf(c, "spool-bytes"))}
	}
	words := flags.Words(c, "feed")
	if len(words) == 0 {
		return config, nil, flags.Missing("feed", "a topic to record")
	}
	for _, word := range words {
		t, options, err := ParseFeed(flags.Formats(c), word)
		if err != nil {
			return config, nil, err
		}
		if strings.HasPrefix(t.Name, "import:") {
			return config, nil, flags.BadFlag("--feed: %s is no topic but what files were imported as", t.Name)
		}
		topics = append(topics, t)
		config.Feeds[t.Name] = Feed{t.Format, options}
	}
	return config, topics, nil
}

var feedWord = regexp.MustCompile(`^([^=]+)=((?:import:)?[a-zA-Z0-9._-]{1,249})(?:#([^,]+))?((?:,[^,]+)*)$`)

// ParseFeed reads a word of --feed, of a topic or of what files were imported as. Of the options of streamer serve, those count that
// say what is in the log.
func ParseFeed(known []*feed.Format, word string) (t kafka.Topic, o feed.Options, err error) {
	o = feed.DefaultOptions()
	m := feedWord.FindStringSubmatch(word)
	if m == nil {
		return t, o, flags.BadFlag("--feed: %q is not NAME=TOPIC, as in binance=md.raw.binance", word)
	}
	t.Name, t.Number = m[2], m[3]
	if t.Format, err = flags.Format(known, m[1]); err != nil {
		return t, o, err
	}
	return t, o, ParseOptions(strings.Split(m[4], ",")[1:], &t, &o)
}

// ParseOptions reads a feed's options.
func ParseOptions(words []string, t *kafka.Topic, o *feed.Options) error {
	for _, option := range words {
		switch key, value, _ := strings.Cut(option, "="); {
		case option == "holes=normal":
			t.Holes = true
		case key == "trades":
			o.Trades = value
		case origins[key] > 0 && (value == "venue" || value == "derived"):
			o.Origins[origins[key]] = map[string]feed.Origin{"venue": feed.FromVenue, "derived": feed.Derived}[value]
		default:
			return flags.BadFlag("--feed: %s says nothing of what is in a log: leave it out", option)
		}
	}
	return nil
}

// origins are the channels that may be the venue's or derived: what checkpoints, and candles, are made of.
var origins = map[string]market.Channel{"quotes": market.Quotes, "ticker": market.TickerChannel, "candles": market.CandlesChannel}

// resend sends what is kept in a folder. Each file goes when its records are in the table.
func resend(ctx context.Context, w *clickhouse.Writer, dir string, log *slog.Logger) error {
	names, _, err := (&Spool{Dir: dir}).files()
	if err != nil {
		return err
	}
	if err := w.Settle(ctx, nil); err != nil {
		return err
	}
	for _, name := range names {
		b, err := Load(name)
		if err != nil {
			return err
		}
		if err := w.Fill(ctx, b); err != nil {
			return fmt.Errorf("%s stays: %w", name, err)
		}
		if err := os.Remove(name); err != nil {
			return err
		}
		log.Info("sent", "file", name)
	}
	return nil
}

// serve shows how a recorder is; "off" and "" are nowhere.
func serve(address string, r *Recorder, log *slog.Logger) (stop func(), err error) {
	if address == "" || address == "off" {
		return func() {}, nil
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("--admin: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", r.metrics)
	mux.HandleFunc("GET /readyz", r.ready)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	s := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			log.Error("the admin address is served no more", "error", err)
		}
	}()
	log.Info("admin", "address", "http://"+l.Addr().String())
	return func() { s.Close(); <-done }, nil
}
