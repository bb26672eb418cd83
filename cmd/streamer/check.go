package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"tapedeck/cmd/flags"
	"tapedeck/feed/kafka"
)

func checkCommand() *cli.Command {
	return &cli.Command{
		Name:  "check-config",
		Usage: "say what is wrong with the settings and the topics, and what to change",
		Description: `Takes the flags of serve. First the settings are checked, as serve would before it starts; then the topics
are looked at: whether they are there and may be read, how they are keyed, kept and cleaned; and the place of
--checkpoints, and the tables of --archive. Nothing is changed and nothing is served. It ends with 0 if serving
would go well, warnings included, and with 3 if not.

Examples:

  streamer check-config --brokers kafka:9092 --feed binance=md.raw.binance
  # the settings alone, where there is no Kafka
  streamer check-config --config tapedeck.yaml --offline`,
		Flags: slices.Concat([]cli.Flag{
			flags.Config(),
			&cli.BoolFlag{Name: "offline", Usage: "check the settings alone"},
			&cli.DurationFlag{Name: "timeout", Value: 30 * time.Second, Usage: "give up looking after this `TIME`"},
		}, feedFlags(), archiveFlags(), serverFlags(), checkpointFlags(), flags.Log()),
		Action: check,
	}
}

func check(c *cli.Context) error {
	s, err := readSettings(c)
	if err != nil {
		return err
	}
	if err := s.server.Check(); err != nil {
		return flags.BadFlag("%w", err)
	}
	fmt.Fprintln(c.App.Writer, "ok       settings")
	if in := s.instruments; in != nil {
		fmt.Fprintf(c.App.Writer, "ok       instruments: %d of the %d in %s are of the feeds' venues\n", len(in.list), in.all, in.file)
	}
	for _, stray := range flags.Strays(c.App, os.Environ()) {
		fmt.Fprintf(c.App.Writer, "warning  environment: %s\n", stray)
	}
	if err := checkArchive(c); err != nil {
		return err
	}
	closeCheckpoints, err := openCheckpoints(c, s)
	if err != nil {
		return err
	}
	defer closeCheckpoints()
	if c.Bool("offline") {
		return nil
	}
	ctx, cancel := context.WithTimeout(c.Context, c.Duration("timeout"))
	defer cancel()
	findings, err := kafka.Inspect(ctx, s.kafka)
	if err != nil {
		return flags.BadConfig("cannot look at Kafka: %w", err)
	}
	if s.deadLetters != "" {
		f, err := kafka.InspectDeadLetters(ctx, s.kafka.Cluster, s.deadLetters)
		if err != nil {
			return flags.BadConfig("cannot look at Kafka: %w", err)
		}
		findings = append(findings, f)
	}
	if c.String("checkpoints") != "" {
		f, err := inspectCheckpoints(ctx, s)
		if err != nil {
			return flags.BadConfig("cannot look at Kafka: %w", err)
		}
		findings = append(findings, f)
	}
	if c.String("archive") == "clickhouse" {
		f, err := inspectArchive(ctx, c)
		if err != nil {
			return err
		}
		findings = append(findings, f)
	}
	faults := 0
	for _, f := range findings {
		fmt.Fprintf(c.App.Writer, "%-8s %s: %s\n", f.Level, cmp.Or(f.Topic, "cluster"), f.Text)
		if f.Level == kafka.Fault {
			faults++
		}
	}
	if faults > 0 {
		return flags.BadConfig("serving would go wrong: %d of the findings are faults", faults)
	}
	return nil
}
