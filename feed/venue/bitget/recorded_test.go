package bitget_test

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
	"tapedeck/feed/venue/bitget"
	"tapedeck/market"
	"tapedeck/snapshot"
)

// recorded returns what of the recorded session, which is of v1, is of a market.
func recorded(t *testing.T, instType string) (all []feed.Record) {
	for _, r := range feedtest.Records(t, "sessions/cryptofeed/bitget-v1.raw.gz") {
		if bytes.Contains(r.Value, fmt.Appendf(nil, `"instType":"%s"`, instType)) {
			all = append(all, r)
		}
	}
	return all
}

// Every message becomes events but for the answers to subscriptions and the trades that were made before; and every
// checksum is that of the book as it is kept.
func TestRecordedSession(t *testing.T) {
	for _, test := range []struct {
		format   *feed.Format
		instType string
		records  int
		events   string
		checks   int
	}{
		{bitget.Spot, "sp", 684, "map[book:443 candle:8035 ignored:40 ticker:128 trade:30]", 443},
		{bitget.USDT, "mc", 473, "map[book:194 candle:2025 ignored:10 ticker:217 trade:25]", 194},
	} {
		d := test.format.New(feed.DefaultOptions())
		events, checks := map[string]int{}, 0
		books := map[*market.Symbol]*snapshot.Book{}
		records := recorded(t, test.instType)
		var b market.Batch
		for _, r := range records {
			b.Reset()
			if err := d.Decode(&b, &r); err != nil {
				if !errors.Is(err, feed.Ignored) || !bytes.HasPrefix(r.Value, []byte(`{"event":"subscribe"`)) && !bytes.HasPrefix(r.Value, []byte(`{"action":"snapshot","arg":{"instType":"`+test.instType+`","channel":"trade"`)) {
					t.Errorf("%.200s: %v", r.Value, err)
				}
				events["ignored"]++
			}
			for i := range b.Events {
				ev := &b.Events[i]
				kind, _, _ := strings.Cut(feedtest.Text(b.Events[i:i+1]), " ")
				events[kind]++
				k, ok := ev.Payload.(*market.Book)
				if !ok {
					continue
				}
				if books[ev.Symbol] == nil {
					books[ev.Symbol] = snapshot.NewBook(snapshot.DefaultLimits, snapshot.Origin{}).(*snapshot.Book)
				}
				if books[ev.Symbol].Apply(ev, snapshot.Cause{}); k.Check != nil && books[ev.Symbol].Good() {
					checks++
				}
			}
		}
		if got := fmt.Sprint(events); len(records) != test.records || got != test.events || checks != test.checks {
			t.Errorf("%s: of %d messages %s, %d checksums are right, want %+v", test.format.Name, len(records), got, checks, test)
		}
	}
}

// What each sample becomes; " …" stands for more.
var samples = map[string]string{
	"books_snapshot":    "book BITGET-USDT DASH-USDT (DASHUSDT) time=1649290077548000 snapshot check=bitget-crc32 sum=4155863062 bids 113.37:237.61 113.36:465.31 113.35:243.30 …",
	"books_update":      "book BITGET-USDT DASH-USDT (DASHUSDT) time=1649290077676000 check=bitget-crc32 sum=3807710227 bids 113.40:4.96 113.39:37.63 113.38:65.07 …",
	"candle1m_snapshot": "candle BITGET STG-USDT (STGUSDT) start=1649230080000000 width=60000000 o=3.454 h=3.483 l=3.425 c=3.483 v=33.3 n=0 quoteVolume= vwap= final=false\ncandle BITGET STG-USDT (STGUSDT) start=1649230140000000 width=60000000 o=3.483 h=3.487 l=3.43 c=3.436 v=30.318 n=0 quoteVolume= vwap= final=false\ncandle …",
	"candle1m_update":   "candle BITGET-USDT DASH-USDT (DASHUSDT) start=1649290020000000 width=60000000 o=113.47 h=113.47 l=113.33 c=113.37 v=16.68 n=0 quoteVolume= vwap= final=false",
	"ticker_snapshot":   "ticker BITGET-USDT DASH-USDT (DASHUSDT) time=1649290077309000 last=113.370 high=118.870 low=113.140 volume=25301.40 quoteVolume=3062327.31 mark=113.381 index=113.427 funding=-0.000100 fundingTime=1649314800000000 openInterest=21957.17",
	"trade_snapshot":    "ignored",
	"trade_update":      "trade BITGET HOT-USDT (HOTUSDT) time=1649290077777000 id= px=0.005613 qty=890.8 side=buy",
}

// Every sample is decoded.
func TestSamples(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(feedtest.Data(t, "samples/bitget-v1"), "*.json"))
	for _, file := range files {
		value, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		format := bitget.Spot
		if bytes.Contains(value, []byte(`"instType":"mc"`)) {
			format = bitget.USDT
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
		if beginning, cut := strings.CutSuffix(want, " …"); got != want && !(cut && strings.HasPrefix(got, beginning)) {
			t.Errorf("%s becomes\n%s, want\n%s", name, got, want)
		}
	}
	if len(files) != 11 {
		t.Errorf("%d samples are there, want 11", len(files))
	}
}

// The recorded session with messages dropped, doubled and swapped: with the checksums that it has, over the best 25
// levels; and with ids, as books have today, that say the one before.
func TestFaults(t *testing.T) {
	for format, instType := range map[*feed.Format]string{bitget.Spot: "sp", bitget.USDT: "mc"} {
		records := recorded(t, instType)
		t.Run(format.Name+" with checksums", func(t *testing.T) {
			feedtest.Faults(t, &feedtest.Recording{
				Format: format, Options: feed.DefaultOptions(), Records: records, Sight: feedtest.AtChecks, Levels: 25,
				Snapshot: func(sym *market.Symbol, k *market.Book) []feed.Record { return whole(instType, sym, k, "") },
			}, 8)
		})
		t.Run(format.Name+" with ids", func(t *testing.T) {
			feedtest.Faults(t, &feedtest.Recording{
				Format: format, Options: feed.DefaultOptions(), Records: numbered(records),
				Snapshot: func(sym *market.Symbol, k *market.Book) []feed.Record {
					return whole(instType, sym, k, fmt.Sprintf(`"seq":%d,"pseq":0,`, k.Last))
				},
			}, 8)
		})
	}
}

// whole writes a book as the venue's snapshot.
func whole(instType string, sym *market.Symbol, k *market.Book, ids string) []feed.Record {
	value := fmt.Sprintf(`{"action":"snapshot","arg":{"instType":%q,"channel":"books","instId":%q},"data":[{"asks":[%s],"bids":[%s],%s"ts":"1500000000000"}]}`,
		instType, sym.Native, rows(k.Asks), rows(k.Bids), ids)
	return []feed.Record{{Value: []byte(value)}}
}

func rows(levels []market.Level) string {
	var all []string
	for _, l := range levels {
		all = append(all, fmt.Sprintf(`["%s","%s"]`, l.Price, l.Qty))
	}
	return strings.Join(all, ",")
}

// numbered returns the records with ids that leap in the place of checksums, and times that rise.
func numbered(records []feed.Record) []feed.Record {
	ids := map[string]int{}
	out := make([]feed.Record, len(records))
	for i, r := range records {
		out[i] = r
		head, _, found := bytes.Cut(r.Value, []byte(`"checksum":`))
		if !found {
			continue
		}
		_, rest, _ := bytes.Cut(r.Value, []byte(`"instId":"`))
		native, _, _ := bytes.Cut(rest, []byte(`"`))
		prev := ids[string(native)]
		id := prev + 1 + i%7
		ids[string(native)] = id
		if bytes.Contains(r.Value, []byte(`"snapshot"`)) {
			prev = 0
		}
		out[i].Value = fmt.Appendf(nil, `%s"checksum":0,"seq":%d,"pseq":%d,"ts":"%d"}]}`, head, id, prev, 1600000000000+i)
	}
	return out
}
