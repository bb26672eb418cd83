package player_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"tapedeck/feed"
	"tapedeck/feed/player"
	"tapedeck/feed/tape"
	"tapedeck/throttle"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var format = &feed.Format{Name: "made", Scope: feed.ScopeSymbol}

func formats(name string) (*feed.Format, bool) { return format, name == format.Name }

const start = int64(1_700_000_000_000_000)

// recording is an archive of some partitions, whose records' times go up and down; and its order.
func recording(seed uint64, parts, records int) (*tape.Tape, []string) {
	r := rand.New(rand.NewPCG(seed, 1))
	t := tape.New(1 << 30)
	type placed struct {
		clock int64
		part  int
		line  string
	}
	var all []placed
	for part := range parts {
		id := feed.LogID{Topic: "t", Partition: int32(part), Format: format.Name}
		at := start + 15_000 + r.Int64N(1e6)
		first := int64(0)
		for offset := range records {
			at += r.Int64N(20_000)
			rec := feed.Record{Offset: int64(offset), Time: at - r.Int64N(15_000), Value: []byte("x")}
			t.Append(id, &rec)
			if first == 0 {
				first = rec.Time
			}
		}
		t.Read(context.Background(), id, feed.Window{Bytes: 1 << 30}, func(rec *feed.Record) error {
			all = append(all, placed{max(rec.Clock, first), part, fmt.Sprintf("%d/%d", part, rec.Offset)})
			return nil
		})
	}
	slices.SortStableFunc(all, func(a, b placed) int {
		if a.clock != b.clock {
			return int(a.clock - b.clock)
		}
		return a.part - b.part
	})
	var order []string
	for _, p := range all {
		order = append(order, p.line)
	}
	return t, order
}

// stage notes what is played to it.
type stage struct {
	mu     sync.Mutex
	told   []string // since Set
	times  []int64  // when, ns
	clocks []int64
	began  int64 // when it was shown, ns
	shown  int   // how many of told were there at Show
	sames  []bool
	states []player.Status
	turns  bool // told has it where logs end or begin anew
	brake  chan struct{}
	hold   chan struct{} // of Settle; nil: nobody has to be waited for
	live   func(unarchived func(string) bool) bool
	bell   chan struct{}
}

func newStage() *stage { return &stage{bell: make(chan struct{}, 1)} }

func (s *stage) Set([]string) feed.Sink {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told, s.times, s.clocks, s.shown = nil, nil, nil, -1
	return s
}

func (s *stage) Show(same bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shown, s.began = len(s.told), time.Now().UnixNano()
	s.sames = append(s.sames, same)
}

func (s *stage) Brake() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.brake == nil {
		return nil
	}
	return s.brake
}
func (s *stage) Settle() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	ch := make(chan struct{})
	if s.hold != nil {
		return s.hold
	}
	close(ch)
	return ch
}
func (s *stage) Live(unarchived func(string) bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.live != nil && s.live(unarchived)
}
func (s *stage) Missing(why string) { s.Tell(player.Status{State: "missing", Reason: why}) }
func (s *stage) Tell(st player.Status) {
	s.mu.Lock()
	s.states = append(s.states, st)
	s.mu.Unlock()
	select {
	case s.bell <- struct{}{}:
	default:
	}
}
func (s *stage) Assign([]feed.Partition) {}
func (s *stage) Waiting(string)          {}
func (s *stage) Open(p feed.Partition, at feed.Start) feed.Log {
	return &noted{stage: s, part: p.ID}
}

type noted struct {
	stage *stage
	part  int32
}

func (n *noted) Record(r *feed.Record) {
	n.stage.mu.Lock()
	defer n.stage.mu.Unlock()
	n.stage.told = append(n.stage.told, fmt.Sprintf("%d/%d", n.part, r.Offset))
	n.stage.times = append(n.stage.times, time.Now().UnixNano())
	n.stage.clocks = append(n.stage.clocks, cmp.Or(r.Clock, r.Time))
}
func (n *noted) Lost(from, to int64, why feed.Loss) {
	n.stage.mu.Lock()
	defer n.stage.mu.Unlock()
	n.stage.told = append(n.stage.told, fmt.Sprintf("%d lost %d-%d %s", n.part, from, to, why))
}
func (n *noted) Restart(feed.Start) { n.note("anew") }
func (n *noted) Ended()             { n.note("ended") }

// note is of tests that want to know.
func (n *noted) note(what string) {
	n.stage.mu.Lock()
	defer n.stage.mu.Unlock()
	if n.stage.turns {
		n.stage.told = append(n.stage.told, fmt.Sprintf("%d %s", n.part, what))
	}
}
func (n *noted) End(int64)   {}
func (n *noted) Down(string) {}
func (n *noted) Up()         {}

// until waits for a state.
func (s *stage) until(t *testing.T, want func(player.Status) bool) player.Status {
	t.Helper()
	deadline := time.After(time.Minute)
	for seen := 0; ; {
		s.mu.Lock()
		list := s.states
		s.mu.Unlock()
		for ; seen < len(list); seen++ {
			if want(list[seen]) {
				return list[seen]
			}
		}
		select {
		case <-s.bell:
		case <-deadline:
			t.Fatalf("waited in vain: %+v", list)
		}
	}
}

func is(state player.State) func(player.Status) bool {
	return func(s player.Status) bool { return s.State == state }
}

func play(t *testing.T, c player.Config, s *stage) *player.Player {
	t.Helper()
	c.Formats = formats
	p := player.New(c, s)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { p.Run(ctx); close(done) }()
	t.Cleanup(func() { cancel(); <-done })
	return p
}

func TestEverythingInOrder(t *testing.T) {
	arch, want := recording(1, 4, 3000)
	for _, buffer := range []int{1 << 10, 1 << 24} {
		s := newStage()
		p := play(t, player.Config{Archive: arch, From: start, Speed: throttle.Max, Buffer: buffer}, s)
		p.Do(player.Command{Op: player.Widen})
		s.until(t, is(player.End))
		if s.shown != 0 || !slices.Equal(s.told, want) {
			t.Fatalf("%d records were played of %d, or in another order; %d were there before", len(s.told), len(want), s.shown)
		}
	}
}

// Records come when they are due: the clock here is made up, so to the nanosecond.
func TestPace(t *testing.T) {
	for _, speed := range []throttle.Speed{throttle.Slowest, throttle.Natural, 10 * throttle.Natural, throttle.Fastest} {
		synctest.Test(t, func(t *testing.T) {
			arch, want := recording(2, 3, 300)
			s := newStage()
			p := play(t, player.Config{Archive: arch, From: start, Speed: speed}, s)
			p.Do(player.Command{Op: player.Widen})
			began := time.Now().UnixNano()
			time.Sleep(100 * time.Millisecond)
			p.Do(player.Command{Op: player.Pause})
			synctest.Wait()
			paused := len(s.told)
			time.Sleep(time.Hour)
			synctest.Wait()
			if len(s.told) != paused {
				t.Fatalf("%d records came in a pause", len(s.told)-paused)
			}
			p.Do(player.Command{Op: player.Resume})
			time.Sleep(24 * time.Hour)
			synctest.Wait()
			if !slices.Equal(s.told, want) {
				t.Fatalf("%d records were played of %d", len(s.told), len(want))
			}
			for i, at := range s.times {
				planned := began + (s.clocks[i]-start)*1_000_000/int64(speed)
				if i >= paused {
					planned += int64(time.Hour)
				}
				if late := at - planned; late < -2000 || late > 2000 { // the pause rounds to a µs of log time
					t.Fatalf("speed %v: record %d came %v late", speed, i, time.Duration(late))
				}
			}
		})
	}
}

func TestSlowAudienceStopsTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		arch, want := recording(3, 2, 200)
		s := newStage()
		p := play(t, player.Config{Archive: arch, From: start, Speed: throttle.Natural}, s)
		p.Do(player.Command{Op: player.Widen})
		time.Sleep(time.Second)
		brake := make(chan struct{})
		s.mu.Lock()
		s.brake = brake
		s.mu.Unlock()
		time.Sleep(time.Second)
		synctest.Wait()
		held := len(s.told)
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(s.told) != held {
			t.Fatal("it outran its audience")
		}
		s.mu.Lock()
		s.brake = nil
		s.mu.Unlock()
		close(brake)
		time.Sleep(time.Hour)
		synctest.Wait()
		if !slices.Equal(s.told, want) {
			t.Fatalf("%d records were played of %d", len(s.told), len(want))
		}
		for i := held + 2; i < len(s.times); i++ {
			if apart, planned := s.times[i]-s.times[held+1], (s.clocks[i]-s.clocks[held+1])*1000; apart < planned-2e6 || apart > planned+2e6 {
				t.Fatalf("record %d came %v after the first behind the brake, want %v", i, time.Duration(apart), time.Duration(planned))
			}
		}
	})
}

// Whatever is commanded, what the stage has been told is the beginning of the order; a seek and a step are exact.
func TestRandomCommands(t *testing.T) {
	arch, want := recording(4, 3, 1500)
	clockOf := map[string]int64{}
	for part := range int32(3) {
		arch.Read(t.Context(), feed.LogID{Topic: "t", Partition: part, Format: format.Name}, feed.Window{Bytes: 1 << 30}, func(r *feed.Record) error {
			clockOf[fmt.Sprintf("%d/%d", part, r.Offset)] = cmp.Or(r.Clock, r.Time)
			return nil
		})
	}
	for seed := range uint64(25) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 5))
			s := newStage()
			p := play(t, player.Config{Archive: arch, From: start, Speed: throttle.Natural, Warmup: time.Hour, Buffer: 1 << uint(10+r.IntN(10))}, s)
			p.Do(player.Command{Op: player.Widen, Symbols: []string{"a"}})
			for n := range 40 {
				synctest.Wait()
				before := len(s.told)
				c := player.Command{Op: player.Op(r.IntN(7))}
				switch c.Op {
				case player.SetSpeed:
					c.Speed = throttle.Speed(100 + r.Int64N(50_000))
				case player.Seek:
					c.At = start + r.Int64N(16e6)
				case player.SeekLive:
					continue
				case player.Step:
					c.Records = 1 + r.Int64N(200)
					p.Do(player.Command{Op: player.Pause})
					synctest.Wait()
					before = len(s.told)
				case player.Widen:
					c.Symbols = []string{fmt.Sprint(n)}
				}
				p.Do(c)
				if r.IntN(2) == 0 {
					time.Sleep(time.Duration(r.Int64N(2e8)))
				}
				synctest.Wait()
				switch c.Op {
				case player.Step:
					if got := len(s.told); got != min(before+int(c.Records), len(want)) {
						t.Fatalf("seed %d: after %d steps from %d it is at %d", seed, c.Records, before, got)
					}
				case player.Seek:
					for i, line := range want {
						if s.shown >= 0 && (i < s.shown) != (clockOf[line] < c.At) {
							t.Fatalf("seed %d: %d records were there when it had sought", seed, s.shown)
						}
					}
				case player.Widen:
					if !s.sames[len(s.sames)-1] && s.shown > 0 && len(s.sames) > 1 {
						before = s.shown
					}
					if len(s.told) < before {
						t.Fatalf("seed %d: widening lost %d records", seed, before-len(s.told))
					}
				}
				if !slices.Equal(s.told, want[:len(s.told)]) {
					t.Fatalf("seed %d: what was told is not the beginning of the order", seed)
				}
			}
		})
	}
}

// shaky is an archive that is away every now and then, also amid a window.
type shaky struct {
	*tape.Tape
	r    *rand.Rand
	mu   sync.Mutex
	down bool
}

var errAway = errors.New("connection refused")

func (a *shaky) Read(ctx context.Context, id feed.LogID, w feed.Window, take func(*feed.Record) error) (int64, error) {
	a.mu.Lock()
	n, down := a.r.IntN(40), a.down
	a.mu.Unlock()
	if down {
		return w.From, errAway
	}
	return a.Tape.Read(ctx, id, w, func(r *feed.Record) error {
		if n--; n == 0 {
			return errAway
		}
		return take(r)
	})
}

func TestArchiveGoesAndComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		arch, want := recording(6, 3, 800)
		bad := &shaky{Tape: arch, r: rand.New(rand.NewPCG(1, 1)), down: true}
		s := newStage()
		p := play(t, player.Config{Archive: bad, From: start, Speed: throttle.Max, Buffer: 1 << 10}, s)
		p.Do(player.Command{Op: player.Widen})
		time.Sleep(time.Minute)
		s.until(t, func(st player.Status) bool { return st.State == player.Playing && st.Reason != "" })
		bad.mu.Lock()
		bad.down = false
		bad.mu.Unlock()
		time.Sleep(10 * time.Hour)
		s.until(t, is(player.End))
		if !slices.Equal(s.told, want) {
			t.Fatalf("%d records were played of %d", len(s.told), len(want))
		}
	})
}

func TestHolesAreTold(t *testing.T) {
	arch := tape.New(1 << 20)
	id := feed.LogID{Topic: "t", Format: format.Name}
	for _, offset := range []int64{3, 4, 9, 10} {
		arch.Append(id, &feed.Record{Offset: offset, Time: start + offset})
	}
	arch.Lost(id, feed.Hole{From: 5, To: 9, Why: feed.LossArchive})
	s := newStage()
	p := play(t, player.Config{Archive: arch, From: start, Speed: throttle.Max}, s)
	p.Do(player.Command{Op: player.Widen})
	s.until(t, is(player.End))
	if want := []string{"0/3", "0/4", "0 lost 5-9 archive", "0/9", "0/10"}; !slices.Equal(s.told, want) {
		t.Fatalf("told %q, want %q", s.told, want)
	}
}

func TestNothingOfThatTime(t *testing.T) {
	arch, _ := recording(7, 1, 10)
	s := newStage()
	play(t, player.Config{Archive: arch, From: start + 1e12, Speed: throttle.Max}, s)
	if st := s.until(t, is("missing")); st.Reason == "" {
		t.Fatal("it does not say why")
	}
}
