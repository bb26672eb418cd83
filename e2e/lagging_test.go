package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/lxzan/gws"
	"github.com/twmb/franz-go/pkg/kgo"

	"tapedeck/feed"
	"tapedeck/feed/kafka"
	memory "tapedeck/feed/tape"
	"tapedeck/feed/venue"
	"tapedeck/server"
	"tapedeck/wire/mirror"
)

// A recorder is behind: what it has written ends long before the live rooms are. A replay goes from there through what
// the topic holds into live, while more is written, and no trade is missing or doubled.
func TestReplayWithLaggingRecorder(t *testing.T) {
	b := brokerFor(t)
	topic := b.topic(t, 1)
	format, _ := venue.Lookup("binance")
	began, written := time.Now().Add(-time.Minute), 0
	add := func(n int) {
		t.Helper()
		list := make([]*kgo.Record, n)
		for i := range list {
			written++
			at := began.Add(time.Duration(written) * time.Millisecond)
			value := fmt.Sprintf(`{"e":"trade","E":%d,"s":"BTCUSDT","t":%d,"p":"100.5","q":"1","T":%d,"m":true}`, at.UnixMilli(), written, at.UnixMilli())
			list[i] = &kgo.Record{Topic: topic, Key: []byte("BTCUSDT"), Value: []byte(value), Timestamp: at}
		}
		if err := b.client.ProduceSync(t.Context(), list...).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	add(2000)
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	config := kafka.Config{Cluster: kafka.Cluster{Brokers: b.addrs}, Warmup: forever, Log: quiet, Topics: []kafka.Topic{{Name: topic, Format: format}}}
	past, err := kafka.NewPast(config)
	if err != nil {
		t.Fatal(err)
	}
	defer past.Close()
	recorded := memory.New(1 << 30)
	logs, err := past.Logs(t.Context())
	if err != nil || len(logs) != 1 {
		t.Fatalf("%+v, error %v", logs, err)
	}
	if _, err := past.Read(t.Context(), logs[0].LogID, feed.Window{To: 700}, func(r *feed.Record) error {
		recorded.Append(logs[0].LogID, r)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	source, err := kafka.New(config)
	if err != nil {
		t.Fatal(err)
	}
	srv, err := server.New(server.Config{
		Node: "lagging", Listen: "127.0.0.1:0", Admin: "off", Source: source, Log: quiet, DrainWait: -1, DrainSpread: time.Millisecond,
		Feeds:   map[string]server.Feed{topic: {Format: format, Options: feed.DefaultOptions()}},
		Archive: feed.Chain(recorded, past), Formats: venue.Lookup,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- srv.Run(ctx) }()
	defer func() { cancel(); <-done }()

	for i := range 5 {
		heard := replayed(t, srv.Addr().String(), began.UnixMicro())
		add(50)
		until(t, "the replay is live", func() string {
			add(10)
			if state := heard.state(); state != "live" {
				return "it is " + state
			}
			return ""
		})
		add(50)
		until(t, "the last trade is heard", func() string { return heard.complete(written) })
		if why := heard.wrong(); why != "" {
			t.Errorf("replay %d: %s", i, why)
		}
		if n := heard.count(); n < 1300 { // most of it came as history, from before the recorder's end
			t.Errorf("replay %d: %d trades were heard of %d", i, n, written)
		}
		heard.hangUp()
	}
}

// replay is what a client hears of one.
type replay struct {
	gws.BuiltinEventHandler
	conn   *gws.Conn
	closed chan struct{}

	mu    sync.Mutex
	known *mirror.Mirror
	last  string // state
	bad   string
	heard int // trades
	next  int // id of the trade that has to come; 0: any
}

func replayed(t *testing.T, addr string, from int64) *replay {
	t.Helper()
	r := &replay{known: mirror.New(), closed: make(chan struct{})}
	r.known.Message = r.told
	conn, _, err := gws.NewClient(r, &gws.ClientOption{
		Addr:          fmt.Sprintf("ws://%s/v1/replay?from=%d&to=live&speed=max&interval=0&rooms=trades:BINANCE:BTC-USDT", addr, from),
		RequestHeader: http.Header{"Sec-Websocket-Protocol": {"tapedeck.v1.json"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	r.conn = conn
	go func() { defer close(r.closed); conn.ReadLoop() }()
	return r
}

func (r *replay) hangUp() {
	r.conn.NetConn().Close()
	<-r.closed
}

func (r *replay) OnMessage(_ *gws.Conn, m *gws.Message) {
	defer m.Close()
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.known.Frame(m.Bytes()); err != nil {
		r.bad = err.Error()
	}
}

func (r *replay) told(m *mirror.Message, _ *mirror.Room) {
	switch {
	case m.T == "status" && m.Room == "":
		r.last = m.State
	case m.T == "gap" || m.T == "error":
		r.bad = fmt.Sprintf("%s: %+v", m.T, m)
	case m.T == "snapshot" || m.T == "update":
		var list []struct{ ID string }
		if err := json.Unmarshal(m.D, &list); err != nil {
			r.bad = err.Error()
		}
		for _, trade := range list {
			id, _ := strconv.Atoi(trade.ID)
			if r.next > 0 && id != r.next {
				r.bad = fmt.Sprintf("trade %d comes instead of %d", id, r.next)
			}
			r.next = id + 1
			r.heard++
		}
	}
}

func (r *replay) wrong() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.bad
}

// complete says what is missing until the trade of a number was heard.
func (r *replay) complete(last int) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.bad == "" && r.next <= last {
		return fmt.Sprintf("trade %d is still to come", r.next)
	}
	return ""
}

func (r *replay) state() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last
}

func (r *replay) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.heard
}
