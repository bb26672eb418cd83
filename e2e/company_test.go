package e2e_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// company is clients that nobody wants: they never read, read a byte now and then, or send what is no frame.
type company struct {
	addr  string
	rooms string // joined by the address
	done  chan struct{}
	wg    sync.WaitGroup
	mu    sync.Mutex
	sent  int // hostile frames
	fault error
}

// upgrade connects with a small receive buffer and asks for a WebSocket.
func (c *company) upgrade() (net.Conn, error) {
	conn, err := net.Dial("tcp", c.addr)
	if err != nil {
		return nil, err
	}
	if err := conn.(*net.TCPConn).SetReadBuffer(4 << 10); err != nil {
		return nil, err
	}
	_, err = fmt.Fprintf(conn, "GET /v1/stream?interval=0&rooms=%s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", c.rooms, c.addr)
	return conn, err
}

// invite lets them come: each of these ways, again and again where the server throws them out.
func (c *company) invite(each int) {
	ways := []func(net.Conn, *rand.Rand){c.stall, c.trickle, c.attack}
	for i := range each * len(ways) {
		r := rand.New(rand.NewPCG(uint64(i), 11))
		c.wg.Go(func() {
			for !c.over() {
				conn, err := c.upgrade()
				if err != nil {
					c.mu.Lock()
					c.fault = err
					c.mu.Unlock()
					return
				}
				stop := make(chan struct{})
				go func() {
					select {
					case <-c.done:
					case <-stop:
					}
					conn.Close()
				}()
				ways[i%len(ways)](conn, r)
				close(stop)
			}
		})
	}
}

func (c *company) over() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// leave ends it all and returns how many hostile frames were sent.
func (c *company) leave(t testing.TB) int {
	close(c.done)
	c.wg.Wait()
	if c.fault != nil {
		t.Errorf("a client was not even let in: %v", c.fault)
	}
	return c.sent
}

// stall never reads.
func (c *company) stall(net.Conn, *rand.Rand) { <-c.done }

// trickle reads a byte a second.
func (c *company) trickle(conn net.Conn, _ *rand.Rand) {
	for b := make([]byte, 1); ; {
		if _, err := conn.Read(b); err != nil {
			return
		}
		select {
		case <-c.done:
			return
		case <-time.After(time.Second):
		}
	}
}

// attack sends something from the catalogue, and looks whether it is thrown out for it.
func (c *company) attack(conn net.Conn, r *rand.Rand) {
	frames := catalogue(r)
	if _, err := conn.Write(frames[r.IntN(len(frames))]); err == nil {
		c.mu.Lock()
		c.sent++
		c.mu.Unlock()
	}
	if conn.SetReadDeadline(time.Now().Add(200*time.Millisecond)) == nil {
		_, _ = io.Copy(io.Discard, conn) // until it is thrown out, or leaves by itself
	}
}

// frame is a masked frame with a mask of zeros.
func frame(head, length byte, extended int, payload string) []byte {
	b := []byte{head, 0x80 | length}
	switch length {
	case 126:
		b = binary.BigEndian.AppendUint16(b, uint16(extended))
	case 127:
		b = binary.BigEndian.AppendUint64(b, uint64(extended))
	}
	return append(append(b, 0, 0, 0, 0), payload...)
}

func text(s string) []byte {
	if len(s) < 126 {
		return frame(0x81, byte(len(s)), 0, s)
	}
	return frame(0x81, 126, len(s), s)
}

// catalogue is what breaks RFC 6455, the protocol, or patience.
func catalogue(r *rand.Rand) [][]byte {
	noise := make([]byte, 1+r.IntN(2000))
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	return [][]byte{
		{0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4},          // a negative length
		{0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, // 2^63-1 bytes to come
		frame(0x81, 127, 1<<40, "x"),                                 // 1 TiB to come
		frame(0x81, 127, 128<<10, "x"),                               // as much as is allowed, and nothing comes
		{0x81, 5, 'h', 'e', 'l', 'l', 'o'},                           // not masked
		frame(0xf1, 2, 0, "hi"), frame(0xc1, 2, 0, "hi"),             // reserved bits
		frame(0x83, 0, 0, ""), frame(0x8f, 0, 0, ""), // opcodes that mean nothing
		frame(0x89, 126, 1000, strings.Repeat("p", 1000)),                                    // a ping of 1,000 bytes
		frame(0x09, 1, 0, "p"),                                                               // a ping in pieces
		bytes.Repeat(frame(0x89, 0, 0, ""), 500),                                             // 500 pings
		append(frame(0x01, 0, 0, ""), bytes.Repeat(frame(0, 0, 0, ""), 1000)...),             // 1,000 empty pieces
		frame(0x80, 1, 0, "x"),                                                               // the end of what never began
		append(frame(0x01, 1, 0, "["), frame(0x81, 1, 0, "]")...),                            // a beginning amid pieces
		frame(0x81, 2, 0, "\xff\xfe"),                                                        // not UTF-8
		frame(0x88, 1, 0, "x"), frame(0x88, 2, 0, "\x03\xed"), frame(0x88, 2, 0, "\x00\x00"), // closes that are none
		frame(0x82, 3, 0, "\xc1\xc1\xc1"), // bytes where JSON is spoken
		text("not JSON"), text("[]"), text("{}"), text(`[1,2,3]`), text(strings.Repeat("[", 20000)),
		text(`{"op":"subscribe","rooms":["trades:NOWHERE:X","%%","book:BINANCE:AAA-USDT@7"]}`),
		text(`{"op":"subscribe","rooms":[` + strings.Repeat(`"trades:BINANCE:X",`, 500) + `"x"]}`),
		text(`{"op":"subscribe","rooms":[{"room":"trades:BINANCE:AAA-USDT","since":{"epoch":"x","seq":18446744073709551615}}]}`),
		bytes.Repeat(text(`{"op":"ping"}`), 500), bytes.Repeat(text(`{"op":"list"}`), 500),
		noise, frame(0x81, 126, len(noise), string(noise)),
	}
}

// Clients that never read, that read a byte a second and that send what is no frame change nothing for the
// others, and cost what they may cost.
func TestKafkaBadCompanyChangesNothing(t *testing.T) {
	b := brokerFor(t)
	topic := b.topic(t, 2)
	x := newExchange(11, topic, 2, hoursAgo(), bases...)
	l := newLedger()
	n := setup{
		Name: "node", Brokers: b.addrs, Topics: map[string]topicSetup{topic: {"binance", "trade"}}, Warmup: forever, LogEntries: 8192,
	}.spawn(t)
	b.fill(t, l, x, 20_000) // so that what rooms keep is full, as far as it will be
	n.applied(t, 20_000)
	c := gather(t, n, x.rooms(), 24, 6)
	heap := func() float64 { return n.metric(t, "go_memstats_heap_inuse_bytes") }
	before := heap()

	bad := &company{addr: n.addr, rooms: strings.Join(x.rooms(), ","), done: make(chan struct{})}
	const each = 16
	bad.invite(each)
	const records = 12_000
	most := before
	for range records / 300 {
		b.fill(t, l, x, 300)
		most = max(most, heap())
		time.Sleep(50 * time.Millisecond)
	}
	n.applied(t, 20_000+records)
	most = max(most, heap())
	frames := bad.leave(t)
	sum := c.disperse(l)
	t.Logf("%d hostile frames, heap of %.0f MB before and at most %.0f MB, %+v", frames, before/1e6, most/1e6, sum)
	if frames < 200 {
		t.Errorf("%d hostile frames prove nothing", frames)
	}
	if sum.fellOff > 0 {
		t.Errorf("%d times an honest client was told that it is slow", sum.fellOff)
	}
	// Each may cost a flush of 256 KiB, and garbage as much again. What they are due is some 5 MB each.
	if limit := 2*before + 3*each*1<<20; most > limit {
		t.Errorf("the heap grew from %.0f to %.0f MB, want at most %.0f", before/1e6, most/1e6, limit/1e6)
	}
	if status, _ := n.get(t, "/healthz"); status != 200 {
		t.Error("the node is not well")
	}
}
