package market

import (
	"strings"
	"unicode/utf8"
)

// Kind is what sort of instrument a symbol is.
type Kind uint8

// The kinds of instrument.
const (
	Spot Kind = iota
	Perpetual
	Future // dated
	Option
)

func (k Kind) String() string { return [...]string{"spot", "perpetual", "future", "option"}[k] }

// Symbol is one instrument at one venue and market. (Venue, Native) is the key: a pair alone never
// is, since a venue lists several instruments on one pair.
//
// A Symbol is made once by a decoder, which hands out the same pointer for the same instrument for
// as long as it lives, and is never changed.
type Symbol struct {
	Venue  string // venue and market together: BINANCE, BINANCE-USDM
	Name   string // BASE-QUOTE where that identifies the instrument at this venue, else Native
	Native string // the venue's own name, its case kept
	Base   string // "" where unknown
	Quote  string
	Kind   Kind
}

// Channel is what of a symbol is told.
type Channel uint8

// The channels.
const (
	Trades Channel = iota
	Quotes
	BookChannel
	TickerChannel
	CandlesChannel
	NumChannels = iota
)

var channelNames = [NumChannels]string{"trades", "quotes", "book", "ticker", "candles"}

func (c Channel) String() string { return channelNames[c] }

// ParseChannel returns the channel of that name.
func ParseChannel(name string) (Channel, bool) {
	for i, n := range channelNames {
		if n == name {
			return Channel(i), true
		}
	}
	return 0, false
}

// Room names a room: channel, venue, symbol and variant, as in book:BINANCE:BTC-USDT@20.
// It is comparable, and may be a map's key.
type Room struct {
	Channel Channel
	Venue   string
	Symbol  string // unescaped; "*" only in a pattern
	Variant string // depth of a book ("" for the whole), width of a candle
}

// String returns the room's name. In its symbol ": @ , * %", characters that are special in JSON or
// HTML, space, control characters and what is not UTF-8 are percent-encoded.
func (r Room) String() string {
	symbol := "*"
	if r.Symbol != symbol {
		symbol = escape(r.Symbol)
	}
	name := r.Channel.String() + ":" + r.Venue + ":" + symbol
	if r.Variant != "" {
		name += "@" + r.Variant
	}
	return name
}

// ParseRoom splits a name at its first two ":" and its last "@". It says nothing of whether the
// venue or the variant exists. wild reports a symbol of "*". A symbol may be percent-encoded more
// than it need be: String gives the one name that a room is known by.
func ParseRoom(name string) (room Room, wild, ok bool) {
	if len(name) > MaxRoomName || !utf8.ValidString(name) {
		return Room{}, false, false
	}
	channel, rest, ok1 := strings.Cut(name, ":")
	venue, symbol, ok2 := strings.Cut(rest, ":")
	if !ok1 || !ok2 || venue == "" || !plain(venue) {
		return Room{}, false, false
	}
	c, ok := ParseChannel(channel)
	if !ok {
		return Room{}, false, false
	}
	variant := ""
	if i := strings.LastIndexByte(symbol, '@'); i >= 0 {
		symbol, variant = symbol[:i], symbol[i+1:]
		if variant == "" || !plain(variant) {
			return Room{}, false, false
		}
	}
	if symbol == "*" {
		return Room{Channel: c, Venue: venue, Symbol: "*", Variant: variant}, true, true
	}
	symbol, ok = unescape(symbol)
	if !ok || symbol == "" || symbol == "*" {
		return Room{}, false, false
	}
	return Room{Channel: c, Venue: venue, Symbol: symbol, Variant: variant}, false, true
}

// MaxRoomName is the longest name of a room, in bytes.
const MaxRoomName = 200

func reserved(c byte) bool {
	switch c {
	case ':', '@', ',', '*', '%', '"', '\\', '<', '>', '&', 0x7f:
		return true
	}
	return c <= ' '
}

func plain(s string) bool {
	for i := range len(s) {
		if reserved(s[i]) {
			return false
		}
	}
	return true
}

const hexDigits = "0123456789ABCDEF"

func escape(s string) string {
	text := utf8.ValidString(s)
	if text && plain(s) {
		return s
	}
	b := make([]byte, 0, 3*len(s))
	for i := range len(s) {
		if c := s[i]; reserved(c) || !text && c >= utf8.RuneSelf {
			b = append(b, '%', hexDigits[c>>4], hexDigits[c&15])
		} else {
			b = append(b, c)
		}
	}
	return string(b)
}

func unescape(s string) (string, bool) {
	if strings.IndexByte(s, '%') < 0 {
		return s, plain(s)
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			if reserved(s[i]) {
				return "", false
			}
			b = append(b, s[i])
			continue
		}
		if i+2 >= len(s) {
			return "", false
		}
		hi, lo := strings.IndexByte(hexDigits, s[i+1]), strings.IndexByte(hexDigits, s[i+2])
		if hi < 0 || lo < 0 {
			return "", false
		}
		b = append(b, byte(hi<<4|lo))
		i += 2
	}
	return string(b), true
}
