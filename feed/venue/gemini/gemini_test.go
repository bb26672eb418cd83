package gemini_test

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
	"tapedeck/feed/venue/gemini"
	"tapedeck/market"
	"tapedeck/snapshot"
)

const session = "sessions/cryptofeed/gemini-v2.raw.gz"

func FuzzGemini(f *testing.F) { feedtest.Fuzz(f, gemini.Format, "testdata/gemini") }

// told is what encoding/json reads of a message.
type told struct {
	Type, Symbol, Price, Quantity, Side string
	Changes                             [][3]string
	EventID                             int64 `json:"event_id"`
	Timestamp                           int64
}

// Every message of the session becomes what encoding/json finds in it, but for heartbeats. Each trade has
// the side of the taker: it was made at the best price of the other side, or behind it.
func TestRecordedSession(t *testing.T) {
	d := gemini.Format.New(feed.DefaultOptions())
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
			ignored[raw.Type]++
			continue
		}
		ev := &batch.Events[0]
		good := len(batch.Events) == 1 && ev.Symbol.Native == raw.Symbol
		switch p := ev.Payload.(type) {
		case *market.Trade:
			events["trade"]++
			good = good && p.Price.String() == raw.Price && p.Qty.String() == raw.Quantity && p.Side.String() == raw.Side &&
				p.ID.String() == fmt.Sprint(raw.EventID) && p.Time == raw.Timestamp*1000
			bid, ask := touch(books[raw.Symbol])
			if p.Side == market.Buy && p.Price.Cmp(ask) < 0 || p.Side == market.Sell && p.Price.Cmp(bid) > 0 {
				t.Errorf("message %d: the book was %s %s: %.300s", i+1, bid, ask, r.Value)
			}
		case *market.Book:
			if p.Snapshot {
				events["snapshot"]++
			} else {
				events["change"]++
			}
			var want [2]string
			for _, c := range raw.Changes {
				side := 0
				if c[0] == "sell" {
					side = 1
				}
				want[side] += c[1] + ":" + c[2] + " "
			}
			good = good && levels(p.Bids) == want[0] && levels(p.Asks) == want[1]
			b := books[raw.Symbol]
			if b == nil {
				b = snapshot.NewBook(snapshot.DefaultLimits, snapshot.Origin{})
				books[raw.Symbol] = b
			}
			if b.Apply(ev, snapshot.Cause{}); !b.Good() {
				t.Errorf("message %d: the book is not good: %.300s", i+1, r.Value)
			}
		default:
			good = false
		}
		if !good {
			t.Errorf("message %d becomes %s: %.300s", i+1, feedtest.Text(batch.Events), r.Value)
		}
	}
	if got, want := fmt.Sprint(events, ignored), "map[change:645 snapshot:10 trade:16] map[heartbeat:7]"; got != want {
		t.Errorf("found %s, want %s", got, want)
	}
}

func levels(all []market.Level) string {
	var b strings.Builder
	for _, l := range all {
		fmt.Fprintf(&b, "%s:%s ", l.Price, l.Qty)
	}
	return b.String()
}

func touch(s snapshot.State) (bid, ask market.Decimal) {
	body, _ := s.Full(1)
	k := body.(*market.Book)
	return k.Bids[0].Price, k.Asks[0].Price
}

// Every sample becomes what its name says.
func TestSamples(t *testing.T) {
	want := map[string]string{
		"heartbeat":  "ignored",
		"trade":      "trade GEMINI ANKR-USD (ANKRUSD) time=1624493670759000 id=45465818387 px=0.07946 qty=1020.482111 side=buy\n",
		"l2_updates": "book GEMINI ALCX-USD (ALCXUSD) bids 301.66:11.538318 302.16:3.296522 301.96:0 302.33:0 asks 303.55:0 303.83:11.537827 304.12:0 303.39:3.296031\n",
	}
	files, _ := filepath.Glob(filepath.Join(feedtest.Data(t, "samples/gemini-v2"), "*.json"))
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
		if err := gemini.Format.New(feed.DefaultOptions()).Decode(&b, &feed.Record{Value: value}); err != nil {
			got = err.Error()
		} else {
			got = feedtest.Text(b.Events)
		}
		if kind := strings.TrimSuffix(filepath.Base(name), ".json"); got != want[kind] {
			t.Errorf("%s becomes %q", kind, got)
		}
	}
}

// Nothing shows that a message is missing, but the next first message mends it.
func TestFaults(t *testing.T) {
	feedtest.Faults(t, &feedtest.Recording{
		Format: gemini.Format, Options: feed.DefaultOptions(), Sight: feedtest.Blind, Records: feedtest.Records(t, session),
		Snapshot: func(sym *market.Symbol, k *market.Book) []feed.Record {
			value := fmt.Sprintf(`{"type":"l2_updates","symbol":%q,"changes":[%s],"trades":[],"auction_events":[]}`,
				sym.Native, strings.Join(append(triples("buy", k.Bids), triples("sell", k.Asks)...), ","))
			return []feed.Record{{Value: []byte(value)}}
		},
	}, 8)
}

func triples(side string, levels []market.Level) (all []string) {
	for _, l := range levels {
		all = append(all, fmt.Sprintf(`["%s","%s","%s"]`, side, l.Price, l.Qty))
	}
	return all
}

func TestSymbols(t *testing.T) {
	for native, want := range map[string]market.Symbol{
		"BTCUSD":      {Name: "BTC-USD", Base: "BTC", Quote: "USD"},
		"PAXGUSD":     {Name: "PAXG-USD", Base: "PAXG", Quote: "USD"},
		"BTCGUSD":     {Name: "BTC-GUSD", Base: "BTC", Quote: "GUSD"},
		"BTCGUSDPERP": {Name: "BTCGUSDPERP", Base: "BTC", Quote: "GUSD", Kind: market.Perpetual},
		"ZECLTC":      {Name: "ZEC-LTC", Base: "ZEC", Quote: "LTC"},
		"USDCUSD":     {Name: "USDC-USD", Base: "USDC", Quote: "USD"},
		"ABCXYZ":      {Name: "ABCXYZ"},
	} {
		want.Venue, want.Native = "GEMINI", native
		var b market.Batch
		if err := gemini.Format.New(feed.DefaultOptions()).Decode(&b, &feed.Record{Value: []byte(`{"type":"l2_updates","symbol":"` + native + `","changes":[]}`)}); err != nil {
			t.Errorf("%s: %v", native, err)
		} else if got := *b.Events[0].Symbol; got != want {
			t.Errorf("%s becomes %+v", native, got)
		}
	}
}
