package kucoin_test

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
	"tapedeck/feed/venue/kucoin"
	"tapedeck/market"
	"tapedeck/snapshot"
)

const session = "sessions/cryptofeed/kucoin-spot.raw.gz"

// symbolRun is what is followed of one symbol.
type symbolRun struct {
	*snapshot.Book
	last   int64 // sequence of the newest change
	quotes int   // that were compared with the book
}

// Every message becomes events but for the welcome and the answers to subscriptions; every change follows the one
// before, none breaks its book, and the best orders told beside it are those of the book at the same sequence.
func TestRecordedSession(t *testing.T) {
	d := kucoin.Spot.New(feed.DefaultOptions())
	events, ignored, follow, tops, good := map[string]int{}, 0, 0, 0, 0
	runs := map[*market.Symbol]*symbolRun{}
	var b market.Batch
	for _, r := range feedtest.Records(t, session) {
		b.Reset()
		if err := d.Decode(&b, &r); err != nil {
			if !errors.Is(err, feed.Ignored) || !bytes.HasSuffix(r.Value, []byte(`"type":"welcome"}`)) && !bytes.HasSuffix(r.Value, []byte(`"type":"ack"}`)) {
				t.Errorf("%s: %v", r.Value, err)
			}
			ignored++
		}
		for i := range b.Events {
			ev := &b.Events[i]
			kind, _, _ := strings.Cut(feedtest.Text(b.Events[i:i+1]), " ")
			events[kind]++
			run := runs[ev.Symbol]
			if run == nil {
				run = &symbolRun{Book: snapshot.NewBook(snapshot.DefaultLimits, snapshot.Origin{}).(*snapshot.Book)}
				runs[ev.Symbol] = run
			}
			switch k := ev.Payload.(type) {
			case *market.Book:
				if !k.Snapshot {
					if run.last != 0 && k.Chain.Follows(k, run.last) {
						follow++
					}
					run.last = k.Last
				}
				run.Apply(ev, snapshot.Cause{})
			case *market.Quote:
				if run.Good() && run.last != 0 && bytes.Contains(r.Value, fmt.Appendf(nil, `"sequence":"%d"`, run.last)) {
					run.quotes++
					if isTop(run.Book, k) {
						tops++
					}
				}
			}
		}
	}
	quotes := 0
	for _, run := range runs {
		quotes += run.quotes
		if run.last != 0 && run.Good() {
			good++
		}
	}
	if got, want := fmt.Sprint(events), "map[book:3011 candle:6 quote:591 ticker:591 trade:18]"; got != want || ignored != 14 {
		t.Errorf("found %s and ignored %d, want %s and 14", got, ignored, want)
	}
	if follow != 2997 || good != 7 {
		t.Errorf("%d changes follow the one before and %d books are good at the end, want 2997 and 7", follow, good)
	}
	if tops != 551 || quotes != 552 {
		t.Errorf("%d of %d quotes are the best of the book, want 551 of 552", tops, quotes)
	}
}

// isTop reports whether a quote is the best bid and ask of a book.
func isTop(b *snapshot.Book, q *market.Quote) bool {
	body, _ := b.Full(0)
	k := body.(*market.Book)
	return len(k.Bids) > 0 && len(k.Asks) > 0 && k.Bids[0].Price.Equal(q.BidPrice) && k.Bids[0].Qty.Equal(q.BidQty) &&
		k.Asks[0].Price.Equal(q.AskPrice) && k.Asks[0].Qty.Equal(q.AskQty)
}

// What each sample becomes; all others are of topics that we do not tell, and are refused as such.
var samples = map[string]string{
	"_market_candles_message": "candle KUCOIN DAPPT-BTC time=1619378328806000 start=1619378220000000 width=60000000 o=0.0000001116 h=0.0000001116 l=0.0000001116 c=0.0000001116 v=0 n=0 quoteVolume=0 vwap= final=false",
	"_market_level2_message":  "book KUCOIN BSV-USDT (BCHSV-USDT) chain=kucoin first=1613277183874 last=1613277183874 prev=0 bids asks",
	"_market_match_message":   "trade KUCOIN DAPPT-BTC time=1619378327739050 id=6085c09769bc506996295e36 px=0.0000001117 qty=81.8814 side=buy",
	"_market_ticker_message":  "quote KUCOIN BSV-USDT (BCHSV-USDT) time=1619378326330000 bid=242.654 x 0.68148185 ask=242.951 x 4.51280965\nticker KUCOIN BSV-USDT (BCHSV-USDT) time=1619378326330000 last=243.65",
	"ack":                     "ignored",
	"welcome":                 "ignored",
	"Futures_Book":            "book KUCOIN-FUTURES BTC-USD (XBTUSDM) time=1551770400000000 chain=kucoin first=18 last=18 prev=0 bids asks 5000.0:83",
	"Futures_FundingRate":     "ticker KUCOIN-FUTURES BTC-USD (XBTUSDM) time=1551770400000000 funding=-0.002966",
	"Futures_MarkPrice":       "ticker KUCOIN-FUTURES BTC-USD (XBTUSDM) time=1551770400000000 mark=4010.52 index=4000.23",
	"Futures_PartialBook":     "book KUCOIN-FUTURES BTC-USD (XBTUSDM) time=1590634672060667 snapshot chain=kucoin-cut first=0 last=-9221781402182715141 prev=0 bids 9988:56 9987:15 9986:100 9985:10 9984:10 asks 9993:3 9992:3 9991:47 9990:32 9989:8",
	"Futures_Snapshot":        "ticker KUCOIN-FUTURES BTC-USD (XBTUSDM) time=1547697294838004 last=3551",
	"Futures_Tickers":         "quote KUCOIN-FUTURES BTC-USD (XBTUSDM) time=1553846081210004 bid=3200.0 x 795 ask=3600.0 x 284",
	"Futures_Trades":          "trade KUCOIN-FUTURES BTC-USDT (XBTUSDTM) time=1712570590399000 id=1743169228057 px=72137.3 qty=5 side=buy",
	"Spot_AggBook":            "book KUCOIN BTC-USDT time=1663747970273000 chain=kucoin first=14103844 last=14103847 prev=0 bids 18891.9:0.15688 asks 18906:0.00331 18907.3:0.58751503",
	"Spot_BestOffers":         "quote KUCOIN ETH-USDT time=1586948108193000 bid=9984 x 10 ask=9989 x 8",
	"Spot_Book":               "book KUCOIN BTC-USDT time=1586948108193000 snapshot chain=kucoin-cut first=0 last=-9221785088746582808 prev=0 bids 9988:56 9987:15 9986:100 9985:10 9984:10 asks 9989:8 9990:32 9991:47 9992:3 9993:3",
	"Spot_IndexPrice":         "ticker KUCOIN USDT-BTC time=1714769146000000 index=0.000015880000000",
	"Spot_Klines":             "candle KUCOIN BTC-USDT time=1589970010253893 start=1589968800000000 width=28800000000 o=9786.9 h=9806.1 l=9732 c=9740.8 v=27.45649579 n=0 quoteVolume=268280.09830877 vwap= final=false",
	"Spot_MarkPrice":          "ticker KUCOIN USDT-BTC time=1714769146000000 mark=0.000015880000000",
	"Spot_Snapshot":           "ticker KUCOIN CRO-BTC time=1714767640010000 last=0.000002133 open=0.00000215400000000000 high=0.00000222300000000000 low=0.00000213300000000000 volume=55533.47340000000000000000 quoteVolume=0.12058209728450000000\nstatus KUCOIN CRO-BTC time=1714767640010000 state=live",
	"Spot_Ticker":             "quote KUCOIN BTC-USDT time=1704873323416000 bid=0.049 x 0.036 ask=0.08 x 0.18\nticker KUCOIN BTC-USDT time=1704873323416000 last=0.08",
	"Spot_Tickers":            "quote KUCOIN BTC-USDT time=1704873323416000 bid=0.049 x 0.036 ask=0.08 x 0.18\nticker KUCOIN BTC-USDT time=1704873323416000 last=0.08",
	"Unified_Kline":           "candle KUCOIN ETH-USDT time=1768210985379046 start=1768210980000000 width=900000000 o=90861.3 h=90861.3 l=90861.2 c=90861.2 v=1.87659044 n=0 quoteVolume=170509.259492364 vwap= final=false",
	"Unified_OrderBook":       "book KUCOIN ETH-USDT time=1768217874986000 snapshot chain=kucoin-push first=0 last=25984468414 prev=0 bids 90701.1:0.13918404 asks 90701.2:0.5771583",
	"Unified_Ticker":          "quote KUCOIN ETH-USDT time=1768206966096000 bid=90968.1 x 0.02052839 ask=90968.2 x 0.97675941\nticker KUCOIN ETH-USDT time=1768206966096000 last=90968.2",
	"Unified_Trade":           "trade KUCOIN ETH-USDT time=1768802538480000 id=20631804219899904 px=92525.6 qty=0.00008036 side=sell",
	"Spot_Trades":             "trade KUCOIN BTC-USDT time=1545913818099033 id=5c24c5da03aa673885cd67aa px=0.08200000000000000000 qty=0.01022222000000000000 side=buy",
}

// Every sample is decoded, or refused by name.
func TestSamples(t *testing.T) {
	found := 0
	for _, dir := range []string{"kucoin-spot", "kucoin-fixtures"} {
		files, _ := filepath.Glob(filepath.Join(feedtest.Data(t, "samples/"+dir), "*.json"))
		for _, file := range files {
			value, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			name := strings.TrimSuffix(filepath.Base(file), ".json")
			format := kucoin.Spot
			if strings.HasPrefix(name, "Futures") {
				format = kucoin.Futures
			}
			var b market.Batch
			got := ""
			if err = format.New(feed.DefaultOptions()).Decode(&b, &feed.Record{Value: value}); err != nil {
				got = err.Error()
			} else {
				got = strings.TrimSuffix(feedtest.Text(b.Events), "\n")
			}
			want, told := samples[name]
			if told {
				found++
			}
			if told && got != want || !told && !errors.Is(err, feed.UnknownKind) {
				t.Errorf("%s becomes\n%s, want\n%s", file, got, want)
			}
		}
	}
	if found != len(samples) {
		t.Errorf("%d samples of %d are there", found, len(samples))
	}
}

// The recorded session with messages dropped, doubled and swapped.
func TestFaults(t *testing.T) {
	feedtest.Faults(t, &feedtest.Recording{
		Format: kucoin.Spot, Options: feed.DefaultOptions(), Records: feedtest.Records(t, session), Snapshot: restBook,
	}, 5)
}

// The same with the books written as the unified API writes them.
func TestFaultsOfPushes(t *testing.T) {
	var records []feed.Record
	for _, r := range feedtest.Records(t, session) {
		if value := pushed(t, &r); value != nil {
			records = append(records, feed.Record{Value: value})
		}
	}
	if len(records) != 3011 {
		t.Fatalf("%d messages are of books, want 3011", len(records))
	}
	feedtest.Faults(t, &feedtest.Recording{
		Format: kucoin.Spot, Options: feed.DefaultOptions(), Records: records,
		Snapshot: func(sym *market.Symbol, k *market.Book) []feed.Record {
			return []feed.Record{{Value: push("snapshot", sym.Native, k)}}
		},
	}, 5)
}

// pushed returns the message of a book as the unified API has it; nil if it is of something else.
func pushed(t *testing.T, r *feed.Record) []byte {
	var b market.Batch
	if kucoin.Spot.New(feed.DefaultOptions()).Decode(&b, r) != nil {
		return nil
	}
	k, isBook := b.Events[0].Payload.(*market.Book)
	switch {
	case !isBook:
		return nil
	case k.Snapshot:
		return push("snapshot", b.Events[0].Symbol.Native, k)
	}
	return push("delta", b.Events[0].Symbol.Native, k)
}

func push(kind, native string, k *market.Book) []byte {
	first := k.First
	if k.Snapshot {
		first = k.Last
	}
	return fmt.Appendf(nil, `{"T":"obu.SPOT","dp":"increment@10ms","t":%q,"P":1500000000000000000,"d":{"s":%q,"O":%d,"C":%d,"M":1500000000000000000,"b":[%s],"a":[%s]}}`,
		kind, native, first, k.Last, pairs(k.Bids), pairs(k.Asks))
}

// restBook writes a book as its REST order book.
func restBook(sym *market.Symbol, k *market.Book) []feed.Record {
	value := fmt.Sprintf(`{"code":"200000","data":{"time":1500000000000,"sequence":"%d","bids":[%s],"asks":[%s]}}`, k.Last, pairs(k.Bids), pairs(k.Asks))
	return []feed.Record{{Key: []byte(sym.Native), Value: []byte(value)}}
}

func pairs(levels []market.Level) string {
	var all []string
	for _, l := range levels {
		all = append(all, fmt.Sprintf(`["%s","%s"]`, l.Price, l.Qty))
	}
	return strings.Join(all, ",")
}
