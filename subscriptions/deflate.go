package subscriptions

import "tapedeck/wire"

// Deflate has the subscriber's frames compressed from now on, as payloads of RFC 7692: what Take appends is to be sent
// with RSV1 set. The hub has to have a Deflater. It is called before the first Join.
//
// What a room says is compressed once for all who read the same, and kept beside the text; what is said to the
// subscriber alone is compressed for it. A frame is put together of such pieces.
func (s *Subscriber) Deflate() { s.deflated = true }

// Deflated reports whether Deflate was called.
func (s *Subscriber) Deflated() bool { return s.deflated }

// deflater is the desk's, made when it is first needed: it takes more memory than a hundred subscribers.
func (d *Desk) deflater() wire.Deflate {
	if d.deflate == nil {
		d.deflate = d.hub.config.Deflater()
	}
	return d.deflate
}

// packer returns what compresses for those who want it, nil for others.
func (d *Desk) packer(deflated bool) wire.Deflate {
	if !deflated {
		return nil
	}
	return d.deflater()
}

// takeDeflated is Take for a subscriber whose frames are compressed.
func (s *Subscriber) takeDeflated(dst []byte) []byte {
	d := s.desk
	n, plain, begin := s.saidN, 0, len(dst)
	for _, sp := range s.spans {
		n += sp.told.Messages
		plain += sp.told.bytes
	}
	text := append(s.enc.Begin(d.scratch[:0]), s.said...)
	opened := len(text)
	text = s.enc.End(text, 0, n) // which also writes n into what Begin began
	closed := len(text)
	text = s.enc.Next(text)
	opening, closing, between := text[:opened], text[opened:closed], text[closed:]
	plain += closed + max(s.saidN+len(s.spans)-1, 0)*len(between)

	pieces := 0
	if s.saidN > 0 {
		dst = d.deflater().Piece(dst, opening)
		pieces++
	} else {
		dst = wire.AppendStored(append(dst, 0), opening)
	}
	for _, sp := range s.spans {
		if pieces++; pieces > 1 {
			dst = wire.AppendStored(dst, between)
		}
		dst = append(dst, d.arena[sp.begin:sp.end]...)
	}
	if len(closing) > 0 {
		dst = append(wire.AppendStored(dst, closing), 0)
	}
	if d.scratch = text[:0]; cap(text) > maxKeptText {
		d.scratch = nil // an answer to a thousand rooms
	}
	d.Counts.Plain.Add(uint64(plain))
	d.Counts.Packed.Add(uint64(len(dst) - begin))
	return dst
}

// append appends the line's text as it is, or compressed where pack is not nil.
func (l *line) append(dst []byte, pack wire.Deflate, c *counts) []byte {
	if pack == nil || len(l.text) == 0 {
		return append(dst, l.text...)
	}
	if len(l.packed) == 0 {
		l.packed = pack.Piece(l.packed, l.text)
		c.deflated.Add(1)
	}
	return append(dst, l.packed...)
}

// Deflated is how many ranges were compressed: what is shared counts once.
func (h *Hub) Deflated() uint64 { return h.counts.deflated.Load() }
