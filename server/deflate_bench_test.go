package server

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/flate"
	"golang.org/x/sys/unix"

	"tapedeck/feed"
	"tapedeck/feed/feedtest"
	"tapedeck/feed/venue"
	"tapedeck/market"
	"tapedeck/subscriptions"
	"tapedeck/wire"
)

// captured is two contracts of Binance, as they were recorded: 25,417 messages of three minutes.
func captured(b *testing.B) (records []feed.Record) {
	b.Helper()
	in := feedtest.Session(b, "sessions/hftbacktest/usdm_btcusdt_20240718.raw.gz", "sessions/hftbacktest/usdm_ethusdt_20240718.raw.gz")
	for {
		m, err := in.Next()
		if errors.Is(err, io.EOF) {
			return records
		}
		if err != nil {
			b.Fatal(err)
		}
		key := "BTCUSDT" // a book fetched over REST does not say whose it is
		if strings.Contains(m.File, "eth") {
			key = "ETHUSDT"
		}
		records = append(records, feed.Record{Key: []byte(key), Offset: int64(len(records)), Time: m.Time, Value: append([]byte(nil), m.Data...)})
	}
}

// way is how clients are told.
type way struct {
	name   string
	enc    wire.Encoding
	shared bool // compressed once for all
	each   bool // compressed for each, as a library does that knows nothing of ranges
}

var ways = []way{
	{"json", wire.JSON, false, false}, {"json deflated", wire.JSON, true, false}, {"json deflated for each", wire.JSON, false, true},
	{"msgpack", wire.MessagePack, false, false}, {"msgpack deflated", wire.MessagePack, true, false},
}

// tell plays the records to clients, and returns what their frames came to, and what reading and making them took: not
// decoding, and not the writes to sockets.
func (w way) tell(b *testing.B, records []feed.Record, clients int, interval time.Duration, rooms []string) (frames, bytes int, took time.Duration) {
	f, _ := venue.Lookup("binance-usdm")
	c := (&Config{}).WithDefaults()
	hub := subscriptions.NewHub(c.hub())
	hub.AddVenue(f.Venue, subscriptions.Venue{})
	log := hub.Open(subscriptions.LogStart{Topic: "t", Epoch: "epoch"}, subscriptions.Venue{})
	desk := hub.NewDesk(0, 1<<20, func() {}, nil)
	for range clients {
		s := desk.NewSubscriber(w.enc)
		if w.shared {
			s.Deflate()
		}
		for _, room := range rooms {
			name, _, _ := market.ParseRoom(room)
			if _, ok := s.Join(name, subscriptions.Grant{Interval: interval}, nil); !ok {
				b.Fatal(room)
			}
		}
	}
	d, each := f.New(feed.DefaultOptions()), newDeflater()
	var batch market.Batch
	var buf, packed []byte
	for i := range records {
		r := &records[i]
		batch.Reset()
		if err := d.Decode(&batch, r); err != nil && len(batch.Events) > 0 {
			b.Fatal(err)
		}
		log.Apply(r.Offset, r.Time, 0, 0, batch.Events)
		began := processor(b)
		for _, s := range desk.Collect(r.Time * 1000) {
			buf = s.Take(buf[:0])
			n := len(buf)
			if w.each {
				packed = each(packed[:0], buf)
				n = len(packed)
			}
			frames, bytes = frames+1, bytes+n
		}
		took += processor(b) - began
	}
	return frames, bytes, took
}

// processor is the time that this thread has had a processor for: the clock on the wall counts what others do as well.
func processor(b *testing.B) time.Duration {
	var at unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &at); err != nil {
		b.Fatal(err)
	}
	return time.Duration(at.Nano())
}

// BenchmarkCompression is the table of docs/compression.md: bytes and CPU of a client's frames, as shares of JSON's.
//
//	go test ./server -run '^$' -bench '^BenchmarkCompression$' -benchtime 1x -cpu 1
func BenchmarkCompression(b *testing.B) {
	records := captured(b)
	both := func(channel string) (rooms []string) {
		for _, s := range []string{"BTC-USDT", "ETH-USDT"} {
			name, variant, has := strings.Cut(channel, "@")
			if room := name + ":BINANCE-USDM:" + s; has {
				rooms = append(rooms, room+"@"+variant)
			} else {
				rooms = append(rooms, room)
			}
		}
		return rooms
	}
	all := append(append(both("trades"), both("quotes")...), both("book")...)
	for _, kind := range []struct {
		name     string
		rooms    []string
		interval time.Duration
	}{
		{"trades", both("trades"), 0}, {"quotes", both("quotes"), 0}, {"book", both("book"), 0}, {"book 1s", both("book"), time.Second},
		{"book@20 100ms", both("book@20"), 100 * time.Millisecond}, {"all 100ms", all, 100 * time.Millisecond}, {"all 1s", all, time.Second},
	} {
		for _, clients := range []int{1, 100} {
			var plainBytes int
			var plainTook time.Duration
			for _, w := range ways {
				if w.each && clients > 1 {
					continue // nothing is shared: each costs what one does
				}
				b.Run(fmt.Sprint(kind.name, "/", clients, " clients/", w.name), func(b *testing.B) {
					runtime.LockOSThread()
					defer runtime.UnlockOSThread()
					for b.Loop() {
						frames, bytes, took := w.tell(b, records[:len(records)/min(clients, 5)], clients, kind.interval, kind.rooms)
						if w == ways[0] {
							plainBytes, plainTook = bytes, took
						}
						b.ReportMetric(0, "ns/op")
						b.ReportMetric(float64(bytes)/float64(frames), "B/frame")
						b.ReportMetric(float64(took.Nanoseconds())/float64(frames), "ns/frame")
						b.ReportMetric(float64(bytes)/float64(max(plainBytes, 1)), "bytes/json")
						b.ReportMetric(float64(took)/float64(max(plainTook, 1)), "cpu/json")
					}
				})
			}
		}
	}
}

// BenchmarkDeflateLevels is why the level is what it is: captured messages of a book, each compressed alone.
func BenchmarkDeflateLevels(b *testing.B) {
	var texts [][]byte
	size := 0
	f, _ := venue.Lookup("binance-usdm")
	d := f.New(feed.DefaultOptions())
	var batch market.Batch
	for _, r := range captured(b) {
		batch.Reset()
		_ = d.Decode(&batch, &r)
		for _, ev := range batch.Events {
			if k, ok := ev.Payload.(*market.Book); ok && !k.Snapshot {
				text := wire.JSON.AppendUpdate(nil, &wire.Update{Room: "book:BINANCE-USDM:BTC-USDT", Prev: 1, Seq: 2, N: 1, Time: r.Time, Body: k})
				texts, size = append(texts, text), size+len(text)
			}
		}
	}
	level := func(n int) func(dst, src []byte) []byte {
		d := new(deflater)
		d.w, _ = flate.NewWriter(d, n)
		return d.append
	}
	for _, c := range []struct {
		name string
		pack func(dst, src []byte) []byte
	}{
		{"huffman", level(flate.HuffmanOnly)}, {"1", level(1)}, {"3", level(3)}, {"6", level(6)}, {"9", level(9)},
		{"stateless", func(dst, src []byte) []byte {
			d := &deflater{out: dst}
			_ = flate.StatelessDeflate(d, src, false, nil)
			return d.out
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			var out []byte
			packed, began := 0, processor(b)
			for b.Loop() {
				packed = 0
				for _, t := range texts {
					out = c.pack(out[:0], t)
					packed += len(out)
				}
			}
			b.ReportMetric(float64(packed)/float64(size), "bytes/json")
			b.ReportMetric(float64(processor(b)-began)/float64(b.N*len(texts)), "ns/message")
			b.ReportMetric(float64(size)/float64(len(texts)), "B/message")
		})
	}
}
