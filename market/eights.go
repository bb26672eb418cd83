package market

import "math/bits"

// Reading digits eight at a time. Nearly every number that venues send has up to 7 digits before
// the point and up to 8 behind it ("61837.63000000"), and every record holds several: read digit by
// digit such a number takes 26 ns, read this way 6, whatever its length (no loop to mispredict).

const (
	eachByte   = 0x0101010101010101
	eachDigit0 = eachByte * '0'
)

// eight loads 8 characters, the first in the lowest byte, such that digits become their values.
func eight[T []byte | string](s T, i int) uint64 {
	_ = s[i+7]
	return eachDigit0 ^ (uint64(s[i]) | uint64(s[i+1])<<8 | uint64(s[i+2])<<16 | uint64(s[i+3])<<24 |
		uint64(s[i+4])<<32 | uint64(s[i+5])<<40 | uint64(s[i+6])<<48 | uint64(s[i+7])<<56)
}

// notDigits has the highest bit of every byte of x set that is no digit's value.
func notDigits(x uint64) uint64 {
	return (x&(eachByte*0x7f) + eachByte*(0x80-10) | x) & (eachByte * 0x80)
}

// join makes one number of 8 digits: pairs first, then fours, then all.
func join(x uint64) uint64 {
	const low = 0x000000ff000000ff
	x = x*10 + x>>8
	return (x&low*(100+1000000<<32) + x>>16&low*(1+10000<<32)) >> 32
}

// parseEights reads a number of 8 to 16 characters with 1 to 7 digits, a point, and 1 to 8
// decimals; it refuses every other, of which parseDigits may still read some.
func parseEights[T []byte | string](s T) (Decimal, bool) {
	whole := eight(s, 0)
	n := bits.TrailingZeros64(notDigits(whole)) / 8 // digits before the first that is none
	decimals := len(s) - n - 1
	if n == 0 || n == 8 || s[n] != '.' || decimals < 1 || decimals > 8 {
		return Decimal{}, false
	}
	whole <<= 8 * (8 - n) // zeros in front, and what follows the digits is gone
	drop := 8 * (8 - decimals)
	part := eight(s, len(s)-8) >> drop << drop
	if notDigits(part) != 0 {
		return Decimal{}, false
	}
	return Decimal{lo: join(whole)*pow10[decimals] + join(part), scale: uint8(decimals), flags: flagSet}, true
}
