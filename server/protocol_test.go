package server

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"tapedeck/wire/mirror"
)

func TestHelloTellsEveryLimit(t *testing.T) {
	n := run(t, newTape(1))
	m := greet(t, n, "").hear("hello", func(*mirror.Message) bool { return true })
	var h struct {
		T, Node, Conn, Timeline         string
		V, Ts, Heartbeat                int64
		Limits                          struct{ Rooms, CommandsPerSecond, FrameBytes int }
		Intervals, Depths, Widths       []string
		SnapshotTrades, SnapshotCandles int
	}
	d := json.NewDecoder(strings.NewReader(string(m.Raw)))
	d.DisallowUnknownFields()
	if err := d.Decode(&h); err != nil {
		t.Fatal(err)
	}
	c := n.config
	got := fmt.Sprint(h.T, h.V, h.Node, h.Timeline, h.Heartbeat, h.Limits, h.Intervals, h.Depths, h.Widths, h.SnapshotTrades, h.SnapshotCandles)
	want := fmt.Sprint("hello", 1, "test", "live", 10000, h.Limits, []string{"0", "50ms", "100ms", "250ms", "500ms", "1s", "5s"}, c.Depths, c.Widths, c.SnapshotTrades, c.SnapshotCandles)
	if got != want {
		t.Errorf("hello says %s, want %s", got, want)
	}
	if h.Limits.Rooms != c.MaxRooms || h.Limits.CommandsPerSecond != c.CommandsPerSecond || h.Limits.FrameBytes != c.FrameBytes {
		t.Errorf("limits %+v are not those of the configuration", h.Limits)
	}
	if h.Conn == "" || time.Since(time.UnixMicro(h.Ts)) > time.Minute {
		t.Errorf("conn %q, ts %d", h.Conn, h.Ts)
	}
}

const (
	trades = "trades:TEST:BTC-USD"
	quotes = "quotes:TEST:BTC-USD"
	book   = "book:TEST:BTC-USD"
)

// granted finds the room of an ok.
func granted(t *testing.T, ok mirror.Message, room string) mirror.Granted {
	t.Helper()
	for _, g := range ok.Rooms {
		if g.Room == room {
			return g
		}
	}
	t.Fatalf("%s is not in %s", room, ok.Raw)
	return mirror.Granted{}
}

func TestSubscribeByAddress(t *testing.T) {
	tp := newTape(1)
	tp.add("trade BTC-USD 1 100 1")
	n := run(t, tp)
	c := greet(t, n, "?rooms="+trades+","+quotes+"&interval=60ms")
	ok := c.hear("ok", kind("ok"))
	if g := granted(t, ok, trades); g.Interval != "100ms" || g.Loss != "never" || g.Origin != "venue" || g.Epoch != "epoch0" || g.State != "live" {
		t.Errorf("trades were granted as %+v", g)
	}
	if g := granted(t, ok, quotes); g.Interval != "100ms" || g.Loss != "fold" {
		t.Errorf("quotes were granted as %+v", g)
	}
	c.at(trades, 1)
	tp.add("trade BTC-USD 2 101 1\nquote BTC-USD 100 1 101 1")
	c.at(trades, 2)
	c.at(quotes, 2)
}

func TestSubscribeAnswersEachRoom(t *testing.T) {
	n := run(t, newTape(1), func(c *Config) { c.MaxRooms = 2 })
	c := greet(t, n, "")
	c.say(`{"op":"subscribe","id":"a","rooms":["%s","nonsense","trades:MARS:X","book:TEST:BTC-USD@7","candles:TEST:BTC-USD","%s","quotes:TEST:ONE-MORE"]}`, trades, quotes)
	ok := c.answer(`"a"`)
	if ok.T != "ok" || len(ok.Rooms) != 2 {
		t.Errorf("answered with %s", ok.Raw)
	}
	for _, want := range []string{
		`"unknown_room","message":"not a room's name`, `"unknown_room","message":"unknown venue: there are TEST"`,
		`"unknown_room","message":"not offered: book has no depth, or one of 5 10 20 50 100"`,
		`"unknown_room","message":"not offered: candles need a width`, `"room_limit","message":"a connection may join 2 rooms","room":"quotes:TEST:ONE-MORE"`,
	} {
		if e := c.answer(`"a"`); !strings.Contains(string(e.Raw), want) {
			t.Errorf("answered with %s, want %s", e.Raw, want)
		}
	}
	c.say(`[{"op":"subscribe","id":1,"rooms":["%s"]},{"op":"subscribe","id":2,"rooms":[]},{"op":"dance","id":3},{"op":"seek","id":4}]`, trades)
	for i, want := range []string{`"t":"ok"`, `"bad_request","message":"subscribe needs rooms`, `"unknown_op"`, `"bad_request","message":"seek steers a replay`} {
		if a := c.answer(fmt.Sprint(i + 1)); !strings.Contains(string(a.Raw), want) {
			t.Errorf("answered with %s, want %s", a.Raw, want)
		}
	}
	for command, want := range map[string]string{
		`{"op":"subscribe","id":9,"rooms":[{"room":"` + trades + `","interval":"soon"}]}`:            `"bad_request","message":"interval \"soon\" is not a duration`,
		`{"op":"subscribe","id":9,"rooms":[{"room":"` + trades + `","last":2000}]}`:                  `"bad_request","message":"last is from 1 to 1024"`,
		`{"op":"subscribe","id":9,"rooms":[{"room":"trades:TEST:*","since":{"epoch":"e","seq":1}}]}`: `a pattern has no since`,
		`{"op":"subscribe","id":9,"rooms":"trades"}`:                                                 `"bad_request","message":"rooms: expected an array"`,
		`{"op":7,"id":9}`: `"bad_request"`,
	} {
		c.say("%s", command)
		if a := c.answer("9"); !strings.Contains(string(a.Raw), want) {
			t.Errorf("%s was answered with %s, want %s", command, a.Raw, want)
		}
	}
	c.say(`{"op":`)
	if e := c.hear("an error", kind("error")); e.Code != "bad_request" || e.ID != nil {
		t.Errorf("half a command was answered with %s", e.Raw)
	}
}

// An ok comes before all that it causes; after that of an unsubscribe nothing of the room comes.
func TestOKComesFirstAndLast(t *testing.T) {
	tp := newTape(1)
	tp.add("trade BTC-USD 0 100 1")
	n := run(t, tp, func(c *Config) { c.CommandsPerSecond = 10000 })
	c := greet(t, n, "")
	var order []string
	c.mu.Lock() // the hello may be on its way
	c.known.Message = func(m *mirror.Message, _ *mirror.Room) {
		if m.T != "hello" && m.T != "heartbeat" {
			order = append(order, m.T+m.Op)
		}
		c.note(m, nil)
	}
	c.mu.Unlock()
	busy, stop := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(busy)
		for i := 1; ; i++ {
			select {
			case <-stop:
				return
			case <-time.After(100 * time.Microsecond):
				tp.add("trade BTC-USD %d 100 1", i)
			}
		}
	}()
	for i := range 40 {
		c.say(`{"op":"subscribe","id":%d,"rooms":["%s"]}`, i, trades)
		c.answer(fmt.Sprint(i))
		c.room(trades, "a snapshot", func(r *mirror.Room) bool { return r.Has })
		c.say(`{"op":"unsubscribe","id":%d,"rooms":["%s"]}`, 1000+i, trades)
		c.answer(fmt.Sprint(1000 + i))
	}
	close(stop)
	<-busy
	c.mu.Lock()
	defer c.mu.Unlock()
	joined := false
	for i, what := range order {
		switch {
		case what == "oksubscribe":
			joined = true
		case what == "okunsubscribe":
			joined = false
		case !joined:
			t.Fatalf("%s while the room is not joined, after %v", what, order[max(i-5, 0):i])
		}
	}
}

func TestStrictLastSince(t *testing.T) {
	tp := newTape(1)
	for i := range 60 {
		tp.add("trade BTC-USD %d 100 1", i)
	}
	n := run(t, tp)
	c := greet(t, n, "")
	c.say(`{"op":"subscribe","id":1,"strict":true,"interval":"60ms","rooms":["%s"]}`, trades)
	if a := c.answer("1"); a.Code != "bad_request" || !strings.Contains(a.Text, "100ms would be granted") {
		t.Errorf("strict was answered with %s", a.Raw)
	}
	c.say(`{"op":"subscribe","id":2,"strict":true,"interval":"100ms","rooms":[{"room":"%s","last":7}]}`, trades)
	if g := granted(t, c.answer("2"), trades); g.Interval != "100ms" {
		t.Errorf("strict was granted %+v", g)
	}
	c.room(trades, "the last 7", func(r *mirror.Room) bool { return len(r.Trades) == 7 })
	c.say(`{"op":"subscribe","id":3,"interval":"20s","rooms":["%s"]}`, trades)
	if a := c.answer("3"); granted(t, a, trades).Interval != "5s" || !strings.Contains(string(a.Raw), `"limitedBy":"server"`) {
		t.Errorf("20s was granted as %s", a.Raw)
	}
	d := greet(t, n, "")
	d.known.Rooms[trades] = &mirror.Room{Name: trades, Epoch: "epoch0", Seq: 50, Has: true}
	d.say(`{"op":"subscribe","id":1,"rooms":[{"room":"%s","since":{"epoch":"epoch0","seq":50}}]}`, trades)
	if g := granted(t, d.answer("1"), trades); g.Recovered == nil || !*g.Recovered {
		t.Errorf("a resume was granted as %+v", g)
	}
	d.room(trades, "the 10 missed", func(r *mirror.Room) bool { return r.Seq == 60 && len(r.Trades) == 10 && r.Snapshots == 0 })
}

func TestWildcard(t *testing.T) {
	tp := newTape(1)
	for i := range 5 {
		tp.add("trade S%d-USD 1 100 1", i)
	}
	n := run(t, tp, func(c *Config) { c.MaxRooms = 4 })
	c := greet(t, n, "")
	c.say(`[{"op":"subscribe","id":1,"rooms":["quotes:TEST:S9-USD"]},{"op":"subscribe","id":2,"rooms":["trades:TEST:*"]}]`)
	c.answer("1")
	a := c.answer("2")
	if len(a.Rooms) != 3 || a.Rooms[0].Room != "trades:TEST:S0-USD" || !strings.Contains(string(a.Raw), `"left":2`) {
		t.Errorf("answered with %s", a.Raw)
	}
	c.say(`[{"op":"unsubscribe","id":3,"rooms":["trades:TEST:S1-USD"]},{"op":"subscribe","id":4,"strict":true,"rooms":["trades:TEST:*"]}]`)
	c.answer("3")
	if a := c.answer("4"); a.Code != "room_limit" {
		t.Errorf("strict was answered with %s", a.Raw)
	}
	c.say(`[{"op":"subscribe","id":5,"rooms":["ticker:TEST:*"]},{"op":"subscribe","id":6,"rooms":["trades:TEST:S7-USD"]}]`)
	if a := c.answer("5"); a.T != "ok" || len(a.Rooms) != 0 || !strings.Contains(string(a.Raw), `"rooms":[]`) {
		t.Errorf("a pattern that matches nothing was answered with %s", a.Raw)
	}
	c.answer("6")
	d := greet(t, n, "?rooms=quotes:TEST:*")
	d.answer("")
	tp.add("quote NEW-USD 1 1 2 2")
	if late := d.hear("a new room", func(m *mirror.Message) bool { return m.T == "ok" }); late.ID != nil || granted(t, late, "quotes:TEST:NEW-USD").State != "live" {
		t.Errorf("a new room was announced as %s", late.Raw)
	}
	d.at("quotes:TEST:NEW-USD", 6)
	d.say(`{"op":"unsubscribe","id":7,"rooms":["quotes:TEST:*"]}`)
	d.answer("7")
	d.say(`{"op":"list","id":8}`)
	if a := d.answer("8"); len(a.Rooms) != 0 {
		t.Errorf("after the pattern ended: %s", a.Raw)
	}
}

func TestListUnsubscribePing(t *testing.T) {
	tp := newTape(1)
	tp.add("quote BTC-USD 100 1 101 1")
	n := run(t, tp)
	c := greet(t, n, "?rooms="+quotes)
	c.at(quotes, 1)
	tp.add("quote BTC-USD 100 2 101 1")
	c.at(quotes, 2)
	c.say(`{"op":"list","id":1}`)
	if a := c.answer("1"); !strings.Contains(string(a.Raw), `"counters":{"updates":1,"events":1,"folded":0,"snapshots":1,"gaps":0}`) {
		t.Errorf("list says %s", a.Raw)
	}
	c.say(`{"op":"ping","id":2}`)
	if a := c.answer("2"); a.Op != "ping" || time.Since(time.UnixMicro(a.Ts)) > time.Minute {
		t.Errorf("ping says %s", a.Raw)
	}
	c.say(`{"op":"unsubscribe","id":3,"rooms":["%s","%s"]}`, "quotes:TEST:BTC%2DUSD", trades)
	if e := c.answer("3"); e.Code != "not_subscribed" || !strings.Contains(string(e.Raw), trades) {
		t.Errorf("unsubscribe says %s", e.Raw)
	}
	if a := c.answer("3"); granted(t, a, quotes).Interval != "" {
		t.Errorf("unsubscribe says %s", a.Raw)
	}
	c.say(`{"op":"list","id":4}`)
	if a := c.answer("4"); len(a.Rooms) != 0 {
		t.Errorf("list says %s", a.Raw)
	}
}

// A command is paid for by the rooms that it is about, named or not; what it is answered with is no
// longer than a name.
func TestCommandsHaveAPrice(t *testing.T) {
	tp := newTape(1)
	for i := range 500 {
		tp.add("trade S%03d-USD 1 100 1", i)
	}
	n := run(t, tp, func(c *Config) { c.CommandsPerSecond = 1 }) // 101 at first
	c := greet(t, n, "?rooms=trades:TEST:*")                     // 1, and 50 for 500 rooms
	c.answer("")
	var answered string
	for id := range 40 { // 51 each
		c.say(`{"op":"list","id":%d}`, id)
		a := c.answer(fmt.Sprint(id))
		answered += a.T + a.Code + " "
		if a.Code == "rate_limited" && (!a.Retry || a.After < 100) {
			t.Errorf("refused with %s", a.Raw)
		}
	}
	if !strings.HasPrefix(answered, "errorrate_limited ") || strings.Contains(answered, "ok") {
		t.Errorf("40 lists of 500 rooms were answered with %s", answered)
	}
	d := greet(t, n, "")
	d.say(`{"op":"subscribe","id":1,"rooms":["%s"]}`, strings.Repeat("x", 100_000))
	if e := d.answer("1"); len(e.Raw) > 500 || e.Code != "unknown_room" {
		t.Errorf("100,000 characters were answered with %d: %.100s", len(e.Raw), e.Raw)
	}
}
