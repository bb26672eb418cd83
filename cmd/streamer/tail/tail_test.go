package tail

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lxzan/gws"
	"go.uber.org/goleak"

	"tapedeck/wire/mirror"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server is a streamer that says what a test tells it to say. Each connection gets the next script, the
// last one again and again.
type server struct {
	*httptest.Server
	mu      sync.Mutex
	scripts []script
	asked   []string // the subscribes, in order
	open    sync.WaitGroup
}

// script is what one connection is told after it has subscribed; then it is closed with code, unless that
// is 0.
type script struct {
	frames []string
	code   uint16
	then   func(c net.Conn) // in place of a close
}

func serve(t *testing.T, scripts ...script) *server {
	t.Helper()
	s := &server{scripts: scripts}
	s.Server = httptest.NewServer(http.HandlerFunc(s.accept))
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
		s.open.Wait()
	})
	return s
}

func (s *server) address() string { return "ws" + strings.TrimPrefix(s.URL, "http") + "/v1/stream" }

func (s *server) accept(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	next := s.scripts[0]
	if len(s.scripts) > 1 {
		s.scripts = s.scripts[1:]
	}
	s.mu.Unlock()
	conn, err := gws.NewUpgrader(&peer{server: s, script: next}, &gws.ServerOption{SubProtocols: []string{"tapedeck.v1.json"}}).Upgrade(w, r)
	if err == nil {
		s.open.Go(conn.ReadLoop)
	}
}

type peer struct {
	gws.BuiltinEventHandler
	server *server
	script script
}

func (p *peer) OnMessage(c *gws.Conn, m *gws.Message) {
	p.server.mu.Lock()
	p.server.asked = append(p.server.asked, string(m.Bytes()))
	p.server.mu.Unlock()
	m.Close()
	for _, f := range p.script.frames {
		c.WriteMessage(gws.OpcodeText, []byte(f))
	}
	switch {
	case p.script.then != nil:
		p.script.then(c.NetConn())
	case p.script.code != 0:
		c.WriteClose(p.script.code, []byte("said so"))
	}
}

// shown runs a tail against a server and returns what it printed and why it ended.
func shown(t *testing.T, s *server, c Config) (out, notes string, err error) {
	t.Helper()
	var o, n bytes.Buffer
	c.Address, c.Out, c.Notes = s.address(), &o, &n
	if c.Rooms == nil {
		c.Rooms = []string{"trades:BINANCE:BTC-USDT"}
	}
	if c.delay == nil {
		c.delay = func(int) time.Duration { return time.Millisecond }
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err = Run(ctx, c)
	if ctx.Err() != nil {
		t.Error("it does not end")
	}
	return o.String(), n.String(), err
}

const hello = `[{"t":"hello","v":1,"node":"n1","heartbeat":10000}]`

// session is two connections: the first is drained, the second continues it and ends for good.
var session = []script{
	{frames: []string{hello,
		`[{"t":"ok","id":1,"op":"subscribe","rooms":[{"room":"trades:BINANCE:BTC-USDT","state":"live","interval":"100ms","origin":"venue","loss":"never","epoch":"E"},` +
			`{"room":"book:BINANCE:BTC-USDT@20","state":"stale","interval":"0","origin":"venue","loss":"fold","epoch":"E"}]}]`,
		`[{"t":"snapshot","room":"trades:BINANCE:BTC-USDT","epoch":"E","seq":10,"ts":1700000000000000,"d":[{"id":"1","px":"64000.10","qty":"0.5","side":"buy","ts":1700000000000123},` +
			`{"id":"2","px":"64000.00","qty":"12","side":"sell"}]},` +
			`{"t":"snapshot","room":"quotes:BINANCE:BTC-USDT","epoch":"E","seq":10,"ts":1700000000000000,"d":{"bid":"64000.0","bidQty":"1","ask":"64000.10","askQty":"2"}}]`,
		`[{"t":"update","room":"trades:BINANCE:BTC-USDT","prev":10,"seq":12,"n":1,"ts":1700000001000000,"d":[{"id":"3","px":"64001","qty":"0.001","side":"unknown","ts":1700000001000000}]},` +
			`{"t":"update","room":"quotes:BINANCE:BTC-USDT","prev":10,"seq":12,"n":2,"ts":1700000001000000,"d":{"bid":null,"bidQty":null,"ask":"64000.2","askQty":"3"}}]`,
		`[{"t":"snapshot","room":"ticker:BINANCE:BTC-USDT","epoch":"E","seq":12,"ts":1700000001000000,"d":{"last":"64001","high":"65000","trades":3,"fundingTime":1700006400000000}}]`,
		`[{"t":"update","room":"ticker:BINANCE:BTC-USDT","prev":12,"seq":13,"n":1,"ts":1700000001500000,"d":{"last":"64002","high":null}}]`,
		`[{"t":"snapshot","room":"candles:BINANCE:BTC-USDT@1m","epoch":"E","seq":12,"ts":1700000001000000,"d":[{"start":1699999980000000,"o":"1","h":"3","l":"1","c":"2","v":"9","n":4,"vwap":"2.1","final":true,"rev":0}]}]`,
		`[{"t":"update","room":"candles:BINANCE:BTC-USDT@1m","prev":12,"seq":13,"n":2,"ts":1700000001000000,"d":[{"start":1699999980000000,"o":"1","h":"3","l":"1","c":"2","v":"10","n":5,"final":true,"rev":1},{"start":1700000040000000,"o":"2","h":"2","l":"1","c":"1","v":"1","n":1,"final":false,"rev":0}]}]`,
		`[{"t":"snapshot","room":"book:BINANCE:BTC-USDT@20","epoch":"E","seq":12,"ts":1700000001000000,"d":{"bids":[["64000.0","1"],["63999","2"]],"asks":[["64000.10","3"]]}}]`,
		`[{"t":"update","room":"book:BINANCE:BTC-USDT@20","prev":12,"seq":14,"n":2,"ts":1700000001500000,"d":{"bids":[["64000.0","0"]],"asks":[["64000.05","1.5"]]}}]`,
		`[{"t":"gap","room":"trades:BINANCE:BTC-USDT","epoch":"E","from":12,"to":20,"n":3,"reason":"slow"},{"t":"gap","room":"quotes:BINANCE:BTC-USDT","epoch":"E","from":12,"to":20,"records":9,"reason":"retention"}]`,
		`[{"t":"status","room":"book:BINANCE:BTC-USDT@20","state":"stale","reason":"venue gap","ts":1700000002000000},{"t":"heartbeat","ts":1700000002000000,"lag":0,"rooms":[]}]`,
		`[{"t":"bye","reason":"draining","reconnect":true,"after":1}]`,
	}, code: 4001},
	{frames: []string{`[{"t":"hello","v":1,"node":"n2","heartbeat":10000}]`,
		`[{"t":"ok","id":1,"op":"subscribe","rooms":[{"room":"trades:BINANCE:BTC-USDT","state":"live","interval":"100ms","origin":"venue","loss":"never","epoch":"E","recovered":true},` +
			`{"room":"ticker:BINANCE:BTC-USDT","state":"live","interval":"100ms","origin":"venue","loss":"fold","epoch":"E","recovered":false}]}]`,
		`[{"t":"update","room":"trades:BINANCE:BTC-USDT","prev":20,"seq":21,"n":1,"ts":1700000003000000,"d":[{"id":"7","px":"64003","qty":"1","side":"buy","ts":1700000003000000}]}]`,
		`[{"t":"something-new","room":"trades:BINANCE:BTC-USDT"}]`,
	}, code: 4500},
}

var rooms = []string{"trades:BINANCE:BTC-USDT", "quotes:BINANCE:BTC-USDT", "ticker:BINANCE:*", "candles:BINANCE:BTC-USDT@1m", "book:BINANCE:BTC-USDT@20"}

func golden(t *testing.T, name, got string) {
	t.Helper()
	name = "testdata/" + name
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s (-update writes it anew): got\n%s", name, got)
	}
}

func TestLines(t *testing.T) {
	s := serve(t, session...)
	out, notes, err := shown(t, s, Config{Rooms: rooms, Interval: "100ms", Last: 2})
	if err == nil || !strings.Contains(err.Error(), "for good: said so (4500)") {
		t.Errorf("ended with %v", err)
	}
	golden(t, "lines.golden", out+"--- about the connection\n"+notes+"--- asked\n"+strings.Join(s.asked, "\n")+"\n")
	if strings.Contains(out+notes, "\x1b") {
		t.Error("there are colours where there is no terminal")
	}
}

func TestJSON(t *testing.T) {
	out, _, _ := shown(t, serve(t, session...), Config{Rooms: rooms, JSON: true})
	count := map[string]int{}
	for line := range strings.Lines(out) {
		var m struct{ T string }
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		count[m.T]++
	}
	if got, want := fmt.Sprint(count), "map[bye:1 gap:2 heartbeat:1 hello:2 ok:2 snapshot:5 something-new:1 status:1 update:6]"; got != want {
		t.Errorf("printed %s, want %s", got, want)
	}
}

// A room that breaks the protocol's rules is asked for again, from where it was still right.
func TestBrokenChain(t *testing.T) {
	s := serve(t,
		script{frames: []string{hello, `[{"t":"snapshot","room":"trades:BINANCE:BTC-USDT","epoch":"E","seq":10,"ts":1,"d":[]},` +
			`{"t":"update","room":"trades:BINANCE:BTC-USDT","prev":11,"seq":12,"n":1,"ts":1,"d":[]}]`}},
		script{frames: []string{hello}, code: 4504})
	_, notes, _ := shown(t, s, Config{})
	if !strings.Contains(notes, "broke the protocol: prev 11 does not continue 10") {
		t.Errorf("said %s", notes)
	}
	if len(s.asked) != 2 || !strings.Contains(s.asked[1], `"since":{"epoch":"E","seq":10}`) {
		t.Errorf("asked for %q", s.asked)
	}
}

// What ends a connection and leads to the next one; the second connection then ends for good.
func TestComesBack(t *testing.T) {
	raw := func(frame ...byte) func(net.Conn) {
		return func(c net.Conn) { c.Write(frame) }
	}
	tests := []struct {
		name  string
		first script
		note  string
	}{
		{"closed", script{frames: []string{hello}, code: 4002}, "said so (4002)"},
		{"cut off", script{frames: []string{hello}, then: func(c net.Conn) { c.Close() }}, "EOF"},
		{"too many at once", script{frames: []string{hello, `[{"t":"error","id":1,"code":"rate_limited","message":"too many commands","retry":true,"after":2}]`}}, "connection ended (too many commands)"},
		{"not JSON", script{frames: []string{"nonsense"}}, "not an array of messages"},
		{"silent", script{frames: []string{`[{"t":"hello","node":"n","heartbeat":4}]`}}, "no sign of life"},
		{"negative length", script{frames: []string{hello}, then: raw(0x81, 127, 255, 255, 255, 255, 255, 255, 255, 255)}, "connection ended"},
		{"reserved bits", script{frames: []string{hello}, then: raw(0xf1, 1, 'x')}, "connection ended"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, tt.first, script{frames: []string{hello}, code: 4500})
			_, notes, err := shown(t, s, Config{})
			if err == nil || !strings.Contains(err.Error(), "4500") || !strings.Contains(notes, tt.note) {
				t.Errorf("ended with %v, said %s", err, notes)
			}
			if len(s.asked) != 2 || s.asked[0] != s.asked[1] {
				t.Errorf("asked for %q", s.asked)
			}
		})
	}
}

func TestGivesUp(t *testing.T) {
	s := serve(t, script{frames: []string{hello, `[{"t":"error","id":1,"code":"unknown_room","message":"no such \u001b[2Jvenue","room":"trades:BINANCE:BTC-USDT","retry":false}]`}})
	_, notes, err := shown(t, s, Config{})
	if err == nil || err.Error() != "refused: trades:BINANCE:BTC-USDT: no such �[2Jvenue" {
		t.Errorf("ended with %v, said %s", err, notes)
	}

	s = serve(t, script{frames: []string{hello, `[{"t":"error","id":1,"code":"too_large","message":"too many rooms","retry":false}]`}})
	if _, _, err = shown(t, s, Config{}); err == nil || err.Error() != "refused: too many rooms" {
		t.Errorf("ended with %v", err)
	}

	s = serve(t, script{frames: []string{hello, `[{"t":"bye","reason":"abuse","reconnect":false,"after":0}]`}, code: 4001})
	if _, _, err = shown(t, s, Config{}); err == nil || !strings.Contains(err.Error(), "for good: abuse") {
		t.Errorf("ended with %v", err)
	}

	s = serve(t, script{})
	s.Close()
	if _, _, err = shown(t, s, Config{}); err == nil || !strings.Contains(err.Error(), "is a streamer running there?") {
		t.Errorf("ended with %v", err)
	}
}

// One room of several that is refused does not end the others.
func TestOneRoomRefused(t *testing.T) {
	s := serve(t,
		script{frames: []string{hello, `[{"t":"error","id":1,"code":"unknown_room","message":"no","room":"a","retry":false}]`}, code: 4001},
		script{frames: []string{hello}, code: 4500})
	if _, _, err := shown(t, s, Config{Rooms: []string{"a", "trades:B:C"}}); err == nil || !strings.Contains(err.Error(), "4500") {
		t.Errorf("ended with %v", err)
	}
	if len(s.asked) != 2 || strings.Contains(s.asked[1], `"a"`) {
		t.Errorf("asked for %q", s.asked)
	}
}

func TestTurnedAway(t *testing.T) {
	answer := func(tries ...int) *httptest.Server {
		n := 0
		return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			n++
			http.Error(w, "not \x1b[31mnow", tries[min(n, len(tries))-1])
		}))
	}
	for _, tt := range []struct {
		tries []int
		want  string
		notes int
	}{
		{[]int{403}, "the server answers 403: not �[31mnow", 0},
		{[]int{503, 429, 404}, "the server answers 404: not �[31mnow", 2},
	} {
		s := answer(tt.tries...)
		_, notes, err := shown(t, &server{Server: s}, Config{})
		s.Close()
		if err == nil || err.Error() != tt.want || strings.Count(notes, "next try") != tt.notes {
			t.Errorf("%v: ended with %v, said %s", tt.tries, err, notes)
		}
	}
}

// closedPipe is an output that nobody reads any more.
type closedPipe struct{ err error }

func (p closedPipe) Write([]byte) (int, error) { return 0, p.err }

func TestOutputClosed(t *testing.T) {
	for _, as := range []Config{{}, {JSON: true}, {Size: func() (int, int) { return 80, 24 }, Levels: 3}} {
		for err, want := range map[error]bool{&os.PathError{Op: "write", Err: syscall.EPIPE}: true, os.ErrClosed: true, errors.New("disk full"): false} {
			s := serve(t, script{frames: session[0].frames})
			as.Address, as.Rooms, as.Out, as.Notes = s.address(), rooms, closedPipe{err}, new(bytes.Buffer)
			if got := Run(t.Context(), as); (got == nil) != want {
				t.Errorf("%+v, %v: ended with %v", as, err, got)
			}
		}
	}
}

func TestInterrupted(t *testing.T) {
	s := serve(t, script{frames: []string{hello}})
	ctx, cancel := context.WithCancel(t.Context())
	var notes watched
	notes.want, notes.do = "connected to n1", cancel
	if err := Run(ctx, Config{Address: s.address(), Rooms: rooms, Out: new(bytes.Buffer), Notes: &notes}); err != nil {
		t.Errorf("ended with %v", err)
	}
}

// watched calls do when want has been written.
type watched struct {
	bytes.Buffer
	want string
	do   func()
}

func (w *watched) Write(p []byte) (int, error) {
	n, err := w.Buffer.Write(p)
	if strings.Contains(w.String(), w.want) {
		w.do()
	}
	return n, err
}

// How long to wait before the next connection: the jitter, and what the server asks for on top of it.
func TestPause(t *testing.T) {
	for _, tt := range []struct {
		err  error
		bye  *mirror.Message
		want time.Duration
	}{
		{errors.New("EOF"), nil, time.Second},
		{&closed{4001, "draining"}, &mirror.Message{Recon: true, After: 250}, time.Second + 250*time.Millisecond},
		{&turnedAway{status: 503, after: 3 * time.Second}, nil, 4 * time.Second},
	} {
		f := newFollower(Config{delay: func(int) time.Duration { return time.Second }}, &plain{notes: new(bytes.Buffer)})
		f.met, f.bye = true, tt.bye
		if got, err := f.pause(tt.err); got != tt.want || err != nil || f.tries != 1 || f.bye != nil {
			t.Errorf("after %v: %v (%v), want %v", tt.err, got, err, tt.want)
		}
	}
}

func TestJitter(t *testing.T) {
	for n := range 100 {
		bound := min(30*time.Second, 500*time.Millisecond<<min(n, 10))
		if d := jitter(n); d < 0 || d >= bound {
			t.Errorf("try %d waits %v, want below %v", n, d, bound)
		}
	}
}
