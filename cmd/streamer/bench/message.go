package bench

import (
	"errors"

	"tapedeck/feed/scan"
)

// message is what the bench reads of one of the server's messages. Its memory is the frame's.
type message struct {
	t, room, epoch, reason, code, text, op []byte

	prev, seq, from, to, n int64
	ts, vts                int64 // µs
	hasPrev, hasN, hasFrom bool
	d                      scan.Value
	rooms                  scan.Value
	cursor                 *scan.Cursor
}

var errFrame = errors.New("a frame is not an array of messages")

// each calls f with every message of a frame.
func each(frame []byte, f func(*message) error) error {
	c := scan.Over(frame)
	if !c.Array() {
		return errFrame
	}
	var m message
	for c.More() {
		if err := m.read(&c); err != nil {
			return err
		}
		if err := f(&m); err != nil {
			return err
		}
	}
	if !c.End() {
		return errFrame
	}
	return nil
}

func (m *message) read(c *scan.Cursor) error {
	*m = message{cursor: c}
	if !c.Object() {
		return errFrame
	}
	for key, ok := c.Key(); ok; key, ok = c.Key() {
		var at *int64
		switch string(key) {
		case "t":
			m.t = c.Text(c.Value(), nil)
			continue
		case "room":
			m.room = c.Text(c.Value(), nil)
			continue
		case "epoch":
			m.epoch = c.Text(c.Value(), nil)
			continue
		case "reason":
			m.reason = c.Text(c.Value(), nil)
			continue
		case "code":
			m.code = c.Text(c.Value(), nil)
			continue
		case "message":
			m.text = c.Text(c.Value(), nil)
			continue
		case "op":
			m.op = c.Text(c.Value(), nil)
			continue
		case "prev":
			at, m.hasPrev = &m.prev, true
		case "seq":
			at = &m.seq
		case "from":
			at, m.hasFrom = &m.from, true
		case "to":
			at = &m.to
		case "n":
			at, m.hasN = &m.n, true
		case "ts":
			at = &m.ts
		case "vts":
			at = &m.vts
		case "d":
			m.d = c.Value()
			continue
		case "rooms":
			m.rooms = c.Value()
			continue
		default:
			c.Value()
			continue
		}
		n, ok := c.Int(c.Value())
		if !ok {
			return errFrame
		}
		*at = n
	}
	return nil
}
