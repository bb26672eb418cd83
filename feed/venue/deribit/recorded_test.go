package deribit_test

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
	"tapedeck/feed/venue/deribit"
	"tapedeck/market"
	"tapedeck/snapshot"
)

const session = "sessions/cryptofeed/deribit-v2.raw.gz"

// Every message becomes events but for one answer, and each change of a book follows the message before.
func TestRecordedSession(t *testing.T) {
	d := deribit.Format.New(feed.DefaultOptions())
	books := map[string]*snapshot.Book{}
	events := map[string]int{}
	answers, follow := 0, 0
	var batch market.Batch
	for _, r := range feedtest.Records(t, session) {
		batch.Reset()
		if err := d.Decode(&batch, &r); err != nil {
			if !errors.Is(err, feed.Ignored) || !bytes.Contains(r.Value, []byte(`"result":`)) {
				t.Fatalf("%v: %.200s", err, r.Value)
			}
			answers++
			continue
		}
		for i := range batch.Events {
			ev := &batch.Events[i]
			events[strings.TrimPrefix(fmt.Sprintf("%T", ev.Payload), "*market.")]++
			k, ok := ev.Payload.(*market.Book)
			if !ok {
				continue
			}
			b := books[ev.Symbol.Native]
			if b == nil {
				b = snapshot.NewBook(snapshot.DefaultLimits, snapshot.Origin{}).(*snapshot.Book)
				books[ev.Symbol.Native] = b
			}
			if b.Apply(ev, snapshot.Cause{}); !b.Good() {
				t.Errorf("%s breaks: %.200s", ev.Symbol.Native, r.Value)
			} else if !k.Snapshot {
				follow++
			}
		}
	}
	if got, want := fmt.Sprint(events), "map[Book:40 Status:75 Ticker:75]"; got != want {
		t.Errorf("found %s, want %s", got, want)
	}
	if answers != 1 || follow != 32 || len(books) != 8 {
		t.Errorf("%d answers, %d changes that follow, %d books; want 1, 32 and 8", answers, follow, len(books))
	}
}

// Each sample, checked by eye.
func TestSamples(t *testing.T) {
	want := map[string]string{
		"book":          "book DERIBIT BTC-24SEP21-8000-P time=1626993724318000 chain=deribit first=0 last=33195894355 prev=33195894164 bids asks 0.001:2.6",
		"book_snapshot": "book DERIBIT ETH-27AUG21-4000-P time=1626993723632000 snapshot chain=deribit first=0 last=13167318455 prev=0 bids asks",
		"ticker": "ticker DERIBIT ETH-27AUG21-4000-P time=1626993723632000 last=1.0165 mark=1.005718 index=2006.72 openInterest=8.0\n" +
			"status DERIBIT ETH-27AUG21-4000-P time=1626993723632000 state=live",
		"obj_jsonrpc_id_result": "ignored",
	}
	paths, err := filepath.Glob(filepath.Join(feedtest.Data(t, "samples"), "deribit-v2", "*.json"))
	if err != nil || len(paths) != len(want) {
		t.Fatalf("%d samples, want %d, %v", len(paths), len(want), err)
	}
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var b market.Batch
		var got string
		if err := deribit.Format.New(feed.DefaultOptions()).Decode(&b, &feed.Record{Value: raw}); err != nil {
			got = err.Error()
		} else {
			got = strings.TrimSpace(feedtest.Text(b.Events))
		}
		if name := strings.TrimSuffix(filepath.Base(path), ".json"); got != want[name] {
			t.Errorf("%s becomes\n%s\nwant\n%s", name, got, want[name])
		}
	}
}

// The session with messages dropped, doubled and swapped.
func TestFaults(t *testing.T) {
	feedtest.Faults(t, &feedtest.Recording{
		Format: deribit.Format, Options: feed.DefaultOptions(), Records: feedtest.Records(t, session), Snapshot: whole,
	}, 300)
}

// whole writes a book as the venue does when it is subscribed to.
func whole(sym *market.Symbol, k *market.Book) []feed.Record {
	return []feed.Record{{Value: fmt.Appendf(nil, `{"jsonrpc":"2.0","method":"subscription","params":{"channel":"book.%s.raw","data":`+
		`{"type":"snapshot","timestamp":1700000000000,"instrument_name":%q,"change_id":%d,"bids":[%s],"asks":[%s]}}}`,
		sym.Native, sym.Native, k.Last, news(k.Bids), news(k.Asks))}}
}

func news(levels []market.Level) string {
	var all []string
	for _, l := range levels {
		all = append(all, fmt.Sprintf(`["new",%s,%s]`, l.Price, l.Qty))
	}
	return strings.Join(all, ",")
}
