package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"tapedeck/cmd/flags"
	"tapedeck/cmd/streamer/broker"
	"tapedeck/cmd/streamer/steady"
	"tapedeck/feed/kafka"
)

// steadyTopic is where the steady trades go unless told otherwise.
const steadyTopic = "md.bench"

func benchFeedCommand() *cli.Command {
	return &cli.Command{
		Name:  "bench-feed",
		Usage: "publish trades or quotes at an exact rate, to measure a node with",
		Description: `Publishes trades or quotes of the symbols SYM000USDT, SYM001USDT and so on into partition 0 of a topic, in
Binance's raw format, as many a second as asked for. A trade's id, and the quantity of a quote's bid, is
when it was sent, in microseconds, so that its reader knows how long it took. With --broker it brings a Kafka broker of its own, in this
process and in memory; else the topic must exist.

With --control a load client says when: GET /start?rate=R&symbols=S, /stop and /report, which tells how
many were sent, skipped because something was too slow, and how long the broker took to append.

Examples:

  # 10,000 trades a second of 100 symbols, from a broker of its own; and a node that reads it
  streamer bench-feed --broker 127.0.0.1:9192 --rate 10000
  streamer serve --brokers 127.0.0.1:9192 --feed binance=md.bench
  # into your own Kafka, when told to
  streamer bench-feed --brokers kafka:9092 --control 127.0.0.1:8102`,
		Flags: append(append([]cli.Flag{
			flags.Config(),
			&cli.StringFlag{Name: "broker", Usage: "start a broker at this `HOST:PORT` instead of using one that is there"},
			&cli.StringFlag{Name: "topic", Value: steadyTopic, Usage: "publish into this `TOPIC`"},
			&cli.IntFlag{Name: "rate", Usage: "publish `N` events a second from the start; 0: when told to by --control"},
			&cli.IntFlag{Name: "symbols", Value: 100, Usage: "of `N` symbols"},
			&cli.BoolFlag{Name: "quotes", Usage: "publish quotes, which may be folded, instead of trades"},
			&cli.StringFlag{Name: "control", Usage: "be told what to publish at this `HOST:PORT`"},
		}, flags.Kafka()...), flags.Log()...),
		Action: benchFeed,
	}
}

func benchFeed(c *cli.Context) error {
	if err := flags.NoArguments(c); err != nil {
		return err
	}
	load := steady.Load{Rate: c.Int("rate"), Symbols: c.Int("symbols"), Quotes: c.Bool("quotes")}
	if load.Rate == 0 && c.String("control") == "" {
		return flags.BadFlag("nothing says what to publish: --rate 10000, or --control 127.0.0.1:8102")
	}
	if err := load.Check(); err != nil && load.Rate != 0 {
		return flags.BadFlag("--rate, --symbols: %w", err)
	}
	log, err := flags.Logger(c)
	if err != nil {
		return err
	}
	cluster, end, err := steadyCluster(c)
	if err != nil {
		return err
	}
	defer end()
	topic := c.String("topic")
	if !awaitTopic(c.Context, cluster, topic, log) {
		return nil // told to stop before there was anything to do
	}
	feed, err := steady.New(cluster, topic)
	if err != nil {
		return err
	}
	feed.Quotes = load.Quotes
	ctx, stop := context.WithCancel(c.Context)
	var work sync.WaitGroup
	defer work.Wait()
	defer stop()
	if address := c.String("control"); address != "" {
		l, err := net.Listen("tcp", address)
		if err != nil {
			return flags.BadFlag("--control: %w", err)
		}
		srv := &http.Server{Handler: feed.Control(), ReadHeaderTimeout: 5 * time.Second}
		work.Go(func() { srv.Serve(l) })
		defer srv.Close()
		log.Info("told what to publish by GET /start?rate=R&symbols=S", "control", "http://"+reachable(l.Addr()))
	}
	if load.Rate > 0 {
		feed.Set(load)
	}
	log.Info("publishing", "brokers", cluster.Brokers, "topic", topic, "rate", load.Rate, "symbols", load.Symbols)
	feed.Run(ctx)
	r := feed.Report()
	fmt.Fprintf(c.App.Writer, "%d sent, %d skipped, %d failed; appended in %v (p50), %v (p99)\n", r.Sent, r.Skipped, r.Failed, r.Append.P50, r.Append.P99)
	return nil
}

// steadyCluster is the cluster to publish into: a broker of our own if one is asked for.
func steadyCluster(c *cli.Context) (cluster kafka.Cluster, end func(), err error) {
	if address := c.String("broker"); address != "" {
		b, err := broker.New(broker.Config{Listen: address, Topic: c.String("topic"), Bytes: 256 << 20})
		if err != nil {
			return cluster, nil, refused(err)
		}
		return kafka.Cluster{Brokers: []string{b.Addr()}, ClientID: "tapedeck-bench"}, b.Close, nil
	}
	cluster, err = flags.Cluster(c)
	return cluster, func() {}, err
}
