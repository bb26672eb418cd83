package server

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"tapedeck/wire/mirror"
)

// Clients join, leave, change their pace, stop reading for a while, and come back on the same node or
// another, at random, while a market goes on: each message continues what they have, and at the end
// they know what the nodes know.
func TestChurn(t *testing.T) {
	tp := newTape(2)
	nodes := []*node{
		run(t, tp, func(c *Config) { c.CommandsPerSecond = 10000; c.LogEntries = 128 }),
		run(t, tp, func(c *Config) { c.CommandsPerSecond = 10000; c.Pumps = 1 }),
	}
	stop := make(chan struct{})
	var market, all sync.WaitGroup
	market.Go(func() { exchange(tp, stop) })
	var clients []*wanderer
	for i := range 8 {
		w := &wanderer{t: t, r: rand.New(rand.NewPCG(uint64(i), 3)), nodes: nodes, known: mirror.New()}
		clients = append(clients, w)
		all.Go(w.wander)
	}
	all.Wait()
	close(stop)
	market.Wait()
	for _, w := range clients {
		w.settle()
	}
}

var churned = func() (rooms []string) {
	for _, s := range []string{"A-USD", "B-USD", "C-USD"} {
		for _, room := range []string{"trades:TEST:%s", "quotes:TEST:%s", "book:TEST:%s", "book:TEST:%s@5", "candles:TEST:%s@1m", "ticker:TEST:%s"} {
			rooms = append(rooms, fmt.Sprintf(room, s))
		}
	}
	return rooms
}()

// exchange makes records until stop is closed: A-USD in one partition, B-USD and C-USD in the other.
func exchange(tp *tape, stop chan struct{}) {
	r := rand.New(rand.NewPCG(7, 7))
	count := map[string]int{}
	for _, s := range []string{"A-USD", "B-USD", "C-USD"} {
		tp.addTo(min(int(s[0]-'A'), 1), "whole %s 0 b100=1 a200=1", s)
	}
	for {
		select {
		case <-stop:
			return
		case <-time.After(time.Duration(r.IntN(1000)) * time.Microsecond):
		}
		for range 1 + r.IntN(3) {
			s := []string{"A-USD", "B-USD", "C-USD"}[r.IntN(3)]
			count[s]++
			n := count[s]
			line := fmt.Sprintf("trade %s %d 150 1\ndelta %s %d %d b%d=%d", s, n, s, n, n, 50+r.IntN(60), r.IntN(5))
			if r.IntN(2) == 0 {
				line += fmt.Sprintf("\nquote %s %d 1 200 1", s, 100+r.IntN(50))
			}
			tp.addTo(min(int(s[0]-'A'), 1), "%s", line)
		}
	}
}

// wanderer is a client that does what comes into its head.
type wanderer struct {
	t     *testing.T
	r     *rand.Rand
	nodes []*node
	known *mirror.Mirror
	c     *client
	ids   int
}

func (w *wanderer) room() string { return churned[w.r.IntN(len(churned))] }

func (w *wanderer) say(format string, args ...any) {
	w.ids++
	w.c.say(fmt.Sprintf(`{"id":%d,`, w.ids)+format, args...)
	w.c.answer(fmt.Sprint(w.ids))
}

func (w *wanderer) wander() {
	w.c = meet(w.t, w.nodes[0], "", w.known)
	for range 60 {
		switch w.r.IntN(12) {
		case 0: // to the other node, or the same
			w.c.leave()
			w.c = meet(w.t, w.nodes[w.r.IntN(2)], "", w.known)
			w.c.resume()
		case 1: // without a word
			w.c.conn.NetConn().Close()
			<-w.c.ended
			w.c = meet(w.t, w.nodes[w.r.IntN(2)], "", w.known)
			w.c.resume()
		case 2, 3:
			room := w.room()
			w.c.mu.Lock()
			_, joined := w.known.Rooms[room]
			w.c.mu.Unlock()
			if joined {
				w.say(`"op":"unsubscribe","rooms":[%q]}`, room)
			}
		case 4: // reads nothing
			w.c.mu.Lock()
			time.Sleep(time.Duration(w.r.IntN(60)) * time.Millisecond)
			w.c.mu.Unlock()
		case 5:
			w.say(`"op":"list"}`)
		case 6, 7:
			time.Sleep(time.Duration(w.r.IntN(30)) * time.Millisecond)
		default:
			w.say(`"op":"subscribe","interval":%q,"rooms":[%q,%q]}`, []string{"0", "50ms", "100ms", "250ms"}[w.r.IntN(4)], w.room(), w.room())
		}
	}
}

// settle holds what the client knows against what its node does.
func (w *wanderer) settle() {
	w.t.Helper()
	n := w.nodes[w.r.IntN(2)]
	w.c.leave()
	w.c = meet(w.t, n, "", w.known)
	w.c.resume()
	for name := range w.known.Rooms {
		_, text, _ := get(w.t, n, "/v1/snapshot/"+name+"?last=100")
		truth := mirror.New()
		if err := truth.Frame([]byte("[" + strings.TrimSpace(text) + "]")); err != nil {
			w.t.Fatal(err)
		}
		diff := "nothing is known"
		w.c.room(name, "as the node has it", func(r *mirror.Room) bool {
			if r.Seq == truth.Rooms[name].Seq {
				diff = r.Differ(truth.Rooms[name])
				return true
			}
			return false
		})
		if diff != "" {
			w.t.Errorf("%s: %s", name, diff)
		}
	}
}

// One connection that joins and leaves ten thousand times leaves nothing behind.
func TestJoinsAndLeaves(t *testing.T) {
	tp := newTape(1)
	for i := range 50 {
		tp.add("trade S%d-USD 1 1 1\nwhole S%d-USD 0 b1=1", i, i)
	}
	n := run(t, tp, func(c *Config) { c.CommandsPerSecond = 1 << 30 })
	c := greet(t, n, "")
	round := func(id int) {
		var commands []string
		for i := range 25 {
			commands = append(commands, fmt.Sprintf(`{"op":"subscribe","interval":"%dms","rooms":["trades:TEST:S%d-USD","book:TEST:S%d-USD@5"]}`, 50*(1+i%2), i, i),
				fmt.Sprintf(`{"op":"unsubscribe","rooms":["trades:TEST:S%d-USD","book:TEST:S%d-USD@5"]}`, i, i))
		}
		commands = append(commands, `{"op":"subscribe","rooms":["trades:TEST:*"]}`, `{"op":"unsubscribe","rooms":["trades:TEST:*"]}`, fmt.Sprintf(`{"op":"list","id":%d}`, id))
		c.say("[%s]", strings.Join(commands, ","))
		if a := c.answer(fmt.Sprint(id)); len(a.Rooms) != 0 {
			t.Fatalf("rooms are left: %s", a.Raw)
		}
	}
	for id := range 10 {
		round(id)
	}
	before := heap()
	for id := range 100 { // 10,000 joins and as many leaves
		round(100 + id)
	}
	if grown := heap() - before; grown > 1<<20 {
		t.Errorf("10,000 joins and leaves cost %d bytes", grown)
	}
	if got := n.scrape()[`tapedeck_sessions`]; got != "1" {
		t.Errorf("%s sessions", got)
	}
}

// Clients that come back all at once, again and again, are let in as fast as is allowed and told when to
// come again; who was there before notices nothing, and nothing is left of them.
func TestReconnectStorm(t *testing.T) {
	tp := newTape(1)
	n := run(t, tp, func(c *Config) { c.HandshakesPerSecond = 10 })
	honest := newCrowd(t, tp, n)
	before := runtime.NumGoroutine()
	var all sync.WaitGroup
	var mu sync.Mutex
	statuses := map[int]int{}
	for range 8 {
		all.Go(func() {
			for range 100 {
				p := dial(t, n, 0)
				answer := p.upgrade("?rooms="+trades+","+book, upgradeHeaders, "")
				mu.Lock()
				statuses[answer.StatusCode]++
				mu.Unlock()
				if answer.StatusCode == 503 && answer.Header.Get("Retry-After") != "1" {
					t.Errorf("refused with %v", answer.Header)
				}
				p.Close()
			}
		})
	}
	all.Wait()
	if statuses[101]+statuses[503] != 800 || statuses[101] < 15 || statuses[503] == 0 {
		t.Errorf("answered with %v", statuses)
	}
	until(t, "they are gone", func() bool { return n.admit.count() == len(honest.clients) && runtime.NumGoroutine() <= before })
	honest.missedNothing()
}

// Names that nobody has heard of can be asked for, and cost nothing once they are left.
func TestUnknownSymbolsAreForgotten(t *testing.T) {
	n := run(t, newTape(1), func(c *Config) { c.CommandsPerSecond = 1 << 30 })
	c := greet(t, n, "")
	look := func(from, to int) {
		for i := from; i < to; i++ {
			get(t, n, fmt.Sprintf("/v1/snapshot/book:TEST:LOOKED-AT-%d@20", i))
		}
	}
	look(0, 500)
	before := heap()
	look(500, 2500)
	if each := (heap() - before) / 2000; each > 500 {
		t.Errorf("%d bytes are kept of a name that was looked at", each)
	}
	ask := func(from, to int) {
		for i := from; i < to; i += 100 {
			var rooms []string
			for k := range 100 {
				rooms = append(rooms, fmt.Sprintf(`"trades:TEST:NONE-%d","book:TEST:NONE-%d@5"`, i+k, i+k))
			}
			list := strings.Join(rooms, ",")
			c.say(`[{"op":"subscribe","id":1,"rooms":[%s]},{"op":"unsubscribe","id":%d,"rooms":[%s]}]`, list, 1000+i, list)
			c.answer(fmt.Sprint(1000 + i))
		}
		for s := range int64(3) {
			n.hub.Sweep(time.Now().UnixNano() + s*10e9)
		}
	}
	ask(0, 500)
	before = heap()
	ask(500, 2500)
	if each := (heap() - before) / 2000; each > 200 {
		t.Errorf("%d bytes are kept of a name that was left", each)
	}
	if status, body, _ := get(t, n, "/v1/snapshot/book:TEST:NONE-1"); status != 200 || !strings.Contains(body, `"seq":0,"d":{"bids":[],"asks":[]}`) {
		t.Errorf("%d %s", status, body)
	}
}
