package mapping

import (
	"tapedeck/feed"
	"tapedeck/market"
)

// status is where the state of trading is.
type status struct {
	from  *place
	words map[string]market.RoomState
}

func (c *compiler) status(e entry) event {
	s := c.section(e, "status", "from", "words")
	st := &status{c.place(s.must("from")), map[string]market.RoomState{}}
	for _, w := range c.words(s.must("words")) {
		st.words[w.name] = market.Live
		if c.word(w, "live", "halted") == "halted" {
			st.words[w.name] = market.Halted
		}
	}
	return st
}

func (s *status) emit(d *decoder, sym *market.Symbol, time int64) {
	state, ok := s.words[string(d.must(s.from))]
	if !ok {
		d.refuse(s.from, feed.BadValue, "is none of the words that stand for a state")
	}
	d.batch.Status(sym, time).State = state
}
