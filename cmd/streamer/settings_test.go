package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/urfave/cli/v2"

	"tapedeck/cmd/flags"
	"tapedeck/feed"
	"tapedeck/feed/venue"
	"tapedeck/market"
	"tapedeck/server"
)

// settingsOf returns what serve would start with.
func settingsOf(t *testing.T, args ...string) *settings {
	t.Helper()
	app := newApp()
	app.Writer, app.ErrWriter = t.Output(), t.Output()
	var s *settings
	for _, cmd := range app.Commands {
		if cmd.Name == "serve" {
			cmd.Action = func(c *cli.Context) (err error) {
				s, err = readSettings(c)
				return err
			}
		}
	}
	args = append([]string{"streamer", "serve", "--brokers", "k:9092", "--feed", "binance=md"}, args...)
	if code := flags.Run(t.Context(), app, args); code != flags.OK {
		t.Fatalf("%q ended with %d", args, code)
	}
	return s
}

// Without flags the server is as its own defaults have it.
func TestFlagsHaveTheServersDefaults(t *testing.T) {
	got := settingsOf(t).server.WithDefaults()
	want := server.Config{}.WithDefaults()
	got.Source, got.Feeds, got.Only, got.Page, got.Log, want.Log = nil, nil, nil, nil, nil, nil
	for name, pair := range fields(got, want) {
		if pair[0] != pair[1] {
			t.Errorf("%s is %s, the server's default is %s", name, pair[0], pair[1])
		}
	}
}

func TestFlagsReachTheServer(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert"), filepath.Join(dir, "key")
	for _, name := range []string{cert, key} {
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := settingsOf(t, "--listen", "1.2.3.4:5", "--admin", "off", "--node", "n", "--tls-cert", cert, "--tls-key", key, "--origins", "https://a.b,https://c.d",
		"--page=false", "--intervals", "20ms,1s", "--depths", "3", "--depths", "7 9", "--widths", "1m", "--book-depth", "11",
		"--snapshot-trades", "12", "--snapshot-candles", "13", "--log-entries", "14", "--max-rooms", "15", "--commands-per-second", "16", "--frame-bytes", "17KiB",
		"--max-connections", "18", "--connections-per-ip", "19", "--handshakes-per-second", "20", "--heartbeat", "21s", "--flush-bytes", "22KiB", "--max-flush", "23ms",
		"--send-buffer", "24KiB", "--slow-deadline", "25s", "--pumps", "26", "--compression", "--ready-timeout", "27s", "--drain-wait", "0", "--drain-spread", "28s", "--warmup", "0")
	got, log := s.server, s.server.Log
	want := server.Config{
		Listen: "1.2.3.4:5", Admin: "off", Node: "n", TLSCert: cert, TLSKey: key, Origins: []string{"https://a.b", "https://c.d"},
		Intervals: []time.Duration{20 * time.Millisecond, time.Second}, Depths: []string{"3", "7", "9"}, Widths: []string{"1m"}, BookDepth: 11,
		SnapshotTrades: 12, SnapshotCandles: 13, LogEntries: 14, MaxRooms: 15, CommandsPerSecond: 16, FrameBytes: 17 << 10,
		MaxConnections: 18, ConnectionsPerIP: 19, HandshakesPerSecond: 20, Heartbeat: 21 * time.Second, FlushBytes: 22 << 10, MaxFlush: 23 * time.Millisecond,
		SendBuffer: 24 << 10, SlowDeadline: 25 * time.Second, Pumps: 26, Compression: true, ReadyTimeout: 27 * time.Second, DrainWait: -1, DrainSpread: 28 * time.Second,
	}
	if got.Page != nil || log == nil || got.Source == nil || got.Only != nil || s.kafka.Warmup != 0 {
		t.Errorf("got %+v", got)
	}
	got.Source, got.Feeds, got.Log = nil, nil, nil
	for name, pair := range fields(got, want) {
		if pair[0] != pair[1] {
			t.Errorf("%s is %s, want %s", name, pair[0], pair[1])
		}
	}
}

func TestSettingsThatCannotBe(t *testing.T) {
	tests := []struct {
		args string // besides a broker and a feed
		code int
		want string
	}{
		{"--feed binance", flags.WrongFlags, `--feed: "binance" is not NAME=TOPIC, as in binance=md.raw.binance`},
		{"--feed binnace=x", flags.WrongFlags, "--feed: there is no format binnace: did you mean binance?"},
		{"--feed zzzzz=x", flags.WrongFlags, "--feed: there is no format zzzzz: there are binance binance-usdm"},
		{"--feed binance=a/b", flags.WrongFlags, `--feed: "a/b" is not the name of a topic: those have letters, digits and . _ - only`},
		{"--feed binance=..", flags.WrongFlags, `--feed: ".." is not the name of a topic`},
		{"--feed binance=x#", flags.WrongFlags, `--feed: there is no number after the # of "binance=x#"`},
		{"--feed binance-usdm=md", flags.WrongFlags, "--feed: topic md is named twice: a topic has one format"},
		{"--feed binance=x,trades=all", flags.WrongFlags, `--feed: trades come from the stream trade, aggTrade or trades-all, not from "all"`},
		{"--feed binance=x,candles=ours", flags.WrongFlags, `--feed: candles are of the venue or derived, not "ours": as in candles=derived`},
		{"--feed binance=x,holes=bad", flags.WrongFlags, `--feed: holes is "bad": only holes=normal can be said`},
		{"--feed binance=x,candels=venue", flags.WrongFlags, `--feed: there is no option "candels": did you mean candles?`},
		{"--only trdes:*:*", flags.WrongFlags, "--only: there is no channel trdes: did you mean trades?"},
		{"--only BTC-USDT", flags.WrongFlags, `--only: "BTC-USDT" is not CHANNEL:VENUE:SYMBOL`},
		{"--only trades::X", flags.WrongFlags, `--only: a part of "trades::X" is empty: write * for any`},
		{"--only book:BINANCE:BTC-USDT@20", flags.WrongFlags, `--only: "book:BINANCE:BTC-USDT@20" has a variant`},
		{"--only venue:binance", flags.WrongFlags, "--only: *:binance:* matches no venue of the feeds: there are BINANCE"},
		{"--only venue:BINANEC", flags.WrongFlags, "--only: *:BINANEC:* matches no venue of the feeds: did you mean BINANCE?"},
		{"--dead-letters md", flags.WrongFlags, `--dead-letters: "md" is not the name of a topic besides those that are read`},
		{"--dead-letters a/b", flags.WrongFlags, `--dead-letters: "a/b" is not the name`},
		{"--warmup -1s", flags.WrongFlags, "--warmup is -1s: it cannot be below 0"},
		{"--max-rooms 0", flags.WrongFlags, "--max-rooms is 0: at least 1 is needed"},
		{"--flush-bytes 10", flags.WrongFlags, "--flush-bytes is 10: at least 1KiB is needed"},
		{"--drain-spread 0", flags.WrongFlags, "--drain-spread is 0s: at least 1ms is needed"},
		{"--drain-wait -1s", flags.WrongFlags, "--connections-per-ip, --pumps and --drain-wait cannot be below 0"},
		{"--intervals 1", flags.WrongFlags, `--intervals: "1" is not a time with its unit, as in 100ms`},
		{"--intervals 5s,1s", flags.WrongFlags, "intervals"},
		{"--widths 7m", flags.WrongFlags, `unknown candle width "7m"`},
		{"--heartbeat 10ms", flags.WrongFlags, "a heartbeat of 10ms is too short"},
		{"--frame-bytes 1KiB", flags.WrongFlags, "frames of 1024 bytes do not fit"},
		{"--pprof --admin off", flags.WrongFlags, "--pprof needs an --admin address"},
		{"--tls-cert /nowhere/c --tls-key /nowhere/k", flags.WrongConfig, "/nowhere/c: no such file"},
		{"--log-level loud", flags.WrongFlags, `--log-level: "loud" is not a level: there are debug info warn error`},
		{"--kafka-ca /nowhere/ca", flags.WrongFlags, "TLS is off"},
		{"--brokers a:b:c", flags.WrongFlags, `--brokers: "a:b:c" is not HOST:PORT`},
		{"--brokers a:b", flags.WrongFlags, `--brokers: "a:b" is not HOST:PORT`},
		{"word", flags.WrongFlags, `check-config takes no arguments, but got "word"`},
	}
	for _, tt := range tests {
		t.Run(tt.args, func(t *testing.T) {
			args := append([]string{"check-config", "--offline", "--brokers", "127.0.0.1:1", "--feed", "binance=md"}, strings.Fields(tt.args)...)
			code, out, errs := runs(t, args...)
			if code != tt.code || out != "" || !strings.HasPrefix(errs, "streamer: ") || !strings.Contains(errs, tt.want) || strings.Count(errs, "\n") != 1 {
				t.Errorf("code %d, want %d: %s%s", code, tt.code, out, errs)
			}
		})
	}
	if code, _, errs := runs(t, "serve", "--brokers", "k:1"); code != flags.WrongFlags || !strings.Contains(errs, "a topic to read is missing: give it with --feed") {
		t.Errorf("no feed: code %d, %s", code, errs)
	}
	if code, _, errs := runs(t, "serve", "--feed", "binance=md"); code != flags.WrongFlags || !strings.Contains(errs, "a Kafka broker is missing: give it with --brokers") {
		t.Errorf("no broker: code %d, %s", code, errs)
	}
}

// A port that is taken is no mistake in a flag: starting again may help.
func TestAddressInUse(t *testing.T) {
	leaks(t)
	taken := listen(t)
	code, _, errs := runs(t, "serve", "--brokers", "127.0.0.1:1", "--feed", "binance=md", "--admin", "off", "--listen", taken)
	if code != flags.Failed || !strings.Contains(errs, "choose another address with --listen") {
		t.Errorf("code %d: %s", code, errs)
	}
}

func TestFeeds(t *testing.T) {
	f, err := parseFeeds(venue.Formats, []string{"binance=md.spot#2", "binance-usdm=md.usdm,trades=aggTrade,candles=venue,quotes=derived,ticker=derived,holes=normal"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(f.topics) != 2 || f.topics[0].Name != "md.spot" || f.topics[0].Number != "2" || f.topics[0].Holes || f.topics[0].Format.Name != "binance" {
		t.Errorf("topics %+v", f.topics)
	}
	if d := f.decoders["md.spot"]; d.Format != f.topics[0].Format || d.Options.Trades != "trade" || d.Options.Origins != feed.DefaultOptions().Origins || d.Options.Only != nil {
		t.Errorf("md.spot is %+v", d)
	}
	second := f.decoders["md.usdm"].Options
	want := [market.NumChannels]feed.Origin{market.Quotes: feed.Derived, market.TickerChannel: feed.Derived}
	if !f.topics[1].Holes || f.topics[1].Number != "" || second.Trades != "aggTrade" || second.Origins != want {
		t.Errorf("md.usdm is %+v with %+v", f.topics[1], second)
	}
}

// What the records name cannot be checked at the start.
func TestOnlyOfAVenueInTheRecords(t *testing.T) {
	o, err := parseOnly([]string{"venue:KRAKEN"})
	if err != nil {
		t.Fatal(err)
	}
	f, err := parseFeeds(venue.Formats, []string{"binance=a", "tick=b"}, o)
	if err != nil {
		t.Fatal(err)
	}
	for topic, d := range f.decoders { // what no room is served of is not even decoded
		if d.Options.Only == nil || !d.Options.Only(&market.Symbol{Venue: "KRAKEN", Name: "A"}) || d.Options.Only(&market.Symbol{Venue: "BINANCE", Name: "A"}) {
			t.Errorf("the decoder of %s does not know what is served", topic)
		}
	}
}

func TestOnly(t *testing.T) {
	room := func(text string) market.Room {
		r, _, ok := market.ParseRoom(text)
		if !ok {
			t.Fatalf("%s is no room", text)
		}
		return r
	}
	tests := []struct {
		patterns string
		served   string
		left     string // out
	}{
		{"venue:BINANCE", "trades:BINANCE:A book:BINANCE:B", "trades:BINANCE-USDM:A"},
		{"venue:BINANCE*", "trades:BINANCE:A trades:BINANCE-USDM:A", "trades:KRAKEN:A"},
		{"channel:trades channel:ticker", "trades:V:A ticker:V:A", "quotes:V:A"},
		{"symbol:BTC-*", "trades:V:BTC-USDT candles:W:BTC-EUR", "trades:V:WBTC-USDT"},
		{"trades:BINANCE:*", "trades:BINANCE:A", "book:BINANCE:A trades:V:A"},
		{"*:BINANCE:BTC-* book:*:ETH-EUR", "trades:BINANCE:BTC-USDT book:V:ETH-EUR", "trades:V:BTC-USDT book:V:ETH-USDT"},
		{"*:*:*-USD*", "trades:V:A-USDT trades:V:A-USD", "trades:V:USD-EUR"},
		{"*:V:a*b*c", "trades:V:abc trades:V:axxbyyc trades:V:abcbc", "trades:V:ab trades:V:acb trades:V:xabc trades:V:bc"},
		{"*:V:ab*ba", "trades:V:abba trades:V:abxba", "trades:V:aba"},
	}
	for _, tt := range tests {
		o, err := parseOnly(strings.Fields(tt.patterns))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range strings.Fields(tt.served) {
			if r := room(name); !o.room(r) || !o.symbol(&market.Symbol{Venue: r.Venue, Name: r.Symbol}) {
				t.Errorf("%s leaves out %s", tt.patterns, name)
			}
		}
		for _, name := range strings.Fields(tt.left) {
			if o.room(room(name)) {
				t.Errorf("%s serves %s", tt.patterns, name)
			}
		}
	}
	// A symbol is decoded if any room of it is served: candles come from its trades.
	o, _ := parseOnly([]string{"candles:V:A"})
	if !o.symbol(&market.Symbol{Venue: "V", Name: "A"}) || o.symbol(&market.Symbol{Venue: "V", Name: "B"}) {
		t.Error("symbols are not those of the rooms")
	}
}
