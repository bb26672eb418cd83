package player_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"tapedeck/feed/player"
	"tapedeck/feed/tape"
	"tapedeck/throttle"
)

// paced plays a recording at a speed; the clock is made up.
func paced(t *testing.T, arch *tape.Tape, speed throttle.Speed) (*stage, *player.Player) {
	s := newStage()
	p := play(t, player.Config{Archive: arch, From: start, Speed: speed, Buffer: 64 << 10}, s)
	p.Do(player.Command{Op: player.Widen})
	return s, p
}

// planned is when (ns) a record of a log time is due, of what was shown at s.began and never paused: rounded up.
func (s *stage) planned(clock int64, speed throttle.Speed) int64 {
	return s.began + ((clock-start)*1_000_000+int64(speed)-1)/int64(speed)
}

// count is how many records came.
func (s *stage) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.told)
}

// Over more than five minutes, at several speeds, each record comes in the very nanosecond in which it is due: none is
// early, and there is no drift, since when one is due is reckoned from the beginning and not from the one before.
func TestPaceHasNoDrift(t *testing.T) {
	arch, want := recording(8, 1, 33_000) // 330 s
	for _, speed := range []throttle.Speed{throttle.Natural, 10 * throttle.Natural, 100 * throttle.Natural, 700} {
		synctest.Test(t, func(t *testing.T) {
			s, _ := paced(t, arch, speed)
			time.Sleep(time.Hour)
			synctest.Wait()
			if len(s.told) != len(want) {
				t.Fatalf("%d records came of %d", len(s.told), len(want))
			}
			if played := s.times[len(s.times)-1] - s.began; played < int64(300*time.Second)*1000/int64(speed) {
				t.Fatalf("only %v were played", time.Duration(played))
			}
			for i, at := range s.times {
				if due := s.planned(s.clocks[i], speed); at != due {
					t.Fatalf("speed %v: record %d came %v after it was due", speed, i, time.Duration(at-due))
				}
			}
		})
	}
}

// apart checks that records from one on are as far apart as planned, to the 2 µs that a pause is rounded to: whatever was
// before, they come in no burst.
func (s *stage) apart(t *testing.T, from int, speed throttle.Speed) {
	t.Helper()
	if from >= len(s.times)-100 {
		t.Fatalf("%d records came, %d before it was to be seen: that says nothing", len(s.times), from)
	}
	for i := from + 1; i < len(s.times); i++ {
		got, want := s.times[i]-s.times[from], s.planned(s.clocks[i], speed)-s.planned(s.clocks[from], speed)
		if got < want-2000 || got > want+2000 {
			t.Fatalf("speed %v: record %d came %v after record %d, want %v", speed, i, time.Duration(got), from, time.Duration(want))
		}
	}
}

// After a pause, however long, nothing comes at once that would not have: the first record as long after the pause as it
// would have come after its beginning, and the others as far apart as ever.
func TestPaceAfterAPause(t *testing.T) {
	arch, _ := recording(9, 3, 2000)
	for _, speed := range []throttle.Speed{throttle.Natural, 10 * throttle.Natural, 100 * throttle.Natural} {
		synctest.Test(t, func(t *testing.T) {
			s, p := paced(t, arch, speed)
			stood := int64(0)
			for range 5 {
				time.Sleep(20 * time.Millisecond)
				p.Do(player.Command{Op: player.Pause})
				synctest.Wait()
				before := s.count()
				time.Sleep(17 * time.Minute)
				stood += int64(17 * time.Minute)
				synctest.Wait()
				if s.count() != before {
					t.Fatal("something came in a pause")
				}
				p.Do(player.Command{Op: player.Resume})
				time.Sleep(20 * time.Millisecond)
				synctest.Wait()
				s.mu.Lock()
				for i := before; i < len(s.times); i++ {
					if late := s.times[i] - s.planned(s.clocks[i], speed) - stood; late < -10_000 || late > 10_000 {
						t.Fatalf("speed %v: record %d came %v after it was due", speed, i, time.Duration(late))
					}
				}
				s.mu.Unlock()
			}
			before := s.count()
			time.Sleep(time.Hour)
			synctest.Wait()
			s.apart(t, before, speed)
		})
	}
}

// An audience that has to be waited for again and again, a little each time, does not make the replay drift; one that is waited
// for long stops its clock, and what follows comes at its pace.
func TestPaceOfAnAudienceThatIsWaitedFor(t *testing.T) {
	arch, _ := recording(10, 3, 3000)
	const speed = 5 * throttle.Natural
	synctest.Test(t, func(t *testing.T) {
		s, _ := paced(t, arch, speed)
		hold := func(d time.Duration) (before int) {
			brake := make(chan struct{})
			s.mu.Lock()
			s.brake = brake
			before = len(s.told)
			s.mu.Unlock()
			time.Sleep(d)
			s.mu.Lock()
			s.brake = nil
			s.mu.Unlock()
			close(brake)
			return before
		}
		for range 20 {
			time.Sleep(30 * time.Millisecond)
			before := hold(20 * time.Millisecond)
			synctest.Wait()
			if missed := s.count() - before; missed > 80 {
				t.Fatalf("%d records came at once after 20 ms: 30 are due in them", missed)
			}
		}
		time.Sleep(10 * time.Millisecond)
		synctest.Wait()
		caught := s.count()
		time.Sleep(200 * time.Millisecond)
		synctest.Wait()
		s.mu.Lock()
		for i := caught; i < len(s.times); i++ {
			if due := s.planned(s.clocks[i], speed); s.times[i] != due {
				t.Fatalf("record %d came %v after it was due, though nobody had to be waited for", i, time.Duration(s.times[i]-due))
			}
		}
		s.mu.Unlock()
		before := hold(time.Hour)
		synctest.Wait()
		if burst := s.count() - before; burst > 3 { // what was being played, and one that was due
			t.Fatalf("%d records came at once after an hour", burst)
		}
		after := s.count()
		time.Sleep(time.Hour)
		synctest.Wait()
		s.apart(t, after, speed)
		if !slices.IsSorted(s.times) {
			t.Fatal("time went back")
		}
	})
}
