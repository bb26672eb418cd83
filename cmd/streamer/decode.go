package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"tapedeck/cmd/flags"
	"tapedeck/feed"
	"tapedeck/feed/capture"
	"tapedeck/market"
	"tapedeck/snapshot"
)

func decodeCommand() *cli.Command {
	return &cli.Command{
		Name:      "decode",
		Usage:     "show what a decoder makes of a capture",
		ArgsUsage: "FILE…",
		Description: `Prints each event as one line of JSON on standard output, and a summary on standard error: what the messages
were, the events by channel, what was refused and why, and how often the venue's own rules of continuity and its
checksums were kept or broken. Files are captures as replay publish sends them, plain or gzip; a FILE.rest.raw.gz
beside a FILE.raw.gz is merged by itself when it is named too. Nasdaq's own files of ITCH are read as they are.

This is how to look at a venue that is being added, or doubted. Nothing is connected to.

Examples:

  streamer decode --format binance spot_btcusdt.raw.gz | head
  streamer decode --format binance-usdm --summary usdm_btcusdt.raw.gz
  streamer decode --config tapedeck.yaml --format desk-trades desk.raw.gz    # by a mapping of that file
  streamer decode --format binance --room 'book:*' one.raw.gz one.rest.raw.gz | jq .d.bids[0]
  streamer decode --format itch --day 2019-01-30 --room '*:AAPL' 01302019.NASDAQ_ITCH50.gz`,
		Flags: []cli.Flag{
			flags.Config(),
			&cli.StringFlag{Name: "format", Aliases: []string{"feed"}, Usage: "the `NAME` of the decoder, with options as in serve's --feed: binance,trades=aggTrade"},
			&cli.StringFlag{Name: "symbol", Usage: "the venue's own `NAME` of the instrument, for messages that do not say theirs"},
			&cli.StringFlag{Name: "room", Usage: "print only the rooms that `PATTERN` matches: trades:*, *:BTC-USDT"},
			&cli.StringFlag{Name: "day", Usage: "the `DATE` of messages that have no receive time and tell no day: 2019-01-30"},
			&cli.BoolFlag{Name: "summary", Usage: "print the summary alone"},
		},
		Action: decode,
	}
}

func decode(c *cli.Context) error {
	if c.NArg() == 0 {
		return flags.BadFlag("decode needs files, as in streamer decode --format binance spot_btcusdt.raw.gz")
	}
	if c.String("format") == "" {
		return flags.BadFlag("decode needs --format: one of %s", strings.Join(flags.FormatNames(flags.Formats(c)), " "))
	}
	name, options, _ := strings.Cut(c.String("format"), ",")
	topic, o, err := parseFeed(flags.Formats(c), strings.TrimSuffix(name+"=capture,"+options, ","))
	if err != nil {
		return err
	}
	if _, err := path.Match(c.String("room"), ""); err != nil {
		return flags.BadFlag("--room: %q is not a pattern such as trades:* or *:BTC-USDT", c.String("room"))
	}
	files, err := capture.OpenMerged(c.Args().Slice()...)
	if err != nil {
		return err
	}
	defer files.Close()
	out := bufio.NewWriterSize(c.App.Writer, 64<<10)
	d := &decoding{format: topic.Format, decoder: topic.Format.New(o), symbol: c.String("symbol"), match: c.String("room"), books: map[*market.Symbol]*snapshot.Book{}}
	if text := c.String("day"); text != "" {
		day, err := time.Parse(time.DateOnly, text)
		if err != nil {
			return flags.BadFlag("--day: %q is not a date such as 2019-01-30", text)
		}
		d.day = day.Add(afternoon).UnixMicro()
	}
	d.tally.begin()
	if !c.Bool("summary") {
		d.out = json.NewEncoder(out)
		d.out.SetEscapeHTML(false)
	}
	err = d.all(c, files)
	if flushed := out.Flush(); err == nil {
		err = flushed
	}
	if errors.Is(err, syscall.EPIPE) {
		return nil // whoever reads has enough
	}
	if err != nil {
		return err
	}
	d.tally.print(c.App.ErrWriter)
	return nil
}

// afternoon is when of its day a message without a receive time is said to be logged, in UTC: the days of all venues
// that say times of the day alone, which are Nasdaq's, lie within half a day of it.
const afternoon = 16 * time.Hour

// decoding is one run over a capture.
type decoding struct {
	format  *feed.Format
	decoder feed.Decoder
	symbol  string // of messages that do not say theirs
	match   string
	day     int64         // a log time for messages without a receive time, µs
	out     *json.Encoder // nil: the summary alone
	batch   market.Batch
	books   map[*market.Symbol]*snapshot.Book
	tally   tally
}

func (d *decoding) all(c *cli.Context, files *capture.Merged) error {
	for offset := int64(0); c.Err() == nil; offset++ {
		m, err := files.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case capture.IsBadLine(err):
			d.tally.bad(err)
			continue
		case err != nil:
			return err
		}
		if err := d.message(offset, &m); err != nil {
			return err
		}
	}
	return nil
}

func (d *decoding) message(offset int64, m *capture.Message) error {
	r := feed.Record{Offset: offset, Time: cmp.Or(m.Time, d.day), Value: m.Data}
	if symbol := cmp.Or(capture.Symbol(m.URL), d.symbol); symbol != "" {
		r.Key, r.Headers = []byte(symbol), []feed.Header{{Key: "symbol", Value: []byte(symbol)}}
	}
	d.batch.Reset()
	err := d.decoder.Decode(&d.batch, &r)
	d.tally.message(m, d.batch.Events, err)
	for i := range d.batch.Events {
		e := &d.batch.Events[i]
		if k, ok := e.Payload.(*market.Book); ok {
			d.judge(e, k)
		}
		if err := d.print(m, e); err != nil {
			return err
		}
	}
	return nil
}

// judge holds a book message against the venue's rules, as a room would.
func (d *decoding) judge(e *market.Event, k *market.Book) {
	b, known := d.books[e.Symbol]
	if !known {
		b = snapshot.NewBook(snapshot.DefaultLimits, snapshot.Origin{}).(*snapshot.Book)
		d.books[e.Symbol] = b
	}
	before := known && b.Good() // before its first message a book is empty, which is not yet anybody's word
	effect := b.Apply(e, snapshot.Cause{})
	var names []string
	if k.Chain != nil {
		names = append(names, k.Chain.Name)
	}
	if k.Check != nil {
		names = append(names, k.Check.Name)
	}
	rule := d.tally.rule(strings.Join(names, " + "))
	switch {
	case b.Good():
		rule.kept++
	case before && effect == snapshot.Broken:
		rule.broken++
	default:
		rule.waiting++
	}
}

// line is one event as it is printed.
type line struct {
	Line     int             `json:"line"`
	TS       int64           `json:"ts"`
	VTS      int64           `json:"vts,omitempty"`
	Room     string          `json:"room"`
	Snapshot bool            `json:"snapshot,omitempty"`
	First    int64           `json:"first,omitempty"`
	Last     int64           `json:"last,omitempty"`
	Prev     int64           `json:"prev,omitempty"`
	State    string          `json:"state,omitempty"`
	Facts    *facts          `json:"facts,omitempty"`
	D        json.RawMessage `json:"d,omitempty"`
}

// facts is what a venue says of an instrument.
type facts struct {
	Tick     string `json:"tick,omitempty"`
	Lot      string `json:"lot,omitempty"`
	Contract string `json:"contract,omitempty"`
	Currency string `json:"currency,omitempty"`
	Inverse  bool   `json:"inverse,omitempty"`
}

func (d *decoding) print(m *capture.Message, e *market.Event) error {
	if d.out == nil {
		return nil
	}
	channel, all := channelOf(e)
	name := market.Room{Channel: channel, Venue: e.Symbol.Venue, Symbol: e.Symbol.Name}.String()
	if all {
		name = "*" + strings.TrimPrefix(name, channel.String())
	}
	if d.match != "" {
		if ok, _ := path.Match(d.match, name); !ok {
			return nil
		}
	}
	l := line{Line: m.Line, TS: m.Time, VTS: e.Time, Room: name, D: textOf(e)}
	switch p := e.Payload.(type) {
	case *market.Book:
		l.Snapshot, l.First, l.Last, l.Prev = p.Snapshot, p.First, p.Last, p.Prev
	case *market.Status:
		l.State = p.State.String()
	case *market.Gap:
		l.State = "gap"
	case *market.Instrument:
		l.Facts = &facts{p.Tick.String(), p.Lot.String(), p.Contract.String(), p.Currency, p.Inverse}
	default:
	}
	return d.out.Encode(l)
}

// tally counts what came.
type tally struct {
	messages, events, badLines int
	firstBad                   string
	kinds                      map[string]int
	channels                   map[string]int
	symbols                    map[*market.Symbol]bool
	refusals                   map[feed.Reason]*refusals
	rules                      map[string]*rule
}

// refusals are the messages that brought nothing, of one reason.
type refusals struct {
	n     int
	first string // the first of them
}

// rule is a venue's rule of continuity, or its checksum.
type rule struct{ kept, broken, waiting int }

func (t *tally) begin() {
	t.kinds, t.channels = map[string]int{}, map[string]int{}
	t.symbols, t.refusals, t.rules = map[*market.Symbol]bool{}, map[feed.Reason]*refusals{}, map[string]*rule{}
}

func (t *tally) rule(name string) *rule {
	name = cmp.Or(name, "no rule")
	if t.rules[name] == nil {
		t.rules[name] = &rule{}
	}
	return t.rules[name]
}

func (t *tally) bad(err error) {
	t.badLines++
	t.firstBad = cmp.Or(t.firstBad, err.Error())
}

func (t *tally) message(m *capture.Message, events []market.Event, err error) {
	t.messages++
	t.events += len(events)
	if err != nil {
		t.refused(m, err)
		return
	}
	kind := map[string]bool{}
	for i := range events {
		what := whatOf(&events[i])
		kind[what] = true
		t.channels[what]++
		t.symbols[events[i].Symbol] = true
	}
	t.kinds[cmp.Or(strings.Join(slices.Sorted(maps.Keys(kind)), ", "), "nothing")]++
}

func (t *tally) refused(m *capture.Message, err error) {
	reason := feed.BadValue
	errors.As(err, &reason)
	if t.refusals[reason] == nil {
		t.refusals[reason] = &refusals{first: fmt.Sprintf("%s:%d: %v: %.120s", m.File, m.Line, err, readable(m.Data))}
	}
	t.refusals[reason].n++
}

// whatOf is an event's channel, with a book's form.
func whatOf(e *market.Event) string {
	switch p := e.Payload.(type) {
	case *market.Book:
		if p.Snapshot {
			return "book snapshot"
		}
		return "book delta"
	case *market.Status:
		return "status"
	case *market.Gap:
		return "gap"
	case *market.Instrument:
		return "instrument"
	default:
		c, _ := channelOf(e)
		return c.String()
	}
}

// print writes the summary.
func (t *tally) print(w io.Writer) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	defer table.Flush()
	row := func(cells ...any) {
		for i, c := range cells {
			if i > 0 {
				fmt.Fprint(table, "\t")
			}
			fmt.Fprint(table, c)
		}
		fmt.Fprintln(table)
	}
	row("messages", t.messages, "of", len(t.symbols), "symbols")
	for _, k := range slices.Sorted(maps.Keys(t.kinds)) {
		row("  "+k, t.kinds[k])
	}
	for _, r := range slices.Sorted(maps.Keys(t.refusals)) {
		row("  "+string(r), t.refusals[r].n, "first: "+t.refusals[r].first)
	}
	if t.badLines > 0 {
		row("  no message", t.badLines, "first: "+t.firstBad)
	}
	row("events", t.events)
	for _, k := range slices.Sorted(maps.Keys(t.channels)) {
		row("  "+k, t.channels[k])
	}
	for _, name := range slices.Sorted(maps.Keys(t.rules)) {
		r := t.rules[name]
		row("book rule "+name, fmt.Sprintf("kept %d", r.kept), fmt.Sprintf("broken %d", r.broken), fmt.Sprintf("without a snapshot %d", r.waiting))
	}
}
