package e2e_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
)

// Many clients come back at once, for what only a real ClickHouse still has and for what comes after it in the topic, while trades
// flow and the recorder writes. No trade is missed or told twice, and no gap is told; and all of it is in the table, once.
func TestClickHouseResumesUnderLoad(t *testing.T) {
	db := tables(t, realClickHouse(t))
	m := openBourse(t, true, db)
	topic := m.config.Topics[0].Name
	ctx, stop := context.WithCancel(context.Background())
	ended := startRecording(t, ctx, m.b, db, topic)
	defer func() { stop(); ended() }()
	count := func(what string) (n uint64) {
		t.Helper()
		must(t, db.Conn().QueryRow(context.Background(), "SELECT toUInt64("+what+") FROM "+db.Table("records")).Scan(&n))
		return n
	}
	until(t, "the recorder has what was there", func() string {
		if n := count("count()"); n < lagging {
			return fmt.Sprint(n, " rows")
		}
		return ""
	})
	end := m.serve()
	defer end()
	before := count("count()")
	room := m.x.list[0].room("trades")
	const clients, times = 16, 2
	for n := range times {
		var guests sync.WaitGroup
		for i := range clients {
			guests.Go(func() {
				if err := m.comeBack(rand.New(rand.NewPCG(uint64(i), uint64(n))), fmt.Sprint("client ", i, ".", n), room); err != nil {
					t.Errorf("%.2000v", err)
				}
			})
		}
		guests.Wait()
		m.b.deleteRecords(t, topic, keyed(m.x.list[0].native(), 2), lagging) // the next time, the table alone has them
	}
	during := count("count()")
	m.end()
	written := uint64(m.written.Load())
	until(t, "the recorder has everything", func() string {
		if n := count("uniqExact(log, offset)"); n < written {
			return fmt.Sprint(n, " of ", written)
		}
		return ""
	})
	if rows := count("count()"); rows != written {
		t.Errorf("%d rows of %d records", rows, written)
	}
	t.Logf("%d clients came back %d times and were told %d trades; the recorder wrote %d records meanwhile", clients, times, m.trades.Load(), during-before)
	if m.trades.Load() < clients*times*1000 || during == before {
		t.Error("that proves little")
	}
}
