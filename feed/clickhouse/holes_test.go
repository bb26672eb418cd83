package clickhouse

import (
	"fmt"
	"slices"
	"testing"

	"tapedeck/feed"
)

// Holes that touch a stretch are told once each, in order; a checkpoint is the newest one at or before an offset, byte for byte.
func TestClickHouseHolesAndCheckpoints(t *testing.T) {
	db := archive(t)
	other := someLog
	other.Partition = 9
	n, m := Number(someLog), Number(other)
	for _, s := range []string{
		fmt.Sprintf("INSERT INTO %s (log, from_offset, to_offset, reason, clock) SELECT toUInt64(%d), 100, 200, 'source', 1700000000000000", db.Table("holes"), n),
		fmt.Sprintf("INSERT INTO %s (log, from_offset, to_offset, reason, clock) SELECT toUInt64(%d), 100, 200, 'source', 1700000000000000", db.Table("holes"), n),
		fmt.Sprintf("INSERT INTO %s (log, from_offset, to_offset, reason, clock) SELECT toUInt64(%d), 10, 20, 'retention', 1600000000000000", db.Table("holes"), n),
		fmt.Sprintf("INSERT INTO %s (log, from_offset, to_offset, reason, clock) SELECT toUInt64(%d), 15, 25, 'archive', 1700000000000000", db.Table("holes"), m),
		fmt.Sprintf("INSERT INTO %s (log, epoch, offset, clock, data) SELECT toUInt64(%d), 'a', 50, 1600000000000000, unhex('0001FF0A')", db.Table("checkpoints"), n),
		fmt.Sprintf("INSERT INTO %s (log, epoch, offset, clock, data) SELECT toUInt64(%d), 'b', 90, 1700000000000000, ''", db.Table("checkpoints"), n),
		fmt.Sprintf("INSERT INTO %s (log, epoch, offset, clock, data) SELECT toUInt64(%d), 'c', 60, 1700000000000000, 'x'", db.Table("checkpoints"), m),
	} {
		if err := db.exec(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	first, second := feed.Hole{From: 10, To: 20, Why: feed.LossRetention}, feed.Hole{From: 100, To: 200, Why: feed.LossSource}
	for _, tt := range []struct {
		from, to int64
		want     []feed.Hole
	}{
		{0, 1000, []feed.Hole{first, second}}, {0, 10, nil}, {0, 11, []feed.Hole{first}}, {19, 100, []feed.Hole{first}},
		{20, 100, nil}, {150, 160, []feed.Hole{second}}, {199, 1000, []feed.Hole{second}}, {200, 1000, nil},
	} {
		got, err := db.Holes(t.Context(), someLog, tt.from, tt.to)
		if err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("holes from %d to %d: %v %v, want %v", tt.from, tt.to, got, err, tt.want)
		}
	}
	for _, tt := range []struct {
		offset int64
		want   string
	}{{49, "{ 0 0 []} false"}, {50, "{a 50 1600000000000000 [0 1 255 10]} true"}, {89, "{a 50 1600000000000000 [0 1 255 10]} true"}, {90, "{b 90 1700000000000000 []} true"}, {1 << 40, "{b 90 1700000000000000 []} true"}} {
		got, ok, err := db.Checkpoint(t.Context(), someLog, tt.offset)
		if text := fmt.Sprint(got, ok); err != nil || text != tt.want {
			t.Errorf("checkpoint at %d: %s %v, want %s", tt.offset, text, err, tt.want)
		}
	}
}
