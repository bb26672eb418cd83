package upbit_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/feedtest"
	"tapedeck/feed/venue/upbit"
	"tapedeck/market"
	"tapedeck/snapshot"
)

const session = "sessions/cryptofeed/upbit.raw.gz"

// Every message becomes an event; no trade is told twice, and each was made at the price that is best in the newest
// book: the bid where the taker sold, the ask where it bought.
func TestRecordedSession(t *testing.T) {
	d := upbit.Format.New(feed.DefaultOptions())
	events, ids := map[string]int{}, map[string]bool{}
	books := map[string]*snapshot.Book{}
	atBest, away := 0, 0
	var batch market.Batch
	for _, r := range feedtest.Records(t, session) {
		batch.Reset()
		if err := d.Decode(&batch, &r); err != nil {
			t.Errorf("%v: %.200s", err, r.Value)
			continue
		}
		ev := &batch.Events[0]
		native := ev.Symbol.Native
		events[strings.TrimPrefix(fmt.Sprintf("%T", ev.Payload), "*market.")]++
		switch p := ev.Payload.(type) {
		case *market.Book:
			if books[native] == nil {
				books[native] = snapshot.NewBook(snapshot.DefaultLimits, snapshot.Origin{}).(*snapshot.Book)
			}
			books[native].Apply(ev, snapshot.Cause{})
			if len(p.Bids) != 15 || len(p.Asks) != 15 || !books[native].Good() {
				t.Errorf("%d bids and %d asks, want 15 and a good book: %.200s", len(p.Bids), len(p.Asks), r.Value)
			}
		case *market.Trade:
			if id := native + p.ID.String(); ids[id] {
				t.Errorf("trade %s is there twice", id)
			} else {
				ids[id] = true
			}
			if b := books[native]; b != nil {
				body, _ := b.Full(0)
				k := body.(*market.Book)
				best := k.Bids[0].Price
				if p.Side == market.Buy {
					best = k.Asks[0].Price
				}
				if p.Price.Equal(best) {
					atBest++
				} else {
					away++
				}
			}
		}
	}
	if got, want := fmt.Sprint(events), "map[Book:145 Trade:304]"; got != want {
		t.Errorf("found %s, want %s", got, want)
	}
	if got, want := fmt.Sprint(atBest, away), "303 0"; got != want {
		t.Errorf("trades at the best price of their side and away from it: %s, want %s", got, want)
	}
}

// Each sample becomes what is in it.
func TestSamples(t *testing.T) {
	want := map[string]string{
		"trade":     "trade UPBIT LAMB-KRW (KRW-LAMB) time=1618678262000000 id=1618678262000003 px=127.0 qty=46.48838371 side=buy",
		"orderbook": "book UPBIT LAMB-KRW (KRW-LAMB) time=1618678262640000 snapshot chain=upbit-time first=0 last=1618678262640 prev=0 bids 126.0:688682.44561413 125.0:1924299.53689703",
	}
	paths, err := filepath.Glob(filepath.Join(feedtest.Data(t, "samples"), "upbit", "*.json"))
	if err != nil || len(paths) != len(want) {
		t.Fatalf("%d samples, want %d, %v", len(paths), len(want), err)
	}
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var b market.Batch
		if err := upbit.Format.New(feed.DefaultOptions()).Decode(&b, &feed.Record{Value: raw}); err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		name := strings.TrimSuffix(filepath.Base(path), ".json")
		if got := strings.TrimSpace(feedtest.Text(b.Events)); want[name] == "" || !strings.HasPrefix(got, want[name]) {
			t.Errorf("%s becomes\n%s\nwant\n%s", name, got, want[name])
		}
	}
}

// The session with messages dropped, doubled and swapped. No number tells what is missing, but each book is
// whole, and an older one changes nothing.
func TestFaults(t *testing.T) {
	feedtest.Faults(t, &feedtest.Recording{
		Format: upbit.Format, Options: feed.DefaultOptions(), Sight: feedtest.Blind, Records: feedtest.Records(t, session),
		Snapshot: func(sym *market.Symbol, k *market.Book) []feed.Record {
			var units []string
			for i := range max(len(k.Bids), len(k.Asks)) {
				units = append(units, fmt.Sprintf(`{"ap":%s,"bp":%s,"as":%s,"bs":%s}`, k.Asks[i].Price, k.Bids[i].Price, k.Asks[i].Qty, k.Bids[i].Qty))
			}
			return []feed.Record{{Value: fmt.Appendf(nil, `{"ty":"orderbook","cd":%q,"tms":%d,"obu":[%s],"st":"SNAPSHOT"}`,
				sym.Native, k.Last, strings.Join(units, ","))}}
		},
	}, 20)
}
