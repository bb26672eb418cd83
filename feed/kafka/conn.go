package kafka

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strconv"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/saslauthenticate"
	"github.com/segmentio/kafka-go/protocol/saslhandshake"
	"github.com/segmentio/kafka-go/sasl"
)

// dialer opens connections to a cluster's brokers.
type dialer struct {
	clientID string
	tls      *tls.Config
	sasl     sasl.Mechanism
	timeout  time.Duration // for opening one, and for each answer
}

func (c Cluster) dialer(timeout time.Duration) (*dialer, error) {
	t, err := c.Transport()
	if err != nil {
		return nil, err
	}
	return &dialer{clientID: t.ClientID, tls: t.TLS, sasl: t.SASL, timeout: timeout}, nil
}

// maxResponse bounds what a broker may make us hold: many times the largest record that a topic of
// market data is likely to allow.
const maxResponse = 64 << 20

// conn is a connection to one broker, for one goroutine: kafka-go's connection with its messages, and beside
// them those which kafka-go does not have (send and receive). It dies with the context that it was opened in,
// whatever it is waiting for.
type conn struct {
	*protocol.Conn
	net     net.Conn // below TLS: closing it waits for nobody
	address string
	newest  map[protocol.ApiKey]int16 // highest version that the broker knows
	timeout time.Duration
	client  string
	forget  func() bool
	known   bool // it has logged in

	out  encoder
	in   decoder
	buf  []byte
	last int32 // correlation id
}

// open connects to a broker, agrees on versions and logs in.
func (d *dialer) open(ctx context.Context, address string) (*conn, error) {
	nd := net.Dialer{Timeout: d.timeout}
	raw, err := nd.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	c := &conn{net: raw, address: address, timeout: d.timeout, client: d.clientID}
	c.forget = context.AfterFunc(ctx, func() { raw.Close() })
	c.arm(0)
	if err := d.greet(ctx, c); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// any connects to one of several brokers, in any order.
func (d *dialer) any(ctx context.Context, addresses []string) (*conn, error) {
	var errs []error
	for _, i := range rand.Perm(len(addresses)) {
		c, err := d.open(ctx, addresses[i])
		if err == nil {
			return c, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

func (c *conn) close() {
	c.forget()
	c.net.Close()
}

// arm gives the broker so long, and its due, for the next answer. It fails where the connection is closed, as will
// whatever comes next.
func (c *conn) arm(due time.Duration) { _ = c.net.SetDeadline(time.Now().Add(c.timeout + due)) }

func (d *dialer) greet(ctx context.Context, c *conn) error {
	stream := c.net
	if d.tls != nil {
		t := tls.Client(c.net, d.tlsFor(c.address))
		if err := t.HandshakeContext(ctx); err != nil {
			return fmt.Errorf("TLS with %s: %w", c.address, err)
		}
		stream = t
	}
	c.Conn = protocol.NewConn(stream, d.clientID)
	if err := c.agree(); err != nil {
		return err
	}
	if d.sasl == nil {
		return nil
	}
	return c.login(ctx, d.sasl)
}

func (d *dialer) tlsFor(address string) *tls.Config {
	if d.tls.ServerName != "" {
		return d.tls
	}
	t := d.tls.Clone()
	t.ServerName, _, _ = net.SplitHostPort(address)
	return t
}

// agree learns which versions the broker knows. It is the first thing said on a connection, and said by us: what
// answers may be anything, and kafka-go would make room for as many versions as it claims to have.
func (c *conn) agree() error {
	c.request(protocol.ApiVersions, 0, false)
	if err := c.send(); err != nil {
		return err
	}
	d, err := c.receive(0)
	switch {
	case hungUp(err):
		return fmt.Errorf("%s hangs up: it does not speak Kafka, or TLS is on at one end only", c.address)
	case errors.Is(err, errNotKafka):
		return fmt.Errorf("%s does not speak Kafka", c.address)
	case err != nil:
		return err
	}
	code := kafka.Error(d.int16())
	c.newest = map[protocol.ApiKey]int16{}
	chosen := map[protocol.ApiKey]int16{}
	for range d.array() {
		key, least, most := protocol.ApiKey(d.int16()), d.int16(), d.int16()
		c.newest[key] = most
		chosen[key] = key.SelectVersion(least, most)
	}
	if code != 0 || d.bad {
		return fmt.Errorf("%s does not say which versions it knows: %s", c.address, explain(code))
	}
	c.SetVersions(chosen)
	return nil
}

// login is the exchange of SASL: a handshake that names the mechanism, then as many rounds as it takes.
func (c *conn) login(ctx context.Context, how sasl.Mechanism) error {
	m, err := c.RoundTrip(&saslhandshake.Request{Mechanism: how.Name()})
	if err != nil {
		return fmt.Errorf("SASL with %s: %w", c.address, err)
	}
	if res := m.(*saslhandshake.Response); res.ErrorCode != 0 {
		return fmt.Errorf("SASL with %s: it offers %v, not %s", c.address, res.Mechanisms, how.Name())
	}
	host, portText, _ := net.SplitHostPort(c.address)
	port, _ := strconv.Atoi(portText)
	session, say, err := how.Start(sasl.WithMetadata(ctx, &sasl.Metadata{Host: host, Port: port}))
	for done := false; err == nil && !done; {
		if say, err = c.authenticate(say); err == nil {
			done, say, err = session.Next(ctx, say)
		}
	}
	if err != nil {
		return fmt.Errorf("SASL with %s: %w", c.address, err)
	}
	c.known = true
	return nil
}

// The broker's answers are out of order, or no broker's.
var errNotKafka = errors.New("what the broker says makes no sense")

var errLogin = errors.New("the broker does not accept the user and password")

func (c *conn) authenticate(say []byte) ([]byte, error) {
	m, err := c.RoundTrip(&saslauthenticate.Request{AuthBytes: say})
	if hungUp(err) { // how some say no
		return nil, errLogin
	}
	if err != nil {
		return nil, err
	}
	res := m.(*saslauthenticate.Response)
	if res.ErrorCode != 0 {
		return nil, fmt.Errorf("%w (%s)", errLogin, res.ErrorMessage)
	}
	return res.AuthBytes, nil
}

// request begins one that kafka-go does not have; its body is appended to what is returned.
func (c *conn) request(key protocol.ApiKey, version int16, flexible bool) *encoder {
	e := &c.out
	e.b, e.flexible = append(e.b[:0], 0, 0, 0, 0), false
	e.int16(int16(key))
	e.int16(version)
	c.last++
	e.int32(c.last)
	e.string(c.client) // never compact
	e.flexible = flexible
	e.tags()
	return e
}

// send sends the request.
func (c *conn) send() error {
	c.arm(0)
	binary.BigEndian.PutUint32(c.out.b, uint32(len(c.out.b)-4))
	_, err := c.Write(c.out.b)
	return err
}

// receive waits for its answer, for due longer than for others. What it returns is valid until the next one.
func (c *conn) receive(due time.Duration) (*decoder, error) {
	c.arm(due)
	var head [8]byte
	if _, err := io.ReadFull(c, head[:]); err != nil {
		return nil, err
	}
	size, id := int32(binary.BigEndian.Uint32(head[:])), int32(binary.BigEndian.Uint32(head[4:]))
	if size < 4 || size > maxResponse {
		return nil, fmt.Errorf("%w: an answer of %d bytes, of which %d are allowed", errNotKafka, size, maxResponse)
	}
	if id != c.last {
		return nil, fmt.Errorf("%w: an answer to request %d instead of %d", errNotKafka, id, c.last)
	}
	c.buf = sized(c.buf, int(size)-4)
	if _, err := io.ReadFull(c, c.buf); err != nil {
		return nil, err
	}
	c.in = decoder{b: c.buf, flexible: c.out.flexible}
	c.in.tags()
	return &c.in, nil
}

// roomy is the memory that is kept from one answer to the next; more is for the rare large one.
const roomy = 4 << 20

// sized returns n bytes, b's own where it has them.
func sized(b []byte, n int) []byte {
	if n > cap(b) || cap(b) > roomy && n <= roomy {
		return make([]byte, n, n+n/4)
	}
	return b[:n]
}
