package record

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"go.uber.org/goleak"

	"tapedeck/feed"
	clickhousefeed "tapedeck/feed/clickhouse"
	"tapedeck/market"
	"tapedeck/snapshot"
)

// words is a format of "SYMBOL PRICE TIME" that knows nothing of anything else.
var words = &feed.Format{Name: "words", Venue: "TEST", Scope: feed.ScopeRecord, New: func(feed.Options) feed.Decoder { return &wordsDecoder{} }}

type wordsDecoder struct{ symbols map[string]*market.Symbol }

func (d *wordsDecoder) Decode(b *market.Batch, r *feed.Record) error {
	name, rest, ok := bytes.Cut(r.Value, []byte(" "))
	price, when, _ := bytes.Cut(rest, []byte(" "))
	at, err := strconv.ParseInt(string(when), 10, 64)
	n, good := market.ParseDecimal(price)
	if !ok || !good || err != nil {
		return feed.BadValue
	}
	s := d.symbols[string(name)]
	if s == nil {
		if d.symbols == nil {
			d.symbols = map[string]*market.Symbol{}
		}
		s = &market.Symbol{Venue: "TEST", Name: string(name)}
		d.symbols[string(name)] = s
	}
	t := b.Trade(s, at)
	t.Price, t.Qty = n, n
	return nil
}

// script is what Kafka holds: records of three logs, of which some come late, early or without a time, over several days.
type script map[feed.LogID][]feed.Record

func newScript(rng *rand.Rand, logs, records int) script {
	s := script{}
	for l := range logs {
		id := feed.LogID{Cluster: "c", Topic: "t", TopicID: "id", Partition: int32(l), Format: "words"}
		now := int64(1_790_000_000_000_000) + rng.Int64N(86_400e6)
		for i, odd := 0, 0; i < records; i++ {
			now += rng.Int64N(40e6) // a record in 20 s: a mark now and then
			what := rng.IntN(30)
			if i < odd+4 { // two that agree on a wrong time are believed, and all that comes after is late
				what = 30
			} else if rng.IntN(100) == 0 {
				now += 20 * 3600e6
				what, odd = 30, i
			} else if what < 3 {
				odd = i
			}
			at := now
			switch what {
			case 0:
				at -= rng.Int64N(5e6)
			case 1:
				at += 3600e6 // nobody believes it
			case 2:
				at = 0
			}
			r := feed.Record{Offset: int64(i), Time: at, Key: []byte("k"), Value: []byte(fmt.Sprintf("S%d %d %d", rng.IntN(3), 1+rng.IntN(90), now))}
			switch rng.IntN(10) {
			case 0:
				r.Value = nil
			case 1:
				r.Value, r.Key = []byte("nothing"), nil
			case 2:
				r.Headers = []feed.Header{{Key: "symbol", Value: []byte("x")}}
			}
			s[id] = append(s[id], r)
		}
	}
	return s
}

// Run implements feed.Source as far as a recorder sees it.
type scripted struct {
	script
	begin func(context.Context, feed.LogID) (int64, error)
}

func (s *scripted) Run(ctx context.Context, sink feed.Sink) error {
	var readers sync.WaitGroup
	for id, records := range s.script {
		readers.Go(func() {
			from, err := s.begin(ctx, id)
			for ; err != nil && ctx.Err() == nil; from, err = s.begin(ctx, id) {
				time.Sleep(time.Millisecond)
			}
			if ctx.Err() != nil {
				return
			}
			n := int64(len(records))
			log := sink.Open(feed.Partition{Topic: id.Topic, ID: id.Partition}, feed.Start{Log: id, Epoch: id.Epoch(words), From: from, End: n})
			for ; from < n && ctx.Err() == nil; from++ {
				r := records[from]
				log.Record(&r)
			}
			<-ctx.Done()
		})
	}
	readers.Wait()
	return nil
}

// server is a ClickHouse that outlives those who write to it.
type server struct {
	mu      sync.Mutex
	rng     *rand.Rand
	faults  bool
	rows    map[feed.LogID][]clickhousefeed.Row
	marks   map[feed.LogID]map[int64]clickhousefeed.Mark
	candles map[string]clickhousefeed.Candle
	holes   map[feed.LogID][]feed.Hole
	running sync.WaitGroup // INSERTs that nobody waits for any more
	most    int            // rows in one INSERT
}

// client is one recorder's connection, which a kill ends.
type client struct {
	*server
	dead context.Context
}

var errGone = errors.New("connection reset")

func (c *client) fault() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.faults {
		return 9
	}
	return c.rng.IntN(12)
}

func (c *client) Write(ctx context.Context, b *clickhousefeed.Batch) error {
	if c.dead.Err() != nil {
		return errGone
	}
	switch c.fault() {
	case 0:
		return errGone
	case 1:
		c.commit(b)
		return errGone
	case 2: // it goes on when we have gone
		slow := clone(b)
		c.running.Add(1)
		go func() {
			defer c.running.Done()
			time.Sleep(2 * time.Millisecond)
			c.commit(slow)
		}()
		return errGone
	case 3:
		return &clickhouse.Exception{Code: 27, Message: "cannot parse"}
	case 4:
		c.side(b)
		return errGone
	}
	c.commit(b)
	return nil
}

// clone copies what commit reads: the batch's memory is its recorder's.
func clone(b *clickhousefeed.Batch) *clickhousefeed.Batch {
	n := *b
	n.Records, n.Logs, n.Marks, n.Candles, n.Holes = slices.Clone(b.Records), slices.Clone(b.Logs), slices.Clone(b.Marks), slices.Clone(b.Candles), slices.Clone(b.Holes)
	for i := range n.Records {
		n.Records[i].Value = bytes.Clone(n.Records[i].Value)
		n.Records[i].Key = bytes.Clone(n.Records[i].Key)
	}
	return &n
}

func (s *server) side(b *clickhousefeed.Batch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range b.Marks {
		l := b.Logs[m.Log]
		if s.marks[l] == nil {
			s.marks[l] = map[int64]clickhousefeed.Mark{}
		}
		m.Log = 0
		if was, ok := s.marks[l][m.Offset]; ok && was != m {
			panic(fmt.Sprintf("a mark changes from %+v to %+v", was, m))
		}
		s.marks[l][m.Offset] = m
	}
	for _, c := range b.Candles {
		key := fmt.Sprint(b.Logs[c.Log], c.Symbol, c.Start)
		if was, ok := s.candles[key]; !ok || was.Offset <= c.Offset {
			s.candles[key] = c
		}
	}
	for _, h := range b.Holes {
		s.holes[b.Logs[h.Log]] = append(s.holes[b.Logs[h.Log]], h.Hole)
	}
}

func (s *server) commit(b *clickhousefeed.Batch) {
	b = clone(b)
	s.side(b)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.most = max(s.most, len(b.Records))
	for _, r := range b.Records {
		if clickhousefeed.DayOf(r.Clock, r.Time) != b.Day {
			panic(fmt.Sprintf("a record of another day: %+v in %d", r, b.Day))
		}
		s.rows[b.Logs[r.Log]] = append(s.rows[b.Logs[r.Log]], r)
	}
}

func (c *client) Settle(_ context.Context, b *clickhousefeed.Batch) error {
	if c.dead.Err() != nil || c.fault() == 0 {
		return errGone
	}
	c.running.Wait()
	if b == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, l := range b.Logs {
		if n := len(c.rows[l]); n > 0 {
			b.Forget(i, c.rows[l][n-1].Offset+1)
		}
	}
	return nil
}

func (c *client) Holes(_ context.Context, b *clickhousefeed.Batch) error {
	if c.dead.Err() != nil || c.fault() == 0 {
		return errGone
	}
	c.side(&clickhousefeed.Batch{Logs: b.Logs, Holes: b.Holes})
	return nil
}

func (c *client) Tail(_ context.Context, l feed.LogID, warm time.Duration) (clickhousefeed.Tail, error) {
	if c.dead.Err() != nil || c.fault() == 0 {
		return clickhousefeed.Tail{}, errGone
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	rows := c.rows[l]
	if len(rows) == 0 {
		return clickhousefeed.Tail{}, nil
	}
	last := &rows[len(rows)-1]
	t := clickhousefeed.Tail{Held: true, Next: last.Offset + 1, At: clickhousefeed.ClockAfter(rows[max(len(rows)-64, 0):]), Warm: last.Offset + 1}
	t.Clock = last.Clock - warm.Microseconds()
	for i := range rows {
		if rows[i].Clock >= t.Clock {
			t.Warm = max(rows[i].Offset-64, rows[0].Offset)
			break
		}
	}
	return t, nil
}

func newServer(rng *rand.Rand) *server {
	return &server{rng: rng, faults: true, rows: map[feed.LogID][]clickhousefeed.Row{}, marks: map[feed.LogID]map[int64]clickhousefeed.Mark{},
		candles: map[string]clickhousefeed.Candle{}, holes: map[feed.LogID][]feed.Hole{}}
}

// start runs a recorder; kill ends it as a kill of its process would: nothing of it reaches the server after that.
func (s *server) start(src script, l Limits, drain time.Duration) (kill, end func()) {
	dead, die := context.WithCancel(context.Background())
	ctx, cancel := context.WithCancel(context.Background())
	r := New(Config{
		Table: &client{s, dead}, Feeds: map[string]Feed{"t": {words, feed.DefaultOptions()}}, Limits: l,
		Backoff: time.Millisecond, Log: slog.New(slog.DiscardHandler), Drain: drain,
	})
	begin := func(ctx context.Context, id feed.LogID) (int64, error) {
		b, err := r.Begin(ctx, id)
		return b.Offset, err
	}
	done := make(chan error)
	go func() { done <- r.Run(ctx, &scripted{src, begin}) }()
	return func() { die(); cancel(); <-done }, func() { cancel(); <-done; die() }
}

// However the server fails and however often the recorder is killed: each record is in the table once, with the clock,
// the marks and the candles that one has who was never disturbed.
func TestCompleteAndUnique(t *testing.T) {
	defer goleak.VerifyNone(t)
	for seed := range uint64(15) {
		rng := rand.New(rand.NewPCG(seed, 4))
		src := newScript(rng, 3, 600)
		limits := Limits{Rows: 1 + rng.IntN(60), Bytes: 1 << 20, Every: time.Millisecond, Memory: 4000 + rng.IntN(40_000)}
		calm := newServer(rand.New(rand.NewPCG(seed, 5)))
		calm.faults = false
		_, end := calm.start(src, limits, time.Minute)
		calm.reach(t, src)
		end()
		calm.check(t, seed, src)

		wild := newServer(rand.New(rand.NewPCG(seed, 6)))
		for range 15 {
			kill, _ := wild.start(src, limits, time.Nanosecond)
			time.Sleep(time.Duration(rng.IntN(6000)) * time.Microsecond)
			kill()
		}
		_, end = wild.start(src, limits, time.Minute)
		wild.reach(t, src)
		end()
		wild.running.Wait()
		wild.check(t, seed, src)
		for id := range src {
			if !maps.Equal(calm.marks[id], wild.marks[id]) {
				t.Errorf("seed %d: marks differ: %d and %d", seed, len(calm.marks[id]), len(wild.marks[id]))
			}
		}
		for key, c := range calm.candles {
			w, ok := wild.candles[key]
			c.Log, c.Offset, w.Log, w.Offset = 0, 0, 0, 0 // it may be told once more
			if !ok || c != w {
				t.Errorf("seed %d: candle %s is %+v, undisturbed %+v", seed, key, w, c)
			}
		}
		if len(calm.candles) == 0 || len(calm.candles) != len(wild.candles) {
			t.Errorf("seed %d: %d candles, undisturbed %d", seed, len(wild.candles), len(calm.candles))
		}
		if t.Failed() {
			return
		}
	}
}

// reach waits until everything is there.
func (s *server) reach(t *testing.T, src script) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		s.mu.Lock()
		missing := 0
		for id, records := range src {
			missing += len(records) - len(s.rows[id])
		}
		s.mu.Unlock()
		if missing <= 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d records are missing", missing)
		}
	}
}

func (s *server) check(t *testing.T, seed uint64, src script) {
	t.Helper()
	for id, records := range src {
		rows := s.rows[id]
		if len(rows) != len(records) {
			t.Fatalf("seed %d: %d rows of %d records", seed, len(rows), len(records))
		}
		var clock market.Clock
		over := int64(0)
		for i, r := range rows {
			want := records[i]
			clock.Observe(want.Time)
			if r.Offset != want.Offset || r.Time != want.Time || r.Clock != clock.Now() || !bytes.Equal(r.Value, want.Value) || (r.Value == nil) != (want.Value == nil) ||
				(r.Key == nil) != (want.Key == nil) || len(r.Headers) != len(want.Headers) {
				t.Fatalf("seed %d: row %d of %s is %+v, want %+v at %d", seed, i, strconv.Itoa(int(id.Partition)), r, want, clock.Now())
			}
			if sym := r.Symbol; (sym != "") != bytes.HasPrefix(want.Value, []byte("S")) || sym != "" && sym != "TEST:"+string(want.Value[:2]) {
				t.Fatalf("seed %d: row %d is of symbol %q: %s", seed, i, sym, want.Value)
			}
			now := snapshot.Over(clock.Now())
			if _, marked := s.marks[id][r.Offset]; marked != (now > over) {
				t.Fatalf("seed %d: row %d marked %t at %d", seed, i, marked, clock.Now())
			}
			over = max(over, now)
		}
	}
}

// Memory is bounded: who brings more waits until the server has taken some, and is let go at the end.
func TestWaitsForTheServer(t *testing.T) {
	defer goleak.VerifyNone(t)
	s := newServer(rand.New(rand.NewPCG(1, 1)))
	s.faults = false
	src := newScript(rand.New(rand.NewPCG(1, 2)), 2, 5000)
	s.mu.Lock() // it takes nothing
	r := New(Config{Table: &stuck{}, Feeds: map[string]Feed{"t": {words, feed.DefaultOptions()}}, Limits: Limits{Rows: 100, Bytes: 1 << 20, Every: time.Hour, Memory: 50_000},
		Backoff: time.Millisecond, Log: slog.New(slog.DiscardHandler), Drain: time.Millisecond})
	s.mu.Unlock()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		done <- r.Run(ctx, &scripted{src, func(context.Context, feed.LogID) (int64, error) { return 0, nil }})
	}()
	full := func() bool { r.queue.mu.Lock(); defer r.queue.mu.Unlock(); return r.queue.size >= 50_000 }
	for deadline := time.Now().Add(20 * time.Second); !full(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it does not fill up")
		}
	}
	r.queue.mu.Lock()
	if size := r.queue.size; size > 52_000 {
		t.Errorf("%d bytes are held, 50,000 are allowed and a record of each log", size)
	}
	r.queue.mu.Unlock()
	cancel()
	if err := <-done; err == nil {
		t.Error("it does not say that records were not written")
	}
}

// stuck is a server that hangs.
type stuck struct{ client }

func (*stuck) Write(ctx context.Context, _ *clickhousefeed.Batch) error {
	<-ctx.Done()
	return ctx.Err()
}
func (*stuck) Settle(context.Context, *clickhousefeed.Batch) error { return nil }

// A batch that is refused for good is kept; the table says what is missing, and takes what comes after it.
func TestKeepsWhatIsRefused(t *testing.T) {
	defer goleak.VerifyNone(t)
	s := newServer(rand.New(rand.NewPCG(1, 1)))
	s.faults = false
	src := newScript(rand.New(rand.NewPCG(1, 2)), 1, 300)
	dir := t.TempDir()
	r := New(Config{Table: &picky{client: client{s, t.Context()}}, Feeds: map[string]Feed{"t": {words, feed.DefaultOptions()}}, Limits: Limits{Rows: 50, Bytes: 1 << 20, Every: time.Millisecond, Memory: 1 << 20},
		Backoff: time.Millisecond, Log: slog.New(slog.DiscardHandler), Drain: 10 * time.Second, Spool: &Spool{Dir: dir, Limit: 1 << 20}})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		done <- r.Run(ctx, &scripted{src, func(ctx context.Context, id feed.LogID) (int64, error) {
			b, err := r.Begin(ctx, id)
			return b.Offset, err
		}})
	}()
	var id feed.LogID
	for id = range src {
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		s.mu.Lock()
		n := len(s.rows[id])
		last := n > 0 && s.rows[id][n-1].Offset == 299
		s.mu.Unlock()
		if last {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d rows", n)
		}
	}
	cancel()
	<-done
	names, _, err := r.Spool.files()
	if err != nil || len(names) != 1 || len(s.holes[id]) != 1 {
		t.Fatalf("kept %v, holes %v, %v", names, s.holes[id], err)
	}
	b, err := Load(names[0])
	if err != nil {
		t.Fatal(err)
	}
	hole := s.holes[id][0]
	if hole.Why != feed.LossArchive || hole.From != b.Records[0].Offset || hole.To != b.Records[len(b.Records)-1].Offset+1 {
		t.Errorf("hole %+v, kept from %d", hole, b.Records[0].Offset)
	}
	s.rows[id] = slices.Insert(s.rows[id], int(hole.From), b.Records...)
	for _, m := range b.Marks {
		if s.marks[id] == nil {
			s.marks[id] = map[int64]clickhousefeed.Mark{}
		}
		s.marks[id][m.Offset] = m
	}
	s.check(t, 0, src)
}

// picky refuses the second batch, always.
type picky struct {
	client
	count int
	bad   int64
}

func (p *picky) Write(ctx context.Context, b *clickhousefeed.Batch) error {
	p.count++
	if p.count == 2 {
		return &clickhouse.Exception{Code: 27, Message: "cannot parse"}
	}
	return p.client.Write(ctx, b)
}
