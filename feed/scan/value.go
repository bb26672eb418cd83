package scan

import (
	"unicode/utf16"
	"unicode/utf8"

	"tapedeck/market"
)

// Raw returns a value as it is written; a string without its quotes and with its escapes. It is part
// of the document.
func (c *Cursor) Raw(v Value) []byte { return c.doc[v.from:v.to] }

// Into returns a cursor over an object or array that was taken whole.
func (c *Cursor) Into(v Value) Cursor { return Over(c.Raw(v)) }

// Text returns a string's content: part of the document or, where it has escapes, appended to buf.
// Halves of a surrogate pair that stand alone become U+FFFD, as in encoding/json.
func (c *Cursor) Text(v Value, buf []byte) []byte {
	if !v.escaped {
		return c.Raw(v)
	}
	return unescape(buf, c.Raw(v))
}

// Decimal returns the number in a string or number; false if it is none, or does not fit.
func (c *Cursor) Decimal(v Value) (market.Decimal, bool) {
	if v.Kind != String && v.Kind != Number {
		return market.Decimal{}, false
	}
	if d, n := market.ReadDecimal(c.doc[v.from:]); n == int(v.to-v.from) && n > 0 {
		return d, true
	}
	var buf [2 * market.MaxDigits]byte
	return market.ParseDecimal(c.Text(v, buf[:0]))
}

// Int returns a number that has neither decimals nor an exponent; false if it is none, or has more
// than 18 digits.
func (c *Cursor) Int(v Value) (int64, bool) {
	if v.Kind != Number {
		return 0, false
	}
	if d, n := market.ReadDecimal(c.doc[v.from:]); n == int(v.to-v.from) {
		return d.Int64()
	}
	s := c.Raw(v)
	neg := s[0] == '-'
	if neg {
		s = s[1:]
	}
	if len(s) > 18 {
		return 0, false
	}
	n := int64(0)
	for _, b := range s {
		if b-'0' > 9 {
			return 0, false
		}
		n = n*10 + int64(b-'0')
	}
	if neg {
		n = -n
	}
	return n, true
}

// unescape appends the content of a string, whose escapes are known to be good.
func unescape(dst, s []byte) []byte {
	for len(s) > 0 {
		if s[0] != '\\' {
			n := plain(s, 0)
			dst, s = append(dst, s[:n]...), s[n:]
			continue
		}
		n := 2
		switch s[1] {
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			var r rune
			r, n = character(s)
			dst = utf8.AppendRune(dst, r)
		default:
			dst = append(dst, s[1])
		}
		s = s[n:]
	}
	return dst
}

// character reads a \u sequence, or two of them that make one character.
func character(s []byte) (r rune, n int) {
	r, _ = unit(s)
	if !utf16.IsSurrogate(r) {
		return r, 6
	}
	if low, ok := unit(s[6:]); ok {
		if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
			return pair, 12
		}
	}
	return utf8.RuneError, 6
}

// unit reads one \uXXXX.
func unit(s []byte) (r rune, ok bool) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	for _, b := range s[2:6] {
		switch {
		case b-'0' <= 9:
			b -= '0'
		case b|0x20 >= 'a' && b|0x20 <= 'f':
			b = b | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(b)
	}
	return r, true
}
