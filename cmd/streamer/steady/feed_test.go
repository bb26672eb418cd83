package steady

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tapedeck/cmd/streamer/broker"
	"tapedeck/feed"
	"tapedeck/feed/kafka"
	"tapedeck/feed/venue"
	"tapedeck/market"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// drawn is a feed without a broker: what it would send.
func drawn(l Load, origin time.Time) *Feed {
	f := &Feed{woken: make(chan struct{}, 1)}
	f.Set(l)
	f.origin = origin
	return f
}

// However it is woken, what was drawn after a time is what the rate says, to the trade.
func TestRateIsExact(t *testing.T) {
	origin := time.UnixMicro(1_700_000_000_000_000)
	for _, rate := range []int{1, 7, 1000, 12_345, 100_000} {
		f, n := drawn(Load{Rate: rate, Symbols: 10}, origin), 0
		for at := origin; at.Before(origin.Add(3 * time.Second)); {
			batch, wait := f.due(at)
			if wait < tick {
				t.Fatalf("rate %d: woken after %v", rate, wait)
			}
			n += len(batch)
			at = at.Add(min(wait, burst/2)) // some wake-ups are for nothing
		}
		batch, _ := f.due(origin.Add(3 * time.Second))
		if n += len(batch); n != 3*rate || f.Report().Skipped != 0 {
			t.Errorf("rate %d: %d in 3 s, %d skipped", rate, n, f.Report().Skipped)
		}
	}
}

// What was slept over is skipped and counted, but for one burst: no reader is flooded for it.
func TestLateIsSkipped(t *testing.T) {
	origin := time.UnixMicro(1_700_000_000_000_000)
	f := drawn(Load{Rate: 1000, Symbols: 10}, origin)
	batch, _ := f.due(origin.Add(time.Second))
	if want := 21; len(batch) != want || f.Report().Skipped != 1000-21 {
		t.Errorf("%d drawn and %d skipped after a second", len(batch), f.Report().Skipped)
	}
}

// Every symbol has its turn, and its ids rise though all are drawn at one moment.
func TestSymbolsTakeTurns(t *testing.T) {
	origin := time.UnixMicro(1_700_000_000_000_000)
	format, _ := venue.Lookup("binance")
	for i, symbols := range []int{1, 10, 37, 74, 100, MaxSymbols} {
		f := drawn(Load{Rate: MaxRate / 10, Symbols: symbols, Quotes: i%2 > 0}, origin)
		decoder := format.New(feed.DefaultOptions())
		count, last := map[string]int{}, map[string]uint64{}
		batch, _ := f.due(origin.Add(burst))
		for _, r := range batch {
			value := make([]byte, r.Value.Len())
			r.Value.Read(value)
			var out market.Batch
			if err := decoder.Decode(&out, &feed.Record{Value: value}); err != nil || len(out.Events) != 1 {
				t.Fatalf("%s: %d events, error %v", value, len(out.Events), err)
			}
			symbol, sent := out.Events[0].Symbol.Name, ""
			switch e := out.Events[0].Payload.(type) {
			case *market.Trade:
				sent = e.ID.String()
			case *market.Quote:
				sent = e.BidQty.String()
			}
			id, err := strconv.ParseUint(sent, 10, 64)
			if err != nil || id <= last[symbol] {
				t.Fatalf("%s: %d of %s comes after %d", value, id, symbol, last[symbol])
			}
			last[symbol] = id
			count[symbol]++
		}
		for symbol, n := range count {
			if want := len(batch) / symbols; n < want || n > want+1 || len(count) != symbols {
				t.Errorf("%d symbols: %d of %s, where each has %d; %d have some", symbols, n, symbol, want, len(count))
			}
		}
	}
}

type answer struct {
	Rate, Sent, Failed int
	P99                int `json:"append_p99_us"`
}

// A load client starts and stops the publishing, and what is reported as sent is in the topic.
func TestControl(t *testing.T) {
	b, err := broker.New(broker.Config{Topic: "md"})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	f, err := New(kafka.Cluster{Brokers: []string{b.Addr()}}, "md")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); f.Run(ctx) }()
	defer func() { cancel(); <-done }()
	ask := func(path string) (code int, report answer) {
		w := httptest.NewRecorder()
		f.Control().ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code == http.StatusOK {
			if err := json.Unmarshal(w.Body.Bytes(), &report); err != nil {
				t.Fatal(err)
			}
		} else if text := w.Body.String(); !strings.Contains(text, "rate") && !strings.Contains(text, "symbols") {
			t.Errorf("%s: %q does not say what is wrong", path, text)
		}
		return w.Code, report
	}
	for _, path := range []string{"/start", "/start?rate=0&symbols=1", "/start?rate=1&symbols=5000", "/start?rate=x&symbols=1"} {
		if code, _ := ask(path); code != http.StatusBadRequest {
			t.Errorf("%s: %d", path, code)
		}
	}
	if code, report := ask("/start?rate=2000&symbols=5"); code != http.StatusOK || report.Rate != 2000 {
		t.Fatalf("%d %+v", code, report)
	}
	deadline := time.Now().Add(30 * time.Second)
	for {
		if _, report := ask("/report"); report.Sent >= 500 && report.P99 > 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("nothing is sent: %+v", f.Report())
		}
		time.Sleep(5 * time.Millisecond)
	}
	if _, report := ask("/stop"); report.Failed != 0 || report.Sent < 500 {
		t.Errorf("at the end %+v", report)
	}
	if r := f.Report(); r.Rate != 0 {
		t.Errorf("it goes on: %+v", r)
	}
}

func TestTimes(t *testing.T) {
	var all times
	for us := range 1000 {
		all.add(time.Duration(us+1) * time.Microsecond)
	}
	got := all.summary()
	for _, c := range []struct{ got, want time.Duration }{{got.P50, 500}, {got.P99, 990}, {got.Max, 1000}} {
		if c.want *= time.Microsecond; c.got < c.want || c.got > c.want*107/100 {
			t.Errorf("%v instead of %v", c.got, c.want)
		}
	}
}
