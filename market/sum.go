package market

import (
	"math/big"
	"math/bits"
)

// wide is an unsigned 256-bit integer, least significant word first. A product of two
// coefficients needs 192 bits and aligning its scale up to 56 decimals more than that: overflow
// is reported, not wrapped, by the callers that can meet it.
type wide [4]uint64

func (a wide) cmp(b wide) int {
	for i := 3; i >= 0; i-- {
		switch {
		case a[i] < b[i]:
			return -1
		case a[i] > b[i]:
			return 1
		}
	}
	return 0
}

func (a wide) mul64(m uint64) (r wide, over uint64) {
	for i := range a {
		hi, lo := bits.Mul64(a[i], m)
		var c uint64
		r[i], c = bits.Add64(lo, over, 0)
		over = hi + c
	}
	return r, over
}

// mulPow10 multiplies by 10^n. n is at most 2*MaxDigits; coefficients have at most 96 bits, and
// 96 bits times 10^28 has 190, so comparisons of Decimals never overflow.
func (a wide) mulPow10(n int) wide {
	for ; n > 19; n -= 19 {
		a, _ = a.mul64(pow10[19])
	}
	a, _ = a.mul64(pow10[n])
	return a
}

func (a wide) add(b wide) (r wide, carry uint64) {
	r[0], carry = bits.Add64(a[0], b[0], 0) // no loop: carries then stay in the flag
	r[1], carry = bits.Add64(a[1], b[1], carry)
	r[2], carry = bits.Add64(a[2], b[2], carry)
	r[3], carry = bits.Add64(a[3], b[3], carry)
	return r, carry
}

func (a wide) sub(b wide) (r wide, borrow uint64) {
	for i := range a {
		r[i], borrow = bits.Sub64(a[i], b[i], borrow)
	}
	return r, borrow
}

func (a wide) zero() bool { return a[0]|a[1]|a[2]|a[3] == 0 }

// Sum is an exact, non-negative running total of quantities, or of price times quantity. Its scale
// is the largest of what was added, so it prints with as many decimals as its finest part.
// The zero value is an empty total. A total that outgrows 256 bits turns Lost and says so for
// ever: a wrong sum is never shown.
type Sum struct {
	v     wide
	scale uint8
	Lost  bool
}

// Add adds q, which must not be negative.
func (s *Sum) Add(q Decimal) { s.add(q.wide(), q.scale) }

// AddProduct adds p*q, of which neither may be negative.
func (s *Sum) AddProduct(p, q Decimal) { s.add(product(p, q), p.scale+q.scale) }

// AddSum adds another total.
func (s *Sum) AddSum(t Sum) {
	s.add(t.v, t.scale)
	s.Lost = s.Lost || t.Lost
}

// SubSum takes back a total that was added before.
func (s *Sum) SubSum(t Sum) {
	s.align(&t)
	v, borrow := s.v.sub(t.v)
	s.v = v
	s.Lost = s.Lost || t.Lost || borrow != 0
}

func product(p, q Decimal) wide {
	if p.hi == 0 && q.hi == 0 {
		hi, lo := bits.Mul64(p.lo, q.lo)
		return wide{lo, hi}
	}
	r, _ := p.wide().mul64(q.lo)
	h, _ := p.wide().mul64(uint64(q.hi))
	r, _ = r.add(wide{0, h[0], h[1], h[2]})
	return r
}

func (s *Sum) add(v wide, scale uint8) {
	if s.scale == scale { // an instrument's nearly always are: 17 ns rather than 30
		var carry uint64
		s.v, carry = s.v.add(v)
		s.Lost = s.Lost || carry != 0
		return
	}
	t := Sum{v: v, scale: scale}
	s.align(&t)
	sum, carry := s.v.add(t.v)
	s.v = sum
	s.Lost = s.Lost || carry != 0
}

func (s *Sum) align(t *Sum) {
	switch {
	case s.scale < t.scale:
		s.raise(t.scale)
	case t.scale < s.scale:
		t.raise(s.scale)
		s.Lost = s.Lost || t.Lost
	}
}

// raise writes the total with more decimals.
func (s *Sum) raise(scale uint8) {
	for n := int(scale - s.scale); n > 0; {
		step := min(n, 19)
		v, over := s.v.mul64(pow10[step])
		s.v, n = v, n-step
		s.Lost = s.Lost || over != 0
	}
	s.scale = scale
}

// Decimal returns the total; absent if it is Lost or has more than MaxDigits digits.
func (s *Sum) Decimal() Decimal {
	v, scale := s.v, s.scale
	for scale > MaxDigits || !fits(v) { // decimals that are 0 may go: products of padded numbers have many
		q, r := v.div10()
		if scale == 0 || r != 0 {
			return Decimal{}
		}
		v, scale = q, scale-1
	}
	if s.Lost {
		return Decimal{}
	}
	return Decimal{lo: v[0], hi: uint32(v[1]), scale: scale, flags: flagSet}
}

func fits(v wide) bool {
	return v[3] == 0 && v[2] == 0 && (v[1] < maxHi || (v[1] == maxHi && v[0] <= maxLo))
}

func (a wide) div10() (q wide, rem uint64) {
	for i := 3; i >= 0; i-- {
		q[i], rem = bits.Div64(rem, a[i], 10)
	}
	return q, rem
}

// Quo returns s/t with the given number of decimals, rounded half to even; absent if t is 0, either
// is Lost, or the result does not fit (decimals over MaxDigits never do). This is where a VWAP comes from: the only kind of number that we round.
func (s *Sum) Quo(t *Sum, decimals int) Decimal {
	if s.Lost || t.Lost || t.v.zero() || decimals < 0 || decimals > MaxDigits {
		return Decimal{}
	}
	// s.v/10^s.scale / (t.v/10^t.scale) * 10^decimals
	shift := decimals + int(t.scale) - int(s.scale)
	if t.v[1]|t.v[2]|t.v[3] == 0 && shift <= 0 && shift >= -19 {
		den, over := wide{t.v[0]}.mul64(pow10[-shift])
		if over == 0 && den[1] == 0 {
			return divide64(s.v, den[0], decimals)
		}
	}
	if t.v[1]|t.v[2]|t.v[3] == 0 && shift > 0 && shift <= 19 {
		if num, over := s.v.mul64(pow10[shift]); over == 0 {
			return divide64(num, t.v[0], decimals)
		}
	}
	return s.quoBig(t, shift, decimals)
}

func divide64(num wide, den uint64, decimals int) Decimal {
	var rem uint64
	for i := 3; i >= 0; i-- {
		num[i], rem = bits.Div64(rem, num[i], den)
	}
	if rem > den-rem || (rem == den-rem && num[0]&1 == 1) {
		num, _ = num.add(wide{1})
	}
	if !fits(num) {
		return Decimal{}
	}
	return Decimal{lo: num[0], hi: uint32(num[1]), scale: uint8(decimals), flags: flagSet}
}

// quoBig divides where 64 bits of divisor are not enough; it allocates.
func (s *Sum) quoBig(t *Sum, shift, decimals int) Decimal {
	num, den := s.v.big(), t.v.big()
	ten := big.NewInt(10)
	if shift >= 0 {
		num.Mul(num, new(big.Int).Exp(ten, big.NewInt(int64(shift)), nil))
	} else {
		den.Mul(den, new(big.Int).Exp(ten, big.NewInt(int64(-shift)), nil))
	}
	q, r := new(big.Int).QuoRem(num, den, new(big.Int))
	if c := r.Lsh(r, 1).Cmp(den); c > 0 || (c == 0 && q.Bit(0) == 1) {
		q.Add(q, big.NewInt(1))
	}
	if q.BitLen() > 94 {
		return Decimal{}
	}
	lo := new(big.Int).And(q, new(big.Int).SetUint64(1<<64-1)).Uint64()
	hi := new(big.Int).Rsh(q, 64).Uint64()
	if !fits(wide{lo, hi}) {
		return Decimal{}
	}
	return Decimal{lo: lo, hi: uint32(hi), scale: uint8(decimals), flags: flagSet}
}

func (a wide) big() *big.Int {
	r := new(big.Int)
	for i := 3; i >= 0; i-- {
		r.Lsh(r, 64).Or(r, new(big.Int).SetUint64(a[i]))
	}
	return r
}
