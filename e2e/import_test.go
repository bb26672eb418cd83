package e2e_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/urfave/cli/v2"

	"tapedeck/cmd/flags"
	"tapedeck/cmd/replay/imports"
	"tapedeck/cmd/replay/publish"
	"tapedeck/cmd/replay/record"
	"tapedeck/feed"
	"tapedeck/feed/capture"
	"tapedeck/feed/clickhouse"
	"tapedeck/feed/kafka"
	memory "tapedeck/feed/tape"
	"tapedeck/feed/venue"
	"tapedeck/market"
	"tapedeck/server"
)

// cut writes the beginning of a recorded session as a capture of its own.
func cut(t testing.TB, name, file string, records int) string {
	t.Helper()
	paths := []string{filepath.Join(data(t), file+".raw.gz")}
	if rest, ok := capture.Rest(paths[0]); ok {
		paths = append(paths, rest)
	}
	in, err := capture.OpenMerged(paths...)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	path := filepath.Join(t.TempDir(), name+".raw")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	out := bufio.NewWriter(f)
	for range records {
		m, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(out, "%d %s\n", m.Time, strings.TrimSpace(m.URL+" "+string(m.Data)))
	}
	if err := errors.Join(out.Flush(), f.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

// shelf is sessions that were published into topics of a city, and lie there as files too.
type shelf struct {
	*city
	files map[string]string // by topic
	parts map[string]int32
}

// newShelf publishes recorded sessions as `replay publish` does: into a topic each, of one partition, or of two where wide says so.
func newShelf(t testing.TB, less int, wide ...string) *shelf {
	t.Helper()
	s := &shelf{city: &city{broker: brokerFor(t), rooms: map[string][]string{}}, files: map[string]string{}, parts: map[string]int32{}}
	s.setup = setup{Name: "live", Brokers: s.addrs, Topics: map[string]topicSetup{}, Warmup: forever}
	for _, c := range captured {
		parts := int32(1)
		if slices.Contains(wide, c.format) {
			parts = 2
		}
		topic := s.topic(t, parts)
		file := cut(t, c.format, c.file, c.records/less)
		app := &cli.App{Name: "replay", Writer: io.Discard, ErrWriter: io.Discard, Commands: []*cli.Command{publish.Command()}}
		if code := flags.Run(t.Context(), app, []string{"replay", "publish", "--brokers", s.addrs[0], "--topic", topic, "--feed", c.format, "--speed", "max", "--all", file}); code != flags.OK {
			t.Fatalf("publishing %s ended with %d", c.format, code)
		}
		s.setup.Topics[topic] = topicSetup{Format: c.format}
		s.files[topic], s.parts[topic] = file, parts
		s.look(t, c.format, file)
	}
	return s
}

// look takes note of the rooms that a file's messages are for.
func (s *shelf) look(t testing.TB, format, file string) {
	t.Helper()
	arch, err := capture.OpenArchive(t.Context(), format, file)
	if err != nil {
		t.Fatal(err)
	}
	defer arch.Close()
	f, _ := venue.Lookup(format)
	d := f.New(feed.DefaultOptions())
	logs, _ := arch.Logs(t.Context())
	s.records += int(logs[0].Records)
	for at := int64(0); at < logs[0].Next; {
		at, err = arch.Read(t.Context(), logs[0].LogID, feed.Window{From: at}, func(r *feed.Record) error {
			var b market.Batch
			if d.Decode(&b, r) == nil {
				for _, ev := range b.Events {
					s.knows(ev)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// shelved are logs by the names that they shall have in an archive.
func (s *shelf) shelved(name func(topic string) feed.LogID) (logs []imports.Log) {
	for topic, of := range s.setup.Topics {
		f, _ := venue.Lookup(of.Format)
		l := imports.Captures(name(topic), record.Feed{Format: f, Options: feed.DefaultOptions()}, "", s.files[topic])
		l.Millis = l.ID.Topic == topic
		logs = append(logs, l)
	}
	return logs
}

// bring imports logs into a table, as `replay import` does.
func bring(t testing.TB, table record.Table, arch feed.Archive, logs []imports.Log) {
	t.Helper()
	r, err := imports.Run(t.Context(), imports.Options{
		Logs: logs, Archive: arch, Say: t.Logf, Stats: &imports.Stats{},
		Recorder: record.Config{
			Table: table, Backoff: time.Second, Drain: time.Minute, Log: quiet,
			Limits: record.Limits{Rows: 500, Bytes: 16 << 20, Every: 50 * time.Millisecond, Memory: 64 << 20},
		},
	})
	if err != nil || len(r.Refused) > 0 || r.Written != r.Rows {
		t.Fatalf("%+v, %v", r, err)
	}
}

// onTape is a recorder's table that keeps records in memory.
type onTape struct{ *memory.Tape }

func (onTape) Tail(context.Context, feed.LogID, time.Duration) (tail clickhouse.Tail, err error) {
	return tail, nil
}
func (onTape) Settle(context.Context, *clickhouse.Batch) error { return nil }
func (onTape) Holes(context.Context, *clickhouse.Batch) error  { return nil }

func (o onTape) Write(_ context.Context, b *clickhouse.Batch) error {
	for i := range b.Records {
		r := &b.Records[i]
		o.Append(b.Logs[r.Log], &feed.Record{Offset: r.Offset, Time: r.Time, Key: r.Key, Value: r.Value, Headers: r.Headers})
	}
	return nil
}

// ids are the identities of the topics' logs at their broker.
func (s *shelf) ids(t testing.TB) map[string]feed.LogID {
	t.Helper()
	_, topics := s.feeds()
	past, err := kafka.NewPast(kafka.Config{Cluster: kafka.Cluster{Brokers: s.addrs}, Topics: topics, Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	defer past.Close()
	logs, err := past.Logs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]feed.LogID{}
	for _, l := range logs {
		if l.Partition == 0 {
			ids[l.Topic] = l.LogID
		}
	}
	return ids
}

// An import of the files of sessions gives what was streamed live when they were published: under a name of its own equal bodies, each
// of every room, and under the name of the topic the same entries, by the hash over epochs, numbers and bodies, as fast as it goes.
func TestKafkaImportParity(t *testing.T) {
	data(t)
	s := newShelf(t, 3, "okx", "kucoin")
	s.parity(t, func(name func(string) feed.LogID) feed.Archive {
		arch := memory.New(1 << 30)
		bring(t, onTape{arch}, arch, s.shelved(name))
		return arch
	})
}

func TestClickHouseImportParity(t *testing.T) {
	data(t)
	addr := realClickHouse(t)
	s := newShelf(t, 2)
	s.parity(t, func(name func(string) feed.LogID) feed.Archive {
		db := tables(t, addr)
		logs := s.shelved(name)
		bring(t, clickhouse.NewWriter(db), db, logs)
		r, err := imports.Run(t.Context(), imports.Options{
			Logs: logs, Archive: db, Say: t.Logf, Stats: &imports.Stats{},
			Recorder: record.Config{Table: clickhouse.NewWriter(db), Backoff: time.Second, Log: quiet, Limits: record.Limits{Rows: 500, Bytes: 1 << 20, Every: time.Second, Memory: 64 << 20}},
		})
		if err != nil || r.Written != 0 || r.There != int64(s.records) {
			t.Errorf("once more: %+v, %v", r, err)
		}
		return db
	})
}

func (s *shelf) parity(t *testing.T, shelve func(name func(topic string) feed.LogID) feed.Archive) {
	rooms := s.all()
	_, was := s.watch(t, rooms)

	// Under names of their own.
	own := serving(t, server.Config{Archive: shelve(func(topic string) feed.LogID {
		return feed.LogID{Cluster: "capture", Topic: "import:" + topic}
	}), Log: quiet})
	stepped := newViewer("stepped").enter(t, own, "", rooms...)
	want := stepped.steps(t)
	stepped.hangUp()
	bodies := 0
	for _, room := range rooms {
		if s.depends(room) {
			continue
		}
		live, replayed := bodiesOf(was.told[room]), bodiesOf(stepped.told[room])
		if sha256.Sum256([]byte(strings.Join(live, "\n"))) != sha256.Sum256([]byte(strings.Join(replayed, "\n"))) {
			i := 0
			for i < min(len(live), len(replayed)) && live[i] == replayed[i] {
				i++
			}
			t.Errorf("%s: after %d equal bodies live was told %q and the replay tells %q", room, i, at(live, i), at(replayed, i))
		}
		bodies += len(live)
	}
	for range 2 {
		if got := straight(t, own, rooms...); got != want {
			t.Errorf("at max %+v, step by step %+v", got, want)
		}
	}

	// Under the names of the topics.
	ids := s.ids(t)
	same := serving(t, server.Config{Archive: shelve(func(topic string) feed.LogID { return ids[topic] }), Log: quiet})
	told, whole := was.verdictOf(slices.DeleteFunc(slices.Clone(rooms), s.wide))
	if got := straight(t, same, whole...); got != told {
		t.Errorf("the import replayed says %+v, what was told live is %+v", got, told)
	}
	t.Logf("%d records: %d bodies of %d rooms; by the hash %d entries of %d rooms", s.records, bodies, len(rooms), told.Entries, len(whole))
	if bodies < s.records/2 || len(whole) < len(rooms)/3 || told.Entries == 0 {
		t.Error("that is too little to say much")
	}
}

// wide tells whether a room's topic has two partitions: an import is one log, with numbers of its own.
func (s *shelf) wide(room string) bool {
	for topic, of := range s.setup.Topics {
		if f, _ := venue.Lookup(of.Format); s.parts[topic] > 1 && strings.Contains(room, ":"+f.Venue+":") {
			return true
		}
	}
	return false
}

// depends tells whether a room's bodies depend on its partition's clock, where the file's is another.
func (s *shelf) depends(room string) bool {
	return s.wide(room) && (strings.HasPrefix(room, "candles:") || strings.HasPrefix(room, "ticker:"))
}

var (
	numbers = regexp.MustCompile(`"(?:seq|prev)":\d+,?`)
	epoch   = regexp.MustCompile(`"epoch":"[^"]*",?`)
	logTime = regexp.MustCompile(`"ts":\d+,?`)
)

// bodiesOf leaves out of messages where they are from: the epoch, the numbers, and the log's time, of which Kafka keeps ms and a
// capture µs.
func bodiesOf(list []string) (all []string) {
	for _, text := range list {
		head, body, _ := strings.Cut(text, `"d":`)
		for _, r := range []*regexp.Regexp{epoch, numbers, logTime} {
			head = r.ReplaceAllString(head, "")
		}
		all = append(all, head+body)
	}
	return all
}
