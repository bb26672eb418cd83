package subscriptions

import "tapedeck/market"

// Saving is a log on its way into a checkpoint, as it was when the saving began: the rooms that are at home in it, but not what is
// kept for readers who fall behind, nor views, which are made again from their bases. It is saved symbol by symbol, and a symbol
// that a record is about to change before it does, so that the log's writer never stands still for long: 100 symbols with
// whole books and a day of minutes take 35 ms, one of them 0.3. All calls are the log's writer's, between two records.
type Saving struct {
	log     *Log
	parts   [][]byte // the head, then each symbol
	slots   []*slot  // of parts[1:]
	next    int      // slots before it are saved
	spoiled bool
}

// Begin begins to save the log as it is now. Of two at a time the older one is spoiled.
func (l *Log) Begin() *Saving {
	if l.saving != nil {
		l.saving.spoil()
	}
	w := &Saving{log: l, slots: l.known()}
	w.parts = make([][]byte, 1+len(w.slots))
	var head market.Saver
	l.saveHead(&head)
	head.Count(len(w.slots))
	w.parts[0] = head.Out
	l.saving = w
	for i, s := range w.slots {
		s.due, s.homes = i+1, l.homes(s)
		if l.slots[s.symbol] != s { // made for this: no record leads to it
			w.save(s)
		}
	}
	return w
}

// homes tells which rooms of a symbol are at home here.
func (l *Log) homes(s *slot) (are [market.NumChannels]bool) {
	s.list.mu.Lock()
	defer s.list.mu.Unlock()
	for c, r := range s.list.rooms {
		are[c] = r != nil && r.home == l
	}
	return are
}

// Step saves one more symbol; false if there is none left.
func (w *Saving) Step() bool {
	for w.log.saving == w && w.next < len(w.slots) {
		s := w.slots[w.next]
		w.next++
		if s.due > 0 {
			w.save(s)
			return true
		}
	}
	w.end()
	return false
}

// Parts is what was saved, in pieces, once Step has returned false: what Hub.Load reads. False: it was in vain, since the log was
// made anew meanwhile or a room has moved.
func (w *Saving) Parts() ([][]byte, bool) { return w.parts, !w.spoiled }

// save saves a slot, and with it those of the same rooms, which lie beside it.
func (w *Saving) save(s *slot) {
	at := s.due - 1
	size := len(w.parts[at]) // its neighbour's
	to := market.Saver{Out: make([]byte, 0, size+size/8)}
	if w.log.saveSlot(&to, s) != s.homes {
		w.spoiled = true // another log has taken a room over, and with it what was to be saved
	}
	w.parts[at+1], s.due = to.Out, 0
	for _, i := range []int{at - 1, at + 1} {
		if i >= 0 && i < len(w.slots) && w.slots[i].list == s.list && w.slots[i].due > 0 {
			w.save(w.slots[i])
		}
	}
}

// entered saves what there is of the rooms of a symbol that has come by a new name.
func (w *Saving) entered(list *listing) {
	for _, s := range w.slots {
		if s.list == list && s.due > 0 {
			w.save(s)
			return
		}
	}
}

// ahead saves what a record is about to change: the symbols that it names, or all.
func (w *Saving) ahead(all bool) {
	if all {
		w.all()
		return
	}
	for _, s := range w.log.touched {
		if s.due > 0 {
			w.save(s)
		}
	}
}

// all saves what is left.
func (w *Saving) all() {
	for w.Step() {
	}
}

func (w *Saving) spoil() {
	w.spoiled = true
	w.end()
}

// end lets go of the log.
func (w *Saving) end() {
	if w.log.saving != w {
		return
	}
	w.log.saving = nil
	for _, s := range w.slots {
		s.due = 0
	}
}
