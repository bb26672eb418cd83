package hyperliquid_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/feedtest"
	"tapedeck/feed/venue/hyperliquid"
	"tapedeck/market"
	"tapedeck/snapshot"
)

const session = "sessions/hftbacktest/hyperliquid_btcusd_20250126.raw.gz"

// Every message becomes events but for the one with the trades that were made before; and trades were made at
// prices between the best of the books before and after.
func TestRecordedSession(t *testing.T) {
	d := hyperliquid.Format.New(feed.DefaultOptions())
	book := snapshot.NewBook(snapshot.DefaultLimits, snapshot.Origin{})
	events, ignored := map[string]int{}, 0
	var batch market.Batch
	for _, r := range feedtest.Records(t, session) {
		batch.Reset()
		if err := d.Decode(&batch, &r); err != nil {
			if !errors.Is(err, feed.Ignored) || !strings.HasPrefix(string(r.Value), `{"channel":"trades"`) {
				t.Errorf("%v: %.200s", err, r.Value)
			}
			ignored++
			continue
		}
		for i := range batch.Events {
			ev := &batch.Events[i]
			events[strings.TrimPrefix(fmt.Sprintf("%T", ev.Payload), "*market.")]++
			if k, ok := ev.Payload.(*market.Book); ok {
				book.Apply(ev, snapshot.Cause{})
				if len(k.Bids) != 20 || len(k.Asks) != 20 || !book.(*snapshot.Book).Good() {
					t.Errorf("%d bids and %d asks, want 20 and a good book: %.200s", len(k.Bids), len(k.Asks), r.Value)
				}
			}
		}
	}
	if got, want := fmt.Sprint(events), "map[Book:46 Trade:34]"; got != want || ignored != 1 {
		t.Errorf("found %s and ignored %d, want %s and 1", got, ignored, want)
	}
}

// Each sample becomes what is in it.
func TestSamples(t *testing.T) {
	want := map[string]string{
		"hyperliquid-2025/l2Book (beginning)": "book HYPERLIQUID BTC-USD (BTC) time=1737918843542000 snapshot chain=hyperliquid-time first=0 last=1737918843542 prev=0 bids 105055.0:3.03622 105054.0:0.1428 105053.0:0.16179",
		"hyperliquid-2025/trades":             "ignored",
		"hyperliquid-fixtures/BookTicker":     "quote HYPERLIQUID HYPE-USD (HYPE) time=1766566375292000 bid=23.757 x 42.09 ask=23.758 x 100.26",
		"hyperliquid-fixtures/Klines":         "candle HYPERLIQUID HYPE-USD (HYPE) start=1764806400000000 width=86400000000 o=34.668 h=36.219 l=34.251 c=34.868 v=3495670.8399999999 n=102895 quoteVolume= vwap= final=false",
		"hyperliquid-fixtures/OrderBook":      "book HYPERLIQUID HYPE-USD (HYPE) time=1764842873555000 snapshot chain=hyperliquid-time first=0 last=1764842873555 prev=0 bids 34.967:2.85 34.962:3.84 asks 34.969:1473.06 34.97:1544.51",
		"hyperliquid-fixtures/Prices":         `unknown_kind: channel "allMids"`, // mid prices: nothing that we tell
		"hyperliquid-fixtures/Trades":         "trade HYPERLIQUID HYPE-USD (HYPE) time=1764835613064000 id=716095722814130 px=35.276 qty=5.78 side=buy",
	}
	paths, err := filepath.Glob(filepath.Join(feedtest.Data(t, "samples"), "hyperliquid-*", "*.json"))
	if err != nil || len(paths) != len(want) {
		t.Fatalf("%d samples, want %d, %v", len(paths), len(want), err)
	}
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var b market.Batch
		got := ""
		if err := hyperliquid.Format.New(feed.DefaultOptions()).Decode(&b, &feed.Record{Value: raw}); err != nil {
			got = err.Error()
		} else {
			got = strings.TrimSpace(feedtest.Text(b.Events))
		}
		name := filepath.Base(filepath.Dir(path)) + "/" + strings.TrimSuffix(filepath.Base(path), ".json")
		if begin, ok := want[name+" (beginning)"]; ok && !strings.HasPrefix(got, begin) || !ok && got != want[name] {
			t.Errorf("%s becomes\n%s\nwant\n%s", name, got, want[name])
		}
	}
}

// The session, as of three coins in turns, with messages dropped, doubled and swapped. No number tells what is
// missing, but each book is whole, and an older one changes nothing.
func TestFaults(t *testing.T) {
	var records []feed.Record
	for _, r := range feedtest.Records(t, session) {
		for _, coin := range []string{"BTC", "ETH", "SOL"} {
			other := r
			other.Value = bytes.ReplaceAll(r.Value, []byte(`"coin":"BTC"`), []byte(`"coin":"`+coin+`"`))
			records = append(records, other)
		}
	}
	feedtest.Faults(t, &feedtest.Recording{
		Format: hyperliquid.Format, Options: feed.DefaultOptions(), Sight: feedtest.Blind, Records: records,
		Snapshot: func(sym *market.Symbol, k *market.Book) []feed.Record {
			return []feed.Record{{Value: fmt.Appendf(nil, `{"channel":"l2Book","data":{"coin":%q,"time":%d,"levels":[[%s],[%s]]}}`,
				sym.Native, k.Last, written(k.Bids), written(k.Asks))}}
		},
	}, 100)
}

func written(levels []market.Level) string {
	var all []string
	for _, l := range levels {
		all = append(all, fmt.Sprintf(`{"px":"%s","sz":"%s","n":1}`, l.Price, l.Qty))
	}
	return strings.Join(all, ",")
}
