package server

import (
	"bytes"
	"net/netip"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// BenchmarkIdleConnection measures what the server keeps for a connection that follows one room in which nothing
// happens: heap and stacks, after a collection. The clients are bare sockets, which cost this process nothing.
func BenchmarkIdleConnection(b *testing.B) {
	const connections = 2000
	tp := newTape(1)
	n := run(b, tp)
	first := bare(b, n, 1) // what is made once
	defer syscall.Close(first[0])
	for b.Loop() {
		before := kept()
		fds := bare(b, n, connections)
		each := float64(kept()-before) / connections
		b.ReportMetric(each, "B/conn")
		for _, fd := range fds {
			syscall.Close(fd)
		}
		until(b, "all have left", func() bool { return n.admit.count() == 1 })
	}
}

// bare opens connections that follow a room, and returns them when all have its snapshot.
func bare(t testing.TB, n *node, connections int) (fds []int) {
	t.Helper()
	at := netip.MustParseAddrPort(n.Addr().String())
	request := []byte("GET /v1/stream?rooms=" + trades + " HTTP/1.1\r\n" + upgradeHeaders + "\r\n")
	buf := make([]byte, 16<<10)
	for range connections {
		fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
		if err == nil {
			err = syscall.Connect(fd, &syscall.SockaddrInet4{Port: int(at.Port()), Addr: at.Addr().As4()})
		}
		if err == nil {
			_, err = syscall.Write(fd, request)
		}
		if err != nil {
			t.Fatal(err)
		}
		fds = append(fds, fd)
	}
	for _, fd := range fds {
		got := buf[:0]
		for !bytes.Contains(got, []byte(`"t":"snapshot"`)) {
			k, err := syscall.Read(fd, buf[len(got):])
			if err != nil || k == 0 {
				t.Fatalf("%d bytes, %v, after %s", k, err, got)
			}
			got = buf[:len(got)+k]
		}
	}
	return fds
}

// kept is what is in use after a collection, once it has settled.
func kept() int64 {
	var m runtime.MemStats
	for range 3 { // pools are emptied by the second
		time.Sleep(50 * time.Millisecond)
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// Where nothing comes nothing of gws is on a stack; and a frame is taken whole wherever it was cut while its reader rested.
func TestReadersRest(t *testing.T) {
	n := run(t, newTape(1))
	command := string(text(`{"op":"ping","id":1}`)) + string(frame(0x89, []byte("p"))) + string(text(`{"op":"ping","id":2}`))
	var peers []*peer
	for range len(command) + 1 {
		peers = append(peers, join(t, n, 0, ""))
	}
	rest := func() {
		t.Helper()
		until(t, "every reader rests", func() bool {
			buf := make([]byte, 1<<20)
			buf = buf[:runtime.Stack(buf, true)]
			return !bytes.Contains(buf, []byte("gws.(*Conn).ReadLoop")) && bytes.Count(buf, []byte("(*link).arrival")) == len(peers)
		})
	}
	for range 3 {
		rest()
		for cut, p := range peers {
			p.write([]byte(command[:cut]))
		}
		time.Sleep(10 * time.Millisecond) // so that most come in two pieces
		for cut, p := range peers {
			p.write([]byte(command[cut:]))
			for answered := false; !answered; {
				_, payload, err := p.next()
				if err != nil {
					t.Fatalf("cut at %d: %v", cut, err)
				}
				answered = bytes.Contains(payload, []byte(`"id":2,`))
			}
		}
	}
	rest()
}
