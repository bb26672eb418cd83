package clickhouse

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"tapedeck/feed"
	"tapedeck/feed/clickhouse/chdb"
)

// ear hears every query that goes to a server, and its answer as TSV.
type ear struct {
	driver.Conn
	t     *testing.T
	heard map[string][]string
}

func (e *ear) Query(ctx context.Context, query string, args ...any) (driver.Rows, error) {
	if _, twice := e.heard[query]; !twice {
		rows, err := e.Conn.Query(ctx, query, args...)
		if err != nil {
			return nil, err
		}
		e.heard[query] = tsv(e.t, rows)
	}
	return e.Conn.Query(ctx, query, args...)
}

// tsv writes rows as the server itself does.
func tsv(t *testing.T, rows driver.Rows) []string {
	t.Helper()
	defer rows.Close()
	lines := []string{}
	for rows.Next() {
		var values []any
		for _, c := range rows.ColumnTypes() {
			values = append(values, reflect.New(c.ScanType()).Interface())
		}
		if err := rows.Scan(values...); err != nil {
			t.Fatal(err)
		}
		var fields []string
		for _, v := range values {
			fields = append(fields, field(reflect.ValueOf(v).Elem()))
		}
		lines = append(lines, strings.Join(fields, "\t"))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return lines
}

var escapes = strings.NewReplacer("\\", `\\`, "\n", `\n`, "\t", `\t`, "\x00", `\0`, "'", `\'`)

func field(v reflect.Value) string {
	if v.Kind() != reflect.Slice {
		return escapes.Replace(fmt.Sprint(v))
	}
	var list []string
	for i := range v.Len() {
		list = append(list, "'"+field(v.Index(i))+"'")
	}
	return "[" + strings.Join(list, ",") + "]"
}

// someRows are statements that fill an archive: three symbols and records of none, two days, holes, rows that are there twice, nulls,
// headers, and bytes that are no text.
func someRows(database string) (list []string) {
	insert := func(table, columns, query string) {
		list = append(list, "INSERT INTO "+database+"."+table+" ("+columns+") "+query)
	}
	for partition, rows := range []int{6000, 300} {
		log := someLog
		log.Partition = int32(partition)
		id := fmt.Sprintf("toUInt64(%d)", Number(log))
		for _, from := range []int{0, rows - 100} { // the last hundred are there twice
			insert("records", "log, stripe, cluster, topic, topic_id, partition, format, symbol, offset, time, clock, vtime, absent, key, value, header_keys, header_values", fmt.Sprintf(
				`SELECT %s, o - o %% 1024, 'c', 't', '7', toInt32(%d), 'tick', if(n %% 4 = 3, '', concat('X:S', toString(n %% 4))), o, 1700000000000000 + n * 9000000, 1700000000000000 + n * 9000000,
				toInt64(0), toUInt8(if(n %% 50 = 7, 3, 0)), if(n %% 50 = 7, '', 'key'), if(n %% 50 = 7, '', concat('value\t\'\\', toString(n))), if(n %% 3 = 0, ['a', 'b'], emptyArrayString()), if(n %% 3 = 0, ['1', ''], emptyArrayString())
				FROM (SELECT toInt64(number) AS n, toInt64(number + intDiv(number, 500) * 7 + if(number > 4000, 300000, 0)) AS o FROM system.numbers LIMIT %d) WHERE n >= %d`, id, partition, rows, from))
		}
		insert("marks", "log, offset, time, clock", fmt.Sprintf(
			"SELECT %s, toInt64(number + intDiv(number, 500) * 7), 1700000000000000 + toInt64(number) * 9000000, 1700000000000000 + toInt64(number) * 9000000 FROM system.numbers WHERE number %% 7 = 0 LIMIT %d", id, min(rows/8, 500)))
		for range 2 {
			insert("holes", "log, from_offset, to_offset, reason, clock", fmt.Sprintf("SELECT %s, toInt64(500 + number * 507), toInt64(504 + number * 507), if(number = 1, 'archive', 'source'), 1700000000000000 FROM system.numbers LIMIT 3", id))
			insert("checkpoints", "log, epoch, offset, clock, data", fmt.Sprintf("SELECT %s, 'e', toInt64(number * 1000), 1700000000000000 + toInt64(number), concat('saved ', toString(number)) FROM system.numbers LIMIT 4", id))
		}
		insert("trades", "symbol, time, vtime, price, qty, side, id, log, offset, part", fmt.Sprintf(
			"SELECT concat('X:S', toString(number %% 2)), 1700000000000000 + toInt64(number) * 60000000, toInt64(0), '1.50', '2', 'buy', '', %s, toInt64(number), toUInt32(0) FROM system.numbers LIMIT %d", id, rows/2))
	}
	return list
}

// What is asked of an archive is answered by the engine of today as by that of 2018: every query that each method sends, on the
// same rows.
func TestClickHouseAnswersLikeChdb(t *testing.T) {
	db, engine := archive(t), chdb.Start(t)
	steps, err := Plan{}.Steps(Version{26, 9}, db.Database())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range steps {
		engine.Run(t, s.SQL)
	}
	for _, statement := range someRows(db.Database()) {
		if err := db.exec(t.Context(), statement); err != nil {
			t.Fatalf("%v: %s", err, statement)
		}
		engine.Run(t, statement)
	}
	hears := &ear{Conn: db.conn, t: t, heard: map[string][]string{}}
	db.conn = hears
	db.checked.Store(true)
	askAll(t, db)
	if len(hears.heard) < 40 {
		t.Fatalf("only %d queries were heard", len(hears.heard))
	}
	rows := 0
	for query, want := range hears.heard {
		got := engine.Run(t, query)
		switch {
		case strings.Contains(query, " ORDER BY "):
		case strings.Contains(query, " LIMIT "): // any rows will do
			got, want = make([]string, len(got)), make([]string, len(want))
		default:
			slices.Sort(got)
			slices.Sort(want)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s\n18.16 answers %d rows, chDB %d: %.300q and %.300q", query, len(want), len(got), want, got)
		}
		rows += len(want)
	}
	t.Logf("%d queries, %d rows", len(hears.heard), rows)
}

// askAll asks an archive all that can be asked.
func askAll(t *testing.T, db *DB) {
	t.Helper()
	fine := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	log := someLog
	log.Partition = 0
	logs, err := db.Logs(t.Context())
	fine(err)
	if len(logs) != 2 {
		t.Fatalf("%d logs", len(logs))
	}
	for _, at := range []int64{0, 1700000000000000, 1700000100000001, 1700050000000000, 1800000000000000} {
		_, _, err := db.Seek(t.Context(), log, at)
		fine(err)
	}
	for _, w := range []feed.Window{{}, {From: 700, To: 2000, Bytes: 1000}, {Symbols: []string{"X:S1"}}, {From: 4050, Symbols: []string{"X:S0", "it's\\"}, Bytes: 3000}, {From: 1 << 40}} {
		records := 0
		for range 3 {
			next, err := db.Read(t.Context(), log, w, func(*feed.Record) error { records++; return nil })
			fine(err)
			w.From = next
		}
		if records == 0 && w.From < 1<<40 {
			t.Errorf("%+v: no record", w)
		}
	}
	holes, err := db.Holes(t.Context(), log, 0, 1<<40)
	fine(err)
	gaps := 0
	fine(db.Gaps(t.Context(), log, logs[0].First, logs[0].Next, func(Gap) { gaps++ }))
	_, ok, err := db.Checkpoint(t.Context(), log, 2500)
	fine(err)
	if len(holes) != 3 || gaps < 12 || !ok {
		t.Errorf("%d holes, %d gaps, a checkpoint: %v", len(holes), gaps, ok)
	}
	for _, f := range []Filter{{}, {Day: "2023-11-15", Symbols: []string{"X:S1"}}} {
		days, err := db.Days(t.Context(), f)
		fine(err)
		if len(days) == 0 {
			t.Errorf("%+v: nothing", f)
		}
	}
	_, _, _, err = db.Bounds(t.Context(), log, "2023-11-14")
	fine(err)
	askTables(t, db)
	_, err = db.Minutes(t.Context(), "V:A", 1<<53, 5)
	fine(err)
	_, err = db.Symbols(t.Context())
	fine(err)
	tail, err := NewWriter(db).Tail(t.Context(), log, 3*time.Minute)
	fine(err)
	if !tail.Held || tail.Next != logs[0].Next {
		t.Errorf("the tail is %+v", tail)
	}
}

// askTables replays queries to tables that everybody's archive has.
func askTables(t *testing.T, db *DB) {
	t.Helper()
	a, err := Tables(db,
		Query{Kind: "trades", Venue: "V", SQL: "SELECT toDateTime(intDiv(time, 1000000)) AS time, symbol, toDecimal64(price, 1) AS price, toFloat64(qty) / 3 AS size, side, offset AS id FROM (SELECT * FROM " +
			db.Table("trades") + " WHERE time >= {from} AND time < {to} + 1000000)"},
		Query{Kind: "books", SQL: "SELECT time, symbol, [tuple(price, qty), tuple('1.25', '1e-5')] AS bids, [[price, qty]] AS asks, offset AS seq, substring(symbol, 1, 1) AS venue FROM " + db.Table("trades")},
		Query{Kind: "books", Venue: "V", SQL: "SELECT time, symbol, price, qty AS size, side, part AS snapshot FROM " + db.Table("trades")},
		Query{Kind: "quotes", SQL: "SELECT time, symbol, price AS bid, NULL AS bid_size, 0.1 AS ask, 1e-9 AS ask_size FROM " + db.Table("trades")},
	)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	logs, err := a.Logs(t.Context())
	if err != nil || len(logs) != 4 {
		t.Fatalf("%+v %v", logs, err)
	}
	for _, l := range logs {
		for _, symbols := range [][]string{nil, {"V:X:S1", "X:X:S0"}} {
			records := 0
			next, err := a.Read(t.Context(), l.LogID, feed.Window{From: l.First + 5, Symbols: symbols, Bytes: 30_000}, func(*feed.Record) error { records++; return nil })
			if err != nil || records < 10 || next <= l.First {
				t.Errorf("%+v: %d records up to %d: %v", l, records, next, err)
			}
		}
		if _, _, err := a.Seek(t.Context(), l.LogID, (l.Begin+l.End)/2); err != nil {
			t.Error(err)
		}
	}
}

// A DateTime64, which a server of 2018 does not have, counts its µs whatever its scale.
func TestClickHouseQueryTimesOnChdb(t *testing.T) {
	engine := chdb.Start(t)
	for kind, want := range map[string]string{
		"DateTime64(3)": "1700000000123000", "DateTime64(9, 'UTC')": "1700000000123456", "Nullable(DateTime64(6))": "1700000000123456", "LowCardinality(Nullable(DateTime))": "1700000000000000",
	} {
		text, err := micros("time", kind)
		if err != nil {
			t.Fatal(err)
		}
		cast := strings.NewReplacer("LowCardinality(Nullable(DateTime))", "Nullable(DateTime)").Replace(kind)
		got := engine.Run(t, "SELECT "+text+" FROM (SELECT CAST(toDateTime64('2023-11-14 22:13:20.123456789', 9, 'UTC') AS "+cast+") AS time)")
		if len(got) != 1 || got[0] != want {
			t.Errorf("%s: %q, want %s", kind, got, want)
		}
	}
}
