package kraken_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/feedtest"
	"tapedeck/feed/venue/kraken"
	"tapedeck/market"
	"tapedeck/snapshot"
)

func FuzzV1(f *testing.F) { feedtest.Fuzz(f, kraken.V1, "testdata/kraken-v1") }
func FuzzV2(f *testing.F) { feedtest.Fuzz(f, kraken.V2, "testdata/kraken") }

// decode decodes one record with a new decoder, and must.
func decode(t *testing.T, f *feed.Format, value string) []market.Event {
	t.Helper()
	var b market.Batch
	if err := f.New(feed.DefaultOptions()).Decode(&b, &feed.Record{Value: []byte(value)}); err != nil {
		t.Fatalf("%s: %v", value, err)
	}
	return b.Events
}

func TestSymbols(t *testing.T) {
	for _, want := range []market.Symbol{
		{Native: "XBT/USD", Name: "BTC-USD", Base: "BTC", Quote: "USD"},
		{Native: "BTC/USD", Name: "BTC-USD", Base: "BTC", Quote: "USD"},
		{Native: "ADA/XBT", Name: "ADA-BTC", Base: "ADA", Quote: "BTC"},
		{Native: "XDG/EUR", Name: "DOGE-EUR", Base: "DOGE", Quote: "EUR"},
		{Native: "REPV2/EUR", Name: "REPV2-EUR", Base: "REPV2", Quote: "EUR"},
		{Native: "AAPLx/USD", Name: "AAPLx-USD", Base: "AAPLx", Quote: "USD"},
	} {
		want.Venue = "KRAKEN"
		if got := decode(t, kraken.V1, `[1,{"as":[],"bs":[]},"book-10","`+want.Native+`"]`)[0].Symbol; *got != want {
			t.Errorf("%s is %+v, want %+v", want.Native, *got, want)
		}
	}
}

// The venue's own list of pairs says what base and quote are; no two have one name.
func TestListedInstruments(t *testing.T) {
	f, err := os.Open(feedtest.Data(t, "instruments/instruments_sample.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	named := map[string]bool{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var in struct{ Exchange, Market, Symbol, Pair string }
		if err := json.Unmarshal(lines.Bytes(), &in); err != nil {
			t.Fatal(err)
		}
		if in.Exchange != "kraken" {
			continue
		}
		s := decode(t, kraken.V1, `[1,{"as":[],"bs":[]},"book-10","`+in.Symbol+`"]`)[0].Symbol
		if s.Name != strings.Replace(in.Pair, "/", "-", 1) || named[s.Name] {
			t.Errorf("%s is called %s, want %s", in.Symbol, s.Name, in.Pair)
		}
		named[s.Name] = true
	}
	if len(named) < 10 {
		t.Errorf("the list has %d pairs only", len(named))
	}
}

// follow keeps the books of decoded records, and counts the checksums that are theirs.
func follow(t *testing.T, f *feed.Format, records []feed.Record) (checks int, found map[string]int) {
	t.Helper()
	d := f.New(feed.DefaultOptions())
	var b market.Batch
	found = map[string]int{}
	books := map[*market.Symbol]*snapshot.Book{}
	for _, r := range records {
		b.Reset()
		if err := d.Decode(&b, &r); err != nil {
			if !errors.Is(err, feed.Ignored) {
				t.Errorf("%s: %v", r.Value, err)
			}
			found["ignored"]++
		}
		for i := range b.Events {
			ev := &b.Events[i]
			kind, _, _ := strings.Cut(feedtest.Text(b.Events[i:i+1]), " ")
			found[kind]++
			k, ok := ev.Payload.(*market.Book)
			if !ok {
				continue
			}
			if books[ev.Symbol] == nil {
				books[ev.Symbol] = snapshot.NewBook(snapshot.DefaultLimits, snapshot.Origin{}).(*snapshot.Book)
			}
			if books[ev.Symbol].Apply(ev, snapshot.Cause{}); k.Check != nil && books[ev.Symbol].Good() {
				checks++
			}
		}
	}
	return checks, found
}

// Every message becomes events but for the answers and heartbeats, and every checksum is that of the book as
// it is kept. That there are 2,523, all right, is what another replay of the same files found.
func TestRecordedSession(t *testing.T) {
	records := feedtest.Records(t, "sessions/cryptofeed/kraken-spot-v1.raw.gz")
	checks, found := follow(t, kraken.V1, records)
	if want := "map[book:2529 ignored:113 quote:9 ticker:9 trade:4]"; checks != 2523 || fmt.Sprint(found) != want {
		t.Errorf("%d checksums are right and there are %v, want 2523 and %s", checks, found, want)
	}
	ignored := 0
	for _, r := range records {
		for _, event := range []string{"heartbeat", "systemStatus", "subscriptionStatus"} {
			if strings.Contains(string(r.Value), `"event":"`+event+`"`) {
				ignored++
			}
		}
	}
	if ignored != found["ignored"] {
		t.Errorf("%d messages are ignored, %d are answers and heartbeats", found["ignored"], ignored)
	}
}

// What each sample becomes.
func TestSamples(t *testing.T) {
	dir := feedtest.Data(t, "samples/kraken-fixtures")
	for name, want := range map[string]string{
		"Spot_Kline":  "candle KRAKEN ETH-USDT (ETH/USDT) time=1696436790524394 start=1696436700000000 width=300000000 o=0.5624 h=0.5628 l=0.5622 c=0.5627 v=30927.68066226 n=12 quoteVolume= vwap=0.5626 final=false\n",
		"Spot_Ticker": "quote KRAKEN ETH-USDT (ETH/USDT) bid=0.10025 x 740.0 ask=0.10035 x 740.0\nticker KRAKEN ETH-USDT (ETH/USDT) last=0.10035 high=0.10285 low=0.09979 volume=997038.98383185 vwap=0.10148\n",
		"Spot_Trades": "trade KRAKEN ETH-USDT (ETH/USDT) time=1695628177708706 id=4665906 px=0.5117 qty=40.0 side=sell\n",
	} {
		value, err := os.ReadFile(filepath.Join(dir, name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		if got := feedtest.Text(decode(t, kraken.V2, string(value))); got != want {
			t.Errorf("%s becomes\n%swant\n%s", name, got, want)
		}
	}
	// The book has the checksum that it says.
	value, err := os.ReadFile(filepath.Join(dir, "Spot_AggBook.json"))
	if err != nil {
		t.Fatal(err)
	}
	checks, found := follow(t, kraken.V2, []feed.Record{{Value: value}})
	if checks != 1 || found["book"] != 1 {
		t.Errorf("the book became %v, its checksum is right %d times", found, checks)
	}
	// The one order by order has a checksum of more orders than it shows: it is no book.
	if value, err = os.ReadFile(filepath.Join(dir, "Spot_IndividualBook.json")); err != nil {
		t.Fatal(err)
	}
	want := "book KRAKEN ETH-USDT (ETH/USDT) chain=kraken-orders-deep first=0 last=1 prev=-1 bids asks\n"
	if got := feedtest.Text(decode(t, kraken.V2, string(value))); got != want {
		t.Errorf("level3 becomes\n%swant\n%s", got, want)
	}
	v1, _ := filepath.Glob(filepath.Join(feedtest.Data(t, "samples/kraken-spot-v1"), "*.json"))
	for _, file := range v1 {
		value, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, found := follow(t, kraken.V1, []feed.Record{{Value: value}})
		want := map[string]string{"book": "map[book:1]", "trade": "map[trade:1]", "ticker": "map[quote:1 ticker:1]"}[strings.TrimSuffix(filepath.Base(file), ".json")]
		if want == "" {
			want = "map[ignored:1]"
		}
		if fmt.Sprint(found) != want {
			t.Errorf("%s became %v, want %s", file, found, want)
		}
	}
}

// The recorded session with messages dropped, doubled and swapped.
func TestFaults(t *testing.T) {
	feedtest.Faults(t, &feedtest.Recording{
		Format: kraken.V1, Options: feed.DefaultOptions(), Sight: feedtest.AtChecks, Levels: 10,
		Records: feedtest.Records(t, "sessions/cryptofeed/kraken-spot-v1.raw.gz"),
		Snapshot: func(sym *market.Symbol, k *market.Book) []feed.Record {
			return []feed.Record{{Value: fmt.Appendf(nil, `[1,{"as":[%s],"bs":[%s]},"book-1000",%q]`, rows(k.Asks), rows(k.Bids), sym.Native)}}
		},
	}, 2)
}

func rows(levels []market.Level) string {
	var all []string
	for _, l := range levels {
		all = append(all, fmt.Sprintf(`["%s","%s","1618678123.481570"]`, l.Price, l.Qty))
	}
	return strings.Join(all, ",")
}

// The same session written as v2 writes it, with the depth of 1,000 in the answer to the subscription only:
// every checksum is right.
func TestSameBooksInV2(t *testing.T) {
	var records []feed.Record
	for _, r := range feedtest.Records(t, "sessions/cryptofeed/kraken-spot-v1.raw.gz") {
		if v2 := rewritten(t, r.Value); v2 != nil {
			records = append(records, feed.Record{Value: v2})
		} else if _, pair, ok := strings.Cut(string(r.Value), `"channelName":"book-1000","event":"subscriptionStatus","pair":"`); ok {
			pair, _, _ = strings.Cut(pair, `"`)
			records = append(records, feed.Record{Value: fmt.Appendf(nil,
				`{"method":"subscribe","result":{"channel":"book","depth":1000,"snapshot":true,"symbol":%q},"success":true}`, pair)})
		}
	}
	if checks, found := follow(t, kraken.V2, records); checks != 2529 || found["book"] != 2529 {
		t.Errorf("%d checksums are right, of %v", checks, found)
	}
}

// rewritten returns a book's message of v1 as v2 has it; nil if it is another.
func rewritten(t *testing.T, value []byte) []byte {
	t.Helper()
	var parts []json.RawMessage
	var channel, pair string
	if json.Unmarshal(value, &parts) != nil || len(parts) < 4 || json.Unmarshal(parts[len(parts)-2], &channel) != nil || channel != "book-1000" {
		return nil
	}
	json.Unmarshal(parts[len(parts)-1], &pair)
	var content struct {
		A, B, As, Bs [][]string
		C            string
	}
	for _, part := range parts[1 : len(parts)-2] {
		if err := json.Unmarshal(part, &content); err != nil {
			t.Fatal(err)
		}
	}
	kind := "update"
	if content.C == "" {
		kind, content.C = "snapshot", fmt.Sprint(crc32.ChecksumIEEE([]byte(digits(content.As)+digits(content.Bs))))
	}
	return fmt.Appendf(nil, `{"channel":"book","type":%q,"data":[{"symbol":%q,"bids":[%s],"asks":[%s],"checksum":%s}]}`,
		kind, pair, rungs(append(content.B, content.Bs...)), rungs(append(content.A, content.As...)), content.C)
}

func digits(levels [][]string) (text string) {
	for _, l := range levels[:min(10, len(levels))] {
		for _, n := range l[:2] {
			text += strings.TrimLeft(strings.Replace(n, ".", "", 1), "0")
		}
	}
	return text
}

func rungs(levels [][]string) string {
	var all []string
	for _, l := range levels {
		all = append(all, fmt.Sprintf(`{"price":%s,"qty":%s}`, l[0], l[1]))
	}
	return strings.Join(all, ",")
}
