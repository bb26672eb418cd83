package main

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"tapedeck/cmd/flags"
	"tapedeck/feed/kafka"
	"tapedeck/server"
	"tapedeck/server/page"
)

// feedFlags say what is read.
func feedFlags() []cli.Flag {
	return slices.Concat(flags.Kafka(), []cli.Flag{
		feedFlag(),
		&cli.StringSliceFlag{Name: "only", Category: "Feeds", Usage: "serve only the rooms of this `PATTERN`: CHANNEL:VENUE:SYMBOL with * for any text, or venue:V, channel:C, symbol:S"},
		&cli.DurationFlag{Name: "warmup", Category: "Feeds", Value: 15 * time.Minute, Usage: "begin to read this `TIME` before now: what books, candles and tickers cover from the start"},
		&cli.StringFlag{Name: "dead-letters", Category: "Feeds", Usage: "send records that cannot be decoded to this `TOPIC`, with their place and the reason in headers"},
		instrumentsFlag(),
	})
}

// serverFlags are the settings of a server.Config, with its own defaults.
func serverFlags() []cli.Flag {
	d := server.Config{}.WithDefaults()
	var intervals []string
	for _, v := range d.Intervals {
		intervals = append(intervals, flags.Short(v))
	}
	number := func(category, name string, value int, usage string) cli.Flag {
		return &cli.IntFlag{Name: name, Category: category, Value: value, Usage: usage}
	}
	span := func(category, name string, value time.Duration, usage string) cli.Flag {
		return &cli.DurationFlag{Name: name, Category: category, Value: value, Usage: usage}
	}
	size := func(category, name string, value int, usage string) cli.Flag {
		return &cli.GenericFlag{Name: name, Category: category, Value: flags.Bytes(value), Usage: usage}
	}
	list := func(category, name string, value []string, usage string) cli.Flag {
		return &cli.StringSliceFlag{Name: name, Category: category, Value: cli.NewStringSlice(strings.Join(value, ",")), DefaultText: strings.Join(value, ","), Usage: usage}
	}
	const addresses, rooms, limits, delivery, life = "Addresses", "Rooms", "Limits", "Delivery", "Start and end"
	return []cli.Flag{
		&cli.StringFlag{Name: "listen", Category: addresses, Value: d.Listen, Usage: "serve clients on this `ADDRESS`"},
		&cli.StringFlag{Name: "admin", Category: addresses, Value: d.Admin, Usage: "serve health and metrics on this `ADDRESS`; off: nowhere"},
		&cli.StringFlag{Name: "node", Category: addresses, DefaultText: "the host's name", Usage: "the `NAME` by which clients know this node"},
		&cli.StringFlag{Name: "tls-cert", Category: addresses, Usage: "serve clients with TLS by the certificate in this PEM `FILE`"},
		&cli.StringFlag{Name: "tls-key", Category: addresses, Usage: "PEM `FILE` with its key"},
		&cli.StringSliceFlag{Name: "origins", Category: addresses, Usage: "let pages from this `ORIGIN` connect besides our own, as in https://app.example.com"},
		&cli.BoolFlag{Name: "page", Category: addresses, Value: true, Usage: "show the first page on /"},
		&cli.BoolFlag{Name: "pprof", Category: addresses, Usage: "serve profiles on the admin address"},

		list(rooms, "intervals", intervals, "the `TIMES` between two updates that clients may ask for"),
		list(rooms, "depths", d.Depths, "the `LEVELS` a side for which there are books, beside the whole one"),
		list(rooms, "widths", d.Widths, "the `WIDTHS` for which there are candles"),
		number(rooms, "book-depth", d.BookDepth, "keep so many `LEVELS` a side"),
		number(rooms, "snapshot-trades", d.SnapshotTrades, "begin a trades room with its last `N`"),
		number(rooms, "snapshot-candles", d.SnapshotCandles, "begin a candles room with its last `N`"),
		number(rooms, "log-entries", d.LogEntries, "keep `N` entries a room, for clients that are behind or come back"),

		number(limits, "max-rooms", d.MaxRooms, "let a connection join `N` rooms"),
		number(limits, "commands-per-second", d.CommandsPerSecond, "let a connection send `N` commands a second"),
		&cli.GenericFlag{Name: "frame-bytes", Category: limits, Value: flags.Bytes(0), DefaultText: "160KiB, or what max-rooms takes", Usage: "let a client send frames of this `SIZE`"},
		number(limits, "max-connections", d.MaxConnections, "accept `N` connections"),
		number(limits, "connections-per-ip", d.ConnectionsPerIP, "accept `N` of them from one address; 0: any number"),
		number(limits, "handshakes-per-second", d.HandshakesPerSecond, "accept `N` new ones a second"),

		span(delivery, "heartbeat", d.Heartbeat, "say that all is well every `TIME`"),
		size(delivery, "flush-bytes", d.FlushBytes, "write no more than this `SIZE` to a connection at once"),
		span(delivery, "max-flush", d.MaxFlush, "under load, let writes wait up to this `TIME` to be sent together"),
		size(delivery, "send-buffer", d.SendBuffer, "`SIZE` of the kernel's buffer of a connection"),
		span(delivery, "slow-deadline", d.SlowDeadline, "close a connection that has taken nothing for this `TIME`"),
		&cli.BoolFlag{Name: "compression", Category: delivery, Usage: "compress for WebSocket clients that offer it (permessage-deflate)"},
		&cli.IntFlag{Name: "pumps", Category: delivery, DefaultText: "one a processor", Usage: "share the connections among `N` writers"},

		span(life, "ready-timeout", d.ReadyTimeout, "count as ready after this `TIME` though a partition cannot be read"),
		span(life, "drain-wait", d.DrainWait, "at the end, be unready for this `TIME` before clients are sent away"),
		span(life, "drain-spread", d.DrainSpread, "spread their coming back over this `TIME`"),
	}
}

// readServer returns what the flags of serverFlags say.
func readServer(c *cli.Context) (server.Config, error) {
	s := server.Config{
		Node: c.String("node"), Listen: c.String("listen"), Admin: c.String("admin"),
		TLSCert: c.String("tls-cert"), TLSKey: c.String("tls-key"), Origins: flags.List(c, "origins"),
		PProf: c.Bool("pprof"), Compression: c.Bool("compression"), FrameBytes: flags.SizeOf(c, "frame-bytes"), Depths: flags.List(c, "depths"), Widths: flags.List(c, "widths"),
		ConnectionsPerIP: c.Int("connections-per-ip"), Pumps: c.Int("pumps"), DrainWait: c.Duration("drain-wait"),
	}
	if c.Bool("page") {
		s.Page = page.Handler()
	}
	if s.PProf && s.Admin == "off" {
		return s, flags.BadFlag("--pprof needs an --admin address: profiles are served there alone")
	}
	if s.DrainWait == 0 {
		s.DrainWait = -1 // none: 0 is the default's place
	}
	if s.ConnectionsPerIP < 0 || s.Pumps < 0 || c.Duration("drain-wait") < 0 {
		return s, flags.BadFlag("--connections-per-ip, --pumps and --drain-wait cannot be below 0")
	}
	for _, text := range flags.List(c, "intervals") {
		v, err := time.ParseDuration(text)
		if err != nil {
			return s, flags.BadFlag("--intervals: %q is not a time with its unit, as in 100ms", text)
		}
		s.Intervals = append(s.Intervals, v)
	}
	if err := positive(c, &s); err != nil {
		return s, err
	}
	return s, openable(s.TLSCert, s.TLSKey)
}

// positive reads the numbers, sizes and times that have to be over 0.
func positive(c *cli.Context, s *server.Config) error {
	for name, to := range map[string]*int{
		"book-depth": &s.BookDepth, "snapshot-trades": &s.SnapshotTrades, "snapshot-candles": &s.SnapshotCandles, "log-entries": &s.LogEntries,
		"max-rooms": &s.MaxRooms, "commands-per-second": &s.CommandsPerSecond, "max-connections": &s.MaxConnections,
		"handshakes-per-second": &s.HandshakesPerSecond,
	} {
		if *to = c.Int(name); *to < 1 {
			return flags.BadFlag("--%s is %d: at least 1 is needed", name, *to)
		}
	}
	for name, to := range map[string]*int{"flush-bytes": &s.FlushBytes, "send-buffer": &s.SendBuffer} {
		if *to = flags.SizeOf(c, name); *to < 1<<10 {
			return flags.BadFlag("--%s is %d: at least 1KiB is needed", name, *to)
		}
	}
	for name, to := range map[string]*time.Duration{
		"heartbeat": &s.Heartbeat, "max-flush": &s.MaxFlush, "slow-deadline": &s.SlowDeadline,
		"ready-timeout": &s.ReadyTimeout, "drain-spread": &s.DrainSpread,
	} {
		if *to = c.Duration(name); *to < time.Millisecond {
			return flags.BadFlag("--%s is %v: at least 1ms is needed", name, *to)
		}
	}
	return nil
}

// openable checks that files can be opened, where their names are given.
func openable(files ...string) error {
	for _, name := range files {
		if name == "" {
			continue
		}
		f, err := os.Open(name)
		if err != nil {
			return flags.BadConfig("%w", err)
		}
		f.Close()
	}
	return nil
}

// settings are everything that serve and check-config read from the flags.
type settings struct {
	server      server.Config
	kafka       kafka.Config
	deadLetters string
	instruments *instruments // nil: no file
}

// readSettings reads the flags of feedFlags, serverFlags and flags.Log. What belongs together is checked
// together: by the packages that use it.
func readSettings(c *cli.Context) (*settings, error) {
	if err := flags.NoArguments(c); err != nil {
		return nil, err
	}
	log, err := flags.Logger(c)
	if err != nil {
		return nil, err
	}
	cluster, err := flags.Cluster(c)
	if err != nil {
		return nil, err
	}
	o, err := parseOnly(flags.List(c, "only"))
	if err != nil {
		return nil, err
	}
	words := flags.Words(c, "feed")
	if len(words) == 0 {
		return nil, flags.Missing("feed", "a topic to read")
	}
	f, err := parseFeeds(flags.Formats(c), words, o)
	if err != nil {
		return nil, err
	}
	s := &settings{deadLetters: c.String("dead-letters")}
	if s.server, err = readServer(c); err != nil {
		return nil, err
	}
	s.server.Feeds, s.server.Log = f.decoders, log
	if o != nil {
		s.server.Only = o.room
	}
	if name := c.String("instruments"); name != "" {
		if s.instruments, err = readInstruments(name, flags.Formats(c), f.venues, o); err != nil {
			return nil, err
		}
		s.server.Instruments = s.instruments.list
	}
	s.kafka = kafka.Config{Cluster: cluster, Topics: f.topics, Warmup: c.Duration("warmup"), Log: log}
	if s.kafka.Warmup < 0 {
		return nil, flags.BadFlag("--warmup is %v: it cannot be below 0", s.kafka.Warmup)
	}
	if s.deadLetters != "" && (!topicName.MatchString(s.deadLetters) || f.decoders[s.deadLetters].Format != nil) {
		return nil, flags.BadFlag("--dead-letters: %q is not the name of a topic besides those that are read", s.deadLetters)
	}
	if s.server.Source, err = kafka.New(s.kafka); err != nil {
		return nil, flags.BadFlag("%w", err)
	}
	return s, nil
}

// refused gives an error of server.New its code: an address that is taken is nobody's mistake in writing.
func refused(err error) error {
	var address *net.OpError
	var file *fs.PathError
	if errors.As(err, &address) || errors.As(err, &file) {
		return err
	}
	return flags.BadFlag("%w", err)
}
