package e2e_test

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tapedeck/feed"
	"tapedeck/feed/kafka"
	memory "tapedeck/feed/tape"
	"tapedeck/feed/venue"
	"tapedeck/server"
	"tapedeck/wire/mirror"
)

// Trades flow all the time and a recorder lags behind them, at times by thousands. Replays begin somewhere in what it has
// written, go on through what the topic holds, and roll into live: no trade is missed or told twice, no gap is told,
// every chain holds, and every state of a book is the exchange's.
func TestKafkaHandoversUnderALaggingRecorder(t *testing.T) {
	handovers := 200
	if testing.Short() {
		handovers = 40
	}
	m := newBourse(t, false)
	defer m.end()
	for left := handovers; left > 0 && !t.Failed(); left -= 20 {
		m.handovers(5)
	}
	t.Logf("%d hand-overs, of %d records; the recorder was up to %d behind; %d trades and %d books were compared",
		handovers, m.written.Load(), m.lag.Load(), m.trades.Load(), m.compared.Load())
	if m.compared.Load() < int64(10*handovers) || m.trades.Load() < int64(50*handovers) || m.lag.Load() < 1000 {
		t.Error("too little was compared to prove anything")
	}
}

// A streamer that has just begun runs through what the topic holds, and past the replays that come to where it is: they are
// handed over when it has come to the end, and miss nothing. Every record is one room's trade.
func TestKafkaHandoversToAStreamerThatCatchesUp(t *testing.T) {
	m := newBourse(t, true)
	defer m.end()
	for n := 0; n < 10 && !t.Failed(); n++ {
		m.handovers(1)
	}
	if m.trades.Load() < 10*4*100 {
		t.Errorf("%d trades prove nothing", m.trades.Load())
	}
}

// handovers lets four clients roll into live so many times each, at a new streamer: replays may come nearer to live while
// that has yet to catch up.
func (m *bourse) handovers(each int) {
	end := m.serve()
	defer end()
	var guests sync.WaitGroup
	for i := range 4 {
		seed := m.seed.Add(1)
		guests.Go(func() {
			r := rand.New(rand.NewPCG(seed, 5))
			for n := range each {
				if err := m.handover(r, n == 0, fmt.Sprint("replay ", seed, ".", n)); err != nil {
					m.t.Errorf("client %d: %.2000v", i, err)
					return
				}
			}
		})
	}
	guests.Wait()
}

// bourse is an exchange that writes without end, a recorder, and a streamer that replays.
type bourse struct {
	t        *testing.T
	b        *broker
	l        *ledger
	x        *exchange
	tape     bool
	addr     string
	config   kafka.Config
	began    int64 // log time of the first record
	recorded feed.Archive
	past     *kafka.Past
	stop     context.CancelFunc
	tasks    sync.WaitGroup

	seed                           atomic.Uint64
	written, lag, trades, compared atomic.Int64
	now                            atomic.Int64 // the exchange's, µs

	mu    sync.Mutex
	books map[string][]state // by native symbol
}

// state is a book after a record.
type state struct {
	seq uint64
	sum uint64
}

const lagging = 3000 // records that there are when the first replay begins

// newBourse begins one whose recorder lags behind; tape: it has one symbol, of which there are trades alone.
func newBourse(t *testing.T, tape bool) *bourse {
	arch := memory.New(1 << 30)
	m := openBourse(t, tape, arch)
	ctx, cancel := context.WithCancel(context.Background())
	trading := m.stop
	m.stop = func() { trading(); cancel() }
	m.tasks.Go(func() { m.record(ctx, arch) })
	return m
}

// openBourse begins one that somebody records.
func openBourse(t *testing.T, tape bool, recorded feed.Archive) *bourse {
	b := brokerFor(t)
	topic := b.topic(t, 2)
	bases := []string{"BTC", "ETH", "SOL"}
	if tape {
		bases = bases[:1]
	}
	x := newExchange(11, topic, 2, hoursAgo(), bases...)
	x.every = 20
	m := &bourse{t: t, b: b, l: newLedger(), x: x, tape: tape, began: x.now, recorded: recorded, books: map[string][]state{}}
	for range lagging / 500 {
		if err := m.write(500); err != nil {
			t.Fatal(err)
		}
	}
	format, _ := venue.Lookup("binance")
	var err error
	quiet := slog.New(slog.NewTextHandler(testLog{t, "streamer"}, nil))
	config := kafka.Config{Cluster: kafka.Cluster{Brokers: b.addrs}, Warmup: forever, Log: quiet, Topics: []kafka.Topic{{Name: topic, Format: format}}}
	m.config = config
	m.past, err = kafka.NewPast(config)
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	m.stop = cancel
	m.tasks.Go(func() {
		for r := rand.New(rand.NewPCG(1, 1)); ctx.Err() == nil; pause(ctx, time.Duration(r.Int64N(40e6))) {
			if err := m.write(1 + r.IntN(30)); err != nil {
				t.Error(err)
				return
			}
		}
	})
	return m
}

// serve runs a streamer that knows nothing yet. Its rooms' logs are short, but longer than what a busy machine or a real
// broker holds back and then lets go at once: whoever is not read for in that time would rightly be told a gap.
func (m *bourse) serve() (end func()) {
	entries := 512 // of some 750 records a second
	if m.b.fake == nil {
		entries = 1024
	}
	topic := m.config.Topics[0]
	source, err := kafka.New(m.config)
	must(m.t, err)
	srv, err := server.New(server.Config{
		Node: "bourse", Listen: "127.0.0.1:0", Admin: "off", Source: source, Log: m.config.Log, DrainWait: -1, DrainSpread: time.Millisecond,
		HandshakesPerSecond: 10000, CommandsPerSecond: 10000, Heartbeat: time.Minute, SlowDeadline: time.Minute, LogEntries: entries,
		Feeds:   map[string]server.Feed{topic.Name: {Format: topic.Format, Options: feed.DefaultOptions()}},
		Archive: feed.Chain(m.recorded, m.past), Formats: venue.Lookup, ReplayWarmup: 6 * time.Second, ReplaySessions: 64,
	})
	must(m.t, err)
	m.addr = srv.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- srv.Run(ctx) }()
	return func() {
		cancel()
		must(m.t, <-done)
	}
}

func (m *bourse) end() {
	m.stop()
	m.tasks.Wait()
	m.past.Close()
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// write publishes the exchange's next records, and takes down how its books were.
func (m *bourse) write(n int) error {
	list := make([]*message, n)
	sums := make([]uint64, n)
	for i := range list {
		list[i] = m.next()
		in := m.x.list[slices.IndexFunc(m.x.list, func(in *instrument) bool { return in.native() == list[i].symbol })]
		sums[i] = bookSum(plainLevels(in.bids), plainLevels(in.asks))
	}
	if err := m.b.write(m.l, list); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, msg := range list {
		m.books[msg.symbol] = append(m.books[msg.symbol], state{msg.seq(), sums[i]})
	}
	m.written.Add(int64(n))
	m.now.Store(m.x.now)
	return nil
}

func (m *bourse) next() *message {
	if !m.tape {
		return m.x.next()
	}
	m.x.now += m.x.step
	return m.x.list[0].tradeNow()
}

func plainLevels(side map[int64]int64) map[string]string {
	levels := make(map[string]string, len(side))
	for price, qty := range side {
		levels[plain(price2(price))] = plain(qty3(qty))
	}
	return levels
}

// bookSum is the same for the same levels.
func bookSum(sides ...map[string]string) (sum uint64) {
	for i, side := range sides {
		for price, qty := range side {
			h := fnv.New64a()
			fmt.Fprint(h, i, price, " ", qty)
			sum += h.Sum64()
		}
	}
	return sum
}

// record copies from the topic what is to be history, now a little and now a lot behind.
func (m *bourse) record(ctx context.Context, tape *memory.Tape) {
	next := map[feed.LogID]int64{}
	for r := rand.New(rand.NewPCG(2, 2)); ctx.Err() == nil; pause(ctx, time.Duration(r.Int64N(100e6))) {
		logs, err := m.past.Logs(ctx)
		if err != nil && ctx.Err() == nil {
			m.t.Error(err)
			return
		}
		for _, h := range logs {
			m.lag.Store(max(m.lag.Load(), h.Next-next[h.LogID]))
			to := h.Next - int64(r.IntN(lagging/2))
			if r.IntN(3) > 0 || to <= next[h.LogID] {
				continue
			}
			at, err := m.past.Read(ctx, h.LogID, feed.Window{From: next[h.LogID], To: to}, func(rec *feed.Record) error {
				tape.Append(h.LogID, rec)
				return nil
			})
			if err != nil && ctx.Err() == nil {
				m.t.Error(err)
				return
			}
			next[h.LogID] = at
		}
	}
}

// handover lets one client roll into live, and holds what it was told against what was written.
func (m *bourse) handover(r *rand.Rand, early bool, name string) error {
	c := newClient(name, false)
	c.path = "/v1/replay"
	live := false
	type saw struct {
		room string
		state
	}
	var books []saw
	c.each = func(msg *mirror.Message, room *mirror.Room) {
		switch {
		case msg.T == "gap" || msg.T == "error":
			if c.err == nil {
				c.err = fmt.Errorf("%s is told %s", name, msg.Raw)
			}
		case msg.T == "status" && msg.Room == "" && msg.State == "live":
			live = true
		case room != nil && strings.HasPrefix(room.Name, "book:") && !strings.Contains(room.Name, "@") && (msg.T == "snapshot" || msg.T == "update"):
			books = append(books, saw{room.Name, state{room.Seq, bookSum(room.Bids, room.Asks)}})
		}
	}
	var rooms []string
	for _, in := range m.x.list {
		if r.IntN(2) > 0 || rooms == nil {
			rooms = append(rooms, in.room("trades"))
			if !m.tape {
				rooms = append(rooms, in.room("book"), in.room("book@5"), in.room("quotes"))
			}
		}
	}
	from := m.now.Load() - r.Int64N(800*m.x.step)
	if early { // where a streamer that has just begun may still be
		from = m.began + r.Int64N(1500*m.x.step)
	}
	speed := []string{"max", "max", "max", "1000", "500"}[r.IntN(5)]
	interval := []string{"0", "0", "50ms"}[r.IntN(3)]
	query := fmt.Sprintf("?from=%d&to=live&speed=%s&interval=%s&rooms=%s", from, speed, interval, strings.Join(rooms, ","))
	if err := c.connect(m.addr, query); err != nil {
		return err
	}
	defer c.hangUp()
	if err := c.until("it is live", func(*mirror.Mirror) bool { return live }); err != nil {
		return fmt.Errorf("%s: %w", query, err)
	}
	upTo := c.reached(rooms)
	if err := c.until("live goes on", func(k *mirror.Mirror) bool {
		for name, seq := range upTo {
			if k.Rooms[name].Seq <= seq {
				return false
			}
		}
		return true
	}); err != nil {
		return fmt.Errorf("%s: %w", query, err)
	}
	c.hangUp()
	m.settle()
	for room, tape := range c.tapes {
		m.trades.Add(int64(tape.trades()))
		if err := m.l.check(tape, strings.Replace(symbolOf(room), "-", "", 1)); err != nil {
			return fmt.Errorf("%s %s: %s: %w", name, query, room, err)
		}
		for _, s := range tape.said[1:] {
			if s.kind == "snapshot" && len(s.ids) > 0 {
				return fmt.Errorf("%s %s: %s: a second snapshot at %d", name, query, room, s.to)
			}
		}
	}
	for _, b := range books {
		m.compared.Add(1)
		if want := m.bookAt(strings.Replace(symbolOf(b.room), "-", "", 1), b.seq); b.sum != want {
			return fmt.Errorf("%s %s: %s at %d is not what the exchange had", name, query, b.room, b.seq)
		}
	}
	return nil
}

// reached is where the trades and books are.
func (c *client) reached(rooms []string) map[string]uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := map[string]uint64{}
	for _, name := range rooms {
		if room := c.known.Rooms[name]; room != nil && strings.HasPrefix(name, "trades:") {
			at[name] = room.Seq
		}
	}
	return at
}

// settle waits until all that clients may have heard of is taken down.
func (m *bourse) settle() {
	before := m.written.Load()
	for n := 0; m.written.Load() == before && n < 10_000; n++ {
		time.Sleep(time.Millisecond)
	}
}

// bookAt is the sum of the exchange's book after the newest record of a symbol up to seq.
func (m *bourse) bookAt(native string, seq uint64) uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := m.books[native]
	i, found := slices.BinarySearchFunc(list, seq, func(s state, seq uint64) int { return cmp.Compare(s.seq, seq) })
	if !found {
		i--
	}
	if i < 0 {
		return 0
	}
	return list[i].sum
}

// Clients come back after so long that the rooms do not hold any more what they missed: they are told from what the recorder and
// the topic have, while trades flow, and go on live. No trade is missed or told twice, and no gap is told.
func TestKafkaResumesOlderThanTheRooms(t *testing.T) {
	m := newBourse(t, true)
	defer m.end()
	end := m.serve()
	defer end()
	room := m.x.list[0].room("trades")
	var guests sync.WaitGroup
	for i := range 4 {
		guests.Go(func() {
			r := rand.New(rand.NewPCG(uint64(i), 6))
			for n := range 10 {
				if err := m.comeBack(r, fmt.Sprint("client ", i, ".", n), room); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	guests.Wait()
	if m.trades.Load() < 40*1000 {
		t.Errorf("%d trades prove nothing", m.trades.Load())
	}
}

// comeBack lets a client that has heard of a trade long ago resume after it.
func (m *bourse) comeBack(r *rand.Rand, name, room string) error {
	c := newClient(name, r.IntN(2) == 0)
	if err := c.connect(m.addr, ""); err != nil {
		return err
	}
	defer c.hangUp()
	if _, err := c.subscribe("0", room); err != nil {
		return err
	}
	if err := c.until("it has a snapshot", func(k *mirror.Mirror) bool { return k.Rooms[room] != nil && k.Rooms[room].Seq > lagging }); err != nil {
		return err
	}
	c.hangUp()
	c.mu.Lock()
	c.known.Rooms[room].Seq = 1 + r.Uint64N(lagging-1000) // that is when it left
	c.tapes = map[string]*tape{}
	c.mu.Unlock()
	if err := c.connect(m.addr, ""); err != nil {
		return err
	}
	if recovered, _, err := c.resume(func(string) string { return "0" }); err != nil || recovered != 1 {
		return fmt.Errorf("%s: %d rooms were recovered, error %v", name, recovered, err)
	}
	upTo := uint64(m.written.Load())
	if err := c.until("live goes on", func(k *mirror.Mirror) bool { return k.Rooms[room].Seq > upTo }); err != nil {
		return err
	}
	c.hangUp()
	m.settle()
	tape := c.tapes[room]
	m.trades.Add(int64(tape.trades()))
	if tape.gaps("") > 0 || len(tape.said) == 0 || tape.said[0].kind != "update" {
		return fmt.Errorf("%s: it is told a gap, or of the room anew: %.300v", name, tape.said)
	}
	return m.l.check(tape, m.x.list[0].native())
}
