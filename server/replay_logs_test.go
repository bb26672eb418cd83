package server

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"tapedeck/feed"
	memory "tapedeck/feed/tape"
	"tapedeck/wire/mirror"
)

// day is a log of n trades of A, numbered on from id, of a topic of its own, as one file of several has them.
func day(arch *memory.Tape, topic string, id, n int) feed.LogID {
	log := feed.LogID{Cluster: "capture", Topic: topic, Format: lines.Name}
	for i := range n {
		at := sessionBegan + int64(id+i)*1000
		arch.Append(log, &feed.Record{Offset: int64(i), Time: at, Value: fmt.Appendf(nil, "trade A %d 100.5 1\nquote A 99 1 101 %d", id+i, 1+i%9)})
	}
	return log
}

// gapsOf takes the gaps that were heard, for reasons.
func (h *ids) gapsOf(t *testing.T) (reasons []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, text := range h.gaps {
		var gap struct{ Room, Reason string }
		if err := json.Unmarshal([]byte(text), &gap); err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(gap.Room, "trades") {
			reasons = append(reasons, gap.Reason)
		}
	}
	h.gaps = nil
	return reasons
}

// At max too, who reads a symbol through the files of several days has every trade of each, with a gap of reason epoch between them.
func TestReplayFromOneLogIntoTheNext(t *testing.T) {
	arch := memory.New(1 << 30)
	const each = 3000
	for d := range 3 {
		day(arch, fmt.Sprint("import:", d), 1+d*each, each)
	}
	n := run(t, newTape(1), archived(arch), func(c *Config) { c.LogEntries = 256 })
	for _, interval := range []string{"0", "50ms"} {
		for _, speed := range []string{"max", "1000"} {
			c := greet(t, n, fmt.Sprintf("/v1/replay?from=%d&speed=%s", sessionBegan, speed))
			h := hearTrades(c)
			c.say(`{"op":"subscribe","interval":%q,"rooms":["trades:TEST:A","quotes:TEST:A"]}`, interval)
			c.end()
			if reasons := h.gapsOf(t); fmt.Sprint(reasons) != "[epoch epoch]" {
				t.Errorf("%s, %s: gaps of %s", interval, speed, reasons)
			}
			if err := h.whole("trades:TEST:A", 1, 3*each); err != nil {
				t.Errorf("%s, %s: %v", interval, speed, err)
			}
			c.leave()
		}
	}
}

// A history by a standing order begins with the first trade, however much of it is read at once.
func TestHistoryOfAStandingOrderIsWhole(t *testing.T) {
	arch := recordedMarket(6, 6000)
	n := run(t, newTape(1), archived(arch))
	entries, want := straight(t, arch, "trades:TEST:A", "trades:TEST:B", "trades:TEST:C")
	for range 5 {
		answer, err := http.Get("http://" + n.Addr().String() + fmt.Sprintf("/v1/history?from=%d&rooms=trades:TEST:*", sessionBegan))
		if err != nil {
			t.Fatal(err)
		}
		text, told, hash := bufio.NewScanner(answer.Body), uint64(0), ""
		text.Buffer(nil, 1<<20)
		for text.Scan() {
			var m struct {
				T, Hash string
				N       uint64
			}
			if err := json.Unmarshal(text.Bytes(), &m); err != nil {
				t.Fatal(err)
			}
			if m.T == "update" {
				told += m.N
			}
			hash = cmp.Or(m.Hash, hash)
		}
		answer.Body.Close()
		if told != entries || hash != want {
			t.Errorf("%d trades were told of %d, hash %s, want %s", told, entries, hash, want)
		}
	}
}

// A room that has played a log which is not live, to its end, goes on live: the gap says that it is another log, then comes what is live.
func TestReplayFromAnImportReachesLive(t *testing.T) {
	for name, more := range map[string]func(tp *tape){
		"a symbol that is live":        func(tp *tape) { tp.add("trade A 9001 100.5 1") },
		"one that is not live so far":  func(tp *tape) { tp.add("trade B 9001 100.5 1") },
		"a live log that has no event": func(*tape) {},
	} {
		t.Run(name, func(t *testing.T) {
			arch, tp := memory.New(1<<30), newTape(1)
			day(arch, "import:old", 1, 3000)
			more(tp)
			n := run(t, tp, archived(arch), func(c *Config) { c.Source = arch.Record(logNamed{c.Source, marketLog(0)}) })
			c := greet(t, n, fmt.Sprintf("/v1/replay?from=%d&to=live&speed=max", sessionBegan))
			h := hearTrades(c)
			c.say(`{"op":"subscribe","rooms":["trades:TEST:A","quotes:TEST:A"]}`)
			c.hear("live", func(m *mirror.Message) bool { return m.T == "status" && m.Room == "" && m.State == "live" })
			tp.add("trade A 9002 100.5 1")
			c.room("trades:TEST:A", "what is live", func(r *mirror.Room) bool {
				return r.Epoch == marketLog(0).Epoch(lines) && len(r.Trades) > 0 && strings.Contains(fmt.Sprint(r.Trades[len(r.Trades)-1]), "9002")
			})
			if reasons := h.gapsOf(t); len(reasons) == 0 || strings.Trim(strings.Join(reasons, ""), "epoch") != "" {
				t.Errorf("gaps of %s", reasons)
			}
			h.mu.Lock()
			defer h.mu.Unlock()
			if told := h.heard["trades:TEST:A"]; len(told) < 3000 || told[0] != 1 || told[2999] != 3000 {
				t.Errorf("%d trades were told of 3000", len(told))
			}
		})
	}
}

// partsNamed is a source of a topic's partitions that says which logs they are.
type partsNamed struct{ feed.Source }

func (s partsNamed) Run(ctx context.Context, sink feed.Sink) error {
	return s.Source.Run(ctx, partsNamedSink{sink})
}

type partsNamedSink struct{ feed.Sink }

func (s partsNamedSink) Open(p feed.Partition, at feed.Start) feed.Log {
	return logNamedSink{s.Sink, marketLog(int(p.ID))}.Open(p, at)
}

// A partition that has its first record while a replay is under way is played too, before the replay is handed over: also by a
// standing order nothing of it is missing.
func TestReplayToLiveSeesAPartitionThatHadNoRecord(t *testing.T) {
	arch, tp := memory.New(1<<30), newTape(2)
	n := run(t, tp, archived(bitByBit{arch}), func(c *Config) { c.Source = arch.Record(partsNamed{c.Source}) })
	began, trades := time.Now().UnixMicro(), 0
	add := func(part, count int) {
		for range count {
			trades++
			tp.addTo(part, "trade %c %d 100.5 1", 'A'+part, trades)
		}
	}
	add(0, 3000)
	c := greet(t, n, fmt.Sprintf("/v1/replay?from=%d&to=live&speed=max&rooms=trades:TEST:*", began-1_000_000))
	h := hearTrades(c)
	c.room("trades:TEST:A", "it plays", func(r *mirror.Room) bool { return len(r.Trades) > 0 })
	add(1, 500)
	c.hear("live", func(m *mirror.Message) bool { return m.T == "status" && m.Room == "" && m.State == "live" })
	add(1, 10)
	c.at("trades:TEST:B", 510)
	if err := h.whole("trades:TEST:B", 3001, 3510); err != nil {
		t.Error(err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if told := h.heard["trades:TEST:A"]; len(told) != 3000 {
		t.Errorf("%d trades of the first partition were told of 3000", len(told))
	}
}

// unnamed is an archive whose errors say where it is.
type unnamed struct{ feed.Archive }

func (unnamed) Logs(context.Context) ([]feed.Holding, error) {
	return nil, fmt.Errorf("dial tcp 10.1.2.3:9000: connection refused")
}

// Nobody but who runs the node is told where its archive is.
func TestReplaysDoNotTellWhereTheArchiveIs(t *testing.T) {
	n := run(t, newTape(1), archived(unnamed{}))
	c := greet(t, n, replayAddress(marketRooms, ""))
	m := c.hear("why it waits", func(m *mirror.Message) bool { return m.T == "status" && m.Reason != "" })
	for _, text := range []string{string(m.Raw), told(t, n, "/v1/archive")} {
		if strings.Contains(text, "10.1.2.3") || !strings.Contains(text, "does not answer") {
			t.Errorf("told %s", text)
		}
	}
}

// Clients of a room whose log cannot be read are told that, and not of whose address it is.
func TestClientsAreNotToldWhereTheBrokersAre(t *testing.T) {
	tp := newTape(1)
	n := run(t, tp)
	tp.add("trade BTC-USD 1 100 1")
	c := greet(t, n, "?rooms="+trades)
	c.at(trades, 1)
	n.player.with(0, func(l feed.Log) { l.Down("10.1.2.3:9092 does not answer") })
	m := c.hear("that it is down", func(m *mirror.Message) bool { return m.T == "status" && m.State == "down" })
	if m.Reason != "source" || strings.Contains(told(t, n, "/v1/rooms"), "10.1.2.3") {
		t.Errorf("told %s", m.Raw)
	}
}
