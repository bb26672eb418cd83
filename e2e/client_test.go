package e2e_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lxzan/gws"

	"tapedeck/wire/mirror"
)

// client is one WebSocket client. A mirror holds every message against the protocol's rules; what
// breaks one is kept as err. It may connect again and again, to any node, and knows what it knew.
type client struct {
	name string
	pack bool   // speaks MessagePack
	slow int    // bytes of the socket's receive buffer; 0: the system's
	path string // of the stream; "": the live one
	// each, where set, is called with every message. It is called with mu held.
	each func(m *mirror.Message, r *mirror.Room)

	reading sync.Mutex // whoever holds it has stopped the reading
	mu      sync.Mutex
	known   *mirror.Mirror
	tapes   map[string]*tape // by trades room
	replies map[string]*mirror.Message
	errors  []string // what the server refused
	hello   bool
	bye     string
	err     error
	news    chan struct{} // 1: something came

	conn   *gws.Conn
	closed chan struct{}
	ids    int
}

func newClient(name string, pack bool) *client {
	c := &client{
		name: name, pack: pack, known: mirror.New(), tapes: map[string]*tape{},
		replies: map[string]*mirror.Message{}, news: make(chan struct{}, 1),
	}
	c.known.Message = c.told
	return c
}

// connect opens a connection to a node; query may name rooms.
func (c *client) connect(addr, query string) error {
	var conn net.Conn
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	if c.slow > 0 {
		if err := conn.(*net.TCPConn).SetReadBuffer(c.slow); err != nil {
			return err
		}
	}
	protocol := "tapedeck.v1.json"
	if c.pack {
		protocol = "tapedeck.v1.msgpack"
	}
	option := &gws.ClientOption{
		Addr: "ws://" + addr + cmp.Or(c.path, "/v1/stream") + query, HandshakeTimeout: 30 * time.Second,
		RequestHeader: http.Header{"Sec-Websocket-Protocol": {protocol}},
	}
	ws, _, err := gws.NewClientFromConn(&ear{client: c}, option, conn)
	if err != nil {
		return fmt.Errorf("%s: %w", c.name, err)
	}
	c.mu.Lock()
	c.conn, c.closed, c.hello, c.bye = ws, make(chan struct{}), false, ""
	closed := c.closed
	c.mu.Unlock()
	go func() {
		defer close(closed)
		ws.ReadLoop()
		conn.Close()
	}()
	return nil
}

// hangUp ends the connection and waits until its reader has.
func (c *client) hangUp() {
	if c.conn != nil {
		c.conn.NetConn().Close()
		<-c.closed
	}
}

// ear takes what gws reads.
type ear struct {
	gws.BuiltinEventHandler
	client *client
}

func (e *ear) OnMessage(_ *gws.Conn, m *gws.Message) {
	defer m.Close()
	c := e.client
	c.reading.Lock()
	defer c.reading.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	frame := m.Bytes()
	if c.pack {
		frame = jsonOf(frame)
	}
	if err := c.known.Frame(frame); err != nil && c.err == nil {
		c.err = fmt.Errorf("%s: %w", c.name, err)
	}
	select {
	case c.news <- struct{}{}:
	default:
	}
}

// told sees every message that keeps the rules.
func (c *client) told(m *mirror.Message, r *mirror.Room) {
	switch m.T {
	case "hello":
		c.hello = true
	case "bye":
		c.bye = m.Reason
	case "ok", "error":
		if m.T == "error" {
			c.errors = append(c.errors, fmt.Sprintf("%s %s: %s", m.Room, m.Code, m.Text))
		}
		if len(m.ID) > 0 && c.replies[string(m.ID)] == nil {
			c.replies[string(m.ID)] = m
		}
	}
	if r != nil && strings.HasPrefix(r.Name, "trades:") {
		c.tape(r.Name).take(m)
	}
	if c.each != nil {
		c.each(m, r)
	}
}

func (c *client) tape(room string) *tape {
	if c.tapes[room] == nil {
		c.tapes[room] = &tape{}
	}
	return c.tapes[room]
}

// until waits for a condition of what is known; the condition is asked with mu held, after every frame.
func (c *client) until(what string, is func(m *mirror.Mirror) bool) error {
	deadline := time.After(time.Minute)
	for over := false; ; {
		c.mu.Lock()
		ok, err, bye := is(c.known), c.err, c.bye
		c.mu.Unlock()
		switch {
		case err != nil:
			return err
		case ok:
			return nil
		case over:
			return fmt.Errorf("%s: the connection was closed (%s) before %s", c.name, bye, what)
		}
		select {
		case <-c.news:
		case <-c.closed:
			over = true
		case <-time.After(50 * time.Millisecond): // the condition may look at more than the mirror
		case <-deadline:
			return fmt.Errorf("%s: waited a minute until %s", c.name, what)
		}
	}
}

// call sends a command and returns the first answer to it.
func (c *client) call(command map[string]any) (*mirror.Message, error) {
	c.ids++
	command["id"] = c.ids
	text, opcode := mustJSON(command), gws.OpcodeText
	if c.pack {
		text, opcode = packOf(command), gws.OpcodeBinary
	}
	if err := c.conn.WriteMessage(opcode, text); err != nil {
		return nil, err
	}
	id := fmt.Sprint(c.ids)
	var reply *mirror.Message
	err := c.until(fmt.Sprintf("%v is answered", command["op"]), func(*mirror.Mirror) bool {
		reply = c.replies[id]
		return reply != nil
	})
	return reply, err
}

// subscribe joins rooms anew, at an interval as the protocol spells it.
func (c *client) subscribe(interval string, rooms ...string) (*mirror.Message, error) {
	list := make([]any, len(rooms))
	for i, room := range rooms {
		list[i] = room
	}
	return c.call(map[string]any{"op": "subscribe", "interval": interval, "rooms": list})
}

// join connects to a node and joins rooms, until the test ends.
func (c *client) join(t testing.TB, n *node, interval string, rooms ...string) *client {
	t.Helper()
	if err := c.connect(n.addr, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.hangUp)
	if _, err := c.subscribe(interval, rooms...); err != nil {
		t.Fatal(err)
	}
	return c
}

// resume joins the rooms that are known, from where each of them is, at intervals that interval gives.
// It returns how many were recovered and the names of those that were not.
func (c *client) resume(interval func(room string) string) (recovered int, anew []string, err error) {
	var list []any
	since := map[string]bool{}
	c.mu.Lock()
	for name, r := range c.known.Rooms {
		req := map[string]any{"room": name, "interval": interval(name)}
		if r.Has {
			req["since"] = map[string]any{"epoch": r.Epoch, "seq": r.Seq}
			since[name] = true
		}
		list = append(list, req)
	}
	c.mu.Unlock()
	if len(list) == 0 {
		return 0, nil, nil
	}
	reply, err := c.call(map[string]any{"op": "subscribe", "rooms": list})
	if err != nil {
		return 0, nil, err
	}
	for _, g := range reply.Rooms {
		switch {
		case g.Recovered != nil && *g.Recovered:
			recovered++
		case since[g.Room]:
			anew = append(anew, g.Room)
		}
	}
	return recovered, anew, nil
}

// room returns a copy of what is known of a room; its maps and lists are the mirror's own.
func (c *client) room(name string) mirror.Room {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r := c.known.Rooms[name]; r != nil {
		return *r
	}
	return mirror.Room{Name: name}
}

func mustJSON(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}
