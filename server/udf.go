package server

import (
	"net/http"
	"strconv"
	"time"

	"tapedeck/server/udf"
)

// udfRoutes are what a TradingView front end asks for.
func (s *Server) udfRoutes() []route {
	f := udf.New(s.hub, s.config.Candles, s.config.Widths)
	answers := func(h func(r *http.Request) udf.Answer) http.HandlerFunc {
		return s.shared(s.amongFew(func(w http.ResponseWriter, r *http.Request) {
			a := h(r)
			if a.Retry {
				w.Header().Set("Retry-After", "5")
			}
			reply(w, a.Status, a.Body)
		}))
	}
	return []route{
		{"GET /udf/config", answers(func(*http.Request) udf.Answer { return f.Config() })},
		{"GET /udf/symbols", answers(func(r *http.Request) udf.Answer { return f.Symbol(r.Context(), r.URL.Query().Get("symbol")) })},
		{"GET /udf/search", answers(func(r *http.Request) udf.Answer {
			q := r.URL.Query()
			return f.Search(r.Context(), q.Get("query"), q.Get("exchange"), q.Get("type"), q.Get("limit"))
		})},
		{"GET /udf/history", answers(func(r *http.Request) udf.Answer {
			return f.History(r.Context(), r.URL.Query(), time.Now().UnixMicro())
		})},
		{"GET /udf/time", s.shared(udfTime)},
	}
}

func udfTime(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(strconv.AppendInt(nil, time.Now().Unix(), 10))
}
