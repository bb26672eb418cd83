package publish

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestPace(t *testing.T) {
	tests := []struct {
		speed float64
		want  []time.Duration // when each message goes, from the first
	}{
		{1, []time.Duration{0, 1, 1, 1, 100, 100_000}}, // the fourth was received before the third: at once
		{10, []time.Duration{0, 0, 0, 0, 10, 10_000}},
		{0.1, []time.Duration{0, 10, 10, 10, 1000, 1_000_000}},
		{0, []time.Duration{0, 0, 0, 0, 0, 0}},
	}
	received := []int64{5_000_000, 5_001_000, 5_001_000, 5_000_500, 5_100_000, 105_000_000} // µs
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			p := pacer{speed: tt.speed}
			begin := time.Now()
			for i, at := range received {
				if err := p.wait(t.Context(), at); err != nil {
					t.Fatal(err)
				}
				if got := time.Since(begin); got.Truncate(time.Millisecond) != tt.want[i]*time.Millisecond {
					t.Errorf("speed %v: message %d goes after %s, want %dms", tt.speed, i, got, tt.want[i])
				}
			}
		})
	}
}

// What takes time between the messages does not add up: an hour of messages takes an hour.
func TestPaceDoesNotDrift(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pacer{speed: 2}
		begin := time.Now()
		for i := range int64(7_200) {
			if err := p.wait(t.Context(), i*1_000_000+i%7); err != nil {
				t.Fatal(err)
			}
			time.Sleep(300 * time.Microsecond) // the sending
			if i == 1000 {
				time.Sleep(10 * time.Second) // a broker that was away for a while
			}
		}
		if got := time.Since(begin); got < 3_599_500*time.Millisecond || got > 3_599_501*time.Millisecond {
			t.Errorf("took %s", got)
		}
	})
}

func TestPaceEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		p := pacer{speed: 1}
		begin := time.Now()
		_ = p.wait(ctx, 0)
		if err := p.wait(ctx, 3_600_000_000); err == nil || time.Since(begin) != time.Second {
			t.Errorf("waited %s: %v", time.Since(begin), err)
		}
		fast := pacer{}
		if err := fast.wait(ctx, 0); err == nil {
			t.Error("as fast as possible, it must end all the same")
		}
	})
}
