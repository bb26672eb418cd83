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

// made makes a table of somebody else's.
func made(t *testing.T, columns string) (db *DB, table string, fill func(query string)) {
	t.Helper()
	db = empty(t)
	run := func(statement string) {
		t.Helper()
		if err := db.exec(t.Context(), statement); err != nil {
			t.Fatalf("%v: %s", err, statement)
		}
	}
	run("CREATE DATABASE " + db.Database())
	table = db.Table("theirs")
	run("CREATE TABLE " + table + " (" + columns + ") ENGINE = Log")
	return db, table, func(query string) { t.Helper(); run("INSERT INTO " + table + " " + query) }
}

// told reads all that an archive's first log has.
func told(t *testing.T, a feed.Archive, w feed.Window) (list []string) {
	t.Helper()
	logs, err := a.Logs(t.Context())
	if err != nil || len(logs) == 0 {
		t.Fatalf("%v %v", logs, err)
	}
	for range 10_000 {
		next, err := a.Read(t.Context(), logs[0].LogID, w, func(r *feed.Record) error {
			if r.Clock != r.Offset || r.Time != r.Offset {
				t.Fatalf("%+v", r)
			}
			list = append(list, fmt.Sprint(r.Offset, " ", r.Mark, " ", string(r.Value)))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if next == w.From {
			return list
		}
		w.From = next
	}
	t.Fatal("it does not end")
	return nil
}

// Each kind of rows, with each kind of columns that a time, a number and a list of levels may be.
func TestClickHouseQueryKinds(t *testing.T) {
	for _, tt := range []struct{ name, columns, row, kind, query, want string }{
		{
			"trades with decimals", "ts DateTime, s String, p Decimal(18, 4), q Decimal(9, 2), b UInt8, n UInt64", "toDateTime(1700000000), 'BTC-USD', toDecimal64('37000.1234', 4), toDecimal32('0.25', 2), 1, 17",
			"trades", "SELECT ts AS time, s AS symbol, p AS price, q AS size, if(b, 'buy', 'sell') AS side, n AS id FROM TABLE",
			`{"t":"trade","venue":"DESK","symbol":"BTC-USD","ts":1700000000000000,"px":"37000.1234","qty":"0.25","side":"buy","id":"17"}`,
		},
		{
			"trades with floats, texts and a venue", "ms UInt64, s String, p Float64, q String, v String", "1700000000123, 'a\"b', 1e-7, '2', 'X'",
			"trades", "SELECT ms * 1000 AS time, s AS symbol, p AS price, q AS size, v AS venue FROM TABLE WHERE ms * 1000 >= {from} AND ms * 1000 < {to};",
			`{"t":"trade","venue":"X","symbol":"a\"b","ts":1700000000123000,"px":"0.0000001","qty":"2"}`,
		},
		{
			"quotes", "us Int64, s String, b Nullable(Float64), bs Nullable(Float64), a String, z String", "1700000000000001, 'S', NULL, NULL, '2.50', '3'",
			"quotes", "SELECT us AS time, s AS symbol, b AS bid, bs AS bid_size, a AS ask, z AS ask_size FROM TABLE",
			`{"t":"quote","venue":"DESK","symbol":"S","ts":1700000000000001,"ask":"2.50","askQty":"3"}`,
		},
		{
			"books of two lists a side", "us Int64, s String, bp Array(Float64), bq Array(Float64), ap Array(String), aq Array(String)", "1700000000000001, 'S', [1.5, 1.25], [3, 4], ['1.60'], ['7']",
			"books", "SELECT us AS time, s AS symbol, bp AS bid_prices, bq AS bid_sizes, ap AS ask_prices, aq AS ask_sizes FROM TABLE",
			`{"t":"book","venue":"DESK","symbol":"S","ts":1700000000000001,"bids":[["1.5","3"],["1.25","4"]],"asks":[["1.60","7"]],"snapshot":true}`,
		},
		{
			"changes of books in lists of pairs", "us Int64, s String, b Array(Array(String)), n UInt32", "1700000000000001, 'S', [['1.5', '0']], 9",
			"books", "SELECT us AS time, s AS symbol, b AS bids, arrayMap(x -> tuple(x[1], x[2]), b) AS asks, 0 AS snapshot, n AS seq FROM TABLE",
			`{"t":"book","venue":"DESK","symbol":"S","ts":1700000000000001,"bids":[["1.5","0"]],"asks":[["1.5","0"]],"seq":9,"snapshot":false}`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			db, table, fill := made(t, tt.columns)
			fill("SELECT " + tt.row)
			a, err := Tables(db, Query{SQL: strings.ReplaceAll(tt.query, "TABLE", table), Kind: tt.kind, Venue: "DESK"})
			if err != nil {
				t.Fatal(err)
			}
			if err := a.Check(t.Context()); err != nil {
				t.Fatal(err)
			}
			got := told(t, a, feed.Window{})
			if len(got) != 1 || !strings.HasSuffix(got[0], " false "+tt.want) {
				t.Errorf("it tells %q, want %s", got, tt.want)
			}
		})
	}
}

// Levels that are a row each make one book a time and symbol.
func TestClickHouseQueryLevels(t *testing.T) {
	db, table, fill := made(t, "t Int64, s String, d String, p String, q String, w UInt8")
	fill("SELECT 1700000000000001 + intDiv(number, 4), if(number % 2 = 0, 'A', 'B'), if(number % 4 < 2, 'bid', 'ask'), toString(number), '1', toUInt8(number < 4) FROM system.numbers LIMIT 8")
	a, err := Tables(db, Query{SQL: "SELECT t AS time, s AS symbol, d AS side, p AS price, q AS size, w AS snapshot FROM " + table, Kind: "books", Venue: "V"})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`1700000000000001 false [{"t":"book","venue":"V","symbol":"A","ts":1700000000000001,"bids":[["0","1"]],"asks":[["2","1"]],"snapshot":true},` +
			`{"t":"book","venue":"V","symbol":"B","ts":1700000000000001,"bids":[["1","1"]],"asks":[["3","1"]],"snapshot":true}]`,
		`1700000000000002 false [{"t":"book","venue":"V","symbol":"A","ts":1700000000000002,"bids":[["4","1"]],"asks":[["6","1"]],"snapshot":false},` +
			`{"t":"book","venue":"V","symbol":"B","ts":1700000000000002,"bids":[["5","1"]],"asks":[["7","1"]],"snapshot":false}]`,
	}
	if got := told(t, a, feed.Window{}); !slices.Equal(got, want) {
		t.Errorf("it tells %s", strings.Join(got, "\n"))
	}
}

// However the windows lie, the records are the same; one symbol alone has those that it has among all, and a mark where a
// minute is over.
func TestClickHouseQueryWindows(t *testing.T) {
	db, table, fill := made(t, "t Int64, s String, p UInt32, n UInt64")
	const base = 1_700_000_000_000_000
	// bursts of many rows at one time, quiet stretches of hours, two symbols
	fill(fmt.Sprintf("SELECT %d + intDiv(toInt64(number), 7) * 5000000 + if(number > 3000, 7200000000, 0), if(number %% 3 = 0, 'A', 'B'), toUInt32(number + 1), number FROM system.numbers LIMIT 6000", base))
	fill(fmt.Sprintf("SELECT %d, 'B', toUInt32(number + 1), number FROM system.numbers LIMIT 400", base+500_000))
	a, err := Tables(db, Query{SQL: "SELECT t AS time, s AS symbol, p AS price, 1 AS size, n AS id FROM " + table, Kind: "trades", Venue: "V"})
	if err != nil {
		t.Fatal(err)
	}
	all := told(t, a, feed.Window{})
	if n := strings.Count(strings.Join(all, ""), `"t":"trade"`); n != 6400 {
		t.Fatalf("%d trades, want 6400", n)
	}
	logs, _ := a.Logs(t.Context())
	r := rand.New(rand.NewPCG(3, 1))
	for range 6 {
		from := logs[0].First + r.Int64N(logs[0].Next-logs[0].First)
		got := told(t, a, feed.Window{From: from, Bytes: rowBytes * (100 + r.IntN(800))})
		i, _ := slices.BinarySearchFunc(all, fmt.Sprint(from), strings.Compare)
		if !slices.Equal(got, all[i:]) {
			t.Fatalf("from %d: %d records, want %d", from, len(got), len(all)-i)
		}
		offset, clock, err := a.Seek(t.Context(), logs[0].LogID, from)
		if before := ""; err != nil || offset != from {
			t.Errorf("seek %d: %d %v", from, offset, err)
		} else if i > 0 {
			if before, _, _ = strings.Cut(all[i-1], " "); fmt.Sprint(clock) != before && from > logs[0].First {
				t.Errorf("seek %d: the clock before is %d, want %s", from, clock, before)
			}
		}
	}
	alone := told(t, a, feed.Window{Symbols: []string{"V:A"}, Bytes: rowBytes * 150})
	over, want := int64(0), map[string]bool{}
	for _, line := range all { // what must be there: each record with A, and each at which a minute is over
		at, _, _ := strings.Cut(line, " ")
		var clock int64
		fmt.Sscan(at, &clock)
		minute := (clock - 2_000_000) / 60_000_000
		if minute > over || strings.Contains(line, `"symbol":"A"`) {
			want[at] = true
		}
		over = minute
	}
	for _, line := range alone {
		at, rest, _ := strings.Cut(line, " ")
		if strings.Contains(rest, `"symbol":"B"`) {
			t.Fatalf("B among the records of A: %s", line)
		}
		delete(want, at)
	}
	if len(want) > 0 {
		t.Errorf("%d records or marks of A's are missing", len(want))
	}
}

// A mistake in a query is named, with the column.
func TestClickHouseQueryMistakes(t *testing.T) {
	db, table, fill := made(t, "t DateTime, s String, p String, d Date")
	fill("SELECT toDateTime(1700000000), 'S', 'dear', toDate('2023-01-01')")
	for _, tt := range []struct{ kind, query, want string }{
		{"trades", "SELECT s AS symbol FROM TABLE", "no column time"},
		{"trades", "SELECT t AS time, s AS symbol, 1 AS size FROM TABLE", "no column price"},
		{"quotes", "SELECT t AS time, s AS symbol, 1 AS bid, 1 AS bid_size, 2 AS ask FROM TABLE", "no column ask_size"},
		{"books", "SELECT t AS time, s AS symbol, p AS bids, p AS asks FROM TABLE", "column bids is String, but must be an array"},
		{"books", "SELECT t AS time, s AS symbol, p AS price, p AS size, 'bid' AS side FROM TABLE", "no column snapshot"},
		{"trades", "SELECT d AS time, s AS symbol, 1 AS price, 1 AS size FROM TABLE", "column time is Date, but must be"},
		{"trades", "SELECT t AS time, s AS symbol, p AS price, 1 AS size FROM TABLE", `column price has "dear"`},
		{"trades", "SELECT nothing FROM TABLE", "nothing"},
		{"trades", "SELECT 1 AS FROM t WHERE", "yntax"},
	} {
		a, err := Tables(db, Query{SQL: strings.ReplaceAll(tt.query, "TABLE", table), Kind: tt.kind})
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Check(t.Context()); !errors.Is(err, ErrQuery) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", tt.query, err)
		}
	}
	if _, err := Tables(db, Query{SQL: "SELECT 1", Kind: "candles"}); err == nil {
		t.Error("took a kind that there is not")
	}
}

func TestPlainNumber(t *testing.T) {
	for text, want := range map[string]string{
		"1e-7": "0.0000001", "1.5e-3": "0.0015", "12.5e-1": "1.25", "1.5e3": "1500", "1.2345e2": "123.45", "-2e2": "-200", "-2.5e-2": "-0.025",
		"37000.10": "37000.10", "": "", "nan": "nan", "1e400": "1e400", "e": "e",
	} {
		if got := plainNumber(text); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}
