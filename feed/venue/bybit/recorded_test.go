package bybit_test

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
	"tapedeck/feed/venue/bybit"
	"tapedeck/feed/venue/kucoin"
	"tapedeck/market"
	"tapedeck/snapshot"
)

// Every message of the recorded sessions is a quote but for the answers to subscriptions: they have orderbook.1 alone.
// No bid is as high as the ask.
func TestRecordedSessions(t *testing.T) {
	for file, test := range map[string]struct {
		format          *feed.Format
		quotes, answers int
	}{
		"bybit-v5-spot-20250613":   {bybit.Spot, 109, 6},
		"bybit-v5-linear-20250613": {bybit.Linear, 153, 4},
	} {
		d := test.format.New(feed.DefaultOptions())
		quotes, answers := 0, 0
		var b market.Batch
		for _, r := range feedtest.Records(t, "sessions/cryptofeed/"+file+".raw.gz") {
			b.Reset()
			if err := d.Decode(&b, &r); err != nil {
				if !errors.Is(err, feed.Ignored) || !bytes.Contains(r.Value, []byte(`"op":"subscribe"`)) {
					t.Errorf("%s: %v", r.Value, err)
				}
				answers++
				continue
			}
			q := b.Events[0].Payload.(*market.Quote)
			if !q.BidPrice.Set() || !q.AskPrice.Set() || q.BidPrice.Cmp(q.AskPrice) >= 0 {
				t.Errorf("%s becomes %s", r.Value, feedtest.Text(b.Events))
			}
			quotes += len(b.Events)
		}
		if quotes != test.quotes || answers != test.answers {
			t.Errorf("%s has %d quotes and %d answers, want %d and %d", file, quotes, answers, test.quotes, test.answers)
		}
	}
}

// What each sample becomes. Those of options are of BTCUSDT, which is none: they are read as spot's.
var samples = map[string]string{
	"bybit-v5-spot-20250613/obj_success_ret_msg_conn_id":   "ignored",
	"bybit-v5-spot-20250613/orderbook.1_snapshot":          "quote BYBIT TUSD-USDT (TUSDUSDT) time=1749833473132000 bid=0.9967 x 1489 ask=0.997 x 333.27",
	"bybit-v5-linear-20250613/obj_success_ret_msg_conn_id": "ignored",
	"bybit-v5-linear-20250613/orderbook.1_snapshot":        "quote BYBIT-LINEAR RAD-USDT (RADUSDT) time=1749833474905000 bid=0.6443 x 112.8 ask=0.6445 x 38.5",
	"bybit-v5-fixtures/V5_Linear_Liquidations":             `unknown_kind: topic "allLiquidation.ETHUSDT"`,
	"bybit-v5-fixtures/V5_Linear_Ticker":                   "ticker BYBIT-LINEAR BTC-USDT (BTCUSDT) time=1673272861686000 last=17216.00 open=16926.50 high=17281.50 low=16915.00 volume=91705.276 quoteVolume=1570383121.943499 mark=17217.33 index=17227.36 funding=-0.000212 fundingTime=1673280000000000 openInterest=68744.761",
	"bybit-v5-fixtures/V5_Linear_Trades":                   "trade BYBIT-LINEAR BTC-USDT (BTCUSDT) time=1672304486865000 id=20f43950-d8dd-5b31-9112-a178eb6023af px=16578.50 qty=0.001 side=buy",
	"bybit-v5-fixtures/V5_Option_Book":                     "book BYBIT BTC-USDT (BTCUSDT) time=1672304484978000 snapshot chain=bybit first=0 last=18521288 prev=0 depth=25 bids 16493.50:0.006 16493.00:0.100 asks 16611.00:0.029 16612.00:0.213",
	"bybit-v5-fixtures/V5_Option_Klines":                   "candle BYBIT BTC-USDT (BTCUSDT) time=1672324988882000 start=1672324800000000 width=300000000 o=16649.5 h=16677 l=16608 c=16677 v=2.081 n=0 quoteVolume=34666.4005 vwap= final=false",
	"bybit-v5-fixtures/V5_Option_Ticker":                   "quote BYBIT-OPTION BTC-6JAN23-17500-C time=1672917511074000 bid= x  ask=10 x 5.1\nticker BYBIT-OPTION BTC-6JAN23-17500-C time=1672917511074000 last=10 high=25 low=5 volume=26.55 mark=7.86976724 index=16823.73 openInterest=49.85",
	"bybit-v5-fixtures/V5_Option_Trades":                   "trade BYBIT BTC-USDT (BTCUSDT) time=1672304486865000 id=20f43950-d8dd-5b31-9112-a178eb6023af px=16578.50 qty=0.001 side=buy",
	"bybit-v5-fixtures/V5_Spot_PriceLimit":                 `unknown_kind: topic "priceLimit.BTCUSDT"`,
	"bybit-v5-fixtures/V5_Spot_Ticker":                     "ticker BYBIT BTC-USDT (BTCUSDT) time=1673853746003000 last=21109.77 open=20704.93 high=21426.99 low=20575 volume=6780.866843 quoteVolume=141946527.22907118",
	"bybit-v5-fixtures/V5_Spot_Trades":                     "trade BYBIT BTC-USDT (BTCUSDT) time=1672304486865000 id=20f43950-d8dd-5b31-9112-a178eb6023af px=16578.50 qty=0.001 side=buy",
}

func TestSamples(t *testing.T) {
	found := 0
	for _, dir := range []string{"bybit-v5-spot-20250613", "bybit-v5-linear-20250613", "bybit-v5-fixtures"} {
		files, _ := filepath.Glob(filepath.Join(feedtest.Data(t, "samples/"+dir), "*.json"))
		for _, file := range files {
			value, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			name := dir + "/" + strings.TrimSuffix(filepath.Base(file), ".json")
			format := bybit.Spot
			switch {
			case strings.Contains(strings.ToLower(name), "linear"):
				format = bybit.Linear
			case strings.HasSuffix(name, "Option_Ticker"):
				format = bybit.Option
			}
			var b market.Batch
			got := ""
			if err = format.New(feed.DefaultOptions()).Decode(&b, &feed.Record{Value: value}); err != nil {
				got = err.Error()
			} else {
				got = strings.TrimSuffix(feedtest.Text(b.Events), "\n")
			}
			if got != samples[name] {
				t.Errorf("%s becomes\n%s, want\n%s", name, got, samples[name])
			}
			found++
		}
	}
	if found != len(samples) {
		t.Errorf("%d samples are there, want %d", found, len(samples))
	}
}

// Books of a recorded session, written as this venue writes them, with messages dropped, doubled and swapped.
func TestFaults(t *testing.T) {
	feedtest.Faults(t, &feedtest.Recording{
		Format: bybit.Spot, Options: feed.DefaultOptions(), Records: written(t),
		Snapshot: func(sym *market.Symbol, k *market.Book) []feed.Record {
			// ids of the test's own books are as they are told: none begins again
			return []feed.Record{{Value: message("snapshot", sym.Native, 1500000000000, k.Last, k)}}
		},
	}, 5)
}

// written returns the books of KuCoin's session, once they are known, as snapshots and changes of Bybit's.
func written(t *testing.T) (all []feed.Record) {
	d := kucoin.Spot.New(feed.DefaultOptions())
	books, ids := map[*market.Symbol]*snapshot.Book{}, map[*market.Symbol]int64{}
	var b market.Batch
	for at, r := range feedtest.Records(t, "sessions/cryptofeed/kucoin-spot.raw.gz") {
		b.Reset()
		if d.Decode(&b, &r) != nil {
			continue
		}
		k, ok := b.Events[0].Payload.(*market.Book)
		if !ok {
			continue
		}
		sym := b.Events[0].Symbol
		if books[sym] == nil {
			limits := snapshot.DefaultLimits
			limits.Depth = 1 << 20
			books[sym] = snapshot.NewBook(limits, snapshot.Origin{}).(*snapshot.Book)
		}
		was := ids[sym] != 0
		books[sym].Apply(&b.Events[0], snapshot.Cause{})
		if !books[sym].Good() {
			continue
		}
		kind := "delta"
		if !was {
			body, _ := books[sym].Full(0)
			k, kind = body.(*market.Book), "snapshot"
			ids[sym] = int64(1000 * len(books))
		}
		ids[sym]++
		native := strings.ReplaceAll(sym.Native, "-", "")
		all = append(all, feed.Record{Value: message(kind, native, 1600000000000+at, ids[sym], k)})
	}
	return all
}

// message writes a message of a book, so deep that nothing is cut.
func message(kind, native string, ms int, id int64, k *market.Book) []byte {
	return fmt.Appendf(nil, `{"topic":"orderbook.60000.%s","type":%q,"ts":%d,"data":{"s":%[1]q,"b":[%[4]s],"a":[%[5]s],"u":%[6]d,"seq":7}}`,
		native, kind, ms, pairs(k.Bids), pairs(k.Asks), id)
}

func pairs(levels []market.Level) string {
	var all []string
	for _, l := range levels {
		all = append(all, fmt.Sprintf(`["%s","%s"]`, l.Price, l.Qty))
	}
	return strings.Join(all, ",")
}
