package server

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"tapedeck/feed"
	"tapedeck/market"
	"tapedeck/subscriptions"
	"tapedeck/wire"
)

// metrics are what /metrics shows. What the passive core and the sessions count themselves is read when
// it is asked for; no label grows with symbols or clients.
type metrics struct {
	server   *Server
	registry *prometheus.Registry

	opened   prometheus.Counter
	panics   prometheus.Counter
	refused  *prometheus.CounterVec
	closes   *prometheus.CounterVec
	commands *prometheus.CounterVec
	fromLog  prometheus.Histogram
	fromRoom prometheus.Histogram
}

// latencyBuckets reach from a write on loopback (50 µs) to a reader who is seconds late.
var latencyBuckets = []float64{.00005, .0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

func newMetrics(s *Server) *metrics {
	m := &metrics{server: s, registry: prometheus.NewRegistry()}
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
		m.registry.MustRegister(c)
		return c
	}
	vector := func(name, help, label string, values ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{label})
		for _, v := range values {
			c.WithLabelValues(v) // so that zero shows before the first
		}
		m.registry.MustRegister(c)
		return c
	}
	histogram := func(name, help string) prometheus.Histogram {
		h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: latencyBuckets})
		m.registry.MustRegister(h)
		return h
	}
	m.opened = counter("tapedeck_sessions_opened_total", "Sessions accepted.")
	m.panics = counter("tapedeck_reader_panics_total", "Frames that made a session's reader panic; the session was closed.")
	m.refused = vector("tapedeck_refused_total", "Requests refused before they were served, by reason.", "reason",
		"origin", "handshake", "connections", "connections_per_ip", "handshakes", "draining", "hijack", "answers")
	m.closes = vector("tapedeck_closes_total", "Sessions that ended, by the code of the close frame that we sent; 1006 stands for none.", "code", closeCodes...)
	m.commands = vector("tapedeck_commands_total", "Commands received, by op.", "op", "subscribe", "unsubscribe", "list", "ping", "other")
	m.fromLog = histogram("tapedeck_log_to_socket_seconds", "From a record's time in the log to the flush that tells of it, once a range.")
	m.fromRoom = histogram("tapedeck_publish_to_socket_seconds", "From a record's arrival at this node to the flush that tells of it, once a range.")
	m.registry.MustRegister(pulled{s}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), collectors.NewBuildInfoCollector())
	return m
}

// closeCodes are those that are told apart: our own, and what RFC 6455 has for what gws finds wrong with a
// frame and for a peer's own close. A peer may choose among 2,000 others.
var closeCodes = func() []string {
	codes := []string{"1000", "1002", "1005", "1006", "1007", "1009", otherCode}
	for _, c := range wire.Closes {
		codes = append(codes, strconv.Itoa(int(c.Code)))
	}
	return codes
}()

const otherCode = "other"

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

func (m *metrics) closed(code uint16) {
	text := strconv.Itoa(int(code))
	if !slices.Contains(closeCodes, text) {
		text = otherCode
	}
	m.closes.WithLabelValues(text).Inc()
}

func (m *metrics) command(op string) {
	switch op {
	case "subscribe", "unsubscribe", "list", "ping":
	default:
		op = "other"
	}
	m.commands.WithLabelValues(op).Inc()
}

// told measures a range at the moment it is flushed (ns).
func (m *metrics) told(r subscriptions.Range, now int64) {
	m.fromLog.Observe(float64(now/1000-r.Time) / 1e6)
	if r.PublishedAt > 0 {
		m.fromRoom.Observe(float64(now-r.PublishedAt) / 1e9)
	}
}

// pulled collects what is counted elsewhere.
type pulled struct{ s *Server }

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

var (
	descRecords    = describe("tapedeck_feed_records_total", "Records read, by what became of them.", "topic", "partition", "result")
	descLag        = describe("tapedeck_feed_lag_records", "Records between the newest applied and the log's newest known.", "topic", "partition")
	descLost       = describe("tapedeck_feed_lost_records_total", "Records that will never come.", "topic", "partition")
	descDown       = describe("tapedeck_feed_down", "1 while a partition cannot be read.", "topic", "partition")
	descEvents     = describe("tapedeck_events_total", "Events applied to rooms.", "channel")
	descDropped    = describe("tapedeck_events_dropped_total", "Events not applied, by reason.", "reason")
	descGaps       = describe("tapedeck_gaps_total", "Gaps told in rooms, by reason.", "reason")
	descRooms      = describe("tapedeck_rooms", "Rooms that have had a record, by state.", "state")
	descUncovered  = describe("tapedeck_rooms_not_covered", "Rooms whose state this node has not read whole.")
	descSessions   = describe("tapedeck_sessions", "Sessions open.")
	descDeliveries = describe("tapedeck_deliveries_total", "Room messages handed to sessions.")
	descTold       = describe("tapedeck_delivered_events_total", "Events handed to sessions, folded ones included.")
	descFolded     = describe("tapedeck_folded_events_total", "Events that a newer one of the same update stood for.")
	descSnapshots  = describe("tapedeck_snapshots_total", "Snapshots handed to sessions.")
	descEncoded    = describe("tapedeck_encoded_messages_total", "Room messages encoded: what sessions share counts once.")
	descDeflated   = describe("tapedeck_deflated_ranges_total", "Ranges compressed: what sessions share counts once.")
	descPacked     = describe("tapedeck_compression_bytes_total", "Bytes of frames for sessions with compression, before and after it.", "side")
	descBytes      = describe("tapedeck_sent_bytes_total", "Bytes handed to sessions' connections.")
	descLetters    = describe("tapedeck_dead_letters_total", "Refused records set aside, by result: written, or lost because they could not be.", "result")
	descSaved      = describe("tapedeck_checkpoints_total", "Checkpoints, by result: written, failed to be; loaded at a start, or refused there because they did not fit.", "result")
	descReady      = describe("tapedeck_ready", "1 when the node may be sent clients.")
)

func (p pulled) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(p, ch) }

func (p pulled) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	count := func(d *prometheus.Desc, v uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	p.feeds(gauge, count)
	p.roomsOf(gauge)
	p.sessions(gauge, count)
	p.s.hub.GapCounts(func(why wire.GapReason, n uint64) { count(descGaps, n, string(why)) })
	count(descEncoded, p.s.hub.Encoded())
	count(descDeflated, p.s.hub.Deflated())
	if letters := p.s.config.Letters; letters != nil {
		written, lost := letters()
		count(descLetters, written, "written")
		count(descLetters, lost, "lost")
	}
	if p.s.config.Checkpoints != nil {
		c := &p.s.ingest.counts
		for result, n := range map[string]*atomic.Uint64{"written": &c.written, "failed": &c.failed, "loaded": &c.loaded, "refused": &c.refused} {
			count(descSaved, n.Load(), result)
		}
	}
	ready, _ := p.s.ingest.ready.state()
	gauge(descReady, truth(ready))
}

type (
	gaugeFunc func(d *prometheus.Desc, v float64, labels ...string)
	countFunc func(d *prometheus.Desc, v uint64, labels ...string)
)

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func (p pulled) feeds(gauge gaugeFunc, count countFunc) {
	var events [market.NumChannels]uint64
	var unused, misplaced, filtered uint64
	p.s.ingest.each(func(l *partition) {
		topic, id := l.id.Topic, fmt.Sprint(l.id.ID)
		count(descRecords, l.decoded.Load(), topic, id, "decoded")
		l.results.Range(func(reason, n any) bool {
			count(descRecords, n.(*atomic.Uint64).Load(), topic, id, string(reason.(feed.Reason)))
			return true
		})
		gauge(descLag, float64(l.lag()), topic, id)
		gauge(descDown, truth(l.down.Load() != nil), topic, id)
		count(descLost, l.log.Counts.Lost.Load(), topic, id)
		for c := range events {
			events[c] += l.log.Counts.Events[c].Load()
		}
		unused += l.log.Counts.Unused.Load()
		misplaced += l.log.Counts.Misplaced.Load()
		filtered += l.log.Counts.Filtered.Load()
	})
	for c := range market.Channel(market.NumChannels) {
		count(descEvents, events[c], c.String())
	}
	count(descDropped, unused, "unused")
	count(descDropped, misplaced, "misplaced")
	count(descDropped, filtered, "filtered")
}

func (p pulled) roomsOf(gauge gaugeFunc) {
	var states [5]int
	uncovered := 0
	p.s.hub.Rooms(func(i subscriptions.Info) {
		states[i.Visible]++
		if !i.Covered {
			uncovered++
		}
	})
	for _, state := range []market.RoomState{market.Live, market.Stale, market.Down, market.Halted} {
		gauge(descRooms, float64(states[state]), state.String())
	}
	gauge(descUncovered, float64(uncovered))
}

func (p pulled) sessions(gauge gaugeFunc, count countFunc) {
	gauge(descSessions, float64(p.s.admit.count()))
	var deliveries, told, folded, snapshots, sent, before, after uint64
	for _, pump := range p.s.pumps {
		c := &pump.desk.Counts
		deliveries += c.Deliveries.Load()
		told += c.Events.Load()
		folded += c.Folded.Load()
		snapshots += c.Snapshots.Load()
		sent += pump.sent.Load()
		before += c.Plain.Load()
		after += c.Packed.Load()
	}
	count(descDeliveries, deliveries)
	count(descTold, told)
	count(descFolded, folded)
	count(descSnapshots, snapshots)
	count(descBytes, sent)
	count(descPacked, before, "before")
	count(descPacked, after, "after")
}
