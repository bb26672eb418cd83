package market

import (
	"cmp"
	"math/bits"
)

// MaxDigits is how many significant digits a Decimal holds. 28 is what 96 bits carry; the longest
// number in our captures has 21 (a day's volume of a token with 8 decimals).
const MaxDigits = 28

// Decimal is an exact decimal as a venue wrote it: a coefficient and a number of decimals.
// "1.10" and "1.1" are different Decimals that are equal by value (Cmp gives 0).
//
// The zero value is absent (Set reports false), which is not the number 0.
// A Decimal is 16 bytes, has no pointer and is never changed in place.
type Decimal struct {
	lo    uint64 // coefficient, low 64 bits
	hi    uint32 // coefficient, high 32 bits
	scale uint8  // decimals
	flags uint8
}

const (
	flagSet uint8 = 1 << iota
	flagNeg
)

// Int returns v with no decimals.
func Int(v int64) Decimal {
	if v < 0 {
		return Decimal{lo: uint64(-v), flags: flagSet | flagNeg}
	}
	return Decimal{lo: uint64(v), flags: flagSet}
}

// New returns coef / 10^scale. It panics if scale is over MaxDigits: it is for constants and tests.
func New(coef int64, scale uint8) Decimal {
	if scale > MaxDigits {
		panic("market.New: scale")
	}
	d := Int(coef)
	d.scale = scale
	return d
}

// Set reports whether d is a number at all.
func (d Decimal) Set() bool { return d.flags&flagSet != 0 }

// IsZero reports whether d is the number 0 (with any number of decimals).
func (d Decimal) IsZero() bool { return d.Set() && d.lo == 0 && d.hi == 0 }

// Neg reports whether d is below 0.
func (d Decimal) Neg() bool { return d.flags&flagNeg != 0 && (d.lo != 0 || d.hi != 0) }

// Abs returns d without its sign.
func (d Decimal) Abs() Decimal {
	d.flags &^= flagNeg
	return d
}

// Scale returns the number of decimals d is written with.
func (d Decimal) Scale() int { return int(d.scale) }

// Int64 returns the integer value of a Decimal without decimals; false if it has some or does not fit.
func (d Decimal) Int64() (int64, bool) {
	if !d.Set() || d.scale != 0 || d.hi != 0 || d.lo > 1<<63-1 {
		return 0, false
	}
	if d.flags&flagNeg != 0 {
		return -int64(d.lo), true
	}
	return int64(d.lo), true
}

// Scaled returns d times 10^n, of which what is behind the point is cut off; false if it does not fit. A time in seconds, with a
// fraction or without, is Scaled(6) in µs.
func (d Decimal) Scaled(n int) (int64, bool) {
	if !d.Set() || d.hi != 0 {
		return 0, false
	}
	v := d.lo
	switch more := n - int(d.scale); {
	case more < -19:
		v = 0
	case more < 0:
		v /= pow10[-more]
	case more > 19:
		return 0, v == 0
	default:
		over, low := bits.Mul64(v, pow10[more])
		if v = low; over > 0 {
			return 0, false
		}
	}
	if v > 1<<63-1 {
		return 0, false
	}
	if d.flags&flagNeg != 0 {
		return -int64(v), true
	}
	return int64(v), true
}

var pow10 = [20]uint64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19}

// ParseDecimal reads a number in plain or exponent notation ("0.00020", "2.0E-4", "-3"), keeping
// the decimals it was written with. It refuses anything else, and what does not fit in MaxDigits:
// false, never a rounded value.
func ParseDecimal[T []byte | string](s T) (Decimal, bool) {
	if len(s) >= 8 && len(s) <= 16 {
		if d, ok := parseEights(s); ok {
			return d, true
		}
	}
	return parseDigits(s)
}

// parseDigits reads any number, digit by digit.
func parseDigits[T []byte | string](s T) (Decimal, bool) {
	var d Decimal
	i := 0
	if len(s) > 0 && s[0] == '-' {
		i = 1
	}
	digits, point := 0, -1
	for ; i < len(s); i++ {
		c := s[i] - '0'
		if c > 9 {
			if s[i] == '.' && point < 0 && digits > 0 {
				point = digits
				continue
			}
			break
		}
		digits++
		if d.hi == 0 && d.lo < 1<<60 {
			d.lo = d.lo*10 + uint64(c)
		} else if !d.push(uint64(c)) {
			return Decimal{}, false
		}
	}
	if digits == 0 || point == digits {
		return Decimal{}, false
	}
	decimals := 0
	if point >= 0 {
		decimals = digits - point
	}
	if i < len(s) {
		exp, ok := parseExponent(s[i:])
		if !ok {
			return Decimal{}, false
		}
		decimals -= exp
	}
	d.flags = flagSet
	zero := d.IsZero()
	if s[0] == '-' && !zero { // "-0" is 0
		d.flags |= flagNeg
	}
	for ; decimals < 0; decimals++ {
		if !zero && !d.push(0) {
			return Decimal{}, false
		}
	}
	if decimals > MaxDigits {
		return Decimal{}, false
	}
	d.scale = uint8(decimals)
	return d, true
}

// parseExponent reads "e-4", "E+3". Exponents beyond ±60 never fit a Decimal.
func parseExponent[T []byte | string](s T) (int, bool) {
	if s[0] != 'e' && s[0] != 'E' {
		return 0, false
	}
	s = s[1:]
	neg := false
	if len(s) > 0 && (s[0] == '-' || s[0] == '+') {
		neg, s = s[0] == '-', s[1:]
	}
	if len(s) == 0 || len(s) > 3 {
		return 0, false
	}
	n := 0
	for i := range len(s) {
		c := s[i] - '0'
		if c > 9 {
			return 0, false
		}
		n = n*10 + int(c)
	}
	if n > 60 {
		return 0, false
	}
	if neg {
		n = -n
	}
	return n, true
}

// push appends a digit to the coefficient; false if it does not fit.
func (d *Decimal) push(digit uint64) bool {
	over, lo := bits.Mul64(d.lo, 10)
	hi := uint64(d.hi)*10 + over
	lo, carry := bits.Add64(lo, digit, 0)
	hi += carry
	if hi > maxHi || (hi == maxHi && lo > maxLo) {
		return false
	}
	d.hi, d.lo = uint32(hi), lo
	return true
}

// The largest coefficient is 10^28-1, so that every value with MaxDigits digits fits and none more.
const (
	maxHi = 0x204fce5e
	maxLo = 0x3e2502610fffffff
)

// MustDecimal is ParseDecimal for constants and tests; it panics.
func MustDecimal(s string) Decimal {
	d, ok := ParseDecimal(s)
	if !ok {
		panic("market.MustDecimal: " + s)
	}
	return d
}

// Append appends d in plain notation with its own number of decimals: never an exponent, never "-0".
// An absent Decimal appends nothing.
func (d Decimal) Append(dst []byte) []byte {
	if !d.Set() {
		return dst
	}
	if d.Neg() {
		dst = append(dst, '-')
	}
	var buf [MaxDigits + 2]byte
	i := d.digits(&buf)
	point := len(buf) - int(d.scale)
	dst = append(dst, buf[i:point]...)
	if d.scale == 0 {
		return dst
	}
	return append(append(dst, '.'), buf[point:]...)
}

// digits writes the coefficient at the end of buf, with zeros before it so that a digit stands
// before the point, and returns where it begins.
func (d Decimal) digits(buf *[MaxDigits + 2]byte) int {
	i, v := len(buf), d.lo
	if d.hi != 0 {
		high, low := bits.Div64(uint64(d.hi), d.lo, pow10[19])
		for i, v = putDigits(buf, i, low), high; i > len(buf)-19; {
			i--
			buf[i] = '0'
		}
	}
	for i = putDigits(buf, i, v); i >= len(buf)-int(d.scale); {
		i--
		buf[i] = '0'
	}
	return i
}

const pairs = "00010203040506070809" + "10111213141516171819" + "20212223242526272829" +
	"30313233343536373839" + "40414243444546474849" + "50515253545556575859" +
	"60616263646566676869" + "70717273747576777879" + "80818283848586878889" + "90919293949596979899"

// putDigits writes v so that it ends before i, two digits to a division, and returns where it begins.
func putDigits(buf *[MaxDigits + 2]byte, i int, v uint64) int {
	for ; v >= 100; v /= 100 {
		i -= 2
		buf[i], buf[i+1] = pairs[v%100*2], pairs[v%100*2+1]
	}
	if v >= 10 {
		i -= 2
		buf[i], buf[i+1] = pairs[v*2], pairs[v*2+1]
		return i
	}
	i--
	buf[i] = byte('0' + v)
	return i
}

// String returns d in plain notation, "" if absent.
func (d Decimal) String() string { return string(d.Append(nil)) }

// Cmp compares two numbers by value: -1, 0 or +1. "1.10" and "1.1" are equal.
// Absent counts as less than every number.
func (d Decimal) Cmp(e Decimal) int {
	if d.flags == flagSet && e.flags == flagSet && d.hi|e.hi == 0 { // positive and of ordinary size
		if d.scale == e.scale {
			return cmp.Compare(d.lo, e.lo)
		}
		if d.scale < e.scale && e.scale-d.scale < 20 {
			return -cmpRaised(e.lo, d.lo, e.scale-d.scale)
		}
		if d.scale > e.scale && d.scale-e.scale < 20 {
			return cmpRaised(d.lo, e.lo, d.scale-e.scale)
		}
	}
	return d.cmpSlow(e)
}

// cmpRaised compares a with b*10^n.
func cmpRaised(a, b uint64, n uint8) int {
	hi, lo := bits.Mul64(b, pow10[n])
	if hi != 0 {
		return -1
	}
	return cmp.Compare(a, lo)
}

func (d Decimal) cmpSlow(e Decimal) int {
	if !d.Set() || !e.Set() {
		return int(d.flags&flagSet) - int(e.flags&flagSet)
	}
	switch {
	case d.Neg() && !e.Neg():
		return -1
	case !d.Neg() && e.Neg():
		return 1
	}
	a, b := d.wide(), e.wide()
	if d.scale < e.scale {
		a = a.mulPow10(int(e.scale - d.scale))
	} else {
		b = b.mulPow10(int(d.scale - e.scale))
	}
	if d.Neg() {
		a, b = b, a
	}
	return a.cmp(b)
}

// Equal reports whether d and e are the same number (by value).
func (d Decimal) Equal(e Decimal) bool { return d.Cmp(e) == 0 }

func (d Decimal) wide() wide { return wide{d.lo, uint64(d.hi), 0, 0} }
