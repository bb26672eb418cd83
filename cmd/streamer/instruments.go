package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"tapedeck/cmd/flags"
	"tapedeck/feed"
	"tapedeck/market"
	"tapedeck/subscriptions"
)

// instrumentsFlag names the file of instruments.
func instrumentsFlag() cli.Flag {
	return &cli.StringFlag{
		Name: "instruments", Category: "Feeds",
		Usage: "know what the instruments in this `FILE` are, plain or gzip: one a line, as docs/venues.md says",
	}
}

// instruments are those of a file.
type instruments struct {
	file string
	all  int // lines
	list []subscriptions.Listed
}

// readInstruments reads the file, and keeps those of the feeds' venues; all, where the records name theirs. A line of a
// venue that none of the known formats has is a mistake.
func readInstruments(name string, known []*feed.Format, venues []string, o only) (*instruments, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, flags.BadConfig("--instruments: %w", err)
	}
	defer f.Close()
	text, err := unpacked(f)
	if err != nil {
		return nil, flags.BadConfig("--instruments: %s: %w", name, err)
	}
	in := &instruments{file: name}
	lines := bufio.NewScanner(text)
	lines.Buffer(nil, 1<<20)
	first := map[string]int{}
	elsewhere := venuesOf(known)
	at := 0
	for lines.Scan() {
		if at++; len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		in.all++
		i, err := parseInstrument(lines.Bytes())
		if err == nil && i.Symbol != nil {
			err = in.add(i, at, first, venues, elsewhere, o)
		}
		if err != nil {
			return nil, flags.BadConfig("--instruments: %s: line %d: %w", name, at, err)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, flags.BadConfig("--instruments: %s: line %d: %w", name, at+1, err)
	}
	return in, nil
}

// add keeps an instrument, if it is of the venues and wanted. Those of the venues elsewhere, of which there may be any
// where they are nil, are left out.
func (in *instruments) add(i subscriptions.Listed, at int, first map[string]int, venues, elsewhere []string, o only) error {
	key := i.Venue + " " + i.Native
	if was, twice := first[key]; twice {
		return fmt.Errorf("%s is in line %d already", key, was)
	}
	first[key] = at
	switch {
	case venues == nil || slices.Contains(venues, i.Venue):
	case elsewhere == nil || slices.Contains(elsewhere, i.Venue):
		return nil
	default:
		return fmt.Errorf("there is no venue %q: %s", i.Venue, flags.DidYouMean(i.Venue, "", elsewhere))
	}
	if i.Name == "" || o == nil || o.symbol(i.Symbol) {
		in.list = append(in.list, i)
	}
	return nil
}

// venuesOf lists the venues that formats have; nil if a mapping finds its own in the records.
func venuesOf(known []*feed.Format) (venues []string) {
	for _, f := range known {
		switch {
		case f.Venue == "" && flags.Mapped(f):
			return nil
		case f.Venue != "" && !slices.Contains(venues, f.Venue):
			venues = append(venues, f.Venue)
		}
	}
	return venues
}

// unpacked returns a text that may be packed with gzip.
func unpacked(f io.Reader) (io.Reader, error) {
	text := bufio.NewReader(f)
	if magic, _ := text.Peek(2); string(magic) == "\x1f\x8b" {
		return gzip.NewReader(text)
	}
	return text, nil
}

// parseInstrument reads a line: one of ours, or of a list that has an exchange and a market in the place of a venue.
// There is no symbol where it is of an exchange that no format decodes.
func parseInstrument(line []byte) (subscriptions.Listed, error) {
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(line, &keys); err != nil {
		return subscriptions.Listed{}, fmt.Errorf("it is no JSON object: %w", err)
	}
	f := entry{keys: keys}
	var i subscriptions.Listed
	if keys["exchange"] != nil {
		i = f.foreign()
	} else {
		i = f.own()
	}
	return i, f.err
}

// entry is a line's keys, and the first thing that is wrong with one.
type entry struct {
	keys map[string]json.RawMessage
	err  error
}

var instrumentKeys = []string{"venue", "native", "name", "kind", "base", "quote", "tick", "lot", "contractSize", "currency", "inverse"}

// own reads a line of our form.
func (f *entry) own() subscriptions.Listed {
	for key := range f.keys {
		if !slices.Contains(instrumentKeys, key) {
			f.fail("there is no key %q: %s", key, flags.DidYouMean(key, "", instrumentKeys))
		}
	}
	i := subscriptions.Listed{
		Symbol: &market.Symbol{
			Venue: f.text("venue"), Native: f.text("native"), Name: f.text("name"), Base: f.text("base"), Quote: f.text("quote"), Kind: f.kind("kind"),
		},
		Facts: market.Instrument{
			Tick: f.number("tick"), Lot: f.number("lot"), Contract: f.number("contractSize"), Currency: f.text("currency"), Inverse: f.flag("inverse"),
		},
	}
	switch {
	case i.Venue == "" || i.Native == "":
		f.fail("it needs a venue and a native name")
	case i.Facts.Contract.Set() != (i.Facts.Currency != "") || i.Facts.Inverse && i.Facts.Currency == "":
		f.fail("contractSize and currency need each other, and inverse needs both")
	}
	nameSpot(i.Symbol)
	return i
}

// nameSpot gives a spot instrument the name that our decoders give it. That of a derivative depends on its venue: it has
// none before its first event, unless the line says so.
func nameSpot(s *market.Symbol) {
	if s.Name == "" && s.Kind == market.Spot && s.Base != "" && s.Quote != "" {
		s.Name = s.Base + "-" + s.Quote
	}
}

// foreign reads a line of the other form, in which keys that we do not use may be.
func (f *entry) foreign() subscriptions.Listed {
	exchange, of := f.text("exchange"), f.text("market")
	base, quote, _ := strings.Cut(f.text("pair"), "/")
	s := &market.Symbol{Native: f.text("symbol"), Base: base, Quote: quote}
	if s.Native == "" {
		f.fail("it needs a symbol")
	}
	switch {
	case of == "option":
		s.Kind = market.Option
	case strings.HasSuffix(of, "future") || of == "futures" || f.text("typ") == "FFCCSX":
		s.Kind = market.Future
	case of != "spot":
		s.Kind = market.Perpetual
	}
	if s.Venue = venueOf(exchange, of, quote); s.Venue == "" {
		return subscriptions.Listed{}
	}
	nameSpot(s)
	i := subscriptions.Listed{Symbol: s}
	if f.keys["contract_value"] != nil {
		i.Facts.Contract, i.Facts.Currency = f.number("contract_value"), f.text("contract_ccy")
		i.Facts.Inverse = f.text("contract_type") == "inverse"
	}
	return i
}

// venueOf returns the venue of an exchange's market; "" if no format decodes it. BitMEX' multiplier and Deribit's
// contract size are left aside: the one is in parts of a coin that the line does not tell, and of the other quantities
// are no multiples.
func venueOf(exchange, of, quote string) string {
	spot := of == "spot"
	switch {
	case exchange == "binance" && strings.HasPrefix(of, "usdm"):
		return "BINANCE-USDM"
	case exchange == "binance" && strings.HasPrefix(of, "coinm"):
		return "BINANCE-COINM"
	case exchange == "bybit" && !spot && quote == "USD":
		return "BYBIT-INVERSE"
	case exchange == "bybit" && !spot:
		return "BYBIT-LINEAR"
	case exchange == "gateio" && spot:
		return "GATE"
	case exchange == "okx", exchange == "bitmex", exchange == "deribit",
		spot && slices.Contains([]string{"binance", "bybit", "coinbase", "kraken", "kucoin", "htx"}, exchange):
		return strings.ToUpper(exchange)
	}
	return ""
}

func (f *entry) fail(format string, args ...any) {
	if f.err == nil {
		f.err = fmt.Errorf(format, args...)
	}
}

// read reads a key, if it is there, into to.
func (f *entry) read(key string, to any, want string) {
	if raw, ok := f.keys[key]; ok && (string(raw) == "null" || json.Unmarshal(raw, to) != nil) {
		f.fail("%s is %s: it must be %s", key, raw, want)
	}
}

func (f *entry) text(key string) (s string) {
	f.read(key, &s, "a text")
	return s
}

func (f *entry) flag(key string) (b bool) {
	f.read(key, &b, "true or false")
	return b
}

// number reads a number as it is written, with or without quotes.
func (f *entry) number(key string) market.Decimal {
	raw, ok := f.keys[key]
	if !ok {
		return market.Decimal{}
	}
	n, ok := market.ParseDecimal(strings.Trim(string(raw), `"`))
	if !ok || n.Neg() || n.IsZero() {
		f.fail("%s is %s: it must be a number above 0", key, raw)
	}
	return n
}

func (f *entry) kind(key string) market.Kind {
	word := f.text(key)
	var known []string
	for k := market.Spot; k <= market.Option; k++ {
		if word == k.String() {
			return k
		}
		known = append(known, k.String())
	}
	if _, said := f.keys[key]; said {
		f.fail("there is no kind %q: %s", word, flags.DidYouMean(word, "", known))
	}
	return market.Spot
}
