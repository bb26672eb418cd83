package main

import (
	"context"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"tapedeck/cmd/flags"
	"tapedeck/feed/kafka"
	"tapedeck/server"
)

func serveCommand() *cli.Command {
	return &cli.Command{
		Name:  "serve",
		Usage: "serve the rooms of Kafka topics to WebSocket clients",
		Description: `Reads every partition of the topics and serves their rooms. It joins no consumer group and commits
nothing: start as many nodes as there are clients for, each of them serves everything it reads.

` + feedHelp + `

The first interrupt or SIGTERM drains: the node says that it is not ready, sends its clients to another
node, spread over a while, and ends. The second ends it at once.

Examples:

  # one topic, keyed by symbol
  streamer serve --brokers kafka:9092 --feed binance=md.raw.binance
  # two markets; candles of the second are the venue's own
  streamer serve --brokers kafka:9092 --feed binance=md.raw.spot --feed binance-usdm=md.raw.usdm,candles=venue
  # a part of the market: BTC and ETH against anything, and every ticker
  streamer serve --config tapedeck.yaml --only symbol:BTC-* --only symbol:ETH-* --only channel:ticker
  # and replays, from what a recorder keeps, into what Kafka still holds, into live
  streamer serve --config tapedeck.yaml --archive clickhouse --clickhouse clickhouse:9000
  # begin again within seconds, and with all that was known: nodes of the same settings may share the folder
  streamer serve --config tapedeck.yaml --checkpoints folder:/var/lib/tapedeck/checkpoints --checkpoint-every 30s
  # all settings from a file, the password from another
  streamer serve --config tapedeck.yaml --sasl-password-file /run/secrets/kafka`,
		Flags:  slices.Concat([]cli.Flag{flags.Config()}, feedFlags(), archiveFlags(), serverFlags(), checkpointFlags(), flags.Log()),
		Action: serve,
	}
}

func serve(c *cli.Context) error {
	s, err := readSettings(c)
	if err != nil {
		return err
	}
	if s.deadLetters != "" {
		letters, err := kafka.NewDeadLetters(s.kafka.Cluster, s.deadLetters, s.server.Log)
		if err != nil {
			return flags.BadFlag("--dead-letters: %w", err)
		}
		s.server.Refused, s.server.Letters = letters.Refused, letters.Counts
		defer func() {
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			defer cancel()
			if err := letters.Close(ctx); err != nil {
				s.server.Log.Error("dead letters were not all kept", "topic", s.deadLetters, "error", err)
			}
		}()
	}
	end, err := openArchive(c, s)
	if err != nil {
		return err
	}
	defer end()
	done, err := openCheckpoints(c, s)
	if err != nil {
		return err
	}
	defer done()
	srv, err := server.New(s.server)
	if err != nil {
		return refused(err)
	}
	announce(s, srv)
	return srv.Run(c.Context)
}

// announce says where the server is to be found.
func announce(s *settings, srv *server.Server) {
	var topics []string
	for _, t := range s.kafka.Topics {
		topics = append(topics, t.Format.Name+"="+t.Name)
	}
	scheme := "http"
	if s.server.TLSCert != "" {
		scheme = "https"
	}
	admin := "off"
	if a := srv.AdminAddr(); a != nil {
		admin = "http://" + reachable(a)
	}
	s.server.Log.Info("serving", "clients", scheme+"://"+reachable(srv.Addr()), "admin", admin, "node", s.server.WithDefaults().Node,
		"feeds", strings.Join(topics, " "), "brokers", strings.Join(s.kafka.Cluster.Brokers, ","), "warmup", flags.Short(s.kafka.Warmup), "version", version)
}

// reachable is an address as one that runs on this host would dial it.
func reachable(a net.Addr) string {
	host, port, err := net.SplitHostPort(a.String())
	if err != nil {
		return a.String()
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}
