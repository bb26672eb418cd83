package clickhouse

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"tapedeck/feed"
)

// What is missing is what a list of the rows lacks, by its offsets, with the holes that are known cut out of it.
func TestClickHouseGapsLikeAList(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 5))
	db := archive(t)
	rows := history(r, 3000)
	for i := range rows { // a stretch that is whole, over several blocks
		if i > 0 && i < len(rows)/2 {
			rows[i].offset = rows[i-1].offset + 1
		}
	}
	rows = slices.DeleteFunc(rows, func(x row) bool { return x.offset < rows[0].offset })
	for i := 1; i < len(rows); i++ {
		rows[i].offset = max(rows[i].offset, rows[i-1].offset+1)
	}
	write(t, r, db, someLog, rows)
	first, next := rows[0].offset, rows[len(rows)-1].offset+1
	var holes []feed.Hole
	for i := 1; i < len(rows); i++ {
		from, to := rows[i-1].offset+1, rows[i].offset
		if to-from > 2 && i%2 == 0 { // a part of it is known
			holes = append(holes, feed.Hole{From: from + 1, To: to - 1, Why: feed.LossRetention})
		}
	}
	holes = append(holes, feed.Hole{From: rows[5].offset, To: rows[9].offset, Why: feed.LossArchive}) // filled since
	for range 2 {
		for _, h := range holes {
			err := db.exec(t.Context(), fmt.Sprintf("INSERT INTO %s (log, from_offset, to_offset, reason, clock) SELECT toUInt64(%d), %d, %d, '%s', 1700000000000000", db.Table("holes"), Number(someLog), h.From, h.To, h.Why))
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	held := map[int64]int64{}
	for _, x := range rows {
		held[x.offset] = x.clock
	}
	for range 6 {
		from := first + r.Int64N(next-first)
		to := from + r.Int64N(next-from+1)
		if r.IntN(3) == 0 {
			from, to = first, next
		}
		var got, want []Gap
		if err := db.Gaps(t.Context(), someLog, from, to, func(g Gap) { got = append(got, g) }); err != nil {
			t.Fatal(err)
		}
		for at := from; at < to; at++ {
			if _, ok := held[at]; ok {
				continue
			}
			var why feed.Loss
			for _, h := range holes {
				if h.From <= at && at < h.To {
					why = h.Why
				}
			}
			if n := len(want); n > 0 && want[n-1].To == at && want[n-1].Why == why {
				want[n-1].To++
				continue
			}
			after := held[at-1]
			if n := len(want); n > 0 && want[n-1].To == at {
				after = want[n-1].After
			}
			want = append(want, Gap{feed.Hole{From: at, To: at + 1, Why: why}, after})
		}
		if len(got) > 0 && len(want) > 0 && got[0].From == from && want[0].From == from && want[0].After == 0 {
			for i := range got { // what is before the stretch may be far away
				if i < len(want) && want[i].After == 0 {
					want[i].After = got[i].After
				}
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%d to %d: %d gaps, want %d:\n%v\n%v", from, to, len(got), len(want), got[:min(6, len(got))], want[:min(6, len(want))])
		}
	}
}

// A day's offsets go up to the next day that is held.
func TestClickHouseDays(t *testing.T) {
	db := archive(t)
	const day = int64(86400e6)
	at := 1_700_006_400_000_000 - 1_700_006_400_000_000%day
	r := rand.New(rand.NewPCG(1, 1))
	rows := []row{
		{offset: 10, time: at, clock: at, symbol: "X:A", value: "aa"},
		{offset: 11, time: at + 5, clock: at + 5, symbol: "", value: "b"},
		{offset: 12, time: at + 7, clock: at + 7, symbol: "X:B", value: "ccc"},
		{offset: 20, time: at + day, clock: at + day, symbol: "X:A", value: "dddd"},
	}
	for i := range rows {
		rows[i].stripe = 10
	}
	write(t, rand.New(rand.NewPCG(4, 4)), db, someLog, rows[:3])
	write(t, r, db, someLog, rows[3:])
	if err := db.exec(t.Context(), fmt.Sprintf("INSERT INTO %s (log, from_offset, to_offset, reason, clock) SELECT toUInt64(%d), 13, 15, 'source', %d", db.Table("holes"), Number(someLog), at+7)); err != nil {
		t.Fatal(err)
	}
	if err := db.exec(t.Context(), fmt.Sprintf("INSERT INTO %s (symbol, time, price, qty, side, log, offset) SELECT 'X:A', %d, '1', '2', 'buy', toUInt64(%d), 10", db.Table("trades"), at, Number(someLog))); err != nil {
		t.Fatal(err)
	}
	early := "INSERT INTO %s (log, from_offset, to_offset, reason, clock) SELECT toUInt64(%d), 0, 10, 'retention', 0"
	for _, log := range []uint64{Number(someLog), 7} { // 7: a log of which no record is held
		if err := db.exec(t.Context(), fmt.Sprintf(early, db.Table("holes"), log)); err != nil {
			t.Fatal(err)
		}
	}
	first, second := dayText(at), dayText(at+day)
	days, err := db.Days(t.Context(), Filter{})
	if err != nil {
		t.Fatal(err)
	}
	if len(days) != 3 || days[0].Day != "" || days[0].Missing != 10 {
		t.Fatalf("what is missing before the first record is not told once: %+v", days)
	}
	days = days[1:]
	if len(days) != 2 || days[0].Day != first || days[1].Day != second || days[0].Records != 3 || days[0].Bytes != 15 || days[0].Trades != 1 || days[0].Missing != 2 ||
		days[0].From != at || days[0].To != at+7 || len(days[0].Symbols) != 3 || days[0].Symbols[1] != (Symbol{"X:A", Extent{1, 5, 1, at, at}}) || days[1].Missing != 0 {
		t.Errorf("days: %+v", days)
	}
	for _, tt := range []struct {
		f    Filter
		want string
	}{
		{Filter{Day: second}, second + " 1"}, {Filter{Topics: []string{"other"}}, ""}, {Filter{Symbols: []string{"X:B"}}, first + " 1"},
		{Filter{Symbols: []string{"X:A", "X:B"}, Topics: []string{"t"}}, first + " 2 " + second + " 1"}, {Filter{Day: "2001-01-01"}, ""},
	} {
		days, err := db.Days(t.Context(), tt.f)
		var got string
		for _, d := range days {
			if got != "" {
				got += " "
			}
			got += fmt.Sprint(d.Day, " ", d.Records)
		}
		if err != nil || got != tt.want {
			t.Errorf("%+v: %q %v, want %q", tt.f, got, err, tt.want)
		}
	}
	for _, tt := range []struct {
		day  string
		want string
	}{{first, "10 20 true"}, {second, "20 21 true"}, {"2001-01-01", "0 21 false"}} {
		from, to, ok, err := db.Bounds(t.Context(), someLog, tt.day)
		if got := fmt.Sprint(from, to, ok); err != nil || ok && got != tt.want || !ok && tt.want[len(tt.want)-5:] != "false" {
			t.Errorf("%s: %s %v, want %s", tt.day, got, err, tt.want)
		}
	}
}

func dayText(at int64) string { return time.UnixMicro(at).UTC().Format(time.DateOnly) }
