package main

import (
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"tapedeck/cmd/flags"
	"tapedeck/cmd/streamer/tail"
	"tapedeck/market"
)

// urlFlag names the node that a client command talks to.
func urlFlag() cli.Flag {
	return &cli.StringFlag{Name: "url", Value: "http://127.0.0.1:8080", Usage: "the `ADDRESS` of a streamer, as a browser has it"}
}

func tailCommand() *cli.Command {
	return &cli.Command{
		Name:      "tail",
		Usage:     "follow rooms in the terminal",
		ArgsUsage: "ROOM…",
		Description: `Joins rooms and prints what happens in them: books as ladders that are drawn in their place, everything
else as lines. Into a pipe it prints lines without colours, and with --json the server's messages, one a
line. It connects again by itself and continues where it was; what could not be had is told as a gap.

A room is CHANNEL:VENUE:SYMBOL with the channels trades, quotes, book (also book:…@20), ticker and
candles:…@1m. A * for the symbol is every symbol of the venue.

Examples:

  streamer tail trades:BINANCE:BTC-USDT book:BINANCE:BTC-USDT@20
  # every trade of a venue, as it happens
  streamer tail 'trades:BINANCE:*' --interval 0
  # the last 100 trades as JSON, and those that follow
  streamer tail trades:BINANCE:BTC-USDT --last 100 --json | jq -c 'select(.t == "update").d[]'
  # a recorded hour, at ten times its speed
  streamer tail trades:BINANCE:BTC-USDT --url 'http://127.0.0.1:8081/v1/replay?from=2026-01-31T14:00:00Z&speed=10'
  # from another node
  streamer tail quotes:BINANCE:ETH-USDT --url https://stream.example.com`,
		Flags: []cli.Flag{
			flags.Config(),
			urlFlag(),
			&cli.StringFlag{Name: "interval", Value: "100ms", Usage: "be told at most every `TIME`; 0: as it happens"},
			&cli.IntFlag{Name: "last", DefaultText: "as the server has it", Usage: "begin with the last `N` trades or candles"},
			&cli.IntFlag{Name: "levels", Value: 10, Usage: "show `N` levels of a book, a side"},
			&cli.BoolFlag{Name: "json", Usage: "print the server's messages, one a line"},
		},
		Action: follow,
	}
}

func follow(c *cli.Context) error {
	rooms := c.Args().Slice()
	if len(rooms) == 0 {
		return flags.BadFlag("tail needs a room, as in streamer tail trades:BINANCE:BTC-USDT")
	}
	for _, name := range rooms {
		if err := checkRoom(name); err != nil {
			return err
		}
	}
	node, err := streamURL(c.String("url"))
	if err != nil {
		return err
	}
	if c.Int("last") < 0 || c.Int("levels") < 1 {
		return flags.BadFlag("--last cannot be below 0, --levels not below 1")
	}
	conf := tail.Config{
		Address: node.String(), Rooms: rooms, Interval: c.String("interval"), Last: c.Int("last"),
		JSON: c.Bool("json"), Levels: c.Int("levels"), Out: c.App.Writer, Notes: c.App.ErrWriter,
	}
	if flags.Terminal(c.App.Writer) && os.Getenv("TERM") != "dumb" {
		conf.Size, conf.Colour = sizeOf(c.App.Writer.(*os.File)), flags.Colour()
	}
	if c.App.Writer == os.Stdout {
		signal.Ignore(syscall.SIGPIPE) // a closed pipe is an error of writing: tail then takes its leave of the server
	}
	return tail.Run(c.Context, conf)
}

// sizeOf returns how large a terminal is, whenever it is asked.
func sizeOf(f *os.File) func() (w, h int) {
	return func() (int, int) {
		w, h, err := term.GetSize(int(f.Fd()))
		if err != nil || w < 1 || h < 1 {
			return 80, 24
		}
		return w, h
	}
}

// checkRoom says what is wrong with a room's name, before a server is asked.
func checkRoom(name string) error {
	if _, _, ok := market.ParseRoom(name); ok {
		return nil
	}
	channel, rest, _ := strings.Cut(name, ":")
	if _, ok := market.ParseChannel(channel); !ok && rest != "" {
		return flags.BadFlag("%q: there is no channel %s: %s", name, channel, flags.DidYouMean(channel, "", channelNames()))
	}
	return flags.BadFlag("%q is not a room's name: that is CHANNEL:VENUE:SYMBOL, as in trades:BINANCE:BTC-USDT or book:BINANCE:BTC-USDT@20", name)
}

// streamURL is where rooms are to be had: a node's live stream, or the replay that the address names.
func streamURL(text string) (*url.URL, error) {
	node, err := nodeURL(text)
	if err != nil {
		return nil, err
	}
	node.Scheme = strings.Replace(node.Scheme, "http", "ws", 1)
	if !strings.HasSuffix(node.Path, "/v1/replay") {
		return node.JoinPath("v1", "stream"), nil
	}
	_, node.RawQuery, _ = strings.Cut(text, "?")
	return node, nil
}

// nodeURL reads the address of a streamer: http or https, as a browser has it, or ws or wss.
func nodeURL(text string) (*url.URL, error) {
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return nil, flags.BadFlag("--url: %q is not an address, as in http://127.0.0.1:8080", text)
	}
	switch u.Scheme {
	case "ws", "wss":
		u.Scheme = strings.Replace(u.Scheme, "ws", "http", 1)
	case "http", "https":
	default:
		return nil, flags.BadFlag("--url: %q is neither http nor https", text)
	}
	u.Path = strings.TrimSuffix(strings.TrimSuffix(u.Path, "/"), "/v1/stream")
	u.RawQuery, u.Fragment = "", ""
	return u, nil
}
