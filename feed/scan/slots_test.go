package scan

import (
	"fmt"
	"testing"
)

func TestSlots(t *testing.T) {
	names := []string{"a", "b", "ab", "ba", "price", "prize", "px", "bid_px", "bid_sz"}
	for i := range 60 {
		names = append(names, fmt.Sprintf("x%dy", i%10), fmt.Sprintf("field%02dd", i)) // some alike at their ends and in the middle
	}
	seen := map[string]byte{}
	var some []string
	for _, name := range names {
		if _, twice := seen[name]; !twice {
			seen[name] = 7 + byte(len(some))
			some = append(some, name)
		}
	}
	slots := NewSlots(7, some...)
	for name, want := range seen {
		if got, ok := slots.Find([]byte(name)); !ok || got != want {
			t.Errorf("%s has slot %d, %v, want %d", name, got, ok, want)
		}
	}
	for _, name := range []string{"", "c", "pride", "field99d", "x1z", "Price"} {
		if got, ok := slots.Find([]byte(name)); ok {
			t.Errorf("%q has slot %d", name, got)
		}
	}
	if _, ok := NewSlots(0).Find([]byte("a")); ok {
		t.Error("of no names there is one")
	}
}
