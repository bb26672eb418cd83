package itch_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/capture"
	"tapedeck/feed/venue/itch"
	"tapedeck/market"
	"tapedeck/snapshot"
)

// reader is a decoder, and what rooms make of its events.
type reader struct {
	decoder feed.Decoder
	batch   market.Batch
	offset  int64
	books   map[string]*snapshot.Book
	trades  []market.Event
	gaps    map[string]bool // of the newest record
	err     error
}

func newReader(f *feed.Format) *reader {
	return &reader{decoder: f.New(feed.DefaultOptions()), books: map[string]*snapshot.Book{}}
}

// read takes a record.
func (r *reader) read(value []byte) {
	r.batch.Reset()
	r.gaps = map[string]bool{}
	r.err = r.decoder.Decode(&r.batch, &feed.Record{Offset: r.offset, Value: value})
	r.offset++
	others := map[string]bool{}
	for i := range r.batch.Events {
		ev := &r.batch.Events[i]
		name := ev.Symbol.Native
		if r.books[name] == nil {
			l := snapshot.DefaultLimits
			l.Depth = 1 << 20
			r.books[name] = snapshot.NewBook(l, snapshot.Origin{}).(*snapshot.Book)
		}
		switch p := ev.Payload.(type) {
		case *market.Gap:
			if others[name] {
				panic("the gap of " + name + " comes after what it is to come before")
			}
			r.books[name].Lose()
			r.gaps[name] = true
		case *market.Trade:
			t := *p
			r.trades = append(r.trades, market.Event{Symbol: ev.Symbol, Payload: &t})
			others[name] = true
		default:
			others[name] = true
			r.books[name].Apply(ev, snapshot.Cause{})
		}
	}
}

// differs says how the book of a stock is not what the exchange has; "" if it is, or is not served since it crosses.
func (r *reader) differs(x *exchange, stock int) string {
	b := r.books[x.names[stock]]
	if b == nil {
		return "there is none"
	}
	bids, asks := x.book(stock)
	if crossed := len(bids) > 0 && len(asks) > 0 && bids[0].price >= asks[0].price; crossed || !b.Good() {
		if crossed != b.Good() {
			return ""
		}
		return fmt.Sprintf("it crosses: %v, and is good: %v", crossed, b.Good())
	}
	return r.wrong(x, stock)
}

// wrong says how the levels of a stock are not what the exchange has.
func (r *reader) wrong(x *exchange, stock int) string {
	body, _ := r.books[x.names[stock]].Full(0)
	k := body.(*market.Book)
	bids, asks := x.book(stock)
	for i, side := range [][]rung{bids, asks} {
		levels := [][]market.Level{k.Bids, k.Asks}[i]
		if len(levels) != len(side) {
			return fmt.Sprintf("%d levels, want %d", len(levels), len(side))
		}
		for j, l := range levels {
			if l.Price != market.New(int64(side[j].price), 4) || l.Qty != market.Int(int64(side[j].shares)) {
				return fmt.Sprintf("level %d is %s x %s, want %d x %d", j, l.Price, l.Qty, side[j].price, side[j].shares)
			}
		}
	}
	return ""
}

// sameTrades compares what was told with what was traded.
func sameTrades(t *testing.T, x *exchange, got []market.Event) {
	t.Helper()
	if len(got) != len(x.deals) || len(got) == 0 {
		t.Errorf("%d trades are told, want %d", len(got), len(x.deals))
		return
	}
	for i, d := range x.deals {
		if text := d.differs(got[i]); text != "" {
			t.Fatalf("trade %d: %s", i, text)
		}
	}
}

func (d *deal) differs(ev market.Event) string {
	p := ev.Payload.(*market.Trade)
	if ev.Symbol.Name != d.name || p.Price != market.New(int64(d.price), 4) || p.Qty != market.Int(int64(d.shares)) || p.ID.String() != fmt.Sprint(d.id) || p.Side != d.side {
		return fmt.Sprintf("%s %+v, want %+v", ev.Symbol.Name, p, *d)
	}
	return ""
}

// After each message of random days the levels are the sums of the orders, and every trade is told as it was.
func TestBooksAreTheOrders(t *testing.T) {
	for seed := range uint64(4) {
		x, r := newExchange(seed, "AAPL", "MSFT", "BRK.A"), newReader(itch.Format)
		for range 2 {
			for _, m := range x.open() {
				r.read(m)
			}
			for n := range 3000 {
				for _, m := range x.step() {
					r.read(m)
				}
				if text := r.differs(x, x.about); text != "" {
					t.Fatalf("seed %d, step %d, %s: %s", seed, n, x.names[x.about], text)
				}
			}
			for i := range x.names {
				if text := r.differs(x, i); text != "" {
					t.Errorf("seed %d, at the end of the day, %s: %s", seed, x.names[i], text)
				}
			}
			x.names[0], x.names[1] = x.names[1], x.names[0] // numbers are of the day
		}
		sameTrades(t, x, r.trades)
	}
}

// A file as Nasdaq publishes them is read whole.
func TestFile(t *testing.T) {
	x := newExchange(7, "AAPL", "MSFT")
	day := x.open()
	for range 3000 {
		day = append(day, x.step()...)
	}
	path := filepath.Join(t.TempDir(), "day.bin")
	if err := os.WriteFile(path, append(framed(nil, append(day, x.close()...)...), 0, 0), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := capture.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	r := newReader(itch.Format)
	for {
		m, err := file.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		r.read(m.Data)
	}
	for i := range x.names {
		if text := r.differs(x, i); text != "" {
			t.Errorf("%s: %s", x.names[i], text)
		}
	}
	sameTrades(t, x, r.trades)
}

// packet writes a MoldUDP64 packet.
func packet(session string, first uint64, messages ...[]byte) []byte {
	p := binary.BigEndian.AppendUint64([]byte(session), first)
	p = binary.BigEndian.AppendUint16(p, uint16(len(messages)))
	return framed(p, messages...)
}

// framed writes messages with their lengths before them.
func framed(dst []byte, messages ...[]byte) []byte {
	for _, m := range messages {
		dst = append(binary.BigEndian.AppendUint16(dst, uint16(len(m))), m...)
	}
	return dst
}

// sending packs what an exchange sends.
type sending struct {
	x       *exchange
	session string
	next    uint64
}

func (s *sending) pack(messages [][]byte) []byte {
	p := packet(s.session, s.next, messages...)
	s.next += uint64(len(messages))
	return p
}

// Packets that are dropped, doubled or swapped: each loss is told of every stock by the packet that shows it, a
// doubled one changes nothing, no book is good and wrong, and the next day all is good.
func TestFaultsOfPackets(t *testing.T) {
	var dropped, doubled, swapped int
	for seed := range uint64(12) {
		x, r := newExchange(seed, "AAPL", "MSFT", "BRK.A"), newReader(itch.Mold)
		for day := range 3 {
			s := &sending{x: x, session: fmt.Sprintf("%010d", day), next: 1}
			r.read(s.pack(x.open()))
			lost := false
			good := func(when string) {
				t.Helper()
				for i := range x.names {
					switch b := r.books[x.names[i]]; {
					case lost && b.Good():
						t.Fatalf("seed %d: %s: %s is good, though something is missing", seed, when, x.names[i])
					case !lost:
						if text := r.differs(x, i); text != "" {
							t.Fatalf("seed %d: %s: %s: %s", seed, when, x.names[i], text)
						}
					}
				}
			}
			told := func(when string) {
				t.Helper()
				if len(r.gaps) != len(x.names) {
					t.Fatalf("seed %d: %s: gaps of %v", seed, when, r.gaps)
				}
			}
			good("a day begins")
			for n := range 400 {
				p := s.pack(x.step())
				switch fault := x.rng.IntN(1000); {
				case fault < 4:
					dropped++
					r.read(s.pack(x.step()))
					lost = true
					told("a packet was dropped")
				case fault < 40:
					doubled++
					r.read(p)
					was := len(r.trades)
					r.read(p)
					if !errors.Is(r.err, feed.Ignored) || len(r.trades) != was {
						t.Fatalf("seed %d: a doubled packet brings %v", seed, r.err)
					}
				case fault < 44:
					swapped++
					r.read(s.pack(x.step()))
					lost = true
					told("a packet comes before another")
					r.read(p)
					if !errors.Is(r.err, feed.Ignored) {
						t.Fatalf("seed %d: a packet that comes late brings %v", seed, r.err)
					}
				default:
					r.read(p)
					if !lost && len(r.gaps) != 0 {
						t.Fatalf("seed %d: gaps without a loss, %v", seed, r.gaps)
					}
				}
				good(fmt.Sprint("packet ", n))
			}
			r.read(packet(s.session, s.next))
			r.read(s.pack(x.close()))
		}
	}
	if dropped == 0 || doubled == 0 || swapped == 0 {
		t.Errorf("%d dropped, %d doubled, %d swapped", dropped, doubled, swapped)
	}
}

// A session that is sent again from its first message on mends the books, and tells no trade twice.
func TestSessionSentAgain(t *testing.T) {
	x, r := newExchange(3, "AAPL", "MSFT"), newReader(itch.Mold)
	s := &sending{x: x, session: "SESSION001", next: 1}
	all := [][]byte{s.pack(x.open())}
	for range 500 {
		all = append(all, s.pack(x.step()))
	}
	for i, p := range all {
		if i != 250 {
			r.read(p)
		}
	}
	missing := len(r.trades)
	for _, p := range all {
		r.read(p)
	}
	for i := range x.names {
		if text := r.differs(x, i); text != "" || !r.books[x.names[i]].Good() {
			t.Errorf("%s: %s", x.names[i], text)
		}
	}
	if len(r.trades) != missing {
		t.Errorf("%d trades are told twice", len(r.trades)-missing)
	}
	r.read(s.pack([][]byte{write('P', 1, x.now, uint64(0), byte('B'), uint32(5), padded("AAPL"), uint32(10000), uint64(7))}))
	if len(r.trades) != missing+1 {
		t.Error("the first new trade is not told")
	}
}

// Messages that are missing from a plain stream show by the offsets of the records, or at the latest where an order
// cannot be: then no book is good.
func TestFaultsOfMessages(t *testing.T) {
	for seed := range uint64(20) {
		x, r := newExchange(seed, "AAPL", "MSFT"), newReader(itch.Format)
		for _, m := range x.open() {
			r.read(m)
		}
		for range 200 {
			for _, m := range x.step() {
				r.read(m)
			}
		}
		shown := seed%2 == 0
		lost := uint64(0) // an order that is going to be unknown
		for lost == 0 {
			for _, m := range x.step() {
				if m[0] == 'A' || m[0] == 'F' {
					lost = x.ref
					continue
				}
				r.read(m)
			}
		}
		if shown {
			r.offset++
		}
		found := false
		for n := 0; !found && n < 1000; n++ {
			for _, m := range x.step() {
				if r.read(m); len(r.gaps) > 0 {
					found = true
					break
				}
			}
			if _, there := x.orders[lost]; !found && (shown || !there) {
				t.Fatalf("seed %d: a record is missing, and nothing tells", seed)
			}
		}
		if o, there := x.orders[lost]; !found && there {
			r.read(write('D', o.stock+1, x.now, lost))
			found = true
		}
		if !found || len(r.gaps) != 2 {
			t.Errorf("seed %d: gaps of %v", seed, r.gaps)
		}
		for name, b := range r.books {
			if b.Good() {
				t.Errorf("seed %d: %s is good", seed, name)
			}
		}
	}
}

// Whoever begins in the middle of a day has no book of it, and is told of each trade, or that there was one. The next
// day is whole.
func TestBeginsAmidADay(t *testing.T) {
	x, r := newExchange(4, "AAPL", "MSFT"), newReader(itch.Format)
	x.open()
	for range 500 {
		x.step()
	}
	x.deals = nil
	told := 0
	ordered := map[string]bool{} // stocks whose orders were heard of
	for range 2000 {
		for _, m := range x.step() {
			r.read(m)
			for _, ev := range r.batch.Events {
				_, isBook := ev.Payload.(*market.Book)
				ordered[ev.Symbol.Name] = ordered[ev.Symbol.Name] || isBook
			}
			for name, b := range r.books {
				if b.Good() && ordered[name] {
					t.Fatalf("%s is good", name)
				}
			}
			told += len(r.gaps)
		}
	}
	if told == 0 || len(r.trades)+told != len(x.deals) {
		t.Errorf("%d trades and %d gaps, want %d together", len(r.trades), told, len(x.deals))
	}
	byID := map[string]deal{}
	for _, d := range x.deals {
		byID[fmt.Sprint(d.id)] = d
	}
	for _, ev := range r.trades {
		p := ev.Payload.(*market.Trade)
		d := byID[p.ID.String()]
		if text := d.differs(ev); text != "" && p.Side != market.SideUnknown {
			t.Fatal(text)
		}
	}
	r.read(x.close()[0])
	for _, m := range x.open() {
		r.read(m)
	}
	for range 300 {
		for _, m := range x.step() {
			r.read(m)
		}
		if text := r.differs(x, x.about); text != "" {
			t.Fatal(text)
		}
	}
}
