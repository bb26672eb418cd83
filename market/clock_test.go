package market_test

import (
	"testing"

	"tapedeck/market"
)

func TestClock(t *testing.T) {
	const minute = 60e6
	for name, tt := range map[string]struct{ times, want []int64 }{
		"one record says nothing":      {[]int64{1e9}, []int64{0}},
		"two that agree":               {[]int64{1e9, 1e9 + 5}, []int64{0, 1e9 + 5}},
		"two in the wrong order":       {[]int64{1e9 + 5, 1e9}, []int64{0, 1e9 + 5}},
		"it does not go back":          {[]int64{1e9, 1e9, 5}, []int64{0, 1e9, 1e9}},
		"none is no time":              {[]int64{1e9, 0, 1e9, 0}, []int64{0, 0, 1e9, 1e9}},
		"a minute ahead":               {[]int64{1e9, 1e9, 1e9 + minute}, []int64{0, 1e9, 1e9 + minute}},
		"far ahead, once":              {[]int64{1e9, 1e9, 9e9, 1e9 + 1}, []int64{0, 1e9, 1e9, 1e9 + 1}},
		"far ahead, twice":             {[]int64{1e9, 1e9, 9e9, 9e9 + 7}, []int64{0, 1e9, 1e9, 9e9}},
		"the first is far ahead":       {[]int64{9e9, 1e9, 1e9}, []int64{0, 1e9, 1e9}},
		"the second is far ahead":      {[]int64{1e9, 9e9, 1e9 + 1}, []int64{0, 1e9, 1e9 + 1}},
		"the second, the third agrees": {[]int64{1e9, 9e9, 9e9 + 1}, []int64{0, 1e9, 9e9}},
	} {
		var c market.Clock
		for i, time := range tt.times {
			if c.Observe(time); c.Now() != tt.want[i] {
				t.Errorf("%s: after record %d the clock is %d, want %d", name, i, c.Now(), tt.want[i])
			}
		}
	}
	c := market.ClockAt(5e9)
	if c.Set(4e9); c.Now() != 5e9 {
		t.Error("a clock was set back")
	}
	if c.Set(5e9 + 3*minute); c.Now() != 5e9+3*minute {
		t.Error("what is known of a clock was not believed")
	}
}
