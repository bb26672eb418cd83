package itch_test

import (
	"errors"
	"testing"
	"time"

	"tapedeck/feed"
	"tapedeck/feed/venue/itch"
	"tapedeck/market"
)

// A message is of the day that brings its time closest to the log's.
func TestDays(t *testing.T) {
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ logged, of, want string }{
		{"2019-01-30 09:30:00.2", "09:30:00.1", "2019-01-30 09:30:00.1"},
		{"2019-01-31 00:00:00.1", "23:59:59.9", "2019-01-30 23:59:59.9"},
		{"2019-01-30 23:59:59.9", "00:00:00.1", "2019-01-31 00:00:00.1"}, // the logger's clock is behind
		{"2019-01-31 02:00:00", "20:05:00", "2019-01-30 20:05:00"},
		{"2019-03-11 03:05:00", "03:04:59", "2019-03-11 03:04:59"}, // clocks were put forward the day before
		{"2019-11-04 00:30:00", "23:30:00", "2019-11-03 22:30:00"}, // and back, on this day: nobody trades then
		{"2019-12-31 23:59:59.999999", "00:00:01", "2020-01-01 00:00:01"},
	} {
		parse := func(text string) time.Time {
			got, err := time.ParseInLocation("2006-01-02 15:04:05", text, zone)
			if err != nil {
				t.Fatal(err)
			}
			return got
		}
		clock, err := time.Parse("15:04:05", test.of)
		if err != nil {
			t.Fatal(err)
		}
		ns := clock.Sub(clock.Truncate(24 * time.Hour)).Nanoseconds()
		var b market.Batch
		d := itch.Format.New(feed.DefaultOptions())
		if err := d.Decode(&b, &feed.Record{Time: parse(test.logged).UnixMicro(), Value: printed(ns)}); err != nil {
			t.Fatal(err)
		}
		if got := time.UnixMicro(b.Events[0].Time).In(zone); !got.Equal(parse(test.want)) {
			t.Errorf("%s, logged at %s, is %s, want %s", test.of, test.logged, got, test.want)
		}
	}
	var b market.Batch
	if err := itch.Format.New(feed.DefaultOptions()).Decode(&b, &feed.Record{Value: printed(1e9)}); err != nil || b.Events[0].Time != 0 {
		t.Errorf("without a log time: %v, %+v", err, b.Events)
	}
}

// printed writes a trade.
func printed(ns int64) []byte {
	return write('P', 1, ns, uint64(0), byte('B'), uint32(40), padded("AAPL"), uint32(1_650_100), uint64(9001))
}

// A record may have several messages; what we do not know among them is passed.
func TestSeveralMessages(t *testing.T) {
	order := write('A', 1, 1, uint64(7), byte('S'), uint32(10), padded("AAPL"), uint32(20000))
	r := newReader(itch.Format)
	r.read(framed(nil, write('S', 0, 1, byte('O')), directory(1, 1, "AAPL"), order, write('z', 1, 1, "new"), printed(1)))
	if r.err != nil || len(r.batch.Events) != 4 || len(r.trades) != 1 || !r.books["AAPL"].Good() {
		t.Errorf("%v, %d events", r.err, len(r.batch.Events))
	}
	// One message says that another is missing: the gap comes first, and nothing of the book is believed.
	r.read(framed(nil, printed(2), write('X', 1, 2, uint64(7), uint32(4)), write('D', 1, 2, uint64(8))))
	if r.err != nil || !r.gaps["AAPL"] || len(r.trades) != 2 || r.books["AAPL"].Good() {
		t.Errorf("%v, gaps %v", r.err, r.gaps)
	}
}

// What cannot be is refused whole, and what it had of the stream is missing then.
func TestRefuses(t *testing.T) {
	add := func(ref uint64, side byte, shares uint32, name string, price uint32) []byte {
		return write('A', 1, 1, ref, side, shares, name, price)
	}
	name := padded("AAPL")
	good := add(1, 'B', 1, name, 1)
	for what, test := range map[string]struct {
		value []byte
		want  feed.Reason
	}{
		"too short":                  {good[:35], feed.MissingField},
		"too long":                   {append(add(1, 'B', 1, name, 1), 0), feed.BadValue},
		"order 0":                    {add(0, 'B', 1, name, 1), feed.BadValue},
		"a side that is none":        {add(1, 'X', 1, name, 1), feed.BadValue},
		"no shares":                  {add(1, 'B', 0, name, 1), feed.BadValue},
		"no price":                   {add(1, 'B', 1, name, 0), feed.BadValue},
		"no name":                    {add(1, 'B', 1, padded(""), 1), feed.BadSymbol},
		"a name with a hole":         {add(1, 'B', 1, "AA PL   ", 1), feed.BadSymbol},
		"a name that is no text":     {add(1, 'B', 1, "AAPL\x00\x00\x00\x00", 1), feed.BadSymbol},
		"a name that is a pattern":   {add(1, 'B', 1, padded("*"), 1), feed.BadSymbol},
		"a time after the day":       {write('D', 1, 24*3600*1e9, uint64(1)), feed.BadValue},
		"a trading state of no kind": {write('H', 1, 1, name, "X     "), feed.BadValue},
		"a cross of too many shares": {write('Q', 1, 1, uint64(1<<63), name, uint32(1), uint64(1), byte('O')), feed.BadValue},
		"a type that is not known":   {[]byte("?"), feed.UnknownKind},
		"a length without a message": {[]byte{0}, feed.MissingField},
		"a message of no bytes":      {[]byte{0, 0}, feed.MissingField},
		"a message that is cut":      {framed(nil, good)[:30], feed.MissingField},
		"a bad one behind a good":    {framed(nil, good, good[:10]), feed.MissingField},
	} {
		r := newReader(itch.Format)
		for _, m := range [][]byte{write('S', 0, 1, byte('O')), directory(1, 1, "AAPL"), add(5, 'B', 1, name, 1)} {
			r.read(m)
		}
		if r.read(test.value); !errors.Is(r.err, test.want) || len(r.batch.Events) != 0 {
			t.Errorf("%s: %v, want %s", what, r.err, test.want)
		}
		r.read(write('D', 1, 2, uint64(5)))
		if lost := test.want != feed.UnknownKind; r.gaps["AAPL"] != lost || r.books["AAPL"].Good() == lost {
			t.Errorf("%s: the next record has gaps %v", what, r.gaps)
		}
	}
	for what, test := range map[string]struct {
		value []byte
		want  feed.Reason
	}{
		"no header":                 {[]byte("0000000001"), feed.MissingField},
		"fewer than it says":        {packet("0000000001", 1, good)[:20], feed.MissingField},
		"more than it says":         {append(packet("0000000001", 1), framed(nil, good)...), feed.BadValue},
		"number 0":                  {packet("0000000001", 0, good), feed.BadValue},
		"a session that is no text": {packet("\x000000000000"[:10], 1, good), feed.BadValue},
	} {
		r := newReader(itch.Mold)
		if r.read(test.value); !errors.Is(r.err, test.want) {
			t.Errorf("packet: %s: %v, want %s", what, r.err, test.want)
		}
	}
}

// A stock that is not wanted is left out, with its orders.
func TestOnly(t *testing.T) {
	o := feed.DefaultOptions()
	o.Only = func(s *market.Symbol) bool { return s.Name == "AAPL" }
	r := newReader(itch.Format)
	r.decoder = itch.Format.New(o)
	for _, m := range [][]byte{
		write('S', 0, 1, byte('O')), directory(1, 1, "AAPL"), directory(2, 1, "MSFT"),
		write('A', 2, 1, uint64(1), byte('B'), uint32(1), padded("MSFT"), uint32(1)),
	} {
		r.read(m)
	}
	if !errors.Is(r.err, feed.Unused) {
		t.Errorf("an order of a stock that is not wanted: %v", r.err)
	}
	if r.read(write('E', 2, 1, uint64(1), uint32(1), uint64(1))); !errors.Is(r.err, feed.Unused) || r.books["MSFT"] != nil {
		t.Errorf("its execution: %v", r.err)
	}
	if r.read(printed(1)); r.err != nil || len(r.trades) != 1 {
		t.Errorf("another stock: %v", r.err)
	}
}

// A message that cannot be, were all before it known, shows that something is missing.
func TestImpossibleMessages(t *testing.T) {
	name := padded("AAPL")
	for what, m := range map[string][]byte{
		"an order of a number that there is":  write('A', 1, 2, uint64(5), byte('B'), uint32(1), name, uint32(1)),
		"a cancel of another stock's order":   write('X', 2, 2, uint64(5), uint32(1)),
		"a cancel of more than there is":      write('X', 1, 2, uint64(5), uint32(11)),
		"a delete of no order":                write('D', 1, 2, uint64(6)),
		"a replace of no order":               write('U', 1, 2, uint64(6), uint64(7), uint32(1), uint32(1)),
		"a replace by an order that there is": write('U', 1, 2, uint64(5), uint64(9), uint32(1), uint32(1)),
		"an execution of no order":            write('E', 1, 2, uint64(6), uint32(1), uint64(1)),
		"an execution of more than there is":  write('C', 1, 2, uint64(5), uint32(11), uint64(1), byte('N'), uint32(1)),
		"another stock of the same number":    write('A', 2, 2, uint64(6), byte('B'), uint32(1), name, uint32(1)),
	} {
		r := newReader(itch.Format)
		for _, m := range [][]byte{
			write('S', 0, 1, byte('O')), directory(1, 1, "AAPL"), directory(2, 1, "MSFT"),
			write('A', 1, 1, uint64(5), byte('B'), uint32(10), name, uint32(10000)),
			write('A', 1, 1, uint64(9), byte('B'), uint32(10), name, uint32(10000)),
		} {
			r.read(m)
		}
		r.read(m)
		for _, stock := range []string{"AAPL", "MSFT"} {
			if !r.gaps[stock] || r.books[stock].Good() {
				t.Errorf("%s: gaps %v, and %s is good: %v", what, r.gaps, stock, r.books[stock].Good())
			}
		}
	}
}

// What halted a stock yesterday is not said of it today.
func TestHaltsAreOfTheDay(t *testing.T) {
	r := newReader(itch.Format)
	state := func(m []byte) market.RoomState {
		t.Helper()
		if r.read(m); r.err != nil {
			t.Fatal(r.err)
		}
		return r.batch.Events[0].Payload.(*market.Status).State
	}
	name := padded("AAPL")
	if s := state(write('H', 1, 1, name, "H T1  ")); s != market.Halted {
		t.Errorf("halted: %s", s)
	}
	if s := state(write('h', 1, 1, name, "QT")); s != market.Halted {
		t.Errorf("the end of an operational halt, while trading is halted: %s", s)
	}
	r.read(write('S', 0, 1, byte('O')))
	if s := state(write('h', 1, 1, name, "QT")); s != market.Live {
		t.Errorf("the day after: %s", s)
	}
	if s := state(write('h', 1, 1, name, "QH")); s != market.Halted {
		t.Errorf("an operational halt: %s", s)
	}
	if s := state(write('H', 1, 1, name, "T     ")); s != market.Halted {
		t.Errorf("trading, but for the operational halt: %s", s)
	}
}
