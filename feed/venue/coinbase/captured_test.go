package coinbase_test

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
	"tapedeck/feed/venue/coinbase"
	"tapedeck/market"
	"tapedeck/snapshot"
)

const session = "sessions/cryptofeed/coinbase-exchange.raw.gz"

// told is what encoding/json reads of a message.
type told struct {
	Type     string `json:"type"`
	Product  string `json:"product_id"`
	Trade    int64  `json:"trade_id"`
	Side     string
	Price    string
	Size     string
	BestBid  string `json:"best_bid"`
	BestAsk  string `json:"best_ask"`
	Low      string `json:"low_24h"`
	Sequence int64
}

// Every message of the session becomes events, but for those that the session is known to have none in. The
// taker's side is what the ticker says of the same trade.
func TestRecordedSession(t *testing.T) {
	d := coinbase.Format.New(feed.DefaultOptions())
	var batch market.Batch
	events, ignored := map[string]int{}, map[string]int{}
	books := map[string]snapshot.State{}
	sides, tickers := map[string]market.Side{}, map[string]string{} // by trade
	same, near := 0, 0
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
			ignored[raw.Type]++
			continue
		}
		ev := &batch.Events[0]
		if len(batch.Events) != 1 || ev.Symbol.Native != raw.Product {
			t.Fatalf("message %d becomes %s: %.300s", i+1, feedtest.Text(batch.Events), r.Value)
		}
		id := fmt.Sprint(raw.Product, raw.Trade)
		switch p := ev.Payload.(type) {
		case *market.Trade:
			events["trade"]++
			sides[id] = p.Side
			if p.Price.String() != raw.Price || p.Qty.String() != raw.Size || p.ID.String() != fmt.Sprint(raw.Trade) {
				t.Errorf("message %d becomes %s: %.300s", i+1, feedtest.Text(batch.Events), r.Value)
			}
		case *market.Ticker:
			events["ticker"]++
			if p.Values[market.Last].String() != raw.Price || p.Values[market.Low].String() != raw.Low {
				t.Errorf("message %d becomes %s: %.300s", i+1, feedtest.Text(batch.Events), r.Value)
			}
			tickers[id] = raw.Side
			if b := books[raw.Product]; b != nil && top(b) == raw.BestBid+" "+raw.BestAsk {
				near++
			}
		case *market.Book:
			events["book"]++
			b := books[raw.Product]
			if b == nil {
				b = snapshot.NewBook(snapshot.DefaultLimits, snapshot.Origin{})
				books[raw.Product] = b
			}
			if b.Apply(ev, snapshot.Cause{}); !b.Good() {
				t.Errorf("message %d: the book of %s is not good: %.300s", i+1, raw.Product, r.Value)
			}
		case *market.Quote, *market.Candle, *market.Status, *market.Gap, *market.Instrument:
			t.Errorf("message %d becomes %s", i+1, feedtest.Text(batch.Events))
		}
	}
	if got, want := fmt.Sprint(events, ignored), "map[book:6172 ticker:84 trade:78] map[last_match:6 subscriptions:3]"; got != want {
		t.Errorf("found %s, want %s", got, want)
	}
	for id, side := range sides {
		if tickers[id] == side.String() {
			same++
		}
	}
	if same != 78 || near != 81 || len(books) != 6 {
		t.Errorf("the side of %d trades of 78 is that of the ticker; the ticker's best prices are the book's %d times; there are %d books", same, near, len(books))
	}
}

func top(b snapshot.State) string {
	body, _ := b.Full(1)
	k := body.(*market.Book)
	if len(k.Bids) == 0 || len(k.Asks) == 0 {
		return ""
	}
	return k.Bids[0].Price.String() + " " + k.Asks[0].Price.String()
}

// Every sample becomes what its name says.
func TestSamples(t *testing.T) {
	want := map[string]string{
		"l2update": "book", "snapshot": "book", "match": "trade", "ticker": "ticker", "last_match": "ignored", "subscriptions": "ignored",
	}
	files, _ := filepath.Glob(filepath.Join(feedtest.Data(t, "samples/coinbase-exchange"), "*.json"))
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
		if err := coinbase.Format.New(feed.DefaultOptions()).Decode(&b, &feed.Record{Value: value}); err != nil {
			got = err.Error()
		} else {
			t.Logf("%.200s\n%.400s", value, feedtest.Text(b.Events))
			got, _, _ = strings.Cut(feedtest.Text(b.Events), " ")
		}
		if kind := filepath.Base(name); got != want[kind[:len(kind)-len(".json")]] {
			t.Errorf("%s becomes %s", kind, got)
		}
	}
}
