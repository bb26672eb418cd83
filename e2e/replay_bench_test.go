package e2e_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lxzan/gws"

	"tapedeck/feed"
	"tapedeck/feed/clickhouse"
	memory "tapedeck/feed/tape"
	"tapedeck/server"
	"tapedeck/wire/mirror"
)

// thousands of records in a table, of trades of a hundred symbols in two partitions: made by the server itself, so that
// it takes seconds.
func fill(b *testing.B, db *clickhouse.DB, records int) {
	b.Helper()
	for part := range 2 {
		must(b, db.Conn().Exec(b.Context(), fmt.Sprintf(`INSERT INTO %s (stripe, cluster, topic, topic_id, partition, format, symbol, offset, time, clock, vtime, absent, key, value)
SELECT toInt64(number - number %% 65536), 'c', 't', '', toInt32(%d), 'binance', concat('BINANCE:S', toString(number %% 50 + %[2]d * 50), '-USDT'), toInt64(number),
  toInt64(1790000000000000 + number * 100) AS at, at, at, toUInt8(0), 'k',
  concat('{"e":"trade","E":1790000000000,"s":"S', toString(number %% 50 + %[2]d * 50), 'USDT","t":', toString(number), ',"p":"43210.1', toString(number %% 10), '","q":"0.00120","T":1790000000000,"m":true,"M":true}')
FROM system.numbers LIMIT %[3]d`, db.Table("records"), part, records/2)))
		must(b, db.Conn().Exec(b.Context(), fmt.Sprintf(`INSERT INTO %s (log, offset, time, clock) SELECT log, min(offset), min(time), min(clock) FROM %s WHERE partition = %d GROUP BY log, intDiv(clock, 60000000)`,
			db.Table("marks"), db.Table("records"), part)))
	}
}

// listener counts what comes and waits for the end of a replay.
type listener struct {
	gws.BuiltinEventHandler
	bytes int
	said  chan string
}

func (l *listener) OnMessage(_ *gws.Conn, m *gws.Message) {
	l.bytes += m.Data.Len()
	if text := m.Bytes(); bytes.Contains(text, []byte(`"state":"end"`)) {
		l.said <- string(text)
	}
	m.Close()
}

// BenchmarkClickHouseReplay replays at max what a ClickHouse holds to one client over a socket: records read, decoded, applied,
// digested, encoded and sent by `replay serve` in a process of its own, whose memory is measured. One event is one record.
func BenchmarkClickHouseReplay(b *testing.B) {
	const records = 2_000_000
	db := tables(b, realClickHouse(b))
	fill(b, db, records)
	program := filepath.Join(b.TempDir(), "replay")
	if out, err := exec.Command("go", "build", "-o", program, "tapedeck/cmd/replay").CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	for _, of := range []struct{ name, rooms string }{
		{"trades", "trades:BINANCE:*"},
		{"trades+candles", "trades:BINANCE:*,candles:BINANCE:*@1m"},
		{"candles", "candles:BINANCE:*@1m"},
	} {
		b.Run(of.name, func(b *testing.B) {
			_, addr := freePort(b)
			c := exec.Command(program, "serve", "--clickhouse", os.Getenv("TAPEDECK_TEST_CLICKHOUSE"), "--clickhouse-database", db.Database(), "--clickhouse-user", "tapedeck",
				"--listen", addr)
			c.Env = append(os.Environ(), "TAPEDECK_CLICKHOUSE_PASSWORD=secret")
			must(b, c.Start())
			end := sync.OnceFunc(func() {
				_ = c.Process.Signal(os.Interrupt)
				_ = c.Wait()
			})
			defer end()
			until(b, "it serves", func() string {
				if _, _, err := get(addr, "/healthz"); err != nil {
					return err.Error()
				}
				return ""
			})
			bytes := 0
			for b.Loop() {
				bytes += through(b, addr, of.rooms)
			}
			b.ReportMetric(float64(b.N*records)/b.Elapsed().Seconds(), "events/s")
			b.ReportMetric(float64(bytes)/float64(b.N*records), "sent-B/event")
			most := peak(b, c.Process.Pid)
			if b.ReportMetric(most, "MiB-peak"); most > 300 {
				b.Errorf("it took %.0f MiB: 300 are enough for any range", most)
			}
			end()
			b.ReportMetric((c.ProcessState.UserTime()+c.ProcessState.SystemTime()).Seconds()/float64(b.N*records)*1e6, "cpu-µs/event")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// through plays everything at max to one client, and returns how many bytes came.
func through(b *testing.B, addr, rooms string) int {
	b.Helper()
	l := &listener{said: make(chan string, 1)}
	ws, _, err := gws.NewClient(l, &gws.ClientOption{Addr: "ws://" + addr + "/v1/replay?from=1&speed=max&rooms=" + rooms})
	must(b, err)
	go ws.ReadLoop()
	select {
	case said := <-l.said:
		if !strings.Contains(said, `"entries":`) {
			b.Fatal(said)
		}
		b.Log(said)
	case <-time.After(2 * time.Minute):
		b.Fatal("it does not end")
	}
	ws.NetConn().Close()
	return l.bytes
}

// BenchmarkReplay replays at max from memory, in this process: what a record costs from the player to the socket, the client's own
// reading with it.
func BenchmarkReplay(b *testing.B) {
	const records = 300_000
	arch, _ := made(records, 1000)
	n := serving(b, server.Config{Archive: arch, Log: quiet})
	for _, channel := range []string{"trades", "quotes", "book", "ticker", "candles"} {
		rooms := channel + ":BINANCE:*"
		if channel == "candles" {
			rooms += "@1m"
		}
		b.Run(channel, func(b *testing.B) {
			for b.Loop() {
				through(b, n.addr, rooms)
			}
			b.ReportMetric(float64(b.N*records)/b.Elapsed().Seconds(), "records/s")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// peak is the most memory that a process had, in MiB.
func peak(b *testing.B, pid int) float64 {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Skipf("memory is not measured here: %v", err)
	}
	_, line, _ := strings.Cut(string(text), "VmHWM:")
	var kB float64
	if _, err := fmt.Sscan(line, &kB); err != nil {
		b.Fatal(err)
	}
	return kB / 1024
}

// BenchmarkPace replays from memory over a socket for some seconds and reports how much later records come to a client than those
// that come soonest, measured against the plan: the encoding, the flush and the way are in it. The drift is how much later
// the last tenth comes than the first. A loop that only waits for timers beside it shows what the machine itself is late by.
func BenchmarkPace(b *testing.B) {
	arch, began := made(200_000, 5_000)
	n := serving(b, server.Config{Archive: arch, Log: quiet})
	for _, speed := range []int64{1, 10, 100} {
		b.Run(fmt.Sprintf("%dx", speed), func(b *testing.B) {
			for range b.N {
				v := newClient("client", false)
				v.path = "/v1/replay"
				var off []float64
				origin := time.Now()
				v.each = func(m *mirror.Message, _ *mirror.Room) {
					if m.T == "update" {
						due := origin.Add(time.Duration((m.Ts - began) * 1000 / speed))
						off = append(off, float64(time.Since(due))/1e6)
					}
				}
				must(b, v.connect(n.addr, fmt.Sprintf("?from=%d&speed=%d&rooms=trades:BINANCE:*", began, speed)))
				noise := timers(6 * time.Second)
				v.hangUp()
				part := len(off) / 10
				first, last := slices.Sorted(slices.Values(off[:part])), slices.Sorted(slices.Values(off[len(off)-part:]))
				b.ReportMetric(last[part/2]-first[part/2], "ms-drift")
				soonest := slices.Min(off)
				for i := range off {
					off[i] -= soonest
				}
				report(b, "late", off)
				report(b, "timer", noise)
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// timers waits for one timer after the other and returns by how many ms each was late.
func timers(d time.Duration) (late []float64) {
	for due, end := time.Now(), time.Now().Add(d); due.Before(end); {
		due = due.Add(5 * time.Millisecond)
		t := time.NewTimer(time.Until(due))
		<-t.C
		late = append(late, float64(time.Since(due))/1e6)
	}
	return late
}

func report(b *testing.B, what string, ms []float64) {
	slices.Sort(ms)
	b.ReportMetric(ms[len(ms)/2], fmt.Sprintf("ms-%s-p50", what))
	b.ReportMetric(ms[len(ms)*99/100], fmt.Sprintf("ms-%s-p99", what))
}

// made keeps so many records of a made-up market in memory, so many µs apart on average, and tells where it begins.
func made(records int, apart int64) (arch *memory.Tape, began int64) {
	arch = memory.New(1 << 30)
	x := newExchange(5, "t", 2, hoursAgo(), bases...)
	x.step, began = apart, x.now
	var offsets [2]int64
	for range records {
		m := x.next()
		r := feed.Record{Offset: offsets[m.partition], Time: m.time, Key: []byte(m.key), Value: m.value}
		if m.native != "" {
			r.Headers = []feed.Header{{Key: "symbol", Value: []byte(m.native)}}
		}
		arch.Append(feed.LogID{Topic: "t", Partition: m.partition, Format: "binance"}, &r)
		offsets[m.partition]++
	}
	return arch, began
}
