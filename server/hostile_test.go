package server

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tapedeck/wire"
	"tapedeck/wire/mirror"
)

// crowd is honest clients of a market that goes on meanwhile. At its end they have missed nothing.
type crowd struct {
	t       *testing.T
	tape    *tape
	node    *node
	clients []*client
	last    int
	before  int // records of the tape
	stop    chan struct{}
	over    sync.WaitGroup
}

func newCrowd(t *testing.T, tp *tape, n *node) *crowd {
	t.Helper()
	c := &crowd{t: t, tape: tp, node: n, stop: make(chan struct{}), before: len(tp.parts[0])}
	tp.add("whole BTC-USD 0 b100=1 a101=1")
	for _, query := range []string{"", "&interval=50ms", "&interval=100ms"} {
		c.clients = append(c.clients, greet(t, n, "?rooms="+trades+","+book+","+quotes+query))
	}
	for _, cl := range c.clients {
		cl.room(trades, "a snapshot", func(r *mirror.Room) bool { return r.Has })
	}
	c.over.Go(func() {
		for {
			select {
			case <-c.stop:
				return
			case <-time.After(time.Millisecond):
				c.last++
				c.say()
			}
		}
	})
	return c
}

func (c *crowd) say() {
	c.tape.add("trade BTC-USD %d 100 1\ndelta BTC-USD %d %d b%d=%d\nquote BTC-USD %d 1 101 1", c.last, c.last, c.last, 90+c.last%10, c.last, 1+c.last%100)
}

// missedNothing stops the market and holds what each client knows against what was said.
func (c *crowd) missedNothing() {
	c.t.Helper()
	close(c.stop)
	c.over.Wait()
	c.last++
	c.say()
	seq := uint64(c.before + 1 + c.last) // the book's snapshot was the first record
	for i, cl := range c.clients {
		cl.at(trades, seq)
		cl.at(book, seq)
		cl.at(quotes, seq)
		cl.mu.Lock()
		r := cl.known.Room(trades)
		if len(r.Trades) != c.last || r.Gaps > 0 {
			c.t.Errorf("client %d: %d trades and %d gaps, want all %d", i, len(r.Trades), r.Gaps, c.last)
		}
		if b := cl.known.Room(book); b.Snapshots != 1 || len(b.Bids) != min(c.last, 10)+1 {
			c.t.Errorf("client %d: a book of %d bids after %d snapshots", i, len(b.Bids), b.Snapshots)
		}
		cl.mu.Unlock()
	}
}

// attack is a hostile client: what it sends behind its handshake, and how that ends.
type attack struct {
	name string
	send []byte
	code uint16 // of the server's close frame; 0: none is due
	bye  string
}

func repeat(n int, frames ...[]byte) []byte { return bytes.Repeat(bytes.Join(frames, nil), n) }

func closing(code uint16, reason string) []byte {
	return frame(0x88, append(binary.BigEndian.AppendUint16(nil, code), reason...))
}

// lengthOf is a frame's head that declares any length, and its key.
func lengthOf(head byte, length uint64) []byte {
	return append(binary.BigEndian.AppendUint64([]byte{head, 0xff}, length), 1, 2, 3, 4)
}

func attacks(frameBytes int) []attack {
	ping := text(`{"op":"ping","id":1}`)
	list := []attack{
		{"a negative length", lengthOf(0x81, 1<<63), 4500, "protocol"},
		{"the length -1", lengthOf(0x82, 1<<64-1), 4500, "protocol"},
		{"the length -1 of a continuation", append(frame(0x01, []byte("x")), lengthOf(0x80, 1<<64-1)...), 4500, "protocol"},
		{"the length -1 of a ping", lengthOf(0x89, 1<<64-1), 1002, ""},
		{"the length 2^63-1", lengthOf(0x81, 1<<63-1), 1009, ""},
		{"the length 2^40", lengthOf(0x81, 1<<40), 1009, ""},
		{"16 MiB", lengthOf(0x81, 16<<20-1), 1009, ""},
		{"one byte too many", text(strings.Repeat(" ", frameBytes+1)), 1009, ""},
		{"one byte too many in fragments", append(frame(0x01, bytes.Repeat([]byte(" "), frameBytes)), frame(0x80, []byte("  "))...), 1009, ""},
		{"not masked", append([]byte{0x81, 2}, "{}"...), 1002, ""},
		{"the first reserved bit", frame(0xc1, []byte("{}")), 1002, ""},
		{"the second reserved bit", frame(0xa1, []byte("{}")), 1002, ""},
		{"the third reserved bit", frame(0x91, []byte("{}")), 1002, ""},
		{"deflated although it was not agreed", frame(0xc1, []byte{0xaa, 0x56, 0xca, 0x2f, 0x50, 0xb2, 0x52, 0x2a, 0xc8, 0xcc, 0x4b, 0x57, 0xaa, 0x05, 0x00}), 1002, ""},
		{"a ping in fragments", frame(0x09, []byte("x")), 1002, ""},
		{"a ping of 126 bytes", frame(0x89, make([]byte, 126)), 1002, ""},
		{"a pong of 70,000 bytes", frame(0x8a, make([]byte, 70000)), 1002, ""},
		{"a close of 126 bytes", frame(0x88, make([]byte, 126)), 1002, ""},
		{"a close of one byte", frame(0x88, []byte{3}), 1002, ""},
		{"a close whose reason is no text", closing(1000, "\xff\xfe"), 1007, ""},
		{"a continuation of nothing", frame(0x80, []byte("{}")), 1002, ""},
		{"a message within a message", append(frame(0x01, []byte("{")), text("{}")...), 1002, ""},
		{"no text", frame(0x81, []byte{0xff}), 1007, ""},
		{"half a character", frame(0x81, []byte("\xe2\x82")), 1007, ""},
		{"a surrogate", frame(0x81, []byte("\xed\xa0\x80")), 1007, ""},
		{"no text in fragments", append(frame(0x01, []byte("\xe2\x82")), frame(0x80, []byte("{"))...), 1007, ""},
		{"fragments without end", append(frame(0x01, nil), repeat(40000, frame(0x00, nil))...), 4500, "protocol"},
		{"fragments without end, and pings", append(frame(0x01, nil), repeat(20, repeat(2000, frame(0x00, nil)), frame(0x89, nil))...), 4500, "protocol"},
		{"a flood of pings", repeat(1000, frame(0x89, []byte("hello"))), 4504, "abuse"},
		{"a flood of pongs", repeat(1000, frame(0x8a, nil)), 4504, "abuse"},
		{"a flood of commands", repeat(1000, ping), 4504, "abuse"},
		{"a flood of half commands", repeat(1000, text(`{"op":`)), 4504, "abuse"},
		{"a flood of commands in frames of 64", repeat(30, text("["+strings.TrimSuffix(strings.Repeat(`{"op":"list"},`, 64), ",")+"]")), 4504, "abuse"},
		{"an ordinary close", closing(1000, "done"), 1000, ""},
		{"a close without a code", frame(0x88, nil), 1005, ""},
		{"a close of an application", closing(4999, ""), 4999, ""},
		{"the end of the stream", nil, 0, ""},
		{"half a head", []byte{0x81}, 0, ""},
		{"half a length", []byte{0x81, 0xfe, 1}, 0, ""},
		{"half a frame", text("{}")[:7], 0, ""},
		{"half a message", frame(0x01, []byte("{}")), 0, ""},
	}
	for _, op := range []byte{3, 4, 5, 6, 7, 11, 12, 13, 14, 15} {
		list = append(list, attack{fmt.Sprintf("the opcode %x", op), frame(0x80|op, []byte("{}")), 1002, ""})
	}
	for _, code := range []uint16{0, 999, 1004, 1005, 1006, 1014, 1015, 1016, 1100, 2000, 2999, 5000, 65535} {
		list = append(list, attack{fmt.Sprintf("the close code %d", code), closing(code, ""), 1002, ""})
	}
	return list
}

func TestHostileFrames(t *testing.T) {
	tp := newTape(1)
	n := run(t, tp)
	honest := newCrowd(t, tp, n)
	list := attacks(n.config.FrameBytes)
	if len(list) < 60 {
		t.Errorf("only %d attacks", len(list))
	}
	t.Run("attacks", func(t *testing.T) {
		for _, a := range list {
			t.Run(a.name, func(t *testing.T) {
				t.Parallel()
				p := join(t, n, 0, "?rooms="+trades)
				p.write(a.send)
				if a.code == 0 {
					_ = p.Conn.(*net.TCPConn).CloseWrite()
				}
				e := p.drain()
				if e.bad != nil || e.code != a.code || e.bye != a.bye {
					t.Errorf("ended with code %d, bye %q, fault %v; want %d %q", e.code, e.bye, e.bad, a.code, a.bye)
				}
			})
		}
	})
	until(t, "the attackers' sessions are gone", func() bool { return n.admit.count() == len(honest.clients) })
	honest.missedNothing()
	_, body, _ := fetch(t, "http://"+n.AdminAddr().String()+"/metrics")
	for _, want := range []string{"tapedeck_reader_panics_total 3", `tapedeck_closes_total{code="4504"} 5`, `tapedeck_closes_total{code="other"} 1`, `tapedeck_closes_total{code="1006"} 5`} {
		if !strings.Contains(body, want+"\n") {
			t.Errorf("/metrics has no %s", want)
		}
	}
}

// What is odd but allowed is taken: fragments of a byte, many empty ones, control frames between them.
func TestOddFramesAreTaken(t *testing.T) {
	n := run(t, newTape(1))
	command := `{"op":"ping","id":"€"}`
	var bytewise []byte
	for i := range len(command) {
		head := byte(0)
		if i == 0 {
			head = 1
		}
		bytewise = append(bytewise, frame(head, []byte{command[i]})...)
	}
	for name, send := range map[string][]byte{
		"fragments of a byte":   append(bytewise, frame(0x80, nil)...),
		"1,000 empty fragments": bytes.Join([][]byte{frame(1, nil), repeat(1000, frame(0, nil)), frame(0x80, []byte(command))}, nil),
		"a ping between":        bytes.Join([][]byte{frame(1, []byte(command[:5])), frame(0x89, []byte("p")), frame(0x80, []byte(command[5:]))}, nil),
		"a binary frame":        frame(0x82, []byte(command)),
		"white space":           text("  " + command + strings.Repeat("\n", 60000)),
		"a length too long":     append(lengthOf(0x81, uint64(len(command))), text(command)[6:]...),
	} {
		p := join(t, n, 0, "")
		p.write(send)
		_ = p.SetReadDeadline(time.Now().Add(20 * time.Second))
		for answered := false; !answered; {
			_, payload, err := p.next()
			if err != nil {
				t.Errorf("%s: %v", name, err)
				break
			}
			answered = bytes.Contains(payload, []byte(`"t":"ok","id":"€","op":"ping"`))
		}
		p.Close()
	}
}

// A frame that declares more than is allowed is refused before memory is found for it.
func TestDeclaredLengthsCostNothing(t *testing.T) {
	n := run(t, newTape(1))
	const peers = 50
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for i := range peers {
		p := join(t, n, 0, "")
		p.write(lengthOf(0x81, uint64(n.config.FrameBytes)+1+uint64(i)<<20))
		if e := p.drain(); e.code != 1009 {
			t.Fatalf("ended with code %d, %v", e.code, e.bad)
		}
	}
	runtime.ReadMemStats(&after)
	if each := (after.TotalAlloc - before.TotalAlloc) / peers; each > uint64(n.config.FrameBytes) {
		t.Errorf("%d bytes a peer", each)
	}
}

// Early frames come in the segment of the handshake, before it is answered.
func TestEarlyFrames(t *testing.T) {
	n := run(t, newTape(1))
	early := string(text(`{"op":"ping","id":1}`)) + string(text(`{"op":"ping","id":2}`))
	for cut := range len(early) + 1 {
		p := dial(t, n, 0)
		p.upgrade("", upgradeHeaders, early[:cut])
		p.write([]byte(early[cut:]))
		for answered := false; !answered; {
			_, payload, err := p.next()
			if err != nil {
				t.Fatalf("%d bytes early: %v", cut, err)
			}
			answered = bytes.Contains(payload, []byte(`"id":2,`))
		}
		p.Close()
	}
}

// Frames at random, from wholly valid to wholly wrong: the server lives, nobody else notices.
func TestRandomFrames(t *testing.T) {
	tp := newTape(1)
	n := run(t, tp)
	honest := newCrowd(t, tp, n)
	const frames, each, attackers = 100_000, 100, 8
	var sent atomic.Int64
	var all sync.WaitGroup
	for id := range attackers {
		all.Go(func() {
			r := rand.New(rand.NewPCG(uint64(id), 99))
			for sent.Add(each) <= frames {
				var b []byte
				for range each {
					b = append(b, randomFrame(r)...)
				}
				p := join(t, n, 0, "")
				p.write(b)
				_ = p.Conn.(*net.TCPConn).CloseWrite()
				if e := p.drain(); e.bad != nil {
					t.Error(e.bad)
				}
				p.Close()
			}
		})
	}
	all.Wait()
	honest.missedNothing()
}

func randomFrame(r *rand.Rand) []byte {
	payload := make([]byte, r.IntN(40))
	for i := range payload {
		payload[i] = byte(r.Uint32())
	}
	ops := []string{`{"op":"ping"}`, `{"op":"list","id":1}`, `{"op":"subscribe","rooms":["trades:TEST:BTC-USD","quotes:TEST:*"]}`, `{"op":"unsubscribe","rooms":["trades:TEST:BTC-USD"]}`, `[{"op":"ping"},{"op":"x"}]`}
	switch r.IntN(4) {
	case 0:
		payload = []byte(ops[r.IntN(len(ops))])
	case 1:
		payload = []byte(ops[r.IntN(len(ops))])
		payload[r.IntN(len(payload))] = byte(r.Uint32())
	}
	f := frame([]byte{0x81, 0x81, 0x81, 0x82, 0x01, 0x80, 0x89, 0x8a}[r.IntN(8)], payload)
	if r.IntN(30) == 0 {
		f[r.IntN(min(len(f), 14))] = byte(r.Uint32())
	}
	if r.IntN(200) == 0 {
		f = f[:r.IntN(len(f))]
	}
	return f
}

// Handshakes at random: each is answered or cut off, and none is taken that is not one.
func TestRandomHandshakes(t *testing.T) {
	tp := newTape(1)
	n := run(t, tp)
	honest := newCrowd(t, tp, n)
	r := rand.New(rand.NewPCG(5, 6))
	good := "GET /v1/stream?rooms=" + trades + " HTTP/1.1\r\n" + upgradeHeaders + "Sec-WebSocket-Protocol: tapedeck.v1.json\r\nOrigin: http://test\r\n\r\n"
	statuses := map[int]int{}
	for range 1000 {
		b := []byte(good)
		for range 1 + r.IntN(3) {
			i := r.IntN(len(b))
			switch r.IntN(3) {
			case 0:
				b[i] = byte(r.Uint32())
			case 1:
				b = append(b[:i], b[min(i+r.IntN(20), len(b)):]...)
			case 2:
				b = append(b[:i:i], append(bytes.Repeat([]byte{byte(r.Uint32())}, r.IntN(100)), b[i:]...)...)
			}
			if len(b) == 0 {
				b = []byte("\r\n")
			}
		}
		p := dial(t, n, 0)
		p.write(b)
		_ = p.Conn.(*net.TCPConn).CloseWrite()
		_ = p.SetReadDeadline(time.Now().Add(20 * time.Second))
		if answer, err := http.ReadResponse(p.br, nil); err == nil {
			statuses[answer.StatusCode]++
		} else if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("never answered: %q", b)
		}
		p.Close()
	}
	t.Log(statuses)
	if statuses[http.StatusSwitchingProtocols] == 0 || statuses[http.StatusBadRequest] == 0 {
		t.Errorf("not random enough: %v", statuses)
	}
	honest.missedNothing()
}

// A client that sends its handshake a byte at a time, or half of it, is cut off; nobody waits for it.
func TestSlowHandshakes(t *testing.T) {
	t.Parallel()
	tp := newTape(1)
	n := run(t, tp)
	var slow []*peer
	for i := range 100 {
		p := dial(t, n, 0)
		p.write([]byte(("GET /v1/stream HTTP/1.1\r\n" + upgradeHeaders)[:1+i]))
		slow = append(slow, p)
	}
	honest := newCrowd(t, tp, n)
	for _, p := range slow {
		_ = p.SetReadDeadline(time.Now().Add(20 * time.Second))
		if _, err := io.ReadAll(p.br); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal("half a handshake is waited for")
		}
	}
	honest.missedNothing()
}

// A fault of our own in what a client asks for ends that client and nobody else.
func TestOurOwnPanic(t *testing.T) {
	usual := wire.Encodings
	wire.Encodings = append(slices.Clip(wire.Encodings), faulty{wire.JSON})
	defer func() { wire.Encodings = usual }()
	tp := newTape(1)
	n := run(t, tp)
	honest := newCrowd(t, tp, n)
	for range 3 {
		p := dial(t, n, 0)
		p.upgrade("", upgradeHeaders+"Sec-WebSocket-Protocol: faulty\r\n", "")
		p.write(text(`{"op":"ping"}`))
		if e := p.drain(); e.code != 4010 || e.bye != "internal" || e.bad != nil {
			t.Errorf("ended with code %d, bye %q, fault %v", e.code, e.bye, e.bad)
		}
	}
	honest.missedNothing()
	if got := n.scrape()["tapedeck_reader_panics_total"]; got != "3" {
		t.Errorf("%s panics", got)
	}
}

// faulty is an encoding that cannot read commands.
type faulty struct{ wire.Encoding }

func (faulty) Name() string                            { return "faulty" }
func (faulty) Commands([]byte) ([]wire.Command, error) { panic("a fault of ours") }
