package server

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"tapedeck/subscriptions"
	"tapedeck/wire"
)

// pump owns a set of sessions: it alone reads rooms for them and writes to them. Everybody else
// reaches it by do. It runs in one goroutine, which Server.Run waits for.
//
// Its cost is the number of writes: one a session and flush. So a flush follows the last one at once
// while rounds are short, and after some milliseconds when they are long.
type pump struct {
	server *Server
	hub    *subscriptions.Hub
	desk   *subscriptions.Desk
	replay *replay       // whose it is; nil: the live timeline's
	bell   chan struct{} // 1: rung when there is something to do

	mu    sync.Mutex
	inbox []func()
	over  bool // nothing is taken any more

	sessions []*session
	parting  bool // drained: who still comes is sent on
	swap     []func()
	buf      []byte
	told     []subscriptions.Range // in this round
	pause    time.Duration         // least time between the beginnings of two rounds
	load     time.Duration         // smoothed length of a round
	chores   time.Time             // when the next are due
	now      time.Time             // when the round began
	health   []wire.RoomHealth
	gates    []gate       // of those who wait for readers
	ending   *wire.Status // to be said to everybody who was told all

	sent atomic.Uint64 // bytes
}

func newPump(s *Server, i, n int) *pump {
	p := &pump{server: s, hub: s.hub, bell: make(chan struct{}, 1), now: time.Now()}
	phase := s.config.Intervals[0] * time.Duration(i) / time.Duration(n) // so that pumps do not all tick at once
	p.desk = s.hub.NewDesk(phase, s.config.FlushBytes, p.ring, func(r subscriptions.Range) { p.told = append(p.told, r) })
	return p
}

// newReplayPump makes the pump of a replay. What it tells is not measured: its times are of the past.
func newReplayPump(r *replay, hub *subscriptions.Hub) *pump {
	p := &pump{server: r.server, hub: hub, replay: r, bell: make(chan struct{}, 1), now: time.Now()}
	p.desk = hub.NewDesk(0, r.server.config.FlushBytes, p.ring, nil)
	return p
}

// moveTo takes every session over to another hub.
func (p *pump) moveTo(hub *subscriptions.Hub, same bool) {
	old := p.desk
	p.hub, p.desk = hub, hub.NewDesk(0, p.server.config.FlushBytes, p.ring, nil)
	for _, s := range p.sessions {
		for _, room := range s.sub.Move(p.desk, same) {
			s.refuse(&wire.Error{Code: wire.UnknownRoom, Room: room, Message: "not served by the timeline that it goes on in"})
		}
	}
	old.Close()
}

func (p *pump) ring() {
	select {
	case p.bell <- struct{}{}:
	default:
	}
}

// do has f carried out by the pump, in order. It returns at once; false if the pump has ended. What is
// asked for is bounded by the sessions: each has one command under way, and a few words of its link.
func (p *pump) do(f func()) bool {
	p.mu.Lock()
	if p.over {
		p.mu.Unlock()
		return false
	}
	p.inbox = append(p.inbox, f)
	p.mu.Unlock()
	p.ring()
	return true
}

// choreEvery is how often deadlines and heartbeats are looked at.
const choreEvery = 50 * time.Millisecond

// run goes round until done is closed.
func (p *pump) run(done <-chan struct{}) {
	timer := time.NewTimer(choreEvery)
	defer timer.Stop()
	for {
		select {
		case <-done:
			p.finish()
			p.desk.Close()
			return
		case <-p.bell:
		case <-timer.C:
		}
		if wait := time.Until(p.now.Add(p.pause)); wait > 0 {
			time.Sleep(wait) // at most MaxFlush
		}
		p.round()
		timer.Reset(p.sleep())
	}
}

// sleep returns how long nothing is due by time alone.
func (p *pump) sleep() time.Duration {
	wait := time.Until(p.chores)
	if at, ok := p.desk.Next(); ok {
		wait = min(wait, time.Duration(at-time.Now().UnixNano()))
	}
	return max(wait, 0)
}

// round does what was asked for, then flushes every session that has something due.
func (p *pump) round() {
	p.now = time.Now()
	p.work()
	for _, sub := range p.desk.Collect(p.now.UnixNano()) {
		if s, ok := sub.Owner.(*session); ok && !sub.Blocked {
			p.buf = s.flush(p.buf)
		}
	}
	p.measure()
	if cap(p.buf) > 4*p.server.config.FlushBytes {
		p.buf = nil // one snapshot was larger than what is usual
	}
	if !p.now.Before(p.chores) {
		p.doChores()
	}
	p.curtain()
	if p.replay != nil {
		p.conclude()
		return // and no pause: it waits for us
	}
	p.adapt(time.Since(p.now))
}

// conclude says that a replay has ended to those who were told all.
func (p *pump) conclude() {
	if p.ending == nil {
		return
	}
	for _, s := range p.sessions {
		if s.closing == nil && !s.ended && len(s.waiting) == 0 && s.sub.Current() {
			s.ended = true
			s.conclude(*p.ending)
		}
	}
}

// work does what was asked for, and returns how much it was.
func (p *pump) work() int {
	p.mu.Lock()
	p.inbox, p.swap = p.swap[:0], p.inbox
	p.mu.Unlock()
	for i, f := range p.swap {
		f()
		p.swap[i] = nil
	}
	return len(p.swap)
}

// measure takes note of what was told, now that it is out.
func (p *pump) measure() {
	if len(p.told) == 0 {
		return
	}
	now := time.Now().UnixNano()
	for _, r := range p.told {
		p.server.metrics.told(r, now)
	}
	p.told = p.told[:0]
}

// A round up to shortRound may follow the last at once: a hundred sessions' writes take as much, and a
// tick leaves when it comes. Longer rounds begin half again their own length apart, so that a pump
// keeps a third of its core for what comes in.
const shortRound = 400 * time.Microsecond

func (p *pump) adapt(took time.Duration) {
	p.load += (took - p.load) / 4
	if p.load < shortRound {
		p.pause = 0
		return
	}
	p.pause = min(p.load*3/2, p.server.config.MaxFlush)
}

// doChores sends heartbeats, and ends the sessions that are silent, stuck or said goodbye to. Heartbeats
// are spread: each session has its own time.
func (p *pump) doChores() {
	p.chores = p.now.Add(choreEvery)
	now := p.now.UnixNano()
	heartbeat := int64(p.server.config.Heartbeat)
	for _, s := range p.sessions {
		switch {
		case s.closing != nil:
			if p.now.Sub(s.said) > patience {
				s.out.Close()
			}
		case s.sub.Blocked: // no ping reaches it: it cannot be asked for a sign of life
			if s.out.stuck(p.now) > p.server.config.SlowDeadline {
				s.end(wire.CloseSlow, 0)
			}
		case s.socket != nil && now-s.seen.Load() > heartbeat*5/2:
			s.end(wire.CloseSilent, 0)
		case now >= s.beat:
			s.beat = now + heartbeat
			p.heartbeat(s)
		}
	}
}

// quietAfter is how long a room has no record before a heartbeat calls it quiet.
const quietAfter = 10 * time.Second

func (p *pump) heartbeat(s *session) {
	now := p.now.UnixMicro()
	at := now
	if p.replay != nil {
		at = p.replay.present(now)
	}
	rooms, lag := s.sub.Health(p.health[:0], at, quietAfter.Microseconds())
	p.health = rooms
	s.sub.Say(func(dst []byte, enc wire.Encoding) []byte {
		return enc.AppendHeartbeat(dst, &wire.Heartbeat{Time: now, Lag: lag / 1000, Rooms: rooms})
	})
	p.buf = s.flush(p.buf)
	if s.socket != nil && !s.sub.Blocked {
		s.hand([]byte{0x89, 0}) // an empty ping
	}
}

// join takes a new session over, and greets it.
func (p *pump) join(s *session) {
	s.place = len(p.sessions)
	p.sessions = append(p.sessions, s)
	s.beat = p.now.UnixNano() + int64(p.server.config.Heartbeat)
	h := p.server.hello
	h.Conn, h.Time = s.id, p.now.UnixMicro()
	if p.replay != nil {
		h.Timeline = "replay"
	}
	if !s.history {
		s.sub.Say(func(dst []byte, enc wire.Encoding) []byte { return enc.AppendHello(dst, &h) })
	}
	if p.replay != nil {
		p.replay.welcome(s)
	}
	if p.parting {
		s.end(wire.CloseDraining, p.apart())
	}
}

// leave lets go of a session whose connection has ended.
func (p *pump) leave(s *session) {
	for _, t := range s.past {
		t.cancel()
	}
	s.sub.Close()
	last := p.sessions[len(p.sessions)-1]
	p.sessions[s.place], last.place = last, s.place
	p.sessions[len(p.sessions)-1] = nil
	p.sessions = p.sessions[:len(p.sessions)-1]
	p.server.gone(s)
}

// resume reads on for a session whose socket takes data again, which is a sign of life as well: it may
// not have heard a ping meanwhile.
func (p *pump) resume(s *session) {
	p.do(func() {
		s.seen.Store(p.now.UnixNano())
		s.sub.Resume()
		if f := s.delayed; f != nil {
			s.delayed = nil
			f()
		}
	})
}

// drain sends everybody on to another node, each after its own part of the spread.
func (p *pump) drain() {
	p.parting = true
	for _, s := range p.sessions {
		s.end(wire.CloseDraining, p.apart())
	}
}

func (p *pump) apart() time.Duration {
	return time.Duration(rand.Int64N(int64(p.server.config.DrainSpread) + 1))
}

// finish cuts everybody off, and does what is asked for until no session is left and every reader has
// had its last word.
func (p *pump) finish() {
	for !p.ended() {
		for _, s := range p.sessions {
			s.out.Close()
		}
		if p.work() == 0 {
			<-p.bell
		}
	}
}

func (p *pump) ended() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = len(p.sessions) == 0 && len(p.inbox) == 0
	return p.over
}
