package server

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"tapedeck/feed"
	play "tapedeck/feed/player"
	"tapedeck/market"
	"tapedeck/subscriptions"
	"tapedeck/throttle"
	"tapedeck/wire"
)

// catchUp tells a live client from the archive what its rooms do not hold any more: of those of which every event counts,
// from the place on that it resumes at. It is a replay of those rooms alone, in a hub of its own, from which the client
// returns to the live rooms at the exact record; its other rooms are live all the while. It is the player's stage. It counts
// as one of the replays that there may be, and where it cannot be the client is told of a gap.
type catchUp struct {
	session *session
	rooms   map[market.Room]wire.Since
	cancel  context.CancelFunc
	ctx     context.Context
	patient *time.Timer // cancels when the archive has not answered for too long

	// The player's.
	hub    *subscriptions.Hub
	ingest *ingest
	brake  brake
}

// archivePatience is how long a client waits for an archive that does not answer, before it is told of a gap.
const archivePatience = 5 * time.Second

// catchUp reports whether a subscription resumes rooms at places that they do not hold, and has those read.
func (s *session) catchUp(c *wire.Command) bool {
	rooms := map[market.Room]wire.Since{}
	for _, req := range c.Rooms {
		if name, wild, ok := market.ParseRoom(req.Room); ok && !wild && req.Since != nil && s.pump.hub.Lacks(name, *req.Since) {
			rooms[name] = *req.Since
		}
	}
	if len(rooms) == 0 || !s.server.mayCatchUp() {
		return false
	}
	t := &catchUp{session: s, rooms: rooms}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	t.patient = time.AfterFunc(archivePatience, t.cancel)
	s.past = append(s.past, t)
	s.server.tasks.Go(t.run)
	return true
}

// mayCatchUp takes one of the replays that there may be.
func (s *Server) mayCatchUp() bool {
	if s.config.Archive == nil {
		return false
	}
	s.replaying.Lock()
	defer s.replaying.Unlock()
	if len(s.replays)+s.catching >= s.config.ReplaySessions {
		return false
	}
	s.catching++
	return true
}

// run plays until the client is live, or it cannot be.
func (t *catchUp) run() {
	s := t.session.server
	if logs, from, err := t.find(); err == nil {
		p := play.New(play.Config{
			Archive: some{s.config.Archive, logs}, Formats: s.config.Formats,
			From: from, Live: true, Speed: throttle.Max, Warmup: time.Millisecond, Buffer: 4 << 20,
		}, t)
		p.Do(play.Command{Op: play.Widen, Symbols: t.symbols()})
		p.Run(t.ctx)
	}
	t.patient.Stop()
	t.cancel()
	t.session.pump.wait(t.leave, nil)
	s.replaying.Lock()
	defer s.replaying.Unlock()
	s.catching--
}

// leave lets the client go on live, wherever it is.
func (t *catchUp) leave() {
	s := t.session
	s.past = slices.DeleteFunc(s.past, func(o *catchUp) bool { return o == t })
	switch {
	case s.closing != nil:
	case t.rooms != nil:
		s.goOn()
	default:
		s.sub.Return(t.hub)
	}
}

func (t *catchUp) symbols() (list []string) {
	for name := range t.rooms {
		if symbol := name.Venue + ":" + name.Symbol; !slices.Contains(list, symbol) {
			list = append(list, symbol)
		}
	}
	return list
}

var errNotHeld = errors.New("the archive does not hold it")

// find returns the logs that the rooms are in, and a time up to which none of the records that are wanted lies.
func (t *catchUp) find() (logs []feed.LogID, from int64, err error) {
	s := t.session.server
	held, err := s.config.Archive.Logs(t.ctx)
	if err != nil {
		return nil, 0, err
	}
	for name, since := range t.rooms {
		next := int64(since.Seq)
		i := slices.IndexFunc(held, func(h feed.Holding) bool {
			f, known := s.config.Formats(h.Format)
			return known && h.First <= next && next < h.Next && h.Epoch(f) == since.Epoch
		})
		if i < 0 {
			delete(t.rooms, name)
			continue
		}
		at := int64(0)
		_, err := s.config.Archive.Read(t.ctx, held[i].LogID, feed.Window{From: next, Bytes: 1}, func(r *feed.Record) error {
			if at == 0 {
				at = cmp.Or(r.Clock, r.Time)
			}
			return nil
		})
		if err != nil {
			return nil, 0, err
		}
		if from = cmp.Or(min(from, at), at); !slices.Contains(logs, held[i].LogID) {
			logs = append(logs, held[i].LogID)
		}
	}
	if len(t.rooms) == 0 {
		return nil, 0, errNotHeld
	}
	return logs, from, nil
}

// some is what an archive has of some logs.
type some struct {
	feed.Archive
	logs []feed.LogID
}

func (a some) Logs(ctx context.Context) ([]feed.Holding, error) {
	list, err := a.Archive.Logs(ctx)
	return slices.DeleteFunc(slices.Clone(list), func(h feed.Holding) bool { return !slices.Contains(a.logs, h.LogID) }), err
}

// Set implements feed/player's Stage.
func (t *catchUp) Set(symbols []string) feed.Sink {
	s := t.session.server
	t.hub, t.ingest = s.stage(func(r market.Room) bool {
		return r.Channel == market.Trades && slices.Contains(symbols, r.Venue+":"+r.Symbol)
	})
	t.brake = brake{pump: t.session.pump, ingest: t.ingest, behind: t.behind}
	return t.ingest
}

// Show implements feed/player's Stage: what the client commanded is carried out.
func (t *catchUp) Show(bool) {
	s := t.session
	t.hub.Expect(s.server.hub)
	s.pump.wait(func() {
		if s.closing == nil && t.ctx.Err() == nil {
			t.patient.Stop()
			s.shown = t
			s.goOn()
			s.shown, t.rooms = nil, nil
		}
		t.unless()
	}, t.ctx.Done())
}

// joinPast joins a room where the archive tells of it; false if that does not.
func (s *session) joinPast(name market.Room, g subscriptions.Grant) (wire.Granted, bool) {
	if s.shown == nil {
		return wire.Granted{}, false
	}
	since, ok := s.shown.rooms[name]
	if !ok {
		return wire.Granted{}, false
	}
	delete(s.shown.rooms, name)
	return s.sub.JoinIn(s.shown.hub, name, g, since)
}

// unless ends it when nobody is there to be told.
func (t *catchUp) unless() {
	if s := t.session; s.closing != nil || s.sub.In(t.hub) == 0 {
		t.cancel()
	}
}

// behind is asked by the pump.
func (t *catchUp) behind() bool {
	t.unless()
	return t.ctx.Err() == nil && t.session.sub.Behind(t.hub)
}

// Brake implements feed/player's Stage.
func (t *catchUp) Brake() <-chan struct{} { return t.brake.ask() }

// Settle implements feed/player's Stage.
func (t *catchUp) Settle() <-chan struct{} {
	return t.session.pump.settled(func() bool {
		t.unless()
		return t.ctx.Err() == nil && !t.session.sub.Current()
	})
}

// Live implements feed/player's Stage. Of the log that a room is in the archive has what is played.
func (t *catchUp) Live(func(epoch string) bool) (handed bool) {
	s := t.session
	if !t.hub.Near(s.server.hub) {
		return false
	}
	result := make(chan bool, 1)
	s.pump.wait(func() {
		if handed := s.closing == nil && s.sub.Continues(t.hub, s.server.hub); handed {
			s.sub.Return(t.hub)
			result <- true
		}
		t.unless()
	}, t.ctx.Done())
	select {
	case handed = <-result:
	default:
	}
	return handed
}

// Tell implements feed/player's Stage.
func (t *catchUp) Tell(st play.Status) {
	switch {
	case st.State == play.Live:
		t.cancel()
	case st.Reason != "":
		t.patient.Reset(archivePatience)
	default:
		t.patient.Stop()
	}
}

// Missing implements feed/player's Stage.
func (t *catchUp) Missing(string) { t.cancel() }
