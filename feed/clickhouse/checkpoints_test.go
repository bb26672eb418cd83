package clickhouse

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"tapedeck/feed"
)

// What is kept is found again: the newest that is not behind an offset, byte by byte, also a large one.
func TestClickHouseCheckpoints(t *testing.T) {
	db := empty(t)
	if err := db.Migrate(t.Context(), Plan{}, func(Step) {}); err != nil {
		t.Fatal(err)
	}
	log := feed.LogID{Cluster: "c", Topic: "t", TopicID: "1", Partition: 3, Format: "made"}
	large := make([]byte, 8<<20)
	for i := range large {
		large[i] = byte(rand.Uint32())
	}
	const clock = 1_700_000_000e6
	for _, c := range []feed.Checkpoint{
		{Epoch: "e", Offset: 100, Clock: clock, Data: []byte("a\x00'\\")},
		{Epoch: "e", Offset: 200, Clock: clock + 1, Data: large},
		{Epoch: "e", Offset: 200, Clock: clock + 1, Data: large}, // once more
		{Epoch: "f", Offset: 300, Clock: clock + 86400e6, Data: []byte("another epoch, another day")},
	} {
		if err := db.Keep(t.Context(), log, c); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []struct {
		at, offset int64
		epoch      string
	}{{1 << 60, 300, "f"}, {300, 300, "f"}, {299, 200, "e"}, {200, 200, "e"}, {199, 100, "e"}, {99, -1, ""}} {
		c, ok, err := db.Checkpoint(t.Context(), log, want.at)
		if err != nil || ok != (want.offset >= 0) || ok && (c.Offset != want.offset || c.Epoch != want.epoch) {
			t.Fatalf("at %d: %v %d %q %v", want.at, ok, c.Offset, c.Epoch, err)
		}
		if c.Offset == 200 && (!bytes.Equal(c.Data, large) || c.Clock != clock+1) {
			t.Error("the large one is not what was kept")
		}
	}
	log.Partition++
	if _, ok, err := db.Checkpoint(t.Context(), log, 1<<60); ok || err != nil {
		t.Error("another log has them too", err)
	}
}
