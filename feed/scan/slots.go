package scan

import "math/bits"

// Slots finds the slots of fields by their names. It does what a map does in half the time: the names are few, and known
// when it is made.
type Slots struct {
	places []place // as many as a power of 2, at most a fourth of them taken
	shift  uint
}

type place struct {
	name string // "": free
	slot byte
}

// NewSlots gives names their slots, which follow each other from first on.
func NewSlots(first byte, names ...string) *Slots {
	width := bits.Len(uint(4 * len(names)))
	s := &Slots{make([]place, 1<<width), uint(32 - width)}
	for i, name := range names {
		at := s.home([]byte(name))
		for s.places[at].name != "" {
			at = s.next(at)
		}
		s.places[at] = place{name, first + byte(i)}
	}
	return s
}

// Find returns the slot of a name, and whether it has one.
func (s *Slots) Find(name []byte) (byte, bool) {
	if len(name) == 0 {
		return 0, false
	}
	for at := s.home(name); s.places[at].name != ""; at = s.next(at) {
		if s.places[at].name == string(name) {
			return s.places[at].slot, true
		}
	}
	return 0, false
}

// home is where a name is if no other one is there: names differ in their length, or at their ends or middle.
func (s *Slots) home(name []byte) uint32 {
	n := len(name)
	mix := uint32(name[0]) | uint32(name[n/2])<<8 | uint32(name[n-1])<<16 | uint32(n)<<24
	return mix * 0x9e3779b1 >> s.shift
}

func (s *Slots) next(at uint32) uint32 { return (at + 1) & uint32(len(s.places)-1) }
