package bitmex_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/feedtest"
	"tapedeck/feed/venue/bitmex"
	"tapedeck/market"
	"tapedeck/snapshot"
)

const session = "sessions/cryptofeed/bitmex.raw.gz"

// best is the top of a book, as derived quotes have it.
func best(b *snapshot.Book) market.Quote {
	body, _ := snapshot.NewBest(b, snapshot.DefaultLimits).Full(0)
	return *body.(*market.Quote)
}

func sameQuote(a, b market.Quote) bool {
	return a.BidPrice.Equal(b.BidPrice) && a.BidQty.Equal(b.BidQty) && a.AskPrice.Equal(b.AskPrice) && a.AskQty.Equal(b.AskQty)
}

// Every message becomes events but for the greeting, the answers and the trades that were made before; no book
// breaks; and wherever quotes are told the newest of a message is the top of the rebuilt book.
func TestRecordedSession(t *testing.T) {
	records := feedtest.Records(t, session)
	d := bitmex.Format.New(feed.DefaultOptions())
	books := map[string]*snapshot.Book{}
	events, ignored := map[string]int{}, map[string]int{}
	equal, differ := 0, 0
	var batch market.Batch
	for _, r := range records {
		batch.Reset()
		if err := d.Decode(&batch, &r); err != nil {
			if !errors.Is(err, feed.Ignored) {
				t.Fatalf("%v: %.200s", err, r.Value)
			}
			ignored[kindOf(t, r.Value)]++
			continue
		}
		for i := range batch.Events {
			ev := &batch.Events[i]
			kind := strings.TrimPrefix(fmt.Sprintf("%T", ev.Payload), "*market.")
			events[kind]++
			if _, ok := ev.Payload.(*market.Book); !ok {
				continue
			}
			b := books[ev.Symbol.Native]
			if b == nil {
				b = snapshot.NewBook(snapshot.Limits{Depth: 1 << 20}, snapshot.Origin{}).(*snapshot.Book)
				books[ev.Symbol.Native] = b
			}
			if b.Apply(ev, snapshot.Cause{}) == snapshot.Broken {
				t.Errorf("%s breaks: %.200s", ev.Symbol.Native, r.Value)
			}
		}
		last := batch.Events[len(batch.Events)-1]
		if q, ok := last.Payload.(*market.Quote); ok && kindOf(t, r.Value) == "quote insert" {
			if top := best(books[last.Symbol.Native]); sameQuote(*q, top) {
				equal++
			} else {
				differ++
				t.Logf("%s: the quote is %v, the book's %v", last.Symbol.Native, *q, top)
			}
		}
	}
	if got, want := fmt.Sprint(events), "map[Book:1644 Quote:370 Trade:17]"; got != want {
		t.Errorf("found %s, want %s", got, want)
	}
	if got, want := fmt.Sprint(ignored), "map[answer:30 greeting:1 trade partial:7]"; got != want {
		t.Errorf("ignored %s, want %s", got, want)
	}
	if equal != 58 || differ != 0 {
		t.Errorf("the quote is the top of the book %d times and differs %d times, want 58 and 0", equal, differ)
	}
}

func kindOf(t *testing.T, raw []byte) string {
	t.Helper()
	var m struct {
		Table, Action, Info string
		Success             bool
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	switch {
	case m.Success:
		return "answer"
	case m.Info != "":
		return "greeting"
	}
	return m.Table + " " + m.Action
}

// Each sample becomes what encoding/json finds in it.
func TestSamples(t *testing.T) {
	want := map[string]string{
		"bitmex/obj_info_version_timestamp":      "ignored",
		"bitmex/obj_success_subscribe_request":   "ignored",
		"bitmex/orderBookL2_delete":              "book BITMEX BTC-USD (XBTUSD) chain=bitmex-ids first=0 last=0 prev=0 bids asks",
		"bitmex/orderBookL2_insert":              "book BITMEX UNI-USDT (UNIUSDT) bids asks 17.348:30",
		"bitmex/orderBookL2_update":              "book BITMEX UNI-USDT (UNIUSDT) chain=bitmex-ids first=0 last=0 prev=0 bids asks",
		"bitmex/quote_partial":                   "quote BITMEX XRPU21 time=1626993353978000 bid=0.00001814 x 15 ask=0.00001819 x 1703",
		"bitmex/trade_insert":                    "trade BITMEX UNI-USDT (UNIUSDT) time=1626993370014000 id=39744121-c20e-44ba-8cc8-a6b8cdf72885 px=17.297 qty=52 side=buy",
		"bitmex/trade_partial":                   "ignored",
		"bitmex-fixtures/Exchange_BookTicker":    "quote BITMEX ETH_USDT time=1738926022227000 bid=97269.9 x 11900 ask=97270.0 x 8400",
		"bitmex-fixtures/Exchange_Klines":        "candle BITMEX ETH_USDT time=1738925700000000 start=1738925400000000 width=300000000 o=97255.4 h=97304.0 l=97240.0 c=97250.0 v=304800 n=128 quoteVolume= vwap= final=true",
		"bitmex-fixtures/Exchange_Trades":        "trade BITMEX ETH_USDT time=1738925039245000 id=00000000-006d-1000-0000-0012a5c8049e px=97343.4 qty=4800 side=sell",
		"bitmex/quote_insert":                    "quote BITMEX UNI-USDT (UNIUSDT) time=1626993370014000 bid=17.277 x 750 ask=17.297 x 123\nquote BITMEX UNI-USDT (UNIUSDT) time=1626993370140000 bid=17.277 x 750 ask=17.301 x 638\nquote BITMEX UNI-USDT (UNIUSDT) time=1626993370453000 bid=17.277 x 750 ask=17.305 x 638",
		"bitmex/orderBookL2_partial (beginning)": "book BITMEX TRXU21 snapshot bids",
	}
	paths, err := filepath.Glob(filepath.Join(feedtest.Data(t, "samples"), "bitmex*", "*.json"))
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
		if err := bitmex.Format.New(feed.DefaultOptions()).Decode(&b, &feed.Record{Value: raw}); err != nil {
			got = err.Error()
		} else {
			got = strings.TrimSpace(feedtest.Text(b.Events))
		}
		name := filepath.Base(filepath.Dir(path)) + "/" + strings.TrimSuffix(filepath.Base(path), ".json")
		if begin, ok := want[name+" (beginning)"]; ok {
			if !strings.HasPrefix(got, begin) || len(b.Events[0].Payload.(*market.Book).Asks) == 0 {
				t.Errorf("%s becomes %s", name, got)
			}
		} else if got != want[name] {
			t.Errorf("%s becomes\n%s\nwant\n%s", name, got, want[name])
		}
	}
}

// The session with messages dropped, doubled and swapped. That a message is missing shows when an id is
// told that never was; else nothing does, before the next snapshot.
func TestFaults(t *testing.T) {
	records := feedtest.Records(t, session)
	ids := rowIDs(t, records)
	feedtest.Faults(t, &feedtest.Recording{
		Format: bitmex.Format, Options: feed.DefaultOptions(), Records: records, Sight: feedtest.Blind,
		Snapshot: func(sym *market.Symbol, k *market.Book) []feed.Record {
			var rows []string
			for side, levels := range map[string][]market.Level{"Buy": k.Bids, "Sell": k.Asks} {
				for _, l := range levels {
					id := ids[rowAt{sym.Native, side, l.Price}]
					rows = append(rows, fmt.Sprintf(`{"symbol":%q,"id":%d,"side":%q,"size":%s,"price":%s}`, sym.Native, id, side, l.Qty, l.Price))
				}
			}
			return []feed.Record{{Value: fmt.Appendf(nil, `{"table":"orderBookL2","action":"partial","filter":{"symbol":%q},"data":[%s]}`,
				sym.Native, strings.Join(rows, ","))}}
		},
	}, 1)
}

type rowAt struct {
	symbol, side string
	price        market.Decimal
}

// rowIDs finds the ids of rows, which until 2023 belonged to a price for good.
func rowIDs(t *testing.T, records []feed.Record) map[rowAt]int64 {
	t.Helper()
	ids := map[rowAt]int64{}
	for _, r := range records {
		var m struct {
			Table, Action string
			Data          []struct {
				Symbol, Side string
				ID           int64
				Price        json.Number
			}
		}
		if err := json.Unmarshal(r.Value, &m); err != nil {
			t.Fatal(err)
		}
		for _, row := range m.Data {
			if m.Table == "orderBookL2" && row.Price != "" {
				ids[rowAt{row.Symbol, row.Side, market.MustDecimal(row.Price.String())}] = row.ID
			}
		}
	}
	return ids
}
