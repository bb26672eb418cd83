package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lxzan/gws"

	"tapedeck/cmd/flags"
	"tapedeck/cmd/streamer/market"
	"tapedeck/wire/mirror"
)

// startDemo runs a demo on free ports until the test ends.
func startDemo(t *testing.T, o market.Options) demoAddresses {
	t.Helper()
	leaks(t)
	started := make(chan demoAddresses, 1)
	d := &demo{
		market: o, past: 5 * time.Minute, listen: []string{"127.0.0.1:0"}, admin: "127.0.0.1:0", broker: "127.0.0.1:0",
		log: slog.New(slog.DiscardHandler), started: func(a demoAddresses) { started <- a },
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.run(ctx) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("the demo ended with %v", err)
			}
		case <-time.After(time.Minute):
			t.Error("the demo does not end")
		}
	})
	select {
	case a := <-started:
		return a
	case err := <-ended:
		t.Fatalf("the demo ended at once: %v", err)
	case <-time.After(time.Minute):
		t.Fatal("the demo does not start")
	}
	return demoAddresses{}
}

// client is a WebSocket client that holds every message against the protocol's rules.
type client struct {
	gws.BuiltinEventHandler
	t    *testing.T
	conn *gws.Conn
	read sync.WaitGroup

	mu     sync.Mutex
	mirror *mirror.Mirror
	said   map[string][]string // by room: gap, status and snapshot, in their order
	broken error
}

// dial connects to an address that names its rooms.
func dial(t *testing.T, address string) *client {
	t.Helper()
	c := &client{t: t, mirror: mirror.New(), said: map[string][]string{}}
	c.mirror.Message = func(m *mirror.Message, _ *mirror.Room) {
		switch m.T {
		case "gap", "snapshot":
			c.said[m.Room] = append(c.said[m.Room], strings.TrimSpace(m.T+" "+m.Reason))
		case "status":
			c.said[m.Room] = append(c.said[m.Room], m.State)
		}
	}
	conn, _, err := gws.NewClient(c, &gws.ClientOption{Addr: address})
	if err != nil {
		t.Fatal(err)
	}
	c.conn = conn
	c.read.Go(conn.ReadLoop)
	t.Cleanup(func() {
		conn.NetConn().Close()
		c.read.Wait()
		if c.broken != nil {
			t.Error(c.broken)
		}
	})
	return c
}

// OnMessage implements gws.Event.
func (c *client) OnMessage(_ *gws.Conn, m *gws.Message) {
	defer m.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.mirror.Frame(m.Bytes()); err != nil && c.broken == nil {
		c.broken = err
	}
}

// OnPing implements gws.Event.
func (c *client) OnPing(conn *gws.Conn, payload []byte) { _ = conn.WritePong(payload) }

// sees waits until what the client knows satisfies a condition.
func (c *client) sees(what string, ok func() bool) {
	c.t.Helper()
	eventually(c.t, what, func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.broken != nil {
			c.t.Fatal(c.broken)
		}
		return ok()
	})
}

func TestDemoShowsEveryChannel(t *testing.T) {
	a := startDemo(t, market.Options{Seed: 1, Rate: 2})
	rooms := []string{
		"trades:BINANCE:BTC-USDT", "quotes:BINANCE:BTC-USDT", "book:BINANCE:BTC-USDT@20",
		"ticker:BINANCE:BTC-USDT", "candles:BINANCE:BTC-USDT@1m",
	}
	c := dial(t, "ws://"+a.Clients+"/v1/stream?rooms="+strings.Join(rooms, ",")+"&interval=50ms")
	for _, name := range rooms {
		c.sees("a snapshot and updates of "+name, func() bool {
			r := c.mirror.Rooms[name]
			return r != nil && r.Snapshots > 0 && r.Updates > 1
		})
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	bid, _, ask, _ := c.mirror.Rooms[rooms[2]].Best()
	quote := c.mirror.Rooms[rooms[1]].Fields
	if bid == "" || ask == "" || quote["bid"] == nil || quote["ask"] == nil {
		t.Errorf("the touch is %s and %s, by the quotes %v", bid, ask, quote)
	}
	if n := len(c.mirror.Rooms[rooms[4]].Candles); n < 5 {
		t.Errorf("%d candles of the 5 minutes before the start", n)
	}
	if last := c.mirror.Rooms[rooms[3]].Fields["last"]; last == nil {
		t.Error("the ticker has no last price")
	}
}

// A message that the venue lost is told as such: its book goes stale and is whole again after the next
// snapshot, and at no time does a client have a chain that does not hold.
func TestDemoLosesABookAndRecoversIt(t *testing.T) {
	a := startDemo(t, market.Options{Seed: 1, Rate: 2, Gaps: time.Second, Symbols: []string{"BTCUSDT", "ETHUSDT"}})
	c := dial(t, "ws://"+a.Clients+"/v1/stream?rooms=book:BINANCE:BTC-USDT@20,book:BINANCE:ETH-USDT,trades:BINANCE:BTC-USDT&interval=50ms")
	whole := regexp.MustCompile(`snapshot (?:live )?gap source stale (?:live )?snapshot`)
	c.sees("a gap, a stale book and its recovery", func() bool {
		return whole.MatchString(strings.Join(c.said["book:BINANCE:BTC-USDT@20"], " ")) ||
			whole.MatchString(strings.Join(c.said["book:BINANCE:ETH-USDT"], " "))
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	if said := c.said["trades:BINANCE:BTC-USDT"]; len(said) != 1 {
		t.Errorf("the trades were told %q, but only depth is ever lost", said)
	}
}

// What the demo prints can be pasted.
func TestDemoPrintsWhatWorks(t *testing.T) {
	a := startDemo(t, market.Options{Seed: 1, Gaps: 45 * time.Second})
	out := &strings.Builder{}
	welcome(out, a, false)
	text := out.String()
	if strings.Contains(text, "\x1b") {
		t.Error("colours where there is no terminal")
	}
	for _, want := range []string{"12 simulated symbols", "every 45s", a.Broker, "tail trades:BINANCE:BTC-USDT"} {
		if !strings.Contains(text, want) {
			t.Errorf("there is no %q in\n%s", want, text)
		}
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	addresses := regexp.MustCompile(`(?:http|ws)://[^\s']+`).FindAllString(text, -1)
	if len(addresses) < 5 {
		t.Fatalf("found %q in\n%s", addresses, text)
	}
	for _, address := range addresses {
		if strings.HasPrefix(address, "ws:") {
			c := dial(t, address)
			c.sees("a snapshot of each room in "+address, func() bool { return len(c.said) == 2 })
			continue
		}
		answer, err := client.Get(address)
		if err != nil {
			t.Fatal(err)
		}
		line, err := bufio.NewReader(answer.Body).ReadString('\n')
		answer.Body.Close()
		if answer.StatusCode != http.StatusOK || (err != nil && !errors.Is(err, io.EOF)) || line == "" {
			t.Errorf("%s: %s %q %v", address, answer.Status, line, err)
		}
	}
}

func TestDemoTakesTheNextFreePort(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	got := demoAddresses{}
	d := &demo{
		past: time.Minute, listen: []string{taken.Addr().String(), ":0"}, admin: "off", broker: "127.0.0.1:0",
		log: slog.New(slog.DiscardHandler), started: func(a demoAddresses) { got = a; cancel() },
	}
	if err := d.run(ctx); err != nil || !strings.HasPrefix(got.Clients, "127.0.0.1:") || got.Clients == taken.Addr().String() || got.Admin != "" {
		t.Errorf("it ran at %+v: %v", got, err)
	}
	cmd := inBackground(t, "demo", "--listen", taken.Addr().String())
	eventually(t, "a word about --listen", func() bool { return strings.Contains(cmd.out.String(), "--listen") })
	if code := cmd.stop(); code != flags.Failed {
		t.Errorf("ended with %d", code)
	}
}

func TestFollowingPorts(t *testing.T) {
	if got := strings.Join(following("127.0.0.1:8080", 3), " "); got != "127.0.0.1:8080 127.0.0.1:8081 127.0.0.1:8082" {
		t.Errorf("got %s", got)
	}
}

// What the demo has published can be replayed, and the replay goes on into the live rooms without a gap.
func TestDemoReplaysItself(t *testing.T) {
	a := startDemo(t, market.Options{Seed: 5, Rate: 2})
	const tape, book = "trades:BINANCE:BTC-USDT", "book:BINANCE:BTC-USDT@20"
	from := time.Now().Add(-time.Minute).UnixMicro()
	for range 3 {
		c := dial(t, fmt.Sprintf("ws://%s/v1/replay?from=%d&to=live&speed=max&rooms=%s,%s", a.Clients, from, tape, book))
		c.sees("live", func() bool { return slices.Contains(c.said[""], "live") })
		before := uint64(0)
		c.sees("the tape", func() bool { before = c.mirror.Room(tape).Seq; return before > 0 })
		c.sees("more trades", func() bool { return c.mirror.Room(tape).Seq > before })
		c.mu.Lock()
		if slices.ContainsFunc(c.said[tape], func(s string) bool { return strings.HasPrefix(s, "gap") }) {
			t.Errorf("the tape was told %q", c.said[tape])
		}
		c.mu.Unlock()
	}
}
