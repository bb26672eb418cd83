package market

import (
	"math/big"
	"math/rand/v2"
	"testing"
)

func sumRat(s *Sum) *big.Rat { return new(big.Rat).SetFrac(s.v.big(), power(int(s.scale))) }

// randomQuantity is not negative and has up to digits digits, of which up to 12 behind the point.
func randomQuantity(r *rand.Rand, digits int) Decimal {
	coef := randomInt(r, 1+r.IntN(digits))
	text := coef.String()
	if scale := r.IntN(13); scale > 0 {
		text = new(big.Rat).SetFrac(coef, power(scale)).FloatString(scale)
	}
	return MustDecimal(text)
}

func TestSumLikeBig(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 2000 {
		var s Sum
		want := new(big.Rat)
		var parts []Sum
		for range 1 + r.IntN(20) {
			p, q := randomQuantity(r, 20), randomQuantity(r, 20)
			var part Sum
			if r.IntN(2) == 0 {
				part.Add(p)
				s.Add(p)
				want.Add(want, rat(p))
			} else {
				part.AddProduct(p, q)
				s.AddProduct(p, q)
				want.Add(want, new(big.Rat).Mul(rat(p), rat(q)))
			}
			parts = append(parts, part)
		}
		if s.Lost || sumRat(&s).Cmp(want) != 0 {
			t.Fatalf("total %v (lost %v), want %v", sumRat(&s), s.Lost, want)
		}
		var again Sum
		for _, part := range parts {
			again.AddSum(part)
		}
		if sumRat(&again).Cmp(want) != 0 {
			t.Fatalf("the sum of the parts is %v, want %v", sumRat(&again), want)
		}
		for _, part := range parts {
			s.SubSum(part)
		}
		if s.Lost || !s.v.zero() {
			t.Fatalf("%v is left", sumRat(&s))
		}
	}
}

func TestSumOfFullDecimals(t *testing.T) {
	full := MustDecimal("9999999999999999999999999999")
	tiny := MustDecimal("0.9999999999999999999999999999")
	var s Sum
	s.AddProduct(full, tiny)
	s.AddProduct(tiny, full)
	want := new(big.Rat).Mul(rat(full), rat(tiny))
	want.Add(want, want)
	if s.Lost || sumRat(&s).Cmp(want) != 0 {
		t.Errorf("%v, lost %v", sumRat(&s), s.Lost)
	}
	if d := s.Decimal(); d.Set() {
		t.Errorf("%v does not have at most 28 digits", d)
	}
}

func TestSumLost(t *testing.T) {
	full := MustDecimal("9999999999999999999999999999")
	grow := func(s *Sum) { // 10^56, doubled until it no longer fits in 256 bits, which is 10^77
		s.AddProduct(full, full)
		for range 80 {
			s.AddSum(*s)
		}
	}
	for name, lose := range map[string]func(s *Sum){
		"adding":   grow,
		"aligning": func(s *Sum) { s.AddProduct(full, full); s.Add(MustDecimal("1e-28")) },
		"subtracting what was never added": func(s *Sum) {
			s.Add(Int(1))
			var two Sum
			two.Add(Int(2))
			s.SubSum(two)
		},
		"adding what is lost":      func(s *Sum) { s.AddSum(Sum{Lost: true}) },
		"subtracting what is lost": func(s *Sum) { s.SubSum(Sum{Lost: true}) },
	} {
		t.Run(name, func(t *testing.T) {
			var s, one Sum
			one.Add(Int(1))
			lose(&s)
			s.Add(Int(1))
			if !s.Lost || s.Decimal().Set() || s.Quo(&one, 2).Set() || one.Quo(&s, 2).Set() {
				t.Errorf("lost %v, but it is %v", s.Lost, s.Decimal())
			}
		})
	}
}

func TestSumDecimal(t *testing.T) {
	for _, c := range []struct {
		p, q string
		want string // "" for absent
	}{
		{"61837.63000000", "0.00100000", "61.8376300000000000"},
		{"1.50", "1", "1.50"},
		{"1.50", "2", "3.00"},
		{"0.00", "0.00", "0.0000"},
		{"1.00000000000000000000", "1.00000000000000000000", "1.000000000000000000000000000"},
		{"1.00000000000000000001", "1.00000000000000000001", ""},
		{"9999999999999999999999999999", "2", ""},
		{"9999999999999999999999999999", "1.0", "9999999999999999999999999999"},
	} {
		var s Sum
		s.AddProduct(MustDecimal(c.p), MustDecimal(c.q))
		if got := s.Decimal().String(); got != c.want {
			t.Errorf("%s × %s = %q, want %q", c.p, c.q, got, c.want)
		}
	}
}

// halfEven rounds v to that many decimals.
func halfEven(v *big.Rat, decimals int) *big.Rat {
	scaled := new(big.Rat).Mul(v, new(big.Rat).SetInt(power(decimals)))
	q, r := new(big.Int).QuoRem(scaled.Num(), scaled.Denom(), new(big.Int))
	if c := r.Lsh(r, 1).Cmp(scaled.Denom()); c > 0 || c == 0 && q.Bit(0) == 1 {
		q.Add(q, big.NewInt(1))
	}
	return new(big.Rat).SetFrac(q, power(decimals))
}

func checkQuo(t *testing.T, s, u *Sum, decimals int) {
	t.Helper()
	got := s.Quo(u, decimals)
	if u.v.zero() {
		if got.Set() {
			t.Fatalf("a quotient by 0 is %v", got)
		}
		return
	}
	want := halfEven(new(big.Rat).Quo(sumRat(s), sumRat(u)), decimals)
	coef := new(big.Rat).Mul(want, new(big.Rat).SetInt(power(decimals)))
	if coef.Num().Cmp(power(MaxDigits)) >= 0 {
		if got.Set() {
			t.Fatalf("%v does not fit, but gave %v", want, got)
		}
		return
	}
	if !got.Set() || rat(got).Cmp(want) != 0 || got.Scale() != decimals {
		t.Fatalf("%v / %v to %d decimals is %v, want %v", sumRat(s), sumRat(u), decimals, got, want)
	}
}

func TestQuoLikeBig(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for range 20_000 {
		var s, u Sum
		s.AddProduct(randomQuantity(r, 20), randomQuantity(r, 20))
		if r.IntN(4) == 0 {
			u.AddProduct(randomQuantity(r, 20), randomQuantity(r, 20))
		} else {
			u.Add(randomQuantity(r, 12))
		}
		checkQuo(t, &s, &u, r.IntN(MaxDigits+1))
	}
	for n := range int64(200) { // ties are common among small numbers
		for d := range int64(20) {
			var s, u Sum
			s.Add(New(n, 1))
			u.Add(Int(d))
			checkQuo(t, &s, &u, 0)
			checkQuo(t, &s, &u, 1)
		}
	}
}

func TestQuoDecimals(t *testing.T) {
	var s, u Sum
	s.Add(Int(1))
	u.Add(Int(3))
	for _, decimals := range []int{-1, MaxDigits + 1, 300} {
		if got := s.Quo(&u, decimals); got.Set() {
			t.Errorf("with %d decimals: %v", decimals, got)
		}
	}
}

func TestSumAllocatesNothing(t *testing.T) {
	p, q := MustDecimal("61837.63000000"), MustDecimal("0.00123000")
	n := testing.AllocsPerRun(100, func() {
		var volume, notional Sum
		volume.Add(q)
		notional.AddProduct(p, q)
		notional.Quo(&volume, 12)
		volume.SubSum(volume)
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func randomInt(r *rand.Rand, digits int) *big.Int {
	n := new(big.Int)
	for range digits {
		n.Add(n.Mul(n, big.NewInt(10)), big.NewInt(int64(r.IntN(10))))
	}
	return n
}
