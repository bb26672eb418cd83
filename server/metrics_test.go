package server

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"tapedeck/feed"
	"tapedeck/wire/mirror"
)

// scrape reads /metrics of the admin address: series and their values.
func (n *node) scrape() map[string]string {
	n.t.Helper()
	_, body, _ := fetch(n.t, "http://"+n.AdminAddr().String()+"/metrics")
	series := map[string]string{}
	for line := range strings.Lines(body) {
		if i := strings.LastIndexByte(line, ' '); i > 0 && line[0] != '#' {
			series[line[:i]] = strings.TrimSpace(line[i:])
		}
	}
	return series
}

func TestMetrics(t *testing.T) {
	tp := newTape(2)
	tp.add("whole BTC-USD 0 b100=1 a101=1\ntrade BTC-USD 1 100 1")
	tp.add("bad_json")
	tp.add("bad_json")
	tp.add("ignored")
	tp.addTo(1, "delta ETH-USD 5 6 b1=1")
	n := run(t, tp)
	n.player.with(0, func(l feed.Log) {
		l.Lost(4, 9, feed.LossRetention)
		l.End(12)
	})
	c := greet(t, n, "?rooms="+trades+"&interval=100ms")
	c.at(trades, 9)
	n.player.with(0, func(l feed.Log) {
		for i := range 3 {
			l.Record(&feed.Record{Offset: int64(9 + i), Time: int64(i + 1), Value: fmt.Appendf(nil, "trade BTC-USD %d 100 1", 2+i)})
		}
	})
	c.at(trades, 12)
	c.say(`[{"op":"ping","id":1},{"op":"dance"}]`)
	c.answer("1")
	got := n.scrape()
	for series, want := range map[string]string{
		`tapedeck_feed_records_total{partition="0",result="decoded",topic="tape"}`:       "4",
		`tapedeck_feed_records_total{partition="0",result="bad_json",topic="tape"}`:      "2",
		`tapedeck_feed_records_total{partition="0",result="ignored",topic="tape"}`:       "1",
		`tapedeck_feed_records_total{partition="0",result="missing_field",topic="tape"}`: "0",
		`tapedeck_feed_records_total{partition="1",result="decoded",topic="tape"}`:       "1",
		`tapedeck_feed_lag_records{partition="0",topic="tape"}`:                          "0",
		`tapedeck_feed_lost_records_total{partition="0",topic="tape"}`:                   "5",
		`tapedeck_feed_down{partition="0",topic="tape"}`:                                 "0",
		`tapedeck_events_total{channel="trades"}`:                                        "4",
		`tapedeck_events_total{channel="book"}`:                                          "2",
		`tapedeck_gaps_total{reason="archive"}`:                                          "0",
		`tapedeck_rooms{state="stale"}`:                                                  "2", // both books
		`tapedeck_rooms_not_covered`:                                                     "4", // and what lost records: trades, candles
		`tapedeck_sessions`:                                                              "1",
		`tapedeck_sessions_opened_total`:                                                 "1",
		`tapedeck_commands_total{op="subscribe"}`:                                        "1",
		`tapedeck_commands_total{op="other"}`:                                            "1",
		`tapedeck_closes_total{code="4001"}`:                                             "0",
		`tapedeck_snapshots_total`:                                                       "1",
		`tapedeck_delivered_events_total`:                                                "3",
		`tapedeck_reader_panics_total`:                                                   "0",
		`tapedeck_ready`:                                                                 "1",
	} {
		if got[series] != want {
			t.Errorf("%s is %q, want %s", series, got[series], want)
		}
	}
	for _, series := range []string{`tapedeck_gaps_total{reason="retention"}`, "tapedeck_deliveries_total", "tapedeck_encoded_messages_total", "tapedeck_sent_bytes_total", "tapedeck_log_to_socket_seconds_count", "tapedeck_publish_to_socket_seconds_count"} {
		if v := got[series]; v == "" || v == "0" {
			t.Errorf("%s is %q", series, v)
		}
	}
	if sum := got["tapedeck_publish_to_socket_seconds_sum"]; strings.HasPrefix(sum, "-") {
		t.Errorf("data was out before it came: %s s", sum)
	}
	for _, series := range []string{"tapedeck_folded_events_total", "go_goroutines", "process_resident_memory_bytes", `tapedeck_feed_down{partition="1",topic="tape"}`} {
		if _, ok := got[series]; !ok {
			t.Errorf("there is no %s", series)
		}
	}
}

// The number of series depends on partitions, and on nothing that symbols or clients can make more of.
func TestMetricsDoNotGrow(t *testing.T) {
	tp := newTape(1)
	tp.add("trade FIRST-USD 1 1 1")
	n := run(t, tp)
	names := func() string {
		var list []string
		for series := range n.scrape() {
			if strings.HasPrefix(series, "tapedeck_") {
				list = append(list, series)
			}
		}
		return fmt.Sprint(len(list))
	}
	before := names()
	for i := range 500 {
		tp.add("trade S%d-USD 1 1 1\nquote S%d-USD 1 1 2 1\nwhole S%d-USD 0 b1=1", i, i, i)
	}
	for i := range 20 {
		c := greet(t, n, fmt.Sprintf("?rooms=trades:TEST:S%d-USD,book:TEST:S%d-USD@5", i, i))
		c.room(fmt.Sprintf("trades:TEST:S%d-USD", i), "a snapshot", func(r *mirror.Room) bool { return r.Has })
		c.say(`{"op":"op-%d","id":1}`, i)
		c.answer("1")
		c.conn.WriteClose(uint16(3000+i), nil)
		<-c.ended
	}
	until(t, "all have left", func() bool { return n.admit.count() == 0 })
	got := n.scrape()
	if after := names(); after != before {
		t.Errorf("%s series, %s with 500 symbols and 20 clients more", before, after)
	}
	if got[`tapedeck_closes_total{code="other"}`] != "20" {
		t.Errorf("closes: %v", got[`tapedeck_closes_total{code="other"}`])
	}
	secret := regexp.MustCompile(`S\d+-USD|FIRST|127\.0\.0\.1`)
	for series := range got {
		if secret.MatchString(series) {
			t.Errorf("%s tells of a symbol or a client", series)
		}
	}
}
