package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"tapedeck/feed"
)

func pastOf(t *testing.T, c Config) *Past {
	t.Helper()
	p, err := NewPast(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// whole reads a log from an offset on, in windows of so many bytes.
func whole(t *testing.T, a feed.Archive, log feed.LogID, from int64, bytes int) (values []string) {
	t.Helper()
	for {
		next, err := a.Read(t.Context(), log, feed.Window{From: from, Bytes: bytes}, func(r *feed.Record) error {
			if r.Clock != 0 || r.Offset < from {
				t.Errorf("from %d comes %+v", from, r)
			}
			values = append(values, string(r.Value))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if next <= from {
			return values
		}
		from = next
	}
}

func TestPast(t *testing.T) {
	c := cluster(t, kfake.SeedTopics(2, "a"))
	w := newWriter(t, c.ListenAddrs())
	began := time.UnixMilli(1_700_000_000_000)
	for i := range 40 { // batches of one, a second apart
		w.records(&kgo.Record{Topic: "a", Partition: 1, Value: []byte(fmt.Sprint(i)), Timestamp: began.Add(time.Duration(i) * time.Second)})
	}
	p := pastOf(t, quick(c, "a"))
	logs, err := p.Logs(t.Context())
	if err != nil || len(logs) != 1 { // the other partition is empty
		t.Fatalf("%+v, error %v", logs, err)
	}
	h := logs[0]
	if h.First != 0 || h.Next != 40 || h.Records != 40 || h.Begin != began.UnixMicro() || h.End != began.Add(39*time.Second).UnixMicro() {
		t.Errorf("held: %+v", h)
	}
	r := run(t, quick(c, "a"))
	if live := r.reaches("a", 1, 40).starts[0].Log; live != h.LogID {
		t.Errorf("the live log is %+v, the past one %+v", live, h.LogID)
	}
	var want []string
	for i := range 40 {
		want = append(want, fmt.Sprint(i))
	}
	for _, bytes := range []int{1, 7, 0} {
		if got := whole(t, p, h.LogID, 0, bytes); !slices.Equal(got, want) {
			t.Errorf("in windows of %d: %q", bytes, got)
		}
	}
	for _, tt := range []struct{ at, offset, clock int64 }{{0, 0, 0}, {20_000_000, 20, 19_000_000}, {19_500_000, 20, 19_000_000}, {50_000_000, 40, 39_000_000}} {
		offset, clock, err := p.Seek(t.Context(), h.LogID, began.UnixMicro()+tt.at)
		if tt.clock > 0 {
			tt.clock += began.UnixMicro()
		}
		if err != nil || offset != tt.offset || clock != tt.clock {
			t.Errorf("seek %d: offset %d, clock %d, error %v, want %+v", tt.at, offset, clock, err, tt)
		}
	}
	next, err := p.Read(t.Context(), h.LogID, feed.Window{From: 5, To: 9}, func(r *feed.Record) error {
		if r.Offset < 5 || r.Offset >= 9 {
			t.Errorf("outside of the window: %d", r.Offset)
		}
		return nil
	})
	if err != nil || next != 9 {
		t.Errorf("the window ends at %d, error %v", next, err)
	}
	bad := errors.New("enough")
	if next, err := p.Read(t.Context(), h.LogID, feed.Window{From: 5}, func(r *feed.Record) error {
		if r.Offset == 7 {
			return bad
		}
		return nil
	}); !errors.Is(err, bad) || next != 7 {
		t.Errorf("take's error: next %d, %v", next, err)
	}
	w.trim("a", 1, 10)
	if got := whole(t, p, h.LogID, 4, 0); !slices.Equal(got, want[10:]) {
		t.Errorf("after retention: %q", got)
	}
	holes, err := p.Holes(t.Context(), h.LogID, 0, 40)
	if err != nil || !slices.Equal(holes, []feed.Hole{{From: 4, To: 10, Why: feed.LossRetention}}) {
		t.Errorf("holes: %v, error %v", holes, err)
	}
	other := h.LogID
	other.TopicID = "another"
	if got := whole(t, p, other, 0, 0); got != nil {
		t.Errorf("another topic of the name holds %q", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Read(ctx, h.LogID, feed.Window{From: 40}, func(*feed.Record) error { return nil }); err == nil {
		t.Error("nobody waits any more, but it is read")
	}
	if got := whole(t, p, h.LogID, 30, 0); !slices.Equal(got, want[30:]) {
		t.Errorf("then: %q", got)
	}
}

func TestPastControlMarks(t *testing.T) {
	c := cluster(t, kfake.SeedTopics(1, "a"))
	commit(t, newWriter(t, c.ListenAddrs(), kgo.TransactionalID("a")), "a", "1")
	newWriter(t, c.ListenAddrs()).send("a", 0, "2")
	p := pastOf(t, quick(c, "a"))
	logs, err := p.Logs(t.Context())
	if err != nil || len(logs) != 1 {
		t.Fatalf("%+v, error %v", logs, err)
	}
	if got := whole(t, p, logs[0].LogID, 0, 0); !slices.Equal(got, []string{"1", "2"}) {
		t.Errorf("%q", got)
	}
	if holes, _ := p.Holes(t.Context(), logs[0].LogID, 0, 9); holes != nil {
		t.Errorf("holes: %v", holes)
	}
}

// A batch that stays damaged is asked for as often as the live reader does, and then it is a hole, as live.
func TestPastGivesUpADamagedBatch(t *testing.T) {
	line := wire{mangle: "rot"}
	c := cluster(t, line.option(), kfake.SeedTopics(1, "a"))
	w := newWriter(t, c.ListenAddrs())
	w.send("a", 0, numbered("good", 10)...)
	w.send("a", 0, "rot")
	w.send("a", 0, numbered("good", 10)...)
	p := pastOf(t, quick(c, "a"))
	log := run(t, quick(c, "a")).reaches("a", 0, 21).starts[0].Log
	var got []int64
	for next, failures := int64(0), 0; next < 21; {
		to, err := p.Read(t.Context(), log, feed.Window{From: next}, func(r *feed.Record) error {
			got = append(got, r.Offset)
			return nil
		})
		if err != nil {
			if failures++; !errors.Is(err, errCorrupt) || failures == tries {
				t.Fatalf("failure %d: %v", failures, err)
			}
		}
		next = to
	}
	if len(got) != 20 || slices.Contains(got, 10) {
		t.Errorf("offsets %d came", got)
	}
	if holes, _ := p.Holes(t.Context(), log, 0, 21); !slices.Equal(holes, []feed.Hole{{From: 10, To: 11, Why: feed.LossSource}}) {
		t.Errorf("holes: %v", holes)
	}
}
