package server

// brake lets what is played wait for its readers. The pump is asked every eighth of a room's log, and waited for only when
// it has not answered before the next: so a reader has at most half of a log unread, and two eighths on their way. It
// belongs to the player's goroutine.
type brake struct {
	pump   *pump
	ingest *ingest
	behind func() bool // the pump's: somebody has half of a log unread

	asked  chan struct{} // is closed when the readers have what was published before it was asked for
	events uint64        // ingest.events then
}

// gate is one who waits: told is closed at the end of the first round after which it is not shut.
type gate struct {
	told chan struct{}
	shut func() bool
}

// ask returns nil while the readers keep up, else a channel that is closed when they do again.
func (b *brake) ask() <-chan struct{} {
	chunk := uint64(max(b.pump.server.config.LogEntries/8, 1))
	if b.asked != nil {
		select {
		case <-b.asked:
			b.asked = nil
		default:
			if b.ingest.events-b.events >= chunk {
				return b.asked
			}
			return nil
		}
	}
	if b.ingest.events-b.events >= chunk {
		g, p := gate{make(chan struct{}), b.behind}, b.pump
		b.asked, b.events = g.told, b.ingest.events
		p.do(func() { p.gates = append(p.gates, g) })
	}
	return nil
}

// settled returns a channel that is closed when nobody is untold any more: at the end of a round.
func (p *pump) settled(untold func() bool) <-chan struct{} {
	told := make(chan struct{})
	if !p.do(func() { p.gates = append(p.gates, gate{told, untold}) }) {
		close(told) // nobody is left
	}
	return told
}

// curtain lets go on who waits for readers who have read by now.
func (p *pump) curtain() {
	left := p.gates[:0]
	for _, g := range p.gates {
		if g.shut() {
			left = append(left, g)
		} else {
			close(g.told)
		}
	}
	clear(p.gates[len(left):])
	p.gates = left
}

// wait has f carried out by the pump, and waits for it; not once over is closed.
func (p *pump) wait(f func(), over <-chan struct{}) {
	carried := make(chan struct{})
	if !p.do(func() { defer close(carried); f() }) {
		return
	}
	select {
	case <-carried:
	case <-over:
	}
}
