package server

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	mrand "math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tapedeck/wire"
)

// certificate makes the files of a certificate that signs itself.
func certificate(t testing.TB) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, b []byte) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return write("cert.pem", "CERTIFICATE", der), write("key.pem", "PRIVATE KEY", secret)
}

// wires makes connected pairs: the server's end as a socket, and the client's.
type wires struct {
	t     testing.TB
	mu    sync.Mutex // held while a pair is made
	l     links
	tasks sync.WaitGroup
	tls   *tls.Config // nil: plain
}

func newWires(t testing.TB, secure bool) *wires {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wires{t: t}
	w.l = links{l, 32 << 10, w.tasks.Go}
	if secure {
		pair, err := tls.LoadX509KeyPair(certificate(t))
		if err != nil {
			t.Fatal(err)
		}
		w.tls = &tls.Config{Certificates: []tls.Certificate{pair}, DynamicRecordSizingDisabled: true}
	}
	t.Cleanup(func() {
		l.Close()
		w.tasks.Wait()
	})
	return w
}

// pair connects. buffer is the size of both ends' kernel buffers; drained is called as by a link.
func (w *wires) pair(buffer int, drained func()) (*socket, net.Conn) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	client, err := net.Dial("tcp", w.l.Addr().String())
	if err != nil {
		w.t.Fatal(err)
	}
	_ = client.(*net.TCPConn).SetReadBuffer(buffer)
	conn, err := w.l.Accept()
	if err != nil {
		w.t.Fatal(err)
	}
	under := conn.(*link)
	if w.tls != nil {
		secure := tls.Server(conn, w.tls)
		shaken := make(chan error, 1)
		go func() { shaken <- secure.Handshake() }()
		c := tls.Client(client, &tls.Config{InsecureSkipVerify: true})
		if err := errors.Join(c.Handshake(), <-shaken); err != nil {
			w.t.Fatal(err)
		}
		conn, client = secure, c
	}
	s := newSocket(conn, under, 1<<16, nil)
	_ = under.SetWriteBuffer(buffer)
	under.start(drained)
	w.t.Cleanup(func() {
		s.Close()
		client.Close()
	})
	return s, client
}

func eachTransport(t *testing.T, f func(t *testing.T, w *wires)) {
	for _, name := range []string{"plain", "tls"} {
		t.Run(name, func(t *testing.T) { f(t, newWires(t, name == "tls")) })
	}
}

func waits(s *socket) bool { return s.stuck(time.Now().Add(time.Hour)) > 0 }

// flushFrame is a server's text frame whose payload says what it must be.
func flushFrame(n, length int) []byte {
	buf := make([]byte, maxHeader+length)
	for i := range buf[maxHeader:] {
		buf[maxHeader+i] = byte(n + i)
	}
	return buf[frameHeader(buf, gwsText, length):]
}

// Flushes and pongs are written at once to a socket that takes little, through short writes and blocks:
// each frame comes whole, in order, and nothing comes after the close frame.
func TestFramesNeverInterleave(t *testing.T) {
	eachTransport(t, func(t *testing.T, w *wires) {
		drained := make(chan struct{}, 100)
		s, c := w.pair(32<<10, func() { drained <- struct{}{} })
		r := mrand.New(mrand.NewPCG(1, 2))
		lengths := make([]int, 300)
		for i := range lengths {
			lengths[i] = 1 + r.IntN([]int{100, 1000, 70000}[r.IntN(3)])
		}
		var pongs, blocks int // said, and survived
		var flushed atomic.Bool
		var writers sync.WaitGroup
		writers.Go(func() { // as a pump does
			defer flushed.Store(true)
			for i, n := range lengths {
				if !s.send(flushFrame(i, n)) {
					blocks++
					<-drained
				}
			}
		})
		writers.Go(func() { // as gws does
			for behind := 0; !flushed.Load() || pongs < 100; pongs++ {
				if _, err := s.Write([]byte{0x8a, 2, byte(pongs >> 8), byte(pongs)}); err != nil {
					t.Errorf("pong %d: %v", pongs, err)
					return
				}
				for behind++; waits(s) && behind >= 50; { // what waits is limited, also with TLS around each
					runtime.Gosched()
				}
				if !waits(s) {
					behind = 0
				}
			}
		})
		go func() {
			writers.Wait()
			s.last(wire.CloseDraining)
			for range 100 {
				s.send(flushFrame(0, 10))
				_, _ = s.Write([]byte{0x8a, 0})
			}
		}()
		p := &peer{Conn: c, t: t, br: bufio.NewReaderSize(slowly{c, r}, 16)}
		flush, pong := 0, 0
		for {
			opcode, payload, err := p.next()
			if err != nil {
				t.Fatalf("after %d flushes and %d pongs: %v", flush, pong, err)
			}
			if opcode == gwsClose {
				break
			}
			if opcode == 0x0a {
				if want := []byte{byte(pong >> 8), byte(pong)}; !bytes.Equal(payload, want) {
					t.Fatalf("pong %x, want %x", payload, want)
				}
				pong++
				continue
			}
			if want := flushFrame(flush, lengths[flush]); !bytes.Equal(payload, want[len(want)-lengths[flush]:]) {
				t.Fatalf("flush %d of %d bytes is not what was sent", flush, lengths[flush])
			}
			flush++
		}
		if flush != len(lengths) || pong != pongs {
			t.Errorf("%d flushes of %d and %d pongs of %d came", flush, len(lengths), pong, pongs)
		}
		if blocks == 0 {
			t.Errorf("the socket never blocked: nothing was tested")
		}
		until(t, "everything is out", func() bool { return !waits(s) })
		s.Close()
		if rest, err := io.ReadAll(p.br); len(rest) > 0 {
			t.Errorf("%x after the close frame (%v)", rest, err)
		}
	})
}

// While something waits for a socket, nothing overtakes it, although the socket may take data again.
func TestNothingOvertakesWhatWaits(t *testing.T) {
	w := newWires(t, false)
	var finish func()
	w.l.spawn = func(f func()) { finish = f }
	s, c := w.pair(32<<10, func() {})
	flushes := 1
	for s.send(flushFrame(flushes, 64<<10)) {
		flushes++
	}
	p := &peer{Conn: c, t: t, br: bufio.NewReader(c)}
	_ = c.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	all, _ := io.ReadAll(c) // the socket is empty now, and nobody has written the rest yet
	_, _ = s.Write([]byte{0x8a, 0})
	w.tasks.Go(finish)
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
	p.br.Reset(io.MultiReader(bytes.NewReader(all), c))
	for range flushes {
		if opcode, payload, err := p.next(); opcode != gwsText || len(payload) != 64<<10 || err != nil {
			t.Fatalf("opcode %x, %d bytes, %v", opcode, len(payload), err)
		}
	}
	if opcode, _, err := p.next(); opcode != 0x0a || err != nil {
		t.Errorf("opcode %x, %v", opcode, err)
	}
}

// slowly reads little at a time.
type slowly struct {
	io.Reader
	r *mrand.Rand
}

func (s slowly) Read(p []byte) (int, error) {
	if s.r.IntN(50) == 0 {
		time.Sleep(100 * time.Microsecond)
	}
	return s.Reader.Read(p[:min(len(p), 1+s.r.IntN(3000))])
}

// A peer that reads nothing makes nobody wait, and costs a flush and some control frames.
func TestWritesNeverBlock(t *testing.T) {
	eachTransport(t, func(t *testing.T, w *wires) {
		s, c := w.pair(4<<10, func() {})
		const flush = 64 << 10
		sent := 0
		for s.send(flushFrame(0, flush)) {
			if sent += flush; sent > 64<<20 {
				t.Fatal("64 MB went into a socket that nobody reads")
			}
		}
		since := s.stuck(time.Now())
		for range 31 {
			if _, err := s.Write(append([]byte{0x8a, 125}, make([]byte, 125)...)); err != nil && w.tls == nil {
				t.Fatalf("31 pongs do not fit: %v", err)
			}
		}
		if s.stuck(time.Now().Add(time.Second)) < since+time.Second {
			t.Error("pongs moved the time since which the link is blocked")
		}
		for i := 0; ; i++ {
			if _, err := s.Write(append([]byte{0x8a, 125}, make([]byte, 125)...)); err != nil {
				break
			}
			if i > 100 {
				t.Fatal("130 pongs wait for a peer that does not read")
			}
		}
		s.link.mu.Lock()
		if kept := cap(s.link.rest); kept > 2*(flush+maxControl) {
			t.Errorf("%d bytes are kept", kept)
		}
		closed := s.link.closed
		s.link.mu.Unlock()
		if !closed {
			t.Error("a peer that makes us answer without reading is not closed")
		}
		until(t, "the writer ends", func() bool { return !waits(s) })
		c.Close()
	})
}

// Last words find their way behind what waits, for a peer that reads again in time.
func TestLastWordsWait(t *testing.T) {
	eachTransport(t, func(t *testing.T, w *wires) {
		s, c := w.pair(4<<10, func() {})
		flushes := 1
		for s.send(flushFrame(flushes, 64<<10)) {
			flushes++
		}
		s.send(flushFrame(0, 200)) // the bye
		s.last(wire.CloseSlow)
		p := &peer{Conn: c, t: t, br: bufio.NewReader(c)}
		for range flushes {
			if _, payload, err := p.next(); err != nil || len(payload) != 64<<10 {
				t.Fatal(len(payload), err)
			}
		}
		if _, payload, err := p.next(); err != nil || len(payload) != 200 {
			t.Fatal(len(payload), err)
		}
		if opcode, payload, err := p.next(); opcode != gwsClose || string(payload) != "\x0f\xa4too slow" {
			t.Fatalf("%x %q %v", opcode, payload, err)
		}
	})
}

// Connections end while they are written to, and their descriptors go to the next client at once: each
// client gets its own bytes and nobody else's.
func TestDescriptorsAreNeverMixedUp(t *testing.T) {
	w := newWires(t, false)
	const clients, rounds = 4, 30
	var all sync.WaitGroup
	var foreign atomic.Int64
	for id := range clients {
		all.Go(func() {
			for range rounds {
				s, c := w.pair(64<<10, func() {})
				tag := byte(id + 1)
				var busy sync.WaitGroup
				stop := make(chan struct{})
				busy.Go(func() { // as a pump that does not know yet
					p := bytes.Repeat([]byte{tag}, 64)
					for {
						select {
						case <-stop:
							return
						default:
							s.send(p)
							runtime.Gosched()
						}
					}
				})
				_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
				buf := make([]byte, 4096)
				n, _ := io.ReadAtLeast(c, buf, 64)
				for _, b := range buf[:n] {
					if b != tag {
						foreign.Add(1)
					}
				}
				s.Close() // while it writes
				runtime.Gosched()
				close(stop)
				busy.Wait()
				c.Close()
			}
		})
	}
	all.Wait()
	if n := foreign.Load(); n > 0 {
		t.Errorf("%d bytes of other clients", n)
	}
}

// What is sent costs no memory while the socket takes it.
func TestSendAllocatesNothing(t *testing.T) {
	eachTransport(t, func(t *testing.T, w *wires) {
		s, c := w.pair(64<<10, func() {})
		var reader sync.WaitGroup
		reader.Go(func() { _, _ = io.Copy(io.Discard, c) })
		p := flushFrame(0, 300)
		allocs := testing.AllocsPerRun(500, func() {
			if !s.send(p) {
				until(t, "the socket takes more", func() bool { return !waits(s) })
			}
		})
		s.Close()
		reader.Wait()
		most := 0.0
		if w.tls != nil {
			most = 1 // with the race detector TLS' own pool forgets now and then
		}
		if allocs > most {
			t.Errorf("%v allocations a flush", allocs)
		}
	})
}

func TestFrameHeader(t *testing.T) {
	for _, n := range []int{0, 1, 125, 126, 127, 65535, 65536, 70000} {
		buf := make([]byte, maxHeader+n)
		got := buf[frameHeader(buf, gwsText, n):]
		p := &peer{br: bufio.NewReader(bytes.NewReader(got)), t: t}
		if opcode, payload, err := p.next(); opcode != gwsText || len(payload) != n || err != nil {
			t.Errorf("%d bytes are framed as %x…: %v", n, got[:2], err)
		}
	}
	if got := fmt.Sprintf("%q", closeFrame(wire.CloseSlow)); got != `"\x88\n\x0f\xa4too slow"` {
		t.Errorf("a close frame is %s", got)
	}
}
