package server

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lxzan/gws"

	"tapedeck/wire/mirror"
)

var quietLog = slog.New(slog.DiscardHandler)

// client is an honest client: gws' own, with a mirror that holds every message against the protocol.
type client struct {
	gws.BuiltinEventHandler
	t    testing.TB
	conn *gws.Conn

	mu     sync.Mutex
	known  *mirror.Mirror
	heard  []mirror.Message // all of them but updates, with their raw text
	frames int
	ended  chan struct{}
	code   uint16
}

func greet(t testing.TB, n *node, query string) *client {
	t.Helper()
	return meet(t, n, query, mirror.New())
}

// meet connects a client that knows something already.
func meet(t testing.TB, n *node, query string, known *mirror.Mirror) *client {
	t.Helper()
	c := &client{t: t, known: known, ended: make(chan struct{})}
	known.Message = c.note
	if !strings.HasPrefix(query, "/") {
		query = "/v1/stream" + query
	}
	o := &gws.ClientOption{Addr: "ws://" + n.Addr().String() + query, ReadMaxPayloadSize: 64 << 20}
	if n.config.TLSCert != "" {
		o.Addr = "wss" + strings.TrimPrefix(o.Addr, "ws")
		o.TlsConfig = &tls.Config{InsecureSkipVerify: true}
	}
	o.PermessageDeflate.Enabled = n.config.Compression
	conn, _, err := gws.NewClient(c, o)
	if err != nil {
		t.Fatal(err)
	}
	c.conn = conn
	go func() {
		conn.ReadLoop()
		close(c.ended)
	}()
	t.Cleanup(c.leave)
	return c
}

// leave closes the connection as a client does, and waits for its end.
func (c *client) leave() {
	c.conn.WriteClose(1000, nil)
	<-c.ended
}

func (c *client) OnMessage(_ *gws.Conn, m *gws.Message) {
	defer m.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.frames++
	if err := c.known.Frame(m.Bytes()); err != nil {
		c.t.Error(err)
	}
}

func (c *client) note(m *mirror.Message, _ *mirror.Room) {
	if m.T != "update" {
		c.heard = append(c.heard, *m)
	}
}

func (c *client) OnClose(_ *gws.Conn, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := (*gws.CloseError)(nil); errors.As(err, &e) {
		c.code = e.Code
	}
}

func (c *client) say(format string, args ...any) {
	c.t.Helper()
	if err := c.conn.WriteString(fmt.Sprintf(format, args...)); err != nil {
		c.t.Fatal(err)
	}
}

// hear waits for the first message that ok accepts, takes it and what came before it out of what was
// heard, and returns it.
func (c *client) hear(what string, ok func(m *mirror.Message) bool) (found mirror.Message) {
	c.t.Helper()
	until(c.t, what, func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		for i := range c.heard {
			if ok(&c.heard[i]) {
				found = c.heard[i]
				c.heard = c.heard[i+1:]
				return true
			}
		}
		return false
	})
	return found
}

func kind(t string) func(*mirror.Message) bool {
	return func(m *mirror.Message) bool { return m.T == t }
}

// answer waits for the ok or error that answers a command.
func (c *client) answer(id string) mirror.Message {
	c.t.Helper()
	return c.hear("an answer to "+id, func(m *mirror.Message) bool { return string(m.ID) == id && (m.T == "ok" || m.T == "error") })
}

// room waits until what is known of a room is as ok says.
func (c *client) room(name string, what string, ok func(r *mirror.Room) bool) {
	c.t.Helper()
	until(c.t, name+": "+what, func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return ok(c.known.Room(name))
	})
}

func (c *client) at(name string, seq uint64) {
	c.t.Helper()
	c.room(name, fmt.Sprint("seq ", seq), func(r *mirror.Room) bool { return r.Has && r.Seq == seq })
}

// peer is a client that writes and reads bytes: hostile, or slow.
type peer struct {
	net.Conn
	t        testing.TB
	br       *bufio.Reader
	inflates bool // what comes may be compressed
}

// dial opens a TCP connection; receive is the size of its socket's buffer, 0 for the usual.
func dial(t testing.TB, n *node, receive int) *peer {
	t.Helper()
	conn, err := net.Dial("tcp", n.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if receive > 0 {
		_ = conn.(*net.TCPConn).SetReadBuffer(receive)
	}
	p := &peer{Conn: conn, t: t, br: bufio.NewReader(conn)}
	if n.config.TLSCert != "" {
		p.Conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
		p.br.Reset(p.Conn)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

const upgradeHeaders = "Host: test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

// upgrade sends a handshake, with early right behind it, and returns the answer.
func (p *peer) upgrade(query, headers, early string) *http.Response {
	p.t.Helper()
	if _, err := io.WriteString(p, "GET /v1/stream"+query+" HTTP/1.1\r\n"+headers+"\r\n"+early); err != nil {
		p.t.Fatal(err)
	}
	return p.response()
}

func (p *peer) response() *http.Response {
	p.t.Helper()
	_ = p.SetReadDeadline(time.Now().Add(20 * time.Second))
	answer, err := http.ReadResponse(p.br, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	return answer
}

// join upgrades to a WebSocket.
func join(t testing.TB, n *node, receive int, query string) *peer {
	t.Helper()
	p := dial(t, n, receive)
	headers := upgradeHeaders
	if p.inflates = n.config.Compression; p.inflates {
		headers += extensions + ": permessage-deflate\r\n"
	}
	if answer := p.upgrade(query, headers, ""); answer.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("the handshake was answered with %s", answer.Status)
	}
	return p
}

// frame is a client's frame: head has fin, reserved bits and opcode.
func frame(head byte, payload []byte) []byte {
	key := [4]byte{1, 2, 3, 4}
	f := append(frameHead(head, len(payload)), key[:]...)
	for i, b := range payload {
		f = append(f, b^key[i&3])
	}
	return f
}

func frameHead(head byte, length int) []byte {
	switch {
	case length < 126:
		return []byte{head, 0x80 | byte(length)}
	case length < 1<<16:
		return binary.BigEndian.AppendUint16([]byte{head, 0x80 | 126}, uint16(length))
	}
	return binary.BigEndian.AppendUint64([]byte{head, 0x80 | 127}, uint64(length))
}

func text(s string) []byte { return frame(0x81, []byte(s)) }

// next reads one frame of the server's, which is never masked or fragmented, and reserved only where it is compressed.
func (p *peer) next() (opcode byte, payload []byte, err error) {
	var head [2]byte
	if _, err := io.ReadFull(p.br, head[:]); err != nil {
		return 0, nil, err
	}
	packed := p.inflates && head[0]&0x78 == rsv1 // never a control frame
	if head[0]&0xf0 != 0x80 && !packed || head[1]&0x80 != 0 {
		return 0, nil, fmt.Errorf("a frame that begins with %x", head)
	}
	n := uint64(head[1])
	var long [8]byte
	switch n {
	case 126:
		_, err = io.ReadFull(p.br, long[6:])
		n = binary.BigEndian.Uint64(long[:])
	case 127:
		_, err = io.ReadFull(p.br, long[:])
		n = binary.BigEndian.Uint64(long[:])
	}
	if err != nil || n > 64<<20 {
		return 0, nil, fmt.Errorf("a frame of %d bytes: %w", n, err)
	}
	payload = make([]byte, n)
	if _, err = io.ReadFull(p.br, payload); packed && err == nil {
		payload, err = inflate(payload)
	}
	return head[0] & 0x0f, payload, err
}

// end is how a connection ended.
type end struct {
	code uint16 // of the server's close frame; 0 if there was none
	bye  string // its reason
	bad  error  // what was wrong with a frame
	said bytes.Buffer
}

// drain reads to the connection's end, and answers a close frame. What follows one is a fault.
func (p *peer) drain() (e end) {
	_ = p.SetReadDeadline(time.Now().Add(30 * time.Second))
	for {
		opcode, payload, err := p.next()
		if err != nil {
			if !errors.Is(err, io.EOF) && !strings.Contains(err.Error(), "reset") && !errors.Is(err, io.ErrUnexpectedEOF) {
				e.bad = err
			}
			return e
		}
		if e.code != 0 {
			e.bad = fmt.Errorf("opcode %x after the close frame", opcode)
		}
		switch opcode {
		case gwsText:
			e.said.Write(payload)
			var list []mirror.Message
			if err := json.Unmarshal(payload, &list); err != nil {
				e.bad = fmt.Errorf("%w: %.200q", err, payload)
				return e
			}
			if last := list[len(list)-1]; last.T == "bye" {
				e.bye = last.Reason
			}
		case gwsClose:
			e.code = 1005
			if len(payload) >= 2 {
				e.code = binary.BigEndian.Uint16(payload)
			}
			p.write(frame(0x88, payload[:min(len(payload), 2)]))
		}
	}
}

// fold reads frames into a mirror until it is as ok says.
func (p *peer) fold(known *mirror.Mirror, what string, ok func() bool) {
	p.t.Helper()
	_ = p.SetReadDeadline(time.Now().Add(20 * time.Second))
	for !ok() {
		opcode, payload, err := p.next()
		if err == nil && opcode == gwsText {
			err = known.Frame(payload)
		}
		if err != nil {
			p.t.Fatalf("%s: %v", what, err)
		}
	}
}

const (
	gwsText  = byte(gws.OpcodeText)
	gwsClose = byte(gws.OpcodeCloseConnection)
)

// write sends what it can: the server may have closed already.
func (p *peer) write(b []byte) {
	_ = p.SetWriteDeadline(time.Now().Add(20 * time.Second))
	_, _ = p.Write(b)
}

// get asks over HTTP.
func get(t testing.TB, n *node, path string, headers ...string) (status int, body string, h http.Header) {
	t.Helper()
	return fetch(t, "http://"+n.Addr().String()+path, headers...)
}

func fetch(t testing.TB, address string, headers ...string) (status int, body string, h http.Header) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	r := &http.Request{Method: http.MethodGet, URL: u, Header: http.Header{}, Close: true}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	openAPI.check(t, u.Path, answer.StatusCode, answer.Header, string(text))
	return answer.StatusCode, string(text), answer.Header
}
