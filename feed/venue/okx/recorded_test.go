package okx_test

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
	"tapedeck/feed/venue/okx"
	"tapedeck/market"
	"tapedeck/snapshot"
)

// recording is a recorded session, and what is known of it.
type recording struct {
	file   string
	checks int // messages whose checksum is that of the book
	events string
}

// The 3,585 checksums of OKX, in the first three, are what another replay of the same files found.
var recordings = []recording{
	{"okx-v5", 197, "map[answer:12 book:197 past:2 quote:27 ticker:27 trade:71]"},
	{"okx-v5-20210722", 1504, "map[answer:30 book:1504 past:9 quote:46 ticker:46 trade:27]"},
	{"okx-v5-20220227", 1884, "map[answer:42 book:1884 past:3 quote:8 ticker:8 trade:2]"},
	{"okcoin-v5", 6, "map[answer:40 book:6 candle:12 past:4 quote:8 ticker:8]"},
}

// Every message becomes events but for the answers to subscriptions and the trade from before that comes
// with each, and every checksum is that of the
// book as it is kept.
func TestRecordedSessions(t *testing.T) {
	all := 0
	for _, rec := range recordings {
		t.Run(rec.file, func(t *testing.T) {
			d := okx.Format.New(feed.DefaultOptions())
			var b market.Batch
			found := map[string]int{}
			books := map[*market.Symbol]*snapshot.Book{}
			checks := 0
			for _, r := range feedtest.Records(t, "sessions/cryptofeed/"+rec.file+".raw.gz") {
				b.Reset()
				if err := d.Decode(&b, &r); err != nil {
					answer := bytes.HasPrefix(r.Value, []byte(`{"event":"subscribe"`))
					past := strings.Contains(err.Error(), "from before the subscription")
					if !errors.Is(err, feed.Ignored) || answer == past {
						t.Errorf("%s: %v", r.Value, err)
					}
					found[map[bool]string{true: "answer", false: "past"}[answer]]++
				}
				for i := range b.Events {
					ev := &b.Events[i]
					kind, _, _ := strings.Cut(feedtest.Text(b.Events[i:i+1]), " ")
					found[kind]++
					k, ok := ev.Payload.(*market.Book)
					if !ok {
						continue
					}
					book := books[ev.Symbol]
					if book == nil {
						book = snapshot.NewBook(snapshot.DefaultLimits, snapshot.Origin{}).(*snapshot.Book)
						books[ev.Symbol] = book
					}
					if book.Apply(ev, snapshot.Cause{}); k.Check != nil && book.Good() {
						checks++
					}
				}
			}
			if checks != rec.checks || fmt.Sprint(found) != rec.events {
				t.Errorf("%d checksums are right and there are %v, want %d and %s", checks, found, rec.checks, rec.events)
			}
			if strings.HasPrefix(rec.file, "okx") {
				all += checks
			}
		})
	}
	if all != 3585 {
		t.Errorf("%d checksums of OKX are right, want 3585", all)
	}
}

// What each sample becomes; all others are of channels that we do not tell, and are refused as such.
var samples = map[string]string{
	"Klines":      "candle OKX ETH-USDT start=1597026383085000 width=86400000000 o=8533.02 h=8553.74 l=8527.17 c=8548.26 v=45247 n=0 quoteVolume=5529.5858061 vwap= final=false",
	"FundingRate": "ticker OKX BTC-USD-SWAP time=1700724675402000 funding=0.0001875391284828 fundingTime=1700726400000000",
	"IndexTicker": "ticker OKX BTC-USDT time=1597026383085000 index=0.1",
	"Interest":    "ticker OKX LTC-USD-SWAP time=1597026383085000 openInterest=5000",
	"MarkPrice":   "ticker OKX LTC-USD-190628 time=1597026383085000 mark=0.1",
	"OrderBook":   "book OKX ETH-USDT time=1597026383085000 snapshot chain=okx first=0 last=123456 prev=0 check=okx-crc32 sum=3439771253 bids 8476.97:256 8475.55:101 8475.54:100 8475.3:1 8447.32:6 8447.02:246 8446.83:24 8446:95 asks 8476.98:415 8477:7 8477.34:85 8477.56:1 8505.84:8 8506.37:85 8506.49:2 8506.96:100",
	"Symbol":      "instrument OKX BTC-USDT tick=0.1 lot=0.00000001 contract=  inverse=false\nstatus OKX BTC-USDT state=live",
	"Ticker":      "quote OKX BTC-USDT time=1597026383085000 bid=8888.88 x 5 ask=9999.99 x 11\nticker OKX BTC-USDT time=1597026383085000 last=9999.99 open=9000 high=10000 low=8888.88 volume=2222 quoteVolume=2222",
	"Trades":      "trade OKX BTC-USDT time=1630048897897000 id=130639474 px=42219.9 qty=0.12060306 side=buy",
	"candle1m":    "candle OKX USDC-USDT start=1685221620000000 width=60000000 o=0.9981 h=0.9981 l=0.9981 c=0.9981 v=0 n=0 quoteVolume=0 vwap= final=false",
}

// Every sample is decoded, or refused by name.
func TestSamples(t *testing.T) {
	for _, dir := range []string{"okx-v5", "okx-v5-20210722", "okx-v5-20220227", "okx-v5-fixtures", "okcoin-v5"} {
		files, _ := filepath.Glob(filepath.Join(feedtest.Data(t, "samples/"+dir), "*.json"))
		for _, file := range files {
			value, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			name := strings.TrimPrefix(strings.TrimSuffix(filepath.Base(file), ".json"), "Unified_ExchangeData_")
			var b market.Batch
			err = okx.Format.New(feed.DefaultOptions()).Decode(&b, &feed.Record{Value: value})
			got := strings.TrimSuffix(feedtest.Text(b.Events), "\n")
			want, told := samples[name]
			switch {
			case strings.HasSuffix(name, "_subscribe"):
				if !errors.Is(err, feed.Ignored) {
					t.Errorf("%s: %v", file, err)
				}
			case err == nil && !told && dir != "okx-v5-fixtures": // a message of a session, see there
			case told && got != want || !told && !errors.Is(err, feed.UnknownKind):
				t.Errorf("%s becomes %v\n%s, want\n%s", file, err, got, want)
			}
		}
	}
}

// Recorded sessions with messages dropped, doubled and swapped: with the checksums that they have, over the
// best 25 levels; and with ids, as books have today.
func TestFaults(t *testing.T) {
	for _, session := range []string{"okx-v5", "okx-v5-20210722", "okx-v5-20220227"} {
		records := feedtest.Records(t, "sessions/cryptofeed/"+session+".raw.gz")
		t.Run(session+" with checksums", func(t *testing.T) {
			t.Parallel()
			feedtest.Faults(t, &feedtest.Recording{
				Format: okx.Format, Options: feed.DefaultOptions(), Records: records, Sight: feedtest.AtChecks, Levels: 25,
				Snapshot: func(sym *market.Symbol, k *market.Book) []feed.Record { return whole(sym, k, "") },
			}, 3)
		})
		t.Run(session+" with ids", func(t *testing.T) {
			t.Parallel()
			feedtest.Faults(t, &feedtest.Recording{
				Format: okx.Format, Options: feed.DefaultOptions(), Records: numbered(records),
				Snapshot: func(sym *market.Symbol, k *market.Book) []feed.Record {
					return whole(sym, k, fmt.Sprintf(`,"prevSeqId":-1,"seqId":%d`, k.Last))
				},
			}, 3)
		})
	}
}

// whole writes a book as the venue's snapshot.
func whole(sym *market.Symbol, k *market.Book, ids string) []feed.Record {
	value := fmt.Sprintf(`{"arg":{"channel":"books","instId":%q},"action":"snapshot","data":[{"bids":[%s],"asks":[%s],"ts":"1500000000000"%s}]}`,
		sym.Native, rows(k.Bids), rows(k.Asks), ids)
	return []feed.Record{{Value: []byte(value)}}
}

func rows(levels []market.Level) string {
	var all []string
	for _, l := range levels {
		all = append(all, fmt.Sprintf(`["%s","%s","0","1"]`, l.Price, l.Qty))
	}
	return strings.Join(all, ",")
}

// numbered returns the records with ids that leap in the place of checksums.
func numbered(records []feed.Record) []feed.Record {
	ids := map[string]int{}
	out := make([]feed.Record, len(records))
	for i, r := range records {
		out[i] = r
		head, _, found := bytes.Cut(r.Value, []byte(`,"checksum":`))
		if !found {
			continue
		}
		_, rest, _ := bytes.Cut(r.Value, []byte(`"instId":"`))
		native, _, _ := bytes.Cut(rest, []byte(`"`))
		prev := ids[string(native)]
		id := prev + 1 + i%7
		ids[string(native)] = id
		if bytes.Contains(r.Value, []byte(`"snapshot"`)) {
			prev = -1
		}
		out[i].Value = fmt.Appendf(nil, `%s,"checksum":0,"prevSeqId":%d,"seqId":%d}]}`, head, prev, id)
	}
	return out
}
