package throttle_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"tapedeck/throttle"
)

func TestParseSpeed(t *testing.T) {
	for text, want := range map[string]throttle.Speed{
		"1": 1000, "0.1": 100, "1000": throttle.Fastest, "2.5": 2500, "0.125": 125, "max": throttle.Max, "10.": 10000,
		"0": 0, "0.09": 0, "1000.001": 0, "-1": 0, "": 0, "1e3": 0, "1.2345": 0, "x": 0, "1.x": 0, "99999999": 0,
	} {
		got, ok := throttle.ParseSpeed(text)
		if ok != (want != 0) || ok && got != want {
			t.Errorf("%q: %d %v, want %d", text, got, ok, want)
		}
		if back, again := throttle.ParseSpeed(got.String()); ok && (!again || back != got) {
			t.Errorf("%q: %s reads as %d", text, got, back)
		}
	}
}

// A record is due when the clock reaches it and not a nanosecond earlier, at any speed and however long it has gone.
func TestPlaybackIsExact(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		at, real := r.Int64N(2e15), r.Int64N(2e18)
		p := throttle.NewPlayback(at, throttle.Speed(100+r.Int64N(999_901)), 0)
		if p.Due(at) != math.MaxInt64 {
			t.Fatal("something is due while the clock stands")
		}
		p.Go(real)
		record := at + r.Int64N(1<<uint(1+r.IntN(45)))
		due := p.Due(record)
		if p.At(due) < record || p.At(due-1) >= record && record > at {
			t.Fatalf("speed %v: %d µs on, due after %d ns, the clock is then at %d, before at %d", p.Speed(), record-at, due-real, p.At(due)-at, p.At(due-1)-at)
		}
	}
}

// However often it is stopped and set to other speeds, the clock never goes back, nothing becomes due earlier for having
// waited, and the time that it went adds up to the log time that it passed.
func TestPlaybackOfRandomCommands(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 3))
		now, at := int64(1e18), int64(1e15)
		p := throttle.NewPlayback(at, throttle.Natural, 0)
		want := float64(at) // reckoned in the open: small steps and floats
		for range 200 {
			before := p.At(now)
			switch r.IntN(4) {
			case 0:
				p.Go(now)
			case 1:
				p.Stop(now)
			case 2:
				p.SetSpeed(throttle.Speed(100+r.Int64N(20000)), now)
			case 3:
				d := r.Int64N(5e9)
				if p.Going() {
					want += float64(d) / 1e3 * float64(p.Speed()) / 1e3
				}
				now += d
			}
			if got := p.At(now); got < before || math.Abs(float64(got)-want) > 200 { // a µs a command is rounded away
				t.Fatalf("seed %d: at %d, was %d, want %.0f", seed, got, before, want)
			}
			if next := p.At(now) + 1e6; p.Going() && p.Due(next) < now+int64(1e12/float64(p.Speed()))-1e6 {
				t.Fatalf("seed %d: a record that is a second on is due in %v at speed %v", seed, time.Duration(p.Due(next)-now), p.Speed())
			}
		}
	}
}

func TestPlaybackCutsIdleTime(t *testing.T) {
	const second, hour = int64(1e6), int64(3600e6)
	p := throttle.NewPlayback(0, 2000, 10*time.Second)
	p.Go(0)
	for i, c := range []struct{ at, due int64 }{ // µs, and ns
		{1 * second, 5e8},
		{11 * second, 55e8},                  // ten seconds are not too long
		{1 * hour, 105e8},                    // an hour is ten seconds, at double speed five
		{1*hour + 2*second, 115e8},           // and goes on from there
		{3*hour + 2*second, 165e8},           //
		{3*hour + 2*second, 165e8},           // at once
		{3*hour + 2*second + 1, 165e8 + 5e2}, //
	} {
		if got := p.Due(c.at); got != c.due {
			t.Fatalf("record %d is due at %v, want %v", i, time.Duration(got), time.Duration(c.due))
		}
		p.Played(c.at)
		if got := p.At(c.due); got != c.at {
			t.Fatalf("after record %d the clock is at %v, want %v", i, got, c.at)
		}
	}
}

func TestPlaybackAtMaxJumpAndStep(t *testing.T) {
	p := throttle.NewPlayback(100, throttle.Max, time.Second)
	p.Go(5)
	if p.Due(1e15) != math.MinInt64 || p.At(99) != 100 {
		t.Fatal("at max everything is due, and the time is that of the newest record")
	}
	p.Played(5e6)
	if p.At(7) != 5e6 {
		t.Fatal("at max the time is that of the newest record")
	}
	p.SetSpeed(throttle.Natural, 10)
	if p.At(10) != 5e6 || p.Due(5e6+1) != 10+1000 {
		t.Fatal("it goes on from there at its new speed")
	}
	p.Jump(42, 20)
	if p.At(20) != 42 || p.Due(43) != 20+1000 {
		t.Fatal("it goes on from where it jumped to")
	}
	p.Stop(30)
	p.Played(1000) // a step
	if p.At(1e9) != 1000 {
		t.Fatal("a step moves a clock that stands")
	}
}
