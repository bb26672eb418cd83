package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/urfave/cli/v2"

	"tapedeck/cmd/flags"
	"tapedeck/cmd/streamer/market"
	"tapedeck/feed/kafka"
)

// simulatedTopic is where the simulated market goes unless told otherwise.
const simulatedTopic = "md.raw.binance"

func simulateCommand() *cli.Command {
	return &cli.Command{
		Name:  "simulate",
		Usage: "publish a simulated market into Kafka, in Binance's raw format",
		Description: "The topic must exist. Records are keyed by symbol, and a symbol's REST depth snapshots are among them.\n" +
			"The same seed gives the same market. It goes on until it is stopped.\n\n" +
			"Examples:\n\n" +
			"  streamer simulate --brokers kafka:9092\n" +
			"  # two symbols, into a topic of your own\n" +
			"  streamer simulate --brokers kafka:9092 --topic md.test --symbols BTCUSDT,ETHUSDT",
		Flags: append(append([]cli.Flag{
			flags.Config(),
			&cli.StringFlag{Name: "topic", Value: simulatedTopic, Usage: "publish into this `TOPIC`"},
		}, marketFlags()...), append(flags.Kafka(), flags.Log()...)...),
		Action: simulate,
	}
}

// marketFlags say what is simulated. marketOptions reads them.
func marketFlags() []cli.Flag {
	const category = "Market"
	return []cli.Flag{
		&cli.Uint64Flag{Name: "seed", Category: category, Value: 1, Usage: "the same `NUMBER` gives the same market"},
		&cli.StringSliceFlag{Name: "symbols", Category: category, Usage: "simulate only these `SYMBOLS` of " + strings.Join(market.Names(), " ")},
		&cli.Float64Flag{Name: "rate", Category: category, Value: 1, Usage: "orders come this many `TIMES` as often: 1 is some 270 records a second"},
		&cli.DurationFlag{Name: "gaps", Category: category, Value: 45 * time.Second, Usage: "about this often a message of the venue is lost, so that a book goes stale and recovers; 0: never (`TIME`)"},
	}
}

func marketOptions(c *cli.Context) (market.Options, error) {
	o := market.Options{
		Seed: c.Uint64("seed"), Rate: c.Float64("rate"), Gaps: c.Duration("gaps"), Start: time.Now(),
	}
	for _, s := range flags.List(c, "symbols") {
		o.Symbols = append(o.Symbols, strings.ToUpper(s))
	}
	if c.Float64("rate") <= 0 {
		return o, flags.BadFlag("--rate: %v is no rate: it is over 0", c.Float64("rate"))
	}
	if o.Gaps < 0 {
		return o, flags.BadFlag("--gaps: %v is no time: 0 is for none", o.Gaps)
	}
	if _, err := market.New(o); err != nil {
		return o, flags.BadFlag("%w", err)
	}
	return o, nil
}

func simulate(c *cli.Context) error {
	if err := flags.NoArguments(c); err != nil {
		return err
	}
	cluster, err := flags.Cluster(c)
	if err != nil {
		return err
	}
	options, err := marketOptions(c)
	if err != nil {
		return err
	}
	log, err := flags.Logger(c)
	if err != nil {
		return err
	}
	topic := c.String("topic")
	if !awaitTopic(c.Context, cluster, topic, log) {
		return nil // told to stop before there was anything to do
	}
	options.Start = time.Now()
	m, err := market.New(options)
	if err != nil {
		return err
	}
	p, err := newPlayer(cluster, topic, m, log)
	if err != nil {
		return err
	}
	log.Info("publishing", "topic", topic, "symbols", len(m.Pairs()), "rate", options.Rate, "seed", options.Seed)
	p.run(c.Context)
	return p.close()
}

// awaitTopic waits until Kafka answers and has the topic; false if ctx ends before.
func awaitTopic(ctx context.Context, cluster kafka.Cluster, topic string, log *slog.Logger) bool {
	said := ""
	for {
		err := findTopic(ctx, cluster, topic)
		if ctx.Err() != nil {
			return false
		}
		if err == nil {
			return true
		}
		if said != err.Error() { // once for each new reason
			said = err.Error()
			log.Warn("waiting: " + said)
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(retry):
		}
	}
}

// findTopic says why nothing can be published yet.
func findTopic(ctx context.Context, cluster kafka.Cluster, topic string) error {
	client, err := cluster.Client()
	if err != nil {
		return err
	}
	if t, ok := client.Transport.(*kafkago.Transport); ok {
		defer t.CloseIdleConnections()
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	meta, err := client.Metadata(ctx, &kafkago.MetadataRequest{Topics: []string{topic}})
	if err != nil {
		return fmt.Errorf("no answer from Kafka at %s: %w", strings.Join(cluster.Brokers, ", "), err)
	}
	for _, t := range meta.Topics {
		if t.Name == topic && t.Error == nil && len(t.Partitions) > 0 {
			return nil
		}
		if t.Error != nil {
			return fmt.Errorf("topic %s: %w; create it, as with kafka-topics.sh --create --topic %s --partitions 4", topic, t.Error, topic)
		}
	}
	return fmt.Errorf("there is no topic %s", topic)
}
