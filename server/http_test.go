package server

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"tapedeck/feed"
	"tapedeck/throttle"
	"tapedeck/wire/mirror"
)

func TestOrigins(t *testing.T) {
	c := Config{Origins: []string{"https://app.example.com", "http://localhost:3000"}}
	a := newAdmission(&c)
	const host = "md.example.com:8080"
	for _, tt := range []struct {
		origin string
		secure bool // TLS of our own
		want   bool
	}{
		{"https://app.example.com", false, true},
		{"https://app.example.com", true, true},
		{"http://localhost:3000", false, true},
		{"http://md.example.com:8080", false, true},
		{"https://md.example.com:8080", false, true}, // a proxy has the certificate
		{"https://md.example.com:8080", true, true},
		{"http://md.example.com:8080", true, false},
		{"", false, false},
		{"null", false, false},
		{"http://app.example.com", false, false},
		{"https://app.example.com:443", false, false},
		{"https://app.example.com:8443", false, false},
		{"https://app.example.com.", false, false},
		{"https://app.example.com/", false, false},
		{"https://APP.example.com", false, false},
		{"https://app.example.com.evil.org", false, false},
		{"https://evil-app.example.com", false, false},
		{"https://app.example.com@evil.org", false, false},
		{"https://evil.org/https://app.example.com", false, false},
		{"https://evil.org?https://app.example.com", false, false},
		{"https://evil.org#https://app.example.com", false, false},
		{"https://example.com", false, false},
		{"https://sub.app.example.com", false, false},
		{"https://аpp.example.com", false, false}, // a Cyrillic а
		{"https://xn--pp-8ka.example.com", false, false},
		{"wss://app.example.com", false, false},
		{"ws://md.example.com:8080", false, false},
		{"file://", false, false},
		{"file:///md.example.com:8080", false, false},
		{"md.example.com:8080", false, false},
		{"//md.example.com:8080", false, false},
		{"http://md.example.com", false, false},
		{"http://md.example.com:80800", false, false},
		{"http://md.example.com:8080.", false, false},
		{"http://user@md.example.com:8080", false, false},
		{"http://md.example.com:8080 ", false, false},
		{"http://localhost", false, false},
		{"http://127.0.0.1:3000", false, false},
		{"http://[::1]:3000", false, false},
		{"chrome-extension://md.example.com:8080", false, false},
	} {
		r := httptest.NewRequest(http.MethodGet, "/v1/stream", nil)
		r.Host = host
		r.Header.Set("Origin", tt.origin)
		if tt.secure {
			r.TLS = &tls.ConnectionState{}
		}
		if got := a.origin(r); got != tt.want {
			t.Errorf("origin %q with TLS %v: %v", tt.origin, tt.secure, got)
		}
	}
	r := httptest.NewRequest(http.MethodGet, "/v1/stream", nil)
	if r.Header.Add("Origin", "https://app.example.com"); !a.origin(r) {
		t.Error("one origin is refused")
	}
	if r.Header.Add("Origin", "https://app.example.com"); a.origin(r) {
		t.Error("two origins are taken")
	}
	if r.Header.Del("Origin"); !a.origin(r) {
		t.Error("a request that no page sent is refused")
	}
}

// A page of a foreign origin gets nothing, on any way in.
func TestForeignPagesGetNothing(t *testing.T) {
	n := run(t, newTape(1))
	for _, path := range []string{"/v1/stream", "/v1/events?rooms=" + trades, "/v1/snapshot/" + trades, "/v1/rooms", "/v1/symbols"} {
		status, body, h := get(t, n, path, "Origin", "https://evil.example")
		if status != http.StatusForbidden || !strings.Contains(body, "--origins") || h.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: %d %q", path, status, body)
		}
	}
	own := "http://" + n.Addr().String()
	if status, _, h := get(t, n, "/v1/rooms", "Origin", own); status != http.StatusOK || h.Get("Access-Control-Allow-Origin") != own || h.Get("Vary") != "Origin" {
		t.Errorf("our own page: %d %v", status, h)
	}
}

func TestHandshakes(t *testing.T) {
	n := run(t, newTape(1))
	line := func(name, value string) string { return name + ": " + value + "\r\n" }
	without := func(name string) (rest string) {
		for l := range strings.Lines(upgradeHeaders) {
			if !strings.HasPrefix(l, name+":") {
				rest += l
			}
		}
		return rest
	}
	for _, tt := range []struct {
		name, headers, protocol string
		status                  int
	}{
		{"plain", upgradeHeaders, "", 101},
		{"json", upgradeHeaders + line("Sec-WebSocket-Protocol", "tapedeck.v1.json"), "tapedeck.v1.json", 101},
		{"msgpack", upgradeHeaders + line("Sec-WebSocket-Protocol", "tapedeck.v1.msgpack"), "tapedeck.v1.msgpack", 101},
		{"the first that is known", upgradeHeaders + line("Sec-WebSocket-Protocol", "v9, tapedeck.v1.msgpack ,tapedeck.v1.json"), "tapedeck.v1.msgpack", 101},
		{"in two lines", upgradeHeaders + line("Sec-WebSocket-Protocol", "v9") + line("Sec-WebSocket-Protocol", "tapedeck.v1.json"), "tapedeck.v1.json", 101},
		{"an unknown protocol", upgradeHeaders + line("Sec-WebSocket-Protocol", "tapedeck.v2.json"), "", 400},
		{"deflate is not given", upgradeHeaders + line("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits"), "", 101},
		{"keep-alive too", without("Connection") + line("Connection", "keep-alive, Upgrade"), "", 101},
		{"no upgrade", without("Upgrade"), "", 426},
		{"no connection", without("Connection"), "", 426},
		{"version 8", without("Sec-WebSocket-Version") + line("Sec-WebSocket-Version", "8"), "", 426},
		{"no version", without("Sec-WebSocket-Version"), "", 426},
		{"no key", without("Sec-WebSocket-Key"), "", 400},
		{"a short key", without("Sec-WebSocket-Key") + line("Sec-WebSocket-Key", "c2hvcnQ="), "", 400},
		{"a body", upgradeHeaders + line("Content-Length", "3"), "", 400},
		{"a foreign page", upgradeHeaders + line("Origin", "https://evil.example"), "", 403},
		{"too long", upgradeHeaders + line("Cookie", strings.Repeat("x", 40<<10)), "", 431},
	} {
		p := dial(t, n, 0)
		answer := p.upgrade("", tt.headers, "")
		if answer.StatusCode != tt.status || answer.Header.Get("Sec-WebSocket-Protocol") != tt.protocol || answer.Header.Get("Sec-WebSocket-Extensions") != "" {
			t.Errorf("%s: %s, %v", tt.name, answer.Status, answer.Header)
		}
		if tt.status == 426 && answer.Header.Get("Sec-WebSocket-Version") != "13" {
			t.Errorf("%s: %v", tt.name, answer.Header)
		}
		if tt.status == 101 {
			if got := answer.Header.Get("Sec-WebSocket-Accept"); got != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
				t.Errorf("%s: accepted with %q", tt.name, got)
			}
			opcode, payload, err := p.next()
			if binary := strings.HasSuffix(tt.protocol, "msgpack"); err != nil || (opcode == gwsText) == binary || !strings.Contains(string(payload), "hello") {
				t.Errorf("%s: greeted with opcode %x, %q, %v", tt.name, opcode, payload, err)
			}
		}
		p.Close()
	}
	p := dial(t, n, 0)
	_, _ = io.WriteString(p, "POST /v1/stream HTTP/1.1\r\n"+upgradeHeaders+"\r\n")
	if answer := p.response(); answer.StatusCode != 400 {
		t.Errorf("a POST: %s", answer.Status)
	}
	until(t, "all are gone", func() bool { return n.admit.count() == 0 })
}

// A binary client is answered as one.
func TestMessagePack(t *testing.T) {
	n := run(t, newTape(1))
	p := dial(t, n, 0)
	p.upgrade("", upgradeHeaders+"Sec-WebSocket-Protocol: tapedeck.v1.msgpack\r\n", "")
	_, _, _ = p.next()
	p.write(frame(0x82, []byte("\x82\xa2op\xa4ping\xa2id\x07")))
	if opcode, payload, err := p.next(); opcode != 2 || err != nil || !strings.Contains(string(payload), "\xa1t\xa2ok\xa2id\x07\xa2op\xa4ping") {
		t.Errorf("%x %q %v", opcode, payload, err)
	}
}

func TestConnectionLimits(t *testing.T) {
	for _, tt := range []struct {
		name   string
		limit  func(*Config)
		status int
		after  string
		reason string
	}{
		{"connections", func(c *Config) { c.MaxConnections = 2 }, 503, "5", "connections"},
		{"connections of an address", func(c *Config) { c.ConnectionsPerIP = 2 }, 429, "5", "connections_per_ip"},
		{"handshakes", func(*Config) {}, 503, "1", "handshakes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := run(t, newTape(1), tt.limit)
			handshakes := func(rate int) {
				n.admit.mu.Lock()
				defer n.admit.mu.Unlock()
				n.admit.handshakes = throttle.NewBucket(rate, 2)
			}
			if tt.reason == "handshakes" {
				handshakes(0) // two, and never another
			}
			a, b := join(t, n, 0, ""), join(t, n, 0, "")
			answer := dial(t, n, 0).upgrade("", upgradeHeaders, "")
			if answer.StatusCode != tt.status || answer.Header.Get("Retry-After") != tt.after {
				t.Errorf("the third is answered with %s, %v", answer.Status, answer.Header)
			}
			if status, _, h := get(t, n, "/v1/events?rooms="+trades); status != tt.status || h.Get("Retry-After") != tt.after {
				t.Errorf("as events: %d, %v", status, h)
			}
			if series := fmt.Sprintf("tapedeck_refused_total{reason=%q}", tt.reason); n.scrape()[series] != "2" {
				t.Errorf("%s is %s", series, n.scrape()[series])
			}
			a.Close()
			b.Close()
			handshakes(100)
			until(t, "there is room again", func() bool {
				p := dial(t, n, 0)
				defer p.Close()
				return p.upgrade("", upgradeHeaders, "").StatusCode == 101
			})
		})
	}
}

func TestRemoteIP(t *testing.T) {
	for addr, want := range map[string]string{
		"192.0.2.7:1234": "192.0.2.7", "[::ffff:192.0.2.7]:1": "192.0.2.7",
		"[2001:db8:1:2:3:4:5:6]:1": "2001:db8:1:2::/64", "[2001:db8:1:2:ffff::1]:2": "2001:db8:1:2::/64", "[fe80::1%eth0]:1": "fe80::/64",
	} {
		if got := remoteIP(&http.Request{RemoteAddr: addr}); got != want {
			t.Errorf("%s is %s, want %s", addr, got, want)
		}
	}
}

func TestSnapshotOverHTTP(t *testing.T) {
	tp := newTape(1)
	tp.add("whole BTC-USD 1 b100=1 a101=2")
	for i := range 60 {
		tp.add("trade BTC-USD %d 100 1", i)
	}
	tp.add("delta OLD-USD 5 6 b1=1")
	n := run(t, tp)
	for _, tt := range []struct {
		path   string
		status int
		want   string
	}{
		{book, 200, `{"t":"snapshot","room":"book:TEST:BTC-USD","epoch":"epoch0","seq":1,`},
		{book + "@5", 200, `"d":{"bids":[["100","1"]],"asks":[["101","2"]]}}`},
		{trades, 200, `{"id":"10",`},
		{trades + "?last=1", 200, `"d":[{"id":"59",`},
		{"trades:TEST:NEVER-USD", 200, `{"t":"snapshot","room":"trades:TEST:NEVER-USD","epoch":"","seq":0,"d":[]}`},
		{"book:TEST:OLD-USD", 409, `{"t":"status","room":"book:TEST:OLD-USD","state":"stale","reason":"resync"`},
		{"book:MARS:BTC-USD", 404, `"unknown_room","message":"unknown venue: there are TEST"`},
		{"book:TEST:*", 400, `"bad_request"`},
		{"nonsense", 400, `"bad_request"`},
		{trades + "?last=0", 400, `last is from 1 to 1024`},
		{trades + "?last=5000", 400, `last is from 1 to 1024`},
		{trades + "?last=x", 400, `last is from 1 to 1024`},
	} {
		status, body, h := get(t, n, "/v1/snapshot/"+tt.path)
		if status != tt.status || !strings.Contains(body, tt.want) || !json.Valid([]byte(body)) || h.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %d %s, want %d %s", tt.path, status, body, tt.status, tt.want)
		}
	}
}

func TestRoomsAndSymbolsOverHTTP(t *testing.T) {
	tp := newTape(2)
	tp.add("trade BTC-USD 1 100 1\nquote BTC-USD 1 1 2 1")
	tp.addTo(1, "quote ETH-USD 1 1 2 1")
	n := run(t, tp)
	list := func(query string) (names []string) {
		status, body, _ := get(t, n, "/v1/rooms"+query)
		var answer struct {
			Node  string
			Rooms []struct {
				Room, State, Epoch, Topic string
				Covered                   bool
				Seq                       uint64
				Partition                 int
			}
		}
		if err := json.Unmarshal([]byte(body), &answer); err != nil || status != 200 || answer.Node != "test" {
			t.Fatalf("%d %s: %v", status, body, err)
		}
		for _, r := range answer.Rooms {
			names = append(names, r.Room)
			if r.State != "live" || !r.Covered || r.Seq != 1 || r.Topic != "tape" || r.Epoch != fmt.Sprint("epoch", r.Partition) {
				t.Errorf("%+v", r)
			}
		}
		return names
	}
	for query, want := range map[string]string{
		"":                       "[candles:TEST:BTC-USD@1m quotes:TEST:BTC-USD quotes:TEST:ETH-USD trades:TEST:BTC-USD]",
		"?match=quotes:*":        "[quotes:TEST:BTC-USD quotes:TEST:ETH-USD]",
		"?match=*:TEST:ETH-*":    "[quotes:TEST:ETH-USD]",
		"?match=trades:MARS:%2A": "[]",
	} {
		if got := fmt.Sprint(list(query)); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	if status, _, _ := get(t, n, "/v1/rooms?match=[", "Origin", "http://"+n.Addr().String()); status != 400 {
		t.Errorf("a broken pattern: %d", status)
	}
	_, body, _ := get(t, n, "/v1/symbols")
	if want := `{"symbols":[{"venue":"TEST","symbol":"BTC-USD","native":"BTC-USD","kind":"spot"},{"venue":"TEST","symbol":"ETH-USD","native":"ETH-USD","kind":"spot"}]}`; strings.TrimSpace(body) != want {
		t.Errorf("symbols are %s", body)
	}
}

// Answers that nobody takes are bounded in number; the stream does not notice.
func TestAnswersAreBounded(t *testing.T) {
	tp := newTape(1)
	n := run(t, tp)
	var lines strings.Builder
	for i := range 4000 { // 2 MB of rooms, which no socket takes at once
		fmt.Fprintf(&lines, "quote SYMBOL-%d-USD 1 1 2 1\ntrade SYMBOL-%d-USD 1 1 1\n", i, i)
	}
	tp.add("%s", lines.String())
	honest := newCrowd(t, tp, n)
	for range maxAnswers {
		p := dial(t, n, little)
		_, _ = io.WriteString(p, "GET /v1/rooms HTTP/1.1\r\nHost: test\r\n\r\n")
	}
	until(t, "no more is answered", func() bool {
		status, _, h := get(t, n, "/v1/symbols")
		return status == http.StatusServiceUnavailable && h.Get("Retry-After") == "1"
	})
	honest.missedNothing()
}

// events reads server-sent events into a mirror.
type events struct {
	t      *testing.T
	known  *mirror.Mirror
	answer *http.Response
	lines  *bufio.Scanner
	cancel context.CancelFunc
}

func listen(t *testing.T, n *node, query string) *events {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+n.Addr().String()+"/v1/events"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	answer, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		answer.Body.Close()
		transport.CloseIdleConnections()
	})
	e := &events{t: t, known: mirror.New(), answer: answer, lines: bufio.NewScanner(answer.Body), cancel: cancel}
	e.lines.Buffer(nil, 1<<24)
	return e
}

// fold reads until ok, or the end.
func (e *events) fold(ok func() bool) {
	e.t.Helper()
	for !ok() && e.lines.Scan() {
		if data, is := strings.CutPrefix(e.lines.Text(), "data: "); is {
			if err := e.known.Frame([]byte(data)); err != nil {
				e.t.Fatal(err)
			}
		}
	}
}

func TestEvents(t *testing.T) {
	tp := newTape(1)
	tp.add("trade BTC-USD 1 100 1\nwhole BTC-USD 0 b100=1")
	n := run(t, tp, func(c *Config) { c.Heartbeat = time.Second })
	e := listen(t, n, "?rooms="+trades+","+book)
	if e.answer.StatusCode != 200 || e.answer.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatal(e.answer.Status, e.answer.Header)
	}
	kinds, bye := map[string]int{}, ""
	e.known.Message = func(m *mirror.Message, _ *mirror.Room) {
		kinds[m.T]++
		if m.T == "bye" {
			bye = m.Reason
		}
	}
	e.fold(func() bool { return kinds["snapshot"] == 2 })
	for i := 2; i <= 500; i++ {
		tp.add("trade BTC-USD %d 100 1\ndelta BTC-USD %d %d b100=%d", i, i-1, i-1, i)
	}
	e.fold(func() bool { return e.known.Room(trades).Seq == 500 && e.known.Room(book).Seq == 500 })
	if r := e.known.Room(trades); len(r.Trades) != 500 || kinds["gap"] > 0 || kinds["hello"] != 1 || kinds["ok"] != 1 {
		t.Errorf("%d trades, %v", len(r.Trades), kinds)
	}
	e.fold(func() bool { return kinds["heartbeat"] > 0 })
	n.stop()
	e.fold(func() bool { return false })
	if bye != "draining" {
		t.Errorf("ended with %q", bye)
	}
	<-n.ended
	if status, body, _ := get(t, run(t, tp), "/v1/events"); status != 400 || !strings.Contains(body, "name the rooms") {
		t.Errorf("without rooms: %d %s", status, body)
	}
}

// A stream that is never without something to write is not stuck, as long as each frame is taken.
func TestBusyEventsAreNotStuck(t *testing.T) {
	e := &eventStream{before: "data: ", after: "\n\n", wake: make(chan struct{}, 1)}
	if e.send([]byte("x")) || e.stuck(time.Now().Add(time.Hour)) < time.Minute {
		t.Error("a frame that is not written yet does not block")
	}
	frame, _ := e.take(nil)
	e.since = e.since.Add(-time.Hour)
	e.send([]byte("y")) // it is written, and the next is there
	if e.stuck(time.Now()) < time.Minute {
		t.Error("the next frame hides that the last is not written")
	}
	if frame, _ = e.take(frame); string(frame) != "data: y\n\n" || e.stuck(time.Now()) > time.Minute {
		t.Errorf("%q is stuck for %v", frame, e.stuck(time.Now()))
	}
	if frame, _ = e.take(frame); len(frame) > 0 || e.stuck(time.Now().Add(time.Hour)) != 0 {
		t.Errorf("%q is stuck, but there is nothing to write", frame)
	}
}

// A reader of events that stops reading is closed as any other, and one that leaves is let go of.
func TestSlowEvents(t *testing.T) {
	tp := newTape(1)
	n := run(t, tp, tight, func(c *Config) { c.SlowDeadline = 200 * time.Millisecond })
	tp.add("trade BTC-USD 0 100 1")
	gone := listen(t, n, "?rooms="+trades)
	gone.fold(func() bool { return gone.known.Room(trades).Has })
	gone.cancel()
	until(t, "who left is let go of", func() bool { return n.admit.count() == 0 })

	p := dial(t, n, little)
	_, _ = io.WriteString(p, "GET /v1/events?rooms="+trades+" HTTP/1.1\r\nHost: test\r\n\r\n")
	until(t, "the slow one is there", func() bool { return n.admit.count() == 1 })
	until(t, "the slow one is closed", func() bool {
		for i := range 100 {
			tp.add("trade BTC-USD %d 100 1", i)
		}
		return n.admit.count() == 0
	})
	if got := n.closes("4004"); got != "1" {
		t.Errorf("%s closed as too slow", got)
	}
}

func TestReadyz(t *testing.T) {
	tp := newTape(2)
	pl := tp.player()
	pl.closed = true
	n := start(t, pl, func(c *Config) { c.ReadyTimeout = time.Hour })
	<-pl.began
	says := func(status int, want string) {
		t.Helper()
		for _, base := range []net.Addr{n.Addr(), n.AdminAddr()} {
			if got, body, _ := fetch(t, "http://"+base.String()+"/readyz"); got != status || !strings.Contains(body, want) {
				t.Errorf("%d %q, want %d %q", got, body, status, want)
			}
			if got, _, _ := fetch(t, "http://"+base.String()+"/healthz"); got != 200 {
				t.Errorf("healthz says %d", got)
			}
		}
	}
	says(503, "tape/0: not opened yet")
	pl.sink.Waiting("Kafka at nowhere:9092 does not answer") // no matter: it is known what is to be read
	zero := pl.sink.Open(tp.partition(0), feed.Start{Epoch: "e0", End: 2})
	one := pl.sink.Open(tp.partition(1), feed.Start{Epoch: "e1", From: 5, End: 5})
	says(503, "tape/0: 2 records behind")
	zero.Record(&feed.Record{Offset: 0, Time: 1, Value: []byte("ignored")})
	says(503, "tape/0: 1 records behind")
	zero.Down("the leader is away")
	says(503, "tape/0: the leader is away")
	zero.Up()
	zero.Record(&feed.Record{Offset: 1, Time: 2, Value: []byte("trade BTC-USD 1 1 1")})
	says(200, "ready")
	one.Down("away")
	zero.Down("away")
	says(200, "ready") // whatever comes, until it drains
	n.ingest.ready.drain()
	says(503, "draining")
}

// What fails for long enough is down, not waited for; what is read is waited for however long it takes.
func TestReadyTimeout(t *testing.T) {
	tp := newTape(2)
	pl := tp.player()
	pl.closed = true
	n := start(t, pl, func(c *Config) { c.ReadyTimeout = time.Millisecond })
	<-pl.began
	ready := n.ingest.ready.state
	busy := pl.sink.Open(tp.partition(0), feed.Start{Epoch: "e0", End: 2}) // partition 1 is never opened
	busy.Record(&feed.Record{Offset: 0, Time: 1, Value: []byte("trade BTC-USD 1 1 1")})
	time.Sleep(20 * time.Millisecond)
	if ok, why := ready(); ok || why != "tape/0: 1 records behind" {
		t.Errorf("ready %v, %q", ok, why)
	}
	busy.Down("the leader is away")
	c := greet(t, n, "?rooms="+trades)
	if g := granted(t, c.hear("ok", kind("ok")), trades); g.State != "down" {
		t.Errorf("granted %+v", g)
	}
	until(t, "it is not waited for", func() bool { ok, _ := ready(); return ok })
	busy.Up()
	c.room(trades, "a snapshot", func(r *mirror.Room) bool { return r.Seq == 1 && r.State == "live" })
}

func TestWaitingSaysWhy(t *testing.T) {
	n := start(t, newTape(0).player(), func(c *Config) { c.Source = never{"Kafka at nowhere:9092 does not answer"} })
	until(t, "readyz says why", func() bool {
		status, body, _ := get(t, n, "/readyz")
		return status == 503 && strings.Contains(body, "not ready: Kafka at nowhere:9092 does not answer")
	})
}

// never is a source that finds nothing.
type never struct{ why string }

func (s never) Run(ctx context.Context, sink feed.Sink) error {
	sink.Waiting(s.why)
	<-ctx.Done()
	return nil
}

func TestProfilesOnlyWhereAsked(t *testing.T) {
	for _, on := range []bool{false, true} {
		n := run(t, newTape(1), func(c *Config) { c.PProf = on })
		status, _, _ := fetch(t, "http://"+n.AdminAddr().String()+"/debug/pprof/heap")
		if (status == 200) != on {
			t.Errorf("with PProf %v: %d", on, status)
		}
		for _, path := range []string{"/debug/pprof/heap", "/metrics"} {
			if status, _, _ := get(t, n, path); status != 404 {
				t.Errorf("%s is shown to clients: %d", path, status)
			}
		}
	}
	n := run(t, newTape(1), func(c *Config) { c.Admin = "off" })
	if n.AdminAddr() != nil {
		t.Errorf("admin is off, but at %v", n.AdminAddr())
	}
	var c Config
	if c = c.WithDefaults(); !strings.HasPrefix(c.Admin, "127.0.0.1:") {
		t.Errorf("by default the admin address is %s", c.Admin)
	}
}

// Both HTTP versions and the stream itself are spoken over TLS.
func TestTLS(t *testing.T) {
	tp := newTape(1)
	tp.add("trade BTC-USD 1 100 1")
	n := run(t, tp, secure(t))
	c := greet(t, n, "?rooms="+trades)
	c.at(trades, 1)
	for i := 2; i < 300; i++ {
		tp.add("trade BTC-USD %d 100 1", i)
	}
	c.at(trades, 299)
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	for path, want := range map[string]int{"/v1/rooms": 200, "/v1/stream": 400} {
		r, _ := http.NewRequest(http.MethodGet, "https://"+n.Addr().String()+path, nil)
		answer, err := transport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != want || answer.ProtoMajor != 2 {
			t.Errorf("%s: %s by %s", path, answer.Status, answer.Proto)
		}
	}
}

func TestConfigurationSaysWhatIsWrong(t *testing.T) {
	source := never{}
	for want, change := range map[string]func(*Config){
		"no source":                            func(c *Config) { c.Source = nil },
		"go together":                          func(c *Config) { c.TLSCert = "x" },
		"at least 1s":                          func(c *Config) { c.Heartbeat = time.Millisecond },
		"allow at least 160512":                func(c *Config) { c.FrameBytes = 1000 },
		"unknown candle width":                 func(c *Config) { c.Widths = []string{"7m"} },
		`no depth "0"`:                         func(c *Config) { c.Depths = []string{"0"} },
		`no depth "2000"`:                      func(c *Config) { c.Depths = []string{"2000"} },
		`no depth "05"`:                        func(c *Config) { c.Depths = []string{"05"} },
		"no intervals":                         func(c *Config) { c.Intervals = []time.Duration{} },
		"100ms does not fit":                   func(c *Config) { c.Intervals = []time.Duration{time.Second, 100 * time.Millisecond} },
		"1.5ms does not fit":                   func(c *Config) { c.Intervals = []time.Duration{1500 * time.Microsecond} },
		"is no origin":                         func(c *Config) { c.Origins = []string{"https://app.example.com/"} },
		`"app.example.com"`:                    func(c *Config) { c.Origins = []string{"app.example.com"} },
		"-1 rooms of a":                        func(c *Config) { c.MaxRooms = -1 },
		"-5 pumps":                             func(c *Config) { c.Pumps = -5 },
		"a drain spread of -1s":                func(c *Config) { c.DrainSpread = -time.Second },
		"cannot use the TLS cert":              func(c *Config) { c.TLSCert, c.TLSKey = "none", "none" },
		"cannot listen on":                     func(c *Config) { c.Listen = "256.0.0.1:1" },
		"another address with --admin, or off": func(c *Config) { c.Admin = "256.0.0.1:1" },
	} {
		c := Config{Source: source, Listen: "127.0.0.1:0", Admin: "off"}
		change(&c)
		if s, err := New(c); err == nil || s != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	c := Config{Source: source, MaxRooms: 5000}
	if err := c.Check(); err != nil {
		t.Errorf("5,000 rooms: %v", err)
	}
}

// frameBytes always fits a subscribe of limits.rooms rooms with since.
func TestFrameBytesFitASubscribe(t *testing.T) {
	n := run(t, newTape(1))
	c := n.config
	var b strings.Builder
	b.WriteString(`{"op":"subscribe","id":"123456789012345678901234567890123456","interval":"250ms","rooms":[`)
	for i := range c.MaxRooms {
		if i > 0 {
			b.WriteString(",")
		}
		fmt.Fprintf(&b, `{"room":"candles:TEST:BTC-27JUN25-100000-CALL-%d@15m","since":{"epoch":"abcdefghijkl","seq":9007199254740991},"interval":"250ms"}`, 1000+i)
	}
	b.WriteString("]}")
	cl := greet(t, n, "")
	cl.say("%s", b.String())
	if a := cl.answer(`"123456789012345678901234567890123456"`); a.T != "ok" || len(a.Rooms) != c.MaxRooms {
		t.Errorf("a subscribe of %d bytes was answered with %.300s", b.Len(), a.Raw)
	}
}
