package main

import (
	"context"
	"slices"

	"github.com/urfave/cli/v2"

	"tapedeck/cmd/flags"
	"tapedeck/feed"
	"tapedeck/feed/kafka"
)

// archiveFlags say what replays are played from.
func archiveFlags() []cli.Flag {
	return slices.Concat([]cli.Flag{&cli.StringFlag{
		Name: "archive", Category: "Replays",
		Usage: "play replays from `WHAT`: kafka, which is what the topics still hold, or clickhouse, which replay record fills, and then the topics",
	}}, flags.Replay(), flags.ClickHouse())
}

// openArchive lets the server play replays, if that is asked for. What is returned is called when it has ended.
func openArchive(c *cli.Context, s *settings) (end func(), err error) {
	if err := checkArchive(c); err != nil {
		return nil, err
	}
	from := c.String("archive")
	if from == "" {
		return func() {}, nil
	}
	past, err := kafka.NewPast(s.kafka)
	if err != nil {
		return nil, flags.BadFlag("%w", err)
	}
	s.server.Archive, s.server.Formats = past, s.format
	if s.server.ReplaySessions, s.server.ReplayWarmup, err = flags.ReplayLimits(c); err != nil {
		past.Close()
		return nil, err
	}
	if from == "kafka" {
		return past.Close, nil
	}
	db, err := flags.OpenArchive(c)
	if err != nil {
		past.Close()
		return nil, err
	}
	if err := flags.CheckArchive(c.Context, db); err != nil { // live goes on without it, and replays when it is right
		s.server.Log.Error("replays wait until the archive can be read", "error", err)
	}
	s.server.Archive, s.server.Candles = feed.Chain(db, past), db
	return func() { past.Close(); db.Close() }, nil
}

// checkArchive says what is wrong with the flag.
func checkArchive(c *cli.Context) error {
	switch from := c.String("archive"); from {
	case "", "kafka", "clickhouse":
		return nil
	default:
		return flags.BadFlag("--archive is %q: kafka or clickhouse", from)
	}
}

// inspectArchive looks at the tables that replays are played from, for check-config.
func inspectArchive(ctx context.Context, c *cli.Context) (kafka.Finding, error) {
	db, err := flags.OpenArchive(c)
	if err != nil {
		return kafka.Finding{}, err
	}
	defer db.Close()
	return inspectTables(ctx, db, "archive"), nil
}

// format returns the format of a topic that is read, by its name: what is archived of others is not played.
func (s *settings) format(name string) (*feed.Format, bool) {
	for _, t := range s.kafka.Topics {
		if t.Format.Name == name {
			return t.Format, true
		}
	}
	return nil, false
}
