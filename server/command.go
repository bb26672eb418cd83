package server

import (
	"errors"
	"fmt"
	"time"

	"tapedeck/market"
	"tapedeck/subscriptions"
	"tapedeck/wire"
)

// abuseLimit is how many commands in a row may be refused for their rate before the session is closed.
const abuseLimit = 50

// receive reads a client's frame and has its commands carried out. It returns when they are, so that a
// session never has more than one frame under way.
func (s *session) receive(msg []byte) {
	commands, err := s.sub.Encoding().Commands(msg)
	waits := s.price(commands)
	if s.abuse > abuseLimit {
		s.finish(wire.CloseAbuse)
		return
	}
	done := make(chan struct{})
	work := func() {
		defer close(done)
		s.answer(commands, waits, err)
	}
	if s.pump.do(func() { s.carryOut(work) }) {
		<-done
	}
}

// carryOut does work now, or as soon as the socket takes an answer again.
func (s *session) carryOut(work func()) {
	if s.sub.Blocked {
		s.delayed = work
		return
	}
	work()
}

// price takes a command's tokens: one, and one more per 10 rooms. A wait over 0 says that there were
// not enough.
func (s *session) price(commands []wire.Command) []time.Duration {
	waits := make([]time.Duration, len(commands))
	now := time.Now().UnixNano()
	if len(commands) == 0 {
		s.bucket.Take(1, now) // a frame that is no command costs as one
	}
	for i, c := range commands {
		wait, ok := s.bucket.Take(1+len(c.Rooms)/10, now)
		if ok {
			s.abuse = 0
			continue
		}
		s.abuse++
		waits[i] = max(wait, time.Millisecond)
	}
	return waits
}

// answer carries commands out. It runs in the pump.
func (s *session) answer(commands []wire.Command, waits []time.Duration, err error) {
	if s.closing != nil {
		return
	}
	var bad *wire.CommandError
	if errors.As(err, &bad) {
		s.refuse(&wire.Error{ID: bad.ID, Code: bad.Code, Message: bad.Message})
	}
	for i := range commands {
		c := &commands[i]
		s.server.metrics.command(c.Op)
		if waits[i] > 0 {
			s.refuse(&wire.Error{ID: c.ID, Code: wire.RateLimited, Message: "too many commands", Retry: true, After: waits[i].Milliseconds() + 1})
			continue
		}
		if op, ok := ops[c.Op]; ok {
			op(s, c)
			continue
		}
		s.refuse(&wire.Error{ID: c.ID, Code: wire.UnknownOp, Message: fmt.Sprintf("unknown op %q: there are subscribe, unsubscribe, list, ping", c.Op)})
	}
}

func (s *session) refuse(e *wire.Error) {
	s.sub.Say(func(dst []byte, enc wire.Encoding) []byte { return enc.AppendError(dst, e) })
}

func (s *session) confirm(ok *wire.OK) {
	s.sub.Say(func(dst []byte, enc wire.Encoding) []byte { return enc.AppendOK(dst, ok) })
}

// ops is the table of commands.
var ops = map[string]func(*session, *wire.Command){
	"subscribe":   (*session).subscribe,
	"unsubscribe": (*session).unsubscribe,
	"list":        (*session).list,
	"ping": func(s *session, c *wire.Command) {
		s.confirm(&wire.OK{ID: c.ID, Op: c.Op, Time: time.Now().UnixMicro()})
	},
	"pause": (*session).notReplay, "resume": (*session).notReplay, "speed": (*session).notReplay,
	"seek": (*session).notReplay, "step": (*session).notReplay,
}

func (s *session) notReplay(c *wire.Command) {
	s.refuse(&wire.Error{ID: c.ID, Code: wire.BadRequest, Message: c.Op + " steers a replay; this is the live timeline"})
}

// subscribe joins rooms. Those that were granted are in one answer, which comes before anything of
// them; each refusal is one of its own.
func (s *session) subscribe(c *wire.Command) {
	if len(c.Rooms) == 0 {
		s.refuse(&wire.Error{ID: c.ID, Code: wire.BadRequest, Message: "subscribe needs rooms: a list of names"})
		return
	}
	ok := &wire.OK{ID: c.ID, Op: c.Op}
	var refusals []*wire.Error
	for _, req := range c.Rooms {
		granted, left, e := s.join(c, req)
		if e != nil {
			e.ID, e.Room = c.ID, req.Room
			refusals = append(refusals, e)
		}
		ok.Rooms = append(ok.Rooms, granted...)
		if left >= 0 {
			ok.HasLeft = true
			ok.Left += left
		}
	}
	if len(ok.Rooms) > 0 || ok.HasLeft {
		s.confirm(ok)
	}
	for _, e := range refusals {
		s.refuse(e)
	}
}

// join joins one room, or all that a pattern matches. left is -1 for a single room.
func (s *session) join(c *wire.Command, req wire.Request) (granted []wire.Granted, left int, refused *wire.Error) {
	name, wild, ok := market.ParseRoom(req.Room)
	if !ok {
		return nil, -1, unknownRoom("not a room's name: it is channel:VENUE:SYMBOL, as in trades:BINANCE:BTC-USDT")
	}
	g, refused := s.grant(c, req, name)
	if refused != nil {
		return nil, -1, refused
	}
	if wild {
		if req.Since != nil {
			return nil, -1, &wire.Error{Code: wire.BadRequest, Message: "a pattern has no since: name the rooms to resume first, the pattern after them"}
		}
		granted, left, ok = s.sub.JoinAll(name, g, s.server.config.MaxRooms, nil)
		if !ok {
			return nil, -1, unknownRoom(s.server.missing(name))
		}
		return granted, left, nil
	}
	if s.sub.Rooms() >= s.server.config.MaxRooms && !s.sub.Follows(name) {
		return nil, -1, &wire.Error{Code: wire.RoomLimit, Message: fmt.Sprintf("a connection may join %d rooms", s.server.config.MaxRooms)}
	}
	one, ok := s.sub.Join(name, g, req.Since)
	if !ok {
		return nil, -1, unknownRoom(s.server.missing(name))
	}
	return []wire.Granted{one}, -1, nil
}

func unknownRoom(message string) *wire.Error {
	return &wire.Error{Code: wire.UnknownRoom, Message: message}
}

// grant turns a wish into what is given.
func (s *session) grant(c *wire.Command, req wire.Request, name market.Room) (g subscriptions.Grant, refused *wire.Error) {
	text := c.Interval
	if req.Interval != "" {
		text = req.Interval
	}
	wish, err := parseInterval(text)
	if err != nil {
		return g, &wire.Error{Code: wire.BadRequest, Message: err.Error()}
	}
	interval, limited := s.server.config.grant(wish)
	if c.Strict && interval != wish {
		return g, &wire.Error{Code: wire.BadRequest, Message: fmt.Sprintf("interval %s is not on offer: %s would be granted", wish, intervalName(interval))}
	}
	if req.Last < 0 || req.Last > s.server.config.LogEntries {
		return g, &wire.Error{Code: wire.BadRequest, Message: fmt.Sprintf("last is from 1 to %d", s.server.config.LogEntries)}
	}
	g = subscriptions.Grant{Interval: interval, IntervalName: intervalName(interval), Last: req.Last}
	switch {
	case limited:
		g.LimitedBy = "server"
	case name.Channel == market.Trades && interval > 0:
		g.LimitedBy = "log" // told earlier when half of the log is unread
	}
	return g, nil
}

func parseInterval(text string) (time.Duration, error) {
	if text == "" || text == "0" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("interval %.40q is not a duration: \"0\", \"100ms\" or \"1s\"", text)
	}
	return d, nil
}

// intervalName is how an interval is told to clients.
func intervalName(d time.Duration) string {
	if d <= 0 {
		return "0"
	}
	if d%time.Second == 0 {
		return fmt.Sprintf("%ds", d/time.Second)
	}
	return fmt.Sprintf("%dms", d/time.Millisecond)
}

// unsubscribe leaves rooms; after its answer nothing of them comes.
func (s *session) unsubscribe(c *wire.Command) {
	if len(c.Rooms) == 0 {
		s.refuse(&wire.Error{ID: c.ID, Code: wire.BadRequest, Message: "unsubscribe needs rooms: a list of names"})
		return
	}
	ok := &wire.OK{ID: c.ID, Op: c.Op, Rooms: []wire.Granted{}}
	for _, req := range c.Rooms {
		name, wild, valid := market.ParseRoom(req.Room)
		left := valid && (wild && s.sub.LeaveAll(name) || !wild && s.sub.Leave(name.String()))
		if !left {
			s.refuse(&wire.Error{ID: c.ID, Code: wire.NotSubscribed, Message: "not subscribed", Room: req.Room})
			continue
		}
		ok.Rooms = append(ok.Rooms, wire.Granted{Room: req.Room})
	}
	if len(ok.Rooms) > 0 {
		s.confirm(ok)
	}
}

func (s *session) list(c *wire.Command) {
	ok := &wire.OK{ID: c.ID, Op: c.Op, Rooms: []wire.Granted{}}
	s.sub.Each(func(g wire.Granted) { ok.Rooms = append(ok.Rooms, g) })
	s.confirm(ok)
}
