package e2e_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"tapedeck/wire/mirror"
)

// benchMarket is 16 symbols in 4 partitions, and a streamer for them.
func benchMarket(b *testing.B) (*broker, *exchange, setup) {
	br := brokerFor(b)
	topic := br.topic(b, 4)
	var symbols []string
	for i := range 16 {
		symbols = append(symbols, fmt.Sprintf("B%02d", i))
	}
	x := newExchange(20, topic, 4, hoursAgo(), symbols...)
	return br, x, setup{Name: "node", Brokers: br.addrs, Topics: map[string]topicSetup{topic: {"binance", "trade"}}, Warmup: forever}
}

// A streamer in a process of its own reads a topic from its beginning; broker and client are in this one. One
// operation is 100,000 records of all kinds, from the start of the process until a client in all of the rooms
// has the last one.
func BenchmarkKafkaThrough(b *testing.B) {
	br, x, s := benchMarket(b)
	const records = 100_000
	br.fill(b, newLedger(), x, records-1)
	last := x.list[0].tradeNow()
	br.publish(b, newLedger(), last)
	bytes := 0
	for b.Loop() {
		n := s.spawn(b)
		c := newClient("client", true)
		c.join(b, n, "0", "trades:BINANCE:*", "quotes:BINANCE:*", "book:BINANCE:*", "ticker:BINANCE:*", "candles:BINANCE:*@1m")
		must(b, c.until("the last record is there", func(m *mirror.Mirror) bool {
			r := m.Rooms[x.list[0].room("trades")]
			return r != nil && r.Seq == last.seq()
		}))
		n.applied(b, records)
		bytes += int(n.metric(b, "tapedeck_sent_bytes_total"))
		c.hangUp()
		n.kill()
	}
	b.ReportMetric(float64(records*b.N)/b.Elapsed().Seconds(), "records/s")
	b.ReportMetric(float64(bytes)/float64(records*b.N), "sent-B/record")
}

// The way of a single record, with nothing else under way: from the moment at which the producer begins to send it
// until the client has it, the broker's acknowledgement not waited for.
func BenchmarkKafkaToSocket(b *testing.B) {
	br, x, s := benchMarket(b)
	br.fill(b, newLedger(), x, 2000)
	n := s.spawn(b).ready(b)
	c := newClient("client", false)
	room := x.list[0].room("trades")
	arrived := make(chan time.Time, 1)
	c.each = func(m *mirror.Message, _ *mirror.Room) {
		if m.T == "update" {
			arrived <- time.Now()
		}
	}
	c.join(b, n, "0", room)
	must(b, c.until("its room is known", func(m *mirror.Mirror) bool { return m.Rooms[room].Has }))
	var took []time.Duration
	l := newLedger()
	for b.Loop() {
		m := x.list[0].tradeNow()
		begun := time.Now()
		br.publish(b, l, m)
		took = append(took, (<-arrived).Sub(begun))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "µs-p50")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "µs-p99")
	b.ReportMetric(0, "ns/op")
}
