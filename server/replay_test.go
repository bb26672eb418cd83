package server

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"tapedeck/feed"
	memory "tapedeck/feed/tape"
	"tapedeck/market"
	"tapedeck/subscriptions"
	"tapedeck/wire"
	"tapedeck/wire/mirror"
)

// session is a recorded market: two partitions, symbols A and B in one, C in the other.
const sessionBegan = int64(1_700_000_000_000_000)

func recordedMarket(seed uint64, records int) *memory.Tape {
	r := rand.New(rand.NewPCG(seed, 1))
	arch := memory.New(1 << 30)
	at, books := sessionBegan, map[string]int{}
	var next [2]int64
	for range records {
		at += r.Int64N(20_000)
		symbol := string(rune('A' + r.IntN(3)))
		part := 0
		if symbol == "C" {
			part = 1
		}
		var line string
		switch n := books[symbol]; r.IntN(10) {
		case 0, 1, 2, 3:
			line = fmt.Sprintf("trade %s %d %d.%02d %d", symbol, next[part], 100+r.IntN(9), r.IntN(100), 1+r.IntN(9))
		case 4, 5:
			line = fmt.Sprintf("quote %s %d 1 %d 2", symbol, 90+r.IntN(9), 110+r.IntN(9))
		case 6:
			line = fmt.Sprintf("whole %s %d b99=%d a111=%d", symbol, n, 1+r.IntN(9), 1+r.IntN(9))
		case 7:
			line = "bad_json"
		default:
			line = fmt.Sprintf("delta %s %d %d b%d=%d a%d=%d", symbol, n+1, n+1, 90+r.IntN(9), r.IntN(5), 110+r.IntN(9), r.IntN(5))
			if books[symbol]++; r.IntN(30) == 0 {
				books[symbol]++ // a change is lost, so the book breaks
			}
		}
		arch.Append(marketLog(part), &feed.Record{Offset: next[part], Time: at, Value: []byte(line)})
		next[part]++
	}
	return arch
}

func marketLog(part int) feed.LogID {
	return feed.LogID{Cluster: "k", Topic: "tape", TopicID: "1", Partition: int32(part), Format: lines.Name}
}

func theFormats(name string) (*feed.Format, bool) { return lines, name == lines.Name }

func archived(arch feed.Archive) func(*Config) {
	return func(c *Config) {
		c.Archive, c.Formats, c.CommandsPerSecond = arch, theFormats, 100_000
	}
}

var marketRooms = []string{"trades:TEST:A", "trades:TEST:B", "trades:TEST:C", "quotes:TEST:A", "book:TEST:A", "book:TEST:C@5", "ticker:TEST:B", "candles:TEST:A@1m", "candles:TEST:C@5m"}

// straight is what the rooms' entries come to where the logs are read from their beginning as a live node does.
func straight(t *testing.T, arch *memory.Tape, rooms ...string) (entries uint64, sum string) {
	t.Helper()
	c := Config{Feeds: map[string]Feed{"tape": {Format: lines, Options: feed.DefaultOptions()}}, Log: quietLog}.WithDefaults()
	hub := subscriptions.NewHub(c.hub())
	hub.Digest(subscriptions.NewDigests())
	in := newIngest(&c, hub)
	sub := hub.NewDesk(0, 1<<20, func() {}, nil).NewSubscriber(wire.JSON)
	for _, name := range rooms {
		if _, ok := sub.Join(parsed(name), subscriptions.Grant{}, nil); !ok {
			t.Fatal(name)
		}
	}
	for part := range 2 {
		id := marketLog(part)
		log := in.Open(feed.Partition{Topic: id.Topic, ID: id.Partition}, feed.Start{Epoch: id.Epoch(lines)})
		arch.Read(t.Context(), id, feed.Window{Bytes: 1 << 30}, func(r *feed.Record) error {
			live := *r
			live.Clock = 0
			log.Record(&live)
			return nil
		})
	}
	return sub.Digest()
}

func parsed(name string) market.Room {
	r, _, _ := market.ParseRoom(name)
	return r
}

func replayAddress(rooms []string, more string) string {
	return fmt.Sprintf("/v1/replay?from=%d&rooms=%s%s", sessionBegan, strings.Join(rooms, ","), more)
}

// end waits for the end of a replay.
func (c *client) end() (entries uint64, sum string) {
	m := c.hear("the end of the replay", func(m *mirror.Message) bool { return m.T == "status" && m.Room == "" && m.State == "end" })
	var end struct {
		Entries uint64
		Hash    string
	}
	if err := json.Unmarshal(m.Raw, &end); err != nil {
		c.t.Fatal(err)
	}
	return end.Entries, end.Hash
}

// What is replayed is what was live: every entry of every room, whatever the speed, the interval, the pauses, and the
// company that its records are read in.
func TestReplayIsWhatWasLive(t *testing.T) {
	arch := recordedMarket(1, 4000)
	n := run(t, newTape(1), archived(arch))
	wantEntries, want := straight(t, arch, marketRooms...)
	if wantEntries < 3000 {
		t.Fatalf("only %d entries: the test says nothing", wantEntries)
	}
	for _, more := range []string{"&speed=max", "&speed=max&interval=250ms", "&speed=1000", "&speed=max&maxgap=1s"} {
		c := greet(t, n, replayAddress(marketRooms, more))
		if entries, sum := c.end(); entries != wantEntries || sum != want {
			t.Errorf("%s: %d entries with the hash %s, were %d with %s", more, entries, sum, wantEntries, want)
		}
		c.leave()
	}
	for _, room := range marketRooms {
		wantEntries, want := straight(t, arch, room)
		c := greet(t, n, replayAddress([]string{room}, "&speed=max"))
		if entries, sum := c.end(); entries != wantEntries || sum != want {
			t.Errorf("%s alone: %d entries with the hash %s, were %d with %s", room, entries, sum, wantEntries, want)
		}
		c.leave()
	}
	for range 3 { // rooms that are joined as they come to life are whole too
		wantEntries, want := straight(t, arch, "trades:TEST:A", "trades:TEST:B", "trades:TEST:C")
		c := greet(t, n, replayAddress([]string{"trades:TEST:*"}, "&speed=max"))
		if entries, sum := c.end(); entries != wantEntries || sum != want {
			t.Errorf("all trades: %d entries with the hash %s, were %d with %s", entries, sum, wantEntries, want)
		}
		c.leave()
	}
	c := greet(t, n, replayAddress(marketRooms[:1], "&speed=50"))
	c.say(`{"op":"pause","id":1}`)
	c.answer("1")
	for _, room := range marketRooms[1:] {
		c.say(`{"op":"subscribe","rooms":[%q]}`, room)
	}
	c.say(`{"op":"speed","speed":"max","id":2}`)
	c.answer("2")
	c.say(`{"op":"resume","id":3}`)
	c.answer("3")
	if entries, _ := c.end(); entries == 0 || entries > wantEntries {
		t.Errorf("rooms that were joined on the way had %d entries of %d", entries, wantEntries)
	}
}

func TestHistory(t *testing.T) {
	arch := recordedMarket(2, 2000)
	n := run(t, newTape(1), archived(arch))
	_, want := straight(t, arch, "trades:TEST:A", "book:TEST:C")
	answer, err := http.Get("http://" + n.Addr().String() + fmt.Sprintf("/v1/history?from=%d&rooms=trades:TEST:A,book:TEST:C", sessionBegan))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	lines, trades := bufio.NewScanner(answer.Body), 0
	lines.Buffer(nil, 1<<20)
	var m struct {
		T, Room, State, Hash string
		N                    int
	}
	for lines.Scan() {
		m.N = 0
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			t.Fatalf("%s: %v", lines.Text(), err)
		}
		if m.T == "update" && m.Room == "trades:TEST:A" {
			trades += m.N
		}
	}
	count, _ := straight(t, arch, "trades:TEST:A")
	if m.State != "end" || m.Hash != want || trades != int(count) {
		t.Fatalf("it ended with %+v and %d trades, want %d and the hash %s", m, trades, count, want)
	}
}

func TestReplaysAreRefused(t *testing.T) {
	n := run(t, newTape(1), archived(recordedMarket(3, 50)), func(c *Config) { c.ReplaySessions = 1 })
	for address, code := range map[string]string{
		"/v1/replay":                               "bad_request",
		"/v1/replay?from=yesterday":                "bad_request",
		"/v1/replay?from=2&to=1":                   "bad_request",
		"/v1/replay?from=1&speed=2000":             "bad_request",
		"/v1/replay?from=1&maxgap=none":            "bad_request",
		"/v1/history?from=1":                       "bad_request",
		"/v1/history?rooms=x&from=1":               "bad_request",
		"/v1/history?rooms=trades:TEST:A&from=-1":  "bad_request",
		"/v1/history?rooms=trades:TEST:A&from=1e3": "bad_request",
	} {
		if text := told(t, n, address); !strings.Contains(text, code) {
			t.Errorf("%s is answered with %s, want %s", address, text, code)
		}
	}
	late := greet(t, n, fmt.Sprintf("/v1/replay?from=%d&rooms=trades:TEST:A", sessionBegan+1e12))
	late.hear("a refusal", func(m *mirror.Message) bool { return m.T == "error" && m.Code == "range_unavailable" })
	<-late.ended
	if late.code != wire.CloseRange.Code {
		t.Errorf("closed with %d", late.code)
	}
	until(t, "the replay ends with its last session", func() bool { return len(n.openReplays()) == 0 })
	first := greet(t, n, replayAddress(marketRooms, "&session=one"))
	first.hear("hello, so that it is the first", func(m *mirror.Message) bool { return m.T == "hello" })
	greet(t, n, replayAddress(marketRooms, "&session=one")).say(`{"op":"pause","id":1}`)
	if text := told(t, n, replayAddress(marketRooms, "")); !strings.Contains(text, "replay_limit") {
		t.Errorf("one too many is answered with %s", text)
	}
	if n := n.scrape()[`tapedeck_refused_total{reason="replay_limit"}`]; n != "1" {
		t.Errorf("%q are counted as one too many", n)
	}
	first.say(`{"op":"seek","to":%d,"id":9}`, sessionBegan+1e12)
	if m := first.answer("9"); m.Code != "range_unavailable" {
		t.Errorf("a seek to what is not held is answered with %s", m.Raw)
	}
	if text := told(t, n, "/v1/archive"); !strings.Contains(text, `"topic":"tape"`) {
		t.Errorf("the archive holds %s", text)
	}
	if text := told(t, run(t, newTape(1)), "/v1/archive"); !strings.Contains(text, "no archive") {
		t.Errorf("a node without an archive says %s", text)
	}
}

func told(t *testing.T, n *node, address string) string {
	t.Helper()
	_, body, _ := get(t, n, address)
	return body
}

// Whatever is commanded and whoever comes and goes, a replay that is let run to its end is the straight one from where it
// was last sought.
func TestReplayOfRandomCommands(t *testing.T) {
	arch := recordedMarket(4, 3000)
	n := run(t, newTape(1), archived(arch))
	wantEntries, want := straight(t, arch, marketRooms...)
	for seed := range uint64(5) {
		func() {
			r := rand.New(rand.NewPCG(seed, 9))
			address := replayAddress(marketRooms, fmt.Sprintf("&session=s%d&control=all&speed=20", seed))
			all := []*client{greet(t, n, address)}
			for i := range 200 {
				c := all[r.IntN(len(all))]
				switch r.IntN(7) {
				case 0:
					c.say(`{"op":"pause","id":%d}`, i)
				case 1:
					c.say(`{"op":"resume","id":%d}`, i)
				case 2:
					c.say(`{"op":"speed","speed":%d,"id":%d}`, 1+r.IntN(200), i)
				case 3:
					c.say(`{"op":"seek","to":%d,"id":%d}`, sessionBegan+r.Int64N(25e6), i)
				case 4:
					c.say(`{"op":"step","records":%d,"id":%d}`, 1+r.IntN(50), i)
				case 5:
					if len(all) < 5 {
						all = append(all, greet(t, n, address))
					}
					if r.IntN(4) == 0 {
						at := sessionBegan + r.Int64N(25e6)
						c.say(`[{"op":"pause"},{"op":"seek","to":%d,"id":%d}]`, at, i)
						c.answer(fmt.Sprint(i))
						truth := stateAt(t, arch, at)
						for _, each := range all {
							each.knows(truth)
						}
					}
					continue
				case 6:
					if len(all) > 1 { // also the one that opened it
						k := r.IntN(len(all))
						if r.IntN(2) == 0 {
							all[k].conn.NetConn().Close()
						} else {
							all[k].leave()
						}
						all = slices.Delete(all, k, k+1)
					}
					continue
				}
				c.answer(fmt.Sprint(i))
			}
			c := all[0]
			c.say(`[{"op":"pause"},{"op":"seek","to":%d,"id":1000},{"op":"speed","speed":"max","id":1001},{"op":"resume","id":1002}]`, sessionBegan)
			c.answer("1002")
			until(t, "the straight replay's end", func() bool {
				entries, sum := c.end()
				return entries == wantEntries && sum == want
			})
			for _, c := range all {
				c.leave()
			}
		}()
	}
	until(t, "replays end with their last session", func() bool { return len(n.openReplays()) == 0 })
}

// stateAt is what is known of the rooms after all records at which the clock has not reached a time.
func stateAt(t *testing.T, arch *memory.Tape, at int64) map[string]*mirror.Room {
	c := Config{Feeds: map[string]Feed{"tape": {Format: lines, Options: feed.DefaultOptions()}}, Log: quietLog}.WithDefaults()
	hub := subscriptions.NewHub(c.hub())
	in := newIngest(&c, hub)
	for part := range 2 {
		id := marketLog(part)
		log := in.Open(feed.Partition{Topic: id.Topic, ID: id.Partition}, feed.Start{Epoch: id.Epoch(lines)})
		arch.Read(t.Context(), id, feed.Window{Bytes: 1 << 30}, func(r *feed.Record) error {
			if r.Clock < at {
				log.Record(r)
			}
			return nil
		})
	}
	truth := map[string]*mirror.Room{}
	for _, name := range marketRooms {
		text, _, _ := hub.Snapshot(nil, wire.JSON, parsed(name), 0)
		if text == nil {
			truth[name] = nil // a book that is not good
			continue
		}
		m := mirror.New()
		if err := m.Frame(slices.Concat([]byte("["), text, []byte("]"))); err != nil {
			t.Fatal(err)
		}
		truth[name] = m.Room(name)
	}
	return truth
}

// knows waits until the client knows the very state of every room.
func (c *client) knows(truth map[string]*mirror.Room) {
	c.t.Helper()
	for name, want := range truth {
		why := ""
		c.room(name, "the state of a straight replay", func(r *mirror.Room) bool {
			switch {
			case want == nil:
				return r.State == "stale"
			case !r.Has || r.Seq != want.Seq:
				why = fmt.Sprintf("seq %d, want %d", r.Seq, want.Seq)
			default:
				why = r.Differ(want)
			}
			return why == ""
		})
	}
}

// A replay that leads to live goes on there at the exact record: the mirror holds every chain, and in the end every
// client knows what the live rooms know.
func TestReplayRollsIntoLive(t *testing.T) {
	arch := memory.New(1 << 30)
	tp := newTape(1)
	id := marketLog(0)
	live := func(c *Config) { c.Source = arch.Record(logNamed{c.Source, id}) }
	n := run(t, tp, archived(arch), live)
	began := time.Now().UnixMicro()
	trades := 0
	add := func(count int) {
		for range count {
			trades++
			tp.add("trade A %d 100.5 %d\nwhole A %d b99=%d a101=1\nquote A 99 1 101 %d", trades, 1+trades%7, trades, 1+trades%5, trades)
		}
	}
	add(3000)
	rooms := "trades:TEST:A,book:TEST:A,book:TEST:A@5,quotes:TEST:A,candles:TEST:A@1m"
	var clients []*client
	for i := range 12 {
		c := greet(t, n, fmt.Sprintf("/v1/replay?from=%d&to=live&speed=max&rooms=%s&interval=%s", began-1_000_000, rooms, []string{"0", "50ms"}[i%2]))
		clients = append(clients, c)
		add(200)
	}
	for _, c := range clients {
		for done := false; !done; {
			c.mu.Lock()
			for _, m := range c.heard {
				done = done || m.T == "status" && m.Room == "" && m.State == "live"
			}
			c.mu.Unlock()
			add(5)
			time.Sleep(time.Millisecond)
		}
	}
	add(500)
	for i, c := range clients {
		c.at("trades:TEST:A", uint64(trades))
		c.at("book:TEST:A@5", uint64(trades))
		c.mu.Lock()
		for _, m := range c.heard {
			if m.T == "gap" || m.T == "error" {
				t.Errorf("client %d was told %s", i, m.Raw)
			}
		}
		c.mu.Unlock()
	}
}

// logNamed is a source that says which log it is.
type logNamed struct {
	feed.Source
	id feed.LogID
}

func (s logNamed) Run(ctx context.Context, sink feed.Sink) error {
	return s.Source.Run(ctx, logNamedSink{sink, s.id})
}

type logNamedSink struct {
	feed.Sink
	id feed.LogID
}

func (s logNamedSink) Open(p feed.Partition, at feed.Start) feed.Log {
	at.Log, at.Epoch = s.id, s.id.Epoch(lines)
	return s.Sink.Open(p, at)
}
