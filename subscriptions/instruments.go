package subscriptions

import (
	"maps"
	"slices"
	"strings"

	"tapedeck/market"
)

// Listed is an instrument, and what is known of it.
type Listed struct {
	*market.Symbol
	Facts market.Instrument
}

// nativeKey is an instrument as its venue calls it: what is known from elsewhere may be without our name.
type nativeKey struct{ venue, native string }

// meet makes a symbol known that has its first event, and its venue.
func (h *Hub) meet(s *market.Symbol, v Venue) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, known := h.venues[s.Venue]; !known {
		h.venues[s.Venue] = v
	}
	h.called[symbolKey{s.Venue, s.Name}] = true
	if key := (nativeKey{s.Venue, s.Native}); h.natives[key] == nil {
		h.natives[key] = s
	}
}

// Symbols returns, by venue, name and native name, every symbol that has had an event, and those that are known from
// elsewhere by their name. What the venue says of one outweighs what else is known, which was so when it was written. An
// instrument is there twice where two formats of its venue call it by two names, as Kraken's do.
func (h *Hub) Symbols() []Listed {
	h.mu.RLock()
	met := slices.Collect(maps.Values(h.natives))
	h.mu.RUnlock()
	list := make([]Listed, 0, len(met))
	unmet := maps.Clone(h.known)
	for _, s := range met {
		key := nativeKey{s.Venue, s.Native}
		facts, told := unmet[key].Facts, h.facts(s)
		facts.Merge(&told)
		delete(unmet, key)
		list = append(list, Listed{s, facts})
	}
	for _, i := range unmet {
		if i.Name != "" {
			list = append(list, i)
		}
	}
	slices.SortFunc(list, func(a, b Listed) int {
		for _, c := range []int{strings.Compare(a.Venue, b.Venue), strings.Compare(a.Name, b.Name)} {
			if c != 0 {
				return c
			}
		}
		return strings.Compare(a.Native, b.Native)
	})
	return list
}

// facts is what the venue said of a symbol.
func (h *Hub) facts(s *market.Symbol) market.Instrument {
	l := h.listing(symbolKey{s.Venue, s.Name})
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.facts
}

// Misnamed returns the symbol that a room names by what its venue calls it; nil where the name is right, or may be. A name
// that some symbol of the venue has is right, also where another one's native name is the same: so Upbit's KRW-BTC is none of
// ours, while its BTC-ETH, which is ETH-BTC, would be if there were a market for bitcoins in ether.
func (h *Hub) Misnamed(room market.Room) *market.Symbol {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if h.called[symbolKey{room.Venue, room.Symbol}] {
		return nil
	}
	key := nativeKey{room.Venue, room.Symbol}
	if s := h.natives[key]; s != nil {
		return s
	}
	if i := h.known[key]; i.Symbol != nil && i.Name != "" {
		return i.Symbol
	}
	return nil
}
