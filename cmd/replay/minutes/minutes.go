// Package minutes makes a log's minute candles as the rooms do, for tables and files.
package minutes

import (
	"cmp"
	"maps"
	"slices"

	"tapedeck/feed"
	"tapedeck/market"
	"tapedeck/snapshot"
)

// Minutes are the minutes of one log's symbols. It is used by one goroutine.
type Minutes struct {
	whole   bool // the log was read from its first record
	derived bool // made of trades; else the venue's own
	began   int64
	over    int64
	states  map[*market.Symbol]*minute
}

type minute struct {
	*snapshot.Minutes
	told uint64
}

// kept is how many minutes of a symbol are kept: a trade that comes later than that changes no candle here.
const kept = 60

// New returns the minutes of a log. whole: it is read from its first record; began: all that is not older than this
// log time is read, 0 where that is not known.
func New(whole bool, o feed.Origin, began int64) *Minutes {
	return &Minutes{whole: whole, derived: o == feed.Derived, began: began, states: map[*market.Symbol]*minute{}}
}

// Record takes a record's events, with its log time, the log's clock at it and what is over then (snapshot.Over). What is over
// becomes final before the events count, as in rooms.
func (m *Minutes) Record(events []market.Event, time, clock, over int64) {
	if m.began == 0 {
		m.began = clock
	}
	if over > m.over {
		m.over = over
		for _, s := range m.states {
			s.Advance(snapshot.Cause{Over: over})
		}
	}
	for i := range events {
		switch events[i].Payload.(type) {
		case *market.Trade:
			if !m.derived {
				continue
			}
		case *market.Candle:
			if m.derived {
				continue
			}
		default:
			continue
		}
		s := m.states[events[i].Symbol]
		if s == nil {
			l := snapshot.DefaultLimits
			l.Minutes, l.Candles = kept, kept
			s = &minute{Minutes: snapshot.NewMinutes(l, snapshot.Origin{Whole: m.whole}).(*snapshot.Minutes)}
			m.states[events[i].Symbol] = s
		}
		s.Apply(&events[i], snapshot.Cause{Time: time, Began: m.began, Over: over})
	}
}

// sorted are the symbols by their names: files and tables are the same each time.
func (m *Minutes) sorted() []*market.Symbol {
	return slices.SortedFunc(maps.Keys(m.states), func(a, b *market.Symbol) int {
		return cmp.Or(cmp.Compare(a.Venue, b.Venue), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Native, b.Native))
	})
}

// Settle gives take, where it is not nil, the candles that became final since the last time, or changed after that, symbol by
// symbol in the order of their names.
func (m *Minutes) Settle(take func(*market.Symbol, *market.Candle)) {
	for _, symbol := range m.sorted() {
		s := m.states[symbol]
		from := s.told
		s.told = s.Mark()
		if take == nil {
			continue
		}
		body, ok := s.Since(from, s.told)
		if !ok {
			body, _ = s.Full(0)
		}
		for i := range body.(*market.Candles).List {
			if c := &body.(*market.Candles).List[i]; c.Final {
				take(symbol, c)
			}
		}
	}
}

// Lose says that records are missing.
func (m *Minutes) Lose() {
	m.whole, m.began = false, 0
	for _, s := range m.states {
		s.Lose()
	}
}
