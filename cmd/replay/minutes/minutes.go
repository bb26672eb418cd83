package record

import (
	"tapedeck/feed"
	"tapedeck/market"
	"tapedeck/snapshot"
)

// minutes makes a log's minute candles, as the rooms do.
type minutes struct {
	whole   bool // the log was read from its first record
	derived bool // made of trades; else the venue's own
	began   int64
	states  map[*market.Symbol]*minute
}

type minute struct {
	*snapshot.Minutes
	told uint64
}

// kept is how many minutes of a symbol are kept: a trade that comes later than that changes no candle here.
const kept = 60

func newMinutes(whole bool, o feed.Origin) minutes {
	return minutes{whole: whole, derived: o == feed.Derived, states: map[*market.Symbol]*minute{}}
}

func (m *minutes) record(events []market.Event, time, clock, over int64) {
	if m.began == 0 {
		m.began = clock
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

// settle gives take the candles that became final, or changed after that.
func (m *minutes) settle(over int64, take func(*market.Symbol, *market.Candle)) {
	for symbol, s := range m.states {
		s.Advance(snapshot.Cause{Over: over})
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

// lose says that records are missing.
func (m *minutes) lose() {
	m.whole, m.began = false, 0
	for _, s := range m.states {
		s.Lose()
	}
}
