package gate_test

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
	"tapedeck/feed/venue/gate"
	"tapedeck/market"
	"tapedeck/snapshot"
)

// recording is a recorded session, and what is known of it.
type recording struct {
	format *feed.Format
	file   string
	events string
	follow int // changes that follow the one before
	good   int // books that are good at the end
	quotes string
}

var recordings = []recording{
	{gate.Spot, "gateio-spot-v4", "map[book:182 ignored:36 ticker:22 trade:9]", 162, 10, "0 of 0"},
	{gate.Futures, "gateio-futures-v4", "map[book:362 candle:1 ignored:22 quote:75]", 342, 10, "2 of 2"},
}

// Every message becomes events but for answers to subscriptions, and spot's candles, which had no volume in 2021; every
// change follows the one before, and no book breaks that was good.
func TestRecordedSessions(t *testing.T) {
	for _, rec := range recordings {
		t.Run(rec.file, func(t *testing.T) {
			d := rec.format.New(feed.DefaultOptions())
			events, follow, good, tops, quotes := map[string]int{}, 0, 0, 0, 0
			books, last := map[*market.Symbol]*snapshot.Book{}, map[*market.Symbol]int64{}
			whole := map[*market.Symbol]bool{}
			var b market.Batch
			for _, r := range feedtest.Records(t, "sessions/cryptofeed/"+rec.file+".raw.gz") {
				b.Reset()
				if err := d.Decode(&b, &r); err != nil {
					if !errors.Is(err, feed.Ignored) || !bytes.Contains(r.Value, []byte(`"event":"subscribe"`)) && !bytes.Contains(r.Value, []byte(`"spot.candlesticks"`)) {
						t.Errorf("%s: %v", r.Value, err)
					}
					events["ignored"]++
				}
				for i := range b.Events {
					ev := &b.Events[i]
					kind, _, _ := strings.Cut(feedtest.Text(b.Events[i:i+1]), " ")
					events[kind]++
					book := books[ev.Symbol]
					switch k := ev.Payload.(type) {
					case *market.Book:
						if book == nil {
							book = snapshot.NewBook(snapshot.DefaultLimits, snapshot.Origin{}).(*snapshot.Book)
							books[ev.Symbol] = book
						}
						if !k.Snapshot {
							if last[ev.Symbol] != 0 && k.Chain.Follows(k, last[ev.Symbol]) {
								follow++
							}
							last[ev.Symbol] = k.Last
						}
						if eff := book.Apply(ev, snapshot.Cause{}); eff == snapshot.Broken && whole[ev.Symbol] {
							t.Errorf("%s breaks at %s", ev.Symbol.Name, r.Value)
						}
						whole[ev.Symbol] = whole[ev.Symbol] || k.Snapshot
					case *market.Quote:
						if book != nil && book.Good() && bytes.Contains(r.Value, fmt.Appendf(nil, `"u":%d,`, last[ev.Symbol])) {
							quotes++
							if isTop(book, k) {
								tops++
							}
						}
					}
				}
			}
			for _, book := range books {
				if book.Good() {
					good++
				}
			}
			if got := fmt.Sprint(events); got != rec.events || follow != rec.follow || good != rec.good || rec.quotes != fmt.Sprintf("%d of %d", tops, quotes) {
				t.Errorf("found %s, %d changes that follow, %d good books, %d of %d quotes, want %+v", got, follow, good, tops, quotes, rec)
			}
		})
	}
}

// isTop reports whether a quote is the best bid and ask of a book.
func isTop(b *snapshot.Book, q *market.Quote) bool {
	body, _ := b.Full(0)
	k := body.(*market.Book)
	return len(k.Bids) > 0 && len(k.Asks) > 0 && k.Bids[0].Price.Equal(q.BidPrice) && k.Bids[0].Qty.Equal(q.BidQty) &&
		k.Asks[0].Price.Equal(q.AskPrice) && k.Asks[0].Qty.Equal(q.AskQty)
}

// What each sample becomes; " …" stands for more.
var samples = map[string]string{
	"Spot_SubscribeToTradeUpdates":            "trade GATE ETH-USDT (ETH_USDT) time=1606292218213457 id=309143071 px=0.4705000000 qty=16.4700000000 side=sell",
	"spot.candlesticks_update":                "ignored",
	"spot.order_book_update":                  "book GATE HAI-ETH (HAI_ETH) time=1619093532978000 chain=gate first=2691446 last=2691446 prev=0 bids 0.00010322:5360.209 0.00010276:20.80412499 …",
	"spot.tickers_update":                     "ticker GATE NEO-BTC (NEO_BTC) time=1619093533000000 last=0.0018716 high=0.0018754 low=0.0017148 volume=1138.01640718 quoteVolume=2.048263365803126",
	"spot.trades_update":                      "trade GATE DIS-USDT (DIS_USDT) time=1619093543708264 id=816995772 px=121.5800000000 qty=0.2010000000 side=sell",
	"futures.book_update":                     "quote GATE-FUTURES PHB-USDT (PHB_USDT) time=1684930165621000 bid=0.7379 x 814 ask=0.739 x 677",
	"futures.candlesticks_update":             "candle GATE-FUTURES FRONT-USDT (FRONT_USDT) time=1684930165934000 start=1684930140000000 width=60000000 o=0.1701 h=0.1701 l=0.1701 c=0.1701 v=0 n=0 quoteVolume= vwap= final=false",
	"futures.order_book_update":               "book GATE-FUTURES RDNT-USDT (RDNT_USDT) time=1684930165217000 chain=gate first=203083177 last=203083177 prev=0 bids asks 0.2983:0",
	"Futures_SubscribeToBookTickerUpdates":    "quote GATE-FUTURES ETH-USDT (ETH_USDT) time=1615366379123000 bid=54696.6 x 37000.5 ask=54696.7 x 47061.2",
	"Futures_SubscribeToBookUpdates":          "book GATE-FUTURES ETH-USDT (ETH_USDT) time=1615366381417000 chain=gate first=2517661101 last=2517661113 prev=0 bids 54672.1:0 54664.5:58794.5 asks 54743.6:0 54742:95.2",
	"Futures_SubscribeToContractStatsUpdates": "ticker GATE-FUTURES ETH-USDT (ETH_USDT) time=1742812860000000 mark=87746.16 openInterest=22883730.5",
	"Futures_SubscribeToKlineUpdates":         "candle GATE-FUTURES ETH-USDT (ETH_USDT) time=1542162490123000 start=1545129300000000 width=300000000 o=94.3 h=96.9 l=89.5 c=95.4 v=27525555.5 n=0 quoteVolume= vwap= final=false\ncandle GATE-FUTURES ETH-USDT (ETH_USDT) time=1542162490123000 start=1545129300000000 width=300000000 o=94.3 h=96.9 l=89.5 c=95.4 v=27525555.5 n=0 quoteVolume= vwap= final=false",
	"Futures_SubscribeToOrderBookV2Updates":   "book GATE-FUTURES ETH-USDT (ETH_USDT) time=1615366381417000 snapshot chain=gate-obu first=0 last=450359965254710713 prev=0 depth=50 bids 54672.1:58794.5 asks 54742:95.2",
	"Futures_SubscribeToTickerUpdates":        "ticker GATE-FUTURES ETH-USDT (ETH_USDT) time=1541659086123000 last=118.4 high=132.5 low=99.2 volume=745487577 quoteVolume=1665006 mark=118.35 index=118.36 funding=-0.000114 openInterest=73648.5",
	"Futures_SubscribeToTradeUpdates":         "ignored",
	"Spot_SubscribeToBookTickerUpdates":       "quote GATE ETH-USDT (ETH_USDT) time=1606293275123000 bid=19177.79 x 0.0003341504 ask=19179.38 x 0.09",
	"Spot_SubscribeToKlineUpdates":            "candle GATE ETH-USDT (ETH_USDT) time=1606292600376000 start=1606292580000000 width=60000000 o=19128.1 h=19128.1 l=19128.1 c=19128.1 v=3.8283 n=0 quoteVolume=2362.32035 vwap= final=true",
	"Spot_SubscribeToOrderBookUpdates":        "book GATE ETH-USDT (ETH_USDT) time=1606294781123000 chain=gate first=48776301 last=48776306 prev=0 bids 19137.74:0.0001 19088.37:0 asks 19137.75:0.6135",
	"Spot_SubscribeToPartialOrderBookUpdates": "book GATE ETH-USDT (ETH_USDT) time=1606295412123000 snapshot chain=gate-cut first=0 last=-9223372036805983988 prev=0 bids 19079.55:0.0195 19079.07:0.7341 19076.23:0.00011808 19073.9:0.105 19068.83:0.1009 asks 19080.24:0.1638 19080.91:0.1366 19080.92:0.01 19081.29:0.01 19083.8:0.097",
	"Spot_SubscribeToTickerUpdates":           "ticker GATE ETH-USDT (ETH_USDT) time=1717595233666000 last=70775.2 high=71366 low=69336.2 volume=4643.108806389 quoteVolume=328461488.44111",
}

// Every sample is decoded, or refused by name.
func TestSamples(t *testing.T) {
	found := 0
	for _, dir := range []string{"gateio-spot-v4", "gateio-futures-v4", "gateio-v4-fixtures"} {
		files, _ := filepath.Glob(filepath.Join(feedtest.Data(t, "samples/"+dir), "*.json"))
		for _, file := range files {
			value, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			name := strings.TrimSuffix(filepath.Base(file), ".json")
			format := gate.Spot
			if strings.HasPrefix(strings.ToLower(name), "futures") {
				format = gate.Futures
			}
			var b market.Batch
			got := ""
			if err = format.New(feed.DefaultOptions()).Decode(&b, &feed.Record{Value: value}); err != nil {
				got = err.Error()
			} else {
				got = strings.TrimSuffix(feedtest.Text(b.Events), "\n")
			}
			want := samples[name]
			if strings.HasSuffix(name, "_subscribe") {
				want = "ignored"
			}
			if beginning, cut := strings.CutSuffix(want, " …"); got != want && !(cut && strings.HasPrefix(got, beginning+" ")) {
				t.Errorf("%s becomes\n%s, want\n%s", name, got, want)
			}
			found++
		}
	}
	if found != 28 {
		t.Errorf("%d samples are there, want 28", found)
	}
}

// The recorded sessions with messages dropped, doubled and swapped.
func TestFaults(t *testing.T) {
	for _, rec := range recordings {
		t.Run(rec.file, func(t *testing.T) {
			feedtest.Faults(t, &feedtest.Recording{
				Format: rec.format, Options: feed.DefaultOptions(), Records: feedtest.Records(t, "sessions/cryptofeed/"+rec.file+".raw.gz"), Snapshot: restBook,
			}, 20)
		})
	}
}

// restBook writes a book as its REST order book.
func restBook(sym *market.Symbol, k *market.Book) []feed.Record {
	value := fmt.Sprintf(`{"id":%d,"bids":[%s],"asks":[%s]}`, k.Last, pairs(k.Bids), pairs(k.Asks))
	return []feed.Record{{Key: []byte(sym.Native), Value: []byte(value)}}
}

func pairs(levels []market.Level) string {
	var all []string
	for _, l := range levels {
		all = append(all, fmt.Sprintf(`["%s","%s"]`, l.Price, l.Qty))
	}
	return strings.Join(all, ",")
}
