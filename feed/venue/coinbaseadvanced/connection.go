package coinbaseadvanced

import (
	"errors"
	"slices"

	"tapedeck/feed"
	"tapedeck/market"
)

// connection is what a decoder remembers of one connection, which its records' key names. All messages of
// a connection are counted together, those too that have no market data.
type connection struct {
	key     string
	begun   bool
	number  int64 // of its newest message
	time    int64 // of that
	hole    bool  // messages are missing, and its symbols were not told yet
	symbols []*market.Symbol
	places  []int // how many channels of each symbol are heard on it
	heard   int64 // by the decoder's clock
}

// maxConnections is how many connections are remembered. Of a further one, that which is silent longest is
// forgotten.
const maxConnections = 256

// connection returns the connection of a key.
func (d *decoder) connection(key []byte) *connection {
	d.clock++
	c := d.connections[string(key)]
	if c == nil {
		if len(d.connections) >= maxConnections {
			d.forget()
		}
		c = &connection{key: string(key)}
		d.connections[c.key] = c
	}
	c.heard = d.clock
	return c
}

// forget forgets the connection that is silent longest. Its symbols remember that they were of another one.
func (d *decoder) forget() {
	var oldest *connection
	for _, c := range d.connections {
		if oldest == nil || c.heard < oldest.heard {
			oldest = c
		}
	}
	delete(d.connections, oldest.key)
}

// follows notes the number of a message and reports whether it is a new one. A number that is not newer, of a
// message that is, is the number of a new connection: between the two anything may have come.
func (c *connection) follows(number, time int64) bool {
	switch {
	case c.begun && number <= c.number && time <= c.time:
		return false // a repeat, or it comes after one that followed it
	case c.begun && number != c.number+1:
		c.hole = true
	}
	c.begun, c.number, c.time = true, number, time
	return true
}

// took notes what became of the message: one that was refused is missing as if it had never come.
func (c *connection) took(err error) {
	switch {
	case err == nil, len(c.symbols) == 0:
		c.hole = false
	case !errors.Is(err, feed.Ignored) && !errors.Is(err, feed.Unused) && !errors.Is(err, feed.UnknownKind):
		c.hole = true
	}
}

// join notes that one more channel of a symbol is heard on the connection.
func (c *connection) join(sym *market.Symbol) {
	if i := slices.Index(c.symbols, sym); i >= 0 {
		c.places[i]++
		return
	}
	c.symbols, c.places = append(c.symbols, sym), append(c.places, 1)
}

// leave notes that a channel of a symbol is heard on another connection.
func (c *connection) leave(sym *market.Symbol) {
	i := slices.Index(c.symbols, sym)
	if c.places[i]--; c.places[i] == 0 {
		c.symbols, c.places = slices.Delete(c.symbols, i, i+1), slices.Delete(c.places, i, i+1)
	}
}
