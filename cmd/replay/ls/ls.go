// Package ls is `replay ls`: what an archive holds.
package ls

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"tapedeck/cmd/flags"
	"tapedeck/feed/clickhouse"
)

const description = `For each day and topic, a line for all of it and one for each symbol: records, their bytes, trades, and the log's time of the
first and the last record. Records of no symbol, or of several, stand under -. MISSING counts the offsets that are known to be
missing, under day - those before a log's first record; replay gaps looks for all of them.

The counts are those of the server's own tables and cost next to nothing. What was written twice, by a recorder that was
killed, counts twice until the server has merged it.

Examples:

  replay ls --clickhouse ch:9000
  replay ls --clickhouse ch:9000 --day 2026-01-31 --symbol BINANCE:BTC-USDT
  replay ls --clickhouse ch:9000 --json | jq -r 'select(.missing > 0) | .day'`

// Command is `replay ls`.
func Command() *cli.Command {
	return &cli.Command{
		Name:        "ls",
		Usage:       "list what is archived, by day, topic and symbol",
		Description: description,
		Flags: slices.Concat([]cli.Flag{
			flags.Config(),
			&cli.StringFlag{Name: "day", Usage: "only this `DAY`, in UTC, as in 2026-01-31"},
			&cli.StringSliceFlag{Name: "topic", Usage: "only this `TOPIC`, or several"},
			&cli.StringSliceFlag{Name: "symbol", Usage: "only this `SYMBOL`, as in BINANCE:BTC-USDT, or several"},
			&cli.BoolFlag{Name: "json", Usage: "a line of JSON for each day and topic instead of a table; times are µs"},
		}, flags.ClickHouse()),
		Action: run,
	}
}

func run(c *cli.Context) error {
	if err := flags.NoArguments(c); err != nil {
		return err
	}
	f := clickhouse.Filter{Day: c.String("day"), Topics: flags.List(c, "topic"), Symbols: flags.List(c, "symbol")}
	if err := flags.CheckDay(f.Day); err != nil {
		return err
	}
	db, err := flags.OpenArchive(c)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := flags.CheckArchive(c.Context, db); err != nil {
		return err
	}
	days, err := db.Days(c.Context, f)
	switch {
	case err != nil:
		return err
	case c.Bool("json"):
		return lines(c.App.Writer, days)
	case len(days) == 0:
		_, err := fmt.Fprintln(c.App.ErrWriter, "nothing is archived, or nothing of what was asked for")
		return err
	}
	return table(c.App.Writer, days)
}

// extent is a clickhouse.Extent as JSON.
type extent struct {
	Records int64 `json:"records"`
	Bytes   int64 `json:"bytes"`
	Trades  int64 `json:"trades"`
	From    int64 `json:"from"`
	To      int64 `json:"to"`
}

type symbol struct {
	Symbol string `json:"symbol"`
	extent
}

func lines(w io.Writer, days []clickhouse.Day) error {
	enc := json.NewEncoder(w)
	for _, d := range days {
		symbols := []symbol{}
		for _, s := range d.Symbols {
			symbols = append(symbols, symbol{s.Name, extent(s.Extent)})
		}
		err := enc.Encode(struct {
			Day   string `json:"day"`
			Topic string `json:"topic"`
			extent
			Missing int64    `json:"missing"`
			Symbols []symbol `json:"symbols"`
		}{d.Day, d.Topic, extent(d.Extent), d.Missing, symbols})
		if err != nil {
			return err
		}
	}
	return nil
}

func table(w io.Writer, days []clickhouse.Day) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	line := func(day, topic, symbol string, e clickhouse.Extent, missing string) {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%d\t%d\t%s\t%s\t\n", day, topic, symbol, clock(e.From), clock(e.To), e.Records, e.Trades, size(e.Bytes), missing)
	}
	fmt.Fprintln(t, "DAY\tTOPIC\tSYMBOL\tFROM\tTO\tRECORDS\tTRADES\tSIZE\tMISSING\t")
	for _, d := range days {
		line(cmp.Or(d.Day, "-"), d.Topic, "all", d.Extent, strconv.FormatInt(d.Missing, 10))
		for _, s := range d.Symbols {
			line("", "", cmp.Or(s.Name, "-"), s.Extent, "")
		}
	}
	return t.Flush()
}

// clock is the time of a day.
func clock(at int64) string {
	if at == 0 {
		return "-"
	}
	return time.UnixMicro(at).UTC().Format(time.TimeOnly)
}

// size writes a number of bytes for people.
func size(n int64) string {
	const units = "KMGTPE"
	if n < 1<<10 {
		return fmt.Sprintf("%d B", n)
	}
	v, unit := float64(n), -1
	for ; v >= 1<<10; unit++ {
		v /= 1 << 10
	}
	return fmt.Sprintf("%.1f %ciB", v, units[unit])
}
