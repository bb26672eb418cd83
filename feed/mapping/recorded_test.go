package mapping_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"regexp"
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

// rule is what tells the events of two decoders apart that mean the same: what a rule is called, and a number that it
// does not need.
var rule = regexp.MustCompile(` chain=\S+ first=\d+`)

func (f *follower) read(r *feed.Record) (text string, good map[string]bool) {
	f.batch.Reset()
	if err := f.Decode(&f.batch, r); err != nil {
		return err.Error(), nil
	}
	good = map[string]bool{}
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
		good[ev.Symbol.Native] = b.Good()
	}
	return rule.ReplaceAllString(feedtest.Text(f.batch.Events), ""), good
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
				got, good := ours.read(r)
				want, same := theirs.read(r)
				if got != want {
					t.Fatalf("line %d: %s becomes\n%swant\n%s", m.Line, m.Data, got, want)
				}
				for native := range same {
					if good[native] != same[native] {
						t.Fatalf("line %d: %s: the book is good: %v, want %v", m.Line, m.Data, good[native], same[native])
					}
					if same[native] {
						wholes++
					}
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
			d := all[test.mapping].New(feed.DefaultOptions())
			var b market.Batch
			events := 0
			for n, line := range linesOf(t, "csv/"+test.file+".csv.gz") {
				b.Reset()
				err := d.Decode(&b, &feed.Record{Value: line})
				if err != nil && !(n == 0 && errors.Is(err, feed.Ignored)) {
					t.Fatalf("line %d: %s: %v", n+1, line, err)
				}
				if text := feedtest.Text(b.Events); events == 0 && len(b.Events) > 0 && text != test.first {
					t.Errorf("the first line becomes\n%swant\n%s", text, test.first)
				}
				events += len(b.Events)
			}
			if events != test.events {
				t.Errorf("%d events, want %d", events, test.events)
			}
		})
	}
}

func linesOf(t *testing.T, rel string) (lines [][]byte) {
	t.Helper()
	f, err := os.Open(feedtest.Data(t, rel))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for s := bufio.NewScanner(z); s.Scan(); {
		lines = append(lines, bytes.Clone(s.Bytes()))
	}
	return lines
}
