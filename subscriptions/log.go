package subscriptions

import (
	"slices"
	"sync/atomic"

	"tapedeck/market"
	"tapedeck/snapshot"
)

// LogStart says which log it is, and from where it is read.
type LogStart struct {
	Topic     string
	Partition int32
	Epoch     string
	From      int64 // first offset that will be read
	End       int64 // offset after the newest record known
	Clock     int64 // the log's clock before From, where it is known, as an archive knows it; else 0
}

// Log is one partition of a source: the writer of the rooms that are at home in it.
type Log struct {
	hub       *Hub
	topic     string
	partition int32
	venue     Venue
	epoch     string
	name      atomic.Pointer[string] // epoch, for other goroutines
	from      uint64                 // seq before the first record to be read, or of the newest that was lost
	began     int64                  // log time at which reading began, or went on after a loss; 0: not known yet
	first     int64                  // log time of the first record since; 0: none yet
	clock     market.Clock
	over      int64 // what ended up to here is over
	lost      note  // of everything lost since reading began: what a room that turns up later may lack
	down      string
	loose     bool // has books without a rule of their own, or with one that is blind

	homed   map[*Room]bool // base rooms that are at home here, and some that were
	slots   map[*market.Symbol]*slot
	loaded  map[market.Symbol]*slot // of a checkpoint, whose symbols the decoder has not named yet
	touched []*slot
	links   []int32 // events[i] is followed by events[links[i]] of the same symbol; -1: none
	record  uint64  // counts records, to know what this one touched
	ticks   bool    // this record's: something is over that was not
	saving  *Saving // nil: it is not being saved

	start  atomic.Uint64 // every record with a seq over it was read, or told as lost
	end    atomic.Uint64 // newest known end of the log, as a seq
	newest atomic.Int64  // log time of the newest record
	seq    atomic.Uint64 // seq of the newest record
	ended  atomic.Bool   // there is nothing after that
	Counts LogCounts
}

// LogCounts are a log's counters. They only grow.
type LogCounts struct {
	Events    [market.NumChannels]atomic.Uint64
	Unused    atomic.Uint64 // events of a venue's channel whose origin is derived
	Misplaced atomic.Uint64 // events of rooms that are at home elsewhere
	Filtered  atomic.Uint64 // events of rooms that this node does not serve
	Lost      atomic.Uint64 // records
}

// slot is one symbol in one log.
type slot struct {
	list   *listing
	symbol *market.Symbol
	record uint64
	first  int32 // of this record's events
	last   int32
	wanted [market.NumChannels]bool
	rooms  [market.NumChannels]*Room // at home here, or were
	halted bool
	reason string
	began  int64                    // the clock when something of the venue's was last missing in the log; 0: never
	lost   note                     // says so
	due    int                      // place in the saving; 0: it is saved
	homes  [market.NumChannels]bool // when that began: rooms that were at home here
}

// Open begins a log. v says how the channels of its venues come to be.
func (h *Hub) Open(at LogStart, v Venue) *Log {
	l := h.newLog(at, v)
	h.add(l)
	return l
}

func (h *Hub) newLog(at LogStart, v Venue) *Log {
	l := &Log{hub: h, topic: at.Topic, partition: at.Partition, venue: v, homed: map[*Room]bool{}}
	l.restart(at)
	return l
}

// add makes a log known to readers.
func (h *Hub) add(l *Log) {
	h.mu.Lock()
	defer h.mu.Unlock()
	logs := append(slices.Clone(*h.logs.Load()), l)
	h.logs.Store(&logs)
}

func (l *Log) restart(at LogStart) {
	if l.saving != nil {
		l.saving.spoil()
	}
	l.epoch, l.from = at.Epoch, uint64(at.From)
	l.clock, l.over = market.ClockAt(at.Clock), 0
	l.began, l.first = at.Clock, at.Clock
	l.loose, l.lost = false, note{}
	l.slots, l.loaded = map[*market.Symbol]*slot{}, nil
	l.name.Store(&at.Epoch)
	l.start.Store(l.from)
	l.end.Store(uint64(at.End))
	l.seq.Store(l.from)
	l.ended.Store(false)
}

// Seq is the seq of the newest record applied. It may be called from anywhere.
func (l *Log) Seq() uint64 { return l.seq.Load() }

// End is the newest known end of the log, as a seq. It may be called from anywhere.
func (l *Log) End() uint64 { return l.end.Load() }

// Newest is the log time of the newest record, 0 before the first. It may be called from anywhere.
func (l *Log) Newest() int64 { return l.newest.Load() }

// Ended says that nothing more will come of the log: its rooms go on in whatever log has their symbols' next records, be it of
// another topic, as the file of the next day is.
func (l *Log) Ended() { l.ended.Store(true) }

// SetEnd tells the offset after the newest record.
func (l *Log) SetEnd(e int64) { l.end.Store(uint64(max(e, int64(l.end.Load())))) }

// Apply takes the events of one record (none: it moves the clock all the same), at its offset and log
// time (µs; 0 or less: not known); now is the publisher's clock in ns, kept for measuring. The events
// are not kept.
//
// clock is the log's clock at the record where an archive knows it: then records of other symbols may be
// left out, but for those at which a minute was over, without events. 0: the records tell, all of them.
func (l *Log) Apply(offset, time, clock, now int64, events []market.Event) {
	if clock > 0 {
		l.clock.Set(clock)
	} else {
		l.clock.Observe(max(time, 0))
	}
	l.begin(max(time, 0))
	at := stamp{seq: uint64(offset) + 1, ts: max(time, 0), clock: l.clock.Now(), at: now}
	l.group(events)
	over := snapshot.Over(at.clock)
	if l.saving != nil {
		l.saving.ahead(over > l.over)
	}
	if over > l.over {
		l.over, l.ticks = over, true
		l.advance(at)
	}
	for _, s := range l.touched {
		l.publish(s, events, at)
	}
	l.ticks = false
	if at.seq > l.end.Load() {
		l.end.Store(at.seq)
	}
	l.newest.Store(at.ts)
	l.seq.Store(at.seq)
}

// begin notes when reading began, which is told by two records, as the clock is.
func (l *Log) begin(time int64) {
	switch {
	case time == 0:
	case l.first == 0:
		l.first = time
	case l.began == 0:
		l.began = max(l.first, time, l.clock.Now())
	}
}

// group links the record's events by symbol.
func (l *Log) group(events []market.Event) {
	l.record++
	l.touched, l.links = l.touched[:0], l.links[:0]
	for i := range events {
		s := l.slot(events[i].Symbol)
		l.links = append(l.links, -1)
		if s.record != l.record {
			s.record, s.first = l.record, int32(i)
			l.touched = append(l.touched, s)
		} else {
			l.links[s.last] = int32(i)
		}
		s.last = int32(i)
	}
}

func (l *Log) slot(sym *market.Symbol) *slot {
	if s := l.slots[sym]; s != nil {
		return s
	}
	if s := l.loaded[*sym]; s != nil { // the decoder's own pointer takes the place of ours
		delete(l.loaded, *sym)
		delete(l.slots, s.symbol)
		s.symbol, l.slots[sym] = sym, s
		return s
	}
	s := &slot{symbol: sym, list: l.hub.lock(symbolKey{sym.Venue, sym.Name})}
	if s.list.symbol == nil {
		s.list.symbol = sym
	}
	s.list.mu.Unlock()
	if l.saving != nil {
		l.saving.entered(s.list)
	}
	l.enter(s)
	return s
}

// enter makes a slot the log's.
func (l *Log) enter(s *slot) {
	for c := range market.Channel(market.NumChannels) {
		s.wanted[c] = l.wants(s.symbol, c)
	}
	l.hub.meet(s.symbol, l.venue)
	l.slots[s.symbol] = s
}

// wants reports whether a symbol's room of a channel is served here, or another that is made from it.
func (l *Log) wants(sym *market.Symbol, c market.Channel) bool {
	wanted := l.hub.wanted(market.Room{Channel: c, Venue: sym.Venue, Symbol: sym.Name})
	for d, from := range snapshot.Derivations {
		wanted = wanted || from.From == c && l.venue.Derived[d] && l.wants(sym, d)
	}
	return wanted
}
