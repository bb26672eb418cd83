package player_test

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"testing"
	"time"

	"tapedeck/feed"
	"tapedeck/feed/player"
	"tapedeck/throttle"
)

var pace = flag.Duration("pace", 6*time.Second, "for how long BenchmarkPace plays at each speed")

// BenchmarkPace plays in real time for as long as -pace says and reports how much later than due records were played, and by how much
// the last one was. A loop that does nothing but wait for a timer beside it shows what the machine itself is late by:
// go test ./feed/player -run - -bench Pace -benchtime 1x -pace 5m
func BenchmarkPace(b *testing.B) {
	for _, speed := range []throttle.Speed{throttle.Natural, 10 * throttle.Natural, 100 * throttle.Natural} {
		b.Run(speed.String()+"x", func(b *testing.B) {
			times := int(speed / throttle.Natural)
			arch, _ := recording(1, 4, times*int((*pace+time.Second)/(10*time.Millisecond))) // 100 records a second
			for b.Loop() {
				s := newStage()
				p := player.New(player.Config{Archive: arch, Formats: formats, From: start, Speed: speed}, s)
				p.Do(player.Command{Op: player.Widen})
				ctx, stop := context.WithCancel(b.Context())
				done := make(chan struct{})
				go func() { p.Run(ctx); close(done) }()
				noise := timers(*pace)
				stop()
				<-done
				var late []float64
				for i := s.shown; i < len(s.times); i++ {
					late = append(late, float64(s.times[i]-s.planned(s.clocks[i], speed))/1e6)
				}
				last := slices.Clone(late[len(late)-20:])
				slices.Sort(last)
				b.ReportMetric(last[len(last)/2], "ms-drift") // the middle of the last ones
				report(b, "late", late)
				report(b, "timer", noise)
				b.ReportMetric(float64(len(late))/pace.Seconds(), "records/s")
				b.ReportMetric(0, "ns/op")
			}
		})
	}
}

// timers waits for one timer after the other and returns by how many ms each was late.
func timers(d time.Duration) (late []float64) {
	for due, end := time.Now(), time.Now().Add(d); due.Before(end); {
		due = due.Add(5 * time.Millisecond)
		t := time.NewTimer(time.Until(due))
		<-t.C
		late = append(late, float64(time.Since(due))/1e6)
	}
	return late
}

func report(b *testing.B, what string, ms []float64) {
	slices.Sort(ms)
	b.ReportMetric(ms[len(ms)/2], fmt.Sprintf("ms-%s-p50", what))
	b.ReportMetric(ms[len(ms)*99/100], fmt.Sprintf("ms-%s-p99", what))
}

// BenchmarkMax plays as fast as it goes, to a stage that does nothing: what a record costs the player.
func BenchmarkMax(b *testing.B) {
	arch, want := recording(1, 4, 40_000)
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		s := newStage()
		p := player.New(player.Config{Archive: arch, Formats: formats, From: start, Speed: throttle.Max}, idle{s})
		p.Do(player.Command{Op: player.Widen})
		go p.Run(b.Context())
		for ended := false; !ended; {
			<-s.bell
			s.mu.Lock()
			ended = len(s.states) > 0 && s.states[len(s.states)-1].State == player.End
			s.mu.Unlock()
		}
	}
	b.ReportMetric(float64(b.N*len(want))/b.Elapsed().Seconds(), "records/s")
}

// idle is a stage whose logs do nothing.
type idle struct{ *stage }

func (s idle) Set([]string) feed.Sink                 { return s }
func (s idle) Show(bool)                              {}
func (idle) Open(feed.Partition, feed.Start) feed.Log { return &nothing{} }

type nothing struct{ noted }

func (*nothing) Record(*feed.Record) {}
