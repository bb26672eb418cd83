package server

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"tapedeck/feed"
	"tapedeck/market"
	"tapedeck/snapshot"
	"tapedeck/subscriptions"
)

// Config of a Server. The zero value of each field is its default, which stands beside it.
type Config struct {
	Node   string // name told to clients; the host's
	Listen string // :8080
	Admin  string // 127.0.0.1:9090; "off": none

	TLSCert, TLSKey string   // files; "": plain text
	Origins         []string // allowed besides the server's own, exactly: https://app.example.com

	Source feed.Source              // nil where there are replays alone
	Feeds  map[string]Feed          // by topic
	Only   func(r market.Room) bool // nil: everything; a base room without its variant

	Instruments []subscriptions.Listed // known beforehand, for /v1/symbols

	Archive        feed.Archive                           // what can be replayed; nil: nothing
	Candles        feed.Candles                           // minutes for charts, from before the rooms'; nil: none
	Formats        func(name string) (*feed.Format, bool) // the decoders of what is archived
	ReplaySessions int                                    // replays at the same time: 16
	ReplayWarmup   time.Duration                          // how much earlier one reads where there is no checkpoint: 15 min

	Heartbeat time.Duration   // 10 s
	Intervals []time.Duration // 50, 100, 250, 500 ms, 1, 5 s
	Depths    []string        // 5, 10, 20, 50, 100
	Widths    []string        // 1m, 5m, 15m, 1h, 4h, 1d

	BookDepth       int // levels kept a side: 1000
	SnapshotTrades  int // 50
	SnapshotCandles int // 200
	LogEntries      int // kept a room, and trades: 1024

	MaxRooms            int // a connection: 1000
	CommandsPerSecond   int // a connection: 10
	FrameBytes          int // from a client: 160 KiB, or what a subscribe of MaxRooms takes
	MaxConnections      int // 10000
	ConnectionsPerIP    int // 0: no limit
	HandshakesPerSecond int // 500

	FlushBytes   int           // to a connection at once: 256 KiB
	MaxFlush     time.Duration // longest time between two flushes: 5 ms
	SendBuffer   int           // of the kernel, a connection: 128 KiB
	SlowDeadline time.Duration // 15 s
	Pumps        int           // GOMAXPROCS
	Compression  bool          // permessage-deflate for WebSocket clients that offer it

	ReadyTimeout time.Duration // 60 s
	DrainWait    time.Duration // between unready and the first bye: 1 s; negative: none
	DrainSpread  time.Duration // over which clients come back: 5 s

	Checkpoints     feed.Checkpoints // what the logs' reading begins with where it fits; nil: none
	CheckpointEvery time.Duration    // how often one of each log is written, and at the end; 0: never
	Part            string           // what Only leaves in, in words: whoever leaves in something else cannot go on from our checkpoints

	PProf   bool
	Page    http.Handler                                            // what "/" shows; nil: nothing
	Log     *slog.Logger                                            // slog.Default
	Refused func(p feed.Partition, r *feed.Record, why feed.Reason) // takes a refused record, which it must copy
	Letters func() (written, lost uint64)                           // what became of those, for /metrics
}

// Feed is a topic's decoder.
type Feed struct {
	Format  *feed.Format
	Options feed.Options
}

// WithDefaults returns c with the default of every field that is not set, but Source, Feeds, Only, Archive, Candles, Formats, Instruments, Page, Refused, Letters and
// those of checkpoints.
func (c Config) WithDefaults() Config {
	if c.Node == "" {
		c.Node, _ = os.Hostname()
	}
	c.Listen = cmp.Or(c.Listen, ":8080")
	c.Admin = cmp.Or(c.Admin, "127.0.0.1:9090")
	c.Heartbeat = cmp.Or(c.Heartbeat, 10*time.Second)
	if c.Intervals == nil {
		c.Intervals = []time.Duration{50 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond, time.Second, 5 * time.Second}
	}
	if c.Depths == nil {
		c.Depths = []string{"5", "10", "20", "50", "100"}
	}
	if c.Widths == nil {
		c.Widths = []string{"1m", "5m", "15m", "1h", "4h", "1d"}
	}
	c.BookDepth = cmp.Or(c.BookDepth, snapshot.DefaultLimits.Depth)
	c.SnapshotTrades = cmp.Or(c.SnapshotTrades, snapshot.DefaultLimits.Tape)
	c.SnapshotCandles = cmp.Or(c.SnapshotCandles, snapshot.DefaultLimits.Candles)
	c.LogEntries = cmp.Or(c.LogEntries, 1024)
	c.ReplaySessions = cmp.Or(c.ReplaySessions, 16)
	c.ReplayWarmup = cmp.Or(c.ReplayWarmup, 15*time.Minute)
	c.MaxRooms = cmp.Or(c.MaxRooms, 1000)
	c.CommandsPerSecond = cmp.Or(c.CommandsPerSecond, 10)
	c.FrameBytes = cmp.Or(c.FrameBytes, max(160<<10, minFrameBytes(c.MaxRooms)))
	c.MaxConnections = cmp.Or(c.MaxConnections, 10000)
	c.HandshakesPerSecond = cmp.Or(c.HandshakesPerSecond, 500)
	c.FlushBytes = cmp.Or(c.FlushBytes, 256<<10)
	c.MaxFlush = cmp.Or(c.MaxFlush, 5*time.Millisecond)
	c.SendBuffer = cmp.Or(c.SendBuffer, 128<<10)
	c.SlowDeadline = cmp.Or(c.SlowDeadline, 15*time.Second)
	c.Pumps = cmp.Or(c.Pumps, runtime.GOMAXPROCS(0))
	c.ReadyTimeout = cmp.Or(c.ReadyTimeout, time.Minute)
	c.DrainWait = cmp.Or(c.DrainWait, time.Second)
	c.DrainSpread = cmp.Or(c.DrainSpread, 5*time.Second)
	c.Log = cmp.Or(c.Log, slog.Default())
	return c
}

// Check says what New would refuse, but for the addresses.
func (c Config) Check() error {
	c = c.WithDefaults()
	return c.check()
}

// check says what is wrong with a configuration, and what would be right.
func (c *Config) check() error {
	switch {
	case c.Source == nil && c.Archive == nil:
		return errors.New("server: no source")
	case (c.TLSCert == "") != (c.TLSKey == ""):
		return errors.New("a TLS certificate and its key go together: give both files or neither")
	case c.Heartbeat < time.Second:
		return fmt.Errorf("a heartbeat of %v is too short: at least 1s", c.Heartbeat)
	case c.FrameBytes < minFrameBytes(c.MaxRooms):
		return fmt.Errorf("frames of %d bytes do not fit a subscribe of %d rooms with since: allow at least %d", c.FrameBytes, c.MaxRooms, minFrameBytes(c.MaxRooms))
	}
	return errors.Join(c.checkCounts(), c.checkLists())
}

func (c *Config) checkCounts() error {
	counts := []struct {
		what string
		n    int
	}{
		{"levels of a book", c.BookDepth},
		{"trades of a snapshot", c.SnapshotTrades},
		{"candles of a snapshot", c.SnapshotCandles},
		{"entries of a room's log", c.LogEntries},
		{"rooms of a connection", c.MaxRooms},
		{"commands a second", c.CommandsPerSecond},
		{"connections", c.MaxConnections},
		{"handshakes a second", c.HandshakesPerSecond},
		{"bytes of a flush", c.FlushBytes},
		{"bytes of a send buffer", c.SendBuffer},
		{"pumps", c.Pumps},
		{"replays", c.ReplaySessions},
	}
	for _, v := range counts {
		if v.n < 1 {
			return fmt.Errorf("%d %s: there must be at least 1", v.n, v.what)
		}
	}
	spans := []struct {
		what string
		d    time.Duration
	}{{"longest flush interval", c.MaxFlush}, {"deadline for slow clients", c.SlowDeadline}, {"ready time-out", c.ReadyTimeout}, {"drain spread", c.DrainSpread}}
	for _, v := range spans {
		if v.d < 0 {
			return fmt.Errorf("a %s of %v: it must be over 0", v.what, v.d)
		}
	}
	return nil
}

func (c *Config) checkLists() error {
	for _, d := range c.Depths {
		if n, err := strconv.Atoi(d); err != nil || n < 1 || n > min(snapshot.MaxTop, c.BookDepth) || strconv.Itoa(n) != d {
			return fmt.Errorf("a book has no depth %q: from 1 to %d", d, min(snapshot.MaxTop, c.BookDepth))
		}
	}
	for _, w := range c.Widths {
		if _, ok := snapshot.Widths[w]; !ok {
			return fmt.Errorf("unknown candle width %q: there are 1m 3m 5m 15m 30m 1h 2h 4h 6h 12h 1d", w)
		}
	}
	if len(c.Intervals) == 0 {
		return errors.New("no intervals: give one at least")
	}
	for i, v := range c.Intervals {
		if v <= 0 || v%time.Millisecond != 0 || (i > 0 && v <= c.Intervals[i-1]) {
			return fmt.Errorf("intervals are whole milliseconds and grow: %v does not fit", v)
		}
	}
	for _, o := range c.Origins {
		if u, err := url.Parse(o); err != nil || u.Host == "" || o != u.Scheme+"://"+strings.ToLower(u.Host) {
			return fmt.Errorf("%q is no origin: it is a scheme and a host without a path, as in https://app.example.com", o)
		}
	}
	return nil
}

// minFrameBytes is what a subscribe of that many rooms with since takes: 160 bytes hold a long name of a
// room, its epoch, the largest seq and an interval.
func minFrameBytes(rooms int) int { return 160*rooms + 512 }

func (c *Config) hub() subscriptions.Config {
	return subscriptions.Config{
		Deflater: newDeflater,
		Limits: snapshot.Limits{
			Trades: c.LogEntries, Tape: c.SnapshotTrades, Depth: c.BookDepth, Candles: c.SnapshotCandles,
		},
		Entries: c.LogEntries, Depths: c.Depths, Widths: c.Widths, Only: c.Only, Instruments: c.Instruments,
	}
}

// grant returns the interval that a wish gets: "0", or the next longer one on offer.
func (c *Config) grant(wish time.Duration) (granted time.Duration, limited bool) {
	if wish <= 0 {
		return 0, false
	}
	i, _ := slices.BinarySearch(c.Intervals, wish)
	if i == len(c.Intervals) {
		return c.Intervals[i-1], true
	}
	return c.Intervals[i], false
}
