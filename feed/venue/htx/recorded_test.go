package htx_test

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
	"tapedeck/feed/venue/htx"
	"tapedeck/feed/venue/kucoin"
	"tapedeck/market"
	"tapedeck/snapshot"
)

// Every message becomes events but for answers, pings, and the trades from before each of spot's subscriptions: of
// swaps they come before the answer, but for one. Every book is good, and so is each trade: spot's leave out no id.
func TestRecordedSessions(t *testing.T) {
	for file, test := range map[string]struct {
		format *feed.Format
		events string
		past   int
		books  int
	}{
		"htx-spot": {htx.Spot, "map[book:292 ignored:26 trade:62]", 10, 10},
		"htx-swap": {htx.Swap, "map[book:2862 ignored:32 trade:24]", 1, 10},
	} {
		t.Run(file, func(t *testing.T) {
			d := test.format.New(feed.DefaultOptions())
			events, past, books := map[string]int{}, 0, map[*market.Symbol]*snapshot.Book{}
			last := map[*market.Symbol]int64{}
			var b market.Batch
			for _, r := range feedtest.Records(t, "sessions/cryptofeed/"+file+".raw.gz") {
				b.Reset()
				if err := d.Decode(&b, &r); err != nil {
					switch {
					case errors.Is(err, feed.Ignored) && bytes.Contains(r.Value, []byte(`.trade.detail","ts"`)) && bytes.Contains(r.Value, []byte(`"tick"`)):
						past++
					case errors.Is(err, feed.Ignored) && (bytes.Contains(r.Value, []byte(`"subbed"`)) || bytes.Contains(r.Value, []byte(`"ping"`))):
						events["ignored"]++
					default:
						t.Errorf("%s: %v", r.Value, err)
					}
				}
				for i := range b.Events {
					ev := &b.Events[i]
					kind, _, _ := strings.Cut(feedtest.Text(b.Events[i:i+1]), " ")
					events[kind]++
					switch k := ev.Payload.(type) {
					case *market.Book:
						if books[ev.Symbol] == nil {
							books[ev.Symbol] = snapshot.NewBook(snapshot.DefaultLimits, snapshot.Origin{}).(*snapshot.Book)
						}
						if books[ev.Symbol].Apply(ev, snapshot.Cause{}); !books[ev.Symbol].Good() {
							t.Errorf("%s is no good book after %s", ev.Symbol.Name, r.Value)
						}
					case *market.Trade:
						id, _ := market.MustDecimal(k.ID.String()).Int64()
						if was := last[ev.Symbol]; was != 0 && (id <= was || test.format == htx.Spot && id != was+1) {
							t.Errorf("%s has the trade %d after %d", ev.Symbol.Name, id, was)
						}
						last[ev.Symbol] = id
					}
				}
			}
			if got := fmt.Sprint(events); got != test.events || past != test.past || len(books) != test.books {
				t.Errorf("found %s, %d trades of the past, %d books, want %+v", got, past, len(books), test)
			}
		})
	}
}

// What a swap tells as traded is what was bought and what was sold, together: where one order traded at the best
// price of a book and the next book has less there, it is half of that less, and never all of it.
func TestTradedIsBothSides(t *testing.T) {
	d := htx.Swap.New(feed.DefaultOptions())
	books := map[*market.Symbol]*snapshot.Book{}
	type pending struct {
		trade  market.Trade
		before market.Decimal
	}
	waiting := map[*market.Symbol]pending{}
	exact := 0
	var b market.Batch
	for _, r := range feedtest.Records(t, "sessions/cryptofeed/htx-swap.raw.gz") {
		b.Reset()
		if d.Decode(&b, &r) != nil {
			continue
		}
		for i := range b.Events {
			ev := &b.Events[i]
			switch k := ev.Payload.(type) {
			case *market.Trade:
				if book := books[ev.Symbol]; book != nil {
					waiting[ev.Symbol] = pending{*k, qtyAt(book, k)}
				}
			case *market.Book:
				if books[ev.Symbol] == nil {
					books[ev.Symbol] = snapshot.NewBook(snapshot.DefaultLimits, snapshot.Origin{}).(*snapshot.Book)
				}
				books[ev.Symbol].Apply(ev, snapshot.Cause{})
				p, ok := waiting[ev.Symbol]
				if !ok || ev.Time < p.trade.Time {
					continue
				}
				delete(waiting, ev.Symbol)
				var less market.Sum
				less.Add(p.before)
				left, traded := market.Sum{}, market.Sum{}
				left.Add(qtyAt(books[ev.Symbol], &p.trade))
				traded.Add(p.trade.Qty)
				less.SubSum(left)
				less.SubSum(traded)
				if less.Decimal().IsZero() {
					exact++
				}
			}
		}
	}
	if exact < 2 {
		t.Errorf("%d trades are what a book then has less, want 2 at least", exact)
	}
}

// qtyAt is what a book has at the price of a trade, on the side that it took from; 0 if nothing.
func qtyAt(b *snapshot.Book, t *market.Trade) market.Decimal {
	body, _ := b.Full(0)
	side := body.(*market.Book).Asks
	if t.Side == market.Sell {
		side = body.(*market.Book).Bids
	}
	for _, l := range side {
		if l.Price.Equal(t.Price) {
			return l.Qty
		}
	}
	return market.Int(0)
}

// What each sample becomes; " …" stands for more.
var samples = map[string]string{
	"htx-spot/depth.step0":                      "book HTX TRIO-ETH (trioeth) time=1618678069868000 snapshot chain=htx-cut first=0 last=-7870673470573759008 prev=0 bids 0.0000009121:92730.24 0.000000912:66053.68 …",
	"htx-spot/obj_id_status_subbed":             "ignored",
	"htx-spot/obj_ping":                         "ignored",
	"htx-spot/trade.detail":                     "trade HTX TRIO-ETH (trioeth) time=1618678027940000 id=100045088885 px=0.00000092 qty=20995.88 side=buy",
	"htx-swap/depth.step0":                      "book HTX-SWAP GRT-USDT time=1645289384828000 snapshot chain=htx-cut first=0 last=-7870646859258799008 prev=0 bids 0.41887:250 0.41868:120 0.41859:12 …",
	"htx-swap/obj_id_subbed_ts":                 "ignored",
	"htx-swap/obj_ping":                         "ignored",
	"htx-swap/trade.detail":                     "trade HTX-SWAP GRT-USDT time=1645289380927000 id=431311833130000 px=0.41912 qty=2 side=buy",
	"htx-fixtures/Spot_BookTicker":              "quote HTX ETH-USDT (ethusdt) time=1630994555539000 bid=52665.01 x 0.178567 ask=52665.02 x 1.502181",
	"htx-fixtures/Spot_Klines":                  "candle HTX ETH-USDT (ethusdt) time=1630981694370000 start=1630981680000000 width=86400000000 o=0.074849 h=0.074849 l=0.074848 c=0.074848 v=2.4448 n=3 quoteVolume=0.1829884187 vwap= final=false",
	"htx-fixtures/Spot_OrderBook":               "book HTX ETH-USDT (ethusdt) time=1630983549500000 snapshot chain=htx-cut first=0 last=-7870661165094127008 prev=0 bids 52690.69:0.36281 52690.68:0.2 asks 52690.7:0.372591 52691.26:0.13",
	"htx-fixtures/Spot_OrderBookChange":         "book HTX ETH-USDT (ethusdt) time=1573199608679000 chain=htx-mbp first=0 last=100020146795 prev=100020146794 depth=5 bids asks 645.14:26.75597395914065",
	"htx-fixtures/Spot_OrderBookMbp":            "book HTX ETH-USDT (ethusdt) time=1573199608679000 snapshot chain=htx-cut first=0 last=-9041654852151276968 prev=0 bids 618.37:71.594 423.33:77.726 223.18:47.997 219.34:24.82 210.34:94.463 asks 650.59:14.909733438479636 650.63:97.996 650.77:97.465 651.23:83.973 651.42:34.465",
	"htx-fixtures/Spot_Symbols":                 "ticker HTX ETH-USDT (ethusdt) time=1630998026649000 last=52379.99 open=51823.62 high=52924.14 low=51000 volume=13991.028076056185 quoteVolume=727676440.200527 trades=471348",
	"htx-fixtures/Spot_Ticker":                  "ticker HTX ETH-USDT (ethusdt) time=1630982370526000 last=52735.63 open=51732 high=52785.64 low=51000 volume=13259.24137056181 quoteVolume=687640987.4125315 trades=448737",
	"htx-fixtures/Spot_Tickers":                 "ticker HTX SYLO-USDT (sylousdt) time=1722857569936000 last=0.000897 open=0.00097 high=0.001055 low=0.000829 volume=603364873.8732 quoteVolume=566666.2460002552 trades=12651",
	"htx-fixtures/Spot_Trades":                  "trade HTX ETH-USDT (ethusdt) time=1630994963173000 id=102523573486 px=52648.62 qty=0.006754 side=buy",
	"htx-fixtures/UsdtMarginSwap_BookTicker":    "quote HTX-SWAP ETH-USDT time=1603707934525000 bid=13064 x 38 ask=13072.3 x 205",
	"htx-fixtures/UsdtMarginSwap_OrderBook":     "book HTX-SWAP ETH-USDT time=1603707576467000 snapshot chain=htx-cut first=0 last=-7870688441067160008 prev=0 bids 13071.9:38 13068:5 asks 13081.9:197 13099.7:371",
	"htx-fixtures/UsdtMarginSwap_OrderBookIncr": "book HTX-SWAP ETH-USDT time=1603707712356000 snapshot chain=htx-swap first=0 last=1512467 prev=0 depth=20 bids 13071.9:38 13060:400 asks 13081.9:206 13099.7:371",
}

func TestSamples(t *testing.T) {
	found := 0
	for _, dir := range []string{"htx-spot", "htx-swap", "htx-fixtures"} {
		files, _ := filepath.Glob(filepath.Join(feedtest.Data(t, "samples/"+dir), "*.json"))
		for _, file := range files {
			value, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			name := dir + "/" + strings.TrimSuffix(filepath.Base(file), ".json")
			format := htx.Spot
			if strings.Contains(strings.ToLower(name), "swap") {
				format = htx.Swap
			}
			var b market.Batch
			got := ""
			if err = format.New(feed.DefaultOptions()).Decode(&b, &feed.Record{Value: value}); err != nil {
				got = err.Error()
			} else {
				got = strings.TrimSuffix(feedtest.Text(b.Events), "\n")
			}
			want := samples[name]
			if beginning, cut := strings.CutSuffix(want, " …"); got != want && !(cut && strings.HasPrefix(got, beginning+" ")) {
				t.Errorf("%s becomes\n%s, want\n%s", name, got, want)
			}
			found++
		}
	}
	if found != len(samples) {
		t.Errorf("%d samples are there, want %d", found, len(samples))
	}
}

// The recorded sessions, and books of another one as this venue writes those that come by changes, with messages
// dropped, doubled and swapped.
func TestFaults(t *testing.T) {
	for name, rec := range map[string]*feedtest.Recording{
		"mbp":       {Format: htx.Spot, Records: written(t, answer, change), Snapshot: one(answer)},
		"high_freq": {Format: htx.Swap, Records: written(t, whole, update), Snapshot: one(whole)},
	} {
		t.Run(name, func(t *testing.T) {
			rec.Options = feed.DefaultOptions()
			feedtest.Faults(t, rec, 3)
		})
	}
}

// writer writes a message of a book.
type writer func(pair string, ms int, prev, id int64, k *market.Book) []byte

func one(w writer) func(*market.Symbol, *market.Book) []feed.Record {
	return func(sym *market.Symbol, k *market.Book) []feed.Record {
		return []feed.Record{{Value: w(sym.Base+"-"+sym.Quote, 1500000000000, k.Last-1, k.Last, k)}}
	}
}

func native(pair string) string { return strings.ToLower(strings.ReplaceAll(pair, "-", "")) }

func answer(pair string, ms int, _, id int64, k *market.Book) []byte {
	return fmt.Appendf(nil, `{"id":"1","rep":"market.%s.mbp.1000","status":"ok","ts":%d,"data":{"seqNum":%d,"bids":[%s],"asks":[%s]}}`,
		native(pair), ms, id, pairs(k.Bids), pairs(k.Asks))
}

func change(pair string, ms int, prev, id int64, k *market.Book) []byte {
	return fmt.Appendf(nil, `{"ch":"market.%s.mbp.1000","ts":%d,"tick":{"seqNum":%d,"prevSeqNum":%d,"bids":[%s],"asks":[%s]}}`,
		native(pair), ms, id, prev, pairs(k.Bids), pairs(k.Asks))
}

func whole(pair string, ms int, _, id int64, k *market.Book) []byte {
	return frequent("snapshot", pair, ms, id, k)
}

func update(pair string, ms int, _, id int64, k *market.Book) []byte {
	return frequent("update", pair, ms, id, k)
}

func frequent(event, pair string, ms int, id int64, k *market.Book) []byte {
	return fmt.Appendf(nil, `{"ch":"market.%s.depth.size_1000.high_freq","tick":{"asks":[%s],"bids":[%s],"event":%q,"id":7,"mrid":7,"ts":%d,"version":%d},"ts":%d}`,
		pair, pairs(k.Asks), pairs(k.Bids), event, ms, id, ms+1)
}

func pairs(levels []market.Level) string {
	var all []string
	for _, l := range levels {
		all = append(all, fmt.Sprintf(`[%s,%s]`, l.Price, l.Qty))
	}
	return strings.Join(all, ",")
}

// written returns the books of KuCoin's session, once they are known, as whole books and changes of this venue's.
func written(t *testing.T, book, change writer) (all []feed.Record) {
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
		write, was := change, ids[sym] != 0
		books[sym].Apply(&b.Events[0], snapshot.Cause{})
		if !books[sym].Good() {
			continue
		}
		if !was {
			body, _ := books[sym].Full(0)
			k, write = body.(*market.Book), book
			ids[sym] = int64(1000 * len(books))
		}
		ids[sym]++
		all = append(all, feed.Record{Value: write(sym.Base+"-"+sym.Quote, 1600000000000+at, ids[sym]-1, ids[sym], k)})
	}
	return all
}
