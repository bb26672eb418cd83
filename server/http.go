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
	"tapedeck/subscriptions"
	"tapedeck/wire"
)

// routes are what clients reach.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/v1/stream", s.stream)
	mux.HandleFunc("GET /v1/events", s.shared(s.events))
	mux.HandleFunc("GET /v1/snapshot/{room...}", s.shared(s.snapshot))
	mux.HandleFunc("GET /v1/rooms", s.shared(s.rooms))
	mux.HandleFunc("GET /v1/symbols", s.shared(s.symbols))
	mux.HandleFunc("GET /healthz", healthz)
	mux.HandleFunc("GET /readyz", s.readyz)
	if s.config.Page != nil {
		mux.Handle("/", s.config.Page)
	}
	return mux
}

// adminRoutes are what operators reach.
func (s *Server) adminRoutes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", s.metrics.handler())
	mux.HandleFunc("GET /healthz", healthz)
	mux.HandleFunc("GET /readyz", s.readyz)
	mux.HandleFunc("GET /v1/rooms", s.rooms)
	if s.config.PProf {
		mux.HandleFunc("/debug/pprof/", pprof.Index)
		mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
		mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	}
	return mux
}

// shared lets pages of allowed origins read an answer, and refuses the others.
func (s *Server) shared(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Add("Vary", "Origin")
		if !s.admit.origin(r) {
			s.turnAway(w, &refusal{http.StatusForbidden, "origin", "this origin is not allowed: list it with --origins", 0})
			return
		}
		if origin := r.Header.Get("Origin"); origin != "" {
			w.Header().Set("Access-Control-Allow-Origin", origin)
		}
		h(w, r)
	}
}

func healthz(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("ok\n")) }

func (s *Server) readyz(w http.ResponseWriter, _ *http.Request) {
	if ready, why := s.ingest.ready.state(); !ready {
		http.Error(w, "not ready: "+why, http.StatusServiceUnavailable)
		return
	}
	w.Write([]byte("ready\n"))
}

// snapshot answers with one room's snapshot, the same message as on the socket.
func (s *Server) snapshot(w http.ResponseWriter, r *http.Request) {
	name, wild, ok := market.ParseRoom(r.PathValue("room"))
	if !ok || wild {
		problem(w, http.StatusBadRequest, wire.BadRequest, "not a room's name: it is channel:VENUE:SYMBOL, as in book:BINANCE:BTC-USDT@20")
		return
	}
	last, err := strconv.Atoi(r.URL.Query().Get("last"))
	if r.URL.Query().Has("last") && (err != nil || last < 1 || last > s.config.LogEntries) {
		problem(w, http.StatusBadRequest, wire.BadRequest, "last is from 1 to "+strconv.Itoa(s.config.LogEntries))
		return
	}
	text, info, served := s.hub.Snapshot(nil, wire.JSON, name, last)
	switch {
	case !served:
		problem(w, http.StatusNotFound, wire.UnknownRoom, s.missing(name))
	case text == nil:
		answer(w, http.StatusConflict, struct {
			T      string `json:"t"`
			Room   string `json:"room"`
			State  string `json:"state"`
			Reason string `json:"reason"`
			Time   int64  `json:"ts"`
		}{"status", info.Room, info.State, info.Reason, info.Time})
	default:
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		w.Write(append(text, '\n'))
	}
}

// rooms lists the rooms that have had a record, and what this node covers of them.
func (s *Server) rooms(w http.ResponseWriter, r *http.Request) {
	match := r.URL.Query().Get("match")
	if match == "" {
		match = "*"
	}
	if _, err := path.Match(match, ""); err != nil {
		problem(w, http.StatusBadRequest, wire.BadRequest, "match is a pattern as in match=book:BINANCE:*")
		return
	}
	list := []subscriptions.Info{}
	s.hub.Rooms(func(i subscriptions.Info) {
		if ok, _ := path.Match(match, i.Room); ok {
			list = append(list, i)
		}
	})
	slices.SortFunc(list, func(a, b subscriptions.Info) int { return strings.Compare(a.Room, b.Room) })
	answer(w, http.StatusOK, map[string]any{"node": s.config.Node, "rooms": list})
}

// symbols lists the instruments that are known.
func (s *Server) symbols(w http.ResponseWriter, _ *http.Request) {
	type symbol struct {
		Venue  string `json:"venue"`
		Symbol string `json:"symbol"`
		Native string `json:"native"`
		Base   string `json:"base,omitempty"`
		Quote  string `json:"quote,omitempty"`
		Kind   string `json:"kind"`
	}
	list := []symbol{}
	for _, m := range s.hub.Symbols() {
		list = append(list, symbol{m.Venue, m.Name, m.Native, m.Base, m.Quote, m.Kind.String()})
	}
	answer(w, http.StatusOK, map[string]any{"symbols": list})
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v) // fails only if the client is gone
}

// problem answers with an error message as on the socket.
func problem(w http.ResponseWriter, status int, code wire.Code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(append(wire.JSON.AppendError(nil, &wire.Error{Code: code, Message: message}), '\n'))
}
