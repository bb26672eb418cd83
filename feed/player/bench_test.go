package player_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"tapedeck/feed"
	"tapedeck/feed/player"
	"tapedeck/throttle"
)

// BenchmarkPace plays in real time for some seconds and reports the distance between planned and actual: go test
// ./feed/player -run - -bench Pace -benchtime 1x
func BenchmarkPace(b *testing.B) {
	arch, _ := recording(1, 4, 40_000)
	for _, speed := range []throttle.Speed{1000, 10_000, 100_000} {
		b.Run(fmt.Sprint(speed, "x"), func(b *testing.B) {
			for range b.N {
				s := newStage()
				p := player.New(player.Config{Archive: arch, Formats: formats, From: start + 1e6, Speed: speed}, s)
				p.Do(player.Command{Op: player.Widen})
				done := make(chan struct{})
				go func() { p.Run(b.Context()); close(done) }()
				time.Sleep(8 * time.Second)
				p.Do(player.Command{Op: player.Pause})
				time.Sleep(100 * time.Millisecond)
				s.mu.Lock()
				var late []float64
				for i := s.shown; i < len(s.times); i++ {
					planned := s.began + (s.clocks[i]-start-1e6)*1_000_000/int64(speed)
					late = append(late, float64(s.times[i]-planned)/1e6)
				}
				s.mu.Unlock()
				drift := late[len(late)-1]
				slices.Sort(late)
				b.ReportMetric(late[len(late)*99/100], "ms-late-p99")
				b.ReportMetric(drift, "ms-drift")
				b.ReportMetric(float64(len(late)), "records")
			}
		})
	}
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
