package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/lxzan/gws"

	"tapedeck/wire"
)

// connection is one client. Its reader alone touches its rooms.
type connection struct {
	gws.BuiltinEventHandler
	run    *run
	number int
	slow   bool
	late   bool // came with the storm
	conn   *gws.Conn
	rooms  map[string]*room
	wanted int // rooms of which no snapshot came yet
	joined time.Time
	cut    atomic.Bool // by us, to come back

	messages atomic.Uint64 // in the window
	done     chan struct{} // closed when the reader has ended
}

// slowBuffer is the kernel's receive buffer of a connection that stops reading: what is in it is old when
// it reads on, which is no fault of the server's.
const slowBuffer = 16 << 10

// connect opens connection number i and asks for its rooms.
func (r *run) connect(ctx context.Context, i int, storm bool) (*connection, error) {
	c := &connection{run: r, number: i, slow: i < r.config.Slow, late: storm, rooms: map[string]*room{}}
	names := r.config.share(i)
	for _, name := range names {
		c.rooms[name] = newRoom(name, r.kept[name], r.truths)
	}
	c.wanted, c.joined = len(c.rooms), time.Now()
	if err := c.dial(ctx); err != nil {
		return nil, err
	}
	return c, c.subscribe(names)
}

// dial opens the connection, and reads it until it ends.
func (c *connection) dial(ctx context.Context) error {
	address := c.run.config.Address
	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	dialer := net.Dialer{Timeout: 10 * time.Second}
	raw, err := dialer.DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return err
	}
	if tcp, ok := raw.(*net.TCPConn); ok && c.slow {
		_ = tcp.SetReadBuffer(slowBuffer)
	}
	conn, answer, err := gws.NewClientFromConn(c, &gws.ClientOption{
		Addr: address, HandshakeTimeout: 10 * time.Second, ReadMaxPayloadSize: 64 << 20, ReadBufferSize: 4096,
		RequestHeader: http.Header{"Sec-Websocket-Protocol": {wire.JSON.Name()}}, Recovery: func(gws.Logger) {},
		PermessageDeflate: gws.PermessageDeflate{Enabled: c.run.config.Compressed},
	}, counted{raw, c.run})
	if err != nil {
		raw.Close()
		if answer != nil {
			return fmt.Errorf("the server answers %s", answer.Status)
		}
		return err
	}
	c.conn, c.done = conn, make(chan struct{})
	go func() {
		defer close(c.done)
		conn.ReadLoop()
	}()
	return nil
}

// subscribe asks for rooms: names, or objects with where to go on.
func (c *connection) subscribe(rooms any) error {
	intervals := c.run.config.Intervals
	command, err := json.Marshal(map[string]any{"op": "subscribe", "id": 1, "rooms": rooms, "interval": intervals[c.number%len(intervals)]})
	if err != nil {
		return err
	}
	return c.conn.WriteMessage(gws.OpcodeText, command)
}

// since is a room, and where it is to go on.
type since struct {
	Room  string `json:"room"`
	Since *place `json:"since,omitempty"`
}

type place struct {
	Epoch string `json:"epoch"`
	Seq   int64  `json:"seq"`
}

// resume cuts the connection, as a network does, and comes back where it was: the chains must go on.
func (c *connection) resume(ctx context.Context) error {
	c.cut.Store(true)
	c.conn.NetConn().Close()
	<-c.done
	c.cut.Store(false)
	if err := c.dial(ctx); err != nil {
		return err
	}
	var rooms []since
	for _, name := range c.run.config.share(c.number) {
		s := since{Room: name}
		if r := c.rooms[name]; r.has && !r.wants {
			s.Since = &place{r.epoch, r.seq}
		}
		rooms = append(rooms, s)
	}
	return c.subscribe(rooms)
}

// OnMessage implements gws.Event: it is called by the connection's reader.
func (c *connection) OnMessage(_ *gws.Conn, m *gws.Message) {
	defer m.Close()
	if c.slow {
		c.run.stall.wait()
	}
	now := time.Now().UnixMicro()
	p := c.run.phase.Load()
	n := uint64(0)
	err := each(m.Bytes(), func(msg *message) error {
		n++
		return c.take(msg, now, p)
	})
	if p != nil {
		p.frames.Add(1)
		p.bytes.Add(uint64(len(m.Bytes())))
		p.messages.Add(n)
		c.messages.Add(n)
	}
	if err != nil {
		c.run.fault(c, err)
		if !errors.As(err, new(*fault)) {
			c.conn.NetConn().Close()
		}
	}
}

// take judges and counts one message.
func (c *connection) take(m *message, now int64, p *phase) error {
	var r *room
	if len(m.room) > 0 {
		r = c.rooms[string(m.room)]
	}
	switch kind := string(m.t); {
	case kind == "error":
		return fmt.Errorf("the server refuses: %s %s: %s", m.room, m.code, m.text)
	case kind == "bye":
		c.run.bye(string(m.reason))
	case r == nil:
	case kind == "snapshot":
		if !r.has {
			c.whole()
		}
		if p != nil {
			p.snapshots.Add(1)
		}
		return r.snapshot(m)
	case kind == "update":
		c.count(m, now, p)
		return r.update(m)
	case kind == "gap":
		if p != nil {
			p.gaps.Add(1)
		}
		return r.gap(m)
	}
	return nil
}

func (c *connection) count(m *message, now int64, p *phase) {
	if p == nil {
		return
	}
	p.updates.Add(1)
	p.events.Add(uint64(max(m.n, 0)))
	switch {
	case c.slow:
		c.run.stall.told(now, now-m.vts, m.vts > 0, m.n)
	case c.late:
	default:
		p.sinceLog.add(now - m.ts)
		if m.vts > 0 {
			p.sinceVenue.add(now - m.vts)
		}
	}
}

// whole notes that one more room has its snapshot.
func (c *connection) whole() {
	if c.wanted--; c.wanted == 0 {
		c.run.complete.Add(1)
		c.run.joining.add(time.Since(c.joined).Microseconds())
	}
}

// OnPing implements gws.Event.
func (c *connection) OnPing(conn *gws.Conn, payload []byte) { _ = conn.WritePong(payload) }

// OnClose implements gws.Event.
func (c *connection) OnClose(_ *gws.Conn, err error) {
	if !c.run.over.Load() && !c.cut.Load() {
		c.run.closed(c, err)
	}
}

// close ends the connection and waits for its reader.
func (c *connection) close() {
	raw := c.conn.NetConn()
	_ = raw.SetDeadline(time.Now().Add(time.Second))
	_ = c.conn.WriteClose(1000, nil)
	raw.Close()
	<-c.done
}
