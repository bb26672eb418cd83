package serve

import (
	"hash/fnv"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"tapedeck/cmd/flags"
	"tapedeck/cmd/streamer/market"
	"tapedeck/feed"
	"tapedeck/feed/tape"
	"tapedeck/feed/venue"
	"tapedeck/server"
)

// Demo is `replay demo`.
func Demo() *cli.Command {
	return &cli.Command{
		Name:  "demo",
		Usage: "show it all on a recorded market that is simulated: needs nothing else",
		Description: "Simulates a market, keeps it in memory in Binance's raw format, and serves it as serve would. Nothing is kept\n" +
			"when it ends.\n\n" +
			"Examples:\n\n" +
			"  replay demo\n" +
			"  # a longer session, on a port of your own\n" +
			"  replay demo --length 30m --listen 127.0.0.1:9000",
		Flags: slices.Concat([]cli.Flag{
			&cli.DurationFlag{Name: "length", Value: 10 * time.Minute, Usage: "simulate so much `TIME`, which ended just now; a minute takes some 8 MB"},
			&cli.Uint64Flag{Name: "seed", Value: 1, Usage: "the same `NUMBER` gives the same market"},
		}, serverFlags(), flags.Log()),
		Action: demo,
	}
}

const (
	demoTopic      = "md.raw.binance"
	demoPartitions = 4
	longest        = 2 * time.Hour
)

func demo(c *cli.Context) error {
	if err := flags.NoArguments(c); err != nil {
		return err
	}
	length := c.Duration("length")
	if length < time.Second || length > longest {
		return flags.BadFlag("--length is %v: from 1s to %s", length, flags.Short(longest))
	}
	if _, ok := venue.Lookup("binance"); !ok {
		return errNoFormat
	}
	m, err := market.New(market.Options{Seed: c.Uint64("seed"), Rate: 1, Gaps: 45 * time.Second, Start: time.Now().Add(-length)})
	if err != nil {
		return err
	}
	arch := taped(m, time.Now())
	conf, err := config(c, arch, venue.Formats[:])
	if err != nil {
		return err
	}
	srv, err := server.New(conf)
	if err != nil {
		return err
	}
	pair := m.Pairs()[0]
	welcome(c.App.Writer, srv.Addr(), arch, nil, "trades:BINANCE:"+pair+",book:BINANCE:"+pair+"@5")
	return srv.Run(c.Context)
}

// taped keeps what a market tells up to a time, as a topic would: keyed by symbol, in a few partitions.
func taped(m *market.Market, until time.Time) *tape.Tape {
	t := tape.New(1 << 30)
	var next [demoPartitions]int64
	for r := m.Next(); r.Time <= until.UnixMicro(); r = m.Next() {
		h := fnv.New32a()
		h.Write([]byte(r.Key))
		part := int32(h.Sum32() % demoPartitions)
		rec := feed.Record{Offset: next[part], Time: r.Time, Key: []byte(r.Key), Value: r.Value}
		if r.Snapshot { // it does not name its symbol, so a header does
			rec.Headers = []feed.Header{{Key: "symbol", Value: rec.Key}}
		}
		t.Append(feed.LogID{Cluster: "demo", Topic: demoTopic, Partition: part, Format: "binance"}, &rec)
		next[part]++
	}
	return t
}
