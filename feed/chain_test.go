package feed_test

import (
	"slices"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/tape"
)

var chained = feed.LogID{Cluster: "c", Topic: "a", TopicID: "1", Format: "lines"}

// put appends the records from an offset up to another, which are a second apart.
func put(t *tape.Tape, from, to int64) {
	for i := from; i < to; i++ {
		t.Append(chained, &feed.Record{Offset: i, Time: 1e15 + i*1e6, Value: []byte{byte(i)}})
	}
}

// readAll reads a chain as a replay does: the offsets, and the holes between them.
func readAll(t *testing.T, a feed.Archive, from int64, bytes int) (offsets []int64, holes []feed.Hole) {
	t.Helper()
	for {
		next, err := a.Read(t.Context(), chained, feed.Window{From: from, Bytes: bytes}, func(r *feed.Record) error {
			offsets = append(offsets, r.Offset)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if next <= from {
			return offsets, holes
		}
		list, err := a.Holes(t.Context(), chained, from, next)
		if err != nil {
			t.Fatal(err)
		}
		holes = append(holes, list...)
		from = next
	}
}

func numbers(from, to int64) (list []int64) {
	for i := from; i < to; i++ {
		list = append(list, i)
	}
	return list
}

// A writer may be behind, or catch up at any moment: each offset is read once.
func TestChain(t *testing.T) {
	for _, bytes := range []int{1, 1000, 0} {
		history, newer := tape.New(1<<20), tape.New(1<<20)
		c := feed.Chain(history, newer)
		put(newer, 20, 60)
		put(history, 0, 50)
		if got, holes := readAll(t, c, 0, bytes); !slices.Equal(got, numbers(0, 60)) || holes != nil {
			t.Errorf("%v, holes %v", got, holes)
		}
		logs, err := c.Logs(t.Context())
		if err != nil || len(logs) != 1 || logs[0].First != 0 || logs[0].Next != 60 || logs[0].Records != 60 {
			t.Errorf("%+v, error %v", logs, err)
		}
		put(newer, 110, 130) // what lies between is gone from it, but was written to history
		put(history, 50, 120)
		if got, holes := readAll(t, c, 60, bytes); !slices.Equal(got, numbers(60, 130)) || holes != nil {
			t.Errorf("caught up: %v, holes %v", got, holes)
		}
		for _, at := range []int64{10, 70, 125} {
			offset, clock, err := c.Seek(t.Context(), chained, 1e15+at*1e6)
			if err != nil || offset != at || clock != 1e15+(at-1)*1e6 {
				t.Errorf("seek %d: %d, clock %d, error %v", at, offset, clock, err)
			}
		}
		if offset, _, err := c.Seek(t.Context(), chained, 1e15+500e6); err != nil || offset != 130 {
			t.Errorf("seek beyond: %d, error %v", offset, err)
		}
	}
}

func TestChainHole(t *testing.T) {
	history, newer := tape.New(1<<20), tape.New(1<<20)
	put(history, 0, 10)
	put(newer, 30, 40)
	history.Lost(chained, feed.Hole{From: 3, To: 4, Why: feed.LossSource})
	newer.Lost(chained, feed.Hole{From: 5, To: 30, Why: feed.LossRetention}) // as was told to who read from there
	got, holes := readAll(t, feed.Chain(history, newer), 0, 0)
	if !slices.Equal(got, append(numbers(0, 10), numbers(30, 40)...)) {
		t.Errorf("%v", got)
	}
	if want := []feed.Hole{{From: 3, To: 4, Why: feed.LossSource}, {From: 10, To: 30, Why: feed.LossArchive}}; !slices.Equal(holes, want) {
		t.Errorf("holes %v, want %v", holes, want)
	}
}
