package server

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"tapedeck/feed"
	"tapedeck/market"
)

// tape is the log of these tests: a topic of some partitions that any number of nodes read, each from
// where it likes. What is added has been applied by every node when add returns.
type tape struct {
	mu      sync.Mutex
	parts   [][]feed.Record
	players []*player
}

func newTape(partitions int) *tape { return &tape{parts: make([][]feed.Record, partitions)} }

func (tp *tape) partition(p int) feed.Partition { return feed.Partition{Topic: "tape", ID: int32(p)} }

// add appends a record to partition 0.
func (tp *tape) add(format string, args ...any) { tp.addTo(0, format, args...) }

func (tp *tape) addTo(p int, format string, args ...any) {
	tp.addAt(p, time.Now().UnixMicro(), format, args...)
}

// addAt appends a record of a log time.
func (tp *tape) addAt(p int, at int64, format string, args ...any) {
	tp.mu.Lock()
	defer tp.mu.Unlock()
	r := feed.Record{Offset: int64(len(tp.parts[p])), Time: at, Value: fmt.Appendf(nil, format, args...)}
	tp.parts[p] = append(tp.parts[p], r)
	for _, pl := range tp.players {
		pl.logs[p].End(r.Offset + 1)
		pl.logs[p].Record(&r)
	}
}

// player is a node's way to read a tape.
type player struct {
	tape   *tape
	from   int64 // the first offset, of every partition
	closed bool  // assigns its partitions, but opens none
	sink   feed.Sink
	logs   []feed.Log
	began  chan struct{} // closed when everything there was is read
}

func (tp *tape) player() *player { return &player{tape: tp, began: make(chan struct{})} }

// Run implements feed.Source.
func (pl *player) Run(ctx context.Context, sink feed.Sink) error {
	tp := pl.tape
	tp.mu.Lock()
	var parts []feed.Partition
	for p := range tp.parts {
		parts = append(parts, tp.partition(p))
	}
	pl.sink = sink
	sink.Assign(parts)
	if !pl.closed {
		for p := range tp.parts {
			pl.open(p)
		}
		tp.players = append(tp.players, pl)
	}
	close(pl.began)
	tp.mu.Unlock()
	<-ctx.Done()
	tp.mu.Lock()
	defer tp.mu.Unlock()
	tp.players = slices.DeleteFunc(tp.players, func(o *player) bool { return o == pl })
	return nil
}

func (pl *player) open(p int) {
	records := pl.tape.parts[p]
	from := min(pl.from, int64(len(records)))
	log := pl.sink.Open(pl.tape.partition(p), feed.Start{Epoch: fmt.Sprint("epoch", p), From: from, End: int64(len(records))})
	pl.logs = append(pl.logs, log)
	for i := from; i < int64(len(records)); i++ {
		log.Record(&records[i])
	}
}

// with calls f with a partition's log while nothing is added.
func (pl *player) with(p int, f func(feed.Log)) {
	pl.tape.mu.Lock()
	defer pl.tape.mu.Unlock()
	f(pl.logs[p])
}

// lines is the format of a tape: events, one a line, as in
//
//	trade BTC-USD 17 100.5 2
//	quote BTC-USD 100 1 101 2
//	whole BTC-USD 7 b100=1 a101=2
//	delta BTC-USD 8 9 b100=0
var lines = &feed.Format{Name: "lines", Venue: "TEST", Version: 1, New: func(feed.Options) feed.Decoder { return lineDecoder{} }}

type lineDecoder map[string]*market.Symbol

func (d lineDecoder) Decode(b *market.Batch, r *feed.Record) error {
	for line := range strings.Lines(string(r.Value)) {
		f := strings.Fields(line)
		if len(f) < 2 {
			b.Reset()
			return feed.Reason(strings.TrimSpace(line)) // as it says
		}
		d.event(b, symbol(f[1]), f[0], f[2:])
	}
	return nil
}

var symbols sync.Map

func symbol(name string) *market.Symbol {
	s, _ := symbols.LoadOrStore(name, &market.Symbol{Venue: "TEST", Name: name, Native: name})
	return s.(*market.Symbol)
}

// counted is a venue's rule: deltas are numbered without holes.
var counted = &market.Chain{
	Name:    "counted",
	Old:     func(d *market.Book, snap int64) bool { return d.Last <= snap },
	Starts:  func(d *market.Book, snap int64) bool { return d.First <= snap+1 && snap+1 <= d.Last },
	Follows: func(d *market.Book, prev int64) bool { return d.First == prev+1 },
}

func (lineDecoder) event(b *market.Batch, s *market.Symbol, kind string, f []string) {
	num := func(i int) int64 { n, _ := strconv.ParseInt(f[i], 10, 64); return n }
	switch kind {
	case "trade":
		t := b.Trade(s, 0)
		t.ID, _ = market.MakeID(f[0])
		t.Price, t.Qty = market.MustDecimal(f[1]), market.MustDecimal(f[2])
	case "deal": // a trade with the venue's time
		t := b.Trade(s, num(3))
		t.ID, _ = market.MakeID(f[0])
		t.Price, t.Qty = market.MustDecimal(f[1]), market.MustDecimal(f[2])
	case "quote":
		*b.Quote(s, 0) = market.Quote{BidPrice: market.MustDecimal(f[0]), BidQty: market.MustDecimal(f[1]), AskPrice: market.MustDecimal(f[2]), AskQty: market.MustDecimal(f[3])}
	case "whole":
		k := b.Book(s, 0)
		k.Snapshot, k.Last, k.Chain = true, num(0), counted
		levels(k, f[1:])
	case "delta":
		k := b.Book(s, 0)
		k.First, k.Last, k.Chain = num(0), num(1), counted
		levels(k, f[2:])
	case "halt":
		*b.Status(s, 0) = market.Status{State: market.Halted, Reason: "halt"}
	}
}

func levels(k *market.Book, f []string) {
	for _, l := range f {
		price, qty, _ := strings.Cut(l[1:], "=")
		level := market.Level{Price: market.MustDecimal(price), Qty: market.MustDecimal(qty)}
		if l[0] == 'b' {
			k.Bids = append(k.Bids, level)
		} else {
			k.Asks = append(k.Asks, level)
		}
	}
}

// node is a running server.
type node struct {
	*Server
	t      testing.TB
	player *player
	stop   context.CancelFunc
	ended  chan struct{}
	err    error
}

// run starts a node that reads the tape; options change its configuration, and what it plays.
func run(t testing.TB, tp *tape, options ...func(*Config)) *node {
	t.Helper()
	n := start(t, tp.player(), options...)
	<-n.player.began
	return n
}

func start(t testing.TB, pl *player, options ...func(*Config)) *node {
	t.Helper()
	s := listening(t, pl, options...)
	ctx, cancel := context.WithCancel(context.Background())
	n := &node{Server: s, t: t, player: pl, stop: cancel, ended: make(chan struct{})}
	go func() {
		defer close(n.ended)
		n.err = s.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-n.ended
		if n.err != nil {
			t.Errorf("the server ended with: %v", n.err)
		}
	})
	return n
}

// listening is a server that is not run.
func listening(t testing.TB, pl *player, options ...func(*Config)) *Server {
	t.Helper()
	c := Config{
		Node: "test", Listen: "127.0.0.1:0", Admin: "127.0.0.1:0", Source: pl,
		Feeds: map[string]Feed{"tape": {Format: lines, Options: feed.DefaultOptions()}},
		Log:   quietLog, DrainWait: -1, HandshakesPerSecond: 100000, Pumps: 2,
	}
	for _, o := range options {
		o(&c)
	}
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// until polls until ok, for so long that only a fault lets it end.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}
