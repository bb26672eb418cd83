package bitfinex_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/feedtest"
	"tapedeck/feed/venue/bitfinex"
	"tapedeck/market"
	"tapedeck/snapshot"
)

// session is of a connection of which the capture has 1,247 of 1,670 messages: those of 15 channels, whose books are
// whole.
const session = "sessions/cryptofeed/bitfinex-v2.raw.gz"

// sent is a message as encoding/json reads it.
type sent struct {
	event  string
	number int64
	data   json.RawMessage
	seq    int64
}

func read(t *testing.T, raw []byte) (m sent) {
	t.Helper()
	if raw[0] == '{' {
		var ev struct {
			Event  string
			ChanID int64
		}
		if err := json.Unmarshal(raw, &ev); err != nil {
			t.Fatal(err)
		}
		return sent{event: ev.Event, number: ev.ChanID}
	}
	var parts []json.RawMessage
	if err := json.Unmarshal(raw, &parts); err != nil || len(parts) != 3 {
		t.Fatalf("%s: %v", raw, err)
	}
	m.data = parts[1]
	for i, into := range map[int]*int64{0: &m.number, 2: &m.seq} {
		if err := json.Unmarshal(parts[i], into); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// Every message becomes events but for answers, heartbeats and the trades from before; where numbers are missing
// each symbol that is known is told, and nowhere else.
func TestRecordedSession(t *testing.T) {
	d := bitfinex.Format.New(feed.DefaultOptions())
	events, ignored := map[string]int{}, map[string]int{}
	holes, told, last := 0, 0, int64(0)
	var batch market.Batch
	for _, r := range feedtest.Records(t, session) {
		m := read(t, r.Value)
		hole := m.event == "" && last != 0 && m.seq != last+1
		if m.event == "" {
			last = m.seq
		}
		batch.Reset()
		if err := d.Decode(&batch, &r); err != nil {
			if !errors.Is(err, feed.Ignored) || hole {
				t.Fatalf("%v: %.200s", err, r.Value)
			}
			ignored[kindOf(m)]++
			continue
		}
		if hole {
			holes++
		}
		if _, gap := batch.Events[0].Payload.(*market.Gap); gap {
			told++
		}
		for _, ev := range batch.Events {
			events[strings.TrimPrefix(fmt.Sprintf("%T", ev.Payload), "*market.")]++
		}
	}
	if holes != 96 || told != holes {
		t.Errorf("%d holes, %d of them told, want 96", holes, told)
	}
	if got, want := fmt.Sprint(events), "map[Book:1197 Gap:477 Ticker:15]"; got != want {
		t.Errorf("found %s, want %s", got, want)
	}
	if got, want := fmt.Sprint(ignored), "map[conf:1 hb:22 info:1 list:5 subscribed:15]"; got != want {
		t.Errorf("ignored %s, want %s", got, want)
	}
}

func kindOf(m sent) string {
	switch {
	case m.event != "":
		return m.event
	case string(m.data) == `"hb"`:
		return "hb"
	}
	return "list"
}

// whole is the session as if its connection had no other messages: the channels are subscribed to at the beginning, and
// the messages are numbered without holes.
func whole(t *testing.T) (records []feed.Record) {
	var answers []feed.Record
	seq := 0
	for _, r := range feedtest.Records(t, session) {
		m := read(t, r.Value)
		if m.event != "" {
			answers = append(answers, r)
			continue
		}
		seq++
		r.Value = fmt.Appendf(nil, "[%d,%s,%d]", m.number, m.data, seq)
		records = append(records, r)
	}
	return append(answers, records...)
}

// The books are good from their snapshot to the end, and never have more levels than were subscribed to.
func TestBooks(t *testing.T) {
	d := bitfinex.Format.New(feed.DefaultOptions())
	books := map[string]*snapshot.Book{}
	var batch market.Batch
	deepest := 0
	for _, r := range whole(t) {
		batch.Reset()
		if err := d.Decode(&batch, &r); err != nil && !errors.Is(err, feed.Ignored) {
			t.Fatalf("%v: %.200s", err, r.Value)
		}
		for i := range batch.Events {
			ev := &batch.Events[i]
			k, ok := ev.Payload.(*market.Book)
			if !ok {
				if _, gap := ev.Payload.(*market.Gap); gap {
					t.Fatalf("a gap before %.200s", r.Value)
				}
				continue
			}
			k.Depth = 0
			b := books[ev.Symbol.Native]
			if b == nil {
				b = snapshot.NewBook(snapshot.DefaultLimits, snapshot.Origin{}).(*snapshot.Book)
				books[ev.Symbol.Native] = b
			}
			if b.Apply(ev, snapshot.Cause{}); !b.Good() {
				t.Errorf("%s breaks: %.200s", ev.Symbol.Native, r.Value)
			}
			body, _ := b.Full(0)
			deepest = max(deepest, len(body.(*market.Book).Bids), len(body.(*market.Book).Asks))
		}
	}
	if len(books) != 5 || deepest != 100 {
		t.Errorf("%d books, the deepest of %d levels, want 5 and 100", len(books), deepest)
	}
}

// The session with messages dropped, doubled and swapped.
func TestFaults(t *testing.T) {
	records := whole(t)
	answers := map[string][]byte{}
	for _, r := range records {
		if bytes.Contains(r.Value, []byte(`"channel":"book"`)) {
			var a struct{ Symbol string }
			if err := json.Unmarshal(r.Value, &a); err != nil {
				t.Fatal(err)
			}
			answers[a.Symbol] = r.Value
		}
	}
	feedtest.Faults(t, &feedtest.Recording{
		Format: bitfinex.Format, Options: feed.DefaultOptions(), Records: records,
		Snapshot: func(sym *market.Symbol, k *market.Book) []feed.Record {
			levels := append(rows(k.Bids, ""), rows(k.Asks, "-")...)
			number := read(t, answers[sym.Native]).number
			return []feed.Record{{Value: answers[sym.Native]}, {Value: fmt.Appendf(nil, "[%d,[%s]]", number, strings.Join(levels, ","))}}
		},
	}, 20)
}

func rows(levels []market.Level, sign string) (all []string) {
	for _, l := range levels {
		all = append(all, fmt.Sprintf("[%s,1,%s%s]", l.Price, sign, l.Qty))
	}
	return all
}

// Each sample, checked by eye. What is of a channel alone is read behind the answer that would be before it.
func TestSamples(t *testing.T) {
	const answer = `{"event":"subscribed","chanId":%d,"channel":%s}`
	for name, test := range map[string]struct {
		number  int
		channel string
		want    string // its beginning
	}{
		"bitfinex-v2/info":                           {0, ``, "ignored"},
		"bitfinex-v2/conf":                           {0, ``, "ignored"},
		"bitfinex-v2/book_subscribed":                {0, ``, "ignored"},
		"bitfinex-v2/ticker_subscribed":              {0, ``, "ignored"},
		"bitfinex-v2/trades_subscribed":              {0, ``, "ignored"},
		"bitfinex-v2/arr_hb":                         {0, ``, "ignored"},
		"bitfinex-v2/arr_snapshot":                   {232959, `"trades","symbol":"tBFTUSD"`, "ignored"},
		"bitfinex-v2/arr_update":                     {232949, `"ticker","symbol":"tBFTUSD"`, "ticker BITFINEX BFT-USD (tBFTUSD) last=0.076989 high=0.0828 low=0.068961 volume=101459.39453471"},
		"bitfinex-fixtures/Spot_DerivStatus":         {1, `"status","key":"deriv:tBTCF0:USTF0"`, "ticker BITFINEX tBTCF0:USTF0 time=1596124822000000 mark=0.7664 index=0.771995 funding=-0.01381344 fundingTime=1596153600000000 openInterest=246502.09001551"},
		"bitfinex-fixtures/Spot_Klines":              {1, `"candles","key":"trade:1m:tBTCUSD"`, "candle BITFINEX BTC-USD (tBTCUSD) start=1574698260000000 width=60000000 o=7379.785503 h=7388.3 l=7379.785503 c=7383.8 v=1.68829482 n=0"},
		"bitfinex-fixtures/Spot_Liquidations":        {1, `"status","key":"liq:global"`, "unknown_kind"},
		"bitfinex-fixtures/Spot_OrderBook":           {1, `"book","symbol":"tBTCUSD","prec":"P0","len":"25"`, "book BITFINEX BTC-USD (tBTCUSD) snapshot depth=25 bids 7254.7:3.3 asks"},
		"bitfinex-fixtures/Spot_OrderBookFunding":    {1, `"book","symbol":"fUSD","prec":"P0","len":"25"`, "unused"},
		"bitfinex-fixtures/Spot_OrderBookRaw":        {1, `"book","symbol":"tBTCUSD","prec":"R0","len":"25"`, "unknown_kind"},
		"bitfinex-fixtures/Spot_OrderBookRawFunding": {1, `"book","symbol":"fUSD","prec":"R0","len":"25"`, "unused"},
		"bitfinex-fixtures/Spot_Ticker":              {1, `"ticker","symbol":"tBTCUSD"`, "ticker BITFINEX BTC-USD (tBTCUSD) last=7617.1 high=8257.8 low=7500 volume=8314.71200815"},
		"bitfinex-fixtures/Spot_TickerFunding":       {1, `"ticker","symbol":"fUSD"`, "unused"},
		"bitfinex-fixtures/Spot_Trades":              {1, `"trades","symbol":"tBTCUSD"`, "ignored"},
	} {
		raw, err := os.ReadFile(filepath.Join(feedtest.Data(t, "samples"), filepath.FromSlash(name)+".json"))
		if err != nil {
			t.Fatal(err)
		}
		d := bitfinex.Format.New(feed.DefaultOptions())
		var b market.Batch
		if test.channel != "" {
			if err := d.Decode(&b, &feed.Record{Value: fmt.Appendf(nil, answer, test.number, test.channel)}); !errors.Is(err, feed.Ignored) {
				t.Fatal(err)
			}
		}
		var got string
		if err := d.Decode(&b, &feed.Record{Value: raw}); err != nil {
			got = err.Error()
		} else {
			got = feedtest.Text(b.Events)
		}
		if !strings.HasPrefix(got, test.want) {
			t.Errorf("%s becomes\n%s\nwant\n%s", name, got, test.want)
		}
	}
	paths, err := filepath.Glob(filepath.Join(feedtest.Data(t, "samples"), "bitfinex*", "*.json"))
	if err != nil || len(paths) != 18 {
		t.Errorf("there are %d samples, want 18, %v", len(paths), err)
	}
}
