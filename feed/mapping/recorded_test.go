package mapping_test

import (
	"bufio"
	"compress/gzip"
	"errors"
	"io"
	"iter"
	"maps"
	"os"
	"slices"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/feedtest"
	"tapedeck/feed/venue/binance"
	"tapedeck/market"
	"tapedeck/snapshot"
)

// mappingsOf compiles the mappings of a file in testdata.
func mappingsOf(t testing.TB, file string) map[string]*feed.Format {
	t.Helper()
	text, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]*feed.Format{}
	for _, f := range must(t, string(text)) {
		all[f.Name] = f
	}
	return all
}

// follower is a decoder, and the books of what it told.
type follower struct {
	feed.Decoder
	batch market.Batch
	books map[string]*snapshot.Book
}

func follow(f *feed.Format) *follower {
	return &follower{Decoder: f.New(feed.DefaultOptions()), books: map[string]*snapshot.Book{}}
}

// read decodes a record. good says of each book that it is of whether it is good.
func (f *follower) read(r *feed.Record) (good map[string]bool, err error) {
	f.batch.Reset()
	if err = f.Decode(&f.batch, r); err != nil {
		return nil, err
	}
	for i := range f.batch.Events {
		ev := &f.batch.Events[i]
		if _, ok := ev.Payload.(*market.Book); !ok {
			continue
		}
		b := f.books[ev.Symbol.Native]
		if b == nil {
			b = snapshot.NewBook(snapshot.DefaultLimits, snapshot.Origin{}).(*snapshot.Book)
			f.books[ev.Symbol.Native] = b
		}
		b.Apply(ev, snapshot.Cause{})
		if good == nil {
			good = map[string]bool{}
		}
		good[ev.Symbol.Native] = b.Good()
	}
	return good, nil
}

// same reports whether two events say the same. What a rule of books is called may differ, and so may a first number
// that it does not need.
func same(a, b market.Event) bool {
	if *a.Symbol != *b.Symbol || a.Time != b.Time {
		return false
	}
	switch p := a.Payload.(type) {
	case *market.Trade:
		q, ok := b.Payload.(*market.Trade)
		return ok && *p == *q
	case *market.Quote:
		q, ok := b.Payload.(*market.Quote)
		return ok && *p == *q
	case *market.Book:
		q, ok := b.Payload.(*market.Book)
		return ok && p.Snapshot == q.Snapshot && p.Last == q.Last && p.Prev == q.Prev && (p.Prev != 0 || p.First == q.First) &&
			slices.Equal(p.Bids, q.Bids) && slices.Equal(p.Asks, q.Asks)
	default:
		return false
	}
}

// A mapping written for a venue's messages gives what the venue's own decoder gives: the same events of each message,
// and books that are good at the same places.
func TestMappingEqualsTheVenuesDecoder(t *testing.T) {
	all := mappingsOf(t, "binance.yaml")
	for _, test := range []struct {
		session string
		mapping string
		own     *feed.Format
		symbol  string
		least   int
	}{
		{"hftbacktest/spot_btcusdt_20240808", "binance-by-hand", binance.Spot, "BTCUSDT", 41_249},
		{"hftbacktest/usdm_btcusdt_20240718", "usdm-by-hand", binance.USDM, "BTCUSDT", 11_414},
	} {
		t.Run(test.session, func(t *testing.T) {
			t.Parallel()
			session := feedtest.Session(t, "sessions/"+test.session+".raw.gz")
			ours, theirs := follow(all[test.mapping]), follow(test.own)
			n, wholes := 0, 0
			for ; ; n++ {
				m, err := session.Next()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				r := &feed.Record{Key: []byte(test.symbol), Value: m.Data}
				good, got := ours.read(r)
				proper, want := theirs.read(r)
				if !errors.Is(got, want) || !slices.EqualFunc(ours.batch.Events, theirs.batch.Events, same) {
					t.Fatalf("line %d: %s becomes %v\n%swant %v\n%s", m.Line, m.Data, got, feedtest.Text(ours.batch.Events), want, feedtest.Text(theirs.batch.Events))
				}
				if !maps.Equal(good, proper) {
					t.Fatalf("line %d: %s: the books that are good: %v, want %v", m.Line, m.Data, good, proper)
				}
				if proper[test.symbol] {
					wholes++
				}
			}
			if n < test.least || wholes == 0 {
				t.Errorf("%d messages only, and books that were good after %d of them", n, wholes)
			}
		})
	}
}

// Every line of the recorded tables is a record that decodes.
func TestRecordedTables(t *testing.T) {
	all := mappingsOf(t, "tables.yaml")
	for _, test := range []struct {
		mapping, file string
		events        int // every line but a header
		first         string
	}{
		{"trades-binance", "trades_binance", 73_952, "trade BINANCE-COINM BTCUSD_PERP time=1723161257679000 id=849714402 px=61804.8 qty=4 side=buy\n"},
		{"quotes-binance", "quotes_binance", 295_221, "quote BINANCE-COINM BTCUSD_PERP time=1723161257465000 bid=61804.7 x 35 ask=61804.8 x 1645\n"},
		{"binance-trades", "binance_trades_BTCUSDT_20201116", 1_000, "trade BINANCE BTC-USDT (BTCUSDT) time=1605499846000000 id= px=15993.5 qty=0.026472 side=unknown\n"},
		{"bitstamp-trades", "bitstamp_trades_BTCUSD_bitcoincharts", 9_999, "trade BITSTAMP BTC-USD time=1315922016000000 id= px=5.800000000000 qty=1.000000000000 side=unknown\n"},
		{"bitstamp-candles", "bitstamp_candles1m_BTCUSD_20200101", 1_440, "candle BITSTAMP BTC-USD start=1577836800000000 width=60000000 o=7160.69 h=7160.69 l=7159.64 c=7159.64 v=5.50169101 n=0 quoteVolume= vwap= final=true\n"},
		{"mtgox-trades", "mtgox_trades_BTCUSD_20130101", 2_331, "trade MTGOX BTC-USD time=1356998659486096 id=1356998659486096 px=13.51001 qty=36.87430786 side=sell\n"},
	} {
		t.Run(test.mapping, func(t *testing.T) {
			t.Parallel()
			d := all[test.mapping].New(feed.DefaultOptions())
			var b market.Batch
			events := 0
			for n, line := range linesOf(t, "csv/"+test.file+".csv.gz") {
				b.Reset()
				err := d.Decode(&b, &feed.Record{Value: line})
				if err != nil && !(n == 0 && errors.Is(err, feed.Ignored)) {
					t.Fatalf("line %d: %s: %v", n+1, line, err)
				}
				if events == 0 && len(b.Events) > 0 {
					if text := feedtest.Text(b.Events); text != test.first {
						t.Errorf("the first line becomes\n%swant\n%s", text, test.first)
					}
				}
				events += len(b.Events)
			}
			if events != test.events {
				t.Errorf("%d events, want %d", events, test.events)
			}
		})
	}
}

// linesOf reads a packed table line by line.
func linesOf(t *testing.T, rel string) iter.Seq2[int, []byte] {
	t.Helper()
	f, err := os.Open(feedtest.Data(t, rel))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	return func(yield func(int, []byte) bool) {
		lines := bufio.NewScanner(z)
		for n := 0; lines.Scan() && yield(n, lines.Bytes()); n++ {
		}
	}
}
