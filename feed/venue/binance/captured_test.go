package binance_test

import (
	"bytes"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/capture"
	"tapedeck/feed/feedtest"
	"tapedeck/feed/venue/binance"
	"tapedeck/market"
	"tapedeck/snapshot"
)

// recording is a recorded session, and what is known of it.
type recording struct {
	files  []string // that follow each other
	format *feed.Format
	trades string // the stream that trades are taken from
	symbol string // of its REST order books, where they do not say it
	equal  int    // how often a quote and a book of the same id have the same top
	differ int
	whole  int // books that are good at the end
	events string
}

// The 5,045 tops on the long sessions, and 317 of 322 on the older COIN-M one, are what another replay of the
// same files found. One session has no order book to begin with.
var recordings = []recording{
	{[]string{"hftbacktest/spot_btcusdt_20240808", "hftbacktest/spot_btcusdt_20240809"}, binance.Spot, "trade", "BTCUSDT", 1072, 0, 1, "map[book:6496 quote:73174 trade:19904]"},
	{[]string{"hftbacktest/spot_btcusdt_20230405"}, binance.Spot, "trade", "", 0, 0, 0, "map[book:3929 quote:8015 trade:3144]"},
	{[]string{"hftbacktest/usdm_btcusdt_20240718", "hftbacktest/usdm_btcusdt_20240719"}, binance.USDM, "trade", "BTCUSDT", 625, 0, 1, "map[book:9023 quote:52260 trade:10701]"},
	{[]string{"hftbacktest/usdm_ethusdt_20240718", "hftbacktest/usdm_ethusdt_20240719"}, binance.USDM, "trade", "ETHUSDT", 834, 0, 1, "map[book:8930 quote:47328 trade:13655]"},
	{[]string{"hftbacktest/usdm_btcusdt_20240808"}, binance.USDM, "trade", "BTCUSDT", 629, 0, 1, "map[book:6552 quote:66089 trade:21313]"},
	{[]string{"hftbacktest/cm_btcusd_perp_20240808", "hftbacktest/cm_btcusd_perp_20240809"}, binance.COINM, "trade", "", 1885, 0, 1, "map[book:44796 quote:48355 trade:5235]"},
	{[]string{"cryptofeed/binance-spot"}, binance.Spot, "aggTrade", "", 20, 0, 3, "map[book:165 candle:1 quote:75 trade:1]"},
	{[]string{"cryptofeed/binance-us"}, binance.Spot, "aggTrade", "", 56, 0, 4, "map[book:340 candle:5 quote:128 trade:11]"},
	{[]string{"cryptofeed/binance-tr"}, binance.Spot, "aggTrade", "", 24, 0, 3, "map[book:87 candle:8 quote:47]"},
	{[]string{"cryptofeed/binance-usdm"}, binance.USDM, "aggTrade", "", 32, 0, 3, "map[book:582 candle:35 quote:468 trade:53]"},
	{[]string{"cryptofeed/binance-coinm"}, binance.COINM, "aggTrade", "", 187, 0, 8, "map[book:1627 candle:28 quote:1820 trade:41]"},
	{[]string{"cryptofeed/binance-coinm-20210417"}, binance.COINM, "aggTrade", "", 317, 5, 10, "map[book:2439 quote:7082 trade:131]"},
}

// follower keeps each symbol's book, and compares its top with the quote of the same id.
type follower struct {
	t       *testing.T
	books   map[*market.Symbol]*followed
	quotes  map[top]market.Quote // by id
	tops    map[top]market.Quote // of books, by the id of their newest message
	equal   int
	differ  int
	events  map[string]int
	refused map[string]int
}

// followed is one symbol's book.
type followed struct {
	*snapshot.Book
	synced bool  // a snapshot has made it good
	from   int64 // the snapshot's id: what is older changes nothing
	breaks int   // after that
}

type top struct {
	symbol *market.Symbol
	id     int64
}

// Every message becomes events. Those of the short sessions, and one of a hundred of the long ones, are
// what encoding/json finds in them; books keep their chains and have the quotes on top.
func TestRecordedSessions(t *testing.T) {
	for _, rec := range recordings {
		t.Run(strings.Join(rec.files, "+"), func(t *testing.T) {
			t.Parallel()
			var files []string
			for _, f := range rec.files {
				files = append(files, "sessions/"+f+".raw.gz")
			}
			f := &follower{
				t: t, books: map[*market.Symbol]*followed{},
				quotes: map[top]market.Quote{}, tops: map[top]market.Quote{}, events: map[string]int{}, refused: map[string]int{},
			}
			f.follow(feedtest.Session(t, files...), &rec)
			f.judge(&rec)
		})
	}
}

// judge compares what was found with what is known.
func (f *follower) judge(rec *recording) {
	whole := 0
	for sym, b := range f.books {
		if b.synced && b.Good() {
			whole++
		}
		if b.breaks != 0 {
			f.t.Errorf("the chain of %s broke %d times", sym.Native, b.breaks)
		}
	}
	if f.equal != rec.equal || f.differ != rec.differ || whole != rec.whole {
		f.t.Errorf("the top of the book equals the quote %d times and differs %d times, want %d and %d; %d of %d books are good at the end, want %d",
			f.equal, f.differ, rec.equal, rec.differ, whole, len(f.books), rec.whole)
	}
	if len(f.refused) != 0 {
		f.t.Errorf("refused %v", f.refused)
	}
	if fmt.Sprint(f.events) != rec.events {
		f.t.Errorf("found %v, want %s", f.events, rec.events)
	}
}

func (f *follower) follow(session *capture.Merged, rec *recording) {
	o := feed.DefaultOptions()
	o.Trades = rec.trades
	d := rec.format.New(o)
	var b market.Batch
	for n := 0; ; n++ {
		m, err := session.Next()
		if err == io.EOF {
			return
		}
		if err != nil {
			f.t.Fatal(err)
		}
		native := rec.native(m)
		b.Reset()
		if err := d.Decode(&b, &feed.Record{Value: m.Data, Key: []byte(native)}); err != nil {
			f.refused[err.Error()]++
			continue
		}
		if n%100 == 0 || strings.HasPrefix(rec.files[0], "cryptofeed") { // encoding/json takes its time
			agrees(f.t, fmt.Sprint(rec.files, " line ", m.Line), rec.format, b.Events, m.Data, native)
		}
		for i := range b.Events {
			f.event(&b.Events[i], m.Data)
		}
	}
}

// native returns the symbol that a producer would know a message to be of.
func (rec *recording) native(m capture.Message) string {
	if u, err := url.Parse(m.URL); err == nil && m.URL != "" {
		return u.Query().Get("symbol")
	}
	return rec.symbol
}

func (f *follower) event(ev *market.Event, raw []byte) {
	switch p := ev.Payload.(type) {
	case *market.Trade:
		f.events["trade"]++
	case *market.Candle:
		f.events["candle"]++
	case *market.Quote:
		f.events["quote"]++
		at := top{ev.Symbol, updateID(f.t, raw)}
		if _, known := f.quotes[at]; known {
			return // several streams tell it
		}
		f.quotes[at] = *p
		if book, ok := f.tops[at]; ok {
			f.compare(at, *p, book)
		}
	case *market.Book:
		f.events["book"]++
		f.book(ev, p)
	case *market.Ticker, *market.Status:
		f.t.Errorf("there is %s in a session without", feedtest.Text([]market.Event{*ev}))
	}
}

func (f *follower) book(ev *market.Event, p *market.Book) {
	b := f.books[ev.Symbol]
	if b == nil {
		b = &followed{Book: snapshot.NewBook(snapshot.DefaultLimits, snapshot.Origin{}).(*snapshot.Book)}
		f.books[ev.Symbol] = b
	}
	effect := b.Apply(ev, snapshot.Cause{})
	if p.Snapshot {
		b.synced, b.from = b.synced || b.Good(), p.Last
		return
	}
	if b.synced && effect == snapshot.Broken {
		b.breaks++
	}
	if !b.synced || !b.Good() || p.Last <= b.from {
		return
	}
	at := top{ev.Symbol, p.Last}
	f.tops[at] = best(b.Book)
	if q, ok := f.quotes[at]; ok {
		f.compare(at, q, f.tops[at])
	}
}

// best is the top of a book, as derived quotes have it.
func best(b *snapshot.Book) market.Quote {
	body, _ := snapshot.NewBest(b, snapshot.DefaultLimits).Full(0)
	return *body.(*market.Quote)
}

func (f *follower) compare(at top, q, book market.Quote) {
	if q.BidPrice.Equal(book.BidPrice) && q.BidQty.Equal(book.BidQty) && q.AskPrice.Equal(book.AskPrice) && q.AskQty.Equal(book.AskQty) {
		f.equal++
		return
	}
	f.differ++
	f.t.Logf("%s at %d: the quote is %v, the book's %v", at.symbol.Native, at.id, q, book)
}

// updateID reads a quote's id, which the decoder does not tell.
func updateID(t *testing.T, raw []byte) int64 {
	_, rest, _ := bytes.Cut(raw, []byte(`"u":`))
	digits, _, _ := bytes.Cut(rest, []byte(","))
	id, err := strconv.ParseInt(string(digits), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return id
}
