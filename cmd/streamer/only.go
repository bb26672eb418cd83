package main

import (
	"slices"
	"strings"

	"tapedeck/cmd/flags"
	"tapedeck/market"
)

// only is what a node serves of its feeds: the rooms that at least one of its patterns matches.
type only []pattern

// pattern is CHANNEL:VENUE:SYMBOL. In each part a * stands for any text, also for none.
type pattern struct{ channel, venue, symbol string }

func (p pattern) String() string { return p.channel + ":" + p.venue + ":" + p.symbol }

// parseOnly reads the patterns of --only. venue:V, channel:C and symbol:S are short for a pattern with only
// that part.
func parseOnly(words []string) (only, error) {
	var o only
	for _, w := range words {
		p, err := parsePattern(w)
		if err != nil {
			return nil, err
		}
		o = append(o, p)
	}
	return o, nil
}

func parsePattern(word string) (pattern, error) {
	part, rest, _ := strings.Cut(word, ":")
	p := pattern{"*", "*", "*"}
	switch part {
	case "channel":
		p.channel = rest
	case "venue":
		p.venue = rest
	case "symbol":
		p.symbol = rest
	default:
		var whole bool
		p.channel = part
		if p.venue, p.symbol, whole = strings.Cut(rest, ":"); !whole {
			return p, flags.BadFlag("--only: %q is not CHANNEL:VENUE:SYMBOL, as in trades:BINANCE:* or *:*:BTC-*, nor venue:, channel: or symbol: and one of them", word)
		}
	}
	if p.channel == "" || p.venue == "" || p.symbol == "" {
		return p, flags.BadFlag("--only: a part of %q is empty: write * for any", word)
	}
	if strings.Contains(p.symbol, "@") {
		return p, flags.BadFlag("--only: %q has a variant: rooms come with all of theirs, so leave out what is after the @", word)
	}
	if !strings.Contains(p.channel, "*") {
		if _, ok := market.ParseChannel(p.channel); !ok {
			return p, flags.BadFlag("--only: there is no channel %s: %s", p.channel, flags.DidYouMean(p.channel, "", channelNames()))
		}
	}
	return p, nil
}

func channelNames() (names []string) {
	for c := range market.Channel(market.NumChannels) {
		names = append(names, c.String())
	}
	return names
}

// room reports whether a room is served.
func (o only) room(r market.Room) bool {
	return slices.ContainsFunc(o, func(p pattern) bool {
		return like(p.channel, r.Channel.String()) && like(p.venue, r.Venue) && like(p.symbol, r.Symbol)
	})
}

// symbol reports whether any room of a symbol is served, so that its events are wanted.
func (o only) symbol(s *market.Symbol) bool {
	return slices.ContainsFunc(o, func(p pattern) bool { return like(p.venue, s.Venue) && like(p.symbol, s.Name) })
}

// among checks that every pattern can match something of the venues; none are known where a format leaves
// them to its records.
func (o only) among(venues []string) error {
	for _, p := range o {
		if len(venues) > 0 && !slices.ContainsFunc(venues, func(v string) bool { return like(p.venue, v) }) {
			return flags.BadFlag("--only: %s matches no venue of the feeds: %s", p, flags.DidYouMean(p.venue, "", venues))
		}
	}
	return nil
}

// like reports whether a text is of a pattern's form.
func like(pattern, text string) bool {
	first, rest, wild := strings.Cut(pattern, "*")
	if !wild {
		return pattern == text
	}
	text, ok := strings.CutPrefix(text, first)
	for ok && rest != "" {
		var piece string
		if piece, rest, wild = strings.Cut(rest, "*"); !wild {
			return strings.HasSuffix(text, piece)
		}
		_, text, ok = strings.Cut(text, piece)
	}
	return ok
}
