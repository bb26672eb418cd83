package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"tapedeck/cmd/flags"
	"tapedeck/cmd/streamer/bench"
)

func benchCommand() *cli.Command {
	return &cli.Command{
		Name:      "bench",
		Usage:     "load a node with clients that check everything, and measure what they get",
		ArgsUsage: "ROOM…",
		Description: `Opens many connections, joins rooms and measures. Every chain of prev and seq is checked on every
connection; of some books the content as well, which must be the same for all who are at the same seq. The
server's CPU and memory are asked of its admin address. It ends with 1 if a message broke the protocol,
the server closed a connection, or a threshold was missed.

A * for the symbol is every symbol that the node has. Latencies count from the venue's time, so the
clocks of venue and client must agree.

Examples:

  streamer bench 'trades:BINANCE:*' --connections 500 --per 20
  # for a build: fails if it is slower than that
  streamer bench 'book:BINANCE:*' --connections 200 --interval 100ms --threshold p99<150ms --threshold fairness>=0.9
  # a tenth stops reading for 10 s; a storm of joins
  streamer bench 'trades:BINANCE:*' --connections 40 --slow 4 --slow-for 10s --duration 30s
  streamer bench 'book:BINANCE:*' --storm 5000 --storm-for 2s --duration 15s --json
  # several classes at once, and 20 connections a second that are cut and come back
  streamer bench 'quotes:BINANCE:*' --connections 1000 --per 20 --interval 0 --interval 100ms --interval 1s --resumes 20`,
		Flags: []cli.Flag{
			flags.Config(),
			urlFlag(),
			&cli.StringFlag{Name: "admin", Value: "http://127.0.0.1:9090", Usage: "ask this `ADDRESS` for the server's CPU and memory; off: do not"},
			&cli.IntFlag{Name: "connections", Value: 100, Usage: "open `N` connections"},
			&cli.IntFlag{Name: "connect-rate", Value: 400, Usage: "open `N` of them a second"},
			&cli.IntFlag{Name: "per", DefaultText: "all", Usage: "join `N` of the rooms on each, all rooms equally often"},
			&cli.StringSliceFlag{Name: "interval", DefaultText: "0", Usage: "be told at most every `TIME`; 0: as it happens; of several, connections take turns"},
			&cli.DurationFlag{Name: "settle", Value: 2 * time.Second, Usage: "measure this `TIME` after the last join"},
			&cli.DurationFlag{Name: "duration", Value: 10 * time.Second, Usage: "measure for this `TIME`"},
			&cli.IntFlag{Name: "books", Value: 2, Usage: "check the content of `N` books: everybody in them must have the same at each seq"},
			&cli.IntFlag{Name: "slow", Usage: "let `N` connections stop reading after a third of the time"},
			&cli.DurationFlag{Name: "slow-for", Value: 10 * time.Second, Usage: "for this `TIME`"},
			&cli.IntFlag{Name: "storm", Usage: "let `N` connections more join after a third of the time"},
			&cli.DurationFlag{Name: "storm-for", Value: 2 * time.Second, Usage: "within this `TIME`"},
			&cli.BoolFlag{Name: "compressed", Usage: "offer compression, which a node with --compression takes"},
			&cli.IntFlag{Name: "resumes", Usage: "cut `N` connections a second, which come back where they were"},
			&cli.StringSliceFlag{Name: "threshold", Usage: "fail unless this `BOUND` is kept, as in p99<15ms: " + strings.Join(bench.Measures(), " ")},
			&cli.BoolFlag{Name: "json", Usage: "print the report as JSON"},
		},
		Action: runBench,
	}
}

func runBench(c *cli.Context) error {
	conf, thresholds, err := benchConfig(c)
	if err != nil {
		return err
	}
	if flags.Terminal(c.App.ErrWriter) {
		conf.Progress = c.App.ErrWriter
	}
	report, err := bench.Run(c.Context, conf)
	if err != nil {
		return err
	}
	if c.Bool("json") {
		err = report.JSON(c.App.Writer)
	} else {
		report.Text(c.App.Writer)
	}
	if err != nil {
		return err
	}
	var missed []string
	for _, t := range thresholds {
		if text := t.Missed(report); text != "" {
			missed = append(missed, text)
		}
	}
	if n := report.Failures(); n > 0 {
		missed = append(missed, fmt.Sprintf("%d faults", n))
	}
	if len(missed) > 0 {
		return fmt.Errorf("%s", strings.Join(missed, "; "))
	}
	return nil
}

func benchConfig(c *cli.Context) (conf bench.Config, thresholds []bench.Threshold, err error) {
	for _, text := range flags.List(c, "threshold") {
		t, err := bench.ParseThreshold(text)
		if err != nil {
			return conf, nil, flags.BadFlag("--threshold: %w", err)
		}
		thresholds = append(thresholds, t)
	}
	node, err := nodeURL(c.String("url"))
	if err != nil {
		return conf, nil, err
	}
	rooms, err := expand(c.Context, node, c.Args().Slice())
	if err != nil {
		return conf, nil, err
	}
	stream := *node
	stream.Scheme = strings.Replace(node.Scheme, "http", "ws", 1)
	conf = bench.Config{
		Address: stream.JoinPath("v1", "stream").String(), Rooms: rooms, Per: c.Int("per"), Intervals: flags.List(c, "interval"),
		Connections: c.Int("connections"), Rate: c.Int("connect-rate"), Settle: c.Duration("settle"), Duration: c.Duration("duration"),
		Content: c.Int("books"), Slow: c.Int("slow"), SlowFor: c.Duration("slow-for"), Storm: c.Int("storm"), StormFor: c.Duration("storm-for"), Resumes: c.Int("resumes"), Compressed: c.Bool("compressed"),
	}
	if len(conf.Intervals) == 0 {
		conf.Intervals = []string{"0"}
	}
	if admin := c.String("admin"); admin != "off" {
		conf.Admin = admin
	}
	if err := conf.Check(); err != nil {
		return conf, nil, flags.BadFlag("%w", err)
	}
	return conf, thresholds, nil
}

// expand replaces patterns by the rooms that the node has now.
func expand(ctx context.Context, node *url.URL, names []string) (rooms []string, err error) {
	if len(names) == 0 {
		return nil, flags.BadFlag("bench needs rooms, as in streamer bench 'trades:BINANCE:*'")
	}
	for _, name := range names {
		if err := checkRoom(name); err != nil {
			return nil, err
		}
		if !strings.Contains(name, "*") {
			rooms = append(rooms, name)
			continue
		}
		found, err := matching(ctx, node, name)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("the node has no room that %s matches", name)
		}
		rooms = append(rooms, found...)
	}
	return rooms, nil
}

// matching asks a node for its rooms. Those of a variant are asked for by their base, whose symbols they have.
func matching(ctx context.Context, node *url.URL, pattern string) (rooms []string, err error) {
	base, variant, has := strings.Cut(pattern, "@")
	if strings.HasPrefix(pattern, "candles:") {
		base += "@1m"
	}
	u := node.JoinPath("v1", "rooms")
	u.RawQuery = url.Values{"match": {base}}.Encode()
	text, err := get(ctx, u.String())
	if err != nil {
		return nil, err
	}
	var answer struct {
		Rooms []struct {
			Room string `json:"room"`
		} `json:"rooms"`
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return nil, fmt.Errorf("%s: %w", u, err)
	}
	for _, r := range answer.Rooms {
		name, _, _ := strings.Cut(r.Room, "@")
		if has {
			name += "@" + variant
		}
		rooms = append(rooms, name)
	}
	return rooms, nil
}
