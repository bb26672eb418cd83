package server

import (
	"fmt"
	"testing"

	"tapedeck/feed"
)

// What a replay has played it has not to be read again for a seek back: the books and the entries from there on are those of one
// that begins at the session's beginning, and so for whoever replays the same after it. Who replays other symbols has none of it.
func TestSeekBackBeginsNear(t *testing.T) {
	plain := recordedMarket(5, 4000)
	arch := withCheckpoints(t, plain, 1<<40) // none: it counts what is read
	n := run(t, newTape(1), archived(arch))
	n.memo.every, n.memo.pause = 200, 0
	seeks := []int64{20e6, 33e6, 12e6}
	rewound := func(rooms []string) (ends []string, from []int64) {
		c := greet(t, n, replayAddress(rooms, "&speed=max"))
		defer c.leave()
		entries, sum := c.end()
		ends = append(ends, fmt.Sprint(entries, sum))
		for i, at := range seeks {
			arch.forget()
			c.say(`[{"op":"pause"},{"op":"seek","to":%d,"id":%d}]`, sessionBegan+at, i)
			c.answer(fmt.Sprint(i))
			if len(rooms) > 1 {
				c.knows(stateAt(t, plain, sessionBegan+at))
			}
			c.say(`{"op":"resume","id":1000}`)
			c.answer("1000")
			entries, sum := c.end()
			ends = append(ends, fmt.Sprint(entries, sum))
			_, first := arch.forget()
			from = append(from, first)
		}
		return ends, from
	}
	want, near := rewound(marketRooms)
	for i, from := range near {
		if from < []int64{600, 1000, 200}[i] { // C has a third of the records
			t.Errorf("for a seek to %d s it read from offset %d on", seeks[i]/1e6, from)
		}
	}
	n.memo.every, n.memo.kept = 1<<40, map[played][]feed.Checkpoint{}
	if got, from := rewound(marketRooms); fmt.Sprint(got) != fmt.Sprint(want) || from[0] != 0 {
		t.Errorf("from checkpoints %s, without them %s, read from %d on", want, got, from)
	}
	n.memo.every = 200
	rewound(marketRooms)
	if _, from := rewound(marketRooms[:1]); from[0] == 0 {
		t.Error("one symbol alone has no checkpoints")
	}
	until(t, "replays end with their last session", func() bool { return len(n.openReplays()) == 0 })
}

// What is remembered is bounded, and spread over all that was played.
func TestMemoIsBounded(t *testing.T) {
	m := newMemo()
	m.limit = 100_000
	of := []played{{marketLog(0), "all"}, {marketLog(1), "X Y"}}
	for i := range int64(1000) {
		m.keep(of[i%2], feed.Checkpoint{Offset: 100 * i, Data: make([]byte, 1000)})
		m.keep(of[i%2], feed.Checkpoint{Offset: 100 * i, Data: make([]byte, 500)}) // is there
		if m.bytes > m.limit {
			t.Fatalf("%d bytes", m.bytes)
		}
	}
	for _, one := range of {
		apart, sum := int64(0), 0
		for i, c := range m.kept[one] {
			sum += len(c.Data)
			if i > 0 {
				apart = max(apart, c.Offset-m.kept[one][i-1].Offset)
			}
		}
		if n := len(m.kept[one]); n < 20 || apart > 5_000 || sum > m.limit {
			t.Errorf("%d are left, up to %d apart", n, apart)
		}
		if c, ok := m.newest(one, 50_050); !ok || c.Offset > 50_050 || c.Offset < 45_000 {
			t.Errorf("the newest before 50,050 is %d, %v", c.Offset, ok)
		}
	}
	m.keep(of[0], feed.Checkpoint{Offset: 1, Data: make([]byte, 200_000)})
	if m.bytes > m.limit {
		t.Errorf("%d bytes after one that is too large", m.bytes)
	}
}
