package server

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"tapedeck/feed"
	play "tapedeck/feed/player"
	"tapedeck/market"
	"tapedeck/subscriptions"
	"tapedeck/throttle"
	"tapedeck/wire"
)

// replay is one replay timeline: a hub, a pump for its sessions, and the player that fills the hub. A seek, and a room
// of a symbol that was not read so far, build another hub out of sight; then the pump takes its sessions over there. It
// ends with its last session. It is the player's stage: those methods are called by the player's goroutine.
type replay struct {
	server  *Server
	key     string
	control bool   // everybody steers, not the opener alone
	opener  string // id of a session
	player  *play.Player
	pump    *pump
	cancel  context.CancelFunc
	done    chan struct{}
	once    sync.Once
	users   int // sessions, and who is about to be one; Server.replaying guards it

	wishes sync.Mutex
	venues []string // that were asked for; wishes guards it

	// The player's.
	hub     *subscriptions.Hub
	ingest  *ingest
	digests *subscriptions.Digests
	symbols []string
	brake   brake

	// The pump's.
	covered []string // symbols that are read; nil: all
	shown   bool
	live    bool // handed over
	source  *ingest
	status  *wire.Status
	missing string // why there is nothing to play
}

// wish is what an address asks for.
type wish struct {
	from, to int64
	live     bool
	speed    throttle.Speed
	maxGap   time.Duration
	session  string
	control  bool
}

func parseWish(r *http.Request) (w wish, err error) {
	q := r.URL.Query()
	w = wish{speed: throttle.Natural, session: q.Get("session"), control: q.Get("control") == "all", live: q.Get("to") == "live"}
	if w.from, err = parseMoment("from", q.Get("from")); err != nil {
		return w, err
	}
	if text := q.Get("to"); text != "" && !w.live {
		if w.to, err = parseMoment("to", text); err == nil && w.to <= w.from {
			err = fmt.Errorf("to lies before from")
		}
	}
	if text := q.Get("speed"); text != "" && err == nil {
		var ok bool
		if w.speed, ok = throttle.ParseSpeed(text); !ok {
			err = badSpeed(text)
		}
	}
	if text := q.Get("maxgap"); text != "" && err == nil {
		if w.maxGap, err = time.ParseDuration(text); err != nil || w.maxGap < time.Millisecond {
			err = fmt.Errorf("maxgap %.40q is not a time from 1ms up, as in 5s", text)
		}
	}
	if len(w.session) > 64 {
		err = fmt.Errorf("a session's name has up to 64 characters")
	}
	return w, err
}

func badSpeed(text string) error {
	return fmt.Errorf("speed %.40q is not from 0.1 to 1000, or max", text)
}

// parseMoment reads a time of the log: RFC 3339, or µs since 1970.
func parseMoment(what, text string) (int64, error) {
	if at, err := strconv.ParseInt(text, 10, 64); err == nil && at > 0 && at < 1<<53 {
		return at, nil
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || t.UnixMicro() <= 0 {
		return 0, fmt.Errorf("%s is %.40q: give a time as 2026-01-31T14:30:00Z, or µs since 1970", what, text)
	}
	return t.UnixMicro(), nil
}

// openReplay accepts a WebSocket that watches a replay: one of its own, or one that others of its owner watch.
func (s *Server) openReplay(w http.ResponseWriter, r *http.Request) {
	t, bad := s.enlist(r)
	if bad != nil {
		s.deny(w, bad)
		return
	}
	if !s.accept(w, r, t.pump) {
		s.release(t)
	}
}

// denial is an error over HTTP, before anything else was said.
type denial struct {
	status int
	wire.Error
}

func (s *Server) deny(w http.ResponseWriter, d *denial) {
	s.metrics.refused.WithLabelValues(string(d.Code)).Inc()
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Connection", "close")
	w.WriteHeader(d.status)
	_, _ = w.Write(append(wire.JSON.AppendError(nil, &d.Error), '\n'))
}

var noArchive = &denial{http.StatusNotFound, wire.Error{Code: wire.RangeUnavailable, Message: "this node has no archive: there is nothing to replay"}}

// enlist finds or makes the replay that a request asks for, and counts its sender in: release takes it back.
func (s *Server) enlist(r *http.Request) (*replay, *denial) {
	if s.config.Archive == nil {
		return nil, noArchive
	}
	w, err := parseWish(r)
	if err == nil && w.live && s.config.Source == nil {
		err = fmt.Errorf("this node has no live timeline to go on to: leave to=live out")
	}
	if err != nil {
		return nil, &denial{http.StatusBadRequest, wire.Error{Code: wire.BadRequest, Message: err.Error()}}
	}
	s.replaying.Lock()
	defer s.replaying.Unlock()
	key := remoteIP(r) + " " + w.session
	if t := s.replays[key]; w.session != "" && t != nil {
		t.users++
		return t, nil
	}
	if len(s.replays)+s.catching >= s.config.ReplaySessions {
		return nil, &denial{http.StatusServiceUnavailable, wire.Error{
			Code: wire.ReplayLimit, Message: fmt.Sprintf("this node plays %d replays at the same time", s.config.ReplaySessions), Retry: true, After: 5000,
		}}
	}
	t := s.begin(w)
	if t.key = key; w.session == "" {
		t.key = fmt.Sprintf("%p", t)
	}
	s.replays[t.key] = t
	return t, nil
}

// begin starts a replay for one user.
func (s *Server) begin(w wish) *replay {
	t := &replay{server: s, control: w.control, done: make(chan struct{}), users: 1, covered: []string{}}
	t.pump = newReplayPump(t, subscriptions.NewHub(s.config.hub()))
	t.player = play.New(play.Config{
		Archive: s.config.Archive, Formats: s.config.Formats, From: w.from, To: w.to, Live: w.live,
		Speed: w.speed, MaxGap: w.maxGap, Warmup: s.config.ReplayWarmup, Grows: s.grows,
	}, t)
	ctx, cancel := context.WithCancel(context.Background())
	t.cancel = cancel
	s.tasks.Go(func() { t.pump.run(t.done) })
	s.tasks.Go(func() { t.player.Run(ctx) })
	return t
}

// grows reports whether more of a log is to come: the live timeline reads it, or may once it is ready.
func (s *Server) grows(epoch string) bool {
	ready, _ := s.ingest.ready.state()
	return !ready || s.hub.Reads(epoch)
}

// release counts a session out; the last one ends the replay.
func (s *Server) release(t *replay) {
	s.replaying.Lock()
	defer s.replaying.Unlock()
	if t.users--; t.users == 0 {
		delete(s.replays, t.key)
		t.finish()
	}
}

// finish ends the player, and then the pump with its sessions.
func (t *replay) finish() {
	t.once.Do(func() {
		t.cancel()
		close(t.done)
	})
}

func (s *Server) openReplays() (list []*replay) {
	s.replaying.Lock()
	defer s.replaying.Unlock()
	for _, t := range s.replays {
		list = append(list, t)
	}
	return list
}

// onPump has f carried out by the pump, and waits for it; not once the replay is over.
func (t *replay) onPump(f func()) { t.pump.wait(f, t.done) }

// Set implements feed/player's Stage.
func (t *replay) Set(symbols []string) feed.Sink {
	t.hub, t.ingest = t.server.stage(func(r market.Room) bool {
		return symbols == nil || slices.Contains(symbols, r.Venue+":"+r.Symbol)
	})
	t.symbols, t.ingest.asked = symbols, t.wished
	t.ingest.recall = t.server.memo.recall(t.server.config.Archive.Checkpoint, symbols)
	t.ingest.saved = t.ingest.recall.find
	t.brake = brake{pump: t.pump, ingest: t.ingest, behind: t.behind}
	return t.ingest
}

// stage makes a hub of the past for the rooms that only names, and what fills it.
func (s *Server) stage(only func(market.Room) bool) (*subscriptions.Hub, *ingest) {
	c := s.config
	c.Refused, c.Log = nil, slog.New(slog.DiscardHandler) // it was said when it was live
	h := c.hub()
	h.Only = func(r market.Room) bool { return only(r) && (c.Only == nil || c.Only(r)) }
	hub := subscriptions.NewHub(h)
	in := newIngest(&c, hub)
	in.paced, in.saved = true, nil
	return hub, in
}

// Show implements feed/player's Stage.
func (t *replay) Show(same bool) {
	if !same || t.digests == nil {
		t.digests = subscriptions.NewDigests()
	}
	hub, source, symbols := t.hub, t.ingest, t.symbols
	hub.Digest(t.digests)
	if same { // what is not told yet may lie before what the new hub has read
		select {
		case <-t.Settle():
		case <-t.done:
		}
	}
	t.onPump(func() {
		t.pump.moveTo(hub, same)
		t.covered, t.source, t.shown, t.live = symbols, source, true, false
		for _, s := range t.pump.sessions {
			s.goOn()
		}
	})
}

// Settle implements feed/player's Stage.
func (t *replay) Settle() <-chan struct{} {
	return t.pump.settled(func() bool {
		return slices.ContainsFunc(t.pump.sessions, func(s *session) bool { return s.closing == nil && !s.sub.Current() })
	})
}

// behind reports whether somebody has half of a room's log unread.
func (t *replay) behind() bool {
	return slices.ContainsFunc(t.pump.sessions, func(s *session) bool { return s.closing == nil && s.sub.Behind(t.pump.hub) })
}

// Brake implements feed/player's Stage.
func (t *replay) Brake() <-chan struct{} { return t.brake.ask() }

// Live implements feed/player's Stage.
func (t *replay) Live(unarchived func(epoch string) bool) (handed bool) {
	live := t.server.hub
	if !t.hub.Near(live) {
		return false
	}
	sought := true
	for _, epoch := range t.hub.Beyond(live) { // each is asked for, so that one look finds them
		sought = unarchived(epoch) && sought
	}
	if !sought {
		return false
	}
	result := make(chan bool, 1)
	t.onPump(func() {
		for _, s := range t.pump.sessions {
			if s.closing == nil && (len(s.waiting) > 0 || !s.sub.Continues(t.pump.hub, live)) {
				result <- false
				return
			}
		}
		t.pump.moveTo(live, true)
		t.live = true
		result <- true
	})
	select {
	case handed = <-result:
	default:
	}
	return handed
}

// Tell implements feed/player's Stage.
func (t *replay) Tell(st play.Status) {
	if st.Err != nil {
		t.server.config.Log.Warn("a replay waits for its archive", "error", st.Err)
	}
	status := &wire.Status{State: string(st.State), Reason: st.Reason, Time: st.At}
	if st.State == play.Playing {
		status.Behind = max((time.Now().UnixMicro()-st.At)/1000, 0)
	}
	t.pump.do(func() {
		t.status, t.pump.ending = status, nil
		if st.State == play.End {
			t.pump.ending = status
		}
		for _, s := range t.pump.sessions {
			s.ended = false
			if st.State != play.End {
				s.tell(*status)
			}
		}
	})
}

// Missing implements feed/player's Stage.
func (t *replay) Missing(why string) {
	t.pump.do(func() {
		t.missing = why
		for _, s := range t.pump.sessions {
			s.nothing(why)
		}
	})
}

// present is the log time up to which the replay was played; once it is handed over, now.
func (t *replay) present(now int64) int64 {
	if t.live || t.source == nil {
		return now
	}
	return t.source.newest.Load()
}

// welcome tells a new session how the timeline is.
func (t *replay) welcome(s *session) {
	if t.opener == "" {
		t.opener = s.id
	}
	switch {
	case t.missing != "":
		s.nothing(t.missing)
	case t.status != nil && t.pump.ending == nil && !s.history:
		s.tell(*t.status)
	}
}

// lacks reports whether a subscription asks for symbols that are not read yet, and has them read.
func (t *replay) lacks(c *wire.Command) bool {
	if t.live || t.shown && t.covered == nil {
		return false
	}
	symbols, any := []string{}, false
	for _, req := range c.Rooms {
		name, wild, ok := market.ParseRoom(req.Room)
		switch {
		case !ok:
			continue
		case wild:
			symbols = nil
		case symbols != nil:
			symbols = append(symbols, name.Venue+":"+name.Symbol)
		}
		any = true
		t.wish(name.Venue)
	}
	unread := func(s string) bool { return !slices.Contains(t.covered, s) }
	if !any || t.shown && symbols != nil && !slices.ContainsFunc(symbols, unread) {
		return false
	}
	t.player.Do(play.Command{Op: play.Widen, Symbols: symbols})
	return true
}

// wish notes a venue that is asked for: where records name their venues, it is known by that alone before its first record.
func (t *replay) wish(venue string) {
	t.wishes.Lock()
	defer t.wishes.Unlock()
	if !slices.Contains(t.venues, venue) && len(t.venues) < maxWished {
		t.venues = append(t.venues, venue)
	}
}

const maxWished = 1000

func (t *replay) wished() []string {
	t.wishes.Lock()
	defer t.wishes.Unlock()
	return slices.Clone(t.venues)
}

// maxWaiting is how many frames may wait for their rooms to be read.
const maxWaiting = 64

// wait lets a command wait until the stage is shown.
func (s *session) wait(f func()) {
	if s.waiting = append(s.waiting, f); len(s.waiting) > maxWaiting {
		s.end(wire.CloseAbuse, 0)
	}
}

// goOn carries out what waited. What has to wait again does so before what came after it.
func (s *session) goOn() {
	list := s.waiting
	s.waiting = nil
	for len(list) > 0 && len(s.waiting) == 0 && s.closing == nil {
		f := list[0]
		list = list[1:]
		f()
	}
	s.waiting = append(s.waiting, list...)
}

func (s *session) tell(status wire.Status) {
	if s.closing != nil || s.history {
		return
	}
	s.sub.Say(func(dst []byte, enc wire.Encoding) []byte { return enc.AppendStatus(dst, &status) })
}

// conclude says that a replay is over, with what came of it; a history ends with it.
func (s *session) conclude(status wire.Status) {
	status.Entries, status.Hash = s.sub.Digest()
	s.sub.Say(func(dst []byte, enc wire.Encoding) []byte { return enc.AppendStatus(dst, &status) })
	s.pump.buf = s.flush(s.pump.buf)
	if s.history {
		s.closing, s.said = &wire.Close{Code: 1000}, time.Now()
		s.out.last(s.closing)
		s.sub.Close()
	}
}

// nothing ends a session of a replay that has nothing to play.
func (s *session) nothing(why string) {
	if s.closing == nil {
		s.refuse(&wire.Error{Code: wire.RangeUnavailable, Message: why})
		s.end(wire.CloseRange, 0)
	}
}

// steer carries out the commands of a replay.
func (s *session) steer(c *wire.Command) {
	t := s.pump.replay
	switch {
	case t == nil:
		s.refuse(&wire.Error{ID: c.ID, Code: wire.BadRequest, Message: c.Op + " steers a replay; this is the live timeline"})
		return
	case !t.control && t.opener != s.id:
		s.refuse(&wire.Error{ID: c.ID, Code: wire.Forbidden, Message: "only the connection that opened this replay steers it, unless it was opened with control=all"})
		return
	}
	order, err := steering(c)
	if err != nil {
		s.refuse(&wire.Error{ID: c.ID, Code: wire.BadRequest, Message: err.Error()})
		return
	}
	id, op := c.ID, c.Op
	order.Done = func(refused string) {
		s.pump.do(func() {
			switch {
			case s.closing != nil:
			case refused != "":
				s.refuse(&wire.Error{ID: id, Code: wire.RangeUnavailable, Message: refused})
			default:
				s.confirm(&wire.OK{ID: id, Op: op})
			}
		})
	}
	t.player.Do(order)
}

// maxSteps is how many records one command may step.
const maxSteps = 1_000_000

func steering(c *wire.Command) (o play.Command, err error) {
	switch c.Op {
	case "pause":
		o.Op = play.Pause
	case "resume":
		o.Op = play.Resume
	case "speed":
		speed, ok := throttle.ParseSpeed(c.Speed)
		if o.Op, o.Speed = play.SetSpeed, speed; !ok {
			err = badSpeed(c.Speed)
		}
	case "seek":
		if o.Op = play.SeekLive; c.To != "live" {
			o.Op = play.Seek
			o.At, err = parseMoment("to", c.To)
		}
	case "step":
		o.Op, o.Records = play.Step, max(c.Records, 1)
		if c.Records > maxSteps {
			err = fmt.Errorf("a step has up to %d records", maxSteps)
		}
	}
	return o, err
}
