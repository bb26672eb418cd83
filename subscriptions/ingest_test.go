package subscriptions_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/feedtest"
	"tapedeck/feed/venue/binance"
	"tapedeck/market"
	"tapedeck/subscriptions"
	"tapedeck/wire"
)

// The whole way in, from the bytes of a record to updated rooms: what a partition's goroutine does for each.

// message is a record's value whose ids are written anew each time it is sent.
type message struct {
	value []byte
	ids   []int // where ids stand, idDigits long: the first, if there are two, is one over the last id of the symbol
	of    int   // symbol
	step  int64 // how many ids it takes
}

const idDigits = 11

// mill makes Binance's messages of some symbols, over and over, with ids that go on.
type mill struct {
	hub      *subscriptions.Hub
	log      *subscriptions.Log
	decoder  feed.Decoder
	batch    market.Batch
	record   feed.Record
	messages []message
	last     []int64 // by symbol
	next     int
	offset   int64
	fatal    func(args ...any)
}

const millSymbols = 50

func newMill(tb testing.TB, kinds ...string) *mill {
	hub := subscriptions.NewHub(subscriptions.Config{Depths: []string{"20"}, Widths: []string{"1m", "1h"}})
	rule := derived
	m := &mill{hub: hub, decoder: binance.Spot.New(feed.DefaultOptions()), last: make([]int64, millSymbols), fatal: tb.Fatal}
	hub.AddVenue("BINANCE", rule)
	m.log = hub.Open(subscriptions.LogStart{Topic: "t", Epoch: "e"}, rule)
	r := rand.New(rand.NewPCG(1, 6))
	for i := range 4096 {
		m.messages = append(m.messages, makeMessage(r, kinds[i%len(kinds)], r.IntN(millSymbols)))
	}
	for i := range millSymbols { // every book has its snapshot, and every symbol somebody who follows its views
		m.last[i] = 20_000_000_000
		m.send(makeMessage(r, "depth", i))
		m.record.Key = []byte(nativeOf(i))
		m.send(makeMessage(r, "rest", i))
		d := hub.NewDesk(0, 1<<20, func() {}, nil)
		s := d.NewSubscriber(wire.JSON)
		for _, room := range []string{"book:BINANCE:S%dX-USDT@20", "candles:BINANCE:S%dX-USDT@1h"} {
			name, _, _ := market.ParseRoom(fmt.Sprintf(room, i))
			if _, ok := s.Join(name, subscriptions.Grant{}, nil); !ok {
				tb.Fatal(name)
			}
		}
	}
	return m
}

func nativeOf(symbol int) string { return fmt.Sprintf("S%dXUSDT", symbol) }

func makeMessage(r *rand.Rand, kind string, symbol int) message {
	const id = "00000000000"
	native, text, step := nativeOf(symbol), "", int64(1)
	price := func() string { return fmt.Sprintf("%d.%08d", 37000+r.IntN(40), r.IntN(100)*1_000_000) }
	qty := func() string { return fmt.Sprintf("%d.%08d", r.IntN(9), r.IntN(100_000_000)) }
	side := func(low, n int) string {
		levels := make([]string, n)
		for i := range levels {
			q := qty()
			if r.IntN(3) == 0 {
				q = "0.00000000"
			}
			levels[i] = fmt.Sprintf(`["%d.%02d000000","%s"]`, low+r.IntN(10), r.IntN(100), q)
		}
		return strings.Join(levels, ",")
	}
	switch kind {
	case "trade":
		text = fmt.Sprintf(`{"stream":"%s@trade","data":{"e":"trade","E":1700000000125,"s":"%s","t":%s,"p":"%s","q":"%s","T":1700000000123,"m":true,"M":true}}`, strings.ToLower(native), native, id, price(), qty())
	case "bookTicker":
		text = fmt.Sprintf(`{"stream":"%s@bookTicker","data":{"u":%s,"s":"%s","b":"%s","B":"%s","a":"%s","A":"%s"}}`, strings.ToLower(native), id, native, price(), qty(), price(), qty())
	case "depth": // 14 levels: what a captured one has on average
		step = 14
		text = fmt.Sprintf(`{"stream":"%s@depth@100ms","data":{"e":"depthUpdate","E":1700000000200,"s":"%s","U":%s,"u":%s,"b":[%s],"a":[%s]}}`, strings.ToLower(native), native, id, id, side(37000, 7), side(37011, 7))
	case "rest":
		step = 0
		text = fmt.Sprintf(`{"lastUpdateId":%s,"bids":[%s],"asks":[%s]}`, id, side(37000, 500), side(37011, 500))
	}
	m := message{value: []byte(text), of: symbol, step: step}
	for at := 0; ; at += idDigits {
		i := strings.Index(text[at:], id)
		if i < 0 {
			return m
		}
		at += i
		m.ids = append(m.ids, at)
	}
}

// send decodes and applies one message.
func (m *mill) send(msg message) {
	if len(msg.ids) == 2 {
		strconv.AppendInt(msg.value[:msg.ids[0]], m.last[msg.of]+1, 10)
	}
	m.last[msg.of] += msg.step
	strconv.AppendInt(msg.value[:msg.ids[len(msg.ids)-1]], m.last[msg.of], 10)
	m.record.Offset, m.record.Value = m.offset, msg.value
	m.batch.Reset()
	if err := m.decoder.Decode(&m.batch, &m.record); err != nil {
		m.fatal(err, string(msg.value))
	}
	m.log.Apply(m.offset, 1_700_000_000e6+m.offset, 0, 1, m.batch.Events)
	m.offset++
}

func (m *mill) one() {
	m.send(m.messages[m.next])
	m.next = (m.next + 1) % len(m.messages)
}

// mixed is what a spot market sends: mostly quotes, then trades and books.
var mixed = []string{"bookTicker", "bookTicker", "bookTicker", "trade", "bookTicker", "depth", "bookTicker", "trade", "bookTicker", "bookTicker"}

// In steady state a record costs no allocation, from its bytes to the rooms.
func TestIngestAllocatesNothing(t *testing.T) {
	m := newMill(t, mixed...)
	for range 200_000 { // every log, every fold's memory and every run has its size
		m.one()
	}
	if allocs := testing.AllocsPerRun(20_000, m.one); allocs > 0 {
		t.Errorf("%.3f allocations a record", allocs)
	}
}

// Reading for a cohort of a thousand in step costs no allocation, nor does it cost more for each than the copy.
func TestReadingAllocatesNothing(t *testing.T) {
	m := newMill(t, "depth")
	d, subs := m.crowd(t, 1000, "book:BINANCE:S1X-USDT@20")
	frame := make([]byte, 0, 1<<20)
	round := func() {
		m.sendOf(1)
		for _, s := range d.Collect(1) {
			frame = s.Take(frame[:0])
		}
	}
	for range 1000 {
		round()
	}
	if allocs := testing.AllocsPerRun(200, round); allocs > 0 {
		t.Errorf("%.3f allocations for %d readers", allocs, len(subs))
	}
}

// crowd has many follow a room.
func (m *mill) crowd(tb testing.TB, n int, room string) (*subscriptions.Desk, []*subscriptions.Subscriber) {
	d := m.hub.NewDesk(0, 1<<20, func() {}, nil)
	name, _, _ := market.ParseRoom(room)
	var subs []*subscriptions.Subscriber
	for range n {
		s := d.NewSubscriber(wire.JSON)
		if _, ok := s.Join(name, subscriptions.Grant{}, nil); !ok {
			tb.Fatal(room)
		}
		subs = append(subs, s)
	}
	return d, subs
}

// sendOf sends the next message of a symbol.
func (m *mill) sendOf(symbol int) {
	for m.messages[m.next].of != symbol {
		m.next = (m.next + 1) % len(m.messages)
	}
	m.one()
}

func BenchmarkIngest(b *testing.B) {
	for _, bench := range []struct {
		name  string
		kinds []string
	}{
		{"trade", []string{"trade"}},
		{"bookTicker", []string{"bookTicker"}},
		{"depth", []string{"depth"}},
		{"mixed", mixed},
	} {
		b.Run(bench.name, func(b *testing.B) {
			m := newMill(b, bench.kinds...)
			for range 100_000 {
				m.one()
			}
			b.ReportAllocs()
			for b.Loop() {
				m.one()
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}

// BenchmarkCaptured is a recorded session of one symbol, every stream of it: long books, and nearly every
// message is of the same rooms.
func BenchmarkCaptured(b *testing.B) {
	for _, bench := range []struct {
		session string
		format  *feed.Format
	}{
		{"spot_btcusdt_20240808", binance.Spot},
		{"usdm_btcusdt_20240808", binance.USDM},
		{"cm_btcusd_perp_20240808", binance.COINM},
	} {
		b.Run(bench.session, func(b *testing.B) {
			records := feedtest.Records(b, "sessions/hftbacktest/"+bench.session+".raw.gz")
			for i := range records { // the book that stands in the file does not say whose it is
				records[i].Key = []byte("BTCUSDT")
			}
			count := 0
			for b.Loop() {
				hub := subscriptions.NewHub(subscriptions.Config{})
				log := hub.Open(subscriptions.LogStart{Topic: "t", Epoch: "e"}, derived)
				decoder := bench.format.New(feed.DefaultOptions())
				var batch market.Batch
				for i := range records {
					batch.Reset()
					if err := decoder.Decode(&batch, &records[i]); err == nil {
						log.Apply(int64(i), records[i].Time, 0, 1, batch.Events)
						count++
					}
				}
			}
			b.ReportMetric(float64(count)/b.Elapsed().Seconds(), "records/s")
		})
	}
}

// BenchmarkCohort is what one record costs for a thousand who follow its room in step, without their sockets.
func BenchmarkCohort(b *testing.B) {
	m := newMill(b, "depth")
	d, subs := m.crowd(b, 1000, "book:BINANCE:S1X-USDT@20")
	frame := make([]byte, 0, 1<<20)
	b.ReportAllocs()
	for b.Loop() {
		m.sendOf(1)
		for _, s := range d.Collect(1) {
			frame = s.Take(frame[:0])
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(subs)), "ns/reader")
}
