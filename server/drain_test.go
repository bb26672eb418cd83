package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"tapedeck/feed"
	"tapedeck/wire/mirror"
)

// On a signal a node is unready at once, lets no new client in, and sends each that it has on with a
// time of its own; and what it told until then is whole, so that another node continues it.
func TestDrain(t *testing.T) {
	const wait = 200 * time.Millisecond
	tp := newTape(1)
	n := run(t, tp, func(c *Config) {
		c.DrainWait = wait
		c.DrainSpread = time.Hour
	})
	other := run(t, tp)
	tp.add("trade BTC-USD 0 100 1")
	var clients []*client
	for range 50 {
		clients = append(clients, greet(t, n, "?rooms="+trades+"&interval=5s")) // far from told everything
	}
	for _, c := range clients {
		c.at(trades, 1)
	}
	for i := range 100 {
		tp.add("trade BTC-USD %d 100 1", i+1)
	}
	deaf := join(t, n, 0, "") // hears the bye, and does nothing
	began := time.Now()
	n.stop()
	until(t, "the node is unready", func() bool {
		answer := httptest.NewRecorder()
		n.readyz(answer, nil)
		return answer.Code == http.StatusServiceUnavailable && answer.Body.String() == "not ready: draining\n"
	})
	after := map[int64]bool{}
	for _, c := range clients {
		bye := c.hear("bye", kind("bye"))
		if time.Since(began) < wait {
			t.Error("the bye came before the node's being unready could be known")
		}
		<-c.ended
		if bye.Reason != "draining" || !bye.Recon || bye.After > time.Hour.Milliseconds() || c.code != 4001 {
			t.Errorf("told %s, then closed with %d", bye.Raw, c.code)
		}
		after[bye.After] = true
	}
	if len(after) < len(clients)/2 {
		t.Errorf("%d clients come back at %d times", len(clients), len(after))
	}
	if e := deaf.drain(); e.code != 4001 || e.bye != "draining" {
		t.Errorf("who does not answer: code %d, %q, %v", e.code, e.bye, e.bad)
	}
	<-n.ended
	for _, c := range clients {
		r := c.known.Room(trades)
		d := meet(t, other, "", c.known)
		d.say(`{"op":"subscribe","id":1,"rooms":[{"room":"%s","since":{"epoch":"%s","seq":%d}}]}`, trades, r.Epoch, r.Seq)
		if g := granted(t, d.answer("1"), trades); g.Recovered == nil || !*g.Recovered {
			t.Fatalf("the other node granted %+v", g)
		}
		d.at(trades, 101)
		if len(r.Trades) != 101 || r.Gaps > 0 {
			t.Fatalf("%d trades and %d gaps", len(r.Trades), r.Gaps)
		}
	}
}

// While it says goodbye a node lets nobody in, and who came in between is sent on too.
func TestNobodyEntersADrainedNode(t *testing.T) {
	n := run(t, newTape(1))
	deaf := join(t, n, 0, "") // answers no goodbye
	_, _, _ = deaf.next()
	for _, p := range n.pumps {
		p.do(p.drain)
	}
	late := join(t, n, 0, "")
	if e := late.drain(); !strings.HasPrefix(e.said.String(), `[{"t":"hello"`) || e.bye != "draining" || e.code != 4001 {
		t.Errorf("who came late was told %s, %d", e.said.String(), e.code)
	}
	n.admit.drain()
	if answer := dial(t, n, 0).upgrade("", upgradeHeaders, ""); answer.StatusCode != 503 || answer.Header.Get("Retry-After") != "1" {
		t.Errorf("answered with %s %v", answer.Status, answer.Header)
	}
}

// A second signal ends at once what the first began.
func TestCloseEndsADrain(t *testing.T) {
	n := run(t, newTape(1), func(c *Config) { c.DrainWait = time.Hour })
	p := join(t, n, 0, "")
	_, _, _ = p.next()
	n.stop()
	until(t, "it drains", func() bool { ok, _ := n.ingest.ready.state(); return !ok })
	n.Close()
	n.Close()
	<-n.ended
	if e := p.drain(); e.bad != nil {
		t.Error(e.bad)
	}
	s := listening(t, newTape(1).player())
	s.Close() // never run
}

// A node comes back, elsewhere and with what the log still holds, and its clients go on; what they are
// told has the same numbers.
func TestRestart(t *testing.T) {
	tp := newTape(1)
	tp.add("whole BTC-USD 0 b100=1 a101=1\ntrade BTC-USD 0 100 1\nquote BTC-USD 1 1 2 1")
	n := run(t, tp)
	known := mirror.New()
	c := meet(t, n, "?rooms="+trades+","+book+","+quotes, known)
	for i := range 20 {
		for range 10 {
			seq := len(tp.parts[0])
			tp.add("trade BTC-USD %d 100 1\ndelta BTC-USD %d %d b100=%d\nquote BTC-USD 1 %d 2 1", seq, seq, seq, seq, 1+seq)
		}
		if i%2 == 0 { // else it has not heard everything
			c.at(trades, uint64(len(tp.parts[0])))
		}
		n.stop()
		<-c.ended
		<-n.ended
		seq := len(tp.parts[0])
		tp.add("trade BTC-USD %d 100 1\ndelta BTC-USD %d %d b100=%d\nquote BTC-USD 1 %d 2 1", seq, seq, seq, seq, 1+seq)
		n = run(t, tp)
		c = meet(t, n, "", known)
		c.resume()
		end := uint64(len(tp.parts[0]))
		for _, room := range []string{trades, book, quotes} {
			c.at(room, end)
		}
	}
	r := known.Room(trades)
	if len(r.Trades) != len(tp.parts[0]) || r.Gaps > 0 || r.Snapshots != 1 || known.Room(book).Snapshots != 1 {
		t.Errorf("%d trades of %d, %d gaps, %d and %d snapshots", len(r.Trades), len(tp.parts[0]), r.Gaps, r.Snapshots, known.Room(book).Snapshots)
	}
}

// resume subscribes again to every room that is known, from where it is.
func (c *client) resume() {
	c.t.Helper()
	var rooms []string
	c.mu.Lock()
	for name, r := range c.known.Rooms {
		if r.Has {
			rooms = append(rooms, fmt.Sprintf(`{"room":%q,"since":{"epoch":%q,"seq":%d}}`, name, r.Epoch, r.Seq))
		} else {
			rooms = append(rooms, fmt.Sprintf("%q", name))
		}
	}
	c.mu.Unlock()
	if len(rooms) > 0 {
		c.say(`{"op":"subscribe","id":"resume","rooms":[%s]}`, strings.Join(rooms, ","))
		c.answer(`"resume"`)
	}
}

// A source that fails ends the server in order, with its error.
func TestSourceFails(t *testing.T) {
	fail := make(failing)
	n := start(t, nil, func(c *Config) { c.Source = fail })
	p := join(t, n, 0, "")
	_, _, _ = p.next()
	fail <- errors.New("disk on fire")
	if e := p.drain(); e.code != 4001 {
		t.Errorf("closed with %d, %v", e.code, e.bad)
	}
	<-n.ended
	if n.err == nil || n.err.Error() != "source: disk on fire" {
		t.Errorf("ended with %v", n.err)
	}
	n.err = nil
}

// failing is a source that comes to an end.
type failing chan error

func (f failing) Run(ctx context.Context, sink feed.Sink) error {
	sink.Assign(nil)
	select {
	case err := <-f:
		return err
	case <-ctx.Done():
		return nil
	}
}
