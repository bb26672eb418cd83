package snapshot_test

import (
	"strconv"
	"testing"

	"tapedeck/market"
	"tapedeck/snapshot"
)

func tradeOf(n int, price, qty string, time int64) *market.Trade {
	id, _ := market.MakeID(strconv.Itoa(n))
	return &market.Trade{ID: id, Price: market.MustDecimal(price), Qty: market.MustDecimal(qty), Time: time}
}

// ids lists the trades of a body.
func ids(body market.Body) (list []int) {
	for _, t := range body.(*market.Tape).Trades {
		n, _ := strconv.Atoi(t.ID.String())
		list = append(list, n)
	}
	return list
}

// run is from and to, not included, as a list.
func run(from, to int) (list []int) {
	for ; from < to; from++ {
		list = append(list, from)
	}
	return list
}

func same(a, b []int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// Whatever the trades kept, what is between two marks is told as it was, or not at all; and how far back that
// goes depends on nothing but the number of trades.
func TestTapeTellsEachTradeOnce(t *testing.T) {
	const keep = 10
	s := snapshot.NewTrades(snapshot.Limits{Trades: keep, Tape: 3}, snapshot.Origin{Whole: true})
	for n := range 100 {
		for from := range n + 1 {
			body, ok := s.Since(uint64(from), uint64(n))
			if ok != (n-from <= keep) {
				t.Fatalf("after %d trades, since %d: %v", n, from, ok)
			}
			if ok && !same(ids(body), run(from, n)) {
				t.Fatalf("since %d of %d: %v", from, n, ids(body))
			}
		}
		s.Apply(event(tradeOf(n, "1", "1", 1)), snapshot.Cause{})
	}
	if body, ok := s.Since(93, 95); !ok || !same(ids(body), run(93, 95)) {
		t.Errorf("a part is not told as it was: %v", ok)
	}
	if _, ok := s.Since(95, 101); ok {
		t.Error("trades were told that have not been")
	}
}

// A snapshot is a part where the log was not read far enough back, and says so.
func TestTapeSaysWhatIsNotWhole(t *testing.T) {
	for _, tt := range []struct {
		name   string
		origin snapshot.Origin
		trades int // before a loss, if there is one
		after  int // after it; -1: there was none
		last   int
		want   []int
		part   bool
	}{
		{"from the beginning, none", snapshot.Origin{Whole: true}, 0, -1, 0, nil, false},
		{"from the beginning, few", snapshot.Origin{Whole: true}, 2, -1, 0, run(0, 2), false},
		{"few", snapshot.Origin{}, 2, -1, 0, run(0, 2), true},
		{"enough", snapshot.Origin{}, 5, -1, 0, run(2, 5), false},
		{"as many as asked for", snapshot.Origin{}, 5, -1, 5, run(0, 5), false},
		{"fewer than asked for", snapshot.Origin{}, 5, -1, 6, run(0, 5), true},
		{"after a loss", snapshot.Origin{Whole: true}, 5, 2, 0, run(5, 7), true},
		{"long after a loss", snapshot.Origin{Whole: true}, 5, 4, 0, run(6, 9), false},
		{"more than is kept", snapshot.Origin{Whole: true}, 30, -1, 50, run(20, 30), true},
	} {
		s := snapshot.NewTrades(snapshot.Limits{Trades: 10, Tape: 3}, tt.origin)
		for n := range tt.trades {
			s.Apply(event(tradeOf(n, "1", "1", 1)), snapshot.Cause{})
		}
		if tt.after >= 0 {
			s.Lose()
			for n := range tt.after {
				s.Apply(event(tradeOf(tt.trades+n, "1", "1", 1)), snapshot.Cause{})
			}
		}
		body, part := s.Full(tt.last)
		if !same(ids(body), tt.want) || part != tt.part {
			t.Errorf("%s: %v, a part: %v", tt.name, ids(body), part)
		}
	}
}

func quoteOf(bid, ask string) *market.Quote {
	q := &market.Quote{}
	if bid != "" {
		q.BidPrice, q.BidQty = market.MustDecimal(bid), market.Int(1)
	}
	if ask != "" {
		q.AskPrice, q.AskQty = market.MustDecimal(ask), market.Int(1)
	}
	return q
}

func TestQuotesAreWholeAndUnknownAfterALoss(t *testing.T) {
	s := snapshot.NewQuotes(limits(), snapshot.Origin{})
	for _, q := range []*market.Quote{quoteOf("1", "2"), quoteOf("", "2"), quoteOf("3", "2")} {
		if eff := s.Apply(event(q), snapshot.Cause{}); eff != snapshot.Changed {
			t.Fatalf("effect %d", eff)
		}
		if body, ok := s.Since(0, s.Mark()); !ok || *body.(*market.Quote) != *q {
			t.Fatalf("%v, want %v", body, q)
		}
	}
	s.Lose()
	if s.Good() {
		t.Error("a quote is served that may have been followed by a lost one")
	}
	if eff := s.Apply(event(quoteOf("1", "2")), snapshot.Cause{}); eff != snapshot.Mended || !s.Good() {
		t.Errorf("the next quote: effect %d, good %v", eff, s.Good())
	}
}

// Derived quotes are the book's top, and as good as the book.
func TestDerivedQuotesFollowTheBook(t *testing.T) {
	b := snapshot.NewBook(limits(), snapshot.Origin{})
	q := snapshot.NewBest(b, limits())
	for i, step := range []struct {
		p    *market.Book
		want snapshot.Effect
		bid  string // "" where the quote is not served
	}{
		{whole(nil, 0, levels("9", "1", "8", "1"), levels("11", "1")), snapshot.Changed, "9"},
		{delta(nil, 0, 0, levels("8", "2"), nil), snapshot.None, "9"},
		{delta(nil, 0, 0, levels("9.0", "1.0"), nil), snapshot.None, "9"},
		{delta(nil, 0, 0, levels("9", "0"), nil), snapshot.Changed, "8"},
		{delta(nil, 0, 0, levels("11", "1"), nil), snapshot.Broken, ""},
		{delta(nil, 0, 0, levels("11", "0"), nil), snapshot.None, ""},
		{whole(nil, 0, levels("7", "1"), levels("11", "1")), snapshot.Mended, "7"},
	} {
		eff := q.Refresh(b, b.Apply(event(step.p), snapshot.Cause{}))
		if eff != step.want || q.Good() != (step.bid != "") {
			t.Fatalf("step %d: effect %d, want %d; good: %v", i+1, eff, step.want, q.Good())
		}
		if body, _ := q.Full(0); q.Good() && plain(body.(*market.Quote).BidPrice) != step.bid {
			t.Fatalf("step %d: %v", i+1, body)
		}
	}
}
