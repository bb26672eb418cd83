package subscriptions

import (
	"tapedeck/market"
	"tapedeck/wire"
)

// entry is what one record brought to one room, or a note.
type entry struct {
	seq    uint64
	count  uint64 // events of the room up to and with this entry, as this node counts them
	mark   uint64 // the state's mark after it
	ts, vt int64  // log time and venue time, µs
	clock  int64  // the log's clock at the newest record
	note   *note  // nil for data
}

// note is what a reader must be told apart from data, in its place.
type note struct {
	kind noteKind

	// of a gap
	gap      wire.GapReason
	from, to uint64
	records  int64 // lost, with from < seq <= to; or wire.Unknown
	after    bool  // what is missing lay after to, before the next record

	// of a status
	state  market.RoomState
	reason string
	ts     int64
}

// lostAfter is how many records were lost for one who has read up to seq.
func (n *note) lostAfter(seq uint64) int64 {
	switch {
	case seq <= n.from:
		return n.records
	case n.records == int64(n.to-n.from): // in one piece
		return int64(n.to - seq)
	}
	return wire.Unknown
}

// follows reports a gap that one who has read up to its end may not have heard of.
func (n *note) follows() bool { return n != nil && n.after }

type noteKind uint8

const (
	noteGap      noteKind = iota
	noteEpoch             // the room goes on in another log: see Room.born
	noteStatus            // how the room is changed
	noteReplaced          // readers need the state
)

// journal is a room's bounded log. Entries are numbered from 1 by the node; a reader's place is the
// number of the last entry it has read.
type journal struct {
	items []entry
	first uint64 // number of items[0]
	keep  int
}

// head is the number of the newest entry, 0 before the first.
func (j *journal) head() uint64 { return j.first + uint64(len(j.items)) - 1 }

// floor is the number of the newest entry that is not kept.
func (j *journal) floor() uint64 {
	if h := j.head(); h+1 > j.first+uint64(j.keep) {
		return h - uint64(j.keep)
	}
	return j.first - 1
}

func (j *journal) push(e entry) {
	if len(j.items) > j.keep+j.keep/4 {
		cut := len(j.items) - j.keep
		j.first += uint64(cut)
		n := copy(j.items, j.items[cut:])
		clear(j.items[n:])
		j.items = j.items[:n]
	}
	j.items = append(j.items, e)
}

func (j *journal) at(number uint64) *entry { return &j.items[number-j.first] }

// after returns the entries after a place.
func (j *journal) after(place uint64) []entry { return j.items[place+1-j.first:] }

// place returns the number of the newest kept entry whose seq is at most seq, or the floor. What is missing after
// seq is left to be told: nobody can say whether one who has read up to seq has heard of it.
func (j *journal) place(seq uint64) uint64 {
	lo, hi := j.floor(), j.head()
	for lo < hi {
		mid := lo + (hi-lo+1)/2
		if j.at(mid).seq <= seq {
			lo = mid
		} else {
			hi = mid - 1
		}
	}
	for lo > j.floor() && j.at(lo).seq == seq && j.at(lo).note.follows() {
		lo--
	}
	return lo
}

// restart forgets every entry: what follows has other numbers.
func (j *journal) restart() {
	j.first = j.head() + 1
	clear(j.items)
	j.items = j.items[:0]
}
