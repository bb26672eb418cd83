package bitstamp_test

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
	"tapedeck/feed/venue/bitstamp"
	"tapedeck/market"
	"tapedeck/snapshot"
)

const session = "sessions/cryptofeed/bitstamp.raw.gz"

func FuzzBitstamp(f *testing.F) { feedtest.Fuzz(f, bitstamp.Format, "testdata/bitstamp") }

// told is what encoding/json reads of a message.
type told struct {
	Event, Channel string
	Bids, Asks     [][2]string
	Data           struct {
		ID             int64
		Price          string `json:"price_str"`
		Amount         string `json:"amount_str"`
		Type           int
		Microtimestamp string
		Bids, Asks     [][2]string
	}
}

// Every message of the session becomes what encoding/json finds in it, but for the answers to subscriptions.
// Changes come before and after the REST order books, and no book is crossed at any time.
func TestRecordedSession(t *testing.T) {
	d := bitstamp.Format.New(feed.DefaultOptions())
	var batch market.Batch
	events, ignored := map[string]int{}, map[string]int{}
	books := map[string]snapshot.State{}
	for i, r := range feedtest.Records(t, session) {
		var raw told
		if err := json.Unmarshal(r.Value, &raw); err != nil {
			t.Fatal(err)
		}
		batch.Reset()
		if err := d.Decode(&batch, &r); err != nil {
			if !errors.Is(err, feed.Ignored) {
				t.Errorf("message %d: %v: %.300s", i+1, err, r.Value)
			}
			ignored[raw.Event]++
			continue
		}
		ev := &batch.Events[0]
		good := len(batch.Events) == 1
		switch p := ev.Payload.(type) {
		case *market.Trade:
			events["trade"]++
			side := map[int]market.Side{0: market.Buy, 1: market.Sell}[raw.Data.Type]
			good = good && p.Price.String() == raw.Data.Price && p.Qty.String() == raw.Data.Amount && p.Side == side &&
				p.ID.String() == fmt.Sprint(raw.Data.ID) && fmt.Sprint(p.Time) == raw.Data.Microtimestamp && strings.HasSuffix(raw.Channel, "_"+ev.Symbol.Native)
		case *market.Book:
			want := []any{raw.Data.Bids, raw.Data.Asks}
			if p.Snapshot {
				events["snapshot"]++
				want = []any{raw.Bids, raw.Asks}
			} else {
				events["change"]++
			}
			good = good && fmt.Sprint(want...) == fmt.Sprint(lists(p.Bids), lists(p.Asks))
			b := books[ev.Symbol.Native]
			if b == nil {
				b = snapshot.NewBook(snapshot.DefaultLimits, snapshot.Origin{})
				books[ev.Symbol.Native] = b
			}
			was := b.Good()
			if b.Apply(ev, snapshot.Cause{}); was && !p.Snapshot && !b.Good() && events["change"] > 100 {
				t.Errorf("message %d breaks the book: %.300s", i+1, r.Value)
			}
		default:
			good = false
		}
		if !good {
			t.Errorf("message %d becomes %s: %.300s", i+1, feedtest.Text(batch.Events), r.Value)
		}
	}
	if got, want := fmt.Sprint(events, ignored), "map[change:717 snapshot:10 trade:10] map[bts:subscription_succeeded:20]"; got != want {
		t.Errorf("found %s, want %s", got, want)
	}
	whole := 0
	for _, b := range books {
		if b.Good() {
			whole++
		}
	}
	if len(books) != 10 || whole != 9 || books["sgbeur"].Good() { // of which no change is there: it may be old
		t.Errorf("%d of %d books are good at the end", whole, len(books))
	}
}

// lists writes levels as the venue does.
func lists(levels []market.Level) [][2]string {
	all := [][2]string{}
	for _, l := range levels {
		all = append(all, [2]string{l.Price.String(), l.Qty.String()})
	}
	return all
}

// Every sample becomes what its name says.
func TestSamples(t *testing.T) {
	want := map[string]string{
		"diff_order_book_bts_subscription_succeeded": "ignored", "live_trades_bts_subscription_succeeded": "ignored",
		"diff_order_book_data": "book BITSTAMP BAT-EUR (bateur) time=1641343691244908 chain=bitstamp-time first=1641343691244908 last=1641343691244908 prev=0 bids 1.15979:993.02588113 1.14866:7758.51900928 asks 1.16601:1200.00000000\n",
		"live_trades_trade":    "trade BITSTAMP ETH-USD (ethusd) time=1641343699596000 id=216000477 px=3805.44 qty=0.07920000 side=buy\n",
	}
	files, _ := filepath.Glob(filepath.Join(feedtest.Data(t, "samples/bitstamp"), "*.json"))
	if len(files) != len(want) {
		t.Errorf("there are %d samples, want %d", len(files), len(want))
	}
	for _, name := range files {
		value, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var b market.Batch
		got := ""
		if err := bitstamp.Format.New(feed.DefaultOptions()).Decode(&b, &feed.Record{Value: value}); err != nil {
			got = err.Error()
		} else {
			got = feedtest.Text(b.Events)
		}
		if kind := strings.TrimSuffix(filepath.Base(name), ".json"); got != want[kind] {
			t.Errorf("%s becomes %q", kind, got)
		}
	}
}

// Nothing shows that a message is missing, but the next REST order book mends it.
func TestFaults(t *testing.T) {
	feedtest.Faults(t, &feedtest.Recording{
		Format: bitstamp.Format, Options: feed.DefaultOptions(), Sight: feedtest.Blind, Records: feedtest.Records(t, session),
		Snapshot: func(sym *market.Symbol, k *market.Book) []feed.Record {
			value := fmt.Sprintf(`{"microtimestamp":"%d","bids":[%s],"asks":[%s]}`, k.Last, pairs(k.Bids), pairs(k.Asks))
			return []feed.Record{{Key: []byte(sym.Native), Value: []byte(value)}}
		},
	}, 6)
}

func pairs(levels []market.Level) string {
	var all []string
	for _, l := range levels {
		all = append(all, fmt.Sprintf(`["%s","%s"]`, l.Price, l.Qty))
	}
	return strings.Join(all, ",")
}

func TestSymbols(t *testing.T) {
	for native, want := range map[string]market.Symbol{
		"btcusd":      {Venue: "BITSTAMP", Name: "BTC-USD", Native: "btcusd", Base: "BTC", Quote: "USD"},
		"usdtusd":     {Venue: "BITSTAMP", Name: "USDT-USD", Native: "usdtusd", Base: "USDT", Quote: "USD"},
		"usdcusdt":    {Venue: "BITSTAMP", Name: "USDC-USDT", Native: "usdcusdt", Base: "USDC", Quote: "USDT"},
		"btcusd-perp": {Venue: "BITSTAMP", Name: "btcusd-perp", Native: "btcusd-perp", Base: "BTC", Quote: "USD", Kind: market.Perpetual},
		"abcxyz":      {Venue: "BITSTAMP", Name: "abcxyz", Native: "abcxyz"},
	} {
		var b market.Batch
		value := `{"data":{"microtimestamp":"1700000000244908","bids":[],"asks":[]},"channel":"diff_order_book_` + native + `","event":"data"}`
		if err := bitstamp.Format.New(feed.DefaultOptions()).Decode(&b, &feed.Record{Value: []byte(value)}); err != nil {
			t.Errorf("%s: %v", native, err)
		} else if got := *b.Events[0].Symbol; got != want {
			t.Errorf("%s becomes %+v", native, got)
		}
	}
}
