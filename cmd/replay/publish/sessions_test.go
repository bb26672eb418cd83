package publish

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"

	"tapedeck/feed/capture"
	"tapedeck/feed/feedtest"
	"tapedeck/feed/venue"
)

// recording is a recorded session and what is known of it.
type recording struct {
	feed  string
	files []string
	only  string // the symbol of in-line REST bodies
}

var (
	sessions = []recording{
		{"binance", []string{"cryptofeed/binance-spot.raw.gz", "cryptofeed/binance-spot.rest.raw.gz"}, ""},
		{"binance-usdm", []string{"cryptofeed/binance-usdm.raw.gz", "cryptofeed/binance-usdm.rest.raw.gz"}, ""},
		{"binance-usdm", []string{"hftbacktest/usdm_ethusdt_20240718.raw.gz"}, "ETHUSDT"},
		{"binance-coinm", []string{"cryptofeed/binance-coinm.raw.gz", "cryptofeed/binance-coinm.rest.raw.gz"}, ""},
	}
	// Too long for every run under the race detector.
	longSession = recording{"binance", []string{"hftbacktest/spot_btcusdt_20240808.raw.gz"}, "BTCUSDT"}
)

// Real sessions arrive as they were recorded: each message once, byte for byte, with its time, and keyed by
// the symbol that stands in it, or for a REST body in its address or in the other messages.
func TestRecordedSessions(t *testing.T) {
	for _, s := range sessions {
		b := broker(t, kfake.SeedTopics(3, "raw"))
		s.publish(t, client(t, b.ListenAddrs()...), "raw", 3)
	}
}

func (s *recording) publish(t *testing.T, c *kafka.Client, topic string, partitions int) {
	t.Helper()
	var files []string
	for _, f := range s.files {
		files = append(files, feedtest.Data(t, "sessions/"+f))
	}
	if rest, ok := capture.Rest(files[0]); ok != (len(files) == 2) || ok && rest != files[1] {
		t.Fatalf("found the REST file %q", rest)
	}
	o := quick(t, c, topic, files...)
	o.Format, _ = venue.Lookup(s.feed)
	o.Compression = kafka.Lz4
	begin := time.Now()
	r := must(t, o)
	t.Logf("%s: %d records, %.0f/s", s.files[0], r.Sent, float64(r.Sent)/time.Since(begin).Seconds())
	records := all(t, c, topic, partitions)
	exactlyOnce(t, records, r.Messages)
	asRecorded(t, records, files, s.only)
}

var (
	ownSymbol  = regexp.MustCompile(`"(?:s|symbol)":"([A-Z0-9_]+)"`)
	restSymbol = regexp.MustCompile(`[?&]symbol=([A-Z0-9_]+)`)
)

// asRecorded holds records against the files.
func asRecorded(t *testing.T, records []got, files []string, only string) {
	t.Helper()
	byLine := map[int64]got{}
	for _, g := range records {
		byLine[g.line()] = g
	}
	m, err := capture.OpenMerged(files...)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	for line := int64(1); ; line++ {
		m, err := m.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		key, header := "", ""
		if own := ownSymbol.FindSubmatch(m.Data); own != nil {
			key = string(own[1])
		} else if m.URL != "" {
			key = restSymbol.FindStringSubmatch(m.URL)[1]
			header = key
		} else {
			key, header = only, only
		}
		g := byLine[line]
		if g.key != key || g.headers[symbolHeader] != header || g.time.UnixMilli() != m.Time/1000 || !bytes.Equal([]byte(g.value), m.Data) {
			t.Fatalf("line %d of %s:\n%.200s\nis %.500v\nwant key %q and header %q", line, files[0], m.Data, g, key, header)
		}
	}
}

// BenchmarkPublish measures records a second from a file into a broker in the process.
func BenchmarkPublish(b *testing.B) {
	file := feedtest.Data(b, "sessions/hftbacktest/spot_btcusdt_20240809.raw.gz")
	k := broker(b, kfake.SeedTopics(4, "raw"))
	n := int64(0)
	for b.Loop() {
		o := quick(b, client(b, k.ListenAddrs()...), "raw", file)
		o.Format, _ = venue.Lookup("binance")
		o.Again, o.Say = true, func(string, ...any) {}
		r, err := Run(b.Context(), o)
		if err != nil {
			b.Fatal(err)
		}
		n += r.Sent
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "records/s")
}
