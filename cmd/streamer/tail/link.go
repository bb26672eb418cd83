package tail

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/lxzan/gws"

	"tapedeck/wire"
)

// link is one connection. A goroutine of its own reads it, and waits when frames are not taken.
type link struct {
	gws.BuiltinEventHandler
	conn   *gws.Conn
	frames chan []byte   // closed when the connection has ended
	done   chan struct{} // closed when nobody takes frames any more
	end    error         // why it has ended; to be read once frames is closed
}

// turnedAway is a server's answer in HTTP instead of a WebSocket.
type turnedAway struct {
	status int
	text   string
	after  time.Duration
}

func (t *turnedAway) Error() string {
	return fmt.Sprintf("the server answers %d: %s", t.status, t.text)
}

// again reports whether a later try may be let in.
func (t *turnedAway) again() bool {
	return t.status == http.StatusServiceUnavailable || t.status == http.StatusTooManyRequests
}

// closed is a close frame.
type closed struct {
	code   uint16
	reason string
}

func (c *closed) Error() string { return fmt.Sprintf("%s (%d)", c.reason, c.code) }

// final reports whether the server asks not to come back.
func (c *closed) final() bool { return c.code >= 4500 && c.code <= 4999 }

const dialTime = 5 * time.Second

// dial connects to the address of a stream. Whoever gets a link closes it.
func dial(ctx context.Context, address string) (*link, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	conn, err := open(ctx, u)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	l := &link{frames: make(chan []byte), done: make(chan struct{})}
	var answer *http.Response
	l.conn, answer, err = gws.NewClientFromConn(l, &gws.ClientOption{
		Addr: address, HandshakeTimeout: dialTime, CheckUtf8Enabled: true, Recovery: func(gws.Logger) {},
		RequestHeader: http.Header{"Sec-Websocket-Protocol": {wire.JSON.Name()}},
	}, conn)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		conn.Close()
		return nil, refusal(answer, err)
	}
	go l.read()
	return l, nil
}

func open(ctx context.Context, u *url.URL) (net.Conn, error) {
	port := u.Port()
	if port == "" {
		port = map[string]string{"ws": "80", "wss": "443"}[u.Scheme]
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil || u.Scheme != "wss" {
		return conn, err
	}
	secure := tls.Client(conn, &tls.Config{ServerName: u.Hostname()})
	if err := secure.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return secure, nil
}

// refusal returns what a server answered, where it did.
func refusal(answer *http.Response, err error) error {
	if answer == nil || answer.StatusCode == http.StatusSwitchingProtocols {
		return err
	}
	t := &turnedAway{status: answer.StatusCode}
	body, _ := io.ReadAll(io.LimitReader(answer.Body, 512)) // what has come of it: the connection is closed
	t.text, _, _ = strings.Cut(strings.TrimSpace(string(body)), "\n")
	if t.text = clean(t.text); t.text == "" {
		t.text = http.StatusText(t.status)
	}
	if s, err := strconv.Atoi(answer.Header.Get("Retry-After")); err == nil && s > 0 && s < 3600 {
		t.after = time.Duration(s) * time.Second
	}
	return t
}

// read is the link's goroutine.
func (l *link) read() {
	defer close(l.frames)
	defer func() {
		if p := recover(); p != nil { // gws panics at a frame of negative length
			l.end = fmt.Errorf("a frame that is none: %v", p)
			l.conn.NetConn().Close()
		}
	}()
	l.conn.ReadLoop()
}

// OnMessage implements gws.Event.
func (l *link) OnMessage(_ *gws.Conn, m *gws.Message) {
	defer m.Close()
	select {
	case l.frames <- bytes.Clone(m.Bytes()):
	case <-l.done:
	}
}

// OnPing implements gws.Event.
func (l *link) OnPing(c *gws.Conn, payload []byte) { c.WritePong(payload) }

// OnClose implements gws.Event.
func (l *link) OnClose(_ *gws.Conn, err error) {
	l.end = err
	var frame *gws.CloseError
	if errors.As(err, &frame) {
		l.end = &closed{frame.Code, clean(string(frame.Reason))}
	}
}

func (l *link) send(command []byte) error { return l.conn.WriteMessage(gws.OpcodeText, command) }

// close ends the connection and waits for its goroutine.
func (l *link) close() {
	close(l.done)
	raw := l.conn.NetConn()
	raw.SetDeadline(time.Now().Add(time.Second))
	l.conn.WriteClose(1000, nil)
	raw.Close()
	for range l.frames {
	}
}
