package server

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"tapedeck/market"
	"tapedeck/subscriptions"
	"tapedeck/wire"
)

// abuseLimit is how many more commands than it may send a session has refused before it is closed.
const abuseLimit = 50

// receive reads a client's frame and has its commands carried out. It returns when they are, so that a
// session never has more than one frame under way.
func (s *session) receive(msg []byte) {
	commands, err := s.enc.Commands(msg)
	done := make(chan struct{})
	work := func() {
		defer close(done)
		if len(s.waiting) == 0 {
			s.answer(commands, err)
		} else {
			s.wait(func() { s.answer(commands, err) })
		}
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

// answer carries a frame's commands out, or says what is wrong with it.
func (s *session) answer(commands []wire.Command, err error) {
	var bad *wire.CommandError
	if errors.As(err, &bad) && s.pay(1, bad.ID) {
		s.refuse(&wire.Error{ID: bad.ID, Code: bad.Code, Message: bad.Message})
	}
	for i := range commands {
		c := &commands[i]
		s.server.metrics.command(c.Op)
		if !s.pay(s.price(c), c.ID) {
			continue
		}
		if c.Op == "subscribe" && s.lacks(c) {
			s.wait(func() {
				s.subscribe(c)
				s.answer(commands[i+1:], nil)
			})
			return
		}
		if op, ok := ops[c.Op]; ok {
			op(s, c)
			continue
		}
		s.refuse(&wire.Error{ID: c.ID, Code: wire.UnknownOp, Message: fmt.Sprintf("unknown op %.40q: there are subscribe, unsubscribe, list, ping; of a replay also pause, resume, speed, seek, step", c.Op)})
	}
}

// lacks reports whether a subscription has to wait for what is read from the archive, and has it read.
func (s *session) lacks(c *wire.Command) bool {
	if t := s.pump.replay; t != nil {
		return t.lacks(c)
	}
	return s.catchUp(c)
}

// price is what a command costs: a token, and one more for every 10 rooms that it names or is answered
// with.
func (s *session) price(c *wire.Command) int {
	rooms := len(c.Rooms)
	if c.Op == "list" {
		rooms = s.sub.Rooms()
	}
	return 1 + rooms/10
}

// pay takes tokens. Where there are not enough the command is refused, and a session that goes on all
// the same is ended.
func (s *session) pay(tokens int, id wire.ID) bool {
	if s.closing != nil {
		return false
	}
	wait, ok := s.bucket.Take(tokens, s.pump.now.UnixNano())
	if ok {
		s.refused = max(s.refused-1, 0)
		return true
	}
	s.refuse(&wire.Error{ID: id, Code: wire.RateLimited, Message: "too many commands", Retry: true, After: wait.Milliseconds() + 1})
	if s.refused++; s.refused > abuseLimit {
		s.end(wire.CloseAbuse, 0)
	}
	return false
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
	"pause": (*session).steer, "resume": (*session).steer, "speed": (*session).steer,
	"seek": (*session).steer, "step": (*session).steer,
}

// subscribe joins rooms. Those that were granted are in one answer, which comes before anything of
// them; each refusal is one of its own.
func (s *session) subscribe(c *wire.Command) {
	if len(c.Rooms) == 0 {
		s.refuse(&wire.Error{ID: c.ID, Code: wire.BadRequest, Message: "subscribe needs rooms: a list of names"})
		return
	}
	ok := &wire.OK{ID: c.ID, Op: c.Op, Rooms: []wire.Granted{}}
	var refusals []*wire.Error
	for _, req := range c.Rooms {
		granted, left, e := s.join(c, req)
		if e != nil {
			e.ID, e.Room = c.ID, named(req.Room)
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

// notAName is said of what cannot be a room.
var notAName = func() string {
	var channels []string
	for c := range market.Channel(market.NumChannels) {
		channels = append(channels, c.String())
	}
	return "not a room's name: it is CHANNEL:VENUE:SYMBOL, as in book:BINANCE:BTC-USDT@20, and the channels are " + strings.Join(channels, " ")
}()

// join joins one room, or all that a pattern matches. left is -1 for a single room.
func (s *session) join(c *wire.Command, req wire.Request) (granted []wire.Granted, left int, refused *wire.Error) {
	name, wild, ok := market.ParseRoom(req.Room)
	if !ok {
		return nil, -1, unknownRoom(notAName)
	}
	g, refused := s.grant(c, req, name)
	if refused != nil {
		return nil, -1, refused
	}
	if wild {
		if req.Since != nil {
			return nil, -1, &wire.Error{Code: wire.BadRequest, Message: "a pattern has no since: name the rooms to resume first, the pattern after them"}
		}
		return s.joinAll(name, g, c.Strict)
	}
	if s.sub.Rooms() >= s.server.config.MaxRooms && !s.sub.Follows(name) {
		return nil, -1, s.tooMany()
	}
	if one, ok := s.joinPast(name, g); ok {
		return []wire.Granted{one}, -1, nil
	}
	one, ok := s.sub.Join(name, g, req.Since)
	if !ok {
		return nil, -1, unknownRoom(s.server.missing(s.pump.hub, name))
	}
	return []wire.Granted{one}, -1, nil
}

// joinAll joins all that a pattern matches, which costs as if each had been named.
func (s *session) joinAll(pattern market.Room, g subscriptions.Grant, strict bool) (granted []wire.Granted, left int, refused *wire.Error) {
	granted, left, ok := s.sub.JoinAll(pattern, g, s.server.config.MaxRooms, nil)
	switch {
	case !ok:
		return nil, -1, unknownRoom(s.server.missing(s.pump.hub, pattern))
	case strict && left > 0:
		s.sub.LeaveAll(pattern)
		return nil, -1, s.tooMany()
	}
	s.bucket.Owe(len(granted) / 10)
	return granted, left, nil
}

func (s *session) tooMany() *wire.Error {
	return &wire.Error{Code: wire.RoomLimit, Message: fmt.Sprintf("a connection may join %d rooms", s.server.config.MaxRooms)}
}

func unknownRoom(message string) *wire.Error {
	return &wire.Error{Code: wire.UnknownRoom, Message: message}
}

// missing says why a room is not served.
func (s *Server) missing(hub *subscriptions.Hub, name market.Room) string {
	if sym := hub.Misnamed(name); sym != nil {
		right := name
		right.Symbol = sym.Name
		return fmt.Sprintf("%s is %s's own name: here it is %s", name.Symbol, name.Venue, right)
	}
	venues := hub.Venues()
	for _, v := range venues {
		if v != name.Venue {
			continue
		}
		switch name.Channel {
		case market.BookChannel:
			return "not offered: book has no depth, or one of " + strings.Join(s.config.Depths, " ")
		case market.CandlesChannel:
			return "not offered: candles need a width, one of " + strings.Join(s.config.Widths, " ")
		default:
		}
		return "this node does not serve it"
	}
	return "unknown venue: there are " + strings.Join(venues, " ")
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

// named cuts what was asked for as a room: a refusal says no more than a name's length of it.
func named(asked string) string {
	return asked[:min(len(asked), market.MaxRoomName)]
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
			s.refuse(&wire.Error{ID: c.ID, Code: wire.NotSubscribed, Message: "not subscribed", Room: named(req.Room)})
			continue
		}
		ok.Rooms = append(ok.Rooms, wire.Granted{Room: name.String()})
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
