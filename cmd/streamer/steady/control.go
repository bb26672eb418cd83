package steady

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
)

// Control steers a feed over HTTP, for a load client that says when it is ready: GET /start?rate=10000&symbols=100,
// GET /stop, and GET /report, which the other two answer with as well.
func (f *Feed) Control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /start", func(w http.ResponseWriter, r *http.Request) {
		load, err := f.asked(r.URL.Query())
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		f.Set(load)
		f.answer(w)
	})
	mux.HandleFunc("GET /stop", func(w http.ResponseWriter, r *http.Request) {
		last := f.Report()
		f.Set(Load{})
		reply(w, last)
	})
	mux.HandleFunc("GET /report", func(w http.ResponseWriter, r *http.Request) { f.answer(w) })
	return mux
}

// asked is the load of a query; what kind of events is for the feed's owner to say.
func (f *Feed) asked(query url.Values) (l Load, err error) {
	l.Quotes = f.Quotes
	for name, value := range map[string]*int{"rate": &l.Rate, "symbols": &l.Symbols} {
		if *value, err = strconv.Atoi(query.Get(name)); err != nil {
			return l, fmt.Errorf("%s=%q is no number: ask as in /start?rate=10000&symbols=100", name, query.Get(name))
		}
	}
	return l, l.Check()
}

func (f *Feed) answer(w http.ResponseWriter) { reply(w, f.Report()) }

// reply tells a report; times are in µs.
func reply(w http.ResponseWriter, r Report) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]any{
		"rate": r.Rate, "symbols": r.Symbols, "quotes": r.Quotes, "sent": r.Sent, "skipped": r.Skipped, "failed": r.Failed,
		"append_p50_us": r.Append.P50.Microseconds(), "append_p99_us": r.Append.P99.Microseconds(), "append_max_us": r.Append.Max.Microseconds(),
	})
}
