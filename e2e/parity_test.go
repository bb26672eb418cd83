package e2e_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tapedeck/cmd/replay/record"
	"tapedeck/feed"
	"tapedeck/feed/capture"
	"tapedeck/feed/clickhouse"
	"tapedeck/feed/kafka"
	memory "tapedeck/feed/tape"
	"tapedeck/feed/venue"
	"tapedeck/market"
	"tapedeck/server"
	"tapedeck/wire/mirror"
)

// captured are recorded sessions of venues whose decoders remember different things, and how much of each is taken: enough
// for books to be made and checked, and for some to break and mend.
var captured = []struct {
	format, file string
	records      int
}{
	{"binance", "hftbacktest/spot_btcusdt_20240808", 600},
	{"binance-usdm", "hftbacktest/usdm_ethusdt_20240718", 600},
	{"kraken-v1", "cryptofeed/kraken-spot-v1", 500},
	{"okx", "cryptofeed/okx-v5", 400},
	{"bitmex", "cryptofeed/bitmex", 600},
	{"deribit", "cryptofeed/deribit-v2", 200},
	{"kucoin", "cryptofeed/kucoin-spot", 500},
	{"coinbase", "cryptofeed/coinbase-exchange", 400},
	{"bitfinex", "cryptofeed/bitfinex-v2", 400}, // its records are read whole for each symbol
}

// city is a Kafka with the topics of several venues, and all that they will ever hold.
type city struct {
	*broker
	setup   setup
	records int
	rooms   map[string][]string // by VENUE:SYMBOL, as its messages bring them
}

// newCity publishes a made-up market in two partitions and, where there are some, recorded sessions in a topic each; less of
// each by a factor.
func newCity(t testing.TB, less int) *city {
	t.Helper()
	c := &city{broker: brokerFor(t), rooms: map[string][]string{}}
	c.setup = setup{Name: "live", Brokers: c.addrs, Topics: map[string]topicSetup{}, Warmup: forever}
	topic := c.topic(t, 2)
	x := newExchange(31, topic, 2, hoursAgo(), bases...)
	x.every, x.skips, x.step = 40, 60, 150_000
	c.add(t, topic, "binance", x.some(2000/less))
	if _, err := os.Stat(filepath.Join("..", "..", "shared", "data")); err != nil && os.Getenv("TAPEDECK_DATA") == "" {
		t.Log("there is no recorded data: a made-up market alone")
		return c
	}
	for _, s := range captured {
		topic := c.topic(t, 1)
		c.add(t, topic, s.format, recorded(t, topic, s.file, s.records/less))
	}
	return c
}

// recorded is the beginning of a recorded session as a collector publishes it, with the symbol of a REST answer in a header.
func recorded(t testing.TB, topic, file string, records int) (list []*message) {
	t.Helper()
	path := filepath.Join(data(t), file+".raw.gz")
	paths := []string{path}
	if rest, ok := capture.Rest(path); ok {
		paths = append(paths, rest)
	}
	in, err := capture.OpenMerged(paths...)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	symbol := ""
	for len(list) < records {
		m, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		r := &message{topic: topic, time: m.Time, value: bytes.Clone(m.Data), native: capture.Symbol(m.URL)}
		if s := field(m.Data, `"s":"`); s != "" {
			symbol = s
		}
		if r.native == "" && bytes.Contains(m.Data, []byte(`"lastUpdateId"`)) {
			r.native = symbol // an answer amid a session of one symbol
		}
		r.key = r.native
		list = append(list, r)
	}
	return list
}

// add publishes messages, and takes note of the rooms that they are for.
func (c *city) add(t testing.TB, topic, format string, list []*message) {
	t.Helper()
	c.setup.Topics[topic] = topicSetup{Format: format}
	f, ok := venue.Lookup(format)
	if !ok {
		t.Fatalf("no format %s", format)
	}
	decoder, batch := f.New(feed.DefaultOptions()), market.Batch{}
	events := 0
	for _, m := range list {
		r := feed.Record{Time: m.time, Key: []byte(m.key), Value: m.value}
		if m.native != "" {
			r.Headers = []feed.Header{{Key: "symbol", Value: []byte(m.native)}}
		}
		batch.Reset()
		if decoder.Decode(&batch, &r) != nil {
			continue
		}
		events += len(batch.Events)
		for _, ev := range batch.Events {
			c.knows(ev)
		}
	}
	if events < len(list)/2 {
		t.Errorf("%d messages of %s bring %d events: they say nothing", len(list), format, events)
	}
	for part := range slices.Chunk(list, 1000) {
		c.publish(t, newLedger(), part...)
	}
	c.records += len(list)
}

func (c *city) knows(ev market.Event) {
	var names []string
	switch ev.Payload.(type) {
	case *market.Trade:
		names = []string{"trades:%s", "candles:%s@1m", "candles:%s@5m"}
	case *market.Quote:
		names = []string{"quotes:%s"}
	case *market.Book:
		names = []string{"book:%s", "book:%s@5"}
	case *market.Ticker:
		names = []string{"ticker:%s"}
	}
	symbol := ev.Symbol.Venue + ":" + ev.Symbol.Name
	for _, name := range names {
		if name = fmt.Sprintf(name, symbol); !slices.Contains(c.rooms[symbol], name) {
			c.rooms[symbol] = append(c.rooms[symbol], name)
		}
	}
}

// all are all rooms, by name.
func (c *city) all() []string {
	return slices.Sorted(slices.Values(slices.Concat(slices.Collect(maps.Values(c.rooms))...)))
}

// feeds are the topics as a server and a recorder are told of them.
func (c *city) feeds() (feeds map[string]server.Feed, topics []kafka.Topic) {
	feeds = map[string]server.Feed{}
	for topic, of := range c.setup.Topics {
		format, _ := venue.Lookup(of.Format)
		feeds[topic] = server.Feed{Format: format, Options: feed.DefaultOptions()}
		topics = append(topics, kafka.Topic{Name: topic, Format: format})
	}
	return feeds, topics
}

func (c *city) source(t testing.TB, begin func(context.Context, feed.LogID) (kafka.Beginning, error)) feed.Source {
	t.Helper()
	_, topics := c.feeds()
	s, err := kafka.New(kafka.Config{Cluster: kafka.Cluster{Brokers: c.addrs}, Topics: topics, Warmup: forever, Begin: begin, Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var quiet = slog.New(slog.DiscardHandler)

// taped keeps everything in memory.
func (c *city) taped(t testing.TB) feed.Archive {
	t.Helper()
	arch := memory.New(1 << 30)
	c.until(t, arch, func(ctx context.Context) error { return arch.Record(c.source(t, nil)).Run(ctx, nowhere{}) })
	return arch
}

// until runs a recorder until an archive holds everything.
func (c *city) until(t testing.TB, arch feed.Archive, run func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	until(t, "everything is recorded", func() string {
		logs, err := arch.Logs(ctx)
		held := int64(0)
		for _, h := range logs {
			held += h.Records
		}
		if err != nil || held < int64(c.records) {
			return fmt.Sprintf("%d records of %d, %v", held, c.records, err)
		}
		return ""
	})
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// nowhere is a sink and a log that do nothing.
type nowhere struct{}

func (nowhere) Assign([]feed.Partition)                  {}
func (nowhere) Waiting(string)                           {}
func (nowhere) Open(feed.Partition, feed.Start) feed.Log { return nowhere{} }
func (nowhere) Record(*feed.Record)                      {}
func (nowhere) Lost(int64, int64, feed.Loss)             {}
func (nowhere) Restart(feed.Start)                       {}
func (nowhere) End(int64)                                {}
func (nowhere) Down(string)                              {}
func (nowhere) Up()                                      {}

// tables makes a database of the test's own in a ClickHouse.
func tables(t testing.TB, addr string) *clickhouse.DB {
	t.Helper()
	db := openTables(t, clickhouse.Config{Addrs: []string{addr}, Database: fmt.Sprintf("e2e_%d_%d", os.Getpid(), topics.Add(1))})
	if err := db.Migrate(t.Context(), clickhouse.Plan{}, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		var err error
		for range 10 { // a connection of before a crash fails once
			if err = db.Conn().Exec(context.Background(), "DROP DATABASE IF EXISTS "+db.Database()); err == nil {
				return
			}
		}
		t.Error(err)
	})
	return db
}

func openTables(t testing.TB, config clickhouse.Config) *clickhouse.DB {
	t.Helper()
	config.User, config.Password = "tapedeck", "secret"
	db, err := clickhouse.Open(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// realClickHouse is the server that TAPEDECK_TEST_CLICKHOUSE names; without one a test is skipped.
func realClickHouse(t testing.TB) string {
	t.Helper()
	addr := os.Getenv("TAPEDECK_TEST_CLICKHOUSE")
	if addr == "" {
		t.Skip("TAPEDECK_TEST_CLICKHOUSE names no server: deploy/test-services/clickhouse.sh starts one")
	}
	return addr
}

// record writes everything into tables, as `replay record` does.
func (c *city) record(t testing.TB, db *clickhouse.DB) {
	t.Helper()
	feeds, _ := c.feeds()
	config := record.Config{
		Table: clickhouse.NewWriter(db), Feeds: map[string]record.Feed{}, Backoff: time.Second, Drain: 10 * time.Second, Log: quiet,
		Limits: record.Limits{Rows: 700, Bytes: 16 << 20, Every: 50 * time.Millisecond, Memory: 64 << 20}, // batches end amid everything
	}
	for topic, f := range feeds {
		config.Feeds[topic] = record.Feed{Format: f.Format, Options: f.Options}
	}
	r := record.New(config)
	c.until(t, db, func(ctx context.Context) error { return r.Run(ctx, c.source(t, r.Begin)) })
}

// replays serves an archive, and no live timeline.
func (c *city) replays(t testing.TB, arch feed.Archive) *node {
	t.Helper()
	feeds, _ := c.feeds()
	return serving(t, server.Config{Archive: arch, Feeds: feeds, Log: slog.New(slog.NewTextHandler(testLog{t, "replay"}, nil))})
}

// serving runs a server of an archive until the test ends.
func serving(t testing.TB, config server.Config) *node {
	t.Helper()
	config.Node, config.Listen, config.Admin, config.Formats = "replay", "127.0.0.1:0", "127.0.0.1:0", venue.Lookup
	config.Heartbeat, config.SlowDeadline, config.CommandsPerSecond, config.HandshakesPerSecond = 30*time.Second, time.Minute, 1e6, 10_000
	config.ReplaySessions, config.DrainWait, config.DrainSpread = 100, -1, time.Millisecond
	srv, err := server.New(config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- srv.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return &node{name: "replay", addr: srv.Addr().String(), admin: srv.AdminAddr().String()}
}

// lockstep lets a record pass when the client was told all that came of the one before: nothing is folded then, so that
// each entry is told alone.
type lockstep struct {
	feed.Source
	mu     sync.Mutex
	begun  chan struct{}
	passed func()
}

func (l *lockstep) Run(ctx context.Context, sink feed.Sink) error {
	return l.Source.Run(ctx, steppedSink{sink, l})
}

type steppedSink struct {
	feed.Sink
	step *lockstep
}

func (s steppedSink) Open(p feed.Partition, at feed.Start) feed.Log {
	return steppedLog{s.Sink.Open(p, at), s.step}
}

type steppedLog struct {
	feed.Log
	step *lockstep
}

func (l steppedLog) Record(r *feed.Record) {
	<-l.step.begun
	l.step.mu.Lock()
	defer l.step.mu.Unlock()
	l.Log.Record(r)
	l.step.passed()
}

// viewer is a client that keeps all that it is told, by room.
type viewer struct {
	*client
	told   map[string][]string
	states []mirror.Message // of the timeline
}

func newViewer(name string) *viewer {
	v := &viewer{client: newClient(name, false), told: map[string][]string{}}
	v.each = func(m *mirror.Message, r *mirror.Room) {
		switch {
		case r != nil && m.T != "ok" && m.T != "error":
			v.told[r.Name] = append(v.told[r.Name], string(m.Raw))
		case m.T == "status":
			v.states = append(v.states, *m)
		}
	}
	return v
}

// enter opens a replay that stands at its beginning, in front of rooms.
func (v *viewer) enter(t testing.TB, n *node, query string, rooms ...string) *viewer {
	t.Helper()
	v.path = "/v1/replay"
	must(t, v.connect(n.addr, "?from=1&control=all"+query))
	t.Cleanup(v.hangUp)
	v.do(t, "pause")
	v.join(t, rooms...)
	return v
}

func (v *viewer) join(t testing.TB, rooms ...string) {
	t.Helper()
	reply, err := v.subscribe("0", rooms...)
	must(t, err)
	if len(v.errors) > 0 || reply.T != "ok" {
		t.Fatalf("%s: %s %v", v.name, reply.Raw, v.errors)
	}
}

func (v *viewer) do(t testing.TB, op string) {
	t.Helper()
	if reply, err := v.call(map[string]any{"op": op}); err != nil || reply.T != "ok" {
		t.Fatalf("%s: %s: %v %+v", v.name, op, err, reply)
	}
}

// verdict is what a replay says at its end.
type verdict struct {
	Entries uint64
	Hash    string
}

// end waits for it.
func (v *viewer) end(t testing.TB) (said verdict) {
	t.Helper()
	must(t, v.until("the replay is over", func(*mirror.Mirror) bool {
		return len(v.states) > 0 && v.states[len(v.states)-1].State == "end"
	}))
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := json.Unmarshal(v.states[len(v.states)-1].Raw, &said); err != nil {
		t.Fatal(err)
	}
	return said
}

// steps plays record by record to the end.
func (v *viewer) steps(t testing.TB) verdict {
	t.Helper()
	for {
		v.mu.Lock()
		was := len(v.states)
		v.mu.Unlock()
		v.do(t, "step")
		over := false
		must(t, v.until("a record is played", func(*mirror.Mirror) bool {
			over = len(v.states) > was && v.states[len(v.states)-1].State == "end"
			return len(v.states) > was
		}))
		if over {
			return v.end(t)
		}
	}
}

// straight plays rooms from the beginning to the end as fast as it goes.
func straight(t testing.TB, n *node, rooms ...string) verdict {
	t.Helper()
	v := newViewer("straight").enter(t, n, "&speed=max", rooms...)
	defer v.hangUp()
	v.do(t, "resume")
	return v.end(t)
}

var (
	prevOf   = regexp.MustCompile(`"prev":\d+`)
	firstOf  = regexp.MustCompile(`^{"t":"snapshot","room":("[^"]*"),"epoch":"[^"]*","seq":(\d+),`)
	tradesOf = regexp.MustCompile(`"n":(\d+),"vwap"`)
)

// entry is what an entry adds to its room's digest: the update that it is told as when it is told alone, from 0 on. A room's
// first entry comes as a snapshot where that says as much: of one event, or of a candle's first trades.
func entry(text string) string {
	if strings.HasPrefix(text, `{"t":"update"`) {
		return prevOf.ReplaceAllString(text, `"prev":0`)
	}
	n := "1"
	if trades := tradesOf.FindStringSubmatch(text); trades != nil {
		n = trades[1]
	}
	return firstOf.ReplaceAllString(text, `{"t":"update","room":$1,"prev":0,"seq":$2,"n":`+n+`,`)
}

// verdictOf reckons by docs/protocol.md what the end of a replay says, of what was told of rooms live, entry by entry. A
// room in which there was more to tell than entries, as of a book that is stale, is none of the rooms returned.
func (v *viewer) verdictOf(rooms []string) (said verdict, whole []string) {
	sum := sha256.New()
	for _, room := range rooms {
		list := v.told[room]
		for len(list) > 0 && strings.Contains(list[0], `"seq":0,`) {
			list = list[1:] // empty snapshots: before the room was known, and then with its epoch
		}
		updates := int(v.known.Rooms[room].Updates)
		if len(list) == 0 || len(list) != updates && (len(list) != updates+1 || !strings.HasPrefix(list[0], `{"t":"snapshot"`)) {
			continue
		}
		whole = append(whole, room)
		of := sha256.New()
		for _, text := range list {
			of.Write([]byte(v.known.Rooms[room].Epoch))
			of.Write([]byte(entry(text)))
		}
		said.Entries += uint64(len(list))
		sum.Write([]byte(room))
		sum.Write(of.Sum(nil))
	}
	said.Hash = base64.RawURLEncoding.EncodeToString(sum.Sum(nil))
	return said, whole
}

// watch streams everything to a client that is in step with it.
func (c *city) watch(t testing.TB, rooms []string) (*node, *viewer) {
	t.Helper()
	v := newViewer("live")
	step := &lockstep{begun: make(chan struct{})}
	srv, _, err := c.setup.streamer(nil, testLog{t, "live"}, func(s *server.Config) {
		s.CommandsPerSecond = 1e6
		step.Source = s.Source
		s.Source = step
	})
	if err != nil {
		t.Fatal(err)
	}
	step.passed = func() {
		if _, err := v.call(map[string]any{"op": "ping"}); err != nil {
			t.Error(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- srv.Run(ctx) }()
	begin := sync.OnceFunc(func() { close(step.begun) })
	t.Cleanup(func() {
		begin()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		v.hangUp()
	})
	n := &node{name: "live", addr: srv.Addr().String(), admin: srv.AdminAddr().String()}
	must(t, v.connect(n.addr, ""))
	v.join(t, rooms...)
	begin()
	n.applied(t, c.records)
	step.mu.Lock() // the last record's ping
	defer step.mu.Unlock()
	return n, v
}

// What was live is replayed, whatever it is replayed from: entry by entry and byte by byte what a client was told
// when it was live, and by the hash over all entries as fast as it goes, twice, and each symbol alone.
func TestKafkaParity(t *testing.T) {
	c := newCity(t, 3) // with the race detector a record takes a ms on its way
	c.parity(t, c.taped(t))
}

func TestClickHouseParity(t *testing.T) {
	db := tables(t, realClickHouse(t))
	c := newCity(t, 1)
	c.record(t, db)
	c.parity(t, db)
}

func (c *city) parity(t *testing.T, arch feed.Archive) {
	rooms := c.all()
	began := time.Now()
	live, was := c.watch(t, rooms)
	t.Logf("%d records live in %v", c.records, time.Since(began).Round(time.Millisecond))
	replays := c.replays(t, arch)

	began = time.Now()
	stepped := newViewer("stepped").enter(t, replays, "", rooms...)
	want := stepped.steps(t)
	stepped.hangUp()
	t.Logf("%d entries step by step in %v", want.Entries, time.Since(began).Round(time.Millisecond))
	for _, room := range rooms {
		if a, b := was.told[room], stepped.told[room]; !slices.Equal(a, b) {
			i := 0
			for i < min(len(a), len(b)) && a[i] == b[i] {
				i++
			}
			t.Errorf("%s: after %d equal messages live was told %q and the replay tells %q", room, i, at(a, i), at(b, i))
		}
	}
	for range 2 {
		if got := straight(t, replays, rooms...); got != want {
			t.Errorf("at max %+v, step by step %+v", got, want)
		}
	}
	told, whole := was.verdictOf(rooms)
	t.Logf("%d entries of %d rooms of %d were told one by one", told.Entries, len(whole), len(rooms))
	if len(whole) < len(rooms)*2/3 || told.Entries < want.Entries/2 {
		t.Error("that is too few to say much")
	}
	if got := straight(t, replays, whole...); got != told {
		t.Errorf("the replay says %+v, what was told live is %+v", got, told)
	}
	c.alone(t, replays, rooms)
	c.wild(t, replays, rooms)
	c.settled(t, live, was, rooms)
}

// alone replays symbols among all others, which is one replay that all of them watch, and then each by itself.
func (c *city) alone(t *testing.T, replays *node, rooms []string) {
	t.Helper()
	among := map[string]*viewer{}
	everybody := newViewer("everybody").enter(t, replays, "&session=all&speed=max", rooms...)
	defer everybody.hangUp()
	venues := map[string]int{}
	for _, symbol := range slices.Sorted(maps.Keys(c.rooms)) {
		if of, _, _ := strings.Cut(symbol, ":"); venues[of] < 1 {
			venues[of]++
			v := newViewer(symbol)
			v.path = "/v1/replay"
			must(t, v.connect(replays.addr, "?from=1&session=all"))
			defer v.hangUp()
			v.join(t, c.rooms[symbol]...)
			among[symbol] = v
		}
	}
	everybody.do(t, "resume")
	for symbol, v := range among {
		want := v.end(t)
		if got := straight(t, replays, c.rooms[symbol]...); got != want || got.Entries == 0 {
			t.Errorf("%s alone: %+v, among all %+v", symbol, got, want)
		}
	}
}

// wild replays rooms by standing orders, which join them as they come to life: they are whole all the same.
func (c *city) wild(t *testing.T, replays *node, rooms []string) {
	t.Helper()
	var patterns []string
	for _, room := range rooms {
		parts := strings.SplitN(room, ":", 3)
		_, variant, has := strings.Cut(room, "@")
		pattern := parts[0] + ":" + parts[1] + ":*"
		if has {
			pattern += "@" + variant
		}
		if !slices.Contains(patterns, pattern) {
			patterns = append(patterns, pattern)
		}
	}
	want := straight(t, replays, rooms...)
	for range 2 {
		if got := straight(t, replays, patterns...); got != want {
			t.Errorf("by standing orders %+v, by name %+v", got, want)
		}
	}
}

// settled holds what a client in step knows against what its node serves in the end.
func (c *city) settled(t *testing.T, n *node, v *viewer, rooms []string) {
	t.Helper()
	good, books := 0, 0
	for _, room := range rooms {
		want, _ := n.truth(t, room)
		r := v.room(room)
		if want == nil {
			if r.State == "live" {
				t.Errorf("the client believes that %s is live", room)
			}
			continue
		}
		good++
		if strings.HasPrefix(room, "book:") {
			books++
		}
		if d := r.Differ(want); d != "" || r.Epoch != want.Epoch && r.Seq > 0 {
			t.Errorf("%s: %s, epochs %s and %s", room, d, r.Epoch, want.Epoch)
		}
	}
	if good < len(rooms)*3/4 || books < 4 {
		t.Errorf("%d rooms of %d are good, %d of them books: the rest says little", good, len(rooms), books)
	}
}
