package player_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tapedeck/feed"
	"tapedeck/feed/player"
	"tapedeck/feed/tape"
	"tapedeck/throttle"
)

func logOf(topic, id string, partition int32) feed.LogID {
	return feed.LogID{Topic: topic, TopicID: id, Partition: partition, Format: format.Name}
}

// write appends records a second apart, from a second after start on.
func write(t *tape.Tape, id feed.LogID, offset, second, n int64) {
	for i := range n {
		t.Append(id, &feed.Record{Offset: offset + i, Time: start + (second+i)*1e6, Value: []byte("x")})
	}
}

// what is told, as far as it has come.
func (s *stage) sofar() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.told)
}

func (s *stage) with(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// Before a log ends, and before it goes on as another one, the audience is waited for: whatever comes next is of other numbers.
func TestAudienceIsWaitedForWhereLogsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		arch := tape.New(1 << 20)
		write(arch, logOf("a", "1", 0), 0, 1, 3)
		write(arch, logOf("a", "2", 0), 0, 10, 3) // the topic was made anew
		write(arch, logOf("b", "1", 1), 0, 20, 3) // another topic, which goes on where that has ended
		s := newStage()
		s.turns, s.hold = true, make(chan struct{})
		p := play(t, player.Config{Archive: arch, From: start, Speed: throttle.Max}, s)
		p.Do(player.Command{Op: player.Widen})
		want := []string{"0/0", "0/1", "0/2"}
		for _, more := range [][]string{{"0 anew", "0/0", "0/1", "0/2"}, {"0 ended", "1/0", "1/1", "1/2"}} {
			time.Sleep(time.Minute)
			synctest.Wait()
			if got := s.sofar(); !slices.Equal(got, want) {
				t.Fatalf("told %q before the audience had it, want %q", got, want)
			}
			s.with(func() { close(s.hold); s.hold = make(chan struct{}) })
			want = append(want, more...)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := s.sofar(); !slices.Equal(got, want) {
			t.Fatalf("told %q, want %q", got, want)
		}
	})
}

// What the live timeline reads and the archive was not seen to hold is looked for before the audience is handed over: it is
// played from its beginning, or known not to be there.
func TestLogsThatTurnUpAreSeen(t *testing.T) {
	for name, tt := range map[string]struct {
		id   feed.LogID
		held bool
		want []string
	}{
		"a partition that had no record":        {logOf("a", "1", 1), true, []string{"0/0", "0/1", "0/2", "1/0", "1/1", "1/2"}},
		"a topic that was made anew":            {logOf("a", "2", 0), true, []string{"0/0", "0/1", "0/2", "0 ended", "0/0", "0/1", "0/2"}},
		"one that the archive is not told of":   {logOf("a", "1", 7), false, []string{"0/0", "0/1", "0/2"}},
		"a topic that sorts before the present": {logOf("A", "1", 1), true, []string{"0/0", "0/1", "0/2", "1/0", "1/1", "1/2"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				arch := tape.New(1 << 20)
				write(arch, logOf("a", "1", 0), 0, 10, 3)
				s := newStage()
				s.turns = true
				epoch, reached := tt.id.Epoch(format), false
				s.live = func(unarchived func(string) bool) bool {
					return reached && (len(s.told) == len(tt.want) && tt.held || unarchived(epoch))
				}
				p := play(t, player.Config{Archive: arch, From: start, Live: true, Speed: throttle.Max}, s)
				p.Do(player.Command{Op: player.Widen})
				time.Sleep(time.Second)
				if tt.held {
					write(arch, tt.id, 0, 5, 3) // older than what was played
				}
				s.with(func() { reached = true })
				time.Sleep(5 * time.Second) // less than without being asked
				s.until(t, is(player.Live))
				if got := s.sofar(); !slices.Equal(got, tt.want) {
					t.Errorf("told %q, want %q", got, tt.want)
				}
			})
		})
	}
}

// What turns up late is told at once, and the clock goes on as if it had not: the rest comes when it is due.
func TestLateLogsDoNotSetTheClockBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		arch := tape.New(1 << 20)
		write(arch, logOf("a", "1", 0), 0, 100, 1)
		write(arch, logOf("a", "1", 0), 1, 150, 1)
		s := newStage()
		p := play(t, player.Config{Archive: arch, From: start + 100e6, Live: true, Speed: throttle.Natural}, s)
		began := time.Now()
		p.Do(player.Command{Op: player.Widen})
		time.Sleep(time.Second)
		write(arch, logOf("a", "1", 1), 0, 50, 2)
		time.Sleep(time.Hour)
		synctest.Wait()
		if got := strings.Join(s.sofar(), " "); got != "0/0 1/0 1/1 0/1" {
			t.Fatalf("told %s", got)
		}
		if took := time.Unix(0, s.times[3]).Sub(began).Round(time.Second); took != 50*time.Second {
			t.Errorf("the last came after %v", took)
		}
	})
}

// A log that nobody writes any more ends where its archive does, also where the replay leads to the live timeline.
func TestLogThatDoesNotGrowEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		arch := tape.New(1 << 20)
		old, now := logOf("import", "1", 0), logOf("topic", "1", 1)
		write(arch, old, 0, 1, 2)
		write(arch, now, 0, 5, 2)
		s := newStage()
		s.turns = true
		p := play(t, player.Config{
			Archive: arch, From: start, Live: true, Speed: throttle.Max,
			Grows: func(epoch string) bool { return epoch == now.Epoch(format) },
		}, s)
		p.Do(player.Command{Op: player.Widen})
		time.Sleep(time.Second)
		write(arch, now, 2, 7, 1)
		write(arch, logOf("import", "2", 0), 0, 1, 9) // of a replay to live, what is not live and turns up is no part
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := strings.Join(s.sofar(), " "); got != "0/0 0/1 0 ended 1/0 1/1 1/2" {
			t.Fatalf("told %s", got)
		}
	})
}

// away is an archive whose trouble names its server.
type away struct{ *tape.Tape }

func (away) Logs(context.Context) ([]feed.Holding, error) {
	return nil, fmt.Errorf("%w: dial tcp 10.1.2.3:9000", feed.Trouble("the store is closed"))
}

// Clients are told that the archive does not answer, and who runs it also where it is.
func TestAddressesAreNotForEverybody(t *testing.T) {
	s := newStage()
	play(t, player.Config{Archive: away{}, From: start, Speed: throttle.Max}, s)
	st := s.until(t, func(st player.Status) bool { return st.Reason != "" })
	if strings.Contains(st.Reason, "10.1.2.3") || !strings.Contains(st.Reason, "the store is closed") || !strings.Contains(st.Err.Error(), "10.1.2.3") {
		t.Errorf("told %q, and %v", st.Reason, st.Err)
	}
}
