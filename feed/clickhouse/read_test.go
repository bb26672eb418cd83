package clickhouse

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"tapedeck/feed"
)

// row is a record as the model knows it.
type row struct {
	offset, time, clock, stripe int64
	symbol, value               string
	mark                        bool
}

// history makes rows with holes and of several symbols, and the marks among them.
func history(r *rand.Rand, n int) (rows []row) {
	var s Stripe
	offset, clock := int64(r.IntN(1000)), int64(1_700_000_000_000_000)
	for range n {
		clock += int64(r.IntN(2_000_000))
		value := strings.Repeat("v", r.IntN(60)) + fmt.Sprint(offset)
		if r.IntN(60) == 0 {
			value = strings.Repeat("w", r.IntN(20_000))
		}
		if r.IntN(500) == 0 {
			s = Stripe{} // a recorder that started again
		}
		symbol := []string{"", "X:A", "X:B", "X:C'"}[r.IntN(4)]
		rows = append(rows, row{offset, clock - 5, clock, s.Next(offset, len(value)), symbol, value, r.IntN(50) == 0})
		if offset++; r.IntN(100) == 0 {
			offset += int64(r.IntN(5000))
		}
		if r.IntN(2000) == 0 {
			offset += 3 * planOffsets
		}
	}
	return rows
}

// write puts a history into the tables, some rows of it twice.
func write(t *testing.T, r *rand.Rand, db *DB, log feed.LogID, rows []row) {
	t.Helper()
	for len(rows) > 0 {
		n := 1
		for n < min(len(rows), 300) && rows[n].clock/86400e6 == rows[0].clock/86400e6 {
			n++
		}
		records, err := db.Conn().PrepareBatch(t.Context(), "INSERT INTO "+db.Table("records")+
			" (log, stripe, cluster, topic, topic_id, partition, format, symbol, offset, time, clock, vtime, absent, key, value, header_keys, header_values)")
		if err != nil {
			t.Fatal(err)
		}
		marks, err := db.Conn().PrepareBatch(t.Context(), "INSERT INTO "+db.Table("marks")+" (log, offset, time, clock)")
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range rows[:n] {
			for range 1 + r.IntN(8)/7 {
				err = errors.Join(err, records.Append(Number(log), x.stripe, log.Cluster, log.Topic, log.TopicID, log.Partition, log.Format, x.symbol, x.offset, x.time, x.clock,
					int64(0), uint8(0), "k", x.value, []string{"h"}, []string{"1"}))
			}
			if x.mark {
				err = errors.Join(err, marks.Append(Number(log), x.offset, x.time, x.clock))
			}
		}
		if err := errors.Join(err, marks.Send(), records.Send()); err != nil {
			t.Fatal(err)
		}
		rows = rows[n:]
	}
}

var someLog = feed.LogID{Cluster: "c", Topic: "t", TopicID: "7", Partition: 3, Format: "tick"}

// Random windows give what a list of the rows would.
func TestClickHouseReadLikeAList(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 2))
	db := archive(t)
	rows := history(r, 3000)
	other := someLog
	other.Partition = 4
	write(t, r, db, someLog, rows)
	write(t, r, db, other, history(r, 100))
	first, last := rows[0], rows[len(rows)-1]
	for range 40 {
		w := feed.Window{From: max(0, first.offset-10+r.Int64N(last.offset-first.offset+20)), Bytes: 1 << (8 + r.IntN(14))}
		if r.IntN(2) == 0 {
			w.To = w.From + r.Int64N(1<<20)
		}
		if r.IntN(2) == 0 {
			w.Symbols = [][]string{{}, {"X:A"}, {"X:B", "X:C'"}, {"X:NONE"}}[r.IntN(4)]
		}
		var got, want []string
		from := w.From
		for range 40 {
			next, err := db.Read(t.Context(), someLog, w, func(rec *feed.Record) error {
				if !rec.Mark && (string(rec.Key) != "k" || len(rec.Headers) != 1 || rec.Headers[0].Key != "h" || string(rec.Headers[0].Value) != "1") {
					t.Fatalf("key or headers of %d: %+v", rec.Offset, rec)
				}
				got = append(got, fmt.Sprint(rec.Offset, rec.Time, rec.Clock, rec.Mark, string(rec.Value)))
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if next == w.From || w.To > 0 && next >= w.To {
				w.From = next
				break
			}
			w.From = next
		}
		if w.From > last.offset+1 && w.To == 0 {
			t.Fatalf("went on from %d, but %d is the newest: what is written there would be left out", w.From, last.offset)
		}
		for _, x := range rows {
			if x.offset < from || x.offset >= w.From {
				continue
			}
			if w.Symbols == nil || x.symbol == "" || slices.Contains(w.Symbols, x.symbol) {
				want = append(want, fmt.Sprint(x.offset, x.time, x.clock, false, x.value))
			} else if x.mark {
				want = append(want, fmt.Sprint(x.offset, x.time, x.clock, true, ""))
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%+v from %d: %d records, want %d", w, from, len(got), len(want))
		}
	}
	for range 40 {
		at := first.clock - 1e6 + r.Int64N(last.clock-first.clock+2e6)
		wantOffset, wantClock := last.offset+1, last.clock
		for i, x := range rows {
			if x.clock >= at {
				wantOffset, wantClock = x.offset, 0
				if i > 0 {
					wantClock = rows[i-1].clock
				}
				break
			}
		}
		if offset, clock, err := db.Seek(t.Context(), someLog, at); err != nil || offset != wantOffset || clock != wantClock {
			t.Fatalf("seek %d: %d %d %v, want %d %d", at, offset, clock, err, wantOffset, wantClock)
		}
	}
	logs, err := db.Logs(t.Context())
	if err != nil || len(logs) != 2 || logs[0].LogID != someLog || logs[0].First != first.offset || logs[0].Next != last.offset+1 || logs[0].End != last.clock {
		t.Errorf("logs: %+v %v", logs, err)
	}
}
