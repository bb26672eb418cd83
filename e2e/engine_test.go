package e2e_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"tapedeck/cmd/replay/record"
	"tapedeck/feed"
	"tapedeck/feed/clickhouse"
	"tapedeck/feed/clickhouse/chdb"
	"tapedeck/feed/kafka"
	"tapedeck/feed/venue"
)

// What ClickHouse reads of a topic by itself, by deploy/kafka-engine.sql, is what `replay record` writes, but for what the file
// says. The server of 2018 has no format for it, so it is the engine of today, which is embedded and does not read by
// itself: it is told to, with the view's own SELECT, and the view is held against the same rows from a table in Kafka's place.
func TestClickHouseReadsKafkaByItself(t *testing.T) {
	b := brokerFor(t)
	if b.fake != nil {
		t.Skip("TAPEDECK_TEST_KAFKA does not say where a real Kafka is: make test-services does")
	}
	db, engine := tables(t, realClickHouse(t)), chdb.Start(t)
	topic := b.topic(t, 2)
	x := newExchange(8, topic, 2, hoursAgo(), bases...)
	b.fill(t, newLedger(), x, 3000)
	at := func(r kgo.Record) *kgo.Record {
		r.Topic, r.Timestamp = topic, time.UnixMicro(x.now)
		return &r
	}
	must(t, b.client.ProduceSync(t.Context(),
		at(kgo.Record{Key: []byte("gone")}),
		at(kgo.Record{Key: []byte("empty"), Value: []byte{}}),
		at(kgo.Record{Value: []byte("\x00\xff\\n\t'\n\r ")}),
		at(kgo.Record{Key: []byte{0, 255}, Value: []byte("{}\n{}"), Headers: []kgo.RecordHeader{{Key: "h", Value: []byte("1")}, {Key: "h", Value: []byte{0, 255}}, {Key: "none"}}}),
	).FirstErr())
	id := recordTopic(t, b, db, topic, 3004)
	text, err := os.ReadFile("../deploy/kafka-engine.sql")
	must(t, err)
	const view = "CREATE MATERIALIZED VIEW IF NOT EXISTS tapedeck.kafka_to_records TO tapedeck.records AS\n"
	create, query, ok := strings.Cut(strings.NewReplacer(
		"kafka:9092", strings.Join(b.addrs, ","), "md.raw.binance", topic, "CLUSTER-ID", id.Cluster, "TOPIC-ID", id.TopicID, "tapedeck-archive", topic,
	).Replace(string(text)), ";\n\n"+view)
	if !ok {
		t.Fatalf("deploy/kafka-engine.sql is not a table and a view")
	}
	query = strings.TrimSuffix(query, ";\n")
	for _, database := range []string{"tapedeck", "again"} {
		steps, err := clickhouse.Plan{}.Steps(clickhouse.Version{Major: 26, Minor: 9}, database)
		must(t, err)
		for _, s := range steps {
			engine.Run(t, s.SQL)
		}
	}
	if _, err := engine.Try(t, create); err != nil && !strings.Contains(err.Error(), "Shutdown was called") { // it is made, but does not begin
		t.Fatal(err)
	}

	// The columns that a view writes are found by their names.
	columns := "cluster, topic, topic_id, partition, format, symbol, offset, time, clock, vtime, absent, key, value, header_keys, header_values"
	rows := func(database string) []string { return engine.Run(t, alike(database, "1")) }
	until(t, "the engine has read the topic", func() string {
		engine.Run(t, "INSERT INTO tapedeck.records ("+columns+") SELECT "+columns+" FROM ("+query+") SETTINGS stream_like_engine_allow_direct_select = 1")
		if n := len(rows("tapedeck")); n < 3002 {
			return fmt.Sprint(n, " rows")
		}
		return ""
	})
	want, empty := scanTexts(t, db, alike(db.Database(), "value != ''")), scanTexts(t, db, alike(db.Database(), "value = ''"))
	if len(empty) != 2 {
		t.Errorf("%d records have no value", len(empty))
	}
	same(t, "the engine reads", rows("tapedeck"), want)

	engine.Run(t, "CREATE TABLE again.kafka_in (value String, _topic LowCardinality(String), _key String, _offset UInt64, _partition UInt64, _timestamp_ms Nullable(DateTime64(3)), "+
		"`_headers.name` Array(String), `_headers.value` Array(String)) ENGINE = Null")
	engine.Run(t, strings.ReplaceAll(view+query, "tapedeck.", "again."))
	engine.Run(t, "INSERT INTO again.kafka_in SELECT value, topic, key, toUInt64(offset), toUInt64(partition), fromUnixTimestamp64Milli(intDiv(time, 1000)), header_keys, header_values FROM tapedeck.records")
	same(t, "the view writes", rows("again"), want)
	held := engine.Run(t, "SELECT sumMerge(records), minMerge(first), maxMerge(last) FROM again.days WHERE log = "+fmt.Sprint(clickhouse.Number(id)))
	if wanted := fmt.Sprintf("%d\t0\t", len(slices.DeleteFunc(slices.Clone(want), func(s string) bool { return !strings.HasPrefix(s, "0 ") }))); len(held) != 1 || !strings.HasPrefix(held[0], wanted) {
		t.Errorf("the days count %q, want %q", held, wanted)
	}
}

// alike selects of records all that the engine knows of them, each as a text.
func alike(database, where string) string {
	hex := func(list string) string { return "arrayStringConcat(arrayMap(h -> hex(h), " + list + "), ',')" }
	return "SELECT concat(toString(partition), ' ', toString(offset), ' ', toString(time), ' ', toString(log), ' ', hex(key), ' ', hex(value), ' ', " +
		hex("header_keys") + ", ' ', " + hex("header_values") + ", ' ', toString(bytes)) AS line FROM " + database + ".records WHERE " + where + " ORDER BY partition, offset"
}

func same(t *testing.T, who string, got, want []string) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		if one, other := at(got, i), at(want, i); one != other {
			t.Fatalf("%s %d rows of %d, and as row %d\n%.300s\nwant\n%.300s", who, len(got), len(want), i, one, other)
		}
	}
}

func scanTexts(t testing.TB, db *clickhouse.DB, query string) (list []string) {
	t.Helper()
	rows, err := db.Conn().Query(t.Context(), query)
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var line string
		must(t, rows.Scan(&line))
		list = append(list, line)
	}
	must(t, rows.Err())
	return list
}

// recordTopic has a topic of Binance recorded until there are so many rows, and returns the log of partition 0.
func recordTopic(t *testing.T, b *broker, db *clickhouse.DB, topic string, rows int) (id feed.LogID) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	ended := startRecording(t, ctx, b, db, topic)
	until(t, "all is recorded", func() string {
		var n uint64
		if err := db.Conn().QueryRow(ctx, "SELECT count() FROM "+db.Table("records")).Scan(&n); err != nil || n < uint64(rows) {
			return fmt.Sprint(n, " rows ", err)
		}
		return ""
	})
	stop()
	ended()
	logs, err := db.Logs(t.Context())
	must(t, err)
	for _, l := range logs {
		if l.Partition == 0 {
			id = l.LogID
		}
	}
	return id
}

// startRecording records a topic of Binance into tables as `replay record` does, until ctx ends; ended waits for that.
func startRecording(t testing.TB, ctx context.Context, b *broker, db *clickhouse.DB, topic string) (ended func()) {
	t.Helper()
	format, _ := venue.Lookup("binance")
	r := record.New(record.Config{
		Table: clickhouse.NewWriter(db), Feeds: map[string]record.Feed{topic: {Format: format, Options: feed.DefaultOptions()}}, Backoff: time.Second, Drain: 10 * time.Second, Log: quiet,
		Limits: record.Limits{Rows: 2000, Bytes: 16 << 20, Every: 100 * time.Millisecond, Memory: 64 << 20},
	})
	source, err := kafka.New(kafka.Config{
		Cluster: kafka.Cluster{Brokers: b.addrs}, Begin: r.Begin, Log: quiet, Refresh: 200 * time.Millisecond, Topics: []kafka.Topic{{Name: topic, Format: format}},
	})
	must(t, err)
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx, source) }()
	return func() { must(t, <-done) }
}
