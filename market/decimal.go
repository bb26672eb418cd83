package market

import "math/bits"

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

var pow10 = [20]uint64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19}

// ParseDecimal reads a number in plain or exponent notation ("0.00020", "2.0E-4", "-3"), keeping
// the decimals it was written with. It refuses anything else, and what does not fit in MaxDigits:
// false, never a rounded value.
func ParseDecimal[T []byte | string](s T) (Decimal, bool) {
	var d Decimal
	i := 0
	if len(s) > 0 && s[0] == '-' {
		d.flags, i = flagNeg, 1
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
	decimals := 0
	if point >= 0 {
		decimals = digits - point
	}
	if digits == 0 || point == digits {
		return Decimal{}, false
	}
	if i < len(s) {
		exp, ok := parseExponent(s[i:])
		if !ok {
			return Decimal{}, false
		}
		decimals -= exp
	}
	for ; decimals < 0; decimals++ {
		if d.lo|uint64(d.hi) != 0 && !d.push(0) {
			return Decimal{}, false
		}
	}
	if decimals > MaxDigits {
		return Decimal{}, false
	}
	d.scale = uint8(decimals)
	d.flags |= flagSet
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
	maxLo = 0x3e250260ffffffff
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
	var buf [40]byte
	i := len(buf)
	hi, lo := uint64(d.hi), d.lo
	for n := 0; ; n++ {
		if n == int(d.scale) && n > 0 {
			i--
			buf[i] = '.'
		}
		if hi == 0 {
			if lo == 0 && n > int(d.scale) {
				break
			}
			i--
			buf[i] = byte('0' + lo%10)
			lo /= 10
			continue
		}
		var rem uint64
		hi, rem = hi/10, hi%10
		lo, rem = bits.Div64(rem, lo, 10)
		i--
		buf[i] = byte('0' + rem)
	}
	return append(dst, buf[i:]...)
}

// String returns d in plain notation, "" if absent.
func (d Decimal) String() string { return string(d.Append(nil)) }

// Cmp compares two numbers by value: -1, 0 or +1. "1.10" and "1.1" are equal.
// Absent counts as less than every number.
func (d Decimal) Cmp(e Decimal) int {
	if d.flags == e.flags && d.scale == e.scale && d.hi == 0 && e.hi == 0 && d.flags == flagSet {
		switch { // the ordinary case: prices of one symbol
		case d.lo < e.lo:
			return -1
		case d.lo > e.lo:
			return 1
		}
		return 0
	}
	return d.cmpSlow(e)
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
