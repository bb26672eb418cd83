// Package gaps is `replay gaps`: which offsets an archive lacks.
package gaps

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"tapedeck/cmd/flags"
	"tapedeck/feed"
	"tapedeck/feed/clickhouse"
)

const description = `Looks for every offset between a log's first and last record that the archive does not have, by the records themselves, and
counts them exactly. Where the archive knows of a hole, its reason stands beside: retention (removed from the topic before it was
recorded), source (the topic never had it, or could not be read there), archive (a batch that ClickHouse refused).
A hole without a reason in a topic that is compacted, or written in transactions, is as it must be.

Reads the offsets of all records, 8 bytes each before they are packed: a few seconds for a hundred millions.

Examples:

  replay gaps --clickhouse ch:9000
  # in a script: fails if anything is missing of yesterday
  replay gaps --clickhouse ch:9000 --day 2026-01-30 --strict --json`

// Command is `replay gaps`.
func Command() *cli.Command {
	return &cli.Command{
		Name:        "gaps",
		Usage:       "count the offsets that the archive lacks, with the reason where it is known",
		Description: description,
		Flags: slices.Concat([]cli.Flag{
			flags.Config(),
			&cli.StringFlag{Name: "day", Usage: "only this `DAY` of the logs' clocks, in UTC, as in 2026-01-31"},
			&cli.StringSliceFlag{Name: "topic", Usage: "only this `TOPIC`, or several"},
			&cli.IntFlag{Name: "list", Value: 100, Usage: "list `N` gaps of a log; they are counted all the same"},
			&cli.BoolFlag{Name: "strict", Usage: "end with 1 if an offset is missing, or if nothing is archived at all"},
			&cli.BoolFlag{Name: "json", Usage: "a line of JSON for each log instead of a table; times are µs"},
		}, flags.ClickHouse()),
		Action: run,
	}
}

func run(c *cli.Context) error {
	if err := flags.NoArguments(c); err != nil {
		return err
	}
	day, topics := c.String("day"), flags.List(c, "topic")
	if err := flags.CheckDay(day); err != nil {
		return err
	}
	if c.Int("list") < 0 {
		return flags.BadFlag("--list is %d: it cannot be below 0", c.Int("list"))
	}
	db, err := flags.OpenArchive(c)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := flags.CheckArchive(c.Context, db); err != nil {
		return err
	}
	logs, err := db.Logs(c.Context)
	if err != nil {
		return err
	}
	var list []report
	missing := int64(0)
	for _, l := range logs {
		if len(topics) > 0 && !slices.Contains(topics, l.Topic) {
			continue
		}
		r, held, err := search(c.Context, db, l, day, c.Int("list"))
		if err != nil {
			return fmt.Errorf("%s/%d: %w", l.Topic, l.Partition, err)
		}
		if held {
			list = append(list, r)
			missing += r.Missing
		}
	}
	if len(list) == 0 {
		return none(c)
	}
	if c.Bool("json") {
		err = lines(c.App.Writer, list)
	} else {
		err = table(c.App.Writer, list)
	}
	if err == nil && c.Bool("strict") && missing > 0 {
		err = fmt.Errorf("%d offsets are missing", missing)
	}
	return err
}

// none is what is said where there is no log to look at. Nothing at all is not what --strict asks for.
func none(c *cli.Context) error {
	text := "nothing is archived: replay record and replay import do that"
	if c.IsSet("day") || c.IsSet("topic") {
		text = "nothing of this is archived: replay ls lists what is"
	}
	if c.Bool("strict") {
		return errors.New(text)
	}
	_, err := fmt.Fprintln(c.App.ErrWriter, text)
	return err
}

// report is what was found of one log.
type report struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	TopicID   string `json:"topicId,omitempty"`
	Format    string `json:"format"`
	First     int64  `json:"first"` // offsets that were looked at, up to, not including, Next
	Next      int64  `json:"next"`
	Missing   int64  `json:"missing"`
	Known     int64  `json:"known"` // of them, those of which the reason is known
	Count     int    `json:"count"` // of gaps
	Gaps      []gap  `json:"gaps"`  // the first ones
}

type gap struct {
	From   int64     `json:"from"`
	To     int64     `json:"to"`
	Reason feed.Loss `json:"reason,omitempty"`
	After  int64     `json:"after,omitempty"` // the log's time before it
}

// search looks through one log, or one day of it.
func search(ctx context.Context, db *clickhouse.DB, l feed.Holding, day string, most int) (r report, held bool, err error) {
	r = report{Topic: l.Topic, Partition: l.Partition, TopicID: l.TopicID, Format: l.Format, First: l.First, Next: l.Next, Gaps: []gap{}}
	if day != "" {
		if r.First, r.Next, held, err = db.Bounds(ctx, l.LogID, day); err != nil || !held {
			return r, false, err
		}
	}
	err = db.Gaps(ctx, l.LogID, r.First, r.Next, func(g clickhouse.Gap) {
		r.Count++
		r.Missing += g.To - g.From
		if g.Why != "" {
			r.Known += g.To - g.From
		}
		if len(r.Gaps) < most {
			r.Gaps = append(r.Gaps, gap{g.From, g.To, g.Why, g.After})
		}
	})
	return r, true, err
}

func lines(w io.Writer, list []report) error {
	enc := json.NewEncoder(w)
	for _, r := range list {
		if err := enc.Encode(r); err != nil {
			return err
		}
	}
	return nil
}

func table(w io.Writer, list []report) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "TOPIC\tPARTITION\tFROM\tTO\tMISSING\tREASON\tAFTER\t")
	for _, r := range list {
		known := ""
		if r.Known > 0 {
			known = fmt.Sprintf("%d known", r.Known)
		}
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t%s\t\t\n", r.Topic, r.Partition, r.First, r.Next, r.Missing, known)
		for _, g := range r.Gaps {
			reason, after := "unknown", "-"
			if g.Reason != "" {
				reason = string(g.Reason)
			}
			if g.After > 0 {
				after = time.UnixMicro(g.After).UTC().Format("2006-01-02 15:04:05.000")
			}
			fmt.Fprintf(t, "\t\t%d\t%d\t%d\t%s\t%s\t\n", g.From, g.To, g.To-g.From, reason, after)
		}
		if more := r.Count - len(r.Gaps); more > 0 {
			fmt.Fprintf(t, "\t\t\t\t… and %d more\t\t\t\n", more)
		}
	}
	return t.Flush()
}
