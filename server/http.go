package server

import (
	"encoding/json"
	"net/http"
	"net/http/pprof"
	"path"
	"slices"
	"strconv"
	"strings"

	"tapedeck/market"
	description "tapedeck/server/describe"
	"tapedeck/subscriptions"
	"tapedeck/wire"
)

// route is a pattern of http.ServeMux and what answers there. server/describe/openapi.yaml describes each of them.
type route struct {
	pattern string
	handler http.HandlerFunc
}

// clientRoutes are what clients reach.
func (s *Server) clientRoutes() []route {
	list := []route{
		{"/v1/stream", s.stream},
		{"GET /v1/events", s.shared(s.events)},
		{"GET /v1/snapshot/{room...}", s.shared(s.inTurn(s.snapshot))},
		{"GET /v1/rooms", s.shared(s.inTurn(s.rooms))},
		{"GET /v1/symbols", s.shared(s.inTurn(s.symbols))},
		{"/v1/replay", s.openReplay},
		{"GET /v1/history", s.shared(s.history)},
		{"GET /v1/archive", s.shared(s.archive)},
		{"GET /asyncapi.yaml", s.shared(description.Serve)},
		{"GET /openapi.yaml", s.shared(description.Serve)},
		{"GET /schemas/{name}", s.shared(description.Serve)},
		{"GET /healthz", healthz},
		{"GET /readyz", s.readyz},
	}
	list = append(list, s.udfRoutes()...)
	if s.config.Page != nil {
		list = append(list, route{"/", s.config.Page.ServeHTTP})
	}
	return list
}

// adminRoutes are what operators reach.
func (s *Server) adminRoutes() []route {
	list := []route{
		{"GET /metrics", s.metrics.handler().ServeHTTP},
		{"GET /healthz", healthz},
		{"GET /readyz", s.readyz},
		{"GET /v1/rooms", s.inTurn(s.rooms)},
	}
	if s.config.PProf {
		list = append(list,
			route{"/debug/pprof/", pprof.Index},
			route{"/debug/pprof/cmdline", pprof.Cmdline},
			route{"/debug/pprof/profile", pprof.Profile},
			route{"/debug/pprof/symbol", pprof.Symbol},
			route{"/debug/pprof/trace", pprof.Trace})
	}
	return list
}

func mux(routes []route) http.Handler {
	m := http.NewServeMux()
	for _, r := range routes {
		m.HandleFunc(r.pattern, r.handler)
	}
	return m
}

// shared lets pages of allowed origins read an answer, and refuses the others.
func (s *Server) shared(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Add("Vary", "Origin")
		if !s.admit.origin(r) {
			s.turnAway(w, foreign)
			return
		}
		if origin := r.Header.Get("Origin"); origin != "" {
			w.Header().Set("Access-Control-Allow-Origin", origin)
		}
		h(w, r)
	}
}

func healthz(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) }

func (s *Server) readyz(w http.ResponseWriter, _ *http.Request) {
	if ready, why := s.ingest.ready.state(); !ready {
		http.Error(w, "not ready: "+why, http.StatusServiceUnavailable)
		return
	}
	_, _ = w.Write([]byte("ready\n"))
}

// maxAnswers is how many answers may be on their way at once: a list of 5,000 rooms is 1 MB, and who asks
// for it may be slow to take it.
const maxAnswers = 64

// amongFew lets h answer unless too many answers are on their way.
func (s *Server) amongFew(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		select {
		case s.answers <- struct{}{}:
			defer func() { <-s.answers }()
			h(w, r)
		default:
			s.turnAway(w, &refusal{http.StatusServiceUnavailable, "answers", "too many requests at once", 1})
		}
	}
}

// inTurn answers with what h returns. One answer is made at a time, so that whoever asks for many takes
// one core and no more.
func (s *Server) inTurn(h func(r *http.Request) (status int, body []byte)) http.HandlerFunc {
	return s.amongFew(func(w http.ResponseWriter, r *http.Request) {
		s.answering.Lock()
		status, body := h(r)
		s.answering.Unlock()
		reply(w, status, body)
	})
}

// reply answers in JSON.
func reply(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n'))
}

// snapshot answers with one room's snapshot, the same message as on the socket.
func (s *Server) snapshot(r *http.Request) (int, []byte) {
	name, wild, ok := market.ParseRoom(r.PathValue("room"))
	if !ok || wild {
		return problem(http.StatusBadRequest, wire.BadRequest, notAName)
	}
	last, err := strconv.Atoi(r.URL.Query().Get("last"))
	if r.URL.Query().Has("last") && (err != nil || last < 1 || last > s.config.LogEntries) {
		return problem(http.StatusBadRequest, wire.BadRequest, "last is from 1 to "+strconv.Itoa(s.config.LogEntries))
	}
	text, info, served := s.hub.Snapshot(nil, wire.JSON, name, last)
	switch {
	case !served:
		return problem(http.StatusNotFound, wire.UnknownRoom, s.missing(s.hub, name))
	case text == nil:
		status := wire.Status{Room: info.Room, State: info.State, Reason: info.Reason, Time: info.Time}
		return http.StatusConflict, wire.JSON.AppendStatus(nil, &status)
	}
	return http.StatusOK, text
}

// rooms lists the rooms that have had a record, and what this node covers of them.
func (s *Server) rooms(r *http.Request) (int, []byte) {
	match := r.URL.Query().Get("match")
	if match == "" {
		match = "*"
	}
	if _, err := path.Match(match, ""); err != nil {
		return problem(http.StatusBadRequest, wire.BadRequest, "match is a pattern as in match=book:BINANCE:*")
	}
	list := []subscriptions.Info{}
	s.hub.Rooms(func(i subscriptions.Info) {
		if ok, _ := path.Match(match, i.Room); ok {
			list = append(list, i)
		}
	})
	slices.SortFunc(list, func(a, b subscriptions.Info) int { return strings.Compare(a.Room, b.Room) })
	return listed(map[string]any{"node": s.config.Node, "rooms": list})
}

// symbols lists the instruments that are known: all, or those of a venue, of a name, or of a name that venues have for
// them. A name counts as it is written: some venues have names that differ in case alone.
func (s *Server) symbols(r *http.Request) (int, []byte) {
	type symbol struct {
		Venue  string `json:"venue"`
		Symbol string `json:"symbol"`
		Native string `json:"native"`
		Base   string `json:"base,omitempty"`
		Quote  string `json:"quote,omitempty"`
		Kind   string `json:"kind"`

		Tick     string `json:"tick,omitempty"`
		Lot      string `json:"lot,omitempty"`
		Contract string `json:"contract,omitempty"`
		Currency string `json:"currency,omitempty"`
		Inverse  bool   `json:"inverse,omitempty"`
	}
	query := r.URL.Query()
	asked := func(key, value string) bool { return !query.Has(key) || query.Get(key) == value }
	list := []symbol{}
	for _, m := range s.hub.Symbols() {
		if !asked("venue", m.Venue) || !asked("symbol", m.Name) || !asked("native", m.Native) {
			continue
		}
		f := &m.Facts
		list = append(list, symbol{
			m.Venue, m.Name, m.Native, m.Base, m.Quote, m.Kind.String(),
			f.Tick.String(), f.Lot.String(), f.Contract.String(), f.Currency, f.Inverse,
		})
	}
	return listed(map[string]any{"symbols": list})
}

func listed(v any) (int, []byte) {
	body, err := json.Marshal(v)
	if err != nil {
		return problem(http.StatusInternalServerError, wire.Internal, err.Error())
	}
	return http.StatusOK, body
}

// problem is an error message as on the socket.
func problem(status int, code wire.Code, message string) (int, []byte) {
	return status, wire.JSON.AppendError(nil, &wire.Error{Code: code, Message: message})
}
