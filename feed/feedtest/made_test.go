package feedtest

import (
	"slices"
	"testing"

	"tapedeck/market"
)

// Whoever applies what is told, and cuts at the depth, has the book: it never crosses, and moves.
func TestExchange(t *testing.T) {
	for _, depth := range []int{0, 10} {
		x := NewExchange("X", depth, 1, 3, 7)
		again := NewExchange("X", depth, 1, 3, 7)
		bids, asks := x.Book()
		first, told := bids[0].Price, 0
		for range 1000 {
			b, a := x.Next(3)
			if b2, a2 := again.Next(3); !slices.Equal(b, b2) || !slices.Equal(a, a2) {
				t.Fatal("the same seed makes another book")
			}
			told += len(b) + len(a)
			bids, asks = applied(bids, b, depth, -1), applied(asks, a, depth, 1)
			wantBids, wantAsks := x.Book()
			if !slices.Equal(bids, wantBids) || !slices.Equal(asks, wantAsks) {
				t.Fatalf("depth %d: applied it is\n%v\n%v, want\n%v\n%v", depth, bids, asks, wantBids, wantAsks)
			}
			if price(bids[0]).Cmp(price(asks[0])) >= 0 {
				t.Fatalf("it crosses: %v %v", bids[0], asks[0])
			}
		}
		if told < 1000 || bids[0].Price == first {
			t.Errorf("depth %d: %d levels are told, and the best bid is %v as at the beginning", depth, told, first)
		}
	}
}

func price(r Rung) market.Decimal { return market.MustDecimal(r.Price) }

// applied returns a side, best first, with changes applied and cut at the depth. sign is 1 where the lowest is best.
func applied(side, changes []Rung, depth, sign int) []Rung {
	for _, c := range changes {
		side = slices.DeleteFunc(side, func(r Rung) bool { return r.Price == c.Price })
		if !market.MustDecimal(c.Qty).IsZero() {
			side = append(side, c)
		}
	}
	slices.SortFunc(side, func(a, b Rung) int { return sign * price(a).Cmp(price(b)) })
	if depth > 0 && len(side) > depth {
		side = side[:depth]
	}
	return side
}

func TestFixed(t *testing.T) {
	for _, tt := range []struct {
		n        int64
		decimals int
		want     string
	}{{0, 0, "0"}, {5, 0, "5"}, {5, 2, "0.05"}, {370005, 1, "37000.5"}, {0, 3, "0.000"}} {
		if got := fixed(tt.n, tt.decimals); got != tt.want {
			t.Errorf("%d with %d decimals is %s, want %s", tt.n, tt.decimals, got, tt.want)
		}
	}
}
