package server

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"tapedeck/feed"
	"tapedeck/feed/feedtest"
	"tapedeck/feed/venue/binance"
)

// BenchmarkRecord takes a recorded session from Kafka's record to the updated rooms: decoding, the state, the
// room's log and its candles. At the session's end it begins again in a log of its own, off the clock; its first
// tenth, in which rooms are made and logs grow, is off the clock too.
func BenchmarkRecord(b *testing.B) {
	for _, bb := range []struct {
		name, session string
		format        *feed.Format
		only          string // what a message must have in it
	}{
		{"trades", "spot_btcusdt_20240808", binance.Spot, `"e":"trade"`},
		{"all of spot", "spot_btcusdt_20240808", binance.Spot, ""},
		{"all of usdm", "usdm_btcusdt_20240808", binance.USDM, ""},
		{"all of coinm", "cm_btcusd_perp_20240808", binance.COINM, ""},
	} {
		b.Run(bb.name, func(b *testing.B) {
			records := recorded(b, bb.session, bb.only)
			s := listening(b, nil, func(c *Config) {
				c.Source, c.Pumps, c.Heartbeat = never{}, 1, time.Hour
				c.Feeds = map[string]Feed{"tape": {Format: bb.format, Options: feed.DefaultOptions()}}
			})
			b.Cleanup(s.Close)
			p := s.ingest.Open(feed.Partition{Topic: "tape"}, feed.Start{Epoch: "0"}).(*partition)
			lap := func() (next int) {
				p.Restart(feed.Start{Epoch: "0"})
				for next = range len(records) / 10 {
					p.Record(&records[next])
				}
				return next + 1
			}
			next := lap()
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				if next == len(records) {
					b.StopTimer()
					next = lap()
					b.StartTimer()
				}
				p.Record(&records[next])
				next++
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}

// recorded returns a session's records as they lie in a partition.
func recorded(b *testing.B, session, only string) (records []feed.Record) {
	symbol, _, _ := strings.Cut(session, "_2")
	_, symbol, _ = strings.Cut(symbol, "_")
	key := []byte(strings.ToUpper(symbol))
	for messages := feedtest.Session(b, "sessions/hftbacktest/"+session+".raw.gz"); ; {
		m, err := messages.Next()
		if err == io.EOF {
			return records
		}
		if err != nil {
			b.Fatal(err)
		}
		if bytes.Contains(m.Data, []byte(only)) {
			records = append(records, feed.Record{Offset: int64(len(records)), Time: m.Time, Key: key, Value: slices.Clone(m.Data)})
		}
	}
}
