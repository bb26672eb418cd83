package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/urfave/cli/v2"

	"tapedeck/cmd/flags"
	"tapedeck/feed"
	"tapedeck/feed/kafka"
	"tapedeck/market"
	"tapedeck/subscriptions"
)

func explainCommand() *cli.Command {
	return &cli.Command{
		Name:      "explain",
		Usage:     "show the record behind a message",
		ArgsUsage: "ROOM SEQ",
		Description: `A message's seq is the offset of its newest record plus one. This asks a node for the partition that a room
is at home in, fetches that record from Kafka, and shows it raw and decoded. An update of several events
came from several records: those after its prev up to its seq.

With --topic and --partition no node is asked.

Examples:

  streamer explain trades:BINANCE:BTC-USDT 182711 --brokers kafka:9092
  streamer explain book:BINANCE:BTC-USDT@20 182711 --brokers kafka:9092 --url http://10.0.0.7:8080
  streamer explain trades:BINANCE:BTC-USDT 182711 --brokers kafka:9092 --topic md.raw.binance --partition 3`,
		Flags: slices.Concat([]cli.Flag{
			flags.Config(),
			urlFlag(),
			&cli.StringFlag{Name: "topic", Usage: "the `TOPIC` of the record, instead of what the node says"},
			&cli.IntFlag{Name: "partition", DefaultText: "what the node says", Usage: "its `NUMBER`", Value: -1},
		}, flags.Kafka(), []cli.Flag{feedFlag()}),
		Action: explain,
	}
}

// place is where a room's records are.
type place struct {
	topic     string
	partition int32
	epoch     string // "" where no node was asked
	newest    uint64
}

func explain(c *cli.Context) error {
	room, seq, err := explainArguments(c)
	if err != nil {
		return err
	}
	cluster, err := flags.Cluster(c)
	if err != nil {
		return err
	}
	at, err := placeOf(c, room)
	if err != nil {
		return err
	}
	decoder, err := decoderOf(c, at.topic, room.Venue)
	if err != nil {
		return err
	}
	if at.epoch != "" && seq > at.newest {
		fmt.Fprintf(c.App.ErrWriter, "note: the node's newest seq of %s is %d, so it has not told %d (yet)\n", room, at.newest, seq)
	}
	ctx, cancel := context.WithTimeout(c.Context, 30*time.Second)
	defer cancel()
	r, err := kafka.Fetch(ctx, cluster, at.topic, at.partition, int64(seq-1))
	if err != nil {
		return fmt.Errorf("the record cannot be had: %w", err)
	}
	var b strings.Builder
	tellRecord(&b, at, r)
	tellEvents(&b, decoder, r, room)
	_, err = io.WriteString(c.App.Writer, b.String())
	return err
}

func explainArguments(c *cli.Context) (room market.Room, seq uint64, err error) {
	if c.NArg() != 2 {
		return room, 0, flags.BadFlag("explain needs a room and a seq, as in streamer explain trades:BINANCE:BTC-USDT 182711")
	}
	name := c.Args().First()
	if err := checkRoom(name); err != nil {
		return room, 0, err
	}
	room, wild, _ := market.ParseRoom(name)
	if wild {
		return room, 0, flags.BadFlag("%s: a pattern has no seq: name the room", name)
	}
	seq, err = strconv.ParseUint(c.Args().Get(1), 10, 63)
	if err != nil || seq == 0 {
		return room, 0, flags.BadFlag("%q is not a seq: a number over 0, as messages have it", c.Args().Get(1))
	}
	return room, seq, nil
}

// placeOf finds the home of a room: by the flags, or by asking a node.
func placeOf(c *cli.Context, room market.Room) (place, error) {
	topic, partition := c.String("topic"), c.Int("partition")
	if (topic == "") != (partition < 0) {
		return place{}, flags.BadFlag("--topic and --partition go together")
	}
	if topic != "" {
		return place{topic: topic, partition: int32(partition)}, nil
	}
	node, err := nodeURL(c.String("url"))
	if err != nil {
		return place{}, err
	}
	// All rooms of the symbol: a view that nobody has joined is not listed, but the room that it is of.
	match := "*:" + room.Venue + ":" + pathLiteral(market.Room{Venue: room.Venue, Symbol: room.Symbol}.String()[len("trades:")+len(room.Venue)+1:]) + "*"
	node = node.JoinPath("v1", "rooms")
	node.RawQuery = url.Values{"match": {match}}.Encode()
	ctx, cancel := context.WithTimeout(c.Context, 10*time.Second)
	defer cancel()
	body, err := get(ctx, node.String())
	if err != nil {
		return place{}, err
	}
	var answer struct{ Rooms []subscriptions.Info }
	if err := json.Unmarshal(body, &answer); err != nil {
		return place{}, fmt.Errorf("%s does not answer as a streamer: %w", node, err)
	}
	return home(answer.Rooms, room)
}

// pathLiteral keeps what has a meaning in path.Match from having it.
func pathLiteral(s string) string {
	return strings.NewReplacer(`\`, `\\`, `[`, `\[`, `?`, `\?`).Replace(s)
}

// home finds a room in what a node has; or, where it is a view that nobody has joined, another one of its
// channel.
func home(rooms []subscriptions.Info, room market.Room) (place, error) {
	var found *subscriptions.Info
	for i := range rooms {
		name, _, ok := market.ParseRoom(rooms[i].Room)
		if !ok || name.Channel != room.Channel || name.Symbol != room.Symbol || name.Venue != room.Venue || rooms[i].Topic == "" {
			continue
		}
		if found == nil || name == room {
			found = &rooms[i]
		}
	}
	if found == nil {
		return place{}, fmt.Errorf("the node has had no record of %s; name its place with --topic and --partition", room)
	}
	return place{found.Topic, found.Partition, found.Epoch, found.Seq}, nil
}

// decoderOf returns a new decoder for a topic: what --feed says, else the format of the room's venue where it has one.
func decoderOf(c *cli.Context, topic, venueName string) (feed.Decoder, error) {
	f, err := parseFeeds(flags.Formats(c), flags.Words(c, "feed"), nil)
	if err != nil {
		return nil, err
	}
	if d, ok := f.decoders[topic]; ok {
		return d.Format.New(d.Options), nil
	}
	named := venueFormats(flags.Formats(c), venueName)
	if len(named) == 1 {
		return named[0].New(feed.DefaultOptions()), nil
	}
	names := flags.FormatNames(flags.Formats(c))
	if len(named) > 1 {
		names = flags.FormatNames(named)
	}
	return nil, flags.BadFlag("the format of %s is not known: give it with --feed NAME=%s, where NAME is one of %s", topic, topic, strings.Join(names, " "))
}

// venueFormats returns the formats of a venue, which may have several: kraken and kraken-v1.
func venueFormats(known []*feed.Format, name string) (formats []*feed.Format) {
	for _, format := range known {
		if format.Venue == name {
			formats = append(formats, format)
		}
	}
	return formats
}

func tellRecord(b *strings.Builder, at place, r *feed.Record) {
	fmt.Fprintf(b, "record   %s/%d offset %d", at.topic, at.partition, r.Offset)
	if at.epoch != "" {
		fmt.Fprintf(b, ", epoch %s", at.epoch)
	}
	fmt.Fprintf(b, "\ntime     %s\n", time.UnixMicro(r.Time).UTC().Format("2006-01-02T15:04:05.000000Z"))
	fmt.Fprintf(b, "key      %s\n", readable(r.Key))
	for _, h := range r.Headers {
		fmt.Fprintf(b, "header   %s: %s\n", readable([]byte(h.Key)), readable(h.Value))
	}
	if r.Value == nil {
		b.WriteString("value    none: a tombstone\n")
		return
	}
	fmt.Fprintf(b, "value    %d bytes\n", len(r.Value))
	var pretty bytes.Buffer
	text := readable(r.Value)
	if json.Indent(&pretty, r.Value, "", "  ") == nil && utf8.Valid(r.Value) {
		text = pretty.String()
	}
	for line := range strings.Lines(text) {
		b.WriteString("         " + strings.TrimRight(line, "\n") + "\n")
	}
}

// readable is a text as it is, if it is one that a terminal can show; else quoted.
func readable(text []byte) string {
	s := string(text)
	if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(s)
	}
	return s
}

// tellEvents decodes the record as the node has, but with a decoder that knows of no earlier record.
func tellEvents(b *strings.Builder, d feed.Decoder, r *feed.Record, room market.Room) {
	var batch market.Batch
	err := d.Decode(&batch, r)
	var reason feed.Reason
	switch {
	case errors.As(err, &reason) && !reason.Bad():
		fmt.Fprintf(b, "events   none: the record is %s\n", reason)
		return
	case err != nil:
		fmt.Fprintf(b, "events   none: the record is refused: %v\n", err)
		return
	}
	fmt.Fprintf(b, "events   %d\n", len(batch.Events))
	mine := 0
	for i := range batch.Events {
		e := &batch.Events[i]
		mark := " "
		if concerns(e, room) {
			mark = "*"
			mine++
		}
		fmt.Fprintf(b, "       %s %s\n", mark, tellEvent(e))
	}
	if mine == 0 {
		fmt.Fprintf(b, "         none of them is of %s: its seq moves only with records that change it\n", room)
		return
	}
	fmt.Fprintf(b, "         * what %s is told of\n", room)
}

// concerns reports whether an event changes a room: it is of the room's own channel, or of the one that
// the room may be derived from.
func concerns(e *market.Event, room market.Room) bool {
	if e.Symbol.Venue != room.Venue || e.Symbol.Name != room.Symbol {
		return false
	}
	c, all := channelOf(e)
	switch {
	case all || c == room.Channel:
		return true
	case c == market.Trades:
		return room.Channel == market.CandlesChannel || room.Channel == market.TickerChannel
	case c == market.BookChannel:
		return room.Channel == market.Quotes
	}
	return false
}
