package e2e_test

import (
	"net"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tapedeck/feed/clickhouse"
	"tapedeck/server"
	"tapedeck/wire/mirror"
)

// door stands before a server: it is open, it holds back what the server answers, or it is shut. It may shut by itself after so
// many bytes of answers.
type door struct {
	net.Listener
	to string

	mu     sync.Mutex
	shut   bool
	hold   chan struct{} // nil: nothing is held back
	budget int           // bytes until it shuts; 0: it does not
	conns  map[net.Conn]bool
	cuts   int
	passes sync.WaitGroup
}

func newDoor(t *testing.T, to string) *door {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &door{Listener: l, to: to, conns: map[net.Conn]bool{}}
	d.passes.Go(d.serve)
	t.Cleanup(func() {
		l.Close()
		d.set(func() { d.shut = true })
		d.passes.Wait()
	})
	return d
}

// set changes how the door is. Who is on the way when it is shut is cut off.
func (d *door) set(change func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change()
	if d.shut {
		if d.hold != nil {
			close(d.hold)
			d.hold = nil
		}
		for c := range d.conns {
			c.Close()
		}
		clear(d.conns)
	}
}

func (d *door) open()       { d.set(func() { d.shut = false; d.budget = 0 }) }
func (d *door) close()      { d.set(func() { d.shut = true }) }
func (d *door) stall()      { d.set(func() { d.hold = make(chan struct{}) }) }
func (d *door) goOn()       { d.set(func() { close(d.hold); d.hold = nil }) }
func (d *door) cutIn(n int) { d.set(func() { d.budget = n }) }

func (d *door) serve() {
	for {
		in, err := d.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", d.to)
		if err != nil {
			in.Close()
			continue
		}
		d.mu.Lock()
		if d.shut {
			in.Close()
			out.Close()
		} else {
			d.conns[in], d.conns[out] = true, true
			d.passes.Go(func() { d.pass(in, out, false) })
			d.passes.Go(func() { d.pass(out, in, true) })
		}
		d.mu.Unlock()
	}
}

func (d *door) pass(from, to net.Conn, answers bool) {
	defer from.Close()
	defer to.Close()
	buf := make([]byte, 4<<10)
	for {
		n, err := from.Read(buf)
		d.mu.Lock()
		hold := d.hold
		if answers && d.budget > 0 {
			if d.budget -= n; d.budget <= 0 {
				d.budget, d.cuts = 0, d.cuts+1
				d.shut = true
			}
		}
		d.mu.Unlock()
		if hold != nil {
			<-hold
		}
		if err == nil {
			_, err = to.Write(buf[:n]) // what was read before it shut
		}
		d.set(func() {}) // and then all are cut off, if it has
		if err != nil {
			return
		}
	}
}

// stage is a recorded market behind a door, a server that replays it, and what its replay says undisturbed.
type stage struct {
	*city
	door   *door
	real   *clickhouse.DB
	node   *node
	want   verdict
	rooms  []string
	symbol string
}

// timeout is how long a query may take here, on a machine that is busy too; an operator's may take half a minute.
const timeout = 2 * time.Second

func newStage(t *testing.T, to string) *stage {
	t.Helper()
	s := &stage{city: newCity(t, 4), real: tables(t, to)}
	s.record(t, s.real)
	s.rooms = s.all()
	s.want = straight(t, s.replays(t, s.real), s.rooms...)
	if s.want.Entries < 1000 {
		t.Fatalf("%d entries say little", s.want.Entries)
	}
	s.door = newDoor(t, to)
	s.node = s.behind(t)
	return s
}

// behind serves the archive through the door.
func (s *stage) behind(t *testing.T) *node {
	db := openTables(t, clickhouse.Config{Addrs: []string{s.door.Addr().String()}, Database: s.real.Database(), Timeout: timeout})
	feeds, _ := s.feeds()
	return serving(t, server.Config{Archive: db, Feeds: feeds, Log: quiet})
}

// hears waits until a client is told that the replay does not go on, and why.
func (v *viewer) hears(t *testing.T, why string) {
	t.Helper()
	must(t, v.until("it is told that "+why, func(*mirror.Mirror) bool {
		return slices.ContainsFunc(v.states, func(m mirror.Message) bool { return m.State == "playing" && strings.Contains(m.Reason, why) })
	}))
}

// play opens a replay that is under way, or waits for its archive.
func (s *stage) play(t *testing.T, query string) *viewer {
	t.Helper()
	v := newViewer("viewer")
	v.path = "/v1/replay"
	must(t, v.connect(s.node.addr, "?from=1"+query))
	t.Cleanup(v.hangUp)
	v.ask(t, s.rooms)
	return v
}

// ask joins rooms and does not wait for the answer, which comes when the archive does.
func (v *viewer) ask(t *testing.T, rooms []string) {
	t.Helper()
	must(t, v.conn.WriteString(string(mustJSON(map[string]any{"op": "subscribe", "interval": "0", "rooms": rooms}))))
}

// whole holds what came in the end against the replay that was not disturbed.
func (s *stage) whole(t *testing.T, v *viewer) {
	t.Helper()
	if got := v.end(t); got != s.want {
		t.Errorf("%+v, undisturbed %+v", got, s.want)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, list := range v.told {
		for _, text := range list {
			if strings.HasPrefix(text, `{"t":"gap"`) && !strings.Contains(text, `"reason":"source"`) { // the venue's own are in what is recorded
				t.Errorf("nothing is lost, and yet: %s", text)
			}
		}
	}
	if last := v.states[len(v.states)-1]; last.Reason != "" {
		t.Errorf("it ended with %s", last.Raw)
	}
}

// ClickHouse is down when a replay begins; goes down again and again amid a window; and stalls for longer than a query
// may take: the clients are told, and when it is back the replay goes on, every entry once.
func TestClickHouseGoesAndComesBack(t *testing.T) {
	s := newStage(t, realClickHouse(t))
	t.Run("down at the start", func(t *testing.T) {
		s.door.close()
		v := s.play(t, "&speed=max")
		v.hears(t, "the archive does not answer: ClickHouse does not answer, trying again")
		early := newViewer("early") // who steers before he joins a room is heard all the same
		early.path = "/v1/replay"
		must(t, early.connect(s.node.addr, "?from=1&speed=max"))
		defer early.hangUp()
		early.do(t, "pause")
		early.do(t, "resume")
		early.ask(t, s.rooms)
		s.door.open()
		s.whole(t, early)
		s.whole(t, v)
	})
	t.Run("dying amid a window", func(t *testing.T) {
		s.door.cutIn(20_000)
		v := s.play(t, "&speed=max")
		for n := 1; n < 8; n++ {
			over := false
			until(t, "it is cut off", func() string {
				v.mu.Lock()
				defer v.mu.Unlock()
				s.door.mu.Lock()
				defer s.door.mu.Unlock()
				if over = len(v.states) > 0 && v.states[len(v.states)-1].State == "end"; !over && !s.door.shut {
					return "it is open"
				}
				return ""
			})
			if over {
				break
			}
			if n%2 == 1 {
				time.Sleep(20 * time.Millisecond) // so that some attempts find it shut
			}
			s.door.set(func() { s.door.shut, s.door.budget = false, 30_000*n })
		}
		s.door.open()
		v.hears(t, "ClickHouse does not answer")
		s.whole(t, v)
		s.door.mu.Lock()
		defer s.door.mu.Unlock()
		if s.door.cuts < 3 {
			t.Errorf("it was cut off %d times: that says little", s.door.cuts)
		}
	})
	t.Run("stalling", func(t *testing.T) {
		s.door.stall()
		v := s.play(t, "&speed=max")
		v.hears(t, "ClickHouse does not answer")
		time.Sleep(timeout) // more than one attempt
		s.door.goOn()
		s.whole(t, v)
	})
	t.Run("stalling later", func(t *testing.T) {
		s.door.open()
		v := s.play(t, "&speed=1000&maxgap=10ms")
		must(t, v.until("something is told", func(m *mirror.Mirror) bool { return len(m.Rooms) > 0 && len(v.told) > 20 }))
		s.door.stall()
		v.say(t, `[{"op":"seek","to":1},{"op":"speed","speed":"max"}]`)
		v.hears(t, "ClickHouse does not answer")
		s.door.goOn()
		s.whole(t, v)
	})
}

// say sends a frame of commands.
func (v *viewer) say(t *testing.T, text string) {
	t.Helper()
	must(t, v.conn.WriteString(text))
}

// The archive's tables are another schema's when a replay begins, and while one is played: the clients are told what to do, and
// when it is done the replay goes on.
func TestClickHouseOfAnotherSchema(t *testing.T) {
	s := newStage(t, realClickHouse(t))
	exec := func(statement string) {
		t.Helper()
		must(t, s.real.Conn().Exec(t.Context(), statement))
	}
	for _, table := range []string{"days", "marks", "records", "holes", "checkpoints"} {
		t.Run(table, func(t *testing.T) {
			name, away := s.real.Table(table), s.real.Table(table+"_away")
			exec("RENAME TABLE " + name + " TO " + away)
			back := func() {
				exec("DROP TABLE IF EXISTS " + name)
				exec("RENAME TABLE " + away + " TO " + name)
			}
			v := s.play(t, "&speed=max&session="+table)
			v.hears(t, "tables are not as expected")
			exec("CREATE TABLE " + name + " (day Date, something UInt8) ENGINE = MergeTree(day, something, 8192)") // another program's
			other := s.play(t, "&speed=max&session="+table)
			other.hears(t, "tables are not as expected")
			back()
			s.whole(t, v)
			s.whole(t, other)
		})
	}
}

// The server's process is killed while it is read, and started again.
func TestClickHouseCrash(t *testing.T) {
	realClickHouse(t)
	run := func(command string) string {
		t.Helper()
		out, err := exec.Command("../deploy/test-services/clickhouse.sh", command, "replaying").Output()
		if err != nil {
			t.Fatalf("clickhouse.sh %s: %v", command, err)
		}
		return strings.TrimSpace(string(out))
	}
	run("start")
	t.Cleanup(func() { run("stop") })
	s := newStage(t, run("address"))
	for range 3 {
		s.door.cutIn(25_000) // amid something
		v := s.play(t, "&speed=max")
		until(t, "it is read", func() string {
			s.door.mu.Lock()
			defer s.door.mu.Unlock()
			if s.door.cuts == 0 {
				return "not yet"
			}
			return ""
		})
		run("kill")
		s.door.set(func() { s.door.shut, s.door.cuts = false, 0 })
		v.hears(t, "ClickHouse does not answer")
		run("start")
		s.whole(t, v)
		v.hangUp()
	}
}
