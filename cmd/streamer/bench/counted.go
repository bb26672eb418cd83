package bench

import "net"

// counted is a connection whose bytes are counted as they come, before they are inflated; with the frames' headers and the handshake.
type counted struct {
	net.Conn
	run *run
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if phase := c.run.phase.Load(); phase != nil {
		phase.received.Add(uint64(n))
	}
	return n, err
}
