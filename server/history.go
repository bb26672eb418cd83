package server

import (
	"context"
	"net/http"
	"slices"
	"time"

	"tapedeck/feed"
	play "tapedeck/feed/player"
	"tapedeck/market"
	"tapedeck/throttle"
	"tapedeck/wire"
)

// history answers with a stretch of the past, one message a line: a replay as fast as the reader takes it.
func (s *Server) history(w http.ResponseWriter, r *http.Request) {
	first := asked(r)
	if first == nil || !slices.ContainsFunc(first.Rooms, isRoom) || r.URL.Query().Get("to") == "live" || r.URL.Query().Has("session") {
		s.deny(w, &denial{http.StatusBadRequest, wire.Error{Code: wire.BadRequest, Message: "name the rooms and the time: /v1/history?rooms=trades:BINANCE:BTC-USDT&from=2026-01-31T14:30:00Z&to=2026-01-31T15:00:00Z"}})
		return
	}
	t, bad := s.enlist(r)
	if bad != nil {
		s.deny(w, bad)
		return
	}
	t.player.Do(play.Command{Op: play.SetSpeed, Speed: throttle.Max})
	if bad := s.admit.enter(remoteIP(r)); bad != nil {
		s.release(t)
		s.turnAway(w, bad)
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.Header().Set("Cache-Control", "no-store")
	rc := http.NewResponseController(w)
	_ = rc.SetReadDeadline(time.Time{})
	_ = rc.SetWriteDeadline(time.Time{}) // the pump sees to the slow
	out := &eventStream{wake: make(chan struct{}, 1), over: make(chan struct{}), cut: func() { _ = rc.SetWriteDeadline(time.Unix(1, 0)) }}
	sess := s.open(t.pump, out, wire.Lines, remoteIP(r))
	sess.history = true
	if !s.enter(sess, first) {
		return
	}
	out.copy(w, r, rc.Flush, func() { sess.pump.resume(sess) })
	out.done()
	sess.pump.do(func() { sess.pump.leave(sess) })
}

// isRoom reports whether a request names a room. A replay begins with its first: without any, a history would never end.
func isRoom(r wire.Request) bool {
	_, _, ok := market.ParseRoom(r.Room)
	return ok
}

// archive lists what can be replayed.
func (s *Server) archive(w http.ResponseWriter, r *http.Request) {
	if s.config.Archive == nil {
		s.deny(w, noArchive)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), 10*time.Second)
	defer cancel()
	list, err := s.archived(ctx)
	if err != nil {
		s.config.Log.Warn("the archive cannot be listed", "error", err)
		s.deny(w, &denial{http.StatusServiceUnavailable, wire.Error{Code: wire.SourceDown, Message: play.Plain(err), Retry: true}})
		return
	}
	status, body := listed(map[string]any{"logs": list})
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n'))
}

// held is one log in the answer of /v1/archive. Gaps are offsets: from up to, not including, to.
type held struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Format    string `json:"format"`
	Venue     string `json:"venue,omitempty"`
	Epoch     string `json:"epoch"`
	First     int64  `json:"first"`
	Next      int64  `json:"next"`
	Begin     int64  `json:"from"` // µs
	End       int64  `json:"to"`
	Records   int64  `json:"records"`
	Gaps      []gap  `json:"gaps"`
}

type gap struct {
	From   int64     `json:"from"`
	To     int64     `json:"to"`
	Reason feed.Loss `json:"reason"`
}

func (s *Server) archived(ctx context.Context) ([]held, error) {
	logs, err := s.config.Archive.Logs(ctx)
	if err != nil {
		return nil, err
	}
	list := []held{}
	for _, l := range logs {
		f, ok := s.config.Formats(l.Format)
		if !ok {
			continue
		}
		holes, err := s.config.Archive.Holes(ctx, l.LogID, l.First, l.Next)
		if err != nil {
			return nil, err
		}
		h := held{l.Topic, l.Partition, l.Format, f.Venue, l.Epoch(f), l.First, l.Next, l.Begin, l.End, l.Records, []gap{}}
		for _, hole := range holes {
			h.Gaps = append(h.Gaps, gap{hole.From, hole.To, hole.Why})
		}
		list = append(list, h)
	}
	return list, nil
}
