package market

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestParseRoom(t *testing.T) {
	for _, c := range []struct {
		name string
		want Room
	}{
		{"trades:BINANCE:BTC-USDT", Room{Trades, "BINANCE", "BTC-USDT", ""}},
		{"book:KRAKEN:XBT-USD@20", Room{BookChannel, "KRAKEN", "XBT-USD", "20"}},
		{"candles:COINBASE:BTC-USD@1m", Room{CandlesChannel, "COINBASE", "BTC-USD", "1m"}},
		{"ticker:OKX:1000PEPE/USDT", Room{TickerChannel, "OKX", "1000PEPE/USDT", ""}},
		{"quotes:X:a%3Ab%40c%2Cd%2Ae%25f%20g", Room{Quotes, "X", "a:b@c,d*e%f g", ""}},
		{"quotes:X:%00%22%5C", Room{Quotes, "X", "\x00\"\\", ""}},
		{"quotes:X:币安%FF", Room{Quotes, "X", "币安\xff", ""}},
		{"trades:BINANCE:*", Room{Trades, "BINANCE", "*", ""}},
		{"book:BINANCE:*@20", Room{BookChannel, "BINANCE", "*", "20"}},
	} {
		got, wild, ok := ParseRoom(c.name)
		if got != c.want || !ok || wild != (c.want.Symbol == "*") {
			t.Errorf("%s: %+v, wild %v, ok %v", c.name, got, wild, ok)
		}
		if again, _, ok := ParseRoom(got.String()); again != got || !ok {
			t.Errorf("%s: %s reads back as %+v", c.name, got, again)
		}
	}
	if got := (Room{Quotes, "X", "a%41:b", "7"}).String(); got != "quotes:X:a%2541%3Ab@7" {
		t.Error(got)
	}
}

func TestParseRoomRefuses(t *testing.T) {
	for _, name := range []string{
		"", "trades", "trades:", "trades:X", "trades:X:", "trades::BTC", "Trades:X:BTC", "unknown:X:BTC", ":X:BTC",
		"book:X:BTC@", "book:X:@20", "book:X:A@5@20", "trades:X:A:B", "trades:X:A,B", "trades:X:A B", "trades:X:A*", "trades:X:%2A",
		"trades:X:%", "trades:X:%4", "trades:X:%zz", "trades:X:%3a", "trades:X:A\n", "trades:X:A\x7f", "trades:X:A\xff",
		"trades:X Y:A", "trades:*:A", "trades:X\x00:A", "book:X:A@*", "book:X:A@\"", "book:X:%40@%41", "trades:X:" + strings.Repeat("A", MaxRoomName),
	} {
		if room, _, ok := ParseRoom(name); ok || room != (Room{}) {
			t.Errorf("%q was taken as %+v", name, room)
		}
	}
}

func FuzzParseRoom(f *testing.F) {
	f.Add("book:KRAKEN:XBT-USD@20")
	f.Add("quotes:X:a%3Ab%40c")
	f.Add("trades:X:*")
	f.Fuzz(func(t *testing.T, name string) {
		room, wild, ok := ParseRoom(name)
		if !ok {
			return
		}
		canonical := room.String()
		again, wildAgain, ok := ParseRoom(canonical)
		if !ok || again != room || wildAgain != wild || again.String() != canonical {
			t.Errorf("%q is %+v, printed %q, read back as %+v", name, room, canonical, again)
		}
	})
}

// FuzzRoomName: a room of any symbol has a name that is safe to send and reads back.
func FuzzRoomName(f *testing.F) {
	f.Add("BTC-USDT")
	f.Add("a:b@c,d*e%f \xff\"")
	f.Fuzz(func(t *testing.T, symbol string) {
		room := Room{Channel: Quotes, Venue: "X", Symbol: symbol, Variant: "5"}
		name := room.String()
		if !utf8.ValidString(name) || strings.ContainsAny(name, "\"\\<>&, \n") {
			t.Fatalf("%q is not safe", name)
		}
		got, _, ok := ParseRoom(name)
		if symbol == "" || len(name) > MaxRoomName {
			if ok {
				t.Errorf("%q was taken", name)
			}
			return
		}
		if !ok || got != room {
			t.Errorf("%q reads back as %+v, %v", name, got, ok)
		}
	})
}

func TestNames(t *testing.T) {
	for c := range Channel(NumChannels) {
		if got, ok := ParseChannel(c.String()); got != c || !ok {
			t.Errorf("channel %d is %q, which reads as %d", c, c, got)
		}
	}
	if _, ok := ParseChannel("nothing"); ok {
		t.Error("there is no such channel")
	}
	seen := map[string]bool{}
	for f := range Field(NumFields) {
		if f.String() == "" || seen[f.String()] {
			t.Errorf("field %d has no name of its own: %q", f, f)
		}
		seen[f.String()] = true
	}
}
