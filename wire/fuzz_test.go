package wire

import (
	"encoding/binary"
	"testing"

	"tapedeck/market"
)

// dice makes values of the bytes that a fuzzer chose; when they run out, everything is 0.
type dice struct{ b []byte }

func (d *dice) number() uint64 {
	var wide [8]byte
	d.b = d.b[copy(wide[:], d.b):]
	return binary.LittleEndian.Uint64(wide[:]) >> (wide[0] & 63) // of any magnitude
}

func (d *dice) below(n int) int { return int(d.number() % uint64(n)) }
func (d *dice) integer() int64  { return int64(d.number()) >> 1 }
func (d *dice) flag() bool      { return d.below(2) == 1 }

func (d *dice) text() string {
	n := min(d.below(40), len(d.b))
	s := string(d.b[:n])
	d.b = d.b[n:]
	return s
}

func (d *dice) decimal() market.Decimal {
	if d.below(8) == 0 {
		return market.Decimal{}
	}
	return market.New(d.integer(), uint8(d.below(market.MaxDigits+1)))
}

func (d *dice) levels() []market.Level {
	levels := make([]market.Level, d.below(20))
	for i := range levels {
		levels[i] = market.Level{Price: d.decimal(), Qty: d.decimal()}
	}
	return levels
}

func (d *dice) body() market.Body {
	switch d.below(6) {
	case 0:
		t := &market.Tape{Trades: make([]market.Trade, d.below(5))}
		for i := range t.Trades {
			id, _ := market.MakeID(d.text())
			t.Trades[i] = market.Trade{ID: id, Price: d.decimal(), Qty: d.decimal(), Side: market.Side(d.below(3)), Time: d.integer()}
		}
		return t
	case 1:
		return &market.Quote{BidPrice: d.decimal(), BidQty: d.decimal(), AskPrice: d.decimal(), AskQty: d.decimal()}
	case 2:
		return &market.Book{Bids: d.levels(), Asks: d.levels()}
	case 3:
		t := &market.Ticker{Present: market.Fields(d.number())}
		for f := range t.Values {
			t.Values[f] = d.decimal()
		}
		return t
	case 4:
		c := &market.Candles{List: make([]market.Candle, d.below(4))}
		for i := range c.List {
			c.List[i] = market.Candle{
				Start: d.integer(), Open: d.decimal(), High: d.decimal(), Low: d.decimal(), Close: d.decimal(),
				Volume: d.decimal(), Trades: d.integer(), VWAP: d.decimal(), Final: d.flag(), Rev: uint32(d.number()),
			}
		}
		return c
	}
	return nil
}

func (d *dice) granted() []Granted {
	rooms := make([]Granted, d.below(3))
	for i := range rooms {
		rooms[i] = Granted{
			Room: d.text(), State: market.RoomState(d.below(5)), Interval: d.text(), LimitedBy: d.text(), Origin: d.text(),
			Loss: d.text(), Epoch: d.text(), HasRecovered: d.flag(), Recovered: d.flag(),
		}
		if d.flag() {
			rooms[i].Counters = &Counters{d.number(), d.number(), d.number(), d.number(), d.number()}
		}
	}
	return rooms
}

func (d *dice) message() message {
	switch d.below(9) {
	case 0:
		return hello(&Hello{Node: d.text(), Conn: d.text(), Time: d.integer(), Rooms: int(d.integer()), Intervals: []string{d.text(), d.text()}, Timeline: d.text()})
	case 1:
		return ok("", &OK{ID: ID(d.text()), Op: d.text(), Rooms: d.granted(), HasLeft: d.flag(), Left: d.below(99), Time: d.integer()})
	case 2:
		return refusal("", &Error{ID: ID(d.text()), Code: Code(d.text()), Message: d.text(), Room: d.text(), Retry: d.flag(), After: d.integer()})
	case 3:
		return snapshot("", &Snapshot{
			Room: d.text(), Epoch: d.text(), Seq: d.number(), Time: d.integer(), VenueTime: d.integer(), Partial: d.flag(),
			Body: d.body(), Empty: market.Channel(d.below(market.NumChannels)),
		})
	case 4:
		return gap("", &Gap{Room: d.text(), Epoch: d.text(), From: d.number(), To: d.number(), N: d.integer(), Records: d.integer(), Reason: GapReason(d.text())})
	case 5:
		return status("", &Status{Room: d.text(), State: d.text(), Reason: d.text(), Time: d.integer()})
	case 6:
		rooms := make([]RoomHealth, d.below(4))
		for i := range rooms {
			rooms[i] = RoomHealth{Room: d.text(), State: market.RoomState(d.below(5)), Age: d.integer()}
		}
		return heartbeat("", &Heartbeat{Time: d.integer(), Lag: d.integer(), Rooms: rooms})
	case 7:
		return bye(&Bye{Reason: d.text(), Reconnect: d.flag(), After: d.integer()})
	}
	return update("", &Update{Room: d.text(), Prev: d.number(), Seq: d.number(), N: d.number(), Time: d.integer(), VenueTime: d.integer(), Body: d.body()})
}

// FuzzMessages writes messages of any content: JSON is valid, MessagePack is, and both say the same.
func FuzzMessages(f *testing.F) {
	for seed := range 64 {
		b := make([]byte, 2000)
		for i := range b {
			b[i] = byte(i*i*(seed+3) + seed*i>>3 + seed)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		d := &dice{b}
		list := make([]message, d.below(4)+1)
		for i := range list {
			list[i] = d.message()
		}
		checkSame(t, list...)
	})
}
