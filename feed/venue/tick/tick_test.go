package tick_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/venue/tick"
	"tapedeck/market"
	"tapedeck/snapshot"
)

func decode(t *testing.T, value string) []market.Event {
	t.Helper()
	var b market.Batch
	if err := tick.Format.New(feed.DefaultOptions()).Decode(&b, &feed.Record{Value: []byte(value)}); err != nil {
		t.Fatalf("%s: %v", value, err)
	}
	return b.Events
}

// The examples of docs/tick.md are good records, of every kind, and use every field that it names.
func TestDocumentedExamples(t *testing.T) {
	doc, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "tick.md"))
	if err != nil {
		t.Fatal(err)
	}
	examples := regexp.MustCompile("(?s)```json\n(.*?)```").FindAllSubmatch(doc, -1)
	if len(examples) < 10 {
		t.Fatalf("docs/tick.md has %d examples only", len(examples))
	}
	kinds := map[string]int{}
	for _, ex := range examples {
		for _, ev := range decode(t, string(ex[1])) {
			kinds[fmt.Sprintf("%T", ev.Payload)]++
		}
	}
	if len(kinds) != 6 {
		t.Errorf("the examples of docs/tick.md have %v, want all six kinds of event", kinds)
	}
	for f := range market.Field(market.NumFields) {
		if !strings.Contains(string(doc), "`"+f.String()+"`") {
			t.Errorf("docs/tick.md does not name %s", f)
		}
	}
	for _, name := range regexp.MustCompile("`([a-zA-Z]+)`").FindAllStringSubmatch(string(doc), -1) {
		if f := name[1]; !used[f] && !words[f] {
			t.Errorf("docs/tick.md names %s, which is no field", f)
		}
	}
}

// used are the fields, and words what else docs/tick.md sets in the same type.
var (
	used = set("t venue symbol kind ts id px qty side bid bidQty ask askQty snapshot seq prev bids asks start width o h l c v n final state " +
		"last open high low volume quoteVolume vwap trades mark index funding fundingTime openInterest")
	words = set("tick trade quote book ticker candle status spot perpetual future option buy sell unknown null stale halted live KRAKEN")
)

func set(words string) map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(words) {
		m[w] = true
	}
	return m
}

// Each field is read: one that is put into a good event twice is noticed.
func TestEveryFieldIsKnown(t *testing.T) {
	for name := range used {
		value := fmt.Sprintf(`{"%s":null,"%s":null}`, name, name)
		err := tick.Format.New(feed.DefaultOptions()).Decode(new(market.Batch), &feed.Record{Value: []byte(value)})
		if !errors.Is(err, feed.BadJSON) || !strings.HasSuffix(err.Error(), "field "+name) {
			t.Errorf("%s twice: %v", name, err)
		}
	}
}

func TestSymbols(t *testing.T) {
	for _, test := range []struct{ symbol, kind, want string }{
		{"BTC-USD", "", "BTC USD spot"}, {"BTC-USD", `,"kind":"perpetual"`, "BTC USD perpetual"}, {"XBTUSD", `,"kind":"future"`, "  future"},
		{"BTC-29DEC23-40000-C", `,"kind":"option"`, "  option"}, {"BRK B", "", "  spot"}, {"-USD", "", "  spot"}, {"比特币-USD", "", "比特币 USD spot"},
	} {
		value := fmt.Sprintf(`{"t":"status","venue":"V","symbol":%q,"state":"live"%s}`, test.symbol, test.kind)
		s := decode(t, value)[0].Symbol
		if got := fmt.Sprint(s.Base, " ", s.Quote, " ", s.Kind); got != test.want || s.Name != test.symbol || s.Native != test.symbol || s.Venue != "V" {
			t.Errorf("%s is %+v, want %s", value, *s, test.want)
		}
	}
}

func TestOnly(t *testing.T) {
	o := feed.DefaultOptions()
	o.Only = func(s *market.Symbol) bool { return s.Venue == "A" }
	d := tick.Format.New(o)
	for value, want := range map[string]int{
		`{"t":"status","venue":"A","symbol":"S","state":"live"}`: 1, `{"t":"status","venue":"B","symbol":"S","state":"live"}`: 0,
		`[{"t":"status","venue":"B","symbol":"S","state":"live"},{"t":"status","venue":"A","symbol":"S","state":"live"}]`: 1,
	} {
		var b market.Batch
		err := d.Decode(&b, &feed.Record{Value: []byte(value)})
		if len(b.Events) != want || errors.Is(err, feed.Unused) != (want == 0) {
			t.Errorf("%s: %v and %d events, want %d", value, err, len(b.Events), want)
		}
	}
}

// Of a book that numbers its messages a hole is noticed, and a repeat changes nothing.
func TestContinuity(t *testing.T) {
	b := snapshot.NewBook(snapshot.DefaultLimits, snapshot.Origin{}).(*snapshot.Book)
	apply := func(rest string, good bool, qty string) {
		t.Helper()
		ev := decode(t, `{"t":"book","venue":"V","symbol":"S",`+rest+`}`)
		b.Apply(&ev[0], snapshot.Cause{})
		if b.Good() != good {
			t.Fatalf("after %s the book is good: %v", rest, b.Good())
		}
		body, _ := b.Full(0)
		if bids := body.(*market.Book).Bids; good && bids[0].Qty.String() != qty {
			t.Fatalf("after %s the quantity is %s, want %s", rest, bids[0].Qty, qty)
		}
	}
	apply(`"seq":9,"bids":[["1","9"]]`, false, "")
	apply(`"snapshot":true,"seq":10,"bids":[["1","10"]],"asks":[]`, true, "10")
	apply(`"seq":11,"bids":[["1","11"]]`, true, "11")
	apply(`"prev":11,"seq":15,"bids":[["1","15"]]`, true, "15")
	apply(`"seq":11,"bids":[["1","11"]]`, true, "15")
	apply(`"prev":16,"seq":17,"bids":[["1","17"]]`, false, "")
	apply(`"seq":18,"bids":[["1","18"]]`, false, "")
	apply(`"snapshot":true,"seq":17,"bids":[["1","17"]],"asks":[]`, true, "18")
}
