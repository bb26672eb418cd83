package krakenfutures_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/feedtest"
	"tapedeck/feed/venue/krakenfutures"
	"tapedeck/market"
	"tapedeck/snapshot"
)

const session = "sessions/cryptofeed/kraken-futures-v1.raw.gz"

func FuzzKrakenFutures(f *testing.F) {
	feedtest.Fuzz(f, krakenfutures.Format, "testdata/kraken-futures")
}

func TestSymbols(t *testing.T) {
	for _, want := range []market.Symbol{
		{Native: "PI_XBTUSD", Base: "BTC", Quote: "USD", Kind: market.Perpetual},
		{Native: "PF_XBTUSD", Base: "BTC", Quote: "USD", Kind: market.Perpetual},
		{Native: "PF_SOLUSDT", Base: "SOL", Quote: "USDT", Kind: market.Perpetual},
		{Native: "PV_XRPXBT", Base: "XRP", Quote: "BTC", Kind: market.Perpetual},
		{Native: "FI_ETHUSD_211231", Base: "ETH", Quote: "USD", Kind: market.Future},
		{Native: "FF_XBTUSD_240329", Base: "BTC", Quote: "USD", Kind: market.Future},
		{Native: "PF_ABCXYZ", Kind: market.Perpetual},
	} {
		want.Venue, want.Name = "KRAKEN-FUTURES", want.Native
		var b market.Batch
		value := `{"feed":"ticker_lite","product_id":"` + want.Native + `","volume":1}`
		if err := krakenfutures.Format.New(feed.DefaultOptions()).Decode(&b, &feed.Record{Value: []byte(value)}); err != nil {
			t.Fatal(err)
		}
		if *b.Events[0].Symbol != want {
			t.Errorf("%s is %+v, want %+v", want.Native, *b.Events[0].Symbol, want)
		}
	}
}

// Every message becomes events but for the answers and the trades of the past, and every book keeps its
// numbers: 5,193 changes, as another replay of the same file found.
func TestRecordedSession(t *testing.T) {
	d := krakenfutures.Format.New(feed.DefaultOptions())
	var b market.Batch
	found := map[string]int{}
	books := map[*market.Symbol]*snapshot.Book{}
	followed := 0
	for _, r := range feedtest.Records(t, session) {
		b.Reset()
		if err := d.Decode(&b, &r); err != nil {
			past := strings.HasPrefix(string(r.Value), `{"feed":"trade_snapshot"`)
			answer := strings.HasPrefix(string(r.Value), `{"event":"subscribed"`) || strings.HasPrefix(string(r.Value), `{"event":"info"`)
			if !errors.Is(err, feed.Ignored) || !past && !answer {
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
			if effect := books[ev.Symbol].Apply(ev, snapshot.Cause{}); effect == snapshot.Broken {
				t.Errorf("%s: the book broke", r.Value)
			}
			if !k.Snapshot && books[ev.Symbol].Good() {
				followed++
			}
		}
	}
	if want := "map[book:5200 ignored:29 ticker:70 trade:3]"; followed != 5193 || fmt.Sprint(found) != want {
		t.Errorf("%d changes follow and there are %v, want 5193 and %s", followed, found, want)
	}
}

// What each sample becomes.
func TestSamples(t *testing.T) {
	samples := map[string]string{
		"kraken-fixtures/Futures_Ticker": "quote KRAKEN-FUTURES PF_ETHUSD time=1783587648112000 bid=1751.6 x 1.459 ask=1751.7 x 2.886\n" +
			"ticker KRAKEN-FUTURES PF_ETHUSD time=1783587648112000 last=1751.7 open=1734.8 high=1765.4 low=1708.8 volume=57204.177 quoteVolume=99424431.8132 " +
			"mark=1751.97553924942 index=1751.75 funding=0.0000186711875 fundingTime=1783591200000000 openInterest=24085.822\n" +
			"status KRAKEN-FUTURES PF_ETHUSD time=1783587648112000 state=live\n",
		"kraken-futures-v1/trade_fill":     "trade KRAKEN-FUTURES PI_LTCUSD time=1626994929946000 id=e2429e31-8b9d-4195-900e-fd42be2dec89 px=119.44 qty=320.0 side=buy\n",
		"kraken-futures-v1/book_snapshot":  "book KRAKEN-FUTURES FI_BCHUSD_210730 time=1626994925378000 snapshot chain=kraken-futures first=0 last=91192 prev=0 bids 439.3:20108.0 438.9:23706.0 438.5:30511.0 438.0:33349.0 435.5:7954.0 434.7:79088.0 434.2:40266.0 433.4:4794.0 433.2:40841.0 431.8:48120.0 423.6:23755.0 asks 439.6:50.0 439.9:21692.0 440.2:7954.0 440.3:24200.0 440.7:18940.0 443.2:78441.0 443.6:39149.0 443.7:4872.0 444.3:40026.0 444.5:24521.0 445.6:24584.0 453.1:23452.0\n",
		"kraken-futures-v1/trade_snapshot": "", "kraken-futures-v1/book": "", "kraken-futures-v1/trade": "", "kraken-futures-v1/info": "", "kraken-futures-v1/ticker_lite": "",
	}
	for name, want := range samples {
		value, err := os.ReadFile(filepath.Join(feedtest.Data(t, "samples"), name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		var b market.Batch
		err = krakenfutures.Format.New(feed.DefaultOptions()).Decode(&b, &feed.Record{Value: value})
		if got := feedtest.Text(b.Events); got != want || want == "" && !errors.Is(err, feed.Ignored) {
			t.Errorf("%s becomes %v\n%swant\n%s", name, err, got, want)
		}
	}
}

// The recorded session with messages dropped, doubled and swapped.
func TestFaults(t *testing.T) {
	feedtest.Faults(t, &feedtest.Recording{
		Format: krakenfutures.Format, Options: feed.DefaultOptions(), Records: feedtest.Records(t, session),
		Snapshot: func(sym *market.Symbol, k *market.Book) []feed.Record {
			return []feed.Record{{Value: fmt.Appendf(nil, `{"feed":"book_snapshot","product_id":%q,"timestamp":1500000000000,"seq":%d,"bids":[%s],"asks":[%s]}`,
				sym.Native, k.Last, rungs(k.Bids), rungs(k.Asks))}}
		},
	}, 2)
}

func rungs(levels []market.Level) string {
	var all []string
	for _, l := range levels {
		all = append(all, fmt.Sprintf(`{"price":%s,"qty":%s}`, l.Price, l.Qty))
	}
	return strings.Join(all, ",")
}

// A server that begins anew sets the numbers back: the book of its snapshot is taken, and its changes follow.
func TestNumbersSetBack(t *testing.T) {
	d := krakenfutures.Format.New(feed.DefaultOptions())
	book := snapshot.NewBook(snapshot.DefaultLimits, snapshot.Origin{}).(*snapshot.Book)
	for i, step := range []struct {
		feed    string
		seq, ms int
		good    bool
	}{
		{"book_snapshot", 100, 1, true}, {"book", 101, 2, true}, {"book", 102, 3, true},
		{"book", 101, 2, true}, // it comes twice
		{"book_snapshot", 5, 4, true}, {"book", 6, 5, true}, {"book", 7, 6, true},
		{"book", 3, 7, false}, // set back, and no snapshot has come
		{"book_snapshot", 4, 8, true}, {"book", 5, 9, true},
	} {
		value := fmt.Sprintf(`{"feed":%q,"product_id":"PI_XBTUSD","timestamp":%d,"seq":%d,`, step.feed, 1700000000000+step.ms, step.seq)
		if step.feed == "book" {
			value += fmt.Sprintf(`"side":"buy","price":1,"qty":%d}`, step.ms)
		} else {
			value += fmt.Sprintf(`"bids":[{"price":1,"qty":%d}],"asks":[]}`, step.ms)
		}
		var b market.Batch
		if err := d.Decode(&b, &feed.Record{Value: []byte(value)}); err != nil {
			t.Fatal(err)
		}
		book.Apply(&b.Events[0], snapshot.Cause{})
		body, _ := book.Full(0)
		if book.Good() != step.good || step.good && i != 3 && !body.(*market.Book).Bids[0].Qty.Equal(market.Int(int64(step.ms))) {
			t.Errorf("step %d: the book is good: %v, and %v", i, book.Good(), body.(*market.Book).Bids)
		}
	}
}
