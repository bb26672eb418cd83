package tape_test

import (
	"fmt"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/tape"
)

var id = feed.LogID{Topic: "t", Format: "made"}

func TestTapeKeepsTheNewest(t *testing.T) {
	tp := tape.New(10_000)
	var value [100]byte
	for offset := range int64(1000) {
		for range 2 { // the second time it is there already
			tp.Append(id, &feed.Record{Offset: offset, Time: 1e15 + offset*1000, Value: value[:]})
		}
	}
	logs, _ := tp.Logs(t.Context())
	if len(logs) != 1 || logs[0].Next != 1000 || logs[0].First < 940 || logs[0].First > 970 || logs[0].Records != 1000-logs[0].First {
		t.Fatalf("10 kB of records hold %+v", logs)
	}
	offset, clock, _ := tp.Seek(t.Context(), id, 1e15+980_500)
	if offset != 981 || clock != 1e15+980_000 {
		t.Errorf("the time is at %d, the clock before it %d", offset, clock)
	}
	if offset, _, _ := tp.Seek(t.Context(), id, 1<<60); offset != 1000 {
		t.Errorf("what is still to come is at %d", offset)
	}
	for from := logs[0].First; from < 1000; {
		next, err := tp.Read(t.Context(), id, feed.Window{From: from, Bytes: 1000}, func(r *feed.Record) error {
			if r.Offset != from {
				t.Fatalf("%d came instead of %d", r.Offset, from)
			}
			from++
			return nil
		})
		if err != nil || next != from {
			t.Fatal(next, from, err)
		}
	}
}

func TestTapeHoles(t *testing.T) {
	tp := tape.New(1000)
	tp.Lost(id, feed.Hole{From: 5, To: 9, Why: feed.LossSource})
	for _, c := range []struct {
		from, to int64
		want     int
	}{{0, 5, 0}, {0, 6, 1}, {8, 20, 1}, {9, 20, 0}} {
		if holes, _ := tp.Holes(t.Context(), id, c.from, c.to); len(holes) != c.want {
			t.Errorf("from %d to %d: %s", c.from, c.to, fmt.Sprint(holes))
		}
	}
}
