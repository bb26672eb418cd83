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

// Symbols returns, by venue and name, every symbol that has had an event, and those that are known from elsewhere by
// their name. What the venue says of one outweighs what else is known, which was so when it was written.
func (h *Hub) Symbols() []Listed {
	var list []Listed
	unmet := maps.Clone(h.known)
	for _, l := range h.all() {
		l.mu.Lock()
		symbol, told := l.symbol, l.facts
		l.mu.Unlock()
		if symbol == nil {
			continue
		}
		key := nativeKey{symbol.Venue, symbol.Native}
		facts := unmet[key].Facts
		facts.Merge(&told)
		delete(unmet, key)
		list = append(list, Listed{symbol, facts})
	}
	for _, i := range unmet {
		if i.Name != "" {
			list = append(list, i)
		}
	}
	slices.SortFunc(list, func(a, b Listed) int {
		if c := strings.Compare(a.Venue, b.Venue); c != 0 {
			return c
		}
		return strings.Compare(a.Name, b.Name)
	})
	return list
}
