package venue_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/feedtest"
	"tapedeck/feed/venue"
	"tapedeck/market"
)

// row is a line of a format's table of channels: what is claimed of it, in the words of facts, and what of that the
// messages in testdata have shown.
type row struct {
	cell   string
	names  []string // of channels, as the venue spells them
	match  []*regexp.Regexp
	claims map[string]bool
	shown  map[string]bool
}

// words of docs/venues.md, the longer ones first, and what each says of a ticker. They stand in the first sentence of
// the row's notes.
var words = []struct {
	text  string
	field market.Field
}{
	{"quote volume", market.QuoteVolume}, {"open interest", market.OpenInterest}, {"next time", market.FundingTime},
	{"last", market.Last}, {"open", market.Open}, {"high", market.High}, {"low", market.Low}, {"volume", market.Volume},
	{"vwap", market.VWAP}, {"trades", market.TradeCount}, {"mark", market.Mark}, {"index", market.Index}, {"funding", market.Funding},
}

// What each channel becomes is shown by a message in testdata, and what becomes of a message is said by the row of
// its channel: kinds of events, and fields of tickers.
func TestDocumentedChannels(t *testing.T) {
	for _, f := range venue.Formats {
		t.Run(f.Name, func(t *testing.T) { comparesChannels(t, f) })
	}
}

func comparesChannels(t *testing.T, f *feed.Format) {
	rows := rowsOf(t, f.Name)
	for _, m := range feedtest.Messages(t, messagesOf(t, f)) {
		of := rowsFor(rows, &m)
		any := of
		if len(of) == 0 {
			any = rows
		}
		for fact := range factsOf(t, f, &m) {
			said := func(r *row) bool { return r.claims[fact] }
			if fact != "gap" && !slices.ContainsFunc(any, said) {
				t.Errorf("docs/venues.md: of %s no row says that %s brings %s: %.200q", f.Name, m.Name, fact, m.Value)
			}
			for _, r := range of {
				r.shown[fact] = true
			}
		}
	}
	for _, r := range rows {
		for claim := range r.claims {
			if !r.shown[claim] {
				t.Errorf("no message of %s in testdata shows that %s brings %s", f.Name, r.cell, claim)
			}
		}
	}
}

// rowsFor are the rows of a message: those that name what it, its stream, what comes before it or its comment names.
// It has none where that is nothing: some messages do not say their channel.
func rowsFor(rows []*row, m *feedtest.Message) (of []*row) {
	text := string(m.Value) + "\n" + m.Comment
	for _, r := range append(slices.Clone(m.Before), m.Record) {
		text += "\n" + string(r.Value)
		for _, h := range r.Headers {
			text += "\n" + string(h.Value)
		}
	}
	for _, r := range rows {
		if slices.ContainsFunc(r.match, func(name *regexp.Regexp) bool { return name.MatchString(text) }) {
			of = append(of, r)
		}
	}
	return of
}

// factsOf says what becomes of a message.
func factsOf(t *testing.T, f *feed.Format, m *feedtest.Message) map[string]bool {
	t.Helper()
	facts := map[string]bool{}
	var b market.Batch
	if m.Decoder(f).Decode(&b, &m.Record) != nil {
		return facts
	}
	for _, ev := range b.Events {
		switch p := ev.Payload.(type) {
		case *market.Trade:
			facts["trade"] = true
		case *market.Quote:
			facts["quote"] = true
		case *market.Book:
			facts[map[bool]string{true: "snapshot", false: "change"}[p.Snapshot]] = true
		case *market.Ticker:
			facts["ticker"] = true
			for _, w := range words {
				if p.Values[w.field].Set() {
					facts[w.text] = true
				}
			}
		case *market.Candle:
			facts["candle"] = true
		case *market.Status:
			facts["status"] = true
		case *market.Instrument:
			facts["instrument"] = true
		case *market.Gap:
			facts["gap"] = true
		}
	}
	return facts
}

// rowsOf reads a format's table of channels. Where its section says that something is as in another one, that one's
// rows count too, but for those that its own name again.
func rowsOf(t *testing.T, format string) (rows []*row) {
	t.Helper()
	text, _ := section(t, format)
	_, table, _ := strings.Cut(text, " | becomes |")
	for line := range strings.Lines(table) {
		if cells := strings.Split(line, "|"); len(cells) > 3 && !strings.HasPrefix(line, "|--") {
			rows = append(rows, newRow(cells[1], cells[2], cells[len(cells)-2]))
		} else if line == "\n" {
			break
		}
	}
	own := slices.Clone(rows)
	if m := regexp.MustCompile("(?:are those of|All is as in) `([a-z0-9-]+)`").FindStringSubmatch(text); m != nil {
		for _, r := range rowsOf(t, m[1]) {
			again := func(o *row) bool {
				return slices.ContainsFunc(o.names, func(name string) bool { return slices.Contains(r.names, name) })
			}
			if !slices.ContainsFunc(own, again) {
				rows = append(rows, r)
			}
		}
	}
	if len(rows) == 0 {
		t.Errorf("docs/venues.md: the section on %s has no table of channels", format)
	}
	return rows
}

var (
	quoted   = regexp.MustCompile("`([^`]+)`")
	holder   = regexp.MustCompile(`\\\*|…|\\\{[a-z]+\\\}|(\b|_)[A-Z]+(\b|_)`) // stands for something in a channel's name
	sentence = regexp.MustCompile(`[.;:]( |$)`)
	asides   = regexp.MustCompile("\\([^)]*\\)|`[^`]*`")
)

func newRow(cell, becomes, notes string) *row {
	r := &row{cell: strings.TrimSpace(cell), claims: map[string]bool{}, shown: map[string]bool{}}
	for _, m := range quoted.FindAllStringSubmatch(cell, -1) {
		r.names = append(r.names, m[1])
		name, _, _ := strings.Cut(strings.TrimLeft(m[1], "@!"), "?")
		name = strings.TrimPrefix(strings.TrimPrefix(name, "GET "), "POST ")
		pattern := holder.ReplaceAllString(regexp.QuoteMeta(name), `${1}[^"\n]*${2}`)
		if len(name) == 1 { // a type of ITCH, which begins a message
			r.match = append(r.match, regexp.MustCompile(`(?:\A|\x00.)`+name))
			continue
		}
		r.match = append(r.match, regexp.MustCompile(`(?:^|\W)`+pattern+`(?:\W|$)`))
	}
	for word := range strings.FieldsFuncSeq(becomes, func(c rune) bool { return c < 'a' || c > 'z' }) {
		switch word = strings.TrimSuffix(word, "s"); word {
		case "trade", "quote", "snapshot", "change", "ticker", "candle", "statu", "instrument":
			r.claims[strings.Replace(word, "statu", "status", 1)] = true
		}
	}
	if r.claims["ticker"] {
		notes = asides.ReplaceAllString(notes, "")
		if i := sentence.FindStringIndex(notes); i != nil {
			notes = notes[:i[0]]
		}
		for _, w := range words {
			if strings.Contains(notes, w.text) {
				notes = strings.ReplaceAll(notes, w.text, "")
				r.claims[w.text] = true
			}
		}
	}
	return r
}
