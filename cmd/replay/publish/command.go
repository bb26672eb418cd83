package publish

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/urfave/cli/v2"

	"tapedeck/cmd/flags"
	"tapedeck/cmd/replay/progress"
	"tapedeck/cmd/replay/stretch"
	"tapedeck/feed"
	"tapedeck/feed/capture"
)

// Command is `replay publish`.
func Command() *cli.Command {
	speed, compression := Speed(1), Compression(kafka.Lz4)
	return &cli.Command{
		Name:        "publish",
		Usage:       "send captures or a stretch of the archive into a Kafka topic, each message exactly once",
		ArgsUsage:   "[FILE...]",
		Description: description,
		Flags: slices.Concat([]cli.Flag{
			&cli.StringFlag{Name: "topic", Usage: "the `TOPIC` to send to"},
			&cli.StringFlag{Name: "feed", Usage: "the `FORMAT` of a capture's messages, as docs/venues.md names them, or a mapping of the --config file"},
			&cli.GenericFlag{Name: "speed", Value: &speed, Usage: "`TIMES` as fast as it was received, 0.1 to 1000, or max"},
			&cli.BoolFlag{Name: "now", Usage: "the session begins now: the times of its records follow from the present, at the speed chosen"},
			&cli.BoolFlag{Name: "loop", Usage: "begin again at the end, until interrupted"},
			&cli.BoolFlag{Name: "resume", Usage: "go on where the newest run of this session ended"},
			&cli.BoolFlag{Name: "again", Usage: "send the session although the topic has it already"},
			&cli.StringFlag{Name: "symbol", Usage: "the native `SYMBOL` of bodies that do not name theirs"},
			&cli.BoolFlag{Name: "no-rest", Usage: "leave out FILE.rest.raw.gz where one lies beside FILE.raw.gz"},
			&cli.BoolFlag{Name: "all", Usage: "also send what carries no market data, such as acknowledgements"},
			&cli.GenericFlag{Name: "kafka-compression", Value: &compression, Usage: "pack batches by this `METHOD`: none, gzip, snappy, lz4 or zstd"},
			&cli.DurationFlag{Name: "give-up", Value: 2 * time.Minute, Usage: "end when the brokers have taken nothing for this `TIME`"},
			&cli.BoolFlag{Name: "create-topic", Usage: "make the topic if there is none; it keeps its records for ever"},
			&cli.IntFlag{Name: "partitions", Usage: "with this `NUMBER` of partitions; 0: the brokers' default"},
			&cli.IntFlag{Name: "replicas", Usage: "and this `NUMBER` of replicas; 0: the brokers' default"},
			flags.Config(),
		}, stretch.Flags(), flags.ClickHouse(), flags.Kafka()),
		Action: action,
	}
}

const description = `FILE is a capture: a line for each message, its time of receipt in front. It may be packed with gzip.
REST snapshots from FILE.rest.raw.gz are merged in by time of receipt. Several files are sent one after the other.

With --from, --to, --logs or --symbols in the place of a FILE, a stretch of the archive in ClickHouse is sent: its records as they were, with their keys, headers and times, in the
one order that replays have.

A capture's records are keyed by native symbol, or by FILE's name where a venue's sequence spans a connection, and lie in the
partition that the Java client would choose. All replicas acknowledge. What was interrupted goes on with --resume:
nothing is missing and nothing doubled, also after kill -9.

Examples:

  # a session as it was, in a topic made for it
  replay publish --brokers kafka:9092 --create-topic --partitions 6 --topic md.raw.binance --feed binance s.raw.gz
  # last Tuesday afternoon, at its own pace, for whatever else reads Kafka
  replay publish --brokers kafka:9092 --topic md.tuesday --clickhouse ch:9000 --from 2026-01-27T12:00:00Z --to 2026-01-27T18:00:00Z
  # a market that goes on for ever, ten times as fast and as if it were now
  replay publish --brokers kafka:9092 --topic md.raw.binance --feed binance --speed 10 --now --loop s.raw.gz`

func action(c *cli.Context) error {
	o, err := options(c)
	if err != nil {
		return err
	}
	cluster, err := flags.Cluster(c)
	if err != nil {
		return err
	}
	if o.Client, err = connect(cluster, o.Topic); err != nil {
		return err
	}
	if o.Stretch != nil {
		db, err := flags.OpenArchive(c)
		if err != nil {
			return err
		}
		defer db.Close()
		if err := flags.CheckArchive(c.Context, db); err != nil {
			return err
		}
		o.Stretch.Archive = db
	}
	defer o.Client.Transport.(*kafka.Transport).CloseIdleConnections()

	p := progress.Watch(c.App.ErrWriter, o.Stats.gauge())
	if o.Say = p.Say; o.Stretch != nil {
		o.Stretch.Say = p.Say
	}
	result, err := Run(c.Context, o)
	return conclude(c, &o, result, p.Stop(), err)
}

// options reads the flags.
func options(c *cli.Context) (o Options, err error) {
	o = Options{
		Topic: c.String("topic"), Symbol: c.String("symbol"),
		All: c.Bool("all"), Now: c.Bool("now"), Loop: c.Bool("loop"), Resume: c.Bool("resume"), Again: c.Bool("again"),
		Speed: float64(*c.Generic("speed").(*Speed)), Compression: kafka.Compression(*c.Generic("kafka-compression").(*Compression)),
		GiveUp: c.Duration("give-up"), Stats: &Stats{},
	}
	name := c.String("feed")
	switch {
	case o.Topic == "":
		return o, flags.Missing("topic", "a topic")
	case o.Resume && o.Again:
		return o, flags.BadFlag("--resume and --again are both given: one goes on with a run, the other begins a new one")
	case o.GiveUp <= 0:
		return o, flags.BadFlag("--give-up: %s is not a time to wait", o.GiveUp)
	case !c.Bool("create-topic") && (c.Int("partitions") != 0 || c.Int("replicas") != 0):
		return o, flags.BadFlag("--partitions and --replicas are of a topic that is made: give --create-topic")
	case c.Int("partitions") < 0 || c.Int("partitions") > math.MaxInt16 || c.Int("replicas") < 0 || c.Int("replicas") > math.MaxInt16:
		return o, flags.BadFlag("--partitions and --replicas cannot be below 0 or above %d", math.MaxInt16)
	}
	if c.Bool("create-topic") {
		o.Create = &Creation{Partitions: c.Int("partitions"), Replicas: c.Int("replicas")}
	}
	if o.Stretch, err = archive(c); err != nil || o.Stretch != nil {
		return o, err
	}
	if name == "" {
		return o, flags.Missing("feed", "the messages' format")
	}
	if o.Format, err = flags.Format(flags.Formats(c), name); err != nil {
		return o, err
	}
	o.Files, err = files(c)
	return o, err
}

// archive returns the stretch of the archive that is sent; nil where captures are.
func archive(c *cli.Context) (*stretch.Stretch, error) {
	s, err := stretch.FromFlags(c)
	switch named := s.From > 0 || s.To > 0 || len(s.Topics) > 0 || len(s.Symbols) > 0; {
	case err != nil:
		return nil, err
	case named && c.Args().Present():
		return nil, flags.BadFlag("%s is named, and a stretch of the archive: one of them is sent", c.Args().First())
	case !named:
		return nil, nil
	}
	return &s, nil
}

// files lists the captures, each followed by its REST file.
func files(c *cli.Context) (list []string, err error) {
	named := c.Args().Slice()
	if len(named) == 0 {
		return nil, flags.BadFlag("no FILE is named, and no stretch of the archive by --from, --to, --logs or --symbols: see %s --help", c.Command.HelpName)
	}
	for _, path := range named {
		if info, err := os.Stat(path); err != nil || info.IsDir() {
			return nil, flags.BadConfig("%w", cmp.Or(err, fmt.Errorf("%s is a folder: name the captures in it", path)))
		}
		if slices.Contains(list, path) {
			continue
		}
		list = append(list, path)
		rest, ok := capture.Rest(path)
		if ok && !c.Bool("no-rest") && !slices.Contains(named, rest) && !slices.Contains(list, rest) {
			fmt.Fprintf(c.App.ErrWriter, "with the REST snapshots of %s\n", rest)
			list = append(list, rest)
		}
	}
	return list, nil
}

// conclude says what came of it.
func conclude(c *cli.Context, o *Options, r Result, took time.Duration, err error) error {
	if r.Messages > 0 || err == nil {
		fmt.Fprintf(c.App.Writer, "%s records sent to %s in %s, %s%s\n",
			progress.Grouped(r.Sent), o.Topic, took.Round(time.Millisecond), progress.Rate(r.Sent, took), besides(r))
	}
	switch {
	case err != nil && errors.Is(err, context.Canceled) && c.Err() != nil:
		return errors.New("interrupted: give the same command with --resume to go on")
	case errors.Is(err, stretch.ErrNothing):
		return flags.BadConfig("%w", err)
	case err != nil && r.Messages > 0:
		return fmt.Errorf("%w; what was sent stays: give the same command with --resume to go on", err)
	case err != nil:
		return err
	case r.BadLines > 0:
		return fmt.Errorf("%s lines could not be read and were left out, the first: %w", progress.Grouped(r.BadLines), r.FirstBad)
	}
	return nil
}

// besides lists what was not simply sent.
func besides(r Result) (text string) {
	add := func(n int64, what string) {
		if n > 0 {
			text += fmt.Sprintf("; %s %s", progress.Grouped(n), what)
		}
	}
	add(r.There, "were there already")
	add(r.Missing, "missing in the archive")
	add(r.LeftOut, "without market data left out")
	for _, why := range feed.Reasons {
		add(r.Refused[why], "that the decoder refuses: "+string(why))
	}
	return text
}

// Speed is the value of --speed; 0 is max.
type Speed float64

// Set implements flag.Value.
func (s *Speed) Set(text string) error {
	if text == "max" {
		*s = 0
		return nil
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || !(n >= 0.1 && n <= 1000) {
		return errors.New("it goes from 0.1 to 1000, or is max")
	}
	*s = Speed(n)
	return nil
}

func (s *Speed) String() string {
	if s == nil || *s == 0 {
		return "max"
	}
	return strconv.FormatFloat(float64(*s), 'g', -1, 64)
}

// Compression is the value of --kafka-compression.
type Compression kafka.Compression

// Set implements flag.Value.
func (v *Compression) Set(text string) error {
	for c := kafka.Compression(0); c <= kafka.Zstd; c++ {
		if (*Compression)(&c).String() == text {
			*v = Compression(c)
			return nil
		}
	}
	return errors.New("it is none, gzip, snappy, lz4 or zstd")
}

func (v *Compression) String() string {
	if v == nil || *v == 0 {
		return "none"
	}
	return kafka.Compression(*v).String()
}
