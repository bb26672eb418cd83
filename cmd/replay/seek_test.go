package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lxzan/gws"

	"tapedeck/feed"
	"tapedeck/feed/clickhouse"
	"tapedeck/wire/mirror"
)

// A day of books, each symbol's every 150th record a snapshot (11 minutes): made by the server.
const (
	daySymbols = 50
	dayEvery   = 150 // of a symbol's records
	dayBegin   = int64(1_790_000_000_000_000)
)

func fillDay(t testing.TB, db *clickhouse.DB, records int) (step int64) {
	t.Helper()
	step = 86_400_000_000 / int64(records)
	l := feed.LogID{Topic: "day", Format: "tick"}
	for _, s := range []string{
		fmt.Sprintf(`INSERT INTO %s (log, stripe, cluster, topic, topic_id, partition, format, symbol, offset, time, clock, vtime, absent, key, value)
SELECT toUInt64(%d), o - o %% 65536, '', 'day', '', toInt32(0), 'tick', concat('DESK:S', toString(o %% %d)), o, %d + o * %d, %[4]d + o * %[5]d, toInt64(0), toUInt8(0), 'k',
  concat('{"t":"book","venue":"DESK","symbol":"S', toString(o %% %[3]d), '","seq":', toString(n + 1), if(n %% %[6]d = 0, ',"snapshot":true,"asks":[["200","1"]],"bids":[["100","', ',"bids":[["'), 
    if(n %% %[6]d = 0, toString(n + 1), concat(toString(100 - n %% 20), '","', toString(n + 1))), '"]]}')
FROM (SELECT toInt64(number) AS o, intDiv(o, %[3]d) AS n FROM system.numbers LIMIT %[7]d)`, db.Table("records"), clickhouse.Number(l), daySymbols, dayBegin, step, dayEvery, records),
		fmt.Sprintf(`INSERT INTO %s (log, offset, time, clock) SELECT toUInt64(%d), intDiv(toInt64(number) * 60000000, %d) + 1 AS o, %d + o * %[3]d, %[4]d + o * %[3]d FROM system.numbers LIMIT 1439`,
			db.Table("marks"), clickhouse.Number(l), step, dayBegin),
	} {
		if err := db.Conn().Exec(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	return step
}

// bookAt is the book of a symbol before a time: what the records say, read one after the other.
func bookAt(symbol int, at, step int64) (bids map[string]string) {
	for o := int64(symbol); dayBegin+o*step < at; o += daySymbols {
		n := o / daySymbols
		if n%dayEvery == 0 {
			bids = map[string]string{"100": fmt.Sprint(n + 1)}
		} else if bids != nil {
			bids[fmt.Sprint(100-n%20)] = fmt.Sprint(n + 1)
		}
	}
	return bids
}

// gazer tells when the room's first snapshot has come since it was asked.
type gazer struct {
	gws.BuiltinEventHandler
	mu    sync.Mutex
	known *mirror.Mirror
	came  chan map[string]string
}

func (g *gazer) OnMessage(_ *gws.Conn, m *gws.Message) {
	defer m.Close()
	g.mu.Lock()
	defer g.mu.Unlock()
	_ = g.known.Frame(append([]byte(nil), m.Bytes()...))
}

// Who opens a replay in the middle of a day, or seeks there, sees the book as it was.
func TestClickHouseSeekShowsTheBook(t *testing.T) {
	db, at := archive(t)
	if err := db.Migrate(t.Context(), clickhouse.Plan{}, nil); err != nil {
		t.Fatal(err)
	}
	const records = 1_000_000
	step := fillDay(t, db, records)
	out, _ := background(t, append([]string{"serve", "--listen", "127.0.0.1:0", "--log-level", "error"}, at...)...)
	var socket string
	eventually(t, "its address", func() bool {
		if m := regexp.MustCompile(`'(ws://[^']*?/v1/replay)`).FindStringSubmatch(out.String()); m != nil {
			socket = m[1]
		}
		return socket != ""
	})
	const room = "book:DESK:S7"
	g := &gazer{known: mirror.New(), came: make(chan map[string]string, 16)}
	g.known.Message = func(m *mirror.Message, r *mirror.Room) {
		if m.T == "snapshot" && m.Room == room {
			bids := map[string]string{}
			for p, q := range r.Bids {
				bids[p] = q
			}
			g.came <- bids
		}
	}
	places := []int64{dayBegin + 43_200_000_001, dayBegin + 70_000_123_456, dayBegin + 3_600_000_000, dayBegin + 86_000_000_000, dayBegin + 43_200_000_001}
	began := time.Now()
	conn, _, err := gws.NewClient(g, &gws.ClientOption{Addr: fmt.Sprintf("%s?from=%d&speed=0.1&rooms=%s", socket, places[0], room)})
	if err != nil {
		t.Fatal(err)
	}
	var reading sync.WaitGroup
	reading.Go(conn.ReadLoop)
	defer reading.Wait()
	defer conn.NetConn().Close()
	for i, place := range places {
		if i > 0 {
			began = time.Now()
			command, _ := json.Marshal(map[string]any{"op": "seek", "to": fmt.Sprint(place)})
			if err := conn.WriteMessage(gws.OpcodeText, command); err != nil {
				t.Fatal(err)
			}
		}
		select {
		case got := <-g.came:
			want := bookAt(7, place, step)
			if a, b := fmt.Sprint(got), fmt.Sprint(want); a != b {
				t.Errorf("at %d the book is %s, want %s", place, a, b)
			}
			t.Logf("place %d of a day of %d records: %v", i, records, time.Since(began).Round(time.Millisecond))
		case <-time.After(time.Minute):
			t.Fatalf("no book at %d: %s", place, strings.TrimSpace(out.String()))
		}
	}
}
