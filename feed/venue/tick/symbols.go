package tick

import (
	"bytes"
	"errors"
	"strings"
	"unicode/utf8"

	"tapedeck/feed"
	"tapedeck/market"
)

// symbol returns the event's symbol; nil if it is not wanted, or cannot be.
func (d *decoder) symbol() *market.Symbol {
	d.key = append(d.key[:0], d.Word(venue)...)
	if bytes.IndexByte(d.key, ':') >= 0 {
		d.Refuse(errSymbol)
		return nil
	}
	d.key = append(append(d.key, ':'), d.Word(symbol)...)
	if !d.Healthy() {
		return nil
	}
	kind, ok := market.Spot, true
	if d.Has(sort) {
		kind, ok = sorts[string(d.Word(sort))]
	}
	if !ok {
		d.Refuse(errSort)
		return nil
	}
	sym, err := d.symbols.Find(d.key)
	if sym == nil && err == nil {
		sym, err = d.meet(kind)
	}
	switch {
	case err == nil:
	case errors.Is(err, feed.Unused):
		d.Skip(err)
	default:
		d.Refuse(err)
	}
	return sym
}

var sorts = map[string]market.Kind{"spot": market.Spot, "perpetual": market.Perpetual, "future": market.Future, "option": market.Option}

// meet makes a symbol of its first event. What kind of instrument it is counts from that one only.
func (d *decoder) meet(kind market.Kind) (*market.Symbol, error) {
	s := market.Symbol{Kind: kind}
	s.Venue, s.Name, _ = strings.Cut(string(d.key), ":")
	s.Native = s.Name
	if !nameable(s.Venue, s.Name) {
		return nil, errSymbol
	}
	if base, quote, ok := strings.Cut(s.Name, "-"); ok && base != "" && quote != "" && !strings.Contains(quote, "-") {
		s.Base, s.Quote = base, quote
	}
	return d.symbols.Add(d.key, s)
}

// nameable reports whether every room of the symbol has a name that leads back to it.
func nameable(venue, name string) bool {
	r := market.Room{Channel: market.CandlesChannel, Venue: venue, Symbol: name, Variant: "00000000"} // the longest
	back, wild, ok := market.ParseRoom(r.String())
	return ok && !wild && back == r && utf8.ValidString(name)
}
