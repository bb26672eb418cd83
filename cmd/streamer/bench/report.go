package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Report is what a run found. Times are in ms, rates a second.
type Report struct {
	Connections int     `json:"connections"`
	Rooms       int     `json:"rooms_per_connection"`
	Interval    string  `json:"interval"`
	Seconds     float64 `json:"seconds"`

	Messages  float64 `json:"messages_per_second"`
	Events    float64 `json:"events_per_second"`
	Frames    float64 `json:"frames_per_second"`
	Megabytes float64 `json:"megabytes_per_second"`
	Received  float64 `json:"megabytes_received_per_second"` // before they are inflated
	Snapshots uint64  `json:"snapshots"`
	Gaps      uint64  `json:"gaps"`
	Resumed   uint64  `json:"resumed"`  // connections that were cut and came back
	Fairness  float64 `json:"fairness"` // messages of the least served connection by those of the most served

	Venue Latency `json:"since_venue_ms"` // from the venue's time
	Log   Latency `json:"since_log_ms"`   // from the log's, which Kafka has in whole ms
	Join  Latency `json:"join_ms"`        // from the subscribe until the last snapshot

	Calm  *Latency `json:"before_ms,omitempty"` // before what was asked for happened, and while it did; since the log's time where the venue's is not known
	Rough *Latency `json:"while_ms,omitempty"`

	ServerCPU  float64 `json:"server_cpu_seconds"` // 0: not known
	PerMillion float64 `json:"server_cpu_seconds_per_million"`
	ServerRSS  float64 `json:"server_megabytes"`
	Growth     float64 `json:"server_megabytes_grown"`

	Compared uint64            `json:"books_compared"`
	Faults   map[string]uint64 `json:"faults"`
	First    []string          `json:"first_faults,omitempty"`
	Byes     map[string]uint64 `json:"byes,omitempty"`
	Closed   map[string]uint64 `json:"closed,omitempty"`

	SlowStale  uint64  `json:"slow_stale_messages,omitempty"`
	SlowFolded uint64  `json:"slow_folded_events,omitempty"`
	SlowFresh  float64 `json:"slow_fresh_after_ms,omitempty"`
}

// Latency is the quantiles of a time, in ms.
type Latency struct {
	P50  float64 `json:"p50"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p999"`
	Max  float64 `json:"max"`
}

func latency(parts ...*histogram) Latency {
	all := new(histogram)
	for _, h := range parts {
		for i := range h.counts {
			all.counts[i].Add(h.counts[i].Load())
		}
		all.max.Store(max(all.max.Load(), h.max.Load()))
	}
	return Latency{ms(all.quantile(0.5)), ms(all.quantile(0.99)), ms(all.quantile(0.999)), ms(all.longest())}
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// usage is what a server says of itself.
type usage struct{ cpu, rss float64 } // s, MB

// server asks the node what it has used; zero where it cannot be asked.
func (r *run) server(ctx context.Context) (u usage) {
	if r.config.Admin == "" {
		return u
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.config.Admin+"/metrics", nil)
	if err != nil {
		return u
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return u
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), " ")
		switch v, _ := strconv.ParseFloat(value, 64); name {
		case "process_cpu_seconds_total":
			u.cpu = v
		case "process_resident_memory_bytes":
			u.rss = v / 1e6
		}
	}
	return u
}

func (r *run) report(took time.Duration, before, after usage, phases ...*phase) *Report {
	out := &Report{
		Connections: r.config.Connections, Rooms: r.config.Per, Interval: strings.Join(r.config.Intervals, ","), Resumed: r.resumed.Load(), Seconds: took.Seconds(),
		Join: latency(&r.joining), Compared: r.truths.compared(),
		ServerCPU: after.cpu - before.cpu, ServerRSS: after.rss, Growth: after.rss - before.rss,
	}
	messages := uint64(0)
	var venue, log []*histogram
	for _, p := range phases {
		messages += p.messages.Load()
		out.Events += float64(p.events.Load()) / took.Seconds()
		out.Frames += float64(p.frames.Load()) / took.Seconds()
		out.Megabytes += float64(p.bytes.Load()) / 1e6 / took.Seconds()
		out.Received += float64(p.received.Load()) / 1e6 / took.Seconds()
		out.Snapshots += p.snapshots.Load()
		out.Gaps += p.gaps.Load()
		venue, log = append(venue, &p.sinceVenue), append(log, &p.sinceLog)
	}
	out.Messages = float64(messages) / took.Seconds()
	out.Venue, out.Log = latency(venue...), latency(log...)
	if messages > 0 {
		out.PerMillion = out.ServerCPU / float64(messages) * 1e6
	}
	if phases[1].took > 0 {
		from := venue
		if out.Venue == (Latency{}) {
			from = log // not every venue says when a quote was made
		}
		calm, rough := latency(from[0]), latency(from[1])
		out.Calm, out.Rough = &calm, &rough
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	out.Faults, out.First, out.Byes, out.Closed = r.faults, r.first, r.byes, r.closings
	out.Fairness = r.fairness()
	r.stall.mu.Lock()
	defer r.stall.mu.Unlock()
	out.SlowStale, out.SlowFolded, out.SlowFresh = r.stall.stale, r.stall.folded, float64(r.stall.fresh)/1000
	return out
}

// fairness compares the connections that read all the time.
func (r *run) fairness() float64 {
	least, most := ^uint64(0), uint64(0)
	for _, c := range r.list {
		if !c.slow && !c.late {
			least, most = min(least, c.messages.Load()), max(most, c.messages.Load())
		}
	}
	if most == 0 {
		return 0
	}
	return float64(least) / float64(most)
}

// Failures is how many messages broke a rule, and how many connections the server ended.
func (r *Report) Failures() (n uint64) {
	for _, k := range r.Faults {
		n += k
	}
	for _, k := range r.Closed {
		n += k
	}
	return n
}

// JSON writes the report as one line.
func (r *Report) JSON(w io.Writer) error { return json.NewEncoder(w).Encode(r) }

// Text writes the report for people.
func (r *Report) Text(w io.Writer) {
	line := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%-12s%s\n", name, fmt.Sprintf(format, args...))
	}
	line("clients", "%d connections in %d rooms each, interval %s, for %.1f s", r.Connections, r.Rooms, r.Interval, r.Seconds)
	line("delivered", "%.0f messages/s with %.0f events/s in %.0f frames/s, %.1f MB/s; %.1f MB/s came over the network", r.Messages, r.Events, r.Frames, r.Megabytes, r.Received)
	row := func(name string, l Latency) {
		line(name, "p50 %.2f ms  p99 %.2f ms  p99.9 %.2f ms  max %.1f ms", l.P50, l.P99, l.P999, l.Max)
	}
	row("from venue", r.Venue)
	row("from log", r.Log)
	row("joining", r.Join)
	if r.Calm != nil {
		row("before", *r.Calm)
		row("meanwhile", *r.Rough)
	}
	line("fairness", "%.3f: what the least served connection got, of what the most served one did", r.Fairness)
	if r.ServerCPU > 0 {
		line("server", "%.2f cpu-seconds per million messages, %.0f%% of a core, %.0f MB (%+.0f MB)", r.PerMillion, 100*r.ServerCPU/r.Seconds, r.ServerRSS, r.Growth)
	}
	if r.SlowFresh > 0 {
		line("slow ones", "read on: news after %.1f ms, behind %d old messages; %d events were folded away", r.SlowFresh, r.SlowStale, r.SlowFolded)
	}
	line("told", "%d snapshots, %d gaps, %d connections that came back", r.Snapshots, r.Gaps, r.Resumed)
	line("checked", "every chain; %d books against another connection's", r.Compared)
	for kind, n := range r.Faults {
		line("FAULT", "%d of kind %s", n, kind)
	}
	for _, text := range r.First {
		line("", "%.300s", text)
	}
	for why, n := range r.Closed {
		line("CLOSED", "%d: %s", n, why)
	}
}
