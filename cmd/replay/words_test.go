package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tapedeck/cmd/flags"
	"tapedeck/feed"
	"tapedeck/feed/checkpoint"
	"tapedeck/feed/clickhouse"
)

// tradesFile writes so many trades of DESK:BTC-USD, a second apart, and returns what imports them.
func tradesFile(t *testing.T, trades int) (args []string) {
	t.Helper()
	var text strings.Builder
	text.WriteString("ts,sym,px,qty\n")
	for i := range trades {
		fmt.Fprintf(&text, "%d,BTC-USD,%d.5,1\n", 1_700_000_000+i, 100+i%9)
	}
	path := filepath.Join(t.TempDir(), "fills.csv")
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"import", "--columns", "time=ts,symbol=sym,price=px,size=qty", "--time-unit", "s", "--venue", "DESK", path}
}

// What is said where there is nothing, or nothing of what was asked for.
func TestClickHouseSaysThatThereIsNothing(t *testing.T) {
	db, at := archive(t)
	if err := db.Migrate(t.Context(), clickhouse.Plan{}, nil); err != nil {
		t.Fatal(err)
	}
	says := func(code int, want string, args ...string) {
		t.Helper()
		got, out, errs := run(t, append(args, at...)...)
		if got != code || !strings.Contains(errs, want) || out != "" {
			t.Errorf("%q ends with %d and says %q %q, want %d and %q", args, got, out, errs, code, want)
		}
	}
	says(flags.OK, "nothing is archived: replay record and replay import do that", "gaps")
	says(flags.OK, "nothing is archived", "gaps", "--json")
	says(flags.Failed, "nothing is archived", "gaps", "--strict")
	says(flags.WrongConfig, "nothing of this is archived", "export", "--symbols", "DESK:BTC-USD")
	if code, _, errs := run(t, append(tradesFile(t, 30), at...)...); code != flags.OK {
		t.Fatalf("an import ends with %d: %s", code, errs)
	}
	says(flags.OK, "nothing of this is archived: replay ls", "gaps", "--topic", "another")
	says(flags.OK, "nothing was told of what was asked for: replay ls lists the symbols", "export", "--symbols", "DESK:NOSUCH")
	says(flags.OK, "nothing was told of what was asked for", "export", "--rooms", "trades:NOWHERE:BTC-USD")
	if _, _, errs := run(t, append([]string{"export", "--symbols", "DESK:BTC-USD"}, at...)...); strings.Contains(errs, "nothing") {
		t.Errorf("of a symbol that is there it is said %q", errs)
	}
}

func TestImportOfNoFile(t *testing.T) {
	for _, file := range []string{"nosuch.csv", "nosuch.raw.gz"} {
		code, _, errs := run(t, "import", "--feed", "binance", "--dry-run", file)
		if code != flags.WrongConfig || !strings.Contains(errs, "there is no file "+file) {
			t.Errorf("%s: it ends with %d: %s", file, code, errs)
		}
	}
}

// A query of which the rows of one time are more than a record takes ends an export with what to do: it does not pass by waiting.
func TestClickHouseQueryOfTooManyRowsOfOneTime(t *testing.T) {
	_, at := archive(t)
	query := func(each int) string {
		return fmt.Sprintf("SELECT 1700000000000000 + toInt64(intDiv(number, %d)) * 1000000 AS time, 'S' AS symbol, toString(number + 1) AS price, 1 AS size, number AS id FROM (SELECT number FROM system.numbers LIMIT 20000)", each)
	}
	if code, out, errs := run(t, append([]string{"export", "--kinds", "trades", "--query", query(5000)}, at...)...); code != flags.OK || strings.Count(out, "\n") != 20_000 {
		t.Errorf("5,000 rows of a time: it ends with %d after %d rows: %s", code, strings.Count(out, "\n"), errs)
	}
	code, _, errs := run(t, append([]string{"export", "--kinds", "trades", "--query", query(20_000)}, at...)...)
	if code == flags.OK || !strings.Contains(errs, "the rows of 2023-11-14T22:13:20Z are one record of ") || !strings.Contains(errs, "1 MiB is the most: give them finer times") {
		t.Errorf("20,000 rows of a time: it ends with %d: %s", code, errs)
	}
}

// An import keeps checkpoints as a recorder does, which know the log from its beginning; or none. While one is being written the next
// minutes pass by: of a small file few are kept, but that of its end always is.
func TestClickHouseImportKeepsCheckpoints(t *testing.T) {
	for every, least := range map[string]uint64{"1m": 2, "0s": 0} {
		db, at := archive(t)
		if err := db.Migrate(t.Context(), clickhouse.Plan{}, nil); err != nil {
			t.Fatal(err)
		}
		args := append(append(tradesFile(t, 3000), "--checkpoint-every", every), at...)
		args = append(append([]string{args[0]}, args[len(args)-len(at)-2:]...), args[1:len(args)-len(at)-2]...) // flags come first
		for range 2 {
			if code, _, errs := run(t, args...); code != flags.OK {
				t.Fatalf("an import ends with %d: %s", code, errs)
			}
		}
		var kept uint64
		if err := db.Conn().QueryRow(t.Context(), "SELECT uniqExact(offset) FROM "+db.Table("checkpoints")).Scan(&kept); err != nil {
			t.Fatal(err)
		}
		if kept < least || least == 0 && kept > 0 {
			t.Errorf("every %s: %d are kept", every, kept)
		}
		if least == 0 {
			continue
		}
		log := feed.LogID{Cluster: "capture", Topic: "import:fills", Format: "tick"}
		c, ok, err := db.Checkpoint(t.Context(), log, 1<<40)
		if err != nil || !ok || c.Offset != 3000 {
			t.Fatalf("the newest is at %d, %v, %v", c.Offset, ok, err)
		}
		if h, err := checkpoint.Peek(c.Data); err != nil || h.From != 0 {
			t.Errorf("it knows the log from %d, %v", h.From, err)
		}
	}
}

// A feed's options are those of streamer serve, for an archive's logs and for captures.
func TestClickHouseServesWithOptions(t *testing.T) {
	db, at := archive(t)
	if err := db.Migrate(t.Context(), clickhouse.Plan{}, nil); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "both.raw")
	var text strings.Builder
	for i := range 20 {
		at := 1_700_000_000_000 + i*100
		fmt.Fprintf(&text, `%d000000 {"e":"trade","E":%d,"s":"BTCUSDT","t":%d,"p":"1.5","q":"1","T":%[2]d,"m":false}`+"\n", at, at, i+1)
		if i%4 == 0 {
			fmt.Fprintf(&text, `%d000000 {"e":"aggTrade","E":%d,"s":"BTCUSDT","a":%d,"p":"1.5","q":"4","f":1,"l":4,"T":%[2]d,"m":false}`+"\n", at, at, 900+i)
		}
	}
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := run(t, append(append([]string{"import"}, at...), "--feed", "binance", path)...); code != flags.OK {
		t.Fatalf("an import ends with %d: %s", code, errs)
	}
	for name, tt := range map[string]struct {
		args   []string
		trades int
	}{
		"an archive":              {at, 20},
		"an archive, aggregated":  {append([]string{"--feed", "binance=import:both,trades=aggTrade"}, at...), 5},
		"a capture":               {[]string{"--feed", "binance", "--capture", path}, 20},
		"a capture, aggregated":   {[]string{"--feed", "binance,trades=aggTrade", "--capture", path}, 5},
		"another topic's options": {append([]string{"--feed", "binance=import:other,trades=aggTrade"}, at...), 20},
	} {
		out, stop := background(t, append([]string{"serve", "--listen", "127.0.0.1:0", "--log-level", "error"}, tt.args...)...)
		address := ""
		eventually(t, "its address", func() bool {
			if m := socketAt.FindStringSubmatch(out.String()); m != nil {
				address = m[1]
			}
			return address != ""
		})
		v := watch(t, address+"?from=2023-11-14T00:00:00Z&speed=max&interval=0&rooms=trades:BINANCE:BTC-USDT")
		if v.end.Entries != tt.trades {
			t.Errorf("%s: %d trades are told, want %d", name, v.end.Entries, tt.trades)
		}
		stop()
	}
	if code, _, errs := run(t, append([]string{"serve", "--feed", "binance=t,trade=aggTrade"}, at...)...); code != flags.WrongFlags || !strings.Contains(errs, "trade=aggTrade says nothing") {
		t.Errorf("an option that there is not: it ends with %d: %s", code, errs)
	}
}
